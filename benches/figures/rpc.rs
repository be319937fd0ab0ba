//! Screening calls over mTLS against an echo of the same size: interleaved rounds, both servers processes of their own on
//! one-thread runtimes, one client connection, messages encoded beforehand. Each order is another, of a customer whose habits
//! the node learns and keeps.

use std::process::Command;

use hushwire::app::demo::generator::Person;
use hushwire::base::time::Timestamp;
use hushwire::io::clock;
use hushwire::io::grpc::wire::hushwire::local::v1 as wire;
use hushwire::io::transport::client::connect_local;
use prost::Message;
use prost::bytes::Bytes;

use crate::consortium::Process;
use crate::figure::{Book, Sample, Target};
use crate::load::{Round, Served, call, closed_loop, runtime, stream};
use crate::measure::{float, median, percentile_us};
use crate::stock::Stock;
use crate::{Fault, echo, say, world};

const UNARY: &str = "/hushwire.local.v1.ScreeningService/ScreenTransaction";
const STREAM: &str = "/hushwire.local.v1.ScreeningService/ScreenTransactions";
const ROUNDS: usize = 7;
/// Calls of a round by how many are in flight, a second or two. No order is asked about twice: one that is sent again costs its
/// customer's profile less.
const CALLS: [(usize, usize); 2] = [(64, 65_536), (1, 8_192)];
const BATCH: usize = 32;
const BATCHES: usize = 2_048;
const WINDOW: usize = 4;

pub fn measure(book: &mut Book, stock: &Stock) -> Result<(), Fault> {
    say("screening calls against the echo")?;
    let node = stock.receiver.serve()?;
    let mut orders = Orders { people: world::people(31, world::PEOPLE), asked: 0, now: clock::now() };
    runtime()?.block_on(async {
        let screening = Served { channel: stock.receiver.connect("screener")?, path: UNARY, pid: node.pid() };
        let first = orders.next(1)?.swap_remove(0).encode_to_vec();
        let asked_bytes = first.len();
        let answer_bytes = call(&screening.channel, UNARY, first.into()).await?.len();
        let identity = echo::prepare(&stock.folder)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(echo::ROLE).arg(&stock.folder).arg(answer_bytes.to_string());
        let address = stock.folder.join("address");
        let process = Process::start(command, &address)?;
        let channel = connect_local(&std::fs::read_to_string(address)?, &identity)?;
        let echo = Served { channel, path: echo::PATH, pid: process.pid() };
        for (in_flight, calls) in CALLS {
            let rounds = rounds(&screening, &echo, &mut orders, in_flight, calls).await?;
            note_unary(book, &rounds, in_flight, (asked_bytes, answer_bytes))?;
        }
        let mut rounds = Vec::new();
        let streamed = Served { path: STREAM, ..screening };
        for _ in 0..ROUNDS {
            let batch = |orders: &[wire::ScreenTransactionRequest]| {
                wire::ScreenTransactionsRequest { transactions: orders.to_vec() }.encode_to_vec().into()
            };
            let batches: Vec<Bytes> = orders.next(BATCH * BATCHES)?.chunks_exact(BATCH).map(batch).collect();
            rounds.push(stream(&streamed, &batches, WINDOW).await?);
        }
        note_stream(book, &rounds)
    })
}

/// Orders nobody asked about yet.
struct Orders {
    people: Vec<Person>,
    asked: usize,
    now: Timestamp,
}

impl Orders {
    fn next(&mut self, count: usize) -> Result<Vec<wire::ScreenTransactionRequest>, Fault> {
        let numbers = self.asked..self.asked + count;
        self.asked = numbers.end;
        numbers.map(|number| world::screen_request(&self.people, number, self.now)).collect()
    }
}

/// Of the node and of the echo, in turn.
async fn rounds(
    screening: &Served,
    echo: &Served,
    orders: &mut Orders,
    in_flight: usize,
    calls: usize,
) -> Result<Vec<(Round, Round)>, Fault> {
    let mut rounds = Vec::new();
    for _ in 0..=ROUNDS {
        let messages: Vec<Bytes> = orders.next(calls)?.iter().map(|question| question.encode_to_vec().into()).collect();
        let echoed = closed_loop(echo, &messages, in_flight).await?;
        rounds.push((closed_loop(screening, &messages, in_flight).await?, echoed));
    }
    // The first does not count: connections, caches, the allocator, customers nobody has seen yet.
    rounds.remove(0);
    Ok(rounds)
}

