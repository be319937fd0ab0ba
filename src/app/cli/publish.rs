//! `hushwire publish`: a file of statements to the member's own node, in calls of up to 1000.
//!
//! Calls carry request ids made from their content and place, so a run that broke off is simply repeated: what the node
//! has acknowledged in the last 24 hours is not published again.

pub mod answered;
mod follow;
pub mod how;
mod names;
mod position;
mod run;

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;

use crate::app::cli::client::block_on;
use crate::app::cli::publish::how::How;
use crate::app::cli::publish::names::NamesFile;
use crate::app::cli::publish::run::{Drafts, Run};
use crate::app::cli::stream::{Account, progress, records_as};
use crate::app::outcome::{CliError, Outcome};
use crate::app::records::draft;
use crate::base::role::Role;

/// Publish what you know about fraud: identifiers in, pseudonyms out
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A CSV file begins with a header row. Its columns are fields of an indicator, one identifier a row:
  kind,value,typology,severity,confidence,grounds,handling,observed_at,valid_from,valid_until,note,source_ref,supersedes
JSON lines use the same names. Times are RFC 3339 or seconds since 1970.

Examples:
  hushwire publish cases.csv
  hushwire publish cases.csv --dry-run --report refused.csv
  hushwire publish orders.csv --map pan=card_number --map email=mail --typology F1012 \\
      --severity high --confidence 80 --grounds own-confirmed
  hushwire publish cases.csv --ack quorum
  hushwire publish cases.csv --again 2026-11-28
  hushwire publish events.jsonl --follow
  some-queue-reader | hushwire publish - --follow

Repeating a run with an unchanged file is harmless: what the node has acknowledged within 24 hours is not published again, \
and what was retracted since stays retracted. --again publishes it anew. A file that has changed is another one: of an export \
that holds the old rows too, publish the new rows only, or let --follow remember how far it was published. A followed file \
goes on where it was left, also after a crash, in the file a rotation gave another name, and in the one that took its place; \
a line is published once it is ended. \
Exit code 3: some records were refused and reported, the others are published; or --ack was not reached in time, and \
everything is published all the same.")]
pub struct PublishArgs {
    /// CSV or JSON lines; - reads standard input
    pub file: PathBuf,
    #[command(flatten)]
    pub how: How,
    /// Check every record against the node's rules and publish nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Publish anew what was published within 24 hours, also what was retracted since. WORD is any word for this run: with
    /// the same one, a run that broke off is repeated and nothing of it is published twice
    #[arg(long, value_name = "WORD", conflicts_with_all = ["dry_run", "follow"])]
    pub again: Option<String>,
    /// Publish also what would have matched many of your own orders of the last seven days; without it such records are refused
    #[arg(long)]
    pub force_wide: bool,
    /// Keep reading as the file grows, until Ctrl-C or SIGTERM. How far it was published is remembered: started again, the
    /// command goes on there. Standard input has no place that could be remembered
    #[arg(long, conflicts_with = "dry_run")]
    pub follow: bool,
    /// Folder that keeps how far followed files were published [default: follow in the node's folder]
    #[arg(long, value_name = "FOLDER", requires = "follow")]
    pub state: Option<PathBuf>,
    /// Write line, kind and name of everything published there (CSV); names are what retract takes
    #[arg(long, value_name = "FILE")]
    pub names: Option<PathBuf>,
    /// One JSON object on standard output; with --follow one a call before it
    #[arg(long)]
    pub json: bool,
}

/// See the module's documentation.
pub fn run(args: PublishArgs) -> Result<Outcome, CliError> {
    block_on(publish(args))
}

async fn publish(args: PublishArgs) -> Result<Outcome, CliError> {
    if args.follow && args.file != Path::new("-") {
        return follow::follow(args).await;
    }
    let (bar, incoming) = drafts(&args)?;
    let report = args.how.input.open_report()?;
    let names = args.names.as_deref().map(NamesFile::create).transpose()?;
    let mut run = Run::new(&args, args.how.client.connect(&[Role::Publisher])?, bar, names);
    let ended = run.all(incoming).await;
    run.account.tell(report.as_ref())?;
    if let Some(names) = &mut run.names {
        names.finish()?;
    }
    run.answer()?;
    ended?;
    if run.falls_short() {
        return Ok(Outcome::Partial);
    }
    run.account.outcome()
}

/// Publishes a whole file; what became of its records. An error of usage is the file's own: it cannot be read as records.
pub async fn whole_file(args: &PublishArgs) -> Result<Account, CliError> {
    let (bar, incoming) = drafts(args)?;
    let node =
        args.how.client.connect(&[Role::Publisher]).map_err(|error| CliError { code: CliError::FAILED, ..error })?;
    let mut run = Run::new(args, node, bar, None);
    run.all(incoming).await?;
    Ok(run.account)
}

/// The file's records as drafts, and how far they were read.
fn drafts(args: &PublishArgs) -> Result<(ProgressBar, Drafts), CliError> {
    let bar = progress(&args.file, args.follow);
    let defaults = args.how.defaults.clone();
    let read = move |record: &_| draft::read(record, &defaults);
    let incoming = records_as(&args.file, args.how.read_options()?, &bar, read)?;
    Ok((bar, incoming))
}
