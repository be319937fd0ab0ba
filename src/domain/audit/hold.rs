//! Legal holds: what must not be erased by expiry while somebody may still need it, and who may say that it is over.
//!
//! A hold suspends expiry. It does not stand against an erasure that the author of an indicator orders for the exchange: its copy
//! goes, and what this member's own decisions rested on stays as evidence of these decisions (docs/audit.md, "Legal hold").
//! Placing takes one person, lifting two.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::base::bytes::Commitment;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::event::IndicatorRef;
use crate::domain::audit::period::AuditPeriod;
use crate::domain::audit::record::AuditRecord;
use crate::domain::audit::report_totals::matched_names;
use crate::domain::case::CaseId;

/// Names one hold: 16 random bytes, in text 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HoldId(pub [u8; 16]);

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Not the id of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a legal hold has 32 hex digits")]
pub struct NoHoldId;

impl FromStr for HoldId {
    type Err = NoHoldId;

    fn from_str(text: &str) -> Result<Self, NoHoldId> {
        let bytes = hex::decode(text).map_err(|_| NoHoldId)?;
        bytes.try_into().map(Self).map_err(|_| NoHoldId)
    }
}

/// What is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A decision: its record, what stands behind it, its case.
    Decision(CaseId),
    /// The same, named by its case.
    Case(CaseId),
    /// An indicator: what it says, and every decision that names it.
    Indicator(IndicatorRef),
    /// All that was recorded or came in a period.
    Period(AuditPeriod),
}

impl Scope {
    /// Stable word for the audit log.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Decision(_) => "decision",
            Self::Case(_) => "case",
            Self::Indicator(_) => "indicator",
            Self::Period(_) => "period",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision(id) | Self::Case(id) => write!(f, "{id}"),
            Self::Indicator(indicator) => f.write_str(&indicator.name()),
            Self::Period(period) => write!(f, "{}/{}", period.from(), period.until()),
        }
    }
}

/// Why something is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldReason {
    /// A lawsuit that is pending or expected.
    Litigation,
    /// A court or supervisor ordered it.
    Authority,
    /// A customer complains or disputes.
    Complaint,
    /// The member itself is investigating.
    Investigation,
}

impl HoldReason {
    pub const ALL: [Self; 4] = [Self::Litigation, Self::Authority, Self::Complaint, Self::Investigation];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Litigation => "litigation",
            Self::Authority => "authority",
            Self::Complaint => "complaint",
            Self::Investigation => "investigation",
        }
    }

    /// Its number in the journal and on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::Litigation => 1,
            Self::Authority => 2,
            Self::Complaint => 3,
            Self::Investigation => 4,
        }
    }

    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }
}

/// Somebody, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// As the audit log names callers.
    pub caller: String,
    /// The name of the person: one who holds certificates of two roles is one.
    pub person: String,
    pub at: Timestamp,
}

/// One hold that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub id: HoldId,
    pub scope: Scope,
    pub reason: HoldReason,
    pub placed: By,
    /// Who asked that it be lifted.
    pub lift_asked: Option<By>,
}

impl Hold {
    /// Who asked that it be lifted, as long as somebody else can still confirm that.
    pub fn lifting(&self, now: Timestamp) -> Option<&By> {
        self.lift_asked.as_ref().filter(|asked| now < lift_ends(asked))
    }
}

/// From this moment on nobody can confirm it.
pub fn lift_ends(asked: &By) -> Timestamp {
    asked.at.plus_s(limits::evidence::HOLD_LIFT_HOURS * 3_600)
}

/// All holds that stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holds(BTreeMap<HoldId, Hold>);

impl Holds {
    pub fn place(&mut self, hold: Hold) {
        self.0.insert(hold.id, hold);
    }

    /// Somebody asked that it be lifted. Of one that is not there nothing is left to lift.
    pub fn ask_lift(&mut self, id: &HoldId, by: By) {
        if let Some(hold) = self.0.get_mut(id) {
            hold.lift_asked = Some(by);
        }
    }

    pub fn lift(&mut self, id: &HoldId) {
        self.0.remove(id);
    }

    pub fn get(&self, id: &HoldId) -> Option<&Hold> {
        self.0.get(id)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Hold> {
        self.0.values()
    }

    /// What they hold together.
    pub fn held(&self) -> HeldBack {
        let mut held = HeldBack::default();
        for hold in self.0.values() {
            match &hold.scope {
                Scope::Decision(id) | Scope::Case(id) => drop(held.decisions.insert(*id)),
                Scope::Indicator(indicator) => drop(held.indicators.insert(indicator.commitment)),
                Scope::Period(period) => held.periods.push(*period),
            }
        }
        held
    }
}

/// What is held, to be asked of every content that is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldBack {
    decisions: BTreeSet<CaseId>,
    indicators: BTreeSet<Commitment>,
    periods: Vec<AuditPeriod>,
}

impl HeldBack {
    pub fn is_empty(&self) -> bool {
        self.decisions.is_empty() && self.indicators.is_empty() && self.periods.is_empty()
    }

