//! What the pullers know together: which peers are connected, and why others are not.
//!
//! A feed whose author is away or mute may be taken from any other member: entries prove themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::base::name::{FeedId, MemberId};

/// How the link to one peer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    Connecting,
    Connected,
    /// The last attempt failed; another follows.
    BackingOff {
        failure: String,
    },
    /// What the peer sent broke a rule; nothing of it was believed.
    Faulty {
        failure: String,
    },
}

impl Link {
    /// Every word there is.
    pub const WORDS: [&'static str; 4] = ["connecting", "connected", "backing_off", "refused"];

    /// The word shown to operators.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::BackingOff { .. } => "backing_off",
            Self::Faulty { .. } => "refused",
        }
    }

    /// The last failure, in words; empty where none.
    pub fn failure(&self) -> &str {
        match self {
            Self::Connecting | Self::Connected => "",
            Self::BackingOff { failure } | Self::Faulty { failure } => failure,
        }
    }
}

/// The links to all peers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Links(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    peers: BTreeMap<MemberId, Peer>,
    /// Feeds whose connected author shows no sign of life.
    mute: BTreeSet<FeedId>,
    /// Told each time a peer begins to pull from us, for as long as we follow it.
    arrivals: BTreeMap<MemberId, watch::Sender<()>>,
}

#[derive(Debug)]
struct Peer {
    link: Link,
    /// No attempt has succeeded since the last one failed.
    away: bool,
}

impl Links {
    pub fn set(&self, peer: &MemberId, link: Link) {
        let mut known = self.lock();
        let away = match link {
            Link::Connected => false,
            Link::BackingOff { .. } | Link::Faulty { .. } => true,
            // The first attempt is waited for; between later ones an author stays away.
            Link::Connecting => known.peers.get(peer).is_some_and(|known| known.away),
        };
        if link == Link::Connected {
            known.mute.retain(|feed| feed.member != *peer);
        }
        known.peers.insert(peer.clone(), Peer { link, away });
    }

    pub fn forget(&self, peer: &MemberId) {
        let mut known = self.lock();
        known.peers.remove(peer);
        known.arrivals.remove(peer);
    }

    /// The peer begins to pull from us: it is there, whatever the last attempt to reach it met.
    pub fn arrived(&self, peer: &MemberId) {
        if let Some(arrivals) = self.lock().arrivals.get(peer) {
            arrivals.send_replace(());
        }
    }

    /// Changes each time the peer arrives from now on.
    pub fn arrivals(&self, peer: &MemberId) -> watch::Receiver<()> {
        self.lock().arrivals.entry(peer.clone()).or_default().subscribe()
    }

    pub fn of(&self, peer: &MemberId) -> Option<Link> {
        self.lock().peers.get(peer).map(|known| known.link.clone())
    }

    /// The author is connected and shows no sign of life: withheld or stuck, others may know more of its feed.
    pub fn mute(&self, feed: &FeedId) {
        self.lock().mute.insert(feed.clone());
    }

    /// The author itself told of its feed.
    pub fn speaks(&self, feed: &FeedId) {
        self.lock().mute.remove(feed);
    }

    /// Whether a feed is taken from others than its author: the author is away, mute, or nobody we follow.
    pub fn needs_relay(&self, feed: &FeedId) -> bool {
        let known = self.lock();
        known.peers.get(&feed.member).is_none_or(|author| author.away) || known.mute.contains(feed)
    }

    /// A panic elsewhere cannot leave the maps half changed: every change is one insert or remove.
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_is_told_to_whoever_waits_for_that_peer() {
        let links = Links::default();
        let (bank, shop): (MemberId, MemberId) = ("bank".parse().expect("valid"), "shop".parse().expect("valid"));
        links.arrived(&bank);
        let (of_bank, of_shop) = (links.arrivals(&bank), links.arrivals(&shop));
        let told = |arrivals: &watch::Receiver<()>| arrivals.has_changed().ok();
        assert_eq!((told(&of_bank), told(&of_shop)), (Some(false), Some(false)), "what was before is no news");
        links.arrived(&bank);
        assert_eq!((told(&of_bank), told(&of_shop)), (Some(true), Some(false)));
        links.forget(&bank);
        assert_eq!(told(&of_bank), None);
    }

    fn feed() -> FeedId {
        FeedId { member: "bank-a".parse().expect("valid"), group: "all".parse().expect("valid") }
    }

    #[test]
    fn a_relay_is_needed_from_the_first_failed_attempt_until_the_author_is_connected() {
        let (links, feed) = (Links::default(), feed());
        assert!(links.needs_relay(&feed), "nobody follows this author");
        let failure = || "refused".to_owned();
        for (link, needed) in [
            (Link::Connecting, false),
            (Link::BackingOff { failure: failure() }, true),
            (Link::Connecting, true),
            (Link::Connected, false),
            (Link::Faulty { failure: failure() }, true),
        ] {
            links.set(&feed.member, link.clone());
            assert_eq!(links.needs_relay(&feed), needed, "{link:?}");
        }
    }

    #[test]
    fn a_mute_author_is_relayed_until_it_speaks_or_is_connected_anew() {
        let (links, feed) = (Links::default(), feed());
        links.set(&feed.member, Link::Connected);
        let end: [&dyn Fn(); 2] = [&|| links.speaks(&feed), &|| links.set(&feed.member, Link::Connected)];
        for end in end {
            links.mute(&feed);
            assert!(links.needs_relay(&feed));
            end();
            assert!(!links.needs_relay(&feed));
        }
    }
}
