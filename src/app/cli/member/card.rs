//! `hushwire member card`: this member's public keys, signed by themselves, for the admins.

use std::path::PathBuf;

use clap::Args;

use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::config::layout::NodeDir;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::answer;
use crate::base::bytes::Sha256Digest;
use crate::base::name::GroupId;
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::roster::card::MemberCard;
use crate::domain::roster::member::{Endpoint, FeedKey, Member, MemberName, MemberState};
use crate::io::certificate::pin_of_pem;
use crate::io::clock;
use crate::io::keystore::file::{Readers, create, read};
use crate::io::keystore::store::Keystore;

/// Write the card that tells the admins this member's public keys.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire member card --dir bank-a --name \"Bank A\" --endpoint node.bank-a.example:7441 \\
      --out bank-a.card

Hand the file to whoever prepares the roster and compare its hash over a second channel: the card proves that its \
holder has the keys on it, not who the holder is.")]
pub struct CardArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// How other members see this one on their screens.
    #[arg(long)]
    name: MemberName,
    /// Where other members' nodes reach this one; may be repeated.
    #[arg(long = "endpoint", value_name = "HOST:PORT", required = true)]
    endpoints: Vec<Endpoint>,
    /// Sharing group to take part in; may be repeated.
    #[arg(long = "group", value_name = "GROUP", default_value = "all")]
    groups: Vec<GroupId>,
    /// Most entries this member publishes in one day.
    #[arg(long, value_name = "N", default_value_t = ENTRIES_PER_DAY)]
    entries_per_day: u32,
    /// How long the membership is to last.
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    valid_days: u32,
    /// File to write.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

/// Most entries of one member a day unless agreed otherwise: a large bank's daily fraud reports many times over.
pub const ENTRIES_PER_DAY: u32 = 1_000_000;

pub fn run(args: &CardArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let (keystore, _) = args.sealing.open(&node)?;
    let now = clock::now();
    let wishes = Wishes {
        name: args.name.clone(),
        endpoints: args.endpoints.clone(),
        groups: args.groups.clone(),
        entries_per_day: args.entries_per_day,
        valid_days: args.valid_days,
    };
    let card = card_of(&keystore, own_pin(&node)?, &wishes, now)?;
    create(&args.out, card.as_bytes(), Readers::Everyone)?;
    answer(format!("card of {}: {}", keystore.member, args.out.display()))?;
    answer(format!("its hash, to compare over the phone: {}", MemberCard::verify(&card)?.sha256()))?;
    Ok(Outcome::Done)
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

/// The signed card of the member whose keystore this is.
pub fn card_of(keystore: &Keystore, pin: Sha256Digest, wishes: &Wishes, now: Timestamp) -> Result<String, CliError> {
    let (consortium, id, keys) = (&keystore.consortium, &keystore.member, &keystore.keys);
    let audit = keys.audit_signer(consortium, id)?;
    let witness = keys.witness_signer(consortium, id)?;
    let feeds =
        wishes.groups.iter().map(|group| keys.feed_signer(consortium, id, group)).collect::<Result<Vec<_>, _>>()?;
    let feed_key = |(group, signer): (&GroupId, &crate::domain::note::key::NoteSigner)| FeedKey {
        group: group.clone(),
        from_size: TreeSize::EMPTY,
        key: signer.verifier().clone(),
    };
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
        pins: vec![pin],
        groups: wishes.groups.iter().cloned().collect(),
        feeds: wishes.groups.iter().zip(&feeds).map(feed_key).collect(),
        audit_key: audit.verifier().clone(),
        witness_key: witness.verifier().clone(),
        hpke_key: keys.hpke.public(),
    };
    let signers: Vec<_> = feeds.iter().chain([&audit, &witness]).collect();
    Ok(MemberCard::make(consortium, &member, &signers, now)?)
}

/// Pin of the node's peer certificate.
pub fn own_pin(node: &NodeDir) -> Result<Sha256Digest, CliError> {
    let path = node.peer_certificate();
    let pem = String::from_utf8(read(&path)?).ok();
    pem.as_deref()
        .and_then(pin_of_pem)
        .ok_or_else(|| CliError::failed(format!("{} is not a certificate", path.display())))
}
