//! The window: publications wait a moment so that one signature covers many and their order tells nothing.
//!
//! What is prepared is durable already. At the end of a window everything due is shuffled, appended and signed in one
//! commit; a crash before that commit leaves it pending, a crash after leaves it sequenced: exactly once either way.
//! Retractions do not wait. While the fence is not open, nothing is signed.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand::{CryptoRng, Rng};

use crate::base::bytes::Commitment;
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::feed::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::domain::feed::entry::Entry;
use crate::node::Node;
use crate::node::commit::{Appended, Commit, change};
use crate::node::feeds::verifier_at;
use crate::node::fence::FenceState;
use crate::node::state::{State, damaged, stored};
use crate::node::store::{Journal, StorageFault, Views};

/// One entry waiting for its window.
#[derive(Debug)]
struct Waiting {
    feed: FeedId,
    entry: Entry,
    not_before: Timestamp,
}

/// Everything acknowledged and not yet sequenced.
#[derive(Debug, Default)]
pub struct Pending(BTreeMap<Commitment, Waiting>);

impl Pending {
    pub fn insert(&mut self, feed: FeedId, entry: Entry, not_before: Timestamp) {
        self.0.insert(entry.leaf().commitment, Waiting { feed, entry, not_before });
    }

    pub fn remove(&mut self, commitment: &Commitment) {
        self.0.remove(commitment);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The feed an entry waits for.
    pub fn feed_of(&self, commitment: &Commitment) -> Option<&FeedId> {
        self.0.get(commitment).map(|waiting| &waiting.feed)
    }

    /// Lets an entry go out with the next signature.
    pub fn hurry(&mut self, commitment: &Commitment) {
        if let Some(waiting) = self.0.get_mut(commitment) {
            waiting.not_before = Timestamp::from_unix_ms(0);
        }
    }

    /// Entries of other members are never here, so every feed is an own one.
    fn due(&self, now: Timestamp) -> BTreeMap<FeedId, Vec<Entry>> {
        let mut due: BTreeMap<FeedId, Vec<Entry>> = BTreeMap::new();
        for waiting in self.0.values().filter(|waiting| waiting.not_before <= now) {
            due.entry(waiting.feed.clone()).or_default().push(waiting.entry.clone());
        }
        due
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Sequences and signs what is due. Does nothing while the fence is not open.
    pub fn close_window(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StorageFault> {
        if self.fence_state() != FenceState::Open {
            return Ok(());
        }
        for (feed, mut entries) in self.state.pending.due(now) {
            entries.shuffle(rng);
            for batch in entries.chunks(limits::BATCH_ENTRIES) {
                self.append_own(&feed, batch, Vec::new(), now, rng)?;
            }
        }
        Ok(())
    }

    /// Appends entries to an own feed and signs its new size, all in one commit.
    pub(in crate::node) fn append_own(
        &mut self,
        feed: &FeedId,
        entries: &[Entry],
        events: Vec<AuditEvent>,
        now: Timestamp,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(), StorageFault> {
        let held = self.state.feeds.get(feed).ok_or_else(|| damaged("feed", "not in the roster"))?;
        let mut range = held.tiles.range();
        let first_index = held.size().0;
        for entry in entries {
            range.append(entry.leaf_hash());
        }
        let identity = &self.state.identity;
        let signer = identity.feeds.get(&feed.group).ok_or_else(|| damaged("feed", "this node has no key for it"))?;
        let checkpoint = Checkpoint::of(&held.origin, &range);
        let note = checkpoint.sign(signer, &identity.witness, now).map_err(|error| damaged("checkpoint", error))?;
        let mut commit = Commit::default();
        commit.push(change::Kind::Appended(Appended {
            origin: held.origin.clone(),
            first_index,
            entries: entries.iter().map(stored).collect(),
            checkpoint: note.to_string(),
            time_ms: now.unix_ms(),
        }));
        self.commit(commit, &Actor::Node, events, now, rng)
    }

    /// Signs the time again on every own feed that was quiet, so that peers see that it is alive and complete.
    pub(in crate::node) fn heartbeat(&mut self, now: Timestamp) {
        if self.fence_state() != FenceState::Open {
            return;
        }
        let State { identity, feeds, roster, .. } = &mut self.state;
        for feed in feeds.values_mut().filter(|feed| identity.is_own(feed.id())) {
            let quiet_ms = feed.signed_at().map_or(u64::MAX, |signed_at| now.ms_since(signed_at));
            let Some(checkpoint) = feed.cursor.checkpoint.clone().filter(|_| quiet_ms >= limits::HEARTBEAT_S * 1000)
            else {
                continue;
            };
            // A cosignature over the same size and root: nothing new is claimed, so nothing need be durable first.
            let line = checkpoint.cosign(&identity.witness, now);
            if let Ok(verifier) = verifier_at(roster, feed.id(), checkpoint.size())
                && let Ok(renewed) = checkpoint.with_cosignature(line, &verifier)
            {
                feed.cursor.checkpoint = Some(renewed);
            }
        }
    }

    /// Signs the empty tree of every own feed that has no checkpoint yet, so that peers can tell silence from emptiness.
    pub(in crate::node) fn sign_empty_feeds(&mut self, now: Timestamp) {
        if self.fence_state() != FenceState::Open {
            return;
        }
        let State { identity, feeds, roster, .. } = &mut self.state;
        for feed in feeds.values_mut().filter(|feed| identity.is_own(feed.id())) {
            if feed.cursor.checkpoint.is_some() || feed.size() != TreeSize::EMPTY {
                continue;
            }
            let Some(signer) = identity.feeds.get(&feed.id().group) else { continue };
            let checkpoint = Checkpoint::of(&feed.origin, &feed.tiles.range());
            if let Ok(note) = checkpoint.sign(signer, &identity.witness, now)
                && let Ok(verifier) = verifier_at(roster, feed.id(), TreeSize::EMPTY)
            {
                feed.cursor.checkpoint = SignedCheckpoint::verify(note.to_string().as_bytes(), &verifier).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Salt;
    use crate::base::epoch::EpochId;
    use crate::base::time::Day;
    use crate::domain::feed::entry::EntryKind;

    fn entry(byte: u8) -> Entry {
        Entry::seal_new(EntryKind::Indicator, EpochId::NONE, Day(1), vec![byte], Salt([byte; 32])).expect("short")
    }

    #[test]
    fn an_entry_is_due_from_its_moment_on() {
        let feed = FeedId { member: "bank-a".parse().expect("valid"), group: "all".parse().expect("valid") };
        let mut pending = Pending::default();
        pending.insert(feed.clone(), entry(1), Timestamp::from_unix_ms(10));
        assert!(pending.due(Timestamp::from_unix_ms(9)).is_empty());
        assert_eq!(pending.due(Timestamp::from_unix_ms(10)).len(), 1);
        pending.hurry(&entry(1).leaf().commitment);
        assert_eq!(pending.due(Timestamp::from_unix_ms(0)).len(), 1);
        pending.remove(&entry(1).leaf().commitment);
        assert!(pending.is_empty());
    }
}
