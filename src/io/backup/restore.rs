//! Taking a backup apart: every part is checked, and written where that is asked for. Whoever asks puts what was written in
//! place only after the whole has passed.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::io::backup::check::{Check, Contents};
use crate::io::backup::format::{BackupError, Part, Parts};
use crate::io::keystore::passphrase::Passphrase;

/// Reads a backup to its end; `target` gets its files. `told` hears of every part's bytes.
pub fn take_apart(
    mut parts: Parts<'_>,
    passphrase: &Passphrase,
    mut target: Option<Target>,
    told: &mut dyn FnMut(u64),
) -> Result<Contents, BackupError> {
    let mut check = Check::new(parts.header.clone(), passphrase);
    while let Some(part) = parts.next_part()? {
        if let Some(target) = &mut target {
            target.write(&part)?;
        }
        told(u64::try_from(part.content.len()).unwrap_or(u64::MAX));
        check.take(part)?;
    }
    let contents = check.finish()?;
    if let Some(target) = target {
        target.sync()?;
    }
    Ok(contents)
}

/// A new folder that the parts are written into: files and folders for their owner alone.
#[derive(Debug)]
pub struct Target {
    folder: PathBuf,
    /// Folders whose names are not durable yet.
    unsynced: BTreeSet<PathBuf>,
}

impl Target {
    /// `folder` exists and is empty.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), unsynced: BTreeSet::from([folder.to_owned()]) }
    }

    fn write(&mut self, part: &Part) -> Result<(), BackupError> {
        let path = self.folder.join(&part.path);
        let fault = |reason: io::Error| BackupError::File { path: path.display().to_string(), reason };
        let above = path.ancestors().skip(1).take_while(|folder| *folder != self.folder);
        self.unsynced.extend(above.map(Path::to_owned));
        let parent = path.parent().unwrap_or(&self.folder);
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(fault)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(fault)?;
        file.write_all(&part.content).and_then(|()| file.sync_all()).map_err(fault)
    }

    fn sync(self) -> Result<(), BackupError> {
        for folder in &self.unsynced {
            let synced = File::open(folder).and_then(|opened| opened.sync_all());
            synced.map_err(|reason| BackupError::File { path: folder.display().to_string(), reason })?;
        }
        Ok(())
    }
}
