//! What waits for one receiver: bounded, the oldest leave first.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::io::metrics::atomics::{Inside, Level};

/// An event that waits.
#[derive(Debug, Clone)]
pub struct Event {
    /// Of its record in the audit log.
    pub index: u64,
    pub id: String,
    pub body: Body,
}

/// What an event says. Shown to nobody but its receiver, since it may be a code; wiped when the last who holds it lets go.
#[derive(Clone)]
pub struct Body(Arc<Zeroizing<Vec<u8>>>);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Event {
    pub fn new(index: u64, id: String, body: Vec<u8>) -> Self {
        Self { index, id, body: Body(Arc::new(Zeroizing::new(body))) }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(…)")
    }
}

/// See the module.
#[derive(Debug)]
pub struct Outbox {
    waiting: VecDeque<(Event, Inside)>,
    limit: usize,
    level: Arc<Level>,
    /// Events that left without having been delivered, ever.
    pub dropped: u64,
    /// The first record that was not looked at yet.
    pub read_until: u64,
}

impl Outbox {
    /// `level` counts what waits, for monitoring.
    pub fn new(limit: usize, level: Arc<Level>, read_until: u64, dropped: u64) -> Self {
        Self { waiting: VecDeque::new(), limit, level, dropped, read_until }
    }

    /// How many were dropped for want of room: none or one.
    pub fn push(&mut self, event: Event) -> u64 {
        let dropped = u64::from(self.waiting.len() >= self.limit);
        if dropped > 0 {
            self.waiting.pop_front();
            self.dropped += dropped;
        }
        self.waiting.push_back((event, self.level.enter()));
        dropped
    }

    pub fn front(&self) -> Option<&Event> {
        self.waiting.front().map(|(event, _)| event)
    }

    /// Takes the oldest out: it was delivered, given up, or stands aside from now on, and is counted as waiting for as long as
    /// what is returned lives. None where it was dropped meanwhile.
    pub fn take(&mut self, index: u64) -> Option<(Event, Inside)> {
        if self.front().is_some_and(|event| event.index == index) { self.waiting.pop_front() } else { None }
    }

    /// For what waits elsewhere.
    pub fn enter(&self) -> Inside {
        self.level.enter()
    }

    /// Where another start has to begin.
    pub fn next(&self) -> u64 {
        self.front().map_or(self.read_until, |event| event.index)
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(index: u64) -> Event {
        Event::new(index, format!("msg_{index}"), b"{}".to_vec())
    }

    #[test]
    fn where_there_is_no_room_the_oldest_leaves_and_is_counted() {
        let level = Arc::new(Level::default());
        let mut outbox = Outbox::new(2, Arc::clone(&level), 5, 0);
        assert_eq!(outbox.next(), 5);
        assert_eq!([3, 4, 6].map(|index| outbox.push(event(index))), [0, 0, 1]);
        assert_eq!((outbox.next(), outbox.dropped, level.value(), outbox.len()), (4, 1, 2, 2));
        // What was under way when it was dropped takes nothing else along.
        assert!(outbox.take(3).is_none());
        assert_eq!(outbox.next(), 4);
        assert!(outbox.take(4).is_some());
        outbox.read_until = 9;
        drop(outbox.take(6));
        assert_eq!((outbox.next(), level.value()), (9, 0));
    }
}
