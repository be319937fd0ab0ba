//! Everything the node holds in memory, rebuilt from the journal at open.
//!
//! [`State::apply`] is the one function that changes it: live commits and replayed ones take the same way, so a restarted
//! node is the node that stopped. What others may see (screening, peers, views) changes only in [`State::show`], after
//! the journal is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::bytes::{Incarnation, LocalMac, Salt, TreeHash};
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::record::AuditRecord;
use crate::domain::belief::place::TableKey;
use crate::domain::belief::said::{BeliefFull, Said, SaidContent};
use crate::domain::belief::writer::Writer;
use crate::domain::belief::{Belief, Witnessing};
use crate::domain::feed::blob::Body;
use crate::domain::feed::blob::erasure::Erasure;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::entry::{Content, Entry, EntryKind, Leaf};
use crate::domain::identifier::CanonRules;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::indicator::typology::TypologyList;
use crate::domain::roster::verified::Roster;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::event::LedgerEvent;
use crate::domain::statistics::ledger::Ledger;
use crate::domain::statistics::question::ReleaseId;
use crate::node::commit::{
    Appended, Audited, Commit, Equivocated, FORMAT, Filled, Opened, Prepared, StoredEntry, change,
};
use crate::node::feeds::{Feed, verifier_for};
use crate::node::fence::Fence;
use crate::node::identity::Identity;
use crate::node::keys;
use crate::node::pending::Pending;
use crate::node::store::{RecordNumber, StorageFault, ViewChange};

/// The name of the node's view in the marks.
pub const VIEW: &str = "node";

/// What the operator set, as far as the use cases need it.
#[derive(Debug)]
pub struct Settings {
    /// Publications are signed at the end of windows of this length; 0 signs at once.
    pub window_ms: u64,
    pub canon_rules: CanonRules,
    pub guards: Arc<GuardLists>,
    pub typologies: TypologyList,
    /// Cap of the privacy budget of one quarter.
    pub quarter_cap: Epsilon,
    /// Version of the program, for the audit log.
    pub version: &'static str,
}

/// The node's memory.
#[derive(Debug)]
pub struct State {
    pub identity: Identity,
    pub settings: Settings,
    pub roster: Roster,
    pub incarnation: Incarnation,
    pub feeds: BTreeMap<FeedId, Feed>,
    pub audit: Feed,
    pub pending: Pending,
    pub fence: Fence,
    pub belief: Arc<Belief>,
    pub ledger: Ledger,
    /// Something verified could not be believed for want of room.
    pub belief_full: bool,
    /// Notes of the rosters this node followed, by version.
    pub rosters: BTreeMap<u64, String>,
    /// An erasure was taken in that compaction has not seen.
    pub erased_lately: bool,
    /// The newest moment any record of the store tells of.
    pub written_at: Timestamp,
    /// Requests of the current round, which the views do not know yet.
    pub staged_requests: BTreeMap<LocalMac, RecordNumber>,
    /// Entries prepared on the newest day, for the quota.
    published: (Day, u64),
    /// The first record of each day on which something was published.
    first_records: BTreeMap<Day, RecordNumber>,
    staged: Staged,
}

/// What becomes visible once the journal is durable.
#[derive(Debug, Default)]
struct Staged {
    view_changes: Vec<ViewChange>,
    believed: Vec<(FeedId, EntryIndex, Entry, Timestamp)>,
}

impl State {
    pub fn new(identity: Identity, settings: Settings, roster: Roster, table_key: TableKey) -> Self {
        let mut state = Self {
            incarnation: Incarnation([0; 16]),
            feeds: BTreeMap::new(),
            audit: Feed::new(&identity.consortium, identity.audit_feed()),
            pending: Pending::default(),
            fence: Fence::new(roster.peers_of(&identity.member).len()),
            belief: Arc::new(Belief::new(table_key, witnessing(&roster))),
            ledger: Ledger::new(settings.quarter_cap),
            belief_full: false,
            rosters: BTreeMap::new(),
            erased_lately: false,
            written_at: Timestamp::from_unix_ms(0),
            staged_requests: BTreeMap::new(),
            published: (Day(0), 0),
            first_records: BTreeMap::new(),
            staged: Staged::default(),
            identity,
            settings,
            roster,
        };
        state.add_feeds();
        state
    }

