//! Cases as the journal keeps them: opened, and step by step.

use std::fmt::Display;

use prost::Message;

use crate::base::bytes::{Commitment, LocalMac, Sha256Digest, WrongLength};
use crate::base::kind::IdentifierKind;
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::case::outcome::Outcome;
use crate::domain::case::state::Step;
use crate::domain::case::{CaseId, Evidence, Opening, Taken};
use crate::domain::indicator::note::Note;
use crate::domain::screening::decision::Decision;
use crate::node::state::damaged;
use crate::node::store::StorageFault;

/// A case was opened; the record of its decision stands in the same commit.
#[derive(Clone, PartialEq, Message)]
pub struct CaseOpened {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// Who asked, as the audit log names callers.
    #[prost(string, tag = "2")]
    pub caller: String,
    /// When it was decided, milliseconds since 1970.
    #[prost(uint64, tag = "3")]
    pub time_ms: u64,
    /// The decision's place among decisions, by how much they stop.
    #[prost(uint32, tag = "4")]
    pub decision: u32,
    #[prost(string, repeated, tag = "5")]
    pub reasons: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    pub evidence: Vec<StoredEvidence>,
    #[prost(bytes = "vec", tag = "7")]
    pub policy_sha256: Vec<u8>,
    #[prost(int64, tag = "8")]
    pub amount_minor: i64,
    #[prost(string, tag = "9")]
    pub currency: String,
    /// Keyed fingerprints of the caller's references, 32 bytes; empty where none was given.
    #[prost(bytes = "vec", tag = "10")]
    pub transaction: Vec<u8>,
    #[prost(bytes = "vec", tag = "11")]
    pub customer: Vec<u8>,
    /// When the timer ends it, milliseconds since 1970.
    #[prost(uint64, tag = "12")]
    pub due_ms: u64,
    /// Index of the first audit record of the commit.
    #[prost(uint64, tag = "13")]
    pub position: u64,
    /// Of an order that passed and was flagged afterwards: the place of what was answered, counted from 1.
    #[prost(uint32, tag = "14")]
    pub answered: u32,
}

/// One indicator that matched.
#[derive(Clone, PartialEq, Message)]
pub struct StoredEvidence {
    #[prost(string, tag = "1")]
    pub member: String,
    #[prost(bytes = "vec", tag = "2")]
    pub commitment: Vec<u8>,
    #[prost(string, tag = "3")]
    pub group: String,
    #[prost(uint64, tag = "4")]
    pub index: u64,
    /// Ordinal of its kind.
    #[prost(uint32, tag = "5")]
    pub kind: u32,
}

/// A step of a case; its audit record stands in the same commit.
#[derive(Clone, PartialEq, Message)]
pub struct CaseStepped {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub time_ms: u64,
    /// As the audit log names callers.
    #[prost(string, tag = "3")]
    pub by: String,
    /// The name of the person.
    #[prost(string, tag = "4")]
    pub person: String,
    /// Index of the first audit record of the commit.
    #[prost(uint64, tag = "5")]
    pub position: u64,
    /// Number of the step.
    #[prost(uint32, tag = "6")]
    pub step: u32,
    /// Of a failed challenge: refuse. Of the end of time: release.
    #[prost(bool, tag = "7")]
    pub flag: bool,
    /// Number of the outcome.
    #[prost(uint32, tag = "8")]
    pub outcome: u32,
    /// The new end of its time, milliseconds since 1970.
    #[prost(uint64, tag = "9")]
    pub due_ms: u64,
    /// A note, or who works it from now on; empty for nobody.
    #[prost(string, tag = "10")]
    pub text: String,
    /// What stops it from now on: the place of the decision.
    #[prost(uint32, tag = "11")]
    pub stop: u32,
    /// What matched that had not before.
    #[prost(message, repeated, tag = "12")]
    pub evidence: Vec<StoredEvidence>,
}

pub(in crate::node) fn stored_opening(opening: &Opening, position: u64) -> CaseOpened {
    CaseOpened {
        id: opening.id.0.to_vec(),
        caller: opening.caller.clone(),
        time_ms: opening.at.unix_ms(),
        decision: place(opening.decision),
        reasons: opening.reasons.clone(),
        evidence: opening.evidence.iter().map(stored_evidence).collect(),
        policy_sha256: opening.policy_sha256.0.to_vec(),
        amount_minor: opening.amount_minor,
        currency: opening.currency.clone(),
        transaction: stored_mac(opening.transaction),
        customer: stored_mac(opening.customer),
        due_ms: opening.due.unix_ms(),
        position,
        answered: opening.answered.map_or(0, |answered| place(answered) + 1),
    }
}

