//! The key bundles a node has taken in, kept as they were signed: what is sealed to other members is handed on to them, and
//! what is sealed to this node is opened again at every start. The keystore need not be written, so no passphrase is needed
//! while the node runs.
//!
//! One file a bundle, `epoch-N-<16 hex digits of its hash>.bundle`. A bundle of an epoch that nobody reads any more is of no
//! use but to a thief of the key it was sealed to: [`BundleFiles::forget`] removes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::base::epoch::KeyEpoch;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::pseudonym::keys::EpochSecret;
use crate::domain::roster::verified::Roster;
use crate::io::key_bundle::{BundleError, KeyBundle, VerifiedBundle};
use crate::io::keystore::file::{FileError, Readers, read_at_most, write};
use crate::io::keystore::store::Keystore;

/// The folder of bundles. Cheap to clone; nothing is read before it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFiles(PathBuf);

impl BundleFiles {
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Keeps a bundle that was verified. Kept twice it stands there once.
    pub fn keep(&self, epoch: KeyEpoch, note: &[u8]) -> Result<(), FileError> {
        std::fs::create_dir_all(&self.0).map_err(|reason| FileError { path: self.0.clone(), reason })?;
        let digest = hex::encode(Sha256::digest(note));
        let name = format!("epoch-{epoch}-{}.bundle", digest.get(..16).unwrap_or_default());
        write(&self.0.join(name), note, Readers::Owner)
    }

    /// Every bundle that can be read, with its bytes. One that cannot is passed over: the others are no worse for it.
    pub fn load(&self) -> Vec<(KeyBundle, Vec<u8>)> {
        let limit = u64::try_from(limits::NOTE_BYTES).unwrap_or(u64::MAX);
        let read = |path: PathBuf| {
            let note = read_at_most(&path, limit).map_err(|error| error.to_string())?;
            let bundle = KeyBundle::parse(&note).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok::<_, String>((bundle, note))
        };
        let paths = self.paths().into_iter();
        paths
            .filter_map(|path| read(path).map_err(|error| tracing::warn!(event = "bundle.unread", error)).ok())
            .collect()
    }

    /// The bundles addressed to a member, of epochs it does not hold.
    pub fn for_member(&self, member: &MemberId, held: &BTreeSet<KeyEpoch>) -> Vec<(KeyEpoch, Vec<u8>)> {
        let bundles = self.load().into_iter().filter(|(bundle, _)| !held.contains(&bundle.epoch()));
        let addressed = bundles.filter(|(bundle, _)| bundle.recipients().any(|recipient| recipient == member));
        addressed.map(|(bundle, note)| (bundle.epoch(), note)).collect()
    }

    /// Removes what was kept of an epoch; returns how many bundles that were.
    pub fn forget(&self, epoch: KeyEpoch) -> Result<usize, FileError> {
        let of_epoch = format!("epoch-{epoch}-");
        let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&of_epoch));
        let mut removed = 0;
        for path in self.paths().into_iter().filter(named) {
            std::fs::remove_file(&path).map_err(|reason| FileError { path, reason })?;
            removed += 1;
        }
        Ok(removed)
    }

    fn paths(&self) -> Vec<PathBuf> {
        let Ok(folder) = std::fs::read_dir(&self.0) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = folder.filter_map(|file| Some(file.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "bundle"));
        paths.sort();
        paths
    }
}

/// Whether an epoch is read or written under now or later: the secrets of others are neither taken nor kept.
pub fn is_needed(roster: &Roster, epoch: KeyEpoch, now: Timestamp) -> bool {
    roster.readable_epochs(now).iter().any(|readable| readable.number == epoch)
        || roster.epoch(epoch).is_some_and(|epoch| epoch.activates_at > now && epoch.compromised_at.is_none())
}

/// Verifies a bundle against the roster it was sealed under, which must be one of a verified chain.
pub fn verify(bundle: KeyBundle, chain: &[Roster]) -> Result<VerifiedBundle, BundleError> {
    let sealed_under = bundle.roster_sha256();
    match chain.iter().find(|roster| roster.sha256() == sealed_under) {
        Some(roster) => bundle.verify(roster),
        None => Err(BundleError::OtherRoster(sealed_under)),
    }
}

/// The secrets that kept bundles hold for this node and its keystore lacks, of epochs that are needed.
pub fn open_kept(
    files: &BundleFiles,
    keystore: &Keystore,
    chain: &[Roster],
    now: Timestamp,
) -> BTreeMap<KeyEpoch, EpochSecret> {
    let Some(roster) = chain.last() else { return BTreeMap::new() };
    let mut opened = BTreeMap::new();
    for (bundle, _) in files.load() {
        let epoch = bundle.epoch();
        let is_ours = bundle.recipients().any(|recipient| *recipient == keystore.member);
        if keystore.keys.epochs.contains_key(&epoch) || !is_ours || !is_needed(roster, epoch, now) {
            continue;
        }
        match verify(bundle, chain).and_then(|bundle| open(&bundle, keystore)) {
            Ok((epoch, secret)) => drop(opened.insert(epoch, secret)),
            Err(error) => tracing::warn!(event = "bundle.unopened", epoch = epoch.0, error = %error),
        }
    }
    opened
}

/// Puts the secrets of [`open_kept`] beside those of the keystore, in memory: whatever asks which epochs a node has, or needs
/// them all, asks a completed keystore.
pub fn complete(keystore: &mut Keystore, files: &BundleFiles, chain: &[Roster], now: Timestamp) {
    let opened = open_kept(files, keystore, chain, now);
    keystore.keys.epochs.extend(opened);
}

/// Opens a bundle with the key it was sealed to, which is the one its roster named: the key in use or the next.
pub fn open(bundle: &VerifiedBundle, keystore: &Keystore) -> Result<(KeyEpoch, EpochSecret), BundleError> {
    let mut attempts = keystore.keys.hpke_secrets().map(|key| bundle.open(&keystore.member, key));
    let first = attempts.next().expect("the key in use is always among them");
    first.or_else(|fault| attempts.find_map(Result::ok).ok_or(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_bundle_is_passed_over_and_what_is_forgotten_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = BundleFiles::new(folder.path().join("bundles"));
        assert!(files.load().is_empty(), "a folder that does not exist holds none");
        for epoch in [KeyEpoch(1), KeyEpoch(12)] {
            files.keep(epoch, b"no bundle").expect("written");
            files.keep(epoch, b"no bundle").expect("written once");
        }
        assert_eq!((files.paths().len(), files.load().len()), (2, 0));
        assert_eq!(files.forget(KeyEpoch(1)).expect("removed"), 1);
        assert_eq!(files.paths().len(), 1, "epoch 12 is another");
        assert_eq!(files.forget(KeyEpoch(1)).expect("nothing to do"), 0);
    }
}
