//! `hushwire publish`: a file of statements to the member's own node, in calls of up to 1000.
//!
//! Calls carry request ids made from their content and place, so a run that broke off is simply repeated: what the node
//! has acknowledged in the last 24 hours is not published again.

pub mod answered;
mod follow;
pub mod how;
mod position;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use indicatif::ProgressBar;
use prost::Message;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::app::cli::client::{CALL_TIMEOUT, Node, block_on};
use crate::app::cli::publish::how::How;
use crate::app::cli::stream::{Account, Incoming, broken, progress, records_as};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::draft;
use crate::app::records::refusal::Refusal;
use crate::app::records::words;
use crate::app::told_to_stop::told_to_stop;
use crate::base::limits;
use crate::base::role::Role;
use crate::io::grpc::convert;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use crate::node::copies::Ack;
use local::publishing_service_client::PublishingServiceClient;

/// Bytes of one call: half of what the node accepts.
const CALL_BYTES: usize = limits::MESSAGE_BYTES / 2;

/// How long a followed file may be silent before what was read is published.
const FOLLOW_IDLE: Duration = Duration::from_millis(500);

/// Names shown at the end of a run; all of them go to --names.
const NAMES_SHOWN: usize = 20;

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

/// The answer of `--json`.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    dry_run: bool,
    records: u64,
    identifiers: u64,
    /// By this run; what was published before is not among them.
    published: u64,
    published_before: u64,
    /// Of those published before: withdrawn or ended since.
    ended_since: u64,
    refused: u64,
    /// Of those refused: published in part.
    refused_in_part: u64,
    refusals: &'a [Refusal],
    /// The least that was reached; none where nothing was published.
    ack_reached: Option<&'static str>,
}

/// What `--follow --json` says of each call.
#[derive(Debug, Serialize)]
struct Acknowledged {
    /// The last in the call.
    line: u64,
    published: u64,
    published_before: u64,
    ended_since: u64,
    refused: u64,
}

/// See the module's documentation.
pub fn run(args: PublishArgs) -> Result<Outcome, CliError> {
    block_on(publish(args))
}

async fn publish(args: PublishArgs) -> Result<Outcome, CliError> {
    if args.follow && args.file != Path::new("-") {
        return follow::follow(args).await;
    }
    let bar = progress(&args.file, args.follow);
    let defaults = args.how.defaults.clone();
    let incoming =
        records_as(&args.file, args.how.read_options()?, &bar, move |record| draft::read(record, &defaults))?;
    let report = args.how.input.open_report()?;
    let names = args.names.as_deref().map(NamesFile::create).transpose()?;
    let mut run = Run::new(&args, args.how.client.connect(&[Role::Publisher])?, bar, names);
    let ended = run.all(incoming).await;
    run.bar.finish_and_clear();
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
    let bar = progress(&args.file, false);
    let defaults = args.how.defaults.clone();
    let incoming =
        records_as(&args.file, args.how.read_options()?, &bar, move |record| draft::read(record, &defaults))?;
    let node =
        args.how.client.connect(&[Role::Publisher]).map_err(|error| CliError { code: CliError::FAILED, ..error })?;
    let mut run = Run::new(args, node, bar, None);
    let ended = run.all(incoming).await;
    run.bar.finish_and_clear();
    ended?;
    Ok(run.account)
}

/// Drafts gathered for one call, with the lines they stand on.
#[derive(Debug, Default)]
struct Call {
    drafts: Vec<local::IndicatorDraft>,
    lines: Vec<u64>,
    bytes: usize,
}

impl Call {
    fn is_full_with(&self, more: &[local::IndicatorDraft]) -> bool {
        self.drafts.len() + more.len() > limits::DRAFTS_PER_CALL || self.bytes + bytes(more) > CALL_BYTES
    }

    fn add(&mut self, line: u64, more: Vec<local::IndicatorDraft>) {
        self.bytes += bytes(&more);
        self.lines.extend(more.iter().map(|_| line));
        self.drafts.extend(more);
    }
}

fn bytes(drafts: &[local::IndicatorDraft]) -> usize {
    drafts.iter().map(Message::encoded_len).sum()
}

#[derive(Debug)]
struct Run<'a> {
    args: &'a PublishArgs,
    node: Node,
    bar: ProgressBar,
    names: Option<NamesFile>,
    call: Call,
    account: Account,
    identifiers: u64,
    shown: Vec<String>,
    /// The least any call reached, with the copies there were and could have been.
    reached: Option<(Ack, u32, u32)>,
    /// Why the node signs nothing for now, as the last call was told.
    waits_for: Option<String>,
}

impl<'a> Run<'a> {
    fn new(args: &'a PublishArgs, node: Node, bar: ProgressBar, names: Option<NamesFile>) -> Self {
        let (call, account, shown) = (Call::default(), Account::default(), Vec::new());
        Self { args, node, bar, names, call, account, identifiers: 0, shown, reached: None, waits_for: None }
    }
}

