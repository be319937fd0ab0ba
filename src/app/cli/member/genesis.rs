//! `hushwire member genesis`: the first roster and the first epoch's keys, ready to be signed.

use std::path::{Path, PathBuf};

use clap::Args;
use rand::CryptoRng;

use crate::app::cli::member::changes::{Prepared, read_cards};
use crate::app::cli::member::propose::{LONE_ADMIN, admin_key};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json, remark};
use crate::base::epoch::KeyEpoch;
use crate::base::name::ConsortiumId;
use crate::base::time::Timestamp;
use crate::domain::note::key::VerifierKey;
use crate::domain::pseudonym::keys::EpochSecret;
use crate::domain::roster::card::MemberCard;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::succession::{check_draft, text_sha256};
use crate::domain::roster::terms::{Admins, Epoch, Limits, MinimumGrounds};
use crate::io::key_bundle::{BundleTerms, epoch_id, seal};
use crate::io::keystore::keys::random_secret;
use crate::io::{clock, random};

/// Prepare the first roster and the first epoch's keys.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire member genesis --consortium demo.example --card bank-a.card --card bank-b.card \\
      --admin demo.example/admins/anna+… --admin demo.example/admins/ben+… --quorum 2 --out genesis

Writes genesis/roster-1.note and genesis/epoch-1.bundle. The epoch's secret is drawn here, sealed to every member, and \
forgotten. Then each admin signs both files: hushwire member sign genesis/* --admin KEYFILE")]
pub struct GenesisArgs {
    /// The consortium's id.
    #[arg(long, value_name = "ID")]
    consortium: ConsortiumId,
    /// Card of a founding member; repeat for each.
    #[arg(long = "card", value_name = "FILE", required = true)]
    cards: Vec<PathBuf>,
    /// Verifier key of an admin, as `hushwire key admin` printed it; repeat for each.
    #[arg(long = "admin", value_name = "KEY", required = true, value_parser = admin_key)]
    admins: Vec<VerifierKey>,
    /// How many admins must sign every later change.
    #[arg(long, value_name = "N", default_value_t = 2)]
    quorum: usize,
    /// Days until the roster must have been renewed.
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    valid_days: u32,
    /// Longest validity of an indicator, days.
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    max_validity_days: u32,
    /// Weakest grounds of an indicator: customer-report, own-confirmed or authority.
    #[arg(long, value_name = "GROUNDS", default_value = "own-confirmed", value_parser = grounds)]
    minimum_grounds: MinimumGrounds,
    /// Cosignatures of other members a checkpoint needs before its indicators count fully; 0 below four members, 3 of four,
    /// 4 of five, 4 or 5 of six.
    #[arg(long, value_name = "N", default_value_t = 0)]
    witness_quorum: u32,
    /// Seconds after which a silent peer's feed counts as stale.
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    freshness_limit_s: u64,
    /// Folder to write; must not exist.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// One JSON object on standard output: {"version", "sha256", "dir"}; the hash is the genesis hash
    #[arg(long)]
    json: bool,
}

fn grounds(text: &str) -> Result<MinimumGrounds, String> {
    MinimumGrounds::from_label(text).ok_or_else(|| "one of customer-report, own-confirmed, authority".to_owned())
}

pub fn run(args: &GenesisArgs) -> Result<Outcome, CliError> {
    let founding = Founding {
        consortium: args.consortium.clone(),
        cards: read_cards(&args.cards)?,
        admins: Admins { quorum: args.quorum, keys: args.admins.clone() },
        limits: Limits {
            max_validity_days: args.max_validity_days,
            minimum_grounds: args.minimum_grounds,
            witness_quorum: args.witness_quorum,
            freshness_limit_s: args.freshness_limit_s,
            ..Limits::default()
        },
        valid_days: args.valid_days,
    };
    let prepared = prepare(&founding, clock::now(), &mut random::generator())?;
    prepared.write(&args.out)?;
    if args.quorum < 2 {
        remark(LONE_ADMIN);
    }
    report(&prepared, &args.out, args.json)
}

fn report(prepared: &Prepared, out: &Path, json: bool) -> Result<Outcome, CliError> {
    if json {
        return answer_json(&prepared.as_json(out)).map(|()| Outcome::Done);
    }
    answer(format!("genesis hash: {}", prepared.sha256))?;
    answer(format!("next, each admin: hushwire member sign {}/* --admin KEYFILE", out.display()))?;
    Ok(Outcome::Done)
}

/// What the founders agreed on.
#[derive(Debug)]
pub struct Founding {
    pub consortium: ConsortiumId,
    pub cards: Vec<MemberCard>,
    pub admins: Admins,
    pub limits: Limits,
    pub valid_days: u32,
}

/// Version 1 of the roster, and epoch 1 sealed to every member. Both still unsigned.
pub fn prepare(founding: &Founding, now: Timestamp, rng: &mut impl CryptoRng) -> Result<Prepared, CliError> {
    for card in &founding.cards {
        card.check_first()?;
        if *card.consortium() != founding.consortium {
            return Err(CliError::not_verified(format!(
                "the card of {} was made for consortium {}",
                card.member().id,
                card.consortium()
            )));
        }
    }
    let secret = EpochSecret::new(random_secret(rng));
    let number = KeyEpoch(1);
    let today = now.day().start();
    let epoch = Epoch {
        number,
        id: epoch_id(&founding.consortium, number, &secret),
        activates_at: today,
        compromised_at: None,
    };
    let draft = RosterDraft {
        consortium: founding.consortium.clone(),
        version: 1,
        previous: None,
        not_after: today.plus_s(u64::from(founding.valid_days) * 86_400),
        admins: founding.admins.clone(),
        limits: founding.limits.clone(),
        epochs: vec![epoch.clone()],
        members: founding.cards.iter().map(|card| card.member().clone()).collect(),
    };
    check_draft(&draft)?;
    let roster = draft.to_text();
    let sha256 = text_sha256(&roster);
    let terms = BundleTerms { consortium: &founding.consortium, roster_sha256: sha256, epoch: &epoch };
    let bundle = seal(&terms, &secret, &draft.members, rng)?;
    Ok(Prepared { version: 1, sha256, roster, bundles: vec![(number, bundle)], before: None })
}
