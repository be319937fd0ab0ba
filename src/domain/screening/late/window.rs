//! The orders of the past days that passed, found by the pseudonyms of their identifiers. In memory only.
//!
//! Bounded in time, in orders and in names: beyond any of them the oldest order leaves. A name that many orders share is
//! kept once.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::base::bytes::Pseudonym;
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::late::names::{Name, NameRow, Names};
use crate::domain::screening::late::order::{Order, OrderNumber, Trace};

/// What the window may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub keep_s: u64,
    pub orders: usize,
    /// Names over all orders, each order's own ones.
    pub names: usize,
}

/// How one order holds a name.
#[derive(Debug, Clone, Copy)]
pub struct Of {
    /// Index in the request.
    pub identifier: usize,
    /// The kind as given.
    pub given: IdentifierKind,
    pub weak: bool,
    name: NameRow,
}

#[derive(Debug)]
struct Row {
    order: Box<Order>,
    caller: Arc<str>,
    names: Vec<Of>,
    /// The last word on it.
    told: Decision,
}

/// The window.
#[derive(Debug)]
pub struct LateWindow {
    bounds: Bounds,
    /// Orders that have left: the number of the oldest that is held.
    left: u64,
    /// In the order of their numbers, which have no gaps.
    rows: VecDeque<Row>,
    names: Names,
    /// Over all orders.
    names_held: usize,
    /// Orders whose last word is stricter than their answer.
    raised: BTreeSet<OrderNumber>,
    /// Orders that left before their time.
    crowded_out: u64,
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

    /// Who screened it, as the audit log names callers.
    pub fn caller(&self) -> &str {
        &self.row.caller
    }

    /// The last word on it: the answer, or what was told since.
    pub fn told(&self) -> Decision {
        self.row.told
    }

    pub fn traces(&self) -> impl Iterator<Item = (Of, &Name)> {
        self.row.names.iter().filter_map(|of| Some((*of, self.window.names.get(of.name)?)))
    }
}

impl LateWindow {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            left: 0,
            rows: VecDeque::new(),
            names: Names::default(),
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

    /// Takes an order in. `caller`: who screened it, as the audit log names callers. An order without a name can never match and
    /// is not kept.
    pub fn put(&mut self, order: Box<Order>, caller: Arc<str>, traces: Vec<Trace>) -> Option<OrderNumber> {
        if traces.is_empty() || self.bounds.orders == 0 {
            return None;
        }
        let number = OrderNumber(self.next());
        // Collected they would keep the room of the traces, which are five times as large.
        let mut names = Vec::with_capacity(traces.len());
        for trace in traces {
            let Trace { identifier, given, weak, .. } = trace;
            names.push(Of { identifier, given, weak, name: self.names.join(trace, number) });
        }
        self.names_held += names.len();
        let told = order.answered;
        self.rows.push_back(Row { order, caller, names, told });
        while self.rows.len() > self.bounds.orders || self.names_held > self.bounds.names {
            self.drop_oldest();
            self.crowded_out += 1;
        }
        self.row(number).map(|_| number)
    }

    /// Lets go of what is older than the window.
    pub fn expire(&mut self, now: Timestamp) {
        while self.rows.front().is_some_and(|row| row.order.at.plus_s(self.bounds.keep_s) <= now) {
            self.drop_oldest();
        }
    }

    fn next(&self) -> u64 {
        self.left.saturating_add(u64::try_from(self.rows.len()).unwrap_or(u64::MAX))
    }

    fn drop_oldest(&mut self) {
        let Some(row) = self.rows.pop_front() else { return };
        let number = OrderNumber(self.left);
        self.left += 1;
        self.raised.remove(&number);
        self.names_held -= row.names.len();
        for of in row.names {
            self.names.leave(of.name, number);
        }
    }

    fn row(&self, number: OrderNumber) -> Option<&Row> {
        self.rows.get(self.place(number)?)
    }

    fn place(&self, number: OrderNumber) -> Option<usize> {
        usize::try_from(number.0.checked_sub(self.left)?).ok()
    }

    /// The orders a pseudonym stands in.
    pub fn concerned(&self, pseudonym: &Pseudonym) -> impl Iterator<Item = OrderNumber> {
        self.names.find(pseudonym).into_iter().flat_map(Name::orders)
    }

    pub fn all(&self) -> impl Iterator<Item = OrderNumber> {
        (self.left..self.next()).map(OrderNumber)
    }

    /// Orders that a late match stands for.
    pub fn raised(&self) -> impl Iterator<Item = OrderNumber> {
        self.raised.iter().copied()
    }

    pub fn get(&self, number: OrderNumber) -> Option<Held<'_>> {
        self.row(number).map(|row| Held { window: self, row })
    }

    /// What was told of an order is the last word on it.
    pub fn tell(&mut self, number: OrderNumber, decision: Decision) {
        let Some(row) = self.place(number).and_then(|place| self.rows.get_mut(place)) else { return };
        row.told = decision;
        if decision > row.order.answered {
            self.raised.insert(number);
        } else {
            self.raised.remove(&number);
        }
    }
}
