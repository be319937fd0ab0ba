//! What may leave the journal, and when it does.
//!
//! Of each record compaction keeps what somebody may still need:
//! - *Prepared* entries that are sequenced stand in their feed: here they lose blob and salt. For a day the answer to a
//!   repeated request stays; until the indicator expires, the publisher's reference to it; for two quarters the fingerprint
//!   of the data subject, which statistics count. Then nothing is left.
//! - *Entries* lose blob and salt once they expired or an erasure of their author covers them. The leaf stays, so that the
//!   tree and every proof of it stay too.
//! - Everything else stays as it is.
//!
//! Record numbers stay. Views point to records by number; what they know of forgotten requests and references goes too, after
//! the journal: whoever meets such a row after a crash in between finds no record and treats it as forgotten.
//!
//! Expiry is swept in steps of a week: otherwise every segment would be rewritten daily for a few entries in each. An
//! erasure is swept within the hour.
//!
//! # Beside the writer
//! A compaction [begins](Node::begin_compaction) on the node's thread, which hands out the records there are and what to decide
//! by; the [work](Compaction::work) is done beside it; each part written anew is [installed](Node::install_compacted) on the
//! node's thread again. Nothing that changes in between can make a decision wrong, since each takes away only what stays
//! superfluous:
//! - An entry that was not waiting at the beginning never waits again: what is prepared later stands in later records. One
//!   that was waiting is kept whole, and stripped by the next compaction if it was sequenced meanwhile.
//! - What is erased stays erased, what is expired stays expired, a request that is forgotten stays forgotten. What is erased
//!   meanwhile is left to the next compaction, which is due within the hour.
//! - A forgotten request id may be used again meanwhile: its row then names the new record, and stays.
//! - Should the fence close meanwhile, it is as if it had closed after the compaction.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::bytes::{Commitment, LocalMac};
use crate::base::limits;
use crate::base::name::{ConsortiumId, FeedId, MemberId};
use crate::base::time::{Day, Timestamp};
use crate::domain::feed::blob::Body;
use crate::domain::feed::entry::{EntryKind, Leaf};
use crate::node::Node;
use crate::node::commit::{Appended, Audited, Change, Commit, Filled, Prepared, PreparedEntry, StoredEntry, change};
use crate::node::fence::FenceState;
use crate::node::keys;
use crate::node::local_mac::{LocalMacKey, MacDomain};
use crate::node::mark;
use crate::node::state::{State, VIEW};
use crate::node::store::{ClosedRecords, Journal, Keep, RecordNumber, RewriteOutcome, StorageFault, ViewChange, Views};

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// Records that lost something.
    pub rewritten: u64,
    /// Records that are gone.
    pub dropped: u64,
    /// Contents of entries that are gone.
    pub contents: u64,
}

/// What is due by itself.
#[derive(Debug)]
pub(in crate::node) struct Housekeeping {
    compact_at: Timestamp,
    /// It is time for a compaction, and nobody has begun it.
    is_due: bool,
    is_running: bool,
    expired_on: Day,
}

