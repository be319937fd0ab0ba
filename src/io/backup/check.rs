//! Looking through a backup as it is read: nothing of it is trusted before, and nothing is written here.
//!
//! The keystore opens, the rosters follow each other from the genesis, every record of the journal opens under its seal and
//! joins the one before, feeds have their signed roots and the audit log its cosigned one ([`crate::node::inspect`]); and all
//! of it belongs to one member.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::bytes::Sha256Digest;
use crate::base::epoch::KeyEpoch;
use crate::base::secret::SecretBytes;
use crate::domain::belief::place::TableKey;
use crate::domain::case::challenge::ChallengeRules;
use crate::domain::case::rules::CaseRules;
use crate::domain::identifier::CanonRules;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::indicator::typology::TypologyList;
use crate::domain::pseudonym::keys::{EpochKeys, EpochSecret, KeyRing};
use crate::domain::roster::succession::verify_chain;
use crate::domain::roster::verified::Roster;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::schedule::Schedule;
use crate::io::backup::format::{BackupError, Header, Part};
use crate::io::journal::copy::CopyCheck;
use crate::io::journal::format::SegmentName;
use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::store::Keystore;
use crate::io::random;
use crate::io::roster_files::RosterFilesError;
use crate::node::identity::Identity;
use crate::node::inspect::{Inspected, Inspection};
use crate::node::local_mac::LocalMacKey;
use crate::node::state::Settings;

/// See the module.
#[derive(Debug)]
pub struct Check<'a> {
    header: Header,
    passphrase: &'a Passphrase,
    configuration: bool,
    keystore: Option<Keystore>,
    genesis: Option<Sha256Digest>,
    /// By version.
    notes: BTreeMap<u64, String>,
    /// The key file that came last; its segment comes next.
    key_file: Option<(SegmentName, Vec<u8>)>,
    /// Begun with the first part of the journal, or at the end where there is none.
    journal: Option<(CopyCheck, Inspection)>,
    segments: u64,
    roster_version: u64,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    pub header: Header,
    pub roster_version: u64,
    pub segments: u64,
    /// Records of the journal, those that compaction dropped included.
    pub records: u64,
    pub inspected: Inspected,
}

impl<'a> Check<'a> {
    pub fn new(header: Header, passphrase: &'a Passphrase) -> Self {
        Self {
            header,
            passphrase,
            configuration: false,
            keystore: None,
            genesis: None,
            notes: BTreeMap::new(),
            key_file: None,
            journal: None,
            segments: 0,
            roster_version: 0,
        }
    }

    /// The next part.
    pub fn take(&mut self, part: Part) -> Result<(), BackupError> {
        let Part { path, content } = part;
        if let Some(name) = path.strip_prefix("journal/keys/") {
            let name = SegmentName::parse(name, "key").ok_or(BackupError::Format("a key file of no segment"))?;
            self.key_file = Some((name, content));
        } else if let Some(name) = path.strip_prefix("journal/") {
            let name = SegmentName::parse(name, "segment").ok_or(BackupError::Format("a segment without a number"))?;
            self.take_segment(name, content)?;
        } else if let Some(name) = path.strip_prefix("rosters/") {
            self.take_roster(name, content)?;
        } else if path == "keystore.age" {
            let keystore = Keystore::open(&content, self.passphrase)?;
            let found = format!("{} of {}", keystore.member, keystore.consortium);
            let expected = format!("{} of {}", self.header.member, self.header.consortium);
            if found != expected {
                return Err(BackupError::Mixed { part: "the keystore", found, expected });
            }
            self.keystore = Some(keystore);
        } else if path == "hushwire.toml" {
            self.configuration = true;
        }
        Ok(())
    }

    /// All parts were taken.
    pub fn finish(mut self) -> Result<Contents, BackupError> {
        if !self.configuration {
            return Err(BackupError::Missing("hushwire.toml"));
        }
        if self.key_file.is_some() {
            return Err(BackupError::Missing("segment behind its key file"));
        }
        let (check, inspection) = self.begun()?;
        let records = check.end().0;
        let inspected = inspection.finish()?;
        let Self { header, roster_version, segments, .. } = self;
        Ok(Contents { header, roster_version, segments, records, inspected })
    }

