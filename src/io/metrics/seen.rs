//! What a look at the node showed. Looking takes a turn of the engine, so it is done every few seconds, not at each scrape:
//! whoever may scrape must not be able to keep the node busy.

use crate::base::limits;
use crate::base::time::Timestamp;

/// The service that answers checkouts.
pub const SCREENING: &str = "hushwire.local.v1.ScreeningService";

/// The newest look. Either part may be older than the other: a node that is stuck still has a disk.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// None before the first look.
    pub node: Option<NodeSeen>,
    pub machine: MachineSeen,
}

/// What the engine told.
#[derive(Debug, Clone)]
pub struct NodeSeen {
    pub at: Timestamp,
    /// `ready`, `fenced` or `recovering`.
    pub state: &'static str,
    pub roster_ends: Timestamp,
    pub believed: u64,
    pub belief_bytes: u64,
    /// Something verified is not believed for want of room.
    pub belief_full: bool,
    /// Held back of others until people decide.
    pub quarantined: u64,
    pub pending: u64,
    pub cases_waiting: u64,
    /// Of them those that wait for a person, and that their timer ends soon.
    pub cases_ending: u64,
    /// What the audit log takes, and what of it only legal holds keep.
    pub audit_bytes: u64,
    pub audit_held_bytes: u64,
    pub feeds: FeedsSeen,
    pub unacknowledged_entries: u64,
    pub unacknowledged_retractions: u64,
    /// Entries peers told of that this node does not hold yet.
    pub behind_entries: u64,
    /// Of this quarter's privacy budget, millionths.
    pub budget_spent_millionths: u32,
    /// Releases of the schedule that found no room in it.
    pub releases_skipped: u64,
}

/// Other members' feeds; each is counted in the worst of the states it is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeedsSeen {
    pub fresh: u64,
    pub stale: u64,
    pub silent: u64,
    pub equivocated: u64,
}

impl FeedsSeen {
    pub fn count(&mut self, equivocated: bool, silent: bool, stale: bool) {
        let state = match (equivocated, silent, stale) {
            (true, _, _) => &mut self.equivocated,
            (false, true, _) => &mut self.silent,
            (false, false, true) => &mut self.stale,
            (false, false, false) => &mut self.fresh,
        };
        *state += 1;
    }
}

/// What can be seen without the engine.
#[derive(Debug, Clone, Default)]
pub struct MachineSeen {
    /// When the thread that answers checkouts last looked; none before the first look.
    pub at: Option<Timestamp>,
    /// The node was told to stop.
    pub stopping: bool,
    /// Services of `grpc.health.v1`, and whether each answers truly.
    pub serving: Vec<(&'static str, bool)>,
    /// Peers of the roster by the word for their link.
    pub peers: Vec<(&'static str, u64)>,
    pub records_waiting: u64,
    /// Customers whose profiles are in memory.
    pub profiles: u64,
    /// Free and total, none where the system does not tell.
    pub store_bytes: Option<(u64, u64)>,
    /// Last second of validity, Unix time, by certificate.
    pub certificates_end_s: Vec<(&'static str, u64)>,
}

impl MachineSeen {
    /// Whether the thread that answers checkouts moves. A node that has not looked yet is starting, not stuck.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.at.is_none_or(|at| now.ms_since(at) <= limits::LIVE_S * 1_000)
    }

    /// Whether checkouts are answered truly, as far as was seen lately.
    pub fn is_ready(&self, now: Timestamp) -> bool {
        let lately = self.at.is_some_and(|at| now.ms_since(at) <= limits::READY_S * 1_000);
        lately && !self.stopping && self.serving.contains(&(SCREENING, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    #[test]
    fn ready_is_who_serves_was_seen_lately_and_is_not_stopping() {
        let seen = |ago_s: Option<u64>, serving, stopping| MachineSeen {
            at: ago_s.map(|ago_s| Timestamp::from_unix_s(NOW.unix_s() - ago_s)),
            serving: vec![(SCREENING, serving)],
            stopping,
            ..MachineSeen::default()
        };
        assert!(seen(Some(limits::READY_S), true, false).is_ready(NOW));
        assert!(!seen(Some(limits::READY_S + 1), true, false).is_ready(NOW));
        assert!(!seen(Some(0), false, false).is_ready(NOW) && !seen(Some(0), true, true).is_ready(NOW));
        assert!(!seen(None, true, false).is_ready(NOW) && !MachineSeen::default().is_ready(NOW));
        assert!(seen(None, false, false).is_alive(NOW) && seen(Some(limits::LIVE_S), false, true).is_alive(NOW));
        assert!(!seen(Some(limits::LIVE_S + 1), true, false).is_alive(NOW));
    }

    #[test]
    fn a_feed_counts_in_the_worst_of_its_states() {
        let mut feeds = FeedsSeen::default();
        for (equivocated, silent, stale) in
            [(true, true, true), (false, true, true), (false, false, true), (false, false, false)]
        {
            feeds.count(equivocated, silent, stale);
        }
        assert_eq!(feeds, FeedsSeen { fresh: 1, stale: 1, silent: 1, equivocated: 1 });
    }
}
