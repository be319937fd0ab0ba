//! Belief out of the pieces of an image ([`super::image`]): tables, names and counters are built anew under this process's
//! own key.
//!
//! Records come in by whole chunks, as they lie in memory, and are entered into the tables by the million, one segment of a
//! table after the other, so that a segment stays in the processor's cache while thousands of entries find their place.

use crate::base::bytes::Commitment;
use crate::base::epoch::EpochId;
use crate::base::name::{FeedId, NameError};
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Hour, Timestamp};
use crate::domain::belief::disputes::HeldDispute;
use crate::domain::belief::image::{ANSWERS, DISPUTES, ERASURES, MENTIONS, PARTIES, RECORDS, RETRACTIONS};
use crate::domain::belief::mentions::Mention;
use crate::domain::belief::parties::{FeedNumber, MemberNumber, Parties};
use crate::domain::belief::place::TableKey;
use crate::domain::belief::record::{Link, MAX_BLOCKS, RecordNumber, State, stride};
use crate::domain::belief::said::{BeliefFull, Retraction};
use crate::domain::belief::slab::Chunk;
use crate::domain::belief::writer::ChunkRow;
use crate::domain::belief::{Belief, Witnessing};
use crate::domain::indicator::words::{DisputeReason, RetractionReason};

/// Records entered into the tables at once: with their places some 4 MB of work beside 180 MB of records.
const WAVE: usize = 1 << 20;

