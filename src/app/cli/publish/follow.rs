//! `hushwire publish FILE --follow`: what is added to a file is published, and how far is remembered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::app::cli::client::Fingerprints;
use crate::app::cli::publish::PublishArgs;
use crate::app::cli::publish::names::NamesFile;
use crate::app::cli::publish::position::{Found, Position, StoredCall};
use crate::app::cli::publish::run::{Call, FOLLOW_IDLE, Run};
use crate::app::cli::stream::{broken, progress, unwritable};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::draft;
use crate::app::records::follow::{self, Place, Step, Turn};
use crate::app::records::refusal::{Refusal, Report};
use crate::app::records::source::SourceError;
use crate::base::role::Role;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use crate::io::{clock, random};

/// See the module's documentation.
pub async fn follow(args: PublishArgs) -> Result<Outcome, CliError> {
    let options = args.how.read_options()?;
    let folder = match &args.state {
        Some(folder) => folder.clone(),
        None => args.how.client.folder("follow")?.ok_or_else(|| {
            CliError::usage("a followed file needs a folder that remembers how far it was published")
                .hint("name one with --state FOLDER")
        })?,
    };
    let report = args.how.input.open_report()?;
    let names = args.names.as_deref().map(NamesFile::append).transpose()?;
    let node = args.how.client.connect(&[Role::Publisher])?;
    let position = Position::open(&folder, &args.file, Fingerprints::new(&node.request_ids))?;
    let Found { beginning, call, gone_after_line } = position.find();
    if let Some(line) = gone_after_line {
        output::remark(format!(
            "what was followed as {} is gone, or holds something else now: its first {line} lines are published, what may have \
             come after them was not seen; the file there now is read from its beginning",
            args.file.display()
        ));
    }
    let repeated = call.filter(|_| gone_after_line.is_none());
    if repeated.as_ref().is_some_and(|call| call.is_forgotten(clock::now())) {
        output::remark(
            "the last call may have reached the node more than a day ago: it is made again, and what it held may be published twice",
        );
    }
    let begins = beginning.file.is_none();
    let stop = Arc::new(AtomicBool::new(false));
    let defaults = args.how.defaults.clone();
    let read = move |record: &_| draft::read(record, &defaults);
    let steps = follow::follow(&args.file, beginning, options, Arc::clone(&stop), read)
        .map_err(|error| broken(&args.file, &SourceError::Unreadable(error)))?;
    let bar = progress(&args.file, true);
    let mut following = Following {
        run: Run::new(&args, node, bar, names),
        position,
        report,
        reached: None,
        saved: true,
        begins,
        repeated,
    };
    let ended = following.all(steps).await;
    stop.store(true, Ordering::Relaxed);
    let Following { run, .. } = following;
    run.bar.finish_and_clear();
    run.answer()?;
    ended?;
    if run.falls_short() {
        return Ok(Outcome::Partial);
    }
    run.account.outcome()
}

struct Following<'a> {
    run: Run<'a>,
    position: Position,
    report: Option<Report>,
    /// Where the last record ended that was read.
    reached: Option<Place>,
    /// Whether that is written down.
    saved: bool,
    /// Whether the next record is the first of its generation.
    begins: bool,
    /// A call of the run before, until it is made again.
    repeated: Option<StoredCall>,
}

