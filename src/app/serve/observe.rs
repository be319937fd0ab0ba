//! Looks at the node for monitoring: every second at what can be seen without the engine, every few seconds at the node itself.
//!
//! It runs on the thread that answers checkouts, so that its own silence shows that this thread is stuck.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::server::{HealthReporter, HealthService};

use crate::app::config::layout::NodeDir;
use crate::app::serve::material::LiveEngine;
use crate::app::serve::roster::RosterDesk;
use crate::app::serve::told::{NodeSight, Sight, Told};
use crate::base::name::FeedId;
use crate::base::time::Timestamp;
use crate::domain::statistics::ledger::Budget;
use crate::io::clock;
use crate::io::exchange::links::{Link, Links};
use crate::io::grpc::node::state_of;
use crate::io::journal::fs::Fs;
use crate::io::journal::real_fs::RealFs;
use crate::io::metrics::page::Metrics;
use crate::io::metrics::seen::{FeedsSeen, MachineSeen, NodeSeen, SCREENING, Seen};
use crate::io::screener::Screener;
use crate::io::transport::tls::DoorTls;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks between two that take a turn of the engine.
const ENGINE_EVERY: u32 = 5;

/// How long the engine may take to tell; after that the last look stands, and its age shows.
const ENGINE_PATIENCE: Duration = Duration::from_millis(500);

/// Services of `grpc.health.v1`, with the label they have here.
const SERVICES: [(&str, &str); 6] = [
    ("node", ""),
    (SCREENING, SCREENING),
    ("hushwire.local.v1.PublishingService", "hushwire.local.v1.PublishingService"),
    ("hushwire.local.v1.NodeService", "hushwire.local.v1.NodeService"),
    ("hushwire.compliance.v1.AuditService", "hushwire.compliance.v1.AuditService"),
    ("hushwire.compliance.v1.StatisticsService", "hushwire.compliance.v1.StatisticsService"),
];

/// Who looks, and at what.
pub struct Observer {
    pub metrics: Arc<Metrics>,
    pub engine: LiveEngine,
    pub screener: Arc<Screener>,
    pub links: Links,
    pub desk: RosterDesk,
    pub health: HealthReporter,
    pub dir: NodeDir,
    pub local_tls: watch::Receiver<Arc<DoorTls>>,
    pub peer_tls: watch::Receiver<Arc<DoorTls>>,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

impl Observer {
    /// Looks until the node is told to stop, and says so in its last look.
    pub async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut every = tokio::time::interval(LOOK_EVERY);
        let mut looks = 0;
        let mut node = None;
        let mut told = Told::default();
        loop {
            let stops = tokio::select! {
                _ = every.tick() => false,
                // The end of the sender means the same as its word.
                _ = stopping.wait_for(|stop| *stop) => true,
            };
            if looks % ENGINE_EVERY == 0 && !stops {
                let seen = self.node().await;
                self.tell(&mut told, seen.as_ref());
                node = seen.map(|(seen, _)| seen).or(node);
            }
            looks = looks.wrapping_add(1);
            let machine = MachineSeen { stopping: stops, ..self.machine().await };
            self.metrics.seen.store(Arc::new(Seen { node: node.clone(), machine }));
            if stops {
                return;
            }
        }
    }

    fn certificates_end(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let certificates = [("local", self.local_tls.borrow().end_s), ("peer", self.peer_tls.borrow().end_s)];
        certificates.into_iter().filter_map(|(door, end_s)| Some((door, end_s?)))
    }

    fn tell(&self, told: &mut Told, seen: Option<&(NodeSeen, String)>) {
        let ends = self.certificates_end().map(|(door, end_s)| (door, Timestamp::from_unix_s(end_s)));
        let certificates: Vec<_> = ends.collect();
        let node = seen.map(|(seen, detail)| NodeSight { roster_ends: seen.roster_ends, state: seen.state, detail });
        told.look(Sight { certificates: &certificates, node }, clock::now());
    }

