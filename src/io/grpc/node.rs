//! `hushwire.local.v1.NodeService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::base::time::Timestamp;
use crate::domain::audit::record::Actor;
use crate::domain::screening::experience::Experience;
use crate::io::engine::Engine;
use crate::io::exchange::links::Links;
use crate::io::grpc::convert;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::refusals::engine_refusal;
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1::node_service_server::NodeService;
use crate::io::grpc::wire::hushwire::local::v1::{
    ApplyRosterRequest, ApplyRosterResponse, FeedStatus, GetStatusRequest, GetStatusResponse, PeerStatus,
    ReporterRecord,
};
use crate::node::fence::FenceState;
use crate::node::status::Status as NodeStatus;
use crate::node::store::{Journal, Views};

/// How long before its end a roster that nobody renewed becomes an alarm: admins need days to meet and sign.
const ROSTER_WARNING_S: u64 = 14 * 86_400;

/// Applies a roster note: checks it, stores it, lets it take effect. Answers with its version.
pub type ApplyRoster = Arc<dyn Fn(Actor, &[u8]) -> Result<u64, Refusal> + Send + Sync>;

/// The service over one engine.
pub struct NodeState<J, V> {
    pub engine: Engine<J, V>,
    pub links: Links,
    pub started_at: Timestamp,
    pub version: &'static str,
    pub apply_roster: ApplyRoster,
    /// Whether documented test values force decisions.
    pub sandbox: bool,
}

impl<J, V> std::fmt::Debug for NodeState<J, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeState")
    }
}

#[tonic::async_trait]
impl<J, V> NodeService for NodeState<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let sandbox = self.sandbox;
        let (status, member, mut alarms, reporters) = self
            .engine
            .inquire(|node, now| {
                let state = node.state();
                let status = node.status(now);
                let mut alarms = alarms(&status, state.belief_full, now);
                let waiting = state.quarantines.waiting();
                if waiting > 0 {
                    alarms
                        .push(format!("held back of others until people decide: {waiting}; hushwire quarantine list"));
                }
                (status, state.identity.member.to_string(), alarms, reporters(state.outcomes.experience()))
            })
            .await
            .map_err(engine_refusal)?;
        if sandbox {
            alarms.push("the sandbox is on: documented test values force decisions; never in production".to_owned());
        }
        let (state, state_detail) = state_of(&status.fence);
        let (audit_witnessed_size, audit_witnesses) = status.audit_witnessed.unwrap_or_default();
        Ok(Response::new(GetStatusResponse {
            member,
            consortium: self.engine.consortium().to_string(),
            version: self.version.to_owned(),
            roster_version: status.roster_version,
            epoch: status.epoch,
            believed: status.held.live,
            pending: u64::try_from(status.pending).unwrap_or(u64::MAX),
            allow_listed: u64::try_from(status.allowed).unwrap_or(u64::MAX),
            block_listed: u64::try_from(status.blocked).unwrap_or(u64::MAX),
            state: state.to_owned(),
            state_detail,
            alarms,
            peers: status.peers.into_iter().map(|peer| self.peer_status(peer)).collect(),
            feeds: status.feeds.into_iter().map(feed_status).collect(),
            started_at: Some(convert::wire_time(self.started_at)),
            audit_size: status.audit_size.0,
            audit_witnessed_size: audit_witnessed_size.0,
            audit_witnesses,
            reporters,
        }))
    }

    async fn apply_roster(
        &self,
        request: Request<ApplyRosterRequest>,
    ) -> Result<Response<ApplyRosterResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let apply = Arc::clone(&self.apply_roster);
        let note = request.into_inner().roster_note;
        let applied = tokio::task::spawn_blocking(move || apply(caller, &note)).await;
        let roster_version = applied.map_err(|_| Refusal::Damaged {
            reason: "ROSTER",
            description: "the roster could not be applied".to_owned(),
        })??;
        Ok(Response::new(ApplyRosterResponse { roster_version }))
    }
}

