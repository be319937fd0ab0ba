//! Which of the followed orders are judged again, and what was told of them last.
//!
//! An order is due when belief changed of one of its names, when it was answered while belief changed, from time to time while
//! a late match stands for it (witnesses come, and validities end, without a word), and with all others more rarely. It leaves
//! out judging itself and putting on record what is told; what was not put on record is due again.
//!
//! Time is an argument, as what has passed since it began: it never goes back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::base::bytes::Pseudonym;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::late::judge::{Judged, News, news};
use crate::domain::screening::late::order::{Order, OrderNumber, Trace};
use crate::domain::screening::late::window::{Bounds, Held, LateWindow};

const TOLD_EVERY: Duration = Duration::from_secs(limits::late::TOLD_S);
const ALL_EVERY: Duration = Duration::from_secs(limits::late::ALL_S);
const MINUTE: Duration = Duration::from_secs(60);

/// How much of the time judging all orders may take: one part in so many and one.
const ALL_RESTS: u32 = 9;

/// How often something is done at most.
#[derive(Debug)]
struct Pace {
    every: Duration,
    due: Duration,
}

impl Pace {
    fn new(every: Duration) -> Self {
        Self { every, due: every }
    }

    fn is_due(&mut self, now: Duration) -> bool {
        let due = self.due <= now;
        if due {
            self.due = now + self.every;
        }
        due
    }
}

/// What is to be told of an order.
#[derive(Debug)]
pub struct Telling {
    pub number: OrderNumber,
    pub news: News,
    pub judged: Judged,
}

/// See the module.
#[derive(Debug)]
pub struct Followed {
    window: LateWindow,
    /// The version of belief up to which changes were looked at.
    seen: u64,
    due: BTreeSet<OrderNumber>,
    /// All are to be, as soon as none is due and the time since the last such look allows.
    all_due: bool,
    all_not_before: Duration,
    all_begun: Option<Duration>,
    /// What may still be told in this minute.
    budget: u32,
    /// The last look before the oldest change of which something may still have to be told.
    changed_after: Option<Duration>,
    looked: Duration,
    told: Pace,
    all: Pace,
    minute: Pace,
}

impl Followed {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            window: LateWindow::new(bounds),
            seen: 0,
            due: BTreeSet::new(),
            all_due: false,
            all_not_before: Duration::ZERO,
            all_begun: None,
            budget: limits::late::MATCHES_PER_MINUTE,
            changed_after: None,
            looked: Duration::ZERO,
            told: Pace::new(TOLD_EVERY),
            all: Pace::new(ALL_EVERY),
            minute: Pace::new(MINUTE),
        }
    }

    pub fn window(&self) -> &LateWindow {
        &self.window
    }

    /// Takes an order in. `belief_version`: of belief before it was looked up.
    pub fn take(&mut self, order: Box<Order>, caller: Arc<str>, traces: Vec<Trace>, belief_version: u64) {
        let Some(number) = self.window.put(order, caller, traces) else { return };
        // What was said between its look-up and now was looked at without it.
        if belief_version < self.seen {
            self.due.insert(number);
        }
    }

    /// These pseudonyms are believed otherwise than before.
    pub fn changed(&mut self, pseudonyms: &[Pseudonym]) {
        let before = self.due.len();
        for pseudonym in pseudonyms {
            self.due.extend(self.window.concerned(pseudonym));
        }
        if self.due.len() > before {
            self.changed_after.get_or_insert(self.looked);
        }
    }

    /// Everything may be.
    pub fn all_changed(&mut self) {
        self.all_due = true;
    }

    /// Another belief took the place of the one before: answers given from that may still be on their way, so all orders are
    /// asked for once more a moment later.
    pub fn replaced(&mut self, now: Duration) {
        self.all.due = now + TOLD_EVERY;
        self.all_due = true;
    }

    /// Ends a look at belief, which stood at this version when its changes were taken.
    pub fn look(&mut self, version: u64, clock: Timestamp, now: Duration) {
        self.seen = version;
        self.looked = now;
        self.window.expire(clock);
        if self.told.is_due(now) {
            self.due.extend(self.window.raised());
        }
        self.all_due |= self.all.is_due(now);
        if self.due.is_empty() {
            if let Some(begun) = self.all_begun.take() {
                self.all_not_before = now + now.saturating_sub(begun) * ALL_RESTS;
            }
            if self.all_due && self.all_not_before <= now {
                self.due.extend(self.window.all());
                self.all_due = false;
                self.all_begun = (!self.due.is_empty()).then_some(now);
            }
        }
    }

    /// Begins another minute of what may be told; how many orders had to wait for it, where the last one was full.
    pub fn begin_minute(&mut self, now: Duration) -> Option<usize> {
        if !self.minute.is_due(now) {
            return None;
        }
        let full = (self.budget == 0).then_some(self.due.len());
        self.budget = limits::late::MATCHES_PER_MINUTE;
        full
    }

    /// Judges some of those that are due; what is to be told of them. What is beyond the minute's room stays due.
    pub fn judge_due(&mut self, mut judge: impl FnMut(&Held<'_>) -> Judged) -> Vec<Telling> {
        let mut telling = Vec::new();
        for _ in 0..limits::late::ORDERS_AT_ONCE {
            if self.budget == 0 {
                break;
            }
            let Some(number) = self.due.pop_first() else { break };
            let Some(held) = self.window.get(number) else { continue };
            let judged = judge(&held);
            if let Some(news) = news(held.told(), judged.decision) {
                self.budget -= 1;
                telling.push(Telling { number, news, judged });
            }
        }
        // A change that leads to nothing starts no clock.
        if telling.is_empty() && self.due.is_empty() {
            self.changed_after = None;
        }
        telling
    }

    /// All of it is on record. How long ago belief was at most when it changed, where it was a change that was told.
    pub fn told(&mut self, told: &[(OrderNumber, Decision)], now: Duration) -> Option<Duration> {
        for (number, decision) in told {
            self.window.tell(*number, *decision);
        }
        let took = self.changed_after.map(|after| now.saturating_sub(after)).filter(|_| !told.is_empty());
        self.changed_after = self.changed_after.filter(|_| !self.due.is_empty());
        took
    }

    /// None of it is: it is due again, and the minute has room for it again.
    pub fn untold(&mut self, untold: &[(OrderNumber, Decision)]) {
        let room = self.budget.saturating_add(u32::try_from(untold.len()).unwrap_or(u32::MAX));
        self.budget = room.min(limits::late::MATCHES_PER_MINUTE);
        self.due.extend(untold.iter().map(|(number, _)| *number));
    }
}
