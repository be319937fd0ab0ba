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
//! erasure is swept within the hour. Compaction blocks the thread of the engine, not screening.

use crate::base::bytes::{Commitment, LocalMac};
use crate::base::limits;
use crate::base::name::{ConsortiumId, FeedId};
use crate::base::time::{Day, Timestamp};
use crate::domain::feed::blob::Body;
use crate::domain::feed::entry::{EntryKind, Leaf};
use crate::node::Node;
use crate::node::commit::{Appended, Audited, Change, Commit, Filled, Prepared, PreparedEntry, StoredEntry, change};
use crate::node::feeds::Feed;
use crate::node::fence::FenceState;
use crate::node::keys;
use crate::node::local_mac::{LocalMacKey, MacDomain};
use crate::node::mark;
use crate::node::state::{State, VIEW};
use crate::node::store::{Journal, Keep, RecordNumber, StorageFault, ViewChange, Views};

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
    expired_on: Day,
}

impl Housekeeping {
    pub(in crate::node) fn new(now: Timestamp) -> Self {
        Self { compact_at: now.plus_s(limits::COMPACT_AFTER_START_S), expired_on: now.day() }
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
        // Set first: a compaction that fails is tried again later, not with every tick.
        self.housekeeping.compact_at = now.plus_s(limits::COMPACT_EVERY_S);
        self.compact(now).map(drop)
    }

    /// Takes from the journal what nobody needs any more. Nothing happens while the fence is not open: what this node
    /// forgot may still have to be compared with what others hold.
    pub fn compact(&mut self, now: Timestamp) -> Result<Compacted, StorageFault> {
        if self.fence_state() != FenceState::Open {
            return Ok(Compacted::default());
        }
        self.sync()?;
        let last = RecordNumber(self.journal.next_number().0.saturating_sub(1));
        let Self { state, journal, .. } = self;
        let mut sweep = Sweep::new(state, now);
        journal.compact(&mut |_, record| sweep.decide(record))?;
        let Sweep { done, mut removed, .. } = sweep;
        // The views' mark names the last record by its digest. A crash before this costs a rebuild of the views.
        if let Ok(record) = self.journal.read(last) {
            removed.push(mark::applied(VIEW, last, &record));
        }
        self.write_rows(&removed);
        Ok(done)
    }
}

/// One pass over the journal.
struct Sweep<'a> {
    state: &'a State,
    consortium: &'a ConsortiumId,
    mac: &'a LocalMacKey,
    now: Timestamp,
    /// Contents that expired before this day go.
    horizon: Day,
    done: Compacted,
    removed: Vec<ViewChange>,
}

impl<'a> Sweep<'a> {
    fn new(state: &'a State, now: Timestamp) -> Self {
        let identity = &state.identity;
        Self {
            state,
            consortium: &identity.consortium,
            mac: &identity.local_mac,
            now,
            horizon: horizon(attested_day(state, now)),
            done: Compacted::default(),
            removed: Vec::new(),
        }
    }

    fn decide(&mut self, record: &[u8]) -> Keep {
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
                self.removed.push(ViewChange::Remove { key: keys::request(&id) });
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
            if self.state.pending.holds(&leaf.commitment) {
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
        let own = self.state.identity.own_feed_named(&waiting.group);
        let erased = own.and_then(|id| self.state.feeds.get(&id)).is_some_and(|feed| feed.is_erased(leaf));
        let mut touched = false;
        if let Some(entry) = waiting.entry.as_mut().filter(|entry| !entry.salt.is_empty()) {
            if leaf.kind == EntryKind::Indicator {
                waiting.subject =
                    subject(self.mac, &waiting.source_ref, &entry.blob).map_or(Vec::new(), |id| id.0.to_vec());
            }
            *entry = bare(entry);
            touched = true;
        }
        if erased || leaf.expires_day < self.horizon {
            if let Ok(reference) = LocalMac::try_from(waiting.source_ref.as_slice()) {
                self.removed.push(ViewChange::Remove { key: keys::source_ref(&reference, &leaf.commitment) });
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
        let feed = FeedId::from_origin(self.consortium, &appended.origin).ok();
        let feed = feed.and_then(|id| self.state.feeds.get(&id));
        let mut touched = false;
        for entry in &mut appended.entries {
            touched |= self.strip(entry, feed);
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
        let feed = FeedId::from_origin(self.consortium, &filled.origin).ok();
        let feed = feed.and_then(|id| self.state.feeds.get(&id));
        let gone = filled.entry.as_mut().is_some_and(|entry| self.strip(entry, feed));
        (!gone, gone)
    }

    /// Takes blob and salt of an entry that is over.
    fn strip(&mut self, entry: &mut StoredEntry, feed: Option<&Feed>) -> bool {
        let Some(leaf) = Leaf::decode(&entry.leaf).ok().filter(|_| !entry.salt.is_empty()) else { return false };
        if !(kept_until(&leaf) < self.horizon || feed.is_some_and(|feed| feed.is_erased(&leaf))) {
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
