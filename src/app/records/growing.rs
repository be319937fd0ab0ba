//! A file that grows, as an input that waits for more where it ends; and why it does not go on.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::app::records::source::SourceError;

/// How long a followed file is left alone before it is looked at again.
const PAUSE: Duration = Duration::from_millis(200);

/// Looks at the end of a file that was replaced before it is given up: who wrote to it may finish a line.
const LOOKS_AFTER_REPLACEMENT: u32 = 5;

/// Bytes before a place that must still stand there when more is read.
pub const KNOWN_BYTES: usize = 4 * 1024;

/// Why a followed file is not read on. Carried in an [`std::io::Error`] through what reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FollowFault {
    #[error("the followed file became shorter, or other than what was read of it")]
    Truncated,
    #[error("the reading was stopped")]
    Stopped,
}

impl FollowFault {
    pub fn of(error: &SourceError) -> Option<Self> {
        match error {
            SourceError::Unreadable(error) => error.get_ref()?.downcast_ref().copied(),
            _ => None,
        }
    }
}

/// An input whose end is not its end: at the end of what is there it waits for more. It ends where another file took its name.
pub struct Growing {
    path: PathBuf,
    file: File,
    offset: u64,
    stop: Arc<AtomicBool>,
    /// The last bytes that were read: they must still be there when more is.
    last: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Growing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Growing").field("path", &self.path).field("offset", &self.offset).finish_non_exhaustive()
    }
}

impl Growing {
    /// `file` from `offset` on, which was opened at `path`.
    pub fn new(path: PathBuf, file: File, offset: u64, stop: Arc<AtomicBool>) -> Self {
        Self { path, file, offset, stop, last: Zeroizing::default() }
    }

    /// A file that was emptied and has grown beyond the place again is no continuation.
    fn stands_on_what_was_read(&self) -> std::io::Result<bool> {
        let mut now = Zeroizing::new(vec![0; self.last.len()]);
        let from = self.offset.saturating_sub(u64::try_from(now.len()).unwrap_or(u64::MAX));
        match self.file.read_exact_at(&mut now, from) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
            Ok(()) => Ok(*now == *self.last),
        }
    }
}

impl Read for Growing {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut looks_after_replacement = 0;
        loop {
            let read = self.file.read_at(into, self.offset)?;
            let held = self.file.metadata()?;
            if held.len() < self.offset || (read > 0 && !self.stands_on_what_was_read()?) {
                return Err(std::io::Error::other(FollowFault::Truncated));
            }
            if read > 0 {
                self.last = tail(&self.last, &into[..read]);
                self.offset = self.offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                return Ok(read);
            }
            // Between a rotation's two steps the name is missing: the file is still the one we follow.
            let replaced = std::fs::metadata(&self.path).is_ok_and(|named| !is_same(&named, &held));
            looks_after_replacement += u32::from(replaced);
            if looks_after_replacement > LOOKS_AFTER_REPLACEMENT {
                return Ok(0);
            }
            pause(&self.stop)?;
        }
    }
}

/// The end of what was read by now: a single line feed alone would be found in any file.
fn tail(before: &[u8], read: &[u8]) -> Zeroizing<Vec<u8>> {
    let read = &read[read.len().saturating_sub(KNOWN_BYTES)..];
    let before = &before[before.len().saturating_sub(KNOWN_BYTES - read.len())..];
    Zeroizing::new([before, read].concat())
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Before the next look; an error where the reading was stopped.
pub fn pause(stop: &AtomicBool) -> std::io::Result<()> {
    if stop.load(Ordering::Relaxed) {
        return Err(std::io::Error::other(FollowFault::Stopped));
    }
    std::thread::sleep(PAUSE);
    Ok(())
}
