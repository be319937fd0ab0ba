//! From commitment to record, for whoever refers to an entry by name. Only the writer reads it.
//!
//! Four bytes a slot: four bits of fingerprint, 28 of record number; the record itself confirms. 4.5 to 5.6 bytes an entry.

use crate::domain::belief::place::{Place, SEGMENTS};
use crate::domain::belief::record::RecordNumber;

const SLOTS: usize = 16;
const NUMBER_BITS: u32 = 28;
const EMPTY: u32 = 0;
/// Record number 0 under a fingerprint: neither empty nor an entry.
const TOMBSTONE: u32 = 1 << NUMBER_BITS;
const FULLEST_PERCENT: usize = 88;
const REBUILT_PERCENT: usize = 72;

#[derive(Debug, Clone)]
struct Segment {
    slots: Vec<u32>,
    used: usize,
    live: usize,
}

/// The index of commitments.
#[derive(Debug)]
pub(super) struct Names {
    segments: Vec<Segment>,
}

fn entry(place: Place, record: RecordNumber) -> u32 {
    (place.fingerprint() & !((1 << NUMBER_BITS) - 1)) | record.number()
}

fn record_of(slot: u32) -> Option<RecordNumber> {
    RecordNumber::from_number(slot & ((1 << NUMBER_BITS) - 1))
}

impl Segment {
    fn with_room_for(entries: usize) -> Self {
        let buckets = (entries * 100).div_ceil(SLOTS * REBUILT_PERCENT).max(1);
        Self { slots: vec![EMPTY; buckets * SLOTS], used: 0, live: 0 }
    }

    /// Slots in the order of search, from the home bucket once around.
    fn search(&self, place: Place) -> impl Iterator<Item = usize> + use<> {
        let count = self.slots.len();
        let first = place.home(count / SLOTS) * SLOTS;
        (0..count).map(move |step| if first + step < count { first + step } else { first + step - count })
    }

    fn insert(&mut self, place: Place, record: RecordNumber) {
        let free = self.search(place).find(|slot| matches!(self.slots[*slot], EMPTY | TOMBSTONE));
        let free = free.expect("a segment below its fullest load has a free slot");
        self.used += usize::from(self.slots[free] == EMPTY);
        self.live += 1;
        self.slots[free] = entry(place, record);
    }

    fn find(&self, place: Place, mut confirm: impl FnMut(RecordNumber) -> bool) -> Option<usize> {
        let fingerprint = place.fingerprint() >> NUMBER_BITS;
        for slot in self.search(place) {
            let word = self.slots[slot];
            if word == EMPTY {
                return None;
            }
            if word >> NUMBER_BITS == fingerprint && record_of(word).is_some_and(&mut confirm) {
                return Some(slot);
            }
        }
        None
    }
}

impl Names {
    /// Empty, with room for so many names in each segment.
    pub(super) fn with_room_for(each: usize) -> Self {
        Self { segments: vec![Segment::with_room_for(each); SEGMENTS] }
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.segments.iter().map(|segment| segment.slots.capacity() * size_of::<u32>()).sum()
    }

    pub(super) fn find(&self, place: Place, mut confirm: impl FnMut(RecordNumber) -> bool) -> Option<RecordNumber> {
        let segment = &self.segments[place.segment()];
        segment.find(place, &mut confirm).and_then(|slot| record_of(segment.slots[slot]))
    }

    /// Adds a name that is not there; `place_of` tells where the others of its segment belong when it must grow.
    pub(super) fn insert(&mut self, place: Place, record: RecordNumber, place_of: impl Fn(RecordNumber) -> Place) {
        let segment = &mut self.segments[place.segment()];
        if (segment.used + 1) * 100 > segment.slots.len() * FULLEST_PERCENT {
            let mut grown = Segment::with_room_for(segment.live + 1);
            for record in segment.slots.iter().filter_map(|slot| record_of(*slot)) {
                grown.insert(place_of(record), record);
            }
            *segment = grown;
        }
        segment.insert(place, record);
    }

    /// Lets a name point to the new place of its record.
    pub(super) fn replace(&mut self, place: Place, old: RecordNumber, new: RecordNumber) {
        let segment = &mut self.segments[place.segment()];
        if let Some(slot) = segment.find(place, |record| record == old) {
            segment.slots[slot] = entry(place, new);
        }
    }

    pub(super) fn remove(&mut self, place: Place, record: RecordNumber) {
        let segment = &mut self.segments[place.segment()];
        if let Some(slot) = segment.find(place, |candidate| candidate == record) {
            segment.slots[slot] = TOMBSTONE;
            segment.live -= 1;
        }
    }
}
