//! `hushwire member join`: a node enters its consortium.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::app::cli::member::apply::open_bundles;
use crate::app::cli::member::card::own_pin;
use crate::app::cli::member::invite::Invitation;
use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::config::layout::NodeDir;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::bytes::Sha256Digest;
use crate::base::time::Timestamp;
use crate::domain::audit::command::Command;
use crate::domain::roster::succession::verify_chain;
use crate::domain::roster::verified::Roster;
use crate::io::clock;
use crate::io::keystore::file::read_at_most;
use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::sealed::WorkFactor;
use crate::io::keystore::store::Keystore;
use crate::io::roster_files::RosterFilesError;

/// Bytes of an invitation: two hundred rosters of forty members.
const INVITATION_BYTES: u64 = 32 * 1024 * 1024;

/// Enter a consortium by an invitation and the genesis hash received out of band.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire member join shop.invitation --dir shop --genesis 3f1c…

Follows the rosters from the genesis on, looks for this node's own keys in the newest one, opens the key bundles, and only \
then writes anything. Take the hash from somebody you know, by voice or on paper, not from who sent the file.")]
pub struct JoinArgs {
    /// The invitation.
    invitation: PathBuf,
    /// SHA-256 of the genesis roster, 64 hex digits, received by another way than the invitation.
    #[arg(long, value_name = "HASH", value_parser = digest)]
    genesis: Sha256Digest,
    #[command(flatten)]
    dir: DirArgs,
    /// One JSON object on standard output: {"member", "consortium", "version", "sha256"}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

fn digest(text: &str) -> Result<Sha256Digest, String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| "64 hex digits".to_owned())?;
    Ok(Sha256Digest(bytes))
}

pub fn run(args: &JoinArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let invitation = Invitation::parse(&read_at_most(&args.invitation, INVITATION_BYTES)?)?;
    let (keystore, passphrase) = args.sealing.open(&node)?;
    let entry = Entry { invitation, genesis: args.genesis, passphrase: &passphrase, work: args.sealing.work() };
    let member = keystore.member.clone();
    let roster = join(&node, keystore, entry, clock::now())?;
    node.commands().leave(&Command::Joined { genesis: args.genesis })?;
    if args.json {
        let shown = json!({
            "member": member.as_str(),
            "consortium": roster.consortium().as_str(),
            "version": roster.version(),
            "sha256": roster.sha256().to_string(),
        });
        return answer_json(&shown).map(|()| Outcome::Done);
    }
    answer(format!("{} belongs to {}, roster version {}", own_name(&node), roster.consortium(), roster.version()))?;
    answer(format!(
        "next, for each system that calls it: hushwire cert issue ROLE NAME --dir {}",
        node.path().display()
    ))?;
    answer(format!("then: hushwire serve --config {}", node.config().display()))?;
    Ok(Outcome::Done)
}

fn own_name(node: &NodeDir) -> String {
    format!("the node in {}", node.path().display())
}

/// What a node enters with.
#[derive(Debug)]
pub struct Entry<'a> {
    pub invitation: Invitation,
    pub genesis: Sha256Digest,
    pub passphrase: &'a Passphrase,
    pub work: WorkFactor,
}

/// Verifies the invitation and enters. Returns the roster in force.
pub fn join(node: &NodeDir, mut keystore: Keystore, entry: Entry<'_>, now: Timestamp) -> Result<Roster, CliError> {
    let files = node.roster_files();
    if files.exist()? {
        return Err(CliError::from(RosterFilesError::AlreadyFounded).hint("newer rosters: hushwire member apply FILE"));
    }
    let mut chain = verify_chain(entry.invitation.rosters.iter().map(String::as_str), &entry.genesis)?;
    let newest = chain.last().ok_or_else(|| CliError::failed("the invitation holds no roster"))?;
    newest.check_in_force(now)?;
    check_listed(newest, &keystore, own_pin(node)?)?;
    open_bundles(&mut keystore, &chain, entry.invitation.bundles, &node.bundle_files())?;
    keystore.keys.key_ring(newest, now)?;
    keystore.replace(&node.keystore(), entry.passphrase, entry.work)?;
    files.found(&entry.genesis, &chain)?;
    chain.pop().ok_or_else(|| CliError::failed("the invitation holds no roster"))
}

/// Whether the roster lists this node with the keys it really has.
fn check_listed(roster: &Roster, keystore: &Keystore, pin: Sha256Digest) -> Result<(), CliError> {
    let refused = |what: String| CliError::not_verified(what).hint("hand the admins a new card: hushwire member card");
    let (consortium, id, keys) = (&keystore.consortium, &keystore.member, &keystore.keys);
    let member = roster.member(id).ok_or_else(|| refused(format!("the roster does not list {id}")))?;
    let audit = keys.audit_signer(consortium, id)?;
    let witness = keys.witness_signer(consortium, id)?;
    let feed_listed =
        |key: &crate::domain::roster::member::FeedKey| *key.key.public_key() == *keys.feed.verifying_key().as_bytes();
    let listed = member.audit_key == *audit.verifier()
        && member.witness_key == *witness.verifier()
        && member.hpke_key == keys.hpke.public()
        && member.feeds.iter().any(feed_listed)
        && member.pins.contains(&pin);
    if listed { Ok(()) } else { Err(refused(format!("the roster lists {id} with other keys than this node has"))) }
}
