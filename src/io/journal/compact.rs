//! Compaction: records that expired or were erased leave the disk, and small neighbours become one segment.
//!
//! A group of neighbours is written into one new file under a new key, beside the writer; when that is durable, the writer
//! puts it in force: the old keys are destroyed and the old files removed. A crash at any point leaves either the old files
//! or the new one in force: from the moment the new file has its name, opening takes it and removes the old ones, so a new
//! file that the writer never put in force does no harm either.
//!
//! Copies of the journal ([`Forget`]) are gone before a new file has its name: from then on the next opening may destroy the
//! old keys.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::io::journal::catalog::Catalog;
use crate::io::journal::file::{Forget, HeaderStart, write_segment};
use crate::io::journal::format::{FrameKind, HEAD_BYTES, SegmentName, TAG_BYTES, Tag};
use crate::io::journal::fs::{Fs, fault, remove_if_there, wide};
use crate::io::journal::recover::{destroy_key, keys_dir};
use crate::io::journal::seal::{FramePlace, SegmentCipher, StorageKey};
use crate::io::journal::segment::Segment;
use crate::node::store::{ClosedRecords, Decide, Keep, RecordNumber, StorageFault};

/// Adds frames to a segment being written: cipher, tag to chain from, bytes so far.
pub type Fill<'a> = dyn FnMut(&SegmentCipher, Tag, &mut Vec<u8>) -> Result<(), StorageFault> + 'a;

/// A segment below this part of the rotation size is merged with its neighbours: every start of a node begins one.
const SMALL_PART: u64 = 8;

/// The segments there were when a compaction began.
pub struct ClosedSegments<F: Fs> {
    catalog: Arc<Catalog<F>>,
    key: StorageKey,
    journal_id: [u8; 16],
    rotate_bytes: u64,
    forget: Forget,
    segments: Arc<Vec<Arc<Segment>>>,
    /// The next to be decided over.
    next: usize,
    /// Decided over and not written yet.
    group: Group,
}

/// A segment written anew, with the names of those it replaces.
#[derive(Debug)]
pub struct RewrittenSegment {
    segment: Segment,
    old: Vec<SegmentName>,
}

impl<F: Fs> ClosedSegments<F> {
    pub fn new(
        catalog: Arc<Catalog<F>>,
        key: StorageKey,
        journal_id: [u8; 16],
        rotate_bytes: u64,
        forget: Forget,
    ) -> Self {
        let segments = catalog.segments();
        Self { catalog, key, journal_id, rotate_bytes, forget, segments, next: 0, group: Group::default() }
    }
}

impl<F: Fs> ClosedRecords for ClosedSegments<F> {
    type Rewritten = RewrittenSegment;

    fn rewrite(&mut self, decide: &mut Decide<'_>) -> Result<Option<RewrittenSegment>, StorageFault> {
        let small_bytes = self.rotate_bytes / SMALL_PART;
        while let Some(segment) = self.segments.get(self.next).map(Arc::clone) {
            self.next += 1;
            let plan = Plan::make(&self.catalog, &segment, decide)?;
            let worth = !plan.changes.is_empty() || segment.bytes() < small_bytes;
            let ended = !worth || self.group.bytes + plan.bytes > self.rotate_bytes;
            let full = if ended { std::mem::take(&mut self.group) } else { Group::default() };
            if worth {
                self.group.bytes += plan.bytes;
                self.group.changed |= !plan.changes.is_empty();
                self.group.changes.extend(plan.changes);
                self.group.segments.push(segment);
            }
            if let Some(rewritten) = self.write(full)? {
                return Ok(Some(rewritten));
            }
        }
        let last = std::mem::take(&mut self.group);
        self.write(last)
    }
}

impl<F: Fs> fmt::Debug for ClosedSegments<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedSegments").field("next", &self.next).finish_non_exhaustive()
    }
}

/// What will become of one segment.
struct Plan {
    /// Records that do not stay as they are.
    changes: BTreeMap<RecordNumber, Option<Vec<u8>>>,
    /// Bytes of frames afterwards, gaps left out.
    bytes: u64,
}

impl Plan {
    fn make<F: Fs>(catalog: &Catalog<F>, segment: &Segment, decide: &mut Decide<'_>) -> Result<Self, StorageFault> {
        let mut plan = Self { changes: BTreeMap::new(), bytes: 0 };
        let file = catalog.file(segment)?;
        segment.replay(&*file, segment.header.first_record, &mut |number, record| {
            let kept = match decide(number, record) {
                Keep::AsIs => Some(record.len()),
                Keep::Rewritten(bytes) => {
                    let length = bytes.len();
                    plan.changes.insert(number, Some(bytes));
                    Some(length)
                }
                Keep::Dropped => {
                    plan.changes.insert(number, None);
                    None
                }
            };
            plan.bytes += kept.map_or(0, |length| wide(HEAD_BYTES + length + TAG_BYTES));
            Ok(())
        })?;
        Ok(plan)
    }
}

