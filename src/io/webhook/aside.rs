//! Events that a receiver refused and that stand aside, so that the others go on. Each is tried again by itself, with growing
//! pauses, until it is taken or too old.
//!
//! Few may stand here: whoever refuses more than these refuses everything, and what it refuses next waits in its turn.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::base::limits;
use crate::io::metrics::atomics::Inside;
use crate::io::webhook::outbox::Event;

/// One that stands aside.
#[derive(Debug)]
pub struct Standing {
    pub event: Event,
    /// It still waits, for monitoring.
    pub inside: Inside,
    /// How often it was refused.
    pub refusals: u32,
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

    /// What another start has to find again, by the indexes of their records.
    pub fn indexes(&self) -> Vec<u64> {
        self.0.iter().map(|standing| standing.event.index).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::base::time::Timestamp;
    use crate::io::metrics::atomics::Level;

    #[test]
    fn what_stands_aside_comes_when_it_is_due_and_is_counted_until_then() {
        let (level, start) = (Arc::new(Level::default()), Instant::now());
        let mut aside = Aside::default();
        let event =
            |index| Event { index, id: String::new(), body: Arc::from(&b"{}"[..]), time: Timestamp::from_unix_s(0) };
        for (index, after_s) in [(4, 9), (7, 3)] {
            let due = start + Duration::from_secs(after_s);
            aside.put(Standing { event: event(index), inside: level.enter(), refusals: 5, due });
        }
        assert_eq!((aside.indexes(), level.value()), (vec![4, 7], 2));
        assert!(aside.take_due(start).is_none());
        assert_eq!(aside.next_due(), Some(start + Duration::from_secs(3)));
        let taken = aside.take_due(start + Duration::from_secs(20)).expect("due");
        assert_eq!((taken.event.index, aside.indexes()), (7, vec![4]));
        drop(taken);
        assert_eq!(level.value(), 1);
        for index in 0.. {
            if !aside.has_room() {
                break;
            }
            aside.put(Standing { event: event(index), inside: level.enter(), refusals: 5, due: start });
        }
        assert_eq!(aside.indexes().len(), limits::WEBHOOK_ASIDE);
    }
}
