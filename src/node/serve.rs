//! Serving feeds: whoever is in a feed's group may have its entries from us, whoever wrote them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::CryptoRng;

use crate::base::bytes::{Incarnation, Sha256Digest, TreeHash};
use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::{EntryIndex, EntryRange, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::exchange::batch::{UnverifiedBatch, UnverifiedEntry};
use crate::domain::feed::entry::Leaf;
use crate::domain::feed::proof::consistency_proof;
use crate::domain::feed::tiles::{TileId, TileSource};
use crate::node::Node;
use crate::node::commit::{Commit, StoredEntry, change};
use crate::node::feeds::Feed;
use crate::node::heads::Head;
use crate::node::keys;
use crate::node::state::damaged;
use crate::node::store::{Journal, RecordNumber, StorageFault, Views};
use crate::node::sweep::bare;

/// Why a feed is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServeRefusal {
    UnknownFeed,
    NotInGroup,
    /// The puller claims to hold more than we may show it.
    BeyondHead,
    Quarantined,
}

impl ServeRefusal {
    /// Stable word for the wire.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::UnknownFeed => "unknown_feed",
            Self::NotInGroup => "not_in_group",
            Self::BeyondHead => "beyond_head",
            Self::Quarantined => "quarantined",
        }
    }
}

/// Consecutive entries with what proves them.
#[derive(Debug)]
pub struct Outgoing {
    pub first_index: EntryIndex,
    pub end: TreeSize,
    pub entries: Vec<StoredEntry>,
    pub checkpoint: Arc<str>,
    /// The version of the roster under which the checkpoint stands.
    pub under: u64,
    pub consistency: Vec<TreeHash>,
}

impl Outgoing {
    /// The same as it reaches who pulls: nothing of it verified there.
    pub fn unverified(self, feed: &FeedId) -> UnverifiedBatch {
        let entries = self.entries.into_iter();
        UnverifiedBatch {
            feed: feed.clone(),
            first_index: self.first_index,
            entries: entries
                .map(|entry| UnverifiedEntry { leaf: entry.leaf, blob: entry.blob, salt: entry.salt })
                .collect(),
            checkpoint_note: self.checkpoint.as_bytes().to_vec(),
            consistency: self.consistency.iter().map(|hash| hash.0.to_vec()).collect(),
        }
    }
}

/// What a peer that pulls is told first.
#[derive(Debug)]
pub struct Greeting {
    pub roster_version: u64,
    pub roster_sha256: Sha256Digest,
    pub incarnation: Incarnation,
    pub heads: BTreeMap<FeedId, Head>,
    /// The note of the roster after the peer's, where we have one: the peer follows version by version.
    pub next_roster: Option<String>,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Who we are, for a peer we pull from.
    pub fn introduce(&self) -> Greeting {
        Greeting {
            roster_version: self.state.roster.version(),
            roster_sha256: self.state.roster.sha256(),
            incarnation: self.state.incarnation,
            heads: BTreeMap::new(),
            next_roster: None,
        }
    }

    /// Who we are and what we hold, for a peer that pulls from us. Its own feeds are among it: that is how a restored peer
    /// learns what it has forgotten.
    pub fn greet(&self, peer: &MemberId, their_roster: u64) -> Greeting {
        let told = |feed: &FeedId, head: &Head| self.state.roster.may_read(peer, feed) && head.is_told_to(peer, feed);
        Greeting {
            heads: self.heads().into_iter().filter(|(feed, head)| told(feed, head)).collect(),
            next_roster: self.state.rosters.get(&(their_roster.saturating_add(1))).cloned(),
            ..self.introduce()
        }
    }

    /// Whether a peer may follow a feed from a size on.
    pub fn may_read(&self, peer: &MemberId, feed: &FeedId, from: TreeSize) -> Result<(), ServeRefusal> {
        let held = self.state.feeds.get(feed).ok_or(ServeRefusal::UnknownFeed)?;
        if !self.state.roster.may_read(peer, feed) {
            return Err(ServeRefusal::NotInGroup);
        }
        if held.equivocation.is_some() {
            return Err(ServeRefusal::Quarantined);
        }
        // A restored author asks for its own feed from a size beyond what a slow peer holds: it waits for the head.
        let is_beyond = match &held.head {
            Some(head) => from > head.size || !head.is_told_to(peer, feed),
            None => from > TreeSize::EMPTY,
        };
        if is_beyond && feed.member != *peer { Err(ServeRefusal::BeyondHead) } else { Ok(()) }
    }

