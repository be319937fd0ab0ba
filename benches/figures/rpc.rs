//! Screening calls over mTLS against an echo of the same size: interleaved rounds, both servers processes of their own on
//! one-thread runtimes, one client connection, messages encoded beforehand.

use std::process::Command;
use std::time::Duration;

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
const LASTING: Duration = Duration::from_millis(1_500);
const QUESTIONS: usize = 4_096;
const BATCH: usize = 32;
const WINDOW: usize = 4;

pub fn measure(book: &mut Book, stock: &Stock) -> Result<(), Fault> {
    say("screening calls against the echo")?;
    let node = stock.receiver.serve()?;
    let people = world::people(31, QUESTIONS);
    let questions: Vec<wire::ScreenTransactionRequest> =
        people.iter().enumerate().map(|(number, person)| world::screen_request(person, number)).collect();
    let unary: Vec<Bytes> = questions.iter().map(|question| question.encode_to_vec().into()).collect();
    let batched: Vec<Bytes> = questions
        .chunks_exact(BATCH)
        .map(|batch| wire::ScreenTransactionsRequest { transactions: batch.to_vec() }.encode_to_vec().into())
        .collect();
    runtime()?.block_on(async {
        let screening = Served { channel: stock.receiver.connect("screener")?, path: UNARY, pid: node.pid() };
        let first = unary.first().cloned().ok_or("there are questions")?;
        let answer_bytes = call(&screening.channel, UNARY, first).await?.len();
        let identity = echo::prepare(&stock.folder)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(echo::ROLE).arg(&stock.folder).arg(answer_bytes.to_string());
        let address = stock.folder.join("address");
        let process = Process::start(command, &address)?;
        let channel = connect_local(&std::fs::read_to_string(address)?, &identity)?;
        let echo = Served { channel, path: echo::PATH, pid: process.pid() };
        let sizes = (unary.first().map_or(0, Bytes::len), answer_bytes);
        for in_flight in [64, 1] {
            compare(book, &screening, &echo, &unary, in_flight, sizes).await?;
        }
        let mut rounds = Vec::new();
        let streamed = Served { path: STREAM, ..screening };
        for _ in 0..ROUNDS {
            rounds.push(stream(&streamed, &batched, WINDOW, LASTING).await?);
        }
        note_stream(book, &rounds)
    })
}

async fn compare(
    book: &mut Book,
    screening: &Served,
    echo: &Served,
    messages: &[Bytes],
    in_flight: usize,
    (asked, answered): (usize, usize),
) -> Result<(), Fault> {
    // One unmeasured round each: connections, caches, the allocator.
    closed_loop(screening, messages, in_flight, Some(LASTING / 3)).await?;
    closed_loop(echo, messages, in_flight, Some(LASTING / 3)).await?;
    let mut pairs = Vec::new();
    for _ in 0..ROUNDS {
        let echoed = closed_loop(echo, messages, in_flight, Some(LASTING)).await?;
        pairs.push((closed_loop(screening, messages, in_flight, Some(LASTING)).await?, echoed));
    }
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
        "all threads of the node; audit and policy on, nothing matches",
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
