//! Looking through the records of a store that is not opened: a copy, before it is trusted.
//!
//! The same checks as at an opening: every change applies to what stood before it, every complete feed has the root its author
//! signed, and the audit log the root that other members cosigned. Nothing is written and nothing signed. Belief is built as at
//! an opening, so it takes as much memory.

use std::collections::{BTreeMap, VecDeque};

use crate::base::bytes::{Incarnation, TreeHash};
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::belief::place::TableKey;
use crate::domain::roster::verified::Roster;
use crate::node::commit::Commit;
use crate::node::identity::Identity;
use crate::node::open::{is_news, verify_feeds};
use crate::node::state::{Settings, State, damaged};
use crate::node::store::{RecordNumber, StorageFault};

/// See the module.
#[derive(Debug)]
pub struct Inspection {
    state: State,
    /// Roots of the audit log at its newest sizes: a cosigned one is among them, since others cosign every minute.
    audit_roots: VecDeque<(TreeSize, TreeHash)>,
    /// The newest size of the audit log whose root is the one others cosigned.
    audit_witnessed: Option<TreeSize>,
}

/// What the records hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Of the store that was copied; all zero where it holds no record.
    pub incarnation: Incarnation,
    /// The newest moment any record tells of.
    pub written_at: Timestamp,
    /// Entries held of each feed.
    pub feeds: BTreeMap<FeedId, TreeSize>,
    pub audit_size: TreeSize,
    /// Size up to which the audit log was compared with what others cosigned; none where nothing was cosigned.
    pub audit_witnessed: Option<TreeSize>,
    /// Publications accepted and not signed yet.
    pub pending: usize,
}

impl Inspection {
    /// `roster`: the newest of those that came with the records.
    pub fn new(identity: Identity, settings: Settings, roster: Roster, table_key: TableKey) -> Self {
        let state = State::new(identity, settings, roster, table_key);
        Self { state, audit_roots: VecDeque::new(), audit_witnessed: None }
    }

    /// The next record.
    pub fn take(&mut self, number: RecordNumber, record: &[u8]) -> Result<(), StorageFault> {
        let audit_before = self.state.audit.size();
        self.state.apply(number, &Commit::from_bytes(record)?)?;
        // Views are derived from the record; a copy holds none.
        drop(self.state.take_view_changes());
        self.state.show();
        let size = self.state.audit.size();
        if size > audit_before {
            if self.audit_roots.len() == limits::AUDIT_ROOTS_COMPARED {
                self.audit_roots.pop_front();
            }
            self.audit_roots.push_back((size, self.state.audit.tiles.range().root()));
        }
        self.compare_audit()
    }

    /// All records were shown.
    pub fn finish(self) -> Result<Inspected, StorageFault> {
        verify_feeds(&self.state)?;
        // A copy whose rosters are older than its records would not start.
        is_news(&self.state)?;
        let feeds = self.state.feeds.iter().map(|(id, feed)| (id.clone(), feed.size()));
        Ok(Inspected {
            incarnation: self.state.incarnation,
            written_at: self.state.written_at,
            feeds: feeds.collect(),
            audit_size: self.state.audit.size(),
            audit_witnessed: self.audit_witnessed,
            pending: self.state.pending.len(),
        })
    }

    fn compare_audit(&mut self) -> Result<(), StorageFault> {
        let Some(cosigned) = self.state.audits.cosigned() else { return Ok(()) };
        let size = cosigned.size();
        if self.audit_witnessed == Some(size) {
            return Ok(());
        }
        let log = &self.state.audit;
        let known = self.audit_roots.binary_search_by_key(&size, |(size, _)| *size).ok();
        let root = known.and_then(|at| self.audit_roots.get(at)).map(|(_, root)| *root);
        if size > log.size() || root.is_some_and(|root| root != *cosigned.root()) {
            return Err(damaged(&log.origin, format!("the records do not have the cosigned root at {size}")));
        }
        if root.is_some() {
            self.audit_witnessed = Some(size);
        }
        Ok(())
    }
}
