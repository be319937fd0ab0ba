//! The names of the orders in the window, each kept once however many orders share it.
//!
//! A table leads from a pseudonym to its row, by the first bytes of what is an HMAC already. Nothing depends on the order in
//! which it holds them.

use std::collections::VecDeque;

use hashbrown::HashTable;

use crate::base::bytes::Pseudonym;
use crate::base::epoch::EpochId;
use crate::base::kind::IdentifierKind;
use crate::domain::pseudonym::keys::Seal;
use crate::domain::screening::late::order::{OrderNumber, Trace};

/// Rows of a chunk, half a megabyte.
const CHUNK: usize = 4_096;

/// The row of a name, for as long as an order holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRow(usize);

/// One form of an identifier under one epoch, and the orders that have it.
#[derive(Debug)]
pub struct Name {
    pub pseudonym: Pseudonym,
    pub kind: IdentifierKind,
    pub epoch_id: EpochId,
    pub seal: Seal,
    oldest: OrderNumber,
    /// Those behind the oldest, ascending. Most names have none.
    later: VecDeque<OrderNumber>,
}

impl Name {
    /// The orders that have it, ascending.
    pub fn orders(&self) -> impl Iterator<Item = OrderNumber> {
        std::iter::once(self.oldest).chain(self.later.iter().copied())
    }

    fn newest(&self) -> OrderNumber {
        self.later.back().copied().unwrap_or(self.oldest)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Names {
    /// In chunks that never move: a seal leaves no copy behind. As many rows as there ever were names at once.
    chunks: Vec<Vec<Option<Name>>>,
    free: Vec<NameRow>,
    places: HashTable<NameRow>,
}

impl Names {
    pub fn get(&self, row: NameRow) -> Option<&Name> {
        name_in(&self.chunks, row)
    }

    fn place_mut(&mut self, row: NameRow) -> &mut Option<Name> {
        let NameRow(index) = row;
        let chunk = self.chunks.get_mut(index / CHUNK);
        chunk.and_then(|chunk| chunk.get_mut(index % CHUNK)).expect("a row that was given out is there")
    }

    pub fn find(&self, pseudonym: &Pseudonym) -> Option<&Name> {
        self.get(self.row_of(pseudonym)?)
    }

    fn row_of(&self, pseudonym: &Pseudonym) -> Option<NameRow> {
        let is_it = |row: &NameRow| self.get(*row).is_some_and(|name| name.pseudonym == *pseudonym);
        self.places.find(hash(pseudonym), is_it).copied()
    }

    /// The newest order has this name.
    pub fn join(&mut self, trace: Trace, order: OrderNumber) -> NameRow {
        let Trace { kind, epoch_id, pseudonym, seal, .. } = trace;
        if let Some(row) = self.row_of(&pseudonym) {
            if let Some(name) = self.place_mut(row).as_mut().filter(|name| name.newest() != order) {
                name.later.push_back(order);
            }
            return row;
        }
        let row = self.free.pop().unwrap_or_else(|| self.another_row());
        let name = Name { pseudonym, kind, epoch_id, seal, oldest: order, later: VecDeque::new() };
        *self.place_mut(row) = Some(name);
        let Self { chunks, places, .. } = self;
        let hash_of = |row: &NameRow| {
            let name = name_in(chunks, *row).expect("a row that the table leads to holds a name");
            hash(&name.pseudonym)
        };
        places.insert_unique(hash(&pseudonym), row, hash_of);
        row
    }

    fn another_row(&mut self) -> NameRow {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let full = self.chunks.len() - 1;
        let chunk = self.chunks.last_mut().expect("one was pushed");
        chunk.push(None);
        NameRow(full * CHUNK + chunk.len() - 1)
    }

    /// The oldest order leaves, and the name with it where no other has it.
    pub fn leave(&mut self, row: NameRow, order: OrderNumber) {
        let place = self.place_mut(row);
        let Some(name) = place.as_mut().filter(|name| name.oldest == order) else { return };
        if let Some(next) = name.later.pop_front() {
            name.oldest = next;
            return;
        }
        let pseudonym = name.pseudonym;
        *place = None;
        if let Ok(found) = self.places.find_entry(hash(&pseudonym), |held| *held == row) {
            found.remove();
        }
        self.free.push(row);
    }
}

fn name_in(chunks: &[Vec<Option<Name>>], NameRow(index): NameRow) -> Option<&Name> {
    chunks.get(index / CHUNK)?.get(index % CHUNK)?.as_ref()
}

fn hash(pseudonym: &Pseudonym) -> u64 {
    pseudonym.0.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}
