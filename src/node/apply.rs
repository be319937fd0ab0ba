//! What each stored change does to the node's memory. The one way in: live commits and replayed ones take it, so that a
//! restarted node is the node that stopped.

use crate::base::bytes::{Incarnation, LocalMac};
use crate::base::name::{ConsortiumId, FeedId, MemberId};
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::record::AuditRecord;
use crate::domain::feed::blob::Body;
use crate::domain::feed::blob::erasure::Erasure;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::domain::statistics::event::LedgerEvent;
use crate::domain::statistics::question::ReleaseId;
use crate::node::activity::EntryCounts;
use crate::node::believe::Heard;
use crate::node::case_stored::{broken, read_opening, read_step};
use crate::node::commit::{Appended, Audited, Commit, Equivocated, FORMAT, Filled, Opened, Prepared, change};
use crate::node::derive;
use crate::node::feeds::{Feed, verify_stored};
use crate::node::keys;
use crate::node::published::reckoned_to;
use crate::node::state::{State, damaged, read_entry};
use crate::node::store::{RecordNumber, StorageFault};
use crate::node::witness::is_audit;

impl State {
    /// Applies one commit. A fault means that the store holds what this node never wrote.
    pub fn apply(&mut self, number: RecordNumber, commit: &Commit) -> Result<(), StorageFault> {
        let heard = self.staged.believed.len();
        for kind in commit.kinds() {
            match kind {
                change::Kind::Opened(opened) => self.apply_opened(opened)?,
                change::Kind::Prepared(prepared) => self.apply_prepared(number, prepared)?,
                change::Kind::Appended(appended) => self.apply_appended(number, appended)?,
                change::Kind::Audited(audited) => self.apply_audited(number, audited)?,
                // The roster in force is a file of its own, checked before the node opens; these tell what was followed when, and
                // are for peers that missed some.
                change::Kind::Roster(applied) => self.follow_roster(applied)?,
                change::Kind::Equivocated(equivocated) => self.apply_equivocated(equivocated)?,
                change::Kind::Budget(budget) => {
                    let event = LedgerEvent::decode(&budget.event).map_err(|error| damaged("ledger", error))?;
                    self.ledger.apply(event).map_err(|error| damaged("ledger", error))?;
                }
                change::Kind::Recovered(recovered) => self.incarnation = incarnation(&recovered.incarnation)?,
                change::Kind::Filled(filled) => self.apply_filled(number, filled)?,
                change::Kind::ErasureAsked(asked) => self.erasures.ask(asked)?,
                change::Kind::ErasureConfirmed(confirmed) => {
                    self.erasures.confirm(&confirmed.id, &confirmed.erased)?;
                }
                change::Kind::Quarantined(quarantined) => self.quarantines.raise(quarantined)?,
                change::Kind::QuarantineDecided(decided) => self.quarantines.decide(decided)?,
                change::Kind::CaseOpened(opened) => self.cases.open(read_opening(opened)?, opened.position),
                change::Kind::CaseStepped(stepped) => {
                    let (id, taken) = read_step(stepped)?;
                    self.cases.step(&id, &taken, stepped.position).map_err(broken)?;
                }
                change::Kind::ChallengeChanged(changed) => self.apply_challenge(changed)?,
                change::Kind::DecisionDetailed(detailed) => {
                    self.activity.detailed(self.written_at, detailed);
                    let ways = derive::of_detail(number, detailed, &self.identity.local_mac);
                    self.staged.view_changes.extend(ways);
                    // Its record stands in the same commit, so that this is off by a record at midnight at most.
                    let day = self.written_at.day();
                    self.sizes.count(|tallies| tallies.detail(detailed, day));
                }
                change::Kind::UserChanged(changed) => self.apply_user(changed)?,
                change::Kind::UserRemoved(removed) => self.apply_user_removed(removed)?,
                change::Kind::Listed(listed) => self.apply_listed(listed)?,
                change::Kind::Policy(applied) => self.apply_policy(number, applied)?,
                change::Kind::Cosigned(cosigned) => self.apply_cosigned(cosigned)?,
                change::Kind::OutcomeLearnt(learnt) => self.outcomes.apply(learnt)?,
                change::Kind::SightingRead(read) => self.sightings.apply(&self.identity.consortium, read)?,
                change::Kind::HoldPlaced(placed) => self.apply_hold_placed(placed)?,
                change::Kind::HoldStepped(stepped) => self.apply_hold_stepped(stepped)?,
                change::Kind::AuditWitnessed(witnessed) => self.apply_audit_witnessed(witnessed)?,
            }
        }
        self.learn_forms(heard);
        // Before the first record that says when there is nothing to look for.
        if self.written_at > Timestamp::from_unix_ms(0) {
            self.first_records.entry(self.written_at.day()).or_insert(number);
        }
        Ok(())
    }

