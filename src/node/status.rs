//! The state of the node for its operators, and the alarm of silence.

use rand::CryptoRng;

use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::belief::Held;
use crate::domain::roster::verified::Roster;
use crate::domain::screening::freshness::FeedSigned;
use crate::domain::screening::own_lists::OwnList;
use crate::node::Node;
use crate::node::fence::FenceState;
use crate::node::room::DiskLow;
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::unbelieved::Why;

/// What the node holds.
#[derive(Debug, Clone)]
pub struct Status {
    pub roster_version: u64,
    pub epoch: u32,
    pub held: Held,
    pub pending: usize,
    /// Cases that nobody has decided.
    pub cases_waiting: usize,
    /// Identifiers on the own allow and block lists that act now.
    pub allowed: usize,
    pub blocked: usize,
    pub fence: FenceState,
    pub feeds: Vec<FeedStatus>,
    pub peers: Vec<PeerStatus>,
    pub audit_size: TreeSize,
    /// What other members cosigned of the audit log: the size, and the names of their keys.
    pub audit_witnessed: Option<(TreeSize, Vec<String>)>,
    /// A size at which peers cosigned another log than this one.
    pub audit_diverged: Option<TreeSize>,
    /// Members of whom two audit logs are proved.
    pub audit_rewritten: Vec<MemberId>,
    /// From this moment on nothing may be published or exchanged under the roster in force.
    pub roster_ends: Timestamp,
    /// The store takes nothing more until the node is started again.
    pub store_stopped: bool,
    /// Too little room on the disk to publish.
    pub disk_low: Option<DiskLow>,
    /// Why rows that belong on the disk are in memory only.
    pub views_in_memory: Option<String>,
}

/// One feed.
#[derive(Debug, Clone)]
pub struct FeedStatus {
    pub id: FeedId,
    pub origin: String,
    pub size: TreeSize,
    pub root: String,
    /// Seconds since the author last signed; none where it never did.
    pub age_s: Option<u64>,
    pub cosignatures: usize,
    pub quarantined: bool,
    pub silent: bool,
    /// Entries kept and served that do not count here.
    pub unbelieved: Vec<(Why, u64)>,
}

/// One peer.
#[derive(Debug, Clone)]
pub struct PeerStatus {
    pub member: MemberId,
    /// Entries it has told of that we do not hold yet.
    pub lag_entries: u64,
    pub unacknowledged_entries: u64,
    pub unacknowledged_retractions: u64,
}

/// What the freshness of a feed depends on.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::node) struct Signed {
    /// When its author last signed.
    pub(in crate::node) signed_at: Option<Timestamp>,
    /// No content is missing that nothing explains.
    pub(in crate::node) complete: bool,
    pub(in crate::node) quarantined: bool,
}

/// When the author of each feed last signed it, as far as we hold it completely. Whoever does not take part signs nothing any
/// more: its silence degrades no answer.
pub(in crate::node) fn freshness_of(
    roster: &Roster,
    own: &MemberId,
    feeds: impl Iterator<Item = (FeedId, Signed)>,
    limit_s: Option<u64>,
    now: Timestamp,
) -> Vec<FeedSigned> {
    let limit_s = limit_s.unwrap_or(roster.limits().freshness_limit_s);
    let takes_part =
        |id: &FeedId| id.member == *own || roster.member(&id.member).is_some_and(|author| author.takes_part(now));
    let signed = |(feed, Signed { signed_at, complete, quarantined })| FeedSigned {
        feed,
        signed_at: signed_at.filter(|_| complete),
        limit_s: u32::try_from(limit_s).unwrap_or(u32::MAX),
        quarantined,
    };
    feeds.filter(|(feed, _)| takes_part(feed)).map(signed).collect()
}

