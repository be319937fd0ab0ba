//! Entries of a feed that are kept, served and not believed here: why, how many, and which may count later.

use std::collections::BTreeMap;

use crate::base::limits::WAITING_ENTRIES;
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Timestamp};

/// Why an entry does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Its feed has used up the quota of its day.
    OverQuota,
    /// Its author holds as much here as its quota allows in a whole validity.
    TooManyHeld,
    /// The roster names no such epoch.
    UnknownEpoch,
    /// It would outlast every validity a roster may allow.
    KeptTooLong,
    /// Its author speaks too often of one pseudonym, or of what is not held here.
    Crowded,
    /// Memory for indicators is used up.
    NoRoom,
}

impl Why {
    /// Stable name of the rule, for audit records.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::OverQuota => "over_quota",
            Self::TooManyHeld => "too_many_held",
            Self::UnknownEpoch => "unknown_epoch",
            Self::KeptTooLong => "kept_too_long",
            Self::Crowded => "crowded",
            Self::NoRoom => "no_room",
        }
    }

    /// The same for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::OverQuota => "beyond the author's daily quota",
            Self::TooManyHeld => "beyond all that the author's quota allows to hold",
            Self::UnknownEpoch => "under an epoch that the roster does not name",
            Self::KeptTooLong => "valid longer than any roster allows",
            Self::Crowded => "too many about one identifier, or about nothing that is held",
            Self::NoRoom => "no memory left for indicators",
        }
    }

    /// Whether a later roster may let such an entry count.
    const fn may_change(self) -> bool {
        match self {
            Self::OverQuota | Self::UnknownEpoch => true,
            Self::TooManyHeld | Self::KeptTooLong | Self::Crowded | Self::NoRoom => false,
        }
    }
}

/// An entry that may count later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub why: Why,
    pub first_seen: Timestamp,
    /// Its place among the indicators of its day.
    pub place: u64,
}

/// What of one feed does not count.
#[derive(Debug, Default)]
pub struct Unbelieved {
    counts: BTreeMap<Why, u64>,
    told: BTreeMap<Why, u64>,
    told_on: Option<Day>,
    waiting: BTreeMap<EntryIndex, Waiting>,
}

impl Unbelieved {
    pub fn note(&mut self, index: EntryIndex, entry: Waiting) {
        *self.counts.entry(entry.why).or_default() += 1;
        if entry.why.may_change() && self.waiting.len() < WAITING_ENTRIES {
            self.waiting.insert(index, entry);
        }
    }

    /// Takes out what waited, to be judged again; what still does not count is noted again.
    pub fn take_waiting(&mut self) -> BTreeMap<EntryIndex, Waiting> {
        let waiting = std::mem::take(&mut self.waiting);
        for Waiting { why, .. } in waiting.values() {
            if let Some(count) = self.counts.get_mut(why) {
                *count = count.saturating_sub(1);
            }
        }
        waiting
    }

    pub fn counts(&self) -> impl Iterator<Item = (Why, u64)> {
        self.counts.iter().map(|(why, count)| (*why, *count)).filter(|(_, count)| *count > 0)
    }

    /// What there is more of since it was told last; at most once a day, however much comes.
    pub fn news(&mut self, today: Day) -> Vec<(Why, u64)> {
        if self.told_on == Some(today) {
            return Vec::new();
        }
        let news: Vec<_> = self
            .counts()
            .map(|(why, count)| (why, count.saturating_sub(self.told.get(&why).copied().unwrap_or_default())))
            .filter(|(_, more)| *more > 0)
            .collect();
        if !news.is_empty() {
            self.told_on = Some(today);
            self.told = self.counts.clone();
        }
        news
    }

    /// What was found at the start stands in the audit log since it came.
    pub fn is_told(&mut self) {
        self.told = self.counts.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(why: Why) -> Waiting {
        Waiting { why, first_seen: Timestamp::from_unix_s(1_795_000_000), place: 7 }
    }

    #[test]
    fn it_is_told_once_a_day_with_all_that_came_since() {
        let mut unbelieved = Unbelieved::default();
        let mut note =
            |count: u64| (0..count).for_each(|index| unbelieved.note(EntryIndex(index), entry(Why::Crowded)));
        note(3);
        assert_eq!(unbelieved.news(Day(1)), [(Why::Crowded, 3)]);
        unbelieved.note(EntryIndex(9), entry(Why::Crowded));
        assert_eq!(unbelieved.news(Day(1)), []);
        unbelieved.note(EntryIndex(10), entry(Why::NoRoom));
        assert_eq!(unbelieved.news(Day(2)), [(Why::Crowded, 1), (Why::NoRoom, 1)]);
        assert_eq!(unbelieved.news(Day(3)), []);
    }

    #[test]
    fn only_what_a_roster_can_change_waits_and_only_so_much_of_it() {
        let mut unbelieved = Unbelieved::default();
        for index in 0..u64::try_from(WAITING_ENTRIES).expect("small") + 5 {
            unbelieved.note(EntryIndex(index), entry(Why::UnknownEpoch));
            unbelieved.note(EntryIndex(index), entry(Why::KeptTooLong));
        }
        assert_eq!(unbelieved.take_waiting().len(), WAITING_ENTRIES);
        let left: Vec<_> = unbelieved.counts().collect();
        assert_eq!(left[0], (Why::UnknownEpoch, 5));
        assert!(unbelieved.take_waiting().is_empty());
    }
}
