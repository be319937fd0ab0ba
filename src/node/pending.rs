//! What is acknowledged and does not show yet: prepared entries until they are sequenced, signed and durable.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::base::bytes::{Commitment, Pseudonym};
use crate::base::name::FeedId;
use crate::base::time::Timestamp;
use crate::domain::feed::blob::Body;
use crate::domain::feed::entry::{Entry, EntryKind};

/// One entry waiting for its window, or for the sync after it.
#[derive(Debug)]
struct Waiting {
    feed: FeedId,
    entry: Entry,
    not_before: Timestamp,
    says: Says,
    /// In the feed already, but not durable there: belief does not know it yet.
    sequenced: bool,
}

/// What callers ask of a waiting entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Indicator(Pseudonym),
    Retraction(Commitment),
    Else,
}

impl Says {
    fn of(entry: &Entry) -> Self {
        let body = entry.content().and_then(|content| Body::decode(entry.leaf().kind, &content.blob).ok());
        match body {
            Some(Body::Indicator(indicator)) => Self::Indicator(indicator.pseudonym),
            Some(Body::Retraction(retraction)) => Self::Retraction(retraction.target),
            _ => Self::Else,
        }
    }
}

/// Everything acknowledged that does not show yet, by commitment.
#[derive(Debug, Default)]
pub struct Pending {
    waiting: BTreeMap<Commitment, Waiting>,
    /// Targets of the retractions among them.
    withdrawn: BTreeSet<Commitment>,
}

impl Pending {
    pub fn insert(&mut self, feed: FeedId, entry: Entry, not_before: Timestamp) {
        let says = Says::of(&entry);
        if let Says::Retraction(target) = says {
            self.withdrawn.insert(target);
        }
        let waiting = Waiting { feed, not_before, says, sequenced: false, entry };
        self.waiting.insert(waiting.entry.leaf().commitment, waiting);
    }

    /// An entry stands in its feed; it is kept until that shows.
    pub fn sequence(&mut self, commitment: &Commitment) {
        if let Some(waiting) = self.waiting.get_mut(commitment) {
            waiting.sequenced = true;
        }
    }

    /// What is sequenced shows now.
    pub fn show(&mut self) {
        let Self { waiting, withdrawn } = self;
        waiting.retain(|_, waiting| {
            if let (true, Says::Retraction(target)) = (waiting.sequenced, waiting.says) {
                withdrawn.remove(&target);
            }
            !waiting.sequenced
        });
    }

    /// Entries not yet sequenced.
    pub fn len(&self) -> usize {
        self.waiting.values().filter(|waiting| !waiting.sequenced).count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an indicator, waiting or shown, has its retraction among what waits.
    pub fn withdraws(&self, target: &Commitment) -> bool {
        self.withdrawn.contains(target)
    }

    /// The feed of an indicator among what waits.
    pub fn feed_of(&self, indicator: &Commitment) -> Option<&FeedId> {
        let waiting = self.waiting.get(indicator)?;
        (waiting.entry.leaf().kind == EntryKind::Indicator).then_some(&waiting.feed)
    }

    /// Indicators not yet sequenced behind one, in the order of their names.
    pub fn indicators_after(&self, after: Option<Commitment>) -> impl Iterator<Item = (Commitment, &FeedId, &Entry)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.waiting.range((start, Bound::Unbounded));
        let indicators =
            behind.filter(|(_, waiting)| !waiting.sequenced && waiting.entry.leaf().kind == EntryKind::Indicator);
        indicators.map(|(commitment, waiting)| (*commitment, &waiting.feed, &waiting.entry))
    }

    /// Indicators of a pseudonym among what waits.
    pub fn indicators_of(&self, pseudonym: &Pseudonym) -> Vec<Commitment> {
        let about = |waiting: &Waiting| waiting.says == Says::Indicator(*pseudonym);
        self.waiting.iter().filter(|(_, waiting)| about(waiting)).map(|(commitment, _)| *commitment).collect()
    }

