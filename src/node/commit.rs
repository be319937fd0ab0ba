//! The journal's records: one commit, all of it or nothing.
//!
//! A commit holds every change one use case makes, with the audit records that tell of it. Stored as protobuf of the
//! messages below; tags are never reused, a change of an unknown kind is refused at open (an older program must not skip
//! what a newer one acknowledged). Bytes of entries stand as their authors made them.
//!
//! Compaction ([`crate::node::compact`]) leaves records out of the journal and takes from others: blob and salt of entries
//! that expired or were erased, of prepared entries that are sequenced, and what only answers repeated requests. What it
//! takes is optional to every reader here: an absent blob is a bare leaf, a bare prepared entry is sequenced. It leaves the day
//! of an indicator, so that a start reckons its author's quota as it was reckoned before.

use prost::Message;

use crate::node::case_stored::{CaseOpened, CaseStepped};
use crate::node::challenge_stored::ChallengeChanged;
use crate::node::detail_stored::DecisionDetailed;
use crate::node::hold_stored::{HoldPlaced, HoldStepped};
use crate::node::quarantine_stored::{QuarantineDecided, Quarantined};
use crate::node::store::StorageFault;
use crate::node::user_stored::{UserChanged, UserRemoved};

/// Layout of the records; stands in the first record of every journal.
pub const FORMAT: u32 = 1;

/// One journal record.
#[derive(Clone, PartialEq, Message)]
pub struct Commit {
    #[prost(message, repeated, tag = "1")]
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Clone, PartialEq, Message)]
pub struct Change {
    #[prost(
        oneof = "change::Kind",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 18, 19, 20, 21, 22, 23, 25, 26, 27, 28, 29, 32, 33"
    )]
    pub kind: Option<change::Kind>,
}

pub mod change {
    /// What changed.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Kind {
        #[prost(message, tag = "1")]
        Opened(super::Opened),
        #[prost(message, tag = "2")]
        Prepared(super::Prepared),
        #[prost(message, tag = "3")]
        Appended(super::Appended),
        #[prost(message, tag = "4")]
        Audited(super::Audited),
        #[prost(message, tag = "5")]
        Roster(super::RosterApplied),
        #[prost(message, tag = "6")]
        Equivocated(super::Equivocated),
        #[prost(message, tag = "7")]
        Budget(super::BudgetChanged),
        #[prost(message, tag = "8")]
        Recovered(super::Recovered),
        #[prost(message, tag = "9")]
        Filled(super::Filled),
        #[prost(message, tag = "10")]
        Listed(super::Listed),
        #[prost(message, tag = "11")]
        Cosigned(super::Cosigned),
        #[prost(message, tag = "12")]
        AuditWitnessed(super::AuditWitnessed),
        #[prost(message, tag = "14")]
        ErasureAsked(super::ErasureAsked),
        #[prost(message, tag = "15")]
        ErasureConfirmed(super::ErasureConfirmed),
        #[prost(message, tag = "22")]
        OutcomeLearnt(super::OutcomeLearnt),
        #[prost(message, tag = "23")]
        SightingRead(super::SightingRead),
        #[prost(message, tag = "18")]
        Policy(super::PolicyApplied),
        #[prost(message, tag = "19")]
        CaseOpened(super::CaseOpened),
        #[prost(message, tag = "20")]
        CaseStepped(super::CaseStepped),
        #[prost(message, tag = "21")]
        ChallengeChanged(super::ChallengeChanged),
        #[prost(message, tag = "27")]
        DecisionDetailed(super::DecisionDetailed),
        #[prost(message, tag = "25")]
        Quarantined(super::Quarantined),
        #[prost(message, tag = "26")]
        QuarantineDecided(super::QuarantineDecided),
        #[prost(message, tag = "32")]
        HoldPlaced(super::HoldPlaced),
        #[prost(message, tag = "33")]
        HoldStepped(super::HoldStepped),
        #[prost(message, tag = "28")]
        UserChanged(super::UserChanged),
        #[prost(message, tag = "29")]
        UserRemoved(super::UserRemoved),
    }
}

/// First record of a store.
#[derive(Clone, PartialEq, Message)]
pub struct Opened {
    #[prost(uint32, tag = "1")]
    pub format: u32,
    /// Incarnation of the store, 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub incarnation: Vec<u8>,
    /// Member the store belongs to.
    #[prost(string, tag = "3")]
    pub member: String,
    /// Consortium the store belongs to.
    #[prost(string, tag = "4")]
    pub consortium: String,
}

