//! Everything the node holds in memory, rebuilt from the journal at open.
//!
//! `State::apply` (in `node/apply.rs`) is the one function that changes it. What others may see (screening, peers, views)
//! changes only in [`State::show`], after the journal is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::base::bytes::{Incarnation, LocalMac, Salt, Sha256Digest};
use crate::base::name::{FeedId, MemberId};
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::hold::{HeldBack, Holds};
use crate::domain::belief::place::TableKey;
use crate::domain::belief::writer::Writer;
use crate::domain::belief::{Belief, Witnessing};
use crate::domain::case::challenge::ChallengeRules;
use crate::domain::case::rules::CaseRules;
use crate::domain::feed::blob::sighting::Sighting;
use crate::domain::feed::entry::{Content, Entry, EntryKind};
use crate::domain::identifier::CanonRules;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::indicator::typology::TypologyList;
use crate::domain::roster::document::RosterDraft;
use crate::domain::roster::exclusion::Exclusions;
use crate::domain::roster::succession::RosterNote;
use crate::domain::roster::verified::Roster;
use crate::domain::screening::experience::Experience;
use crate::domain::screening::own_lists::OwnLists;
use crate::domain::screening::traffic::Traffic;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::ledger::Ledger;
use crate::domain::statistics::schedule::Schedule;
use crate::node::activity::Activity;
use crate::node::audit_size::AuditSizes;
use crate::node::believe::{Allowances, Heard, believe};
use crate::node::cases::Cases;
use crate::node::challenge::Challenges;
use crate::node::commit::{RosterApplied, StoredEntry};
use crate::node::decoy::Decoys;
use crate::node::erasures::Erasures;
use crate::node::feeds::Feed;
use crate::node::fence::Fence;
use crate::node::former::Former;
use crate::node::identity::Identity;
use crate::node::looks::Looking;
use crate::node::outcomes::Outcomes;
use crate::node::pending::Pending;
use crate::node::policy_history::PolicyTerms;
use crate::node::published::Published;
use crate::node::quarantine::Quarantines;
use crate::node::record_command::Commands;
use crate::node::releases::Releases;
use crate::node::sightings::Sightings;
use crate::node::store::{RecordNumber, StorageFault, ViewChange};
use crate::node::sweep::decided_before;
use crate::node::unbelieved::Why;
use crate::node::users::Users;
use crate::node::witness::AuditWitness;

/// The name of the node's view in the marks. Its number grows with the kinds of rows: a store whose views were written before
/// gives all of them anew.
pub const VIEW: &str = "node/2";

/// What the operator set, as far as the use cases need it.
#[derive(Debug)]
pub struct Settings {
    /// Publications are signed at the end of windows of this length; 0 signs at once.
    pub window_ms: u64,
    /// Indicators every window is filled up to; 0 makes no decoys.
    pub decoys: usize,
    pub canon_rules: CanonRules,
    pub guards: Arc<GuardLists>,
    pub typologies: TypologyList,
    /// Cap of the privacy budget of one quarter.
    pub quarter_cap: Epsilon,
    /// What is released by itself.
    pub schedule: Schedule,
    pub cases: CaseRules,
    pub challenge: ChallengeRules,
    /// Version of the program, for the audit log.
    pub version: &'static str,
    /// None lets every publication pass.
    pub brake: Option<BrakeTerms>,
}

