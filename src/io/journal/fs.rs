//! The port between the journal and a file system: the few calls it makes, so that the simulation can crash, tear
//! and fill the disk under the real code ([`super::real_fs`], [`super::sim_fs`]).
//!
//! What a caller may count on is what POSIX gives and no more: bytes are durable after [`FsFile::sync`], names after
//! [`Fs::sync_dir`], and a rename replaces its target at once or not at all.

use std::io;
use std::path::Path;

use crate::io::folder::folder_of;
use crate::node::store::StorageFault;

/// Room on the volume of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// A file system. Paths are absolute or relative to the working directory; clones see the same files.
pub trait Fs: Clone + Send + Sync + 'static {
    type File: FsFile;
    /// Held as long as it lives; the operating system lets go of it when the process dies.
    type Lock: Send + Sync;

    /// Makes one directory; one that exists is fine.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Names of the entries of a directory, in no order.
    fn names(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes a new file; one that exists is an error.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Opens a file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Self::File>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes the lock on a file, made if need be; `None` when another holder has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Self::Lock>>;
    fn space(&self, dir: &Path) -> io::Result<Space>;
}

/// An open file. Every call names its offset, so that readers and the writer share one.
pub trait FsFile: Send + Sync + 'static {
    fn size(&self) -> io::Result<u64>;
    /// Reads up to the buffer's length; 0 at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn set_size(&self, size: u64) -> io::Result<()>;
    /// Makes content and size durable.
    fn sync(&self) -> io::Result<()>;
}

/// Fills the whole buffer; the end of the file comes as [`io::ErrorKind::UnexpectedEof`].
pub fn read_exact_at(file: &impl FsFile, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let got = file.read_at(buffer, offset)?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[got..];
        offset += wide(got);
    }
    Ok(())
}

/// Makes a directory with its parents, every name on the way durable.
///
/// Names are synced also where the directories were there: a process killed between the two calls has left directories
/// that a power cut would still take away, with everything acknowledged in them.
pub fn create_dir_durably(fs: &impl Fs, dir: &Path) -> io::Result<()> {
    if dir.parent().is_none() {
        return Ok(());
    }
    let parent = folder_of(dir);
    if parent != Path::new(".") {
        create_dir_durably(fs, parent)?;
    }
    fs.create_dir(dir)?;
    match fs.sync_dir(parent) {
        // A directory far up that we may not even list: an earlier start of the node has made nothing in it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// Puts a whole file in its place: written beside it, synced, renamed. The caller syncs the directory.
pub fn place_file(fs: &impl Fs, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(UNFINISHED);
    remove_if_there(fs, &beside)?;
    let placed = fs.create(&beside).and_then(|file| {
        file.write_all_at(bytes, 0)?;
        file.sync()?;
        fs.rename(&beside, path)
    });
    if placed.is_err() {
        // The failure is what the caller hears of; what is left here is removed when the journal is next opened.
        drop(remove_if_there(fs, &beside));
    }
    placed
}

/// Extension of files that were being written; whoever opens the directory removes what a crash left of them.
pub const UNFINISHED: &str = "new";

pub fn remove_if_there(fs: &impl Fs, path: &Path) -> io::Result<()> {
    match fs.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Names what the operating system refused, without the path: it may hold names of people or institutions.
pub fn fault(error: io::Error) -> StorageFault {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StorageFault::Full,
        _ => StorageFault::Os(error.to_string()),
    }
}

/// A length in memory as a length on disk.
pub fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("a length in memory fits 64 bits")
}

/// A length on disk that was checked against a limit, as a length in memory.
pub fn narrow(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a length within the limits fits memory")
}
