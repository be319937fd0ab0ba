//! Reading the audit log: pages, export, proofs. Looking is recorded too.

use rand::CryptoRng;

use crate::base::bytes::TreeHash;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::asked::Asked;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::export::range_of;
use crate::domain::audit::record::{Actor, AuditRecord};
use crate::domain::feed::checkpoint::Checkpoint;
use crate::domain::feed::proof::{inclusion_proof, tree_root};
use crate::domain::feed::tree::CompactRange;
use crate::node::Node;
use crate::node::audit_place::{AuditPlace, Looker};
use crate::node::commit::StoredEntry;
use crate::node::keys;
use crate::node::state::damaged;
use crate::node::store::{Journal, StorageFault, Views};

/// Entries looked through for one page: some milliseconds of the engine. A page of a narrow filter may come back empty
/// with a token to go on from.
const SCANNED_PER_PAGE: usize = 4_000;

/// Entries read at once.
const SLICE: usize = 1_000;

/// Which records of the log.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only actions that start with this.
    pub action_prefix: String,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    fn keeps(&self, record: &AuditRecord) -> bool {
        record.action().starts_with(&self.action_prefix)
            && self.from.is_none_or(|from| from <= record.time())
            && self.until.is_none_or(|until| record.time() < until)
    }
}

/// One entry of the log with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEntry {
    pub index: EntryIndex,
    pub entry: StoredEntry,
}

/// A page of the log.
#[derive(Debug, Default)]
pub struct AuditPage {
    pub entries: Vec<LoggedEntry>,
    /// Where the next page starts; none at the end.
    pub next: Option<AuditPlace>,
}

/// The signed head of the log.
#[derive(Debug, Clone)]
pub struct AuditHead {
    pub size: TreeSize,
    pub checkpoint: String,
    /// The verifier key in the form of C2SP signed notes.
    pub verifier_key: String,
    /// The keys of those who may have cosigned: our own and those of the other members.
    pub witness_keys: Vec<String>,
    /// The newest checkpoint of the log that other members cosigned, as a signed note.
    pub witnessed: Option<(TreeSize, String)>,
}

