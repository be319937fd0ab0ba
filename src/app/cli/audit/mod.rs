//! `hushwire audit`: what this node did, for people and for third parties.
//!
//! `list`, `activity`, `export`, `prove`, `hold` and `size` ask a running node; `verify` needs nothing but the file. What stood behind a decision tells
//! [`crate::app::cli::explain`].

mod activity;
mod decision;
mod export;
mod hold;
mod list;
mod prove;
mod report;
mod size;
mod trusted;
pub(in crate::app::cli) mod verify;

use std::path::Path;

use clap::Subcommand;

use crate::app::outcome::{CliError, Outcome};
use crate::domain::audit::evidence::Fault;
use crate::domain::audit::keys::LogKeys;
use crate::domain::feed::entry::{Content, Entry};
use crate::io::grpc::wire::hushwire::compliance::v1::AuditEntry;

/// Read, export, verify, prove and hold what this node did
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire audit list --action screening.decided --limit 20
  hushwire audit list --from 2026-11-01T00:00:00Z --csv > november.csv
  hushwire audit activity --days 7
  hushwire audit export --out audit.jsonl
  hushwire audit verify audit.jsonl
  hushwire audit prove --decision DECISION_ID --out proof.json
  hushwire audit prove --from 2026-10-01 --to 2026-11-01 --out october.jsonl
  hushwire audit hold add --decision DECISION_ID --reason complaint
  hushwire audit size
  hushwire audit verify proof.json --key 'demo.example/bank-a/audit+…'

Whoever receives an export or a proof verifies it with `hushwire audit verify`, offline, with the verifier key from the \
consortium's roster.")]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    List(list::ListArgs),
    Activity(activity::ActivityArgs),
    Export(export::ExportArgs),
    Verify(verify::VerifyArgs),
    Prove(prove::ProveArgs),
    Hold(hold::HoldArgs),
    Size(size::SizeArgs),
}

/// See the module's documentation.
pub fn run(args: AuditArgs) -> Result<Outcome, CliError> {
    match args.command {
        AuditCommand::List(args) => list::run(args),
        AuditCommand::Activity(args) => activity::run(args),
        AuditCommand::Export(args) => export::run(args),
        AuditCommand::Verify(args) => verify::run(args),
        AuditCommand::Prove(args) => prove::run(args),
        AuditCommand::Hold(args) => hold::run(args),
        AuditCommand::Size(args) => size::run(args),
    }
}

/// Evidence that was handed out before is not replaced by accident.
pub(in crate::app::cli) fn refuse_existing(out: &Path) -> Result<(), CliError> {
    if out.exists() {
        return Err(CliError::failed(format!("{} exists already", out.display())).hint("choose another --out"));
    }
    Ok(())
}

/// An entry as the node sent it, its content checked against its leaf.
fn entry_of(sent: &AuditEntry) -> Result<Entry, CliError> {
    let content = match (sent.blob.as_slice(), sent.salt.as_slice()) {
        ([], []) => None,
        (blob, salt) => {
            let salt = salt.try_into().map_err(|error| from_node(sent.index, &error))?;
            Some(Content { blob: blob.to_vec(), salt })
        }
    };
    Entry::from_parts(&sent.leaf, content).map_err(|error| from_node(sent.index, &error))
}

fn from_node(index: u64, error: &impl ToString) -> CliError {
    CliError::not_verified(format!("entry {index} as the node sent it: {}", error.to_string()))
        .hint("hushwire doctor says what is damaged and how it is mended")
}

/// The keys a node names for its log.
fn keys_of(verifier_key: &str, witness_keys: &[String]) -> Result<LogKeys, CliError> {
    LogKeys::parse(verifier_key, witness_keys).map_err(|fault| unusable(&fault))
}

pub(in crate::app::cli) fn unusable(fault: &Fault) -> CliError {
    CliError::not_verified(format!("what the node sent does not verify: {fault}"))
}
