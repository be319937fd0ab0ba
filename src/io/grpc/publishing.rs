//! `hushwire.local.v1.PublishingService`.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tonic::{Request, Response, Status};

use crate::base::bytes::Commitment;
use crate::base::limits;
use crate::base::name::{GroupId, MemberId};
use crate::domain::belief::view::ListPosition;
use crate::domain::indicator::draft::Draft;
use crate::domain::screening::traffic::SeenBefore;
use crate::io::engine::Engine;
use crate::io::grpc::convert;
use crate::io::grpc::deadline::Deadline;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::node::state_of;
use crate::io::grpc::refusals::{engine_refusal, publish_refusal, retract_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1::publishing_service_server::PublishingService;
use crate::io::grpc::wire::hushwire::local::v1::{
    BlastRadius, ConfirmErasureRequest, ConfirmErasureResponse, DueIndicator, EraseIndicatorsRequest,
    EraseIndicatorsResponse, IndicatorDraft as WireDraft, ListDueForRepublicationRequest,
    ListDueForRepublicationResponse, PublishIndicatorsRequest, PublishIndicatorsResponse, PublishedIndicator,
    RetractIndicatorsRequest, RetractIndicatorsResponse,
};
use crate::io::metrics::counts::PublishingCounts;
use crate::node::copies::{Ack, Copies, Followed};
use crate::node::publish::{IndicatorDraft, PublishRequest, Refused, Standing};
use crate::node::retract::RetractRequest;
use crate::node::store::{Journal, Views};

/// Rows of a page where the caller names none, and at most.
const PAGE: (usize, usize) = (100, 1_000);

/// Kept of a call's time for its answer.
const ANSWER_IN: Duration = Duration::from_millis(limits::ACK_ANSWER_MS);

/// The service over one engine.
#[derive(Debug)]
pub struct Publishing<J, V> {
    pub engine: Engine<J, V>,
    pub member: MemberId,
    pub defaults: PublishDefaults,
    /// What is too wide.
    pub refuse_per_mille: u64,
    pub counted: Arc<PublishingCounts>,
}

/// What holds where the caller does not say.
#[derive(Debug, Clone, Copy)]
pub struct PublishDefaults {
    pub ack: Ack,
    /// Seconds over which the identifiers of a call are spread.
    pub spread_s: u32,
}

#[tonic::async_trait]
impl<J, V> PublishingService for Publishing<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn publish_indicators(
        &self,
        request: Request<PublishIndicatorsRequest>,
    ) -> Result<Response<PublishIndicatorsResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let deadline = request.extensions().get::<Deadline>().copied();
        let message = request.into_inner();
        check_request_id(&message.request_id)?;
        let ack = convert::ack(message.ack)?.unwrap_or(self.defaults.ack);
        let content = fingerprint_input(&message);
        let request_id = message.request_id.clone();
        let publish = self.publish_request(message)?;
        let (group, dry_run) = (publish.group.clone(), publish.dry_run);
        let (receipt, followed, fence) = self
            .engine
            .call(move |node, round| {
                let request = node.request(&request_id, &content);
                let publish = PublishRequest { request, ..publish };
                let receipt = node.publish_indicators(&caller, publish, round.now, round.rng)?;
                let published = receipt.published.iter().map(|published| published.commitment).collect();
                Ok((receipt, node.follow(group.as_ref(), published)?, node.fence_state()))
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| publish_refusal(&fault))?;
        let repeated = receipt.published.iter().any(|published| published.standing != Standing::New);
        // What a repeated call is told was counted when it happened.
        if !repeated {
            self.counted.published.add(u64::try_from(receipt.published.len()).unwrap_or(u64::MAX));
            self.counted.refused.add(u64::try_from(receipt.refused.len()).unwrap_or(u64::MAX));
        }
        let nothing = dry_run || receipt.published.is_empty();
        let copies = if nothing { None } else { Some(self.wait_for_copies(followed, ack, deadline).await) };
        let published = receipt.published.into_iter().map(|published| PublishedIndicator {
            draft: published.draft,
            name: convert::indicator_name(&self.member, &published.commitment),
            kind: convert::wire_kind(published.kind).into(),
            weak: published.weak,
            published_before: published.standing != Standing::New,
            ended_since: published.standing == Standing::EndedSince,
            blast_radius: published.seen.filter(|_| dry_run).map(|seen| blast_radius(&seen, self.refuse_per_mille)),
        });
        let refused = receipt.refused.into_iter().map(convert::wire_refusal).collect();
        Ok(Response::new(PublishIndicatorsResponse {
            published: published.collect(),
            refused,
            reached: copies.map_or(0, |copies| convert::wire_ack(copies.reached()).into()),
            copies: convert::count(copies.unwrap_or_default().held),
            others: convert::count(copies.unwrap_or_default().others),
            waits_for: if nothing { String::new() } else { state_of(&fence).1 },
        }))
    }

    async fn retract_indicators(
        &self,
        request: Request<RetractIndicatorsRequest>,
    ) -> Result<Response<RetractIndicatorsResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let mut message = request.into_inner();
        check_request_id(&message.request_id)?;
        let request_id = std::mem::take(&mut message.request_id);
        let content = zeroize::Zeroizing::new(message.encode_to_vec());
        let reason = convert::retraction_reason(message.reason)?;
        let selectors = convert::selectors(&self.member, message.names, message.source_refs, message.identifiers)?;
        let receipt = self
            .engine
            .call(move |node, round| {
                let request = node.request(&request_id, &content);
                node.retract_indicators(&caller, RetractRequest { request, selectors, reason }, round.now, round.rng)
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| retract_refusal(&fault))?;
        self.counted.retracted.add(u64::try_from(receipt.retracted.len()).unwrap_or(u64::MAX));
        Ok(Response::new(RetractIndicatorsResponse {
            retracted: self.names(&receipt.retracted),
            refused: receipt.refused.into_iter().map(convert::wire_refusal).collect(),
            kept: self.names(&receipt.kept),
        }))
    }

    async fn erase_indicators(
        &self,
        request: Request<EraseIndicatorsRequest>,
    ) -> Result<Response<EraseIndicatorsResponse>, Status> {
        self.ask_for_erasure(request).await
    }

    async fn confirm_erasure(
        &self,
        request: Request<ConfirmErasureRequest>,
    ) -> Result<Response<ConfirmErasureResponse>, Status> {
        self.confirm_asked_erasure(request).await
    }

    async fn list_due_for_republication(
        &self,
        request: Request<ListDueForRepublicationRequest>,
    ) -> Result<Response<ListDueForRepublicationResponse>, Status> {
        let message = request.into_inner();
        let limit = page_size(message.page_size, PAGE);
        let from = page_position(&message.page_token)?;
        let (due, next) = self
            .engine
            .inquire(move |node, _| node.list_due_for_republication(ListPosition::from_token(from), limit))
            .await
            .map_err(engine_refusal)?;
        let due = due.into_iter().map(|due| DueIndicator {
            name: convert::indicator_name(&self.member, &due.commitment),
            kind: convert::wire_kind(due.kind).into(),
            epoch: due.epoch.0,
            readable_until: due.readable_until.map(convert::wire_time),
        });
        let next_page_token = next.map(|next| next.token().to_string()).unwrap_or_default();
        Ok(Response::new(ListDueForRepublicationResponse { due: due.collect(), next_page_token }))
    }
}

