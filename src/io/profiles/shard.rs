//! One part of the profiles in memory, as they are encoded: a hundred bytes a customer or two.
//!
//! Bounded by customers and by bytes. Where there is no room, one that was not seen for long makes it: a hand goes around the
//! customers, passes over those seen since it came by last, and takes the first that was not (the clock of page replacement:
//! constant work, close to the least recently seen).

use std::collections::HashMap;

use crate::base::time::Day;
use crate::domain::profile::key::CustomerName;
use crate::domain::profile::person::Profile;
use crate::node::store::RecordNumber;

/// What a shard may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub customers: usize,
    pub bytes: usize,
}

#[derive(Debug)]
struct Slot {
    name: CustomerName,
    profile: Box<[u8]>,
    /// Which change of the shard it came by: another one means other bytes.
    change: u64,
    /// The record of the journal that holds the profile, or an earlier one of the customer.
    written: Option<RecordNumber>,
    /// Changed since it was last taken to be written.
    dirty: bool,
    /// Seen since the hand came by.
    seen: bool,
}

/// Profiles by name.
#[derive(Debug, Default)]
pub struct Shard {
    slots: Vec<Slot>,
    places: HashMap<CustomerName, usize>,
    /// Whom to write; some may be gone meanwhile.
    dirty: Vec<CustomerName>,
    hand: usize,
    bytes: usize,
    /// How often a profile was put here.
    changes: u64,
}

impl Shard {
    pub fn customers(&self) -> usize {
        self.slots.len()
    }

