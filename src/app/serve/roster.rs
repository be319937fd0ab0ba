//! Applying a next roster to a running node: file, journal, pins, keys, peers, in this order.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::app::serve::material::{LiveEngine, Material, pins_of};
use crate::domain::audit::record::Actor;
use crate::domain::roster::succession::RosterNote;
use crate::domain::roster::verified::Roster;
use crate::io::clock;
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::roster_files::RosterFiles;
use crate::io::transport::pins::PinRegistry;

/// The roster in force and the one way to its successor. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RosterDesk {
    current: Arc<ArcSwap<Roster>>,
    files: RosterFiles,
    pins: Arc<PinRegistry>,
    engine: LiveEngine,
    /// One application at a time.
    applying: Arc<Mutex<()>>,
    changed: Arc<watch::Sender<u64>>,
}

impl RosterDesk {
    pub fn new(material: &Material, engine: LiveEngine) -> Self {
        Self {
            current: Arc::new(ArcSwap::from_pointee(material.roster.clone())),
            files: material.roster_files.clone(),
            pins: Arc::clone(&material.pins),
            engine,
            applying: Arc::new(Mutex::new(())),
            changed: Arc::new(watch::Sender::new(material.roster.version())),
        }
    }

    /// The roster in force.
    pub fn current(&self) -> Arc<Roster> {
        self.current.load_full()
    }

    pub fn pins(&self) -> &Arc<PinRegistry> {
        &self.pins
    }

    /// Tells of each new version.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Verifies a note as the successor of the roster in force and applies it. Called from a thread that may wait.
    pub fn apply(&self, caller: Actor, note: &[u8]) -> Result<u64, Refusal> {
        let _one_at_a_time = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current();
        let refused = |error: &dyn std::fmt::Display| Refusal::FailedPrecondition {
            reason: "ROSTER_REFUSED",
            description: error.to_string(),
        };
        let text = std::str::from_utf8(note).map_err(|error| refused(&error))?;
        let next =
            RosterNote::parse(text).and_then(|note| note.verify_next(&current)).map_err(|error| refused(&error))?;
        self.files.append(&next).map_err(|error| refused(&error))?;
        let version = next.version();
        let applied = next.clone();
        let journaled = tokio::runtime::Handle::current()
            .block_on(self.engine.call(move |node, round| node.apply_roster(&caller, applied, round.now, round.rng)));
        journaled.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))?;
        self.pins.replace(pins_of(&next, clock::now()));
        self.current.store(Arc::new(next));
        self.changed.send_replace(version);
        tracing::info!(event = "roster.applied", version);
        Ok(version)
    }
}