impl<J: Journal + Send + 'static, V: Views + Send + 'static> Publishing<J, V> {
    /// Waits until a publication is held where the caller wants it, or shortly before the call must be answered. The
    /// publication itself stands already: whatever fails here is told as not reached.
    async fn wait_for_copies(&self, mut followed: Followed, ack: Ack, deadline: Option<Deadline>) -> Copies {
        let mut progress = self.engine.progress();
        let mut known = Copies::default();
        loop {
            // Seen before it is asked, so that what happens in between is no reason to sleep.
            progress.mark_unchanged();
            let asked = self.engine.call(move |node, round| {
                let copies = node.copies(&mut followed, round.now);
                (followed, copies)
            });
            let Ok((again, copies)) = asked.await else { return known };
            (followed, known) = (again, copies);
            if known.reached() >= ack || !known.can_reach(ack) {
                return known;
            }
            let Some(until) = deadline.and_then(|Deadline(end)| end.checked_sub(ANSWER_IN)) else { return known };
            if tokio::time::timeout_at(until, progress.changed()).await.is_err() {
                return known;
            }
        }
    }
}

impl<J, V> Publishing<J, V> {
    /// The names of this member's indicators.
    pub(in crate::io::grpc) fn names(&self, targets: &[Commitment]) -> Vec<String> {
        targets.iter().map(|target| convert::indicator_name(&self.member, target)).collect()
    }

    fn publish_request(&self, message: PublishIndicatorsRequest) -> Result<PublishRequest, Refusal> {
        let group: Option<GroupId> = match message.group.as_str() {
            "" => None,
            name => Some(name.parse().map_err(|error: crate::base::name::NameError| Refusal::InvalidArgument {
                field: "group".to_owned(),
                rule: "name",
                description: error.to_string(),
            })?),
        };
        let drafts = message.indicators.into_iter().enumerate();
        Ok(PublishRequest {
            request: None,
            group,
            drafts: drafts.map(|(record, wire)| draft(record, wire, &self.member)).collect(),
            dry_run: message.dry_run,
            force_wide: message.force_wide,
            spread_s: message.spread_s.unwrap_or(self.defaults.spread_s).min(limits::SPREAD_S),
        })
    }
}

