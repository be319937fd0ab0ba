//! Quarantines as the journal keeps them: raised, and what people decided of them.

use prost::Message;

use crate::base::bytes::Commitment;
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::screening::brake::HeldReason;
use crate::node::quarantine::{QuarantineId, Raise, Row, Standing, Subject};
use crate::node::state::damaged;
use crate::node::store::StorageFault;

/// Something was held back.
#[derive(Clone, PartialEq, Message)]
pub struct Quarantined {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(string, tag = "2")]
    pub member: String,
    /// Ordinal of the identifier's kind.
    #[prost(uint32, tag = "3")]
    pub kind: u32,
    /// Commitment of the indicator, 32 bytes; empty where it is everything new of that member and kind.
    #[prost(bytes = "vec", tag = "4")]
    pub commitment: Vec<u8>,
    /// Number of the reason.
    #[prost(uint32, tag = "5")]
    pub reason: u32,
    /// When, milliseconds since 1970.
    #[prost(uint64, tag = "6")]
    pub time_ms: u64,
    /// What is first held from then on is held back, milliseconds since 1970; of a flood only.
    #[prost(uint64, tag = "7")]
    pub since_ms: u64,
    /// Transactions it concerned, and of how many.
    #[prost(uint64, tag = "8")]
    pub matched: u64,
    #[prost(uint64, tag = "9")]
    pub transactions: u64,
}

/// A person decided, or asked for a second one.
#[derive(Clone, PartialEq, Message)]
pub struct QuarantineDecided {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// 1 lift asked for, 2 lifted, 3 kept.
    #[prost(uint32, tag = "2")]
    pub step: u32,
    /// Who, as the audit log names callers.
    #[prost(string, tag = "3")]
    pub by: String,
    /// The name in their certificate.
    #[prost(string, tag = "4")]
    pub person: String,
    /// When, milliseconds since 1970.
    #[prost(uint64, tag = "5")]
    pub time_ms: u64,
}

pub(in crate::node) const LIFT_ASKED: u32 = 1;
pub(in crate::node) const LIFTED: u32 = 2;
pub(in crate::node) const KEPT: u32 = 3;

impl Row {
    pub(in crate::node) fn stored(&self) -> Quarantined {
        let Raise { member, kind, subject, reason, matched, transactions } = &self.raise;
        let (commitment, since_ms) = match subject {
            Subject::Indicator(commitment) => (commitment.0.to_vec(), 0),
            Subject::AllNew { since } => (Vec::new(), since.unix_ms()),
        };
        Quarantined {
            id: self.id.0.to_vec(),
            member: member.to_string(),
            kind: u32::try_from(kind.ordinal()).expect("there are sixteen kinds"),
            commitment,
            reason: reason.number(),
            time_ms: self.at.unix_ms(),
            since_ms,
            matched: *matched,
            transactions: *transactions,
        }
    }

    pub(in crate::node) fn read(stored: &Quarantined) -> Result<Self, StorageFault> {
        let broken = |what: &str| damaged("quarantine", what);
        let kind = usize::try_from(stored.kind).ok().and_then(|kind| IdentifierKind::ALL.get(kind).copied());
        let subject = if stored.commitment.is_empty() {
            Subject::AllNew { since: Timestamp::from_unix_ms(stored.since_ms) }
        } else {
            let commitment = Commitment::try_from(stored.commitment.as_slice());
            Subject::Indicator(commitment.map_err(|error| damaged("quarantine", error))?)
        };
        Ok(Self {
            id: read_id(&stored.id)?,
            raise: Raise {
                member: stored.member.parse().map_err(|error| damaged("quarantine", error))?,
                kind: kind.ok_or_else(|| broken("an unknown kind"))?,
                subject,
                reason: HeldReason::from_number(stored.reason).ok_or_else(|| broken("an unknown reason"))?,
                matched: stored.matched,
                transactions: stored.transactions,
            },
            at: Timestamp::from_unix_ms(stored.time_ms),
            standing: Standing::Waiting,
        })
    }
}

pub(in crate::node) fn read_id(bytes: &[u8]) -> Result<QuarantineId, StorageFault> {
    bytes.try_into().map(QuarantineId).map_err(|_| damaged("quarantine", "an id of another length"))
}
