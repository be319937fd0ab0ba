//! `hushwire member propose`: the next roster, ready to be signed, and key bundles for who is new.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::cli::member::changes::{Changes, Prepared, prepare, read_cards};
use crate::app::cli::member::limit::Limit;
use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json, remark};
use crate::base::name::{GroupId, MemberId};
use crate::domain::note::key::VerifierKey;
use crate::domain::roster::member::MemberState;
use crate::io::bundle_files::complete;
use crate::io::{clock, random};

/// Prepare the next roster: members, groups, admins, limits, validity.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire member propose --dir bank-a --add shop.card --out shop-joins
  hushwire member propose --dir bank-a --suspend bank-b --out bank-b-suspended
  hushwire member propose --dir bank-a --update bank-b.card --renew-days 365 --out renewal
  hushwire member propose --dir bank-a --limit witness_quorum=2 --limit max_validity_days=60 --out limits
  hushwire member propose --dir bank-a --add-admin demo.example/admins/cleo+… --drop-admin ben \\
      --quorum 2 --out admins
  hushwire member propose --dir bank-a --add-group bank-a=cards --add-group shop=cards --out cards

Several changes may stand in one roster. Writes OUT/roster-N.note, a copy of the roster in force for whoever signs, and, for \
each member added, the epoch keys sealed to it. \
Then the quorum of the roster in force signs: hushwire member sign OUT/* --admin KEYFILE, and each member applies: \
hushwire member apply OUT/*")]
pub struct ProposeArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// Card of a new member; may be repeated. Opens the keystore, to seal the epoch keys to it.
    #[arg(long, value_name = "CARD")]
    add: Vec<PathBuf>,
    /// New card of a member: everything on it is taken over, keys made by `hushwire key rotate` too.
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
    /// Let a member take part in a sharing group; may be repeated.
    #[arg(long, value_name = "MEMBER=GROUP", value_parser = member_and_group)]
    add_group: Vec<(MemberId, GroupId)>,
    /// End a member's part in a sharing group; may be repeated.
    #[arg(long, value_name = "MEMBER=GROUP", value_parser = member_and_group)]
    drop_group: Vec<(MemberId, GroupId)>,
    /// Set a limit: max_validity_days, minimum_grounds, minimum_suite, witness_quorum or freshness_limit_s; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    limit: Vec<Limit>,
    /// Verifier key of a new admin, as `hushwire key admin` printed it; may be repeated.
    #[arg(long, value_name = "KEY", value_parser = admin_key)]
    add_admin: Vec<VerifierKey>,
    /// Name of an admin who signs no longer; may be repeated.
    #[arg(long, value_name = "NAME")]
    drop_admin: Vec<GroupId>,
    /// How many admins must sign every later change.
    #[arg(long, value_name = "N")]
    quorum: Option<usize>,
    /// Days from today until the roster must be renewed again; without it the date stays.
    #[arg(long, value_name = "DAYS")]
    renew_days: Option<u32>,
    /// Folder to write; must not exist.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// One JSON object on standard output: {"version", "sha256", "dir"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

fn member_and_group(text: &str) -> Result<(MemberId, GroupId), String> {
    let (member, group) = text.split_once('=').ok_or("MEMBER=GROUP, e.g. bank-a=cards")?;
    let fault = |fault: crate::base::name::NameError| fault.to_string();
    Ok((member.parse().map_err(fault)?, group.parse().map_err(fault)?))
}

/// The whole line `hushwire key admin` printed.
pub fn admin_key(text: &str) -> Result<VerifierKey, String> {
    text.parse().map_err(|fault| format!("{fault}; give the whole line `hushwire key admin` printed"))
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
        add_groups: args.add_group.clone(),
        drop_groups: args.drop_group.clone(),
        limits: args.limit.clone(),
        add_admins: args.add_admin.clone(),
        drop_admins: args.drop_admin.clone(),
        quorum: args.quorum,
        renew_days: args.renew_days,
        new_epoch: None,
    };
    if changes.is_empty() {
        return Err(CliError::usage("nothing to change").hint("see hushwire member propose --help"));
    }
    let now = clock::now();
    let opened = if changes.add.is_empty() {
        None
    } else {
        let (mut keystore, _) = args.sealing.open(&node)?;
        complete(&mut keystore, &node.bundle_files(), &node.roster_files().load()?, now);
        Some(keystore)
    };
    let keys = opened.as_ref().map(|keystore| &keystore.keys);
    let prepared = prepare(&current, &changes, keys, now, &mut random::generator())?;
    prepared.write(&args.out)?;
    if args.quorum.is_some_and(|quorum| quorum < 2) {
        remark(LONE_ADMIN);
    }
    report(&prepared, &args.out, args.json)
}

/// Said where one admin is a quorum.
pub const LONE_ADMIN: &str =
    "note: with a quorum of 1 a single admin, or a thief of one key, can change the roster alone";

/// Says what comes next.
pub fn report(prepared: &Prepared, out: &Path, json: bool) -> Result<Outcome, CliError> {
    if json {
        return answer_json(&prepared.as_json(out)).map(|()| Outcome::Done);
    }
    answer(format!("roster version {}: {}", prepared.version, prepared.sha256))?;
    answer(format!("next, the quorum: hushwire member sign {}/* --admin KEYFILE", out.display()))?;
    Ok(Outcome::Done)
}
