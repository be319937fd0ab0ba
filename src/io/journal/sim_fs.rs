//! A disk in memory that fails on demand: it crashes before a chosen operation, tears the write it crashes in, refuses
//! with EIO or ENOSPC, and comes back after a power cut as [`super::sim_disk`] says. One thread and one seed give the
//! same disk every time.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::io::journal::fs::{Fs, FsFile, Space, narrow, wide};
use crate::io::journal::sim_disk::{Change, CrashModel, Dice, Disk, NameChange, Node};

/// What happens to one operation that changes the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimFault {
    /// The machine stops before it; a write may be torn. Everything after fails too.
    Crash,
    /// It fails with EIO and does nothing.
    Refused,
    /// It fails with EIO and was done all the same.
    RefusedButDone,
    /// It fails with ENOSPC and does nothing.
    Full,
}

/// A disk that says it made something durable and did not: tests use it to see that they would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deaf {
    ToFileSyncs,
    ToDirSyncs,
}

/// A file system in memory. Clones are the same one; [`SimFs::after`] makes another.
#[derive(Debug, Clone, Default)]
pub struct SimFs(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    disk: Disk,
    operations: u64,
    planned: BTreeMap<u64, SimFault>,
    capacity_bytes: Option<u64>,
    deaf: Option<Deaf>,
    down: bool,
    locks: BTreeSet<PathBuf>,
}

/// An open file of a [`SimFs`].
#[derive(Debug)]
pub struct SimFile {
    fs: SimFs,
    file: u64,
}

/// A held lock of a [`SimFs`].
#[derive(Debug)]
pub struct SimLock {
    fs: SimFs,
    path: PathBuf,
}

impl SimFs {
    pub fn new() -> Self {
        Self::default()
    }

    /// Operations so far that changed the disk or made it durable; they are numbered from 1.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets the operation of this number fail.
    pub fn plan(&self, operation: u64, fault: SimFault) {
        self.state().planned.insert(operation, fault);
    }

