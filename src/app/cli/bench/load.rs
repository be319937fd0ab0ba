//! The load: closed loop (callers that wait for their answer) and open loop (arrivals that do not).
//!
//! In the open loop a call's time begins when it was due, not when there was room to make it: otherwise a node that stalls
//! would only be asked less, and the customers who would have waited would not be counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt;

use crate::app::cli::call_channel::CallChannel;
use crate::app::cli::client::{CALL_TIMEOUT, Node, explain};
use crate::app::cli::decision::decision_word;
use crate::app::outcome::CliError;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::screening_service_client::ScreeningServiceClient;

/// Latencies are kept to three digits, up to a minute.
const LONGEST_US: u64 = 60_000_000;

/// What is asked, and how hard.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub pace: Pace,
    /// Calls under way at once, at most.
    pub in_flight: usize,
    /// Orders of one message; 1 asks by single calls.
    pub batch: usize,
    pub warm_up: Duration,
    pub time: Duration,
}

/// When the next call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// When an answer came.
    Closed,
    /// At this many orders a second.
    Open { per_s: u32 },
}

/// What came back in the time that was measured.
#[derive(Debug)]
pub struct Measured {
    /// Orders answered.
    pub screened: u64,
    pub decisions: BTreeMap<&'static str, u64>,
    pub degraded: u64,
    /// Failed calls by their stable reason.
    pub failures: BTreeMap<String, u64>,
    /// Calls that were due and for which there was no room before the time was over.
    pub not_made: u64,
    /// Microseconds from the moment a call was due to its answer.
    pub latency: Histogram<u64>,
    pub elapsed: Duration,
}

impl Measured {
    fn new() -> Self {
        Self {
            screened: 0,
            decisions: BTreeMap::new(),
            degraded: 0,
            failures: BTreeMap::new(),
            not_made: 0,
            latency: Histogram::new_with_max(LONGEST_US, 3).expect("a minute and three digits are valid bounds"),
            elapsed: Duration::ZERO,
        }
    }

    /// Calls that were not answered, or not made.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum::<u64>() + self.not_made
    }

    fn answered(&mut self, latency: Duration, answers: &[local::ScreenTransactionResponse]) {
        self.latency.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        for answer in answers {
            self.screened += 1;
            self.degraded += u64::from(answer.degraded);
            *self.decisions.entry(decision_word(answer.decision)).or_default() += 1;
        }
    }

    fn refused(&mut self, status: &Status) {
        let details = status.get_error_details();
        let reason = details.error_info().map_or_else(|| format!("{:?}", status.code()), |info| info.reason.clone());
        *self.failures.entry(reason).or_default() += 1;
    }

    fn add(&mut self, other: &Self) {
        self.screened += other.screened;
        self.degraded += other.degraded;
        self.not_made += other.not_made;
        for (decision, count) in &other.decisions {
            *self.decisions.entry(decision).or_default() += count;
        }
        for (reason, count) in &other.failures {
            *self.failures.entry(reason.clone()).or_default() += count;
        }
        self.latency.add(&other.latency).expect("all have the same bounds");
    }
}