impl<J, V> NodeState<J, V> {
    fn peer_status(&self, peer: crate::node::status::PeerStatus) -> PeerStatus {
        let link = self.links.of(&peer.member);
        PeerStatus {
            member: peer.member.to_string(),
            state: link.as_ref().map_or("connecting", |link| link.word()).to_owned(),
            lag_entries: peer.lag_entries,
            unacknowledged_entries: peer.unacknowledged_entries,
            unacknowledged_retractions: peer.unacknowledged_retractions,
            last_failure: link.map(|link| link.failure().to_owned()).unwrap_or_default(),
        }
    }
}

fn reporters(experience: &Experience) -> Vec<ReporterRecord> {
    let records = experience.records().map(|(member, kind, record)| ReporterRecord {
        member: member.to_string(),
        kind: convert::wire_kind(kind).into(),
        confirmed: record.confirmed,
        false_positive: record.false_positive,
        weight_per_mille: record.weight().per_mille(),
    });
    records.collect()
}

fn feed_status(feed: crate::node::status::FeedStatus) -> FeedStatus {
    FeedStatus {
        origin: feed.origin,
        size: feed.size.0,
        root: feed.root,
        age_s: feed.age_s.and_then(|age_s| u32::try_from(age_s).ok()).unwrap_or(u32::MAX),
        cosignatures: u32::try_from(feed.cosignatures).unwrap_or(u32::MAX),
        quarantined: feed.quarantined,
        unbelieved: feed.unbelieved.iter().map(|(_, entries)| entries).sum(),
    }
}

/// The word for the state and what it means for the operator.
pub fn state_of(fence: &FenceState) -> (&'static str, String) {
    match fence {
        FenceState::Open => ("ready", String::new()),
        FenceState::Asking { answers, needed } => (
            "fenced",
            format!(
                "nothing is signed until {needed} {} told which of our entries they hold ({answers} so far); publications are \
                 accepted and wait",
                if *needed == 1 { "other member has" } else { "other members have" }
            ),
        ),
        FenceState::Behind { feed, ours, theirs } => (
            "recovering",
            format!("this store is older than what others hold of {feed}: {ours} of {theirs} entries recovered"),
        ),
        FenceState::Forked { feed } => {
            ("fenced", format!("two trees of {feed} carry our signature; nothing is signed until operators decide"))
        }
    }
}

/// What an operator has to look at, in words.
pub fn alarms(status: &NodeStatus, belief_full: bool, now: Timestamp) -> Vec<String> {
    let mut alarms = Vec::new();
    if status.store_stopped {
        alarms.push(
            "the store stopped after a failed write: nothing is published, recorded or taken in; free space or mend the \
             disk, then restart the node"
                .to_owned(),
        );
    }
    if let Some(low) = &status.disk_low {
        alarms.push(format!(
            "the disk has {} MiB left: publications are refused until {} MiB are free",
            low.free_mib, low.wanted_mib
        ));
    }
    if let Some(fault) = &status.views_in_memory {
        alarms.push(format!("the views are kept in memory only ({fault}); mend the disk, then restart the node"));
    }
    let ends = status.roster_ends;
    if ends <= now {
        alarms.push(format!(
            "the roster expired at {ends}: nothing is published or exchanged until its successor is applied"
        ));
    } else if ends < now.plus_s(ROSTER_WARNING_S) {
        alarms.push(format!("the roster expires at {ends}: its successor is due"));
    }
    for feed in &status.feeds {
        if feed.quarantined {
            alarms.push(format!("{} signed two histories; its indicators do not count", feed.id));
        }
        if feed.silent {
            alarms.push(format!("{} has been silent for {} s", feed.id, feed.age_s.unwrap_or_default()));
        }
        for (why, entries) in &feed.unbelieved {
            let (id, why) = (&feed.id, why.words());
            alarms.push(format!("{entries} entries of {id} are stored and served but do not count here: {why}"));
        }
    }
    if let Some(size) = status.audit_diverged {
        alarms.push(format!(
            "other members cosigned another audit log of this member, of {size} records: it was put back from an old copy or \
             rewritten, and nobody cosigns it any more (docs/audit.md)"
        ));
    }
    for member in &status.audit_rewritten {
        alarms.push(format!("{member} signed two audit logs: the proof is kept"));
    }
    if belief_full {
        alarms.push("memory for indicators is used up; new ones are stored but not believed".to_owned());
    }
    alarms
}