    /// A feed for every member and group of the roster that this member may read.
    pub fn add_feeds(&mut self) {
        for group in self.roster.groups_of(&self.identity.member) {
            for feed in self.roster.feeds_of_group(&group) {
                self.feeds.entry(feed.clone()).or_insert_with(|| Feed::new(&self.identity.consortium, feed));
            }
        }
    }

    /// Applies one commit. A fault means that the store holds what this node never wrote.
    pub fn apply(&mut self, number: RecordNumber, commit: &Commit) -> Result<(), StorageFault> {
        for kind in commit.kinds() {
            match kind {
                change::Kind::Opened(opened) => self.apply_opened(opened)?,
                change::Kind::Prepared(prepared) => self.apply_prepared(number, prepared)?,
                change::Kind::Appended(appended) => self.apply_appended(number, appended)?,
                change::Kind::Audited(audited) => self.apply_audited(number, audited)?,
                // The roster in force is a file of its own, checked before the node opens; these are for peers that missed some.
                change::Kind::Roster(applied) => {
                    self.rosters.insert(applied.version, applied.note.clone());
                }
                change::Kind::Equivocated(equivocated) => self.apply_equivocated(equivocated)?,
                change::Kind::Budget(budget) => {
                    let event = LedgerEvent::decode(&budget.event).map_err(|error| damaged("ledger", error))?;
                    self.ledger.apply(event).map_err(|error| damaged("ledger", error))?;
                }
                change::Kind::Recovered(recovered) => self.incarnation = incarnation(&recovered.incarnation)?,
                change::Kind::Filled(filled) => self.apply_filled(number, filled)?,
            }
        }
        Ok(())
    }

    fn apply_opened(&mut self, opened: &Opened) -> Result<(), StorageFault> {
        if opened.format != FORMAT {
            let found = opened.format;
            return Err(StorageFault::Damaged(format!("the store has format {found}, this program reads {FORMAT}")));
        }
        if opened.member != self.identity.member.as_str() || opened.consortium != self.identity.consortium.as_str() {
            let Opened { member, consortium, .. } = opened;
            return Err(StorageFault::Damaged(format!("the store belongs to {member} of {consortium}")));
        }
        self.incarnation = incarnation(&opened.incarnation)?;
        Ok(())
    }

    fn apply_prepared(&mut self, number: RecordNumber, prepared: &Prepared) -> Result<(), StorageFault> {
        if !prepared.request.is_empty() {
            let id = LocalMac::try_from(prepared.request.as_slice()).map_err(|error| damaged("request", error))?;
            self.staged_requests.insert(id, number);
            self.put(keys::request(&id), number.0.to_be_bytes().to_vec());
        }
        let time = Timestamp::from_unix_ms(prepared.time_ms);
        self.written_at = self.written_at.max(time);
        let day = time.day();
        self.first_records.entry(day).or_insert(number);
        let before = self.published_on(day);
        self.published = (day, before + u64::try_from(prepared.entries.len()).unwrap_or(u64::MAX));
        for waiting in &prepared.entries {
            let stored = waiting.entry.as_ref().ok_or_else(|| damaged("prepared entry", "empty"))?;
            let entry = read_entry(stored)?;
            if !waiting.source_ref.is_empty() {
                let reference =
                    LocalMac::try_from(waiting.source_ref.as_slice()).map_err(|error| damaged("source ref", error))?;
                self.put(keys::source_ref(&reference, &entry.leaf().commitment), Vec::new());
            }
            // Compaction leaves of a sequenced entry its leaf alone.
            let Some(content) = entry.content() else { continue };
            if entry.leaf().kind == EntryKind::Erasure
                && let Ok(erasure) = Erasure::decode(&content.blob)
            {
                self.pending.forget(&erasure.target);
            }
            let group = waiting.group.parse().map_err(|error| damaged("group", error))?;
            self.pending.insert(self.identity.own_feed(&group), entry, Timestamp::from_unix_ms(waiting.not_before_ms));
        }
        Ok(())
    }

