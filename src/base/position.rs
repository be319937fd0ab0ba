//! Positions in append-only logs: never bare integers.

use std::fmt;

/// Zero-based index of one entry in its feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryIndex(pub u64);

/// Number of entries in a feed, also the index the next entry will get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreeSize(pub u64);

impl TreeSize {
    pub const EMPTY: Self = Self(0);

    /// The index of the next entry appended at this size.
    pub fn next_index(self) -> EntryIndex {
        EntryIndex(self.0)
    }

    /// The size after `count` more entries; none where a feed would outgrow 64 bits.
    pub fn plus(self, count: u64) -> Option<Self> {
        self.0.checked_add(count).map(Self)
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for EntryIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Consecutive entries `[start, end)` of one feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryRange {
    start: EntryIndex,
    end: TreeSize,
}

impl EntryRange {
    /// None where the range would be empty or backwards.
    pub fn new(start: EntryIndex, end: TreeSize) -> Option<Self> {
        (start.0 < end.0).then_some(Self { start, end })
    }

    pub fn start(&self) -> EntryIndex {
        self.start
    }

    pub fn end(&self) -> TreeSize {
        self.end
    }

    pub fn count(&self) -> u64 {
        self.end.0 - self.start.0
    }
}
