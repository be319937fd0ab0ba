//! The rosters a node has followed, as files: the whole chain from the genesis to the version in force.
//!
//! ```text
//! rosters/genesis.sha256     64 hex digits and a newline: the hash received out of band
//! rosters/1.note             the genesis
//! rosters/2.note …           its successors without a gap
//! roster.note                copy of the newest, for people and other tools to read; never read here
//! ```
//! The chain is verified at every load, so that a file put in its place by somebody else is found out. A version once
//! written is the least the node will ever accept.

use std::path::PathBuf;

use crate::base::bytes::Sha256Digest;
use crate::base::limits;
use crate::domain::roster::error::RosterError;
use crate::domain::roster::succession::verify_chain;
use crate::domain::roster::verified::Roster;
use crate::io::keystore::file::{FileError, Readers, create, read_at_most, write};

/// Where a node keeps its chain.
#[derive(Debug, Clone)]
pub struct RosterFiles {
    chain: PathBuf,
    newest: PathBuf,
}

/// The chain could not be read or continued.
#[derive(Debug, thiserror::Error)]
pub enum RosterFilesError {
    #[error("this node belongs to no consortium yet")]
    NoRoster,
    #[error("this node already follows a consortium")]
    AlreadyFounded,
    #[error("{} does not hold 64 hex digits", .0.display())]
    GenesisHash(PathBuf),
    #[error("{} is not text", .0.display())]
    NotText(PathBuf),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Roster(#[from] RosterError),
}

impl RosterFiles {
    /// `chain`: the folder `rosters`. `newest`: the copy `roster.note`.
    pub fn new(chain: PathBuf, newest: PathBuf) -> Self {
        Self { chain, newest }
    }

    /// Every version in order, verified from the genesis on. The last one is in force, unless it has expired.
    pub fn load(&self) -> Result<Vec<Roster>, RosterFilesError> {
        let Some(genesis) = self.genesis()? else { return Err(RosterFilesError::NoRoster) };
        let mut notes = Vec::new();
        loop {
            let path = self.version(notes.len() + 1);
            if !exists(&path)? {
                break;
            }
            let bytes = read_at_most(&path, u64::try_from(limits::NOTE_BYTES).unwrap_or(u64::MAX))?;
            notes.push(String::from_utf8(bytes).map_err(|_| RosterFilesError::NotText(path))?);
        }
        let chain = verify_chain(notes.iter().map(String::as_str), &genesis)?;
        if chain.is_empty() { Err(RosterFilesError::NoRoster) } else { Ok(chain) }
    }

    /// The version in force.
    pub fn current(&self) -> Result<Roster, RosterFilesError> {
        self.load()?.pop().ok_or(RosterFilesError::NoRoster)
    }

    /// Whether a chain was begun.
    pub fn exist(&self) -> Result<bool, RosterFilesError> {
        Ok(self.genesis()?.is_some())
    }

    /// Begins with a whole chain that was verified from `genesis` on.
    pub fn found(&self, genesis: &Sha256Digest, chain: &[Roster]) -> Result<(), RosterFilesError> {
        if self.exist()? {
            return Err(RosterFilesError::AlreadyFounded);
        }
        verify_chain(chain.iter().map(Roster::note), genesis)?;
        for roster in chain {
            self.append(roster)?;
        }
        // Last: a crash before leaves a node that still belongs to nobody, and the same command runs again.
        create(&self.genesis_path(), format!("{genesis}\n").as_bytes(), Readers::Everyone)?;
        Ok(())
    }

    /// Writes the verified successor of the newest version.
    pub fn append(&self, next: &Roster) -> Result<(), RosterFilesError> {
        let path = self.chain.join(format!("{}.note", next.version()));
        std::fs::create_dir_all(&self.chain).map_err(|reason| FileError { path: self.chain.clone(), reason })?;
        write(&path, next.note().as_bytes(), Readers::Everyone)?;
        write(&self.newest, next.note().as_bytes(), Readers::Everyone)?;
        Ok(())
    }

    fn genesis(&self) -> Result<Option<Sha256Digest>, RosterFilesError> {
        let path = self.genesis_path();
        if !exists(&path)? {
            return Ok(None);
        }
        let content = read_at_most(&path, 100)?;
        let mut bytes = [0; 32];
        let digits = content.strip_suffix(b"\n").unwrap_or(&content);
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| RosterFilesError::GenesisHash(path))?;
        Ok(Some(Sha256Digest(bytes)))
    }

    fn genesis_path(&self) -> PathBuf {
        self.chain.join("genesis.sha256")
    }

    fn version(&self, version: usize) -> PathBuf {
        self.chain.join(format!("{version}.note"))
    }
}

fn exists(path: &std::path::Path) -> Result<bool, FileError> {
    path.try_exists().map_err(|reason| FileError { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::roster::samples::{NOW, admin_signer, roster};
    use crate::domain::roster::succession::sign;

    fn next_of(current: &Roster) -> Roster {
        let mut next = current.content().clone();
        next.version += 1;
        next.previous = Some(current.sha256());
        let note = sign(&next, &[&admin_signer("anna"), &admin_signer("ben")], NOW).expect("valid");
        note.verify_next(current).expect("a successor")
    }

    fn files() -> (tempfile::TempDir, RosterFiles) {
        let folder = tempfile::tempdir().expect("a folder");
        let files = RosterFiles::new(folder.path().join("rosters"), folder.path().join("roster.note"));
        (folder, files)
    }

    #[test]
    fn the_chain_is_read_back_and_continued() {
        let (_folder, files) = files();
        assert!(matches!(files.load(), Err(RosterFilesError::NoRoster)));
        let first = roster(&["bank-a"]);
        files.found(&first.sha256(), std::slice::from_ref(&first)).expect("begun");
        let second = next_of(&first);
        files.append(&second).expect("continued");
        assert_eq!(files.current().expect("verified").sha256(), second.sha256());
        let again = files.found(&first.sha256(), &[first]);
        assert!(matches!(again, Err(RosterFilesError::AlreadyFounded)));
    }

    #[test]
    fn a_file_put_in_place_by_somebody_else_is_found_out() {
        let (folder, files) = files();
        let (first, other) = (roster(&["bank-a"]), roster(&["bank-b"]));
        files.found(&first.sha256(), std::slice::from_ref(&first)).expect("begun");
        let path = folder.path().join("rosters").join("1.note");
        std::fs::write(&path, other.note()).expect("written");
        assert!(matches!(files.load(), Err(RosterFilesError::Roster(RosterError::GenesisHash { .. }))));
        std::fs::write(&path, &first.note()[..100]).expect("cut");
        assert!(matches!(files.load(), Err(RosterFilesError::Roster(_))));
    }
}
