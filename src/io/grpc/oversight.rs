//! `hushwire.local.v1.OversightService`.

use tonic::{Request, Response, Status};

use crate::base::limits;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::looked::{At, Looked, Word};
use crate::domain::belief::disputes::{DisputeStanding, answer_due};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::inquiry::{LookedUpForm, Said};
use crate::io::engine::Engine;
use crate::io::grpc::convert::{self, count, indicator_name, wire_decision, wire_kind, wire_time};
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::publishing::{malformed_token, page_size};
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::io::grpc::wire::hushwire::local::v1::oversight_service_server::OversightService;
use crate::node::activity::{CaseCounts, DayActivity, EntryCounts, PeerDay, oldest_kept};
use crate::node::look_up::{LookUpFault, LookedUp, OwnStatement, TouchedDecision};
use crate::node::own_indicators::{OwnFilter, OwnIndicator, OwnPlace, OwnState};
use crate::node::record_screening::DecisionCounts;
use crate::node::store::{Journal, Views};

/// Rows of a page where the caller names none, and at most.
const PAGE: (usize, usize) = (100, 1_000);

/// Days told of where the caller names no first.
const DAYS: u32 = 30;

/// The service over one engine.
#[derive(Debug)]
pub struct Oversight<J, V> {
    pub engine: Engine<J, V>,
}

#[tonic::async_trait]
impl<J, V> OversightService for Oversight<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn get_activity(
        &self,
        request: Request<wire::GetActivityRequest>,
    ) -> Result<Response<wire::GetActivityResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let wire::GetActivityRequest { from_day, until_day } = request.into_inner();
        let answer = self
            .engine
            .call(move |node, round| {
                let today = round.now.day();
                let until = if until_day == 0 { today.next() } else { Day(until_day) };
                let from = if from_day == 0 { Day(until.0.saturating_sub(DAYS)) } else { Day(from_day) };
                let days = Looked::new(At::Activity).by("from_day", Word::Day(from));
                let looked = days.by("until_day", Word::Day(until));
                node.record_look(&caller, looked, round.now, round.rng)?;
                let (mut days, mut rows, mut next_from_day) = (Vec::new(), 0, 0);
                for (day, activity) in node.state().activity.days(from, until) {
                    if rows >= limits::ACTIVITY_ROWS {
                        next_from_day = day.0;
                        break;
                    }
                    rows += activity.peers.len() + activity.rules.len() + 1;
                    days.push(wire_day(day, activity));
                }
                Ok(wire::GetActivityResponse { days, next_from_day, kept_from_day: oldest_kept(today).0 })
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        Ok(Response::new(answer))
    }

    async fn look_up_identifier(
        &self,
        request: Request<wire::LookUpIdentifierRequest>,
    ) -> Result<Response<wire::LookUpIdentifierResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let identifier =
            convert::identifier(0, request.into_inner().identifier).map_err(|refused| Refusal::InvalidArgument {
                field: refused.field.to_owned(),
                rule: refused.rule,
                description: refused.description,
            })?;
        let found = self
            .engine
            .call(move |node, round| node.look_up(&caller, &identifier, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| look_up_refusal(&fault))?;
        Ok(Response::new(self.looked_up(found)))
    }

    async fn list_own_indicators(
        &self,
        request: Request<wire::ListOwnIndicatorsRequest>,
    ) -> Result<Response<wire::ListOwnIndicatorsResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let limit = page_size(message.page_size, PAGE);
        let place = match message.page_token.as_str() {
            "" => OwnPlace::START,
            token => token.parse().map_err(|_| malformed_token())?,
        };
        let filter = own_filter(&message)?;
        let looked = Looked::new(At::OwnIndicators)
            .by("of_state", filter.state.map(|state| Word::Label(state.label())))
            .by("of_kind", filter.kind.map(Word::from))
            .where_given("disputed", filter.disputed)
            .where_given("sighted", filter.sighted);
        let page = self
            .engine
            .call(move |node, round| {
                node.record_look(&caller, looked, round.now, round.rng)?;
                node.list_own_indicators(&filter, &place, limit, round.now)
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        Ok(Response::new(wire::ListOwnIndicatorsResponse {
            indicators: page.rows.into_iter().map(wire_own).collect(),
            next_page_token: page.next.map(|next| next.to_string()).unwrap_or_default(),
        }))
    }
}

impl<J, V> Oversight<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    fn looked_up(&self, found: LookedUp) -> wire::LookUpIdentifierResponse {
        let LookedUp { inquiry, own, waiting, decisions, more_decisions } = found;
        let statement = |said: &Said| {
            let own = own.iter().find(|own| own.commitment == said.commitment).filter(|_| said.own);
            wire_statement(said, own)
        };
        wire::LookUpIdentifierResponse {
            forms: inquiry.forms.iter().map(wire_form).collect(),
            statements: inquiry.said.iter().map(statement).collect(),
            waiting: waiting.iter().map(|waiting| indicator_name(self.engine.member(), waiting)).collect(),
            decisions: decisions.into_iter().map(wire_touched).collect(),
            more_decisions,
        }
    }
}

