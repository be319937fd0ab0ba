//! The journal of record in encrypted segment files: the one writer.
//!
//! Appends are sealed into memory and reach the disk with the next sync, in one write and one `fdatasync` for all of
//! them (group commit). The first failure stops the writer for good: after a failed sync nobody knows what the disk
//! holds, and only opening anew finds out. Formats stand in [`mod@super::format`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::base::limits;
use crate::io::journal::catalog::Catalog;
use crate::io::journal::compact::{self, ClosedSegments, RewrittenSegment};
use crate::io::journal::format::{FrameHead, FrameKind, HEAD_BYTES, Header, SegmentName, TAG_BYTES, Tag};
use crate::io::journal::fs::{Fs, FsFile, Space, create_dir_durably, fault, place_file, wide};
use crate::io::journal::reader::JournalReader;
use crate::io::journal::recover::{keys_dir, open_segments};
use crate::io::journal::reserve;
use crate::io::journal::seal::{FramePlace, StorageKey, new_segment_key, random};
use crate::io::journal::segment::Segment;
use crate::node::store::{Decide, Journal, RecordNumber, Room, StorageFault, Visit, compact_at_once};

/// Staged bytes at which an append syncs by itself: memory stays bounded under a caller that never syncs.
const STAGED_BYTES: usize = 16 * 1024 * 1024;

/// Sizes that tests and small machines set lower.
#[derive(Debug, Clone, Copy)]
pub struct JournalOptions {
    /// Bytes at which a segment is closed and the next one begun.
    pub rotate_bytes: u64,
    /// Bytes kept back for a full disk; 0 for none.
    pub reserve_bytes: u64,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self { rotate_bytes: limits::JOURNAL_SEGMENT_BYTES, reserve_bytes: limits::JOURNAL_RESERVE_BYTES }
    }
}

/// Locked by the one process that has a journal open.
const LOCK: &str = "lock";

/// Whether a process has the journal in `dir` open now. Makes no file: one of another user would keep the node from its lock.
pub fn is_open(fs: &impl Fs, dir: &Path) -> Result<bool, StorageFault> {
    let was_open = fs.names(dir).map_err(fault)?.iter().any(|name| name == LOCK);
    Ok(was_open && fs.lock(&dir.join(LOCK)).map_err(fault)?.is_none())
}

/// The journal of a node. One process at a time may hold it open.
pub struct FileJournal<F: Fs> {
    catalog: Arc<Catalog<F>>,
    key: StorageKey,
    options: JournalOptions,
    journal_id: [u8; 16],
    active: Option<Active<F::File>>,
    staged: Staged,
    stopped: bool,
    /// False once the reserve was given up, or where there was no room for it.
    reserve_lies: bool,
    forget: Forget,
    _lock: F::Lock,
}

/// Makes copies of what the journal holds unreadable, durably; asked before anything leaves the journal, by whichever thread
/// rewrites it.
pub type Forget = Arc<dyn Fn() -> Result<(), StorageFault> + Send + Sync>;

/// The segment being written.
struct Active<File> {
    segment: Arc<Segment>,
    file: Arc<File>,
}

/// Frames that wait for the next sync.
#[derive(Default)]
struct Staged {
    bytes: Vec<u8>,
    /// Where each frame begins in `bytes`.
    starts: Vec<usize>,
    /// The last tag; none while nothing is staged.
    tail: Option<Tag>,
}

impl<F: Fs> FileJournal<F> {
    /// Opens the journal in `dir`, made if need be. Whoever opens replays the records and so checks them all.
    pub fn open(fs: F, dir: &Path, key: &StorageKey, options: JournalOptions) -> Result<Self, StorageFault> {
        create_dir_durably(&fs, dir).map_err(fault)?;
        create_dir_durably(&fs, &keys_dir(dir)).map_err(fault)?;
        let lock = fs.lock(&dir.join(LOCK)).map_err(fault)?.ok_or(StorageFault::InUse)?;
        let segments = open_segments(&fs, dir, key)?;
        let reserve_lies = options.reserve_bytes == 0 || reserve::lay(&fs, dir, options.reserve_bytes)?;
        let journal_id = match segments.first() {
            Some(segment) => segment.header.journal_id,
            None => random()?,
        };
        Ok(Self {
            catalog: Arc::new(Catalog::new(fs, PathBuf::from(dir), segments)),
            key: key.duplicate(),
            options,
            journal_id,
            active: None,
            staged: Staged::default(),
            stopped: false,
            reserve_lies,
            forget: Arc::new(|| Ok(())),
            _lock: lock,
        })
    }

    /// Names what else must forget before compaction makes the journal forget.
    pub fn forget_with(&mut self, forget: Forget) {
        self.forget = forget;
    }

    /// A handle that reads durable records beside the writer, from any thread.
    pub fn reader(&self) -> JournalReader<F> {
        JournalReader::new(Arc::clone(&self.catalog))
    }

    fn check_running(&self) -> Result<(), StorageFault> {
        if self.stopped { Err(StorageFault::Stopped) } else { Ok(()) }
    }

