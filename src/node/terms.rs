//! On what terms this member may publish now: in which group, under which roster, suite and epoch, and how much.

use crate::base::name::GroupId;
use crate::base::time::Timestamp;
use crate::domain::pseudonym::keys::EpochKeys;
use crate::domain::pseudonym::suite::Suite;
use crate::node::Node;
use crate::node::publish::PublishFault;
use crate::node::store::{Journal, Views};

impl<J: Journal, V: Views> Node<J, V> {
    /// The group to publish in: the one asked for, or the member's first.
    pub(in crate::node) fn publishing_group(&self, asked: Option<&GroupId>) -> Result<GroupId, PublishFault> {
        let groups = self.state.roster.groups_of(&self.state.identity.member);
        let group = match asked {
            Some(asked) => groups.get(asked),
            None => groups.first(),
        };
        // Without its key the entry would be acknowledged and never signed.
        let signed = group.filter(|group| self.state.identity.feeds.contains_key(*group));
        signed.cloned().ok_or(PublishFault::UnknownGroup)
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

    pub(in crate::node) fn check_quota(&self, asked: usize, now: Timestamp) -> Result<(), PublishFault> {
        let asked = u64::try_from(asked).unwrap_or(u64::MAX);
        let member = self.state.roster.member(&self.state.identity.member);
        let quota = u64::from(member.map_or(0, |member| member.entries_per_day));
        let published = self.state.published_on(now.day());
        if published.saturating_add(asked) > quota {
            return Err(PublishFault::Quota { published, asked, quota });
        }
        Ok(())
    }
}