/// A publication acknowledged as PENDING: its entries are ready and will be sequenced exactly once.
#[derive(Clone, PartialEq, Message)]
pub struct Prepared {
    /// Keyed fingerprint of the request id, 32 bytes; empty where the caller gave none.
    #[prost(bytes = "vec", tag = "1")]
    pub request: Vec<u8>,
    /// Keyed fingerprint of the request's content, 32 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub content: Vec<u8>,
    /// When it was acknowledged, milliseconds since 1970.
    #[prost(uint64, tag = "3")]
    pub time_ms: u64,
    #[prost(message, repeated, tag = "4")]
    pub entries: Vec<PreparedEntry>,
    /// The refused records of the request, so that a repeated call gets the same answer.
    #[prost(message, repeated, tag = "5")]
    pub refused: Vec<RefusedRecord>,
    /// Commitments of what a retraction withdrew, so that a repeated call gets the same answer.
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub retracted: Vec<Vec<u8>>,
    /// Commitments of what an identifier also led to and was left alone, so that a repeated call gets the same answer.
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub kept: Vec<Vec<u8>>,
}

/// One entry waiting for its window.
#[derive(Clone, PartialEq, Message)]
pub struct PreparedEntry {
    #[prost(string, tag = "1")]
    pub group: String,
    #[prost(message, optional, tag = "2")]
    pub entry: Option<StoredEntry>,
    /// Not sequenced before this moment, milliseconds since 1970.
    #[prost(uint64, tag = "3")]
    pub not_before_ms: u64,
    /// Keyed fingerprint of the publisher's own reference, 32 bytes; empty where none was given.
    #[prost(bytes = "vec", tag = "4")]
    pub source_ref: Vec<u8>,
    /// Index of its draft in the request.
    #[prost(uint32, tag = "5")]
    pub draft: u32,
    /// Ordinal of the identifier's kind.
    #[prost(uint32, tag = "6")]
    pub kind: u32,
    #[prost(bool, tag = "7")]
    pub weak: bool,
    /// Keyed fingerprint of the case or identifier an indicator is about, 32 bytes: what statistics count once. Empty for
    /// everything else, and once two quarters are over or the indicator is erased.
    #[prost(bytes = "vec", tag = "8")]
    pub subject: Vec<u8>,
    /// Keyed fingerprint of the pseudonym as given that this one was derived from, 32 bytes; empty where it is that one.
    #[prost(bytes = "vec", tag = "9")]
    pub derived_from: Vec<u8>,
    /// Id of an indicator's typology, for as long as its subject is counted; empty in records of before this was kept.
    #[prost(string, tag = "10")]
    pub typology: String,
}

/// An entry as its author made it; blob and salt are empty once erased or expired.
#[derive(Clone, PartialEq, Message)]
pub struct StoredEntry {
    #[prost(bytes = "vec", tag = "1")]
    pub leaf: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub blob: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub salt: Vec<u8>,
    /// Of an indicator whose content compaction took: the day whose quota it goes on using, days since 1970. None where the
    /// content stands, and in records compacted before this was kept.
    #[prost(uint32, optional, tag = "4")]
    pub reckoned_to: Option<u32>,
}

/// A refused record of a request.
#[derive(Clone, PartialEq, Message)]
pub struct RefusedRecord {
    #[prost(uint32, tag = "1")]
    pub record: u32,
    #[prost(string, tag = "2")]
    pub field: String,
    #[prost(string, tag = "3")]
    pub rule: String,
    #[prost(string, tag = "4")]
    pub description: String,
}

/// Consecutive entries of one feed, verified, with the checkpoint that proves them.
#[derive(Clone, PartialEq, Message)]
pub struct Appended {
    #[prost(string, tag = "1")]
    pub origin: String,
    #[prost(uint64, tag = "2")]
    pub first_index: u64,
    #[prost(message, repeated, tag = "3")]
    pub entries: Vec<StoredEntry>,
    /// Signed note at or beyond the end of these entries.
    #[prost(string, tag = "4")]
    pub checkpoint: String,
    /// When they were accepted, milliseconds since 1970.
    #[prost(uint64, tag = "5")]
    pub time_ms: u64,
}

/// Entries of this node's audit log.
#[derive(Clone, PartialEq, Message)]
pub struct Audited {
    #[prost(uint64, tag = "1")]
    pub first_index: u64,
    #[prost(message, repeated, tag = "2")]
    pub entries: Vec<StoredEntry>,
}

