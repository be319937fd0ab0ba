//! `hushwire member apply`: signed rosters and key bundles, taken into a node that already belongs to the consortium.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::epoch::KeyEpoch;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::command::Command;
use crate::domain::note::SignedNote;
use crate::domain::roster::succession::RosterNote;
use crate::domain::roster::verified::Roster;
use crate::io::bundle_files::{BundleFiles, open};
use crate::io::clock;
use crate::io::key_bundle::{self, KeyBundle};
use crate::io::keystore::file::read_at_most;
use crate::io::keystore::store::Keystore;

/// Take signed rosters and key bundles into a node that already belongs to the consortium.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire member apply --dir bank-a shop-joins/*

Rosters are verified against the one in force and applied in the order of their versions; a key bundle is opened where it \
holds something for this member. A file that does not verify changes nothing. A running node takes them up on SIGHUP \
(systemctl reload). A running node also hears of new rosters and of key bundles addressed to it from its peers.")]
pub struct ApplyArgs {
    /// Signed rosters and key bundles, in any order.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    dir: DirArgs,
    #[command(flatten)]
    sealing: PassphraseArgs,
    /// One JSON object on standard output: {"version", "sha256", "applied", "epochs"}; applied lists the versions that are
    /// new here, epochs those whose secret is
    #[arg(long)]
    json: bool,
}

pub fn run(args: &ApplyArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let files = node.roster_files();
    let mut chain = files.load()?;
    let known = chain.len();
    let papers = Papers::read(&args.files)?;
    follow(&mut chain, papers.rosters, clock::now())?;
    let mut epochs = Vec::new();
    if !papers.bundles.is_empty() {
        let (mut keystore, passphrase) = args.sealing.open(&node)?;
        epochs = open_bundles(&mut keystore, &chain, papers.bundles, &node.bundle_files())?;
        if !epochs.is_empty() {
            // Keys first: a roster that activates an epoch must find its secret.
            keystore.replace(&node.keystore(), &passphrase, args.sealing.work())?;
        }
    }
    for epoch in &epochs {
        node.commands().leave(&Command::EpochPut { epoch: *epoch })?;
    }
    for roster in chain.iter().skip(known) {
        files.append(roster)?;
        node.commands().leave(&Command::RosterPut { version: roster.version(), sha256: roster.sha256() })?;
    }
    report(args, &chain, known, &epochs)
}

fn report(args: &ApplyArgs, chain: &[Roster], known: usize, epochs: &[KeyEpoch]) -> Result<Outcome, CliError> {
    let fresh = chain.get(known..).unwrap_or_default();
    if args.json {
        let newest = chain.last().ok_or_else(|| CliError::failed("there is no roster to follow"))?;
        let shown = json!({
            "version": newest.version(),
            "sha256": newest.sha256().to_string(),
            "applied": fresh.iter().map(Roster::version).collect::<Vec<_>>(),
            "epochs": epochs.iter().map(|epoch| epoch.0).collect::<Vec<_>>(),
        });
        return answer_json(&shown).map(|()| Outcome::Done);
    }
    for epoch in epochs {
        answer(format!("secret of epoch {epoch} stored"))?;
    }
    for roster in fresh {
        answer(format!("roster version {} is in force: {}", roster.version(), roster.sha256()))?;
    }
    if fresh.is_empty() {
        answer("no newer roster among the files")?;
    }
    Ok(Outcome::Done)
}

/// Signed notes, sorted by what they are.
#[derive(Debug, Default)]
pub struct Papers {
    pub rosters: Vec<String>,
    pub bundles: Vec<String>,
}

impl Papers {
    pub fn read(paths: &[PathBuf]) -> Result<Self, CliError> {
        let mut papers = Self::default();
        for path in paths {
            let refused = |fault: &str| CliError::failed(format!("{}: {fault}", path.display()));
            let bytes = read_at_most(path, u64::try_from(limits::NOTE_BYTES).unwrap_or(u64::MAX))?;
            let text = String::from_utf8(bytes).map_err(|_| refused("not a signed note"))?;
            let note = SignedNote::parse(text.as_bytes());
            let note =
                note.map_err(|_| refused("not a signed note").hint("is it signed? hushwire member sign FILE"))?;
            if note.text().lines().next() == Some(key_bundle::FORMAT_LINE) {
                papers.bundles.push(text);
            } else {
                papers.rosters.push(text);
            }
        }
        Ok(papers)
    }
}

/// Extends a verified chain by the notes that follow it; notes of versions it has already must be the same.
pub fn follow(chain: &mut Vec<Roster>, notes: Vec<String>, now: Timestamp) -> Result<(), CliError> {
    let mut notes = notes.iter().map(|note| RosterNote::parse(note)).collect::<Result<Vec<_>, _>>()?;
    notes.sort_by_key(|note| note.content().version);
    for note in notes {
        if chain.iter().any(|roster| roster.sha256() == note.sha256()) {
            continue;
        }
        let version = note.content().version;
        if let Some(held) = chain.iter().find(|roster| roster.version() == version) {
            let fault = format!("two rosters of version {version}: {} and {}", held.sha256(), note.sha256());
            return Err(CliError::not_verified(fault).hint(
                "only one can be followed, and nothing was applied: ask the admins which, and give that one alone",
            ));
        }
        let current = chain.last().ok_or_else(|| CliError::failed("there is no roster to follow"))?;
        chain.push(note.verify_next(current)?);
    }
    match chain.last() {
        Some(newest) => Ok(newest.check_in_force(now)?),
        None => Ok(()),
    }
}

/// Opens what the bundles hold for this member and puts it into the keystore; keeps them for the others. Returns the epochs
/// whose secrets are new.
pub fn open_bundles(
    keystore: &mut Keystore,
    chain: &[Roster],
    bundles: Vec<String>,
    kept: &BundleFiles,
) -> Result<Vec<KeyEpoch>, CliError> {
    let mut opened = Vec::new();
    for text in bundles {
        let bundle = KeyBundle::parse(text.as_bytes())?;
        let Some(roster) = chain.iter().find(|roster| roster.sha256() == bundle.roster_sha256()) else {
            let fault =
                format!("a key bundle was sealed under roster {}, which is not known here", bundle.roster_sha256());
            return Err(CliError::not_verified(fault).hint("apply that roster together with the bundle"));
        };
        let (epoch, is_ours) = (bundle.epoch(), bundle.recipients().any(|member| *member == keystore.member));
        let verified = bundle.verify(roster)?;
        kept.keep(epoch, text.as_bytes())?;
        if !is_ours {
            continue;
        }
        let (epoch, secret) = open(&verified, keystore)?;
        if keystore.keys.epochs.insert(epoch, secret).is_none() {
            opened.push(epoch);
        }
    }
    Ok(opened)
}
