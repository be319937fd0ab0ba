//! `hushwire backup`: one sealed file with everything a new machine needs.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::app::cli::sealing::PassphraseArgs;
use crate::app::config::Config;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json, counted, remark};
use crate::base::bytes::Sha256Digest;
use crate::domain::audit::command::Command;
use crate::io::backup::format::{BackupError, Header};
use crate::io::backup::make::{Gathered, Made, Places};
use crate::io::clock;
use crate::io::folder::sync_name;
use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::stream::{Recipient, SealTo, seal_into};
use crate::node::store::StorageFault;

/// Back a node up into one sealed file, while it runs or when it is stopped
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire backup bank-a.backup --config bank-a/hushwire.toml
  hushwire backup - --config bank-a/hushwire.toml | ssh vault 'cat > bank-a.backup'
  hushwire backup bank-a.backup --config bank-a/hushwire.toml --recipient age1...

The file holds journal, keystore, rosters, key bundles, certificates, guard lists and configuration, sealed by age: under the \
keystore's own passphrase, or to the recipients. Publishing goes on meanwhile; what is copied is the journal as it stood at one \
moment. hushwire restore looks through it and puts it back. docs/backup.md says how often, and what a restore can lose.")]
pub struct BackupArgs {
    /// The backup, a new file; - for standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The node's configuration
    #[arg(long, short, value_name = "FILE", env = "HUSHWIRE_CONFIG", default_value = "hushwire.toml")]
    config: PathBuf,
    /// Public key of age to seal to, instead of the passphrase; may be repeated. Who holds its private key needs the keystore's
    /// passphrase as well to restore
    #[arg(long = "recipient", value_name = "age1...")]
    recipients: Vec<Recipient>,
    #[command(flatten)]
    sealing: PassphraseArgs,
    /// One JSON object on standard output (on standard error where the backup itself goes to standard output)
    #[arg(long)]
    json: bool,
}

/// See the module's documentation.
pub fn run(args: BackupArgs) -> Result<Outcome, CliError> {
    let config = Config::load(&args.config).map_err(|error| CliError::usage(error.to_string()))?;
    let to_output = args.file == Path::new("-");
    if to_output && io::stdout().is_terminal() {
        return Err(CliError::usage("a backup is not for a terminal").hint("name a file, or a command behind |"));
    }
    if !to_output && args.file.exists() {
        return Err(CliError::usage(format!("{} exists already and is not replaced", args.file.display())));
    }
    let source = args.sealing.source()?.unwrap_or_else(|| config.passphrase.clone());
    let passphrase = Passphrase::obtain(Some(&source))?;
    let places = Places {
        folder: config.dir.path(),
        configuration: &args.config,
        keystore: &config.keystore,
        guard: &config.guard_dir,
        typology: config.typology_file.as_deref(),
        policy: config.policy.file.as_deref(),
        candidate: config.policy.candidate.as_deref(),
    };
    let gathered = Gathered::collect(places, &passphrase, clock::now()).map_err(of_this_node)?;
    let header = gathered.header.clone();
    let bar = progress(header.bytes);
    let to = match args.recipients.as_slice() {
        [] => SealTo::Passphrase(&passphrase, args.sealing.work()),
        recipients => SealTo::Recipients(recipients),
    };
    let (made, sha256) = if to_output {
        write_sealed(gathered, to, io::stdout().lock(), &bar).map_err(of_this_node)?.0
    } else {
        let unfinished = Unfinished::beside(&args.file);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished.0);
        let file = file.map_err(|reason| fault_of(&args.file, reason))?;
        let (written, file) = write_sealed(gathered, to, file, &bar).map_err(of_this_node)?;
        file.sync_all().map_err(BackupError::Output)?;
        unfinished.put_in_place(&args.file)?;
        written
    };
    bar.finish_and_clear();
    config.dir.commands().leave(&Command::BackupMade { sha256 }).map_err(|error| {
        CliError::failed(format!("the backup is made, but the audit log cannot be told of it: {error}"))
    })?;
    report(&args, &header, made, sha256, to_output)
}