    /// Up to `limit` entries from `from` on that are durable and complete, for a member that may read the feed; none where there
    /// are no more, or none that may be shown to it.
    pub fn outgoing(
        &self,
        reader: &MemberId,
        feed: &FeedId,
        from: TreeSize,
        limit: usize,
    ) -> Result<Option<Outgoing>, StorageFault> {
        let Some(held) = self.state.feeds.get(feed).filter(|held| held.equivocation.is_none()) else {
            return Ok(None);
        };
        let is_shown = |head: &Head| head.size > from && head.is_told_to(reader, feed);
        let Some(head) = held.head.clone().filter(is_shown) else { return Ok(None) };
        let mut entries = self.entries(held, from, head.size, limit)?;
        if !self.state.holds.is_empty() {
            let is_over = |entry: &StoredEntry| Leaf::decode(&entry.leaf).is_ok_and(|leaf| self.is_over(&leaf));
            entries.iter_mut().filter(|entry| is_over(entry)).for_each(|entry| *entry = bare(entry));
        }
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let end = from.plus(count).ok_or_else(|| damaged("feed", "a size beyond 64 bits"))?;
        let consistency = self
            .hashes(held, |source| consistency_proof(source, end, head.size))
            .ok_or_else(|| self.doubt("a tile is missing"))?;
        let first_index = from.next_index();
        let Head { checkpoint, under, .. } = head;
        Ok(Some(Outgoing { first_index, end, entries, checkpoint, under, consistency }))
    }

