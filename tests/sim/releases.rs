//! Statistics: releases of every question, one of them the schedule's, cut off at every step between charge and answer, and asked
//! for again.
//!
//! Invariants: what was charged stays charged and never exceeds the cap; one id has one result; what feeds say adds up to the
//! same everywhere. A store put back may forget what neither its copy nor the others know; nobody has seen that, or only the
//! caller who was answered a moment before.

use std::collections::{BTreeMap, BTreeSet};

use hushwire::base::name::MemberId;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::feed::blob::Body;
use hushwire::domain::statistics::budget::Epsilon;
use hushwire::domain::statistics::ledger::BudgetRefusal;
use hushwire::domain::statistics::period::Period;
use hushwire::domain::statistics::question::{Query, Question, ReleaseId};
use hushwire::domain::statistics::release::Figures;
use hushwire::domain::statistics::sum::Missing;
use hushwire::node::fence::FenceState;
use hushwire::node::release::{Drawn, ReleaseFault, ReleaseStep};
use rand::RngExt;

use crate::consortium::START;
use crate::house::{House, Waiting};
use crate::options::Mutant;
use crate::violation::{Invariant, Violation, broken, ensure};
use crate::world::World;

/// Prices of the releases of a house, in billionths: together more than the cap, so that some are refused.
pub const PRICES: [u64; 6] = [300_000_000, 700_000_000, 900_000_000, 500_000_000, 800_000_000, 600_000_000];

/// How far a release gets before its caller goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The charge may not be durable.
    Begun,
    /// Nothing is drawn.
    Charged,
    /// The result may not be durable.
    Stored,
    Answered,
}

/// What a house owes its data: the least that is spent, and what was answered.
#[derive(Debug, Clone, Default)]
pub struct Books {
    spent: u64,
    /// Spent by the releases others hold, once the house has them back.
    shown_spent: u64,
    answers: BTreeMap<String, Vec<u8>>,
}

impl Books {
    pub fn answer(&mut self, id: &str, blob: &[u8]) {
        self.answers.entry(id.to_owned()).or_insert_with(|| blob.to_vec());
    }

    /// Something was durable when this much was spent.
    pub fn keep(&mut self, spent: Epsilon) {
        self.spent = self.spent.max(spent.nano());
    }

    /// What a house still owes once a copy with these books was put back and it heard what others hold.
    pub fn put_back(&self, shown: &[Body]) -> Self {
        let mut books = self.clone();
        for body in shown {
            if let Body::StatisticsRelease(release) = body {
                books.answers.insert(release.release_id.clone(), release.encode());
                books.shown_spent = books.shown_spent.max(release.spent_nano);
            }
        }
        books
    }
}

/// Questions take turns, so that the last has the first one's: two releases that answer the same.
fn question(nth: usize) -> Question {
    let day = START.day();
    let period = Period::new(day, day.next(), day).expect("a day");
    let query = Query::ALL[nth % Query::ALL.len()];
    Question { query, period, asked: Epsilon::from_nano(PRICES[nth]) }
}

/// The last is the schedule's: without budget it is given up.
fn name(nth: usize) -> String {
    if nth + 1 == PRICES.len() { format!("daily-r{nth}") } else { format!("r{nth}") }
}

fn spent(house: &House) -> Option<u64> {
    house.node.as_ref().map(|node| node.budget(START.day()).spent.nano())
}

impl World {
    pub fn release(&mut self, house: usize, nth: usize, reach: Reach) -> Result<(), Violation> {
        if !self.houses[house].honest {
            return Ok(());
        }
        let (id, question) = (name(nth), question(nth));
        let before = spent(&self.houses[house]).unwrap_or_default();
        let begun = self.on_node(house, |node, now, rng| {
            node.begin_release(&Actor::Node, &id.parse().expect("an id"), question, question.asked, now, rng)
        });
        let step = match begun {
            None | Some(Err(ReleaseFault::Fenced)) => return Ok(()),
            Some(Ok(step)) => step,
            Some(Err(ReleaseFault::Storage(fault))) => {
                return self.houses[house].judge(Err(fault)).map(|_: Option<()>| ());
            }
            Some(Err(ReleaseFault::Refused(BudgetRefusal::Exhausted { .. }))) => {
                let full = before + PRICES[nth] > Epsilon::QUARTER_CAP.nano();
                let id: ReleaseId = id.parse().expect("an id");
                let given_up = self.houses[house]
                    .node
                    .as_ref()
                    .is_none_or(|node| node.state().ledger.is_settled(&id) == id.is_scheduled());
                let holds = full && given_up && spent(&self.houses[house]) == Some(before);
                return ensure(holds, Invariant::BudgetKept, || {
                    format!("house {house} refused {id} with {before} spent")
                });
            }
            Some(Err(fault)) => return Err(broken(Invariant::Progress, fault)),
        };
        let cost = spent(&self.houses[house]).unwrap_or_default() - before;
        self.note(&("release", house, nth, cost));
        let blob = match step {
            ReleaseStep::Released(blob) => blob,
            ReleaseStep::Draw(rows) => {
                if reach == Reach::Begun {
                    return Ok(());
                }
                self.sync(house)?;
                if reach == Reach::Charged || !self.houses[house].is_up() {
                    return Ok(());
                }
                let figures = Figures { scale: 4.0, contribution_bound: rows.bound(), accuracy_95: 12.0 };
                let first = self.finish(house, &id, question, figures)?;
                let Some(blob) = first else { return Ok(()) };
                // Another call drew for the same release.
                let second = self.finish(house, &id, question, figures)?;
                ensure(second.is_none_or(|second| second == blob), Invariant::ReleasedOnce, || {
                    format!("house {house} released {id} twice")
                })?;
                blob
            }
        };
        let known = self.ledger.books(house).answers.get(&id);
        ensure(known.is_none_or(|known| *known == blob), Invariant::ReleasedOnce, || {
            format!("house {house} answered two results for {id}")
        })?;
        ensure(known.is_none() || cost == 0, Invariant::BudgetKept, || format!("house {house} charged {id} twice"))?;
        self.houses[house].waiting.push(Waiting::Released { id, blob });
        if self.options.mutant == Some(Mutant::AnswersEarly) {
            self.answer(house);
        }
        if reach == Reach::Answered { self.sync(house) } else { Ok(()) }
    }

