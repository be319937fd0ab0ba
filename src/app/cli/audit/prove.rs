//! `hushwire audit prove`: one record with its proof, for a customer, an auditor, a court; or the report of a period, which
//! [`crate::app::cli::audit::report`] fetches.

use std::path::PathBuf;

use prost_types::Timestamp as WireTime;
use tonic::Request;

use crate::app::cli::audit::verify::{self, Good};
use crate::app::cli::audit::{entry_of, keys_of, refuse_existing, report, unusable};
use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, block_on};
use crate::app::outcome::{CliError, Outcome};
use crate::app::records::time;
use crate::base::bytes::TreeHash;
use crate::base::position::EntryIndex;
use crate::base::role::Role;
use crate::domain::audit::proof::{proof_file, verify_proof};
use crate::io::clock;
use crate::io::grpc::wire::hushwire::compliance::v1::audit_service_client::AuditServiceClient;
use crate::io::grpc::wire::hushwire::compliance::v1::{ProveAuditRecordRequest, ProveAuditRecordResponse};
use crate::io::keystore::file::{Readers, write};

/// Write a file that proves one record, or all of a period, to somebody who trusts only the roster
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire audit prove --decision 5f0c… --out proof.json
  hushwire audit prove --index 4711 --out proof.json
  hushwire audit prove --from 2026-10-01 --to 2026-11-01 --out october.jsonl

The decision's id stands in the answer of the screening and in hushwire audit list. A report holds every record of its \
period and none is missing: what left, what came, what was decided on which statements, each with proof, and totals that \
whoever verifies it counts again. It shows no identifier and no pseudonym. Making it is recorded in the log, and that record \
stands in it.")]
pub struct ProveArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// The record of this decision
    #[arg(long, value_name = "DECISION_ID", required_unless_present_any = ["index", "from"], conflicts_with = "index")]
    decision: Option<String>,
    /// The record at this index of the log
    #[arg(long)]
    index: Option<u64>,
    /// All of a period, from this moment on: a date (its first moment in UTC), RFC 3339 or seconds since 1970
    #[arg(long, value_parser = time::parse_moment, value_name = "TIME", requires = "to", conflicts_with_all = ["decision", "index"])]
    from: Option<WireTime>,
    /// Until just before this moment, which has passed
    #[arg(long, value_parser = time::parse_moment, value_name = "TIME", requires = "from")]
    to: Option<WireTime>,
    /// File to write, which must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(in crate::app::cli) fn run(args: ProveArgs) -> Result<Outcome, CliError> {
    refuse_existing(&args.out)?;
    if let (Some(from), Some(to)) = (&args.from, &args.to) {
        let period = (time::milliseconds(from), time::milliseconds(to));
        return report::run(&args.client, period, &args.out, args.json);
    }
    let proof = block_on(fetch(&args))?;
    let file = file_of(&proof)?;
    // What a reader would refuse is not handed out.
    let (checked, verified) = verify_proof(&file, clock::now().day()).map_err(|fault| unusable(&fault))?;
    write(&args.out, file.as_bytes(), Readers::Owner).map_err(|error| CliError::failed(error.to_string()))?;
    verify::tell(&Good { log: verified, record: checked.record, decision: None, report: None }, args.json)?;
    Ok(Outcome::Done)
}

async fn fetch(args: &ProveArgs) -> Result<ProveAuditRecordResponse, CliError> {
    let node = args.client.connect(&[Role::Auditor, Role::Operator])?;
    let client = AuditServiceClient::new(node.channel.clone());
    let message = ProveAuditRecordRequest { index: args.index, decision_id: args.decision.clone().unwrap_or_default() };
    node.insist(|| {
        let (mut client, mut request) = (client.clone(), Request::new(message.clone()));
        request.set_timeout(CALL_TIMEOUT);
        async move { client.prove_audit_record(request).await }
    })
    .await
}

fn file_of(proof: &ProveAuditRecordResponse) -> Result<String, CliError> {
    let keys = keys_of(&proof.verifier_key, &proof.witness_keys)?;
    let sent = proof.entry.as_ref().ok_or_else(|| CliError::failed("the node sent no record"))?;
    let hashes = proof.inclusion.iter().map(|hash| TreeHash::try_from(hash.as_slice()));
    let inclusion = hashes.collect::<Result<Vec<_>, _>>().map_err(|error| CliError::not_verified(error.to_string()))?;
    let checkpoint = keys.trim(&proof.checkpoint).map_err(|fault| unusable(&fault))?;
    proof_file(&keys, EntryIndex(sent.index), &entry_of(sent)?, &inclusion, &checkpoint)
        .map_err(|fault| unusable(&fault))
}