/// Neighbouring segments that become one.
#[derive(Default)]
struct Group {
    segments: Vec<Arc<Segment>>,
    changes: BTreeMap<RecordNumber, Option<Vec<u8>>>,
    changed: bool,
    bytes: u64,
}

impl<F: Fs> ClosedSegments<F> {
    /// Writes a group anew, where that changes anything.
    fn write(&self, group: Group) -> Result<Option<RewrittenSegment>, StorageFault> {
        let (Some(first), Some(last)) = (group.segments.first(), group.segments.last()) else {
            return Ok(None);
        };
        if !group.changed && group.segments.len() == 1 {
            return Ok(None);
        }
        (self.forget)()?;
        let generation = group.segments.iter().map(|segment| segment.header.name.generation).max().unwrap_or(0);
        let name = SegmentName {
            first: first.header.name.first,
            last: last.header.name.last,
            generation: generation.checked_add(1).expect("no segment is rewritten four thousand million times"),
        };
        let start = HeaderStart {
            name,
            first_record: first.header.first_record,
            end_record: Some(last.end()),
            previous_tail: first.header.previous_tail,
            original_tail: last.tail_for_next(),
        };
        let catalog = &self.catalog;
        let written = write_segment(catalog, &self.key, self.journal_id, start, &mut |cipher, tag, out| {
            copy_records(catalog, &group, cipher, tag, out)
        });
        if matches!(written, Err(StorageFault::Full)) {
            destroy_key(&catalog.fs, &catalog.dir, name)?;
        }
        let old = group.segments.iter().map(|segment| segment.header.name).collect();
        Ok(Some(RewrittenSegment { segment: written?, old }))
    }
}

/// Puts a segment in force in place of those it holds.
pub fn install<F: Fs>(catalog: &Catalog<F>, rewritten: RewrittenSegment) -> Result<(), StorageFault> {
    let RewrittenSegment { segment, old } = rewritten;
    let name = segment.header.name;
    let mut segments = catalog.segments().to_vec();
    let at = segments.partition_point(|other| other.header.name.first < name.first);
    segments.splice(at..at + old.len(), [Arc::new(segment)]);
    catalog.replace(segments);
    catalog.forget_files(&old);
    let (fs, dir) = (&catalog.fs, &catalog.dir);
    old.iter().try_for_each(|name| destroy_key(fs, dir, *name))?;
    // Keys before files: a file whose key is gone is noise, a key whose file is gone would be in nobody's way.
    fs.sync_dir(&keys_dir(dir)).map_err(fault)?;
    old.iter().try_for_each(|name| remove_if_there(fs, &dir.join(name.segment_file()))).map_err(fault)?;
    fs.sync_dir(dir).map_err(fault)
}

/// Seals what is kept under the new key; runs of dropped records become gaps.
fn copy_records<F: Fs>(
    catalog: &Catalog<F>,
    group: &Group,
    cipher: &SegmentCipher,
    header_tag: Tag,
    out: &mut Vec<u8>,
) -> Result<(), StorageFault> {
    let mut previous = header_tag;
    let mut next = group.segments.first().map_or(RecordNumber(0), |first| first.header.first_record);
    for segment in &group.segments {
        let file = catalog.file(segment)?;
        segment.replay(&*file, segment.header.first_record, &mut |number, record| {
            let kept = match group.changes.get(&number) {
                None => record,
                Some(Some(rewritten)) => rewritten,
                Some(None) => return Ok(()),
            };
            previous = seal_gap(cipher, next, number, previous, out);
            let place = FramePlace { kind: FrameKind::Record, number, since_sync: 0, previous };
            previous = cipher.seal_frame(place, kept, out);
            next = RecordNumber(number.0 + 1);
            Ok(())
        })?;
    }
    let end = group.segments.last().map_or(next, |last| last.end());
    seal_gap(cipher, next, end, previous, out);
    Ok(())
}

/// Accounts for the numbers `[next, until)`, if any.
fn seal_gap(
    cipher: &SegmentCipher,
    next: RecordNumber,
    until: RecordNumber,
    mut previous: Tag,
    out: &mut Vec<u8>,
) -> Tag {
    let mut at = next.0;
    while at < until.0 {
        // Heads hold 32 bits of a number: no frame may be farther from the one before.
        let count = (until.0 - at).min(u64::from(u32::MAX));
        let place = FramePlace { kind: FrameKind::Gap, number: RecordNumber(at), since_sync: 0, previous };
        previous = cipher.seal_frame(place, &count.to_be_bytes(), out);
        at += count;
    }
    previous
}
