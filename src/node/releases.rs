//! The releases of all members whose feeds are read here, this one's own included. Rebuilt from the journal.
//!
//! Bounded by member, so that nobody's flood crowds out others: of each the newest periods are held.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::base::limits::statistics::RELEASES_PER_MEMBER;
use crate::base::name::{FeedId, MemberId};
use crate::base::time::Timestamp;
use crate::domain::feed::blob::Body;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::feed::entry::{Entry, EntryKind};
use crate::domain::statistics::period::Period;
use crate::domain::statistics::published::{Place, Published};
use crate::domain::statistics::question::{Query, ReleaseId};
use crate::domain::statistics::schedule::Planned;
use crate::domain::statistics::sum::{Brought, Missing, Sum, sum};
use crate::node::Node;
use crate::node::store::{Journal, Views};

/// See the module.
#[derive(Debug, Default)]
pub struct Releases {
    held: BTreeMap<Place, Published>,
    of_member: BTreeMap<MemberId, usize>,
}

/// Which releases somebody looks for; all of it must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseFilter {
    pub member: Option<MemberId>,
    pub query: Option<Query>,
}

impl Releases {
    /// A page before a place, the newest periods first, and the place to go on from.
    pub fn list(
        &self,
        filter: &ReleaseFilter,
        before: Option<&Place>,
        limit: usize,
    ) -> (Vec<Published>, Option<Place>) {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let wanted = |place: &Place| {
            filter.member.as_ref().is_none_or(|member| place.member == *member)
                && filter.query.is_none_or(|query| place.query == query)
        };
        let mut all = self.held.range((Bound::Unbounded, end)).rev().filter(|(place, _)| wanted(place));
        let page: Vec<Published> = all.by_ref().take(limit).map(|(_, release)| release.clone()).collect();
        let next = page.last().filter(|_| all.next().is_some()).map(Published::place);
        (page, next)
    }

    /// The periods for which anybody released an answer to a question, the newest first, and how many members did.
    pub fn periods(&self, query: Query, limit: usize) -> Vec<(Period, usize)> {
        let mut periods: Vec<(Period, BTreeSet<&MemberId>)> = Vec::new();
        for release in self.held.values().rev().filter(|release| release.query == query) {
            let full = periods.len() == limit;
            match periods.last_mut() {
                Some((last, members)) if *last == release.period => drop(members.insert(&release.member)),
                _ if full => break,
                _ => periods.push((release.period, BTreeSet::from([&release.member]))),
            }
        }
        periods.into_iter().map(|(period, members)| (period, members.len())).collect()
    }

    /// The release of a member that answers a question: of several the one with the least noise.
    pub fn best(&self, member: &MemberId, query: Query, period: Period) -> Option<&Published> {
        let (until, from) = (period.until().0, period.from().0);
        let first = Place { until, from, query, member: member.clone(), id: ReleaseId::first() };
        let answers = self
            .held
            .range(first..)
            .map(|(_, release)| release)
            .take_while(|release| (&release.member, release.query, release.period) == (member, query, period));
        answers.min_by(|one, other| one.figures.scale.total_cmp(&other.figures.scale))
    }

    /// An entry of a feed.
    pub(in crate::node) fn take(&mut self, feed: &FeedId, entry: &Entry) {
        if entry.leaf().kind != EntryKind::StatisticsRelease {
            return;
        }
        let Some(content) = entry.content() else { return };
        let Ok(Body::StatisticsRelease(release)) = Body::decode(entry.leaf().kind, &content.blob) else { return };
        let Some(release) = Published::read(&release, &feed.member) else { return };
        let place = release.place();
        // What is said first under an id stands, as it does at its author.
        if self.held.contains_key(&place) {
            return;
        }
        self.held.insert(place, release);
        let held = self.of_member.entry(feed.member.clone()).or_default();
        *held += 1;
        if *held > RELEASES_PER_MEMBER {
            *held -= 1;
            let oldest = self.held.keys().find(|place| place.member == feed.member).cloned();
            oldest.and_then(|oldest| self.held.remove(&oldest));
        }
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// The sum of what all members released of one question and period, and who is missing.
    pub fn sum_releases(&self, query: Query, period: Period) -> Sum {
        let state = &self.state;
        let brought = state.roster.members().iter().map(|member| -> Brought<'_> {
            let quarantined =
                state.feeds.values().any(|feed| feed.id().member == member.id && feed.equivocation.is_some());
            let released = match state.releases.best(&member.id, query, period) {
                _ if quarantined => Err(Missing::Quarantined),
                Some(release) => Ok(release),
                None => Err(Missing::NotReleased),
            };
            (member.id.clone(), released)
        });
        sum(query, period, brought)
    }

    /// The release at a place, and whether it stands in its feed yet: an own one does with the end of the window it was made in.
    pub fn release_at(&self, place: &Place) -> Option<(Published, bool)> {
        if let Some(release) = self.state.releases.held.get(place) {
            return Some((release.clone(), true));
        }
        let own = &self.state.identity.member;
        let blob = self.state.ledger.released(&place.id)?;
        let release = StatisticsRelease::decode(blob).ok()?;
        let release = Published::read(&release, own).filter(|release| release.place() == *place)?;
        Some((release, false))
    }

    /// The releases of the schedule that are to be drawn now, the oldest first.
    pub fn due_releases(&self, now: Timestamp) -> Vec<Planned> {
        let Some(since) = self.state.first_day() else { return Vec::new() };
        let mut due = self.state.settings.schedule.due(now, since);
        due.retain(|planned| !self.state.ledger.is_done(&planned.id));
        due
    }
}
