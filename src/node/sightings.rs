//! What others saw of this member's own indicators. Rebuilt from the journal.
//!
//! Of each member its last word about an indicator counts, and no other: nobody gains by repeating itself.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::base::bytes::Commitment;
use crate::base::limits::KEPT_DAYS;
use crate::base::limits::feedback::SIGHTINGS_UNREAD;
use crate::base::name::{ConsortiumId, FeedId, MemberId};
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Timestamp};
use crate::domain::feed::blob::sighting::{Sighting, SightingOutcome, WordNumber};
use crate::node::commit::SightingRead;
use crate::node::state::damaged;
use crate::node::store::StorageFault;

/// Where a sighting stands.
pub type SightingPlace = (FeedId, EntryIndex);

/// A sighting that waits to be opened.
#[derive(Debug, Clone)]
pub(in crate::node) struct Unread {
    pub(in crate::node) sighting: Sighting,
    first_seen: Timestamp,
}

/// One member's word.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    word: WordNumber,
    at: SightingPlace,
    outcome: SightingOutcome,
    on: Day,
}

/// What the members say of one indicator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Members that saw it proved right.
    pub confirmed: usize,
    /// Members that saw it stop a genuine customer.
    pub false_positive: usize,
}

impl Tally {
    /// Whether its author should look at it again: more members saw it wrong than right.
    pub fn suggests_retraction(self) -> bool {
        self.false_positive > self.confirmed
    }

    pub fn reporters(self) -> usize {
        self.confirmed + self.false_positive
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Sightings {
    unread: BTreeMap<SightingPlace, Unread>,
    told: BTreeMap<Commitment, BTreeMap<MemberId, Told>>,
    /// Could not be opened, since the start.
    unreadable: u64,
}

impl Sightings {
    pub fn tally(&self, indicator: &Commitment) -> Tally {
        self.told.get(indicator).map(tally).unwrap_or_default()
    }

    /// Indicators behind one, in the order of their names.
    pub fn after(&self, after: Option<Commitment>) -> impl Iterator<Item = (Commitment, Tally)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.told.range((start, Bound::Unbounded)).map(|(indicator, told)| (*indicator, tally(told)))
    }

    /// Sightings that nobody could open, and those that wait.
    pub fn unopened(&self) -> (u64, usize) {
        (self.unreadable, self.unread.len())
    }

    /// A sighting about an own indicator came.
    pub(in crate::node) fn take(&mut self, at: SightingPlace, sighting: Sighting, first_seen: Timestamp) {
        if self.unread.len() < SIGHTINGS_UNREAD {
            self.unread.insert(at, Unread { sighting, first_seen });
        }
    }

    pub(in crate::node) fn unread(&self, limit: usize) -> Vec<(SightingPlace, Unread)> {
        self.unread.iter().take(limit).map(|(at, unread)| (at.clone(), unread.clone())).collect()
    }

    /// What it is about is gone.
    pub(in crate::node) fn pass_over(&mut self, at: &SightingPlace) {
        self.unread.remove(at);
    }

    pub(in crate::node) fn apply(
        &mut self,
        consortium: &ConsortiumId,
        read: &SightingRead,
    ) -> Result<(), StorageFault> {
        let broken = |error: &dyn std::fmt::Display| damaged("sighting", error);
        let feed = FeedId::from_origin(consortium, &read.origin).map_err(|error| broken(&error))?;
        let target = Commitment::try_from(read.target.as_slice()).map_err(|error| broken(&error))?;
        let at = (feed, EntryIndex(read.index));
        self.unread.remove(&at);
        if read.outcome == 0 {
            self.unreadable = self.unreadable.saturating_add(1);
            return Ok(());
        }
        let outcome = u8::try_from(read.outcome).ok().and_then(SightingOutcome::from_number);
        let outcome = outcome.ok_or_else(|| broken(&"its word"))?;
        let (member, on) = (at.0.member.clone(), Timestamp::from_unix_ms(read.time_ms).day());
        let told = self.told.entry(target).or_default();
        let word = WordNumber(read.word);
        if told.get(&member).is_none_or(|held| (held.word, &held.at) < (word, &at)) {
            told.insert(member, Told { word, at, outcome, on });
        }
        Ok(())
    }

    /// Forgets what speaks of indicators that are over.
    pub(in crate::node) fn expire(&mut self, today: Day) {
        self.told.retain(|_, told| {
            told.retain(|_, told| !is_over(told.on, today));
            !told.is_empty()
        });
        self.unread.retain(|_, unread| !is_over(unread.first_seen.day(), today));
    }
}

/// Whether every indicator that could be spoken of on a day is over.
pub(in crate::node) fn is_over(on: Day, today: Day) -> bool {
    on.0.saturating_add(KEPT_DAYS) < today.0
}

fn tally(told: &BTreeMap<MemberId, Told>) -> Tally {
    let count = |outcome| told.values().filter(|told| told.outcome == outcome).count();
    Tally { confirmed: count(SightingOutcome::Confirmed), false_positive: count(SightingOutcome::FalsePositive) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consortium() -> ConsortiumId {
        "demo.example".parse().expect("valid")
    }

    fn read(member: &str, index: u64, word: u64, outcome: u32) -> SightingRead {
        let origin = format!("{}/{member}/all", consortium());
        SightingRead { origin, index, target: vec![1; 32], outcome, time_ms: 1_795_000_000_000, word }
    }

    #[test]
    fn of_each_member_the_last_word_counts_once() {
        let mut sightings = Sightings::default();
        let mut told = |member, index, word, outcome| {
            sightings.apply(&consortium(), &read(member, index, word, outcome)).expect("as stored");
            let tally = sightings.tally(&Commitment([1; 32]));
            (tally.confirmed, tally.false_positive, tally.suggests_retraction())
        };
        assert_eq!(told("shop", 3, 1, 2), (0, 1, true));
        assert_eq!(told("shop", 9, 3, 2), (0, 1, true), "nobody gains by repeating itself");
        assert_eq!(told("bank-b", 1, 1, 1), (1, 1, false));
        assert_eq!(told("shop", 10, 2, 1), (1, 1, false), "an earlier word that was signed later");
        assert_eq!(told("shop", 8, 4, 1), (2, 0, false));
        assert_eq!(told("bank-c", 1, 0, 0), (2, 0, false));
        assert_eq!(sightings.unopened(), (1, 0));
        sightings.expire(Day(u32::MAX));
        assert_eq!(sightings.tally(&Commitment([1; 32])), Tally::default());
    }

    #[test]
    fn a_broken_row_is_damage() {
        let check = |change: fn(&mut SightingRead)| {
            let mut broken = read("shop", 1, 1, 1);
            change(&mut broken);
            let applied = Sightings::default().apply(&consortium(), &broken);
            assert!(matches!(applied, Err(StorageFault::Damaged(_))), "{broken:?}");
        };
        check(|row| row.origin = "elsewhere/shop/all".to_owned());
        check(|row| row.target.clear());
        check(|row| row.outcome = 3);
    }
}
