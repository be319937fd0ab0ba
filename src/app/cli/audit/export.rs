//! `hushwire audit export`: the log as a file that anybody can verify. It is verified while it is written; a file that does
//! not verify does not stay.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use tonic::Request;

use crate::app::cli::audit::verify::{self, Good};
use crate::app::cli::audit::{entry_of, from_node, keys_of, refuse_existing, unusable};
use crate::app::cli::client::{ClientArgs, block_on, explain};
use crate::app::outcome::{CliError, Outcome};
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::role::Role;
use crate::domain::audit::evidence::Verified;
use crate::domain::audit::export::{ExportVerifier, end_line, entry_line, header_line};
use crate::domain::feed::tree::CompactRange;
use crate::io::clock;
use crate::io::grpc::wire::hushwire::compliance::v1::audit_service_client::AuditServiceClient;
use crate::io::grpc::wire::hushwire::compliance::v1::{ExportAuditLogRequest, ExportAuditLogResponse};

/// Write the log to a file that a third party can verify offline
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire audit export --out audit.jsonl
  hushwire audit export --out since.jsonl --from 48000

The file is verified while it is written. Whoever gets it verifies it again, offline: hushwire audit verify FILE.")]
pub struct ExportArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// File to write, which must not exist yet; it appears when it is complete
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// First entry; the export then also proves what it continues
    #[arg(long, default_value_t = 0, value_name = "INDEX")]
    from: u64,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(in crate::app::cli) fn run(args: ExportArgs) -> Result<Outcome, CliError> {
    refuse_existing(&args.out)?;
    let mut unfinished = args.out.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    match block_on(export(&args, &unfinished)) {
        Ok(verified) => {
            std::fs::rename(&unfinished, &args.out).map_err(|error| unwritable(&args.out, &error))?;
            verify::tell(&Good { log: verified.clone(), record: None, decision: None, report: None }, args.json)?;
            Ok(Outcome::Done)
        }
        Err(error) => {
            // Best effort: the error that counts is the one before.
            let _absent = std::fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed(format!("{}: {error}", path.display()))
}

async fn export(args: &ExportArgs, path: &Path) -> Result<Verified, CliError> {
    let node = args.client.connect(&[Role::Auditor, Role::Operator])?;
    let request = Request::new(ExportAuditLogRequest { from_index: args.from });
    let refused = |status: tonic::Status| explain(&status, &node.endpoint);
    let mut parts =
        AuditServiceClient::new(node.channel.clone()).export_audit_log(request).await.map_err(refused)?.into_inner();
    let first = parts.message().await.map_err(refused)?;
    let first = first.ok_or_else(|| CliError::failed("the node ended the export before it began"))?;

    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let file = BufWriter::new(file.map_err(|error| unwritable(path, &error))?);
    let mut writer = Writer::begin(file, path, args.from, &first)?;
    let bar = ProgressBar::no_length();
    let mut next = Some(first);
    while let Some(part) = next {
        writer.take(&part)?;
        bar.inc(u64::try_from(part.entries.len()).unwrap_or(0));
        next = parts.message().await.map_err(refused)?;
    }
    bar.finish_and_clear();
    writer.end()
}

/// Writes lines and feeds each to the verifier a reader will use.
struct Writer<'a> {
    file: BufWriter<File>,
    path: &'a Path,
    verifier: ExportVerifier,
    entries: u64,
    checkpoint: String,
}

impl<'a> Writer<'a> {
    fn begin(
        mut file: BufWriter<File>,
        path: &'a Path,
        from: u64,
        first: &ExportAuditLogResponse,
    ) -> Result<Self, CliError> {
        let keys = keys_of(&first.verifier_key, &first.witness_keys)?;
        let before = CompactRange::decode(&first.range_before)
            .ok()
            .filter(|range| range.size() == TreeSize(from))
            .ok_or_else(|| CliError::not_verified("the node did not say where the export begins"))?;
        let witnessed = (!first.witnessed.is_empty()).then(|| keys.trim(&first.witnessed)).transpose();
        let witnessed = witnessed.map_err(|fault| unusable(&fault))?;
        let header = header_line(&keys, &before, witnessed.as_deref());
        let verifier = ExportVerifier::start(&header, clock::now().day()).map_err(|fault| unusable(&fault))?;
        file.write_all(header.as_bytes()).map_err(|error| unwritable(path, &error))?;
        let checkpoint = keys.trim(&first.checkpoint).map_err(|fault| unusable(&fault))?;
        Ok(Self { file, path, verifier, entries: 0, checkpoint })
    }

    fn take(&mut self, part: &ExportAuditLogResponse) -> Result<(), CliError> {
        for sent in &part.entries {
            let line = entry_line(EntryIndex(sent.index), &entry_of(sent)?);
            self.write(&line.map_err(|fault| from_node(sent.index, &fault))?)?;
            self.entries += 1;
        }
        Ok(())
    }

    fn write(&mut self, line: &str) -> Result<(), CliError> {
        self.verifier.line(line).map_err(|fault| unusable(&fault))?;
        self.file.write_all(line.as_bytes()).map_err(|error| unwritable(self.path, &error))
    }

    fn end(mut self) -> Result<Verified, CliError> {
        let line = end_line(self.entries, &self.checkpoint);
        self.write(&line)?;
        let synced =
            self.file.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        synced.map_err(|error| unwritable(self.path, &error))?;
        self.verifier.finish().map_err(|fault| unusable(&fault))
    }
}