impl Housekeeping {
    pub(in crate::node) fn new(now: Timestamp) -> Self {
        let compact_at = now.plus_s(limits::COMPACT_AFTER_START_S);
        Self { compact_at, is_due: false, is_running: false, expired_on: now.day() }
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Expires what is over with each new day, and compacts when it is time.
    pub(in crate::node) fn keep_house(&mut self, now: Timestamp) -> Result<(), StorageFault> {
        let today = now.day();
        if self.housekeeping.expired_on < today {
            self.housekeeping.expired_on = today;
            self.state.expire(today);
        }
        if std::mem::take(&mut self.state.erased_lately) {
            let soon = now.plus_s(limits::COMPACT_AFTER_ERASURE_S);
            self.housekeeping.compact_at = self.housekeeping.compact_at.min(soon);
        }
        if self.housekeeping.compact_at > now || self.fence_state() != FenceState::Open {
            return Ok(());
        }
        self.housekeeping.is_due = true;
        Ok(())
    }

    /// Begins a compaction where it is time for one.
    pub fn due_compaction(&mut self, now: Timestamp) -> Result<Option<Compaction<J>>, StorageFault> {
        if std::mem::take(&mut self.housekeeping.is_due) { self.begin_compaction(now) } else { Ok(None) }
    }

    /// Begins a compaction; none while one is running, or the fence is not open: what this node forgot may still have to be
    /// compared with what others hold.
    pub fn begin_compaction(&mut self, now: Timestamp) -> Result<Option<Compaction<J>>, StorageFault> {
        if self.housekeeping.is_running || self.fence_state() != FenceState::Open {
            return Ok(None);
        }
        // Set first: a compaction that fails is tried again later, not with every tick.
        self.housekeeping.compact_at = now.plus_s(limits::COMPACT_EVERY_S);
        self.sync()?;
        let closed = self.journal.begin_compaction()?;
        self.housekeeping.is_running = true;
        Ok(Some(Compaction { closed, sweep: Sweep::new(&self.state, now) }))
    }

    /// Puts a part in force that was written anew. After a fault the compaction is over.
    pub fn install_compacted(&mut self, rewritten: RewriteOutcome<J>) -> Result<(), StorageFault> {
        self.journal.install(rewritten).inspect_err(|fault| {
            self.housekeeping.is_running = false;
            self.stopped |= *fault != StorageFault::Full;
        })
    }

    /// Ends a compaction: the views forget what the journal forgot.
    pub fn end_compaction(&mut self, compaction: Compaction<J>) -> Result<Compacted, StorageFault> {
        self.housekeeping.is_running = false;
        self.sync()?;
        let Sweep { done, removed, .. } = compaction.sweep;
        let mut changes = Vec::new();
        for Forgotten { key, record } in removed {
            // A row that names another record was written since.
            let stale = match record {
                None => true,
                Some(record) => self.row(&key)?.as_deref().and_then(keys::read_number) == Some(record.0),
            };
            if stale {
                changes.push(ViewChange::Remove { key });
            }
        }
        // The views' mark names the last record by its digest. A crash before this costs a rebuild of the views.
        let last = RecordNumber(self.journal.next_number().0.saturating_sub(1));
        if let Ok(record) = self.journal.read(last) {
            changes.push(mark::applied(VIEW, last, &record));
        }
        self.write_rows(&changes);
        Ok(done)
    }

    /// Takes from the journal at once what nobody needs any more.
    pub fn compact(&mut self, now: Timestamp) -> Result<Compacted, StorageFault> {
        let Some(mut compaction) = self.begin_compaction(now)? else { return Ok(Compacted::default()) };
        while let Some(rewritten) = compaction.work() {
            self.install_compacted(rewritten)?;
        }
        self.end_compaction(compaction)
    }
}

/// A compaction that has begun. It can be worked on by any thread, beside the node.
pub struct Compaction<J: Journal> {
    closed: J::Closed,
    sweep: Sweep,
}

impl<J: Journal> std::fmt::Debug for Compaction<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compaction").field("done", &self.sweep.done).finish_non_exhaustive()
    }
}

impl<J: Journal> Compaction<J> {
    /// Writes the next part anew, to be installed; none at the end. After a fault there is no next.
    pub fn work(&mut self) -> Option<RewriteOutcome<J>> {
        let Self { closed, sweep } = self;
        closed.rewrite(&mut |number, record| sweep.decide(number, record)).transpose()
    }
}

/// A row of what the journal forgot.
#[derive(Debug)]
struct Forgotten {
    key: Vec<u8>,
    /// The record it names; none for a row that cannot come to name another.
    record: Option<RecordNumber>,
}

/// One pass over the journal, with what it decides by as it was at the beginning.
struct Sweep {
    identity: SweepIdentity,
    /// Entries that are not sequenced.
    waiting: BTreeSet<Commitment>,
    erased: BTreeMap<FeedId, BTreeSet<Commitment>>,
    now: Timestamp,
    /// Contents that expired before this day go.
    horizon: Day,
    done: Compacted,
    removed: Vec<Forgotten>,
    /// The record being decided over.
    record: RecordNumber,
}

/// Whose journal it is.
struct SweepIdentity {
    consortium: ConsortiumId,
    member: MemberId,
    mac: LocalMacKey,
}

impl Sweep {
    fn new(state: &State, now: Timestamp) -> Self {
        let identity = &state.identity;
        let erased = state.feeds.values().map(|feed| (feed.id().clone(), feed.erased.clone()));
        Self {
            identity: SweepIdentity {
                consortium: identity.consortium.clone(),
                member: identity.member.clone(),
                mac: identity.local_mac.clone(),
            },
            waiting: state.pending.commitments().collect(),
            erased: erased.collect(),
            now,
            horizon: horizon(attested_day(state, now)),
            done: Compacted::default(),
            removed: Vec::new(),
            record: RecordNumber(0),
        }
    }