    fn apply_appended(&mut self, number: RecordNumber, appended: &Appended) -> Result<(), StorageFault> {
        let id = FeedId::from_origin(&self.identity.consortium, &appended.origin)
            .map_err(|error| damaged("origin", error))?;
        let now = Timestamp::from_unix_ms(appended.time_ms);
        self.written_at = self.written_at.max(now);
        let own = self.identity.is_own(&id);
        let feed = self.feeds.entry(id.clone()).or_insert_with(|| Feed::new(&self.identity.consortium, id.clone()));
        if feed.size() != TreeSize(appended.first_index) {
            return Err(damaged(
                "feed",
                format!("{} jumps from {} to {}", feed.origin, feed.size(), appended.first_index),
            ));
        }
        let mut tiles = Vec::new();
        for stored in &appended.entries {
            let entry = read_entry(stored)?;
            let index = feed.size().next_index();
            let hash = entry.leaf_hash();
            feed.cursor.range.append(hash);
            feed.tiles.append(hash, |id, hashes| tiles.push((id, join(hashes))));
            feed.note(index, &entry);
            self.erased_lately |= entry.leaf().kind == EntryKind::Erasure;
            if own {
                self.pending.sequence(&entry.leaf().commitment);
                if entry.leaf().kind == EntryKind::Retraction {
                    feed.retractions.push(feed.tiles.size());
                }
                // What peers gave back after a restore says what was spent before it.
                if let Some((id, release, blob)) = own_release(&entry) {
                    self.ledger.take_over(id, &release, blob);
                }
            }
            self.staged.believed.push((id.clone(), index, entry, now));
        }
        let verifier = verifier_for(&self.roster, &id, appended.checkpoint.as_bytes());
        let checkpoint = verifier
            .and_then(|verifier| SignedCheckpoint::verify(appended.checkpoint.as_bytes(), &verifier))
            .map_err(|error| damaged(&feed.origin, error))?;
        feed.told = feed.told.max(checkpoint.size());
        feed.silent = false;
        feed.cursor.checkpoint = Some(checkpoint);
        let origin = feed.origin.clone();
        let last = keys::last_before(feed.size()).ok_or_else(|| damaged("feed", "an append without entries"))?;
        self.put(keys::run(&origin, last), keys::run_value(number.0, EntryIndex(appended.first_index)));
        for (tile, hashes) in tiles {
            self.put(keys::tile(&origin, tile), hashes);
        }
        Ok(())
    }

    fn apply_filled(&mut self, number: RecordNumber, filled: &Filled) -> Result<(), StorageFault> {
        let id =
            FeedId::from_origin(&self.identity.consortium, &filled.origin).map_err(|error| damaged("origin", error))?;
        let stored = filled.entry.as_ref().ok_or_else(|| damaged("filled entry", "empty"))?;
        let entry = read_entry(stored)?;
        let index = EntryIndex(filled.index);
        let feed = self.feeds.get_mut(&id).ok_or_else(|| damaged("filled entry", "no such feed"))?;
        feed.uncovered.remove(&index);
        feed.filled.insert(index, number);
        self.staged.believed.push((id, index, entry, Timestamp::from_unix_ms(filled.time_ms)));
        Ok(())
    }

    fn apply_audited(&mut self, number: RecordNumber, audited: &Audited) -> Result<(), StorageFault> {
        if self.audit.size() != TreeSize(audited.first_index) {
            return Err(damaged("audit log", format!("jumps from {} to {}", self.audit.size(), audited.first_index)));
        }
        // Records of one commit carry one time; one whose content has expired is old.
        let newest = audited.entries.last().and_then(|stored| AuditRecord::decode(&stored.blob).ok());
        self.written_at = newest.map_or(self.written_at, |record| self.written_at.max(record.time()));
        let mut tiles = Vec::new();
        for stored in &audited.entries {
            let index = self.audit.size().0;
            if let Some(decision_id) = decided(&stored.blob) {
                self.put(keys::decision(&decision_id), index.to_be_bytes().to_vec());
            }
            self.audit.tiles.append(read_entry(stored)?.leaf_hash(), |id, hashes| tiles.push((id, join(hashes))));
        }
        let origin = self.audit.origin.clone();
        let last = keys::last_before(self.audit.size()).ok_or_else(|| damaged("audit log", "an append of nothing"))?;
        self.put(keys::run(&origin, last), keys::run_value(number.0, EntryIndex(audited.first_index)));
        for (tile, hashes) in tiles {
            self.put(keys::tile(&origin, tile), hashes);
        }
        Ok(())
    }