    async fn machine(&self) -> MachineSeen {
        let health = HealthService::from_health_reporter(self.health.clone());
        let mut serving = Vec::new();
        for (label, service) in SERVICES {
            let asked = health.check(Request::new(HealthCheckRequest { service: service.to_owned() })).await;
            let status = asked.map(|answer| answer.into_inner().status).unwrap_or_default();
            serving.push((label, status == i32::from(ServingStatus::Serving)));
        }
        let space = RealFs.space(self.dir.path()).ok();
        MachineSeen {
            at: Some(clock::now()),
            stopping: false,
            serving,
            peers: self.peers(),
            profiles: self.screener.profiles.as_ref().map_or(0, |profiles| wide(profiles.held().0)),
            records_waiting: wide(self.screener.records.waiting()),
            store_bytes: space.map(|space| (space.free_bytes, space.total_bytes)),
            certificates_end_s: self.certificates_end().collect(),
        }
    }

    fn peers(&self) -> Vec<(&'static str, u64)> {
        let roster = self.desk.current();
        let mut counts = Link::WORDS.map(|word| (word, 0));
        for peer in roster.peers_of(self.engine.member()) {
            let word = self.links.of(&peer.id).unwrap_or(Link::Connecting).word();
            if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == word) {
                *count += 1;
            }
        }
        counts.to_vec()
    }

    /// With what the state means; none where the engine has no time or no store.
    async fn node(&self) -> Option<(NodeSeen, String)> {
        let told = self.engine.call(|node, round| {
            let state = node.state();
            let memory = state.belief.writer().memory();
            let taking_part: BTreeSet<FeedId> =
                node.freshness(None, round.now).into_iter().map(|signed| signed.feed).collect();
            let budget = state.ledger.budget(round.now.day());
            let belief = (memory.total_bytes(), state.belief_full, state.quarantines.waiting());
            (round.now, node.status(round.now), belief, node.audit_bytes(), taking_part, budget)
        });
        let (at, status, belief, (audit_bytes, audit_held_bytes), taking_part, budget) =
            timeout(ENGINE_PATIENCE, told).await.ok()?.ok()?;
        let (belief_bytes, belief_full, quarantined) = belief;
        let freshness = self.screener.freshness.load();
        let mut feeds = FeedsSeen::default();
        let own = self.engine.member();
        for feed in status.feeds.iter().filter(|feed| feed.id.member != *own && taking_part.contains(&feed.id)) {
            feeds.count(feed.quarantined, feed.silent, freshness.is_stale(&feed.id));
        }
        let (state, detail) = state_of(&status.fence);
        let seen = NodeSeen {
            at,
            state,
            roster_ends: status.roster_ends,
            believed: status.held.live,
            belief_bytes: wide(belief_bytes),
            belief_full,
            quarantined: wide(quarantined),
            pending: wide(status.pending),
            cases_waiting: wide(status.cases_waiting),
            cases_ending: wide(status.cases_ending),
            audit_bytes,
            audit_held_bytes,
            feeds,
            unacknowledged_entries: status.peers.iter().map(|peer| peer.unacknowledged_entries).sum(),
            unacknowledged_retractions: status.peers.iter().map(|peer| peer.unacknowledged_retractions).sum(),
            behind_entries: status.peers.iter().map(|peer| peer.lag_entries).sum(),
            budget_spent_millionths: spent_millionths(&budget),
            releases_skipped: wide(budget.skipped),
        };
        Some((seen, detail))
    }
}

fn spent_millionths(budget: &Budget) -> u32 {
    let (spent, cap) = (u128::from(budget.spent.nano()), u128::from(budget.cap.nano()));
    u32::try_from((spent * 1_000_000).checked_div(cap).unwrap_or(1_000_000)).unwrap_or(u32::MAX)
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Day;
    use crate::domain::statistics::budget::Epsilon;

    #[test]
    fn what_is_spent_is_a_share_of_the_cap_and_no_cap_is_all_spent() {
        let check = |spent, cap, millionths| {
            let budget =
                Budget { spent: Epsilon::from_nano(spent), cap: Epsilon::from_nano(cap), renews: Day(0), skipped: 0 };
            assert_eq!(spent_millionths(&budget), millionths, "{spent} of {cap}");
        };
        check(0, 2_000_000_000, 0);
        check(500_000_000, 2_000_000_000, 250_000);
        check(2_000_000_000, 2_000_000_000, 1_000_000);
        check(1, 0, 1_000_000);
    }
}
