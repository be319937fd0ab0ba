//! `hushwire stats`: counts with noise, within the privacy budget of the quarter.

mod list;
mod release;
mod sum;

use clap::Subcommand;
use serde::Serialize;
use tonic::Request;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, Node, block_on};
use crate::app::cli::stats::list::{ListArgs, list};
use crate::app::cli::stats::release::{ReleaseArgs, release};
use crate::app::cli::stats::sum::{SumArgs, sum};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::role::Role;
use crate::base::time::Day;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::period::{date_text, parse_date};
use crate::domain::statistics::question::{Query, QueryError};
use crate::io::grpc::wire::hushwire::compliance::v1::statistics_service_client::StatisticsServiceClient;
use crate::io::grpc::wire::hushwire::compliance::v1::{GetBudgetRequest, GetBudgetResponse, NoisedCount};

/// Who may ask about statistics.
const READERS: [Role; 2] = [Role::Auditor, Role::Operator];

/// Rows of a figure that is shown whole; of a larger one, what stands out of its noise.
const WHOLE_ROWS: usize = 16;

/// Release noised counts, read others', and look at the privacy budget
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire stats release --id week-47 --from 2026-11-16 --until 2026-11-23
  hushwire stats release --id why-so-many --question cases-by-outcome --epsilon 0.25
  hushwire stats list --member bank-a
  hushwire stats sum --question orders-by-decision
  hushwire stats budget

A release answers one question about this member, with noise that hides whether any one case, identifier or customer is \
among what it counts. It is charged to the budget of the quarter before the noise is drawn, and published in the member's feed. \
The same id always returns the same counts and is charged once. A refused release costs nothing. Releases of every day or \
week the node makes by itself where [statistics] of its configuration says so.")]
pub struct StatsArgs {
    #[command(subcommand)]
    command: StatsCommand,
}

#[derive(Debug, Subcommand)]
enum StatsCommand {
    Release(ReleaseArgs),
    List(ListArgs),
    Sum(SumArgs),
    Budget(BudgetArgs),
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

fn question(text: &str) -> Result<Query, QueryError> {
    text.parse()
}

#[derive(Debug, Serialize)]
struct CountAnswer<'a> {
    category: &'a str,
    count: i64,
}

#[derive(Debug, Serialize)]
struct BudgetAnswer {
    spent_nano: u64,
    cap_nano: u64,
    left_nano: u64,
    kept_nano: u64,
    skipped_releases: u32,
    renews: String,
}

/// See the module's documentation.
pub fn run(args: StatsArgs) -> Result<Outcome, CliError> {
    match args.command {
        StatsCommand::Release(args) => release(&args),
        StatsCommand::List(args) => list(args),
        StatsCommand::Sum(args) => sum(&args),
        StatsCommand::Budget(args) => budget(&args),
    }
}

/// Days as people read them: the last one included.
fn days(from: Day, until: Day) -> String {
    let last = Day(until.0.saturating_sub(1));
    if from == last { date_text(from) } else { format!("{} to {}", date_text(from), date_text(last)) }
}

/// The rows of a figure, each with its error bar.
fn tell_counts<'a>(counts: impl Iterator<Item = (&'a str, i64)>, half_width: f64) -> Result<(), CliError> {
    let counts: Vec<(&str, i64)> = counts.collect();
    let (all, whole) = (counts.len(), counts.len() <= WHOLE_ROWS);
    // A count is far below 2^53.
    let stands_out = |count: i64| i32::try_from(count).is_ok_and(|count| f64::from(count) > half_width);
    let shown: Vec<_> = counts.into_iter().filter(|(_, count)| whole || stands_out(*count)).collect();
    for (category, count) in &shown {
        // Less than nothing is noise; the published figure keeps it, a reader is served better by 0.
        output::answer(format!("  {category:<22} {:>8}  ± {half_width:.0}", count.max(&0)))?;
    }
    if shown.len() < all {
        let rest = output::counted(all - shown.len(), "category lies", "categories lie");
        output::answer(format!("  {rest} within the noise (--json shows all)"))?;
    }
    output::answer("  (95 of 100 such intervals hold the true count; negative figures are shown as 0)")
}

fn answers(counts: &[NoisedCount]) -> Vec<CountAnswer<'_>> {
    counts.iter().map(|NoisedCount { category, count }| CountAnswer { category, count: *count }).collect()
}

/// For people, to the nearest millionth: what is charged is rounded up to the last billionth.
fn loss(nano: u64) -> Epsilon {
    Epsilon::from_nano(nano.saturating_add(500) / 1_000 * 1_000)
}

fn budget(args: &BudgetArgs) -> Result<Outcome, CliError> {
    let budget = block_on(async {
        let node = args.client.connect(&READERS)?;
        fetch_budget(&node).await
    })?;
    let GetBudgetResponse { spent_nano, cap_nano, left_nano, kept_nano, skipped_releases, renews_day } = budget;
    let renews = date_text(Day(renews_day));
    if args.json {
        output::answer_json(&BudgetAnswer { spent_nano, cap_nano, left_nano, kept_nano, skipped_releases, renews })?;
    } else {
        output::answer(format!("privacy loss spent this quarter: {} of {}", loss(spent_nano), loss(cap_nano)))?;
        output::answer(format!("left: {}, of which the schedule will need {}", loss(left_nano), loss(kept_nano)))?;
        if skipped_releases > 0 {
            output::answer(format!("scheduled releases given up for want of budget: {skipped_releases}"))?;
        }
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