/// Asks once, so that what is wrong from the start is told as such.
pub async fn first_call(node: &Node, orders: &[local::ScreenTransactionRequest]) -> Result<(), CliError> {
    let order = orders.first().cloned().unwrap_or_default();
    let mut client = ScreeningServiceClient::new(node.channel.clone());
    let answer = client.screen_transaction(timed(order)).await;
    answer.map(drop).map_err(|status| explain(&status, &node.endpoint))
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

/// The orders, given out in turn to all callers.
#[derive(Debug)]
struct Orders {
    all: Vec<local::ScreenTransactionRequest>,
    next: AtomicUsize,
}

impl Orders {
    fn take(&self, count: usize) -> Vec<local::ScreenTransactionRequest> {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        (first..first + count).filter_map(|at| self.all.get(at % self.all.len())).cloned().collect()
    }
}

/// When measuring begins and ends.
#[derive(Debug, Clone, Copy)]
struct Clock {
    from: Instant,
    until: Instant,
}

impl Clock {
    fn counts(&self, due: Instant) -> bool {
        self.from <= due && due < self.until
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

impl Load {
    /// Asks until the time is over and every call under way has ended.
    pub async fn run(&self, channels: Vec<CallChannel>, orders: Vec<local::ScreenTransactionRequest>) -> Measured {
        let orders = Arc::new(Orders { all: orders, next: AtomicUsize::new(0) });
        let from = Instant::now() + self.warm_up;
        let clock = Clock { from, until: from + self.time };
        let mut measured = match self.pace {
            Pace::Closed => self.closed(channels, orders, clock).await,
            Pace::Open { per_s } => self.open(channels, orders, clock, per_s).await,
        };
        measured.elapsed = self.time;
        measured
    }

    async fn closed(&self, channels: Vec<CallChannel>, orders: Arc<Orders>, clock: Clock) -> Measured {
        let mut callers = JoinSet::new();
        for channel in channels.iter().cycle().take(self.in_flight) {
            let (mut line, orders, batch) = (Line::new(channel.clone()), Arc::clone(&orders), self.batch);
            callers.spawn(async move {
                let mut measured = Measured::new();
                while !clock.is_over() {
                    let due = Instant::now();
                    let answer = line.ask(orders.take(batch), batch > 1).await;
                    note(&mut measured, clock, due, answer);
                }
                measured
            });
        }
        gather(callers).await
    }

    async fn open(&self, channels: Vec<CallChannel>, orders: Arc<Orders>, clock: Clock, per_s: u32) -> Measured {
        let room = Arc::new(Semaphore::new(self.in_flight));
        let (free, mut lines) = mpsc::unbounded_channel();
        for channel in channels.iter().cycle().take(self.in_flight) {
            free.send(Line::new(channel.clone())).expect("the receiver is here");
        }
        let batch = self.batch;
        let interval = interval(batch, per_s);
        let begun = Instant::now();
        let mut callers: JoinSet<Measured> = JoinSet::new();
        let mut total = Measured::new();
        let mut arrivals: u32 = 0;
        loop {
            let due = begun + interval.saturating_mul(arrivals);
            if due >= clock.until {
                break;
            }
            tokio::time::sleep_until(due.into()).await;
            let waited = tokio::time::timeout_at(clock.until.into(), Arc::clone(&room).acquire_owned()).await;
            let Ok(Ok(place)) = waited else {
                total.not_made += arrivals_within(clock.until - due, interval);
                break;
            };
            let mut line = lines.recv().await.expect("a place is free, so a line is");
            let (free, orders) = (free.clone(), Arc::clone(&orders));
            callers.spawn(async move {
                let mut measured = Measured::new();
                let answer = line.ask(orders.take(batch), batch > 1).await;
                note(&mut measured, clock, due, answer);
                // Whoever waits for a line still holds the other end, or the load is over.
                drop(free.send(line));
                drop(place);
                measured
            });
            while let Some(done) = callers.try_join_next() {
                total.add(&done.expect("a caller does not panic"));
            }
            arrivals = arrivals.saturating_add(1);
        }
        total.add(&gather(callers).await);
        total
    }
}

/// From one message of `batch` orders to the next.
fn interval(batch: usize, per_s: u32) -> Duration {
    let nanos = u64::try_from(batch).unwrap_or(u64::MAX).saturating_mul(1_000_000_000) / u64::from(per_s.max(1));
    Duration::from_nanos(nanos.max(1))
}

/// How many calls would have been due, the one that found no room among them.
fn arrivals_within(time: Duration, interval: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(interval.as_nanos().max(1))).unwrap_or(u64::MAX)
}

async fn gather(mut callers: JoinSet<Measured>) -> Measured {
    let mut total = Measured::new();
    while let Some(done) = callers.join_next().await {
        total.add(&done.expect("a caller does not panic"));
    }
    total
}

type Answers = Result<Vec<local::ScreenTransactionResponse>, Status>;

fn note(measured: &mut Measured, clock: Clock, due: Instant, answer: Answers) {
    if !clock.counts(due) {
        return;
    }
    match answer {
        Ok(answers) => measured.answered(due.elapsed(), &answers),
        Err(status) => measured.refused(&status),
    }
}

type Stream = (mpsc::Sender<local::ScreenTransactionsRequest>, Streaming<local::ScreenTransactionsResponse>);

/// One caller's way to the node; a stream is opened when it is first needed, and again after it broke.
#[derive(Debug)]
struct Line {
    client: ScreeningServiceClient<CallChannel>,
    stream: Option<Stream>,
}

impl Line {
    fn new(channel: CallChannel) -> Self {
        Self { client: ScreeningServiceClient::new(channel), stream: None }
    }

    async fn ask(&mut self, mut orders: Vec<local::ScreenTransactionRequest>, streamed: bool) -> Answers {
        if streamed {
            let answers = tokio::time::timeout(CALL_TIMEOUT, self.ask_stream(orders)).await;
            let answers = answers.unwrap_or_else(|_| Err(Status::new(Code::DeadlineExceeded, "no answer")));
            if answers.is_err() {
                self.stream = None;
                // A node that has no time is not asked again at once.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            return answers;
        }
        let order = orders.pop().unwrap_or_default();
        let answer = self.client.screen_transaction(timed(order)).await;
        if answer.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        answer.map(|answer| vec![answer.into_inner()])
    }

    async fn ask_stream(&mut self, orders: Vec<local::ScreenTransactionRequest>) -> Answers {
        let message = local::ScreenTransactionsRequest { transactions: orders };
        let (sender, mut answers) = match self.stream.take() {
            Some((sender, answers)) => {
                sender.send(message).await.map_err(|_| Status::unavailable("the stream ended"))?;
                (sender, answers)
            }
            None => {
                let (sender, waiting) = mpsc::channel(1);
                // Sent first: a node may wait for the first message before it answers at all.
                sender.send(message).await.map_err(|_| Status::unavailable("the stream ended"))?;
                let answers = self.client.screen_transactions(ReceiverStream::new(waiting)).await?.into_inner();
                (sender, answers)
            }
        };
        let answer = answers.message().await?.ok_or_else(|| Status::unavailable("the stream ended"))?;
        self.stream = Some((sender, answers));
        Ok(answer.results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_due_within_the_time_count() {
        let from = Instant::now();
        let clock = Clock { from, until: from + Duration::from_secs(1) };
        let check = |due: Instant, expected: u64| {
            let mut measured = Measured::new();
            note(&mut measured, clock, due, Ok(vec![local::ScreenTransactionResponse::default()]));
            assert_eq!(measured.screened, expected);
        };
        check(from, 1);
        check(from + Duration::from_secs(1), 0);
    }

    #[test]
    fn orders_are_given_out_in_turn_and_begin_again() {
        let order = |number: i64| local::ScreenTransactionRequest { amount_minor: number, ..Default::default() };
        let orders = Orders { all: (0..3).map(order).collect(), next: AtomicUsize::new(0) };
        let amounts = |count| orders.take(count).iter().map(|order| order.amount_minor).collect::<Vec<_>>();
        assert_eq!((amounts(2), amounts(2)), (vec![0, 1], vec![2, 0]));
    }

    #[test]
    fn failures_are_counted_by_their_reason() {
        let mut measured = Measured::new();
        measured.refused(&Status::unavailable("x"));
        measured.refused(&Status::unavailable("y"));
        assert_eq!((measured.failed(), measured.failures.get("Unavailable")), (2, Some(&2)));
    }

    #[test]
    fn a_rate_counts_orders_not_messages() {
        assert_eq!(interval(1, 2_000), Duration::from_micros(500));
        assert_eq!(interval(32, 2_000), Duration::from_millis(16));
        assert_eq!(arrivals_within(Duration::from_millis(10), interval(1, 1_000)), 10);
        assert_eq!(arrivals_within(Duration::from_micros(1), interval(1, 1_000)), 1);
    }
}
