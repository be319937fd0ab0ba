//! What a node is started from: keystore, certificates, roster, guard lists, store.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::app::config::Config;
use crate::base::bytes::Sha256Digest;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::identifier::CanonRules;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::indicator::typology::TypologyList;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::roster::verified::Roster;
use crate::domain::statistics::budget::Epsilon;
use crate::io::engine::Engine;
use crate::io::guard_files::{self, GuardFileError};
use crate::io::journal::file::FileJournal;
use crate::io::journal::real_fs::RealFs;
use crate::io::keystore::file::{self, FileError, Readers};
use crate::io::keystore::passphrase::{Passphrase, PassphraseError};
use crate::io::keystore::store::{Keystore, KeystoreError};
use crate::io::roster_files::{RosterFiles, RosterFilesError};
use crate::io::transport::client::ConnectError;
use crate::io::transport::pins::PinRegistry;
use crate::io::transport::tls::{Authority, Certified, TlsError};
use crate::io::views::any::AnyViews;
use crate::node::identity::Identity;
use crate::node::local_mac::LocalMacKey;
use crate::node::state::Settings;
use crate::node::store::StorageFault;

/// The engine of a running node.
pub type LiveEngine = Engine<FileJournal<RealFs>, AnyViews>;

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
    #[error("keys: {0}")]
    Keys(String),
    #[error("{what}: {error}")]
    Tls { what: &'static str, error: TlsError },
    #[error("{what}: {error}")]
    File { what: &'static str, error: FileError },
    #[error("guard list: {0}")]
    Guard(#[from] GuardFileError),
    #[error("store: {0}")]
    Store(#[from] StorageFault),
    #[error("the damaged journal cannot be set aside: {0}")]
    SetAside(std::io::Error),
    #[error("{key} = {address} cannot be listened on: {error}")]
    Listen { key: &'static str, address: SocketAddr, error: std::io::Error },
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
    pub key_ring: Arc<KeyRing>,
    pub pins: Arc<PinRegistry>,
    pub peer: Certified,
    pub guards: Arc<GuardLists>,
}

impl Material {
    pub fn load(config: &Config, now: Timestamp) -> Result<Self, ServeError> {
        let passphrase = Passphrase::obtain(Some(&config.passphrase))?;
        let keystore = Keystore::read(&config.keystore, &passphrase)?;
        if keystore.member != config.member {
            let (found, expected) = (keystore.member.clone(), config.member.clone());
            return Err(ServeError::OtherMember { found, expected });
        }
        let roster_files = config.dir.roster_files();
        let roster = roster_files.current()?;
        if roster.member(&config.member).is_none() {
            return Err(ServeError::NotAMember);
        }
        let key_ring = keystore.keys.key_ring(&roster, now).map_err(|error| ServeError::Keys(error.to_string()))?;
        let tls = keystore.keys.tls.as_ref().ok_or(ServeError::NoTlsKeys)?;
        let certificate = read("peer certificate", &config.dir.peer_certificate())?;
        let peer = Certified::from_pem(&certificate, tls.peer.as_bytes())
            .map_err(|error| ServeError::Tls { what: "peer certificate", error })?;
        let pins = Arc::new(PinRegistry::new(pins_of(&roster, now)));
        let guards = Arc::new(guard_files::all(&config.guard_dir)?);
        Ok(Self {
            key_ring: Arc::new(key_ring),
            keystore: Arc::new(keystore),
            roster,
            roster_files,
            pins,
            peer,
            guards,
        })
    }

    /// The certificate of the local door and whom it believes, read anew at each reload.
    pub fn local_tls(&self, config: &Config) -> Result<(Certified, Authority), ServeError> {
        let tls = self.keystore.keys.tls.as_ref().ok_or(ServeError::NoTlsKeys)?;
        let what = "certificate of the local listener";
        let certificate = read(what, &config.dir.server_certificate())?;
        let own = Certified::from_pem(&certificate, tls.server.as_bytes())
            .map_err(|error| ServeError::Tls { what, error })?;
        let what = "the member's own authority";
        let authority = Authority::from_pem(&read(what, &config.dir.local_authority())?)
            .map_err(|error| ServeError::Tls { what, error })?;
        Ok((own, authority))
    }

    /// The names and keys the node signs and reads with.
    pub fn identity(&self) -> Result<Identity, ServeError> {
        let Keystore { consortium, member, keys } = self.keystore.as_ref();
        let failed = |error: crate::domain::note::key::KeyError| ServeError::Keys(error.to_string());
        let groups = self.roster.groups_of(member).into_iter();
        let feeds = groups.map(|group| Ok((group.clone(), keys.feed_signer(consortium, member, &group)?)));
        Ok(Identity {
            consortium: consortium.clone(),
            member: member.clone(),
            feeds: feeds.collect::<Result<BTreeMap<_, _>, _>>().map_err(failed)?,
            audit: keys.audit_signer(consortium, member).map_err(failed)?,
            witness: keys.witness_signer(consortium, member).map_err(failed)?,
            key_ring: Arc::clone(&self.key_ring),
            local_mac: LocalMacKey::new(&keys.local_mac),
        })
    }

    pub fn settings(&self, config: &Config) -> Settings {
        let default_region = config.screening.default_region;
        Settings {
            window_ms: config.feed.window_ms,
            canon_rules: CanonRules { default_region },
            guards: Arc::clone(&self.guards),
            typologies: TypologyList::built_in(),
            quarter_cap: Epsilon::from_nano(config.statistics.quarter_cap_nano),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
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
    pub pid: u32,
    /// The store is still being opened: checkouts are answered from a snapshot, everything else is told to come back.
    pub opening: bool,
}

/// Tells whoever started the process that it serves now.
pub fn write_ready(path: &Path, addresses: &Addresses) -> Result<(), ServeError> {
    let text = serde_json::to_vec(addresses).expect("addresses are plain values");
    file::write(path, &text, Readers::Everyone).map_err(|error| ServeError::File { what: "ready file", error })
}
