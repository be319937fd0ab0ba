//! The privacy budget: what was charged, under which release id, and what came out.
//!
//! A value that is rebuilt from the journal's events at every start. Rules:
//! - A charge is an event of its own, durable before noise is drawn; the result is a second event, durable before it is
//!   shown. Between the two a release is *paid*: drawing is allowed again, since nothing of it was ever seen.
//! - A repeated id returns the stored bytes and costs nothing; asking again never averages the noise away.
//! - What would exceed the cap is refused, costs nothing and says when a new budget begins. What the schedule will still need of
//!   the quarter is kept from everybody else; a release of the schedule that does not fit all the same is skipped for good.
//! - A restored node first takes over what its own published releases say was spent ([`Ledger::take_over`]): an old backup
//!   brings no budget back.

use std::collections::BTreeMap;

use crate::base::time::Day;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::event::{Charge, LedgerEvent};
use crate::domain::statistics::period::{Quarter, date_text};
use crate::domain::statistics::question::{Question, ReleaseId};

/// What to do for a release that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission<'a> {
    /// Make this charge durable, then draw.
    Charge(Charge),
    /// Charged before, nothing seen yet: draw.
    Paid,
    /// Released before: return these bytes.
    Released(&'a [u8]),
}

/// Why nothing is released. Nothing was charged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetRefusal {
    #[error(
        "the privacy budget of {quarter} is {cap}, {spent} of it is spent and {kept} kept for the schedule; a loss of {asked} \
         does not fit. A new budget begins on {renews}, for data from that day on",
        renews = date_text(*renews)
    )]
    Exhausted { quarter: Quarter, cap: Epsilon, spent: Epsilon, kept: Epsilon, asked: Epsilon, renews: Day },
    #[error("ids that begin with \"daily-\" or \"weekly-\" are the schedule's; choose another id")]
    OfSchedule,
    #[error("this release id stands for another question; choose a new id")]
    IdTaken,
    #[error("a release costs between {least} and {most}")]
    Price { least: Epsilon, most: Epsilon },
}

impl BudgetRefusal {
    /// Stable name for clients and the audit log.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Exhausted { .. } => "budget_exhausted",
            Self::OfSchedule => "release_id_of_schedule",
            Self::IdTaken => "release_id_taken",
            Self::Price { .. } => "price",
        }
    }
}

/// Events that contradict each other: the store is damaged or was edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    #[error("a release was charged twice")]
    ChargedTwice,
    #[error("a release was never charged")]
    NotCharged,
    #[error("a release has two results")]
    TwoResults,
    #[error("the charges exceed 64 bits")]
    Overflow,
}

/// The budget of one quarter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub spent: Epsilon,
    pub cap: Epsilon,
    /// First day of the next quarter.
    pub renews: Day,
    /// Releases of the schedule that found no room in it.
    pub skipped: usize,
}

impl Budget {
    pub fn left(&self) -> Epsilon {
        Epsilon::from_nano(self.cap.nano().saturating_sub(self.spent.nano()))
    }
}

#[derive(Debug, Clone)]
struct Release {
    /// None for a release known only from what was published.
    question: Option<Question>,
    blob: Option<Vec<u8>>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Ledger {
    cap: Epsilon,
    releases: BTreeMap<ReleaseId, Release>,
    spent: BTreeMap<Quarter, Epsilon>,
    skipped: BTreeMap<ReleaseId, Quarter>,
}

impl Ledger {
    pub fn new(cap: Epsilon) -> Self {
        Self { cap, releases: BTreeMap::new(), spent: BTreeMap::new(), skipped: BTreeMap::new() }
    }

    /// Decides about a release. `cost` is the loss of the planned draw, which may be a billionth above what was asked; `kept` is
    /// what somebody else will still need of the quarter.
    pub fn admit(
        &self,
        id: &ReleaseId,
        question: Question,
        cost: Epsilon,
        kept: Epsilon,
    ) -> Result<Admission<'_>, BudgetRefusal> {
        if let Some(release) = self.releases.get(id) {
            return match (&release.blob, release.question) {
                (_, Some(known)) if known != question => Err(BudgetRefusal::IdTaken),
                (Some(blob), _) => Ok(Admission::Released(blob)),
                (None, _) => Ok(Admission::Paid),
            };
        }
        if question.asked < Epsilon::RELEASE_LEAST || question.asked > self.cap {
            return Err(BudgetRefusal::Price { least: Epsilon::RELEASE_LEAST, most: self.cap });
        }
        let quarter = question.period.quarter();
        let spent = self.spent(quarter);
        let after = spent.checked_plus(cost).and_then(|after| after.checked_plus(kept));
        if after.is_none_or(|after| after > self.cap) {
            let renews = quarter.next().first_day();
            return Err(BudgetRefusal::Exhausted { quarter, cap: self.cap, spent, kept, asked: cost, renews });
        }
        Ok(Admission::Charge(Charge { id: id.clone(), question, epsilon: cost }))
    }

