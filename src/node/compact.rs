//! When what nobody needs any more leaves the journal, and how that goes on beside everything else. What may leave, says
//! [`crate::node::sweep`].
//!
//! Record numbers stay. Views point to records by number; what they know of forgotten requests and references goes too, after
//! the journal: whoever meets such a row after a crash in between finds no record and treats it as forgotten.
//!
//! Expiry is swept in steps of a week: otherwise every segment would be rewritten daily for a few entries in each. An
//! erasure is swept within the hour.
//!
//! # Beside the writer
//! A compaction [begins](Node::begin_compaction) on the node's thread, which hands out the records there are and what to decide
//! by; the [work](Compaction::work) is done beside it; each part written anew is [installed](Node::install_compacted) on the
//! node's thread again. Nothing that changes in between can make a decision wrong, since each takes away only what stays
//! superfluous:
//! - An entry that was not waiting at the beginning never waits again: what is prepared later stands in later records. One
//!   that was waiting is kept whole, and stripped by the next compaction if it was sequenced meanwhile.
//! - What is erased stays erased, what is expired stays expired, a request that is forgotten stays forgotten. What is erased
//!   meanwhile is left to the next compaction, which is due within the hour.
//! - A forgotten request id may be used again meanwhile: its row then names the new record, and stays.
//! - Should the fence close meanwhile, it is as if it had closed after the compaction.

use std::sync::Arc;

use crate::base::bytes::Commitment;
use crate::base::limits;
use crate::base::time::{Day, Timestamp};
use crate::domain::feed::entry::Leaf;
use crate::node::Node;
use crate::node::fence::FenceState;
use crate::node::keys;
use crate::node::mark;
use crate::node::state::{State, VIEW};
use crate::node::store::{ClosedRecords, Journal, RecordNumber, RewriteOutcome, StorageFault, ViewChange, Views};
use crate::node::sweep::{Compacted, Forgotten, Sweep, kept_until, over_before};

/// What is due by itself.
#[derive(Debug)]
pub(in crate::node) struct Housekeeping {
    compact_at: Timestamp,
    /// It is time for a compaction, and nobody has begun it.
    is_due: bool,
    is_running: bool,
    expired_on: Day,
    /// Contents whose last day is before this one are over; none before the first tick.
    over_before: Option<Day>,
}

