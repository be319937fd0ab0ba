//! From the start of the process to an open store: the engine's thread replays and verifies everything, and how far it is
//! gets told meanwhile.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::app::config::Config;
use crate::app::serve::material::{LiveEngine, Material, ServeError};
use crate::app::serve::store::{self, LiveJournal, OnDamage, OpenStore};
use crate::domain::belief::Belief;
use crate::domain::screening::freshness::FeedSigned;
use crate::io::clock;
use crate::io::engine::{self, Engine};
use crate::io::journal::reader::JournalReader;
use crate::io::journal::real_fs::RealFs;
use crate::node::store::StorageFault;

/// How often windows are closed and silence is noticed.
const TICK: Duration = Duration::from_millis(20);

/// How often it is told how far the replay is.
const NEWS_EVERY: Duration = Duration::from_secs(5);

/// What the engine's thread gives out once the store is open.
#[derive(Debug)]
pub struct Opened {
    pub reader: JournalReader<RealFs>,
    pub belief: Arc<Belief>,
    pub feeds: Vec<FeedSigned>,
}

/// A store being opened.
#[derive(Debug)]
pub struct Opening {
    ending: engine::Opening<Opened, ServeError>,
    /// Of the journal being replayed; none where damage is set aside first.
    reader: Option<JournalReader<RealFs>>,
}

/// Starts the engine on a journal; its thread opens the rest.
pub fn start_engine(
    config: &Config,
    material: &Arc<Material>,
    on_damage: OnDamage,
    journal: Result<LiveJournal, StorageFault>,
) -> Result<(LiveEngine, Opening, JoinHandle<()>), ServeError> {
    let reader = journal.as_ref().ok().map(LiveJournal::reader);
    let keystore = &material.keystore;
    let (consortium, member) = (keystore.consortium.clone(), keystore.member.clone());
    let (config, material) = (config.clone(), Arc::clone(material));
    let opener = move || {
        let now = clock::now();
        let OpenStore { node, reader, reserve } = store::open(&config, &material, on_damage, journal, now)?;
        let belief = Arc::clone(&node.state().belief);
        let feeds = node.freshness(config.screening.freshness_limit_s, now);
        Ok((node, reserve, Opened { reader, belief, feeds }))
    };
    let (engine, ending, thread) = Engine::start(consortium, member, TICK, opener).map_err(ServeError::Runtime)?;
    Ok((engine, Opening { ending, reader }, thread))
}

impl Opening {
    /// Waits for the end, telling how far the replay is.
    pub async fn end(mut self) -> Result<Opened, ServeError> {
        let mut news = tokio::time::interval(NEWS_EVERY);
        news.tick().await;
        loop {
            tokio::select! {
                ended = &mut self.ending => {
                    // It tells before it ends, unless it panicked, which says the rest.
                    return ended.unwrap_or_else(|_| Err(ServeError::Store(StorageFault::Stopped)));
                }
                _ = news.tick() => self.tell(),
            }
        }
    }

    fn tell(&self) {
        if let Some(reader) = &self.reader {
            let (replayed, records) = (reader.replayed().0, reader.end().0);
            tracing::info!(event = "store.opening", replayed, records);
        }
    }
}
