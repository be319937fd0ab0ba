//! The fence: a node restored from an old copy must not sign again at sizes it has already signed.
//!
//! Before its first signature after a start, the node hears from its peers which head of its own feeds they hold. A peer
//! that holds more than we do has seen signatures we have forgotten: the node is *behind*, pulls its own suffix back and
//! goes on from there. A peer that holds another root at a size we also have proves that we signed twice: the node stops
//! signing for good. Publications are still accepted into the journal; only signing waits.
//!
//! All peers are asked, because the one that answers first may be the one that knows least. Who does not answer within
//! [`limits::FENCE_PATIENCE_S`] is not waited for any longer, as long as anybody answered. A store that is known to have
//! forgotten something waits for [`limits::FENCE_PATIENCE_RESTORED_S`]: there the silent one may well hold what others lack.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;

/// Whether the node may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FenceState {
    /// Not yet heard from enough members.
    Asking { answers: usize, needed: usize },
    /// Some peer holds more of our own feed than we do, or we noted ourselves that we had signed more.
    Behind { feed: FeedId, ours: TreeSize, theirs: TreeSize },
    /// Our own key signed two trees of one size.
    Forked { feed: FeedId },
    /// Signing is safe.
    Open,
}

/// Collects the members' answers.
#[derive(Debug)]
pub struct Fence {
    others: usize,
    answered: BTreeSet<MemberId>,
    highest: BTreeMap<FeedId, TreeSize>,
    /// What we signed for certain, by our own note of it.
    remembered: BTreeMap<FeedId, TreeSize>,
    forked: Option<FeedId>,
    waiting_since: Option<Timestamp>,
    patience_s: u64,
    patience_over: bool,
}

impl Fence {
    /// `others` is the number of other members in the roster: a node alone needs no answer, every other one at least one.
    pub fn new(others: usize) -> Self {
        Self {
            others,
            answered: BTreeSet::new(),
            highest: BTreeMap::new(),
            remembered: BTreeMap::new(),
            forked: None,
            waiting_since: None,
            patience_s: limits::FENCE_PATIENCE_S,
            patience_over: false,
        }
    }

    /// The roster changed who else there is. A fence that is open stays so: whoever is new learns of our feeds from this very
    /// life, and who still holds more of them tells so by its heads.
    pub fn expect(&mut self, others: usize) {
        if self.answered.len() < self.needed() {
            self.others = others;
        }
    }

    fn needed(&self) -> usize {
        if self.patience_over { self.others.min(1) } else { self.others }
    }

    /// A member told of a head of one of our own feeds (already verified as signed by us, under whichever feed key).
    pub fn hear(&mut self, feed: &FeedId, size: TreeSize) {
        let highest = self.highest.entry(feed.clone()).or_default();
        *highest = (*highest).max(size);
    }

    /// We noted elsewhere that we had signed this size. It must come back, unless all others know nothing of it: then nobody
    /// ever saw that signature.
    pub fn remember(&mut self, feed: &FeedId, size: TreeSize) {
        self.remembered.insert(feed.clone(), size);
    }

    /// The store has forgotten something, nobody knows what.
    pub fn distrust(&mut self) {
        self.patience_s = limits::FENCE_PATIENCE_RESTORED_S;
    }

    /// A member told of all it holds of our own feeds.
    pub fn answer(&mut self, from: MemberId) {
        self.answered.insert(from);
    }

