//! Opening what is on disk: every segment's header, key and place in the chain, and the torn tail of the newest.
//!
//! The records of closed segments are not read here; whoever replays them checks every seal.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::io::journal::format::{
    FrameKind, HEAD_BYTES, HEADER_BYTES, Header, KEY_FILE_BYTES, KeyFile, SegmentName, TAG_BYTES, Tag,
};
use crate::io::journal::frames::{FrameWalk, Step, later_synced_frame};
use crate::io::journal::fs::{Fs, FsFile, UNFINISHED, fault, narrow, read_exact_at, remove_if_there, wide};
use crate::io::journal::seal::{SegmentCipher, StorageKey, open_segment_key};
use crate::io::journal::segment::{Segment, gap_count};
use crate::node::store::{RecordNumber, StorageFault, Visit};

/// Where the key files of a journal lie.
pub fn keys_dir(dir: &Path) -> PathBuf {
    dir.join("keys")
}

/// The segments of a directory in order, left-overs removed and the newest made whole and durable.
pub fn open_segments<F: Fs>(fs: &F, dir: &Path, key: &StorageKey) -> Result<Vec<Arc<Segment>>, StorageFault> {
    let keys_dir = keys_dir(dir);
    remove_unfinished(fs, dir)?;
    remove_unfinished(fs, &keys_dir)?;
    let all: BTreeSet<SegmentName> = file_names(fs, dir, "segment")?;
    let keys: BTreeSet<SegmentName> = file_names(fs, &keys_dir, "key")?;
    let current = segment_names(fs, dir)?;
    check_numbers(&current, &keys)?;

    let mut found: Vec<Found<F::File>> = Vec::new();
    for name in &current {
        found.push(open_header(fs, dir, key, *name)?);
    }
    let mut segments: Vec<Arc<Segment>> = Vec::new();
    let mut rest = found.into_iter().peekable();
    while let Some(next) = rest.next() {
        check_joins(segments.last().map(Arc::as_ref), &next.start.header)?;
        let end = match (next.start.header.end_record, rest.peek()) {
            (Some(end), _) => end,
            (None, Some(after)) => after.start.header.first_record,
            (None, None) => {
                segments.push(Arc::new(mend_newest(next)?));
                break;
            }
        };
        segments.push(Arc::new(closed(next, end)?));
    }

    // Only now: what the left-overs held is known to be whole in the files that replaced them.
    for name in keys.difference(&current) {
        destroy_key(fs, dir, *name)?;
    }
    fs.sync_dir(&keys_dir).map_err(fault)?;
    for name in all.difference(&current) {
        remove_if_there(fs, &dir.join(name.segment_file())).map_err(fault)?;
    }
    // Also the names that a killed process had no time to sync.
    fs.sync_dir(dir).map_err(fault)?;
    Ok(segments)
}

/// Overwrites a key file, then removes it. The caller syncs the directory. On media that write elsewhere what was
/// overwritten, the wrapping under the storage key is what protects the copy.
pub fn destroy_key(fs: &impl Fs, dir: &Path, name: SegmentName) -> Result<(), StorageFault> {
    let path = keys_dir(dir).join(name.key_file());
    let overwritten = fs.open(&path).and_then(|file| {
        file.write_all_at(&[0; KEY_FILE_BYTES], 0)?;
        file.sync()
    });
    match overwritten {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.and_then(|()| fs.remove(&path)).map_err(fault),
    }
}

/// A segment whose header is what was written.
pub(super) struct Found<File> {
    pub(super) key_block: [u8; KEY_FILE_BYTES],
    pub(super) start: Start,
    pub(super) file: File,
}

/// What key file and header of a segment say, once they are known to belong together.
pub(super) struct Start {
    pub(super) header: Header,
    header_tag: Tag,
    pub(super) cipher: SegmentCipher,
}

/// The names of the segments in force, in order; left-overs of a compaction are not among them.
pub(super) fn segment_names(fs: &impl Fs, dir: &Path) -> Result<BTreeSet<SegmentName>, StorageFault> {
    let all = file_names(fs, dir, "segment")?;
    Ok(all.iter().copied().filter(|name| !all.iter().any(|other| other.supersedes(*name))).collect())
}

