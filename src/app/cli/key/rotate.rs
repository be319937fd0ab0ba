//! `hushwire key rotate`: a new key takes over from one of the node's.
//!
//! The new key is made beside the old one; the member's next card names it; the roster that takes the card over puts it in
//! force; and when the old one is of no use to anybody any more, it is destroyed. Nothing depends on when a node is told:
//! with which of the two it signs, the roster says.

use std::collections::BTreeMap;

use clap::Args;
use rand::CryptoRng;
use serde_json::json;

use crate::app::cli::cert::own::write_peer_certificate;
use crate::app::cli::client::{ClientArgs, block_on};
use crate::app::cli::member::card::own_row;
use crate::app::cli::sealing::{DirArgs, PassphraseArgs};
use crate::app::cli::status;
use crate::app::config::layout::NodeDir;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json};
use crate::base::bytes::Sha256Digest;
use crate::base::name::{FeedId, GroupId};
use crate::base::position::TreeSize;
use crate::base::rotated_key::RotatedKey;
use crate::base::time::Timestamp;
use crate::domain::audit::command::{Command, RotationStep};
use crate::domain::roster::member::Member;
use crate::domain::roster::verified::Roster;
use crate::io::bundle_files::complete;
use crate::io::certificate::peer_certificate;
use crate::io::fence_file::FenceFile;
use crate::io::journal::real_fs::RealFs;
use crate::io::keystore::keys::{HpkeSecret, random_secret, random_signing_key};
use crate::io::keystore::rollover::NextFeedKey;
use crate::io::keystore::store::Keystore;
use crate::io::roster_files::RosterFilesError;
use crate::io::{clock, random};
use crate::node::reserve::Found;

/// Let a new key take over from one of the node's.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire key rotate witness --dir bank-a
  hushwire key rotate feed --dir bank-a --from-size all=50000
  hushwire key rotate peer-tls --dir bank-a
  hushwire key rotate peer-tls --dir bank-a --finish

The sequence is the same for each key (docs/consortium.md has it with its reasons):
  1  hushwire key rotate KEY        makes the new key beside the old one
  2  hushwire member card           names it; then hushwire member propose --update, sign, apply
  3  hushwire key rotate KEY --finish   destroys the old one, once the roster in force names the new one
A running node takes each step up on SIGHUP. After the third step of peer-tls, a card and a roster more end the old pin.")]
pub struct RotateArgs {
    /// Which key: feed, witness, audit, hpke or peer-tls
    #[arg(value_name = "KEY")]
    key: RotatedKey,
    #[command(flatten)]
    dir: DirArgs,
    /// For feed: the size from which the new key signs, for each group. The feed must not reach it before every member has
    /// applied the roster; hushwire status shows its size.
    #[arg(long, value_name = "GROUP=SIZE", value_parser = group_and_size)]
    from_size: Vec<(GroupId, TreeSize)>,
    /// Destroy the old key
    #[arg(long, conflicts_with_all = ["abandon", "from_size"])]
    finish: bool,
    /// Destroy the new key: the roster will not name it after all
    #[arg(long, conflicts_with = "from_size")]
    abandon: bool,
    /// For feed --finish: local listener of the running node, HOST:PORT; from the configuration where not given
    #[arg(long, env = "HUSHWIRE_ENDPOINT", value_name = "HOST:PORT")]
    endpoint: Option<String>,
    /// One JSON object on standard output: {"key", "state", "fingerprint"}; state is made, finished or abandoned
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sealing: PassphraseArgs,
}

fn group_and_size(text: &str) -> Result<(GroupId, TreeSize), String> {
    let (group, size) = text.split_once('=').ok_or("GROUP=SIZE, e.g. all=50000")?;
    let size = size.parse().map_err(|_| "the size is a whole number of entries")?;
    Ok((group.parse().map_err(|fault: crate::base::name::NameError| fault.to_string())?, TreeSize(size)))
}

pub fn run(args: &RotateArgs) -> Result<Outcome, CliError> {
    let node = args.dir.node();
    let (mut keystore, passphrase) = args.sealing.open(&node)?;
    let (chain, now) = (node.roster_files().load()?, clock::now());
    let roster = chain.last().ok_or(RosterFilesError::NoRoster)?;
    if args.key == RotatedKey::Hpke {
        // What a running node was handed by its peers lies sealed to the former key beside the keystore, and would be lost with
        // that key: the keystore written below has it.
        complete(&mut keystore, &node.bundle_files(), &chain, now);
    }
    let row = own_row(&node, &keystore)?;
    let row = row.ok_or_else(|| CliError::not_verified(format!("the roster does not list {}", keystore.member)))?;
    let mut change = Change { key: args.key, node: &node, keystore, row, now };
    let (step, fingerprint) = if args.finish {
        (RotationStep::Finished, change.finish(args, roster)?)
    } else if args.abandon {
        (RotationStep::Abandoned, change.abandon()?)
    } else {
        (RotationStep::Prepared, change.make(args, roster, &mut random::generator())?)
    };
    change.keystore.replace(&node.keystore(), &passphrase, args.sealing.work())?;
    node.commands().leave(&Command::KeyRotated { key: args.key, step, fingerprint })?;
    report(args, &node, step, fingerprint)
}