    /// Runs a step that writes; its failure is the last.
    fn or_stop<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, StorageFault>) -> Result<T, StorageFault> {
        self.check_running()?;
        let done = step(self);
        self.stopped = done.is_err();
        done
    }

    /// The active segment, begun anew where there is none or the last is large enough.
    fn active(&mut self) -> Result<(Arc<Segment>, Arc<F::File>), StorageFault> {
        let open = self
            .active
            .as_ref()
            .filter(|active| !self.staged.starts.is_empty() || active.segment.bytes() < self.options.rotate_bytes);
        if let Some(active) = open {
            return Ok((Arc::clone(&active.segment), Arc::clone(&active.file)));
        }
        let segment = match self.begin_segment() {
            // The reserve is for just this: a node that starts on a full disk.
            Err(StorageFault::Full) if reserve::give_up(&self.catalog.fs, &self.catalog.dir)? => {
                self.reserve_lies = false;
                self.begin_segment()?
            }
            done => done?,
        };
        let segment = Arc::new(segment);
        let mut segments = self.catalog.segments().to_vec();
        segments.push(Arc::clone(&segment));
        let file = self.catalog.file(&segment)?;
        self.catalog.replace(segments);
        self.active = Some(Active { segment: Arc::clone(&segment), file: Arc::clone(&file) });
        Ok((segment, file))
    }

    fn begin_segment(&self) -> Result<Segment, StorageFault> {
        let segments = self.catalog.segments();
        let last = segments.last();
        let number = match last {
            None => 1,
            // A segment holds a start of the node or 64 MiB.
            Some(last) => last.header.name.last.checked_add(1).expect("no journal has four thousand million segments"),
        };
        let header = HeaderStart {
            name: SegmentName { first: number, last: number, generation: 0 },
            first_record: self.catalog.end(),
            end_record: None,
            previous_tail: last.map_or(Tag::default(), |last| last.tail_for_next()),
            original_tail: Tag::default(),
        };
        // What a failure leaves behind is a key without a segment, which the next attempt or opening replaces.
        write_segment(&self.catalog, &self.key, self.journal_id, header, &mut |_, _, _| Ok(()))
    }

    fn stage(&mut self, record: &[u8]) -> Result<RecordNumber, StorageFault> {
        if self.staged.bytes.len() >= STAGED_BYTES {
            self.write_staged()?;
        }
        let (segment, _) = self.active()?;
        let number = self.next_number();
        let since_sync = u32::try_from(self.staged.starts.len()).expect("16 MiB hold fewer frames");
        let previous = self.staged.tail.unwrap_or_else(|| segment.tail_for_next());
        self.staged.starts.push(self.staged.bytes.len());
        let place = FramePlace { kind: FrameKind::Record, number, since_sync, previous };
        self.staged.tail = Some(segment.cipher.seal_frame(place, record, &mut self.staged.bytes));
        Ok(number)
    }

    fn write_staged(&mut self) -> Result<(), StorageFault> {
        let Some((active, tail)) = self.active.as_ref().zip(self.staged.tail) else {
            return Ok(());
        };
        let start = active.segment.bytes();
        let since = Instant::now();
        active.file.write_all_at(&self.staged.bytes, start).map_err(fault)?;
        active.file.sync().map_err(fault)?;
        self.catalog.counts.wrote(wide(self.staged.bytes.len()), since.elapsed());
        let end = self.next_number();
        let numbers = (active.segment.end().0..).map(RecordNumber);
        let offsets = self.staged.starts.iter().map(|at| start + wide(*at));
        active.segment.extend(end, start + wide(self.staged.bytes.len()), tail, numbers.zip(offsets));
        self.staged.bytes.clear();
        self.staged.starts.clear();
        self.staged.tail = None;
        Ok(())
    }

    /// Opens a staged frame; `None` for a number that is not staged.
    fn read_staged(&self, number: RecordNumber) -> Option<Vec<u8>> {
        let at = usize::try_from(number.0.checked_sub(self.catalog.end().0)?).ok()?;
        let start = *self.staged.starts.get(at)?;
        let active = self.active.as_ref()?;
        let previous = match start.checked_sub(TAG_BYTES) {
            Some(tag) => self.staged.bytes.get(tag..start)?.try_into().ok()?,
            None => active.segment.tail_for_next(),
        };
        let frame = self.staged.bytes.get(start..)?;
        let head = FrameHead::decode(frame.first_chunk()?)?;
        let mut sealed = frame.get(HEAD_BYTES..HEAD_BYTES + head.length)?.to_vec();
        Some(active.segment.cipher.open_frame(&head, number, &previous, &mut sealed)?.to_vec())
    }
}

impl<F: Fs> Journal for FileJournal<F> {
    fn append(&mut self, record: &[u8]) -> Result<RecordNumber, StorageFault> {
        if record.len() > limits::JOURNAL_RECORD_BYTES {
            return Err(StorageFault::TooLarge { got: record.len(), limit: limits::JOURNAL_RECORD_BYTES });
        }
        self.or_stop(|journal| journal.stage(record))
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        self.or_stop(Self::write_staged)
    }

