//! Belief as bytes, for a snapshot on disk: written piece by piece beside the writer, read by [`super::load`].
//!
//! An image is a cache of what verified feeds said up to some moment, and holds no more than memory does: pseudonyms and
//! sealed payloads. It is taken without stopping anybody. What is said while it is taken may be in it or not; whoever loads
//! it applies everything said since the taking began, which changes nothing where it was in it. Only what *leaves* belief
//! meanwhile (erased, expired, moved) spoils an image: [`Moved`] says so, and it is thrown away.
//!
//! Where image and file are cut short or changed is the file's to find out; this format only has no bytes that crash.
//!
//! # Format, version 2
//!
//! Integers are big-endian; `lp(x) = u8 length ‖ x`. An image is a sequence of pieces, the parties first and once.
//!
//! ```text
//! parties      1 ‖ u32 feeds ‖ each: lp(member) ‖ lp(group) ‖ u64 size that is witnessed
//!                ‖ u32 lanes ‖ each: u16 feed ‖ 16 epoch id
//!                ‖ u32 quarantined members ‖ each: lp(member)
//! records      2 ‖ u8 blocks ‖ rows as `record` lays them out, the next record left zero; at most one chunk of them
//! retractions  3 ‖ rows of 84: 32 target ‖ u16 feed ‖ u64 index ‖ u8 reason ‖ u32 hour ‖ u32 kept until (day)
//!                ‖ u8 1 where superseded ‖ 32 by what, or zero
//! erasures     4 ‖ rows of 38: 32 target ‖ u16 member ‖ u32 kept until (day)
//! mentions     5 ‖ rows of 46: 32 commitment ‖ u16 member that spoke first ‖ u64 last seen (ms) ‖ u32 kept until (day)
//! disputes     6 ‖ rows of 56: 32 target ‖ u16 feed ‖ u64 index ‖ u8 1 where open ‖ u8 reason ‖ u64 since (ms) ‖ u32 kept until (day)
//! answers      7 ‖ each: 32 target ‖ u16 member that answered ‖ u32 kept until (day) ‖ lp(member that is answered)
//! ```
//!
//! Feeds and lanes are named by their place in the first piece, members by the place of their first feed among members.

use std::collections::BTreeMap;

use crate::base::limits;
use crate::base::name::FeedId;
use crate::domain::belief::Belief;
use crate::domain::belief::facts::Key;
use crate::domain::belief::mentions::SHARDS;
use crate::domain::belief::parties::FeedNumber;
use crate::domain::belief::slab::Chunk;
use crate::domain::belief::writer::Writer;

/// Version of the format above; what names another one is not read.
pub const VERSION: u32 = 2;

pub(super) const PARTIES: u8 = 1;
pub(super) const RECORDS: u8 = 2;
pub(super) const RETRACTIONS: u8 = 3;
pub(super) const ERASURES: u8 = 4;
pub(super) const MENTIONS: u8 = 5;
pub(super) const DISPUTES: u8 = 6;
pub(super) const ANSWERS: u8 = 7;

/// Something left belief, or changed its place, while the image was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("belief lost records while its image was taken")]
pub struct Moved;

/// An image being taken.
#[derive(Debug)]
pub struct Image<'a> {
    belief: &'a Belief,
    /// Removals before the first piece.
    removals: u64,
    /// Those who spoke before the first piece. Whoever speaks first while the image is taken is left out with all it says.
    feeds: BTreeMap<FeedId, FeedNumber>,
    members: usize,
    lanes: usize,
    at: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Parties,
    Chunk(usize),
    Retractions(Option<Key>),
    Erasures(Option<Key>),
    /// Shard, and how many of its mentions were written.
    Shard(usize, usize),
    /// Few: both in one piece each.
    Disputes,
    Answers,
    Done,
}

