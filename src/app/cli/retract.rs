//! `hushwire retract`: the member's own earlier statements no longer count, here and at every peer.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::app::cli::client::{CALL_TIMEOUT, ClientArgs, Node, block_on};
use crate::app::cli::identifier_option::{self, IdentifierOption};
use crate::app::cli::stream::{Account, Incoming, InputArgs, broken, progress, records};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::Record;
use crate::app::records::draft::FieldReader;
use crate::app::records::refusal::Refusal;
use crate::app::records::words;
use crate::base::limits;
use crate::base::role::Role;
use crate::domain::indicator::words::{RetractionReason, UnknownWord};
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::publishing_service_client::PublishingServiceClient;

/// Fields of a file of retractions, besides the labels of kinds.
const FIELDS: [&str; 4] = ["name", "source_ref", "kind", "value"];

/// Withdraw what you published: by name, by your own case reference, or everything about an identifier
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire retract --reason false-positive --source-ref CASE-4711
  hushwire retract --reason published-in-error --name members/bank-a/indicators/9f…
  hushwire retract --reason resolved --identifier pan=-
  hushwire retract --reason legal --file withdrawn.csv

A file has the columns name, source_ref, kind and value, or kinds of identifier; each record names what it withdraws. \
An identifier withdraws what was published for it; a mailbox, host or network that \
another case published for another identifier is told and kept. Repeating a command is harmless. Exit code 3: some records named nothing; the others no longer count.")]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["name", "source_ref", "identifier", "file"]))]
pub struct RetractArgs {
    /// false-positive, superseded, resolved, published-in-error or legal
    #[arg(long, value_parser = reason)]
    pub reason: RetractionReason,
    /// Indicator by name; may be repeated
    #[arg(long, value_name = "NAME")]
    pub name: Vec<String>,
    /// All indicators of your own case reference; may be repeated
    #[arg(long, value_name = "REF")]
    pub source_ref: Vec<String>,
    /// All you published for an identifier; may be repeated; KIND=- asks without echo
    #[arg(long, value_name = "KIND=VALUE")]
    pub identifier: Vec<IdentifierOption>,
    /// CSV or JSON lines; - reads standard input
    #[arg(long, conflicts_with_all = ["name", "source_ref", "identifier"])]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub client: ClientArgs,
    #[command(flatten)]
    pub input: InputArgs,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

fn reason(text: &str) -> Result<RetractionReason, UnknownWord> {
    words::word(text, "retraction-reason-")
}

/// The answer of `--json`.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    retracted: &'a [String],
    kept: &'a [String],
    refused: &'a [Refusal],
}

/// Tells of indicators that an identifier leads to and that were left alone.
pub fn tell_kept(kept: &[String]) {
    for name in kept {
        output::remark(format!("kept: {name} was published for another identifier; name it to include it"));
    }
}

/// What is withdrawn, and what was left alone.
#[derive(Debug, Default)]
struct Withdrawn {
    retracted: Vec<String>,
    kept: Vec<String>,
}

/// What one record, or one option, withdraws. The interface answers in the order names, references, identifiers.
#[derive(Debug, Default)]
struct Targets {
    names: Vec<(u64, String)>,
    source_refs: Vec<(u64, String)>,
    identifiers: Vec<(u64, local::Identifier)>,
}

/// See the module's documentation.
pub fn run(args: RetractArgs) -> Result<Outcome, CliError> {
    block_on(retract(args))
}

async fn retract(args: RetractArgs) -> Result<Outcome, CliError> {
    let report = args.input.open_report()?;
    let mut account = Account::default();
    let mut withdrawn = Withdrawn::default();
    let ended = match &args.file {
        Some(file) => retract_file(&args, file, &mut account, &mut withdrawn).await,
        None => retract_options(&args, &mut account, &mut withdrawn).await,
    };
    if ended.is_err() && withdrawn.retracted.is_empty() && account.refused == 0 {
        return ended.map(|()| Outcome::Done);
    }
    // Told also where it broke off: what was retracted before stays retracted.
    account.tell(report.as_ref())?;
    if args.json {
        let Withdrawn { retracted, kept } = &withdrawn;
        output::answer_json(&Summary { retracted, kept, refused: &account.refusals })?;
    } else {
        tell_kept(&withdrawn.kept);
        for name in &withdrawn.retracted {
            output::answer(name)?;
        }
        output::remark(format!(
            "{} retracted, {} refused",
            counted(withdrawn.retracted.len(), "indicator", "indicators"),
            counted(account.refused, "record", "records")
        ));
    }
    ended?;
    account.outcome()
}

async fn retract_file(
    args: &RetractArgs,
    file: &Path,
    account: &mut Account,
    withdrawn: &mut Withdrawn,
) -> Result<(), CliError> {
    let bar = progress(file, false);
    let mut incoming = records(file, &args.input, &FIELDS, &bar, read)?;
    let node = args.client.connect(&[Role::Publisher])?;
    let mut targets = Targets::default();
    while let Some(next) = incoming.recv().await {
        match next {
            Incoming::Item { item, .. } => {
                account.records += 1;
                if targets.count() + item.count() > limits::DRAFTS_PER_CALL {
                    call(&node, args, std::mem::take(&mut targets), account, withdrawn).await?;
                }
                targets.extend(item);
            }
            Incoming::Refused(refusals) => {
                account.records += 1;
                account.refuse(refusals);
            }
            Incoming::Broken(error) => {
                call(&node, args, targets, account, withdrawn).await?;
                return Err(CliError { code: CliError::FAILED, ..broken(file, &error) });
            }
        }
    }
    call(&node, args, targets, account, withdrawn).await?;
    bar.finish_and_clear();
    Ok(())
}

