//! The fence: a node restored from an old copy must not sign again at sizes it has already signed.
//!
//! Before its first signature after a start, the node hears from its peers which head of its own feeds they hold. A peer
//! that holds more than we do has seen signatures we have forgotten: the node is *behind*, pulls its own suffix back and
//! goes on from there. A peer that holds another root at a size we also have proves that we signed twice: the node stops
//! signing for good. Publications are still accepted into the journal; only signing waits.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;

/// Whether the node may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FenceState {
    /// Not yet heard from enough members.
    Asking { answers: usize, needed: usize },
    /// Some peer holds more of our own feed than we do.
    Behind { feed: FeedId, ours: TreeSize, theirs: TreeSize },
    /// Our own key signed two trees of one size.
    Forked { feed: FeedId },
    /// Signing is safe.
    Open,
}

/// Collects the members' answers.
#[derive(Debug)]
pub struct Fence {
    needed: usize,
    answered: BTreeSet<MemberId>,
    highest: BTreeMap<FeedId, TreeSize>,
    forked: Option<FeedId>,
}

impl Fence {
    /// `others` is the number of other members in the roster: a node alone needs no answer, every other one at least one.
    pub fn new(others: usize) -> Self {
        Self { needed: others.min(1), answered: BTreeSet::new(), highest: BTreeMap::new(), forked: None }
    }

    /// A member told which heads of our own feeds it holds (already verified as signed by us).
    pub fn answer(&mut self, from: MemberId, heads: &[(FeedId, TreeSize)]) {
        for (feed, size) in heads {
            let highest = self.highest.entry(feed.clone()).or_default();
            *highest = (*highest).max(*size);
        }
        self.answered.insert(from);
    }

    /// Two of our own checkpoints cannot both be true.
    pub fn fork(&mut self, feed: FeedId) {
        self.forked = Some(feed);
    }

    /// Whether signing is safe, given the sizes we hold ourselves.
    pub fn state(&self, own_size: impl Fn(&FeedId) -> TreeSize) -> FenceState {
        if let Some(feed) = &self.forked {
            return FenceState::Forked { feed: feed.clone() };
        }
        for (feed, theirs) in &self.highest {
            let ours = own_size(feed);
            if ours < *theirs {
                return FenceState::Behind { feed: feed.clone(), ours, theirs: *theirs };
            }
        }
        if self.answered.len() < self.needed {
            return FenceState::Asking { answers: self.answered.len(), needed: self.needed };
        }
        FenceState::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed() -> FeedId {
        FeedId { member: "bank-a".parse().expect("valid"), group: "all".parse().expect("valid") }
    }

    fn peer(name: &str) -> MemberId {
        name.parse().expect("valid")
    }

    #[test]
    fn a_node_alone_signs_at_once() {
        assert_eq!(Fence::new(0).state(|_| TreeSize(0)), FenceState::Open);
    }

    #[test]
    fn one_answer_is_needed_where_there_are_others() {
        let mut fence = Fence::new(4);
        assert_eq!(fence.state(|_| TreeSize(0)), FenceState::Asking { answers: 0, needed: 1 });
        fence.answer(peer("bank-b"), &[(feed(), TreeSize(3))]);
        assert_eq!(fence.state(|_| TreeSize(3)), FenceState::Open);
    }

    #[test]
    fn a_peer_that_holds_more_closes_the_fence_until_we_caught_up() {
        let mut fence = Fence::new(2);
        fence.answer(peer("bank-b"), &[(feed(), TreeSize(3))]);
        fence.answer(peer("shop"), &[(feed(), TreeSize(9))]);
        let behind = FenceState::Behind { feed: feed(), ours: TreeSize(3), theirs: TreeSize(9) };
        assert_eq!(fence.state(|_| TreeSize(3)), behind);
        assert_eq!(fence.state(|_| TreeSize(9)), FenceState::Open);
    }

    #[test]
    fn a_fork_never_opens_again() {
        let mut fence = Fence::new(1);
        fence.answer(peer("bank-b"), &[]);
        fence.fork(feed());
        assert_eq!(fence.state(|_| TreeSize(9)), FenceState::Forked { feed: feed() });
    }
}
