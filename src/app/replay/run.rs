//! One walk through the history under one way of sharing.
//!
//! For each moment of the history, in order:
//! 1. what other institutions published long enough ago arrives, at its own moment;
//! 2. the transactions of the moment are screened, each on its institution's node;
//!    Its customer's profile takes each in as soon as it is answered, as at a checkout;
//! 3. their labels are learned: what was stopped and is honest is released and becomes habit; each fraud, stopped or not, is published by its institution. The own node believes it from now
//!    on, the others when it arrives; without a delay that is at once, and still after the moment's screenings.

use crate::app::replay::courier::{Courier, Parcel};
use crate::app::replay::history::{History, Row, RowId};
use crate::app::replay::house::{Common, House, HouseFault, Learned};
use crate::app::replay::late::{Late, LateCounts};
use crate::app::replay::rule::{Policies, StopRule};
use crate::app::replay::span::Span;
use crate::app::replay::tally::{Difference, Outcome, Tally};
use crate::app::replay::values::Standing;
use crate::base::time::Timestamp;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::transaction::{Transaction, TransactionDraft};

/// How institutions learn of each other's flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sharing {
    Alone,
    After(Span),
}

impl std::fmt::Display for Sharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Alone => f.write_str("alone"),
            Self::After(span) => span.fmt(f),
        }
    }
}

/// What is asked of every run.
#[derive(Debug, Clone)]
pub struct Question {
    pub rule: StopRule,
    /// A candidate that is held against the rule, on the same answers.
    pub against: Option<StopRule>,
    pub ship_after: Option<Span>,
}

impl Question {
    pub fn rules(&self) -> impl Iterator<Item = &StopRule> {
        std::iter::once(&self.rule).chain(&self.against)
    }
}

/// What a run found.
#[derive(Debug, Clone)]
pub struct Finding {
    pub sharing: Sharing,
    pub tally: Tally,
    pub difference: Difference,
    pub late: Option<LateCounts>,
}

/// Rows between two words on how far a run is.
const TELL_EVERY: u64 = 4_096;

struct Run<'a> {
    history: &'a History,
    common: &'a Common,
    question: &'a Question,
    houses: Vec<House>,
    courier: Option<Courier>,
    late: Option<Late>,
    /// Honest orders that were stopped in this moment.
    released: Vec<RowId>,
    tally: Tally,
    difference: Difference,
}

/// Walks through the whole history; `told` hears of rows that are done.
pub fn replay(
    history: &History,
    common: &Common,
    question: &Question,
    sharing: &Sharing,
    told: &(impl Fn(u64) + Sync),
) -> Result<Finding, HouseFault> {
    let begins = history.in_order().next().map_or(Timestamp::from_unix_ms(0), |(_, row)| row.at);
    let members = common.consortium.members.len();
    let policies = Policies::of(&question.rule, question.against.as_ref(), &common.guards.digest());
    let houses: Result<_, _> = (0..members).map(|position| House::open(common, &policies, position, begins)).collect();
    let mut run = Run {
        history,
        common,
        question,
        houses: houses?,
        courier: match sharing {
            Sharing::Alone => None,
            Sharing::After(span) => Some(Courier::new(span.ms)),
        },
        released: Vec::new(),
        late: question.ship_after.as_ref().map(|span| Late::new(span.ms, history.values.forms())),
        tally: Tally::default(),
        difference: Difference::default(),
    };
    let mut untold = 0;
    let mut frauds: Vec<RowId> = Vec::new();
    let mut moment = begins;
    for (id, row) in history.in_order() {
        if row.at > moment {
            run.learn(&mut frauds, moment)?;
            moment = row.at;
            run.take_in(moment)?;
        }
        run.answer(id, row, moment);
        if row.is_fraud {
            frauds.push(id);
        }
        untold += 1;
        if untold == TELL_EVERY {
            told(std::mem::take(&mut untold));
        }
    }
    run.learn(&mut frauds, moment)?;
    if run.late.is_some() {
        // What is still on the way may find orders of the last days.
        run.take_in(Timestamp::from_unix_ms(u64::MAX))?;
    }
    told(untold);
    let Run { tally, difference, late, .. } = run;
    Ok(Finding { sharing: sharing.clone(), tally, difference, late: late.map(|late| late.counts) })
}

