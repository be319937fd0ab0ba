//! What was said of entries by name: retractions and erasures, kept apart so that they may come before their target.
//!
//! Keyed by target *and* speaker: only the author's own order has effect, and whose order it is may show only later.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::base::bytes::Commitment;
use crate::base::limits::FACTS_PER_MEMBER;
use crate::base::name::FeedId;
use crate::base::position::EntryIndex;
use crate::base::time::Day;
use crate::domain::belief::parties::MemberNumber;
use crate::domain::belief::said::Retraction;

/// Of what was spoken, and by whom.
pub(super) type Key = (Commitment, MemberNumber);

#[derive(Debug)]
pub(super) struct HeldRetraction {
    pub(super) at: (FeedId, EntryIndex),
    pub(super) retraction: Retraction,
    pub(super) keep_until: Day,
}

/// Retractions and erasures.
#[derive(Debug, Default)]
pub(super) struct Facts {
    retractions: BTreeMap<Key, HeldRetraction>,
    erasures: BTreeMap<Key, Day>,
    /// Facts of each speaker. Those about held targets are as many as targets; those about others have a limit.
    by_speaker: BTreeMap<MemberNumber, usize>,
}

impl Facts {
    /// Whether a speaker may say something of a target that is not held.
    pub(super) fn has_room(&self, target: &Commitment, speaker: MemberNumber) -> bool {
        let key = (*target, speaker);
        let known = self.retractions.contains_key(&key) || self.erasures.contains_key(&key);
        known || self.by_speaker.get(&speaker).copied().unwrap_or_default() < FACTS_PER_MEMBER
    }

    pub(super) fn retraction(&self, target: &Commitment, author: MemberNumber) -> Option<&Retraction> {
        self.retractions.get(&(*target, author)).map(|held| &held.retraction)
    }

    pub(super) fn is_erased(&self, target: &Commitment, author: MemberNumber) -> bool {
        self.erasures.contains_key(&(*target, author))
    }

    /// Keeps the first by feed and index, whatever the order of arrival.
    pub(super) fn retract(
        &mut self,
        target: Commitment,
        speaker: MemberNumber,
        at: (FeedId, EntryIndex),
        retraction: Retraction,
        keep_until: Day,
    ) {
        match self.retractions.get_mut(&(target, speaker)) {
            None => {
                self.retractions.insert((target, speaker), HeldRetraction { at, retraction, keep_until });
                *self.by_speaker.entry(speaker).or_default() += 1;
            }
            Some(held) => {
                held.keep_until = held.keep_until.max(keep_until);
                if at < held.at {
                    held.at = at;
                    held.retraction = retraction;
                }
            }
        }
    }

    pub(super) fn erase(&mut self, target: Commitment, speaker: MemberNumber, keep_until: Day) {
        match self.erasures.get_mut(&(target, speaker)) {
            Some(held) => *held = keep_until.max(*held),
            None => {
                self.erasures.insert((target, speaker), keep_until);
                *self.by_speaker.entry(speaker).or_default() += 1;
            }
        }
    }

    /// Ascending, from behind `after` on.
    pub(super) fn retractions_after(&self, after: Option<Key>) -> impl Iterator<Item = (&Key, &HeldRetraction)> {
        self.retractions.range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
    }

    /// Ascending, from behind `after` on, with the day until which each is kept.
    pub(super) fn erasures_after(&self, after: Option<Key>) -> impl Iterator<Item = (&Key, &Day)> {
        self.erasures.range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
    }

    /// Drops what ran out, except what speaks of `held` targets.
    pub(super) fn drop_before(&mut self, today: Day, is_held: impl Fn(&Commitment) -> bool) {
        let due = self.retractions.iter().filter(|(_, fact)| fact.keep_until < today).map(|(key, _)| *key);
        let gone: BTreeSet<Key> = due.filter(|(target, _)| !is_held(target)).collect();
        self.retractions.retain(|key, _| !gone.contains(key));
        self.erasures.retain(|_, keep_until| *keep_until >= today);
        self.by_speaker.clear();
        for (_, speaker) in self.retractions.keys().chain(self.erasures.keys()) {
            *self.by_speaker.entry(*speaker).or_default() += 1;
        }
    }

    pub(super) fn size_bytes(&self) -> usize {
        let retraction = size_of::<Key>() + size_of::<HeldRetraction>();
        let erasure = size_of::<Key>() + size_of::<Day>();
        self.retractions.len() * retraction + self.erasures.len() * erasure
    }
}
