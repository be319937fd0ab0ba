//! `hushwire.compliance.v1`: the audit log.

use std::pin::Pin;

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::looked::{At, Looked};
use crate::io::clock;
use crate::io::engine::Engine;
use crate::io::grpc::convert;
use crate::io::grpc::explaining::{self, Question as ExplainQuestion};
use crate::io::grpc::holding;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::publishing::{malformed_token, page_size};
use crate::io::grpc::refusals::{engine_refusal, hold_refusal, storage_refusal};
use crate::io::grpc::reporting;
use crate::io::grpc::searching;
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::compliance::v1::audit_service_server::AuditService;
use crate::io::grpc::wire::hushwire::compliance::v1::{
    AuditEntry, ConfirmHoldLiftRequest, ConfirmHoldLiftResponse, ExplainDecisionRequest, ExplainDecisionResponse,
    ExportAuditLogRequest, ExportAuditLogResponse, GetAuditSizeRequest, GetAuditSizeResponse, LiftHoldRequest,
    LiftHoldResponse, ListAuditRecordsRequest, ListAuditRecordsResponse, ListHoldsRequest, ListHoldsResponse,
    PlaceHoldRequest, PlaceHoldResponse, ProveAuditRecordRequest, ProveAuditRecordResponse, ReportPeriodRequest,
};
use crate::node::audit::LoggedEntry;
use crate::node::audit_place::AuditPlace;
use crate::node::local_mac::LocalMacKey;
use crate::node::store::{Journal, Views};

const PAGE: (usize, usize) = (100, 1_000);

/// Slices of an export waiting for a slow reader.
const SLICES_QUEUED: usize = 2;

/// The service over an engine.
#[derive(Debug)]
pub struct Compliance<J, V> {
    pub engine: Engine<J, V>,
    /// Makes the fingerprints of what callers refer to.
    pub local_mac: LocalMacKey,
}