pub(in crate::node) fn read_opening(stored: &CaseOpened) -> Result<Opening, StorageFault> {
    Ok(Opening {
        id: read_id(&stored.id)?,
        caller: stored.caller.clone(),
        at: Timestamp::from_unix_ms(stored.time_ms),
        decision: decision(stored.decision)?,
        answered: stored.answered.checked_sub(1).map(decision).transpose()?,
        reasons: stored.reasons.clone(),
        evidence: stored.evidence.iter().map(read_evidence).collect::<Result<_, _>>()?,
        policy_sha256: Sha256Digest::try_from(stored.policy_sha256.as_slice()).map_err(broken)?,
        amount_minor: stored.amount_minor,
        currency: stored.currency.clone(),
        transaction: read_mac(&stored.transaction).map_err(broken)?,
        customer: read_mac(&stored.customer).map_err(broken)?,
        due: Timestamp::from_unix_ms(stored.due_ms),
    })
}

fn stored_evidence(evidence: &Evidence) -> StoredEvidence {
    StoredEvidence {
        member: evidence.member.to_string(),
        commitment: evidence.commitment.0.to_vec(),
        group: evidence.group.to_string(),
        index: evidence.index.0,
        kind: ordinal(Some(evidence.kind.ordinal())),
    }
}

fn read_evidence(stored: &StoredEvidence) -> Result<Evidence, StorageFault> {
    let kind = usize::try_from(stored.kind).ok().and_then(|place| IdentifierKind::ALL.get(place));
    Ok(Evidence {
        member: stored.member.parse().map_err(broken)?,
        commitment: Commitment::try_from(stored.commitment.as_slice()).map_err(broken)?,
        group: stored.group.parse().map_err(broken)?,
        index: EntryIndex(stored.index),
        kind: *kind.ok_or_else(|| broken("an unknown kind"))?,
    })
}

pub(in crate::node) fn stored_step(id: CaseId, taken: &Taken, position: u64) -> CaseStepped {
    let mut stored = CaseStepped {
        id: id.0.to_vec(),
        time_ms: taken.at.unix_ms(),
        by: taken.by.clone(),
        person: taken.person.clone(),
        position,
        ..CaseStepped::default()
    };
    stored.step = match &taken.step {
        Step::StartChallenge => 1,
        Step::PassChallenge => 2,
        Step::FailChallenge { refuse } => {
            stored.flag = *refuse;
            3
        }
        Step::Release => 4,
        Step::ConfirmRelease => 5,
        Step::Refuse => 6,
        Step::Expire { release } => {
            stored.flag = *release;
            7
        }
        Step::Resolve(outcome) => {
            stored.outcome = outcome.number();
            8
        }
        Step::Reopen { due } => {
            stored.due_ms = due.unix_ms();
            9
        }
        Step::Assign(to) => {
            stored.text = to.clone().unwrap_or_default();
            10
        }
        Step::Note(note) => {
            stored.text = note.as_str().to_owned();
            11
        }
        Step::Tighten { to, evidence } => {
            stored.stop = place(*to);
            stored.evidence = evidence.iter().map(stored_evidence).collect();
            12
        }
    };
    stored
}

pub(in crate::node) fn read_step(stored: &CaseStepped) -> Result<(CaseId, Taken), StorageFault> {
    let step = match stored.step {
        1 => Step::StartChallenge,
        2 => Step::PassChallenge,
        3 => Step::FailChallenge { refuse: stored.flag },
        4 => Step::Release,
        5 => Step::ConfirmRelease,
        6 => Step::Refuse,
        7 => Step::Expire { release: stored.flag },
        8 => Step::Resolve(Outcome::from_number(stored.outcome).ok_or_else(|| broken("an unknown outcome"))?),
        9 => Step::Reopen { due: Timestamp::from_unix_ms(stored.due_ms) },
        10 => Step::Assign((!stored.text.is_empty()).then(|| stored.text.clone())),
        // As it was taken: a rule that became stricter since does not make the store unreadable.
        11 => Step::Note(Note::received(&stored.text).map_err(broken)?),
        12 => Step::Tighten {
            to: decision(stored.stop)?,
            evidence: stored.evidence.iter().map(read_evidence).collect::<Result<_, _>>()?,
        },
        _ => return Err(broken("an unknown step")),
    };
    let at = Timestamp::from_unix_ms(stored.time_ms);
    Ok((read_id(&stored.id)?, Taken { at, by: stored.by.clone(), person: stored.person.clone(), step }))
}