    /// Time passes while the answers come in.
    pub fn wait(&mut self, now: Timestamp) {
        let since = *self.waiting_since.get_or_insert(now);
        self.patience_over |= now.ms_since(since) >= self.patience_s * 1000;
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
        if self.answered.len() < self.others {
            for (feed, signed) in &self.remembered {
                let ours = own_size(feed);
                if ours < *signed {
                    return FenceState::Behind { feed: feed.clone(), ours, theirs: *signed };
                }
            }
        }
        let needed = self.needed();
        let answers = self.answered.len();
        if answers < needed { FenceState::Asking { answers, needed } } else { FenceState::Open }
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
    fn all_others_are_waited_for_and_then_one_is_enough() {
        let mut fence = Fence::new(2);
        let start = Timestamp::from_unix_s(1_795_000_000);
        fence.wait(start);
        assert_eq!(fence.state(|_| TreeSize(0)), FenceState::Asking { answers: 0, needed: 2 });
        fence.answer(peer("bank-b"));
        assert_eq!(fence.state(|_| TreeSize(0)), FenceState::Asking { answers: 1, needed: 2 });
        fence.wait(start.plus_s(limits::FENCE_PATIENCE_S));
        assert_eq!(fence.state(|_| TreeSize(0)), FenceState::Open);
    }

    #[test]
    fn a_store_that_has_forgotten_something_waits_longer_for_who_is_silent() {
        let mut fence = Fence::new(2);
        let start = Timestamp::from_unix_s(1_795_000_000);
        fence.distrust();
        fence.wait(start);
        fence.answer(peer("bank-b"));
        fence.wait(start.plus_s(limits::FENCE_PATIENCE_RESTORED_S - 1));
        assert_eq!(fence.state(|_| TreeSize(0)), FenceState::Asking { answers: 1, needed: 2 });
        fence.wait(start.plus_s(limits::FENCE_PATIENCE_RESTORED_S));
        assert_eq!(fence.state(|_| TreeSize(0)), FenceState::Open);
    }

    #[test]
    fn who_leaves_is_not_waited_for_and_who_joins_closes_no_open_fence() {
        let mut fence = Fence::new(2);
        fence.answer(peer("bank-b"));
        fence.expect(3);
        assert_eq!(fence.state(|_| TreeSize(0)), FenceState::Asking { answers: 1, needed: 3 });
        fence.expect(1);
        assert_eq!(fence.state(|_| TreeSize(0)), FenceState::Open);
        fence.expect(4);
        assert_eq!(fence.state(|_| TreeSize(0)), FenceState::Open);
    }

    #[test]
    fn no_answer_at_all_is_never_enough() {
        let mut fence = Fence::new(2);
        fence.wait(Timestamp::from_unix_s(0));
        fence.wait(Timestamp::from_unix_s(1_000_000));
        assert_eq!(fence.state(|_| TreeSize(0)), FenceState::Asking { answers: 0, needed: 1 });
    }

    #[test]
    fn a_peer_that_holds_more_closes_the_fence_until_we_caught_up() {
        let mut fence = Fence::new(2);
        for (member, size) in [("bank-b", 3), ("shop", 9)] {
            fence.hear(&feed(), TreeSize(size));
            fence.answer(peer(member));
        }
        let behind = FenceState::Behind { feed: feed(), ours: TreeSize(3), theirs: TreeSize(9) };
        assert_eq!(fence.state(|_| TreeSize(3)), behind);
        assert_eq!(fence.state(|_| TreeSize(9)), FenceState::Open);
        fence.hear(&feed(), TreeSize(12));
        assert!(matches!(fence.state(|_| TreeSize(9)), FenceState::Behind { .. }), "also once it was open");
    }

    #[test]
    fn what_we_noted_must_come_back_unless_nobody_ever_saw_it() {
        let mut fence = Fence::new(2);
        fence.remember(&feed(), TreeSize(5));
        fence.wait(Timestamp::from_unix_s(0));
        fence.wait(Timestamp::from_unix_s(1_000_000));
        fence.answer(peer("bank-b"));
        let behind = FenceState::Behind { feed: feed(), ours: TreeSize(3), theirs: TreeSize(5) };
        assert_eq!(fence.state(|_| TreeSize(3)), behind, "the other member may have seen it");
        assert_eq!(fence.state(|_| TreeSize(5)), FenceState::Open);
        fence.answer(peer("shop"));
        assert_eq!(fence.state(|_| TreeSize(3)), FenceState::Open);
    }

    #[test]
    fn a_fork_never_opens_again() {
        let mut fence = Fence::new(1);
        fence.answer(peer("bank-b"));
        fence.fork(feed());
        assert_eq!(fence.state(|_| TreeSize(9)), FenceState::Forked { feed: feed() });
    }
}
