//! On what terms this member may publish now: in which group, under which roster, suite and epoch, and how much.

use std::collections::BTreeMap;

use crate::base::name::GroupId;
use crate::base::time::{Day, Timestamp};
use crate::domain::pseudonym::keys::EpochKeys;
use crate::domain::pseudonym::suite::Suite;
use crate::node::Node;
use crate::node::publish::PublishFault;
use crate::node::store::{Journal, Views};

impl<J: Journal, V: Views> Node<J, V> {
    /// The group to publish in: the one asked for, or the member's first.
    pub(in crate::node) fn publishing_group(&self, asked: Option<&GroupId>) -> Result<GroupId, PublishFault> {
        let mut groups = self.state.roster.groups_of(&self.state.identity.member);
        let first = groups.first().cloned();
        // Without its key the entry would be acknowledged and never signed.
        groups.retain(|group| self.state.identity.feeds.contains_key(group));
        let group = asked.or(first.as_ref()).filter(|group| groups.contains(*group));
        group.cloned().ok_or_else(|| PublishFault::UnknownGroup { groups: groups.into_iter().collect() })
    }

    pub(in crate::node) fn check_terms(&self, now: Timestamp) -> Result<(), PublishFault> {
        self.state.roster.check_in_force(now).map_err(|_| PublishFault::RosterExpired)?;
        let member = self.state.roster.member(&self.state.identity.member);
        if !member.is_some_and(|member| member.takes_part(now)) {
            return Err(PublishFault::NotTakingPart);
        }
        let (minimum, ours) = (Suite::demanded(self.state.roster.limits().minimum_suite), EpochKeys::SUITE);
        if ours < minimum {
            return Err(PublishFault::SuiteTooWeak { minimum, ours });
        }
        let epoch = self.state.roster.current_epoch(now).ok_or(PublishFault::NoEpoch)?;
        let ours = self.state.identity.key_ring.current.epoch_id();
        if epoch.id == ours { Ok(()) } else { Err(PublishFault::NoEpoch) }
    }

    /// Whether the quota leaves room for an entry on each of these days.
    pub(in crate::node) fn check_quota(&self, asked: impl Iterator<Item = Day>) -> Result<(), PublishFault> {
        let quota = self.quota();
        let mut days: BTreeMap<Day, u64> = BTreeMap::new();
        asked.for_each(|day| *days.entry(day).or_default() += 1);
        for (day, asked) in days {
            let published = self.state.published.on(day);
            if published.saturating_add(asked) > quota {
                return Err(PublishFault::Quota { day, published, asked, quota });
            }
        }
        Ok(())
    }

    /// Entries this member may publish a day.
    pub(in crate::node) fn quota(&self) -> u64 {
        self.state.roster.member(&self.state.identity.member).map_or(0, |member| member.entries_per_day.into())
    }
}
