//! Legal holds as the journal keeps them.

use prost::Message;

use crate::base::bytes::Commitment;
use crate::base::time::Timestamp;
use crate::domain::audit::event::IndicatorRef;
use crate::domain::audit::hold::{By, Hold, HoldId, HoldReason, Scope};
use crate::domain::audit::period::AuditPeriod;
use crate::domain::case::CaseId;
use crate::node::state::damaged;
use crate::node::store::StorageFault;

/// A hold was placed. One of the scopes is given.
#[derive(Clone, PartialEq, Message)]
pub struct HoldPlaced {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// As the audit log names callers.
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
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "6")]
    pub decision: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    pub case: Vec<u8>,
    /// Author and commitment of an indicator.
    #[prost(string, tag = "8")]
    pub member: String,
    #[prost(bytes = "vec", tag = "9")]
    pub commitment: Vec<u8>,
    /// Milliseconds since 1970.
    #[prost(uint64, tag = "10")]
    pub from_ms: u64,
    #[prost(uint64, tag = "11")]
    pub until_ms: u64,
}

/// Somebody asked that a hold be lifted, or somebody else confirmed it.
#[derive(Clone, PartialEq, Message)]
pub struct HoldStepped {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(string, tag = "2")]
    pub by: String,
    #[prost(string, tag = "3")]
    pub person: String,
    #[prost(uint64, tag = "4")]
    pub time_ms: u64,
    /// It is lifted.
    #[prost(bool, tag = "5")]
    pub lifted: bool,
}

impl HoldPlaced {
    pub fn of(hold: &Hold) -> Self {
        let mut stored = Self {
            id: hold.id.0.to_vec(),
            by: hold.placed.caller.clone(),
            person: hold.placed.person.clone(),
            time_ms: hold.placed.at.unix_ms(),
            reason: hold.reason.number(),
            ..Self::default()
        };
        match &hold.scope {
            Scope::Decision(id) => stored.decision = id.0.to_vec(),
            Scope::Case(id) => stored.case = id.0.to_vec(),
            Scope::Indicator(indicator) => {
                stored.member = indicator.member.to_string();
                stored.commitment = indicator.commitment.0.to_vec();
            }
            Scope::Period(period) => {
                (stored.from_ms, stored.until_ms) = (period.from().unix_ms(), period.until().unix_ms());
            }
        }
        stored
    }

    pub fn read(&self) -> Result<Hold, StorageFault> {
        let case = |bytes: &[u8]| bytes.try_into().map(CaseId).map_err(|_| broken("an id of another length"));
        let scope = if !self.decision.is_empty() {
            Scope::Decision(case(&self.decision)?)
        } else if !self.case.is_empty() {
            Scope::Case(case(&self.case)?)
        } else if !self.commitment.is_empty() {
            let commitment = Commitment::try_from(self.commitment.as_slice()).map_err(broken)?;
            Scope::Indicator(IndicatorRef { member: self.member.parse().map_err(broken)?, commitment })
        } else {
            let at = Timestamp::from_unix_ms;
            Scope::Period(AuditPeriod::new(at(self.from_ms), at(self.until_ms)).map_err(broken)?)
        };
        Ok(Hold {
            id: read_id(&self.id)?,
            scope,
            reason: HoldReason::from_number(self.reason).ok_or_else(|| broken("an unknown reason"))?,
            placed: By {
                caller: self.by.clone(),
                person: self.person.clone(),
                at: Timestamp::from_unix_ms(self.time_ms),
            },
            lift_asked: None,
        })
    }
}

impl HoldStepped {
    pub fn of(id: &HoldId, by: &By, lifted: bool) -> Self {
        let (caller, person) = (by.caller.clone(), by.person.clone());
        Self { id: id.0.to_vec(), by: caller, person, time_ms: by.at.unix_ms(), lifted }
    }

    pub fn read(&self) -> Result<(HoldId, By), StorageFault> {
        let at = Timestamp::from_unix_ms(self.time_ms);
        Ok((read_id(&self.id)?, By { caller: self.by.clone(), person: self.person.clone(), at }))
    }
}

pub(in crate::node) fn read_id(bytes: &[u8]) -> Result<HoldId, StorageFault> {
    bytes.try_into().map(HoldId).map_err(|_| broken("an id of another length"))
}

fn broken(error: impl std::fmt::Display) -> StorageFault {
    damaged("legal hold", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_of_every_scope_survives_its_bytes() {
        let by = By { caller: "x".to_owned(), person: "anna".to_owned(), at: Timestamp::from_unix_s(7) };
        let indicator = IndicatorRef { member: "bank-b".parse().expect("valid"), commitment: Commitment([1; 32]) };
        let period = AuditPeriod::new(Timestamp::from_unix_s(1), Timestamp::from_unix_s(2)).expect("a period");
        for scope in [
            Scope::Decision(CaseId([1; 16])),
            Scope::Case(CaseId([2; 16])),
            Scope::Indicator(indicator),
            Scope::Period(period),
        ] {
            let (id, reason) = (HoldId([3; 16]), HoldReason::Authority);
            let hold = Hold { id, scope, reason, placed: by.clone(), lift_asked: None };
            let bytes = HoldPlaced::of(&hold).encode_to_vec();
            assert_eq!(HoldPlaced::decode(bytes.as_slice()).expect("as written").read(), Ok(hold));
        }
        assert_eq!(HoldStepped::of(&HoldId([3; 16]), &by, true).read(), Ok((HoldId([3; 16]), by)));
        assert!(matches!(HoldPlaced::default().read(), Err(StorageFault::Damaged(_))));
    }
}
