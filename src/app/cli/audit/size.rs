//! `hushwire audit size`: what the log takes, and what retention will free.

use serde::Serialize;
use tonic::Request;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::role::Role;
use crate::io::grpc::wire::hushwire::compliance::v1::audit_service_client::AuditServiceClient;
use crate::io::grpc::wire::hushwire::compliance::v1::{GetAuditSizeRequest, GetAuditSizeResponse};

/// Show what the log takes on the disk, by kind and month, and what retention will free
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire audit size
  hushwire audit size --json

Bytes are those before encryption and framing. Contents go in the week after their retention ends; leaves, 70 bytes an entry, \
stay for ever, and with them every proof. What legal holds keep beyond its time is shown apart (hushwire audit hold list).")]
pub struct SizeArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    month: &'a str,
    kind: &'a str,
    entries: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Freed<'a> {
    month: &'a str,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    entries: u64,
    bytes: u64,
    held_bytes: u64,
    rows: Vec<Row<'a>>,
    freed: Vec<Freed<'a>>,
}

pub(in crate::app::cli) fn run(args: SizeArgs) -> Result<Outcome, CliError> {
    let size = block_on(fetch(&args))?;
    let bytes = size.rows.iter().map(|row| row.bytes).sum();
    if args.json {
        let rows = size.rows.iter().map(|row| Row {
            month: &row.month,
            kind: &row.kind,
            entries: row.entries,
            bytes: row.bytes,
        });
        let freed = size.freed.iter().map(|freed| Freed { month: &freed.month, bytes: freed.bytes });
        let (entries, held_bytes) = (size.entries, size.held_bytes);
        output::answer_json(&Answer { entries, bytes, held_bytes, rows: rows.collect(), freed: freed.collect() })?;
        return Ok(Outcome::Done);
    }
    output::answer(format!("{:<9}{:<14}{:>10}{:>14}", "month", "kind", "records", "bytes"))?;
    for row in &size.rows {
        let month = if row.month.is_empty() { "-" } else { &row.month };
        output::answer(format!("{month:<9}{:<14}{:>10}{:>14}", row.kind, row.entries, row.bytes))?;
    }
    output::answer(format!("{:<9}{:<14}{:>10}{bytes:>14}", "all", "", size.entries))?;
    for freed in &size.freed {
        output::answer(format!("retention frees {} bytes after {}", freed.bytes, freed.month))?;
    }
    if size.held_bytes > 0 {
        output::answer(format!("legal holds keep {} bytes beyond their time", size.held_bytes))?;
    }
    Ok(Outcome::Done)
}

async fn fetch(args: &SizeArgs) -> Result<GetAuditSizeResponse, CliError> {
    let node = args.client.connect(&[Role::Auditor, Role::Operator])?;
    let client = AuditServiceClient::new(node.channel.clone());
    node.insist(|| {
        let (mut client, mut request) = (client.clone(), Request::new(GetAuditSizeRequest {}));
        request.set_timeout(CALL_TIMEOUT);
        async move { client.get_audit_size(request).await }
    })
    .await
}