/// A roster came into force.
#[derive(Clone, PartialEq, Message)]
pub struct RosterApplied {
    #[prost(string, tag = "1")]
    pub note: String,
    #[prost(uint64, tag = "2")]
    pub version: u64,
    /// When it came into force here, milliseconds since 1970; 0 in records of before this was kept.
    #[prost(uint64, tag = "3")]
    pub time_ms: u64,
}

/// A feed's author signed two trees.
#[derive(Clone, PartialEq, Message)]
pub struct Equivocated {
    #[prost(string, tag = "1")]
    pub origin: String,
    #[prost(string, tag = "2")]
    pub first: String,
    #[prost(string, tag = "3")]
    pub second: String,
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub consistency: Vec<Vec<u8>>,
}

/// The privacy budget changed: a charge, or the release it paid for.
#[derive(Clone, PartialEq, Message)]
pub struct BudgetChanged {
    /// Bytes of [`crate::domain::statistics::event::LedgerEvent`].
    #[prost(bytes = "vec", tag = "1")]
    pub event: Vec<u8>,
}

/// The store was found behind what peers hold of it and caught up; it lives on under a new incarnation.
#[derive(Clone, PartialEq, Message)]
pub struct Recovered {
    #[prost(bytes = "vec", tag = "1")]
    pub incarnation: Vec<u8>,
}

/// The content of an entry that was first received as a bare leaf which nothing explained.
#[derive(Clone, PartialEq, Message)]
pub struct Filled {
    #[prost(string, tag = "1")]
    pub origin: String,
    #[prost(uint64, tag = "2")]
    pub index: u64,
    #[prost(message, optional, tag = "3")]
    pub entry: Option<StoredEntry>,
    /// When it was accepted, milliseconds since 1970.
    #[prost(uint64, tag = "4")]
    pub time_ms: u64,
}

/// Somebody asked for an erasure; it waits for another person.
#[derive(Clone, PartialEq, Message)]
pub struct ErasureAsked {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// Who asked, as the audit log names callers.
    #[prost(string, tag = "2")]
    pub by: String,
    /// The name in their certificate.
    #[prost(string, tag = "3")]
    pub person: String,
    /// When, milliseconds since 1970.
    #[prost(uint64, tag = "4")]
    pub time_ms: u64,
    /// Number of the reason.
    #[prost(uint32, tag = "5")]
    pub reason: u32,
    /// Commitments of what is to be erased.
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub targets: Vec<Vec<u8>>,
    /// Commitments of what an identifier also led to and is left alone.
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub kept: Vec<Vec<u8>>,
    /// The refused selectors, so that a repeated call gets the same answer.
    #[prost(message, repeated, tag = "8")]
    pub refused: Vec<RefusedRecord>,
    /// Keyed fingerprints of the request's id and content, 32 bytes each; empty where the caller gave no id.
    #[prost(bytes = "vec", tag = "9")]
    pub request: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    pub content: Vec<u8>,
}

/// Somebody else confirmed it. The entries stand in the same commit, prepared.
#[derive(Clone, PartialEq, Message)]
pub struct ErasureConfirmed {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// When, milliseconds since 1970.
    #[prost(uint64, tag = "2")]
    pub time_ms: u64,
    /// Commitments of what was still held and is erased.
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub erased: Vec<Vec<u8>>,
}

/// The member's own allow and block lists changed.
#[derive(Clone, PartialEq, Message)]
pub struct Listed {
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<ListedEntry>,
}

/// An identifier put on a list, or taken from it; then only name and list are given.
#[derive(Clone, PartialEq, Message)]
pub struct ListedEntry {
    /// Keyed fingerprint of the identifier, 32 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub name: Vec<u8>,
    /// Number of the list.
    #[prost(uint32, tag = "2")]
    pub list: u32,
    #[prost(bool, tag = "3")]
    pub removed: bool,
    /// Ordinal of the identifier's kind.
    #[prost(uint32, tag = "4")]
    pub kind: u32,
    /// When it was first put there, milliseconds since 1970.
    #[prost(uint64, tag = "5")]
    pub since_ms: u64,
    /// When it ends, milliseconds since 1970.
    #[prost(uint64, optional, tag = "6")]
    pub until_ms: Option<u64>,
    /// Number of the reason.
    #[prost(uint32, tag = "7")]
    pub reason: u32,
    #[prost(string, tag = "8")]
    pub note: String,
}

/// A policy came into force.
#[derive(Clone, PartialEq, Message)]
pub struct PolicyApplied {
    /// What decisions name it by, 32 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub digest: Vec<u8>,
    /// Its file, byte for byte.
    #[prost(string, tag = "2")]
    pub text: String,
    /// Digest of the guard lists it decided with, 32 bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub guard_sha256: Vec<u8>,
    /// When it came into force here, milliseconds since 1970.
    #[prost(uint64, tag = "4")]
    pub time_ms: u64,
}