    fn finish(
        &mut self,
        house: usize,
        id: &str,
        question: Question,
        figures: Figures,
    ) -> Result<Option<Vec<u8>>, Violation> {
        let finished = self.on_node(house, |node, now, rng| {
            let counts = question.query.categories().iter().map(|_| rng.random_range(-20..200)).collect();
            let id = id.parse().expect("an id");
            let drawn = Drawn { id, question, counts, figures, charged: question.asked };
            node.finish_release(&Actor::Node, drawn, now, rng)
        });
        match finished {
            None => Ok(None),
            Some(Ok(blob)) => Ok(Some(blob)),
            Some(Err(ReleaseFault::Storage(fault))) => self.houses[house].judge(Err(fault)),
            Some(Err(fault)) => Err(broken(Invariant::ReleasedOnce, format!("house {house}, {id}: {fault}"))),
        }
    }

    /// What was charged is charged, at every start and at the end.
    pub fn check_budget(&mut self, house: usize) -> Result<(), Violation> {
        let Some(spent) = spent(&self.houses[house]).filter(|_| self.houses[house].honest) else { return Ok(()) };
        let heard = self.houses[house].fence() == Some(FenceState::Open);
        let Books { spent: kept, shown_spent, answers } = self.ledger.books(house);
        let owed = if heard { (*kept).max(*shown_spent) } else { *kept };
        let price = |id: &String| PRICES.iter().enumerate().find(|(nth, _)| name(*nth) == *id).map(|(_, price)| price);
        let answered: u64 = answers.keys().filter_map(price).sum();
        let cap = Epsilon::QUARTER_CAP.nano();
        ensure(spent >= owed && spent <= cap && (!heard || answered <= spent), Invariant::BudgetKept, || {
            format!("house {house} has {spent} spent of {cap}, owes {owed}, answered for {answered}")
        })
    }

    /// Every answer is given again, and stands in the feed at most once.
    pub fn check_releases(&mut self, house: usize) -> Result<(), Violation> {
        self.check_budget(house)?;
        let answers = self.ledger.books(house).answers.clone();
        for nth in 0..PRICES.len() {
            if answers.contains_key(&name(nth)) {
                self.release(house, nth, Reach::Answered)?;
            }
        }
        self.check_budget(house)?;
        let feed = self.consortium.feed(self.houses[house].member);
        let mut published = BTreeMap::new();
        for (_, body) in self.houses[house].entries(&feed)? {
            let Some(Body::StatisticsRelease(release)) = body else { continue };
            let id = release.release_id.clone();
            let blob = release.encode();
            let right = answers.get(&id).is_none_or(|answer| *answer == blob) && published.insert(id, blob).is_none();
            ensure(right, Invariant::ReleasedOnce, || format!("{feed} says otherwise of {}", release.release_id))?;
        }
        Ok(())
    }

    /// Each question adds up to what the feeds say: of every member the release with the first id, since all have one scale.
    pub fn check_sums(&mut self, house: usize) -> Result<(), Violation> {
        let mut said: BTreeMap<(String, MemberId), (String, Vec<i64>)> = BTreeMap::new();
        for feed in self.consortium.feeds().collect::<Vec<_>>() {
            for (_, body) in self.houses[house].entries(&feed)? {
                let Some(Body::StatisticsRelease(release)) = body else { continue };
                let key = (release.query, feed.member.clone());
                let first = said.entry(key).or_insert_with(|| (release.release_id.clone(), release.counts.clone()));
                if release.release_id < first.0 {
                    *first = (release.release_id, release.counts);
                }
            }
        }
        for query in Query::ALL {
            let period = question(0).period;
            let Some(sum) = self.on_node(house, |node, _, _| node.sum_releases(query, period)) else { continue };
            let missing: BTreeSet<&MemberId> = sum.missing.iter().map(|(member, _)| member).collect();
            let mut expected = vec![0; sum.counts.len()];
            for ((_, member), (_, counts)) in said.iter().filter(|((name, _), _)| name == query.name()) {
                // Whoever signed two histories counts nowhere.
                let quarantined = sum.missing.contains(&(member.clone(), Missing::Quarantined));
                ensure(quarantined || !missing.contains(member), Invariant::SumsAgree, || {
                    format!("house {house} misses what {member} released of {query}")
                })?;
                if !quarantined {
                    expected.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                }
            }
            let counts: Vec<i64> = sum.counts.iter().map(|(_, count)| *count).collect();
            let whole = sum.shares.len() + sum.missing.len() == self.consortium.members.len();
            ensure(counts == expected && whole, Invariant::SumsAgree, || {
                format!("house {house}, {query}: {counts:?}, and the feeds say {expected:?}")
            })?;
        }
        Ok(())
    }
}
