//! Orders that were let through and may still be stopped: a flag that arrives after the answer, before or after the goods have
//! left.
//!
//! An order waits for as long as the product raises late matches, or until it ships where that is later. When a flag on one
//! of its identifiers arrives at its institution, it is screened once more; where the rule would now stop it, that is a late
//! match. The flag that the order itself led to does not count.

use std::collections::{BTreeMap, VecDeque};

use crate::app::replay::history::{History, Row, RowId};
use crate::app::replay::values::{FormId, Standing};
use crate::base::bytes::Commitment;
use crate::base::limits::decisions::LATE_MATCH_S;
use crate::base::time::Timestamp;
use crate::domain::profile::facts::ProfileFacts;

/// Frauds and honest orders among what was let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LateCounts {
    /// Frauds found before the goods left.
    pub before: u32,
    /// Frauds found only after.
    pub after: u32,
    /// Honest orders that would have been kept back before they left.
    pub honest_before: u32,
    /// Honest orders that would have been called back after.
    pub honest_after: u32,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Late {
    ship_after_ms: u64,
    window_ms: u64,
    /// Orders let through, by the forms of their identifiers, in order of time.
    by_form: Vec<VecDeque<RowId>>,
    /// How each of them stood against its customer's profile when it was answered, where it names one; and their order.
    profiles: BTreeMap<RowId, ProfileFacts>,
    asked: VecDeque<RowId>,
    /// What the orders that turned out to be frauds became in the own feed.
    names: BTreeMap<RowId, (Timestamp, Vec<Commitment>)>,
    found: BTreeMap<RowId, Timestamp>,
    pub counts: LateCounts,
}

impl Late {
    pub fn new(ship_after_ms: u64, forms: usize) -> Self {
        Self {
            ship_after_ms,
            window_ms: ship_after_ms.max(LATE_MATCH_S * 1_000),
            by_form: vec![VecDeque::new(); forms],
            profiles: BTreeMap::new(),
            asked: VecDeque::new(),
            names: BTreeMap::new(),
            found: BTreeMap::new(),
            counts: LateCounts::default(),
        }
    }

    /// An order was let through.
    pub fn wait(&mut self, history: &History, order: RowId, profile: Option<ProfileFacts>) {
        if let Some(profile) = profile {
            self.profiles.insert(order, profile);
            self.asked.push_back(order);
        }
        let now = history.row(order).at;
        while let Some(first) =
            self.asked.front().filter(|first| now.ms_since(history.row(**first).at) > self.window_ms)
        {
            self.profiles.remove(first);
            self.asked.pop_front();
        }
        for form in forms(history, order) {
            if let Some(waiting) = self.by_form.get_mut(form.position()) {
                waiting.push_back(order);
            }
        }
    }

    /// An order turned out to be a fraud.
    pub fn name(&mut self, order: RowId, name: Commitment, now: Timestamp) {
        self.names.entry(order).or_insert_with(|| (now, Vec::new())).1.push(name);
    }

    /// How an order stood against its customer's profile when it was answered.
    pub fn profile_of(&self, order: RowId) -> ProfileFacts {
        self.profiles.get(&order).copied().unwrap_or_default()
    }

    /// What an order led to itself.
    pub fn names_of(&self, order: RowId) -> &[Commitment] {
        self.names.get(&order).map_or(&[], |(_, names)| names)
    }

    /// Orders that share an identifier with these frauds and were not found yet, each once. What has waited long enough is
    /// forgotten on the way.
    pub fn affected(&mut self, history: &History, frauds: &[RowId], now: Timestamp) -> Vec<RowId> {
        let (window_ms, is_over) = (self.window_ms, |since: Timestamp, window_ms| now.ms_since(since) > window_ms);
        let mut affected = Vec::new();
        for form in frauds.iter().flat_map(|fraud| forms(history, *fraud)) {
            let Some(waiting) = self.by_form.get_mut(form.position()) else { continue };
            while waiting.front().is_some_and(|order| is_over(history.row(*order).at, window_ms)) {
                waiting.pop_front();
            }
            affected.extend(waiting.iter().filter(|order| !self.found.contains_key(order)));
        }
        affected.sort_unstable();
        affected.dedup();
        self.names.retain(|_, (since, _)| !is_over(*since, window_ms));
        self.found.retain(|_, since| !is_over(*since, window_ms));
        affected
    }

    /// The rule would now stop an order.
    pub fn find(&mut self, id: RowId, order: &Row, now: Timestamp) {
        self.found.insert(id, order.at);
        let has_left = now.ms_since(order.at) >= self.ship_after_ms;
        let count = match (order.is_fraud, has_left) {
            (true, false) => &mut self.counts.before,
            (true, true) => &mut self.counts.after,
            (false, false) => &mut self.counts.honest_before,
            (false, true) => &mut self.counts.honest_after,
        };
        *count += 1;
    }
}

fn forms(history: &History, row: RowId) -> impl Iterator<Item = FormId> {
    let values = history.identifiers(row).map(|value| history.values.standing(value));
    let forms = values.filter_map(|standing| match standing {
        Standing::Usable(forms) => Some(forms),
        Standing::Malformed(_) | Standing::Guarded => None,
    });
    forms.flatten().copied()
}
