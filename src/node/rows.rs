//! The node's rows in its views: read where memory does not hold something, and made anew where they fail.
//!
//! Views are derived. Whatever becomes of them is no damage of the store and no reason not to start: they are emptied and
//! derived from the journal again, which blocks the engine for as long as reading the journal takes. Until then whoever
//! needs a row is told to come back: a row that is missing must not pass for one that never was, or a repeated request
//! would be published twice.

use rand::CryptoRng;

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::node::Node;
use crate::node::commit::Commit;
use crate::node::derive::Derivation;
use crate::node::identity::Identity;
use crate::node::mark;
use crate::node::state::VIEW;
use crate::node::store::{Journal, RecordNumber, StorageFault, ViewChange, ViewFault, ViewRows, Views};

/// How the views are.
#[derive(Debug)]
pub(in crate::node) struct Tending {
    /// A row was missing or could not be read or written; set by readers too.
    doubted: std::cell::Cell<bool>,
    /// Rows were committed that are not durable.
    unsynced: bool,
    sync_at: Timestamp,
    /// Not sooner, or a view that always fails would be rebuilt with every tick.
    rebuild_at: Timestamp,
}

impl Tending {
    pub(in crate::node) fn new(now: Timestamp) -> Self {
        Self { doubted: false.into(), unsynced: true, sync_at: now.plus_s(limits::VIEWS_SYNC_S), rebuild_at: now }
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    pub(in crate::node) fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFault> {
        self.trusted()?;
        self.views.get(key).map_err(|fault| self.doubt(fault))
    }

    pub(in crate::node) fn rows(&self, start: &[u8], end: &[u8], limit: usize) -> Result<ViewRows, StorageFault> {
        self.trusted()?;
        self.views.scan(start, end, limit).map_err(|fault| self.doubt(fault))
    }

    /// A row among those that wait for the journal, or for the views after it.
    pub(in crate::node) fn waiting_row(&self, key: &[u8]) -> Option<&[u8]> {
        let waiting = self.state.staged.view_changes.iter().chain(&self.due_in_views);
        waiting.into_iter().find_map(|change| match change {
            ViewChange::Put { key: other, value } if other == key => Some(value.as_slice()),
            ViewChange::Put { .. } | ViewChange::Remove { .. } => None,
        })
    }

    /// The views cannot be as the journal says: they are derived again with the next tick.
    pub(in crate::node) fn doubt(&self, why: impl std::fmt::Display) -> StorageFault {
        self.tending.doubted.set(true);
        StorageFault::Views(why.to_string())
    }

    fn trusted(&self) -> Result<(), StorageFault> {
        if self.tending.doubted.get() {
            return Err(StorageFault::Views("they are being derived from the journal again".to_owned()));
        }
        Ok(())
    }

    /// Lets the views take rows of durable records. Where they cannot, nothing is lost: the journal has it all.
    pub(in crate::node) fn write_rows(&mut self, changes: &[ViewChange]) {
        if changes.is_empty() || self.tending.doubted.get() {
            return;
        }
        self.tending.unsynced = true;
        for some in changes.chunks(limits::VIEW_CHANGES_AT_ONCE) {
            if let Err(fault) = self.views.commit(&[], some) {
                self.doubt(fault);
                return;
            }
        }
    }

    /// Makes the views durable now and then, so that a restart has little to derive again, and derives them again once they
    /// are in doubt.
    pub(in crate::node) fn tend_views(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StorageFault> {
        if self.tending.sync_at <= now {
            self.tending.sync_at = now.plus_s(limits::VIEWS_SYNC_S);
            self.sync_views();
        }
        if !self.tending.doubted.get() || self.tending.rebuild_at > now {
            return Ok(());
        }
        self.tending.rebuild_at = now.plus_s(limits::VIEWS_REBUILD_PAUSE_S);
        // Rows that wait for a sync would be derived now and written a second time then.
        self.sync()?;
        rebuild(&self.state.identity, &self.journal, &mut self.views)?;
        self.tending.doubted.set(false);
        let events = vec![AuditEvent::StoreDamaged { part: "views" }, AuditEvent::StoreRepaired { part: "views" }];
        self.record(&Actor::Node, events, now, rng)
    }

    /// Makes the views durable. A failure is theirs alone.
    pub(in crate::node) fn sync_views(&mut self) {
        if std::mem::take(&mut self.tending.unsynced)
            && let Err(fault) = self.views.sync()
        {
            self.doubt(fault);
        }
    }
}

/// Empties the views and derives every row again. A backend that fails at it is asked once more to begin empty: it may stand
/// in something else for itself.
pub(in crate::node) fn rebuild(
    identity: &Identity,
    journal: &impl Journal,
    views: &mut impl Views,
) -> Result<(), StorageFault> {
    match derive_all(identity, journal, views) {
        Err(StorageFault::Views(_)) => derive_all(identity, journal, views),
        done => done,
    }
}

fn derive_all(identity: &Identity, journal: &impl Journal, views: &mut impl Views) -> Result<(), StorageFault> {
    views.clear().map_err(of_views)?;
    // For good, before anything is written that a power cut could mix with what was there.
    views.sync().map_err(of_views)?;
    let mut derivation = Derivation::new(identity);
    let mut waiting = Vec::new();
    let mut last = None;
    journal.replay(RecordNumber(0), &mut |number, record| {
        waiting.extend(derivation.take(number, &Commit::from_bytes(record)?)?);
        if waiting.len() > limits::VIEW_CHANGES_AT_ONCE {
            waiting.push(mark::applied(VIEW, number, record));
            views.commit(&[], &std::mem::take(&mut waiting)).map_err(of_commit)?;
        }
        last = Some(number);
        Ok(())
    })?;
    if let Some(last) = last {
        waiting.push(mark::applied(VIEW, last, &journal.read(last)?));
    }
    views.commit(&[], &waiting).map_err(of_commit)?;
    views.sync().map_err(of_views)
}

/// A fault of views, told apart from faults of the journal.
pub(in crate::node) fn of_views(fault: StorageFault) -> StorageFault {
    StorageFault::Views(fault.to_string())
}

pub(in crate::node) fn of_commit(fault: ViewFault) -> StorageFault {
    StorageFault::Views(fault.to_string())
}
