//! Events that a receiver refused and that stand aside, so that the others go on. Each is tried again by itself, with growing
//! pauses, until it is taken or too old.
//!
//! Few may stand here: whoever refuses more than these refuses everything, and what it refuses next waits in its turn.

use std::collections::VecDeque;

use http::StatusCode;
use tokio::time::Instant;

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::io::metrics::atomics::Inside;
use crate::io::webhook::outbox::Event;
use crate::io::webhook::place::StandingPlace;

/// How a receiver refused one event, whenever that was: an event that waited long because the receiver was away is as good as new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusals {
    pub times: u32,
    /// The first of them.
    pub since: Timestamp,
}

impl Refusals {
    pub fn first(now: Timestamp) -> Self {
        Self { times: 1, since: now }
    }

    pub fn once_more(self) -> Self {
        Self { times: self.times.saturating_add(1), ..self }
    }

    /// Refused often enough to be meant: a receiver may be wrong once, when it comes back or is set up.
    pub fn are_meant(self) -> bool {
        self.times >= limits::WEBHOOK_REFUSALS
    }

    /// Whether it is given up. A receiver that says it is gone for good is believed, one that refuses only so long.
    pub fn end(self, status: StatusCode, now: Timestamp) -> bool {
        let is_over = status == StatusCode::GONE || self.since.plus_s(limits::WEBHOOK_REFUSED_S) <= now;
        self.are_meant() && is_over
    }
}

/// One that stands aside.
#[derive(Debug)]
pub struct Standing {
    pub event: Event,
    /// It still waits, for monitoring.
    pub inside: Inside,
    pub refusals: Refusals,
    pub due: Instant,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Aside(VecDeque<Standing>);

impl Aside {
    pub fn has_room(&self) -> bool {
        self.0.len() < limits::WEBHOOK_ASIDE
    }

    pub fn put(&mut self, standing: Standing) {
        self.0.push_back(standing);
    }

    /// Takes one that is due, of several the one due first.
    pub fn take_due(&mut self, now: Instant) -> Option<Standing> {
        let (first, due) =
            self.0.iter().enumerate().map(|(at, standing)| (at, standing.due)).min_by_key(|(_, due)| *due)?;
        if due <= now { self.0.remove(first) } else { None }
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.0.iter().map(|standing| standing.due).min()
    }

    /// What another start has to find again.
    pub fn places(&self) -> Vec<StandingPlace> {
        let place = |standing: &Standing| StandingPlace {
            index: standing.event.index,
            since_s: standing.refusals.since.unix_s(),
        };
        self.0.iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::io::metrics::atomics::Level;

    #[test]
    fn an_event_is_given_up_for_what_was_refused_and_not_for_its_age() {
        let (now, over) = (Timestamp::from_unix_s(9_000_000), limits::WEBHOOK_REFUSED_S);
        let refused = |times, ago_s| Refusals { times, since: Timestamp::from_unix_s(9_000_000 - ago_s) };
        let check = |refusals: Refusals, status, ends| assert_eq!(refusals.end(status, now), ends, "{refusals:?}");
        let many = limits::WEBHOOK_REFUSALS;
        check(Refusals::first(now), StatusCode::NOT_FOUND, false);
        check(Refusals::first(now), StatusCode::GONE, false);
        check(refused(many - 1, over), StatusCode::GONE, false);
        check(refused(many, over - 1), StatusCode::NOT_FOUND, false);
        check(refused(many, over), StatusCode::NOT_FOUND, true);
        check(refused(many, 0), StatusCode::GONE, true);
        assert_eq!(refused(many, 7).once_more(), refused(many + 1, 7));
    }

    #[test]
    fn what_stands_aside_comes_when_it_is_due_and_is_counted_until_then() {
        let (level, start) = (Arc::new(Level::default()), Instant::now());
        let mut aside = Aside::default();
        let refusals = Refusals { times: 5, since: Timestamp::from_unix_s(9) };
        let event = |index| Event::new(index, String::new(), b"{}".to_vec());
        let indexes = |aside: &Aside| aside.places().iter().map(|place| place.index).collect::<Vec<_>>();
        for (index, after_s) in [(4, 9), (7, 3)] {
            let due = start + Duration::from_secs(after_s);
            aside.put(Standing { event: event(index), inside: level.enter(), refusals, due });
        }
        assert_eq!((indexes(&aside), level.value()), (vec![4, 7], 2));
        assert!(aside.take_due(start).is_none());
        assert_eq!(aside.next_due(), Some(start + Duration::from_secs(3)));
        let taken = aside.take_due(start + Duration::from_secs(20)).expect("due");
        assert_eq!((taken.event.index, indexes(&aside)), (7, vec![4]));
        drop(taken);
        assert_eq!(level.value(), 1);
        for index in 0.. {
            if !aside.has_room() {
                break;
            }
            aside.put(Standing { event: event(index), inside: level.enter(), refusals, due: start });
        }
        assert_eq!(indexes(&aside).len(), limits::WEBHOOK_ASIDE);
    }
}