pub(super) fn file_names(fs: &impl Fs, dir: &Path, extension: &str) -> Result<BTreeSet<SegmentName>, StorageFault> {
    let names = fs.names(dir).map_err(fault)?;
    Ok(names.iter().filter_map(|name| SegmentName::parse(name, extension)).collect())
}

fn remove_unfinished(fs: &impl Fs, dir: &Path) -> Result<(), StorageFault> {
    for name in fs.names(dir).map_err(fault)? {
        if name.strip_suffix(UNFINISHED).is_some_and(|stem| stem.ends_with('.')) {
            remove_if_there(fs, &dir.join(name)).map_err(fault)?;
        }
    }
    Ok(())
}

/// Segments follow each other from 1, and no key speaks of later ones: a key is written just before its segment.
pub(super) fn check_numbers(current: &BTreeSet<SegmentName>, keys: &BTreeSet<SegmentName>) -> Result<(), StorageFault> {
    let mut next = 1;
    for name in current {
        if name.first != next {
            return Err(StorageFault::Damaged(format!("segment {next} is missing")));
        }
        if !keys.contains(name) {
            return Err(StorageFault::Damaged(format!("the key of segment {} is missing", name.first)));
        }
        next = name.last.saturating_add(1);
    }
    match keys.iter().find(|name| name.first > next) {
        Some(_) => Err(StorageFault::Damaged(format!("segment {next} is missing"))),
        None => Ok(()),
    }
}

pub(super) fn open_header<F: Fs>(
    fs: &F,
    dir: &Path,
    key: &StorageKey,
    name: SegmentName,
) -> Result<Found<F::File>, StorageFault> {
    let short = |what: &str| StorageFault::Damaged(format!("the {what} of segment {} is cut short", name.first));
    let mut key_block = [0; KEY_FILE_BYTES];
    let key_file = fs.open(&keys_dir(dir).join(name.key_file())).map_err(fault)?;
    read_exact_at(&key_file, &mut key_block, 0).map_err(|error| eof_or(error, || short("key")))?;
    // Before the header is looked for: a key that does not open says more than a header that is missing.
    open_segment_key(key, &KeyFile::decode(&key_block)?)?;

    let mut block = [0; HEADER_BYTES];
    let file = fs.open(&dir.join(name.segment_file())).map_err(fault)?;
    read_exact_at(&file, &mut block, 0).map_err(|error| eof_or(error, || short("header")))?;
    Ok(Found { key_block, start: open_start(key, name, &key_block, &block)?, file })
}

/// Key file and header of the segment of this name, checked against each other.
pub(super) fn open_start(
    key: &StorageKey,
    name: SegmentName,
    key_block: &[u8; KEY_FILE_BYTES],
    block: &[u8; HEADER_BYTES],
) -> Result<Start, StorageFault> {
    let key_file = KeyFile::decode(key_block)?;
    let cipher = open_segment_key(key, &key_file)?;
    let header = Header::decode(block)?;
    let belongs = header.name == name
        && key_file.name == name
        && header.key_id == key_file.key_id
        && header.journal_id == key_file.journal_id;
    if !belongs || !cipher.check_header(block) {
        return Err(StorageFault::Damaged(format!("the header of segment {} is not what was written", name.first)));
    }
    let header_tag = *block.last_chunk::<TAG_BYTES>().expect("a header is longer than its tag");
    Ok(Start { header, header_tag, cipher })
}

fn eof_or(error: std::io::Error, short: impl FnOnce() -> StorageFault) -> StorageFault {
    if error.kind() == std::io::ErrorKind::UnexpectedEof { short() } else { fault(error) }
}

/// A segment begins where the one before ends, by number, record and tag.
pub(super) fn check_joins(before: Option<&Segment>, header: &Header) -> Result<(), StorageFault> {
    let joins = match before {
        None => header.first_record == RecordNumber(0) && header.previous_tail == Tag::default(),
        Some(before) => {
            header.journal_id == before.header.journal_id
                && header.first_record == before.end()
                && header.previous_tail == before.tail_for_next()
        }
    };
    if joins {
        return Ok(());
    }
    let name = header.name;
    Err(StorageFault::Damaged(format!(
        "segment {} at record {} does not join the one before",
        name.first, header.first_record.0
    )))
}

