//! Checking a store again while it is in use: every record is read, every tree built anew and held against what its author
//! signed, the audit log against the newest head that others cosigned. Disks forget silently; a node that finds out by itself
//! can still be mended from its peers.

use std::collections::BTreeMap;

use crate::base::position::TreeSize;
use crate::domain::feed::checkpoint::Checkpoint;
use crate::domain::feed::tree::CompactRange;
use crate::domain::note::SignedNote;
use crate::node::commit::{Commit, StoredEntry, change};
use crate::node::state::{damaged, read_entry};
use crate::node::store::StorageFault;

/// One pass, record by record from the first on.
#[derive(Debug, Default)]
pub struct Scrub {
    feeds: BTreeMap<String, CompactRange>,
    audit: CompactRange,
    cosigned: Option<Checkpoint>,
}

/// What a pass has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrubbed {
    pub feeds: usize,
    pub entries: u64,
}

impl Scrub {
    /// A pass over what was durable when others had cosigned this head of the audit log. The running node says which it is:
    /// in a journal that was put back or rewritten it may be missing with the records.
    pub fn against(cosigned: Option<Checkpoint>) -> Self {
        Self { cosigned, ..Self::default() }
    }

    /// Checks the next record. That the seals hold is checked by whoever reads it from the disk.
    pub fn take(&mut self, record: &[u8]) -> Result<(), StorageFault> {
        for kind in Commit::from_bytes(record)?.kinds() {
            match kind {
                change::Kind::Appended(appended) => {
                    let range = self.feeds.entry(appended.origin.clone()).or_default();
                    extend(range, appended.first_index, &appended.entries, &appended.origin, None)?;
                    check_root(range, &appended.checkpoint, &appended.origin)?;
                }
                change::Kind::Audited(audited) => {
                    let cosigned = self.cosigned.as_ref();
                    extend(&mut self.audit, audited.first_index, &audited.entries, AUDIT_LOG, cosigned)?;
                }
                change::Kind::Filled(filled) => {
                    filled.entry.iter().try_for_each(|entry| read_entry(entry).map(drop))?
                }
                change::Kind::Prepared(prepared) => {
                    let entries = prepared.entries.iter().filter_map(|waiting| waiting.entry.as_ref());
                    entries.into_iter().try_for_each(|entry| read_entry(entry).map(drop))?;
                }
                change::Kind::Opened(_)
                | change::Kind::Roster(_)
                | change::Kind::Equivocated(_)
                | change::Kind::Budget(_)
                | change::Kind::Recovered(_)
                | change::Kind::Listed(_)
                | change::Kind::CaseOpened(_)
                | change::Kind::CaseStepped(_)
                | change::Kind::ChallengeChanged(_)
                | change::Kind::UserChanged(_)
                | change::Kind::UserRemoved(_)
                | change::Kind::Cosigned(_)
                | change::Kind::AuditWitnessed(_)
                | change::Kind::OutcomeLearnt(_)
                | change::Kind::SightingRead(_)
                | change::Kind::ErasureAsked(_)
                | change::Kind::ErasureConfirmed(_)
                | change::Kind::Quarantined(_)
                | change::Kind::QuarantineDecided(_)
                | change::Kind::DecisionDetailed(_)
                | change::Kind::Policy(_)
                | change::Kind::HoldPlaced(_)
                | change::Kind::HoldStepped(_) => {}
            }
        }
        Ok(())
    }

    /// What was read, where nothing is missing at the end.
    pub fn end(self) -> Result<Scrubbed, StorageFault> {
        let held = self.audit.size();
        if let Some(head) = self.cosigned.filter(|head| head.size > held) {
            return Err(damaged(AUDIT_LOG, format!("ends at {held}, others cosigned it up to {}", head.size)));
        }
        let entries = self.feeds.values().map(|range| range.size().0).sum::<u64>() + self.audit.size().0;
        Ok(Scrubbed { feeds: self.feeds.len(), entries })
    }
}

const AUDIT_LOG: &str = "audit log";

fn extend(
    range: &mut CompactRange,
    first: u64,
    entries: &[StoredEntry],
    what: &str,
    cosigned: Option<&Checkpoint>,
) -> Result<(), StorageFault> {
    if range.size() != TreeSize(first) {
        return Err(damaged(what, format!("jumps from {} to {first}", range.size())));
    }
    for entry in entries {
        range.append(read_entry(entry)?.leaf_hash());
        let size = range.size();
        if cosigned.is_some_and(|head| head.size == size && head.root != range.root()) {
            return Err(damaged(what, format!("the records do not have the cosigned root at {size}")));
        }
    }
    Ok(())
}

/// The signature was checked when the checkpoint came in, and the seal of the record keeps it: the root is what entries could
/// contradict.
fn check_root(range: &CompactRange, note: &str, what: &str) -> Result<(), StorageFault> {
    let note = SignedNote::parse(note.as_bytes()).map_err(|error| damaged(what, error))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| damaged(what, error))?;
    if checkpoint.size == range.size() && checkpoint.root != range.root() {
        return Err(damaged(what, format!("the entries do not have the signed root at {}", range.size())));
    }
    Ok(())
}