fn look_up_refusal(fault: &LookUpFault) -> Refusal {
    match fault {
        // By its rule alone: what was typed is not repeated.
        LookUpFault::Identifier(error) => Refusal::InvalidArgument {
            field: "value".to_owned(),
            rule: error.rule.name(),
            description: error.rule.to_string(),
        },
        LookUpFault::Storage(fault) => storage_refusal(fault),
    }
}

fn own_filter(message: &wire::ListOwnIndicatorsRequest) -> Result<OwnFilter, Refusal> {
    let refuse = |field: &str, rule, description: &str| Refusal::InvalidArgument {
        field: field.to_owned(),
        rule,
        description: description.to_owned(),
    };
    let state = match message.state.as_str() {
        "" => None,
        label => Some(OwnState::from_label(label).ok_or_else(|| {
            refuse("state", "unknown_word", "states are pending, live, retracted, expired and erased")
        })?),
    };
    let kind = match message.kind {
        0 => None,
        number => Some(convert::kind(number).ok_or_else(|| refuse("kind", "unknown_kind", "no kind of identifier"))?),
    };
    Ok(OwnFilter { state, kind, disputed: message.disputed, sighted: message.sighted })
}

fn wire_day(day: Day, activity: &DayActivity) -> wire::ActivityDay {
    let peers = activity.peers.iter().map(|(member, with)| wire_peer(member.as_str(), with));
    let rules = activity.rules.iter().map(|((policy, rule), hits)| wire::RuleActivity {
        policy_name: policy.clone(),
        rule: rule.clone(),
        live: hits.live,
        shadow: hits.shadow,
        snoozed: hits.snoozed,
    });
    wire::ActivityDay {
        day: day.0,
        peers: peers.collect(),
        published: activity.published,
        retracted: activity.retracted,
        decoys: activity.decoys,
        drafts_refused: activity.drafts_refused,
        decisions: Some(wire_decisions(&activity.decisions)),
        recorded: Some(wire_decisions(&activity.recorded)),
        cases: Some(wire_cases(&activity.cases)),
        rules: rules.collect(),
        calls_refused: activity.calls_refused,
        faults: activity.faults,
    }
}

fn wire_peer(member: &str, with: &PeerDay) -> wire::PeerActivity {
    wire::PeerActivity {
        member: member.to_owned(),
        came: Some(wire_entries(&with.came)),
        left: Some(wire_entries(&with.left)),
        faults: with.faults,
        silences: with.silences,
        uncounted: with.uncounted,
    }
}

fn wire_entries(counts: &EntryCounts) -> wire::EntryCounts {
    let EntryCounts { indicators, retractions, sightings, disputes, erasures, others } = *counts;
    wire::EntryCounts { indicators, retractions, sightings, disputes, erasures, others }
}

fn wire_decisions(counts: &DecisionCounts) -> wire::DecisionCounts {
    let DecisionCounts { allowed, challenged, held, blocked } = *counts;
    wire::DecisionCounts { allowed, challenged, held, blocked }
}

