//! The file of reserved sizes ([`crate::node::reserve`]), beside the journal and never inside it: a copy of the journal that
//! is put back must not bring its own reservation along.

use std::path::PathBuf;

use crate::io::folder::folder_of;
use crate::io::journal::fs::{Fs, FsFile, fault, narrow, place_file, read_exact_at};
use crate::node::reserve::{Found, Reservation};
use crate::node::store::StorageFault;

/// Bytes of the file: a line for each group of the member.
const FILE_BYTES: u64 = 64 * 1024;

/// See the module.
#[derive(Debug)]
pub struct FenceFile<F: Fs> {
    fs: F,
    path: PathBuf,
}

impl<F: Fs> FenceFile<F> {
    pub fn new(fs: F, path: PathBuf) -> Self {
        Self { fs, path }
    }

    /// What stands in it.
    pub fn read(&self) -> Result<Found, StorageFault> {
        let file = match self.fs.open(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
            opened => opened.map_err(fault)?,
        };
        let size = file.size().map_err(fault)?;
        if size > FILE_BYTES {
            return Ok(Found::Unreadable);
        }
        let mut bytes = vec![0; narrow(size)];
        read_exact_at(&file, &mut bytes, 0).map_err(fault)?;
        Ok(Reservation::decode(&bytes).map_or(Found::Unreadable, Found::Reservation))
    }

    /// Replaces its content; durable when this returns.
    pub fn write(&self, reservation: &Reservation) -> Result<(), StorageFault> {
        place_file(&self.fs, &self.path, reservation.encode().as_bytes()).map_err(fault)?;
        self.fs.sync_dir(folder_of(&self.path)).map_err(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Incarnation;
    use crate::io::journal::real_fs::RealFs;

    #[test]
    fn what_is_written_is_found_and_a_changed_file_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fence");
        let file = FenceFile::new(RealFs, path.clone());
        assert_eq!(file.read(), Ok(Found::Nothing));
        let reservation = Reservation { incarnation: Incarnation([7; 16]), feeds: [].into() };
        file.write(&reservation).expect("writes");
        assert_eq!(file.read(), Ok(Found::Reservation(reservation)));
        std::fs::write(&path, "hushwire fence 1\n").expect("writes");
        assert_eq!(file.read(), Ok(Found::Unreadable));
    }
}
