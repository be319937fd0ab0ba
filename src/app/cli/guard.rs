//! `hushwire guard …`: lists of what must not be published, or must not block by itself.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::app::cli::client::load_config;
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{answer, answer_json, counted, remark};
use crate::app::records::words;
use crate::base::kind::IdentifierKind;
use crate::domain::identifier::guard::list::{GuardList, ListGrade, ListHeader, ListScope};
use crate::domain::identifier::guard_import::GuardImportError;
use crate::io::clock;
use crate::io::guard_files::{self, GuardFileError, Reading};
use crate::io::keystore::file::read_at_most;

/// Lists of what is shared by innocents: import, list, remove
#[derive(Debug, Args)]
pub struct GuardArgs {
    #[command(subcommand)]
    command: GuardCommand,
}

#[derive(Debug, Subcommand)]
enum GuardCommand {
    /// Check a list and keep it in the node's folder
    Import(ImportArgs),
    /// Show the lists in use
    List(ListArgs),
    /// Remove an imported list
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hushwire guard import warninglists/vpn-ipv4/list.json --grade weak
  hushwire guard import public_suffix_list.dat --name public-suffixes --grade reject
  hushwire guard import our-shops.txt --name our-shops --grade reject --kind domain --kind email

MISP warning lists (JSON), the format of the public suffix list, and plain text with one value a line are recognised by \
their content. Values of the grade reject are neither published nor matched; weak ones inform but never block alone.")]
struct ImportArgs {
    /// The list
    file: PathBuf,
    /// reject or weak; a list that says otherwise of itself is refused
    #[arg(long)]
    grade: Grade,
    /// Name of the list; that of a MISP list where not given
    #[arg(long)]
    name: Option<String>,
    /// Version of the list, for the record
    #[arg(long, default_value = "", value_name = "VERSION")]
    list_version: String,
    /// Kind of identifier the values are; for plain text; may be repeated
    #[arg(long, value_parser = words::kind)]
    kind: Vec<IdentifierKind>,
    /// Listed names and addresses cover every URL and e-mail address on them, not only the site itself
    #[arg(long)]
    everything: bool,
    /// How the file is written; recognised where not given
    #[arg(long)]
    format: Option<FileFormat>,
    #[command(flatten)]
    place: PlaceArgs,
    /// One JSON object on standard output: {"name", "version", "grade", "kinds", "entries", "sha256"}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire guard list --config bank-a/hushwire.toml")]
struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// JSON on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hushwire guard remove vpn-exits --config bank-a/hushwire.toml")]
struct RemoveArgs {
    /// Name of the list
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
    /// One JSON object on standard output: {"name"}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct PlaceArgs {
    /// Configuration of the node [default: hushwire.toml]
    #[arg(long, env = "HUSHWIRE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Grade {
    Reject,
    Weak,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FileFormat {
    Plain,
    Misp,
    Psl,
}

impl From<GuardFileError> for CliError {
    fn from(fault: GuardFileError) -> Self {
        Self::failed(fault.to_string())
    }
}

/// See the module's documentation.
pub fn run(args: GuardArgs) -> Result<Outcome, CliError> {
    match args.command {
        GuardCommand::Import(args) => import(&args),
        GuardCommand::List(args) => list(&args),
        GuardCommand::Remove(args) => remove(&args),
    }
}

fn import(args: &ImportArgs) -> Result<Outcome, CliError> {
    let folder = load_config(args.place.config.as_deref())?.guard_dir;
    let bytes = read_at_most(&args.file, guard_files::LIST_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        CliError::usage(format!("{} is not UTF-8 in line {line}", args.file.display()))
    })?;
    let grade = match args.grade {
        Grade::Reject => ListGrade::Reject,
        Grade::Weak => ListGrade::Weak,
    };
    let reading = match args.format {
        Some(FileFormat::Plain) => Reading::Plain,
        Some(FileFormat::Misp) => Reading::Misp,
        Some(FileFormat::Psl) => Reading::Psl,
        None => Reading::recognise(&text),
    };
    let header = ListHeader {
        name: args.name.clone().unwrap_or_default(),
        version: args.list_version.clone(),
        grade,
        scope: if args.everything { ListScope::Everything } else { ListScope::Site },
        kinds: args.kind.iter().copied().collect(),
    };
    let imported = guard_files::import(&folder, reading, header, &text, clock::now()).map_err(|error| match error {
        GuardFileError::List { reason, .. } => {
            let error = CliError::usage(format!("{}: {reason}", args.file.display()));
            match reason {
                GuardImportError::OtherThanAsked { .. } => error.hint("leave the option away, or correct the list"),
                _ => error,
            }
        }
        other => other.into(),
    })?;
    if args.json {
        answer_json(&as_json(&imported))?;
    } else {
        answer(line_of(&imported))?;
    }
    remark("a running node takes it in when it is restarted");
    Ok(Outcome::Done)
}

fn list(args: &ListArgs) -> Result<Outcome, CliError> {
    let folder = load_config(args.place.config.as_deref())?.guard_dir;
    let lists = guard_files::all(&folder)?;
    if args.json {
        let rows: Vec<_> = lists.lists().map(as_json).collect();
        answer_json(&json!({ "sha256": lists.digest().to_string(), "lists": rows }))?;
    } else {
        for list in lists.lists() {
            answer(line_of(list))?;
        }
        answer(format!("all of them, as decisions name them: {}", lists.digest()))?;
    }
    Ok(Outcome::Done)
}

fn remove(args: &RemoveArgs) -> Result<Outcome, CliError> {
    let folder = load_config(args.place.config.as_deref())?.guard_dir;
    let imported = guard_files::load(&folder)?;
    if !imported.iter().any(|list| list.header().name == args.name) {
        return Err(CliError::failed("no imported list has this name").hint("hushwire guard list"));
    }
    let path = guard_files::path_of(&folder, &args.name);
    std::fs::remove_file(&path).map_err(|error| unremovable(&path, &error))?;
    if args.json {
        answer_json(&json!({ "name": args.name }))?;
    }
    remark("a running node forgets it when it is restarted");
    Ok(Outcome::Done)
}

fn unremovable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed(format!("{} cannot be removed: {error}", path.display()))
}

fn as_json(list: &GuardList) -> Value {
    let header = list.header();
    json!({
        "name": header.name,
        "version": header.version,
        "grade": header.grade.name(),
        "kinds": header.kinds.iter().map(|kind| kind.label()).collect::<Vec<_>>(),
        "entries": list.entries().len(),
        "sha256": list.digest().to_string(),
    })
}

fn line_of(list: &GuardList) -> String {
    let header = list.header();
    let kinds: Vec<&str> = header.kinds.iter().map(|kind| kind.label()).collect();
    let version = if header.version.is_empty() { String::new() } else { format!(" {}", header.version) };
    format!(
        "{}{version}  {}  {} of {}  {}",
        header.name,
        header.grade.name(),
        counted(list.entries().len(), "entry", "entries"),
        kinds.join(", "),
        list.digest()
    )
}
