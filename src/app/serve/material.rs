//! What a node is started from: keystore, certificates, roster, guard lists, store.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::app::config::Config;
use crate::app::config::console::ConsoleConfig;
use crate::base::bytes::Sha256Digest;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::identifier::CanonRules;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::indicator::typology::TypologyList;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::roster::verified::Roster;
use crate::domain::screening::traffic::Traffic;
use crate::domain::statistics::budget::Epsilon;
use crate::io::advice_files::AdviceFileError;
use crate::io::answered::brake::MemberHosts;
use crate::io::answered::canaries::CanaryFault;
use crate::io::bundle_files::{BundleFiles, complete};
use crate::io::certificate::pin_of_pem;
use crate::io::engine::Engine;
use crate::io::guard_files::{self, GuardFileError};
use crate::io::journal::file::FileJournal;
use crate::io::journal::real_fs::RealFs;
use crate::io::keystore::file::{self, FileError, Readers};
use crate::io::keystore::keys::NodeKeys;
use crate::io::keystore::passphrase::{Passphrase, PassphraseError};
use crate::io::keystore::store::{Keystore, KeystoreError};
use crate::io::policy_file::PolicyFileError;
use crate::io::random;
use crate::io::roster_files::{RosterFiles, RosterFilesError};
use crate::io::transport::client::ConnectError;
use crate::io::transport::pins::PinRegistry;
use crate::io::transport::tls::{Authority, Certified, TlsError};
use crate::io::typology_file::{self, TypologyFileError};
use crate::io::users::Users;
use crate::io::views::any::AnyViews;
use crate::node::identity::Identity;
use crate::node::local_mac::LocalMacKey;
use crate::node::signers::Signers;
use crate::node::state::{BrakeTerms, Settings};
use crate::node::store::StorageFault;

/// The engine of a running node.
pub type LiveEngine = Engine<FileJournal<RealFs>, AnyViews>;

/// The console's users of a running node.
pub type LiveUsers = Users<FileJournal<RealFs>, AnyViews>;