    fn is_erased(&self, feed: Option<&FeedId>, leaf: &Leaf) -> bool {
        let erased = feed.and_then(|feed| self.erased.get(feed));
        leaf.kind.is_erasable() && erased.is_some_and(|erased| erased.contains(&leaf.commitment))
    }

    fn feed(&self, origin: &str) -> Option<FeedId> {
        FeedId::from_origin(&self.identity.consortium, origin).ok()
    }

    fn decide(&mut self, number: RecordNumber, record: &[u8]) -> Keep {
        self.record = number;
        // What cannot be read is damage, found and told elsewhere; it is not made worse here.
        let Ok(mut commit) = Commit::from_bytes(record) else { return Keep::AsIs };
        let before = self.removed.len();
        let contents = self.done.contents;
        let mut changed = false;
        commit.changes.retain_mut(|change| {
            let (stays, touched) = self.sweep(change);
            changed |= touched || !stays;
            stays
        });
        if !changed {
            self.removed.truncate(before);
            self.done.contents = contents;
            return Keep::AsIs;
        }
        if commit.changes.is_empty() {
            self.done.dropped += 1;
            return Keep::Dropped;
        }
        self.done.rewritten += 1;
        Keep::Rewritten(commit.to_bytes())
    }

    /// Whether a change stays, and whether it was touched.
    fn sweep(&mut self, change: &mut Change) -> (bool, bool) {
        match &mut change.kind {
            Some(change::Kind::Prepared(prepared)) => self.prepared(prepared),
            Some(change::Kind::Appended(appended)) => (true, self.appended(appended)),
            Some(change::Kind::Filled(filled)) => self.filled(filled),
            Some(change::Kind::Audited(audited)) => (true, self.audited(audited)),
            Some(
                change::Kind::Opened(_)
                | change::Kind::Roster(_)
                | change::Kind::Equivocated(_)
                | change::Kind::Budget(_)
                | change::Kind::Recovered(_),
            )
            | None => (true, false),
        }
    }

    fn prepared(&mut self, prepared: &mut Prepared) -> (bool, bool) {
        let age_ms = self.now.ms_since(Timestamp::from_unix_ms(prepared.time_ms));
        let forgotten = age_ms > limits::REQUEST_ID_HOURS * 3_600_000;
        let counted = age_ms <= u64::from(limits::SUBJECT_DAYS) * 86_400_000;
        let mut touched = false;
        if forgotten && !prepared.request.is_empty() {
            if let Ok(id) = LocalMac::try_from(prepared.request.as_slice()) {
                self.removed.push(Forgotten { key: keys::request(&id), record: Some(self.record) });
            }
            prepared.request.clear();
            prepared.content.clear();
            touched = true;
        }
        if forgotten && !(prepared.refused.is_empty() && prepared.retracted.is_empty()) {
            prepared.refused.clear();
            prepared.retracted.clear();
            touched = true;
        }
        prepared.entries.retain_mut(|waiting| {
            let Some(leaf) = waiting.entry.as_ref().and_then(|entry| Leaf::decode(&entry.leaf).ok()) else {
                return true;
            };
            if self.waiting.contains(&leaf.commitment) {
                return true;
            }
            touched |= self.sequenced(waiting, &leaf);
            let needed = !forgotten || !waiting.source_ref.is_empty() || (counted && !waiting.subject.is_empty());
            touched |= !needed;
            needed
        });
        let stays = !(prepared.entries.is_empty() && prepared.request.is_empty());
        (stays, touched)
    }

    /// Takes from a prepared entry that is sequenced what its feed holds, and what outlived its purpose.
    fn sequenced(&mut self, waiting: &mut PreparedEntry, leaf: &Leaf) -> bool {
        let group = waiting.group.parse().ok();
        let own = group.map(|group| FeedId { member: self.identity.member.clone(), group });
        let erased = self.is_erased(own.as_ref(), leaf);
        let mut touched = false;
        if let Some(entry) = waiting.entry.as_mut().filter(|entry| !entry.salt.is_empty()) {
            if leaf.kind == EntryKind::Indicator {
                waiting.subject = subject(&self.identity.mac, &waiting.source_ref, &entry.blob)
                    .map_or(Vec::new(), |id| id.0.to_vec());
            }
            *entry = bare(entry);
            touched = true;
        }
        if erased || leaf.expires_day < self.horizon {
            if let Ok(reference) = LocalMac::try_from(waiting.source_ref.as_slice()) {
                let key = keys::source_ref(&reference, &leaf.commitment);
                self.removed.push(Forgotten { key, record: None });
                waiting.source_ref.clear();
                touched = true;
            }
            if erased && !waiting.subject.is_empty() {
                waiting.subject.clear();
                touched = true;
            }
        }
        touched
    }

