//! Files of keys: written whole or not at all, readable by their owner only.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::io::folder::sync_name;

/// Bytes read from a key file: a keystore of 64 epochs is below 32 KB.
const MAX_BYTES: u64 = 1024 * 1024;

/// A key file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct FileError {
    pub path: PathBuf,
    pub reason: std::io::Error,
}

/// Who may read a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Secrets.
    Owner,
    /// Certificates, rosters, cards.
    Everyone,
}

/// The permissions of a secret file that others may read or write; none where it is its owner's alone, or not there.
pub fn open_to_others(path: &Path) -> Option<u32> {
    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Reads a whole file, at most 1 MiB.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    read_at_most(path, MAX_BYTES)
}

/// Reads a whole file and refuses a larger one.
pub fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let error = |reason| FileError { path: path.to_owned(), reason };
    let mut content = Vec::new();
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut content)).map_err(error)?;
    match u64::try_from(content.len()) {
        Ok(length) if length <= limit => Ok(content),
        _ => Err(error(std::io::Error::other(format!("larger than {limit} bytes")))),
    }
}

/// Writes a file in one step: a crash leaves the old content or the new, never a part. Replaces what was there.
pub fn write(path: &Path, content: &[u8], readers: Readers) -> Result<(), FileError> {
    let error = |reason| FileError { path: path.to_owned(), reason };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_new(&temporary, content, readers).and_then(|()| std::fs::rename(&temporary, path));
    if let Err(reason) = written {
        // Best effort: the error that counts is the one before.
        let _absent = std::fs::remove_file(&temporary);
        return Err(error(reason));
    }
    sync_name(path).map_err(error)
}

/// The same, but refuses to replace anything.
pub fn create(path: &Path, content: &[u8], readers: Readers) -> Result<(), FileError> {
    let error = |reason| FileError { path: path.to_owned(), reason };
    if path.try_exists().map_err(error)? {
        return Err(error(std::io::Error::new(
            std::io::ErrorKind::AlreadyExists,
            "exists already and is not replaced",
        )));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(error)?;
    }
    write(path, content, readers)
}

fn write_new(path: &Path, content: &[u8], readers: Readers) -> std::io::Result<()> {
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Everyone => 0o644,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_readable_by_their_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new").join("secret");
        create(&path, b"one", Readers::Owner).expect("written");
        write(&path, b"two", Readers::Owner).expect("replaced");
        assert_eq!(read(&path).expect("readable"), b"two");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!((mode & 0o777, open_to_others(&path)), (0o600, None));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("ours");
        assert_eq!(open_to_others(&path), Some(0o640));
        let left: Vec<_> = std::fs::read_dir(path.parent().expect("a folder")).expect("readable").collect();
        assert_eq!(left.len(), 1, "nothing else is left behind");
    }

    #[test]
    fn creating_never_replaces() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        create(&path, b"one", Readers::Owner).expect("written");
        assert!(create(&path, b"two", Readers::Owner).is_err());
        assert_eq!(read(&path).expect("readable"), b"one");
    }

    #[test]
    fn a_file_over_the_limit_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("large");
        create(&path, b"12345", Readers::Everyone).expect("written");
        assert!(read_at_most(&path, 4).is_err());
        assert!(read_at_most(&path, 5).is_ok());
    }
}
