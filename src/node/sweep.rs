//! What may leave the journal, and when it does.
//!
//! Of each record compaction keeps what somebody may still need:
//! - *Prepared* entries that are sequenced stand in their feed: here they lose blob and salt. For a day the answer to a
//!   repeated request stays; until the indicator expires, the publisher's reference to it and the mark of what it was derived
//!   from; for two quarters the fingerprint of the case or identifier and the typology, which statistics count. Then nothing is
//!   left.
//! - *Entries* lose blob and salt once they expired or an erasure of their author covers them. The leaf stays, so that the
//!   tree and every proof of it stay too; of an indicator the day it was reckoned to, so that it keeps its place in its author's
//!   quota: what exceeded it before a start exceeds it after.
//! - *Cases* and their challenges go once they are forgotten: so many days after they were decided. Authenticators that were
//!   removed or replaced go.
//! - *Users* of the console stand as they are now; what they were goes, and so do removed ones.
//! - Entries of the *own lists* that were replaced, removed or expired go.
//! - *Outcomes* go once they are too old to teach, *opened sightings* once what they speak of is over.
//! - *What stands behind a decision* goes with the content of its audit record; what an indicator said goes once that is erased.
//! - *Legal holds* go once they are lifted. What a hold that stands keeps does not go by expiry; an erasure takes an entry of a feed
//!   all the same, and of what stands behind a decision that is held nothing.
//! - *Cosigned checkpoints* go once a later one of the same feed or audit log is stored.
//! - Everything else stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::bytes::{Commitment, LocalMac};
use crate::base::limits;
use crate::base::name::{ConsortiumId, FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::hold::{HeldBack, HoldId};
use crate::domain::audit::record::AuditRecord;
use crate::domain::case::CaseId;
use crate::domain::feed::checkpoint::Checkpoint;
use crate::domain::feed::entry::{EntryKind, Leaf};
use crate::domain::note::SignedNote;
use crate::domain::screening::own_lists::OwnLists;
use crate::node::audit_size::Tallies;
use crate::node::case_stored::read_id;
use crate::node::challenge_stored::{Authenticator, ChallengeChanged, read_totp};
use crate::node::commit::{
    Appended, AuditWitnessed, Audited, Change, Commit, Cosigned, Filled, Listed, Prepared, PreparedEntry, StoredEntry,
    change,
};
use crate::node::detail_stored::DecisionDetailed;
use crate::node::hold_stored::read_id as read_hold_id;
use crate::node::keys;
use crate::node::list::still_listed;
use crate::node::local_mac::LocalMacKey;
use crate::node::outcomes;
use crate::node::published::day_of;
use crate::node::quarantine::is_over_ms;
use crate::node::sightings;
use crate::node::state::State;
use crate::node::store::{Keep, RecordNumber};
use crate::node::users::{UserTable, still_stands};

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

/// A row of what the journal forgot.
#[derive(Debug)]
pub(in crate::node) struct Forgotten {
    pub key: Vec<u8>,
    /// The record it names; none for a row that cannot come to name another.
    pub record: Option<RecordNumber>,
}

/// One pass over the journal, with what it decides by as it was at the beginning.
pub(in crate::node) struct Sweep {
    identity: SweepIdentity,
    /// Entries that are not sequenced.
    waiting: BTreeSet<Commitment>,
    erased: BTreeMap<FeedId, BTreeSet<Commitment>>,
    lists: Arc<OwnLists>,
    cases: BTreeSet<CaseId>,
    case_retention_days: u32,
    totps: Arc<BTreeMap<LocalMac, Authenticator>>,
    users: Arc<UserTable>,
    /// Up to where cosigned checkpoints of feeds and audit logs are superseded.
    cosigned: BTreeMap<FeedId, TreeSize>,
    /// Up to where heads of others' audit logs are.
    witnessed: BTreeMap<MemberId, TreeSize>,
    now: Timestamp,
    /// Contents that expired before this day go.
    horizon: Day,
    pub done: Compacted,
    pub removed: Vec<Forgotten>,
    /// What the audit log takes after it.
    pub sizes: Tallies,
    held: HeldBack,
    holds: BTreeSet<HoldId>,
    /// The record being decided over, and when it was written, where its audit records say it.
    record: RecordNumber,
    written: Option<Timestamp>,
}

/// Whose journal it is.
struct SweepIdentity {
    consortium: ConsortiumId,
    member: MemberId,
    local_mac: LocalMacKey,
}

impl Sweep {
    pub fn new(state: &State, now: Timestamp) -> Self {
        let identity = &state.identity;
        let erased = state.feeds.values().map(|feed| (feed.id().clone(), feed.erased.clone()));
        Self {
            identity: SweepIdentity {
                consortium: identity.consortium.clone(),
                member: identity.member.clone(),
                local_mac: identity.local_mac.clone(),
            },
            waiting: state.pending.commitments().collect(),
            erased: erased.collect(),
            lists: Arc::clone(&state.lists),
            cases: state.cases.ids(),
            case_retention_days: state.settings.cases.retention_days,
            totps: Arc::clone(&state.challenges.totps),
            users: Arc::clone(&state.users.table),
            cosigned: cosigned_sizes(state),
            witnessed: state.audits.heads().map(|(member, head)| (member.clone(), head.size())).collect(),
            now,
            horizon: over_before(state, now),
            done: Compacted::default(),
            removed: Vec::new(),
            sizes: Tallies::default(),
            held: state.held.clone(),
            holds: state.holds.iter().map(|hold| hold.id).collect(),
            record: RecordNumber(0),
            written: None,
        }
    }

    fn is_erased(&self, feed: Option<&FeedId>, leaf: &Leaf) -> bool {
        let erased = feed.and_then(|feed| self.erased.get(feed));
        leaf.kind.is_erasable() && erased.is_some_and(|erased| erased.contains(&leaf.commitment))
    }

    fn feed(&self, origin: &str) -> Option<FeedId> {
        FeedId::from_origin(&self.identity.consortium, origin).ok()
    }

    /// What stays of a record.
    pub fn decide(&mut self, number: RecordNumber, record: &[u8]) -> Keep {
        self.record = number;
        // What cannot be read is damage, found and told elsewhere; it is not made worse here.
        let Ok(mut commit) = Commit::from_bytes(record) else { return Keep::AsIs };
        self.written = written(&commit);
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
            Some(change::Kind::ErasureAsked(asked)) => (!self.ended(asked.time_ms), false),
            Some(change::Kind::ErasureConfirmed(confirmed)) => (!self.ended(confirmed.time_ms), false),
            Some(change::Kind::Quarantined(raised)) => (!is_over_ms(raised.time_ms, self.now), false),
            Some(change::Kind::QuarantineDecided(decided)) => (!is_over_ms(decided.time_ms, self.now), false),
            Some(change::Kind::CaseOpened(opened)) => (self.keeps_case(&opened.id, opened.time_ms), false),
            Some(change::Kind::CaseStepped(stepped)) => (self.keeps_case(&stepped.id, stepped.time_ms), false),
            Some(change::Kind::ChallengeChanged(changed)) => (self.keeps_challenge(changed), false),
            Some(change::Kind::DecisionDetailed(detailed)) => self.detailed(detailed),
            Some(change::Kind::UserChanged(changed)) => (still_stands(&self.users, changed), false),
            // What it removed goes in the same sweep, or went before it.
            Some(change::Kind::UserRemoved(_)) => (false, false),
            Some(change::Kind::Listed(listed)) => self.listed(listed),
            Some(change::Kind::Cosigned(cosigned)) => (!self.is_superseded(cosigned), false),
            Some(change::Kind::OutcomeLearnt(learnt)) => {
                (!outcomes::is_over(Timestamp::from_unix_ms(learnt.time_ms), self.horizon), false)
            }
            Some(change::Kind::SightingRead(read)) => {
                (!sightings::is_over(Timestamp::from_unix_ms(read.time_ms).day(), self.horizon), false)
            }
            Some(change::Kind::HoldPlaced(placed)) => (self.keeps_hold(&placed.id), false),
            Some(change::Kind::HoldStepped(stepped)) => (self.keeps_hold(&stepped.id), false),
            Some(change::Kind::AuditWitnessed(witnessed)) => (!self.is_outdated(witnessed), false),
            Some(
                change::Kind::Opened(_)
                | change::Kind::Roster(_)
                | change::Kind::Equivocated(_)
                | change::Kind::Budget(_)
                | change::Kind::Recovered(_)
                // Decisions are explained by it for as long as they are kept.
                | change::Kind::Policy(_),
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
        if forgotten && !(prepared.refused.is_empty() && prepared.retracted.is_empty() && prepared.kept.is_empty()) {
            prepared.refused.clear();
            prepared.retracted.clear();
            prepared.kept.clear();
            touched = true;
        }
        let prepared_at = Timestamp::from_unix_ms(prepared.time_ms);
        prepared.entries.retain_mut(|waiting| {
            let Some(leaf) = waiting.entry.as_ref().and_then(|entry| Leaf::decode(&entry.leaf).ok()) else {
                return true;
            };
            if self.waiting.contains(&leaf.commitment) {
                return true;
            }
            touched |= self.sequenced(waiting, &leaf, prepared_at);
            touched |= !counted && uncount(waiting);
            let named = !(waiting.source_ref.is_empty() && waiting.derived_from.is_empty());
            // The quota of the day it may be signed on counts it until that day is over.
            let counts = self.now.ms_since(Timestamp::from_unix_ms(waiting.not_before_ms)) <= 86_400_000;
            let needed = !forgotten || named || counts || !waiting.subject.is_empty();
            touched |= !needed;
            needed
        });
        let stays = !(prepared.entries.is_empty() && prepared.request.is_empty());
        (stays, touched)
    }

    /// Takes from a prepared entry that is sequenced what its feed holds, and what outlived its purpose.
    fn sequenced(&mut self, waiting: &mut PreparedEntry, leaf: &Leaf, prepared_at: Timestamp) -> bool {
        let group = waiting.group.parse().ok();
        let own = group.map(|group| FeedId { member: self.identity.member.clone(), group });
        let erased = self.is_erased(own.as_ref(), leaf);
        let mut touched = false;
        if let Some(entry) = waiting.entry.as_mut().filter(|entry| !entry.salt.is_empty()) {
            *entry = bare(entry);
            touched = true;
        }
        let is_over = leaf.expires_day < self.horizon && !self.held.entry(&leaf.commitment, prepared_at);
        if erased || is_over {
            if let Ok(reference) = LocalMac::try_from(waiting.source_ref.as_slice()) {
                let key = keys::source_ref(&reference, &leaf.commitment);
                self.removed.push(Forgotten { key, record: None });
                waiting.source_ref.clear();
                touched = true;
            }
            if !waiting.derived_from.is_empty() {
                self.removed.push(Forgotten { key: keys::derived(&leaf.commitment), record: None });
                waiting.derived_from.clear();
                touched = true;
            }
            touched |= erased && uncount(waiting);
        }
        touched
    }

    fn appended(&mut self, appended: &mut Appended) -> bool {
        let (feed, at) = (self.feed(&appended.origin), Timestamp::from_unix_ms(appended.time_ms));
        let mut touched = false;
        for entry in &mut appended.entries {
            touched |= self.strip(entry, feed.as_ref(), at);
        }
        touched
    }

    fn audited(&mut self, audited: &mut Audited) -> bool {
        let mut touched = false;
        for entry in &mut audited.entries {
            let record = AuditRecord::decode(&entry.blob).ok();
            let is_over = Leaf::decode(&entry.leaf).is_ok_and(|leaf| kept_until(&leaf) < self.horizon);
            let is_held = record.as_ref().is_some_and(|record| self.held.record(record));
            if is_over && is_held {
                self.sizes.held(entry.blob.len() + entry.salt.len());
            } else if is_over && !entry.salt.is_empty() {
                *entry = bare(entry);
                self.done.contents += 1;
                touched = true;
            }
            self.sizes.entry(entry, record.as_ref().filter(|_| !entry.salt.is_empty()));
        }
        touched
    }

    /// Contents that expired before this day go.
    pub fn horizon(&self) -> Day {
        self.horizon
    }

    /// Whether an erasure asked for, or confirmed, at that time can be neither confirmed nor asked about any more.
    fn ended(&self, time_ms: u64) -> bool {
        self.now.ms_since(Timestamp::from_unix_ms(time_ms)) > limits::ERASURE_HOURS * 3_600_000
    }

    /// What stands behind a decision goes with the content of its record; of an erased indicator what it said goes before.
    fn detailed(&mut self, detailed: &mut DecisionDetailed) -> (bool, bool) {
        let is_held = detailed.is_held(&self.held);
        if Day(detailed.expires_day) < self.horizon && !is_held {
            let ways = detailed
                .ways(self.record, &self.identity.local_mac)
                .into_iter()
                .map(|key| Forgotten { key, record: None });
            self.removed.extend(ways);
            self.done.contents += 1;
            return (false, true);
        }
        let mut touched = false;
        for part in &mut detailed.parts {
            let erased = self.feed(&part.origin).and_then(|feed| self.erased.get(&feed));
            let erased = Commitment::try_from(part.target.as_slice())
                .is_ok_and(|target| erased.is_some_and(|erased| erased.contains(&target)));
            if erased && !is_held && part.strip() {
                self.done.contents += 1;
                touched = true;
            }
        }
        if Day(detailed.expires_day) < self.horizon {
            self.sizes.held(detailed.parts.iter().map(|part| part.blob.len() + part.salt.len()).sum());
        }
        let day = self.written.map_or(Day(0), Timestamp::day);
        self.sizes.detail(detailed, day);
        (true, touched)
    }

    /// A hold that stands, and who asked that it be lifted.
    fn keeps_hold(&self, id: &[u8]) -> bool {
        read_hold_id(id).ok().is_none_or(|id| self.holds.contains(&id))
    }

    /// What is said of a case stays while the case is held, and by the days that others attest to: a clock that is years ahead
    /// forgets in memory alone.
    fn keeps_case(&self, id: &[u8], time_ms: u64) -> bool {
        let said = Timestamp::from_unix_ms(time_ms).day().0;
        let held = read_id(id).is_ok_and(|id| self.cases.contains(&id));
        held || said.saturating_add(self.case_retention_days) >= self.horizon.0
    }

    /// A challenge stays with its case, an authenticator as it is now. Older records are rewritten before newer ones, so a removal
    /// never goes before what it removed.
    fn keeps_challenge(&self, changed: &ChallengeChanged) -> bool {
        let of_case = changed.challenge.as_ref().map(|stored| self.keeps_case(&stored.id, stored.changed_ms));
        let of_customer = changed.totp.as_ref().map(|stored| match read_totp(stored) {
            Ok((customer, totp)) => totp.is_some() && self.totps.get(&customer) == totp.as_ref(),
            Err(_) => true,
        });
        of_case.unwrap_or(false) || of_customer.unwrap_or(false)
    }

    /// A later checkpoint of the same feed is stored with its cosignatures.
    fn is_superseded(&self, cosigned: &Cosigned) -> bool {
        let stored = self.feed(&cosigned.origin).and_then(|feed| self.cosigned.get(&feed));
        stored.is_some_and(|stored| TreeSize(cosigned.size) < *stored)
    }

    /// A later head of the same audit log was cosigned.
    fn is_outdated(&self, witnessed: &AuditWitnessed) -> bool {
        let head = SignedNote::parse(witnessed.note.as_bytes()).ok();
        let head = head.and_then(|note| Checkpoint::parse(note.text()).ok());
        let stored = self.feed(&witnessed.origin).and_then(|log| self.witnessed.get(&log.member));
        matches!((head, stored), (Some(head), Some(stored)) if head.size < *stored)
    }

    fn listed(&self, listed: &mut Listed) -> (bool, bool) {
        let before = listed.entries.len();
        listed.entries.retain(|entry| still_listed(&self.lists, entry, self.horizon));
        (!listed.entries.is_empty(), listed.entries.len() < before)
    }

    fn filled(&mut self, filled: &mut Filled) -> (bool, bool) {
        let feed = self.feed(&filled.origin);
        let at = Timestamp::from_unix_ms(filled.time_ms);
        let gone = filled.entry.as_mut().is_some_and(|entry| self.strip(entry, feed.as_ref(), at));
        // Its leaf stands in the feed. A place in a quota was taken when the content came, and stands here.
        let placed = filled.entry.as_ref().is_some_and(|entry| entry.reckoned_to.is_some());
        (!gone || placed, gone)
    }

    /// Takes blob and salt of an entry that is over.
    fn strip(&mut self, entry: &mut StoredEntry, feed: Option<&FeedId>, appended: Timestamp) -> bool {
        let Some(leaf) = Leaf::decode(&entry.leaf).ok().filter(|_| !entry.salt.is_empty()) else { return false };
        let (is_over, is_erased) = (kept_until(&leaf) < self.horizon, self.is_erased(feed, &leaf));
        let is_held = is_over && !is_erased && self.held.entry(&leaf.commitment, appended);
        if is_held {
            self.sizes.held(entry.blob.len() + entry.salt.len());
        }
        if is_held || !(is_over || is_erased) {
            return false;
        }
        let reckoned_to = (leaf.kind == EntryKind::Indicator).then(|| day_of(&entry.blob)).flatten();
        *entry = StoredEntry { reckoned_to: reckoned_to.map(|day| day.0), ..bare(entry) };
        self.done.contents += 1;
        true
    }
}

/// When a commit was written, as its first audit record says it.
fn written(commit: &Commit) -> Option<Timestamp> {
    commit.kinds().find_map(|kind| match kind {
        change::Kind::Audited(audited) => {
            let first = audited.entries.first().and_then(|entry| AuditRecord::decode(&entry.blob).ok());
            first.map(|record| record.time())
        }
        _ => None,
    })
}

/// The last day on which a content is needed. What takes back or erases outlives whatever it speaks of, also where its author
/// gave it too short a life.
pub(in crate::node) fn kept_until(leaf: &Leaf) -> Day {
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

/// Takes what statistics count; whether there was anything to take.
fn uncount(waiting: &mut PreparedEntry) -> bool {
    let counted = !(waiting.subject.is_empty() && waiting.typology.is_empty());
    waiting.subject.clear();
    waiting.typology.clear();
    counted
}

pub(in crate::node) fn bare(entry: &mut StoredEntry) -> StoredEntry {
    StoredEntry { leaf: std::mem::take(&mut entry.leaf), ..StoredEntry::default() }
}

/// The sizes of the newest checkpoints that are stored with their cosignatures.
fn cosigned_sizes(state: &State) -> BTreeMap<FeedId, TreeSize> {
    let feeds = state.feeds.values().map(|feed| (feed.id().clone(), feed.quorum.stored()));
    feeds.chain([(state.audit.id().clone(), state.audits.stored_own())]).collect()
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

/// Contents whose last day is before this one are over, here and for everybody.
pub(in crate::node) fn over_before(state: &State, now: Timestamp) -> Day {
    horizon(attested_day(state, now))
}

/// Cases decided before this day are forgotten, in whole steps as everything else.
pub(in crate::node) fn decided_before(today: Day, retention_days: u32) -> Day {
    Day(horizon(today).0.saturating_sub(retention_days))
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
        let steps: BTreeSet<Day> = (20_000..20_070).map(|today| horizon(Day(today))).collect();
        assert!(steps.len() <= 11, "{steps:?}");
    }
}