    fn apply_equivocated(&mut self, equivocated: &Equivocated) -> Result<(), StorageFault> {
        let id = FeedId::from_origin(&self.identity.consortium, &equivocated.origin)
            .map_err(|error| damaged("origin", error))?;
        self.belief.writer().set_quarantined(&id.member, true);
        if self.identity.is_own(&id) {
            self.fence.fork(id.clone());
        }
        if let Some(feed) = self.feeds.get_mut(&id) {
            feed.equivocation = Some(equivocated.clone());
        }
        Ok(())
    }

    /// Entries prepared on `day`, as far as it is the newest day of publication.
    pub fn published_on(&self, day: Day) -> u64 {
        if self.published.0 == day { self.published.1 } else { 0 }
    }

    /// A new day: what expired leaves belief, and explains leaves without content.
    pub(in crate::node) fn expire(&mut self, today: Day) {
        self.belief.writer().expire(today);
        for feed in self.feeds.values_mut() {
            feed.cover_expired(today);
        }
    }

    /// The first record at or after `day` in which something was published.
    pub fn first_record_of(&self, day: Day) -> Option<RecordNumber> {
        self.first_records.range(day..).next().map(|(_, record)| *record)
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.staged.view_changes.push(ViewChange::Put { key, value });
    }

    /// The changes of views since the last call.
    pub fn take_view_changes(&mut self) -> Vec<ViewChange> {
        std::mem::take(&mut self.staged.view_changes)
    }

    /// Lets everything staged show: the journal is durable.
    pub fn show(&mut self) {
        let believed = std::mem::take(&mut self.staged.believed);
        if !believed.is_empty() {
            let mut writer = self.belief.writer();
            for (feed, index, entry, first_seen) in believed {
                // A full belief is a limit of the machine, told in the status; the entry itself is kept and served.
                self.belief_full |= believe(&mut writer, &feed, index, &entry, first_seen).is_err();
            }
        }
        self.pending.show();
        self.staged_requests.clear();
        for feed in self.feeds.values_mut() {
            feed.show();
        }
        self.audit.show();
        self.count_witnesses();
    }

    /// Lets the indicators of a feed count fully once enough members cosigned a checkpoint that covers them.
    fn count_witnesses(&mut self) {
        let quorum = usize::try_from(self.roster.limits().witness_quorum).unwrap_or(usize::MAX);
        if quorum == 0 {
            return;
        }
        for feed in self.feeds.values_mut() {
            let witnessed = feed.cursor.checkpoint.as_ref().filter(|checkpoint| checkpoint.witness_count() >= quorum);
            let size = witnessed.map(|checkpoint| checkpoint.size().min(feed.tiles.size())).unwrap_or_default();
            if size > feed.witnessed
                && let Ok(number) = self.belief.writer().feed(feed.id())
            {
                self.belief.set_witnessed(number, size);
                feed.witnessed = size;
            }
        }
    }
}

/// Below a witness quorum of one, everything verified counts fully.
fn witnessing(roster: &Roster) -> Witnessing {
    if roster.limits().witness_quorum == 0 { Witnessing::NotNeeded } else { Witnessing::Needed }
}

/// A release that this member published.
fn own_release(entry: &Entry) -> Option<(ReleaseId, StatisticsRelease, Vec<u8>)> {
    let content = entry.content().filter(|_| entry.leaf().kind == EntryKind::StatisticsRelease)?;
    let Ok(Body::StatisticsRelease(release)) = Body::decode(entry.leaf().kind, &content.blob) else { return None };
    Some((release.release_id.parse().ok()?, release, content.blob.clone()))
}

