//! The lookup table: cache-line buckets of fingerprint and record number, read without locks while one writer changes them.
//!
//! One hit costs one line of the table and the record's own lines; a miss costs one line, sometimes two. A full bucket
//! overflows into the next one. A bucket with an empty slot was never full since the segment was built (removal from a
//! full bucket leaves a tombstone), so the first empty slot ends a search.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::belief::place::{Place, high_32, low_32};
use crate::domain::belief::record::RecordNumber;

const SLOTS: usize = 8;
const EMPTY: u64 = 0;
/// No record has number 0, so this is neither empty nor an entry.
const TOMBSTONE: u64 = 1 << 32;

/// Fullest load of a segment before it is rebuilt, and the load it is rebuilt to, in percent: 9.1 to 11.1 bytes an entry.
const FULLEST_PERCENT: usize = 88;
const REBUILT_PERCENT: usize = 72;

#[derive(Debug)]
#[repr(align(64))]
struct Bucket([AtomicU64; SLOTS]);

/// One part of the table.
#[derive(Debug)]
pub(super) struct Segment {
    buckets: Box<[Bucket]>,
}

/// Where an entry was found, for the writer to change it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    bucket: usize,
    slot: usize,
    pub(super) record: RecordNumber,
}

fn entry(place: Place, record: RecordNumber) -> u64 {
    (u64::from(place.fingerprint()) << 32) | u64::from(record.number())
}

impl Segment {
    /// A segment that takes `entries` with room to grow.
    pub(super) fn with_room_for(entries: usize) -> Self {
        let buckets = (entries * 100).div_ceil(SLOTS * REBUILT_PERCENT).max(1);
        let buckets = (0..buckets).map(|_| Bucket([const { AtomicU64::new(EMPTY) }; SLOTS])).collect();
        Self { buckets }
    }

    /// Whether a segment with this many used slots (tombstones too) has no room for one more.
    pub(super) fn is_full(&self, used: usize) -> bool {
        (used + 1) * 100 > self.buckets.len() * SLOTS * FULLEST_PERCENT
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.buckets.len() * size_of::<Bucket>()
    }

    /// Every record number it holds.
    pub(super) fn records(&self) -> impl Iterator<Item = RecordNumber> {
        let slots = self.buckets.iter().flat_map(|bucket| &bucket.0);
        slots.filter_map(|slot| RecordNumber::from_number(low_32(slot.load(Ordering::Acquire))))
    }

    /// Brings the home line into the cache; the sum only keeps the load from being optimised away.
    pub(super) fn touch(&self, place: Place) -> u64 {
        self.buckets[place.home(self.buckets.len())].0[0].load(Ordering::Relaxed)
    }

    /// The entry with this fingerprint that `confirm` accepts; an error of `confirm` ends the search.
    pub(super) fn find<E>(
        &self,
        place: Place,
        mut confirm: impl FnMut(RecordNumber) -> Result<bool, E>,
    ) -> Result<Option<Slot>, E> {
        let fingerprint = place.fingerprint();
        let mut bucket = place.home(self.buckets.len());
        for _ in 0..self.buckets.len() {
            let mut ends_here = false;
            for (slot, word) in self.buckets[bucket].0.iter().enumerate() {
                let word = word.load(Ordering::Acquire);
                ends_here |= word == EMPTY;
                if high_32(word) != fingerprint {
                    continue;
                }
                let Some(record) = RecordNumber::from_number(low_32(word)) else { continue };
                if confirm(record)? {
                    return Ok(Some(Slot { bucket, slot, record }));
                }
            }
            if ends_here {
                return Ok(None);
            }
            bucket = self.after(bucket);
        }
        Ok(None)
    }

    /// Adds an entry that is not there; true where it took a slot never used before.
    pub(super) fn insert(&self, place: Place, record: RecordNumber) -> bool {
        let mut bucket = place.home(self.buckets.len());
        loop {
            for word in &self.buckets[bucket].0 {
                let old = word.load(Ordering::Relaxed);
                if old == EMPTY || old == TOMBSTONE {
                    word.store(entry(place, record), Ordering::Release);
                    return old == EMPTY;
                }
            }
            bucket = self.after(bucket);
        }
    }

    pub(super) fn replace(&self, slot: Slot, place: Place, record: RecordNumber) {
        self.buckets[slot.bucket].0[slot.slot].store(entry(place, record), Ordering::Release);
    }

    /// Takes an entry out; true where its slot is free as if never used.
    pub(super) fn remove(&self, slot: Slot) -> bool {
        let words = &self.buckets[slot.bucket].0;
        let never_full = words.iter().any(|word| word.load(Ordering::Relaxed) == EMPTY);
        words[slot.slot].store(if never_full { EMPTY } else { TOMBSTONE }, Ordering::Release);
        never_full
    }

    fn after(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rand::SeedableRng;

    use super::*;
    use crate::domain::belief::place::TableKey;

    fn place(number: u64) -> Place {
        let key = TableKey::draw(&mut rand_chacha::ChaCha12Rng::seed_from_u64(1));
        Place::of(&[number.wrapping_mul(0x9E37_79B9_7F4A_7C15), number, 0, 0], &key)
    }

    fn found(segment: &Segment, place: Place, record: RecordNumber) -> Option<RecordNumber> {
        let slot = segment.find(place, |candidate| Ok::<_, Infallible>(candidate == record));
        slot.expect("cannot fail").map(|slot| slot.record)
    }

    #[test]
    fn a_bucket_is_one_cache_line() {
        assert_eq!((size_of::<Bucket>(), align_of::<Bucket>()), (64, 64));
    }

    #[test]
    fn a_segment_filled_to_its_limit_finds_every_entry_and_nothing_else() {
        let segment = Segment::with_room_for(500);
        let mut used = 0;
        while !segment.is_full(used) {
            used += 1;
            let record = RecordNumber::from_number(u32::try_from(used).expect("small")).expect("not 0");
            assert!(segment.insert(place(u64::from(record.number())), record));
        }
        assert!(used > 600, "{used} entries");
        for record in segment.records() {
            assert_eq!(found(&segment, place(u64::from(record.number())), record), Some(record));
        }
        let absent = RecordNumber::from_number(9_999_999).expect("28 bits");
        assert_eq!(found(&segment, place(9_999_999), absent), None);
    }

    #[test]
    fn removing_from_a_full_bucket_keeps_what_overflowed_past_it() {
        let segment = Segment::with_room_for(40);
        let crowded = place(7);
        let records: Vec<_> = (1..=20).filter_map(RecordNumber::from_number).collect();
        for record in &records {
            segment.insert(crowded, *record);
        }
        let first = segment.find(crowded, |candidate| Ok::<_, Infallible>(candidate == records[0]));
        let slot = first.expect("cannot fail").expect("was inserted");
        assert!(!segment.remove(slot), "a full bucket leaves a tombstone");
        assert_eq!(found(&segment, crowded, records[0]), None);
        assert_eq!(found(&segment, crowded, records[19]), Some(records[19]));
        assert!(!segment.insert(crowded, records[0]), "the tombstone is taken again");
        assert_eq!(found(&segment, crowded, records[0]), Some(records[0]));
    }
}
