//! Reading frames from the bytes of a segment, front to back, in large chunks.

use crate::io::journal::format::{FrameHead, HEAD_BYTES, TAG_BYTES, Tag};
use crate::io::journal::fs::{FsFile, fault, narrow, read_exact_at, wide};
use crate::node::store::{RecordNumber, StorageFault};

/// Bytes read at once: large enough that the disk streams, small enough to stay in a processor's cache.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Walks the frames between two offsets. It checks bounds and kinds; sums and seals are the caller's.
#[derive(Debug)]
pub struct FrameWalk<'a, File> {
    file: &'a File,
    /// Where the next frame begins in the file.
    offset: u64,
    end: u64,
    previous: Tag,
    /// Bytes of the file from `buffered_at` on.
    buffer: Vec<u8>,
    buffered_at: u64,
}

/// One frame as it lies in the file; opening it overwrites the sealed bytes in the walk's own buffer.
#[derive(Debug)]
pub struct RawFrame<'a> {
    pub offset: u64,
    pub head: FrameHead,
    pub previous: Tag,
    pub sealed: &'a mut [u8],
}

/// The next step of a walk.
#[derive(Debug)]
pub enum Step<'a> {
    Frame(RawFrame<'a>),
    End,
    /// The bytes at this offset are no whole frame.
    Broken {
        offset: u64,
    },
}

impl<'a, File: FsFile> FrameWalk<'a, File> {
    /// A walk from `offset`, where a frame begins, up to `end`. The tag before it is read from the file.
    pub fn new(file: &'a File, offset: u64, end: u64) -> Result<Self, StorageFault> {
        let mut previous = Tag::default();
        read_exact_at(file, &mut previous, offset - wide(TAG_BYTES)).map_err(fault)?;
        Ok(Self { file, offset, end, previous, buffer: Vec::new(), buffered_at: offset })
    }

    /// The tag of the last frame shown, or what stood before the first.
    pub fn tail(&self) -> Tag {
        self.previous
    }

    pub fn step(&mut self) -> Result<Step<'_>, StorageFault> {
        let offset = self.offset;
        if offset == self.end {
            return Ok(Step::End);
        }
        let Some(head) = self.bytes(HEAD_BYTES)?.and_then(|bytes| FrameHead::decode(bytes.first_chunk()?)) else {
            return Ok(Step::Broken { offset });
        };
        let frame_bytes = HEAD_BYTES + head.length;
        let Some(frame) = self.bytes(frame_bytes)? else {
            return Ok(Step::Broken { offset });
        };
        let tag = *frame.last_chunk::<TAG_BYTES>().expect("a decoded length covers the tag");
        self.offset += wide(frame_bytes);
        let previous = std::mem::replace(&mut self.previous, tag);
        let at = narrow(offset - self.buffered_at);
        let sealed = &mut self.buffer[at + HEAD_BYTES..at + frame_bytes];
        Ok(Step::Frame(RawFrame { offset, head, previous, sealed }))
    }

    /// The next `count` bytes at the walk's offset; `None` where the segment ends before.
    fn bytes(&mut self, count: usize) -> Result<Option<&mut [u8]>, StorageFault> {
        if self.end - self.offset < wide(count) {
            return Ok(None);
        }
        let mut at = narrow(self.offset - self.buffered_at);
        if self.buffer.len() < at + count {
            self.buffer.drain(..at);
            self.buffered_at = self.offset;
            at = 0;
            let have = self.buffer.len();
            let left = self.end - self.offset - wide(have);
            let more = wide(CHUNK_BYTES.max(count) - have).min(left);
            self.buffer.resize(have + narrow(more), 0);
            read_exact_at(self.file, &mut self.buffer[have..], self.offset + wide(have)).map_err(fault)?;
        }
        Ok(Some(&mut self.buffer[at..at + count]))
    }
}

impl RawFrame<'_> {
    pub fn sum_holds(&self) -> bool {
        sum(&self.head, self.sealed) == self.head.crc
    }
}

fn sum(head: &FrameHead, sealed: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&head.encode_start()), sealed)
}

/// Looks behind a broken frame for the next whole one: where it begins in `bytes`.
pub fn next_whole_frame(bytes: &[u8], broken: RecordNumber) -> Option<usize> {
    let most = most_frames(bytes);
    (0..bytes.len()).find(|at| {
        let found = || {
            let rest = bytes.get(*at..)?;
            let head = FrameHead::decode(rest.first_chunk()?)?;
            let number = head.number_after(broken);
            let plausible = (broken..=RecordNumber(broken.0.saturating_add(most))).contains(&number);
            let sealed = plausible.then(|| rest.get(HEAD_BYTES..HEAD_BYTES + head.length)).flatten()?;
            (sum(&head, sealed) == head.crc).then_some(())
        };
        found().is_some()
    })
}

/// A segment cannot hold more frames than this, which keeps chance hits, and so the sums to compute, rare.
fn most_frames(bytes: &[u8]) -> u64 {
    wide(bytes.len() / (HEAD_BYTES + TAG_BYTES)) + 1
}

/// Looks behind a broken frame for one that was written after a later sync: a record that proves that `broken` was
/// durable once. A frame of the same group proves nothing, since a group that was never synced reaches the disk in any
/// order.
pub fn later_synced_frame(bytes: &[u8], broken: RecordNumber) -> Option<RecordNumber> {
    let most = most_frames(bytes);
    (0..bytes.len()).find_map(|at| {
        let rest = bytes.get(at..)?;
        let head = FrameHead::decode(rest.first_chunk()?)?;
        let number = head.number_after(broken);
        let group = number.0.checked_sub(u64::from(head.since_sync))?;
        let plausible = group > broken.0 && number.0 - broken.0 <= most;
        let sealed = plausible.then(|| rest.get(HEAD_BYTES..HEAD_BYTES + head.length)).flatten()?;
        (sum(&head, sealed) == head.crc).then_some(number)
    })
}
