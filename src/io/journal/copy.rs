//! Copying a journal while a node writes and compacts it, and checking a copy.
//!
//! Segments only grow at their end, and compaction writes beside them: the files in force at one moment, each opened before
//! any is read, are the journal of that moment. What compaction takes away meanwhile stays readable for who has it open; where
//! it took a file away before that, the files in force are looked up again. The newest segment is cut behind its last whole
//! frame, after a sync of our own: what the copy holds is durable here, so that the node never signs anew what it holds.
//!
//! Not in here: how a copy is packed and sealed ([`crate::io::backup`]).

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::base::limits;
use crate::io::journal::format::{HEADER_BYTES, KEY_FILE_BYTES, SegmentName, Tag};
use crate::io::journal::fs::{Fs, FsFile, fault, narrow, read_exact_at, wide};
use crate::io::journal::recover::{Start, check_numbers, file_names, keys_dir, open_header, open_start, segment_names};
use crate::io::journal::seal::StorageKey;
use crate::node::store::{RecordNumber, StorageFault, Visit};

/// Times the files in force are looked up again, and the pause between: compaction puts a segment in force in milliseconds.
const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// One segment of the moment.
pub struct CutSegment<File> {
    pub name: SegmentName,
    pub key_file: [u8; KEY_FILE_BYTES],
    /// Bytes of the segment that belong to the copy.
    pub bytes: u64,
    file: File,
}

impl<File: FsFile> CutSegment<File> {
    pub fn read(&self) -> Result<Vec<u8>, StorageFault> {
        let mut bytes = vec![0; narrow(self.bytes)];
        read_exact_at(&self.file, &mut bytes, 0).map_err(fault)?;
        Ok(bytes)
    }
}

impl<File> std::fmt::Debug for CutSegment<File> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CutSegment").field("name", &self.name).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// The segments of a journal as they stand now, in order, whether a node has it open or not. Nothing is changed.
pub fn cut<F: Fs>(fs: &F, dir: &Path, key: &StorageKey) -> Result<Vec<CutSegment<F::File>>, StorageFault> {
    let mut attempt = 1;
    loop {
        match cut_once(fs, dir, key) {
            Err(fault @ (StorageFault::WrongKey | StorageFault::UnknownVersion { .. })) => return Err(fault),
            Err(_) if attempt < ATTEMPTS => {
                attempt += 1;
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

fn cut_once<F: Fs>(fs: &F, dir: &Path, key: &StorageKey) -> Result<Vec<CutSegment<F::File>>, StorageFault> {
    let current = segment_names(fs, dir)?;
    let keys: BTreeSet<SegmentName> = file_names(fs, &keys_dir(dir), "key")?;
    check_numbers(&current, &keys)?;
    let mut segments = Vec::new();
    for name in &current {
        let found = open_header(fs, dir, key, *name)?;
        let size = found.file.size().map_err(fault)?;
        if size > limits::JOURNAL_COPIED_SEGMENT_BYTES {
            let limit = limits::JOURNAL_COPIED_SEGMENT_BYTES;
            return Err(StorageFault::Damaged(format!("segment {} has {size} bytes, more than {limit}", name.first)));
        }
        let bytes = if Some(name) == current.last() {
            found.file.sync().map_err(fault)?;
            found.start.whole_frames(&found.file, size, &mut |_, _| Ok(()))?.bytes
        } else {
            size
        };
        segments.push(CutSegment { name: *name, key_file: found.key_block, bytes, file: found.file });
    }
    Ok(segments)
}

/// Checks the segments of a copy as they come: every seal, and that each joins the one before.
#[derive(Debug)]
pub struct CopyCheck {
    key: StorageKey,
    before: Option<Before>,
}

/// What the next segment must name.
#[derive(Debug, Clone, Copy)]
struct Before {
    journal_id: [u8; 16],
    last: u32,
    end: RecordNumber,
    tail: Tag,
}

impl CopyCheck {
    pub fn new(key: &StorageKey) -> Self {
        Self { key: key.duplicate(), before: None }
    }

    /// Records so far, dropped ones included.
    pub fn end(&self) -> RecordNumber {
        self.before.map_or(RecordNumber(0), |before| before.end)
    }

    /// The next segment and its key file; shows its records.
    pub fn take(
        &mut self,
        name: SegmentName,
        key_file: &[u8],
        segment: Vec<u8>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StorageFault> {
        let damaged = |what: &str| StorageFault::Damaged(format!("segment {} {what}", name.first));
        let key_file = key_file.try_into().map_err(|_| damaged("has a key file of another length"))?;
        let header = segment.first_chunk::<HEADER_BYTES>().ok_or_else(|| damaged("is cut short"))?;
        let start = open_start(&self.key, name, key_file, header)?;
        if !self.joins(&start) {
            return Err(damaged("does not join the one before"));
        }
        let size = wide(segment.len());
        let whole = start.whole_frames(&InMemory(segment), size, visit)?;
        if whole.bytes != size || start.header.end_record.is_some_and(|end| end != whole.end) {
            return Err(damaged("is cut short"));
        }
        let tail = if start.header.end_record.is_none() { whole.tail } else { start.header.original_tail };
        self.before = Some(Before { journal_id: start.header.journal_id, last: name.last, end: whole.end, tail });
        Ok(())
    }

    fn joins(&self, start: &Start) -> bool {
        let header = &start.header;
        match self.before {
            None => header.name.first == 1 && header.first_record == RecordNumber(0) && header.previous_tail == [0; 16],
            Some(before) => {
                before.last.checked_add(1) == Some(header.name.first)
                    && header.journal_id == before.journal_id
                    && header.first_record == before.end
                    && header.previous_tail == before.tail
            }
        }
    }
}

/// A segment that was read as a whole.
struct InMemory(Vec<u8>);

impl FsFile for InMemory {
    fn size(&self) -> std::io::Result<u64> {
        Ok(wide(self.0.len()))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let rest = self.0.get(narrow(offset)..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        let (read, given) = (buffer.split_at_mut(count).0, rest.split_at(count).0);
        read.copy_from_slice(given);
        Ok(count)
    }

    fn write_all_at(&self, _: &[u8], _: u64) -> std::io::Result<()> {
        Err(std::io::ErrorKind::PermissionDenied.into())
    }

    fn set_size(&self, _: u64) -> std::io::Result<()> {
        Err(std::io::ErrorKind::PermissionDenied.into())
    }

    fn sync(&self) -> std::io::Result<()> {
        Ok(())
    }
}
