//! A node's folder that is made whole or not at all: beside its final place, and moved there when everything stands in it.

use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::app::outcome::CliError;

/// A folder being made. Dropped before it is put in place, it is removed with all that was made in it.
#[derive(Debug)]
pub struct WholeFolder {
    staging: PathBuf,
    place: PathBuf,
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
        staged.push(format!(".{by}-{}", std::process::id()));
        let staging = place.with_file_name(staged);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&staging)
            .map_err(|error| CliError::failed(format!("{} cannot be made: {error}", staging.display())))?;
        Ok(Self { staging, place: place.to_owned() })
    }

    /// Where to make it.
    pub fn path(&self) -> &Path {
        &self.staging
    }

    /// Moves it to its place, which may be an empty folder, durably.
    pub fn put_in_place(self) -> Result<(), CliError> {
        let parent = self.place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::rename(&self.staging, &self.place)
            .and_then(|()| std::fs::File::open(parent)?.sync_all())
            .map_err(|error| CliError::failed(format!("{} cannot be made: {error}", self.place.display())))
    }
}

impl Drop for WholeFolder {
    fn drop(&mut self) {
        // Best effort: gone already where it was put in place, and otherwise the error that counts came before.
        let _gone = std::fs::remove_dir_all(&self.staging);
    }
}