/// One entry with what proves it to a third party.
#[derive(Debug)]
pub struct AuditProof {
    pub entry: LoggedEntry,
    pub inclusion: Vec<TreeHash>,
    pub head: AuditHead,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Entries from `place` on that the filter keeps. Durable ones only. A listing is recorded once, with its first page.
    pub fn list_audit_records(
        &mut self,
        caller: &Actor,
        filter: &AuditFilter,
        place: &AuditPlace,
        page_size: usize,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<AuditPage, StorageFault> {
        let mut page = AuditPage::default();
        let size = self.state.audit.durable_size;
        let mut next = TreeSize(place.from.0);
        let mut scanned = 0;
        while next < size && page.entries.len() < page_size && scanned < SCANNED_PER_PAGE {
            for entry in self.entries(&self.state.audit, next, size, SLICE)? {
                let kept = AuditRecord::decode(&entry.blob).is_ok_and(|record| filter.keeps(&record));
                if kept && page.entries.len() == page_size {
                    break;
                }
                if kept {
                    page.entries.push(LoggedEntry { index: next.next_index(), entry });
                }
                scanned += 1;
                next = next.plus(1).ok_or_else(|| damaged("audit log", "a size beyond 64 bits"))?;
            }
        }
        let looker = Looker { key: &self.state.identity.local_mac, caller, filter };
        let begun = looker.begun(place, now);
        page.next = (next < size).then(|| looker.next(next.next_index(), begun.unwrap_or(now)));
        if begun.is_none() {
            let records = u64::try_from(page.entries.len()).unwrap_or(u64::MAX);
            let asked = Asked::new(&filter.action_prefix, filter.from, filter.until);
            let event = AuditEvent::AuditListed { asked, records, more: page.next.is_some() };
            self.record(caller, vec![event], now, rng)?;
        }
        Ok(page)
    }

    /// Entries `[from, until)`, at most a slice of them, whatever they say.
    pub fn export_audit_slice(&self, from: TreeSize, until: TreeSize) -> Result<Vec<LoggedEntry>, StorageFault> {
        let until = until.min(self.state.audit.durable_size);
        let entries = self.entries(&self.state.audit, from, until, SLICE)?;
        let placed = entries.into_iter().zip(from.0..);
        Ok(placed.map(|(entry, index)| LoggedEntry { index: EntryIndex(index), entry }).collect())
    }

    /// Starts an export: it is recorded, and what it will hold is fixed by the head.
    pub fn begin_audit_export(
        &mut self,
        caller: &Actor,
        from: TreeSize,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<AuditHead, StorageFault> {
        let mut head = self.audit_head(now)?;
        head.witnessed = head.witnessed.filter(|(size, _)| *size >= from);
        self.record(caller, vec![AuditEvent::AuditExported { from, until: head.size }], now, rng)?;
        Ok(head)
    }

    /// The compact range of the entries before `from`: where an export begins.
    pub fn audit_range(&self, from: TreeSize) -> Result<CompactRange, StorageFault> {
        self.hashes(&self.state.audit, |source| range_of(source, from)).ok_or_else(|| self.doubt("a tile is missing"))
    }

    /// Signs the durable size of the log.
    pub fn audit_head(&self, now: Timestamp) -> Result<AuditHead, StorageFault> {
        let log = &self.state.audit;
        // Staged records may still be lost; only what is durable is ever signed.
        let root = self
            .hashes(log, |source| tree_root(source, log.durable_size))
            .ok_or_else(|| self.doubt("a tile is missing"))?;
        let checkpoint = Checkpoint { origin: log.origin.clone(), size: log.durable_size, root };
        let identity = &self.state.identity;
        let note = checkpoint
            .sign(&identity.audit, &identity.witness, now)
            .map_err(|error| damaged("audit checkpoint", error))?;
        let verifier_key = identity.audit.verifier().to_string();
        let own = identity.witness.verifier().clone();
        let witnesses = [own].into_iter().chain(self.state.roster.witness_keys(&identity.member));
        let witness_keys = witnesses.map(|key| key.to_string()).collect();
        let cosigned = self.state.audits.cosigned().filter(|cosigned| cosigned.size() <= log.durable_size);
        let witnessed = cosigned.map(|cosigned| (cosigned.size(), cosigned.note_text()));
        Ok(AuditHead { size: checkpoint.size, checkpoint: note.to_string(), verifier_key, witness_keys, witnessed })
    }

    /// One entry with its inclusion proof; none where the log has no such entry.
    pub fn prove_audit_record(
        &mut self,
        caller: &Actor,
        index: EntryIndex,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<AuditProof>, StorageFault> {
        let mut head = self.audit_head(now)?;
        if index.0 >= head.size.0 {
            self.miss_proof(caller, now, rng)?;
            return Ok(None);
        }
        // Where others have cosigned a checkpoint that covers the record, it proves more than one of our own.
        if let Some((size, note)) = head.witnessed.take().filter(|(size, _)| index.0 < size.0) {
            (head.size, head.checkpoint) = (size, note);
        }
        let log = &self.state.audit;
        let entries = self.entries(log, TreeSize(index.0), head.size, 1)?;
        let Some(entry) = entries.into_iter().next() else { return Ok(None) };
        let inclusion = self
            .hashes(log, |source| inclusion_proof(source, index, head.size))
            .ok_or_else(|| self.doubt("a tile is missing"))?;
        self.record(caller, vec![AuditEvent::AuditProved { index: Some(index) }], now, rng)?;
        Ok(Some(AuditProof { entry: LoggedEntry { index, entry }, inclusion, head }))
    }

    /// Records that somebody asked for the proof of what is not there.
    pub fn miss_proof(&mut self, caller: &Actor, now: Timestamp, rng: &mut impl CryptoRng) -> Result<(), StorageFault> {
        self.record(caller, vec![AuditEvent::AuditProved { index: None }], now, rng)
    }

    /// The entry of the decision with this id.
    pub fn find_decision(&self, decision_id: &str) -> Result<Option<EntryIndex>, StorageFault> {
        let stored = self.row(&keys::decision(decision_id))?;
        Ok(stored.as_deref().and_then(keys::read_number).map(EntryIndex))
    }

    /// Who did what a record of the audit log tells; none where its content is gone.
    pub(in crate::node) fn actor_of(&self, index: EntryIndex) -> Result<Option<String>, StorageFault> {
        let log = &self.state.audit;
        let entry = self.entries(log, TreeSize(index.0), log.durable_size, 1)?.pop();
        let record = entry.and_then(|entry| AuditRecord::decode(&entry.blob).ok());
        Ok(record.map(|record| record.actor().to_owned()))
    }
}
