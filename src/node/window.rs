//! The window: publications wait a moment so that one signature covers many and their order tells nothing.
//!
//! What is prepared is durable already. At the end of a window everything due is shuffled, appended and signed in one
//! commit; a crash before that commit leaves it pending, a crash after leaves it sequenced: exactly once either way.
//! Retractions do not wait. Decoys ([`crate::node::decoy`]) are added at the end of a window. While the fence is not open,
//! nothing is signed.

use rand::seq::SliceRandom;
use rand::{CryptoRng, Rng};

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
use crate::node::published::reckoned_to;
use crate::node::state::{State, damaged, stored};
use crate::node::store::{Journal, StorageFault, Views};

impl<J: Journal, V: Views> Node<J, V> {
    /// Sequences and signs what is due. Does nothing while the fence is not open. A feed that fails does not keep the others
    /// waiting; the first fault is told at the end.
    pub fn close_window(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StorageFault> {
        if self.fence_state() != FenceState::Open {
            return Ok(());
        }
        let mut outcome = Ok(());
        let mut due = self.state.pending.due(now);
        let mut decoys = self.add_decoys(&mut due, now, rng);
        for (feed, mut entries) in due {
            entries.shuffle(rng);
            // Day after day, where more than one has waited: readers reckon what lags too far to a later day, whose quota it
            // would take.
            entries.sort_by_cached_key(reckoned_to);
            entries.truncate(self.room_for(&feed));
            let mut batches = entries.chunks(limits::BATCH_ENTRIES);
            let appended = batches.try_for_each(|batch| {
                let events = batch.iter().filter_map(|entry| decoys.remove(&entry.leaf().commitment)).collect();
                self.append_own(&feed, batch, events, now, rng)
            });
            outcome = outcome.and(appended);
        }
        outcome
    }

    /// Entries that may be signed before more sizes are reserved. The rest waits for the next round.
    pub(in crate::node) fn room_for(&self, feed: &FeedId) -> usize {
        let Some(held) = self.state.feeds.get(feed) else { return 0 };
        usize::try_from(self.signable(&held.origin).0.saturating_sub(held.size().0)).unwrap_or(usize::MAX)
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
        let signer = identity.feed_signer(&self.state.roster, &feed.group, range.size());
        let signer = signer.ok_or_else(|| damaged("feed", "this node has no key for it"))?;
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
            let quiet_ms = feed.signed_at(now).map_or(u64::MAX, |signed_at| now.ms_since(signed_at));
            let Some(checkpoint) = feed.cursor.checkpoint.clone().filter(|_| quiet_ms >= limits::HEARTBEAT_S * 1000)
            else {
                continue;
            };
            // A cosignature over the same size and root: nothing new is claimed, so nothing need be durable first.
            let line = checkpoint.cosign(&identity.witness, now);
            // A time our clock signed before it was set right would outrank this one.
            if let Ok(verifier) = verifier_at(roster, feed.id(), checkpoint.size())
                && let Ok(believed) = checkpoint.without_times_ahead(now, &verifier)
                && let Ok(renewed) = believed.with_cosignature(line, &verifier)
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
            let Some(signer) = identity.feed_signer(roster, &feed.id().group, TreeSize::EMPTY) else { continue };
            let checkpoint = Checkpoint::of(&feed.origin, &feed.tiles.range());
            if let Ok(note) = checkpoint.sign(signer, &identity.witness, now)
                && let Ok(verifier) = verifier_at(roster, feed.id(), TreeSize::EMPTY)
            {
                feed.cursor.checkpoint = SignedCheckpoint::verify(note.to_string().as_bytes(), &verifier).ok();
            }
        }
    }
}

/// The beginning of the window `time` falls into, at which the one before has ended.
pub(in crate::node) fn window_begin(time: Timestamp, window_ms: u64) -> Timestamp {
    let elapsed = time.unix_ms().checked_rem(window_ms).unwrap_or_default();
    Timestamp::from_unix_ms(time.unix_ms() - elapsed)
}

/// The end of the window `time` falls into: windows begin at whole multiples of their length, so that all that is published
/// within one is signed together and its order tells nothing.
pub(in crate::node) fn window_end(time: Timestamp, window_ms: u64) -> Timestamp {
    match time.unix_ms().checked_rem(window_ms) {
        Some(elapsed) if elapsed > 0 => time.plus_ms(window_ms - elapsed),
        Some(_) | None => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_within_a_window_is_due_at_its_end() {
        let check = |time: u64, window: u64, due: u64| {
            assert_eq!(window_end(Timestamp::from_unix_ms(time), window), Timestamp::from_unix_ms(due));
        };
        check(1_001, 1_000, 2_000);
        check(1_999, 1_000, 2_000);
        check(2_000, 1_000, 2_000);
        check(1_001, 0, 1_001);
    }

    #[test]
    fn a_window_begins_where_the_one_before_ended() {
        for time in [0, 1, 999, 1_000, 1_001, 1_999].map(Timestamp::from_unix_ms) {
            let begin = window_begin(time, 1_000);
            assert!(begin <= time && time.ms_since(begin) < 1_000, "{time}");
            assert_eq!(window_end(begin, 1_000), begin);
        }
        assert_eq!(window_begin(Timestamp::from_unix_ms(1_001), 0), Timestamp::from_unix_ms(1_001));
    }
}
