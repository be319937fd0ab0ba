//! The report of a period as a stream of its lines, and what the log takes. The report is made in small steps of the engine, and
//! counted as it is written the way a reader counts it.

use std::pin::Pin;

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::evidence::Fault;
use crate::domain::audit::period::AuditPeriod;
use crate::domain::audit::record::Actor;
use crate::domain::audit::report::{Run, header_line, leaf_line, record_line, section_line, totals_line};
use crate::domain::audit::report_totals::Counting;
use crate::io::engine::Engine;
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::compliance::v1 as wire;
use crate::node::Node;
use crate::node::audit_size::AuditSize;
use crate::node::report::{Found, Reported};
use crate::node::store::{Journal, StorageFault, Views};

/// Bytes of lines sent at once.
const PART_BYTES: usize = 256 * 1024;

/// Parts waiting for a slow reader.
const PARTS_QUEUED: usize = 2;

pub type Parts = Pin<Box<dyn Stream<Item = Result<wire::ReportPeriodResponse, Status>> + Send>>;

/// The period of a report asked for now.
pub fn period(asked: &wire::ReportPeriodRequest, now: Timestamp) -> Result<AuditPeriod, Refusal> {
    let at = Timestamp::from_unix_ms;
    let period = AuditPeriod::new(at(asked.from_ms), at(asked.until_ms)).and_then(|period| period.reportable(now));
    period.map_err(|error| Refusal::InvalidArgument {
        field: "until_ms".to_owned(),
        rule: "period",
        description: error.to_string(),
    })
}

/// Makes the report for `caller`.
pub fn report<J, V>(engine: Engine<J, V>, caller: Actor, period: AuditPeriod) -> Parts
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
            Err(Stopped::Refused(refusal)) => drop(writer.parts.send(Err(refusal.into())).await),
        }
    });
    Box::pin(ReceiverStream::new(outgoing))
}

/// Why a report ended early.
enum Stopped {
    Gone,
    Refused(Refusal),
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Refused(Refusal::Damaged { reason: "UNPROVABLE", description: fault.to_string() })
    }
}

struct Writer<J, V> {
    engine: Engine<J, V>,
    parts: mpsc::Sender<Result<wire::ReportPeriodResponse, Status>>,
    waiting: String,
}

impl<J: Journal + Send + 'static, V: Views + Send + 'static> Writer<J, V> {
    async fn write(&mut self, caller: Actor, period: AuditPeriod) -> Result<(), Stopped> {
        let found = self.find(period).await?;
        let made = self
            .engine
            .call(move |node, round| node.record_report(&caller, &found, round.now, round.rng))
            .await
            .map_err(engine_refusal)?
            .map_err(|fault| storage_refusal(&fault))?;
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

    async fn find(&self, period: AuditPeriod) -> Result<Found, Refusal> {
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
            let Some(last) = records.last() else { return Err(nothing().into()) };
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
                return Err(nothing().into());
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
    ) -> Result<T, Refusal> {
        self.engine.inquire(look).await.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))
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
        self.parts.send(Ok(wire::ReportPeriodResponse { lines })).await.map_err(|_| Stopped::Gone)
    }
}

fn nothing() -> Refusal {
    Refusal::Damaged { reason: "UNPROVABLE", description: "the store gave no entry where some are".to_owned() }
}

/// What the log takes.
pub fn wire_size(size: AuditSize) -> wire::GetAuditSizeResponse {
    let rows = size.rows.into_iter().map(|((month, kind), tally)| wire::AuditSizeRow {
        month,
        kind,
        entries: tally.entries,
        bytes: tally.bytes,
    });
    let freed = size.freed.into_iter().map(|(month, bytes)| wire::AuditSizeFreed { month, bytes });
    wire::GetAuditSizeResponse {
        rows: rows.collect(),
        freed: freed.collect(),
        held_bytes: size.held_bytes,
        entries: size.size.0,
    }
}
