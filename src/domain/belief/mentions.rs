//! When an indicator was last spoken of by anybody: sightings and disputes name it by its commitment.
//!
//! Small sorted maps behind atomic pointers, copied on write: mentions are rare, and readers must not wait. A mention may name
//! anything, so shards are chosen under the key of the process and each member has room for so many and no more: nobody can
//! fill one shard, or all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::base::bytes::Commitment;
use crate::base::limits::MENTIONS_PER_MEMBER;
use crate::base::time::{Day, Timestamp};
use crate::domain::belief::parties::MemberNumber;
use crate::domain::belief::place::{Place, TableKey, words_of};

pub(super) const SHARDS: usize = 1_024;

#[derive(Debug, Clone, Copy)]
pub(super) struct Mention {
    pub(super) last_seen: Timestamp,
    pub(super) keep_until: Day,
    /// Who spoke of it first, in whose room it stands.
    pub(super) first_by: MemberNumber,
}

type Shard = BTreeMap<Commitment, Mention>;

/// Last mention of each indicator that was mentioned at all.
#[derive(Debug)]
pub(super) struct Mentions {
    key: TableKey,
    shards: Vec<ArcSwap<Shard>>,
    /// Mentions in each member's room. Only the writer asks.
    by_member: Mutex<BTreeMap<MemberNumber, usize>>,
}

impl Mentions {
    pub(super) fn new(key: TableKey) -> Self {
        let shards = (0..SHARDS).map(|_| ArcSwap::default()).collect();
        Self { key, shards, by_member: Mutex::default() }
    }

    fn shard(&self, commitment: &Commitment) -> &ArcSwap<Shard> {
        &self.shards[self.number(commitment)]
    }

    fn number(&self, commitment: &Commitment) -> usize {
        Place::of(&words_of(commitment.as_bytes()), &self.key).home(SHARDS)
    }

    pub(super) fn last_seen(&self, commitment: &Commitment) -> Option<Timestamp> {
        self.shard(commitment).load().get(commitment).map(|mention| mention.last_seen)
    }

    /// Keeps the latest; called by the one writer. False where the speaker's room is used up.
    pub(super) fn mention(
        &self,
        commitment: &Commitment,
        speaker: MemberNumber,
        seen: Timestamp,
        keep_until: Day,
    ) -> bool {
        let shard = self.shard(commitment);
        let held = shard.load();
        let known = held.get(commitment).copied();
        if known.is_none() {
            let mut by_member = self.by_member.lock().unwrap_or_else(PoisonError::into_inner);
            let used = by_member.entry(speaker).or_default();
            if *used >= MENTIONS_PER_MEMBER {
                return false;
            }
            *used += 1;
        }
        let mention = known.unwrap_or(Mention { last_seen: seen, keep_until, first_by: speaker });
        let mention = Mention {
            last_seen: mention.last_seen.max(seen),
            keep_until: mention.keep_until.max(keep_until),
            ..mention
        };
        let mut changed = Shard::clone(&held);
        changed.insert(*commitment, mention);
        shard.store(Arc::new(changed));
        true
    }

    /// Takes over what was mentioned once before, into no mentions yet: every shard is built once.
    pub(super) fn load(&self, mentions: Vec<(Commitment, Mention)>) {
        let mut by_member = self.by_member.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shards = vec![Shard::new(); SHARDS];
        for (commitment, mention) in mentions {
            if shards[self.number(&commitment)].insert(commitment, mention).is_none() {
                *by_member.entry(mention.first_by).or_default() += 1;
            }
        }
        for (shard, loaded) in self.shards.iter().zip(shards) {
            shard.store(Arc::new(loaded));
        }
    }

    /// All of one shard.
    pub(super) fn of_shard(&self, number: usize) -> Vec<(Commitment, Mention)> {
        self.shards[number].load().iter().map(|(commitment, mention)| (*commitment, *mention)).collect()
    }

    pub(super) fn drop_before(&self, today: Day) {
        let mut by_member = self.by_member.lock().unwrap_or_else(PoisonError::into_inner);
        for shard in &self.shards {
            let held = shard.load();
            if held.values().all(|mention| mention.keep_until >= today) {
                continue;
            }
            let (kept, gone): (Shard, Shard) = held
                .iter()
                .map(|(name, mention)| (*name, *mention))
                .partition(|(_, mention)| mention.keep_until >= today);
            for mention in gone.values() {
                if let Some(used) = by_member.get_mut(&mention.first_by) {
                    *used = used.saturating_sub(1);
                }
            }
            shard.store(Arc::new(kept));
        }
    }

    pub(super) fn size_bytes(&self) -> usize {
        let row = size_of::<Commitment>() + size_of::<Mention>();
        self.shards.iter().map(|shard| shard.load().len() * row).sum()
    }
}
