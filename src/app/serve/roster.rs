//! Rosters and key epochs of a running node: a successor is applied to files, journal, pins and peers, in this order; keys
//! follow the epochs of the roster as time goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::app::config::Config;
use crate::app::serve::material::{LiveEngine, Material, hosts_of, pins_of};
use crate::app::serve::reload::reopen;
use crate::base::epoch::KeyEpoch;
use crate::base::rotated_key::RotatedKey;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::pseudonym::keys::EpochSecret;
use crate::domain::roster::succession::RosterNote;
use crate::domain::roster::verified::Roster;
use crate::io::answered::brake::MemberHosts;
use crate::io::bundle_files::{BundleFiles, is_needed, open_kept, verify};
use crate::io::clock;
use crate::io::engine::EngineFault;
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::key_bundle::KeyBundle;
use crate::io::keystore::rollover::fingerprint;
use crate::io::keystore::store::Keystore;
use crate::io::roster_files::RosterFiles;
use crate::io::screener::Screener;
use crate::io::transport::pins::PinRegistry;
use crate::node::signers::Signers;

/// The roster in force, the one way to its successor, and the keys that go with it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RosterDesk {
    current: Arc<ArcSwap<Roster>>,
    files: RosterFiles,
    pins: Arc<PinRegistry>,
    hosts: MemberHosts,
    engine: LiveEngine,
    screener: Arc<Screener>,
    bundles: BundleFiles,
    /// Held while a roster, a keystore or a bundle is being applied: one at a time.
    keys: Arc<Mutex<Keys>>,
    /// Epochs whose secrets are held, for readers that must not wait for the lock.
    epochs: Arc<ArcSwap<Vec<KeyEpoch>>>,
    /// Where the keystore is opened again.
    config: Arc<Config>,
    changed: Arc<watch::Sender<u64>>,
}

/// What opens the epochs.
#[derive(Debug)]
struct Keys {
    keystore: Arc<Keystore>,
    /// Secrets from bundles that are not in the keystore.
    received: BTreeMap<KeyEpoch, EpochSecret>,
}

impl Keys {
    fn holds(&self, epoch: KeyEpoch) -> bool {
        self.keystore.keys.epochs.contains_key(&epoch) || self.received.contains_key(&epoch)
    }
}

