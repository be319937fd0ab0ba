//! Views in sled 0.34, the embedded default, made safe against power cuts.
//!
//! sled's `flush` hands bytes to the operating system and never calls `fsync`; files it makes at opening are not synced
//! either, and a crash while it writes the snapshot of an opening leaves a `snap.*.generating` that the next opening
//! takes for the newest snapshot and fails on, for ever (upstream #1452, #1351, #1527, #1533). Hence three steps:
//!
//! 1. before opening, remove `snap.*.generating`;
//! 2. after opening, sync every file and every directory;
//! 3. after each `flush`, sync the log file through a handle of our own, whose errors are ours to see.
//!
//! The background flusher, which swallows such errors, is off. sled works on the calling thread and may stall with the
//! disk: callers on an asynchronous runtime go through `spawn_blocking`, and screening does not come here at all.
//! All rows lie in one tree, since a batch of sled is atomic within one tree only. Removing a row does not erase it.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::io::journal::fs::{Fs, FsFile, create_dir_durably, fault, remove_if_there};
use crate::io::journal::real_fs::RealFs;
use crate::io::views::memory::check_sizes;
use crate::node::store::{Expectation, StorageFault, ViewChange, ViewFault, ViewRows, Views};

/// Bytes sled may keep of its pages. Views are small and not read on any hot path; sled exceeds this by a third.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

const ROWS: &[u8] = b"rows";
const LOG_FILE: &str = "db";

/// Views of a node in a directory of its own. The port of files is there so that tests see what was synced.
pub struct SledViews<F: Fs = RealFs> {
    fs: F,
    dir: PathBuf,
    db: sled::Db,
    rows: sled::Tree,
    log_file: F::File,
    /// Files beside the log that are known to be durable.
    synced: BTreeSet<PathBuf>,
    stopped: bool,
}

impl SledViews {
    /// Opens the views in `dir`, made if need be.
    ///
    /// [`StorageFault::Damaged`] asks the owner to [`SledViews::discard`] them and rebuild from the journal, and so does
    /// a full disk on which sled cannot open.
    pub fn open(dir: &Path) -> Result<Self, StorageFault> {
        Self::open_with(RealFs, dir)
    }

    /// Removes the views in `dir`, which nobody has open.
    pub fn discard(dir: &Path) -> Result<(), StorageFault> {
        match std::fs::remove_dir_all(dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(fault),
        }
    }
}

impl<F: Fs> SledViews<F> {
    pub fn open_with(fs: F, dir: &Path) -> Result<Self, StorageFault> {
        create_dir_durably(&fs, dir).map_err(fault)?;
        for name in fs.names(dir).map_err(fault)? {
            if name.starts_with("snap.") && name.ends_with(".generating") {
                remove_if_there(&fs, &dir.join(name)).map_err(fault)?;
            }
        }
        let db = open_sled(dir)?;
        let rows = db.open_tree(ROWS).map_err(sled_fault)?;
        let log_file = fs.open(&dir.join(LOG_FILE)).map_err(fault)?;
        let dir = dir.to_owned();
        let mut views = Self { fs, dir, db, rows, log_file, synced: BTreeSet::new(), stopped: false };
        // The tree just made is part of what must be durable before the first commit builds on it.
        views.write_down()?;
        Ok(views)
    }

    /// Steps 2 and 3: the files beside the log that are new, then the log.
    fn write_down(&mut self) -> Result<(), StorageFault> {
        self.db.flush().map_err(sled_fault)?;
        let mut dirs = vec![self.dir.clone()];
        while let Some(dir) = dirs.pop() {
            let mut new = false;
            for name in self.fs.names(&dir).map_err(fault)? {
                let path = dir.join(&name);
                if path.is_dir() {
                    dirs.push(path);
                } else if name != LOG_FILE && self.synced.insert(path.clone()) {
                    new = true;
                    match self.fs.open(&path).and_then(|file| file.sync()) {
                        // sled removes old snapshots by itself.
                        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                        other => other.map_err(fault)?,
                    }
                }
            }
            if new {
                self.fs.sync_dir(&dir).map_err(fault)?;
            }
        }
        self.log_file.sync().map_err(fault)
    }

    fn check_running(&self) -> Result<(), StorageFault> {
        if self.stopped { Err(StorageFault::Stopped) } else { Ok(()) }
    }

    /// Runs a step that writes; its failure is the last.
    fn or_stop<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, StorageFault>) -> Result<T, StorageFault> {
        self.check_running()?;
        let done = step(self);
        self.stopped = done.is_err();
        done
    }
}

impl<F: Fs> Views for SledViews<F> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFault> {
        Ok(self.rows.get(key).map_err(sled_fault)?.map(|value| value.to_vec()))
    }

    fn scan(&self, start: &[u8], end: &[u8], limit: usize) -> Result<ViewRows, StorageFault> {
        if start >= end {
            return Ok(ViewRows::new());
        }
        let rows = self.rows.range(start..end).take(limit);
        rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(sled_fault)).collect()
    }

    fn commit(&mut self, expectations: &[Expectation], changes: &[ViewChange]) -> Result<(), ViewFault> {
        check_sizes(changes)?;
        self.check_running()?;
        // Nobody else writes: `&mut self`, and sled's own lock keeps other processes out.
        for expected in expectations {
            if self.get(&expected.key)? != expected.value {
                return Err(ViewFault::Conflict);
            }
        }
        let mut batch = sled::Batch::default();
        for change in changes {
            match change {
                ViewChange::Put { key, value } => batch.insert(key.as_slice(), value.as_slice()),
                ViewChange::Remove { key } => batch.remove(key.as_slice()),
            }
        }
        Ok(self.or_stop(|views| views.rows.apply_batch(batch).map_err(sled_fault))?)
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        self.or_stop(Self::write_down)
    }

    fn clear(&mut self) -> Result<(), StorageFault> {
        self.or_stop(|views| {
            views.db.drop_tree(ROWS).map_err(sled_fault)?;
            views.rows = views.db.open_tree(ROWS).map_err(sled_fault)?;
            Ok(())
        })
    }
}

/// Opens sled itself. It panics on some damage where it might return an error; both say: discard and rebuild.
fn open_sled(dir: &Path) -> Result<sled::Db, StorageFault> {
    let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    catch_unwind(AssertUnwindSafe(|| config.open()))
        .map_err(|_| StorageFault::Damaged("views cannot be opened".into()))?
        .map_err(sled_fault)
}

/// sled's own texts are left out: they hold paths, and on damage pieces of what was stored.
fn sled_fault(error: sled::Error) -> StorageFault {
    match error {
        sled::Error::Io(error) if error.kind() == std::io::ErrorKind::WouldBlock => StorageFault::InUse,
        // sled wraps the refusal of its lock in an error without a kind.
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => StorageFault::InUse,
        sled::Error::Io(error) => fault(error),
        sled::Error::Corruption { .. } => StorageFault::Damaged("views are corrupt".into()),
        sled::Error::Unsupported(_) => StorageFault::Damaged("views of another sled version".into()),
        sled::Error::ReportableBug(_) | sled::Error::CollectionNotFound(_) => {
            StorageFault::Damaged("views are inconsistent".into())
        }
    }
}

impl<F: Fs> fmt::Debug for SledViews<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledViews").field("stopped", &self.stopped).finish_non_exhaustive()
    }
}
