//! Reading the audit log: pages, export, proofs. Looking is recorded too.

use rand::CryptoRng;

use crate::base::bytes::TreeHash;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::asked::Asked;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::export::range_of;
use crate::domain::audit::record::{Actor, AuditRecord};
use crate::domain::audit::search::{AuditFilter, Order};
use crate::domain::feed::checkpoint::Checkpoint;
use crate::domain::feed::proof::{inclusion_proof, tree_root};
use crate::domain::feed::tree::CompactRange;
use crate::node::Node;
use crate::node::activity::oldest_kept;
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

/// Entries read at once where the newest come first: all of them are held at the same time.
const STRETCH: u64 = 250;

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
    /// Time of the last record looked at: a page of a narrow filter may be empty and yet have come this far.
    pub searched_to: Option<Timestamp>,
}

/// What a search kept, a stretch of it at a time.
#[derive(Debug, Default)]
pub struct AuditFound {
    pub entries: Vec<LoggedEntry>,
    /// Where it goes on; none at the end.
    pub next: Option<EntryIndex>,
    /// Time of the last record looked at.
    pub searched_to: Option<Timestamp>,
}

/// What of the log is still to be looked through.
#[derive(Debug, Clone, Copy)]
struct Walk {
    order: Order,
    from: TreeSize,
    until: TreeSize,
}

impl Walk {
    fn pass(&mut self, index: EntryIndex) {
        match self.order {
            Order::OldestFirst => self.from = TreeSize(index.0.saturating_add(1)),
            Order::NewestFirst => self.until = TreeSize(index.0),
        }
    }

    /// Where another page goes on.
    fn place(&self) -> EntryIndex {
        match self.order {
            Order::OldestFirst => self.from.next_index(),
            Order::NewestFirst => self.until.next_index(),
        }
    }
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
    /// Entries from `place` on that the filter keeps, in its order. Durable ones only. A listing is recorded once, with its first
    /// page.
    pub fn list_audit_records(
        &mut self,
        caller: &Actor,
        filter: &AuditFilter,
        place: &AuditPlace,
        page_size: usize,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<AuditPage, StorageFault> {
        let from = (*place != AuditPlace::START).then_some(place.from);
        let found = self.search_audit_records(filter, from, page_size, now)?;
        let looker = Looker { key: &self.state.identity.local_mac, caller, filter };
        let begun = looker.begun(place, now);
        let next = found.next.map(|next| looker.next(next, begun.unwrap_or(now)));
        let page = AuditPage { entries: found.entries, next, searched_to: found.searched_to };
        if begun.is_none() {
            let records = u64::try_from(page.entries.len()).unwrap_or(u64::MAX);
            let asked = Asked::new(filter);
            let event = AuditEvent::AuditListed { asked, records, more: page.next.is_some() };
            self.record(caller, vec![event], now, rng)?;
        }
        Ok(page)
    }

    /// The same without a record of it: for whoever records all of a search at its end ([`Self::record_audit_extract`]).
    pub fn search_audit_records(
        &self,
        filter: &AuditFilter,
        from: Option<EntryIndex>,
        page_size: usize,
        now: Timestamp,
    ) -> Result<AuditFound, StorageFault> {
        let mut page = AuditFound::default();
        let mut walk = self.walk(filter, from, now);
        let mut scanned = 0;
        'walk: while scanned < SCANNED_PER_PAGE {
            let stretch = self.stretch(&walk)?;
            if stretch.is_empty() {
                break;
            }
            for logged in stretch {
                let record = AuditRecord::decode(&logged.entry.blob).ok();
                let kept = record.as_ref().is_some_and(|record| filter.keeps(record));
                if kept && page.entries.len() == page_size {
                    break 'walk;
                }
                page.searched_to = record.map(|record| record.time()).or(page.searched_to);
                scanned += 1;
                walk.pass(logged.index);
                if kept {
                    page.entries.push(logged);
                }
            }
        }
        page.next = (walk.from < walk.until).then(|| walk.place());
        Ok(page)
    }

    /// Records that somebody took what a search kept: before they get it.
    pub fn record_audit_extract(
        &mut self,
        caller: &Actor,
        filter: &AuditFilter,
        form: &'static str,
        records: u64,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let asked = Asked::new(filter);
        self.record(caller, vec![AuditEvent::AuditExtracted { asked, form, records }], now, rng)
    }

    /// What is to be looked through for a page that begins at `place`, or at the beginning.
    fn walk(&self, filter: &AuditFilter, place: Option<EntryIndex>, now: Timestamp) -> Walk {
        let size = self.state.audit.durable_size;
        let (mut from, mut until) = (TreeSize::EMPTY, size);
        let (activity, oldest) = (&self.state.activity, oldest_kept(now.day()));
        // Of the days that are kept it is known where their records lie; what is older has no content any more, or lies before.
        if let Some(since) = filter.from.filter(|since| oldest <= since.day()) {
            let records = activity.records_of(since.day(), Day(u32::MAX));
            from = records.map_or(size, |(first, _)| TreeSize(first.0));
        }
        let last_day = filter.until.map(|end| Timestamp::from_unix_ms(end.unix_ms().saturating_sub(1)).day());
        if let Some((_, last)) = last_day.and_then(|day| activity.records_of(Day(0), day.next())) {
            until = until.min(TreeSize(last.0.saturating_add(1)));
        }
        match (filter.order, place) {
            (_, None) => {}
            (Order::OldestFirst, Some(place)) => from = from.max(TreeSize(place.0)),
            (Order::NewestFirst, Some(place)) => until = until.min(TreeSize(place.0)),
        }
        Walk { order: filter.order, from, until }
    }

    /// The next entries of a walk, in its order; none at its end.
    fn stretch(&self, walk: &Walk) -> Result<Vec<LoggedEntry>, StorageFault> {
        let Walk { order, from, until } = *walk;
        if until <= from {
            return Ok(Vec::new());
        }
        let from = match order {
            Order::OldestFirst => from,
            Order::NewestFirst => from.max(TreeSize(until.0.saturating_sub(STRETCH))),
        };
        let mut logged = Vec::new();
        let mut next = from;
        // A slice may end early, with the bytes of one answer: backwards all of it is needed.
        while next < until && (order == Order::NewestFirst || logged.is_empty()) {
            let entries = self.entries(&self.state.audit, next, until, SLICE)?;
            logged.extend(
                entries.into_iter().zip(next.0..).map(|(entry, at)| LoggedEntry { index: EntryIndex(at), entry }),
            );
            next = TreeSize(logged.last().map_or(until.0, |last| last.index.0.saturating_add(1)));
        }
        if order == Order::NewestFirst {
            logged.reverse();
        }
        Ok(logged)
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
