//! The files of a journal, to the byte. Format version 1.
//!
//! All integers are big-endian. Nothing is changed in place, but that a torn tail is cut and its last group written once
//! more, and that a key file is overwritten to destroy it.
//!
//! ```text
//! journal/
//!   lock                                       empty; held with flock while a process has the journal open
//!   reserve                                    bytes without meaning, given up when the disk is full
//!   FIRST-LAST-GENERATION.segment              header and frames; three numbers of eight hexadecimal digits
//!   keys/FIRST-LAST-GENERATION.key             the key of the segment of that name, wrapped; in backups only under their own seal
//!   *.new                                      was being written when the process died; removed at open
//! ```
//!
//! A segment is written from start to end and then closed; closed ones change only by compaction, which writes their
//! records into a new file of the next GENERATION that may stand for several neighbours: FIRST to LAST are the
//! numbers of the segments it holds. A file whose numbers lie within those of one of a higher generation is a
//! left-over and removed at open. A segment written by the writer itself has FIRST = LAST and generation 0.
//! Segments are numbered from 1 without gaps. Every opening that writes begins a segment with a key of its own: record
//! numbers are nonces, and a record number that a crash took back is given out again.
//!
//! # Segment header, 128 bytes
//!
//! ```text
//!   0   8  magic "hushjrnl"
//!   8   2  format version, 1
//!  10   2  zero
//!  12   4  FIRST          16   4  LAST          20   4  GENERATION
//!  24   8  number of the first record of this segment
//!  32   8  number after its last record; zero in generation 0 (there it is where the next segment begins)
//!  40  16  journal id, random, the same in all files of one journal
//!  56  16  key id, random
//!  72  16  tail of the segment before: its last tag, zero before segment 1
//!  88  16  tail that LAST had in generation 0, zero in generation 0: what the next segment's header names
//! 104   8  zero
//! 112  16  Poly1305 tag over bytes 0..112 (empty plaintext; nonce ff×12): the first link of the chain
//! ```
//!
//! # Frames
//!
//! ```text
//!   0   1  kind: 1 record, 2 gap
//!   1   3  length n of what follows the head: plaintext + 16
//!   4   4  record number, low 32 bits (of a gap: the first number missing)
//!   8   4  records before this one since the last sync: a frame with number − this > d proves that record d was durable
//!  12   4  CRC-32C over bytes 0..12 and 16..16+n, for checks without keys
//!  16   n  ChaCha20-Poly1305: key of the segment, nonce 00000000 ‖ record number u64, associated data bytes 0..12 ‖
//!          the 16 bytes before this frame (the tag of the frame before, or of the header)
//! ```
//!
//! So each tag vouches for all before it in the segment, and headers join the segments: a frame or segment that was
//! changed, cut out, exchanged or put elsewhere is found. Only the end of the newest segment can be cut unseen; a node
//! learns of that from the other members, who hold its feed's newest checkpoint.
//!
//! The plaintext of a gap is the count (u64) of record numbers that compaction dropped there.
//!
//! # Key file, 144 bytes
//!
//! ```text
//!   0   8  magic "hushjkey"
//!   8   2  format version, 1
//!  10   2  zero
//!  12   4  FIRST          16   4  LAST          20   4  GENERATION
//!  24  16  journal id
//!  40  16  key id
//!  56  16  storage key id: HMAC-SHA256(storage key, "hushwire/v1/storage-key-id")[0..16]
//!  72  24  nonce, random
//!  96  48  XChaCha20-Poly1305 of the 32-byte segment key; key HMAC-SHA256(storage key, "hushwire/v1/storage-key-wrap"),
//!          associated data bytes 0..72
//! ```
//!
//! Overwriting and removing a key file is what erases a segment: without it the frames are noise, also in copies that left it out.
//!
//! # Recovery
//!
//! Only the newest segment may end in the middle of a frame. What follows its last whole frame is cut off, unless
//! a later frame shows that a sync succeeded after it: then the file was damaged, not torn, and opening stops with the
//! segment and record. The last group of frames is written once more and synced before anything is built on it: after a
//! failed sync the operating system may show bytes that the disk never got.
//!
//! # Later versions
//!
//! A version that is not known is refused by its number, before anything is written. The version stands in each file,
//! not in the directory: a later build keeps the decoder of version 1 beside its own, opens a directory that holds
//! both, writes new segments in its own version, and lets compaction count an old version as a change, so that the old
//! files turn into new ones one at a time, safe against power cuts like any compaction. Going back to the earlier
//! build ends with the first new segment. Version 2 is due when any byte above changes its meaning.

