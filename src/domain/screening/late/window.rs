//! The orders of the past days that passed, found by the pseudonyms of their identifiers. In memory only.
//!
//! Bounded in time, in orders and in names: beyond any of them the oldest order leaves. A name that many orders share is
//! kept once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::bytes::Pseudonym;
use crate::base::epoch::EpochId;
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::pseudonym::keys::Seal;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::late::order::{Order, Trace};

/// What the window may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub keep_s: u64,
    pub orders: usize,
    /// Names over all orders, each order's own ones.
    pub names: usize,
}

/// Names one order of the window; later ones are larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderNumber(u64);

#[derive(Debug)]
struct Name {
    kind: IdentifierKind,
    epoch_id: EpochId,
    seal: Seal,
    /// Ascending.
    orders: VecDeque<OrderNumber>,
}

/// How one order holds a name.
#[derive(Debug, Clone, Copy)]
pub struct Of {
    /// Index in the request.
    pub identifier: usize,
    /// The kind as given.
    pub given: IdentifierKind,
    pub weak: bool,
    pseudonym: Pseudonym,
}

#[derive(Debug)]
struct Row {
    order: Order,
    names: Vec<Of>,
    /// The last word on it.
    told: Decision,
}

/// The window.
#[derive(Debug)]
pub struct LateWindow {
    bounds: Bounds,
    next: u64,
    rows: BTreeMap<OrderNumber, Row>,
    names: BTreeMap<Pseudonym, Name>,
    /// Over all orders.
    names_held: usize,
    /// Orders whose last word is stricter than their answer.
    raised: BTreeSet<OrderNumber>,
    /// Orders that left before their time.
    crowded_out: u64,
}

/// A name of a held order.
#[derive(Debug, Clone, Copy)]
pub struct HeldName<'a> {
    pub pseudonym: &'a Pseudonym,
    pub kind: IdentifierKind,
    pub epoch_id: EpochId,
    pub seal: &'a Seal,
}

/// One order of the window.
#[derive(Debug)]
pub struct Held<'a> {
    window: &'a LateWindow,
    row: &'a Row,
}

impl Held<'_> {
    pub fn order(&self) -> &Order {
        &self.row.order
    }

    /// The last word on it: the answer, or what was told since.
    pub fn told(&self) -> Decision {
        self.row.told
    }

    pub fn traces(&self) -> impl Iterator<Item = (Of, HeldName<'_>)> {
        self.row.names.iter().filter_map(|of| {
            let name = self.window.names.get(&of.pseudonym)?;
            let Name { kind, epoch_id, seal, .. } = name;
            Some((*of, HeldName { pseudonym: &of.pseudonym, kind: *kind, epoch_id: *epoch_id, seal }))
        })
    }
}

impl LateWindow {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            next: 0,
            rows: BTreeMap::new(),
            names: BTreeMap::new(),
            names_held: 0,
            raised: BTreeSet::new(),
            crowded_out: 0,
        }
    }

    pub fn orders(&self) -> usize {
        self.rows.len()
    }

    /// Orders that left before their time, for want of room.
    pub fn crowded_out(&self) -> u64 {
        self.crowded_out
    }

    /// Takes an order in. An order without a name can never match and is not kept.
    pub fn put(&mut self, order: Order, traces: Vec<Trace>) -> Option<OrderNumber> {
        if traces.is_empty() || self.bounds.orders == 0 {
            return None;
        }
        let number = OrderNumber(self.next);
        self.next += 1;
        let mut names: Vec<Of> = Vec::with_capacity(traces.len());
        for trace in traces {
            let Trace { identifier, given, kind, weak, epoch_id, pseudonym, seal } = trace;
            let name =
                self.names.entry(pseudonym).or_insert_with(|| Name { kind, epoch_id, seal, orders: VecDeque::new() });
            if name.orders.back() != Some(&number) {
                name.orders.push_back(number);
            }
            names.push(Of { identifier, given, weak, pseudonym });
        }
        self.names_held += names.len();
        let told = order.answered;
        self.rows.insert(number, Row { order, names, told });
        while self.rows.len() > self.bounds.orders || self.names_held > self.bounds.names {
            self.drop_oldest();
            self.crowded_out += 1;
        }
        self.rows.contains_key(&number).then_some(number)
    }

    /// Lets go of what is older than the window.
    pub fn expire(&mut self, now: Timestamp) {
        while let Some(row) = self.rows.first_entry() {
            if row.get().order.at.plus_s(self.bounds.keep_s) > now {
                return;
            }
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((number, row)) = self.rows.pop_first() else { return };
        self.raised.remove(&number);
        self.names_held -= row.names.len();
        for of in row.names {
            let Some(name) = self.names.get_mut(&of.pseudonym) else { continue };
            // The oldest order stands first wherever it stands.
            if name.orders.front() == Some(&number) {
                name.orders.pop_front();
            }
            if name.orders.is_empty() {
                self.names.remove(&of.pseudonym);
            }
        }
    }

    /// The orders a pseudonym stands in.
    pub fn concerned(&self, pseudonym: &Pseudonym) -> impl Iterator<Item = OrderNumber> {
        self.names.get(pseudonym).into_iter().flat_map(|name| name.orders.iter().copied())
    }

    pub fn all(&self) -> impl Iterator<Item = OrderNumber> {
        self.rows.keys().copied()
    }

    /// Orders that a late match stands for.
    pub fn raised(&self) -> impl Iterator<Item = OrderNumber> {
        self.raised.iter().copied()
    }

    pub fn get(&self, number: OrderNumber) -> Option<Held<'_>> {
        self.rows.get(&number).map(|row| Held { window: self, row })
    }

    /// What was told of an order is the last word on it.
    pub fn tell(&mut self, number: OrderNumber, decision: Decision) {
        let Some(row) = self.rows.get_mut(&number) else { return };
        row.told = decision;
        if decision > row.order.answered {
            self.raised.insert(number);
        } else {
            self.raised.remove(&number);
        }
    }
}
