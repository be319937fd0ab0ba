//! Where records stand: taking places, linking and unlinking, growing segments, emptying and retiring chunks.
//!
//! Order of every change: the record is complete before the table points to it, and unreachable before it is wiped. What
//! is added to the roots is published before anything points to it; what leaves them is unreachable before.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::time::Day;
use crate::domain::belief::place::{Place, SEGMENTS, Words};
use crate::domain::belief::record::{Link, RecordNumber};
use crate::domain::belief::said::BeliefFull;
use crate::domain::belief::slab::{Chunk, Head};
use crate::domain::belief::table::{Segment, Slot};
use crate::domain::belief::writer::{ChunkRow, HELD, Writer, WriterState, counter};

/// What becomes of one record of a chain.
enum Edit {
    Stays,
    Goes,
    /// Into the copy that was made of it.
    Moves(RecordNumber),
}

impl Writer<'_> {
    pub(super) fn expire_chunk(&mut self, chunk: usize, today: Day) -> usize {
        let places = self.state.chunks[chunk].map_or(0, |row| row.next_place);
        let mut dropped = 0;
        let mut earliest = Day(u32::MAX);
        for record in (0..places).filter_map(|place| RecordNumber::new(chunk, place)) {
            let (rows, place) = self.place(record);
            let link = rows.link(place);
            if link.state.is_none() {
                continue;
            }
            if link.expires < today {
                // With everything else of its pseudonym that is due, in other chunks too.
                self.edit_chain(&rows.pseudonym(place), |_, _, link| {
                    let is_due = link.expires < today;
                    dropped += usize::from(is_due);
                    if is_due { Edit::Goes } else { Edit::Stays }
                });
            } else {
                earliest = earliest.min(link.expires);
            }
        }
        if let Some(Some(row)) = self.state.chunks.get_mut(chunk) {
            row.earliest = earliest;
        }
        dropped
    }

    /// Moves the rest out of chunks that are more than half vacant, and retires them.
    pub(super) fn compact(&mut self) {
        for chunk in 0..self.state.chunks.len() {
            let Some(row) = self.state.chunks[chunk] else { continue };
            let is_open = self.state.open.get(&row.blocks) == Some(&chunk);
            if is_open || row.live * 2 >= row.next_place {
                continue;
            }
            if self.vacate(chunk, row).is_err() {
                return;
            }
            self.retire(chunk);
        }
    }

    fn vacate(&mut self, chunk: usize, row: ChunkRow) -> Result<(), BeliefFull> {
        let mut moved = BTreeSet::new();
        for record in (0..row.next_place).filter_map(|place| RecordNumber::new(chunk, place)) {
            let (rows, place) = self.place(record);
            if rows.link(place).state.is_none() || moved.contains(&record) {
                continue;
            }
            let mut outcome = Ok(());
            self.edit_chain(&rows.pseudonym(place), |writer, record, _| {
                if record.chunk() != chunk || outcome.is_err() {
                    return Edit::Stays;
                }
                match writer.copy(record, row.blocks) {
                    Ok(copy) => {
                        moved.insert(record);
                        Edit::Moves(copy)
                    }
                    Err(full) => {
                        outcome = Err(full);
                        Edit::Stays
                    }
                }
            });
            outcome?;
        }
        Ok(())
    }

    /// A copy of a held record that nothing points to yet. The record itself stays as it is for whoever stands on it.
    fn copy(&mut self, old: RecordNumber, blocks: usize) -> Result<RecordNumber, BeliefFull> {
        let (chunk, place) = self.place(old);
        let (head, sealed) = chunk.read(place);
        let new = self.allocate(blocks, head.link.expires)?;
        let (new_chunk, new_place) = self.place(new);
        new_chunk.write(new_place, &head, &sealed.expect(HELD));
        Ok(new)
    }

    fn retire(&mut self, chunk: usize) {
        let held = self.state.roots.chunks[chunk].clone();
        self.publish(|roots| {
            let mut chunks = roots.chunks.to_vec();
            chunks[chunk] = None;
            roots.chunks = chunks.into();
        });
        self.state.chunks[chunk] = None;
        if let Some(held) = held {
            held.retire();
        }
    }

    pub(super) fn remove(&mut self, record: RecordNumber) {
        let (chunk, place) = self.place(record);
        self.edit_chain(&chunk.pseudonym(place), |_, held, _| if held == record { Edit::Goes } else { Edit::Stays });
    }

    /// Walks the chain of a pseudonym once and does with each record what `edit` says. A chain is as long as members are
    /// talkative: walked once for each of its records it would cost the square.
    fn edit_chain(&mut self, pseudonym: &Words, mut edit: impl FnMut(&mut Self, RecordNumber, &Link) -> Edit) {
        let place = Place::of(pseudonym, &self.belief.key);
        let segment = Arc::clone(&self.state.roots.segments[place.segment()]);
        let slot = self.first_of(place, pseudonym).expect("a held record is reachable by its pseudonym");
        let (mut before, mut next) = (None, Some(slot.record));
        while let Some(record) = next {
            let (chunk, at) = self.place(record);
            let link = chunk.link(at);
            next = link.next;
            let edited = edit(self, record, &link);
            let instead = match edited {
                Edit::Stays => {
                    before = Some(record);
                    continue;
                }
                Edit::Goes => link.next,
                Edit::Moves(copy) => Some(copy),
            };
            self.state.removals += 1;
            // Unreachable before it is wiped.
            match (before, instead) {
                (Some(before), _) => self.point(before, instead),
                (None, Some(instead)) => segment.replace(slot, place, instead),
                (None, None) => {
                    let row = &mut self.state.segments[place.segment()];
                    row.live -= 1;
                    row.used -= usize::from(segment.remove(slot));
                }
            }
            let name = Place::of(&chunk.commitment(at), &self.belief.key);
            match edited {
                Edit::Stays => {}
                Edit::Moves(copy) => {
                    self.state.names.replace(name, record, copy);
                    before = Some(copy);
                }
                Edit::Goes => {
                    self.state.names.remove(name, record);
                    chunk.wipe(at);
                    let state = link.state.expect("a held record is not vacant");
                    counter(&self.feed_of(link.lane), state).fetch_sub(1, Ordering::Relaxed);
                    if let Some(Some(row)) = self.state.chunks.get_mut(record.chunk()) {
                        row.live -= 1;
                    }
                }
            }
        }
    }

    fn point(&self, record: RecordNumber, next: Option<RecordNumber>) {
        let (chunk, at) = self.place(record);
        chunk.set_link(at, Link { next, ..chunk.link(at) });
    }

    pub(super) fn link_in(&mut self, record: RecordNumber, mut head: Head, sealed: &[u8]) {
        let place = Place::of(&head.pseudonym, &self.belief.key);
        let found = self.first_of(place, &head.pseudonym);
        head.link.next = found.map(|slot| slot.record);
        let (chunk, at) = self.place(record);
        chunk.write(at, &head, sealed);
        self.point_to(record, place, found);
        self.name(record, Place::of(&head.commitment, &self.belief.key));
    }

    /// Enters records that stand complete in chunks nobody points to yet, each table segment by segment.
    pub(super) fn enter_all(&mut self, records: &[RecordNumber]) {
        let key = self.belief.key;
        let by_pseudonym = by_segment(records, |record| {
            let (chunk, at) = self.place(record);
            Place::of(&chunk.pseudonym(at), &key)
        });
        for (place, record) in by_pseudonym.into_iter().flatten() {
            let (chunk, at) = self.place(record);
            let found = self.first_of(place, &chunk.pseudonym(at));
            chunk.set_link(at, Link { next: found.map(|slot| slot.record), ..chunk.link(at) });
            self.point_to(record, place, found);
        }
        let by_name = by_segment(records, |record| {
            let (chunk, at) = self.place(record);
            Place::of(&chunk.commitment(at), &key)
        });
        for (place, record) in by_name.into_iter().flatten() {
            self.name(record, place);
        }
    }

    /// Where the table points to the first record of a pseudonym.
    fn first_of(&self, place: Place, pseudonym: &Words) -> Option<Slot> {
        let roots = &self.state.roots;
        let found = roots.segments[place.segment()].find(place, |candidate| {
            roots.chunk(candidate).map(|chunk| chunk.pseudonym(candidate.place()) == *pseudonym)
        });
        found.expect(HELD)
    }

    /// Lets the table point to a complete record, where `found` says that another one is there already, instead of that.
    fn point_to(&mut self, record: RecordNumber, place: Place, found: Option<Slot>) {
        match found {
            Some(slot) => self.state.roots.segments[place.segment()].replace(slot, place, record),
            None => {
                let segment = self.segment_with_room(place.segment());
                let took_new_slot = segment.insert(place, record);
                let row = &mut self.state.segments[place.segment()];
                row.live += 1;
                row.used += usize::from(took_new_slot);
            }
        }
    }

    fn name(&mut self, record: RecordNumber, place: Place) {
        let key = self.belief.key;
        let WriterState { names, roots, .. } = &mut *self.state;
        names.insert(place, record, |other| {
            let chunk = roots.chunk(other).expect(HELD);
            Place::of(&chunk.commitment(other.place()), &key)
        });
    }

    /// The segment, rebuilt larger where it is full: a few thousand entries at a time, never the whole table.
    fn segment_with_room(&mut self, number: usize) -> Arc<Segment> {
        let row = self.state.segments[number];
        let segment = Arc::clone(&self.state.roots.segments[number]);
        if !segment.is_full(row.used) {
            return segment;
        }
        let grown = Arc::new(Segment::with_room_for(row.live + 1));
        for record in segment.records() {
            let chunk = self.state.roots.chunk(record).expect(HELD);
            let place = Place::of(&chunk.pseudonym(record.place()), &self.belief.key);
            grown.insert(place, record);
        }
        self.state.segments[number].used = row.live;
        self.publish(|roots| {
            let mut segments = roots.segments.to_vec();
            segments[number] = Arc::clone(&grown);
            roots.segments = segments.into();
        });
        grown
    }

    /// A place nobody can reach yet.
    pub(super) fn allocate(&mut self, blocks: usize, expires: Day) -> Result<RecordNumber, BeliefFull> {
        let open = match self.state.open.get(&blocks) {
            Some(open) if self.has_room(*open) => *open,
            _ => self.open_chunk(blocks)?,
        };
        self.note_expiry(open, expires);
        let row = self.state.chunks[open].as_mut().expect("an open chunk is held");
        let place = row.next_place;
        row.next_place += 1;
        row.live += 1;
        RecordNumber::new(open, place).ok_or(BeliefFull::Records)
    }

    fn has_room(&self, chunk: usize) -> bool {
        let row = self.state.chunks[chunk].expect("an open chunk is held");
        let places = self.state.roots.chunks[chunk].as_ref().expect("an open chunk is held").places();
        row.next_place < places
    }

    fn open_chunk(&mut self, blocks: usize) -> Result<usize, BeliefFull> {
        let vacant = self.state.chunks.iter().position(Option::is_none);
        let number = vacant.unwrap_or(self.state.chunks.len());
        if number >= RecordNumber::CHUNKS {
            return Err(BeliefFull::Records);
        }
        // Number 0 names no record: the first place of the first chunk stays empty.
        let row = ChunkRow { blocks, next_place: usize::from(number == 0), live: 0, earliest: Day(u32::MAX) };
        self.put_chunk(number, Chunk::new(blocks), row);
        self.state.open.insert(blocks, number);
        Ok(number)
    }

    /// Takes over a chunk of records that nothing points to yet. Never as the first, whose first place names no record.
    pub(super) fn adopt(&mut self, chunk: Chunk, row: ChunkRow) -> Result<usize, BeliefFull> {
        let number = self.state.chunks.len().max(1);
        if number >= RecordNumber::CHUNKS {
            return Err(BeliefFull::Records);
        }
        self.put_chunk(number, chunk, row);
        // The newest of each length goes on being filled; in one before it the room behind its last record stays empty.
        self.state.open.insert(row.blocks, number);
        Ok(number)
    }

    fn put_chunk(&mut self, number: usize, chunk: Chunk, row: ChunkRow) {
        self.publish(|roots| {
            let mut chunks = roots.chunks.to_vec();
            chunks.resize(chunks.len().max(number + 1), None);
            chunks[number] = Some(Arc::new(chunk));
            roots.chunks = chunks.into();
        });
        let chunks = &mut self.state.chunks;
        chunks.resize(chunks.len().max(number + 1), None);
        chunks[number] = Some(row);
    }

    pub(super) fn note_expiry(&mut self, chunk: usize, expires: Day) {
        if let Some(Some(row)) = self.state.chunks.get_mut(chunk) {
            row.earliest = row.earliest.min(expires);
        }
    }
}

/// Records with their places, one segment of a table after the other: its lines stay in the processor's cache.
fn by_segment(records: &[RecordNumber], place_of: impl Fn(RecordNumber) -> Place) -> Vec<Vec<(Place, RecordNumber)>> {
    let mut segments = vec![Vec::new(); SEGMENTS];
    for record in records {
        let place = place_of(*record);
        segments[place.segment()].push((place, *record));
    }
    segments
}
