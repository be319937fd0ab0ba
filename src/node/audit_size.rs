//! What the audit log takes in the store, by day and kind, and what retention will free of it.
//!
//! Counted as records are applied, and once more by every sweep, which sees all of them: what it took, the next count does not
//! hold. Bytes are those before framing and encryption.

use std::collections::BTreeMap;

use crate::base::position::TreeSize;
use crate::base::time::Day;
use crate::domain::audit::record::AuditRecord;
use crate::domain::feed::entry::Leaf;
use crate::node::Node;
use crate::node::commit::StoredEntry;
use crate::node::detail_stored::DecisionDetailed;
use crate::node::store::{Journal, Views};

/// The kind of what stands behind decisions.
const DETAIL: &str = "detail";

/// The kind of entries that lost their content; nobody knows any more of which day they were.
const EXPIRED: &str = "expired";

/// Entries and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub entries: u64,
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.entries = self.entries.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn plus(&mut self, other: Self) {
        self.entries = self.entries.saturating_add(other.entries);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// One count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tallies {
    rows: BTreeMap<Day, BTreeMap<String, Tally>>,
    expired: Tally,
    /// Contents by the day on which retention ends.
    freed: BTreeMap<Day, u64>,
    /// Contents that only holds keep.
    held_bytes: u64,
}

impl Tallies {
    /// An entry of the log; `record` is what it says.
    pub(in crate::node) fn entry(&mut self, stored: &StoredEntry, record: Option<&AuditRecord>) {
        let content = length(stored.blob.len() + stored.salt.len());
        let bytes = content.saturating_add(length(stored.leaf.len()));
        let Some(record) = record else { return self.expired.add(bytes) };
        let kind = record.action().split('.').next().unwrap_or_default();
        self.add(record.time().day(), kind, bytes);
        if let Ok(leaf) = Leaf::decode(&stored.leaf) {
            self.frees(leaf.expires_day, content);
        }
    }

    /// What stands behind a decision of that day.
    pub(in crate::node) fn detail(&mut self, detailed: &DecisionDetailed, day: Day) {
        let parts = detailed.parts.iter().map(|part| part.blob.len() + part.salt.len() + part.commitment.len());
        let bytes = length(parts.sum());
        self.add(day, DETAIL, bytes);
        self.frees(Day(detailed.expires_day), bytes);
    }

    /// Content that is over and that a hold keeps.
    pub(in crate::node) fn held(&mut self, bytes: usize) {
        self.held_bytes = self.held_bytes.saturating_add(length(bytes));
    }

    fn add(&mut self, day: Day, kind: &str, bytes: u64) {
        let kinds = self.rows.entry(day).or_default();
        match kinds.get_mut(kind) {
            Some(tally) => tally.add(bytes),
            None => kinds.entry(kind.to_owned()).or_default().add(bytes),
        }
    }

    fn frees(&mut self, day: Day, bytes: u64) {
        let freed = self.freed.entry(day).or_default();
        *freed = freed.saturating_add(bytes);
    }

    fn plus(&mut self, other: Self) {
        for (day, kinds) in other.rows {
            let ours = self.rows.entry(day).or_default();
            for (kind, tally) in kinds {
                ours.entry(kind).or_default().plus(tally);
            }
        }
        self.expired.plus(other.expired);
        for (day, bytes) in other.freed {
            self.frees(day, bytes);
        }
        self.held_bytes = self.held_bytes.saturating_add(other.held_bytes);
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// All that stands, and what of it came since the last sweep began.
#[derive(Debug, Default)]
pub(in crate::node) struct AuditSizes {
    all: Tallies,
    since: Tallies,
}

impl AuditSizes {
    /// Counts what is applied.
    pub fn count(&mut self, add: impl Fn(&mut Tallies)) {
        add(&mut self.all);
        add(&mut self.since);
    }

    /// A sweep begins: it sees everything that was counted so far.
    pub fn begin_sweep(&mut self) {
        self.since = Tallies::default();
    }

    /// What the sweep left, and what came meanwhile.
    pub fn end_sweep(&mut self, mut left: Tallies) {
        left.plus(self.since.clone());
        self.all = left;
    }
}

/// What the log takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditSize {
    /// By month ("2026-11") and kind, the first word of the action; the month is empty where nobody knows it.
    pub rows: BTreeMap<(String, String), Tally>,
    /// What retention will free, by the month in which it ends.
    pub freed: BTreeMap<String, u64>,
    /// Contents that only holds keep, as of the last sweep.
    pub held_bytes: u64,
    /// Entries of the log.
    pub size: TreeSize,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Bytes of the log, and those of contents that only holds keep.
    pub fn audit_bytes(&self) -> (u64, u64) {
        let all = &self.state.sizes.all;
        let rows = all.rows.values().flat_map(BTreeMap::values).map(|tally| tally.bytes);
        (rows.fold(all.expired.bytes, u64::saturating_add), all.held_bytes)
    }

    /// What the log takes, by month.
    pub fn audit_size(&self) -> AuditSize {
        let all = &self.state.sizes.all;
        let mut size =
            AuditSize { held_bytes: all.held_bytes, size: self.state.audit.durable_size, ..AuditSize::default() };
        for (day, kinds) in &all.rows {
            for (kind, tally) in kinds {
                size.rows.entry((month(*day), kind.clone())).or_default().plus(*tally);
            }
        }
        if all.expired.entries > 0 {
            size.rows.insert((String::new(), EXPIRED.to_owned()), all.expired);
        }
        for (day, bytes) in &all.freed {
            let freed = size.freed.entry(month(*day)).or_default();
            *freed = freed.saturating_add(*bytes);
        }
        size
    }
}

/// The month a day belongs to, e.g. `2026-11`.
fn month(day: Day) -> String {
    let mut text = day.to_string();
    text.truncate(7);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_leaves_its_own_count_and_what_came_since_it_began() {
        let mut sizes = AuditSizes::default();
        sizes.count(|tallies| tallies.add(Day(20_000), "case", 100));
        sizes.count(|tallies| tallies.add(Day(20_000), "case", 100));
        sizes.begin_sweep();
        sizes.count(|tallies| tallies.add(Day(20_001), "case", 7));
        // It took the content of one.
        let mut left = Tallies::default();
        left.add(Day(20_000), "case", 100);
        left.expired.add(70);
        sizes.end_sweep(left);
        let case = |day| sizes.all.rows.get(&Day(day)).and_then(|kinds| kinds.get("case")).copied();
        assert_eq!(case(20_000), Some(Tally { entries: 1, bytes: 100 }));
        assert_eq!(case(20_001), Some(Tally { entries: 1, bytes: 7 }));
        assert_eq!(sizes.all.expired, Tally { entries: 1, bytes: 70 });
    }

    #[test]
    fn a_month_is_named_by_year_and_number() {
        assert_eq!(month(Day(20_775)), "2026-11");
    }
}
