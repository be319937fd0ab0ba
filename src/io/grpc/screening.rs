//! `hushwire.local.v1.ScreeningService`: answered from memory.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::base::limits;
use crate::domain::audit::record::Actor;
use crate::domain::screening::advice::{AdviceTexts, Advised, further_keys, is_key};
use crate::domain::screening::answer::{Match, MatchedIndicator, Screening};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::freshness::PeerFreshness;
use crate::domain::screening::language::AcceptLanguage;
use crate::domain::screening::transaction::{CustomerRef, Transaction, TransactionDraft, TransactionRef};
use crate::io::clock;
use crate::io::grpc::convert;
use crate::io::grpc::deadline::Deadline;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::status::{self, Refusal};
use crate::io::grpc::terms::StreamTerms;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::screening_service_server::ScreeningService;
use crate::io::grpc::wire::hushwire::local::v1::{
    GetAdviceRequest, GetAdviceResponse, RefusedRecord, ScreenTransactionRequest, ScreenTransactionResponse,
    ScreenTransactionsRequest, ScreenTransactionsResponse,
};
use crate::io::screener::{Answered, Audited, Screener, Unscreened, Written};

/// Answered batches waiting for a slow reader.
const BATCHES_QUEUED: usize = 4;

/// The service over one screener.
#[derive(Debug, Clone)]
pub struct ScreeningDesk {
    pub screener: Arc<Screener>,
    /// `<consortium>/…` of every feed named in an answer.
    pub consortium: crate::base::name::ConsortiumId,
    /// What customers are told.
    pub advice: Arc<ArcSwap<AdviceTexts>>,
}

#[tonic::async_trait]
impl ScreeningService for ScreeningDesk {
    async fn screen_transaction(
        &self,
        request: Request<ScreenTransactionRequest>,
    ) -> Result<Response<ScreenTransactionResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let deadline = request.extensions().get::<Deadline>().copied();
        let (mut answer, written) = self.answer(&caller, request.into_inner())?;
        if let Some(written) = written {
            answer.audit = wire_audit(written.wait(audit_patience(deadline)).await).into();
        }
        Ok(Response::new(answer))
    }

    type ScreenTransactionsStream = Pin<Box<dyn Stream<Item = Result<ScreenTransactionsResponse, Status>> + Send>>;

    async fn screen_transactions(
        &self,
        request: Request<Streaming<ScreenTransactionsRequest>>,
    ) -> Result<Response<Self::ScreenTransactionsStream>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let terms = request.extensions().get::<StreamTerms>().cloned();
        let terms = terms.expect("the gate gives every request its terms");
        let (answers, outgoing) = mpsc::channel(BATCHES_QUEUED);
        let desk = self.clone();
        tokio::spawn(async move { desk.answer_batches(&caller, &terms, request.into_inner(), answers).await });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }

    async fn get_advice(&self, request: Request<GetAdviceRequest>) -> Result<Response<GetAdviceResponse>, Status> {
        let GetAdviceRequest { key, accept_language } = request.into_inner();
        let texts = self.advice.load();
        let found = Some(key).filter(|key| is_key(key));
        let found = found.and_then(|key| Some(wire_text(&texts.find(&key, &AcceptLanguage::read(&accept_language))?)));
        let found = found.ok_or_else(|| Refusal::NotFound {
            reason: "NO_SUCH_ADVICE",
            description: "there is no text of this key".to_owned(),
        })?;
        Ok(Response::new(found))
    }
}

/// An answer, and its record where the caller waits for it.
type Answer = (ScreenTransactionResponse, Option<Written>);

