//! Batches on their way from one node to the others, each for as long as the delay says.

use std::collections::VecDeque;

use crate::app::replay::history::RowId;
use crate::base::time::Timestamp;
use crate::domain::exchange::batch::UnverifiedBatch;

/// What one institution published at one moment.
#[derive(Debug)]
pub struct Parcel {
    /// Position of its author.
    pub from: usize,
    pub batches: Vec<UnverifiedBatch>,
    /// The frauds it tells of.
    pub frauds: Vec<RowId>,
}

/// Parcels in the order they were sent, which is the order they arrive in.
#[derive(Debug)]
pub struct Courier {
    delay_ms: u64,
    on_the_way: VecDeque<(Timestamp, Parcel)>,
}

impl Courier {
    pub fn new(delay_ms: u64) -> Self {
        Self { delay_ms, on_the_way: VecDeque::new() }
    }

    pub fn send(&mut self, parcel: Parcel, now: Timestamp) {
        self.on_the_way.push_back((now.plus_ms(self.delay_ms), parcel));
    }

    /// The next parcel that has arrived by `now`, with the moment of its arrival.
    pub fn arrived(&mut self, now: Timestamp) -> Option<(Timestamp, Parcel)> {
        if self.on_the_way.front().is_some_and(|(due, _)| *due <= now) { self.on_the_way.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_arrives_with_its_delay_and_not_before() {
        let at = Timestamp::from_unix_ms;
        let mut courier = Courier::new(1_000);
        let parcel = |from| Parcel { from, batches: Vec::new(), frauds: Vec::new() };
        courier.send(parcel(0), at(5_000));
        courier.send(parcel(1), at(5_001));
        assert!(courier.arrived(at(5_999)).is_none());
        let (due, first) = courier.arrived(at(9_000)).expect("there");
        assert_eq!((due, first.from), (at(6_000), 0));
        assert!(courier.arrived(at(6_000)).is_none());
        assert_eq!(courier.arrived(at(6_001)).map(|(due, _)| due), Some(at(6_001)));
    }
}
