//! How many other members hold what this member published, for callers that want more than this node's own disk.
//!
//! A member holds an entry once it has acknowledged the feed up to it: it does so after the entry is durable there. Asking
//! changes nothing; what was acknowledged before this node's last start is heard again with the next acknowledgement.

use std::str::FromStr;

use crate::base::bytes::Commitment;
use crate::base::name::{FeedId, GroupId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::node::Node;
use crate::node::publish::PublishFault;
use crate::node::store::{Journal, Views};

/// Where a publication must be durable before its caller is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ack {
    /// On this node.
    Local,
    /// And on that of at least one other member.
    Peer,
    /// And on those of more than half of the other members that take part in the group.
    Quorum,
}

impl Ack {
    pub const ALL: [Self; 3] = [Self::Local, Self::Peer, Self::Quorum];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Peer => "peer",
            Self::Quorum => "quorum",
        }
    }
}

/// A word that is none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("acknowledgements are local, peer, quorum")]
pub struct UnknownAck;

impl FromStr for Ack {
    type Err = UnknownAck;

    fn from_str(text: &str) -> Result<Self, UnknownAck> {
        Self::ALL.into_iter().find(|ack| ack.label() == text).ok_or(UnknownAck)
    }
}

/// Other members that hold a publication, of those that take part in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copies {
    pub held: usize,
    pub others: usize,
}

impl Copies {
    /// The most that is reached.
    pub fn reached(self) -> Ack {
        match self.held {
            0 => Ack::Local,
            held if held > self.others / 2 => Ack::Quorum,
            _ => Ack::Peer,
        }
    }

    /// Whether it can be reached at all: a member alone in its group has nobody to hold a copy.
    pub fn can_reach(self, ack: Ack) -> bool {
        ack == Ack::Local || self.others > 0
    }
}

/// A publication that is followed until others hold it.
#[derive(Debug)]
pub struct Followed {
    feed: FeedId,
    /// What still waits for its window.
    waiting: Vec<Commitment>,
    /// Whoever holds the feed up to here holds all of it; known once nothing waits any more.
    size: Option<TreeSize>,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Begins to follow what was published in a group, the member's first where none is named.
    pub fn follow(&self, group: Option<&GroupId>, published: Vec<Commitment>) -> Result<Followed, PublishFault> {
        let feed = self.state.identity.own_feed(&self.publishing_group(group)?);
        Ok(Followed { feed, waiting: published, size: None })
    }

    /// Who holds all of a publication by now.
    pub fn copies(&self, followed: &mut Followed, now: Timestamp) -> Copies {
        let Some(feed) = self.state.feeds.get(&followed.feed) else { return Copies::default() };
        followed.waiting.retain(|commitment| self.state.pending.holds(commitment));
        if followed.waiting.is_empty() && followed.size.is_none() {
            followed.size = Some(feed.durable_size);
        }
        let others = self.state.roster.peers_of(&self.state.identity.member).into_iter();
        let others = others.filter(|peer| peer.groups.contains(&followed.feed.group) && peer.takes_part(now));
        let holds = |peer| feed.acknowledged.get(peer).copied().zip(followed.size).is_some_and(|(at, size)| at >= size);
        others.fold(Copies::default(), |copies, peer| Copies {
            held: copies.held + usize::from(holds(&peer.id)),
            others: copies.others + 1,
        })
    }

    /// Whether a member acknowledged anything since the last call.
    pub fn heard_acknowledgements(&mut self) -> bool {
        std::mem::take(&mut self.acknowledged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_is_more_than_half_of_the_others() {
        let check = |held, others, expected| assert_eq!(Copies { held, others }.reached(), expected, "{held}/{others}");
        check(0, 0, Ack::Local);
        check(0, 3, Ack::Local);
        check(1, 1, Ack::Quorum);
        check(1, 2, Ack::Peer);
        check(2, 2, Ack::Quorum);
        check(1, 3, Ack::Peer);
        check(2, 3, Ack::Quorum);
        check(2, 4, Ack::Peer);
        check(3, 4, Ack::Quorum);
    }

    #[test]
    fn acknowledgements_are_read_back_from_their_words() {
        for ack in Ack::ALL {
            assert_eq!(ack.label().parse(), Ok(ack));
        }
        assert_eq!("both".parse::<Ack>(), Err(UnknownAck));
        assert!(!Copies::default().can_reach(Ack::Peer) && Copies::default().can_reach(Ack::Local));
    }
}