    fn take_segment(&mut self, name: SegmentName, segment: Vec<u8>) -> Result<(), BackupError> {
        let key_file = self.key_file.take().filter(|(of, _)| *of == name);
        let (_, key_file) = key_file.ok_or(BackupError::Missing("key file before its segment"))?;
        let (mut check, mut inspection) = self.begun()?;
        check.take(name, &key_file, segment, &mut |number, record| inspection.take(number, record))?;
        self.journal = Some((check, inspection));
        self.segments += 1;
        Ok(())
    }

    fn take_roster(&mut self, name: &str, content: Vec<u8>) -> Result<(), BackupError> {
        let text = String::from_utf8(content).map_err(|_| BackupError::Format("a roster that is not text"))?;
        if name == "genesis.sha256" {
            let mut digest = [0; 32];
            let read = hex::decode_to_slice(text.trim_end(), &mut digest);
            read.map_err(|_| BackupError::Format("a genesis hash that is not 64 hex digits"))?;
            self.genesis = Some(Sha256Digest(digest));
        } else if let Some(version) = name.strip_suffix(".note").and_then(|version| version.parse().ok()) {
            self.notes.insert(version, text);
        }
        Ok(())
    }

    /// The journal's checks, begun with what must have come before it.
    fn begun(&mut self) -> Result<(CopyCheck, Inspection), BackupError> {
        if let Some(begun) = self.journal.take() {
            return Ok(begun);
        }
        let keystore = self.keystore.as_ref().ok_or(BackupError::Missing("keystore.age"))?;
        let genesis = self.genesis.as_ref().ok_or(BackupError::Missing("rosters/genesis.sha256"))?;
        let chain = verify_chain(self.notes.values().map(String::as_str), genesis).map_err(RosterFilesError::from)?;
        let roster = chain.into_iter().next_back().ok_or(BackupError::Missing("rosters/1.note"))?;
        if *roster.consortium() != keystore.consortium {
            let (found, expected) = (roster.consortium().to_string(), keystore.consortium.to_string());
            return Err(BackupError::Mixed { part: "the roster", found, expected });
        }
        self.roster_version = roster.version();
        begin(keystore, roster)
    }
}

/// The checks of a journal that belongs to a keystore; `roster` is the newest of those that came with it.
pub fn begin(keystore: &Keystore, roster: Roster) -> Result<(CopyCheck, Inspection), BackupError> {
    let check = CopyCheck::new(&keystore.keys.storage);
    let inspection = Inspection::new(identity(keystore)?, settings(), roster, TableKey::draw(&mut random::generator()));
    Ok((check, inspection))
}

/// The names the records are read by. Nothing is signed, published or looked up: no feed key is there, and the keys of a
/// random epoch stand where a node reads pseudonyms.
fn identity(keystore: &Keystore) -> Result<Identity, BackupError> {
    let Keystore { consortium, member, keys } = keystore;
    let mixed = |_| BackupError::Format("a keystore without its signing keys");
    let epoch = EpochSecret::new(SecretBytes::new(random::bytes()));
    let current = EpochKeys::derive(consortium, KeyEpoch(0), &epoch);
    Ok(Identity {
        consortium: consortium.clone(),
        member: member.clone(),
        feeds: BTreeMap::new(),
        former_feeds: BTreeMap::new(),
        audit: keys.audit_signer(consortium, member).map_err(mixed)?,
        witness: keys.witness_signer(consortium, member).map_err(mixed)?,
        key_ring: Arc::new(KeyRing { current, previous: None }),
        local_mac: LocalMacKey::new(&keys.local_mac),
        sighting_keys: Vec::new(),
    })
}

/// What was charged is read as it stands, whatever the cap was.
fn settings() -> Settings {
    Settings {
        window_ms: 0,
        decoys: 0,
        canon_rules: CanonRules { default_region: None },
        guards: Arc::new(GuardLists::built_in()),
        typologies: TypologyList::built_in(),
        quarter_cap: Epsilon::from_nano(u64::MAX),
        schedule: Schedule::default(),
        // How long cases were kept decides nothing that is checked.
        cases: CaseRules::default(),
        challenge: ChallengeRules::default(),
        version: env!("CARGO_PKG_VERSION"),
        brake: None,
    }
}
