//! Real files with a record of what was synced, so that a test can make the directory that a power cut would leave.
//!
//! Only syncs made through this port are recorded. sled's own are not seen, which errs on the strict side: a store that
//! survives here does not need them. That `flush` makes none was shown from outside with strace (RELIABILITY 0.1).

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hushwire::io::journal::fs::{Fs, FsFile, Space};
use hushwire::io::journal::real_fs::RealFs;
use hushwire::io::journal::sim_disk::Dice;

/// Bytes of the pieces that a power cut keeps or loses.
const SECTOR: usize = 512;

/// What happens to bytes that were written and not synced.
#[derive(Debug, Clone, Copy)]
pub enum Unsynced {
    /// They are gone, with the size they gave the file.
    Gone,
    /// Their size reached the disk and they did not: zeros.
    Zeros,
    /// Any sectors of them reached the disk.
    AnySectors(u64),
}

#[derive(Debug, Clone, Default)]
pub struct RecordedFs(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    /// What is durable of each file, by its number in the file system.
    contents: BTreeMap<u64, Vec<u8>>,
    names: BTreeMap<PathBuf, u64>,
    /// Files whose syncs are left out, to see that they were needed.
    deaf_to: Option<fn(&Path) -> bool>,
}

#[derive(Debug)]
pub struct RecordedFile {
    fs: RecordedFs,
    path: PathBuf,
    file: File,
}

impl RecordedFs {
    pub fn set_deaf_to(&self, left_out: fn(&Path) -> bool) {
        self.0.lock().expect("no holder panics").deaf_to = Some(left_out);
    }

    /// Writes into `target` what a power cut would leave of `source`.
    pub fn power_cut(&self, source: &Path, target: &Path, unsynced: Unsynced) {
        let record = self.0.lock().expect("no holder panics");
        let mut dice = Dice::new(if let Unsynced::AnySectors(seed) = unsynced { seed } else { 0 });
        // Directories further up were synced too; what lies beside the store is none of its business.
        let names =
            record.names.iter().filter_map(|(path, number)| Some((path, path.strip_prefix(source).ok()?, number)));
        for (path, inside, number) in names {
            let mut bytes = record.contents.get(number).cloned().unwrap_or_default();
            let live = std::fs::read(path).unwrap_or_default();
            match unsynced {
                Unsynced::Gone => {}
                Unsynced::Zeros => bytes.resize(bytes.len().max(live.len()), 0),
                Unsynced::AnySectors(_) => {
                    for start in (0..live.len()).step_by(SECTOR) {
                        let end = live.len().min(start + SECTOR);
                        if dice.below(2) == 0 {
                            bytes.resize(bytes.len().max(end), 0);
                            bytes[start..end].copy_from_slice(&live[start..end]);
                        }
                    }
                }
            }
            let copy = target.join(inside);
            std::fs::create_dir_all(copy.parent().expect("lies in a directory")).expect("makes");
            std::fs::write(copy, bytes).expect("writes");
        }
    }

    fn deaf_to(&self, path: &Path) -> bool {
        self.0.lock().expect("no holder panics").deaf_to.is_some_and(|left_out| left_out(path))
    }
}

impl Fs for RecordedFs {
    type File = RecordedFile;
    type Lock = File;

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealFs.create_dir(dir)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealFs.names(dir)
    }

    fn create(&self, path: &Path) -> io::Result<RecordedFile> {
        Ok(RecordedFile { fs: self.clone(), path: path.to_owned(), file: RealFs.create(path)? })
    }

    fn open(&self, path: &Path) -> io::Result<RecordedFile> {
        Ok(RecordedFile { fs: self.clone(), path: path.to_owned(), file: RealFs.open(path)? })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFs.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealFs.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.deaf_to(dir) {
            return Ok(());
        }
        let mut record = self.0.lock().expect("no holder panics");
        record.names.retain(|path, _| path.parent() != Some(dir));
        for name in RealFs.names(dir)? {
            let path = dir.join(name);
            // Directories further up are others' too: what they remove meanwhile is none of ours.
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            if metadata.is_file() {
                record.names.insert(path, metadata.ino());
            }
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<File>> {
        RealFs.lock(path)
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        RealFs.space(dir)
    }
}

impl FsFile for RecordedFile {
    fn size(&self) -> io::Result<u64> {
        FsFile::size(&self.file)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FsFile::read_at(&self.file, buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FsFile::write_all_at(&self.file, bytes, offset)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        FsFile::set_size(&self.file, size)
    }

    fn sync(&self) -> io::Result<()> {
        if !self.fs.deaf_to(&self.path) {
            let content = std::fs::read(&self.path)?;
            let number = self.file.metadata()?.ino();
            self.fs.0.lock().expect("no holder panics").contents.insert(number, content);
        }
        Ok(())
    }
}
