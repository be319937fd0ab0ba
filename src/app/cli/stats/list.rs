//! `hushwire stats list`.

use serde_json::json;
use tonic::Request;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::cli::stats::{READERS, answers, days, loss, question, tell_counts};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::name::MemberId;
use crate::base::time::Day;
use crate::domain::statistics::period::date_text;
use crate::domain::statistics::question::Query;
use crate::io::grpc::wire::hushwire::compliance::v1::statistics_service_client::StatisticsServiceClient;
use crate::io::grpc::wire::hushwire::compliance::v1::{ListReleasesRequest, MemberRelease};

/// Releases asked for at once.
const PAGE: u32 = 100;

/// List the releases of all members, the newest days first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire stats list
  hushwire stats list --member bank-a --question orders-by-decision --limit 4
  hushwire stats list --json | jq -r .release_id")]
pub(super) struct ListArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Only of this member
    #[arg(long, value_name = "MEMBER")]
    member: Option<MemberId>,
    /// Only of this question
    #[arg(long, value_parser = question, value_name = "QUESTION")]
    question: Option<Query>,
    /// Releases at most
    #[arg(long, value_name = "RELEASES", default_value_t = 20)]
    limit: usize,
    /// JSON on standard output: one object a release, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn list(args: ListArgs) -> Result<Outcome, CliError> {
    block_on(async {
        let node = args.client.connect(&READERS)?;
        let client = StatisticsServiceClient::new(node.channel.clone());
        let mut message = ListReleasesRequest {
            page_size: PAGE,
            page_token: String::new(),
            member: args.member.as_ref().map(ToString::to_string).unwrap_or_default(),
            query: args.question.map(|query| query.to_string()).unwrap_or_default(),
        };
        let mut shown = 0_usize;
        loop {
            let page = node
                .insist(|| {
                    let (mut client, mut request) = (client.clone(), Request::new(message.clone()));
                    request.set_timeout(CALL_TIMEOUT);
                    async move { client.list_releases(request).await }
                })
                .await?;
            for release in page.releases.iter().take(args.limit.saturating_sub(shown)) {
                if args.json {
                    output::answer(as_json(release).to_string())?
                } else {
                    tell(release)?
                }
                shown += 1;
            }
            if page.next_page_token.is_empty() || shown >= args.limit {
                break;
            }
            message.page_token = page.next_page_token;
        }
        if !args.json {
            output::remark(output::counted(shown, "release", "releases"));
        }
        Ok(Outcome::Done)
    })
}

fn as_json(release: &MemberRelease) -> serde_json::Value {
    json!({
        "member": release.member,
        "release_id": release.release_id,
        "query": release.query,
        "from": date_text(Day(release.from_day)),
        "until": date_text(Day(release.until_day)),
        "counts": answers(&release.counts),
        "accuracy_95": release.accuracy_95,
        "scale": release.scale,
        "contribution_bound": release.contribution_bound,
        "unit": release.unit,
        "epsilon_nano": release.epsilon_nano,
        "spent_nano": release.spent_nano,
        "left_nano": release.left_nano,
    })
}

fn tell(release: &MemberRelease) -> Result<(), CliError> {
    let MemberRelease { member, release_id, query, from_day, until_day, .. } = release;
    output::answer(format!("{member}, {query}, {} ({release_id}):", days(Day(*from_day), Day(*until_day))))?;
    if release.counts.is_empty() {
        output::answer("  it counts other categories than this program")?;
    } else {
        let counts = release.counts.iter().map(|one| (one.category.as_str(), one.count));
        tell_counts(counts, release.accuracy_95)?;
    }
    let left = release.left_nano.map(|nano| format!(", {} left", loss(nano))).unwrap_or_default();
    let spent = loss(release.spent_nano);
    output::answer(format!("  privacy loss {}; spent in its quarter {spent}{left}", loss(release.epsilon_nano)))
}