    /// Sets the size of the disk; `None` for endless.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    pub fn set_deaf(&self, deaf: Option<Deaf>) {
        self.state().deaf = deaf;
    }

    pub fn used_bytes(&self) -> u64 {
        self.state().disk.used_bytes()
    }

    /// Another file system with what this one holds after it stopped as `model` says: no faults planned, no locks held.
    pub fn after(&self, model: CrashModel, seed: u64) -> Self {
        let disk = self.state().disk.after(model, seed);
        Self(Arc::new(Mutex::new(State { disk, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one operation that changes the disk, or the fault planned for it. `torn` is what a crash leaves of it.
    fn operate<T>(
        &self,
        act: impl FnOnce(&mut State) -> io::Result<T>,
        refused: impl FnOnce(&mut Disk),
        torn: impl FnOnce(&mut Disk, &mut Dice),
    ) -> io::Result<T> {
        let mut state = self.state();
        if state.down {
            return Err(down());
        }
        state.operations += 1;
        let number = state.operations;
        match state.planned.remove(&number) {
            None => act(&mut state),
            Some(SimFault::Crash) => {
                torn(&mut state.disk, &mut Dice::new(number));
                state.down = true;
                Err(down())
            }
            Some(SimFault::Refused) => {
                refused(&mut state.disk);
                Err(input_output())
            }
            Some(SimFault::RefusedButDone) => act(&mut state).and(Err(input_output())),
            Some(SimFault::Full) => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn change_names(&self, act: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        self.operate(act, |_| {}, |_, _| {})
    }

    fn look<T>(&self, read: impl FnOnce(&Disk) -> io::Result<T>) -> io::Result<T> {
        let state = self.state();
        if state.down { Err(down()) } else { read(&state.disk) }
    }
}

impl State {
    fn room_bytes(&self) -> u64 {
        self.capacity_bytes.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.disk.used_bytes()))
    }

    fn create(&mut self, path: &Path) -> io::Result<u64> {
        if path.parent().and_then(|dir| self.disk.find(dir)) != Some(Node::Dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.disk.find(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if self.room_bytes() == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(self.disk.new_file(path))
    }
}

impl Fs for SimFs {
    type File = SimFile;
    type Lock = SimLock;

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if self.look(|disk| Ok(disk.find(dir)))? == Some(Node::Dir) {
            return Ok(());
        }
        self.change_names(|state| {
            if dir.parent().and_then(|above| state.disk.find(above)) != Some(Node::Dir) {
                return Err(io::ErrorKind::NotFound.into());
            }
            state.disk.rename(NameChange { removed: None, set: Some((dir.to_owned(), Node::Dir)) });
            Ok(())
        })
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.look(|disk| Ok(disk.names_in(dir)))
    }

    fn create(&self, path: &Path) -> io::Result<SimFile> {
        let file = self.operate(|state| state.create(path), |_| {}, |_, _| {})?;
        Ok(SimFile { fs: self.clone(), file })
    }

    fn open(&self, path: &Path) -> io::Result<SimFile> {
        match self.look(|disk| Ok(disk.find(path)))? {
            Some(Node::File(file)) => Ok(SimFile { fs: self.clone(), file }),
            Some(Node::Dir) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change_names(|state| {
            let node = state.disk.find(from).ok_or(io::ErrorKind::NotFound)?;
            state.disk.rename(NameChange { removed: Some(from.to_owned()), set: Some((to.to_owned(), node)) });
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if self.look(|disk| Ok(disk.find(path)))?.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change_names(|state| {
            state.disk.rename(NameChange { removed: Some(path.to_owned()), set: None });
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.change_names(|state| {
            if state.deaf != Some(Deaf::ToDirSyncs) {
                state.disk.sync_names(dir);
            }
            Ok(())
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Option<SimLock>> {
        if self.look(|disk| Ok(disk.find(path)))?.is_none() {
            self.create(path)?;
        }
        let free = self.state().locks.insert(path.to_owned());
        Ok(free.then(|| SimLock { fs: self.clone(), path: path.to_owned() }))
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        let state = self.state();
        Ok(Space { free_bytes: state.room_bytes(), total_bytes: state.capacity_bytes.unwrap_or(u64::MAX) })
    }
}

impl FsFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        self.fs.look(|disk| Ok(wide(disk.bytes(self.file).len())))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.fs.look(|disk| {
            let bytes = disk.bytes(self.file);
            let from = narrow(offset).min(bytes.len());
            let count = buffer.len().min(bytes.len() - from);
            buffer[..count].copy_from_slice(&bytes[from..from + count]);
            Ok(count)
        })
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let part = |count: usize| Change::Write { offset, bytes: bytes[..count].to_vec() };
        self.fs.operate(
            |state| {
                let size = wide(state.disk.bytes(self.file).len());
                let growth = (offset + wide(bytes.len())).saturating_sub(size);
                let lacking = narrow(growth.saturating_sub(state.room_bytes()));
                // A full disk takes what fits.
                state.disk.change(self.file, part(bytes.len() - lacking));
                if lacking > 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
            },
            |_| {},
            |disk, dice| {
                let torn = dice.below(wide(bytes.len()) + 1);
                disk.change(self.file, part(narrow(torn)));
            },
        )
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.fs.change_names(|state| {
            state.disk.change(self.file, Change::Size(size));
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.fs.operate(
            |state| {
                if state.deaf != Some(Deaf::ToFileSyncs) {
                    state.disk.sync(self.file);
                }
                Ok(())
            },
            |disk| disk.fail_sync(self.file),
            |_, _| {},
        )
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.fs.state().locks.remove(&self.path);
    }
}

fn down() -> io::Error {
    io::Error::other("the simulated machine is down")
}

fn input_output() -> io::Error {
    io::Error::other("simulated input/output error")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::journal::fs::create_dir_durably;

    #[test]
    fn only_synced_bytes_under_synced_names_survive_the_strict_power_cut() {
        let fs = SimFs::new();
        create_dir_durably(&fs, Path::new("/a")).expect("makes");
        let kept = fs.create(Path::new("/a/kept")).expect("creates");
        kept.write_all_at(b"synced", 0).expect("writes");
        kept.sync().expect("syncs");
        fs.sync_dir(Path::new("/a")).expect("syncs");
        kept.write_all_at(b" and not", 6).expect("writes");
        let nameless = fs.create(Path::new("/a/nameless")).expect("creates");
        nameless.sync().expect("syncs");

        let after = fs.after(CrashModel::OnlySynced, 1);
        assert_eq!(after.names(Path::new("/a")).expect("lists"), ["kept"]);
        assert_eq!(after.open(Path::new("/a/kept")).and_then(|file| file.size()).expect("reads"), 6);
        let killed = fs.after(CrashModel::Kill, 1);
        assert_eq!(killed.open(Path::new("/a/kept")).and_then(|file| file.size()).expect("reads"), 14);
    }

    #[test]
    fn bytes_of_a_failed_sync_are_shown_but_never_reach_the_disk() {
        let fs = SimFs::new();
        let path = Path::new("/file");
        let file = fs.create(path).expect("creates");
        fs.sync_dir(Path::new("/")).expect("syncs");
        file.write_all_at(b"x", 0).expect("writes");
        fs.plan(fs.operations() + 1, SimFault::Refused);
        file.sync().expect_err("as planned");
        file.sync().expect("the second says nothing");
        assert_eq!(file.size().expect("reads"), 1);
        let after = fs.after(CrashModel::AnyOrder, 1);
        assert_eq!(after.open(path).and_then(|file| file.size()).expect("reads"), 0);
    }
}