use crate::node::store::{RecordNumber, StorageFault};

/// What this build writes, and the newest it reads.
pub const VERSION: u16 = 1;

pub const HEADER_BYTES: usize = 128;
pub const KEY_FILE_BYTES: usize = 144;
pub const HEAD_BYTES: usize = 16;
pub const TAG_BYTES: usize = 16;

const SEGMENT_MAGIC: &[u8; 8] = b"hushjrnl";
const KEY_MAGIC: &[u8; 8] = b"hushjkey";

/// A link of the chain.
pub type Tag = [u8; TAG_BYTES];

/// Which segments a file holds, and how often they were rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentName {
    pub first: u32,
    pub last: u32,
    pub generation: u32,
}

impl SegmentName {
    pub fn segment_file(self) -> String {
        format!("{:08x}-{:08x}-{:08x}.segment", self.first, self.last, self.generation)
    }

    pub fn key_file(self) -> String {
        format!("{:08x}-{:08x}-{:08x}.key", self.first, self.last, self.generation)
    }

    /// Reads a file name with the given extension; `None` for a file that is not ours.
    pub fn parse(file_name: &str, extension: &str) -> Option<Self> {
        let stem = file_name.strip_suffix(extension)?.strip_suffix('.')?;
        let mut numbers = stem.split('-').map(|digits| u32::from_str_radix(digits, 16).ok());
        let name = Self { first: numbers.next()??, last: numbers.next()??, generation: numbers.next()?? };
        (stem == name.segment_file().trim_end_matches(".segment") && name.first <= name.last).then_some(name)
    }

    /// Whether this file holds everything the other does, in a newer form.
    pub fn supersedes(self, other: Self) -> bool {
        self.generation > other.generation && self.first <= other.first && other.last <= self.last
    }
}

/// The first 112 bytes of a segment; its tag is made by [`super::seal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: SegmentName,
    pub first_record: RecordNumber,
    /// After the last record; `None` in generation 0.
    pub end_record: Option<RecordNumber>,
    pub journal_id: [u8; 16],
    pub key_id: [u8; 16],
    pub previous_tail: Tag,
    pub original_tail: Tag,
}

impl Header {
    pub fn encode(&self) -> [u8; HEADER_BYTES - TAG_BYTES] {
        let mut out = [0; HEADER_BYTES - TAG_BYTES];
        encode_start(&mut out, SEGMENT_MAGIC, self.name);
        out[24..32].copy_from_slice(&self.first_record.0.to_be_bytes());
        out[32..40].copy_from_slice(&self.end_record.map_or(0, |end| end.0).to_be_bytes());
        out[40..56].copy_from_slice(&self.journal_id);
        out[56..72].copy_from_slice(&self.key_id);
        out[72..88].copy_from_slice(&self.previous_tail);
        out[88..104].copy_from_slice(&self.original_tail);
        out
    }

    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, StorageFault> {
        let name = decode_start(bytes, SEGMENT_MAGIC, "segment header")?;
        let end = u64::from_be_bytes(part(bytes, 32));
        Ok(Self {
            name,
            first_record: RecordNumber(u64::from_be_bytes(part(bytes, 24))),
            end_record: (name.generation > 0).then_some(RecordNumber(end)),
            journal_id: part(bytes, 40),
            key_id: part(bytes, 56),
            previous_tail: part(bytes, 72),
            original_tail: part(bytes, 88),
        })
    }
}

/// A key file as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    pub name: SegmentName,
    pub journal_id: [u8; 16],
    pub key_id: [u8; 16],
    pub storage_key_id: [u8; 16],
    pub nonce: [u8; 24],
    pub wrapped: [u8; 48],
}

impl KeyFile {
    /// The bytes in front of the nonce, which the wrapping vouches for.
    pub fn associated_data(&self) -> [u8; 72] {
        let mut out = [0; 72];
        encode_start(&mut out, KEY_MAGIC, self.name);
        out[24..40].copy_from_slice(&self.journal_id);
        out[40..56].copy_from_slice(&self.key_id);
        out[56..72].copy_from_slice(&self.storage_key_id);
        out
    }

