//! A stock of indicators, published at one node and taken in by another: what a record costs the author and the receiver,
//! what it leaves on their disks and in memory, how long a restart takes.

use std::path::{Path, PathBuf};
use std::time::Instant;

use hushwire::base::limits::{BATCH_ENTRIES, DRAFTS_PER_CALL};
use hushwire::base::name::{FeedId, MemberId};
use hushwire::base::position::TreeSize;
use hushwire::domain::audit::record::Actor;

use hushwire::io::{clock, random};
use hushwire::node::publish::PublishRequest;

use crate::consortium::{Member, Process, RealNode, found};
use crate::figure::{Book, Sample, Target};
use crate::measure::{disk_bytes, float, median, per, resident_bytes, timed};
use crate::{Fault, say, world};

const ROUNDS: u32 = 5;

/// The receiver, closed, with everything it took in.
#[derive(Debug)]
pub struct Stock {
    pub receiver: Member,
    /// Where more may be written.
    pub folder: PathBuf,
}

pub fn measure(book: &mut Book, folder: &Path, indicators: u32) -> Result<Stock, Fault> {
    // Window 0: what waits is due at once, so that the windows are those closed here.
    let mut members = found(folder, &["bank-a", "bank-b"], 0)?.into_iter();
    let (Some(author), Some(receiver)) = (members.next(), members.next()) else {
        return Err("two members were founded".into());
    };
    let ids: (MemberId, MemberId) = (author.id.parse()?, receiver.id.parse()?);
    let mut a = author.open()?;
    // B holds nothing of A yet: the fence opens.
    a.learn_heads(&ids.1, Vec::new(), clock::now(), &mut random::generator())?;
    publish(book, &mut a, indicators)?;
    let mut b = receiver.open()?;
    let feed = FeedId { member: ids.0.clone(), group: "all".parse()? };
    let held = a.heads().get(&feed).map(|head| head.size.0);
    if held < Some(u64::from(indicators)) {
        return Err(format!("of {indicators} published indicators {held:?} were sequenced").into());
    }
    let taken = catch_up(book, &a, &mut b, &feed, &ids)?;
    let belief = b.state().belief.writer().memory();
    drop((a, b));

    disk(book, &author, &receiver, taken)?;
    let bytes = per(u64::try_from(belief.total_bytes())?, belief.indicators);
    let sample = Sample { value: bytes, n: belief.indicators, rounds: 1 };
    book.note(
        ("stock.memory_belief", "belief of the receiver, bytes an indicator"),
        sample,
        "bytes",
        Target::AtMost(200.0),
        "by the belief's own account",
    )?;
    restart(book, &receiver, taken)?;
    Ok(Stock { receiver, folder: folder.to_owned() })
}

/// Full calls as a file makes them, without the transport.
fn publish(book: &mut Book, node: &mut RealNode, indicators: u32) -> Result<(), Fault> {
    say(format!("publishing {indicators} indicators"))?;
    let identifiers = world::published(21, usize::try_from(indicators)?);
    let mut rng = random::generator();
    let (mut prepared, mut sequenced) = (Vec::new(), Vec::new());
    for round in identifiers.chunks(identifiers.len().div_ceil(usize::try_from(ROUNDS)?)) {
        let (mut preparing, mut sequencing) = (0, 0);
        for calls in round.chunks(DRAFTS_PER_CALL * 10) {
            let ((), ns) = timed(|| {
                for call in calls.chunks(DRAFTS_PER_CALL) {
                    let drafts = call.iter().map(|identifier| Ok(world::draft(identifier))).collect();
                    let request = PublishRequest {
                        request: None,
                        group: None,
                        drafts,
                        dry_run: false,
                        force_wide: false,
                        spread_s: 0,
                    };
                    node.publish_indicators(&Actor::Node, request, clock::now(), &mut rng)?;
                    node.sync()?;
                }
                Ok(())
            })?;
            preparing += ns;
            let ((), ns) = timed(|| {
                node.close_window(clock::now(), &mut rng)?;
                Ok(node.sync()?)
            })?;
            sequencing += ns;
        }
        let count = u64::try_from(round.len())?;
        prepared.push(per(preparing, count) / 1_000.0);
        sequenced.push(per(sequencing, count) / 1_000.0);
    }
    let n = u64::from(indicators);
    let sample = |values: &[f64]| Sample { value: median(values), n, rounds: ROUNDS };
    book.note(
        ("stock.prepare_cpu", "one record from raw identifier to durable, in calls of 1000, in-process"),
        sample(&prepared),
        "µs CPU",
        Target::AtMost(1_000_000.0 / 150_000.0),
        "the target is 150,000/s on one core; canonical form, seal, journal, audit record, one fdatasync a call",
    )?;
    book.note(
        ("stock.sequence_cpu", "one record shuffled, appended, signed and believed at the author"),
        sample(&sequenced),
        "µs CPU",
        Target::None,
        "windows of 10,000",
    )
}

