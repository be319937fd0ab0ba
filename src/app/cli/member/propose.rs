//! `hushwire member propose`: the next roster, ready to be signed, and key bundles for who is new.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::cli::member::changes::{Changes, Prepared, prepare, read_cards};
use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::answer;
use crate::base::name::MemberId;
use crate::domain::roster::member::MemberState;
use crate::io::{clock, random};

/// Prepare the next roster: add, suspend, remove, renew.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire member propose --dir bank-a --add shop.card --out shop-joins
  hushwire member propose --dir bank-a --suspend bank-b --out bank-b-suspended
  hushwire member propose --dir bank-a --update bank-b.card --renew-days 365 --out renewal

Writes OUT/roster-N.note and, for each member added, the epoch keys sealed to it. Then the quorum signs:
hushwire member sign OUT/* --admin KEYFILE, and each member applies: hushwire member apply OUT/*")]
pub struct ProposeArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Card of a new member; may be repeated. Opens the keystore, to seal the epoch keys to it.
    #[arg(long, value_name = "CARD")]
    add: Vec<PathBuf>,
    /// New card of a member: name, endpoints, pins, validity and HPKE key are taken over; its signing keys stay.
    #[arg(long, value_name = "CARD")]
    update: Vec<PathBuf>,
    /// Shut a member out for the time being; may be repeated.
    #[arg(long, value_name = "MEMBER")]
    suspend: Vec<MemberId>,
    /// Let a suspended member back in; may be repeated.
    #[arg(long, value_name = "MEMBER")]
    reinstate: Vec<MemberId>,
    /// Remove a member for good; may be repeated. Make a new epoch too: hushwire key new-epoch.
    #[arg(long, value_name = "MEMBER")]
    remove: Vec<MemberId>,
    /// Days from today until the roster must be renewed again; without it the date stays.
    #[arg(long, value_name = "DAYS")]
    renew_days: Option<u32>,
    /// Folder to write; must not exist.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

pub fn run(args: &ProposeArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let current = node.roster_files().current()?;
    let mut states = Vec::new();
    for (members, state) in [
        (&args.suspend, MemberState::Suspended),
        (&args.reinstate, MemberState::Active),
        (&args.remove, MemberState::Left),
    ] {
        states.extend(members.iter().map(|member| (member.clone(), state)));
    }
    let changes = Changes {
        add: read_cards(&args.add)?,
        update: read_cards(&args.update)?,
        states,
        renew_days: args.renew_days,
        new_epoch: None,
    };
    if changes.is_empty() {
        return Err(CliError::usage("nothing to change").hint("see hushwire member propose --help"));
    }
    let opened = if changes.add.is_empty() { None } else { Some(args.sealing.open(&node)?.0) };
    let keys = opened.as_ref().map(|keystore| &keystore.keys);
    let prepared = prepare(&current, &changes, keys, clock::now(), &mut random::generator())?;
    prepared.write(&args.out)?;
    report(&prepared, &args.out)
}

/// Says what comes next.
pub fn report(prepared: &Prepared, out: &Path) -> Result<Outcome, CliError> {
    answer(format!("roster version {}: {}", prepared.version, prepared.sha256))?;
    answer(format!("next, the quorum: hushwire member sign {}/* --admin KEYFILE", out.display()))?;
    Ok(Outcome::Done)
}
