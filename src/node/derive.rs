//! Which rows of the views a journal record gives. Live commits and replayed ones take it as they are applied; views that were
//! lost while the node runs are derived from the journal alone.

use std::collections::BTreeMap;

use crate::base::bytes::LocalMac;
use crate::base::position::{EntryIndex, TreeSize};
use crate::domain::audit::record::AuditRecord;
use crate::domain::feed::entry::{Leaf, leaf_hash};
use crate::domain::feed::tiles::{HashTiles, TileId};
use crate::node::commit::{Commit, Prepared, PreparedEntry, StoredEntry, change};
use crate::node::detail_stored::DecisionDetailed;
use crate::node::identity::Identity;
use crate::node::keys;
use crate::node::local_mac::LocalMacKey;
use crate::node::state::damaged;
use crate::node::store::{RecordNumber, StorageFault, ViewChange};

/// A tile that a run completed, as it is stored.
pub(in crate::node) type CompletedTile = (TileId, Vec<u8>);

/// Derives the rows of all records, from the first on.
#[derive(Debug)]
pub(in crate::node) struct Derivation {
    audit_origin: String,
    local_mac: LocalMacKey,
    trees: BTreeMap<String, HashTiles>,
}

impl Derivation {
    pub(in crate::node) fn new(identity: &Identity) -> Self {
        let audit_origin = identity.audit_feed().origin(&identity.consortium);
        Self { audit_origin, local_mac: identity.local_mac.clone(), trees: BTreeMap::new() }
    }

    /// The rows of the next record.
    pub(in crate::node) fn take(
        &mut self,
        number: RecordNumber,
        commit: &Commit,
    ) -> Result<Vec<ViewChange>, StorageFault> {
        let mut rows = Vec::new();
        for kind in commit.kinds() {
            match kind {
                change::Kind::Prepared(prepared) => rows.extend(of_prepared(number, prepared)?),
                change::Kind::Appended(run) => {
                    rows.extend(self.run(number, &run.origin, run.first_index, &run.entries)?);
                }
                change::Kind::Audited(run) => {
                    let indices = run.first_index..;
                    rows.extend(run.entries.iter().zip(indices).filter_map(|(entry, at)| of_decision(&entry.blob, at)));
                    let origin = self.audit_origin.clone();
                    rows.extend(self.run(number, &origin, run.first_index, &run.entries)?);
                }
                change::Kind::DecisionDetailed(detailed) => rows.extend(of_detail(number, detailed, &self.local_mac)),
                change::Kind::Opened(_)
                | change::Kind::Roster(_)
                | change::Kind::Equivocated(_)
                | change::Kind::Budget(_)
                | change::Kind::Recovered(_)
                | change::Kind::Filled(_)
                | change::Kind::Listed(_)
                | change::Kind::CaseOpened(_)
                | change::Kind::CaseStepped(_)
                | change::Kind::ChallengeChanged(_)
                | change::Kind::UserChanged(_)
                | change::Kind::UserRemoved(_)
                | change::Kind::Cosigned(_)
                | change::Kind::AuditWitnessed(_)
                | change::Kind::ErasureAsked(_)
                | change::Kind::ErasureConfirmed(_)
                | change::Kind::Quarantined(_)
                | change::Kind::QuarantineDecided(_)
                | change::Kind::OutcomeLearnt(_)
                | change::Kind::SightingRead(_)
                | change::Kind::Policy(_)
                | change::Kind::HoldPlaced(_)
                | change::Kind::HoldStepped(_) => {}
            }
        }
        Ok(rows)
    }

    fn run(
        &mut self,
        number: RecordNumber,
        origin: &str,
        first: u64,
        entries: &[StoredEntry],
    ) -> Result<Vec<ViewChange>, StorageFault> {
        let tree = self.trees.entry(origin.to_owned()).or_default();
        let mut tiles = Vec::new();
        for entry in entries {
            tree.append(leaf_hash(&entry.leaf), |id, hashes| tiles.push((id, keys::tile_value(hashes))));
        }
        of_run(number, origin, EntryIndex(first), tree.size(), tiles)
    }
}

/// Where a run of entries lies, and the tiles it completed.
pub(in crate::node) fn of_run(
    number: RecordNumber,
    origin: &str,
    first: EntryIndex,
    end: TreeSize,
    tiles: Vec<CompletedTile>,
) -> Result<Vec<ViewChange>, StorageFault> {
    let last = keys::last_before(end).ok_or_else(|| damaged(origin, "an append of nothing"))?;
    let run = ViewChange::Put { key: keys::run(origin, last), value: keys::run_value(number.0, first) };
    let tiles = tiles.into_iter().map(|(id, value)| ViewChange::Put { key: keys::tile(origin, id), value });
    Ok(std::iter::once(run).chain(tiles).collect())
}

/// The request a publication answers, the references its entries were published under, and what they were derived from.
pub(in crate::node) fn of_prepared(number: RecordNumber, prepared: &Prepared) -> Result<Vec<ViewChange>, StorageFault> {
    let mut rows = Vec::new();
    if !prepared.request.is_empty() {
        let id = LocalMac::try_from(prepared.request.as_slice()).map_err(|error| damaged("request", error))?;
        rows.push(ViewChange::Put { key: keys::request(&id), value: number.0.to_be_bytes().to_vec() });
    }
    let named = |waiting: &&PreparedEntry| !(waiting.source_ref.is_empty() && waiting.derived_from.is_empty());
    for waiting in prepared.entries.iter().filter(named) {
        let entry = waiting.entry.as_ref().ok_or_else(|| damaged("prepared entry", "empty"))?;
        let leaf = Leaf::decode(&entry.leaf).map_err(|error| damaged("leaf", error))?;
        if !waiting.source_ref.is_empty() {
            let reference =
                LocalMac::try_from(waiting.source_ref.as_slice()).map_err(|error| damaged("source ref", error))?;
            rows.push(ViewChange::Put { key: keys::source_ref(&reference, &leaf.commitment), value: Vec::new() });
        }
        if !waiting.derived_from.is_empty() {
            let (key, value) = (keys::derived(&leaf.commitment), waiting.derived_from.clone());
            rows.push(ViewChange::Put { key, value });
        }
    }
    Ok(rows)
}

/// The place of a decision in the audit log, where the record at `index` tells of one.
pub(in crate::node) fn of_decision(blob: &[u8], index: u64) -> Option<ViewChange> {
    let record = AuditRecord::decode(blob).ok().filter(|record| record.action() == "screening.decided")?;
    Some(ViewChange::Put { key: keys::decision(record.subject()), value: index.to_be_bytes().to_vec() })
}

/// The ways to what stands behind a decision: its reference, the caller's references of customer and order, what was looked up.
pub(in crate::node) fn of_detail(
    number: RecordNumber,
    detailed: &DecisionDetailed,
    key: &LocalMacKey,
) -> Vec<ViewChange> {
    let put = |key| ViewChange::Put { key, value: Vec::new() };
    detailed.ways(number, key).into_iter().map(put).collect()
}