impl Run<'_> {
    /// Reads to the end, or to Ctrl-C or SIGTERM where the file is followed. What was gathered is sent in either case.
    async fn all(
        &mut self,
        mut incoming: mpsc::Receiver<Incoming<Vec<local::IndicatorDraft>>>,
    ) -> Result<(), CliError> {
        let failed = |error| CliError::failed(format!("signals cannot be waited for: {error}"));
        // Listened for from here on: one that comes while a call is made is not lost.
        let told = self.args.follow.then(told_to_stop);
        let mut told = pin!(async move {
            match told {
                Some(told) => told.await,
                None => std::future::pending().await,
            }
        });
        loop {
            let idle = if self.args.follow && !self.call.drafts.is_empty() { FOLLOW_IDLE } else { Duration::MAX };
            let next = tokio::select! {
                next = tokio::time::timeout(idle, incoming.recv()) => next,
                told = told.as_mut() => {
                    told.map_err(failed)?;
                    return self.send().await;
                }
            };
            match next {
                Err(_idle) => self.send().await?,
                Ok(None) => return self.send().await,
                Ok(Some(Incoming::Item { line, item })) => self.gather(line, item).await?,
                Ok(Some(Incoming::Refused(refusals))) => {
                    self.account.records += 1;
                    self.account.refuse(refusals);
                }
                Ok(Some(Incoming::Broken(error))) => {
                    self.send().await?;
                    return Err(CliError { code: CliError::FAILED, ..broken(&self.args.file, &error) });
                }
            }
        }
    }

    async fn gather(&mut self, line: u64, drafts: Vec<local::IndicatorDraft>) -> Result<(), CliError> {
        if self.call.is_full_with(&drafts) {
            self.send().await?;
        }
        self.add(line, drafts);
        Ok(())
    }

    fn add(&mut self, line: u64, drafts: Vec<local::IndicatorDraft>) {
        self.account.records += 1;
        self.identifiers += u64::try_from(drafts.len()).unwrap_or(u64::MAX);
        self.call.add(line, drafts);
    }

    async fn send(&mut self) -> Result<(), CliError> {
        let call = std::mem::take(&mut self.call);
        let Some(first_line) = call.lines.first().copied() else { return Ok(()) };
        let mut request = self.request(call.drafts);
        request.request_id = self.node.request_ids.id(first_line, &request);
        if let Some(word) = &self.args.again {
            // The id of the first run, so that another file under the same word is another request.
            request.request_id = self.node.request_ids.again(&request.request_id, word);
        }
        self.publish(request, &call.lines).await
    }

    /// A call without its id.
    fn request(&self, indicators: Vec<local::IndicatorDraft>) -> local::PublishIndicatorsRequest {
        local::PublishIndicatorsRequest {
            request_id: String::new(),
            group: self.args.how.group.clone().unwrap_or_default(),
            indicators,
            dry_run: self.args.dry_run,
            spread_s: self.args.how.spread_s,
            ack: 0,
        }
    }

    async fn publish(&mut self, mut request: local::PublishIndicatorsRequest, lines: &[u64]) -> Result<(), CliError> {
        let first_line = lines.first().copied().unwrap_or(0);
        // Not part of the id: a run repeated to wait for more copies publishes nothing again.
        request.ack = self.args.how.ack.map_or(0, |ack| convert::wire_ack(ack).into());
        let client = PublishingServiceClient::new(self.node.channel.clone());
        let answered = self
            .node
            .insist(|| {
                let (mut client, mut call) = (client.clone(), tonic::Request::new(request.clone()));
                call.set_timeout(CALL_TIMEOUT);
                async move { client.publish_indicators(call).await }
            })
            .await;
        let response = answered.map_err(|error| self.broken_off(error, first_line))?;
        self.note(&response, lines, &request.indicators)?;
        // A run that ends tells its account then; one that does not would never say anything.
        if self.args.follow { self.tell_call(&response, lines, &request.indicators) } else { Ok(()) }
    }

    /// What became of one call.
    fn tell_call(
        &self,
        response: &local::PublishIndicatorsResponse,
        lines: &[u64],
        drafts: &[local::IndicatorDraft],
    ) -> Result<(), CliError> {
        let mut account = Account::default();
        answered::note(&mut account, response, lines, drafts);
        let line = lines.last().copied().unwrap_or(0);
        if self.args.json {
            return output::answer_json(&Acknowledged {
                line,
                published: account.accepted - account.before,
                published_before: account.before,
                ended_since: account.ended_since,
                refused: account.refused,
            });
        }
        let told = format!("line {line}: {}", answered::told(&account, "published"));
        self.bar.suspend(|| output::remark(told));
        Ok(())
    }

    fn note(
        &mut self,
        response: &local::PublishIndicatorsResponse,
        lines: &[u64],
        drafts: &[local::IndicatorDraft],
    ) -> Result<(), CliError> {
        let line_of = |index: u32| answered::at(lines, index).copied().unwrap_or(0);
        // A level of a later version is not known to be more than this node's own disk.
        if let Some(reached) = convert::ack(response.reached).unwrap_or(Some(Ack::Local)) {
            let now = (reached, response.copies, response.others);
            self.reached = Some(self.reached.map_or(now, |before| before.min(now)));
        }
        self.waits_for = (!response.waits_for.is_empty()).then(|| response.waits_for.clone());
        for published in &response.published {
            if self.shown.len() < NAMES_SHOWN && !self.args.dry_run {
                self.shown.push(published.name.clone());
            }
            // What was only checked has no name that will last.
            if let Some(names) = self.names.as_mut().filter(|_| !self.args.dry_run) {
                names.add(line_of(published.draft), published)?;
            }
        }
        answered::note(&mut self.account, response, lines, drafts);
        self.bar.set_message(format!("{} published, {} refused", self.account.accepted, self.account.refused));
        Ok(())
    }

    fn broken_off(&self, error: CliError, first_line: u64) -> CliError {
        let done =
            format!("{} (stopped at line {first_line}; {} published before it)", error.message, self.account.accepted);
        let hint = error.hint.map(|hint| format!("{hint}; ")).unwrap_or_default();
        CliError {
            message: done,
            hint: Some(format!("{hint}repeat the command then: nothing is published twice")),
            code: error.code,
        }
    }

    /// Whether less was reached than was asked for.
    fn falls_short(&self) -> bool {
        self.args.how.ack.zip(self.reached).is_some_and(|(asked, (reached, ..))| reached < asked)
    }

    fn answer(&self) -> Result<(), CliError> {
        let (account, identifiers) = (&self.account, self.identifiers);
        if self.args.json {
            return output::answer_json(&Summary {
                dry_run: self.args.dry_run,
                records: account.records,
                identifiers,
                published: account.accepted - account.before,
                published_before: account.before,
                ended_since: account.ended_since,
                refused: account.refused,
                refused_in_part: account.in_part,
                refusals: &account.refusals,
                ack_reached: self.reached.map(|(reached, ..)| reached.label()),
            });
        }
        if usize::try_from(account.accepted).is_ok_and(|count| count <= NAMES_SHOWN) {
            for name in &self.shown {
                output::answer(name)?;
            }
        }
        let verb = if self.args.dry_run { "would be published" } else { "published" };
        let records = counted(account.records, "record", "records");
        output::answer(format!("{records}: {}", answered::told(account, verb)))?;
        if account.accepted > account.before && !self.args.dry_run {
            output::remark(match &self.waits_for {
                Some(reason) => format!("they wait and count nowhere yet: {reason}"),
                None => {
                    "they count once their window closes and they are signed: feed.window_ms, 1 s unless set".to_owned()
                }
            });
        }
        if account.ended_since > 0 {
            let file = self.args.file.display();
            output::remark(format!(
                "what was retracted stays retracted: to publish it anew, hushwire publish {file} --again WORD, with any word"
            ));
        }
        if let (Some(asked), Some((reached, copies, others))) = (self.args.how.ack, self.reached) {
            let reached = if self.falls_short() {
                format!("not reached in time, {} was", reached.label())
            } else {
                "reached".to_owned()
            };
            output::remark(format!("ack {}: {reached}; {copies} of {others} other members hold it", asked.label()));
        }
        Ok(())
    }
}

