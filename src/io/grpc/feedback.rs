//! `hushwire.local.v1.FeedbackService`.

use tonic::{Request, Response, Status};

use crate::base::bytes::Commitment;
use crate::base::time::Timestamp;
use crate::domain::audit::event::IndicatorRef;
use crate::domain::belief::disputes::{DisputeRow, DisputeStanding, answer_due};
use crate::domain::indicator::words::DisputeReason;
use crate::io::engine::Engine;
use crate::io::grpc::convert;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::publishing::{malformed_token, page_position, page_size};
use crate::io::grpc::refusals::{dispute_refusal, engine_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::feedback_service_server::FeedbackService;
use crate::node::store::{Journal, Views};

/// Rows of a page where the caller names none, and at most.
const PAGE: (usize, usize) = (100, 1_000);

/// The service over one engine.
#[derive(Debug)]
pub struct Feedback<J, V> {
    pub engine: Engine<J, V>,
}

#[tonic::async_trait]
impl<J, V> FeedbackService for Feedback<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn list_sightings(
        &self,
        request: Request<wire::ListSightingsRequest>,
    ) -> Result<Response<wire::ListSightingsResponse>, Status> {
        let message = request.into_inner();
        let limit = page_size(message.page_size, PAGE);
        let after = indicator_position(&message.page_token)?;
        let (mut rows, (unreadable, _)) = self
            .engine
            .inquire(move |node, _| {
                let sightings = &node.state().sightings;
                (sightings.after(after).take(limit + 1).collect::<Vec<_>>(), sightings.unopened())
            })
            .await
            .map_err(engine_refusal)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more);
        let next_page_token = last.map(|(indicator, _)| indicator.to_string()).unwrap_or_default();
        let member = self.engine.member();
        let indicators = rows.iter().map(|(indicator, tally)| wire::SightedIndicator {
            name: convert::indicator_name(member, indicator),
            confirmed: convert::count(tally.confirmed),
            false_positive: convert::count(tally.false_positive),
            suggests_retraction: tally.suggests_retraction(),
        });
        let indicators = indicators.collect();
        Ok(Response::new(wire::ListSightingsResponse { indicators, next_page_token, unreadable }))
    }

    async fn dispute_indicator(
        &self,
        request: Request<wire::DisputeIndicatorRequest>,
    ) -> Result<Response<wire::DisputeIndicatorResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let indicator = indicator(&message.name)?;
        let reason = reason(message.reason)?;
        self.engine
            .call(move |node, round| node.dispute_indicator(&caller, &indicator, reason, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| dispute_refusal(&fault))?;
        Ok(Response::new(wire::DisputeIndicatorResponse {}))
    }

    async fn withdraw_dispute(
        &self,
        request: Request<wire::WithdrawDisputeRequest>,
    ) -> Result<Response<wire::WithdrawDisputeResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let indicator = indicator(&request.into_inner().name)?;
        self.engine
            .call(move |node, round| node.withdraw_dispute(&caller, &indicator, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| dispute_refusal(&fault))?;
        Ok(Response::new(wire::WithdrawDisputeResponse {}))
    }

    async fn answer_dispute(
        &self,
        request: Request<wire::AnswerDisputeRequest>,
    ) -> Result<Response<wire::AnswerDisputeResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let indicator = indicator(&message.name)?;
        let malformed = |error: crate::base::name::NameError| invalid("disputed_by", "name", error.to_string());
        let disputed_by = message.disputed_by.parse().map_err(malformed)?;
        self.engine
            .call(move |node, round| node.answer_dispute(&caller, &indicator, &disputed_by, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| dispute_refusal(&fault))?;
        Ok(Response::new(wire::AnswerDisputeResponse {}))
    }

    async fn list_disputes(
        &self,
        request: Request<wire::ListDisputesRequest>,
    ) -> Result<Response<wire::ListDisputesResponse>, Status> {
        let message = request.into_inner();
        let limit = page_size(message.page_size, PAGE);
        let from = usize::try_from(page_position(&message.page_token)?).map_err(|_| malformed_token())?;
        let (rows, now) = self.engine.inquire(|node, now| (node.list_disputes(), now)).await.map_err(engine_refusal)?;
        let until = from.saturating_add(limit);
        let next_page_token = if until < rows.len() { until.to_string() } else { String::new() };
        let disputes = rows.iter().skip(from).take(limit).map(|row| shown(row, now)).collect();
        Ok(Response::new(wire::ListDisputesResponse { disputes, next_page_token }))
    }
}