impl<'a> Image<'a> {
    pub fn of(belief: &'a Belief) -> Self {
        let writer = belief.writer();
        let parties = &writer.state.roots.parties;
        Self {
            belief,
            removals: writer.state.removals,
            feeds: parties.feeds().map(|(number, row)| (row.id.clone(), number)).collect(),
            members: parties.members().len(),
            lanes: parties.lanes().len(),
            at: Stage::Parties,
        }
    }

    /// The next piece, none at the end. The writer is held for one chunk of records, or as many other rows.
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>, Moved> {
        loop {
            let writer = self.belief.writer();
            if writer.state.removals != self.removals {
                return Err(Moved);
            }
            let mut piece = Vec::new();
            let next = match self.at {
                Stage::Parties => {
                    self.parties(&writer, &mut piece);
                    Stage::Chunk(0)
                }
                Stage::Chunk(number) => match writer.state.chunks.len() {
                    chunks if number >= chunks => Stage::Retractions(None),
                    _ => {
                        self.records(&writer, number, &mut piece);
                        Stage::Chunk(number + 1)
                    }
                },
                Stage::Retractions(after) => match self.retractions(&writer, after, &mut piece) {
                    Some(last) => Stage::Retractions(Some(last)),
                    None => Stage::Erasures(None),
                },
                Stage::Erasures(after) => match self.erasures(&writer, after, &mut piece) {
                    Some(last) => Stage::Erasures(Some(last)),
                    None => Stage::Shard(0, 0),
                },
                Stage::Shard(SHARDS, _) => Stage::Disputes,
                Stage::Shard(number, written) => match self.mentions(number, written, &mut piece) {
                    limits::IMAGE_ROWS => Stage::Shard(number, written + limits::IMAGE_ROWS),
                    _ => Stage::Shard(number + 1, 0),
                },
                Stage::Disputes => {
                    self.disputes(&writer, &mut piece);
                    Stage::Answers
                }
                Stage::Answers => {
                    self.answers(&writer, &mut piece);
                    Stage::Done
                }
                Stage::Done => return Ok(None),
            };
            self.at = next;
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    /// Whether still nothing has left belief: asked before an image that took its time is kept.
    pub fn is_whole(&self) -> bool {
        self.belief.writer().state.removals == self.removals
    }

    fn parties(&self, writer: &Writer<'_>, piece: &mut Vec<u8>) {
        let parties = &writer.state.roots.parties;
        piece.push(PARTIES);
        put_count(piece, self.feeds.len());
        for (_, row) in parties.feeds().take(self.feeds.len()) {
            put_name(piece, row.id.member.as_bytes());
            put_name(piece, row.id.group.as_bytes());
            piece.extend(row.witnessed().0.to_be_bytes());
        }
        put_count(piece, self.lanes);
        for lane in parties.lanes().iter().take(self.lanes) {
            piece.extend(lane.feed.0.to_be_bytes());
            piece.extend(lane.epoch.0);
        }
        put_count(piece, parties.quarantined().len());
        parties.quarantined().iter().for_each(|member| put_name(piece, member.as_bytes()));
    }

    fn records(&self, writer: &Writer<'_>, number: usize, piece: &mut Vec<u8>) {
        let Some((row, chunk)) = writer.state.chunks[number].zip(writer.state.roots.chunks[number].as_ref()) else {
            return;
        };
        let chunk: &Chunk = chunk;
        for place in 0..row.next_place {
            let link = chunk.link(place);
            if link.state.is_some() && usize::from(link.lane.0) < self.lanes {
                if piece.is_empty() {
                    piece.push(RECORDS);
                    piece.push(u8::try_from(row.blocks).expect("sixteen at most"));
                }
                chunk.copy_out(place, piece);
            }
        }
    }

    fn retractions(&self, writer: &Writer<'_>, after: Option<Key>, piece: &mut Vec<u8>) -> Option<Key> {
        let mut last = None;
        for (key, held) in writer.state.facts.retractions_after(after).take(limits::IMAGE_ROWS) {
            last = Some(*key);
            let Some(feed) = self.feeds.get(&held.at.0) else { continue };
            begin(piece, RETRACTIONS);
            piece.extend(key.0.0);
            piece.extend(feed.0.to_be_bytes());
            piece.extend(held.at.1.0.to_be_bytes());
            piece.push(u8::try_from(held.retraction.reason.number()).expect("five reasons"));
            piece.extend(held.retraction.hour.0.to_be_bytes());
            piece.extend(held.keep_until.0.to_be_bytes());
            let superseded_by = held.retraction.superseded_by;
            piece.push(u8::from(superseded_by.is_some()));
            piece.extend(superseded_by.map_or([0; 32], |by| by.0));
        }
        last
    }

    fn erasures(&self, writer: &Writer<'_>, after: Option<Key>, piece: &mut Vec<u8>) -> Option<Key> {
        let mut last = None;
        for (key, keep_until) in writer.state.facts.erasures_after(after).take(limits::IMAGE_ROWS) {
            last = Some(*key);
            if usize::from(key.1.0) < self.members {
                begin(piece, ERASURES);
                piece.extend(key.0.0);
                piece.extend(key.1.0.to_be_bytes());
                piece.extend(keep_until.0.to_be_bytes());
            }
        }
        last
    }

    fn disputes(&self, writer: &Writer<'_>, piece: &mut Vec<u8>) {
        for ((target, _), held) in writer.state.disputes.steps() {
            let Some(feed) = self.feeds.get(&held.at.0) else { continue };
            begin(piece, DISPUTES);
            piece.extend(target.0);
            piece.extend(feed.0.to_be_bytes());
            piece.extend(held.at.1.0.to_be_bytes());
            piece.push(u8::from(held.open));
            piece.push(u8::try_from(held.reason.number()).expect("five reasons"));
            piece.extend(held.since.unix_ms().to_be_bytes());
            piece.extend(held.keep_until.0.to_be_bytes());
        }
    }

    fn answers(&self, writer: &Writer<'_>, piece: &mut Vec<u8>) {
        let known = writer.state.disputes.answers().filter(|((_, author), _)| usize::from(author.0) < self.members);
        for ((target, author), held) in known {
            for to in &held.to {
                begin(piece, ANSWERS);
                piece.extend(target.0);
                piece.extend(author.0.to_be_bytes());
                piece.extend(held.keep_until.0.to_be_bytes());
                put_name(piece, to.as_bytes());
            }
        }
    }

    /// Mentions of a shard from behind so many on; returns how many there are in the piece.
    fn mentions(&self, shard: usize, written: usize, piece: &mut Vec<u8>) -> usize {
        let rows = self.belief.mentions.of_shard(shard);
        let rows = rows.get(written..).unwrap_or_default();
        let rows = rows.get(..limits::IMAGE_ROWS).unwrap_or(rows);
        for (commitment, mention) in rows.iter().filter(|(_, row)| usize::from(row.first_by.0) < self.members) {
            begin(piece, MENTIONS);
            piece.extend(commitment.0);
            piece.extend(mention.first_by.0.to_be_bytes());
            piece.extend(mention.last_seen.unix_ms().to_be_bytes());
            piece.extend(mention.keep_until.0.to_be_bytes());
        }
        rows.len()
    }
}

/// A piece without rows is not written.
fn begin(piece: &mut Vec<u8>, kind: u8) {
    if piece.is_empty() {
        piece.push(kind);
    }
}

fn put_count(piece: &mut Vec<u8>, count: usize) {
    piece.extend(u32::try_from(count).expect("below 65,537").to_be_bytes());
}

fn put_name(piece: &mut Vec<u8>, name: &[u8]) {
    piece.push(u8::try_from(name.len()).expect("names are shorter than 256 bytes"));
    piece.extend(name);
}
