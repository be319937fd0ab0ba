//! Publishing to a node process on a real disk: single calls of many callers, and full calls as a file makes them.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use hushwire::base::limits::DRAFTS_PER_CALL;
use prost::bytes::Bytes;

use crate::consortium::found;
use crate::figure::{Book, Sample, Target};
use crate::load::{Round, Served, closed_loop, runtime};
use crate::measure::{float, histogram, median, per, percentile_us};
use crate::{Fault, say, world};

const PATH: &str = "/hushwire.local.v1.PublishingService/PublishIndicators";
const CALLERS: usize = 64;
const SINGLES: usize = 20_000;
const FULL_CALLS: usize = 20;
const ROUNDS: usize = 5;
const FSYNCS: usize = 400;

pub fn measure(book: &mut Book) -> Result<(), Fault> {
    let folder = tempfile::tempdir()?;
    disk(book, folder.path())?;
    let members = found(folder.path(), &["bank-a"], 1_000)?;
    let [member] = members.as_slice() else { return Err("one member was founded".into()) };
    let running = member.serve()?;
    say("publishing")?;
    let identifiers = world::published(11, ROUNDS * (SINGLES + FULL_CALLS * DRAFTS_PER_CALL));
    let (singles, full) = identifiers.split_at(ROUNDS * SINGLES);
    let request = |id: String, identifiers: &[_]| world::publish_request(&id, identifiers);
    let singles: Vec<Bytes> =
        singles.chunks(1).enumerate().map(|(number, one)| request(format!("single-{number}"), one)).collect();
    let full: Vec<Bytes> = full
        .chunks(DRAFTS_PER_CALL)
        .enumerate()
        .map(|(number, thousand)| request(format!("full-{number}"), thousand))
        .collect();
    let (single_rounds, full_rounds) = runtime()?.block_on(async {
        let served = Served { channel: member.connect("publisher")?, path: PATH, pid: running.pid() };
        let (mut single_rounds, mut full_rounds) = (Vec::new(), Vec::new());
        for (singles, full) in singles.chunks(SINGLES).zip(full.chunks(FULL_CALLS)) {
            single_rounds.push(closed_loop(&served, singles, CALLERS).await?);
            full_rounds.push(closed_loop(&served, full, 2).await?);
        }
        Ok::<_, Fault>((single_rounds, full_rounds))
    })?;
    note(book, ("single", "single calls of 64 callers"), &single_rounds, 1, 10_000.0)?;
    note(book, ("full", "calls of 1000 drafts, two at a time"), &full_rounds, DRAFTS_PER_CALL, 150_000.0)
}

fn note(
    book: &mut Book,
    (name, what): (&str, &str),
    rounds: &[Round],
    drafts: usize,
    least_per_s: f64,
) -> Result<(), Fault> {
    let drafts = float(u64::try_from(drafts)?);
    let over = |value: &dyn Fn(&Round) -> f64| median(&rounds.iter().map(value).collect::<Vec<f64>>());
    let calls = rounds.first().map_or(0, |round| round.calls);
    let sample = |value| Sample { value, n: calls, rounds: u32::try_from(rounds.len()).unwrap_or(u32::MAX) };
    let rate = over(&|round| round.calls_per_s() * drafts);
    let remark = "wall clock; client and server share the cores; acknowledged durable, signing and sequencing included as they fall due";
    book.note(
        (&format!("publishing.{name}_rate"), &format!("{what}, records acknowledged durable")),
        sample(rate),
        "/s",
        Target::AtLeast(least_per_s),
        remark,
    )?;
    let cpu = over(&|round| round.server_us() / drafts);
    book.note(
        (&format!("publishing.{name}_cpu"), &format!("{what}, server CPU of one record")),
        sample(cpu),
        "µs",
        Target::None,
        "all threads: TLS, canonical form, seal, journal, audit record, and the window's sequencing and signing",
    )?;
    let p99 = over(&|round| percentile_us(&round.latencies, 99.0) / 1_000.0);
    book.note(
        (&format!("publishing.{name}_p99"), &format!("{what}, p99 of a call")),
        sample(p99),
        "ms",
        Target::None,
        "wall clock",
    )
}

/// What the disk itself gives, so that rates can be read.
fn disk(book: &mut Book, folder: &Path) -> Result<(), Fault> {
    let mut file = File::create(folder.join("probe"))?;
    let mut latencies = histogram();
    for _ in 0..FSYNCS {
        let since = Instant::now();
        file.write_all(&[7; 400])?;
        file.sync_data()?;
        latencies.saturating_record(u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    for percentile in [50.0, 99.0] {
        let value = percentile_us(&latencies, percentile) / 1_000.0;
        let sample = Sample { value, n: latencies.len(), rounds: 1 };
        let name = format!("publishing.disk_p{percentile}");
        book.note(
            (&name, &format!("append of 400 bytes and fdatasync on this disk, p{percentile}")),
            sample,
            "ms",
            Target::None,
            "",
        )?;
    }
    let mean = per(u64::try_from(FSYNCS)?, 1) / (latencies.mean() * float(u64::try_from(FSYNCS)?) / 1e9);
    let sample = Sample { value: mean, n: latencies.len(), rounds: 1 };
    book.note(("publishing.disk_rate", "such appends"), sample, "/s", Target::None, "")
}
