//! From doors that answer checkouts to a node that does everything: what happens when the store is open, and what is true until
//! then.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::serve::freshness::{assess, refresh};
use crate::app::serve::material::{self, Addresses, LiveEngine, ServeError};
use crate::app::serve::opening::{Opened, Opening};
use crate::app::serve::store::LiveSnapshot;
use crate::base::name::MemberId;
use crate::domain::screening::freshness::{FeedSigned, Freshness};
use crate::io::clock;
use crate::io::metrics::counts::JournalCounts;
use crate::io::screener::Screener;
use crate::io::scrub::scrub_daily;
use crate::io::snapshot_keeper::keep_snapshots;

/// How often the freshness shown in early answers is brought up to date.
const FRESHNESS_EVERY: Duration = Duration::from_secs(1);

/// The store when the doors open.
#[derive(Debug)]
pub enum Store {
    /// Checkouts are answered from a snapshot, whose feeds these are.
    Opening(Opening, Vec<FeedSigned>),
    Open(Opened),
}

impl Store {
    /// What is counted of the journal; nothing yet where it is set aside first.
    pub fn journal_counts(&self) -> Arc<JournalCounts> {
        match self {
            Self::Opening(opening, _) => opening.journal_counts(),
            Self::Open(opened) => opened.reader.counts(),
        }
    }
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
        let Opened { reader, belief, demands, feeds } = match store {
            Store::Open(opened) => opened,
            Store::Opening(opening, feeds) => {
                self.ready.tell(true)?;
                tokio::select! {
                    opened = opening.end() => opened?,
                    never = grow_stale(&self.screener, &feeds) => match never {},
                }
            }
        };
        let early = self.screener.belief.swap(belief);
        self.screener.demands.store(Arc::new(demands));
        self.screener.freshness.store(Arc::new(assess(&feeds, &self.screener.own, clock::now())));
        // Giving back gigabytes takes a moment that no checkout should wait.
        drop(tokio::task::spawn_blocking(move || drop(early)));
        self.ready.tell(false)?;
        tokio::spawn(scrub_daily(self.engine.clone(), reader));
        if let Some(snapshot) = self.snapshot {
            tokio::spawn(keep_snapshots(self.engine.clone(), snapshot, self.stopping));
        }
        let show = move |freshness| self.screener.freshness.store(Arc::new(freshness));
        tokio::spawn(refresh(self.engine, self.freshness_limit_s, feeds, show));
        Ok(())
    }
}

impl Ready {
    fn tell(&self, opening: bool) -> Result<(), ServeError> {
        let addresses = Addresses { opening, ..self.addresses };
        let (Addresses { local, peer, .. }, member) = (&addresses, &self.member);
        if opening {
            tracing::info!(event = "node.answering", %local, %peer, %member);
        } else {
            tracing::info!(event = "node.ready", %local, %peer, %member);
        }
        self.file.as_ref().map_or(Ok(()), |file| material::write_ready(file, &addresses))
    }
}

/// The freshness of what a snapshot knew.
pub fn assess_early(feeds: &[FeedSigned], own: &MemberId) -> Freshness {
    Freshness::assess(feeds, own, true, clock::now())
}

/// While the store is opened no peer is heard: what the snapshot knew of the feeds is assessed again by the clock.
async fn grow_stale(screener: &Screener, feeds: &[FeedSigned]) -> Infallible {
    let mut every = tokio::time::interval(FRESHNESS_EVERY);
    loop {
        every.tick().await;
        screener.freshness.store(Arc::new(assess_early(feeds, &screener.own)));
    }
}