async fn retract_options(args: &RetractArgs, account: &mut Account, withdrawn: &mut Withdrawn) -> Result<(), CliError> {
    let targets = from_options(args)?;
    account.records = u64::try_from(targets.count()).unwrap_or(u64::MAX);
    let node = args.client.connect(&[Role::Publisher])?;
    call(&node, args, targets, account, withdrawn).await
}

/// Numbers the options instead of lines, those of one name each: the second `--source-ref` is number 2.
fn from_options(args: &RetractArgs) -> Result<Targets, CliError> {
    let identifiers = identifier_option::resolve(&args.identifier)?;
    Ok(Targets {
        names: (1..).zip(args.name.iter().cloned()).collect(),
        source_refs: (1..).zip(args.source_ref.iter().cloned()).collect(),
        identifiers: (1..).zip(identifiers).collect(),
    })
}

impl RetractArgs {
    /// What the user calls the places of names, references and identifiers: columns of a file, or options.
    fn places(&self) -> [&'static str; 3] {
        match self.file {
            Some(_) => ["name", "source_ref", "value"],
            None => ["--name", "--source-ref", "--identifier"],
        }
    }
}

fn read(record: &Record) -> Result<Targets, Vec<Refusal>> {
    let mut reader = FieldReader::new(record);
    let line = record.line;
    let mut identifiers = reader.wide();
    let kind = reader.parsed("kind", "unknown_kind", words::kind);
    match (kind, reader.text("value")) {
        (Some(kind), Some(value)) => identifiers.push((kind, value)),
        (None, Some(_)) if !reader.has("kind") => reader.refuse_missing("kind", "value needs it"),
        (Some(_), None) => reader.refuse_missing("value", "kind needs it"),
        (None, _) => {}
    }
    let targets = Targets {
        names: reader.plain("name").map(|name| (line, name)).into_iter().collect(),
        source_refs: reader.plain("source_ref").map(|reference| (line, reference)).into_iter().collect(),
        identifiers: identifiers
            .iter()
            .map(|(kind, value)| {
                let kind = words::kind_number(*kind).into();
                (line, local::Identifier { kind, value: value.as_str().to_owned() })
            })
            .collect(),
    };
    if targets.count() == 0 && !reader.has("value") {
        reader.refuse("", "missing", "the record names nothing to retract: give name, source_ref, or kind and value");
    }
    reader.finish()?;
    Ok(targets)
}

impl Targets {
    fn count(&self) -> usize {
        self.names.len() + self.source_refs.len() + self.identifiers.len()
    }

    fn extend(&mut self, other: Self) {
        self.names.extend(other.names);
        self.source_refs.extend(other.source_refs);
        self.identifiers.extend(other.identifiers);
    }
}

async fn call(
    node: &Node,
    args: &RetractArgs,
    targets: Targets,
    account: &mut Account,
    withdrawn: &mut Withdrawn,
) -> Result<(), CliError> {
    if targets.count() == 0 {
        return Ok(());
    }
    let [name, source_ref, identifier] = args.places();
    let places: Vec<(u64, &str)> = (targets.names.iter().map(|(line, _)| (*line, name)))
        .chain(targets.source_refs.iter().map(|(line, _)| (*line, source_ref)))
        .chain(targets.identifiers.iter().map(|(line, _)| (*line, identifier)))
        .collect();
    let mut request = local::RetractIndicatorsRequest {
        request_id: String::new(),
        names: targets.names.into_iter().map(|(_, name)| name).collect(),
        source_refs: targets.source_refs.into_iter().map(|(_, reference)| reference).collect(),
        identifiers: targets.identifiers.into_iter().map(|(_, identifier)| identifier).collect(),
        reason: i32::try_from(args.reason.number()).expect("vocabularies have few words"),
    };
    request.request_id = node.request_ids.id(places.first().map_or(0, |(line, _)| *line), &request);
    let client = PublishingServiceClient::new(node.channel.clone());
    let answered = node
        .insist(|| {
            let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
            call.set_timeout(CALL_TIMEOUT);
            async move { client.retract_indicators(call).await }
        })
        .await;
    let response = answered?;
    account.refuse(response.refused.iter().map(|refused| {
        let place = usize::try_from(refused.record).ok().and_then(|at| places.get(at)).copied();
        let (line, field) = place.unwrap_or((0, &refused.field));
        Refusal::new(line, field, &refused.rule, &refused.description)
    }));
    account.accepted += u64::try_from(response.retracted.len()).unwrap_or(u64::MAX);
    withdrawn.retracted.extend(response.retracted);
    withdrawn.kept.extend(response.kept);
    Ok(())
}