    /// Reads entries `[from, until)` of a feed or of the audit log, at most `limit` and at most [`limits::BATCH_BYTES`] of
    /// them, but one at least.
    pub(in crate::node) fn entries(
        &self,
        feed: &Feed,
        from: TreeSize,
        until: TreeSize,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StorageFault> {
        let mut entries = Vec::new();
        let mut next = from;
        let mut bytes_left = limits::BATCH_BYTES;
        while next < until && entries.len() < limit {
            let runs = self.rows(&keys::run(&feed.origin, next.next_index()), &keys::runs_end(&feed.origin), 1)?;
            let (record, first) = runs
                .first()
                .and_then(|(_, value)| keys::read_run_value(value))
                .filter(|(_, first)| *first <= next.next_index())
                .ok_or_else(|| self.doubt(format!("no record of {} holds entry {next}", feed.origin)))?;
            let commit = match self.journal.read(RecordNumber(record)) {
                Err(fault @ StorageFault::NoRecord(_)) => return Err(self.doubt(fault)),
                read => Commit::from_bytes(&read?)?,
            };
            let run = run_of(commit, &feed.origin, first)
                .ok_or_else(|| self.doubt(format!("a run of {} is not where they say", feed.origin)))?;
            let skip = usize::try_from(next.0 - first.0).map_err(|error| damaged("run", error))?;
            let room = limit - entries.len();
            let left = usize::try_from(until.0 - next.0).unwrap_or(usize::MAX);
            let before = entries.len();
            entries.extend(run.into_iter().skip(skip).take(room.min(left)));
            for (entry, index) in entries.iter_mut().skip(before).zip(next.0..) {
                if let Some(record) = feed.filled.get(&EntryIndex(index)).filter(|_| entry.salt.is_empty()) {
                    *entry = self.filled(*record, &feed.origin, EntryIndex(index))?.unwrap_or(std::mem::take(entry));
                }
            }
            let taken = u64::try_from(entries.len() - before).unwrap_or(u64::MAX);
            if taken == 0 {
                return Err(self.doubt(format!("a run of {} is shorter than they say", feed.origin)));
            }
            for (place, entry) in entries.iter().enumerate().skip(before) {
                let bytes = entry.leaf.len() + entry.blob.len() + entry.salt.len();
                if bytes > bytes_left && place > 0 {
                    entries.truncate(place);
                    return Ok(entries);
                }
                bytes_left = bytes_left.saturating_sub(bytes);
            }
            next = next.plus(taken).ok_or_else(|| damaged("feed", "a size beyond 64 bits"))?;
        }
        Ok(entries)
    }

    /// The content that came later than its leaf; none where it has expired or been erased since.
    fn filled(
        &self,
        record: RecordNumber,
        origin: &str,
        index: EntryIndex,
    ) -> Result<Option<StoredEntry>, StorageFault> {
        let commit = match self.journal.read(record) {
            Err(StorageFault::NoRecord(_)) => return Ok(None),
            read => Commit::from_bytes(&read?)?,
        };
        let filled = commit.changes.into_iter().find_map(|change| match change.kind {
            Some(change::Kind::Filled(filled)) if filled.origin == origin && filled.index == index.0 => filled.entry,
            _ => None,
        });
        Ok(filled)
    }

    /// Runs `prove` over the hashes of a feed.
    pub(in crate::node) fn hashes<T>(
        &self,
        feed: &Feed,
        prove: impl FnOnce(&TileSource<'_, Box<dyn Fn(TileId) -> Option<Vec<TreeHash>> + '_>>) -> T,
    ) -> T {
        let full = |tile: TileId| {
            let key = keys::tile(&feed.origin, tile);
            let bytes = match self.waiting_row(&key) {
                // Completed within this round: the views have it after the sync.
                Some(waiting) => waiting.to_vec(),
                None => self.row(&key).ok().flatten().or_else(|| {
                    self.doubt(format!("a tile of {} is missing", feed.origin));
                    None
                })?,
            };
            bytes.chunks(TreeHash::LENGTH).map(|hash| TreeHash::try_from(hash).ok()).collect()
        };
        prove(&TileSource { edge: &feed.tiles, full: Box::new(full) })
    }

    /// A peer subscribes. The size from which it wants our own feed on is as good as an acknowledgement: entries that came
    /// to it through a relay are acknowledged to the relay alone.
    pub fn subscribe(
        &mut self,
        peer: &MemberId,
        feed: &FeedId,
        from: TreeSize,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Result<(), ServeRefusal>, StorageFault> {
        let allowed = self.may_read(peer, feed, from);
        if allowed.is_ok() && self.state.identity.is_own(feed) {
            self.acknowledge(peer, feed, from, now, rng)?;
        }
        Ok(allowed)
    }

    /// A peer has verified and stored our feed up to a size: the delivery is recorded, and known by its record.
    pub fn acknowledge(
        &mut self,
        peer: &MemberId,
        feed: &FeedId,
        size: TreeSize,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let Some(held) = self.state.feeds.get(feed) else { return Ok(()) };
        let before = held.acknowledged.get(peer).copied().unwrap_or_default();
        let size = size.min(held.durable_size);
        let Some(range) = EntryRange::new(before.next_index(), size) else { return Ok(()) };
        self.acknowledged = true;
        let delivered = AuditEvent::BatchDelivered { peer: peer.clone(), feed: feed.clone(), range };
        self.record(&Actor::Node, vec![delivered], now, rng)
    }
}

/// The entries of one run within a commit.
fn run_of(commit: Commit, origin: &str, first: EntryIndex) -> Option<Vec<StoredEntry>> {
    commit.changes.into_iter().find_map(|change| match change.kind? {
        change::Kind::Appended(run) if run.origin == origin && run.first_index == first.0 => Some(run.entries),
        change::Kind::Audited(run) if origin.ends_with("/audit") && run.first_index == first.0 => Some(run.entries),
        change::Kind::Opened(_)
        | change::Kind::Prepared(_)
        | change::Kind::Appended(_)
        | change::Kind::Audited(_)
        | change::Kind::Roster(_)
        | change::Kind::Equivocated(_)
        | change::Kind::Budget(_)
        | change::Kind::Recovered(_)
        | change::Kind::Filled(_)
        | change::Kind::Listed(_)
        | change::Kind::CaseOpened(_)
        | change::Kind::CaseStepped(_)
        | change::Kind::ChallengeChanged(_)
        | change::Kind::UserChanged(_)
        | change::Kind::UserRemoved(_)
        | change::Kind::Cosigned(_)
        | change::Kind::AuditWitnessed(_)
        | change::Kind::OutcomeLearnt(_)
        | change::Kind::SightingRead(_)
        | change::Kind::ErasureAsked(_)
        | change::Kind::ErasureConfirmed(_)
        | change::Kind::Quarantined(_)
        | change::Kind::QuarantineDecided(_)
        | change::Kind::DecisionDetailed(_)
        | change::Kind::Policy(_)
        | change::Kind::HoldPlaced(_)
        | change::Kind::HoldStepped(_) => None,
    })
}
