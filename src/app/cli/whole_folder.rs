//! A node's folder that is made whole or not at all: beside its final place, and moved there when everything stands in it.
//!
//! An error removes it, and so does Ctrl-C. What a kill leaves behind the next run of the same command removes: half a node whose
//! keys nobody has seen is of no use.

use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, test_kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::app::outcome::CliError;
use crate::app::output::remark;
use crate::io::folder::{folder_of, sync_name};

/// What a shell shows of a command that was ended by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// How often a folder is removed into which somebody still writes.
const ATTEMPTS: usize = 5;

/// A folder being made. Dropped before it is put in place, it is removed with all that was made in it.
#[derive(Debug)]
pub struct WholeFolder {
    staging: PathBuf,
    place: PathBuf,
    /// Whether it stands in its place. Held by whoever moves or removes it: half of it must not come there.
    is_placed: Arc<Mutex<bool>>,
}

/// Refuses a place where something is already.
pub fn refuse_occupied(dir: &Path) -> Result<(), CliError> {
    let mut entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(CliError::usage(format!("{}: {error}", dir.display()))),
    };
    if entries.next().is_some() {
        return Err(CliError::usage(format!("{} is not empty, nothing was changed", dir.display()))
            .hint("choose another folder; hushwire doctor looks at a node that exists"));
    }
    Ok(())
}

impl WholeFolder {
    /// Begins one that is to stand at `place`, on the same file system, for its owner only. `by` is the command's name.
    pub fn begin(place: &Path, by: &str) -> Result<Self, CliError> {
        let name = place.file_name().ok_or_else(|| CliError::usage(format!("{} names no folder", place.display())))?;
        let mut staged = OsString::from(".");
        staged.push(name);
        staged.push(format!(".{by}-"));
        remove_left(folder_of(place), &staged, by);
        staged.push(std::process::id().to_string());
        let staging = place.with_file_name(staged);
        let is_placed = Arc::new(Mutex::new(false));
        remove_when_interrupted(staging.clone(), Arc::clone(&is_placed));
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&staging)
            .map_err(|error| CliError::failed(format!("{} cannot be made: {error}", staging.display())))?;
        Ok(Self { staging, place: place.to_owned(), is_placed })
    }

    /// Where to make it.
    pub fn path(&self) -> &Path {
        &self.staging
    }

    /// Moves it to its place, which may be an empty folder, durably.
    pub fn put_in_place(self) -> Result<(), CliError> {
        let mut is_placed = held(&self.is_placed);
        let renamed = std::fs::rename(&self.staging, &self.place);
        *is_placed = renamed.is_ok();
        renamed
            .and_then(|()| sync_name(&self.place))
            .map_err(|error| CliError::failed(format!("{} cannot be made: {error}", self.place.display())))
    }
}

impl Drop for WholeFolder {
    fn drop(&mut self) {
        // Best effort: gone already where it was put in place, and otherwise the error that counts came before.
        let _gone = std::fs::remove_dir_all(&self.staging);
    }
}

/// A panic elsewhere cannot leave a flag half changed.
fn held(is_placed: &Mutex<bool>) -> MutexGuard<'_, bool> {
    is_placed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what killed runs for the same folder left: `prefix`, followed by the number of the process. Tells of those that still
/// run.
fn remove_left(parent: &Path, prefix: &OsString, by: &str) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let file_name = entry.file_name();
        let number = file_name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let Some(pid) = number.and_then(Pid::from_raw) else { continue };
        let path = entry.path();
        if test_kill_process(pid).is_ok() {
            remark(format!("{} belongs to another hushwire {by} that still runs (process {pid})", path.display()));
        } else if std::fs::remove_dir_all(&path).is_ok() {
            remark(format!("removed {}, which an interrupted hushwire {by} left behind", path.display()));
        }
    }
}

/// Listens from the call on. Where there is no thread or runtime for it, a run that is interrupted leaves its folder to the
/// next.
fn remove_when_interrupted(path: PathBuf, is_placed: Arc<Mutex<bool>>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let entered = runtime.enter();
    let signals = signal(SignalKind::interrupt()).and_then(|first| Ok((first, signal(SignalKind::terminate())?)));
    drop(entered);
    let Ok((mut interrupt, mut terminate)) = signals else { return };
    let watch = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        // Held until the process ends.
        let is_placed = held(&is_placed);
        if *is_placed {
            remark("interrupted: everything stands in its place");
            std::process::exit(INTERRUPTED);
        }
        // The other thread still writes: what it adds in between goes with the next attempt.
        let gone = (0..ATTEMPTS).any(|_| std::fs::remove_dir_all(&path).is_ok() || !path.exists());
        let left = if gone { "nothing was made".to_owned() } else { format!("{} is left", path.display()) };
        remark(format!("interrupted: {left}"));
        std::process::exit(INTERRUPTED);
    };
    // The thread ends with the process.
    drop(std::thread::Builder::new().name("hushwire-folder".to_owned()).spawn(watch));
}
