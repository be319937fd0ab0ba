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
use crate::domain::screening::late::order::Trace;
use crate::domain::screening::late::window::OrderNumber;

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
    rows: Vec<Option<Name>>,
    free: Vec<NameRow>,
    places: HashTable<NameRow>,
}

impl Names {
    pub fn get(&self, row: NameRow) -> Option<&Name> {
        self.rows.get(row.0)?.as_ref()
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
            if let Some(Some(name)) = self.rows.get_mut(row.0)
                && name.newest() != order
            {
                name.later.push_back(order);
            }
            return row;
        }
        let name = Name { pseudonym, kind, epoch_id, seal, oldest: order, later: VecDeque::new() };
        let row = match self.free.pop() {
            Some(row) => row,
            None => {
                self.rows.push(None);
                NameRow(self.rows.len() - 1)
            }
        };
        if let Some(place) = self.rows.get_mut(row.0) {
            *place = Some(name);
        }
        let rows = &self.rows;
        let hash_of = |row: &NameRow| rows.get(row.0).and_then(Option::as_ref).map_or(0, |name| hash(&name.pseudonym));
        self.places.insert_unique(hash(&pseudonym), row, hash_of);
        row
    }

    /// The oldest order leaves, and the name with it where no other has it.
    pub fn leave(&mut self, row: NameRow, order: OrderNumber) {
        let Some(place) = self.rows.get_mut(row.0) else { return };
        let Some(name) = place.as_mut().filter(|name| name.oldest == order) else { return };
        if let Some(next) = name.later.pop_front() {
            name.oldest = next;
            return;
        }
        if let Ok(found) = self.places.find_entry(hash(&name.pseudonym), |held| *held == row) {
            found.remove();
        }
        *place = None;
        self.free.push(row);
    }
}

fn hash(pseudonym: &Pseudonym) -> u64 {
    pseudonym.0.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}
