//! Bytes kept back for the day the disk is full: given up, they let a node begin a segment and write a few records.

use std::path::Path;

use crate::io::journal::fs::{Fs, FsFile, UNFINISHED, fault, remove_if_there, wide};
use crate::node::store::StorageFault;

const NAME: &str = "reserve";

/// Bytes written at once.
const CHUNK: usize = 64 * 1024;

/// Lays the reserve down if there is room; a disk too full for it is no reason not to open. Whether it lies.
pub fn lay(fs: &impl Fs, dir: &Path, bytes: u64) -> Result<bool, StorageFault> {
    let path = dir.join(NAME);
    match fs.open(&path).and_then(|file| file.size()) {
        Ok(size) if size == bytes => return Ok(true),
        Ok(_) => remove_if_there(fs, &path).map_err(fault)?,
        Err(_) => {}
    }
    let beside = path.with_extension(UNFINISHED);
    match fill(fs, &path, &beside, bytes).map_err(fault) {
        Err(StorageFault::Full) => remove_if_there(fs, &beside).map_err(fault).map(|()| false),
        other => other.map(|()| true),
    }
}

/// Gives the reserve up. True if there was one.
pub fn give_up(fs: &impl Fs, dir: &Path) -> Result<bool, StorageFault> {
    match fs.remove(&dir.join(NAME)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(fault(error)),
    }
}

fn fill(fs: &impl Fs, path: &Path, beside: &Path, bytes: u64) -> std::io::Result<()> {
    remove_if_there(fs, beside)?;
    let file = fs.create(beside)?;
    // A counter, not zeros: file systems that compress or skip zeros would keep nothing back.
    let mut at = 0;
    while at < bytes {
        let chunk: Vec<u8> =
            (at / 8..).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).take(CHUNK).collect();
        let take = usize::try_from(bytes - at).unwrap_or(CHUNK).min(CHUNK);
        file.write_all_at(&chunk[..take], at)?;
        at += wide(take);
    }
    file.sync()?;
    fs.rename(beside, path)
}
