//! `hushwire list show`: what stands on the own lists now.

use serde_json::{Value, json};

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::cli::list::{ROLES, list, number};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::{time, words};
use crate::domain::screening::own_lists::{ListingReason, OwnList};
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::lists_service_client::ListsServiceClient;

/// Entries asked for at once.
const PAGE: u32 = 1_000;

/// Show what stands on the lists now
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire list show
  hushwire list show block --json

The node does not hold the identifiers: an entry shows its kind, its reason and the name by which it can be removed.")]
pub(super) struct ShowArgs {
    /// allow or block; both where not given
    #[arg(value_parser = list)]
    list: Option<OwnList>,
    #[command(flatten)]
    client: ClientArgs,
    /// JSON on standard output: one object an entry, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: ShowArgs) -> Result<Outcome, CliError> {
    block_on(async {
        let node = args.client.connect(&ROLES)?;
        let client = ListsServiceClient::new(node.channel.clone());
        let mut page_token = String::new();
        let mut shown = 0_usize;
        loop {
            let request = local::ListListedRequest {
                list: args.list.map_or(0, |list| number(list.number())),
                page_size: PAGE,
                page_token: page_token.clone(),
            };
            let page = node
                .insist(|| {
                    let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
                    call.set_timeout(CALL_TIMEOUT);
                    async move { client.list_listed(call).await }
                })
                .await?;
            for entry in &page.entries {
                shown += 1;
                output::answer(if args.json { as_json(entry).to_string() } else { in_words(entry) })?;
            }
            if page.next_page_token.is_empty() {
                break;
            }
            page_token = page.next_page_token;
        }
        if !args.json {
            output::remark(output::counted(shown, "entry", "entries"));
        }
        Ok(Outcome::Done)
    })
}

fn list_word(number: i32) -> &'static str {
    u32::try_from(number).ok().and_then(OwnList::from_number).map_or("unspecified", OwnList::label)
}

fn reason_word(number: i32) -> &'static str {
    u32::try_from(number).ok().and_then(ListingReason::from_number).map_or("unspecified", ListingReason::label)
}

fn as_json(entry: &local::ListedIdentifier) -> Value {
    json!({
        "list": list_word(entry.list),
        "name": entry.name,
        "kind": words::kind_label(entry.kind),
        "since": entry.since.as_ref().map(time::show),
        "until": entry.until.as_ref().map(time::show),
        "reason": reason_word(entry.reason),
        "note": entry.note,
    })
}

fn in_words(entry: &local::ListedIdentifier) -> String {
    let since = entry.since.as_ref().map(time::show).unwrap_or_default();
    let until = entry.until.as_ref().map(|until| format!(" until {}", time::show(until))).unwrap_or_default();
    let note = if entry.note.is_empty() { String::new() } else { format!(": {}", entry.note) };
    let (list, kind, reason) = (list_word(entry.list), words::kind_label(entry.kind), reason_word(entry.reason));
    format!("{}  {list:<5}  {kind:<8}  since {since}{until}  {reason}{note}", entry.name)
}