pub(in crate::node) fn read_id(bytes: &[u8]) -> Result<CaseId, StorageFault> {
    bytes.try_into().map(CaseId).map_err(|_| broken("an id of another length"))
}

/// None is empty bytes.
pub(in crate::node) fn stored_mac(mac: Option<LocalMac>) -> Vec<u8> {
    mac.map(|mac| mac.0.to_vec()).unwrap_or_default()
}

/// Empty bytes are none.
pub(in crate::node) fn read_mac(bytes: &[u8]) -> Result<Option<LocalMac>, WrongLength> {
    if bytes.is_empty() { Ok(None) } else { LocalMac::try_from(bytes).map(Some) }
}

fn decision(place: u32) -> Result<Decision, StorageFault> {
    let known = usize::try_from(place).ok().and_then(|place| Decision::ALL.get(place)).copied();
    known.ok_or_else(|| broken("an unknown decision"))
}

fn place(decision: Decision) -> u32 {
    ordinal(Decision::ALL.iter().position(|known| *known == decision))
}

fn ordinal(place: Option<usize>) -> u32 {
    place.and_then(|place| u32::try_from(place).ok()).expect("every list of words is short and complete")
}

pub(in crate::node) fn broken(error: impl Display) -> StorageFault {
    damaged("case", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> Evidence {
        Evidence {
            member: "bank-b".parse().expect("valid"),
            commitment: Commitment([9; 32]),
            group: "all".parse().expect("valid"),
            index: EntryIndex(12),
            kind: IdentifierKind::Email,
        }
    }

    #[test]
    fn an_opening_survives_its_bytes() {
        let opening = Opening {
            id: CaseId([3; 16]),
            caller: "hushwire://shop/screener/till".to_owned(),
            at: Timestamp::from_unix_ms(7),
            decision: Decision::Block,
            answered: Some(Decision::Challenge),
            reasons: vec!["own_block_list".to_owned()],
            evidence: vec![evidence()],
            policy_sha256: Sha256Digest([1; 32]),
            amount_minor: -1,
            currency: "EUR".to_owned(),
            transaction: Some(LocalMac([5; 32])),
            customer: None,
            due: Timestamp::from_unix_ms(9),
        };
        let stored = CaseOpened::decode(stored_opening(&opening, 4).encode_to_vec().as_slice()).expect("as written");
        assert_eq!((read_opening(&stored), stored.position), (Ok(opening), 4));
        for broken in [
            CaseOpened { id: vec![1], ..stored.clone() },
            CaseOpened { decision: 9, ..stored.clone() },
            CaseOpened { answered: 9, ..stored.clone() },
            CaseOpened { customer: vec![1], ..stored },
        ] {
            assert!(read_opening(&broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn every_step_survives_its_bytes() {
        let steps = [
            Step::StartChallenge,
            Step::PassChallenge,
            Step::FailChallenge { refuse: true },
            Step::FailChallenge { refuse: false },
            Step::Release,
            Step::ConfirmRelease,
            Step::Refuse,
            Step::Expire { release: true },
            Step::Resolve(Outcome::Genuine),
            Step::Reopen { due: Timestamp::from_unix_ms(8) },
            Step::Assign(Some("anna".to_owned())),
            Step::Assign(None),
            Step::Note(Note::new("called").expect("valid")),
            Step::Tighten { to: Decision::Block, evidence: vec![evidence()] },
        ];
        for step in steps {
            let (by, person) = ("hushwire://shop/analyst/anna".to_owned(), "anna".to_owned());
            let taken = Taken { at: Timestamp::from_unix_ms(7), by, person, step };
            let bytes = stored_step(CaseId([3; 16]), &taken, 2).encode_to_vec();
            let stored = CaseStepped::decode(bytes.as_slice()).expect("as written");
            assert_eq!(read_step(&stored), Ok((CaseId([3; 16]), taken)));
        }
        assert!(read_step(&CaseStepped { id: vec![0; 16], step: 99, ..CaseStepped::default() }).is_err());
    }
}