impl Housekeeping {
    pub(in crate::node) fn new(now: Timestamp) -> Self {
        let compact_at = now.plus_s(limits::COMPACT_AFTER_START_S);
        Self { compact_at, is_due: false, is_running: false, expired_on: now.day(), over_before: None }
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Expires what is over with each new day, and compacts when it is time.
    pub(in crate::node) fn keep_house(&mut self, now: Timestamp) -> Result<(), StorageFault> {
        let today = now.day();
        if self.housekeeping.expired_on < today {
            self.housekeeping.expired_on = today;
            self.state.expire(today);
            self.housekeeping.over_before = None;
        }
        self.housekeeping.over_before.get_or_insert_with(|| over_before(&self.state, now));
        if std::mem::take(&mut self.state.erased_lately) {
            let soon = now.plus_s(limits::COMPACT_AFTER_ERASURE_S);
            self.housekeeping.compact_at = self.housekeeping.compact_at.min(soon);
        }
        if self.housekeeping.compact_at > now || self.fence_state() != FenceState::Open {
            return Ok(());
        }
        self.housekeeping.is_due = true;
        Ok(())
    }

    /// Begins a compaction where it is time for one.
    pub fn due_compaction(&mut self, now: Timestamp) -> Result<Option<Compaction<J>>, StorageFault> {
        if std::mem::take(&mut self.housekeeping.is_due) { self.begin_compaction(now) } else { Ok(None) }
    }

    /// Begins a compaction; none while one is running, or the fence is not open: what this node forgot may still have to be
    /// compared with what others hold.
    pub fn begin_compaction(&mut self, now: Timestamp) -> Result<Option<Compaction<J>>, StorageFault> {
        if self.housekeeping.is_running || self.fence_state() != FenceState::Open {
            return Ok(None);
        }
        // Set first: a compaction that fails is tried again later, not with every tick.
        self.housekeeping.compact_at = now.plus_s(limits::COMPACT_EVERY_S);
        self.sync()?;
        let closed = self.journal.begin_compaction()?;
        self.housekeeping.is_running = true;
        self.state.sizes.begin_sweep();
        Ok(Some(Compaction { closed, sweep: Sweep::new(&self.state, now) }))
    }

    /// Whether a content is over: what a legal hold keeps of it is for this member alone, and goes to nobody any more.
    pub(in crate::node) fn is_over(&self, leaf: &Leaf) -> bool {
        self.housekeeping.over_before.is_some_and(|day| kept_until(leaf) < day)
    }

    /// Whether what is over is being taken just now.
    pub(in crate::node) fn is_compacting(&self) -> bool {
        self.housekeeping.is_running
    }

    /// Gives up a compaction of which nothing was done.
    pub fn abandon_compaction(&mut self) {
        self.housekeeping.is_running = false;
    }

    /// Puts a part in force that was written anew. After a fault the compaction is over.
    pub fn install_compacted(&mut self, rewritten: RewriteOutcome<J>) -> Result<(), StorageFault> {
        self.journal.install(rewritten).inspect_err(|fault| {
            self.housekeeping.is_running = false;
            self.stopped |= *fault != StorageFault::Full;
        })
    }

    /// Ends a compaction: the views forget what the journal forgot.
    pub fn end_compaction(&mut self, compaction: Compaction<J>) -> Result<Compacted, StorageFault> {
        self.housekeeping.is_running = false;
        self.sync()?;
        if self.state.lists.held() > 0 {
            Arc::make_mut(&mut self.state.lists).forget_expired(compaction.sweep.horizon());
            self.state.show_lists();
        }
        let Sweep { done, removed, sizes, .. } = compaction.sweep;
        self.state.sizes.end_sweep(sizes);
        let mut changes = Vec::new();
        for Forgotten { key, record } in removed {
            // A row that names another record was written since.
            let stale = match record {
                None => true,
                Some(record) => self.row(&key)?.as_deref().and_then(keys::read_number) == Some(record.0),
            };
            if stale {
                changes.push(ViewChange::Remove { key });
            }
        }
        // The views' mark names the last record by its digest. A crash before this costs a rebuild of the views.
        let last = RecordNumber(self.journal.next_number().0.saturating_sub(1));
        if let Ok(record) = self.journal.read(last) {
            changes.push(mark::applied(VIEW, last, &record));
        }
        self.write_rows(&changes);
        Ok(done)
    }

    /// Takes from the journal at once what nobody needs any more.
    pub fn compact(&mut self, now: Timestamp) -> Result<Compacted, StorageFault> {
        let Some(mut compaction) = self.begin_compaction(now)? else { return Ok(Compacted::default()) };
        while let Some(rewritten) = compaction.work() {
            self.install_compacted(rewritten)?;
        }
        self.end_compaction(compaction)
    }
}

/// A compaction that has begun. It can be worked on by any thread, beside the node.
pub struct Compaction<J: Journal> {
    closed: J::Closed,
    sweep: Sweep,
}

impl<J: Journal> std::fmt::Debug for Compaction<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compaction").field("done", &self.sweep.done).finish_non_exhaustive()
    }
}

impl<J: Journal> Compaction<J> {
    /// Writes the next part anew, to be installed; none at the end. After a fault there is no next.
    pub fn work(&mut self) -> Option<RewriteOutcome<J>> {
        let Self { closed, sweep } = self;
        closed.rewrite(&mut |number, record| sweep.decide(number, record)).transpose()
    }
}

impl State {
    /// Whether an own entry was ordered erased.
    pub(in crate::node) fn own_is_erased(&self, commitment: &Commitment) -> bool {
        let mut own = self.feeds.values().filter(|feed| self.identity.is_own(feed.id()));
        own.any(|feed| feed.erased.contains(commitment))
    }
}
