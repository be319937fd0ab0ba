//! Checking one entry step by step, for people: what a proof shows and what it does not, each step from the stored bytes.
//!
//! The same rules as for files that third parties verify ([`crate::domain::audit::proof`]); here a step that fails does not hide the
//! others.

use crate::base::bytes::{Salt, TreeHash};
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::evidence::Fault;
use crate::domain::audit::keys::LogKeys;
use crate::domain::audit::record::AuditRecord;
use crate::domain::feed::blob::Body;
use crate::domain::feed::entry::{Content, Entry, EntryKind, Leaf, leaf_hash};
use crate::domain::feed::proof::verify_inclusion;
use crate::domain::note::key::VerifierKey;

/// The bytes of an entry and of what proves it, as they are stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    pub index: EntryIndex,
    pub leaf: &'a [u8],
    /// Empty, as the salt, where retention or an erasure took it.
    pub blob: &'a [u8],
    pub salt: &'a [u8],
    pub inclusion: &'a [TreeHash],
    /// A signed note in which every signature is of one of the keys.
    pub checkpoint: &'a str,
}

/// What the checkpoint must be signed by.
#[derive(Debug, Clone)]
pub struct Keys<'a> {
    pub keys: &'a LogKeys,
    /// The key that the roster names for this size; none where it names none.
    pub in_roster: Option<&'a VerifierKey>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckStep {
    /// Stable word: "leaf", "content", "words", "inclusion", "signature", "roster", "cosignatures".
    pub step: &'static str,
    pub held: Held,
    /// For people.
    pub detail: String,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Holds,
    /// Nothing contradicts it, and nothing proves it: content that is gone, a head nobody has cosigned yet.
    Open,
    Fails,
}

impl Held {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Open => "open",
            Self::Fails => "fails",
        }
    }
}

/// The steps, in the order a verifier takes them.
pub fn check_entry(stored: &Stored<'_>, keys: &Keys<'_>, today: Day) -> Vec<CheckStep> {
    let mut steps = Vec::new();
    let mut told = |step, held, detail: String| steps.push(CheckStep { step, held, detail });
    let leaf = Leaf::decode(stored.leaf);
    match &leaf {
        Ok(leaf) => {
            let (kind, hash) = (kind_words(leaf.kind), leaf_hash(stored.leaf));
            told("leaf", Held::Holds, format!("{kind} at {}, hash {hash}", stored.index));
        }
        Err(error) => told("leaf", Held::Fails, error.to_string()),
    }
    let (held, detail) = content(stored, leaf.as_ref().ok(), today);
    told("content", held, detail);
    let (held, detail) = words(stored, leaf.as_ref().ok());
    told("words", held, detail);
    match keys.keys.checkpoint(stored.checkpoint) {
        Ok(signed) => {
            let (size, root) = (signed.size(), signed.root());
            let joined = verify_inclusion(&leaf_hash(stored.leaf), stored.index, size, root, stored.inclusion);
            match joined {
                Ok(()) => told(
                    "inclusion",
                    Held::Holds,
                    format!("{} hashes lead from the leaf to the root of {size} entries", stored.inclusion.len()),
                ),
                Err(error) => told("inclusion", Held::Fails, error.to_string()),
            }
            told("signature", Held::Holds, format!("root {root} signed by {}", keys.keys.log()));
            match keys.in_roster {
                Some(named) if named == keys.keys.log() => {
                    told("roster", Held::Holds, "the roster names this key".to_owned())
                }
                Some(_) | None => told("roster", Held::Fails, "the roster names another key, or none".to_owned()),
            }
            let cosigned = cosignatures(keys.keys, stored.checkpoint);
            let others: Vec<String> = cosigned
                .iter()
                .filter(|one| !one.is_author)
                .map(|one| format!("{} at {}", one.member, one.at))
                .collect();
            match others.as_slice() {
                [] => told("cosignatures", Held::Open, "no other member has cosigned this checkpoint".to_owned()),
                others => told("cosignatures", Held::Holds, others.join(", ")),
            }
        }
        Err(error) => told("signature", Held::Fails, error.to_string()),
    }
    steps
}

/// One verified cosignature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The member whose witness key it is.
    pub member: String,
    pub at: Timestamp,
    /// The author of the log or feed itself: a sign of life, and no witness.
    pub is_author: bool,
}

/// Who cosigned a checkpoint, and when each last did; nobody where it does not verify.
pub fn cosignatures(keys: &LogKeys, checkpoint: &str) -> Vec<Cosigned> {
    let Ok(signed) = keys.checkpoint(checkpoint) else { return Vec::new() };
    let author = keys.feed().member.as_str();
    let cosigned = signed.cosigners().iter().map(|(name, at)| {
        // `<consortium>/<member>/witness`: the member is what lies between.
        let member = name.rsplit('/').nth(1).unwrap_or(name).to_owned();
        Cosigned { is_author: member == author, member, at: *at }
    });
    cosigned.collect()
}