/// Enough members cosigned a checkpoint of a feed, or any the head of our audit log.
#[derive(Clone, PartialEq, Message)]
pub struct Cosigned {
    #[prost(string, tag = "1")]
    pub origin: String,
    #[prost(uint64, tag = "2")]
    pub size: u64,
    /// The checkpoint as a signed note, with its cosignatures.
    #[prost(string, tag = "3")]
    pub note: String,
}

/// A head of another member's audit log was cosigned: none that contradicts it ever will be.
#[derive(Clone, PartialEq, Message)]
pub struct AuditWitnessed {
    #[prost(string, tag = "1")]
    pub origin: String,
    /// The head as a signed note.
    #[prost(string, tag = "2")]
    pub note: String,
}

/// What a decision's order turned out to be, with the indicators that had matched. A later one about the same decision stands in
/// its place.
#[derive(Clone, PartialEq, Message)]
pub struct OutcomeLearnt {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub decision: Vec<u8>,
    /// 1 confirmed, 2 false positive.
    #[prost(uint32, tag = "2")]
    pub outcome: u32,
    /// When, milliseconds since 1970.
    #[prost(uint64, tag = "3")]
    pub time_ms: u64,
    #[prost(message, repeated, tag = "4")]
    pub indicators: Vec<LearntIndicator>,
}

/// One indicator that had matched.
#[derive(Clone, PartialEq, Message)]
pub struct LearntIndicator {
    #[prost(string, tag = "1")]
    pub member: String,
    /// 32 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub commitment: Vec<u8>,
    /// Ordinal of the identifier's kind.
    #[prost(uint32, tag = "3")]
    pub kind: u32,
    /// Which of our words about it.
    #[prost(uint64, tag = "4")]
    pub word: u64,
}

/// A sighting of another member about one of ours was opened, or could not be.
#[derive(Clone, PartialEq, Message)]
pub struct SightingRead {
    #[prost(string, tag = "1")]
    pub origin: String,
    #[prost(uint64, tag = "2")]
    pub index: u64,
    /// 32 bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub target: Vec<u8>,
    /// 1 confirmed, 2 false positive, 0 where it could not be opened.
    #[prost(uint32, tag = "4")]
    pub outcome: u32,
    /// When it was opened, milliseconds since 1970.
    #[prost(uint64, tag = "5")]
    pub time_ms: u64,
    /// Which of the member's words about it.
    #[prost(uint64, tag = "6")]
    pub word: u64,
}

impl Commit {
    /// Reads a stored commit. A change this program does not know is damage, never skipped.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StorageFault> {
        let commit = Self::decode(bytes).map_err(|error| StorageFault::Damaged(format!("commit: {error}")))?;
        if commit.changes.iter().any(|change| change.kind.is_none()) {
            return Err(StorageFault::Damaged("a commit holds a change this program does not know".to_owned()));
        }
        Ok(commit)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    pub fn push(&mut self, kind: change::Kind) {
        self.changes.push(Change { kind: Some(kind) });
    }

    /// The changes in order.
    pub fn kinds(&self) -> impl Iterator<Item = &change::Kind> {
        self.changes.iter().filter_map(|change| change.kind.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_survives_its_bytes() {
        let mut commit = Commit::default();
        commit.push(change::Kind::Roster(RosterApplied { note: "text".to_owned(), version: 1, time_ms: 7 }));
        assert_eq!(Commit::from_bytes(&commit.to_bytes()), Ok(commit));
    }

    #[test]
    fn the_day_of_an_entry_without_content_stands_behind_its_leaf() {
        let bare = StoredEntry { leaf: vec![7], reckoned_to: Some(20_780), ..StoredEntry::default() };
        assert_eq!(bare.encode_to_vec(), [0x0A, 0x01, 7, 0x20, 0xAC, 0xA2, 0x01]);
        let older = StoredEntry::decode([0x0A, 0x01, 7].as_slice()).expect("as stored before");
        assert_eq!(older, StoredEntry { reckoned_to: None, ..bare });
    }

    #[test]
    fn an_unknown_change_is_damage() {
        // Change with the never used tag 100.
        let unknown = [0x0A, 0x03, 0xA0, 0x06, 0x01];
        assert!(matches!(Commit::from_bytes(&unknown), Err(StorageFault::Damaged(_))));
    }
}
