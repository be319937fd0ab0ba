//! Explaining decisions: what stood behind an answer, weeks or years later, and the proof of it. Looking is recorded.

use rand::CryptoRng;

use crate::base::bytes::{LocalMac, TreeHash};
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::detail::{IndicatorPlace, KeptDetail};
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::{Actor, AuditRecord};
use crate::domain::feed::entry::Entry;
use crate::node::Node;
use crate::node::audit::AuditProof;
use crate::node::commit::{Commit, change};
use crate::node::detail_stored::{DecisionDetailed, DetailPart, way};
use crate::node::examine::EntryProof;
use crate::node::keys;
use crate::node::state::read_entry;
use crate::node::store::{Journal, RecordNumber, StorageFault, Views};

/// Which decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// The one with this id.
    Decision(String),
    /// Those whose reference a customer quotes: one, or very rarely more.
    Reference(String),
    /// Those about an order, by the fingerprint of the caller's reference.
    Transaction(LocalMac),
    /// Those about a customer, by the fingerprint of the caller's reference.
    Customer(LocalMac),
}

impl Sought {
    /// Stable word for the audit log.
    const fn by(&self) -> &'static str {
        match self {
            Self::Decision(_) => "decision",
            Self::Reference(_) => "reference",
            Self::Transaction(_) => "transaction",
            Self::Customer(_) => "customer",
        }
    }
}

/// One decision and what stood behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    pub decision_id: String,
    /// Place of its record in the audit log.
    pub index: EntryIndex,
    /// None once its retention has ended.
    pub record: Option<AuditRecord>,
    /// None with the record, and for decisions of before it was kept.
    pub detail: Option<KeptDetail>,
}

/// What was found, newest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explanations {
    pub found: Vec<Explained>,
    /// There are older ones.
    pub more: bool,
}

/// A decision with everything that proves it.
#[derive(Debug)]
pub struct DecisionProof {
    pub record: AuditProof,
    pub detail: KeptDetail,
    /// In the order of the detail's; none where there is no proof.
    pub indicators: Vec<Option<IndicatorProof>>,
}