impl ScreeningDesk {
    /// Answers batch after batch until the stream ends, fails, or lasts longer than its caller allows.
    async fn answer_batches(
        &self,
        caller: &Actor,
        terms: &StreamTerms,
        mut batches: Streaming<ScreenTransactionsRequest>,
        answers: mpsc::Sender<Result<ScreenTransactionsResponse, Status>>,
    ) {
        loop {
            let answered = match terms.within(batches.next()).await {
                Ok(None) => return,
                Ok(Some(Ok(batch))) => self.answer_batch(caller, terms, batch).await.map_err(Status::from),
                Ok(Some(Err(unreadable))) => Err(status::explained(unreadable)),
                Err(late) => Err(late.into()),
            };
            let failed = answered.is_err();
            // A reader that does not read holds this task, and nothing else.
            let sent = terms.within(answers.send(answered)).await;
            if failed || !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// Answers one batch, or says in its place that there is no room for it.
    async fn answer_batch(
        &self,
        caller: &Actor,
        terms: &StreamTerms,
        batch: ScreenTransactionsRequest,
    ) -> Result<ScreenTransactionsResponse, Refusal> {
        let (got, limit) = (batch.transactions.len(), limits::TRANSACTIONS_PER_BATCH);
        if got > limit {
            let description = format!("a message holds at most {limit} transactions, got {got}");
            return Err(Refusal::InvalidArgument { field: "transactions".to_owned(), rule: "too_many", description });
        }
        let room = match terms.admit() {
            Ok(room) => room,
            Err(refusal) => return no_room(refusal),
        };
        let mut results = Vec::with_capacity(got);
        let (mut unwritten, mut refused) = (Vec::new(), Vec::new());
        for (place, transaction) in batch.transactions.into_iter().enumerate() {
            if place > 0 && place.is_multiple_of(limits::TRANSACTIONS_AT_ONCE) {
                tokio::task::yield_now().await;
                room.deadline.check(room.since)?;
            }
            match self.answer(caller, transaction) {
                Ok((answer, written)) => {
                    unwritten.extend(written.map(|written| (place, written)));
                    results.push(answer);
                }
                // One bad transaction does not sink the batch.
                Err(Refusal::InvalidArgument { field, rule, description }) => {
                    results.push(ScreenTransactionResponse::default());
                    refused.push(RefusedRecord { record: number(place), field, rule: rule.to_owned(), description });
                }
                Err(other) => return no_room(other),
            }
        }
        // One patience for all: they become durable together.
        let until = audit_patience(Some(room.deadline));
        for (place, written) in unwritten {
            let audit = written.wait(until).await;
            if let Some(result) = results.get_mut(place) {
                result.audit = wire_audit(audit).into();
            }
        }
        Ok(ScreenTransactionsResponse { results, refusal: None, refused })
    }

    fn answer(&self, caller: &Actor, message: ScreenTransactionRequest) -> Result<Answer, Refusal> {
        let now = clock::now();
        let transaction_ref = message.transaction_ref.clone();
        let durable = waits_for_record(message.audit)?;
        let accept_language = message.accept_language.clone();
        let transaction = transaction(message, now)?;
        let screened = self.screener.screen(&transaction, caller, durable, now);
        let (answer, written) = screened.map_err(|why| match why {
            Unscreened::NothingUsable(first) => Refusal::InvalidArgument {
                field: format!("identifiers[{}].value", first.identifier),
                rule: first.error.rule.name(),
                description: format!("no identifier of it can be used: {}", first.error),
            },
            Unscreened::Cold => Refusal::Unavailable {
                reason: "STORE_OPENING",
                description: "what the consortium knows is still being read; no checkout can be answered yet"
                    .to_owned(),
                retry_after_ms: limits::OPENING_RETRY_MS,
            },
        })?;
        if answer.screening.overload {
            return Err(Refusal::ResourceExhausted {
                reason: "SANDBOX_OVERLOAD",
                description: "the sandbox identifier asks for the answer of an overloaded node".to_owned(),
                retry_after_ms: limits::RETRY_AFTER_MS,
            });
        }
        let advice = (!accept_language.is_empty()).then(|| self.advice(&answer.screening, &accept_language)).flatten();
        Ok((ScreenTransactionResponse { advice, ..self.response(answer, transaction_ref) }, written))
    }

    /// What to tell the customer, in words.
    fn advice(&self, screening: &Screening, accept_language: &str) -> Option<wire::Advice> {
        let (texts, wanted) = (self.advice.load(), AcceptLanguage::read(accept_language));
        let found = texts.of_answer(screening.advice.key(), screening.decision, &wanted)?;
        let further = further_keys(screening.decision).iter().filter(|key| texts.known(key) && **key != found.key);
        let further = further.map(|key| (*key).to_owned()).collect();
        let GetAdviceResponse { key, language, title, text } = wire_text(&found);
        Some(wire::Advice { key, language, title, text, further })
    }

    fn response(&self, answered: Answered, transaction_ref: String) -> ScreenTransactionResponse {
        let unheard = answered.unheard().map(str::to_owned).collect();
        let Answered { screening, decision_id, anomalies, reference, audit, policy } = answered;
        ScreenTransactionResponse {
            decision: convert::wire_decision(screening.decision).into(),
            reasons: screening
                .reasons
                .iter()
                .map(|reason| wire::Reason {
                    code: reason.code.name().to_owned(),
                    decision: convert::wire_decision(reason.decision).into(),
                    description: reason.description.clone(),
                    since: reason.since.map(convert::wire_time),
                    rule: reason.code.rule().map(ToString::to_string).unwrap_or_default(),
                    identifier: reason.identifier.map(number),
                    not_sole_basis: reason.not_sole_basis,
                })
                .collect(),
            freshness: screening.freshness.iter().map(wire_freshness).collect(),
            case: case_of(screening.decision, audit, &decision_id),
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
            anomalies: anomalies.iter().map(|anomaly| anomaly.name().to_owned()).collect(),
            policy_name: policy.policy.title(),
            unheard_rules: unheard,
            matches: screening.matches.iter().map(|found| self.wire_match(found)).collect(),
            advice: None,
        }
    }

    fn wire_match(&self, found: &Match) -> wire::Match {
        wire::Match {
            identifier: number(found.identifier),
            kind: convert::wire_kind(found.kind).into(),
            members: number(found.members),
            own: number(found.own),
            confidence: found.confidence,
            confidence_undecayed: found.confidence_undecayed,
            weak: found.weak,
            indicators: found.indicators.iter().map(|indicator| self.wire_indicator(indicator)).collect(),
        }
    }

    fn wire_indicator(&self, indicator: &MatchedIndicator) -> wire::MatchedIndicator {
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
            kind: convert::wire_kind(indicator.kind).into(),
            effective_confidence: indicator.effective_confidence,
            age_s: indicator.age_s,
            disputed: indicator.disputed,
            held_back: indicator.held_back,
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
        transaction_ref: TransactionRef::new(message.transaction_ref),
        own_score: message.own_score,
        merchant_category: message.merchant_category,
    };
    Transaction::new(draft, now).map_err(|error| Refusal::InvalidArgument {
        field: error.field().to_owned(),
        rule: error.rule(),
        description: error.to_string(),
    })
}

fn wire_text(found: &Advised<'_>) -> GetAdviceResponse {
    GetAdviceResponse {
        key: found.key.to_owned(),
        language: found.language.to_string(),
        title: found.text.title().to_owned(),
        text: found.text.text().to_owned(),
    }
}

/// The case that is opened with the record; none where the order passes, or where there will be no record.
fn case_of(decision: Decision, audit: Audited, decision_id: &str) -> String {
    let opens = decision != Decision::Allow && audit != Audited::Lost;
    if opens { decision_id.to_owned() } else { String::new() }
}

fn wire_freshness(peer: &PeerFreshness) -> wire::PeerFreshness {
    wire::PeerFreshness {
        member: peer.member.to_string(),
        age_s: peer.age_s,
        stale: peer.stale,
        quarantined: peer.quarantined,
    }
}

/// Whether the caller waits for the record.
fn waits_for_record(asked: i32) -> Result<bool, Refusal> {
    match wire::AuditState::try_from(asked) {
        Ok(wire::AuditState::Durable) => Ok(true),
        Ok(wire::AuditState::Unspecified | wire::AuditState::Pending) => Ok(false),
        Ok(wire::AuditState::Counted | wire::AuditState::Lost) | Err(_) => Err(Refusal::InvalidArgument {
            field: "audit".to_owned(),
            rule: "unknown_word",
            description: "ask for durable or pending".to_owned(),
        }),
    }
}

/// Until when answers wait for their records: they must still reach a caller that soon gives up.
fn audit_patience(deadline: Option<Deadline>) -> Instant {
    let (now, longest) = (Instant::now(), Duration::from_millis(limits::AUDIT_WAIT_MS));
    let half = deadline.map_or(longest, |deadline| deadline.0.saturating_duration_since(now) / 2);
    now + half.min(longest)
}

/// What stands in the place of a batch there is no room for; any other refusal ends the stream.
fn no_room(refusal: Refusal) -> Result<ScreenTransactionsResponse, Refusal> {
    match refusal {
        Refusal::ResourceExhausted { reason, description, retry_after_ms } => Ok(ScreenTransactionsResponse {
            results: Vec::new(),
            refusal: Some(wire::BatchRefusal { reason: reason.to_owned(), description, retry_after_ms }),
            refused: Vec::new(),
        }),
        other => Err(other),
    }
}

fn wire_audit(audit: Audited) -> wire::AuditState {
    match audit {
        Audited::Durable => wire::AuditState::Durable,
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
