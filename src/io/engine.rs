//! The engine: one thread owns the node and its store, everybody else sends it work.
//!
//! Work is executed in rounds. A round takes what is queued (up to a limit), runs it against the node, makes the journal
//! durable once, and only then answers: many callers share one `fdatasync` (group commit) and nobody is told of a change
//! that a power cut could undo. Screening does not come through here: it reads memory. The thread also opens the node, so
//! that screening can answer meanwhile from a snapshot.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use tokio::sync::{oneshot, watch};

use crate::base::limits;
use crate::base::name::{ConsortiumId, FeedId, MemberId};
use crate::base::time::Timestamp;
use crate::io::compactor::Compactor;
use crate::io::metrics::atomics::Level;
use crate::io::{clock, random};
use crate::node::Node;
use crate::node::heads::Heads;
use crate::node::reserve::Reservation;
use crate::node::store::{Journal, StorageFault, Views};

/// What a job is given besides the node.
#[derive(Debug)]
pub struct Round<'a> {
    pub now: Timestamp,
    pub rng: &'a mut StdRng,
}

/// Makes a reservation durable outside the store.
pub type Reserve = Box<dyn FnMut(&Reservation) -> Result<(), StorageFault> + Send>;

type Answer = Box<dyn FnOnce(Result<(), StorageFault>) + Send>;
type Job<J, V> = Box<dyn FnOnce(&mut Node<J, V>, &mut Round<'_>) -> Answer + Send>;

/// The engine did not do the work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineFault {
    #[error("the node has too much work queued; try again")]
    Busy,
    #[error("the store is being opened and verified; until then checkouts at most are answered")]
    Opening,
    #[error("the node is stopping")]
    Stopping,
    /// Queued, and not done in the time the caller had: a disk that hangs, or very long work before it.
    #[error("the store has not answered for {waited_ms} ms")]
    Stuck { waited_ms: u128 },
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// Between attempts of a patient call to find room in the queue.
const FULL_PAUSE: Duration = Duration::from_millis(5);

/// Sends work to the engine. Cheap to clone.
pub struct Engine<J, V> {
    jobs: SyncSender<Job<J, V>>,
    open: watch::Receiver<bool>,
    heads: watch::Receiver<Arc<Heads>>,
    progress: watch::Receiver<u64>,
    consortium: ConsortiumId,
    member: MemberId,
    /// How long a call waits for the store to open, and for room in the queue.
    patience: Duration,
    /// Calls whose work has not begun, for monitoring.
    waiting: Arc<Level>,
}

/// How an opening ends, with what the opener gives out beside the node.
pub type Opening<T, E> = oneshot::Receiver<Result<T, E>>;

impl<J, V> Clone for Engine<J, V> {
    fn clone(&self) -> Self {
        Self {
            jobs: self.jobs.clone(),
            open: self.open.clone(),
            heads: self.heads.clone(),
            progress: self.progress.clone(),
            consortium: self.consortium.clone(),
            member: self.member.clone(),
            patience: self.patience,
            waiting: Arc::clone(&self.waiting),
        }
    }
}

impl<J, V> std::fmt::Debug for Engine<J, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl<J: Journal + Send + 'static, V: Views + Send + 'static> Engine<J, V> {
    /// Starts the thread, which opens the node itself: until it has, calls are refused with [`EngineFault::Opening`]. It ends,
    /// with everything durable, when every handle is dropped or the opening fails. What a guarded node wants to reserve goes to
    /// the opener's [`Reserve`]; a node that is not guarded never asks.
    pub fn start<T: Send + 'static, E: Send + 'static>(
        consortium: ConsortiumId,
        member: MemberId,
        tick: Duration,
        opener: impl FnOnce() -> Result<(Node<J, V>, Reserve, T), E> + Send + 'static,
    ) -> std::io::Result<(Self, Opening<T, E>, JoinHandle<()>)> {
        let (jobs, queue) = sync_channel(limits::ENGINE_QUEUE);
        let (opened, open) = watch::channel(false);
        let (publish_heads, heads) = watch::channel(Arc::new(Heads::new()));
        let (tell_progress, progress) = watch::channel(0);
        let told = Told { heads: publish_heads, progress: tell_progress };
        let (tell, opening) = oneshot::channel();
        let thread = std::thread::Builder::new().name("hushwire-engine".to_owned()).spawn(move || {
            // Nobody may listen any more: then the process is stopping.
            match opener() {
                Ok((node, reserve, beside)) => {
                    told.heads.send_replace(Arc::new(node.heads()));
                    opened.send_replace(true);
                    drop(tell.send(Ok(beside)));
                    run(node, &queue, tick, &told, reserve);
                }
                Err(fault) => drop(tell.send(Err(fault))),
            }
        })?;
        let (patience, waiting) = (Duration::ZERO, Arc::default());
        Ok((Self { jobs, open, heads, progress, consortium, member, patience, waiting }, opening, thread))
    }

    /// Calls whose work has not begun.
    pub fn waiting(&self) -> Arc<Level> {
        Arc::clone(&self.waiting)
    }

    /// Whether the node is open: calls are worked on.
    pub fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Waits until the node is open; false where it never will be.
    pub async fn opened(&self) -> bool {
        self.open.clone().wait_for(|open| *open).await.is_ok()
    }

    pub fn consortium(&self) -> &ConsortiumId {
        &self.consortium
    }

    /// The member this node speaks for.
    pub fn member(&self) -> &MemberId {
        &self.member
    }

    /// The origin of a feed.
    pub fn origin(&self, feed: &FeedId) -> String {
        feed.origin(&self.consortium)
    }

    /// The feed of an origin; none for another consortium's.
    pub fn feed(&self, origin: &str) -> Option<FeedId> {
        FeedId::from_origin(&self.consortium, origin).ok()
    }

    /// The durable heads of all feeds, changing as they grow.
    pub fn heads(&self) -> watch::Receiver<Arc<Heads>> {
        self.heads.clone()
    }

    /// Changes whenever heads grow or a member acknowledges: who waits for copies asks again then.
    pub fn progress(&self) -> watch::Receiver<u64> {
        self.progress.clone()
    }

    /// A handle whose calls wait for the store to open and for room in the queue: for the exchange with peers, whose streams
    /// must not end because the member's own systems publish much at once.
    pub fn patient(&self) -> Self {
        Self { patience: Duration::from_millis(limits::ENGINE_PATIENCE_MS), ..self.clone() }
    }

    async fn until_open(&self) -> Result<(), EngineFault> {
        match tokio::time::timeout(self.patience, self.opened()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(EngineFault::Stopping),
            Err(_) => Err(EngineFault::Opening),
        }
    }

    /// Runs `work` in the next round and answers once everything it changed is durable.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Node<J, V>, &mut Round<'_>) -> T + Send + 'static,
    ) -> Result<T, EngineFault> {
        let (answer, answered) = oneshot::channel();
        let waiting = self.waiting.enter();
        let job: Job<J, V> = Box::new(move |node, round| {
            drop(waiting);
            let result = work(node, round);
            Box::new(move |durable| {
                // A caller that gave up does not wait for the answer; what it asked for stands all the same.
                drop(answer.send(durable.map(|()| result)));
            })
        });
        self.queue(job).await?;
        Ok(answered.await.map_err(|_| EngineFault::Stopping)??)
    }

    /// The same for whoever cannot wait longer than this, room in the queue included. Late work is done all the same.
    pub async fn call_within<T: Send + 'static>(
        &self,
        longest: Duration,
        work: impl FnOnce(&mut Node<J, V>, &mut Round<'_>) -> T + Send + 'static,
    ) -> Result<T, EngineFault> {
        let late = EngineFault::Stuck { waited_ms: longest.as_millis() };
        tokio::time::timeout(longest, self.call(work)).await.unwrap_or(Err(late))
    }

    /// Looks at the node in the next round. Nothing is changed, so it is answered also where the store takes nothing more.
    pub async fn inquire<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node<J, V>, Timestamp) -> T + Send + 'static,
    ) -> Result<T, EngineFault> {
        let (answer, answered) = oneshot::channel();
        let job: Job<J, V> = Box::new(move |node, round| {
            let seen = look(node, round.now);
            // The round's changes become durable first: what was seen may rest on them.
            Box::new(move |_| drop(answer.send(seen)))
        });
        self.queue(job).await?;
        answered.await.map_err(|_| EngineFault::Stopping)
    }

    /// The same for whoever cannot wait longer than this.
    pub async fn inquire_within<T: Send + 'static>(
        &self,
        longest: Duration,
        look: impl FnOnce(&Node<J, V>, Timestamp) -> T + Send + 'static,
    ) -> Result<T, EngineFault> {
        let late = EngineFault::Stuck { waited_ms: longest.as_millis() };
        tokio::time::timeout(longest, self.inquire(look)).await.unwrap_or(Err(late))
    }

    /// Resolves once the thread has ended: while handles are held, only a bug ends it. Never where the store could not be opened:
    /// the opening says so, and why.
    pub async fn ended(&self) {
        if !self.opened().await {
            return std::future::pending().await;
        }
        let mut heads = self.heads.clone();
        while heads.changed().await.is_ok() {}
    }

    async fn queue(&self, mut job: Job<J, V>) -> Result<(), EngineFault> {
        if !self.is_open() {
            self.until_open().await?;
        }
        let since = Instant::now();
        while let Err(error) = self.jobs.try_send(job) {
            job = match error {
                TrySendError::Full(_) if since.elapsed() >= self.patience => return Err(EngineFault::Busy),
                TrySendError::Full(job) => job,
                TrySendError::Disconnected(_) => return Err(EngineFault::Stopping),
            };
            tokio::time::sleep(FULL_PAUSE).await;
        }
        Ok(())
    }
}