/// What an own publication may concern.
#[derive(Debug, Clone)]
pub struct BrakeTerms {
    pub traffic: Arc<Traffic>,
    /// Of a thousand transactions of this node.
    pub refuse_per_mille: u64,
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
    pub audits: AuditWitness,
    pub pending: Pending,
    pub decoys: Decoys,
    pub commands: Commands,
    pub fence: Fence,
    pub belief: Arc<Belief>,
    pub ledger: Ledger,
    /// What all members released, this one included.
    pub releases: Releases,
    /// The own lists as the journal has them, staged changes included.
    pub lists: Arc<OwnLists>,
    /// The own lists as screening sees them.
    pub shown_lists: Arc<ArcSwap<OwnLists>>,
    /// What own outcomes taught, staged changes included.
    pub outcomes: Outcomes,
    /// The same as screening sees it.
    pub shown_experience: Arc<ArcSwap<Experience>>,
    /// What others saw of own indicators.
    pub sightings: Sightings,
    /// Something verified could not be believed for want of room.
    pub belief_full: bool,
    /// Notes of the rosters this node followed, by version.
    pub rosters: BTreeMap<u64, String>,
    /// What stands under rosters before the one in force.
    pub(in crate::node) former: Former,
    /// Since when members no longer take part.
    pub exclusions: Exclusions,
    /// The largest quota each member had in any roster this node followed: what was published under it goes on counting.
    pub quotas: BTreeMap<MemberId, u32>,
    /// Erasures that wait for a second person, or did until lately.
    pub erasures: Erasures,
    /// Legal holds that stand.
    pub holds: Holds,
    /// What they hold together.
    pub(in crate::node) held: HeldBack,
    /// What the audit log takes.
    pub(in crate::node) sizes: AuditSizes,
    pub cases: Cases,
    pub challenges: Challenges,
    /// Of the console.
    pub users: Users,
    pub looking: Looking,
    /// The policy in force, by the name decisions give it; none before the first.
    pub policy: Option<Sha256Digest>,
    /// The record of every policy that was in force.
    pub(in crate::node) policies: BTreeMap<Sha256Digest, RecordNumber>,
    /// What of others is held back here until people decide.
    pub quarantines: Quarantines,
    pub(in crate::node) policy_terms: PolicyTerms,
    /// An erasure was taken in that compaction has not seen.
    pub erased_lately: bool,
    /// The audit log says that the node stopped, and not that it started again.
    pub(in crate::node) stopped: bool,
    /// The newest moment any record of the store tells of.
    pub written_at: Timestamp,
    /// Requests of the current round, which the views do not know yet.
    pub staged_requests: BTreeMap<LocalMac, RecordNumber>,
    pub published: Published,
    /// What happened by day.
    pub activity: Activity,
    /// When each key of this member last changed, by its name in the audit log.
    pub(in crate::node) key_changes: BTreeMap<String, Timestamp>,
    /// The first record of each day, by the newest moment the store told of until then.
    pub(in crate::node) first_records: BTreeMap<Day, RecordNumber>,
    pub(in crate::node) staged: Staged,
}

/// What becomes visible once the journal is durable.
#[derive(Debug, Default)]
pub(in crate::node) struct Staged {
    pub(in crate::node) view_changes: Vec<ViewChange>,
    pub(in crate::node) believed: Vec<Heard>,
}

