//! How far a followed file was published, durable in a file of its own.
//!
//! A call is written down before it is made, with its request id: whatever ends the process between the two, the next run
//! makes the same call again, and the node publishes nothing twice. Nothing of what is followed stands here but the names
//! of our own fields; the file is known again by a keyed fingerprint.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::app::cli::client::Fingerprints;
use crate::app::cli::lock::Lock;
use crate::app::outcome::CliError;
use crate::app::records::follow::{Beginning, Generation, Place, find, known_bytes};
use crate::app::records::source::Columns;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::io::keystore::file::{self, Readers};

/// A place in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// The file that was followed, for whoever looks here.
    file: PathBuf,
    device: u64,
    inode: u64,
    offset: u64,
    line: u64,
    columns: Option<Columns>,
    fingerprint: String,
    call: Option<StoredCall>,
}

/// A call that was made or was about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCall {
    pub request_id: String,
    /// Where its last record ended.
    pub offset: u64,
    made_at_s: u64,
}

impl StoredCall {
    pub fn new(request_id: String, offset: u64, now: Timestamp) -> Self {
        Self { request_id, offset, made_at_s: now.unix_s() }
    }

    /// Whether the node has forgotten its request id.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        now.unix_s().saturating_sub(self.made_at_s) >= limits::REQUEST_ID_HOURS * 3_600
    }
}

/// Where a run goes on.
#[derive(Debug, Default)]
pub struct Found {
    pub beginning: Beginning,
    pub call: Option<StoredCall>,
    /// The file that was followed is gone, or holds something else now: so many lines of it had been read.
    pub gone_after_line: Option<u64>,
}

/// The file of one followed file's position. While it is held, no other run follows that file.
#[derive(Debug)]
pub struct Position {
    path: PathBuf,
    followed: PathBuf,
    fingerprints: Fingerprints,
    _locked: Lock,
    at: Option<Stored>,
}

impl Position {
    /// Opens what `folder` knows of `followed`.
    pub fn open(folder: &Path, followed: &Path, fingerprints: Fingerprints) -> Result<Self, CliError> {
        let unusable = |path: &Path, error: &dyn std::fmt::Display| {
            CliError::failed(format!("{}: {error}", path.display())).hint("choose another folder with --state")
        };
        std::fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
        let followed = std::path::absolute(followed).map_err(|error| unusable(followed, &error))?;
        let name = hex::encode(&Sha256::digest(followed.as_os_str().as_encoded_bytes())[..8]);
        let lock = folder.join(format!("{name}.lock"));
        let locked = Lock::take(&lock).map_err(|error| unusable(&lock, &error))?;
        let locked =
            locked.ok_or_else(|| CliError::failed(format!("{} is followed by another process", followed.display())))?;
        let path = folder.join(format!("{name}.position"));
        let at = if path.exists() {
            let text = file::read(&path).map_err(|error| unusable(&path, &error))?;
            let hint = "it was written by another version or changed: remove it to publish the file from its beginning";
            let stored = serde_json::from_slice(&text);
            Some(stored.map_err(|_| CliError::failed(format!("{} holds no position", path.display())).hint(hint))?)
        } else {
            None
        };
        Ok(Self { path, followed, fingerprints, _locked: locked, at })
    }

    /// Finds the place again: in the file at its path, or in one that a rotation gave a longer name.
    pub fn find(&self) -> Found {
        let Some(at) = self.at.as_ref().filter(|at| at.offset > 0 || at.call.is_some()) else {
            return Found::default();
        };
        let is_same = |file: &File| {
            let known = self.fingerprint(file, at.offset).is_some_and(|found| found == at.fingerprint);
            // Where nothing was read, only the file itself tells.
            let itself = file.metadata().is_ok_and(|held| (held.dev(), held.ino()) == (at.device, at.inode));
            known && (at.offset > 0 || itself)
        };
        let Some(file) = find(&self.followed, is_same) else {
            return Found { gone_after_line: Some(at.line), call: at.call.clone(), ..Found::default() };
        };
        let (offset, line, columns) = (at.offset, at.line, at.columns.clone());
        Found {
            beginning: Beginning { file: Some(file), offset, line, columns },
            call: at.call.clone(),
            gone_after_line: None,
        }
    }

    /// Where a generation begins.
    pub fn begin(&mut self, generation: &Generation) {
        self.at = Some(self.stored(generation, 0, 0, None));
    }

    /// Everything before `place` is done. Durable when this returns.
    pub fn done(&mut self, place: &Place) -> Result<(), CliError> {
        self.at = Some(self.stored(&place.generation, place.offset, place.line, None));
        self.write()
    }

    /// A call is about to be made of what stands between the position and its end. Durable when this returns.
    pub fn calling(&mut self, call: StoredCall) -> Result<(), CliError> {
        if let Some(at) = &mut self.at {
            at.call = Some(call);
        }
        self.write()
    }

    fn stored(&self, generation: &Generation, offset: u64, line: u64, call: Option<StoredCall>) -> Stored {
        // Where the file changed since, it will not be known again: that is what has to be.
        let fingerprint = self.fingerprint(&generation.file, offset).unwrap_or_default();
        let (device, inode, columns) = (generation.device, generation.inode, generation.columns.clone());
        Stored { file: self.followed.clone(), device, inode, offset, line, columns, fingerprint, call }
    }

    fn fingerprint(&self, file: &File, offset: u64) -> Option<String> {
        let bytes = known_bytes(file, offset).ok().flatten()?;
        Some(self.fingerprints.of(&bytes))
    }

    fn write(&self) -> Result<(), CliError> {
        let text =
            serde_json::to_vec(&self.at).map_err(|_| CliError::failed("the position cannot be written as JSON"))?;
        file::write(&self.path, &text, Readers::Owner)
            .map_err(|error| CliError::failed(format!("the position cannot be written: {error}")))
    }
}
