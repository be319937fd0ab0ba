//! Who speaks: members, their feeds and the epochs they speak in, interned to small numbers.
//!
//! What a reader must see at once (quarantine, how far a feed is witnessed) lives in atomics beside the feed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::base::epoch::EpochId;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::{EntryIndex, TreeSize};
use crate::domain::belief::Witnessing;
use crate::domain::belief::record::LaneNumber;

/// One feed, as numbered by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedNumber(pub(super) u16);

impl FeedNumber {
    /// For tables with one row a feed.
    pub fn ordinal(self) -> usize {
        usize::from(self.0)
    }
}

/// One member, as numbered by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberNumber(pub(super) u16);

#[cfg(test)]
impl MemberNumber {
    pub(in crate::domain) fn for_test(number: u16) -> Self {
        Self(number)
    }
}

/// One feed and what readers ask of it.
#[derive(Debug)]
pub(super) struct FeedRow {
    pub(super) id: FeedId,
    pub(super) member: MemberNumber,
    quarantined: AtomicBool,
    witnessed: AtomicU64,
    pub(super) live: AtomicU64,
    pub(super) retracted: AtomicU64,
}

impl FeedRow {
    pub(super) fn is_quarantined(&self) -> bool {
        self.quarantined.load(Ordering::Acquire)
    }

    /// Never falls: what was cosigned stays cosigned.
    pub(super) fn set_witnessed(&self, size: TreeSize) {
        self.witnessed.fetch_max(size.0, Ordering::AcqRel);
    }

    /// Entries below it have the witnesses they need.
    pub(super) fn witnessed(&self) -> TreeSize {
        TreeSize(self.witnessed.load(Ordering::Acquire))
    }

    /// Whether too few members have cosigned a checkpoint that covers an entry.
    fn is_unwitnessed(&self, index: EntryIndex) -> bool {
        index.0 >= self.witnessed.load(Ordering::Acquire)
    }

    /// Indicators held, withdrawn ones included.
    pub(super) fn held(&self) -> u64 {
        self.live.load(Ordering::Relaxed) + self.retracted.load(Ordering::Relaxed)
    }
}

/// One feed in one key epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) feed: FeedNumber,
    pub(super) epoch: EpochId,
}

/// All who spoke so far. Cloned when somebody new speaks, which is rare.
#[derive(Debug, Clone)]
pub(super) struct Parties {
    pub(super) witnessing: Witnessing,
    members: Vec<MemberId>,
    feeds: Vec<Arc<FeedRow>>,
    lanes: Vec<Lane>,
    lane_numbers: BTreeMap<(FeedNumber, EpochId), LaneNumber>,
    quarantined: BTreeSet<MemberId>,
}

impl Parties {
    pub(super) fn new(witnessing: Witnessing) -> Self {
        Self {
            witnessing,
            members: Vec::new(),
            feeds: Vec::new(),
            lanes: Vec::new(),
            lane_numbers: BTreeMap::new(),
            quarantined: BTreeSet::new(),
        }
    }

    /// Whether an entry lacks the witnesses it needs to count fully.
    pub(super) fn is_provisional(&self, feed: &FeedRow, index: EntryIndex) -> bool {
        match self.witnessing {
            Witnessing::NotNeeded => false,
            Witnessing::Needed => feed.is_unwitnessed(index),
        }
    }

    pub(super) fn feed(&self, feed: FeedNumber) -> Option<&Arc<FeedRow>> {
        self.feeds.get(feed.ordinal())
    }

    pub(super) fn feeds(&self) -> impl Iterator<Item = (FeedNumber, &Arc<FeedRow>)> {
        (0..).map(FeedNumber).zip(&self.feeds)
    }

    pub(super) fn members(&self) -> &[MemberId] {
        &self.members
    }

    pub(super) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Members that do not count, whether they have a feed or not.
    pub(super) fn quarantined(&self) -> &BTreeSet<MemberId> {
        &self.quarantined
    }

    pub(super) fn lane(&self, lane: LaneNumber) -> Option<&Lane> {
        self.lanes.get(usize::from(lane.0))
    }

    pub(super) fn member(&self, member: MemberNumber) -> Option<&MemberId> {
        self.members.get(usize::from(member.0))
    }

    pub(super) fn member_number(&self, member: &MemberId) -> Option<MemberNumber> {
        let position = self.members.iter().position(|known| known == member)?;
        u16::try_from(position).ok().map(MemberNumber)
    }

    pub(super) fn feed_number(&self, feed: &FeedId) -> Option<FeedNumber> {
        self.feeds().find(|(_, row)| row.id == *feed).map(|(number, _)| number)
    }

    pub(super) fn lane_number(&self, feed: FeedNumber, epoch: &EpochId) -> Option<LaneNumber> {
        self.lane_numbers.get(&(feed, *epoch)).copied()
    }

    /// Adds a feed; a member's quarantine holds for its feeds to come. None beyond 65,536 feeds.
    pub(super) fn add_feed(&mut self, feed: &FeedId) -> Option<FeedNumber> {
        let number = FeedNumber(u16::try_from(self.feeds.len()).ok()?);
        let member = match self.member_number(&feed.member) {
            Some(member) => member,
            None => {
                let member = MemberNumber(u16::try_from(self.members.len()).ok()?);
                self.members.push(feed.member.clone());
                member
            }
        };
        let quarantined = self.quarantined.contains(&feed.member);
        self.feeds.push(Arc::new(FeedRow {
            id: feed.clone(),
            member,
            quarantined: AtomicBool::new(quarantined),
            witnessed: AtomicU64::new(0),
            live: AtomicU64::new(0),
            retracted: AtomicU64::new(0),
        }));
        Some(number)
    }

    /// Takes effect at once, also for readers that hold an older copy: the flag is shared.
    pub(super) fn set_quarantined(&mut self, member: &MemberId, quarantined: bool) {
        if quarantined {
            self.quarantined.insert(member.clone());
        } else {
            self.quarantined.remove(member);
        }
        for row in self.feeds.iter().filter(|row| row.id.member == *member) {
            row.quarantined.store(quarantined, Ordering::Release);
        }
    }

    /// Adds an epoch of a feed. None beyond 65,536 of them, as many as a thousand feeds can have in a full roster of epochs:
    /// the caller names only epochs of the roster, so that no feed can use up what others need.
    pub(super) fn add_lane(&mut self, feed: FeedNumber, epoch: EpochId) -> Option<LaneNumber> {
        let number = LaneNumber(u16::try_from(self.lanes.len()).ok()?);
        self.lanes.push(Lane { feed, epoch });
        self.lane_numbers.insert((feed, epoch), number);
        Some(number)
    }
}
