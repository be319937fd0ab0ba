//! The number and the bit layout of one resident record.
//!
//! A record is a row of 64-bit words:
//!
//! ```text
//! 0..4    pseudonym, big-endian
//! 4..8    commitment, big-endian
//! 8       link:    next record of the same pseudonym (28) | lane (16) | kind (4) | state (2) | expires (14)
//! 9       origin:  index in the feed (32) | first seen, seconds since 1970 (32)
//! 10..    sealed payload: 40 bytes and 64 for each block, big-endian words
//! ```
//!
//! A *lane* is one feed in one key epoch; `expires` counts days from 2020-01-01 and saturates (no drop) in 2064.
//! 184 bytes hold an indicator with one block.

use crate::base::kind::IdentifierKind;
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Timestamp};
use crate::domain::belief::place::{high_32, low_32};

pub(super) const LINK: usize = 8;
pub(super) const ORIGIN: usize = 9;
pub(super) const SEALED: usize = 10;

/// Bytes of a sealed payload beside its blocks: 24 of nonce, 16 of tag.
const SEALED_FRAME_BYTES: usize = 40;
const BLOCK_BYTES: usize = 64;

/// Blocks of the largest payload held: notes of 140 characters need ten.
pub(super) const MAX_BLOCKS: usize = 16;

const PLACE_BITS: u32 = 12;
const NUMBER_BITS: u32 = 28;
const LANE_BITS: u32 = 16;
const KIND_BITS: u32 = 4;
const STATE_BITS: u32 = 2;
const EXPIRES_BITS: u32 = 14;

/// 2020-01-01.
const EXPIRES_ORIGIN_DAY: u32 = 18_262;

/// Blocks of a sealed payload of this length; none where no suite makes such a length.
pub(super) fn blocks_of(sealed_bytes: usize) -> Option<usize> {
    let blocks_bytes = sealed_bytes.checked_sub(SEALED_FRAME_BYTES)?;
    let blocks = blocks_bytes / BLOCK_BYTES;
    (blocks_bytes % BLOCK_BYTES == 0 && (1..=MAX_BLOCKS).contains(&blocks)).then_some(blocks)
}

/// Words of a record with this many blocks.
pub(super) const fn stride(blocks: usize) -> usize {
    SEALED + SEALED_FRAME_BYTES / 8 + blocks * (BLOCK_BYTES / 8)
}

/// Names one record: chunk and place in it. 0 names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RecordNumber(u32);

impl RecordNumber {
    pub(super) const CHUNKS: usize = 1 << (NUMBER_BITS - PLACE_BITS);
    pub(super) const PLACES: usize = 1 << PLACE_BITS;

    pub(super) fn new(chunk: usize, place: usize) -> Option<Self> {
        if chunk >= Self::CHUNKS || place >= Self::PLACES {
            return None;
        }
        let number = u32::try_from((chunk << PLACE_BITS) | place).ok()?;
        Self::from_number(number)
    }

    /// None for 0 and beyond 28 bits.
    pub(super) fn from_number(number: u32) -> Option<Self> {
        (number != 0 && number >> NUMBER_BITS == 0).then_some(Self(number))
    }

    pub(super) fn number(self) -> u32 {
        self.0
    }

    pub(super) fn chunk(self) -> usize {
        usize::try_from(self.0 >> PLACE_BITS).expect("sixteen bits")
    }

    pub(super) fn place(self) -> usize {
        usize::try_from(self.0 & ((1 << PLACE_BITS) - 1)).expect("twelve bits")
    }
}

/// Whether a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Live,
    /// Its author withdrew it.
    Retracted,
}

/// One feed in one key epoch, interned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneNumber(pub(super) u16);

/// The word that changes: chain and state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) next: Option<RecordNumber>,
    pub(super) lane: LaneNumber,
    pub(super) kind: IdentifierKind,
    /// None where the place is vacant; `next` stays readable for readers that stand on it.
    pub(super) state: Option<State>,
    pub(super) expires: Day,
}

