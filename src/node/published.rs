//! How much this node published of each day, for its quota.
//!
//! An entry belongs to the day of the hour that stands in it, which is that of the moment from which it may be signed: its
//! readers reckon so ([`crate::domain::exchange::quota`]), and a member must not be told yes here to what does not count there.
//! It counts from when it is acknowledged. What comes into an own feed without having been prepared here counts from then: a
//! decoy, or what peers gave back to a store that was put back from a copy.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::bytes::Commitment;
use crate::base::time::Day;
use crate::domain::feed::blob::indicator::Indicator;
use crate::domain::feed::entry::{Entry, EntryKind};

#[derive(Debug, Default)]
pub struct Published {
    days: BTreeMap<Day, u64>,
    /// Counted, and not in their feed yet.
    waiting: BTreeSet<Commitment>,
}

impl Published {
    /// Entries of that day, of all groups and kinds together.
    pub fn on(&self, day: Day) -> u64 {
        self.days.get(&day).copied().unwrap_or_default()
    }

    /// An entry is acknowledged, to be signed on that day.
    pub(in crate::node) fn prepare(&mut self, commitment: Commitment, day: Day) {
        self.waiting.insert(commitment);
        self.count(day);
    }

    /// An entry stands in an own feed, reckoned to that day where its readers reckon it at all.
    pub(in crate::node) fn append(&mut self, commitment: &Commitment, reckoned_to: Option<Day>) {
        if self.waiting.remove(commitment) {
            return;
        }
        if let Some(day) = reckoned_to {
            self.count(day);
        }
    }

    fn count(&mut self, day: Day) {
        let published = self.days.entry(day).or_default();
        *published = published.saturating_add(1);
    }
}

/// The day whose quota an entry uses at its readers; none where it uses none, or its content is gone.
pub(in crate::node) fn reckoned_to(entry: &Entry) -> Option<Day> {
    let content = entry.content().filter(|_| entry.leaf().kind == EntryKind::Indicator)?;
    day_of(&content.blob)
}

/// The day an indicator is reckoned to by its blob.
pub(in crate::node) fn day_of(blob: &[u8]) -> Option<Day> {
    Indicator::decode(blob).ok().map(|indicator| indicator.hour.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Salt;
    use crate::base::epoch::EpochId;
    use crate::base::time::Hour;
    use crate::domain::feed::blob::indicator::tests::sample;

    fn entry(kind: EntryKind, day: u32) -> Entry {
        let mut blob = sample("bank-a", 1);
        blob.hour = Hour(day * 24 + 5);
        Entry::seal_new(kind, EpochId::NONE, Day(day + 30), blob.encode(), Salt([1; 32])).expect("short")
    }

    #[test]
    fn an_entry_counts_once_on_the_day_it_may_be_signed() {
        let mut published = Published::default();
        let prepared = entry(EntryKind::Indicator, 11);
        published.prepare(prepared.leaf().commitment, Day(11));
        published.append(&prepared.leaf().commitment, reckoned_to(&prepared));
        assert_eq!((published.on(Day(10)), published.on(Day(11))), (0, 1));
    }

    #[test]
    fn what_was_not_prepared_here_counts_on_the_day_that_stands_in_it() {
        let mut published = Published::default();
        let mut append = |entry: &Entry| published.append(&entry.leaf().commitment, reckoned_to(entry));
        append(&entry(EntryKind::Indicator, 11));
        append(&entry(EntryKind::Retraction, 11));
        append(&entry(EntryKind::Indicator, 11).bare());
        assert_eq!(published.on(Day(11)), 1);
    }
}