    /// Takes note of the form of what a commit published. After all of it: which of the entries are decoys, its audit records
    /// say, and those stand behind them. From the feed, because prepared entries lose their content once they are in it.
    fn learn_forms(&mut self, from: usize) {
        for heard in self.staged.believed.iter().skip(from) {
            if self.identity.is_own(&heard.feed) && !self.decoys.contains(&heard.entry.leaf().commitment) {
                self.decoys.learn(&heard.entry);
            }
        }
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
        }
        self.staged.view_changes.extend(derive::of_prepared(number, prepared)?);
        let time = Timestamp::from_unix_ms(prepared.time_ms);
        self.written_at = self.written_at.max(time);
        for waiting in &prepared.entries {
            let stored = waiting.entry.as_ref().ok_or_else(|| damaged("prepared entry", "empty"))?;
            let entry = read_entry(stored)?;
            let not_before = Timestamp::from_unix_ms(waiting.not_before_ms);
            self.published.prepare(entry.leaf().commitment, not_before.max(time).day());
            // Compaction leaves of a sequenced entry its leaf alone.
            let Some(content) = entry.content() else { continue };
            if entry.leaf().kind == EntryKind::Erasure
                && let Ok(erasure) = Erasure::decode(&content.blob)
            {
                self.pending.forget(&erasure.target);
            }
            let group = waiting.group.parse().map_err(|error| damaged("group", error))?;
            self.pending.insert(self.identity.own_feed(&group), entry, not_before);
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
        let mut came = EntryCounts::default();
        for stored in &appended.entries {
            let entry = read_entry(stored)?;
            let index = feed.size().next_index();
            let day = stored.reckoned_to.map(Day);
            let hash = entry.leaf_hash();
            feed.cursor.range.append(hash);
            feed.tiles.append(hash, |id, hashes| tiles.push((id, keys::tile_value(hashes))));
            feed.note(index, &entry);
            self.releases.take(&id, &entry);
            self.erased_lately |= entry.leaf().kind == EntryKind::Erasure;
            came.count(entry.leaf().kind, 1);
            if own {
                self.activity.appended(&id, entry.leaf().kind);
                self.pending.sequence(&entry.leaf().commitment);
                self.published.append(&entry.leaf().commitment, day.or_else(|| reckoned_to(&entry)));
                if entry.leaf().kind == EntryKind::Retraction {
                    feed.retractions.push(feed.tiles.size());
                }
                // What peers gave back after a restore says what was spent before it.
                if let Some((id, release, blob)) = own_release(&entry) {
                    self.ledger.take_over(id, &release, blob);
                }
            }
            let feed = id.clone();
            self.staged.believed.push(Heard { feed, index, entry, first_seen: now, place: None, reckoned_to: day });
        }
        if !own {
            self.activity.came(now.day(), &id.member, &came);
        }
        let checkpoint = verify_stored(&self.roster, &id, appended.checkpoint.as_bytes())
            .map_err(|error| damaged(&feed.origin, error))?;
        feed.told = feed.told.max(checkpoint.size());
        feed.silent = false;
        feed.cursor.checkpoint = Some(checkpoint);
        let rows = derive::of_run(number, &feed.origin, EntryIndex(appended.first_index), feed.size(), tiles)?;
        self.staged.view_changes.extend(rows);
        Ok(())
    }

    fn apply_filled(&mut self, number: RecordNumber, filled: &Filled) -> Result<(), StorageFault> {
        let id =
            FeedId::from_origin(&self.identity.consortium, &filled.origin).map_err(|error| damaged("origin", error))?;
        let stored = filled.entry.as_ref().ok_or_else(|| damaged("filled entry", "empty"))?;
        let entry = read_entry(stored)?;
        let index = EntryIndex(filled.index);
        let feed = self.feeds.get_mut(&id).ok_or_else(|| damaged("filled entry", "no such feed"))?;
        // Without its content it only keeps its place: expiry or an erasure explains the leaf.
        if entry.content().is_some() {
            feed.uncovered.remove(&index);
            feed.filled.insert(index, number);
        }
        self.releases.take(&id, &entry);
        let first_seen = Timestamp::from_unix_ms(filled.time_ms);
        let reckoned_to = stored.reckoned_to.map(Day);
        self.staged.believed.push(Heard { feed: id, index, entry, first_seen, place: None, reckoned_to });
        Ok(())
    }

