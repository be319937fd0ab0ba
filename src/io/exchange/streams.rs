//! One stream a member: whoever pulls from us twice is served on the newer stream alone.
//!
//! A puller whose connection broke without a word comes back before our keep-alive notices. Served on both, it would get
//! everything twice, and a member could hold as many subscriptions as connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::base::name::MemberId;
use crate::io::exchange::links::Links;

/// The streams being served. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Streams {
    held: Arc<Mutex<BTreeMap<MemberId, oneshot::Sender<()>>>>,
    links: Links,
}

impl Streams {
    /// Streams whose beginnings are told to those who follow the same peers.
    pub fn new(links: Links) -> Self {
        Self { held: Arc::default(), links }
    }

    /// Begins a stream of `member`, which ends the one before. What is returned is done once a newer one begins.
    pub fn begin(&self, member: &MemberId) -> impl Future<Output = ()> + use<> {
        let (held, replaced) = oneshot::channel();
        // Dropped, the earlier sender tells its stream that it is over. A panic elsewhere cannot leave the map half changed.
        drop(self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(member.clone(), held));
        self.links.arrived(member);
        async move { drop(replaced.await) }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_over(stream: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        stream.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn a_newer_stream_ends_the_older_of_the_same_member_alone() {
        let streams = Streams::new(Links::default());
        let (bank, shop): (MemberId, MemberId) = ("bank".parse().expect("valid"), "shop".parse().expect("valid"));
        let mut first = pin!(streams.begin(&bank));
        let mut other = pin!(streams.begin(&shop));
        assert!(!is_over(first.as_mut()));
        let mut second = pin!(streams.begin(&bank));
        assert!(is_over(first.as_mut()));
        assert!(!is_over(second.as_mut()) && !is_over(other.as_mut()));
    }

    #[test]
    fn who_begins_a_stream_has_arrived() {
        let links = Links::default();
        let (bank, shop): (MemberId, MemberId) = ("bank".parse().expect("valid"), "shop".parse().expect("valid"));
        let arrivals = [&bank, &shop].map(|peer| links.arrivals(peer));
        drop(Streams::new(links.clone()).begin(&bank));
        assert_eq!(arrivals.map(|arrivals| arrivals.has_changed().expect("followed")), [true, false]);
    }
}
