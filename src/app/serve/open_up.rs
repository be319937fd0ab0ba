//! From doors that answer checkouts to a node that does everything: what happens when the store is open, and what is true until
//! then.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::serve::material::{self, Addresses, LiveEngine, ServeError};
use crate::app::serve::opening::{Opened, Opening};
use crate::app::serve::store::LiveSnapshot;
use crate::base::name::MemberId;
use crate::domain::screening::freshness::{FeedSigned, Freshness};
use crate::io::clock;
use crate::io::engine::EngineFault;
use crate::io::screener::Screener;
use crate::io::scrub::scrub_daily;
use crate::io::snapshot_keeper::keep_snapshots;

/// How often the freshness shown in answers is brought up to date.
const FRESHNESS_EVERY: Duration = Duration::from_secs(1);

/// The store when the doors open.
#[derive(Debug)]
pub enum Store {
    /// Checkouts are answered from a snapshot, whose feeds these are.
    Opening(Opening, Vec<FeedSigned>),
    Open(Opened),
}

/// What changes once the store is open.
#[derive(Debug)]
pub struct OpenUp {
    pub engine: LiveEngine,
    pub screener: Arc<Screener>,
    /// None where no snapshots are wanted.
    pub snapshot: Option<LiveSnapshot>,
    pub freshness_limit_s: Option<u64>,
    pub ready: Ready,
    pub stopping: watch::Receiver<bool>,
}

/// Whom to tell that the doors are open, and where they are.
#[derive(Debug)]
pub struct Ready {
    pub file: Option<PathBuf>,
    pub addresses: Addresses,
    pub member: MemberId,
}

impl OpenUp {
    /// Waits for the store and lets everything begin that needs it. A fault is the end of the node: nothing may be answered
    /// from a snapshot whose store is not what was written.
    pub async fn run(self, store: Store) -> Result<(), ServeError> {
        let Opened { reader, belief, feeds } = match store {
            Store::Open(opened) => opened,
            Store::Opening(opening, feeds) => {
                self.ready.tell(true)?;
                tokio::select! {
                    opened = opening.end() => opened?,
                    never = grow_stale(&self.screener, &feeds) => match never {},
                }
            }
        };
        let early = self.screener.belief.swap(Arc::clone(&belief));
        self.screener.freshness.store(Arc::new(assess(&feeds, &self.screener.own, false)));
        // Giving back gigabytes takes a moment that no checkout should wait.
        drop(tokio::task::spawn_blocking(move || drop(early)));
        self.ready.tell(false)?;
        tokio::spawn(scrub_daily(self.engine.clone(), reader));
        if let Some(snapshot) = self.snapshot {
            tokio::spawn(keep_snapshots(self.engine.clone(), belief, snapshot, self.stopping));
        }
        tokio::spawn(refresh(self.engine, self.screener, self.freshness_limit_s));
        Ok(())
    }
}

impl Ready {
    fn tell(&self, opening: bool) -> Result<(), ServeError> {
        let addresses = Addresses { opening, ..self.addresses };
        let event = if opening { "node.answering" } else { "node.ready" };
        tracing::info!(event, local = %addresses.local, peer = %addresses.peer, member = %self.member);
        self.file.as_ref().map_or(Ok(()), |file| material::write_ready(file, &addresses))
    }
}

pub fn assess(feeds: &[FeedSigned], own: &MemberId, loading: bool) -> Freshness {
    Freshness::assess(feeds, own, loading, clock::now())
}

/// While the store is opened no peer is heard: what the snapshot knew of the feeds is assessed again by the clock.
async fn grow_stale(screener: &Screener, feeds: &[FeedSigned]) -> Infallible {
    let mut every = tokio::time::interval(FRESHNESS_EVERY);
    loop {
        every.tick().await;
        screener.freshness.store(Arc::new(assess(feeds, &screener.own, true)));
    }
}

/// Keeps the freshness in answers true. Where the engine is stuck, what was last heard is assessed again by the clock: a
/// feed nobody pulls any more must grow stale.
async fn refresh(engine: LiveEngine, screener: Arc<Screener>, limit_s: Option<u64>) {
    let mut every = tokio::time::interval(FRESHNESS_EVERY);
    let mut last_heard = Vec::new();
    loop {
        every.tick().await;
        match engine.call(move |node, round| node.freshness(limit_s, round.now)).await {
            Ok(feeds) => last_heard = feeds,
            Err(EngineFault::Stopping) => return,
            // A full queue or a stopped store: the next round may find it better.
            Err(EngineFault::Busy | EngineFault::Opening | EngineFault::Storage(_)) => {}
        }
        screener.freshness.store(Arc::new(assess(&last_heard, &screener.own, false)));
    }
}
