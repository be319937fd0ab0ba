//! `hushwire stats sum`.

use serde_json::json;
use tonic::Request;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, Node, block_on};
use crate::app::cli::stats::{READERS, answers, day, days, loss, question, tell_counts};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::time::Day;
use crate::domain::statistics::period::date_text;
use crate::domain::statistics::question::Query;
use crate::domain::statistics::schedule::last_week;
use crate::domain::statistics::sum::Missing;
use crate::io::clock;
use crate::io::grpc::wire::hushwire::compliance::v1::statistics_service_client::StatisticsServiceClient;
use crate::io::grpc::wire::hushwire::compliance::v1::{SumReleasesRequest, SumReleasesResponse};

/// Add up what all members released of the same question and days
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire stats sum
  hushwire stats sum --question orders-by-decision --from 2026-11-16 --until 2026-11-23

Without days it is the last whole week, as the schedule releases it. Who has released nothing is named, and does not count as \
zero. It costs no budget.")]
pub(super) struct SumArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// What is counted; every question where not given
    #[arg(long, value_parser = question, value_name = "QUESTION")]
    question: Option<Query>,
    /// First day, YYYY-MM-DD
    #[arg(long, value_parser = day, value_name = "DATE", requires = "until")]
    from: Option<Day>,
    /// The day after the last, YYYY-MM-DD
    #[arg(long, value_parser = day, value_name = "DATE", requires = "from")]
    until: Option<Day>,
    /// JSON on standard output: one object a question, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn sum(args: &SumArgs) -> Result<Outcome, CliError> {
    let week = last_week(clock::now().day());
    let (from, until) = (args.from.unwrap_or(week.from()), args.until.unwrap_or(week.until()));
    let all = args.question.map_or(Query::ALL.to_vec(), |query| vec![query]);
    block_on(async {
        let node = args.client.connect(&READERS)?;
        for query in all {
            let sum = fetch(&node, query, from, until).await?;
            if args.json { output::answer(as_json(&sum).to_string())? } else { tell(&sum, query)? }
        }
        Ok(Outcome::Done)
    })
}

async fn fetch(node: &Node, query: Query, from: Day, until: Day) -> Result<SumReleasesResponse, CliError> {
    let message = SumReleasesRequest { query: query.to_string(), from_day: from.0, until_day: until.0 };
    let client = StatisticsServiceClient::new(node.channel.clone());
    node.insist(|| {
        let (mut client, mut request) = (client.clone(), Request::new(message.clone()));
        request.set_timeout(CALL_TIMEOUT);
        async move { client.sum_releases(request).await }
    })
    .await
}

fn as_json(sum: &SumReleasesResponse) -> serde_json::Value {
    let shares = sum.shares.iter().map(|share| {
        json!({
            "member": share.member,
            "release_id": share.release_id,
            "scale": share.scale,
            "contribution_bound": share.contribution_bound,
            "epsilon_nano": share.epsilon_nano,
            "left_nano": share.left_nano,
        })
    });
    let missing = sum.missing.iter().map(|one| json!({"member": one.member, "reason": one.reason}));
    json!({
        "query": sum.query,
        "from": date_text(Day(sum.from_day)),
        "until": date_text(Day(sum.until_day)),
        "counts": answers(&sum.counts),
        "noise_sd": sum.noise_sd,
        "half_width_95": sum.half_width_95,
        "unit": sum.unit,
        "epsilon_nano": sum.epsilon_nano,
        "shares": shares.collect::<Vec<_>>(),
        "missing": missing.collect::<Vec<_>>(),
    })
}

fn tell(sum: &SumReleasesResponse, query: Query) -> Result<(), CliError> {
    let members = output::counted(sum.shares.len(), "member", "members");
    output::answer(format!("{query}, {}, of {members}:", days(Day(sum.from_day), Day(sum.until_day))))?;
    if !sum.shares.is_empty() {
        let counts = sum.counts.iter().map(|one| (one.category.as_str(), one.count));
        tell_counts(counts, sum.half_width_95)?;
        let lost = loss(sum.epsilon_nano);
        output::answer(format!("  the noise hides {} at each member", query.unit().words()))?;
        output::answer(format!("  privacy loss {lost} at most, for who is known to every one of them"))?;
    }
    for share in &sum.shares {
        let left = share.left_nano.map(|nano| format!(", {} left of its quarter", loss(nano))).unwrap_or_default();
        let noise = format!("noise of scale {}", share.scale);
        output::answer(format!("  in it: {} ({}), {noise}{left}", share.member, share.release_id))?;
    }
    for missing in &sum.missing {
        let known = [Missing::NotReleased, Missing::OtherCategories, Missing::Quarantined];
        let why = known.into_iter().find(|why| why.name() == missing.reason).map_or("is missing", Missing::words);
        output::answer(format!("  not in it: {} {why}", missing.member))?;
    }
    Ok(())
}