impl<J: Journal, V: Views> Node<J, V> {
    pub fn status(&self, now: Timestamp) -> Status {
        let state = &self.state;
        let peers = state.roster.peers_of(&state.identity.member).into_iter().map(|peer| {
            let own = state.feeds.values().filter(|feed| state.identity.is_own(feed.id()));
            let (entries, retractions) = own.fold((0, 0), |(entries, retractions), feed| {
                (entries + feed.unacknowledged(&peer.id), retractions + feed.unacknowledged_retractions(&peer.id))
            });
            let theirs = state.feeds.values().filter(|feed| feed.id().member == peer.id);
            PeerStatus {
                member: peer.id.clone(),
                lag_entries: theirs.map(|feed| feed.told.0.saturating_sub(feed.size().0)).sum(),
                unacknowledged_entries: entries,
                unacknowledged_retractions: retractions,
            }
        });
        let feeds = state.feeds.values().map(|feed| FeedStatus {
            id: feed.id().clone(),
            origin: feed.origin.clone(),
            size: feed.size(),
            root: feed.cursor.range.root().to_string(),
            age_s: feed.cursor.checkpoint.as_ref().and_then(|checkpoint| checkpoint.author_age_s(now)),
            cosignatures: feed.cursor.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.witness_count()),
            quarantined: feed.equivocation.is_some(),
            silent: feed.silent,
            unbelieved: feed.unbelieved.counts().collect(),
        });
        Status {
            roster_version: state.roster.version(),
            epoch: state.identity.key_ring.current.epoch().0,
            held: state.belief.held(),
            pending: state.pending.len(),
            cases_waiting: state.cases.waiting(),
            allowed: state.lists.acting(OwnList::Allow, now),
            blocked: state.lists.acting(OwnList::Block, now),
            fence: self.fence_state(),
            feeds: feeds.collect(),
            peers: peers.collect(),
            audit_size: state.audit.size(),
            audit_witnessed: state.audits.cosigned().map(|head| (head.size(), head.witness_names())),
            audit_diverged: state.audits.diverged(),
            audit_rewritten: state.audits.rewritten().cloned().collect(),
            roster_ends: state.roster.not_after(),
            store_stopped: self.stopped,
            disk_low: self.disk_low(),
            views_in_memory: self.views.stands_in().map(str::to_owned),
        }
    }

    /// When the author of each feed last signed it, for the answers of screening. `limit_s` stands in for the roster's limit.
    pub fn freshness(&self, limit_s: Option<u64>, now: Timestamp) -> Vec<FeedSigned> {
        let feeds = self.state.feeds.values().map(|feed| {
            let quarantined = feed.equivocation.is_some();
            let complete = feed.uncovered.is_empty();
            (feed.id().clone(), Signed { signed_at: feed.signed_at(now), complete, quarantined })
        });
        freshness_of(&self.state.roster, &self.state.identity.member, feeds, limit_s, now)
    }

    /// Raises the alarm once for each feed that has shown no sign of life for longer than the roster allows.
    pub(in crate::node) fn notice_silence(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let limit_s = self.state.roster.limits().freshness_limit_s;
        let (identity, roster) = (&self.state.identity, &self.state.roster);
        let mut events = Vec::new();
        for feed in self.state.feeds.values_mut().filter(|feed| !identity.is_own(feed.id()) && !feed.silent) {
            if !roster.member(&feed.id().member).is_some_and(|author| author.takes_part(now)) {
                continue;
            }
            let age_s = feed.signed_at(now).map(|signed_at| now.ms_since(signed_at) / 1000);
            if let Some(age_s) = age_s.filter(|age_s| *age_s > limit_s) {
                feed.silent = true;
                events.push(AuditEvent::PeerSilent { peer: feed.id().member.clone(), feed: feed.id().clone(), age_s });
            }
        }
        self.record(&Actor::Node, events, now, rng)
    }

    /// Tells of entries that are kept and do not count, once a day and feed.
    pub(in crate::node) fn notice_unbelieved(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let mut events = Vec::new();
        for feed in self.state.feeds.values_mut() {
            let news = feed.unbelieved.news(now.day());
            let event = |(why, entries): (Why, u64)| AuditEvent::EntriesUnbelieved {
                feed: feed.cursor.feed.clone(),
                rule: why.rule(),
                entries,
            };
            events.extend(news.into_iter().map(event));
        }
        self.record(&Actor::Node, events, now, rng)
    }
}