/// Batches of a thousand through the receiver's only door.
fn catch_up(
    book: &mut Book,
    a: &RealNode,
    b: &mut RealNode,
    feed: &FeedId,
    (author, receiver): &(MemberId, MemberId),
) -> Result<u64, Fault> {
    let head = a.heads().get(feed).map(|head| head.size).ok_or("the author has no head")?;
    say(format!("the receiver catches up with {head} entries"))?;
    let batches_a_round = usize::try_from(head.0)?.div_ceil(BATCH_ENTRIES).div_ceil(usize::try_from(ROUNDS)?);
    let mut rng = random::generator();
    let (mut served, mut accepted, mut walls) = (Vec::new(), Vec::new(), Vec::new());
    let mut from = TreeSize::EMPTY;
    while from < head {
        let start = from;
        let (batches, ns) = timed(|| {
            let mut batches = Vec::new();
            while batches.len() < batches_a_round
                && let Some(outgoing) = a.outgoing(receiver, feed, from, BATCH_ENTRIES)?
            {
                from = outgoing.end;
                batches.push(outgoing.unverified(feed));
            }
            Ok(batches)
        })?;
        let entries = from.0 - start.0;
        served.push(per(ns, entries) / 1_000.0);
        let since = Instant::now();
        let ((), ns) = timed(|| {
            for batch in batches {
                b.accept_batch(author, batch, clock::now(), &mut rng)?;
                b.sync()?;
            }
            Ok(())
        })?;
        accepted.push(float(entries) / (float(ns) / 1e9));
        walls.push(float(entries) / since.elapsed().as_secs_f64());
    }
    let rounds = u32::try_from(accepted.len())?;
    let sample = |values: &[f64]| Sample { value: median(values), n: head.0, rounds };
    book.note(
        ("stock.catch_up", "entries verified, stored durably and believed at the receiver"),
        sample(&accepted),
        "/s per core",
        Target::AtLeast(400_000.0),
        "batches of 1000, one fdatasync each, without the transport (about 0.3 µs an entry)",
    )?;
    book.note(("stock.catch_up_wall", "the same by the wall clock"), sample(&walls), "/s", Target::None, "")?;
    book.note(
        ("stock.serve_cpu", "one entry read for a peer that catches up"),
        sample(&served),
        "µs CPU",
        Target::None,
        "journal read, opened, proof; without the transport",
    )?;
    Ok(head.0)
}

fn disk(book: &mut Book, author: &Member, receiver: &Member, indicators: u64) -> Result<(), Fault> {
    for (member, name, most, remark) in [
        (receiver, "receiver", Target::AtMost(260.0), "no compaction was needed: nothing has expired"),
        (
            author,
            "author",
            Target::None,
            "before compaction: the prepared and the sequenced form of each, and one audit record",
        ),
    ] {
        for (part, folder) in [("journal", "journal"), ("views", "views")] {
            let bytes = per(disk_bytes(&member.dir.join(folder))?, indicators);
            let sample = Sample { value: bytes, n: indicators, rounds: 1 };
            let most = if part == "journal" { most } else { Target::None };
            let what = format!("disk an indicator at the {name}, {part}");
            book.note((&format!("stock.disk_{name}_{part}"), &what), sample, "bytes", most, remark)?;
        }
    }
    Ok(())
}

/// Opening in this process, then the whole program.
fn restart(book: &mut Book, receiver: &Member, indicators: u64) -> Result<(), Fault> {
    say("restarting the receiver")?;
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let since = Instant::now();
        let (node, ns) = timed(|| receiver.open())?;
        cpu.push(float(ns) / 1e9);
        wall.push(since.elapsed().as_secs_f64());
        drop(node);
    }
    let sample = |values: &[f64]| Sample { value: median(values), n: indicators, rounds: 3 };
    let remark = "files in the page cache; the keystore of a measured node is sealed quickly";
    book.note(
        ("stock.restart_cpu", "open: journal replayed, chain and roots verified, belief rebuilt"),
        sample(&cpu),
        "s CPU",
        Target::None,
        remark,
    )?;
    let most = 30.0 * float(indicators) / 1e7;
    book.note(
        ("stock.restart_wall", "the same by the wall clock"),
        sample(&wall),
        "s",
        Target::AtMost(most),
        "the target is 30 s for 10 million, scaled",
    )?;
    let replayed = receiver.serve()?;
    let bytes = per(resident_bytes(&replayed.pid())?, indicators);
    let sample = Sample { value: bytes, n: indicators, rounds: 1 };
    book.note(
        ("stock.memory_rss", "memory of the whole process (RSS) over indicators"),
        sample,
        "bytes",
        Target::None,
        "right after its start without a snapshot; includes about 30 MB that do not grow",
    )?;
    first_answer(book, receiver, replayed, indicators)
}

/// From the start of the process to its first answers, before and after a clean stop left a snapshot.
fn first_answer(book: &mut Book, receiver: &Member, replayed: Process, indicators: u64) -> Result<(), Fault> {
    let without = replayed.started_in;
    replayed.stop()?;
    let early = receiver.serve()?;
    let sample = |value: std::time::Duration| Sample { value: value.as_secs_f64(), n: indicators, rounds: 1 };
    book.note(
        ("stock.restart_first_answer_without_snapshot", "process start to serving, everything replayed first"),
        sample(without),
        "s",
        Target::None,
        "includes opening the keystore, which is sealed quickly here",
    )?;
    book.note(
        ("stock.restart_first_answer", "process start to serving checkouts from a snapshot"),
        sample(early.started_in),
        "s",
        Target::AtMost(2.0),
        "the target is for 10 million; the file in the page cache, no records behind the snapshot",
    )?;
    let most = 30.0 * float(indicators) / 1e7;
    book.note(
        ("stock.restart_verified", "process start to a store open and verified, while a snapshot answers"),
        sample(early.opened_in),
        "s",
        Target::AtMost(most),
        "the target is 30 s for 10 million, scaled",
    )
}