/// A segment that others follow: its last tag is checked when the next one is joined.
fn closed<File: FsFile>(found: Found<File>, end: RecordNumber) -> Result<Segment, StorageFault> {
    let bytes = found.file.size().map_err(fault)?;
    let mut tail = Tag::default();
    read_exact_at(&found.file, &mut tail, bytes.saturating_sub(wide(TAG_BYTES))).map_err(fault)?;
    Ok(Segment::found(found.start.header, found.start.cipher, end, bytes, tail))
}

/// The newest segment: cut behind its last whole frame, its last group written once more and made durable.
fn mend_newest<File: FsFile>(found: Found<File>) -> Result<Segment, StorageFault> {
    let Found { start, file, .. } = found;
    let size = file.size().map_err(fault)?;
    let Whole { end, bytes, group_start, tail } = start.whole_frames(&file, size, &mut |_, _| Ok(()))?;
    let mut group = vec![0; narrow(bytes - group_start)];
    read_exact_at(&file, &mut group, group_start).map_err(fault)?;
    if size > bytes {
        let segment = start.header.name.first;
        tracing::warn!(
            event = "store.tail_cut",
            segment,
            bytes = size - bytes,
            "torn by a power cut or a kill, never acknowledged"
        );
        file.set_size(bytes).map_err(fault)?;
    }
    file.write_all_at(&group, group_start).map_err(fault)?;
    file.sync().map_err(fault)?;
    Ok(Segment::found(start.header, start.cipher, end, bytes, tail))
}

/// The frames of a segment up to the first that is not whole.
#[derive(Debug)]
pub(super) struct Whole {
    /// The number after the last record.
    pub(super) end: RecordNumber,
    /// Bytes of the file up to there.
    pub(super) bytes: u64,
    /// Where the last group of frames begins.
    group_start: u64,
    /// The last tag.
    pub(super) tail: Tag,
}

impl Start {
    /// Opens frame after frame of the first `size` bytes, up to one that was torn. Where a later frame shows that it was not
    /// torn, the segment is damaged.
    pub(super) fn whole_frames(
        &self,
        file: &impl FsFile,
        size: u64,
        visit: &mut Visit<'_>,
    ) -> Result<Whole, StorageFault> {
        let name = self.header.name;
        let damaged = |number: RecordNumber| {
            StorageFault::Damaged(format!("segment {} at record {} is not what was written", name.first, number.0))
        };
        let start = wide(HEADER_BYTES);
        let mut whole =
            Whole { end: self.header.first_record, bytes: start, group_start: start, tail: self.header_tag };
        let mut walk = FrameWalk::new(file, start, size)?;
        while let Step::Frame(frame) = walk.step()? {
            let end = whole.end;
            // The sum first: opening a frame overwrites it.
            if frame.head.number_after(end) != end || !frame.sum_holds() {
                break;
            }
            let frame_tag = *frame.sealed.last_chunk::<TAG_BYTES>().expect("a decoded length covers the tag");
            let frame_bytes = wide(HEAD_BYTES + frame.sealed.len());
            // A frame with a good sum and a bad seal was not torn: it was exchanged.
            let plain = self.cipher.open_frame(&frame.head, end, &frame.previous, frame.sealed);
            let plain = plain.ok_or_else(|| damaged(end))?;
            let count = match frame.head.kind {
                FrameKind::Record => {
                    visit(end, plain)?;
                    1
                }
                FrameKind::Gap => gap_count(plain).ok_or_else(|| damaged(end))?,
            };
            if frame.head.since_sync == 0 {
                whole.group_start = whole.bytes;
            }
            whole.end = RecordNumber(end.0.saturating_add(count));
            whole.bytes += frame_bytes;
            whole.tail = frame_tag;
        }
        let mut behind = vec![0; narrow(size - whole.bytes)];
        read_exact_at(file, &mut behind, whole.bytes).map_err(fault)?;
        match later_synced_frame(&behind, whole.end) {
            Some(_) => Err(damaged(whole.end)),
            None => Ok(whole),
        }
    }
}