type Written<W> = ((Made, Sha256Digest), W);

fn write_sealed<W: Write>(
    gathered: Gathered,
    to: SealTo<'_>,
    output: W,
    bar: &ProgressBar,
) -> Result<Written<W>, BackupError> {
    let output = io::BufWriter::with_capacity(1024 * 1024, Digested { output, digest: Sha256::new() });
    let mut sealed = seal_into(to, output).map_err(BackupError::Output)?;
    let made = gathered.write(&mut sealed, &mut |bytes| bar.inc(bytes))?;
    let output = sealed.finish().map_err(BackupError::Output)?;
    let Digested { mut output, digest } =
        output.into_inner().map_err(|error| BackupError::Output(error.into_error()))?;
    output.flush().map_err(BackupError::Output)?;
    Ok(((made, Sha256Digest(digest.finalize().into())), output))
}

fn report(
    args: &BackupArgs,
    header: &Header,
    made: Made,
    sha256: Sha256Digest,
    aside: bool,
) -> Result<Outcome, CliError> {
    let Header { consortium, member, made_at, bytes, .. } = header;
    let Made { files, segments, records } = made;
    let value = json!({
        "consortium": consortium.as_str(), "member": member.as_str(), "made_at": made_at.to_string(), "files": files,
        "segments": segments, "records": records, "bytes": bytes, "sha256": sha256.to_string(),
    });
    let told = format!(
        "{member} of {consortium}: {} and {} in {}, {}\nsha256 {sha256}",
        counted(u64::try_from(files).unwrap_or(u64::MAX), "file", "files"),
        counted(records, "record", "records"),
        counted(u64::try_from(segments).unwrap_or(u64::MAX), "segment", "segments"),
        size_in_words(*bytes),
    );
    match (args.json, aside) {
        (true, false) => answer_json(&value)?,
        (true, true) => remark(value.to_string()),
        (false, false) => answer(told)?,
        (false, true) => remark(told),
    }
    Ok(Outcome::Done)
}

/// For people; programs read bytes.
pub(in crate::app::cli) fn size_in_words(bytes: u64) -> String {
    let kilobytes = f64::from(u32::try_from(bytes.div_ceil(1_000)).unwrap_or(u32::MAX));
    if kilobytes < 1_000.0 { format!("{kilobytes} kB") } else { format!("{:.1} MB", kilobytes / 1_000.0) }
}

/// A bar over the content of a backup, on standard error.
pub(in crate::app::cli) fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {bytes}  {elapsed}");
    bar.set_style(style.expect("the template is constant and valid"));
    bar
}

/// What is wrong is the node's own journal, not a backup.
fn of_this_node(fault: BackupError) -> CliError {
    let message = fault.to_string();
    match fault {
        BackupError::Journal(StorageFault::Damaged(_)) => CliError::not_verified(message)
            .hint("nothing was backed up; keep the backups there are, and see line 6 of docs/runbook.md"),
        BackupError::Journal(StorageFault::WrongKey) => CliError::not_verified(message)
            .hint("keystore and journal belong to different nodes or backups: put the two back that belong together"),
        BackupError::Journal(_) => CliError::failed(message),
        other => other.into(),
    }
}

fn fault_of(file: &Path, reason: io::Error) -> CliError {
    CliError::failed(format!("{}: {reason}", file.display()))
}

/// Passes on what is written, and takes its digest.
struct Digested<W> {
    output: W,
    digest: Sha256,
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.output.write(bytes)?;
        self.digest.update(bytes.split_at(count).0);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// A file being written beside its place. Dropped before it is put there, it is removed.
struct Unfinished(PathBuf);

impl Unfinished {
    fn beside(file: &Path) -> Self {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        Self(file.with_file_name(name))
    }

    fn put_in_place(self, file: &Path) -> Result<(), CliError> {
        std::fs::rename(&self.0, file).and_then(|()| sync_name(file)).map_err(|reason| fault_of(file, reason))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Best effort: gone already where it was put in place.
        let _gone = std::fs::remove_file(&self.0);
    }
}
