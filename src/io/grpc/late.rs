//! `hushwire.local.v1.LateMatchService`: late matches as the audit log has them, from any position on.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::base::limits;
use crate::base::position::TreeSize;
use crate::base::role::Role;
use crate::domain::audit::record::AuditRecord;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::reference::reference;
use crate::io::engine::Engine;
use crate::io::grpc::convert;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::refusals::engine_refusal;
use crate::io::grpc::terms::StreamTerms;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::late_match_service_server::LateMatchService;
use crate::node::audit::LoggedEntry;
use crate::node::store::{Journal, Views};

/// Late matches waiting for a slow reader.
const MATCHES_QUEUED: usize = 64;

/// The service over one engine.
#[derive(Debug)]
pub struct LateMatches<J, V> {
    pub engine: Engine<J, V>,
    /// Turns true when the node stops: watchers end.
    pub stopping: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl<J, V> LateMatchService for LateMatches<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    type WatchLateMatchesStream = Pin<Box<dyn Stream<Item = Result<wire::WatchLateMatchesResponse, Status>> + Send>>;

    async fn watch_late_matches(
        &self,
        request: Request<wire::WatchLateMatchesRequest>,
    ) -> Result<Response<Self::WatchLateMatchesStream>, Status> {
        let caller = local_caller(&request)?;
        let only = (caller.role == Role::Screener).then(|| convert::actor(caller).to_string());
        let terms = request.extensions().get::<StreamTerms>().cloned();
        let terms = terms.expect("the gate gives every request its terms");
        let from = match request.get_ref().position {
            Some(position) => position.saturating_add(1),
            None => self.engine.inquire(|node, _| node.state().audit.size().0).await.map_err(engine_refusal)?,
        };
        let (matches, outgoing) = mpsc::channel(MATCHES_QUEUED);
        let watch = Watch { engine: self.engine.clone(), only, matches };
        let mut stopping = self.stopping.clone();
        tokio::spawn(async move {
            let stopped = async { drop(stopping.wait_for(|stop| *stop).await) };
            tokio::select! {
                late = terms.within(watch.run(from)) => if let Err(late) = late {
                    drop(watch.matches.send(Err(late.into())).await);
                },
                () = stopped => {}
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

/// One watcher.
struct Watch<J, V> {
    engine: Engine<J, V>,
    /// Whose orders alone.
    only: Option<String>,
    matches: mpsc::Sender<Result<wire::WatchLateMatchesResponse, Status>>,
}

impl<J: Journal + Send + 'static, V: Views + Send + 'static> Watch<J, V> {
    /// Tells of late matches from a position on, until nobody listens or the store cannot be read.
    async fn run(&self, mut from: u64) {
        let pause = Duration::from_millis(limits::late::WATCH_MS);
        loop {
            let slice = self.engine.inquire(move |node, _| {
                // A position of a log that was put back from an older copy lies beyond its end: it waits there.
                node.export_audit_slice(TreeSize(from), TreeSize(u64::MAX))
            });
            let slice = match slice.await.and_then(|slice| Ok(slice?)) {
                Ok(slice) => slice,
                Err(fault) => return drop(self.matches.send(Err(engine_refusal(fault).into())).await),
            };
            let idle = slice.is_empty();
            for LoggedEntry { index, entry } in slice {
                from = index.0.saturating_add(1);
                let record = AuditRecord::decode(&entry.blob).ok();
                let Some(late_match) = record.and_then(|record| late_match(&record, self.only.as_deref())) else {
                    continue;
                };
                let told = wire::WatchLateMatchesResponse { late_match: Some(late_match), position: index.0 };
                if self.matches.send(Ok(told)).await.is_err() {
                    return;
                }
            }
            if idle {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.matches.closed() => return,
                }
            }
        }
    }
}

/// The late match a record tells of, where it does and this watcher may hear it.
fn late_match(record: &AuditRecord, only: Option<&str>) -> Option<wire::LateMatch> {
    let eased = match record.action() {
        "late_match.raised" => false,
        "late_match.eased" => true,
        _ => return None,
    };
    let field = |wanted: &str| record.fields().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    if only.is_some_and(|caller| field("caller") != Some(caller)) {
        return None;
    }
    let mut id = [0; 16];
    hex::decode_to_slice(record.subject(), &mut id).ok()?;
    let decision = |name| {
        let decision = field(name).and_then(Decision::from_label);
        decision.map_or(0, |decision| convert::wire_decision(decision).into())
    };
    let is_match = |name: &str| name.strip_prefix("matched_").is_some_and(|rest| rest != "count");
    Some(wire::LateMatch {
        decision_id: record.subject().to_owned(),
        reference: reference(&id),
        answered: decision("answered"),
        decision: decision("decision"),
        eased,
        reasons: field("reasons").into_iter().flat_map(|all| all.split(',')).map(str::to_owned).collect(),
        indicators: record.fields().filter(|(name, _)| is_match(name)).map(|(_, value)| value.to_owned()).collect(),
        time: Some(convert::wire_time(record.time())),
    })
}
