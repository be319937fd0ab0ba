//! Imported guard lists in a node's folder: one file a list, its text as imported with what the importer was told.
//!
//! `<name>.guard.json` is an object of `format` ("hushwire/v1/guard-list"), `reading` ("plain", "misp" or "psl"), `name`,
//! `version`, `grade`, `scope`, `kinds`, `imported_at` (RFC 3339) and `text`. The text is read again at each start, so that
//! a list always means what this version of the program reads in it; its digest goes into every decision.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::time::Timestamp;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::identifier::guard::list::{GuardList, ListGrade, ListHeader, ListScope};
use crate::domain::identifier::guard_import::{GuardImportError, check_asked, misp, plain_text, public_suffixes};
use crate::io::keystore::file::{FileError, Readers, read_at_most, write};

/// Bytes of one list: a million names.
pub const LIST_BYTES: u64 = 64 * 1024 * 1024;

const FORMAT: &str = "hushwire/v1/guard-list";
const SUFFIX: &str = ".guard.json";

/// How the text of a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// One value a line.
    Plain,
    /// A MISP warning list.
    Misp,
    /// The format of the public suffix list.
    Psl,
}

impl Reading {
    /// The format a text seems to have.
    pub fn recognise(text: &str) -> Self {
        if text.trim_start().starts_with('{') {
            Self::Misp
        } else if text.lines().any(|line| line.starts_with("//")) {
            Self::Psl
        } else {
            Self::Plain
        }
    }

    fn read(self, header: ListHeader, text: &str) -> Result<GuardList, GuardImportError> {
        match self {
            Self::Plain => plain_text(header, text),
            Self::Misp => misp(header, text),
            Self::Psl => public_suffixes(header, text),
        }
    }
}

/// Why a list cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum GuardFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is not a guard list of this version", path.display())]
    Format { path: PathBuf },
    #[error("{}: {reason}", path.display())]
    List { path: PathBuf, reason: GuardImportError },
}

impl GuardFileError {
    /// The file or folder it is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(FileError { path, .. }) | Self::Format { path } | Self::List { path, .. } => path,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: String,
    reading: Reading,
    name: String,
    version: String,
    grade: String,
    scope: String,
    kinds: Vec<String>,
    imported_at: String,
    text: String,
}

/// Checks `text`, which may say nothing of itself that `header` contradicts, and keeps it; a list of the same name is replaced. Returns the list as it will be read.
pub fn import(
    folder: &Path,
    reading: Reading,
    header: ListHeader,
    text: &str,
    now: Timestamp,
) -> Result<GuardList, GuardFileError> {
    let refused = |reason| GuardFileError::List { path: folder.join("(new list)"), reason };
    let list = reading.read(header.clone(), text).map_err(refused)?;
    check_asked(&header, list.header()).map_err(refused)?;
    let name = &list.header().name;
    let stored = Stored {
        format: FORMAT.to_owned(),
        reading,
        name: name.clone(),
        version: header.version,
        grade: header.grade.name().to_owned(),
        scope: header.scope.name().to_owned(),
        kinds: header.kinds.iter().map(|kind| kind.label().to_owned()).collect(),
        imported_at: now.to_string(),
        text: text.to_owned(),
    };
    let path = path_of(folder, name);
    let bytes = serde_json::to_vec(&stored).map_err(|_| GuardFileError::Format { path: path.clone() })?;
    std::fs::create_dir_all(folder).map_err(|reason| FileError { path: folder.to_owned(), reason })?;
    write(&path, &bytes, Readers::Everyone)?;
    Ok(list)
}

/// The file of a list. Names of lists hold letters, digits, '.', '_' and '-' only.
pub fn path_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{SUFFIX}"))
}

/// Every list of the folder in the order of their names; none where there is no folder.
pub fn load(folder: &Path) -> Result<Vec<GuardList>, GuardFileError> {
    let unreadable = |reason| FileError { path: folder.to_owned(), reason };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error).into()),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.to_str().is_some_and(|path| path.ends_with(SUFFIX)) {
            paths.push(path);
        }
    }
    paths.sort();
    paths.into_iter().map(|path| load_one(&path)).collect()
}

/// The built-in lists and every imported one.
pub fn all(folder: &Path) -> Result<GuardLists, GuardFileError> {
    Ok(GuardLists::built_in().with_all_imported(load(folder)?))
}

fn load_one(path: &Path) -> Result<GuardList, GuardFileError> {
    let damaged = || GuardFileError::Format { path: path.to_owned() };
    // JSON escapes what a line may hold: the stored file is longer than its text, never by more than this.
    let bytes = read_at_most(path, LIST_BYTES * 2)?;
    let stored: Stored = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
    if stored.format != FORMAT {
        return Err(damaged());
    }
    let header = ListHeader {
        name: stored.name,
        version: stored.version,
        grade: ListGrade::from_name(&stored.grade).ok_or_else(damaged)?,
        scope: ListScope::from_name(&stored.scope).ok_or_else(damaged)?,
        kinds: stored.kinds.iter().map(|kind| kind.parse().ok()).collect::<Option<_>>().ok_or_else(damaged)?,
    };
    let listed = stored.reading.read(header, &stored.text);
    listed.map_err(|reason| GuardFileError::List { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imported_list_is_read_back_as_it_was_checked() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Timestamp::from_unix_s(1_795_000_000);
        let mut header = ListHeader::new("our-vpn", ListGrade::Weak);
        header.kinds = [crate::base::kind::IdentifierKind::Ip].into();
        let list = import(folder.path(), Reading::Plain, header, "198.51.100.0/24\n", now).expect("a list");
        let loaded = load(folder.path()).expect("readable");
        assert_eq!(loaded.len(), 1);
        assert_eq!(loaded[0].digest(), list.digest());
        assert_ne!(all(folder.path()).expect("readable").digest(), GuardLists::built_in().digest());
    }

    #[test]
    fn a_folder_that_is_not_there_holds_no_lists_and_a_damaged_file_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(load(&folder.path().join("none")).expect("empty").is_empty());
        std::fs::write(folder.path().join("x.guard.json"), "{\"format\":\"other\"}").expect("writable");
        let refused = load(folder.path()).expect_err("damaged").to_string();
        assert!(refused.contains("x.guard.json"), "{refused}");
    }
}
