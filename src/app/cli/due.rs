//! `hushwire due`: what must be published again, because nobody will find it under the next key epoch.

use serde::Serialize;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::words;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::publishing_service_client::PublishingServiceClient;

/// Rows of one call.
const PAGE: u32 = 1_000;

/// List what you published under an earlier key epoch and still holds: publish it again from your own records
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire due
  hushwire due --json | jq -r '.due[].name'
  hushwire due --csv > due.csv

A node keeps no identifiers, so only you can carry them into a new epoch. Find each case by the name that publish wrote to \
--names, and publish it again with that name in the column supersedes: the old one is withdrawn with it.")]
pub struct DueArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Comma-separated values with a header
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// One indicator to publish again.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    epoch: u32,
    /// After this moment nobody can match it; unknown while the roster holds no next epoch.
    readable_until: Option<String>,
}

#[derive(Debug, Serialize)]
struct Answer {
    due: Vec<Row>,
}

/// See the module's documentation.
pub fn run(args: DueArgs) -> Result<Outcome, CliError> {
    let due = block_on(fetch(&args.client))?;
    if args.json {
        output::answer_json(&Answer { due })?;
        return Ok(Outcome::Done);
    }
    if args.csv {
        output::answer("name,kind,epoch,readable_until")?;
    }
    for Row { name, kind, epoch, readable_until } in &due {
        let until = readable_until.as_deref();
        output::answer(match args.csv {
            true => format!("{name},{kind},{epoch},{}", until.unwrap_or_default()),
            false => {
                format!("{name}  {kind}, epoch {epoch}, found until {}", until.unwrap_or("the next epoch ends it"))
            }
        })?;
    }
    if !args.csv {
        output::remark(format!("{} to publish again", output::counted(due.len(), "indicator", "indicators")));
    }
    Ok(Outcome::Done)
}

async fn fetch(client: &ClientArgs) -> Result<Vec<Row>, CliError> {
    let node = client.connect(&[Role::Publisher])?;
    let client = PublishingServiceClient::new(node.channel.clone());
    let mut message = local::ListDueForRepublicationRequest { page_size: PAGE, page_token: String::new() };
    let mut rows = Vec::new();
    loop {
        let call = || {
            let (mut client, mut request) = (client.clone(), tonic::Request::new(message.clone()));
            request.set_timeout(CALL_TIMEOUT);
            async move { client.list_due_for_republication(request).await }
        };
        let page = node.insist(call).await?;
        rows.extend(page.due.into_iter().map(|due| Row {
            kind: words::kind_label(due.kind),
            name: due.name,
            epoch: due.epoch,
            readable_until: due.readable_until.and_then(|until| shown(&until)),
        }));
        if page.next_page_token.is_empty() {
            return Ok(rows);
        }
        message.page_token = page.next_page_token;
    }
}

fn shown(time: &prost_types::Timestamp) -> Option<String> {
    u64::try_from(time.seconds).ok().map(|seconds| Timestamp::from_unix_s(seconds).to_string())
}
