//! The cases in memory, with what finds them. Rebuilt from the journal.
//!
//! Bounded: how many wait for a decision (in all, and of one caller), and how many are kept in all. Where none can be opened
//! any more screening goes on; what was not opened is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::ops::Bound;
use std::sync::Arc;

use crate::base::bytes::LocalMac;
use crate::base::limits;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::hold::HeldBack;
use crate::domain::case::challenge::Challenge;
use crate::domain::case::outcome::Outcome;
use crate::domain::case::state::State;
use crate::domain::case::{Case, CaseId, Opening, StepFault, Taken};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::reference::reference;

/// Place of a case in the order in which they are listed: the newest first.
pub type ListPlace = (Timestamp, CaseId);

/// Which cases somebody looks for; all of it must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseFilter {
    pub states: Vec<State>,
    pub decision: Option<Decision>,
    /// What stops the order now: the decision, or what was learnt since.
    pub stop: Option<Decision>,
    pub assignee: Option<String>,
    /// Nobody's.
    pub unassigned: bool,
    pub outcome: Option<Outcome>,
    pub customer: Option<LocalMac>,
    /// Opened then or later.
    pub opened_from: Option<Timestamp>,
    pub opened_before: Option<Timestamp>,
}

/// How many wait, by what somebody at a desk looks for first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaseTally {
    pub waiting: usize,
    pub mine: usize,
    pub unassigned: usize,
    /// For a second person, to release a block.
    pub release_asked: usize,
}

impl CaseFilter {
    fn takes(&self, case: &Case) -> bool {
        (self.states.is_empty() || self.states.contains(&case.state()))
            && self.decision.is_none_or(|decision| case.opening().decision == decision)
            && self.stop.is_none_or(|stop| case.stop() == stop)
            && self.assignee.as_deref().is_none_or(|assignee| case.assignee() == Some(assignee))
            && !(self.unassigned && case.assignee().is_some())
            && self.opened_from.is_none_or(|from| case.opening().at >= from)
            && self.opened_before.is_none_or(|before| case.opening().at < before)
            && self.outcome.is_none_or(|outcome| case.outcome() == Some(outcome))
            && self.customer.is_none_or(|customer| case.opening().customer == Some(customer))
    }
}

/// By what one case is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseName {
    Id(CaseId),
    /// What the customer quotes.
    Reference(String),
    /// The keyed fingerprint of the caller's own reference.
    Transaction(LocalMac),
}

/// One case with the position of its last change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    case: Case,
    challenge: Option<Challenge>,
    position: u64,
}

/// Hears of orders that were stopped and released after all, however that came: by a person, a passed challenge, or their timer.
pub trait Learner: Debug + Send + Sync {
    fn released(&self, id: &CaseId, at: Timestamp);
}

/// See the module.
#[derive(Debug, Default)]
pub struct Cases {
    /// What legal holds keep.
    held_back: HeldBack,
    by_id: BTreeMap<CaseId, Held>,
    by_time: BTreeSet<ListPlace>,
    by_reference: BTreeSet<(String, Timestamp, CaseId)>,
    by_transaction: BTreeSet<(LocalMac, Timestamp, CaseId)>,
    due: BTreeSet<(Timestamp, CaseId)>,
    decided: BTreeSet<(Timestamp, CaseId)>,
    changed: BTreeMap<u64, CaseId>,
    waiting_by_caller: BTreeMap<String, usize>,
    /// Nobody's under none.
    waiting_by_assignee: BTreeMap<Option<String>, usize>,
    release_asked: usize,
    /// Not opened for want of room, since it was told last.
    unopened: u64,
    told_at: Option<Timestamp>,
    /// Released, and not durable yet.
    released: Vec<(CaseId, Timestamp)>,
    learner: Option<Arc<dyn Learner>>,
}

impl Cases {
    pub fn get(&self, id: &CaseId) -> Option<&Case> {
        self.by_id.get(id).map(|held| &held.case)
    }

    /// The newest of the cases with this name: a reference is short, and a caller may screen one order twice. For who sees only its
    /// own, the newest of those: what others call an order must not hide one's own.
    pub fn find(&self, name: &CaseName, only_of: Option<&str>) -> Option<&Case> {
        let all = (CaseId([0; 16]), CaseId([u8::MAX; 16]));
        let ages = (Timestamp::from_unix_ms(0), Timestamp::from_unix_ms(u64::MAX));
        let shown =
            |id: &CaseId| self.get(id).filter(|case| only_of.is_none_or(|caller| case.opening().caller == caller));
        match name {
            CaseName::Id(id) => shown(id),
            CaseName::Reference(text) => {
                let range = (text.clone(), ages.0, all.0)..=(text.clone(), ages.1, all.1);
                self.by_reference.range(range).rev().find_map(|(_, _, id)| shown(id))
            }
            CaseName::Transaction(mac) => {
                let range = (*mac, ages.0, all.0)..=(*mac, ages.1, all.1);
                self.by_transaction.range(range).rev().find_map(|(_, _, id)| shown(id))
            }
        }
    }