impl Following<'_> {
    async fn all(&mut self, mut steps: mpsc::Receiver<Step<Vec<local::IndicatorDraft>>>) -> Result<(), CliError> {
        let failed = |error| CliError::failed(format!("signals cannot be waited for: {error}"));
        // Listened for from here on: one that comes while a call is made is not lost.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        loop {
            // A call that is repeated waits for all it held: a part of it under another id would be published twice.
            let idle = if self.saved || self.repeated.is_some() { Duration::MAX } else { FOLLOW_IDLE };
            let next = tokio::select! {
                next = tokio::time::timeout(idle, steps.recv()) => next,
                _ = interrupt.recv() => return self.stop().await,
                _ = terminate.recv() => return self.stop().await,
            };
            match next {
                Err(_idle) => self.flush().await?,
                Ok(None) => return self.stop().await,
                Ok(Some(Step::Item { line, place, item })) => self.take(line, place, item).await?,
                Ok(Some(Step::Refused { place, refusals })) => self.refuse(place, refusals).await?,
                Ok(Some(Step::Turned(turn))) => self.turn(turn).await?,
                Ok(Some(Step::Broken(error))) => {
                    self.stop().await?;
                    return Err(CliError { code: CliError::FAILED, ..broken(&self.run.args.file, &error) });
                }
            }
        }
    }

    async fn take(&mut self, line: u64, place: Place, drafts: Vec<local::IndicatorDraft>) -> Result<(), CliError> {
        // A call that is repeated holds what it held, whatever would fit.
        if self.repeated.is_none() && self.run.call.is_full_with(&drafts) {
            self.flush().await?;
        }
        self.run.add(line, drafts);
        self.reach(place).await
    }

    async fn refuse(&mut self, place: Place, refusals: Vec<Refusal>) -> Result<(), CliError> {
        self.run.account.records += 1;
        self.tell(&refusals)?;
        self.run.account.refuse(refusals);
        self.reach(place).await
    }

    async fn reach(&mut self, place: Place) -> Result<(), CliError> {
        if std::mem::take(&mut self.begins) {
            self.position.begin(&place.generation);
        }
        let end = self.repeated.as_ref().is_some_and(|call| call.offset <= place.offset);
        self.reached = Some(place);
        self.saved = false;
        if end { self.flush().await } else { Ok(()) }
    }

    /// Makes the call of what was gathered, and writes down how far everything is done.
    async fn flush(&mut self) -> Result<(), CliError> {
        let Some(place) = self.reached.clone().filter(|_| !self.saved) else { return Ok(()) };
        let Call { drafts, lines, .. } = std::mem::take(&mut self.run.call);
        if !drafts.is_empty() {
            let repeated = self.repeated.take().filter(|call| call.offset == place.offset);
            let call = repeated
                .unwrap_or_else(|| StoredCall::new(hex::encode(random::bytes::<16>()), place.offset, clock::now()));
            let mut request = self.run.request(drafts);
            request.request_id.clone_from(&call.request_id);
            self.position.calling(call)?;
            let before = self.run.account.refusals.len();
            self.run.publish(request, &lines).await?;
            let refused = self.run.account.refusals.split_off(before);
            self.tell(&refused)?;
            if let Some(names) = &mut self.run.names {
                names.finish()?;
            }
        }
        self.run.account.refusals.clear();
        self.position.done(&place)?;
        self.saved = true;
        Ok(())
    }

    /// What was gathered goes first; not a part of a call that is repeated, which the next run makes whole.
    async fn stop(&mut self) -> Result<(), CliError> {
        if self.repeated.is_some() { Ok(()) } else { self.flush().await }
    }

    async fn turn(&mut self, turn: Turn) -> Result<(), CliError> {
        self.flush().await?;
        (self.reached, self.begins) = (None, true);
        // What a call was to hold stood in what has ended.
        self.repeated = None;
        let file = self.run.args.file.display();
        output::remark(match turn {
            Turn::Replaced => format!("{file}: another file took the name; the old one was read to its end"),
            Turn::Truncated => {
                format!(
                    "{file} was emptied or written anew; it is read from its beginning. What was added and not read before is lost to us"
                )
            }
        });
        Ok(())
    }

    /// On standard error and in the report, before the position passes them.
    fn tell(&self, refusals: &[Refusal]) -> Result<(), CliError> {
        for refusal in refusals {
            output::remark(format!("refused: {}", refusal.shown()));
        }
        match &self.report {
            Some(report) if !refusals.is_empty() => {
                report.add(refusals).map_err(|error| unwritable(&report.path, &error))
            }
            _ => Ok(()),
        }
    }
}
