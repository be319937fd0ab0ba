//! Compaction: records that expired or were erased leave the disk, and small neighbours become one segment.
//!
//! A group of neighbours is written into one new file under a new key; when that is durable, the old keys are
//! destroyed and the old files removed. A crash at any point leaves either the old files or the new one in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::io::journal::catalog::Catalog;
use crate::io::journal::file::{FileJournal, HeaderStart, write_segment};
use crate::io::journal::format::{FrameKind, HEAD_BYTES, SegmentName, TAG_BYTES, Tag};
use crate::io::journal::fs::{Fs, fault, remove_if_there, wide};
use crate::io::journal::recover::{destroy_key, keys_dir};
use crate::io::journal::seal::{FramePlace, SegmentCipher};
use crate::io::journal::segment::Segment;
use crate::node::store::{Keep, RecordNumber, StorageFault};

/// Adds frames to a segment being written: cipher, tag to chain from, bytes so far.
pub type Fill<'a> = dyn FnMut(&SegmentCipher, Tag, &mut Vec<u8>) -> Result<(), StorageFault> + 'a;

/// A segment below this part of the rotation size is merged with its neighbours: every start of a node begins one.
const SMALL_PART: u64 = 8;

/// Decides over every durable record and rewrites what changed.
pub fn compact<F: Fs>(
    journal: &mut FileJournal<F>,
    decide: &mut dyn FnMut(RecordNumber, &[u8]) -> Keep,
) -> Result<(), StorageFault> {
    journal.close_segment();
    let small_bytes = journal.options.rotate_bytes / SMALL_PART;
    let mut group = Group::default();
    for segment in journal.catalog.segments().iter() {
        let plan = Plan::make(journal, segment, decide)?;
        let worth = !plan.changes.is_empty() || segment.bytes() < small_bytes;
        if !worth || group.bytes + plan.bytes > journal.options.rotate_bytes {
            rewrite(journal, std::mem::take(&mut group))?;
        }
        if worth {
            group.bytes += plan.bytes;
            group.changed |= !plan.changes.is_empty();
            group.changes.extend(plan.changes);
            group.segments.push(Arc::clone(segment));
        }
    }
    rewrite(journal, group)
}

/// What will become of one segment.
struct Plan {
    /// Records that do not stay as they are.
    changes: BTreeMap<RecordNumber, Option<Vec<u8>>>,
    /// Bytes of frames afterwards, gaps left out.
    bytes: u64,
}

impl Plan {
    fn make<F: Fs>(
        journal: &FileJournal<F>,
        segment: &Segment,
        decide: &mut dyn FnMut(RecordNumber, &[u8]) -> Keep,
    ) -> Result<Self, StorageFault> {
        let mut plan = Self { changes: BTreeMap::new(), bytes: 0 };
        let file = journal.catalog.file(segment)?;
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

fn rewrite<F: Fs>(journal: &mut FileJournal<F>, group: Group) -> Result<(), StorageFault> {
    let (Some(first), Some(last)) = (group.segments.first(), group.segments.last()) else {
        return Ok(());
    };
    if !group.changed && group.segments.len() == 1 {
        return Ok(());
    }
    journal.forget_copies()?;
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
    let catalog = Arc::clone(&journal.catalog);
    let written = write_segment(&catalog, &journal.key, journal.journal_id(), start, &mut |cipher, tag, out| {
        copy_records(&catalog, &group, cipher, tag, out)
    });
    let segment = match written {
        Ok(segment) => segment,
        Err(StorageFault::Full) => {
            // The old files stand and the writer goes on: only the room for a second copy was missing.
            destroy_key(&catalog.fs, &catalog.dir, name)?;
            return Err(StorageFault::Full);
        }
        Err(other) => {
            journal.stopped = true;
            return Err(other);
        }
    };

    let old: Vec<SegmentName> = group.segments.iter().map(|segment| segment.header.name).collect();
    let mut segments = catalog.segments().to_vec();
    let at = segments.partition_point(|other| other.header.name.first < name.first);
    segments.splice(at..at + old.len(), [Arc::new(segment)]);
    catalog.replace(segments);
    catalog.forget_files(&old);
    journal.or_stop(|_| {
        let (fs, dir) = (&catalog.fs, &catalog.dir);
        old.iter().try_for_each(|name| destroy_key(fs, dir, *name))?;
        // Keys before files: a file whose key is gone is noise, a key whose file is gone would be in nobody's way.
        fs.sync_dir(&keys_dir(dir)).map_err(fault)?;
        old.iter().try_for_each(|name| remove_if_there(fs, &dir.join(name.segment_file()))).map_err(fault)?;
        fs.sync_dir(dir).map_err(fault)
    })
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
