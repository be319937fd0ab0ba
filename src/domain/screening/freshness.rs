//! How fresh each peer's feed is, worked out once and shared by all answers of the moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::name::{FeedId, MemberId};
use crate::base::time::Timestamp;

/// What is known of one feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSigned {
    pub feed: FeedId,
    /// The author's newest timestamp on a verified checkpoint; none before the first.
    pub signed_at: Option<Timestamp>,
    /// Seconds after which the feed is stale.
    pub limit_s: u32,
    pub quarantined: bool,
}

/// One peer's row in every answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerFreshness {
    pub member: MemberId,
    /// Seconds since its oldest feed was signed; the largest number where one never was.
    pub age_s: u32,
    pub stale: bool,
    pub quarantined: bool,
}

/// Freshness of all peers at one moment. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Freshness {
    peers: Arc<[PeerFreshness]>,
    fresh: Arc<BTreeSet<FeedId>>,
    loading: bool,
}

impl Freshness {
    /// Works out the rows at `now`. The own member has none: its feed is here and always fresh. `loading` says that the
    /// node does not hold everything yet.
    pub fn assess(feeds: &[FeedSigned], own: &MemberId, loading: bool, now: Timestamp) -> Self {
        let mut peers: BTreeMap<&MemberId, PeerFreshness> = BTreeMap::new();
        let mut fresh = BTreeSet::new();
        for feed in feeds {
            let is_own = feed.feed.member == *own;
            let age_s = feed
                .signed_at
                .map_or(u32::MAX, |signed_at| u32::try_from(now.ms_since(signed_at) / 1000).unwrap_or(u32::MAX));
            let stale = age_s > feed.limit_s && !is_own;
            if !stale {
                fresh.insert(feed.feed.clone());
            }
            if is_own {
                continue;
            }
            let row = peers.entry(&feed.feed.member).or_insert_with(|| PeerFreshness {
                member: feed.feed.member.clone(),
                age_s: 0,
                stale: false,
                quarantined: false,
            });
            row.age_s = row.age_s.max(age_s);
            row.stale |= stale;
            row.quarantined |= feed.quarantined;
        }
        Self { peers: peers.into_values().collect(), fresh: Arc::new(fresh), loading }
    }

    /// By member.
    pub fn peers(&self) -> &Arc<[PeerFreshness]> {
        &self.peers
    }

    /// A feed nobody reported on is stale.
    pub fn is_stale(&self, feed: &FeedId) -> bool {
        !self.fresh.contains(feed)
    }

    /// Whether answers rest on less than they should.
    pub fn is_degraded(&self) -> bool {
        self.loading || self.peers.iter().any(|peer| peer.stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn signed(member: &str, group: &str, age_s: Option<u64>) -> FeedSigned {
        let feed = FeedId { member: member.parse().expect("valid"), group: group.parse().expect("valid") };
        let signed_at = age_s.map(|age_s| Timestamp::from_unix_s(NOW.unix_s() - age_s));
        FeedSigned { feed, signed_at, limit_s: 300, quarantined: false }
    }

    fn assess(feeds: &[FeedSigned]) -> Freshness {
        Freshness::assess(feeds, &"own".parse().expect("valid"), false, NOW)
    }

    #[test]
    fn a_feed_is_stale_beyond_its_limit_and_before_its_first_checkpoint() {
        let check = |age_s: Option<u64>, stale: bool| {
            let freshness = assess(&[signed("bank-a", "all", age_s)]);
            assert_eq!(freshness.peers()[0].stale, stale, "{age_s:?}");
            assert_eq!(freshness.is_stale(&signed("bank-a", "all", None).feed), stale);
            assert_eq!(freshness.is_degraded(), stale);
        };
        check(Some(0), false);
        check(Some(300), false);
        check(Some(301), true);
        check(None, true);
    }

    #[test]
    fn a_member_is_as_fresh_as_its_oldest_feed_and_the_own_feed_is_always_fresh() {
        let feeds = [signed("bank-a", "all", Some(10)), signed("bank-a", "two", Some(400)), signed("own", "all", None)];
        let freshness = assess(&feeds);
        assert_eq!(freshness.peers().len(), 1);
        assert_eq!((freshness.peers()[0].age_s, freshness.peers()[0].stale), (400, true));
        assert!(!freshness.is_stale(&feeds[0].feed), "each statement is judged by its own feed");
        assert!(freshness.is_stale(&feeds[1].feed) && !freshness.is_stale(&feeds[2].feed));
        assert!(freshness.is_stale(&signed("bank-z", "all", None).feed), "nobody reported on it");
    }

    #[test]
    fn loading_is_degraded() {
        assert!(Freshness::assess(&[], &"own".parse().expect("valid"), true, NOW).is_degraded());
    }
}
