//! From open doors, behind which checkouts are answered at most, to a node that does everything: what happens when the store is
//! open, and what is true until then.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tonic_health::server::HealthReporter;

use crate::app::serve::freshness::{assess, refresh};
use crate::app::serve::health;
use crate::app::serve::material::{self, Addresses, LiveEngine, ServeError};
use crate::app::serve::opening::{Opened, Opening};
use crate::app::serve::store::LiveSnapshot;
use crate::base::name::MemberId;
use crate::domain::screening::freshness::{FeedSigned, Freshness};
use crate::io::clock;
use crate::io::screener::Screener;
use crate::io::scrub::scrub_daily;
use crate::io::snapshot_keeper::keep_snapshots;

/// How often the freshness shown in early answers is brought up to date.
const FRESHNESS_EVERY: Duration = Duration::from_secs(1);

/// The store when the doors open.
#[derive(Debug)]
pub struct Store {
    pub opening: Opening,
    /// The feeds of the snapshot from which checkouts are answered; none where they cannot be answered yet.
    pub early: Option<Vec<FeedSigned>>,
}

/// What changes once the store is open.
#[derive(Debug)]
pub struct OpenUp {
    pub engine: LiveEngine,
    pub screener: Arc<Screener>,
    pub health: HealthReporter,
    /// None where no snapshots are wanted.
    pub snapshot: Option<LiveSnapshot>,
    pub freshness_limit_s: Option<u64>,
    pub ready: Ready,
    pub stopping: watch::Receiver<bool>,
}

/// Whom to tell that checkouts are answered, and where.
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
        let Store { opening, early } = store;
        let Opened { reader, belief, demands, feeds } = match early {
            None => {
                let Ready { addresses: Addresses { local, peer, .. }, member, .. } = &self.ready;
                tracing::info!(event = "node.opening", %local, %peer, %member);
                opening.end().await?
            }
            Some(feeds) => {
                self.ready.tell(true)?;
                tokio::select! {
                    opened = opening.end() => opened?,
                    never = grow_stale(&self.screener, &feeds) => match never {},
                }
            }
        };
        // Belief last: with it a cold node begins to answer.
        self.screener.demands.store(Arc::new(demands));
        self.screener.freshness.store(Arc::new(assess(&feeds, &self.screener.own, clock::now())));
        let early = self.screener.belief.swap(Some(belief));
        health::answering(&self.health).await;
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