    /// Of the encoded profiles.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn profile(&self, name: &CustomerName) -> Option<&[u8]> {
        self.profile_and_change(name).map(|(profile, _)| profile)
    }

    /// With which change it came by; as long as that is the same, so is the profile.
    pub fn profile_and_change(&self, name: &CustomerName) -> Option<(&[u8], u64)> {
        let slot = self.slots.get(*self.places.get(name)?)?;
        Some((&slot.profile, slot.change))
    }

    /// Takes a changed profile; how many others made room for it.
    pub fn put(&mut self, name: CustomerName, profile: &[u8], room: Room) -> usize {
        let slot = self.store(name, profile);
        if !std::mem::replace(&mut slot.dirty, true) {
            self.dirty.push(name);
        }
        self.make_room(room, &name)
    }

    /// Takes a profile as the journal has it; how many others made room for it. What changed in memory since is newer.
    pub fn restore(&mut self, name: CustomerName, profile: &[u8], number: RecordNumber, room: Room) -> usize {
        if self.places.contains_key(&name) && !self.is_as_read(&name) {
            return 0;
        }
        let slot = self.store(name, profile);
        slot.written = Some(number);
        self.make_room(room, &name)
    }

    /// Whether there is a profile, and nothing changed it since it was read.
    pub fn is_as_read(&self, name: &CustomerName) -> bool {
        let slot = self.places.get(name).and_then(|place| self.slots.get(*place));
        slot.is_some_and(|slot| !slot.dirty && slot.written.is_some())
    }

    /// Whether there was a profile.
    pub fn remove(&mut self, name: &CustomerName) -> bool {
        let Some(place) = self.places.remove(name) else { return false };
        let slot = self.slots.swap_remove(place);
        self.bytes -= slot.profile.len();
        if let Some(moved) = self.slots.get(place) {
            self.places.insert(moved.name, place);
        }
        true
    }

    /// Up to `most` changed profiles to be written.
    pub fn take_dirty(&mut self, most: usize, out: &mut Vec<(CustomerName, Box<[u8]>)>) {
        while out.len() < most
            && let Some(name) = self.dirty.pop()
        {
            if let Some(slot) = self.slot(&name).filter(|slot| slot.dirty) {
                slot.dirty = false;
                out.push((name, slot.profile.clone()));
            }
        }
    }

    /// Has it written once more.
    pub fn mark_dirty(&mut self, name: &CustomerName) {
        if let Some(slot) = self.slot(name).filter(|slot| !slot.dirty) {
            slot.dirty = true;
            self.dirty.push(*name);
        }
    }

    /// Has everything written once more, to a journal that holds nothing yet.
    pub fn mark_all_dirty(&mut self) {
        for slot in &mut self.slots {
            (slot.dirty, slot.written) = (true, None);
        }
        self.dirty = self.slots.iter().map(|slot| slot.name).collect();
    }

    pub fn set_written(&mut self, name: &CustomerName, number: RecordNumber) {
        if let Some(slot) = self.slot(name) {
            slot.written = Some(number);
        }
    }

    pub fn is_written_in(&self, name: &CustomerName, number: RecordNumber) -> bool {
        let slot = self.places.get(name).and_then(|place| self.slots.get(*place));
        slot.is_some_and(|slot| slot.written == Some(number))
    }

    /// Removes who was not seen since before `oldest`; how many.
    pub fn expire(&mut self, oldest: Day) -> usize {
        let gone = |slot: &&Slot| Profile::seen_of(&slot.profile).is_none_or(|seen| seen < oldest);
        let names: Vec<CustomerName> = self.slots.iter().filter(gone).map(|slot| slot.name).collect();
        names.iter().filter(|name| self.remove(name)).count()
    }

    fn slot(&mut self, name: &CustomerName) -> Option<&mut Slot> {
        self.places.get(name).and_then(|place| self.slots.get_mut(*place))
    }

    fn store(&mut self, name: CustomerName, profile: &[u8]) -> &mut Slot {
        self.bytes += profile.len();
        self.changes += 1;
        let change = self.changes;
        let next = self.slots.len();
        let place = *self.places.entry(name).or_insert(next);
        if place == next {
            let profile = Box::from(profile);
            self.slots.push(Slot { name, profile, change, written: None, dirty: false, seen: false });
        } else if let Some(slot) = self.slots.get_mut(place) {
            self.bytes -= slot.profile.len();
            (slot.seen, slot.change) = (true, change);
            if slot.profile.len() == profile.len() {
                slot.profile.copy_from_slice(profile);
            } else {
                slot.profile = Box::from(profile);
            }
        }
        self.slots.get_mut(place).expect("it was there, or was just added")
    }

    /// Takes others away until there is room again.
    fn make_room(&mut self, room: Room, newest: &CustomerName) -> usize {
        let mut gone = 0;
        while (self.slots.len() > room.customers || self.bytes > room.bytes) && self.slots.len() > 1 {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            let Some(slot) = self.slots.get_mut(self.hand) else { break };
            if slot.seen || slot.name == *newest {
                slot.seen = false;
                self.hand += 1;
            } else {
                // The last takes its place, and comes under the hand next.
                let name = slot.name;
                gone += usize::from(self.remove(&name));
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { customers: 3, bytes: 1_000 };

    fn name(nth: u8) -> CustomerName {
        CustomerName([nth; 16])
    }

    fn held(shard: &Shard) -> Vec<u8> {
        let mut held: Vec<u8> = shard.slots.iter().map(|slot| slot.name.0[0]).collect();
        held.sort_unstable();
        held
    }

    #[test]
    fn who_was_not_seen_for_long_makes_room() {
        let mut shard = Shard::default();
        for nth in [1, 2, 3, 1, 3] {
            assert_eq!(shard.put(name(nth), &[nth], ROOM), 0);
        }
        assert_eq!(shard.put(name(4), &[4], ROOM), 1);
        assert_eq!(held(&shard), [1, 3, 4]);
        assert_eq!(shard.profile(&name(4)), Some(&[4][..]));
        // Nobody is passed over for ever, and the newest is never the one that goes.
        for nth in 5..50 {
            assert_eq!(shard.put(name(nth), &[nth], ROOM), 1);
            assert!(held(&shard).contains(&nth));
        }
        assert_eq!((shard.customers(), shard.bytes()), (3, 3));
    }

    #[test]
    fn a_change_is_told_from_every_other_even_where_the_customer_was_forgotten_between() {
        let mut shard = Shard::default();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..3 {
            shard.put(name(1), &[1], ROOM);
            seen.extend(shard.profile_and_change(&name(1)).map(|(_, change)| change));
            shard.put(name(1), &[1], ROOM);
            seen.extend(shard.profile_and_change(&name(1)).map(|(_, change)| change));
            shard.remove(&name(1));
        }
        assert_eq!((seen.len(), shard.profile_and_change(&name(1))), (6, None));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut shard = Shard::default();
        for nth in 0..3 {
            shard.put(name(nth), &[nth; 300], ROOM);
        }
        assert_eq!(shard.put(name(0), &[0; 500], ROOM), 1);
        assert!(shard.bytes() <= ROOM.bytes && held(&shard).contains(&0));
        assert_eq!(shard.put(name(9), &[9; 2_000], ROOM), 2, "one larger than all room stands alone");
    }

    #[test]
    fn a_change_is_written_once_and_again_when_that_failed() {
        let mut shard = Shard::default();
        (1..4).for_each(|nth| assert_eq!(shard.put(name(nth), &[nth], ROOM), 0));
        shard.put(name(1), &[10], ROOM);
        shard.remove(&name(2));
        let take = |shard: &mut Shard| {
            let mut out = Vec::new();
            shard.take_dirty(9, &mut out);
            let mut taken: Vec<(u8, u8)> = out.iter().map(|(name, profile)| (name.0[0], profile[0])).collect();
            taken.sort_unstable();
            taken
        };
        assert_eq!(take(&mut shard), [(1, 10), (3, 3)]);
        assert_eq!(take(&mut shard), []);
        shard.mark_dirty(&name(3));
        assert_eq!(take(&mut shard), [(3, 3)]);
        shard.set_written(&name(3), RecordNumber(7));
        assert!(shard.is_written_in(&name(3), RecordNumber(7)) && !shard.is_written_in(&name(1), RecordNumber(7)));
        shard.mark_all_dirty();
        assert_eq!(take(&mut shard), [(1, 10), (3, 3)]);
        assert!(!shard.is_written_in(&name(3), RecordNumber(7)));
    }
}
