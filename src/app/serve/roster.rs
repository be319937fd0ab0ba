//! Rosters and key epochs of a running node: a successor is applied to files, journal, pins and peers, in this order; keys
//! follow the epochs of the roster as time goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::app::serve::material::{LiveEngine, Material, pins_of};
use crate::base::time::Timestamp;
use crate::domain::audit::record::Actor;
use crate::domain::roster::succession::RosterNote;
use crate::domain::roster::verified::Roster;
use crate::domain::screening::demands::Demands;
use crate::io::clock;
use crate::io::engine::EngineFault;
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::keystore::store::Keystore;
use crate::io::roster_files::RosterFiles;
use crate::io::screener::Screener;
use crate::io::transport::pins::PinRegistry;

/// The roster in force, the one way to its successor, and the keys that go with it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RosterDesk {
    current: Arc<ArcSwap<Roster>>,
    files: RosterFiles,
    pins: Arc<PinRegistry>,
    engine: LiveEngine,
    screener: Arc<Screener>,
    /// Held while a roster or a keystore is being applied: one at a time.
    keystore: Arc<Mutex<Arc<Keystore>>>,
    changed: Arc<watch::Sender<u64>>,
}

impl RosterDesk {
    pub fn new(material: &Material, engine: LiveEngine, screener: Arc<Screener>) -> Self {
        Self {
            current: Arc::new(ArcSwap::from_pointee(material.roster.clone())),
            files: material.roster_files.clone(),
            pins: Arc::clone(&material.pins),
            engine,
            screener,
            keystore: Arc::new(Mutex::new(Arc::clone(&material.keystore))),
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

    /// Verifies a note as the successor of the roster in force and applies it: from an operator, or from a peer, whose word
    /// counts for nothing beyond the quorum's signatures. Called from a thread that may wait.
    pub fn apply(&self, caller: Actor, note: &[u8]) -> Result<u64, Refusal> {
        self.check_open()?;
        let keystore = self.lock();
        let next = std::str::from_utf8(note)
            .map_err(|error| refused(&error))
            .and_then(|text| RosterNote::parse(text).map_err(|error| refused(&error)))?;
        let current = self.current();
        if next.sha256() == current.sha256() {
            // Said twice, by a script that repeats itself or by two peers.
            return Ok(current.version());
        }
        let next = next.verify_next(&current).map_err(|error| refused(&error))?;
        self.files.append(&next).map_err(|error| refused(&error))?;
        self.take_effect(&keystore, caller, next)
    }

    /// Follows rosters that were put into the node's folder (`hushwire member apply`), and takes a keystore that was
    /// opened again. Called from a thread that may wait.
    pub fn reload(&self, opened: Option<Keystore>) -> Result<(), Refusal> {
        self.check_open()?;
        let mut keystore = self.lock();
        if let Some(opened) = opened {
            *keystore = Arc::new(opened);
        }
        let in_force = self.current().version();
        let chain = self.files.load().map_err(|error| refused(&error))?;
        for next in chain.into_iter().filter(|roster| roster.version() > in_force) {
            self.take_effect(&keystore, Actor::Node, next)?;
        }
        self.refresh_keys(&keystore, clock::now())
    }

    /// Follows what time alone changes: epochs activate, memberships and rosters end.
    pub fn follow_epochs(&self) -> Result<(), Refusal> {
        let (keystore, now) = (self.lock(), clock::now());
        self.pins.update(pins_of(&self.current(), now));
        // A store being opened is asked again at the next look.
        if self.engine.is_open() { self.refresh_keys(&keystore, now) } else { Ok(()) }
    }

    /// Nothing changes before the store can take it: file and journal must not part.
    fn check_open(&self) -> Result<(), Refusal> {
        if self.engine.is_open() { Ok(()) } else { Err(engine_refusal(EngineFault::Opening)) }
    }

    fn take_effect(&self, keystore: &Keystore, caller: Actor, next: Roster) -> Result<u64, Refusal> {
        let (version, now) = (next.version(), clock::now());
        let applied = next.clone();
        let journaled = Handle::current()
            .block_on(self.engine.call(move |node, round| node.apply_roster(&caller, applied, round.now, round.rng)));
        journaled.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))?;
        self.pins.replace(pins_of(&next, now));
        self.screener.demands.store(Arc::new(Demands::of(&next)));
        self.current.store(Arc::new(next));
        self.changed.send_replace(version);
        tracing::info!(event = "roster.applied", version);
        self.refresh_keys(keystore, now)?;
        Ok(version)
    }

    fn refresh_keys(&self, keystore: &Keystore, now: Timestamp) -> Result<(), Refusal> {
        // Without the epoch's secret the node goes on with the keys it has; publishing refuses by itself.
        let key_ring = match keystore.keys.key_ring(&self.current(), now) {
            Ok(key_ring) => Arc::new(key_ring),
            Err(error) => {
                tracing::error!(event = "epoch.no_key", error = %error);
                return Ok(());
            }
        };
        let held = self.screener.keys.load();
        if held.readable().map(|keys| keys.epoch_id()).eq(key_ring.readable().map(|keys| keys.epoch_id())) {
            return Ok(());
        }
        let for_node = Arc::clone(&key_ring);
        let used = Handle::current()
            .block_on(self.engine.call(move |node, round| node.use_keys(for_node, round.now, round.rng)));
        used.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))?;
        tracing::info!(event = "epoch.in_force", epoch = key_ring.current.epoch().0);
        self.screener.keys.store(key_ring);
        Ok(())
    }

    /// A panic elsewhere cannot leave a keystore half replaced.
    fn lock(&self) -> MutexGuard<'_, Arc<Keystore>> {
        self.keystore.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::FailedPrecondition { reason: "ROSTER_REFUSED", description: error.to_string() }
}