/// Why a node does not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("core dumps cannot be switched off: {0}")]
    CoreDumps(String),
    #[error("passphrase: {0}")]
    Passphrase(#[from] PassphraseError),
    #[error("keystore: {0}")]
    Keystore(#[from] KeystoreError),
    #[error("the keystore belongs to {found}, the configuration says {expected}")]
    OtherMember { found: MemberId, expected: MemberId },
    #[error("the keystore holds no TLS keys; make certificates with: hushwire cert")]
    NoTlsKeys,
    #[error("roster: {0}")]
    Roster(#[from] RosterFilesError),
    #[error("the roster does not list this member")]
    NotAMember,
    /// No epoch of the roster has begun: the machine's clock stands before the consortium did.
    #[error(
        "the clock says {now}, but the consortium's first epoch begins at {begins}; set the clock, then start again"
    )]
    BeforeTheFirstEpoch { now: Timestamp, begins: Timestamp },
    #[error("keys: {0}")]
    Keys(String),
    #[error("{what}: {error}")]
    Tls { what: &'static str, error: TlsError },
    #[error("{} belongs to a key that is not in the keystore", path.display())]
    OtherKey { path: PathBuf },
    #[error("{what}: {error}")]
    File { what: &'static str, error: FileError },
    #[error("guard list: {0}")]
    Guard(#[from] GuardFileError),
    #[error("typology list: {0}")]
    Typology(#[from] TypologyFileError),
    #[error("advice: {0}")]
    Advice(#[from] AdviceFileError),
    #[error("policy: {0}")]
    Policy(#[from] PolicyFileError),
    #[error("canaries: {0}")]
    Canaries(#[from] CanaryFault),
    #[error("webhook {name:?}: {reason}")]
    Webhook { name: String, reason: String },
    #[error("store: {0}")]
    Store(#[from] StorageFault),
    /// The operating system refused a file of the store.
    #[error("store: {} may not be used by this user (it is of uid {owner}, mode {mode:o})", path.display())]
    Forbidden { path: PathBuf, owner: u32, mode: u32 },
    #[error("the damaged journal cannot be set aside: {0}")]
    SetAside(std::io::Error),
    #[error("{key} = {address} cannot be listened on: {error}")]
    Listen { key: &'static str, address: SocketAddr, error: std::io::Error },
    #[error("the thread of the store ended by itself: a fault of the program, told in the lines before")]
    EngineEnded,
    #[error("the store did not end in time; everything acknowledged is durable")]
    StoreStuck,
    #[error("peer: {0}")]
    Connect(#[from] ConnectError),
    #[error("the system gives no thread or runtime: {0}")]
    Runtime(std::io::Error),
}

/// Keys, roster and certificates of one start.
#[derive(Debug)]
pub struct Material {
    pub keystore: Arc<Keystore>,
    pub roster: Roster,
    pub roster_files: RosterFiles,
    pub bundles: BundleFiles,
    pub key_ring: Arc<KeyRing>,
    pub pins: Arc<PinRegistry>,
    pub peer: Certified,
    pub guards: Arc<GuardLists>,
    pub typologies: TypologyList,
    /// How often names were screened lately.
    pub traffic: Arc<Traffic>,
    pub hosts: MemberHosts,
}

/// Hosts that its members are reached at.
pub fn hosts_of(roster: &Roster) -> BTreeSet<String> {
    let endpoints = roster.members().iter().flat_map(|member| &member.endpoints);
    endpoints.map(|endpoint| endpoint.host().to_owned()).collect()
}

impl Material {
    pub fn load(config: &Config, now: Timestamp) -> Result<Self, ServeError> {
        if let Some(mode) = file::open_to_others(&config.keystore) {
            let (path, mode) = (config.keystore.display(), format!("{mode:o}"));
            tracing::warn!(event = "keystore.open_to_others", %path, mode, "only its passphrase guards it now: chmod 600");
        }
        let passphrase = Passphrase::obtain(Some(&config.passphrase))?;
        let mut keystore = Keystore::read(&config.keystore, &passphrase)?;
        if keystore.member != config.member {
            let (found, expected) = (keystore.member.clone(), config.member.clone());
            return Err(ServeError::OtherMember { found, expected });
        }
        let roster_files = config.dir.roster_files();
        let mut chain = roster_files.load()?;
        let bundles = config.dir.bundle_files();
        complete(&mut keystore, &bundles, &chain, now);
        let roster = chain.pop().ok_or(RosterFilesError::NoRoster)?;
        if roster.member(&config.member).is_none() {
            return Err(ServeError::NotAMember);
        }
        if let Some(begins) =
            roster.epochs().iter().map(|epoch| epoch.activates_at).min().filter(|begins| now < *begins)
        {
            return Err(ServeError::BeforeTheFirstEpoch { now, begins });
        }
        let key_ring = keystore.keys.key_ring(&roster, now).map_err(|error| ServeError::Keys(error.to_string()))?;
        let peer = peer_certified(config, &keystore)?;
        let pins = Arc::new(PinRegistry::new(pins_of(&roster, now)));
        let guards = Arc::new(guard_files::all(&config.guard_dir)?);
        let typologies = typology_file::load(config.typology_file.as_deref())?;
        Ok(Self {
            typologies,
            hosts: Arc::new(ArcSwap::from_pointee(hosts_of(&roster))),
            key_ring: Arc::new(key_ring),
            keystore: Arc::new(keystore),
            roster,
            roster_files,
            bundles,
            pins,
            peer,
            guards,
            traffic: Arc::new(Traffic::new(&mut random::generator())),
        })
    }

    /// The names and keys the node signs and reads with.
    pub fn identity(&self) -> Result<Identity, ServeError> {
        let Keystore { consortium, member, keys } = self.keystore.as_ref();
        let failed = |error: crate::domain::note::key::KeyError| ServeError::Keys(error.to_string());
        let Signers { feeds, former_feeds, audit, witness, sighting_keys } =
            keys.signers(consortium, member, &self.roster).map_err(failed)?;
        Ok(Identity {
            consortium: consortium.clone(),
            member: member.clone(),
            feeds,
            former_feeds,
            audit,
            witness,
            key_ring: Arc::clone(&self.key_ring),
            local_mac: LocalMacKey::new(&keys.local_mac),
            sighting_keys,
        })
    }

    pub fn settings(&self, config: &Config) -> Settings {
        let default_region = config.screening.default_region;
        Settings {
            window_ms: config.feed.window_ms,
            decoys: config.feed.decoys,
            canon_rules: CanonRules { default_region },
            guards: Arc::clone(&self.guards),
            typologies: self.typologies.clone(),
            quarter_cap: Epsilon::from_nano(config.statistics.quarter_cap_nano),
            schedule: config.statistics.schedule,
            cases: config.cases,
            challenge: config.challenge,
            version: env!("CARGO_PKG_VERSION"),
            brake: Some(BrakeTerms {
                traffic: Arc::clone(&self.traffic),
                refuse_per_mille: config.brake.refuse_per_mille,
            }),
        }
    }
}

/// The certificate other members pin, as it is on disk now.
pub fn peer_certified(config: &Config, keystore: &Keystore) -> Result<Certified, ServeError> {
    certified("peer certificate", &config.dir.peer_certificate(), keystore, NodeKeys::peer_key_of)
}

/// What the local door shows, and whom it believes.
#[derive(Debug, Clone)]
pub struct LocalIdentity {
    pub own: Certified,
    pub authority: Authority,
}

/// The same as it is on disk now.
pub fn local_identity(config: &Config, keystore: &Keystore) -> Result<LocalIdentity, ServeError> {
    let what = "certificate of the local listener";
    let own = certified(what, &config.dir.server_certificate(), keystore, NodeKeys::server_key_of)?;
    let what = "the member's own authority";
    let authority = Authority::from_pem(&read(what, &config.dir.local_authority())?)
        .map_err(|error| ServeError::Tls { what, error })?;
    Ok(LocalIdentity { own, authority })
}

/// What the console shows: its own certificate where one is configured, that of the local listener otherwise.
pub fn console_certified(config: &ConsoleConfig, local: &LocalIdentity) -> Result<Certified, ServeError> {
    let what = "certificate of the console";
    let Some(files) = &config.certificate else { return Ok(local.own.clone()) };
    let (chain, key) = (read(what, &files.chain)?, Zeroizing::new(read("private key of the console", &files.key)?));
    Certified::from_pem(&chain, &key).map_err(|error| ServeError::Tls { what, error })
}

/// A certificate with whichever of the keystore's keys belongs to it.
fn certified(
    what: &'static str,
    path: &Path,
    keystore: &Keystore,
    key_of: impl for<'a> FnOnce(&'a NodeKeys, &str) -> Option<&'a Zeroizing<String>>,
) -> Result<Certified, ServeError> {
    if keystore.keys.tls.is_none() {
        return Err(ServeError::NoTlsKeys);
    }
    let pem = read(what, path)?;
    let not_pem = TlsError::Pem { what: "the certificate", expected: "a certificate" };
    let text = std::str::from_utf8(&pem).ok().filter(|text| pin_of_pem(text).is_some());
    let text = text.ok_or(ServeError::Tls { what, error: not_pem })?;
    let key = key_of(&keystore.keys, text).ok_or_else(|| ServeError::OtherKey { path: path.to_owned() })?;
    Certified::from_pem(&pem, key.as_bytes()).map_err(|error| ServeError::Tls { what, error })
}

/// The pins of every member that may connect now.
pub fn pins_of(roster: &Roster, now: Timestamp) -> BTreeMap<Sha256Digest, MemberId> {
    let pins = roster.members().iter().flat_map(|member| member.pins.iter().map(|pin| (*pin, member.id.clone())));
    pins.filter(|(pin, _)| roster.admitted(pin, now).is_some()).collect()
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, ServeError> {
    file::read(path).map_err(|error| ServeError::File { what, error })
}

/// Where the node can be reached, and whether all of it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Addresses {
    pub local: SocketAddr,
    pub peer: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console: Option<SocketAddr>,
    pub pid: u32,
    /// The store is still being opened: checkouts are answered from a snapshot, everything else is told to come back.
    pub opening: bool,
}

/// The place of the ready file, which is there only while the process serves.
#[derive(Debug)]
pub struct ReadyFile(Option<PathBuf>);

impl ReadyFile {
    /// Removes the file of an earlier process that was killed: whoever waits for the file must not find that one.
    pub fn absent(path: Option<&Path>) -> Result<Self, ServeError> {
        let Some(path) = path else { return Ok(Self(None)) };
        match std::fs::remove_file(path) {
            Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => {
                let error = FileError { path: path.to_owned(), reason };
                Err(ServeError::File { what: "ready file", error })
            }
            _ => Ok(Self(Some(path.to_owned()))),
        }
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Best effort: the next start removes what is left.
        let _absent = self.0.as_ref().map(std::fs::remove_file);
    }
}

/// Tells whoever started the process that it serves now.
pub fn write_ready(path: &Path, addresses: &Addresses) -> Result<(), ServeError> {
    let text = serde_json::to_vec(addresses).expect("addresses are plain values");
    file::write(path, &text, Readers::Everyone).map_err(|error| ServeError::File { what: "ready file", error })
}
