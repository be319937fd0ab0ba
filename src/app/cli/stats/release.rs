//! `hushwire stats release`.

use serde::Serialize;
use tonic::Request;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::cli::stats::{CountAnswer, READERS, day, days, loss, question, tell_counts};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::time::Day;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::period::{Quarter, date_text};
use crate::domain::statistics::question::{Query, ReleaseId};
use crate::io::clock;
use crate::io::grpc::wire::hushwire::compliance::v1::ReleaseStatisticsRequest;
use crate::io::grpc::wire::hushwire::compliance::v1::statistics_service_client::StatisticsServiceClient;

/// Release the noised answer to one question
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire stats release --id week-47 --from 2026-11-16 --until 2026-11-23
  hushwire stats release --id quarter-to-date --question cases-by-outcome --epsilon 0.25

The questions: published-indicators-by-kind, published-indicators-by-typology, orders-by-decision, cases-by-outcome, \
sightings-by-kind.")]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Stable id of the release: lower-case letters, digits, '.' and '-'
    #[arg(long)]
    id: ReleaseId,
    /// What is counted
    #[arg(long, value_parser = question, value_name = "QUESTION", default_value = "published-indicators-by-kind")]
    question: Query,
    /// First day, YYYY-MM-DD; the first of the quarter where not given
    #[arg(long, value_parser = day, value_name = "DATE")]
    from: Option<Day>,
    /// The day after the last, YYYY-MM-DD; tomorrow where not given
    #[arg(long, value_parser = day, value_name = "DATE")]
    until: Option<Day>,
    /// Privacy loss to spend, e.g. 0.1; the node's default where not given
    #[arg(long, value_name = "EPSILON")]
    epsilon: Option<Epsilon>,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct ReleaseAnswer<'a> {
    release_id: &'a str,
    repeated: bool,
    query: &'a str,
    from: String,
    until: String,
    counts: Vec<CountAnswer<'a>>,
    accuracy_95: f64,
    scale: f64,
    contribution_bound: u32,
    unit: &'a str,
    epsilon_nano: u64,
    spent_nano: u64,
    cap_nano: u64,
}

pub(super) fn release(args: &ReleaseArgs) -> Result<Outcome, CliError> {
    let today = clock::now().day();
    let message = ReleaseStatisticsRequest {
        release_id: args.id.to_string(),
        from_day: args.from.unwrap_or_else(|| Quarter::of(args.until.unwrap_or(today)).first_day()).0,
        until_day: args.until.unwrap_or(today.next()).0,
        epsilon_nano: args.epsilon.map_or(0, Epsilon::nano),
        query: args.question.to_string(),
    };
    let answer = block_on(async {
        let node = args.client.connect(&READERS)?;
        let client = StatisticsServiceClient::new(node.channel.clone());
        node.insist(|| {
            let (mut client, mut request) = (client.clone(), Request::new(message.clone()));
            request.set_timeout(CALL_TIMEOUT);
            async move { client.release_statistics(request).await }
        })
        .await
    })?;
    let release = StatisticsRelease::decode(&answer.release)
        .map_err(|error| CliError::not_verified(format!("the release as the node sent it: {error}")))?;
    if args.json {
        output::answer_json(&release_answer(&release, answer.repeated_release))?;
    } else {
        tell(&release, answer.repeated_release)?;
    }
    Ok(Outcome::Done)
}

fn release_answer(release: &StatisticsRelease, repeated: bool) -> ReleaseAnswer<'_> {
    let counts = release.categories.iter().zip(&release.counts);
    ReleaseAnswer {
        release_id: &release.release_id,
        repeated,
        query: &release.query,
        from: date_text(release.from_day),
        until: date_text(release.until_day),
        counts: counts.map(|(category, count)| CountAnswer { category, count: *count }).collect(),
        accuracy_95: release.accuracy_95,
        scale: release.scale,
        contribution_bound: release.contribution_bound,
        unit: &release.unit,
        epsilon_nano: release.epsilon_nano,
        spent_nano: release.spent_nano,
        cap_nano: release.cap_nano,
    }
}

fn tell(release: &StatisticsRelease, repeated: bool) -> Result<(), CliError> {
    let again = if repeated { ", released before: nothing was charged" } else { "" };
    output::answer(format!("release {}{again}", release.release_id))?;
    output::answer(format!("{}, {}:", release.query, days(release.from_day, release.until_day)))?;
    let counts = release.categories.iter().map(String::as_str).zip(release.counts.iter().copied());
    tell_counts(counts, release.accuracy_95)?;
    let (charged, spent) = (loss(release.epsilon_nano), loss(release.spent_nano));
    let left = match release.cap_nano {
        0 => String::new(),
        cap_nano => format!(", {} left", loss(cap_nano.saturating_sub(release.spent_nano))),
    };
    if let Ok(query) = release.query.parse::<Query>() {
        output::answer(format!("the noise hides {}", query.unit().words()))?;
    }
    output::answer(format!("privacy loss {charged}; spent in the quarter so far {spent}{left}"))
}