fn report(
    args: &RotateArgs,
    node: &NodeDir,
    step: RotationStep,
    fingerprint: Sha256Digest,
) -> Result<Outcome, CliError> {
    let (key, dir) = (args.key.label(), node.path().display());
    let word = match step {
        RotationStep::Prepared => "made",
        RotationStep::Finished => "finished",
        RotationStep::Abandoned => "abandoned",
    };
    if args.json {
        let shown = json!({ "key": key, "state": word, "fingerprint": fingerprint.to_string() });
        return answer_json(&shown).map(|()| Outcome::Done);
    }
    match step {
        RotationStep::Prepared => {
            answer(format!("next {key} key beside the one in use, fingerprint {fingerprint}"))?;
            answer(format!("next: kill -HUP the node, and hushwire member card --dir {dir} --out CARD"))?;
            answer("then: hushwire member propose --update CARD --out OUT, the quorum signs, every member applies")?;
            answer(format!("last: hushwire key rotate {key} --dir {dir} --finish"))?;
        }
        RotationStep::Finished => {
            answer(format!("{key} key {fingerprint} is in use; the former one is destroyed here, not in backups"))?;
            answer("next: kill -HUP the node")?;
            if args.key == RotatedKey::PeerTls {
                answer("then end the former pin: a new card, hushwire member propose --update CARD, sign, apply")?;
            }
        }
        RotationStep::Abandoned => {
            answer(format!("{key} key {fingerprint} is destroyed; the one in use stays"))?;
            answer("a card that names it must not be used: make a new one")?;
        }
    }
    Ok(Outcome::Done)
}

/// One key of one node on its way.
struct Change<'a> {
    key: RotatedKey,
    node: &'a NodeDir,
    keystore: Keystore,
    /// What the roster in force says of this member.
    row: Member,
    now: Timestamp,
}