    /// Takes in an event that is durable: when it was just written, and at every start in the order of the journal.
    pub fn apply(&mut self, event: LedgerEvent) -> Result<(), LedgerFault> {
        match event {
            LedgerEvent::Charged(Charge { id, question, epsilon }) => {
                if self.releases.contains_key(&id) {
                    return Err(LedgerFault::ChargedTwice);
                }
                let quarter = question.period.quarter();
                let after = self.spent(quarter).checked_plus(epsilon).ok_or(LedgerFault::Overflow)?;
                self.spent.insert(quarter, after);
                self.releases.insert(id, Release { question: Some(question), blob: None });
            }
            LedgerEvent::Released { id, blob } => {
                let release = self.releases.get_mut(&id).ok_or(LedgerFault::NotCharged)?;
                if release.blob.as_ref().is_some_and(|known| *known != blob) {
                    return Err(LedgerFault::TwoResults);
                }
                release.blob = Some(blob);
            }
            LedgerEvent::Skipped { id, period } => {
                self.skipped.insert(id, period.quarter());
            }
        }
        Ok(())
    }

    /// Takes over one of this member's own published releases, from its feed as peers hold it: a store restored from a
    /// backup may know neither the release nor what it cost. Any number of times, in any order.
    pub fn take_over(&mut self, id: ReleaseId, published: &StatisticsRelease, blob: Vec<u8>) {
        let release = self.releases.entry(id).or_insert(Release { question: None, blob: None });
        release.blob.get_or_insert(blob);
        let spent = self.spent.entry(Quarter::of(published.from_day)).or_default();
        *spent = Epsilon::from_nano(published.spent_nano).max(*spent);
    }

    /// Whether a release needs no more budget: it was charged, or given up.
    pub fn is_settled(&self, id: &ReleaseId) -> bool {
        self.releases.contains_key(id) || self.skipped.contains_key(id)
    }

    /// Whether nothing is to be drawn for it any more.
    pub fn is_done(&self, id: &ReleaseId) -> bool {
        self.skipped.contains_key(id) || self.releases.get(id).is_some_and(|release| release.blob.is_some())
    }

    /// What came out under an id.
    pub fn released(&self, id: &ReleaseId) -> Option<&[u8]> {
        self.releases.get(id).and_then(|release| release.blob.as_deref())
    }

    pub fn cap(&self) -> Epsilon {
        self.cap
    }

    /// What was charged to a quarter.
    pub fn spent(&self, quarter: Quarter) -> Epsilon {
        self.spent.get(&quarter).copied().unwrap_or_default()
    }