fn wire_cases(counts: &CaseCounts) -> wire::CaseCounts {
    let CaseCounts { opened, released, refused, expired, fraud, genuine } = *counts;
    wire::CaseCounts { opened, released, refused, expired, fraud, genuine }
}

fn wire_form(form: &LookedUpForm) -> wire::LookedUpForm {
    wire::LookedUpForm {
        kind: wire_kind(form.kind).into(),
        weak: form.weak,
        rejected_by: form.rejected_by.clone().unwrap_or_default(),
        listed: form.listing.as_ref().map(|listing| listing.list.label().to_owned()).unwrap_or_default(),
    }
}

fn wire_statement(said: &Said, own: Option<&OwnStatement>) -> wire::KnownStatement {
    let details = said.details.as_ref();
    let names = |members: &[crate::base::name::MemberId]| members.iter().map(ToString::to_string).collect();
    wire::KnownStatement {
        name: indicator_name(&said.reporter, &said.commitment),
        reporter: said.reporter.to_string(),
        own: said.own,
        kind: wire_kind(said.kind).into(),
        epoch: said.epoch.0,
        counting: said.counting.label().to_owned(),
        readable: details.is_some(),
        typology: details.map(|details| details.typology.as_str().to_owned()).unwrap_or_default(),
        severity: details.map(|details| details.severity.label().to_owned()).unwrap_or_default(),
        grounds: details.map(|details| details.grounds.label().to_owned()).unwrap_or_default(),
        confidence: details.map_or(0, |details| details.confidence.percent()),
        effective_confidence: said.effective_confidence.unwrap_or_default(),
        observed_at: details.map(|details| wire_time(details.observed_at)),
        valid_until: details.map(|details| wire_time(Timestamp::from_unix_s(details.validity.until_s()))),
        note: details.map(|details| details.note.as_str().to_owned()).unwrap_or_default(),
        first_seen: Some(wire_time(said.first_seen)),
        last_seen: Some(wire_time(said.last_seen)),
        weak: said.weak,
        provisional: said.provisional,
        stale: said.stale,
        disputed: said.disputed,
        received_by: own.map(|own| names(&own.received_by)).unwrap_or_default(),
        awaited: own.map(|own| names(&own.awaited)).unwrap_or_default(),
        confirmed: own.map_or(0, |own| count(own.sightings.confirmed)),
        false_positive: own.map_or(0, |own| count(own.sightings.false_positive)),
    }
}

fn wire_touched(touched: TouchedDecision) -> wire::TouchedDecision {
    let decision = Decision::from_label(&touched.decision).map(wire_decision);
    wire::TouchedDecision {
        decision_id: touched.decision_id,
        audit_index: touched.index.0,
        time: Some(wire_time(touched.at)),
        decision: decision.map(Into::into).unwrap_or_default(),
        matched: touched.matched,
    }
}

fn wire_own(row: OwnIndicator) -> wire::OwnIndicator {
    let waiting = row.disputes.iter().filter(|dispute| dispute.standing == DisputeStanding::Open);
    let due = waiting.map(|dispute| answer_due(dispute.since)).min();
    wire::OwnIndicator {
        name: indicator_name(&row.feed.member, &row.commitment),
        group: row.feed.group.to_string(),
        index: row.index.map(|index| index.0),
        kind: row.kind.map(|kind| wire_kind(kind).into()).unwrap_or_default(),
        epoch: row.epoch.map_or(0, |epoch| epoch.0),
        hour: row.hour.map(|hour| wire_time(Timestamp::from_unix_s(u64::from(hour.0) * 3_600))),
        expires_day: row.expires.0,
        state: row.state.label().to_owned(),
        received_by: row.received_by.iter().map(ToString::to_string).collect(),
        awaited: row.awaited.iter().map(ToString::to_string).collect(),
        confirmed: count(row.sightings.confirmed),
        false_positive: count(row.sightings.false_positive),
        disputed_by: row.disputes.iter().map(|dispute| dispute.member.to_string()).collect(),
        answer_due: due.map(wire_time),
    }
}
