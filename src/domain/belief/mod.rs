//! What this node believes: every unexpired statement of every verified feed, resident in memory, found by pseudonym.
//!
//! The merge is independent of order: entries of any feeds, in any order and any number of times, lead to the same state.
//! Readers never wait: the table, the records and the parties are atomics behind one swapped pointer ([`view`]); one
//! writer at a time changes them in place ([`writer`]). Nothing here opens a seal or decides: that is screening.
//!
//! Memory of an indicator of usual length: 184 bytes of record ([`record`]), 9.1 to 11.1 of lookup table,
//! 4.5 to 5.6 of the index by name. The belief of a node is rebuilt at start from its journal; an [`image`] of it on disk
//! only bridges the time until then.

pub mod said;

pub mod view;

pub mod writer;

pub mod parties;

pub mod place;

pub mod record;

pub mod brake;

pub mod changes;

pub mod disputes;

mod facts;

pub mod image;

pub mod load;

mod mentions;

mod names;

mod placing;

mod slab;

mod table;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use crate::base::kind::IdentifierKind;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::domain::belief::brake::Brake;
use crate::domain::belief::changes::{Changed, Changes};
use crate::domain::belief::disputes::Standings;
use crate::domain::belief::mentions::Mentions;
use crate::domain::belief::parties::{FeedNumber, Parties};
use crate::domain::belief::place::{SEGMENTS, TableKey};
use crate::domain::belief::table::Segment;
use crate::domain::belief::view::{Roots, View};
use crate::domain::belief::writer::{Writer, WriterState};

/// Whether statements need witnesses before they count fully.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witnessing {
    /// Too few members for witnesses: everything verified counts fully.
    NotNeeded,
    /// Entries are provisional until [`Belief::set_witnessed`] covers them.
    Needed,
}

/// The resident belief of a node.
#[derive(Debug)]
pub struct Belief {
    key: TableKey,
    roots: ArcSwap<Roots>,
    mentions: Mentions,
    changes: Changes,
    /// What is disputed, and how far.
    disputed: ArcSwap<Standings>,
    writer: Mutex<WriterState>,
}

/// How much is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Indicators that count, provisional ones included.
    pub live: u64,
    /// Indicators kept though withdrawn, until they expire.
    pub retracted: u64,
}

/// Bytes in use, by part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    pub records_bytes: usize,
    pub table_bytes: usize,
    pub names_bytes: usize,
    /// Retractions, erasures, mentions and disputes.
    pub facts_bytes: usize,
    pub indicators: u64,
}

impl Memory {
    pub fn total_bytes(&self) -> usize {
        self.records_bytes + self.table_bytes + self.names_bytes + self.facts_bytes
    }

    /// Bytes per indicator, everything included, rounded up; 0 where nothing is held.
    pub fn bytes_per_indicator(&self) -> u64 {
        let total = u64::try_from(self.total_bytes()).expect("memory fits 64 bits");
        if self.indicators == 0 { 0 } else { total.div_ceil(self.indicators) }
    }
}

impl Belief {
    pub fn new(key: TableKey, witnessing: Witnessing) -> Self {
        Self::with_room_for(0, key, witnessing)
    }

    /// Empty, its tables large enough for so many indicators of different pseudonyms.
    fn with_room_for(indicators: usize, key: TableKey, witnessing: Witnessing) -> Self {
        let each = indicators.div_ceil(SEGMENTS);
        let segments = (0..SEGMENTS).map(|_| Arc::new(Segment::with_room_for(each))).collect();
        let parties = Arc::new(Parties::new(witnessing));
        let roots =
            Arc::new(Roots { segments, chunks: Arc::from(Vec::new()), parties, brake: Arc::new(Brake::default()) });
        Self {
            key,
            roots: ArcSwap::new(Arc::clone(&roots)),
            mentions: Mentions::new(key),
            changes: Changes::default(),
            disputed: ArcSwap::default(),
            writer: Mutex::new(WriterState::new(roots, each)),
        }
    }

    /// For looking up; wait-free. Hold it for one screening or one batch, not longer.
    pub fn view(&self) -> View<'_> {
        View::new(self)
    }

    /// For changing; waits for another writer, never for readers. Hold it for one batch.
    pub fn writer(&self) -> Writer<'_> {
        let state = self.writer.lock().expect("no writer panics while it holds belief");
        Writer::new(self, state)
    }

    /// Which pseudonyms may be believed otherwise than when this was asked last.
    pub fn take_changes(&self) -> Changed {
        self.changes.take()
    }

    /// How many indicators others added since this was asked last, by member and kind.
    pub fn take_arrivals(&self) -> BTreeMap<(MemberId, IdentifierKind), u64> {
        let roots = self.roots.load();
        let arrived = self.changes.take_arrivals().into_iter();
        let named =
            arrived.filter_map(|((member, kind), count)| Some(((roots.parties.member(member)?.clone(), kind), count)));
        named.collect()
    }

    /// Grows with every change: what was looked up under a smaller one may be answered otherwise now.
    pub fn version(&self) -> u64 {
        self.changes.version()
    }

    /// Entries of a feed below `size` have all witnesses they need.
    pub fn set_witnessed(&self, feed: FeedNumber, size: TreeSize) {
        if let Some(row) = self.roots.load().parties.feed(feed) {
            row.set_witnessed(size);
        }
    }

    /// What is held of all feeds.
    pub fn held(&self) -> Held {
        self.held_by_feed().into_iter().fold(Held::default(), |sum, (_, held)| Held {
            live: sum.live + held.live,
            retracted: sum.retracted + held.retracted,
        })
    }

    /// What is held of each feed.
    pub fn held_by_feed(&self) -> Vec<(FeedId, Held)> {
        let roots = self.roots.load();
        let rows = roots.parties.feeds().map(|(_, row)| {
            let held =
                Held { live: row.live.load(Ordering::Relaxed), retracted: row.retracted.load(Ordering::Relaxed) };
            (row.id.clone(), held)
        });
        rows.collect()
    }
}
