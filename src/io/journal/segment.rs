//! One segment, shared between the writer and any number of readers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::io::journal::format::{FrameKind, HEADER_BYTES, Header, Tag};
use crate::io::journal::frames::{FrameWalk, Step};
use crate::io::journal::fs::{FsFile, wide};
use crate::io::journal::seal::SegmentCipher;
use crate::node::store::{RecordNumber, StorageFault, Visit};

/// Bytes of a segment between two places that are kept in memory: one random read takes at most this much and one
/// record; ten million records of 200 bytes need 4 MB of marks.
const MARK_EVERY_BYTES: u64 = 8 * 1024;

/// Where readers may look in a segment. What lies beyond is not durable yet.
#[derive(Debug, Clone)]
pub struct Extent {
    /// The number after the last record.
    pub end: RecordNumber,
    /// Bytes of the file up to there.
    pub bytes: u64,
    pub tail: Tag,
    marks: Marks,
}

/// Places of some frames, ascending; complete up to the extent's bytes or not made yet.
#[derive(Debug, Clone)]
enum Marks {
    NotYet,
    Placed(Vec<(RecordNumber, u64)>),
}

/// A file of records: what its header says, its cipher, and how far it may be read.
#[derive(Debug)]
pub struct Segment {
    pub header: Header,
    pub cipher: SegmentCipher,
    extent: Mutex<Extent>,
}

impl Segment {
    /// A segment with nothing but its header.
    pub fn begun(header: Header, cipher: SegmentCipher, header_tag: Tag) -> Self {
        let extent = Extent {
            end: header.first_record,
            bytes: wide(HEADER_BYTES),
            tail: header_tag,
            marks: Marks::Placed(Vec::new()),
        };
        Self { header, cipher, extent: Mutex::new(extent) }
    }

    /// A segment found on disk, whose records end at `end` and whose bytes at `bytes`.
    pub fn found(header: Header, cipher: SegmentCipher, end: RecordNumber, bytes: u64, tail: Tag) -> Self {
        Self { header, cipher, extent: Mutex::new(Extent { end, bytes, tail, marks: Marks::NotYet }) }
    }

    pub fn end(&self) -> RecordNumber {
        self.extent().end
    }

    pub fn bytes(&self) -> u64 {
        self.extent().bytes
    }

    /// The tail that the next segment's header names.
    pub fn tail_for_next(&self) -> Tag {
        match self.header.end_record {
            None => self.extent().tail,
            Some(_) => self.header.original_tail,
        }
    }

    /// The writer has made frames durable: `places` are numbers and offsets of all of them, in order.
    pub fn extend(&self, end: RecordNumber, bytes: u64, tail: Tag, places: impl Iterator<Item = (RecordNumber, u64)>) {
        let mut extent = self.extent();
        extent.end = end;
        extent.bytes = bytes;
        extent.tail = tail;
        if let Marks::Placed(marks) = &mut extent.marks {
            places.for_each(|place| mark(marks, place));
        }
    }

    /// Reads one record. `None`: compaction dropped it.
    pub fn read(&self, file: &impl FsFile, number: RecordNumber) -> Result<Option<Vec<u8>>, StorageFault> {
        self.place_marks(file)?;
        let (start, end) = self.stretch(number);
        let mut walk = FrameWalk::new(file, start, end)?;
        // Numbers in heads hold 32 bits; the segment's first number completes them.
        let mut at = self.header.first_record;
        loop {
            match walk.step()? {
                Step::End => return Ok(None),
                Step::Broken { .. } => return Err(self.damaged(number)),
                Step::Frame(frame) => {
                    at = frame.head.number_after(at);
                    if at > number {
                        return Ok(None);
                    }
                    if at == number {
                        let plain = self.cipher.open_frame(&frame.head, number, &frame.previous, frame.sealed);
                        let plain = plain.ok_or_else(|| self.damaged(number))?;
                        return Ok((frame.head.kind == FrameKind::Record).then(|| plain.to_vec()));
                    }
                }
            }
        }
    }