/// The file of names.
#[derive(Debug)]
struct NamesFile {
    path: PathBuf,
    out: std::io::BufWriter<std::fs::File>,
}

impl NamesFile {
    fn create(path: &Path) -> Result<Self, CliError> {
        Self::begin(path, std::fs::File::create(path))
    }

    /// Adds to what stands there.
    fn append(path: &Path) -> Result<Self, CliError> {
        Self::begin(path, std::fs::File::options().append(true).create(true).open(path))
    }

    fn begin(path: &Path, file: std::io::Result<std::fs::File>) -> Result<Self, CliError> {
        let length = file.and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = length.map_err(|error| unwritable(path, &error))?;
        let mut names = Self { path: path.to_owned(), out: std::io::BufWriter::new(file) };
        if length == 0 {
            names.line("line,kind,name,weak")?;
        }
        Ok(names)
    }

    fn add(&mut self, line: u64, published: &local::PublishedIndicator) -> Result<(), CliError> {
        let kind = words::kind_label(published.kind);
        self.line(&format!("{line},{kind},{},{}", published.name, published.weak))
    }

    fn line(&mut self, text: &str) -> Result<(), CliError> {
        writeln!(self.out, "{text}").map_err(|error| unwritable(&self.path, &error))
    }

    fn finish(&mut self) -> Result<(), CliError> {
        let written = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        written.map_err(|error| unwritable(&self.path, &error))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed(format!("{} cannot be written: {error}", path.display()))
}
