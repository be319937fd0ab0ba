//! `hushwire.compliance.v1`: the audit log and the statistics.

use std::pin::Pin;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::contribution::CATEGORIES_PER_SUBJECT;
use crate::domain::statistics::period::Period;
use crate::domain::statistics::question::{Query, Question};
use crate::io::engine::Engine;
use crate::io::grpc::convert;
use crate::io::grpc::explaining::{self, Question as ExplainQuestion};
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::publishing::{malformed_token, page_size};
use crate::io::grpc::refusals::{engine_refusal, release_refusal, storage_refusal};
use crate::io::grpc::searching;
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::compliance::v1::audit_service_server::AuditService;
use crate::io::grpc::wire::hushwire::compliance::v1::statistics_service_server::StatisticsService;
use crate::io::grpc::wire::hushwire::compliance::v1::{
    AuditEntry, ExplainDecisionRequest, ExplainDecisionResponse, ExportAuditLogRequest, ExportAuditLogResponse,
    GetBudgetRequest, GetBudgetResponse, ListAuditRecordsRequest, ListAuditRecordsResponse, ProveAuditRecordRequest,
    ProveAuditRecordResponse, ReleaseStatisticsRequest, ReleaseStatisticsResponse,
};
use crate::io::{clock, noise};
use crate::node::audit::LoggedEntry;
use crate::node::audit_place::AuditPlace;
use crate::node::local_mac::LocalMacKey;
use crate::node::release::{Drawn, ReleaseStep};
use crate::node::store::{Journal, Views};

const PAGE: (usize, usize) = (100, 1_000);

/// Slices of an export waiting for a slow reader.
const SLICES_QUEUED: usize = 2;

/// Both services over one engine.
#[derive(Debug)]
pub struct Compliance<J, V> {
    pub engine: Engine<J, V>,
    /// Privacy loss of a release whose caller names none.
    pub default_epsilon: Epsilon,
    /// Makes the fingerprints of what callers refer to.
    pub local_mac: LocalMacKey,
}

impl<J, V> Clone for Compliance<J, V> {
    fn clone(&self) -> Self {
        let (default_epsilon, local_mac) = (self.default_epsilon, self.local_mac.clone());
        Self { engine: self.engine.clone(), default_epsilon, local_mac }
    }
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
                    None => Ok(None),
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
            let description = "no recorded decision has this id or reference, or is about this order or customer";
            return Err(Refusal::NotFound { reason: "NO_SUCH_DECISION", description: description.to_owned() }.into());
        }
        Ok(Response::new(explaining::response(explanations, proof)?))
    }
}

#[tonic::async_trait]
impl<J, V> StatisticsService for Compliance<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    /// Charge, make durable, draw, make durable, answer: in this order, or a crash would give budget back. What was drawn is
    /// published and answered at a moment that does not depend on the draw.
    async fn release_statistics(
        &self,
        request: Request<ReleaseStatisticsRequest>,
    ) -> Result<Response<ReleaseStatisticsResponse>, Status> {
        let asked_at = Instant::now();
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let id = message.release_id.parse().map_err(|error| invalid("release_id", "form", &error))?;
        let period = Period::new(Day(message.from_day), Day(message.until_day), clock::now().day())
            .map_err(|error| invalid("until_day", "period", &error))?;
        let asked = match message.epsilon_nano {
            0 => self.default_epsilon,
            nano => Epsilon::from_nano(nano),
        };
        let question = Question { query: Query::PublishedIndicatorsByKind, period, asked };
        let categories = u32::try_from(question.query.categories().len()).unwrap_or(u32::MAX);
        let plan = noise::plan(categories, CATEGORIES_PER_SUBJECT, asked)
            .map_err(|error| invalid("epsilon_nano", "price", &error))?;

        let charge_caller = caller.clone();
        let charge_id = crate::domain::statistics::question::ReleaseId::clone(&id);
        let step = self
            .engine
            .call(move |node, round| {
                let (now, rng) = (round.now, &mut *round.rng);
                node.begin_release(&charge_caller, &charge_id, question, plan.charge(), now, rng)
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| release_refusal(&fault))?;
        let rows = match step {
            ReleaseStep::Released(release) => {
                return Ok(Response::new(ReleaseStatisticsResponse { release, repeated_release: true }));
            }
            ReleaseStep::Draw(rows) => rows,
        };
        let counts = tokio::task::spawn_blocking(move || noise::draw(&plan, &rows))
            .await
            .map_err(|_| damaged("the noise library failed"))?
            .map_err(|error| damaged(&error.to_string()))?;
        tokio::time::sleep_until(noise::answer_moment(asked_at, Instant::now())).await;
        let drawn = Drawn { id, question, counts, figures: plan.figures(), charged: plan.charge() };
        let release = self
            .engine
            .call(move |node, round| node.finish_release(&caller, drawn, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| release_refusal(&fault))?;
        Ok(Response::new(ReleaseStatisticsResponse { release, repeated_release: false }))
    }

    async fn get_budget(&self, _: Request<GetBudgetRequest>) -> Result<Response<GetBudgetResponse>, Status> {
        let budget = self.engine.inquire(|node, now| node.budget(now.day())).await.map_err(engine_refusal)?;
        Ok(Response::new(GetBudgetResponse {
            spent_nano: budget.spent.nano(),
            cap_nano: budget.cap.nano(),
            renews_day: budget.renews.0,
        }))
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

fn damaged(description: &str) -> Refusal {
    Refusal::Damaged { reason: "NOISE", description: description.to_owned() }
}