    /// Shows the records from `from` on up to the extent at the time of the call, every seal checked.
    pub fn replay(
        &self,
        file: &impl FsFile,
        from: RecordNumber,
        visit: &mut Visit<'_>,
    ) -> Result<RecordNumber, StorageFault> {
        let (end, bytes, marked) = {
            let extent = self.extent();
            (extent.end, extent.bytes, matches!(extent.marks, Marks::Placed(_)))
        };
        let start = if marked { self.stretch(from).0 } else { wide(HEADER_BYTES) };
        let mut places = Vec::new();
        let mut walk = FrameWalk::new(file, start, bytes)?;
        let mut next = None;
        loop {
            let expected = next.unwrap_or(self.header.first_record);
            let frame = match walk.step()? {
                Step::End => break,
                Step::Broken { .. } => return Err(self.damaged(expected)),
                Step::Frame(frame) => frame,
            };
            let number = frame.head.number_after(expected);
            // From a mark on the first number is where the mark says; from there, and from the header on, none is left out.
            if (next.is_some() || start == wide(HEADER_BYTES)) && number != expected {
                return Err(self.damaged(expected));
            }
            // The seal covers all but the sum itself, which checks without keys count on.
            if !frame.sum_holds() {
                return Err(self.damaged(number));
            }
            mark(&mut places, (number, frame.offset));
            let plain = self.cipher.open_frame(&frame.head, number, &frame.previous, frame.sealed);
            let plain = plain.ok_or_else(|| self.damaged(number))?;
            let count = match frame.head.kind {
                FrameKind::Record => {
                    if number >= from {
                        visit(number, plain)?;
                    }
                    1
                }
                FrameKind::Gap => gap_count(plain).ok_or_else(|| self.damaged(number))?,
            };
            next = Some(RecordNumber(number.0.saturating_add(count)));
        }
        if next.unwrap_or(self.header.first_record) != end && (next.is_some() || start == wide(HEADER_BYTES)) {
            return Err(self.damaged(next.unwrap_or(self.header.first_record)));
        }
        if !marked {
            self.keep_marks(places);
        }
        Ok(end)
    }

    /// What is said of a frame that is not what was written.
    pub fn damaged(&self, number: RecordNumber) -> StorageFault {
        let name = self.header.name;
        StorageFault::Damaged(format!("segment {} at record {} is not what was written", name.first, number.0))
    }

    /// The bytes between the marks around a record.
    fn stretch(&self, number: RecordNumber) -> (u64, u64) {
        let extent = self.extent();
        let Marks::Placed(places) = &extent.marks else {
            return (wide(HEADER_BYTES), extent.bytes);
        };
        let after = places.partition_point(|(marked, _)| *marked <= number);
        let start = after.checked_sub(1).and_then(|at| places.get(at)).map_or(wide(HEADER_BYTES), |(_, place)| *place);
        let end = places.get(after).map_or(extent.bytes, |(_, place)| *place);
        (start, end)
    }

    fn place_marks(&self, file: &impl FsFile) -> Result<(), StorageFault> {
        let bytes = match &*self.extent() {
            Extent { marks: Marks::Placed(_), .. } => return Ok(()),
            Extent { bytes, .. } => *bytes,
        };
        let mut places = Vec::new();
        let mut walk = FrameWalk::new(file, wide(HEADER_BYTES), bytes)?;
        let mut at = self.header.first_record;
        loop {
            match walk.step()? {
                Step::End => break,
                Step::Broken { .. } => return Err(self.damaged(at)),
                Step::Frame(frame) => {
                    at = frame.head.number_after(at);
                    mark(&mut places, (at, frame.offset));
                }
            }
        }
        self.keep_marks(places);
        Ok(())
    }

    /// Only for segments found on disk: those never grow, so marks of the whole file are complete.
    fn keep_marks(&self, places: Vec<(RecordNumber, u64)>) {
        self.extent().marks = Marks::Placed(places);
    }

    fn extent(&self) -> MutexGuard<'_, Extent> {
        // Every change is a few assignments: a panic elsewhere cannot have left it half made.
        self.extent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of record numbers that a gap stands for.
pub fn gap_count(plain: &[u8]) -> Option<u64> {
    let count = u64::from_be_bytes(plain.try_into().ok()?);
    (count > 0).then_some(count)
}

fn mark(marks: &mut Vec<(RecordNumber, u64)>, place: (RecordNumber, u64)) {
    let last = marks.last().map_or(wide(HEADER_BYTES), |(_, offset)| *offset);
    if place.1 - last >= MARK_EVERY_BYTES {
        marks.push(place);
    }
}
