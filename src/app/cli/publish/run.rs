//! One run of `hushwire publish`: records gathered into calls, the calls made, and the account of what became of them.

use std::pin::pin;
use std::time::Duration;

use indicatif::ProgressBar;
use prost::Message;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::app::cli::client::{CALL_TIMEOUT, Node};
use crate::app::cli::publish::names::NamesFile;
use crate::app::cli::publish::{PublishArgs, answered};
use crate::app::cli::stream::{Account, Incoming, broken};
use crate::app::outcome::CliError;
use crate::app::output::{self, counted};
use crate::app::records::refusal::Refusal;
use crate::app::told_to_stop::told_to_stop;
use crate::base::limits;
use crate::io::grpc::convert;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use crate::node::copies::Ack;
use local::publishing_service_client::PublishingServiceClient;

/// Bytes of one call: half of what the node accepts.
const CALL_BYTES: usize = limits::MESSAGE_BYTES / 2;

/// How long a followed file may be silent before what was read is published.
pub const FOLLOW_IDLE: Duration = Duration::from_millis(500);

/// Names shown at the end of a run; all of them go to --names.
const NAMES_SHOWN: usize = 20;

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
    /// Of a dry run: what would have matched own transactions, the widest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    widest: Vec<Wide>,
    /// The least that was reached; none where nothing was published.
    ack_reached: Option<&'static str>,
}

/// What one record would have matched.
#[derive(Debug, Serialize)]
struct Wide {
    line: u64,
    matched: u64,
    transactions: u64,
    per_mille: u32,
    days: u32,
    too_wide: bool,
}

impl Wide {
    fn of(line: u64, radius: &local::BlastRadius) -> Self {
        let local::BlastRadius { matched, transactions, per_mille, days, too_wide } = *radius;
        Self { line, matched, transactions, per_mille, days, too_wide }
    }
}

fn in_words(line: u64, radius: &local::BlastRadius) -> String {
    let local::BlastRadius { matched, transactions, per_mille, days, too_wide } = radius;
    let refused = if *too_wide { ": too many, it takes --force-wide" } else { "" };
    let (orders, days) = (counted(*transactions, "transaction", "transactions"), counted(*days, "day", "days"));
    let percent = format!("{}.{} %", per_mille / 10, per_mille % 10);
    format!("line {line} would have matched {matched} of the {orders} of the last {days} ({percent}){refused}")
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

/// What is read of a file, record by record.
pub type Drafts = mpsc::Receiver<Incoming<Vec<local::IndicatorDraft>>>;

/// Drafts gathered for one call, with the lines they stand on.
#[derive(Debug, Default)]
pub struct Call {
    pub drafts: Vec<local::IndicatorDraft>,
    pub lines: Vec<u64>,
    bytes: usize,
}

impl Call {
    pub fn is_full_with(&self, more: &[local::IndicatorDraft]) -> bool {
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
pub struct Run<'a> {
    pub args: &'a PublishArgs,
    node: Node,
    pub bar: ProgressBar,
    pub names: Option<NamesFile>,
    pub call: Call,
    pub account: Account,
    identifiers: u64,
    shown: Vec<String>,
    /// Of a dry run: what would have matched own transactions, with its line.
    wide: Vec<(u64, local::BlastRadius)>,
    /// The least any call reached, with the copies there were and could have been.
    reached: Option<(Ack, u32, u32)>,
    /// Why the node signs nothing for now, as the last call was told.
    waits_for: Option<String>,
}

impl<'a> Run<'a> {
    pub fn new(args: &'a PublishArgs, node: Node, bar: ProgressBar, names: Option<NamesFile>) -> Self {
        let (call, account, shown) = (Call::default(), Account::default(), Vec::new());
        Self {
            args,
            node,
            bar,
            names,
            call,
            account,
            identifiers: 0,
            shown,
            wide: Vec::new(),
            reached: None,
            waits_for: None,
        }
    }
}

impl Run<'_> {
    /// Reads to the end, or to Ctrl-C or SIGTERM where the file is followed. What was gathered is sent in either case.
    pub async fn all(&mut self, incoming: Drafts) -> Result<(), CliError> {
        let ended = self.take(incoming).await;
        self.bar.finish_and_clear();
        ended
    }

    async fn take(&mut self, mut incoming: Drafts) -> Result<(), CliError> {
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

    pub fn add(&mut self, line: u64, drafts: Vec<local::IndicatorDraft>) {
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
    pub fn request(&self, indicators: Vec<local::IndicatorDraft>) -> local::PublishIndicatorsRequest {
        local::PublishIndicatorsRequest {
            request_id: String::new(),
            group: self.args.how.group.clone().unwrap_or_default(),
            indicators,
            dry_run: self.args.dry_run,
            force_wide: self.args.force_wide,
            spread_s: self.args.how.spread_s,
            ack: 0,
        }
    }

    pub async fn publish(
        &mut self,
        mut request: local::PublishIndicatorsRequest,
        lines: &[u64],
    ) -> Result<(), CliError> {
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
            if let Some(radius) = published.blast_radius.filter(|radius| radius.matched > 0) {
                self.note_radius(line_of(published.draft), radius);
            }
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

    /// Keeps the widest.
    fn note_radius(&mut self, line: u64, radius: local::BlastRadius) {
        let place = self.wide.partition_point(|(_, wider)| wider.matched >= radius.matched);
        self.wide.insert(place, (line, radius));
        self.wide.truncate(NAMES_SHOWN);
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
    pub fn falls_short(&self) -> bool {
        self.args.how.ack.zip(self.reached).is_some_and(|(asked, (reached, ..))| reached < asked)
    }

    pub fn answer(&self) -> Result<(), CliError> {
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
                widest: self.wide.iter().map(|(line, radius)| Wide::of(*line, radius)).collect(),
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
        for (line, radius) in &self.wide {
            output::remark(in_words(*line, radius));
        }
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