impl RosterDesk {
    pub fn new(config: &Config, material: &Material, engine: LiveEngine, screener: Arc<Screener>) -> Self {
        Self {
            current: Arc::new(ArcSwap::from_pointee(material.roster.clone())),
            files: material.roster_files.clone(),
            pins: Arc::clone(&material.pins),
            hosts: Arc::clone(&material.hosts),
            engine,
            screener,
            bundles: material.bundles.clone(),
            epochs: Arc::new(ArcSwap::from_pointee(material.keystore.keys.epochs.keys().copied().collect())),
            keys: Arc::new(Mutex::new(Keys { keystore: Arc::clone(&material.keystore), received: BTreeMap::new() })),
            config: Arc::new(config.clone()),
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
        let mut keys = self.lock();
        let next = std::str::from_utf8(note)
            .map_err(|error| refused(&error))
            .and_then(|text| RosterNote::parse(text).map_err(|error| refused(&error)))?;
        let current = self.current();
        if next.sha256() == current.sha256() {
            // Said twice, by a script that repeats itself or by two peers.
            return Ok(current.version());
        }
        let next = next.verify_next(&current).map_err(|error| refused(&error))?;
        let row = next.member(&keys.keystore.member);
        let lacks = |key: &RotatedKey| row.is_some_and(|row| !keys.keystore.keys.holds_named(*key, row));
        if RotatedKey::ALL.iter().any(lacks)
            && let Some(opened) = reopen(&self.config)
        {
            // The key was made while the node ran, and the roster that names it came before anybody told the node.
            keys.keystore = Arc::new(opened);
        }
        self.files.append(&next).map_err(|error| refused(&error))?;
        self.take_effect(&keys, caller, next)
    }

    /// Takes the secret of an epoch from a bundle a peer handed on: verified like one from a file, kept, and opened again at
    /// the next start. Called from a thread that may wait.
    pub fn take_bundle(&self, note: &[u8]) -> Result<(), Refusal> {
        let bundle_refused = |error: &dyn std::fmt::Display| Refusal::FailedPrecondition {
            reason: "BUNDLE_REFUSED",
            description: error.to_string(),
        };
        self.check_open()?;
        let mut keys = self.lock();
        let bundle = KeyBundle::parse(note).map_err(|error| bundle_refused(&error))?;
        let (epoch, now) = (bundle.epoch(), clock::now());
        // What was destroyed here on purpose does not come back.
        if keys.holds(epoch) || !is_needed(&self.current(), epoch, now) {
            return Ok(());
        }
        let chain = self.files.load().map_err(|error| refused(&error))?;
        let opened = verify(bundle, &chain)
            .and_then(|bundle| bundle.open(&keys.keystore.member, &keys.keystore.keys.hpke))
            .map_err(|error| bundle_refused(&error))?;
        self.bundles.keep(epoch, note).map_err(|error| bundle_refused(&error))?;
        keys.received.insert(opened.0, opened.1);
        tracing::info!(event = "epoch.secret_received", epoch = epoch.0);
        self.refresh_keys(&keys, now)?;
        self.changed.send_replace(self.current().version());
        Ok(())
    }

    /// Epochs whose secrets are held.
    pub fn epochs_held(&self) -> Vec<KeyEpoch> {
        self.epochs.load().to_vec()
    }

    /// Bundles to hand on.
    pub fn bundles(&self) -> &BundleFiles {
        &self.bundles
    }

    /// Follows rosters that were put into the node's folder (`hushwire member apply`), and takes a keystore that was
    /// opened again. Called from a thread that may wait.
    pub fn reload(&self, opened: Option<Keystore>) -> Result<(), Refusal> {
        self.check_open()?;
        let mut keys = self.lock();
        let before = Arc::clone(&keys.keystore);
        if let Some(opened) = opened {
            keys.keystore = Arc::new(opened);
        }
        let in_force = self.current().version();
        let newer = self.files.load().map_err(|error| refused(&error))?;
        for next in newer.into_iter().filter(|roster| roster.version() > in_force) {
            self.take_effect(&keys, Actor::Node, next)?;
        }
        self.refresh_signers(&keys.keystore)?;
        let hpke = keys.keystore.keys.hpke.public();
        if hpke != before.keys.hpke.public() {
            let fingerprint = fingerprint(hpke.as_bytes());
            self.record(vec![AuditEvent::KeyChanged { key: "hpke", fingerprint }])?;
        }
        let (chain, now) = (self.files.load().map_err(|error| refused(&error))?, clock::now());
        keys.received = open_kept(&self.bundles, &keys.keystore, &chain, now);
        self.refresh_keys(&keys, now)?;
        // Bundles may have come with the rosters, or alone: peers are to have theirs.
        self.changed.send_replace(self.current().version());
        Ok(())
    }

    /// The keystore as it was last opened.
    pub fn keystore(&self) -> Arc<Keystore> {
        Arc::clone(&self.lock().keystore)
    }

    /// Puts what the node did by itself into the audit log. Called from a thread that may wait.
    pub fn record(&self, events: Vec<AuditEvent>) -> Result<(), Refusal> {
        let recorded = Handle::current()
            .block_on(self.engine.call(move |node, round| node.record(&Actor::Node, events, round.now, round.rng)));
        recorded.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))
    }

    /// The keystore may hold keys the roster has named for long.
    fn refresh_signers(&self, keystore: &Keystore) -> Result<(), Refusal> {
        let signers = signers_of(keystore, &self.current())?;
        let used = Handle::current()
            .block_on(self.engine.call(move |node, round| node.use_signers(signers, round.now, round.rng)));
        used.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))
    }

    /// Follows what time alone changes: epochs activate, memberships and rosters end.
    pub fn follow_epochs(&self) -> Result<(), Refusal> {
        let (keys, now) = (self.lock(), clock::now());
        self.pins.update(pins_of(&self.current(), now));
        // A store being opened is asked again at the next look.
        if self.engine.is_open() { self.refresh_keys(&keys, now) } else { Ok(()) }
    }

    /// Nothing changes before the store can take it: file and journal must not part.
    fn check_open(&self) -> Result<(), Refusal> {
        if self.engine.is_open() { Ok(()) } else { Err(engine_refusal(EngineFault::Opening)) }
    }

    fn take_effect(&self, keys: &Keys, caller: Actor, next: Roster) -> Result<u64, Refusal> {
        let (version, now) = (next.version(), clock::now());
        let applied = next.clone();
        let signers = signers_of(&keys.keystore, &next)?;
        // In one turn: between the two nothing may be signed by a key the roster no longer names.
        let journaled = Handle::current().block_on(self.engine.call(move |node, round| {
            node.apply_roster(&caller, applied, round.now, round.rng)?;
            node.use_signers(signers, round.now, round.rng)?;
            Ok(node.demands())
        }));
        let demands = journaled.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))?;
        self.pins.replace(pins_of(&next, now));
        self.hosts.store(Arc::new(hosts_of(&next)));
        self.screener.demands.store(Arc::new(demands));
        self.current.store(Arc::new(next));
        self.changed.send_replace(version);
        tracing::info!(event = "roster.applied", version);
        self.refresh_keys(keys, now)?;
        Ok(version)
    }

    fn refresh_keys(&self, keys: &Keys, now: Timestamp) -> Result<(), Refusal> {
        let held = keys.keystore.keys.epochs.keys().chain(keys.received.keys());
        self.epochs.store(Arc::new(held.copied().collect()));
        // Without the epoch's secret the node goes on with the keys it has; publishing refuses by itself.
        let key_ring = match keys.keystore.keys.key_ring_with(&keys.received, &self.current(), now) {
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
    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signers_of(keystore: &Keystore, roster: &Roster) -> Result<Signers, Refusal> {
    let signers = keystore.keys.signers(&keystore.consortium, &keystore.member, roster);
    signers.map_err(|error| refused(&error))
}

fn refused(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::FailedPrecondition { reason: "ROSTER_REFUSED", description: error.to_string() }
}
