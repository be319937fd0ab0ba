//! Following the peers: one task for each member of the roster, begun and ended as rosters come and go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::AbortHandle;
use tonic::transport::Channel;

use crate::app::serve::material::{LiveEngine, Material};
use crate::app::serve::roster::RosterDesk;
use crate::base::name::MemberId;
use crate::domain::audit::record::Actor;
use crate::io::exchange::backoff::Backoff;
use crate::io::exchange::links::Links;
use crate::io::exchange::papers::Papers;
use crate::io::exchange::pull::follow;
use crate::io::transport::client::{PeerIdentity, connect_peer};

/// Between attempts to reach a peer.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(30) };

/// The pullers of a node.
#[derive(Debug)]
pub struct Peering {
    engine: LiveEngine,
    links: Links,
    desk: RosterDesk,
    /// What the next connection shows.
    pub identity: Arc<ArcSwap<PeerIdentity>>,
}

impl Peering {
    pub fn new(engine: LiveEngine, links: Links, desk: RosterDesk, material: &Material) -> Self {
        let identity = Arc::new(ArcSwap::from_pointee(PeerIdentity { certified: material.peer.clone() }));
        Self { engine, links, desk, identity }
    }

    /// Follows whoever the roster names, from the moment the store is open until the task is dropped.
    pub async fn run(self) {
        if !self.engine.opened().await {
            return;
        }
        let own = self.engine.member().clone();
        let mut changes = self.desk.changes();
        let mut following: BTreeMap<MemberId, AbortHandle> = BTreeMap::new();
        loop {
            let roster = self.desk.current();
            let peers: Vec<MemberId> = roster.peers_of(&own).into_iter().map(|peer| peer.id.clone()).collect();
            following.retain(|peer, task| {
                let stays = peers.contains(peer);
                if !stays {
                    task.abort();
                    self.links.forget(peer);
                }
                stays
            });
            for peer in peers {
                following.entry(peer.clone()).or_insert_with(|| self.start(peer));
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn start(&self, peer: MemberId) -> AbortHandle {
        let (engine, links) = (self.engine.clone(), self.links.clone());
        let (desk, identity) = (self.desk.clone(), Arc::clone(&self.identity));
        let attempts = AtomicUsize::new(0);
        let dial = move |peer: &MemberId| {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            dial(&desk, &identity.load(), peer, attempt)
        };
        let papers = papers(&self.desk);
        tokio::spawn(follow(engine, links, peer, BACKOFF, dial, papers)).abort_handle()
    }
}

fn papers(desk: &RosterDesk) -> Papers {
    let (rosters, bundles, held) = (desk.clone(), desk.clone(), desk.clone());
    Papers {
        hear_roster: Arc::new(move |from, note| Box::pin(hear_roster(rosters.clone(), from, note))),
        hear_bundle: Arc::new(move |from, note| Box::pin(hear_bundle(bundles.clone(), from, note))),
        epochs_held: Arc::new(move || held.epochs_held()),
    }
}

/// A peer handed on a bundle. It is opened where the quorum signed it, whoever handed it on.
async fn hear_bundle(desk: RosterDesk, from: MemberId, note: Vec<u8>) {
    let taken = tokio::task::spawn_blocking(move || desk.take_bundle(&note)).await;
    if let Ok(Err(refusal)) = taken {
        tracing::warn!(event = "bundle.refused", peer = %from, reason = refusal.reason());
    }
}

/// A peer told of the roster after ours. It is applied where the quorum of ours signed it, whoever told of it.
async fn hear_roster(desk: RosterDesk, from: MemberId, note: Vec<u8>) {
    let told_by = Actor::Peer(from.clone());
    let applied = tokio::task::spawn_blocking(move || desk.apply(told_by, &note)).await;
    if let Ok(Err(refusal)) = applied {
        tracing::warn!(event = "roster.refused", peer = %from, reason = refusal.reason());
    }
}

/// Opens a channel to one of the peer's endpoints, another one at each attempt.
fn dial(desk: &RosterDesk, identity: &PeerIdentity, peer: &MemberId, attempt: usize) -> Result<Channel, String> {
    let roster = desk.current();
    let endpoints = roster.member(peer).map(|member| member.endpoints.clone()).unwrap_or_default();
    let chosen = endpoints.get(attempt.checked_rem(endpoints.len()).unwrap_or(0));
    let endpoint = chosen.ok_or_else(|| "the roster names no endpoint".to_owned())?;
    connect_peer(endpoint.as_str(), identity, peer, desk.pins()).map_err(|error| error.to_string())
}