/// An indicator with what proves it.
#[derive(Debug)]
pub struct IndicatorProof {
    pub index: EntryIndex,
    /// Without its content where that was erased or has expired.
    pub entry: Entry,
    pub inclusion: Vec<TreeHash>,
    /// Its author's checkpoint as a signed note: the newest that enough members cosigned, where that covers it.
    pub checkpoint: String,
    pub verifier_key: String,
    /// The keys of those who cosigned it.
    pub witness_keys: Vec<String>,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// What stood behind decisions.
    pub fn explain_decisions(
        &mut self,
        caller: &Actor,
        sought: &Sought,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Explanations, StorageFault> {
        let (ids, more) = self.decisions_of(sought)?;
        let mut explanations = Explanations { found: Vec::new(), more };
        for id in ids {
            explanations.found.extend(self.explained(&id)?);
        }
        let found = u64::try_from(explanations.found.len()).unwrap_or(u64::MAX);
        let decision_id = explanations.found.first().map(|one| one.decision_id.clone());
        // What was asked for and not found is nobody's id, and has no place in the log.
        let decision_id = decision_id.filter(|_| found == 1).unwrap_or_default();
        let event = AuditEvent::DecisionExplained { by: sought.by(), decision_id, found };
        self.record(caller, vec![event], now, rng)?;
        Ok(explanations)
    }

    /// A decision with everything that proves it; none where there is no such decision, or nothing is kept of it any more.
    pub fn prove_decision(
        &mut self,
        caller: &Actor,
        decision_id: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<DecisionProof>, StorageFault> {
        let Some(Explained { index, detail: Some(detail), .. }) = self.explained(decision_id)? else { return Ok(None) };
        let Some(record) = self.prove_audit_record(caller, index, now, rng)? else { return Ok(None) };
        let indicators = detail.decision.indicators.iter().map(|place| self.prove_indicator(place));
        let indicators = indicators.collect::<Result<_, _>>()?;
        Ok(Some(DecisionProof { record, detail, indicators }))
    }

    /// The ids that lead from what is sought, the newest first, and whether there are more.
    fn decisions_of(&self, sought: &Sought) -> Result<(Vec<String>, bool), StorageFault> {
        let (way, what) = match sought {
            Sought::Decision(id) => return Ok((vec![id.clone()], false)),
            Sought::Reference(reference) => (way::REFERENCE, reference.as_bytes()),
            Sought::Transaction(mac) => (way::TRANSACTION, mac.0.as_slice()),
            Sought::Customer(mac) => (way::CUSTOMER, mac.0.as_slice()),
        };
        let (start, end) = keys::all_explained(way, what);
        let rows = self.rows(&start, &end, limits::EXPLAINED_PER_CALL + 1)?;
        let more = rows.len() > limits::EXPLAINED_PER_CALL;
        let ids = rows.iter().take(limits::EXPLAINED_PER_CALL);
        Ok((ids.filter_map(|(key, _)| keys::read_explained(key, way, what)).collect(), more))
    }

    pub(in crate::node) fn explained(&self, decision_id: &str) -> Result<Option<Explained>, StorageFault> {
        let Some(index) = self.find_decision(decision_id)? else { return Ok(None) };
        let log = &self.state.audit;
        let Some(entry) = self.entries(log, TreeSize(index.0), log.durable_size, 1)?.pop() else { return Ok(None) };
        let record = AuditRecord::decode(&entry.blob).ok();
        let detailed = if record.is_some() { self.detailed(index, decision_id)? } else { None };
        // What a legal hold keeps is shown for as long as it stands, or nobody could use it.
        let held = detailed.as_ref().is_some_and(|detailed| detailed.is_held(&self.state.held));
        let detail = detailed.map(|detailed| detailed.read(|part| !held && self.is_part_erased(part))).transpose()?;
        Ok(Some(Explained { decision_id: decision_id.to_owned(), index, record, detail }))
    }

    /// What stands in the commit of an audit record.
    pub(in crate::node) fn detailed(
        &self,
        index: EntryIndex,
        decision_id: &str,
    ) -> Result<Option<DecisionDetailed>, StorageFault> {
        let origin = &self.state.audit.origin;
        let runs = self.rows(&keys::run(origin, index), &keys::runs_end(origin), 1)?;
        let record = runs.first().and_then(|(_, value)| keys::read_run_value(value));
        let Some((record, _)) = record else { return Err(self.doubt("no record holds a decision")) };
        let commit = match self.journal.read(RecordNumber(record)) {
            Err(fault @ StorageFault::NoRecord(_)) => return Err(self.doubt(fault)),
            read => Commit::from_bytes(&read?)?,
        };
        Ok(commit.changes.into_iter().find_map(|change| match change.kind {
            Some(change::Kind::DecisionDetailed(detailed)) if detailed.decision_id == decision_id => Some(detailed),
            _ => None,
        }))
    }

    fn is_part_erased(&self, part: &DetailPart) -> bool {
        let feed = part.feed(&self.state.identity.consortium).and_then(|feed| self.state.feeds.get(&feed));
        feed.zip(part.target()).is_some_and(|(feed, target)| feed.erased.contains(&target))
    }

    /// None where its author signed two histories, or nothing signed covers it here.
    fn prove_indicator(&self, place: &IndicatorPlace) -> Result<Option<IndicatorProof>, StorageFault> {
        let feed = FeedId::from_origin(&self.state.identity.consortium, &place.feed).ok();
        let Some(feed) = feed.and_then(|feed| self.state.feeds.get(&feed)) else { return Ok(None) };
        let index = EntryIndex(place.index);
        let Some(proof) = self.prove_entry(feed, index)? else { return Ok(None) };
        let EntryProof { stored, inclusion, checkpoint, witness_keys } = proof;
        Ok(Some(IndicatorProof {
            index,
            entry: read_entry(&stored)?,
            inclusion,
            checkpoint: checkpoint.note_text(),
            verifier_key: checkpoint.author_key().to_string(),
            witness_keys: witness_keys.iter().map(ToString::to_string).collect(),
        }))
    }
}