    /// The budget for data of the quarter of `today`.
    pub fn budget(&self, today: Day) -> Budget {
        let quarter = Quarter::of(today);
        let skipped = self.skipped.values().filter(|skipped| **skipped == quarter).count();
        Budget { spent: self.spent(quarter), cap: self.cap, renews: quarter.next().first_day(), skipped }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::statistics::period::Period;
    use crate::domain::statistics::question::Query;
    use crate::domain::statistics::release::{Figures, Paid, assemble};

    const TODAY: Day = Day(20_779); // 2026-11-22

    fn id(name: &str) -> ReleaseId {
        name.parse().expect("valid")
    }

    fn question(from: u32, asked: u64) -> Question {
        let period = Period::new(Day(from), Day(from + 1), TODAY).expect("inside a quarter");
        Question { query: Query::PublishedIndicatorsByKind, period, asked: Epsilon::from_nano(asked) }
    }

    fn charge(ledger: &mut Ledger, name: &str, question: Question) -> Result<(), BudgetRefusal> {
        match ledger.admit(&id(name), question, question.asked, Epsilon::NONE)? {
            Admission::Charge(charge) => ledger.apply(LedgerEvent::Charged(charge)).expect("admitted"),
            Admission::Paid | Admission::Released(_) => {}
        }
        Ok(())
    }

    #[test]
    fn the_cap_holds_and_a_refusal_costs_nothing_and_says_when_the_budget_renews() {
        let mut ledger = Ledger::new(Epsilon::from_nano(100_000_000));
        let ask = question(TODAY.0, 40_000_000);
        charge(&mut ledger, "a", ask).expect("fits");
        charge(&mut ledger, "b", ask).expect("fits");
        let before = ledger.budget(TODAY);
        let refused = charge(&mut ledger, "c", ask).expect_err("over the cap");
        assert_eq!(
            refused.to_string(),
            "the privacy budget of 2026-Q4 is 0.100000000, 0.080000000 of it is spent and 0.000000000 kept for the schedule; a \
             loss of 0.040000000 does not fit. A new budget begins on 2027-01-01, for data from that day on"
        );
        assert_eq!(ledger.budget(TODAY), before);
        charge(&mut ledger, "d", question(TODAY.0, 20_000_000)).expect("what is left can still be spent");
    }

    #[test]
    fn what_is_kept_for_the_schedule_is_no_one_elses() {
        let ledger = Ledger::new(Epsilon::from_nano(100_000_000));
        let ask = question(TODAY.0, 40_000_000);
        let admit = |kept| ledger.admit(&id("a"), ask, ask.asked, Epsilon::from_nano(kept)).map(|_| ());
        assert_eq!(admit(60_000_000), Ok(()));
        let refused = admit(60_000_001).expect_err("a billionth too little");
        assert!(matches!(refused, BudgetRefusal::Exhausted { .. }), "{refused:?}");
        assert!(refused.to_string().contains("0.060000001 kept for the schedule"), "{refused}");
        assert!(admit(u64::MAX).is_err(), "and no overflow");
    }

    #[test]
    fn what_was_skipped_is_done_costs_nothing_and_is_counted_in_its_quarter() {
        let mut ledger = Ledger::new(Epsilon::QUARTER_CAP);
        let period = question(TODAY.0, 1_000_000).period;
        ledger.apply(LedgerEvent::Skipped { id: id("daily-a"), period }).expect("any time");
        ledger.apply(LedgerEvent::Skipped { id: id("daily-a"), period }).expect("and again");
        let budget = ledger.budget(TODAY);
        assert_eq!((budget.skipped, budget.spent, budget.left()), (1, Epsilon::NONE, Epsilon::QUARTER_CAP));
        assert!(ledger.is_done(&id("daily-a")) && ledger.is_settled(&id("daily-a")));
        assert_eq!(ledger.budget(Day(20_700)).skipped, 0);
    }

    #[test]
    fn what_was_charged_needs_no_more_budget_and_is_still_to_be_drawn() {
        let mut ledger = Ledger::new(Epsilon::QUARTER_CAP);
        charge(&mut ledger, "daily-a", question(TODAY.0, 1_000_000)).expect("fits");
        assert!(ledger.is_settled(&id("daily-a")) && !ledger.is_done(&id("daily-a")));
        ledger.apply(LedgerEvent::Released { id: id("daily-a"), blob: vec![1] }).expect("was charged");
        assert!(ledger.is_done(&id("daily-a")));
        assert!(!ledger.is_settled(&id("daily-b")) && !ledger.is_done(&id("daily-b")));
    }

    #[test]
    fn another_quarter_has_its_own_budget() {
        let mut ledger = Ledger::new(Epsilon::from_nano(50_000_000));
        charge(&mut ledger, "a", question(TODAY.0, 50_000_000)).expect("fits");
        charge(&mut ledger, "b", question(20_700, 50_000_000)).expect("the quarter before is untouched");
    }

    #[test]
    fn a_repeated_id_returns_the_stored_bytes_without_charge() {
        let mut ledger = Ledger::new(Epsilon::QUARTER_CAP);
        let ask = question(TODAY.0, 100_000_000);
        charge(&mut ledger, "a", ask).expect("fits");
        assert_eq!(
            ledger.admit(&id("a"), ask, ask.asked, Epsilon::NONE),
            Ok(Admission::Paid),
            "a crash before the result draws again"
        );
        assert_eq!(ledger.released(&id("a")), None);
        ledger.apply(LedgerEvent::Released { id: id("a"), blob: vec![1, 2] }).expect("was charged");
        assert_eq!(ledger.released(&id("a")), Some(&[1, 2][..]));
        assert_eq!(ledger.admit(&id("a"), ask, ask.asked, Epsilon::NONE), Ok(Admission::Released(&[1, 2])));
        assert_eq!(ledger.spent(Quarter::of(TODAY)), ask.asked);
        let other = question(TODAY.0 - 1, 100_000_000);
        assert_eq!(ledger.admit(&id("a"), other, other.asked, Epsilon::NONE), Err(BudgetRefusal::IdTaken));
    }

    #[test]
    fn prices_beyond_the_limits_are_refused() {
        let ledger = Ledger::new(Epsilon::QUARTER_CAP);
        for asked in [0, 999_999, 2_000_000_001] {
            let ask = question(TODAY.0, asked);
            assert!(
                matches!(ledger.admit(&id("a"), ask, ask.asked, Epsilon::NONE), Err(BudgetRefusal::Price { .. })),
                "{asked}"
            );
        }
    }

    #[test]
    fn a_restored_ledger_takes_over_what_was_published() {
        let quarter = Quarter::of(TODAY);
        let published = |spent_nano: u64| {
            let figures = Figures { scale: 20.0, contribution_bound: 2, accuracy_95: 60.9 };
            let member = "bank-a".parse().expect("valid");
            let question = question(TODAY.0, 100_000_000);
            let paid =
                Paid { epsilon: question.asked, spent: Epsilon::from_nano(spent_nano), cap: Epsilon::QUARTER_CAP };
            assemble(&id("a"), question, member, paid, figures, vec![0; 16]).expect("one count a category")
        };
        let mut restored = Ledger::new(Epsilon::QUARTER_CAP);
        restored.take_over(id("b"), &published(1_900_000_000), vec![2]);
        restored.take_over(id("a"), &published(1_000_000_000), vec![1]);
        assert_eq!(restored.spent(quarter), Epsilon::from_nano(1_900_000_000));
        assert_eq!(
            restored.admit(&id("a"), question(TODAY.0, 5_000_000), Epsilon::NONE, Epsilon::NONE),
            Ok(Admission::Released(&[1]))
        );
        assert!(charge(&mut restored, "c", question(TODAY.0, 200_000_000)).is_err());
    }

    #[test]
    fn events_that_contradict_each_other_are_faults() {
        let mut ledger = Ledger::new(Epsilon::QUARTER_CAP);
        let charged = Charge { id: id("a"), question: question(TODAY.0, 1_000_000), epsilon: Epsilon::from_nano(1) };
        let charged = LedgerEvent::Charged(charged);
        let released = |blob: u8| LedgerEvent::Released { id: id("a"), blob: vec![blob] };
        assert_eq!(ledger.apply(released(1)), Err(LedgerFault::NotCharged));
        ledger.apply(charged.clone()).expect("first");
        assert_eq!(ledger.apply(charged), Err(LedgerFault::ChargedTwice));
        ledger.apply(released(1)).expect("first");
        ledger.apply(released(1)).expect("the same bytes again");
        assert_eq!(ledger.apply(released(2)), Err(LedgerFault::TwoResults));
    }

    proptest! {
        /// Any sequence of questions, repeats, crashes between charge and result, and restarts: the sum of what came out
        /// never exceeds the cap, and every id has one result.
        #[test]
        fn the_budget_survives_repeats_crashes_and_restarts(
            steps in proptest::collection::vec((0u8..12, 0u8..4, 1_000_000u64..600_000_000), 1..80),
        ) {
            let cap = Epsilon::QUARTER_CAP;
            let mut journal: Vec<Vec<u8>> = Vec::new();
            let mut results: BTreeMap<u8, u64> = BTreeMap::new();
            let mut paid: BTreeMap<u8, u64> = BTreeMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                let (name, crash, asked) = step;
                let mut ledger = Ledger::new(cap); // every step begins with a restart
                for bytes in &journal {
                    ledger.apply(LedgerEvent::decode(bytes).expect("written by us")).expect("consistent");
                }
                let id = id(&format!("r{name}"));
                let question = question(TODAY.0, paid.get(&name).copied().unwrap_or(asked));
                let drawn = u64::try_from(number).expect("small").to_be_bytes().to_vec();
                match ledger.admit(&id, question, question.asked, Epsilon::NONE) {
                    Ok(Admission::Charge(charge)) => {
                        if crash == 0 { continue; }
                        paid.insert(name, charge.epsilon.nano());
                        journal.push(LedgerEvent::Charged(charge).encode());
                        if crash == 1 { continue; }
                        journal.push(LedgerEvent::Released { id, blob: drawn }.encode());
                    }
                    Ok(Admission::Paid) => {
                        if crash <= 1 { continue; }
                        journal.push(LedgerEvent::Released { id, blob: drawn }.encode());
                    }
                    Ok(Admission::Released(blob)) => {
                        let blob = u64::from_be_bytes(blob.try_into().expect("eight bytes"));
                        prop_assert_eq!(*results.entry(name).or_insert(blob), blob);
                    }
                    Err(refusal) => {
                        let exhausted = matches!(refusal, BudgetRefusal::Exhausted { .. });
                        prop_assert!(exhausted);
                    }
                }
                prop_assert!(paid.values().sum::<u64>() <= cap.nano());
            }
        }

    }
}