impl Link {
    pub(super) fn pack(&self) -> u64 {
        let state = match self.state {
            None => 0,
            Some(State::Live) => 1,
            Some(State::Retracted) => 2,
        };
        let days = self.expires.0.saturating_sub(EXPIRES_ORIGIN_DAY).min((1 << EXPIRES_BITS) - 1);
        let kind = u64::try_from(self.kind.ordinal()).expect("sixteen kinds");
        let mut word = u64::from(self.next.map_or(0, RecordNumber::number));
        word = (word << LANE_BITS) | u64::from(self.lane.0);
        word = (word << KIND_BITS) | kind;
        word = (word << STATE_BITS) | state;
        (word << EXPIRES_BITS) | u64::from(days)
    }

    pub(super) fn unpack(word: u64) -> Self {
        let mut rest = word;
        let mut take = |bits: u32| {
            let field = low_32(rest & ((1 << bits) - 1));
            rest >>= bits;
            field
        };
        let days = take(EXPIRES_BITS);
        let state = match take(STATE_BITS) {
            1 => Some(State::Live),
            2 => Some(State::Retracted),
            _ => None,
        };
        let kind = usize::try_from(take(KIND_BITS)).expect("four bits");
        let lane = u16::try_from(take(LANE_BITS)).expect("sixteen bits");
        let next = RecordNumber::from_number(take(NUMBER_BITS));
        let last_day = (1 << EXPIRES_BITS) - 1;
        let expires = if days == last_day { u32::MAX } else { EXPIRES_ORIGIN_DAY + days };
        Self { next, lane: LaneNumber(lane), kind: IdentifierKind::ALL[kind], state, expires: Day(expires) }
    }
}

/// Where an entry stands and since when this node holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    index: u32,
    first_seen_s: u32,
}

impl Origin {
    /// None for an index beyond 32 bits.
    pub(super) fn new(index: EntryIndex, first_seen: Timestamp) -> Option<Self> {
        let index = u32::try_from(index.0).ok()?;
        Some(Self { index, first_seen_s: u32::try_from(first_seen.unix_s()).unwrap_or(u32::MAX) })
    }

    pub(super) fn index(self) -> EntryIndex {
        EntryIndex(u64::from(self.index))
    }

    pub(super) fn first_seen(self) -> Timestamp {
        Timestamp::from_unix_s(u64::from(self.first_seen_s))
    }

    pub(super) fn pack(self) -> u64 {
        (u64::from(self.index) << 32) | u64::from(self.first_seen_s)
    }

    pub(super) fn unpack(word: u64) -> Self {
        Self { index: high_32(word), first_seen_s: low_32(word) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_indicator_with_one_block_takes_184_bytes() {
        assert_eq!(blocks_of(104), Some(1));
        assert_eq!(stride(1) * 8, 184);
    }

    #[test]
    fn a_length_no_suite_makes_is_refused() {
        for length in [0, 40, 103, 105, 40 + 64 * 17] {
            assert_eq!(blocks_of(length), None, "{length}");
        }
    }

    #[test]
    fn a_day_beyond_the_field_never_drops() {
        let link = Link {
            next: None,
            lane: LaneNumber(0),
            kind: IdentifierKind::Pan,
            state: Some(State::Live),
            expires: Day(60_000),
        };
        assert_eq!(Link::unpack(link.pack()).expires, Day(u32::MAX));
    }

    proptest! {
        #[test]
        fn packed_words_lead_back(
            next in 0u32..(1 << 28), lane: u16, kind in 0usize..16, state in 0u8..3, day in 18_262u32..34_000,
            index: u32, seen: u32,
        ) {
            let state = match state { 0 => None, 1 => Some(State::Live), _ => Some(State::Retracted) };
            let link = Link {
                next: RecordNumber::from_number(next),
                lane: LaneNumber(lane),
                kind: IdentifierKind::ALL[kind],
                state,
                expires: Day(day),
            };
            prop_assert_eq!(Link::unpack(link.pack()), link);
            let origin = Origin::new(EntryIndex(u64::from(index)), Timestamp::from_unix_s(u64::from(seen)))
                .expect("32 bits");
            prop_assert_eq!(Origin::unpack(origin.pack()), origin);
        }
    }
}
