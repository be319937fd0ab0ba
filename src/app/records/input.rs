//! Opens a file or standard input, once or for as long as it grows.

use std::fs::{File, Metadata};
use std::io::{Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a followed file is left alone before it is looked at again.
const FOLLOW_PAUSE: Duration = Duration::from_millis(200);

/// Looks at the end of a file that was replaced before it is given up: who wrote to it may finish a line.
const LOOKS_AFTER_REPLACEMENT: u32 = 5;

/// A followed file did not merely grow: what follows in it, or in its successor, cannot be told from what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FollowFault {
    #[error("the followed file became shorter than what was read of it; everything read before is taken")]
    Truncated,
    #[error("another file took the followed file's name; everything in the old one is taken")]
    Replaced,
}

/// An input whose end is not its end: at the end of what is there it waits for more, until it is told to stop.
#[derive(Debug)]
pub struct Followed {
    path: PathBuf,
    file: File,
    stop: Arc<AtomicBool>,
}

impl Read for Followed {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut looks_after_replacement = 0;
        loop {
            let read = self.file.read(into)?;
            if read > 0 || self.stop.load(Ordering::Relaxed) {
                return Ok(read);
            }
            let held = self.file.metadata()?;
            if held.len() < self.file.stream_position()? {
                return Err(std::io::Error::other(FollowFault::Truncated));
            }
            // Between a rotation's two steps the name is missing: the file is still the one we follow.
            let replaced = std::fs::metadata(&self.path).is_ok_and(|named| !is_same(&named, &held));
            looks_after_replacement += u32::from(replaced);
            if looks_after_replacement > LOOKS_AFTER_REPLACEMENT {
                return Err(std::io::Error::other(FollowFault::Replaced));
            }
            std::thread::sleep(FOLLOW_PAUSE);
        }
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Opens `path`, or standard input for `-`. With `follow`, a file is read on as it grows until `follow` is set.
pub fn open(path: &Path, follow: Option<Arc<AtomicBool>>) -> std::io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a folder"));
    }
    Ok(match follow {
        Some(stop) => Box::new(Followed { path: path.to_owned(), file, stop }),
        None => Box::new(file),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads on after `change` happened to a file of which everything was read.
    fn fault_after(change: impl FnOnce(&Path)) -> Option<FollowFault> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.csv");
        std::fs::write(&path, "one\ntwo\n").expect("written");
        let stop = Arc::new(AtomicBool::new(false));
        let mut followed = open(&path, Some(stop)).expect("it is there");
        let mut read = [0; 8];
        followed.read_exact(&mut read).expect("it holds eight bytes");
        change(&path);
        let error = followed.read(&mut read).err()?;
        error.get_ref()?.downcast_ref::<FollowFault>().copied()
    }

    #[test]
    fn a_followed_file_that_does_not_merely_grow_ends_the_reading() {
        let truncated = fault_after(|path| std::fs::write(path, "x").expect("written"));
        assert_eq!(truncated, Some(FollowFault::Truncated));
        let replaced = fault_after(|path| {
            std::fs::rename(path, path.with_extension("1")).expect("renamed");
            std::fs::write(path, "three\n").expect("written");
        });
        assert_eq!(replaced, Some(FollowFault::Replaced));
    }

    #[test]
    fn what_is_written_to_a_renamed_file_is_still_read() {
        let more = fault_after(|path| {
            let old = path.with_extension("1");
            std::fs::rename(path, &old).expect("renamed");
            std::fs::write(path, "three\n").expect("written");
            std::fs::write(&old, "one\ntwo\nlate\n").expect("written");
        });
        assert_eq!(more, None);
    }
}