fn note_unary(
    book: &mut Book,
    pairs: &[(Round, Round)],
    in_flight: usize,
    (asked, answered): (usize, usize),
) -> Result<(), Fault> {
    let over = |value: &dyn Fn(&(Round, Round)) -> f64| median(&pairs.iter().map(value).collect::<Vec<f64>>());
    let n = pairs.first().map_or(0, |(screened, _)| screened.calls);
    let sample = |value| Sample { value, n, rounds: u32::try_from(pairs.len()).unwrap_or(u32::MAX) };
    let named = |what: &str| format!("rpc.unary{in_flight}_{what}");
    let saying = |what: &str| format!("unary screening, {in_flight} in flight: {what}");
    let busy = |target| if in_flight > 1 { target } else { Target::None };
    let sizes = format!("question {asked} bytes, answer {answered}; client and server share the cores");
    let ratio = over(&|(screened, echoed)| screened.calls_per_s() / echoed.calls_per_s());
    book.note(
        (&named("ratio"), &saying("calls/s over the echo's")),
        sample(ratio),
        "×",
        busy(Target::AtLeast(0.8)),
        &sizes,
    )?;
    let rate = over(&|(screened, _)| screened.calls_per_s());
    book.note((&named("rate"), &saying("calls/s")), sample(rate), "/s", Target::None, "wall clock")?;
    let cpu = over(&|(screened, _)| screened.server_us());
    book.note(
        (&named("cpu"), &saying("server CPU of a call")),
        sample(cpu),
        "µs",
        busy(Target::AtMost(18.0)),
        "all threads of the node; audit, policy and profiles on, nothing matches, nothing is unusual",
    )?;
    let cpu = over(&|(_, echoed)| echoed.server_us());
    book.note((&named("echo_cpu"), &saying("the echo's server CPU of a call")), sample(cpu), "µs", Target::None, "")?;
    for percentile in [50.0, 99.0] {
        let own = over(&|(screened, _)| percentile_us(&screened.latencies, percentile));
        book.note(
            (&named(&format!("p{percentile}")), &saying(&format!("latency p{percentile}"))),
            sample(own),
            "µs",
            Target::None,
            "wall clock, closed loop",
        )?;
        let ratio = over(&|(screened, echoed)| {
            percentile_us(&screened.latencies, percentile) / percentile_us(&echoed.latencies, percentile)
        });
        let most = if in_flight == 1 && percentile > 90.0 { Target::AtMost(1.2) } else { Target::None };
        let what = saying(&format!("latency p{percentile} over the echo's"));
        book.note((&named(&format!("p{percentile}_ratio")), &what), sample(ratio), "×", most, "")?;
    }
    Ok(())
}

fn note_stream(book: &mut Book, rounds: &[Round]) -> Result<(), Fault> {
    let batch = float(u64::try_from(BATCH)?);
    let over = |value: &dyn Fn(&Round) -> f64| median(&rounds.iter().map(value).collect::<Vec<f64>>());
    let n = rounds.first().map_or(0, |round| round.calls);
    let sample = |value| Sample { value, n, rounds: u32::try_from(rounds.len()).unwrap_or(u32::MAX) };
    let cpu = over(&|round| round.server_us() / batch);
    book.note(
        ("rpc.stream_cpu", "batched stream, 32 a message: server CPU of a screening"),
        sample(cpu),
        "µs",
        Target::AtMost(5.0),
        "four messages unanswered at a time",
    )?;
    book.note(
        ("rpc.stream_per_core", "batched stream: screenings a second of server CPU"),
        sample(1e6 / cpu),
        "/s per core",
        Target::AtLeast(200_000.0),
        "",
    )?;
    let rate = over(&|round| round.calls_per_s() * batch);
    book.note(
        ("rpc.stream_rate", "batched stream: screenings/s"),
        sample(rate),
        "/s",
        Target::None,
        "wall clock; client and server share the cores",
    )
}
