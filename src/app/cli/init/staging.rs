//! The folder in which `init` makes a node before it takes its place: gone whenever the node was not made whole.
//!
//! An error removes it, and so does Ctrl-C. What a kill leaves behind the next `init` beside it removes: half a node whose keys
//! nobody has seen is of no use.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::app::outcome::CliError;
use crate::app::output::remark;

/// What a shell shows of a command that was ended by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// How often a folder is removed into which somebody still writes.
const ATTEMPTS: usize = 5;

/// The folder, until it takes its place.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
}

impl Staging {
    /// A folder beside `dir`, on the same file system, for its owner only.
    pub fn beside(dir: &Path) -> Result<Self, CliError> {
        use std::os::unix::fs::DirBuilderExt;
        let name = dir.file_name().ok_or_else(|| CliError::usage(format!("{} names no folder", dir.display())))?;
        remove_left(dir, name);
        let mut staged = prefix(name);
        staged.push(std::process::id().to_string());
        let path = dir.with_file_name(staged);
        remove_when_interrupted(path.clone());
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|error| CliError::failed(format!("{} cannot be made: {error}", path.display())))?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the folder to `dir`, whole.
    pub fn take_place(self, dir: &Path) -> Result<(), CliError> {
        std::fs::rename(&self.path, dir)
            .map_err(|error| CliError::failed(format!("{} cannot be made: {error}", dir.display())))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nothing is there once it took its place. Best effort: the error that counts is the one before.
        let _gone = std::fs::remove_dir_all(&self.path);
    }
}

/// `.NAME.init-`, followed by the number of the process.
fn prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".init-");
    prefix
}

/// Removes what runs for the same folder left that were killed; tells of those that still run.
fn remove_left(dir: &Path, name: &OsStr) {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = prefix(name);
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let file_name = entry.file_name();
        let number = file_name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let Some(pid) = number.and_then(Pid::from_raw) else { continue };
        let path = entry.path();
        if test_kill_process(pid).is_ok() {
            remark(format!("{} belongs to another hushwire init that still runs (process {pid})", path.display()));
        } else if std::fs::remove_dir_all(&path).is_ok() {
            remark(format!("removed {}, which an interrupted hushwire init left behind", path.display()));
        }
    }
}

/// Listens from the call on. Where there is no thread or runtime for it, a run that is interrupted leaves its folder to the
/// next.
fn remove_when_interrupted(path: PathBuf) {
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
        // The other thread still writes: what it adds in between goes with the next attempt.
        let gone = (0..ATTEMPTS).any(|_| std::fs::remove_dir_all(&path).is_ok() || !path.exists());
        let left = if gone { "nothing was made".to_owned() } else { format!("{} is left", path.display()) };
        remark(format!("interrupted: {left}"));
        std::process::exit(INTERRUPTED);
    };
    // The thread ends with the process.
    drop(std::thread::Builder::new().name("hushwire-init".to_owned()).spawn(watch));
}
