//! When an indicator was last spoken of by anybody: sightings and disputes name it by its commitment.
//!
//! Small sorted maps behind atomic pointers, copied on write: mentions are rare, and readers must not wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::base::bytes::Commitment;
use crate::base::time::{Day, Timestamp};

pub(super) const SHARDS: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Mention {
    last_seen: Timestamp,
    keep_until: Day,
}

type Shard = BTreeMap<Commitment, Mention>;

/// Last mention of each indicator that was mentioned at all.
#[derive(Debug)]
pub(super) struct Mentions {
    shards: Vec<ArcSwap<Shard>>,
}

impl Mentions {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| ArcSwap::default()).collect() }
    }

    fn shard(&self, commitment: &Commitment) -> &ArcSwap<Shard> {
        &self.shards[usize::from(commitment.0[0]) % SHARDS]
    }

    pub(super) fn last_seen(&self, commitment: &Commitment) -> Option<Timestamp> {
        self.shard(commitment).load().get(commitment).map(|mention| mention.last_seen)
    }

    /// Keeps the latest; called by the one writer.
    pub(super) fn mention(&self, commitment: &Commitment, seen: Timestamp, keep_until: Day) {
        self.mention_all(&[(*commitment, seen, keep_until)]);
    }

    /// The same for many: each run of one shard copies the shard once.
    pub(super) fn mention_all(&self, mentions: &[(Commitment, Timestamp, Day)]) {
        for run in mentions.chunk_by(|(one, ..), (other, ..)| std::ptr::eq(self.shard(one), self.shard(other))) {
            let Some((first, ..)) = run.first() else { continue };
            let shard = self.shard(first);
            let mut changed = Shard::clone(&shard.load());
            for (commitment, seen, keep_until) in run {
                let mention =
                    changed.entry(*commitment).or_insert(Mention { last_seen: *seen, keep_until: *keep_until });
                mention.last_seen = mention.last_seen.max(*seen);
                mention.keep_until = mention.keep_until.max(*keep_until);
            }
            shard.store(Arc::new(changed));
        }
    }

    /// All of one shard, with when they were last seen and until when they are kept.
    pub(super) fn of_shard(&self, number: usize) -> Vec<(Commitment, Timestamp, Day)> {
        let shard = self.shards[number].load();
        shard.iter().map(|(commitment, mention)| (*commitment, mention.last_seen, mention.keep_until)).collect()
    }

    pub(super) fn drop_before(&self, today: Day) {
        for shard in &self.shards {
            let held = shard.load();
            if held.values().any(|mention| mention.keep_until < today) {
                let mut kept = Shard::clone(&held);
                kept.retain(|_, mention| mention.keep_until >= today);
                shard.store(Arc::new(kept));
            }
        }
    }

    pub(super) fn size_bytes(&self) -> usize {
        let row = size_of::<Commitment>() + size_of::<Mention>();
        self.shards.iter().map(|shard| shard.load().len() * row).sum()
    }
}
