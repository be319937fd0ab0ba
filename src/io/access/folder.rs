//! The folder these files stand in: what is in it, and whether that is still what it was.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::base::limits;
use crate::io::access::names::GivenNames;
use crate::io::access::revoked::RevocationFiles;
use crate::io::access::tokens::TokenFiles;
use crate::io::keystore::file::FileError;

/// `access/` in a node's folder. Paths only until something is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessFolder(PathBuf);

/// What the folder looked like. Every change puts another file in the place of one, so that name, number and time of the
/// files tell of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp(BTreeSet<(OsString, u64, i64, i64)>);

impl AccessFolder {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn revocations(&self) -> RevocationFiles {
        RevocationFiles::new(self.0.join("revoked"))
    }

    pub fn tokens(&self) -> TokenFiles {
        TokenFiles::new(self.0.join("tokens"), GivenNames::new(self.0.join("token-names")))
    }

    /// What all of it looks like now.
    pub fn stamp(&self) -> Result<Stamp, FileError> {
        let mut stamp = BTreeSet::new();
        for path in [files(&self.0.join("revoked"))?, files(&self.0.join("tokens"))?].concat() {
            match path.metadata() {
                Ok(file) => drop(stamp.insert((path.into_os_string(), file.ino(), file.mtime(), file.mtime_nsec()))),
                // Replaced or removed between the two looks: the next one sees what came of it.
                Err(gone) if gone.kind() == ErrorKind::NotFound => {}
                Err(reason) => return Err(FileError { path, reason }),
            }
        }
        Ok(Stamp(stamp))
    }
}

/// The files of one of these folders, by name; none where there is no folder. Files being written have another ending.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let fault = |reason| FileError { path: folder.to_owned(), reason };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(absent) if absent.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(reason) => return Err(fault(reason)),
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(fault)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let limit = limits::ACCESS_FILES;
    if paths.len() > limit {
        let rule = format!("{} files exceed the limit of {limit}: remove those that have ended", paths.len());
        return Err(fault(std::io::Error::other(rule)));
    }
    Ok(paths)
}

/// A file whose content is not what this program writes.
pub(super) fn damaged(path: &Path, rule: &str) -> FileError {
    FileError { path: path.to_owned(), reason: std::io::Error::other(rule.to_owned()) }
}