    /// How many wait for a decision.
    pub fn waiting(&self) -> usize {
        self.due.len()
    }

    /// The same, as somebody of this name sees it.
    pub fn tally(&self, name: &str) -> CaseTally {
        let of = |assignee: &Option<String>| self.waiting_by_assignee.get(assignee).copied().unwrap_or_default();
        CaseTally {
            waiting: self.waiting(),
            mine: of(&Some(name.to_owned())),
            unassigned: of(&None),
            release_asked: self.release_asked,
        }
    }

    /// How many wait for a person, and end by themselves before this time.
    pub fn ending(&self, before: Timestamp) -> usize {
        let ending = self.due.iter().take_while(|(due, _)| *due < before);
        ending.filter(|(_, id)| self.get(id).is_some_and(|case| case.state() != State::Challenged)).count()
    }

    /// How many are held in all.
    pub fn held(&self) -> usize {
        self.by_id.len()
    }

    /// A page behind a place, the newest first, and the place to go on from; a page may be short where much was passed over.
    pub fn list(&self, filter: &CaseFilter, after: Option<ListPlace>, limit: usize) -> (Vec<Case>, Option<ListPlace>) {
        let first = |at: Timestamp| (at, CaseId([0; 16]));
        let from = filter.opened_from.map_or(Bound::Unbounded, |from| Bound::Included(first(from)));
        let end = [after, filter.opened_before.map(first)].into_iter().flatten().min();
        if filter.opened_from.map(first).zip(end).is_some_and(|(from, end)| end < from) {
            return (Vec::new(), None);
        }
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        self.page(self.by_time.range((from, end)).rev(), filter, limit)
    }