    fn apply_audited(&mut self, number: RecordNumber, audited: &Audited) -> Result<(), StorageFault> {
        if self.audit.size() != TreeSize(audited.first_index) {
            return Err(damaged("audit log", format!("jumps from {} to {}", self.audit.size(), audited.first_index)));
        }
        // Records of one commit carry one time; one whose content has expired is old.
        let newest = audited.entries.last().and_then(|stored| AuditRecord::decode(&stored.blob).ok());
        if let Some(record) = newest {
            self.written_at = self.written_at.max(record.time());
            self.stopped = match record.action() {
                "node.stopped" => true,
                "node.started" => false,
                _ => self.stopped,
            };
        }
        let mut tiles = Vec::new();
        for stored in &audited.entries {
            let index = self.audit.size().0;
            self.staged.view_changes.extend(derive::of_decision(&stored.blob, index));
            // One whose content has expired is old, and says nothing any more.
            let record = AuditRecord::decode(&stored.blob).ok();
            if let Some(record) = &record {
                self.written_at = self.written_at.max(record.time());
                self.activity.record(EntryIndex(index), record);
                self.apply_told(record);
            }
            self.sizes.count(|tallies| tallies.entry(stored, record.as_ref()));
            let hash = read_entry(stored)?.leaf_hash();
            self.audit.tiles.append(hash, |id, hashes| tiles.push((id, keys::tile_value(hashes))));
        }
        let (audit, first) = (&self.audit, EntryIndex(audited.first_index));
        self.staged.view_changes.extend(derive::of_run(number, &audit.origin, first, audit.size(), tiles)?);
        Ok(())
    }

    /// What a record of the audit log says that is known from nowhere else.
    fn apply_told(&mut self, record: &AuditRecord) {
        match record.action() {
            "decoy.published" => self.decoys.note(record),
            // A peer that has nothing to acknowledge says nothing after a restart: what it once had, it has.
            "feed.delivered" => {
                if let Some((id, peer, until)) = delivered(&self.identity.consortium, record)
                    && let Some(feed) = self.feeds.get_mut(&id)
                {
                    let acknowledged = feed.acknowledged.entry(peer.clone()).or_default();
                    self.activity.left(record.time().day(), &peer, &id, *acknowledged, until);
                    *acknowledged = until.max(*acknowledged);
                }
            }
            "key.changed" => _ = self.key_changes.insert(record.subject().to_owned(), record.time()),
            _ => self.commands.note(record),
        }
    }

    fn apply_equivocated(&mut self, equivocated: &Equivocated) -> Result<(), StorageFault> {
        let id = FeedId::from_origin(&self.identity.consortium, &equivocated.origin)
            .map_err(|error| damaged("origin", error))?;
        if is_audit(&id) {
            self.apply_audit_equivocated(id, equivocated);
            return Ok(());
        }
        self.belief.writer().set_quarantined(&id.member, true);
        if self.identity.is_own(&id) {
            self.fence.fork(id.clone());
        }
        if let Some(feed) = self.feeds.get_mut(&id) {
            feed.equivocation = Some(equivocated.clone());
        }
        Ok(())
    }
}

/// A release that this member published.
fn own_release(entry: &Entry) -> Option<(ReleaseId, StatisticsRelease, Vec<u8>)> {
    let content = entry.content().filter(|_| entry.leaf().kind == EntryKind::StatisticsRelease)?;
    let Ok(Body::StatisticsRelease(release)) = Body::decode(entry.leaf().kind, &content.blob) else { return None };
    Some((release.release_id.parse().ok()?, release, content.blob.clone()))
}

/// Which peer has which feed up to which size, as the record of a delivery says it.
fn delivered(consortium: &ConsortiumId, record: &AuditRecord) -> Option<(FeedId, MemberId, TreeSize)> {
    let field = |wanted| record.fields().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let feed = FeedId::from_origin(consortium, &format!("{consortium}/{}", record.subject())).ok()?;
    Some((feed, field("peer")?.parse().ok()?, TreeSize(field("until")?.parse().ok()?)))
}

fn incarnation(bytes: &[u8]) -> Result<Incarnation, StorageFault> {
    Incarnation::try_from(bytes).map_err(|error| damaged("incarnation", error))
}