/// Whether every step holds, or is open for a reason.
pub fn all_hold(steps: &[CheckStep]) -> bool {
    steps.iter().all(|step| step.held != Held::Fails)
}

/// What an entry is, in words.
pub const fn kind_words(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Audit => "audit record",
        EntryKind::Indicator => "indicator",
        EntryKind::Retraction => "retraction",
        EntryKind::Sighting => "sighting",
        EntryKind::Dispute => "step of a dispute",
        EntryKind::Erasure => "erasure",
        EntryKind::StatisticsRelease => "release",
        EntryKind::EvaluationCounts => "evaluation counts",
        EntryKind::Announcement => "announcement",
        EntryKind::KeyGeneration => "key generation",
        EntryKind::Decoy => "decoy",
    }
}

fn content(stored: &Stored<'_>, leaf: Option<&Leaf>, today: Day) -> (Held, String) {
    if stored.salt.is_empty() && stored.blob.is_empty() {
        return match leaf {
            // An erasure may take what is in a feed at any time; a record of the log only ends.
            Some(leaf) if leaf.kind == EntryKind::Audit && today < leaf.expires_day => {
                (Held::Fails, Fault::Missing.to_string())
            }
            Some(leaf) if leaf.expires_day <= today => {
                (Held::Open, format!("gone: its retention ended on {}", leaf.expires_day))
            }
            Some(_) | None => (Held::Open, "gone: it was erased".to_owned()),
        };
    }
    let content = Salt::try_from(stored.salt).map(|salt| Content { blob: stored.blob.to_vec(), salt });
    match content {
        Err(error) => (Held::Fails, error.to_string()),
        Ok(content) => match Entry::from_parts(stored.leaf, Some(content)) {
            Ok(entry) => {
                (Held::Holds, format!("{} bytes belong to commitment {}", stored.blob.len(), entry.leaf().commitment))
            }
            Err(error) => (Held::Fails, error.to_string()),
        },
    }
}