    /// A page of those that wait, the ones that end first before the others; places are the ends of their time.
    pub fn list_ending(
        &self,
        filter: &CaseFilter,
        after: Option<ListPlace>,
        limit: usize,
    ) -> (Vec<Case>, Option<ListPlace>) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.page(self.due.range((from, Bound::Unbounded)), filter, limit)
    }

    fn page<'a>(
        &self,
        places: impl Iterator<Item = &'a ListPlace>,
        filter: &CaseFilter,
        limit: usize,
    ) -> (Vec<Case>, Option<ListPlace>) {
        let mut page = Vec::new();
        let mut last = None;
        for (seen, place) in places.enumerate() {
            if page.len() >= limit || seen >= limits::decisions::CASES_SCANNED {
                return (page, last);
            }
            last = Some(*place);
            page.extend(self.get(&place.1).filter(|case| filter.takes(case)).cloned());
        }
        (page, None)
    }

    /// Cases whose last change has this position or a later one, with it, in that order.
    pub fn changed_from(&self, position: u64, limit: usize) -> Vec<(u64, Case)> {
        let changed = self.changed.range(position..).take(limit);
        changed.filter_map(|(position, id)| Some((*position, self.get(id)?.clone()))).collect()
    }

    /// Cases whose time is over, the oldest first.
    pub(in crate::node) fn due(&self, now: Timestamp, limit: usize) -> Vec<CaseId> {
        self.due.iter().take_while(|(due, _)| *due <= now).take(limit).map(|(_, id)| *id).collect()
    }

    /// Whether a case of this caller can be opened.
    pub(in crate::node) fn has_room(&self, caller: &str) -> bool {
        let of_caller = self.waiting_by_caller.get(caller).copied().unwrap_or_default();
        self.waiting() < limits::decisions::CASES_OPEN && of_caller < limits::decisions::CASES_OPEN_PER_CALLER
    }

    /// The same, for one that is to be opened now: where there is no room it is counted.
    pub(in crate::node) fn make_room(&mut self, caller: &str) -> bool {
        let room = self.has_room(caller);
        self.unopened = self.unopened.saturating_add(u64::from(!room));
        room
    }

    /// How many were not opened, where it is time to tell it.
    pub(in crate::node) fn untold(&mut self, now: Timestamp) -> Option<u64> {
        let again = self.told_at.is_none_or(|told| now.ms_since(told) >= limits::decisions::CASES_TOLD_S * 1_000);
        if self.unopened == 0 || !again {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.unopened))
    }

    pub(in crate::node) fn open(&mut self, opening: Opening, position: u64) {
        let (id, at) = (opening.id, opening.at);
        if self.by_id.contains_key(&id) {
            return;
        }
        self.by_time.insert((at, id));
        self.by_reference.insert((reference(&id.0), at, id));
        self.by_transaction.extend(opening.transaction.map(|mac| (mac, at, id)));
        self.index(Held { case: Case::open(opening), challenge: None, position });
        // Of those decided first: what waits is never forgotten for another.
        while self.by_id.len() > limits::decisions::CASES
            && let Some((_, first)) = self.decided.iter().find(|(_, id)| !self.is_held(id)).copied()
        {
            self.forget(&first);
        }
    }

    /// Takes a step. Of a case that is not held nobody asks any more: compaction may have left the step and dropped the case.
    pub(in crate::node) fn step(&mut self, id: &CaseId, taken: &Taken, position: u64) -> Result<(), StepFault> {
        let Some(mut held) = self.unindex(id) else { return Ok(()) };
        let before = held.case.state();
        let stepped = held.case.take(taken);
        if stepped.is_ok() {
            held.position = position;
        }
        if before != State::Released && held.case.state() == State::Released {
            self.released.push((*id, taken.at));
        }
        self.index(held);
        stepped
    }

    /// Tells that one of released orders from now on.
    pub(in crate::node) fn learn_with(&mut self, learner: Arc<dyn Learner>) {
        self.learner = Some(learner);
    }

    /// Tells of what was released: it is durable.
    pub(in crate::node) fn show(&mut self) {
        for (id, at) in self.released.drain(..) {
            if let Some(learner) = &self.learner {
                learner.released(&id, at);
            }
        }
    }

    /// The challenge of a case.
    pub fn challenge(&self, id: &CaseId) -> Option<&Challenge> {
        self.by_id.get(id)?.challenge.as_ref()
    }

    /// Of a case that is not held nobody asks any more.
    pub(in crate::node) fn set_challenge(&mut self, id: &CaseId, challenge: Challenge) {
        if let Some(held) = self.by_id.get_mut(id) {
            held.challenge = Some(challenge);
        }
    }

    /// Forgets what was decided before this day and is not held.
    pub(in crate::node) fn forget_before(&mut self, day: Day) {
        let over = self.decided.iter().take_while(|(at, _)| at.day() < day);
        let over: Vec<CaseId> = over.map(|(_, id)| *id).filter(|id| !self.is_held(id)).collect();
        for id in over {
            self.forget(&id);
        }
    }

    /// From now on legal holds keep this.
    pub(in crate::node) fn hold(&mut self, held: HeldBack) {
        self.held_back = held;
    }

    fn is_held(&self, id: &CaseId) -> bool {
        !self.held_back.is_empty()
            && self.by_id.get(id).is_some_and(|held| self.held_back.case(id, held.case.opening().at))
    }

    /// The ids of all that are held.
    pub(in crate::node) fn ids(&self) -> BTreeSet<CaseId> {
        self.by_id.keys().copied().collect()
    }

    fn forget(&mut self, id: &CaseId) {
        let Some(Held { case, .. }) = self.unindex(id) else { return };
        let Opening { at, transaction, .. } = case.opening();
        self.by_time.remove(&(*at, *id));
        self.by_reference.remove(&(reference(&id.0), *at, *id));
        if let Some(mac) = transaction {
            self.by_transaction.remove(&(*mac, *at, *id));
        }
    }

    /// Puts a case where its changing parts find it.
    fn index(&mut self, held: Held) {
        let (id, case) = (held.case.id(), &held.case);
        match (case.due(), case.closed()) {
            (Some(due), _) => {
                self.due.insert((due, id));
                *self.waiting_by_caller.entry(case.opening().caller.clone()).or_default() += 1;
                *self.waiting_by_assignee.entry(case.assignee().map(str::to_owned)).or_default() += 1;
                self.release_asked += usize::from(case.state() == State::ReleaseAsked);
            }
            (None, closed) => {
                self.decided.insert((closed.map_or(case.changed(), |closed| closed.at), id));
            }
        }
        self.changed.insert(held.position, id);
        self.by_id.insert(id, held);
    }

    fn unindex(&mut self, id: &CaseId) -> Option<Held> {
        let held = self.by_id.remove(id)?;
        let case = &held.case;
        match (case.due(), case.closed()) {
            (Some(due), _) => {
                self.due.remove(&(due, *id));
                one_less(&mut self.waiting_by_caller, &case.opening().caller);
                one_less(&mut self.waiting_by_assignee, &case.assignee().map(str::to_owned));
                self.release_asked -= usize::from(case.state() == State::ReleaseAsked);
            }
            (None, closed) => {
                self.decided.remove(&(closed.map_or(case.changed(), |closed| closed.at), *id));
            }
        }
        if self.changed.get(&held.position) == Some(id) {
            self.changed.remove(&held.position);
        }
        Some(held)
    }
}

