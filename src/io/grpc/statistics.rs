//! `hushwire.compliance.v1`: the statistics.

use tonic::{Request, Response, Status};

use crate::base::time::Day;
use crate::domain::audit::looked::{At, Looked, Word};
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::period::{Period, Quarter};
use crate::domain::statistics::published::{Place, Published};
use crate::domain::statistics::question::{Query, Question};
use crate::domain::statistics::sum::Sum;
use crate::io::clock;
use crate::io::engine::Engine;
use crate::io::grpc::convert;
use crate::io::grpc::identity::local_caller;
use crate::io::grpc::publishing::{malformed_token, page_size};
use crate::io::grpc::refusals::{engine_refusal, releasing_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::compliance::v1 as wire;
use crate::io::grpc::wire::hushwire::compliance::v1::statistics_service_server::StatisticsService;
use crate::io::releasing::{Made, release};
use crate::node::releases::ReleaseFilter;
use crate::node::store::{Journal, Views};

const PAGE: (usize, usize) = (50, 500);

/// The service over an engine.
#[derive(Debug)]
pub struct Statistics<J, V> {
    pub engine: Engine<J, V>,
    /// Privacy loss of a release whose caller names none.
    pub default_epsilon: Epsilon,
}

#[tonic::async_trait]
impl<J, V> StatisticsService for Statistics<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    async fn release_statistics(
        &self,
        request: Request<wire::ReleaseStatisticsRequest>,
    ) -> Result<Response<wire::ReleaseStatisticsResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let id = message.release_id.parse().map_err(|error| invalid("release_id", "form", &error))?;
        let query = query(&message.query)?.unwrap_or(Query::PublishedIndicatorsByKind);
        let period = Period::new(Day(message.from_day), Day(message.until_day), clock::now().day())
            .map_err(|error| invalid("until_day", "period", &error))?;
        let asked = match message.epsilon_nano {
            0 => self.default_epsilon,
            nano => Epsilon::from_nano(nano),
        };
        let Made { release, repeated } = release(&self.engine, caller, id, Question { query, period, asked })
            .await
            .map_err(|fault| releasing_refusal(&fault))?;
        Ok(Response::new(wire::ReleaseStatisticsResponse { release, repeated_release: repeated }))
    }

    async fn list_releases(
        &self,
        request: Request<wire::ListReleasesRequest>,
    ) -> Result<Response<wire::ListReleasesResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let member = Some(message.member).filter(|member| !member.is_empty());
        let member = member.map(|member| member.parse()).transpose();
        let filter = ReleaseFilter {
            member: member.map_err(|error| invalid("member", "form", &error))?,
            query: query(&message.query)?,
        };
        let before = read_place(&message.page_token)?;
        let limit = page_size(message.page_size, PAGE);
        let looked = Looked::new(At::Releases)
            .by("member", filter.member.clone().map(Word::Member))
            .by("query", filter.query.map(|query| Word::Label(query.name())));
        let (releases, next) = self
            .engine
            .call(move |node, round| {
                node.record_look(&caller, looked, round.now, round.rng)?;
                Ok(node.state().releases.list(&filter, before.as_ref(), limit))
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        Ok(Response::new(wire::ListReleasesResponse {
            releases: releases.into_iter().map(wire_release).collect(),
            next_page_token: next.map(|place| place.to_string()).unwrap_or_default(),
        }))
    }

    async fn sum_releases(
        &self,
        request: Request<wire::SumReleasesRequest>,
    ) -> Result<Response<wire::SumReleasesResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let message = request.into_inner();
        let query: Query = message.query.parse().map_err(|error| invalid("query", "unknown", &error))?;
        let no_period = "the days of a release lie in one quarter, and the last is not before the first";
        let period = Period::stored(Day(message.from_day), Day(message.until_day))
            .ok_or_else(|| invalid("until_day", "period", &no_period))?;
        let looked = Looked::new(At::ReleaseSum)
            .by("query", Word::Label(query.name()))
            .by("from_day", Word::Day(period.from()))
            .by("until_day", Word::Day(period.until()));
        let sum = self
            .engine
            .call(move |node, round| {
                node.record_look(&caller, looked, round.now, round.rng)?;
                Ok(node.sum_releases(query, period))
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        Ok(Response::new(wire_sum(sum)))
    }

    async fn get_budget(
        &self,
        request: Request<wire::GetBudgetRequest>,
    ) -> Result<Response<wire::GetBudgetResponse>, Status> {
        let caller = convert::actor(local_caller(&request)?);
        let (budget, kept) = self
            .engine
            .call(move |node, round| {
                let now = round.now;
                node.record_look(&caller, Looked::new(At::Budget), now, round.rng)?;
                Ok((node.budget(now.day()), node.kept_for_schedule(Quarter::of(now.day()), now)))
            })
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
        Ok(Response::new(wire::GetBudgetResponse {
            spent_nano: budget.spent.nano(),
            cap_nano: budget.cap.nano(),
            renews_day: budget.renews.0,
            left_nano: budget.left().nano(),
            kept_nano: kept.nano(),
            skipped_releases: convert::count(budget.skipped),
        }))
    }
}

/// None where none is named.
fn query(name: &str) -> Result<Option<Query>, Refusal> {
    if name.is_empty() {
        return Ok(None);
    }
    name.parse().map(Some).map_err(|error| invalid("query", "unknown", &error))
}

fn read_place(token: &str) -> Result<Option<Place>, Refusal> {
    if token.is_empty() { Ok(None) } else { token.parse().map(Some).map_err(|_| malformed_token()) }
}

fn wire_release(release: Published) -> wire::MemberRelease {
    let left_nano = release.left().map(Epsilon::nano);
    let counts = release.query.categories().into_iter().zip(release.counts.into_iter().flatten());
    wire::MemberRelease {
        member: release.member.to_string(),
        release_id: release.id.to_string(),
        query: release.query.to_string(),
        from_day: release.period.from().0,
        until_day: release.period.until().0,
        counts: counts.map(|(category, count)| wire::NoisedCount { category, count }).collect(),
        accuracy_95: release.figures.accuracy_95,
        scale: release.figures.scale,
        contribution_bound: release.figures.contribution_bound,
        unit: release.query.unit().name().to_owned(),
        epsilon_nano: release.epsilon.nano(),
        spent_nano: release.spent.nano(),
        left_nano,
    }
}

fn wire_sum(sum: Sum) -> wire::SumReleasesResponse {
    let epsilon_nano = sum.epsilon().nano();
    let counts = sum.counts.into_iter().map(|(category, count)| wire::NoisedCount { category, count });
    let shares = sum.shares.into_iter().map(|share| wire::ReleaseShare {
        member: share.member.to_string(),
        release_id: share.id.to_string(),
        scale: share.scale,
        contribution_bound: share.contribution_bound,
        epsilon_nano: share.epsilon.nano(),
        left_nano: share.left.map(Epsilon::nano),
    });
    let missing = sum
        .missing
        .into_iter()
        .map(|(member, why)| wire::MissingRelease { member: member.to_string(), reason: why.name().to_owned() });
    wire::SumReleasesResponse {
        query: sum.query.to_string(),
        from_day: sum.period.from().0,
        until_day: sum.period.until().0,
        counts: counts.collect(),
        noise_sd: sum.noise_sd,
        half_width_95: sum.half_width_95,
        unit: sum.query.unit().name().to_owned(),
        epsilon_nano,
        shares: shares.collect(),
        missing: missing.collect(),
    }
}

fn invalid(field: &str, rule: &'static str, error: &impl ToString) -> Refusal {
    Refusal::InvalidArgument { field: field.to_owned(), rule, description: error.to_string() }
}