    fn appended(&mut self, appended: &mut Appended) -> bool {
        let feed = self.feed(&appended.origin);
        let mut touched = false;
        for entry in &mut appended.entries {
            touched |= self.strip(entry, feed.as_ref());
        }
        touched
    }

    fn audited(&mut self, audited: &mut Audited) -> bool {
        let mut touched = false;
        for entry in &mut audited.entries {
            touched |= self.strip(entry, None);
        }
        touched
    }

    fn filled(&mut self, filled: &mut Filled) -> (bool, bool) {
        let feed = self.feed(&filled.origin);
        let gone = filled.entry.as_mut().is_some_and(|entry| self.strip(entry, feed.as_ref()));
        (!gone, gone)
    }

    /// Takes blob and salt of an entry that is over.
    fn strip(&mut self, entry: &mut StoredEntry, feed: Option<&FeedId>) -> bool {
        let Some(leaf) = Leaf::decode(&entry.leaf).ok().filter(|_| !entry.salt.is_empty()) else { return false };
        if !(kept_until(&leaf) < self.horizon || self.is_erased(feed, &leaf)) {
            return false;
        }
        *entry = bare(entry);
        self.done.contents += 1;
        true
    }
}

/// The last day on which a content is needed. What takes back or erases outlives whatever it speaks of, also where its author
/// gave it too short a life.
fn kept_until(leaf: &Leaf) -> Day {
    match leaf.kind {
        EntryKind::Retraction | EntryKind::Erasure => Day(leaf.expires_day.0.saturating_add(limits::VALIDITY_DAYS)),
        EntryKind::Indicator
        | EntryKind::Sighting
        | EntryKind::Dispute
        | EntryKind::StatisticsRelease
        | EntryKind::EvaluationCounts
        | EntryKind::Announcement
        | EntryKind::KeyGeneration
        | EntryKind::Decoy
        | EntryKind::Audit => leaf.expires_day,
    }
}

pub(in crate::node) fn bare(entry: &mut StoredEntry) -> StoredEntry {
    StoredEntry { leaf: std::mem::take(&mut entry.leaf), blob: Vec::new(), salt: Vec::new() }
}

/// Who an indicator is about, as statistics count: the case where the publisher named one, otherwise the pseudonymised
/// identifier.
pub(in crate::node) fn subject(mac: &LocalMacKey, source_ref: &[u8], blob: &[u8]) -> Option<LocalMac> {
    if !source_ref.is_empty() {
        return Some(mac.fingerprint(MacDomain::Subject, source_ref));
    }
    match Body::decode(EntryKind::Indicator, blob) {
        Ok(Body::Indicator(body)) => Some(mac.fingerprint(MacDomain::Subject, body.pseudonym.as_bytes())),
        _ => None,
    }
}

/// The day it is, as far as others attest to it: a clock that is years ahead must not destroy everything that ever expires.
fn attested_day(state: &State, now: Timestamp) -> Day {
    let foreign = state.feeds.values().filter(|feed| !state.identity.is_own(feed.id()));
    match foreign.filter_map(|feed| feed.signed_at(now)).max() {
        Some(signed_at) => now.day().min(Day(signed_at.day().0.saturating_add(limits::EXPIRY_STEP_DAYS))),
        // Nobody else has ever signed: a member alone has only its own clock.
        None => now.day(),
    }
}

/// What expired before this day goes: whole steps back, and a day for clocks that are behind ours, since those who get the
/// bare leaves judge by their own.
fn horizon(today: Day) -> Day {
    Day((today.0 - today.0 % limits::EXPIRY_STEP_DAYS).saturating_sub(1))
}

impl State {
    /// Whether an own entry was ordered erased.
    pub(in crate::node) fn own_is_erased(&self, commitment: &Commitment) -> bool {
        let mut own = self.feeds.values().filter(|feed| self.identity.is_own(feed.id()));
        own.any(|feed| feed.erased.contains(commitment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_swept_weekly_and_never_on_the_day_itself() {
        for today in 20_000..20_100 {
            let horizon = horizon(Day(today));
            assert!(horizon < Day(today) && horizon >= Day(today - limits::EXPIRY_STEP_DAYS));
        }
        let steps: std::collections::BTreeSet<Day> = (20_000..20_070).map(|today| horizon(Day(today))).collect();
        assert!(steps.len() <= 11, "{steps:?}");
    }
}