    /// The names of all that waits.
    pub fn commitments(&self) -> impl Iterator<Item = Commitment> {
        self.waiting.keys().copied()
    }

    /// Whether an entry waits under this name.
    pub fn holds(&self, commitment: &Commitment) -> bool {
        self.waiting.contains_key(commitment)
    }

    /// An erasure follows: the entry goes out as a bare leaf, so that its content never leaves this node.
    pub fn forget(&mut self, commitment: &Commitment) {
        if let Some(waiting) = self.waiting.get_mut(commitment) {
            waiting.entry = waiting.entry.bare();
            waiting.says = Says::Else;
            waiting.not_before = Timestamp::from_unix_ms(0);
        }
    }

    /// Lets an entry go out with the next signature.
    pub fn hurry(&mut self, commitment: &Commitment) {
        if let Some(waiting) = self.waiting.get_mut(commitment) {
            waiting.not_before = Timestamp::from_unix_ms(0);
        }
    }

    /// Entries of other members are never here, so every feed is an own one.
    pub fn due(&self, now: Timestamp) -> BTreeMap<FeedId, Vec<Entry>> {
        let mut due: BTreeMap<FeedId, Vec<Entry>> = BTreeMap::new();
        for waiting in self.waiting.values().filter(|waiting| !waiting.sequenced && waiting.not_before <= now) {
            due.entry(waiting.feed.clone()).or_default().push(waiting.entry.clone());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Salt;
    use crate::base::epoch::EpochId;
    use crate::base::name::MemberId;
    use crate::base::time::{Day, Hour};
    use crate::domain::feed::blob::retraction::Retraction;
    use crate::domain::indicator::words::RetractionReason;

    fn member() -> MemberId {
        "bank-a".parse().expect("valid")
    }

    fn feed() -> FeedId {
        FeedId { member: member(), group: "all".parse().expect("valid") }
    }

    fn entry(kind: EntryKind, blob: Vec<u8>) -> Entry {
        Entry::seal_new(kind, EpochId::NONE, Day(1), blob, Salt([1; 32])).expect("short")
    }

    fn indicator() -> Entry {
        entry(EntryKind::Indicator, vec![1])
    }

    #[test]
    fn an_entry_is_due_from_its_moment_on() {
        let mut pending = Pending::default();
        pending.insert(feed(), indicator(), Timestamp::from_unix_ms(10));
        assert!(pending.due(Timestamp::from_unix_ms(9)).is_empty());
        assert_eq!(pending.due(Timestamp::from_unix_ms(10)).len(), 1);
        pending.hurry(&indicator().leaf().commitment);
        assert_eq!(pending.due(Timestamp::from_unix_ms(0)).len(), 1);
    }

    #[test]
    fn what_is_sequenced_is_found_until_it_shows() {
        let mut pending = Pending::default();
        let commitment = indicator().leaf().commitment;
        pending.insert(feed(), indicator(), Timestamp::from_unix_ms(0));
        pending.sequence(&commitment);
        assert!(pending.is_empty() && pending.due(Timestamp::from_unix_ms(0)).is_empty());
        assert_eq!(pending.feed_of(&commitment), Some(&feed()));
        pending.show();
        assert_eq!(pending.feed_of(&commitment), None);
    }

    #[test]
    fn a_waiting_retraction_withdraws_its_target_and_is_no_target_itself() {
        let mut pending = Pending::default();
        let target = indicator().leaf().commitment;
        let reason = RetractionReason::FalsePositive;
        let blob = Retraction { target, reporter: member(), reason, hour: Hour(1), superseded_by: None }.encode();
        let retraction = entry(EntryKind::Retraction, blob);
        let commitment = retraction.leaf().commitment;
        pending.insert(feed(), retraction, Timestamp::from_unix_ms(0));
        assert!(pending.withdraws(&target));
        assert_eq!(pending.feed_of(&commitment), None);
        pending.sequence(&commitment);
        pending.show();
        assert!(!pending.withdraws(&target));
    }
}