fn words(stored: &Stored<'_>, leaf: Option<&Leaf>) -> (Held, String) {
    if stored.blob.is_empty() {
        return (Held::Open, "nothing is left to be read".to_owned());
    }
    let read = match leaf.map(|leaf| leaf.kind) {
        Some(EntryKind::Audit) => AuditRecord::decode(stored.blob).map(drop).map_err(|error| error.to_string()),
        Some(kind) => Body::decode(kind, stored.blob).map(drop).map_err(|error| error.to_string()),
        None => Err("of no known kind".to_owned()),
    };
    match read {
        Ok(()) => (Held::Holds, "the words shown are all that the bytes say".to_owned()),
        Err(error) => (Held::Fails, error),
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::base::bytes::Sha256Digest;
    use crate::base::epoch::EpochId;
    use crate::domain::audit::event::AuditEvent;
    use crate::domain::audit::record::Actor;
    use crate::domain::feed::checkpoint::Checkpoint;
    use crate::domain::feed::tree::{CompactRange, node_hash};
    use crate::domain::note::key::NoteSigner;

    const TIME: Timestamp = Timestamp::from_unix_s(1_795_000_500);
    const EXPIRES: Day = Day(20_800);

    fn signer(name: &str, byte: u8) -> NoteSigner {
        NoteSigner::cosigner(name, SigningKey::from_bytes(&[byte; 32])).expect("a good name")
    }

    fn log_signer(byte: u8) -> NoteSigner {
        NoteSigner::ed25519("demo.example/bank-a/audit", SigningKey::from_bytes(&[byte; 32])).expect("a good name")
    }

    fn entry(number: u64) -> Entry {
        let event = AuditEvent::RosterApplied { version: number, sha256: Sha256Digest([7; 32]) };
        let blob = event.into_record(TIME, &Actor::Node).encode();
        Entry::seal_new(EntryKind::Audit, EpochId::NONE, EXPIRES, blob, Salt([9; 32])).expect("short")
    }

    /// What may be changed.
    struct Bytes {
        leaf: Vec<u8>,
        blob: Vec<u8>,
        inclusion: Vec<TreeHash>,
        note: String,
    }

    /// The second of two entries with what proves it, changed by `change`; how each step ends.
    fn checked(today: Day, change: fn(&mut Bytes)) -> Vec<(&'static str, Held)> {
        let (log, own, other) =
            (log_signer(1), signer("demo.example/bank-a/witness", 2), signer("demo.example/bank-b/witness", 3));
        let (first, second) = (entry(1), entry(2));
        let mut range = CompactRange::default();
        range.append(first.leaf_hash());
        range.append(second.leaf_hash());
        assert_eq!(range.root(), node_hash(&first.leaf_hash(), &second.leaf_hash()));
        let checkpoint = Checkpoint::of(log.verifier().name(), &range);
        let mut note = checkpoint.sign(&log, &own, TIME).expect("signs");
        note.add_signature(other.sign(&checkpoint.to_string(), TIME)).expect("room");
        let content = second.content().expect("just sealed");
        let mut bytes = Bytes {
            leaf: second.leaf_bytes().to_vec(),
            blob: content.blob.clone(),
            inclusion: vec![first.leaf_hash()],
            note: note.to_string(),
        };
        change(&mut bytes);
        let Bytes { leaf, blob, inclusion, note } = bytes;
        let keys =
            LogKeys::new(log.verifier().clone(), vec![own.verifier().clone(), other.verifier().clone()]).expect("keys");
        let salt = if blob.is_empty() { Vec::new() } else { content.salt.0.to_vec() };
        let stored = Stored {
            index: EntryIndex(1),
            leaf: &leaf,
            blob: &blob,
            salt: &salt,
            inclusion: &inclusion,
            checkpoint: &note,
        };
        let steps = check_entry(&stored, &Keys { keys: &keys, in_roster: Some(log.verifier()) }, today);
        let cosigned = cosignatures(&keys, &note);
        assert!(
            cosigned.is_empty()
                || cosigned
                    .iter()
                    .map(|one| (one.member.as_str(), one.is_author))
                    .eq([("bank-a", true), ("bank-b", false)])
        );
        steps.into_iter().map(|step| (step.step, step.held)).collect()
    }

    #[test]
    fn each_change_fails_at_its_own_step_and_hides_no_other() {
        use Held::{Fails, Holds, Open};
        let check = |change: fn(&mut Bytes), expected: &[(&str, Held)]| {
            let steps = checked(Day(20_779), change);
            let failed: Vec<_> = steps.into_iter().filter(|(_, held)| *held != Holds).collect();
            assert_eq!(failed, expected);
        };
        check(|_| {}, &[]);
        check(|bytes| bytes.leaf[40] ^= 1, &[("content", Fails), ("inclusion", Fails)]);
        check(
            |bytes| bytes.leaf[0] ^= 1,
            &[("leaf", Fails), ("content", Fails), ("words", Fails), ("inclusion", Fails)],
        );
        check(|bytes| bytes.blob.push(0), &[("content", Fails), ("words", Fails)]);
        check(|bytes| bytes.blob.clear(), &[("content", Fails), ("words", Open)]);
        check(|bytes| bytes.inclusion.clear(), &[("inclusion", Fails)]);
        check(|bytes| bytes.note = bytes.note.replacen("\n2\n", "\n3\n", 1), &[("signature", Fails)]);
    }

    #[test]
    fn content_is_open_once_its_retention_has_ended() {
        let steps = checked(EXPIRES, |bytes| bytes.blob.clear());
        let open: Vec<_> = steps.into_iter().filter(|(_, held)| *held != Held::Holds).collect();
        assert_eq!(open, [("content", Held::Open), ("words", Held::Open)]);
    }

    #[test]
    fn a_key_that_the_roster_does_not_name_is_told() {
        let log = log_signer(1);
        let leaf = entry(1);
        let mut range = CompactRange::default();
        range.append(leaf.leaf_hash());
        let checkpoint = Checkpoint::of(log.verifier().name(), &range);
        let own = signer("demo.example/bank-a/witness", 2);
        let note = checkpoint.sign(&log, &own, TIME).expect("signs").to_string();
        let keys = LogKeys::new(log.verifier().clone(), vec![own.verifier().clone()]).expect("keys");
        let content = leaf.content().expect("just sealed");
        let stored = Stored {
            index: EntryIndex(0),
            leaf: leaf.leaf_bytes(),
            blob: &content.blob,
            salt: &content.salt.0,
            inclusion: &[],
            checkpoint: &note,
        };
        let held = |in_roster: Option<&VerifierKey>| {
            let steps = check_entry(&stored, &Keys { keys: &keys, in_roster }, Day(20_779));
            let of = |wanted| steps.iter().find(|step| step.step == wanted).map(|step| step.held);
            (of("roster"), of("cosignatures"), all_hold(&steps))
        };
        assert_eq!(held(Some(log.verifier())), (Some(Held::Holds), Some(Held::Open), true));
        assert_eq!(held(Some(log_signer(5).verifier())), (Some(Held::Fails), Some(Held::Open), false));
        assert_eq!(held(None), (Some(Held::Fails), Some(Held::Open), false));
    }
}
