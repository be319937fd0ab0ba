//! `hushwire case watch`: changes of cases as they happen.

use crate::app::cli::case::READERS;
use crate::app::cli::case::shown::{as_json, one_line};
use crate::app::cli::client::{ClientArgs, block_on, explain};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::case_service_client::CaseServiceClient;

/// Show every change of a case as it happens
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire case watch
  hushwire case watch --json --behind 1842

Ends with the node, or after --count changes. A program notes the position of the last change and begins its next watch behind \
it: nothing is missed in between, also over restarts of the node.")]
pub(super) struct WatchArgs {
    /// Begin behind this position, as a change told it; with what happens from now on where not given
    #[arg(long, value_name = "POSITION")]
    behind: Option<u64>,
    /// End after so many changes
    #[arg(long, value_name = "CHANGES")]
    count: Option<u64>,
    #[command(flatten)]
    client: ClientArgs,
    /// JSON on standard output: one object a change, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: WatchArgs) -> Result<Outcome, CliError> {
    block_on(async {
        let node = args.client.connect(&READERS)?;
        let mut client = CaseServiceClient::new(node.channel.clone());
        let request = local::WatchCasesRequest { position: args.behind };
        let explained = |status: tonic::Status| explain(&status, &node.endpoint);
        let mut changes = client.watch_cases(request).await.map_err(explained)?.into_inner();
        let mut shown = 0;
        while args.count.is_none_or(|count| shown < count)
            && let Some(change) = changes.message().await.map_err(explained)?
        {
            let Some(case) = change.case else { continue };
            if args.json {
                let mut value = as_json(&case);
                if let Some(object) = value.as_object_mut() {
                    object.insert("position".to_owned(), change.position.into());
                }
                output::answer(value.to_string())?;
            } else {
                output::answer(one_line(&case))?;
            }
            shown += 1;
        }
        Ok(Outcome::Done)
    })
}