    /// An audit record: of the period, or about the decision, case or indicator.
    pub fn record(&self, record: &AuditRecord) -> bool {
        let named =
            || matched_names(record).chain([record.subject()]).filter_map(|name| name.parse::<IndicatorRef>().ok());
        self.time(record.time())
            || record.subject().parse().is_ok_and(|id| self.decisions.contains(&id))
            || (!self.indicators.is_empty() && named().any(|named| self.indicators.contains(&named.commitment)))
    }

    /// What stands behind a decision.
    pub fn decision(&self, id: &str, time: Option<Timestamp>, indicators: impl Iterator<Item = Commitment>) -> bool {
        time.is_some_and(|time| self.time(time))
            || id.parse().is_ok_and(|id| self.decisions.contains(&id))
            || indicators.into_iter().any(|indicator| self.indicators.contains(&indicator))
    }

    /// A case, by what it is named by and when its decision was made.
    pub fn case(&self, id: &CaseId, decided: Timestamp) -> bool {
        self.decisions.contains(id) || self.time(decided)
    }

    /// An entry of a feed, appended here at that time.
    pub fn entry(&self, commitment: &Commitment, appended: Timestamp) -> bool {
        self.indicators.contains(commitment) || self.time(appended)
    }

    fn time(&self, time: Timestamp) -> bool {
        self.periods.iter().any(|period| period.contains(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Sha256Digest;
    use crate::domain::audit::event::AuditEvent;
    use crate::domain::audit::record::Actor;

    const AT: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn by(person: &str) -> By {
        By { caller: format!("hushwire://bank-a/auditor/{person}"), person: person.to_owned(), at: AT }
    }

    fn indicator(byte: u8) -> IndicatorRef {
        IndicatorRef { member: "bank-b".parse().expect("valid"), commitment: Commitment([byte; 32]) }
    }

    fn decided(byte: u8, matched: u8, time: Timestamp) -> AuditRecord {
        let event = AuditEvent::ScreeningDecided {
            decision_id: CaseId([byte; 16]).to_string(),
            decision: "hold",
            reasons: Vec::new(),
            matched: vec![indicator(matched)],
            policy_sha256: Sha256Digest([1; 32]),
            degraded: false,
            anomalies: Vec::new(),
            detail: None,
        };
        event.into_record(time, &Actor::Node)
    }

    fn held(scope: Scope) -> HeldBack {
        let mut holds = Holds::default();
        holds.place(Hold {
            id: HoldId([9; 16]),
            scope,
            reason: HoldReason::Complaint,
            placed: by("anna"),
            lift_asked: None,
        });
        holds.held()
    }

    #[test]
    fn a_hold_holds_what_is_about_its_decision_its_indicator_or_its_period_and_nothing_else() {
        let check = |scope: Scope, expected: [bool; 3]| {
            let held = held(scope.clone());
            let records = [decided(1, 7, AT), decided(2, 8, AT.plus_s(100)), decided(3, 7, AT.plus_s(200))];
            assert_eq!(records.each_ref().map(|record| held.record(record)), expected, "{scope}");
            // What stands behind a decision is held with its record.
            let behind = [(1, 7, 0), (2, 8, 100), (3, 7, 200)].map(|(id, matched, s)| {
                let id = CaseId([id; 16]).to_string();
                held.decision(&id, Some(AT.plus_s(s)), [Commitment([matched; 32])].into_iter())
            });
            assert_eq!(behind, expected, "{scope}");
        };
        check(Scope::Decision(CaseId([1; 16])), [true, false, false]);
        check(Scope::Case(CaseId([3; 16])), [false, false, true]);
        check(Scope::Indicator(indicator(7)), [true, false, true]);
        check(Scope::Period(AuditPeriod::new(AT.plus_s(100), AT.plus_s(200)).expect("a period")), [false, true, false]);
    }

    #[test]
    fn an_entry_of_a_feed_is_held_by_its_name_or_by_when_it_came() {
        let (one, other) = (Commitment([7; 32]), Commitment([8; 32]));
        let by_name = held(Scope::Indicator(indicator(7)));
        assert_eq!((by_name.entry(&one, AT), by_name.entry(&other, AT)), (true, false));
        let of_period = held(Scope::Period(AuditPeriod::new(AT, AT.plus_s(1)).expect("a period")));
        assert_eq!((of_period.entry(&one, AT), of_period.entry(&one, AT.plus_s(1))), (true, false));
        assert_eq!(
            (of_period.case(&CaseId([1; 16]), AT), of_period.case(&CaseId([1; 16]), AT.plus_s(1))),
            (true, false)
        );
    }

    #[test]
    fn who_asks_that_a_hold_be_lifted_is_forgotten_after_its_time() {
        let mut hold = Hold {
            id: HoldId([9; 16]),
            scope: Scope::Decision(CaseId([1; 16])),
            reason: HoldReason::Litigation,
            placed: by("anna"),
            lift_asked: None,
        };
        assert_eq!(hold.lifting(AT), None);
        hold.lift_asked = Some(by("ben"));
        let ends = lift_ends(&by("ben"));
        assert_eq!(hold.lifting(Timestamp::from_unix_ms(ends.unix_ms() - 1)), Some(&by("ben")));
        assert_eq!(hold.lifting(ends), None);
        assert_eq!(hold.id.to_string().parse(), Ok(hold.id));
        assert_eq!("zz".parse::<HoldId>(), Err(NoHoldId));
    }
}