/// Reserving sizes, not more often than makes sense where it fails.
struct Reserving {
    reserve: Reserve,
    retry_at: Instant,
}

impl Reserving {
    fn reserve_for<J: Journal, V: Views>(&mut self, node: &mut Node<J, V>) {
        let Some(wanted) = node.wanted_reservation().filter(|_| self.retry_at <= Instant::now()) else { return };
        match (self.reserve)(&wanted) {
            Ok(()) => node.confirm_reservation(wanted),
            Err(fault) => {
                self.retry_at = Instant::now() + Duration::from_millis(limits::RESERVE_RETRY_MS);
                tracing::error!(event = "fence.unwritable", fault = %fault, "nothing new is signed until it can be written");
            }
        }
    }
}

/// Whom the thread tells of what changed.
struct Told {
    heads: watch::Sender<Arc<Heads>>,
    progress: watch::Sender<u64>,
}

fn run<J: Journal + 'static, V: Views>(
    mut node: Node<J, V>,
    queue: &Receiver<Job<J, V>>,
    tick: Duration,
    told: &Told,
    reserve: Reserve,
) {
    let mut rng = random::generator();
    let mut next_tick = Instant::now() + tick;
    let mut reserving = Reserving { reserve, retry_at: Instant::now() };
    let mut compactor = Compactor::default();
    loop {
        let first = match queue.recv_timeout(next_tick.saturating_duration_since(Instant::now())) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let mut round = Round { now: clock::now(), rng: &mut rng };
        let answers: Vec<Answer> = first
            .into_iter()
            .chain(queue.try_iter().take(limits::JOBS_PER_ROUND))
            .map(|job| job(&mut node, &mut round))
            .collect();
        reserving.reserve_for(&mut node);
        if next_tick <= Instant::now() {
            if let Err(fault) = node.tick(round.now, round.rng) {
                tracing::error!(event = "tick.failed", fault = %fault);
            }
            compactor.step(&mut node, round.now);
            next_tick = Instant::now() + tick;
        }
        let durable = node.sync();
        if let Err(fault) = &durable {
            tracing::error!(event = "store.failed", fault = %fault);
        }
        if durable.is_ok() {
            let (changed, acknowledged) = (node.changed_heads(), node.heard_acknowledgements());
            if acknowledged || changed.is_some() {
                told.progress.send_modify(|times| *times = times.wrapping_add(1));
            }
            if let Some(changed) = changed {
                told.heads.send_replace(Arc::new(changed));
            }
        }
        for answer in answers {
            answer(durable.clone());
        }
    }
    if let Err(fault) = node.close() {
        tracing::error!(event = "store.failed", fault = %fault);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::io::journal::memory::MemoryJournal;
    use crate::io::views::memory::MemoryViews;

    type TestEngine = Engine<MemoryJournal, MemoryViews>;

    /// An engine whose opening ends in failure as soon as it is told to.
    fn opening() -> (TestEngine, Opening<(), &'static str>, JoinHandle<()>, mpsc::Sender<()>) {
        let (fail, failing) = mpsc::channel();
        let (consortium, member) = ("demo.example".parse().expect("valid"), "bank-a".parse().expect("valid"));
        let opener = move || {
            failing.recv().expect("told to");
            Err("damaged")
        };
        let started = Engine::start(consortium, member, Duration::from_secs(1), opener);
        let (engine, opening, thread) = started.expect("a thread");
        (engine, opening, thread, fail)
    }

    #[tokio::test]
    async fn while_the_store_is_opened_calls_are_refused_and_patient_ones_wait() {
        let (engine, opening, thread, fail) = opening();
        assert!(!engine.is_open());
        assert_eq!(engine.call(|_, _| ()).await, Err(EngineFault::Opening));
        let patient = engine.patient();
        let waiting = tokio::spawn(async move { patient.call(|_, _| ()).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        fail.send(()).expect("listens");
        assert_eq!(opening.await.expect("told"), Err("damaged"));
        assert_eq!(waiting.await.expect("no panic"), Err(EngineFault::Stopping));
        assert!(!engine.opened().await);
        assert_eq!(engine.call(|_, _| ()).await, Err(EngineFault::Stopping));
        thread.join().expect("no panic");
        let ended = tokio::time::timeout(Duration::from_millis(20), engine.ended()).await;
        assert!(ended.is_err(), "the opening has said it");
    }
}
