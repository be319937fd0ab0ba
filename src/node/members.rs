//! The members and their keys as the roster has them, and how each is heard; the own keys, and what of them is due.

use std::collections::BTreeMap;

use crate::base::bytes::TreeHash;
use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::name::{FeedId, GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::roster::member::{Member, MemberState};
use crate::node::Node;
use crate::node::feeds::Feed;
use crate::node::store::{Journal, Views};

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub roster_version: u64,
    pub roster_ends: Timestamp,
    /// Admins that must sign the next roster, of how many.
    pub quorum: usize,
    pub admins: usize,
    /// Other members that must cosign before an indicator counts fully; 0 where the rule is off.
    pub witness_quorum: u32,
    /// In the order of the roster.
    pub members: Vec<MemberView>,
    pub epochs: Vec<EpochView>,
    pub own_keys: Vec<OwnKey>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    pub id: MemberId,
    pub name: String,
    pub state: MemberState,
    /// This member itself.
    pub own: bool,
    pub takes_part: bool,
    pub valid_from: Timestamp,
    pub valid_until: Timestamp,
    /// Since when it no longer takes part, where it was shut out.
    pub excluded_since: Option<Timestamp>,
    /// Some feed of it was signed with two histories.
    pub quarantined: bool,
    /// Its audit log was signed with two histories.
    pub audit_rewritten: bool,
    pub entries_per_day: u32,
    pub endpoints: Vec<String>,
    pub groups: Vec<GroupId>,
    /// Two while it changes from one peer key to the other.
    pub pins: Vec<String>,
    pub audit_key: String,
    pub witness_key: String,
    pub feeds: Vec<FeedView>,
    /// When it last cosigned any checkpoint of this member's own feeds; none for this member, and before the first.
    pub cosigned_at: Option<Timestamp>,
}

/// One feed of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedView {
    pub feed: FeedId,
    /// The key that signs it at its size.
    pub key: String,
    /// From which size on.
    pub key_from: TreeSize,
    /// Entries held here.
    pub size: TreeSize,
    /// The root of their tree: whoever holds as many entries has the same.
    pub root: TreeHash,
    /// Entries that others say it has.
    pub told: TreeSize,
    /// When its author last signed it.
    pub signed_at: Option<Timestamp>,
    /// Longer ago than the roster allows.
    pub stale: bool,
    /// Up to where enough members cosigned it.
    pub witnessed: TreeSize,
    /// Who cosigned its newest checkpoint, and when.
    pub cosigned: Vec<(String, Timestamp)>,
    /// Entries of it that do not count here.
    pub uncounted: u64,
    /// Entries of own feeds that its author has not acknowledged, in the same group.
    pub unacknowledged: u64,
}

/// One key epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochView {
    pub number: KeyEpoch,
    pub id: EpochId,
    pub activates_at: Timestamp,
    pub compromised_at: Option<Timestamp>,
    /// Indicators are published under it now.
    pub current: bool,
    /// What was said under it can be matched here.
    pub readable: bool,
    /// Until when it can; none while the next but one is not in the roster.
    pub readable_until: Option<Timestamp>,
}

