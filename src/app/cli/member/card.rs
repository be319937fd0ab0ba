//! `hushwire member card`: this member's public keys, signed by themselves, for the admins.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::config::layout::NodeDir;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::bytes::Sha256Digest;
use crate::base::name::GroupId;
use crate::base::position::TreeSize;
use crate::base::rotated_key::RotatedKey;
use crate::base::time::Timestamp;
use crate::domain::note::key::{NoteSigner, VerifierKey};
use crate::domain::roster::card::MemberCard;
use crate::domain::roster::member::{Endpoint, FeedKey, Member, MemberName, MemberState};
use crate::io::certificate::pin_of_pem;
use crate::io::clock;
use crate::io::keystore::file::{Readers, create, read};
use crate::io::keystore::store::Keystore;

/// Write the card that tells the admins this member's public keys.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire member card --dir bank-a --name \"Bank A\" --endpoint node.bank-a.example:7441 \\
      --out bank-a.card

  hushwire member card --dir bank-a --group all --group cards --out bank-a.card     (a member that is in already)

Hand the file to whoever prepares the roster and compare its hash over a second channel: the card proves that its \
holder has the keys on it, not who the holder is. Where the node belongs to a consortium, what is not given stays as \
the roster has it, and keys made by `hushwire key rotate` are on the card.")]
pub struct CardArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// How other members see this one on their screens [needed for the first card].
    #[arg(long)]
    name: Option<MemberName>,
    /// Where other members' nodes reach this one; may be repeated [needed for the first card].
    #[arg(long = "endpoint", value_name = "HOST:PORT")]
    endpoints: Vec<Endpoint>,
    /// Sharing group to take part in, all of them; may be repeated [default: all].
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<GroupId>,
    /// Most entries this member publishes in one day [default: 1000000].
    #[arg(long, value_name = "N")]
    entries_per_day: Option<u32>,
    /// How long the membership is to last.
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    valid_days: u32,
    /// File to write.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// One JSON object on standard output: {"member", "file", "sha256"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

/// Most entries of one member a day unless agreed otherwise: a large bank's daily fraud reports many times over.
pub const ENTRIES_PER_DAY: u32 = 1_000_000;

pub fn run(args: &CardArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let (keystore, _) = args.sealing.open(&node)?;
    let row = own_row(&node, &keystore)?;
    let wishes = args.wishes(row.as_ref())?;
    let card = card_of(&keystore, own_pin(&node)?, &wishes, row.as_ref(), clock::now())?;
    create(&args.out, card.as_bytes(), Readers::Everyone)?;
    let (member, file, sha256) = (&keystore.member, args.out.display(), MemberCard::verify(&card)?.sha256());
    if args.json {
        let shown = json!({ "member": member.as_str(), "file": file.to_string(), "sha256": sha256.to_string() });
        answer_json(&shown)?;
    } else {
        answer(format!("card of {member}: {file}"))?;
        answer(format!("its hash, to compare over the phone: {sha256}"))?;
    }
    Ok(Outcome::Done)
}

impl CardArgs {
    /// What is not given stays as the roster has it.
    fn wishes(&self, row: Option<&Member>) -> Result<Wishes, CliError> {
        let missing = |option| CliError::usage(format!("{option} is needed: no roster names this member yet"));
        let endpoints = match (self.endpoints.is_empty(), row) {
            (false, _) => self.endpoints.clone(),
            (true, Some(row)) => row.endpoints.clone(),
            (true, None) => return Err(missing("--endpoint")),
        };
        let groups = match (self.groups.is_empty(), row) {
            (false, _) => self.groups.clone(),
            (true, Some(row)) => row.groups.iter().cloned().collect(),
            (true, None) => vec!["all".parse().map_err(|_| CliError::failed("the group has no valid name"))?],
        };
        Ok(Wishes {
            name: self.name.clone().or(row.map(|row| row.name.clone())).ok_or_else(|| missing("--name"))?,
            endpoints,
            groups,
            entries_per_day: self.entries_per_day.or(row.map(|row| row.entries_per_day)).unwrap_or(ENTRIES_PER_DAY),
            valid_days: self.valid_days,
        })
    }
}

