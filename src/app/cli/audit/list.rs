//! `hushwire audit list`: the newest records, for reading, for a spreadsheet, for a program.

use std::collections::VecDeque;

use prost_types::Timestamp as WireTime;
use serde::Serialize;
use tonic::Request;

use crate::app::cli::audit::{entry_of, from_node};
use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::time;
use crate::base::position::EntryIndex;
use crate::base::role::Role;
use crate::domain::audit::record::AuditRecord;
use crate::io::audit_rows::{AuditRow, COLUMNS, cells};
use crate::io::console::export::cell;
use crate::io::grpc::wire::hushwire::compliance::v1::ListAuditRecordsRequest;
use crate::io::grpc::wire::hushwire::compliance::v1::audit_service_client::AuditServiceClient;

/// Rows of one call.
const PAGE: u32 = 1_000;

/// Show what the node did, newest last
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire audit list
  hushwire audit list --action screening. --from 2026-11-20T00:00:00Z
  hushwire audit list --direction came --peer bank-b
  hushwire audit list --text 'hold single_indicator'
  hushwire audit list --action screening.decided --json | tail -n 20")]
pub struct ListArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Only actions that start with this, e.g. "screening." or "indicator.published"
    #[arg(long, default_value = "", value_name = "PREFIX")]
    action: String,
    /// Only records from this moment on: a date (its first moment in UTC), RFC 3339 or seconds since 1970
    #[arg(long, value_parser = time::parse_moment, value_name = "TIME")]
    from: Option<WireTime>,
    /// Only records before this moment
    #[arg(long, value_parser = time::parse_moment, value_name = "TIME")]
    until: Option<WireTime>,
    /// Only what went this way: left (to other members), came (from them), asked (inside) or local (the node's own)
    #[arg(long, value_name = "DIRECTION")]
    direction: Option<String>,
    /// Only what this member did, sent, received or said
    #[arg(long, value_name = "MEMBER")]
    peer: Option<String>,
    /// Only what is about identifiers of this kind, e.g. pan
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only records of this decision: allow, challenge, hold or block
    #[arg(long, value_name = "DECISION")]
    decision: Option<String>,
    /// Only records with this outcome: ok, refused or fault
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// Only actors with this in their name
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only records in which all of these words occur; an identifier is refused here: hushwire lookup finds it without a trace
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    /// Most records shown, the newest ones
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    limit: usize,
    /// Comma-separated values with a header, safe to open in a spreadsheet
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    records: VecDeque<AuditRow>,
}

pub(in crate::app::cli) fn run(args: ListArgs) -> Result<Outcome, CliError> {
    let found = block_on(fetch(&args))?;
    if args.json {
        let rows = found.iter().map(|(index, record)| AuditRow::new(EntryIndex(*index), record));
        output::answer_json(&Answer { records: rows.collect() })?;
    } else if args.csv {
        print_csv(&found)?;
    } else {
        for (index, record) in &found {
            output::answer(format!("{index:>8}  {record}"))?;
        }
        if found.is_empty() {
            output::remark("no record of this kind and time; without options all are shown");
        }
    }
    Ok(Outcome::Done)
}

async fn fetch(args: &ListArgs) -> Result<VecDeque<(u64, AuditRecord)>, CliError> {
    let node = args.client.connect(&[Role::Auditor, Role::Operator])?;
    let client = AuditServiceClient::new(node.channel.clone());
    let mut message = ListAuditRecordsRequest {
        page_size: PAGE,
        page_token: String::new(),
        action_prefix: args.action.clone(),
        from_ms: args.from.as_ref().map_or(0, time::milliseconds),
        until_ms: args.until.as_ref().map_or(0, time::milliseconds),
        newest_first: true,
        direction: args.direction.clone().unwrap_or_default(),
        peer: args.peer.clone().unwrap_or_default(),
        kind: args.kind.clone().unwrap_or_default(),
        decision: args.decision.clone().unwrap_or_default(),
        outcome: args.outcome.clone().unwrap_or_default(),
        actor: args.actor.clone().unwrap_or_default(),
        text: args.text.clone().unwrap_or_default(),
    };
    // Asked for from the newest on, and shown the other way round.
    let mut newest = VecDeque::new();
    loop {
        let call = || {
            let (mut client, mut request) = (client.clone(), Request::new(message.clone()));
            request.set_timeout(CALL_TIMEOUT);
            async move { client.list_audit_records(request).await }
        };
        let page = node.insist(call).await?;
        for sent in &page.entries {
            let entry = entry_of(sent)?;
            let Some(content) = entry.content() else { continue };
            let record = AuditRecord::decode(&content.blob).map_err(|error| from_node(sent.index, &error))?;
            if newest.len() < args.limit {
                newest.push_front((sent.index, record));
            }
        }
        if page.next_page_token.is_empty() || newest.len() >= args.limit {
            return Ok(newest);
        }
        message.page_token = page.next_page_token;
    }
}

fn print_csv(found: &VecDeque<(u64, AuditRecord)>) -> Result<(), CliError> {
    output::answer(COLUMNS.join(","))?;
    for (index, record) in found {
        let cells = cells(EntryIndex(*index), record).map(|text| cell(&text));
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        let row = writer.write_record(cells).ok().and_then(|()| writer.into_inner().ok());
        let row = row.and_then(|row| String::from_utf8(row).ok());
        let row = row.ok_or_else(|| CliError::failed("a record cannot be written as a row"))?;
        output::answer(row.trim_end())?;
    }
    Ok(())
}
