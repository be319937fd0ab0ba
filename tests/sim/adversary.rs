//! A relay that lies about what it passes on: it edits, drops, reorders, withholds and strips, and signs nothing false.

use hushwire::base::position::EntryIndex;
use hushwire::domain::exchange::batch::UnverifiedBatch;
use rand::RngExt;

use crate::options::Mutant;
use crate::world::World;

impl World {
    /// What a server really sends; none where it withholds.
    pub fn tamper(&mut self, (_, server): (usize, usize), mut batch: UnverifiedBatch) -> Option<UnverifiedBatch> {
        let foreign = self.consortium.place(&batch.feed.member) != self.houses[server].member;
        if self.options.mutant == Some(Mutant::Withholds) {
            batch.entries.pop();
            return Some(batch).filter(|batch| !batch.entries.is_empty());
        }
        let relay = self.options.relay && self.houses[server].member + 1 == self.consortium.members.len();
        if !(self.relay_lies && relay && foreign) || self.rng.random_bool(0.3) {
            return Some(batch);
        }
        let at = self.rng.random_range(0..batch.entries.len());
        let vice = self.rng.random_range(0..9);
        self.note(&("lies", server, vice));
        match vice {
            0 => return None,
            1 => flip(&mut batch.entries[at].blob),
            2 => flip(&mut batch.entries[at].leaf),
            3 => drop(batch.entries.remove(at)),
            4 => batch.entries.reverse(),
            // A leaf without what it stands for: the retraction nobody hears of.
            5 => (batch.entries[at].blob, batch.entries[at].salt) = (Vec::new(), Vec::new()),
            6 => flip(&mut batch.checkpoint_note),
            7 => batch.first_index = EntryIndex(batch.first_index.0 + 1),
            _ => batch.consistency.push(vec![7; 32]),
        }
        Some(batch)
    }
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
}