#[tonic::async_trait]
impl<J, V> AuditService for Compliance<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn list_audit_records(
        &self,
        request: Request<ListAuditRecordsRequest>,
    ) -> Result<Response<ListAuditRecordsResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let limit = page_size(message.page_size, PAGE);
        let place = audit_place(&message.page_token)?;
        let filter = searching::filter(message)?;
        let page = self
            .engine
            .call(move |node, round| node.list_audit_records(&caller, &filter, &place, limit, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        Ok(Response::new(ListAuditRecordsResponse {
            entries: page.entries.into_iter().map(wire_entry).collect(),
            next_page_token: page.next.map(|next| next.to_string()).unwrap_or_default(),
            searched_to_ms: page.searched_to.map(Timestamp::unix_ms).unwrap_or_default(),
        }))
    }

    type ExportAuditLogStream = Pin<Box<dyn Stream<Item = Result<ExportAuditLogResponse, Status>> + Send>>;

    async fn export_audit_log(
        &self,
        request: Request<ExportAuditLogRequest>,
    ) -> Result<Response<Self::ExportAuditLogStream>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let from = TreeSize(request.into_inner().from_index);
        let (head, before) = self
            .engine
            .call(move |node, round| {
                let head = node.begin_audit_export(&caller, from, round.now, round.rng)?;
                let before = node.audit_range(from.min(head.size))?;
                Ok((head, before))
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        if from > head.size {
            return Err(invalid("from_index", "range", &format!("the log has {} entries", head.size)).into());
        }
        let (slices, outgoing) = mpsc::channel(SLICES_QUEUED);
        let engine = self.engine.clone();
        tokio::spawn(async move {
            let first = ExportAuditLogResponse {
                entries: Vec::new(),
                checkpoint: head.checkpoint,
                verifier_key: head.verifier_key,
                witness_keys: head.witness_keys,
                range_before: before.encode(),
                witnessed: head.witnessed.map(|(_, note)| note).unwrap_or_default(),
            };
            if slices.send(Ok(first)).await.is_err() {
                return;
            }
            let mut next = from;
            while next < head.size {
                let until = head.size;
                let slice = match engine.inquire(move |node, _| node.export_audit_slice(next, until)).await {
                    Ok(Ok(slice)) => slice,
                    Ok(Err(fault)) => return drop(slices.send(Err(storage_refusal(&fault).into())).await),
                    Err(fault) => return drop(slices.send(Err(engine_refusal(fault).into())).await),
                };
                let count = u64::try_from(slice.len()).unwrap_or(u64::MAX);
                next = TreeSize(next.0.saturating_add(count));
                let entries = slice.into_iter().map(wire_entry).collect();
                let part = ExportAuditLogResponse { entries, ..ExportAuditLogResponse::default() };
                if slices.send(Ok(part)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }

    async fn prove_audit_record(
        &self,
        request: Request<ProveAuditRecordRequest>,
    ) -> Result<Response<ProveAuditRecordResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let proof = self
            .engine
            .call(move |node, round| {
                let index = match message.index {
                    Some(index) => Some(EntryIndex(index)),
                    None => node.find_decision(&message.decision_id)?,
                };
                match index {
                    Some(index) => node.prove_audit_record(&caller, index, round.now, round.rng),
                    None => node.miss_proof(&caller, round.now, round.rng).map(|()| None),
                }
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?
            .ok_or_else(|| Refusal::NotFound {
                reason: "NO_SUCH_RECORD",
                description: "the audit log holds no record of this index or decision id".to_owned(),
            })?;
        Ok(Response::new(ProveAuditRecordResponse {
            entry: Some(wire_entry(proof.entry)),
            inclusion: proof.inclusion.iter().map(|hash| hash.0.to_vec()).collect(),
            checkpoint: proof.head.checkpoint,
            verifier_key: proof.head.verifier_key,
            witness_keys: proof.head.witness_keys,
        }))
    }

    async fn explain_decision(
        &self,
        request: Request<ExplainDecisionRequest>,
    ) -> Result<Response<ExplainDecisionResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let ExplainQuestion { sought, proved } = ExplainQuestion::read(request.into_inner(), &self.local_mac)?;
        let (explanations, proof) = self
            .engine
            .call(move |node, round| {
                let explanations = node.explain_decisions(&caller, &sought, round.now, round.rng)?;
                let proof = match proved {
                    Some(id) => node.prove_decision(&caller, &id, round.now, round.rng)?,
                    None => None,
                };
                Ok((explanations, proof))
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        if explanations.found.is_empty() {
            let description = "no recorded decision has this id or reference, or is about this order or customer; an order that \
                               passed and was flagged afterwards has a case (hushwire case show)";
            return Err(Refusal::NotFound { reason: "NO_SUCH_DECISION", description: description.to_owned() }.into());
        }
        Ok(Response::new(explaining::response(explanations, proof)?))
    }

    type ReportPeriodStream = reporting::Parts;

    async fn report_period(
        &self,
        request: Request<ReportPeriodRequest>,
    ) -> Result<Response<Self::ReportPeriodStream>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let period = reporting::period(&request.into_inner(), clock::now())?;
        Ok(Response::new(reporting::report(self.engine.clone(), caller, period)))
    }

    async fn get_audit_size(
        &self,
        request: Request<GetAuditSizeRequest>,
    ) -> Result<Response<GetAuditSizeResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let size = self
            .engine
            .call(move |node, round| {
                node.record_look(&caller, Looked::new(At::AuditSize), round.now, round.rng)?;
                Ok(node.audit_size())
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        Ok(Response::new(reporting::wire_size(size)))
    }

    async fn place_hold(&self, request: Request<PlaceHoldRequest>) -> Result<Response<PlaceHoldResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let (scope, reason) = holding::read(request.into_inner())?;
        let (hold, now) = self
            .engine
            .call(move |node, round| {
                node.place_hold(&caller, scope, reason, round.now, round.rng).map(|hold| (hold, round.now))
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| hold_refusal(&fault))?;
        Ok(Response::new(PlaceHoldResponse { hold: Some(holding::wire_hold(&hold, now)) }))
    }

    async fn list_holds(&self, request: Request<ListHoldsRequest>) -> Result<Response<ListHoldsResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let (holds, now) = self
            .engine
            .call(move |node, round| node.list_holds(&caller, round.now, round.rng).map(|holds| (holds, round.now)))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        let holds = holds.iter().map(|hold| holding::wire_hold(hold, now)).collect();
        Ok(Response::new(ListHoldsResponse { holds }))
    }

    async fn lift_hold(&self, request: Request<LiftHoldRequest>) -> Result<Response<LiftHoldResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let id = holding::hold_id(&request.into_inner().hold_id)?;
        let (hold, now) = self
            .engine
            .call(move |node, round| node.ask_lift(&caller, id, round.now, round.rng).map(|hold| (hold, round.now)))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| hold_refusal(&fault))?;
        Ok(Response::new(LiftHoldResponse { hold: Some(holding::wire_hold(&hold, now)) }))
    }

    async fn confirm_hold_lift(
        &self,
        request: Request<ConfirmHoldLiftRequest>,
    ) -> Result<Response<ConfirmHoldLiftResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let id = holding::hold_id(&request.into_inner().hold_id)?;
        let (hold, now) = self
            .engine
            .call(move |node, round| node.confirm_lift(&caller, id, round.now, round.rng).map(|hold| (hold, round.now)))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| hold_refusal(&fault))?;
        Ok(Response::new(ConfirmHoldLiftResponse { hold: Some(holding::wire_hold(&hold, now)) }))
    }
}

/// The place in a page token of this node; the start for an empty one.
fn audit_place(token: &str) -> Result<AuditPlace, Refusal> {
    if token.is_empty() { Ok(AuditPlace::START) } else { token.parse().map_err(|_| malformed_token()) }
}

fn wire_entry(logged: LoggedEntry) -> AuditEntry {
    let LoggedEntry { index, entry } = logged;
    AuditEntry { index: index.0, leaf: entry.leaf, blob: entry.blob, salt: entry.salt }
}

fn invalid(field: &str, rule: &'static str, error: &impl ToString) -> Refusal {
    Refusal::InvalidArgument { field: field.to_owned(), rule, description: error.to_string() }
}