/// Takes a verified entry into belief. What says nothing about a pseudonym changes nothing.
fn believe(
    writer: &mut Writer<'_>,
    feed: &FeedId,
    index: EntryIndex,
    entry: &Entry,
    first_seen: Timestamp,
) -> Result<(), BeliefFull> {
    let Some(content) = entry.content() else { return Ok(()) };
    // Bodies were decoded before they were accepted; what an older program let pass says nothing to this one.
    let Ok(body) = Body::decode(entry.leaf().kind, &content.blob) else { return Ok(()) };
    let Some(said_content) = SaidContent::of(&body) else { return Ok(()) };
    let leaf = entry.leaf();
    if is_kept_too_long(leaf, first_seen) {
        return Ok(());
    }
    let feed = writer.feed(feed)?;
    let said = Said {
        feed,
        index,
        commitment: leaf.commitment,
        epoch_id: leaf.epoch_id,
        expires_day: leaf.expires_day,
        first_seen,
        content: said_content,
    };
    writer.apply(&said).map(drop)
}

/// An indicator that would outlast every validity a roster may allow is kept and served, but not believed: it would take
/// memory here for as long as its publisher likes. Two days of slack: the day after the end, and clocks that differ.
fn is_kept_too_long(leaf: &Leaf, first_seen: Timestamp) -> bool {
    let last = first_seen.day().0.saturating_add(limits::VALIDITY_DAYS + 2);
    leaf.kind == EntryKind::Indicator && leaf.expires_day.0 > last
}

/// The decision an audit record tells of, where it tells of one.
fn decided(blob: &[u8]) -> Option<String> {
    let record = AuditRecord::decode(blob).ok().filter(|record| record.action() == "screening.decided")?;
    Some(record.subject().to_owned())
}

/// Reads a stored entry; its content must belong to its leaf.
pub(in crate::node) fn read_entry(stored: &StoredEntry) -> Result<Entry, StorageFault> {
    let content = if stored.salt.is_empty() {
        None
    } else {
        let salt = Salt::try_from(stored.salt.as_slice()).map_err(|error| damaged("entry", error))?;
        Some(Content { blob: stored.blob.clone(), salt })
    };
    Entry::from_parts(&stored.leaf, content).map_err(|error| damaged("entry", error))
}

/// The stored form of an entry.
pub(in crate::node) fn stored(entry: &Entry) -> StoredEntry {
    let (blob, salt) =
        entry.content().map_or_else(Default::default, |content| (content.blob.clone(), content.salt.0.to_vec()));
    StoredEntry { leaf: entry.leaf_bytes().to_vec(), blob, salt }
}

pub(in crate::node) fn damaged(what: &str, error: impl std::fmt::Display) -> StorageFault {
    StorageFault::Damaged(format!("{what}: {error}"))
}

fn incarnation(bytes: &[u8]) -> Result<Incarnation, StorageFault> {
    Incarnation::try_from(bytes).map_err(|error| damaged("incarnation", error))
}

fn join(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Commitment;
    use crate::base::epoch::EpochId;

    #[test]
    fn only_an_indicator_that_outlasts_every_validity_is_kept_too_long() {
        let now = Timestamp::from_unix_s(1_795_000_000);
        let check = |kind, days, expected| {
            let expires_day = Day(now.day().0.saturating_add(days));
            let leaf = Leaf { kind, epoch_id: EpochId::NONE, expires_day, commitment: Commitment([1; 32]) };
            assert_eq!(is_kept_too_long(&leaf, now), expected, "{kind:?} {days}");
        };
        check(EntryKind::Indicator, limits::VALIDITY_DAYS + 2, false);
        check(EntryKind::Indicator, limits::VALIDITY_DAYS + 3, true);
        check(EntryKind::Indicator, u32::MAX, true);
        check(EntryKind::Retraction, u32::MAX, false);
    }
}