    fn read(&self, number: RecordNumber) -> Result<Vec<u8>, StorageFault> {
        match self.read_staged(number) {
            Some(record) => Ok(record),
            None => self.catalog.read(number),
        }
    }

    fn next_number(&self) -> RecordNumber {
        RecordNumber(self.catalog.end().0 + wide(self.staged.starts.len()))
    }

    fn replay(&self, from: RecordNumber, visit: &mut Visit<'_>) -> Result<(), StorageFault> {
        self.catalog.replay(from, visit)?;
        let durable = self.catalog.end();
        for number in (durable.max(from).0..self.next_number().0).map(RecordNumber) {
            let record = self.read_staged(number).expect("a staged frame opens as it was sealed");
            visit(number, &record)?;
        }
        Ok(())
    }

    type Closed = ClosedSegments<F>;

    fn begin_compaction(&mut self) -> Result<ClosedSegments<F>, StorageFault> {
        self.sync()?;
        // The next record begins a segment: nothing is written any more to those handed out.
        self.active = None;
        let (catalog, key) = (Arc::clone(&self.catalog), self.key.duplicate());
        let forget = Arc::clone(&self.forget);
        Ok(ClosedSegments::new(catalog, key, self.journal_id, self.options.rotate_bytes, forget))
    }

    fn install(&mut self, rewritten: Result<RewrittenSegment, StorageFault>) -> Result<(), StorageFault> {
        match rewritten {
            // The old files stand: only the room for a second copy was missing.
            Err(StorageFault::Full) => Err(StorageFault::Full),
            other => self.or_stop(|journal| compact::install(&journal.catalog, other?)),
        }
    }

    fn compact(&mut self, decide: &mut Decide<'_>) -> Result<(), StorageFault> {
        compact_at_once(self, decide)
    }

    fn look_for_room(&mut self) -> Room {
        let Catalog { fs, dir, .. } = &*self.catalog;
        // A disk that does not say is written to until it refuses.
        let Ok(Space { free_bytes, .. }) = fs.space(dir) else { return Room::Enough };
        let wanted_bytes = self.options.rotate_bytes * limits::SEGMENTS_OF_ROOM;
        if free_bytes < wanted_bytes {
            return Room::Short { free_bytes, wanted_bytes };
        }
        if !self.reserve_lies && free_bytes - wanted_bytes >= self.options.reserve_bytes {
            // A failure here is no failure of the journal, and there is another look in a second.
            self.reserve_lies = reserve::lay(fs, dir, self.options.reserve_bytes).unwrap_or(false);
        }
        Room::Enough
    }
}

/// What a new segment's header says, before its key is drawn.
#[derive(Debug, Clone)]
pub struct HeaderStart {
    pub name: SegmentName,
    pub first_record: RecordNumber,
    pub end_record: Option<RecordNumber>,
    pub previous_tail: Tag,
    pub original_tail: Tag,
}

/// Writes a segment with its key, each durable before the next depends on it: the key first, since a segment without
/// one would be lost. `fill` may add frames through the cipher, starting from the header's tag.
pub fn write_segment<F: Fs>(
    catalog: &Catalog<F>,
    key: &StorageKey,
    journal_id: [u8; 16],
    start: HeaderStart,
    fill: &mut compact::Fill<'_>,
) -> Result<Segment, StorageFault> {
    let Catalog { fs, dir, .. } = catalog;
    let new_key = new_segment_key(key, start.name, journal_id)?;
    let key_path = keys_dir(dir).join(start.name.key_file());
    place_file(fs, &key_path, &new_key.file.encode()).map_err(fault)?;
    fs.sync_dir(&keys_dir(dir)).map_err(fault)?;

    let header = Header {
        name: start.name,
        first_record: start.first_record,
        end_record: start.end_record,
        journal_id,
        key_id: new_key.file.key_id,
        previous_tail: start.previous_tail,
        original_tail: start.original_tail,
    };
    let block = new_key.cipher.seal_header(&header);
    let mut bytes = block.to_vec();
    let header_tag = *block.last_chunk::<TAG_BYTES>().expect("a header is longer than its tag");
    fill(&new_key.cipher, header_tag, &mut bytes)?;
    place_file(fs, &dir.join(start.name.segment_file()), &bytes).map_err(fault)?;
    // Never `Full`, which callers take to mean that the segment is not in place.
    fs.sync_dir(dir).map_err(|error| StorageFault::Os(error.to_string()))?;

    let tail = *bytes.last_chunk::<TAG_BYTES>().expect("a segment is longer than a tag");
    Ok(match header.end_record {
        None => Segment::begun(header, new_key.cipher, tail),
        Some(end) => Segment::found(header, new_key.cipher, end, wide(bytes.len()), tail),
    })
}

impl<F: Fs> fmt::Debug for FileJournal<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileJournal")
            .field("next_number", &self.next_number())
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}
