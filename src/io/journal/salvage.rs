//! Reading what can be read of a damaged journal. Nothing on the disk is changed.
//!
//! Every record shown opened under its seal: it is one this node wrote. What is lost is which records stood between, and
//! whether any did: the chain is not asked for beyond the tag before each frame.

use std::path::Path;

use crate::base::limits;
use crate::io::journal::format::{FrameKind, HEADER_BYTES};
use crate::io::journal::frames::{FrameWalk, Step, next_whole_frame};
use crate::io::journal::fs::{Fs, FsFile, fault, narrow, read_exact_at, wide};
use crate::io::journal::recover::{Found, open_header, segment_names};
use crate::io::journal::seal::StorageKey;
use crate::io::journal::segment::gap_count;
use crate::node::store::{RecordNumber, StorageFault, Visit};

/// A segment larger than this was not written by us: the last group of records ends a good way below.
const LARGEST_SEGMENT_BYTES: u64 = 2 * limits::JOURNAL_SEGMENT_BYTES;

/// Shows every readable record in order; counts the places where something is missing.
pub fn read_what_is_left<F: Fs>(
    fs: &F,
    dir: &Path,
    key: &StorageKey,
    visit: &mut Visit<'_>,
) -> Result<u64, StorageFault> {
    let mut breaks = 0;
    let mut expected = RecordNumber(0);
    for name in segment_names(fs, dir)? {
        let found = match open_header(fs, dir, key, name) {
            Ok(found) => found,
            // With another key nothing opens: that is no damage.
            Err(StorageFault::WrongKey) => return Err(StorageFault::WrongKey),
            Err(_) => {
                breaks += 1;
                continue;
            }
        };
        breaks += u64::from(found.start.header.first_record != expected);
        let (end, inside) = read_segment(&found, visit)?;
        expected = found.start.header.end_record.unwrap_or(end);
        breaks += inside;
    }
    Ok(breaks)
}

/// The number after the last record seen, and the places where something is missing.
fn read_segment<File: FsFile>(found: &Found<File>, visit: &mut Visit<'_>) -> Result<(RecordNumber, u64), StorageFault> {
    let size = found.file.size().map_err(fault)?.min(LARGEST_SEGMENT_BYTES);
    let (mut expected, mut breaks) = (found.start.header.first_record, 0);
    let mut offset = wide(HEADER_BYTES);
    while offset < size {
        let mut walk = FrameWalk::new(&found.file, offset, size)?;
        let broken_at = loop {
            let frame = match walk.step()? {
                Step::End => return Ok((expected, breaks)),
                Step::Broken { offset } => break offset,
                Step::Frame(frame) => frame,
            };
            let number = frame.head.number_after(expected);
            // The sum first: opening a frame overwrites it.
            let whole = frame.sum_holds();
            let (at, kind) = (frame.offset, frame.head.kind);
            let opened = found.start.cipher.open_frame(&frame.head, number, &frame.previous, frame.sealed);
            let Some(plain) = opened else {
                if whole {
                    // Its length is right: the tag before it is what changed.
                    breaks += 1;
                    expected = RecordNumber(number.0.saturating_add(1));
                    continue;
                }
                break at;
            };
            breaks += u64::from(number != expected);
            let count = match kind {
                FrameKind::Record => {
                    visit(number, plain)?;
                    1
                }
                FrameKind::Gap => gap_count(plain).unwrap_or(1),
            };
            expected = RecordNumber(number.0.saturating_add(count));
        };
        breaks += 1;
        // From the byte after it on: its length cannot be trusted.
        let from = broken_at + 1;
        let mut rest = vec![0; narrow(size.saturating_sub(from))];
        read_exact_at(&found.file, &mut rest, from).map_err(fault)?;
        let Some(next) = next_whole_frame(&rest, expected) else { break };
        offset = from + wide(next);
    }
    Ok((expected, breaks))
}