impl Run<'_> {
    fn answer(&mut self, id: RowId, row: &Row, now: Timestamp) {
        let mut profile = None;
        let (live, candidate) = match self.asked(id, row, now) {
            Some((house, transaction)) => {
                let asked = house.ask(self.common, &transaction, now);
                profile = asked.as_ref().map(|asked| asked.facts);
                let screening = house.screen(self.common, &transaction, &profile.unwrap_or_default(), now);
                let outcome = |rule: &StopRule, decided| rule.outcome(&screening, decided, house.member());
                let candidate = screening.candidate.unwrap_or(Decision::Allow);
                let against = self.question.against.as_ref();
                let against = against.map_or(Outcome::Allow, |rule| outcome(rule, candidate));
                let live = outcome(&self.question.rule, screening.decision);
                if let Some(asked) = asked {
                    house.take(asked, live.stops(), id.name(), now);
                    if live.stops() && !row.is_fraud {
                        self.released.push(id);
                    }
                }
                (live, against)
            }
            None => (Outcome::Allow, Outcome::Allow),
        };
        self.tally.add(row, live);
        self.difference.add(row.is_fraud, live, candidate);
        if let Some(late) = self.late.as_mut().filter(|_| !live.stops()) {
            late.wait(self.history, id, profile);
        }
    }

    /// What the row's institution is asked; none where the row names nothing that can be screened.
    fn asked(&self, id: RowId, row: &Row, now: Timestamp) -> Option<(&House, Transaction)> {
        let transaction = transaction(self.history, id, row, now)?;
        Some((self.houses.get(row.institution.position())?, transaction))
    }

    /// The labels of a moment are known.
    fn learn(&mut self, frauds: &mut Vec<RowId>, now: Timestamp) -> Result<(), HouseFault> {
        for id in std::mem::take(&mut self.released) {
            if let Some(house) = self.houses.get(self.history.row(id).institution.position()) {
                house.release(id.name(), now);
            }
        }
        for position in 0..self.houses.len() {
            let is_its_own = |id: &RowId| self.history.row(*id).institution.position() == position;
            let own: Vec<RowId> = frauds.iter().copied().filter(is_its_own).collect();
            if own.is_empty() {
                continue;
            }
            let learned = own.iter().enumerate().flat_map(|(place, id)| self.learned(place, *id)).collect();
            let Some(house) = self.houses.get_mut(position) else { continue };
            house.tend(now)?;
            let names = house.learn(self.common, learned, now)?;
            if let Some(late) = &mut self.late {
                for (place, name) in names {
                    if let Some(id) = own.get(place) {
                        late.name(*id, name, now);
                    }
                }
            }
            if let Some(courier) = &mut self.courier {
                let batches = house.hand_over()?;
                courier.send(Parcel { from: position, batches, frauds: own.clone() }, now);
            }
            self.find_late(&own, now, |at| at == position);
        }
        frauds.clear();
        self.take_in(now)
    }

    fn learned(&self, place: usize, id: RowId) -> Vec<Learned> {
        let word = self.history.typologies.get(usize::from(self.history.row(id).typology.0));
        let identifiers = self.history.identifiers(id);
        let learned = identifiers.map(|value| Learned {
            place,
            identifier: self.history.values.raw(value),
            typology: word.cloned().unwrap_or_default(),
        });
        learned.collect()
    }

    /// Everything that has arrived by now.
    fn take_in(&mut self, now: Timestamp) -> Result<(), HouseFault> {
        while let Some((due, parcel)) = self.courier.as_mut().and_then(|courier| courier.arrived(now)) {
            let Parcel { from, batches, frauds } = parcel;
            let author = self.common.consortium.members.get(from).expect("one of the founders");
            let others = self.houses.iter_mut().enumerate().filter(|(position, _)| *position != from);
            for (_, house) in others {
                house.tend(due)?;
                for batch in &batches {
                    house.accept(author, batch.clone(), due)?;
                }
            }
            self.find_late(&frauds, due, |at| at != from);
        }
        Ok(())
    }

    /// Orders of the institutions that have just learned of these frauds.
    fn find_late(&mut self, frauds: &[RowId], now: Timestamp, has_learned: impl Fn(usize) -> bool) {
        let Some(mut late) = self.late.take() else { return };
        for id in late.affected(self.history, frauds, now) {
            let order = self.history.row(id);
            if !has_learned(order.institution.position()) {
                continue;
            }
            let stops = self.asked(id, order, now).is_some_and(|(house, transaction)| {
                let screening = house.screen(self.common, &transaction, &late.profile_of(id), now);
                self.question.rule.stops_without(&screening, house.member(), late.names_of(id))
            });
            if stops {
                late.find(id, order, now);
            }
        }
        self.late = Some(late);
    }
}

/// What the institution's shop asks its node; none where the row names nothing that can be used.
fn transaction(history: &History, id: RowId, row: &Row, now: Timestamp) -> Option<Transaction> {
    let usable = |value: &_| matches!(history.values.standing(*value), Standing::Usable(_));
    history.identifiers(id).any(|value| usable(&value)).then_some(())?;
    let draft = TransactionDraft {
        identifiers: history.identifiers(id).map(|value| history.values.raw(value)).collect(),
        amount_minor: row.amount.minor(history.main_units),
        time: Some(row.at),
        customer_ref: row.customer.map(|customer| history.customers.reference(customer)).unwrap_or_default(),
        ..history.abouts.of(row.about).draft(row.own_score.map(u32::from))
    };
    Some(Transaction::new(draft, now).expect("columns and amounts are bounded, and the time is not ahead"))
}