impl State {
    pub fn new(identity: Identity, settings: Settings, roster: Roster, table_key: TableKey) -> Self {
        let lists = Arc::new(OwnLists::new(identity.local_mac.own_list_key()));
        let mut state = Self {
            incarnation: Incarnation([0; 16]),
            feeds: BTreeMap::new(),
            audit: Feed::new(&identity.consortium, identity.audit_feed()),
            audits: AuditWitness::default(),
            pending: Pending::default(),
            decoys: Decoys::default(),
            commands: Commands::default(),
            fence: Fence::new(roster.peers_of(&identity.member).len()),
            belief: Arc::new(Belief::new(table_key, witnessing(&roster))),
            ledger: Ledger::new(settings.quarter_cap),
            releases: Releases::default(),
            shown_lists: Arc::new(ArcSwap::new(Arc::clone(&lists))),
            lists,
            outcomes: Outcomes::default(),
            shown_experience: Arc::default(),
            sightings: Sightings::default(),
            belief_full: false,
            rosters: BTreeMap::new(),
            former: Former::default(),
            exclusions: Exclusions::default(),
            quotas: roster.members().iter().map(|member| (member.id.clone(), member.entries_per_day)).collect(),
            erasures: Erasures::default(),
            holds: Holds::default(),
            held: HeldBack::default(),
            sizes: AuditSizes::default(),
            cases: Cases::default(),
            challenges: Challenges::new(settings.challenge.remembered_hours),
            users: Users::default(),
            looking: Looking::default(),
            policy: None,
            policies: BTreeMap::new(),
            quarantines: Quarantines::default(),
            policy_terms: PolicyTerms::default(),
            erased_lately: false,
            stopped: false,
            written_at: Timestamp::from_unix_ms(0),
            staged_requests: BTreeMap::new(),
            published: Published::default(),
            activity: Activity::default(),
            key_changes: BTreeMap::new(),
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

    /// A new day: what expired leaves belief, and explains leaves without content.
    pub(in crate::node) fn expire(&mut self, today: Day) {
        self.belief.writer().expire(today);
        self.decoys.expire(today);
        self.outcomes.expire(today);
        self.sightings.expire(today);
        self.challenges.passed.forget(today.start());
        self.activity.expire(today);
        self.cases.forget_before(decided_before(today, self.settings.cases.retention_days));
        for feed in self.feeds.values_mut() {
            feed.cover_expired(today);
        }
    }

    /// A record before which nothing of that day or later stands; none where there is nothing of it. Also where the clock went
    /// back: the newest moment never does.
    pub fn first_record_of(&self, day: Day) -> Option<RecordNumber> {
        self.first_records.range(day..).next().map(|(_, record)| *record)
    }

    /// The first day the store tells of.
    pub fn first_day(&self) -> Option<Day> {
        self.first_records.keys().next().copied()
    }

    /// The changes of views since the last call.
    pub fn take_view_changes(&mut self) -> Vec<ViewChange> {
        std::mem::take(&mut self.staged.view_changes)
    }

    /// Lets everything staged show: the journal is durable.
    pub fn show(&mut self) {
        let believed = std::mem::take(&mut self.staged.believed);
        self.believe_all(&believed);
        if std::mem::take(&mut self.quarantines.unshown) {
            self.belief.writer().set_brake(self.quarantines.brake());
        }
        self.pending.show();
        self.challenges.show();
        self.cases.show();
        self.staged_requests.clear();
        self.count_witnesses();
        for feed in self.feeds.values_mut() {
            feed.show(&self.roster);
        }
        self.audit.show(&self.roster);
    }

    /// Takes entries into belief in the order they come, and notes which do not count.
    pub(in crate::node) fn believe_all(&mut self, entries: &[Heard]) {
        if entries.is_empty() {
            return;
        }
        let mut writer = self.belief.writer();
        let mut allowances = Allowances::new(&self.roster, &self.quotas);
        for heard in entries {
            let Some(feed) = self.feeds.get_mut(&heard.feed) else { continue };
            if let Some(doubt) = believe(&mut writer, &mut feed.quota, &mut allowances, heard) {
                // A full belief is a limit of the machine; the entry itself is kept and served.
                self.belief_full |= doubt.why == Why::NoRoom;
                feed.unbelieved.note(heard.index, doubt);
            } else if let Some(sighting) = sighting_of(&self.identity, &writer, heard) {
                self.sightings.take((heard.feed.clone(), heard.index), sighting, heard.first_seen);
            }
        }
    }

    /// A roster came into force, now or in the life that the journal tells of.
    pub(in crate::node) fn follow_roster(&mut self, applied: &RosterApplied) -> Result<(), StorageFault> {
        let note = RosterNote::parse(&applied.note).map_err(|error| damaged("roster", error))?;
        let newest = self.newest_roster().is_none_or(|(version, _)| version < applied.version);
        let moment = match applied.time_ms {
            0 => self.written_at,
            time_ms => Timestamp::from_unix_ms(time_ms),
        };
        if newest {
            self.exclusions.follow(note.content(), moment);
        }
        raise_quotas(&mut self.quotas, note.content());
        self.former.note(applied.version, note.content());
        self.rosters.insert(applied.version, applied.note.clone());
        Ok(())
    }

    /// The newest roster this store followed, with its note.
    pub(in crate::node) fn newest_roster(&self) -> Option<(u64, &str)> {
        self.rosters.last_key_value().map(|(version, note)| (*version, note.as_str()))
    }

    /// Lets what own outcomes taught show.
    pub(in crate::node) fn show_experience(&self) {
        if !Arc::ptr_eq(&self.shown_experience.load(), self.outcomes.experience()) {
            self.shown_experience.store(Arc::clone(self.outcomes.experience()));
        }
    }

    /// Lets changes of the own lists show. Apart from [`State::show`], because a change after it copies the lists: a replay must
    /// not do that record by record.
    pub(in crate::node) fn show_lists(&self) {
        if !Arc::ptr_eq(&self.shown_lists.load(), &self.lists) {
            self.shown_lists.store(Arc::clone(&self.lists));
        }
    }
}

/// What an entry of another member says, sealed, of an own indicator.
fn sighting_of(identity: &Identity, writer: &Writer<'_>, heard: &Heard) -> Option<Sighting> {
    if heard.entry.leaf().kind != EntryKind::Sighting || identity.is_own(&heard.feed) {
        return None;
    }
    let sighting = Sighting::decode(&heard.entry.content()?.blob).ok()?;
    writer.is_of(&sighting.target, &identity.member).then_some(sighting)
}

/// What was published under a larger quota goes on counting.
pub(in crate::node) fn raise_quotas(quotas: &mut BTreeMap<MemberId, u32>, roster: &RosterDraft) {
    for member in &roster.members {
        let quota = quotas.entry(member.id.clone()).or_default();
        *quota = member.entries_per_day.max(*quota);
    }
}

/// Below a witness quorum of one, everything verified counts fully.
pub fn witnessing(roster: &Roster) -> Witnessing {
    if roster.limits().witness_quorum == 0 { Witnessing::NotNeeded } else { Witnessing::Needed }
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
    StoredEntry { leaf: entry.leaf_bytes().to_vec(), blob, salt, reckoned_to: None }
}

pub(in crate::node) fn damaged(what: &str, error: impl std::fmt::Display) -> StorageFault {
    StorageFault::Damaged(format!("{what}: {error}"))
}