/// One draft out of its message; the first field at fault is told.
fn draft(record: usize, wire: WireDraft, member: &MemberId) -> Result<IndicatorDraft, Refused> {
    let supersedes = match wire.supersedes.as_str() {
        "" => None,
        name => Some(convert::own_commitment(record, "supersedes", member, name)?),
    };
    Ok(IndicatorDraft {
        identifier: convert::identifier(record, wire.identifier)?,
        details: Draft {
            typology: wire.typology,
            severity: convert::severity(record, wire.severity)?,
            confidence: wire.confidence,
            grounds: convert::grounds(record, wire.grounds)?,
            handling: convert::handling(record, wire.handling)?,
            observed_at: convert::time(record, "observed_at", wire.observed_at)?,
            valid_from: convert::time(record, "valid_from", wire.valid_from)?,
            valid_until: convert::time(record, "valid_until", wire.valid_until)?,
            note: wire.note,
        },
        source_ref: (!wire.source_ref.is_empty()).then_some(wire.source_ref),
        supersedes,
    })
}

/// The bytes whose keyed fingerprint tells a repeated request from another one under the same id. Held for the call only.
fn fingerprint_input(request: &PublishIndicatorsRequest) -> zeroize::Zeroizing<Vec<u8>> {
    let PublishIndicatorsRequest { indicators: drafts, group, spread_s, force_wide, .. } = request;
    let delimited = |draft: &WireDraft| prost::length_delimiter_len(draft.encoded_len()) + draft.encoded_len();
    // All at once: a buffer that grows leaves raw values behind in what it gives back.
    let length =
        drafts.iter().map(delimited).sum::<usize>() + group.len() + 1 + size_of::<u32>() + usize::from(*force_wide);
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(length));
    for draft in drafts {
        draft.encode_length_delimited(&mut *bytes).expect("there is room");
    }
    bytes.extend_from_slice(group.as_bytes());
    // Not said is the node's own spread, which is another wish than none.
    bytes.push(u8::from(spread_s.is_some()));
    bytes.extend_from_slice(&spread_s.unwrap_or_default().to_be_bytes());
    // Asked once without and once with it, it is not the same question. Without it the bytes are those of before it was known.
    if *force_wide {
        bytes.push(1);
    }
    bytes
}

fn blast_radius(seen: &SeenBefore, refuse_per_mille: u64) -> BlastRadius {
    BlastRadius {
        matched: seen.at_most,
        transactions: seen.transactions,
        per_mille: u32::try_from(seen.per_mille()).unwrap_or(u32::MAX),
        days: seen.days,
        too_wide: seen.is_beyond(refuse_per_mille, limits::brake::WIDE_LEAST),
    }
}

/// A request id within its length.
pub fn check_request_id(id: &str) -> Result<(), Refusal> {
    if id.chars().count() <= limits::REQUEST_ID_CHARACTERS {
        return Ok(());
    }
    let description = format!("at most {} characters", limits::REQUEST_ID_CHARACTERS);
    Err(Refusal::InvalidArgument { field: "request_id".to_owned(), rule: "too_long", description })
}

/// The page size to use: `(default, most)`.
pub fn page_size(asked: u32, (default, most): (usize, usize)) -> usize {
    match usize::try_from(asked) {
        Ok(0) => default,
        Ok(asked) => asked.min(most),
        Err(_) => most,
    }
}

/// The position in a page token of this node; the start for an empty one.
pub fn page_position(token: &str) -> Result<u64, Refusal> {
    if token.is_empty() {
        return Ok(0);
    }
    token.parse().map_err(|_| malformed_token())
}

/// A page token that no page of this node gave.
pub fn malformed_token() -> Refusal {
    Refusal::InvalidArgument {
        field: "page_token".to_owned(),
        rule: "malformed_token",
        description: "pass the next_page_token of the page before, unchanged".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_spread_is_another_request() {
        let of = |group: &str, spread_s| {
            let group = group.to_owned();
            fingerprint_input(&PublishIndicatorsRequest { group, spread_s, ..Default::default() })
        };
        assert_ne!(of("all", Some(0)), of("all", Some(60)));
        assert_ne!(of("all", Some(0)), of("all", None));
        assert_ne!(of("all", None), of("some", None));
        let forced = PublishIndicatorsRequest { group: "all".to_owned(), force_wide: true, ..Default::default() };
        assert_ne!(of("all", None), fingerprint_input(&forced));
    }
}
