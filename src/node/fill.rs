//! Contents that come later than their leaves.
//!
//! A late joiner takes bare leaves, because the erasure or expiry that explains them may stand further on. What nothing
//! explains once the whole feed is here was withheld by whoever sent it: a relay could hide a retraction that way. The feed
//! then does not count as complete, and its missing contents are asked for again, from anybody; each proves itself against
//! the commitment on the leaf that is verified already.

use std::ops::Range;

use rand::CryptoRng;

use crate::base::name::FeedId;
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::audit::record::Actor;
use crate::domain::exchange::batch::{UnverifiedBatch, verify_content};
use crate::node::Node;
use crate::node::commit::{Commit, Filled, change};
use crate::node::state::stored;
use crate::node::store::{Journal, StorageFault, Views};

/// What stands in the way of a complete feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) enum Missing {
    Nothing,
    /// Somebody else had sent a leaf without its content.
    Earlier,
    /// The sender itself did.
    Withheld(EntryIndex),
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Takes from a batch the contents that are missing of leaves held already. How many there were.
    pub(in crate::node) fn fill(
        &mut self,
        id: &FeedId,
        batch: &UnverifiedBatch,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<usize, StorageFault> {
        let Some(feed) = self.state.feeds.get(id).filter(|feed| !feed.uncovered.is_empty()) else { return Ok(0) };
        let mut commit = Commit::default();
        for (entry, index) in batch.entries.iter().zip(batch.first_index.0..) {
            let index = EntryIndex(index);
            let Some(leaf) = feed.uncovered.get(&index).filter(|_| !entry.salt.is_empty()) else { continue };
            // What does not fit its leaf fills nothing; the next sender may have it.
            let Ok(verified) = verify_content(id, index, leaf, entry.clone()) else { continue };
            commit.push(change::Kind::Filled(Filled {
                origin: feed.origin.clone(),
                index: index.0,
                entry: Some(stored(&verified.entry)),
                time_ms: now.unix_ms(),
            }));
        }
        let filled = commit.changes.len();
        if filled > 0 {
            self.commit(commit, &Actor::Node, Vec::new(), now, rng)?;
        }
        Ok(filled)
    }

    /// What a feed still lacks once all its leaves are here, for whoever sent the entries `sent`.
    pub(in crate::node) fn missing(&mut self, id: &FeedId, sent: Range<EntryIndex>, now: Timestamp) -> Missing {
        let Some(feed) = self.state.feeds.get_mut(id) else { return Missing::Nothing };
        feed.cover_expired(now.day());
        let ended = feed.cursor.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.size() == feed.size());
        if !ended || feed.uncovered.is_empty() {
            return Missing::Nothing;
        }
        // Whoever shows a feed has all its contents: only who sent this very leaf has kept back what belongs to it.
        let withheld = feed.uncovered.range(sent).next();
        withheld.map_or(Missing::Earlier, |(index, _)| Missing::Withheld(*index))
    }
}
