//! A file that one process at a time holds: who has it works, everybody else is told that somebody does.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Held until it is dropped, or its process ends in whatever way.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "open, so that it is locked")] File);

impl Lock {
    /// None where another process holds it. The file is made where it is missing, and stays.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_it_and_the_next_one_after_that() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let first = Lock::take(&path).expect("writable");
        assert!(first.is_some() && Lock::take(&path).expect("writable").is_none());
        drop(first);
        assert!(Lock::take(&path).expect("writable").is_some());
        assert!(Lock::take(&path.join("below")).is_err(), "no folder");
    }
}