/// The pieces are no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("a piece of kind {got}; kinds are 1 to 7")]
    Kind { got: u8 },
    #[error("a piece ends within a row")]
    Torn,
    #[error("the parties come first, and once")]
    Order,
    #[error("records of {got} blocks; they have 1 to {limit}")]
    Blocks { got: u8, limit: usize },
    #[error("{got} records in a chunk of {limit}")]
    Records { got: usize, limit: usize },
    #[error("a record without a state")]
    Vacant,
    #[error("{what} {got} of {count}")]
    Unknown { what: &'static str, got: usize, count: usize },
    #[error("a reason of number {got}")]
    Reason { got: u8 },
    #[error("a name: {0}")]
    Name(#[from] NameError),
    #[error(transparent)]
    Full(#[from] BeliefFull),
}

/// A belief being loaded.
#[derive(Debug)]
pub struct Loader {
    belief: Belief,
    witnessing: Witnessing,
    has_parties: bool,
    /// Live and retracted records of each lane.
    held: Vec<[u64; 2]>,
    /// Records that stand in no table yet.
    wave: Vec<RecordNumber>,
    /// Entered at the end: their shards are others in this process.
    mentions: Vec<(Commitment, Mention)>,
}

impl Loader {
    /// `expected`: records that will come, as far as the caller can tell; tables get room for them at once.
    pub fn new(key: TableKey, witnessing: Witnessing, expected: usize) -> Self {
        let belief = Belief::with_room_for(expected, key, witnessing);
        Self { belief, witnessing, has_parties: false, held: Vec::new(), wave: Vec::new(), mentions: Vec::new() }
    }

    /// Takes the next piece.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), ImageError> {
        let mut rest = Bytes(piece);
        let [kind] = rest.array()?;
        match kind {
            PARTIES | RECORDS | RETRACTIONS | ERASURES | MENTIONS | DISPUTES | ANSWERS
                if self.has_parties != (kind != PARTIES) =>
            {
                Err(ImageError::Order)
            }
            PARTIES => self.parties(rest),
            RECORDS => self.records(rest),
            RETRACTIONS => self.retractions(rest),
            ERASURES => self.erasures(rest),
            MENTIONS => self.mentions(rest),
            DISPUTES => self.disputes(rest),
            ANSWERS => self.answers(rest),
            got => Err(ImageError::Kind { got }),
        }
    }

    /// The belief, with all that was taken.
    pub fn finish(mut self) -> Result<Belief, ImageError> {
        if !self.has_parties {
            return Err(ImageError::Order);
        }
        self.enter();
        self.belief.mentions.load(self.mentions);
        let mut writer = self.belief.writer();
        for (lane, [live, retracted]) in writer.state.roots.parties.lanes().iter().zip(&self.held) {
            writer.count_loaded(lane.feed, *live, *retracted);
        }
        // Their targets are all in the tables now.
        writer.state.disputes.unsettled = true;
        drop(writer);
        Ok(self.belief)
    }

    fn parties(&mut self, mut rest: Bytes<'_>) -> Result<(), ImageError> {
        let mut parties = Parties::new(self.witnessing);
        for _ in 0..rest.count()? {
            let feed = FeedId { member: rest.name()?.parse()?, group: rest.name()?.parse()? };
            let witnessed = TreeSize(u64::from_be_bytes(rest.array()?));
            let number = parties.add_feed(&feed).ok_or(BeliefFull::Feeds)?;
            parties.feed(number).expect("added just now").set_witnessed(witnessed);
        }
        for _ in 0..rest.count()? {
            let feed = FeedNumber(u16::from_be_bytes(rest.array()?));
            let epoch = EpochId(rest.array()?);
            known("feed", feed.ordinal(), parties.feeds().count())?;
            parties.add_lane(feed, epoch).ok_or(BeliefFull::Feeds)?;
        }
        for _ in 0..rest.count()? {
            parties.set_quarantined(&rest.name()?.parse()?, true);
        }
        rest.end()?;
        self.held = vec![[0; 2]; parties.lanes().len()];
        self.belief.writer().publish(|roots| roots.parties = parties.into());
        self.has_parties = true;
        Ok(())
    }

    fn records(&mut self, mut rest: Bytes<'_>) -> Result<(), ImageError> {
        let [got] = rest.array()?;
        let blocks = usize::from(got);
        if !(1..=MAX_BLOCKS).contains(&blocks) {
            return Err(ImageError::Blocks { got, limit: MAX_BLOCKS });
        }
        let rows = rest.rows(stride(blocks) * 8)?;
        let chunk = Chunk::new(blocks);
        let (got, limit) = (rows.len(), chunk.places());
        if got > limit {
            return Err(ImageError::Records { got, limit });
        }
        let mut earliest = Day(u32::MAX);
        for (place, row) in rows.enumerate() {
            chunk.copy_in(place, row);
            let Link { lane, state, expires, .. } = chunk.link(place);
            let lanes = self.held.len();
            let held = self.held.get_mut(usize::from(lane.0));
            let [live, retracted] =
                held.ok_or(ImageError::Unknown { what: "lane", got: usize::from(lane.0), count: lanes })?;
            match state.ok_or(ImageError::Vacant)? {
                State::Live => *live += 1,
                State::Retracted => *retracted += 1,
            }
            earliest = earliest.min(expires);
        }
        let row = ChunkRow { blocks, next_place: got, live: got, earliest };
        let number = self.belief.writer().adopt(chunk, row)?;
        self.wave.extend((0..got).filter_map(|place| RecordNumber::new(number, place)));
        if self.wave.len() >= WAVE {
            self.enter();
        }
        Ok(())
    }

    fn retractions(&mut self, rest: Bytes<'_>) -> Result<(), ImageError> {
        let mut writer = self.belief.writer();
        let parties = writer.state.roots.parties.clone();
        for row in rest.rows(84)? {
            let mut row = Bytes(row);
            let target = Commitment(row.array()?);
            let feed = FeedNumber(u16::from_be_bytes(row.array()?));
            let index = EntryIndex(u64::from_be_bytes(row.array()?));
            let [got] = row.array()?;
            let reason = RetractionReason::from_number(u32::from(got)).ok_or(ImageError::Reason { got })?;
            let hour = Hour(u32::from_be_bytes(row.array()?));
            let keep_until = Day(u32::from_be_bytes(row.array()?));
            let [superseded] = row.array()?;
            let superseded_by = Some(Commitment(row.array()?)).filter(|_| superseded != 0);
            let count = parties.feeds().count();
            let speaker = parties.feed(feed).ok_or(ImageError::Unknown { what: "feed", got: feed.ordinal(), count })?;
            let retraction = Retraction { index, reason, hour, superseded_by };
            writer.state.facts.retract(target, speaker.member, (speaker.id.clone(), index), retraction, keep_until);
        }
        Ok(())
    }

    fn erasures(&mut self, rest: Bytes<'_>) -> Result<(), ImageError> {
        let mut writer = self.belief.writer();
        let members = writer.state.roots.parties.members().len();
        for row in rest.rows(38)? {
            let mut row = Bytes(row);
            let target = Commitment(row.array()?);
            let member = MemberNumber(u16::from_be_bytes(row.array()?));
            known("member", usize::from(member.0), members)?;
            writer.state.facts.erase(target, member, Day(u32::from_be_bytes(row.array()?)));
        }
        Ok(())
    }

    fn mentions(&mut self, rest: Bytes<'_>) -> Result<(), ImageError> {
        let members = self.belief.writer().state.roots.parties.members().len();
        for row in rest.rows(46)? {
            let mut row = Bytes(row);
            let commitment = Commitment(row.array()?);
            let first_by = MemberNumber(u16::from_be_bytes(row.array()?));
            known("member", usize::from(first_by.0), members)?;
            let last_seen = Timestamp::from_unix_ms(u64::from_be_bytes(row.array()?));
            let keep_until = Day(u32::from_be_bytes(row.array()?));
            self.mentions.push((commitment, Mention { last_seen, keep_until, first_by }));
        }
        Ok(())
    }

    fn disputes(&mut self, rest: Bytes<'_>) -> Result<(), ImageError> {
        let mut writer = self.belief.writer();
        let parties = writer.state.roots.parties.clone();
        for row in rest.rows(56)? {
            let mut row = Bytes(row);
            let target = Commitment(row.array()?);
            let feed = FeedNumber(u16::from_be_bytes(row.array()?));
            let index = EntryIndex(u64::from_be_bytes(row.array()?));
            let [open, got] = row.array()?;
            let reason = DisputeReason::from_number(u32::from(got)).ok_or(ImageError::Reason { got })?;
            let since = Timestamp::from_unix_ms(u64::from_be_bytes(row.array()?));
            let keep_until = Day(u32::from_be_bytes(row.array()?));
            let count = parties.feeds().count();
            let speaker = parties.feed(feed).ok_or(ImageError::Unknown { what: "feed", got: feed.ordinal(), count })?;
            let at = (speaker.id.clone(), index);
            let step = HeldDispute { at, open: open != 0, reason, since, keep_until };
            writer.state.disputes.step(target, speaker.member, step);
        }
        Ok(())
    }

    fn answers(&mut self, mut rest: Bytes<'_>) -> Result<(), ImageError> {
        let mut writer = self.belief.writer();
        let members = writer.state.roots.parties.members().len();
        while !rest.0.is_empty() {
            let target = Commitment(rest.array()?);
            let author = MemberNumber(u16::from_be_bytes(rest.array()?));
            known("member", usize::from(author.0), members)?;
            let keep_until = Day(u32::from_be_bytes(rest.array()?));
            let to = rest.name()?.parse()?;
            writer.state.disputes.answer(target, author, &to, keep_until);
        }
        Ok(())
    }

    /// Lets the tables point to the records that came.
    fn enter(&mut self) {
        let wave = std::mem::take(&mut self.wave);
        self.belief.writer().enter_all(&wave);
    }
}

fn known(what: &'static str, got: usize, count: usize) -> Result<(), ImageError> {
    if got < count { Ok(()) } else { Err(ImageError::Unknown { what, got, count }) }
}

/// What is left of a piece.
#[derive(Debug, Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(ImageError::Torn)?;
        self.0 = rest;
        Ok(*array)
    }

    fn count(&mut self) -> Result<u32, ImageError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn name(&mut self) -> Result<&'a str, ImageError> {
        let [length] = self.array()?;
        let (name, rest) = self.0.split_at_checked(usize::from(length)).ok_or(ImageError::Torn)?;
        self.0 = rest;
        std::str::from_utf8(name).map_err(|_| ImageError::Torn)
    }

    fn rows(self, bytes: usize) -> Result<std::slice::ChunksExact<'a, u8>, ImageError> {
        let rows = self.0.chunks_exact(bytes);
        if rows.remainder().is_empty() { Ok(rows) } else { Err(ImageError::Torn) }
    }

    fn end(self) -> Result<(), ImageError> {
        if self.0.is_empty() { Ok(()) } else { Err(ImageError::Torn) }
    }
}