    pub fn encode(&self) -> [u8; KEY_FILE_BYTES] {
        let mut out = [0; KEY_FILE_BYTES];
        out[..72].copy_from_slice(&self.associated_data());
        out[72..96].copy_from_slice(&self.nonce);
        out[96..].copy_from_slice(&self.wrapped);
        out
    }

    pub fn decode(bytes: &[u8; KEY_FILE_BYTES]) -> Result<Self, StorageFault> {
        Ok(Self {
            name: decode_start(bytes, KEY_MAGIC, "segment key")?,
            journal_id: part(bytes, 24),
            key_id: part(bytes, 40),
            storage_key_id: part(bytes, 56),
            nonce: part(bytes, 72),
            wrapped: part(bytes, 96),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    Record,
    Gap,
}

/// The sixteen bytes in front of each sealed body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    pub kind: FrameKind,
    /// Bytes of the sealed body.
    pub length: usize,
    pub number_low: u32,
    pub since_sync: u32,
    pub crc: u32,
}

impl FrameHead {
    /// The bytes that checksum and cipher vouch for. The length was checked against the record limit.
    pub fn encode_start(&self) -> [u8; 12] {
        let mut out = [0; 12];
        let length = u32::try_from(self.length).expect("a sealed record is far below 16 MiB");
        out[..4].copy_from_slice(&length.to_be_bytes());
        out[0] = match self.kind {
            FrameKind::Record => 1,
            FrameKind::Gap => 2,
        };
        out[4..8].copy_from_slice(&self.number_low.to_be_bytes());
        out[8..].copy_from_slice(&self.since_sync.to_be_bytes());
        out
    }

    /// `None` where these bytes begin no frame.
    pub fn decode(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let [kind, length @ ..]: [u8; 4] = part(bytes, 0);
        let kind = match kind {
            1 => FrameKind::Record,
            2 => FrameKind::Gap,
            _ => return None,
        };
        let length = usize::from(length[0]) << 16 | usize::from(length[1]) << 8 | usize::from(length[2]);
        (TAG_BYTES..=MAX_SEALED_BYTES).contains(&length).then_some(Self {
            kind,
            length,
            number_low: u32::from_be_bytes(part(bytes, 4)),
            since_sync: u32::from_be_bytes(part(bytes, 8)),
            crc: u32::from_be_bytes(part(bytes, 12)),
        })
    }

    /// The whole record number, given one at most 2^32 − 1 before it.
    pub fn number_after(&self, earlier: RecordNumber) -> RecordNumber {
        let low = u32::try_from(earlier.0 & u64::from(u32::MAX)).expect("masked to 32 bits");
        RecordNumber(earlier.0.saturating_add(u64::from(self.number_low.wrapping_sub(low))))
    }
}

/// The largest sealed body.
pub const MAX_SEALED_BYTES: usize = crate::base::limits::JOURNAL_RECORD_BYTES + TAG_BYTES;

fn encode_start(out: &mut [u8], magic: &[u8; 8], name: SegmentName) {
    out[..8].copy_from_slice(magic);
    out[8..10].copy_from_slice(&VERSION.to_be_bytes());
    out[12..16].copy_from_slice(&name.first.to_be_bytes());
    out[16..20].copy_from_slice(&name.last.to_be_bytes());
    out[20..24].copy_from_slice(&name.generation.to_be_bytes());
}

fn decode_start(bytes: &[u8], magic: &[u8; 8], what: &str) -> Result<SegmentName, StorageFault> {
    if part::<8>(bytes, 0) != *magic {
        return Err(StorageFault::Damaged(format!("a {what} does not begin as one")));
    }
    let found = u16::from_be_bytes(part(bytes, 8));
    if found != VERSION {
        return Err(StorageFault::UnknownVersion { found, known: VERSION });
    }
    if part::<2>(bytes, 10) != [0; 2] {
        return Err(StorageFault::Damaged(format!("a {what} holds bytes that version {VERSION} leaves zero")));
    }
    Ok(SegmentName {
        first: u32::from_be_bytes(part(bytes, 12)),
        last: u32::from_be_bytes(part(bytes, 16)),
        generation: u32::from_be_bytes(part(bytes, 20)),
    })
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|slice| slice.try_into().ok()).expect("every field lies within its fixed-size block")
}