fn one_less<K: Ord>(counts: &mut BTreeMap<K, usize>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Sha256Digest;
    use crate::domain::case::state::Step;

    fn at(s: u64) -> Timestamp {
        Timestamp::from_unix_s(1_795_000_000 + s)
    }

    fn opening(nth: u8, caller: &str) -> Opening {
        Opening {
            id: CaseId([nth; 16]),
            caller: caller.to_owned(),
            at: at(u64::from(nth)),
            decision: Decision::Hold,
            answered: None,
            reasons: Vec::new(),
            evidence: Vec::new(),
            policy_sha256: Sha256Digest([1; 32]),
            amount_minor: 0,
            currency: String::new(),
            transaction: Some(LocalMac([nth % 2; 32])),
            customer: None,
            due: at(1_000 + u64::from(nth)),
        }
    }

    fn taken(step: Step, s: u64) -> Taken {
        Taken { at: at(s), by: "hushwire://shop/analyst/anna".to_owned(), person: "anna".to_owned(), step }
    }

    #[test]
    fn cases_are_found_by_every_name_and_listed_from_the_newest() {
        let mut cases = Cases::default();
        (1..=4).for_each(|nth| cases.open(opening(nth, "till"), u64::from(nth) * 10));
        let id = |case: Option<&Case>| case.map(|case| case.id().0[0]);
        assert_eq!(id(cases.find(&CaseName::Id(CaseId([3; 16])), None)), Some(3));
        assert_eq!(id(cases.find(&CaseName::Transaction(LocalMac([1; 32])), None)), Some(3), "the newest of two");
        assert_eq!(id(cases.find(&CaseName::Reference(reference(&[2; 16])), None)), Some(2));
        assert_eq!(id(cases.find(&CaseName::Reference("0000-0000".to_owned()), None)), None);
        cases.step(&CaseId([2; 16]), &taken(Step::Refuse, 50), 99).expect("legal");
        let ids = |page: &[Case]| page.iter().map(|case| case.id().0[0]).collect::<Vec<_>>();
        let (page, next) = cases.list(&CaseFilter::default(), None, 3);
        assert_eq!(ids(&page), [4, 3, 2]);
        let (page, next) = cases.list(&CaseFilter::default(), next, 3);
        assert_eq!((ids(&page), next), (vec![1], None));
        let refused = CaseFilter { states: vec![State::Refused], ..CaseFilter::default() };
        assert_eq!(ids(&cases.list(&refused, None, 3).0), [2]);
        let other = CaseFilter { assignee: Some("ben".to_owned()), ..CaseFilter::default() };
        assert_eq!(cases.list(&other, None, 3), (Vec::new(), None));
        cases.open(opening(5, "web"), 50);
        let order = CaseName::Transaction(LocalMac([1; 32]));
        let newest = [None, Some("web"), Some("till"), Some("other")].map(|only_of| id(cases.find(&order, only_of)));
        assert_eq!(newest, [Some(5), Some(5), Some(3), None], "of one's own, whatever others call theirs");
        let foreign = CaseName::Id(CaseId([5; 16]));
        assert_eq!(id(cases.find(&foreign, Some("till"))), None);
    }

    #[test]
    fn those_that_wait_are_listed_by_the_end_of_their_time_and_counted_by_whose_they_are() {
        let mut cases = Cases::default();
        (1..=5).for_each(|nth| {
            let due = at(2_000 - u64::from(nth));
            let decision = if nth == 3 { Decision::Block } else { Decision::Hold };
            cases.open(Opening { due, decision, ..opening(nth, "till") }, u64::from(nth));
        });
        let mut step = |nth: u8, step| cases.step(&CaseId([nth; 16]), &taken(step, 50), u64::from(nth) * 10);
        step(1, Step::Refuse).expect("legal");
        step(2, Step::Assign(Some("anna".to_owned()))).expect("legal");
        step(3, Step::Release).expect("legal");
        let ids = |page: &[Case]| page.iter().map(|case| case.id().0[0]).collect::<Vec<_>>();
        let all = CaseFilter::default();
        let (page, next) = cases.list_ending(&all, None, 3);
        assert_eq!(ids(&page), [5, 4, 3]);
        let (page, next) = cases.list_ending(&all, next, 3);
        assert_eq!((ids(&page), next), (vec![2], None), "what is decided waits no more");
        let nobodys = CaseFilter { unassigned: true, ..CaseFilter::default() };
        assert_eq!(ids(&cases.list_ending(&nobodys, None, 9).0), [5, 4, 3]);
        assert_eq!(ids(&cases.list(&nobodys, None, 9).0), [5, 4, 3, 1]);
        let tally = |name| {
            let CaseTally { waiting, mine, unassigned, release_asked } = cases.tally(name);
            [waiting, mine, unassigned, release_asked]
        };
        assert_eq!((tally("anna"), tally("ben")), ([4, 1, 3, 1], [4, 0, 3, 1]));
        cases.step(&CaseId([3; 16]), &taken(Step::Refuse, 60), 99).expect("legal");
        cases.step(&CaseId([2; 16]), &taken(Step::Assign(None), 60), 98).expect("legal");
        assert_eq!(cases.tally("anna"), CaseTally { waiting: 3, unassigned: 3, ..CaseTally::default() });
    }

    #[test]
    fn cases_are_listed_by_when_they_were_opened() {
        let mut cases = Cases::default();
        (1..=5).for_each(|nth| cases.open(opening(nth, "till"), u64::from(nth)));
        let check = |from: Option<u64>, before: Option<u64>, expected: &[u8]| {
            let filter =
                CaseFilter { opened_from: from.map(at), opened_before: before.map(at), ..CaseFilter::default() };
            let ids = |page: Vec<Case>| page.iter().map(|case| case.id().0[0]).collect::<Vec<_>>();
            assert_eq!(ids(cases.list(&filter, None, 9).0), expected, "{from:?} {before:?}");
            let mut ending = ids(cases.list_ending(&filter, None, 9).0);
            ending.reverse();
            assert_eq!(ending, expected, "{from:?} {before:?}, by their end");
        };
        check(Some(3), None, &[5, 4, 3]);
        check(None, Some(3), &[2, 1]);
        check(Some(2), Some(4), &[3, 2]);
        check(Some(4), Some(2), &[]);
        check(Some(4), Some(4), &[]);
    }

    #[test]
    fn a_change_is_seen_once_from_any_position_before_it() {
        let mut cases = Cases::default();
        (1..=2).for_each(|nth| cases.open(opening(nth, "till"), u64::from(nth) * 10));
        cases.step(&CaseId([1; 16]), &taken(Step::Release, 50), 30).expect("legal");
        let positions = |from: u64| cases.changed_from(from, 9).into_iter().map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!((positions(0), positions(21), positions(31)), (vec![20, 30], vec![30], vec![]));
    }

    #[test]
    fn what_is_over_is_due_until_it_is_decided_and_forgotten_by_its_day() {
        let mut cases = Cases::default();
        (1..=3).for_each(|nth| cases.open(opening(nth, "till"), u64::from(nth)));
        assert_eq!(cases.due(at(1_002), 9), [CaseId([1; 16]), CaseId([2; 16])]);
        cases.step(&CaseId([1; 16]), &taken(Step::Expire { release: false }, 1_002), 7).expect("legal");
        assert_eq!((cases.due(at(1_002), 9), cases.waiting()), (vec![CaseId([2; 16])], 2));
        assert_eq!([1_002, 1_003, 1_004].map(|s| cases.ending(at(s))), [0, 1, 2]);
        cases.step(&CaseId([2; 16]), &taken(Step::StartChallenge, 900), 8).expect("legal");
        assert_eq!(cases.ending(at(1_004)), 1, "that one waits for the customer");
        cases.forget_before(at(1_002).day());
        assert_eq!(cases.held(), 3);
        cases.forget_before(at(1_002).day().next());
        assert_eq!((cases.held(), cases.get(&CaseId([1; 16]))), (2, None), "what waits stays");
        assert_eq!(cases.find(&CaseName::Reference(reference(&[1; 16])), None), None);
        cases.step(&CaseId([1; 16]), &taken(Step::Refuse, 1_003), 8).expect("of none that is held");
    }

    #[test]
    fn one_caller_leaves_room_for_the_others() {
        let mut cases = Cases::default();
        cases.open(opening(1, "till"), 1);
        cases.waiting_by_caller.insert("till".to_owned(), limits::decisions::CASES_OPEN_PER_CALLER);
        assert_eq!((cases.has_room("till"), cases.has_room("app")), (false, true));
        assert!(!cases.make_room("till") && cases.make_room("app"));
        assert_eq!((cases.untold(at(0)), cases.untold(at(1))), (Some(1), None));
        assert!(!cases.make_room("till"));
        assert_eq!((cases.untold(at(2)), cases.untold(at(60))), (None, Some(1)));
    }
}
