//! `hushwire stats`: counts with noise, within the privacy budget of the quarter.

use clap::Subcommand;
use serde::Serialize;
use tonic::Request;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, Node, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::role::Role;
use crate::base::time::Day;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::period::{Quarter, date_text, parse_date};
use crate::domain::statistics::question::ReleaseId;
use crate::io::clock;
use crate::io::grpc::wire::hushwire::compliance::v1::statistics_service_client::StatisticsServiceClient;
use crate::io::grpc::wire::hushwire::compliance::v1::{GetBudgetRequest, GetBudgetResponse, ReleaseStatisticsRequest};

/// Release noised counts and look at the privacy budget
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire stats release --id week-2026-47 --from 2026-11-16 --until 2026-11-23
  hushwire stats release --id quarter-to-date --epsilon 0.25
  hushwire stats budget

A release counts what this member published, by kind, with noise that hides whether any one case, or any one \
identifier published without a case, is among it. It is charged to the budget of the quarter before the noise is drawn, and \
published in the member's feed. The same id always returns the same counts and is charged once. A refused release costs \
nothing.")]
pub struct StatsArgs {
    #[command(subcommand)]
    command: StatsCommand,
}

#[derive(Debug, Subcommand)]
enum StatsCommand {
    Release(ReleaseArgs),
    Budget(BudgetArgs),
}

/// Release one noised count by kind
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire stats release --id week-2026-47 --from 2026-11-16 --until 2026-11-23
  hushwire stats release --id quarter-to-date --epsilon 0.25")]
pub struct ReleaseArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Stable id of the release: lower-case letters, digits, '.' and '-'
    #[arg(long)]
    id: ReleaseId,
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

/// Show what is spent of the quarter's budget and when the next begins
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  hushwire stats budget")]
pub struct BudgetArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

fn day(text: &str) -> Result<Day, String> {
    parse_date(text).ok_or_else(|| "a day is written YYYY-MM-DD, from 1970 to 9999".to_owned())
}

#[derive(Debug, Serialize)]
struct CountAnswer<'a> {
    category: &'a str,
    count: i64,
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
    epsilon_nano: u64,
    spent_nano: u64,
}

#[derive(Debug, Serialize)]
struct BudgetAnswer {
    spent_nano: u64,
    cap_nano: u64,
    renews: String,
}

/// See the module's documentation.
pub fn run(args: StatsArgs) -> Result<Outcome, CliError> {
    match args.command {
        StatsCommand::Release(args) => release(&args),
        StatsCommand::Budget(args) => budget(&args),
    }
}

fn release(args: &ReleaseArgs) -> Result<Outcome, CliError> {
    let today = clock::now().day();
    let message = ReleaseStatisticsRequest {
        release_id: args.id.to_string(),
        from_day: args.from.unwrap_or_else(|| Quarter::of(args.until.unwrap_or(today)).first_day()).0,
        until_day: args.until.unwrap_or(today.next()).0,
        epsilon_nano: args.epsilon.map_or(0, Epsilon::nano),
    };
    let answer = block_on(async {
        let node = args.client.connect(&[Role::Operator])?;
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
        epsilon_nano: release.epsilon_nano,
        spent_nano: release.spent_nano,
    }
}

fn tell(release: &StatisticsRelease, repeated: bool) -> Result<(), CliError> {
    let again = if repeated { ", released before: nothing was charged" } else { "" };
    output::answer(format!("release {}{again}", release.release_id))?;
    let (from, until) = (date_text(release.from_day), date_text(release.until_day));
    output::answer(format!("{}, from {from} to before {until}:", release.query))?;
    for (category, count) in release.categories.iter().zip(&release.counts) {
        // Less than nothing is noise; the published figure keeps it, a reader is served better by 0.
        output::answer(format!("  {category:<10} {:>8}  ± {:.0}", count.max(&0), release.accuracy_95))?;
    }
    output::answer("  (95 of 100 such intervals hold the true count; negative figures are shown as 0)")?;
    let (charged, spent) = (loss(release.epsilon_nano), loss(release.spent_nano));
    output::answer(format!("privacy loss {charged}; spent in the quarter so far {spent}"))
}

/// For people, to the nearest millionth: what is charged is rounded up to the last billionth.
fn loss(nano: u64) -> Epsilon {
    Epsilon::from_nano(nano.saturating_add(500) / 1_000 * 1_000)
}

fn budget(args: &BudgetArgs) -> Result<Outcome, CliError> {
    let budget = block_on(async {
        let node = args.client.connect(&[Role::Auditor, Role::Operator])?;
        fetch_budget(&node).await
    })?;
    let renews = date_text(Day(budget.renews_day));
    if args.json {
        output::answer_json(&BudgetAnswer { spent_nano: budget.spent_nano, cap_nano: budget.cap_nano, renews })?;
    } else {
        let (spent, cap) = (loss(budget.spent_nano), loss(budget.cap_nano));
        output::answer(format!("privacy loss spent this quarter: {spent} of {cap}"))?;
        output::answer(format!("a new budget begins on {renews}, for data from that day on"))?;
    }
    Ok(Outcome::Done)
}

async fn fetch_budget(node: &Node) -> Result<GetBudgetResponse, CliError> {
    let client = StatisticsServiceClient::new(node.channel.clone());
    node.insist(|| {
        let (mut client, mut request) = (client.clone(), Request::new(GetBudgetRequest {}));
        request.set_timeout(CALL_TIMEOUT);
        async move { client.get_budget(request).await }
    })
    .await
}