impl Change<'_> {
    /// The fingerprint of the next key.
    fn next(&self) -> Result<Sha256Digest, CliError> {
        self.keystore.keys.next_fingerprint(self.key).ok_or_else(|| {
            let key = self.key.label();
            CliError::usage(format!("there is no next {key} key")).hint(format!("hushwire key rotate {key} makes one"))
        })
    }

    fn make(&mut self, args: &RotateArgs, roster: &Roster, rng: &mut impl CryptoRng) -> Result<Sha256Digest, CliError> {
        if self.key != RotatedKey::Feed && !args.from_size.is_empty() {
            return Err(CliError::usage("--from-size is for the feed key alone"));
        }
        if self.next().is_ok() {
            return Err(CliError::usage(format!("a next {} key lies there already", self.key.label()))
                .hint("--finish once the roster names it, or --abandon it"));
        }
        match self.key {
            RotatedKey::Feed => {
                let from = self.sizes(args, roster)?;
                self.keystore.keys.next.feed = Some(NextFeedKey { key: random_signing_key(rng), from });
            }
            RotatedKey::Witness => self.keystore.keys.next.witness = Some(random_signing_key(rng)),
            RotatedKey::Audit => self.keystore.keys.next.audit = Some(random_signing_key(rng)),
            RotatedKey::Hpke => self.keystore.keys.next.hpke = Some(HpkeSecret::new(random_secret(rng))),
            RotatedKey::PeerTls => {
                let issued = peer_certificate(&self.keystore.member, self.now)?;
                self.keystore.keys.next.tls_peer = Some(issued.key_pem);
            }
        }
        self.next()
    }

    /// A size for each group, beyond everything that may have been signed: what the former key signed must stay its own.
    fn sizes(&self, args: &RotateArgs, roster: &Roster) -> Result<BTreeMap<GroupId, TreeSize>, CliError> {
        let reserved = match FenceFile::new(RealFs, self.node.fence()).read() {
            Ok(Found::Reservation(reservation)) => reservation.feeds,
            Ok(Found::Nothing) => BTreeMap::new(),
            Ok(Found::Unreadable) | Err(_) => {
                return Err(CliError::failed(format!("{} cannot be read", self.node.fence().display())));
            }
        };
        let from: BTreeMap<GroupId, TreeSize> = args.from_size.iter().cloned().collect();
        for group in &self.row.groups {
            let origin = self.feed(group).origin(roster.consortium());
            let signed = reserved.get(&origin).map_or(TreeSize::EMPTY, |reserved| reserved.until);
            let last = self.row.feeds.iter().filter(|feed| feed.group == *group).map(|feed| feed.from_size).max();
            let least = signed.max(last.unwrap_or_default());
            match from.get(group) {
                None => return Err(CliError::usage(format!("--from-size {group}=SIZE is missing, beyond {least}"))),
                Some(size) if *size <= least => {
                    return Err(CliError::usage(format!(
                        "--from-size {group}={size}: the key in use may have signed up to {least} already"
                    )));
                }
                Some(_) => {}
            }
        }
        match from.keys().find(|group| !self.row.groups.contains(*group)) {
            Some(group) => Err(CliError::usage(format!("--from-size: {} is not in group {group}", self.row.id))),
            None => Ok(from),
        }
    }

    fn finish(&mut self, args: &RotateArgs, roster: &Roster) -> Result<Sha256Digest, CliError> {
        let next = self.next()?;
        let named = self.key.named_by(&self.row);
        let in_force = match self.key {
            // The former pin may stand beside it.
            RotatedKey::PeerTls => named.contains(&next),
            RotatedKey::Feed | RotatedKey::Witness | RotatedKey::Audit | RotatedKey::Hpke => {
                named.iter().all(|named| *named == next)
            }
        };
        if !in_force {
            let fault = format!("the roster in force, version {}, does not name the next key", roster.version());
            return Err(CliError::failed(fault)
                .hint("hushwire member card, then propose --update, sign and apply; --abandon gives the next key up"));
        }
        match self.key {
            RotatedKey::Feed => self.check_reached(args, roster)?,
            RotatedKey::Hpke => self.check_opened(roster)?,
            RotatedKey::PeerTls => {
                // Before the keystore, which holds both keys until it is replaced: whichever certificate stands there has its
                // key, also after a crash between the two.
                let key = self.keystore.keys.next.tls_peer.as_ref().map(|key| key.as_str()).unwrap_or_default();
                write_peer_certificate(self.node, &self.keystore.member, key, self.now)?;
            }
            RotatedKey::Witness | RotatedKey::Audit => {}
        }
        self.keystore.keys.take_over(self.key);
        Ok(next)
    }

    fn abandon(&mut self) -> Result<Sha256Digest, CliError> {
        let next = self.next()?;
        if self.key.named_by(&self.row).contains(&next) {
            return Err(CliError::failed("the roster in force names the next key").hint("--finish takes it over"));
        }
        self.keystore.keys.abandon(self.key);
        Ok(next)
    }

    /// The former feed key signs until the feed has the size from which the next one counts: gone before, the feed could
    /// never get there.
    fn check_reached(&self, args: &RotateArgs, roster: &Roster) -> Result<(), CliError> {
        let client = ClientArgs {
            config: Some(self.node.config()),
            endpoint: args.endpoint.clone(),
            identity: None,
            token_file: None,
        };
        let status = block_on(status::ask(&client)).map_err(|error| {
            CliError::unavailable(format!("the node must say how far its feed is: {}", error.message))
                .hint("hushwire serve, then again")
        })?;
        for group in &self.row.groups {
            let origin = self.feed(group).origin(roster.consortium());
            let size = status.feeds.iter().find(|feed| feed.origin == origin).map_or(0, |feed| feed.size);
            let from = self.row.feeds.iter().rev().find(|feed| feed.group == *group).map_or(0, |feed| feed.from_size.0);
            if size < from {
                let fault = format!("the feed of {group} has {size} entries; the next key counts from {from}");
                return Err(CliError::failed(fault).hint("the former key is needed until then"));
            }
        }
        Ok(())
    }

    /// What was sealed to the former key must have been opened.
    fn check_opened(&self, roster: &Roster) -> Result<(), CliError> {
        let needed = roster.readable_epochs(self.now).into_iter().chain(
            roster.epochs().iter().filter(|epoch| epoch.activates_at > self.now && epoch.compromised_at.is_none()),
        );
        match needed.map(|epoch| epoch.number).find(|number| !self.keystore.keys.epochs.contains_key(number)) {
            None => Ok(()),
            Some(number) => Err(CliError::failed(format!("the secret of epoch {number} was not opened yet"))
                .hint("its bundle may be sealed to the former key: hushwire member apply BUNDLE")),
        }
    }

    fn feed(&self, group: &GroupId) -> FeedId {
        FeedId { member: self.row.id.clone(), group: group.clone() }
    }
}