fn invalid(field: &str, rule: &'static str, description: String) -> Refusal {
    Refusal::InvalidArgument { field: field.to_owned(), rule, description }
}

/// Any member's indicator by its name.
fn indicator(name: &str) -> Result<IndicatorRef, Refusal> {
    let parts: Vec<&str> = name.split('/').collect();
    let read = match parts.as_slice() {
        ["members", member, "indicators", commitment] => member.parse().ok().zip(commitment_of(commitment)),
        _ => None,
    };
    let (member, commitment) = read.ok_or_else(|| {
        let description = "an indicator has a name of the form members/MEMBER/indicators/COMMITMENT".to_owned();
        invalid("name", "malformed_name", description)
    })?;
    Ok(IndicatorRef { member, commitment })
}

fn commitment_of(text: &str) -> Option<Commitment> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| Commitment(bytes))
}

fn indicator_position(token: &str) -> Result<Option<Commitment>, Refusal> {
    if token.is_empty() { Ok(None) } else { commitment_of(token).map(Some).ok_or_else(malformed_token) }
}

fn reason(number: i32) -> Result<DisputeReason, Refusal> {
    u32::try_from(number)
        .ok()
        .and_then(DisputeReason::from_number)
        .ok_or_else(|| invalid("reason", "missing", "say why the indicator is held for wrong".to_owned()))
}

fn shown(row: &DisputeRow, now: Timestamp) -> wire::ShownDispute {
    let due = answer_due(row.since);
    let (standing, owed) = match row.standing {
        DisputeStanding::Open if due <= now => (wire::DisputeStanding::Overdue, true),
        DisputeStanding::Open => (wire::DisputeStanding::Open, true),
        DisputeStanding::BeyondQuota => (wire::DisputeStanding::BeyondQuota, false),
        DisputeStanding::Upheld => (wire::DisputeStanding::Upheld, false),
        DisputeStanding::Moot => (wire::DisputeStanding::Moot, false),
    };
    let author = row.author.as_ref().map(ToString::to_string).unwrap_or_default();
    wire::ShownDispute {
        name: format!("members/{author}/indicators/{}", row.target),
        disputed_by: row.member.to_string(),
        reason: i32::try_from(row.reason.number()).expect("vocabularies have few words"),
        standing: standing.into(),
        since: Some(convert::wire_time(row.since)),
        answer_due: owed.then(|| convert::wire_time(due)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_indicator_is_read_from_its_name_and_nothing_else_is_one() {
        let name = format!("members/bank-a/indicators/{}", "ab".repeat(32));
        let read = indicator(&name).expect("a name");
        assert_eq!((read.member.as_str(), read.commitment), ("bank-a", Commitment([0xAB; 32])));
        for text in ["", "bank-a", "members/bank-a/indicators/ab", "members//indicators/x", &format!("{name}/more")] {
            assert!(indicator(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_overdue_is_told_as_that() {
        let since = Timestamp::from_unix_s(1_795_000_000);
        let mut row = DisputeRow {
            target: Commitment([1; 32]),
            member: "shop".parse().expect("valid"),
            author: None,
            reason: DisputeReason::Recycled,
            since,
            standing: DisputeStanding::Open,
        };
        let standing = |row: &DisputeRow, now| {
            let shown = shown(row, now);
            (shown.standing(), shown.answer_due.is_some())
        };
        assert_eq!(standing(&row, since), (wire::DisputeStanding::Open, true));
        assert_eq!(standing(&row, answer_due(since)), (wire::DisputeStanding::Overdue, true));
        row.standing = DisputeStanding::Upheld;
        assert_eq!(standing(&row, answer_due(since)), (wire::DisputeStanding::Upheld, false));
    }

    #[test]
    fn the_words_of_a_reason_have_the_numbers_of_the_interface() {
        for word in DisputeReason::ALL {
            let number = i32::try_from(word.number()).expect("small");
            let wire = wire::DisputeReason::try_from(number).expect("named");
            let name = format!("DISPUTE_REASON_{}", word.label().to_uppercase().replace('-', "_"));
            assert_eq!(wire.as_str_name(), name);
            assert!(matches!(reason(number), Ok(read) if read == *word));
        }
        assert!(reason(0).is_err() && reason(6).is_err());
    }
}
