//! The report of a period as a stream of its lines. It is made in small steps of the engine, counted as it is written the way a
//! reader counts it, and never held as a whole: whoever reads slowly slows it down.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::evidence::Fault;
use crate::domain::audit::period::AuditPeriod;
use crate::domain::audit::record::Actor;
use crate::domain::audit::report::{Run, header_line, leaf_line, record_line, section_line, totals_line};
use crate::domain::audit::report_totals::Counting;
use crate::io::engine::{Engine, EngineFault};
use crate::node::Node;
use crate::node::report::{Found, Reported};
use crate::node::store::{Journal, StorageFault, Views};

/// Bytes of lines sent at once.
const PART_BYTES: usize = 256 * 1024;

/// Parts waiting for a slow reader.
const PARTS_QUEUED: usize = 2;

/// Whole lines, some at a time, or why there are no more.
pub type Lines = ReceiverStream<Result<String, ReportingFault>>;

/// A report ended before its last line: what there is of it does not verify.
#[derive(Debug, thiserror::Error)]
pub enum ReportingFault {
    #[error(transparent)]
    Engine(#[from] EngineFault),
    #[error(transparent)]
    Storage(#[from] StorageFault),
    /// What was read of the store proves nothing.
    #[error("{0}")]
    Unprovable(#[from] Fault),
    #[error("the store gave no entry where some are")]
    Nothing,
}

/// Makes the report for `caller`.
pub fn report<J, V>(engine: Engine<J, V>, caller: Actor, period: AuditPeriod) -> Lines
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let (parts, outgoing) = mpsc::channel(PARTS_QUEUED);
    tokio::spawn(async move {
        let mut writer = Writer { engine, parts, waiting: String::new() };
        match writer.write(caller, period).await {
            // Whoever asked has gone, or has it all.
            Ok(()) | Err(Stopped::Gone) => {}
            Err(Stopped::Fault(fault)) => drop(writer.parts.send(Err(fault)).await),
        }
    });
    ReceiverStream::new(outgoing)
}

/// Why a report ended early.
enum Stopped {
    Gone,
    Fault(ReportingFault),
}

impl<F: Into<ReportingFault>> From<F> for Stopped {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

struct Writer<J, V> {
    engine: Engine<J, V>,
    parts: mpsc::Sender<Result<String, ReportingFault>>,
    waiting: String,
}

impl<J: Journal + Send + 'static, V: Views + Send + 'static> Writer<J, V> {
    async fn write(&mut self, caller: Actor, period: AuditPeriod) -> Result<(), Stopped> {
        let found = self.find(period).await?;
        let made =
            self.engine.call(move |node, round| node.record_report(&caller, &found, round.now, round.rng)).await??;
        let Reported { header, feeds } = self.look(move |node, now| node.begin_report(&found, made, now)).await?;
        self.line(&header_line(&header)?).await?;
        let own = header.log.keys.feed().member.clone();
        let mut counting = Counting::new(own.clone(), period);
        self.records(&found, &feeds, &mut counting).await?;
        for (nth, (feed, size)) in feeds.iter().enumerate() {
            let feed = feed.clone();
            let range = match feed.member == own {
                true => {
                    let feed = feed.clone();
                    Some(self.look(move |node, _| node.appended_in(&feed, &period)).await?)
                }
                false => counting.received_ranges().find(|(known, _)| **known == feed).map(|(_, range)| range),
            };
            let Some(range) = range else { continue };
            let place = (feed.clone(), *size);
            let run = self.look(move |node, _| node.report_run(&place, range)).await?;
            match run {
                Some(run) => self.section(nth, &feed, &run, &mut counting).await?,
                None => counting.unproved(&feed),
            }
        }
        let kept: Vec<&FeedId> = feeds.iter().map(|(feed, _)| feed).collect();
        let missing = counting.received_ranges().map(|(feed, _)| feed).filter(|feed| !kept.contains(feed));
        let missing: Vec<FeedId> = missing.cloned().collect();
        for feed in &missing {
            counting.unproved(feed);
        }
        self.line(&totals_line(counting.totals())).await?;
        self.flush().await
    }

    async fn find(&self, period: AuditPeriod) -> Result<Found, ReportingFault> {
        let mut search = self.look(move |node, _| node.search_period(period)).await?;
        loop {
            if let Some(found) = search.found() {
                return Ok(found);
            }
            search = self.look(move |node, _| node.search_on(search)).await?;
        }
    }

    async fn records(
        &mut self,
        found: &Found,
        feeds: &[(FeedId, TreeSize)],
        counting: &mut Counting,
    ) -> Result<(), Stopped> {
        let feeds: std::sync::Arc<[(FeedId, TreeSize)]> = feeds.into();
        let (mut next, found) = (found.first, *found);
        while next < found.end {
            let proved_against = std::sync::Arc::clone(&feeds);
            let from = next;
            let records = self.look(move |node, _| node.report_records(&found, &proved_against, from)).await?;
            let Some(last) = records.last() else { return Err(ReportingFault::Nothing.into()) };
            next = TreeSize(last.index.0.saturating_add(1));
            for reported in &records {
                counting.record(reported.record.as_ref(), reported.matched.len());
                self.line(&record_line(reported.index, &reported.entry, &reported.matched)?).await?;
            }
        }
        Ok(())
    }

    async fn section(&mut self, nth: usize, feed: &FeedId, run: &Run, counting: &mut Counting) -> Result<(), Stopped> {
        self.line(&section_line(nth, run)).await?;
        let (mut next, end) = (run.before.size(), run.end);
        while next < end {
            let (from, of) = (next, feed.clone());
            let leaves = self.look(move |node, _| node.report_leaves(&of, from, end)).await?;
            if leaves.is_empty() {
                return Err(ReportingFault::Nothing.into());
            }
            for leaf in leaves {
                counting.leaf_bytes(feed, &leaf)?;
                self.line(&leaf_line(EntryIndex(next.0), &leaf)).await?;
                next = TreeSize(next.0.saturating_add(1));
            }
        }
        Ok(())
    }

    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node<J, V>, Timestamp) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, ReportingFault> {
        Ok(self.engine.inquire(look).await??)
    }

    async fn line(&mut self, line: &str) -> Result<(), Stopped> {
        if self.waiting.len() + line.len() > PART_BYTES {
            self.flush().await?;
        }
        self.waiting.push_str(line);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Stopped> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let lines = std::mem::take(&mut self.waiting);
        self.parts.send(Ok(lines)).await.map_err(|_| Stopped::Gone)
    }
}