/// The row of this node in the roster in force, where it follows one.
pub fn own_row(node: &NodeDir, keystore: &Keystore) -> Result<Option<Member>, CliError> {
    let files = node.roster_files();
    if files.exist()? { Ok(files.current()?.member(&keystore.member).cloned()) } else { Ok(None) }
}

/// What a member asks for itself.
#[derive(Debug, Clone)]
pub struct Wishes {
    pub name: MemberName,
    pub endpoints: Vec<Endpoint>,
    pub groups: Vec<GroupId>,
    pub entries_per_day: u32,
    pub valid_days: u32,
}

/// The signed card of the member whose keystore this is. `row` is what the roster says of it so far. Where the keystore
/// holds a next key beside the one in use, the card names it: a next feed key after those the roster has, a next pin beside
/// the present one, every other in place of the one before.
pub fn card_of(
    keystore: &Keystore,
    pin: Sha256Digest,
    wishes: &Wishes,
    row: Option<&Member>,
    now: Timestamp,
) -> Result<String, CliError> {
    let (consortium, id, keys) = (&keystore.consortium, &keystore.member, &keystore.keys);
    let (audit, witness) = (keys.audit_signers(consortium, id)?, keys.witness_signers(consortium, id)?);
    let mut feeds = row.map(|row| row.feeds.clone()).unwrap_or_default();
    let mut signers = Vec::new();
    for group in &wishes.groups {
        let candidates = keys.feed_signers(consortium, id, group)?;
        feeds.extend(next_feed_key(keystore, &feeds, group, &candidates)?);
        signers.extend(candidates);
    }
    let next_pin = keys.next_fingerprint(RotatedKey::PeerTls).filter(|next| *next != pin);
    // From the start of the day: a card made now must not be "not yet valid" on a machine whose clock is behind.
    let valid_from = now.day().start();
    let member = Member {
        id: id.clone(),
        name: wishes.name.clone(),
        state: MemberState::Active,
        valid_from,
        valid_until: valid_from.plus_s(u64::from(wishes.valid_days) * 86_400),
        entries_per_day: wishes.entries_per_day,
        endpoints: wishes.endpoints.clone(),
        pins: std::iter::once(pin).chain(next_pin).collect(),
        groups: wishes.groups.iter().cloned().collect(),
        feeds,
        audit_key: newest(&audit).clone(),
        witness_key: newest(&witness).clone(),
        hpke_key: keys.next.hpke.as_ref().unwrap_or(&keys.hpke).public(),
    };
    // The keys in use sign too: the roster knows them, whatever else changes.
    signers.extend(audit.into_iter().chain(witness));
    Ok(MemberCard::make(consortium, &member, &signers.iter().collect::<Vec<_>>(), now)?)
}

/// The row that `feeds` lacks for the feed of one group, if it lacks one.
fn next_feed_key(
    keystore: &Keystore,
    feeds: &[FeedKey],
    group: &GroupId,
    candidates: &[NoteSigner],
) -> Result<Option<FeedKey>, CliError> {
    let key = newest(candidates).clone();
    let row = |from_size| Some(FeedKey { group: group.clone(), from_size, key: key.clone() });
    let Some(last) = feeds.iter().rev().find(|feed| feed.group == *group) else { return Ok(row(TreeSize::EMPTY)) };
    let next = keystore.keys.next.feed.as_ref().and_then(|next| next.from.get(group));
    match next.filter(|_| last.key != key) {
        Some(from_size) => Ok(row(*from_size)),
        None if candidates.iter().any(|signer| *signer.verifier() == last.key) => Ok(None),
        None => {
            let fault = format!("this keystore lacks the key that the roster names for the feed of group {group}");
            Err(CliError::failed(fault).hint("put the node's own keystore back, from a backup"))
        }
    }
}

/// The next key where there is one.
fn newest(signers: &[NoteSigner]) -> &VerifierKey {
    signers.last().expect("the key in use is always among them").verifier()
}

/// Pin of the node's peer certificate.
pub fn own_pin(node: &NodeDir) -> Result<Sha256Digest, CliError> {
    let path = node.peer_certificate();
    let pem = String::from_utf8(read(&path)?).ok();
    pem.as_deref()
        .and_then(pin_of_pem)
        .ok_or_else(|| CliError::failed(format!("{} is not a certificate", path.display())))
}
