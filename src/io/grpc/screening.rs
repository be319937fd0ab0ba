//! `hushwire.local.v1.ScreeningService`: answered from memory.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::base::limits;
use crate::domain::audit::record::Actor;
use crate::domain::screening::answer::{Match, MatchedIndicator, Screening};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::freshness::PeerFreshness;
use crate::domain::screening::transaction::{CustomerRef, Transaction, TransactionDraft};
use crate::io::clock;
use crate::io::grpc::convert;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::screening_service_server::ScreeningService;
use crate::io::grpc::wire::hushwire::local::v1::{
    RefusedRecord, ScreenTransactionRequest, ScreenTransactionResponse, ScreenTransactionsRequest,
    ScreenTransactionsResponse,
};
use crate::io::grpc::wire::hushwire::types::v1 as types;
use crate::io::screener::{Answered, Audited, Screener};

/// Answered batches waiting for a slow reader.
const BATCHES_QUEUED: usize = 4;

/// The service over one screener.
#[derive(Debug)]
pub struct ScreeningDesk {
    pub screener: Arc<Screener>,
    /// `<consortium>/…` of every feed named in an answer.
    pub consortium: crate::base::name::ConsortiumId,
}

#[tonic::async_trait]
impl ScreeningService for ScreeningDesk {
    async fn screen_transaction(
        &self,
        request: Request<ScreenTransactionRequest>,
    ) -> Result<Response<ScreenTransactionResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let answer = self.answer(&caller, request.into_inner())?;
        Ok(Response::new(answer))
    }

    type ScreenTransactionsStream = Pin<Box<dyn Stream<Item = Result<ScreenTransactionsResponse, Status>> + Send>>;

    async fn screen_transactions(
        &self,
        request: Request<Streaming<ScreenTransactionsRequest>>,
    ) -> Result<Response<Self::ScreenTransactionsStream>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let mut batches = request.into_inner();
        let (answers, outgoing) = mpsc::channel(BATCHES_QUEUED);
        let desk = Self { screener: Arc::clone(&self.screener), consortium: self.consortium.clone() };
        tokio::spawn(async move {
            while let Some(batch) = batches.next().await {
                let answered = batch.and_then(|batch| desk.answer_batch(&caller, batch));
                let failed = answered.is_err();
                if answers.send(answered).await.is_err() || failed {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

impl ScreeningDesk {
    fn answer_batch(
        &self,
        caller: &Actor,
        batch: ScreenTransactionsRequest,
    ) -> Result<ScreenTransactionsResponse, Status> {
        let (got, limit) = (batch.transactions.len(), limits::TRANSACTIONS_PER_BATCH);
        if got > limit {
            let description = format!("a message holds at most {limit} transactions, got {got}");
            return Err(
                Refusal::InvalidArgument { field: "transactions".to_owned(), rule: "too_many", description }.into()
            );
        }
        let answers = batch.transactions.into_iter().enumerate().map(|(place, transaction)| {
            self.answer(caller, transaction).map_err(|refusal| match refusal {
                Refusal::InvalidArgument { field, rule, description } => {
                    Refusal::InvalidArgument { field: format!("transactions[{place}].{field}"), rule, description }
                }
                other => other,
            })
        });
        Ok(ScreenTransactionsResponse { results: answers.collect::<Result<_, _>>()? })
    }

    fn answer(&self, caller: &Actor, message: ScreenTransactionRequest) -> Result<ScreenTransactionResponse, Refusal> {
        let now = clock::now();
        let transaction_ref = message.transaction_ref.clone();
        // It comes back unchanged, so without a limit the answer would be as large as the caller likes.
        let (got, limit) = (transaction_ref.chars().count(), limits::SOURCE_REF_CHARACTERS);
        if got > limit {
            let description = format!("a reference has at most {limit} characters, got {got}");
            return Err(Refusal::InvalidArgument {
                field: "transaction_ref".to_owned(),
                rule: "too_long",
                description,
            });
        }
        let transaction = transaction(message, now)?;
        let answered = self.screener.screen(&transaction, caller, now);
        if answered.screening.overload {
            return Err(Refusal::ResourceExhausted {
                reason: "SANDBOX_OVERLOAD",
                description: "the sandbox identifier asks for the answer of an overloaded node".to_owned(),
                retry_after_ms: limits::RETRY_AFTER_MS,
            });
        }
        Ok(self.response(answered, transaction_ref))
    }

    fn response(&self, answered: Answered, transaction_ref: String) -> ScreenTransactionResponse {
        let Answered { screening, decision_id, reference, audit } = answered;
        ScreenTransactionResponse {
            decision: wire_decision(screening.decision).into(),
            reasons: screening
                .reasons
                .iter()
                .map(|reason| wire::Reason {
                    code: reason.code.name().to_owned(),
                    decision: wire_decision(reason.decision).into(),
                    description: reason.description(),
                    since: reason.since.map(convert::wire_time),
                })
                .collect(),
            freshness: screening.freshness.iter().map(wire_freshness).collect(),
            decision_id,
            reference,
            advice_key: screening.advice.key().to_owned(),
            not_sole_basis: Screening::NOT_SOLE_BASIS,
            audit: wire_audit(audit).into(),
            refused: screening
                .refused
                .iter()
                .map(|refused| RefusedRecord {
                    record: number(refused.identifier),
                    field: "value".to_owned(),
                    rule: refused.error.rule.name().to_owned(),
                    description: refused.error.to_string(),
                })
                .collect(),
            degraded: screening.degraded,
            transaction_ref,
            policy_sha256: screening.policy_sha256.to_string(),
            matches: screening.matches.into_iter().map(|found| self.wire_match(found)).collect(),
        }
    }

    fn wire_match(&self, found: Match) -> wire::Match {
        wire::Match {
            identifier: number(found.identifier),
            kind: convert::wire_kind(found.kind).into(),
            members: number(found.members),
            own: number(found.own),
            confidence: found.confidence,
            weak: found.weak,
            indicators: found.indicators.into_iter().map(|indicator| self.wire_indicator(indicator)).collect(),
        }
    }

    fn wire_indicator(&self, indicator: MatchedIndicator) -> wire::MatchedIndicator {
        let details = &indicator.details;
        wire::MatchedIndicator {
            name: indicator.name(),
            feed: indicator.feed.origin(&self.consortium),
            index: indicator.index.0,
            typology: details.typology.as_str().to_owned(),
            severity: signed(details.severity.number()),
            confidence: details.confidence.percent(),
            grounds: signed(details.grounds.number()),
            handling: signed(details.handling.number()),
            observed_at: Some(convert::wire_time(details.observed_at)),
            valid_until: Some(convert::wire_time(crate::base::time::Timestamp::from_unix_s(
                details.validity.until_s(),
            ))),
            first_seen: Some(convert::wire_time(indicator.first_seen)),
            last_seen: Some(convert::wire_time(indicator.last_seen)),
            provisional: indicator.provisional,
            note: details.note.as_str().to_owned(),
        }
    }
}

/// A message as a checked transaction. Identifiers that cannot even be read make the whole request malformed; those that
/// break the rules of their kind are reported in the answer.
fn transaction(message: ScreenTransactionRequest, now: crate::base::time::Timestamp) -> Result<Transaction, Refusal> {
    let refuse = |field: String, refused: crate::node::publish::Refused| Refusal::InvalidArgument {
        field,
        rule: refused.rule,
        description: refused.description,
    };
    let identifiers = message.identifiers.into_iter().enumerate().map(|(place, identifier)| {
        convert::identifier(place, Some(identifier))
            .map_err(|refused| refuse(format!("identifiers[{place}].{}", refused.field), refused))
    });
    let draft = TransactionDraft {
        identifiers: identifiers.collect::<Result<_, _>>()?,
        amount_minor: message.amount_minor,
        currency: message.currency,
        time: convert::time(0, "time", message.time).map_err(|refused| refuse("time".to_owned(), refused))?,
        channel: message.channel,
        country: message.country,
        customer_ref: CustomerRef::new(message.customer_ref),
        own_score: message.own_score,
    };
    Transaction::new(draft, now).map_err(|error| Refusal::InvalidArgument {
        field: error.field().to_owned(),
        rule: error.rule(),
        description: error.to_string(),
    })
}

fn wire_decision(decision: Decision) -> types::Decision {
    match decision {
        Decision::Allow => types::Decision::Allow,
        Decision::Challenge => types::Decision::Challenge,
        Decision::Hold => types::Decision::Hold,
        Decision::Block => types::Decision::Block,
    }
}

fn wire_freshness(peer: &PeerFreshness) -> wire::PeerFreshness {
    wire::PeerFreshness {
        member: peer.member.to_string(),
        age_s: peer.age_s,
        stale: peer.stale,
        quarantined: peer.quarantined,
    }
}

fn wire_audit(audit: Audited) -> wire::AuditState {
    match audit {
        Audited::Pending => wire::AuditState::Pending,
        Audited::Lost => wire::AuditState::Lost,
        Audited::Counted => wire::AuditState::Counted,
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or_default()
}