/// A key of this member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKey {
    /// "audit", "witness", "peer-tls", or "feed" with its group.
    pub name: String,
    /// Its verifier key or pin.
    pub key: String,
    /// When this node last took note of its change; none where it is the first.
    pub since: Option<Timestamp>,
    /// It is about to be replaced: the roster names two, or a later one.
    pub changing: bool,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// The members, the epochs and the own keys.
    pub fn membership(&self, now: Timestamp) -> Membership {
        let (state, roster) = (&self.state, &self.state.roster);
        let readable: Vec<KeyEpoch> = roster.readable_epochs(now).iter().map(|epoch| epoch.number).collect();
        let current = roster.current_epoch(now).map(|epoch| epoch.number);
        let epochs = roster.epochs().iter().map(|epoch| EpochView {
            number: epoch.number,
            id: epoch.id,
            activates_at: epoch.activates_at,
            compromised_at: epoch.compromised_at,
            current: current == Some(epoch.number),
            readable: readable.contains(&epoch.number),
            readable_until: roster.readable_until(epoch.number),
        });
        let own = roster.member(&state.identity.member);
        Membership {
            roster_version: roster.version(),
            roster_ends: roster.not_after(),
            quorum: roster.admins().quorum,
            admins: roster.admins().keys.len(),
            witness_quorum: roster.limits().witness_quorum,
            members: roster.members().iter().map(|member| self.member_view(member, now)).collect(),
            epochs: epochs.collect(),
            own_keys: own.map(|own| self.own_keys(own)).unwrap_or_default(),
        }
    }

    fn member_view(&self, member: &Member, now: Timestamp) -> MemberView {
        let state = &self.state;
        let feeds: Vec<FeedView> =
            member.groups.iter().filter_map(|group| self.feed_view(member, group, now)).collect();
        let theirs = state.feeds.values().filter(|feed| feed.id().member == member.id);
        MemberView {
            id: member.id.clone(),
            name: member.name.as_str().to_owned(),
            state: member.state,
            own: member.id == state.identity.member,
            takes_part: member.takes_part(now),
            valid_from: member.valid_from,
            valid_until: member.valid_until,
            excluded_since: state.exclusions.since(&member.id),
            quarantined: theirs.clone().any(|feed| feed.equivocation.is_some()),
            audit_rewritten: state.audits.rewritten().any(|rewritten| *rewritten == member.id),
            entries_per_day: member.entries_per_day,
            endpoints: member.endpoints.iter().map(|endpoint| endpoint.as_str().to_owned()).collect(),
            groups: member.groups.iter().cloned().collect(),
            pins: member.pins.iter().map(ToString::to_string).collect(),
            audit_key: member.audit_key.to_string(),
            witness_key: member.witness_key.to_string(),
            feeds,
            cosigned_at: self.cosigned_by(member),
        }
    }

    fn cosigned_by(&self, member: &Member) -> Option<Timestamp> {
        if member.id == self.state.identity.member {
            return None;
        }
        let own = self.state.feeds.values().filter(|feed| self.state.identity.is_own(feed.id()));
        let checkpoints = own.flat_map(|feed| {
            let told = feed.quorum.cosigned.as_ref().map(|told| &told.checkpoint);
            feed.cursor.checkpoint.as_ref().into_iter().chain(told)
        });
        checkpoints.filter_map(|checkpoint| checkpoint.cosigners().get(member.witness_key.name()).copied()).max()
    }

    /// None of a group this member is not in.
    fn feed_view(&self, member: &Member, group: &GroupId, now: Timestamp) -> Option<FeedView> {
        let id = FeedId { member: member.id.clone(), group: group.clone() };
        let feed = self.state.feeds.get(&id)?;
        let key = member.feeds.iter().rev().find(|key| key.group == *group && key.from_size <= feed.size())?;
        let signed_at = feed.signed_at(now);
        let limit_ms = self.state.roster.limits().freshness_limit_s.saturating_mul(1_000);
        let own = self.state.identity.is_own(&id);
        let checkpoint = feed.cursor.checkpoint.as_ref();
        let unacknowledged = |own_feed: &Feed| own_feed.unacknowledged(&member.id);
        Some(FeedView {
            key: key.key.to_string(),
            key_from: key.from_size,
            size: feed.size(),
            root: feed.cursor.range.root(),
            told: feed.told,
            signed_at,
            stale: !own && signed_at.is_none_or(|at| now.ms_since(at) > limit_ms),
            witnessed: feed.witnessed,
            cosigned: checkpoint.map(|checkpoint| named(checkpoint.cosigners())).unwrap_or_default(),
            uncounted: feed.unbelieved.counts().map(|(_, entries)| entries).sum(),
            unacknowledged: match self.state.feeds.get(&self.state.identity.own_feed(group)) {
                Some(own_feed) if !own => unacknowledged(own_feed),
                Some(_) | None => 0,
            },
            feed: id,
        })
    }

    fn own_keys(&self, own: &Member) -> Vec<OwnKey> {
        let since = |name: &str| self.state.key_changes.get(name).copied();
        let key =
            |name: &str, key: String, changing| OwnKey { name: name.to_owned(), key, since: since(name), changing };
        let mut keys = vec![
            key("audit", own.audit_key.to_string(), own.audit_key != *self.state.identity.audit.verifier()),
            key("witness", own.witness_key.to_string(), own.witness_key != *self.state.identity.witness.verifier()),
        ];
        for group in &own.groups {
            let size = self.state.feeds.get(&self.state.identity.own_feed(group)).map_or(TreeSize::EMPTY, Feed::size);
            let newest = own.feeds.iter().rfind(|key| key.group == *group);
            let signing = own.feed_key(group, size);
            if let (Some(newest), Some(signing)) = (newest, signing) {
                let changing = newest.key != *signing;
                let (name, since) = (format!("feed {group}"), since("feed"));
                keys.push(OwnKey { name, key: signing.to_string(), since, changing });
            }
        }
        let changing = own.pins.len() > 1;
        keys.extend(own.pins.iter().map(|pin| key("peer-tls", pin.to_string(), changing)));
        keys
    }
}

/// Members by their witness keys' names, `<consortium>/<member>/witness`.
fn named(cosigners: &BTreeMap<String, Timestamp>) -> Vec<(String, Timestamp)> {
    let member = |name: &String| name.rsplit('/').nth(1).unwrap_or(name).to_owned();
    cosigners.iter().map(|(name, at)| (member(name), *at)).collect()
}
