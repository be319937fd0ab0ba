//! What a question counts: one row for each subject and cell, from the journal of the question's days.
//!
//! Whoever draws noise over rows binds them first. A row whose subject is not known any more is left out and not counted as
//! somebody else: the bound would not hold.

use std::collections::BTreeMap;

use prost::Message;

use crate::base::bytes::{Commitment, LocalMac};
use crate::base::framing::framed;
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::detail::DecisionDetail;
use crate::domain::case::CaseId;
use crate::domain::case::outcome::Outcome;
use crate::domain::case::state::Step;
use crate::domain::feed::blob::sighting::SightingOutcome;
use crate::domain::feed::entry::Leaf;
use crate::domain::screening::decision::{Decision, ReasonCode};
use crate::domain::statistics::cells::{TypologyCells, decision_cell, kind_cell, outcome_cell, sighting_cell};
use crate::domain::statistics::period::Period;
use crate::domain::statistics::question::Query;
use crate::node::Node;
use crate::node::case_stored::read_step;
use crate::node::commit::{Commit, Prepared, PreparedEntry, SightingRead, change};
use crate::node::detail_stored::DecisionDetailed;
use crate::node::local_mac::{LocalMacKey, MacDomain};
use crate::node::state::{State, damaged};
use crate::node::store::{Journal, StorageFault, Views};

/// Subject and cell.
pub(in crate::node) type Row = (LocalMac, u32);

impl<J: Journal, V: Views> Node<J, V> {
    /// The rows of a question; nothing is bounded yet.
    pub(in crate::node) fn counted_rows(&self, query: Query, period: Period) -> Result<Vec<Row>, StorageFault> {
        match query {
            Query::PublishedIndicatorsByKind => self.published(period, |waiting| kind_of(waiting).map(kind_cell)),
            Query::PublishedIndicatorsByTypology => {
                let cells = TypologyCells::default();
                self.published(period, |waiting| Some(cells.cell(&waiting.typology)))
            }
            Query::OrdersByDecision => self.orders(period),
            Query::CasesByOutcome => self.outcomes(period),
            Query::SightingsByKind => self.sighted(period),
        }
    }

    /// What this member published, each indicator in the cell that `cell` gives it.
    fn published(
        &self,
        period: Period,
        cell: impl Fn(&PreparedEntry) -> Option<u32>,
    ) -> Result<Vec<Row>, StorageFault> {
        let mut rows = Vec::new();
        self.visit(period.from(), |change| {
            let change::Kind::Prepared(prepared) = change else { return Ok(()) };
            if !period.contains(day_of(prepared)) {
                return Ok(());
            }
            for waiting in &prepared.entries {
                let Some((_, subject)) = subject_of(&self.state, waiting)? else { continue };
                rows.extend(cell(waiting).map(|cell| (subject, cell)));
            }
            Ok(())
        })?;
        Ok(rows)
    }

    /// What was decided of orders that matched, were stopped, or were very unusual.
    fn orders(&self, period: Period) -> Result<Vec<Row>, StorageFault> {
        let mut rows = Vec::new();
        let mac = &self.state.identity.local_mac;
        self.visit(period.from(), |change| {
            let change::Kind::DecisionDetailed(detailed) = change else { return Ok(()) };
            let Some(part) = detailed.parts.first() else { return Ok(()) };
            let detail = DecisionDetail::decode(part.blob.as_slice()).map_err(|error| damaged("decision", error))?;
            // Documented test values are about nobody.
            let sandbox = detail.reasons.iter().any(|reason| reason.code == ReasonCode::SandboxValue.name());
            let decision = Decision::from_label(&detail.decision).filter(|_| !sandbox);
            if period.contains(Timestamp::from_unix_ms(detail.time_ms).day())
                && let Some(decision) = decision
            {
                rows.push((subject_of_order(mac, detailed)?, decision_cell(decision)));
            }
            Ok(())
        })?;
        Ok(rows)
    }

    /// What cases turned out to be: of each the last word of the period.
    fn outcomes(&self, period: Period) -> Result<Vec<Row>, StorageFault> {
        let mut known: BTreeMap<CaseId, Outcome> = BTreeMap::new();
        self.visit(period.from(), |change| {
            let change::Kind::CaseStepped(stepped) = change else { return Ok(()) };
            let (id, taken) = read_step(stepped)?;
            if let Step::Resolve(outcome) = taken.step
                && period.contains(taken.at.day())
            {
                known.insert(id, outcome);
            }
            Ok(())
        })?;
        let mac = &self.state.identity.local_mac;
        let rows = known.into_iter().filter_map(|(id, outcome)| {
            let opening = self.state.cases.get(&id)?.opening();
            let sandbox = opening.reasons.iter().any(|reason| reason == ReasonCode::SandboxValue.name());
            let subject = order(mac, opening.customer, opening.transaction, &id.to_string());
            (!sandbox).then(|| (subject, outcome_cell(outcome)))
        });
        Ok(rows.collect())
    }

    /// What others said of own indicators, as it was opened in the period.
    fn sighted(&self, period: Period) -> Result<Vec<Row>, StorageFault> {
        let mut said: BTreeMap<Commitment, Vec<SightingOutcome>> = BTreeMap::new();
        self.visit(period.from(), |change| {
            let change::Kind::SightingRead(read) = change else { return Ok(()) };
            let Some((target, outcome)) = sighting_of(read).filter(|_| period.contains(read_on(read))) else {
                return Ok(());
            };
            said.entry(target).or_default().push(outcome);
            Ok(())
        })?;
        let mut rows = Vec::new();
        // A second look only where there is something to look for: it goes back over all whose subject is still known.
        if !said.is_empty() {
            self.visit(Day(period.from().0.saturating_sub(limits::SUBJECT_DAYS)), |change| {
                let change::Kind::Prepared(prepared) = change else { return Ok(()) };
                for waiting in &prepared.entries {
                    let Some((commitment, subject)) = subject_of(&self.state, waiting)? else { continue };
                    let outcomes = said.get(&commitment).into_iter().flatten();
                    let cells = kind_of(waiting)
                        .into_iter()
                        .flat_map(|kind| outcomes.clone().map(move |outcome| sighting_cell(kind, *outcome)));
                    rows.extend(cells.map(|cell| (subject, cell)));
                }
                Ok(())
            })?;
        }
        Ok(rows)
    }

    /// Every change written on that day or later, and maybe some before.
    fn visit(
        &self,
        from: Day,
        mut look: impl FnMut(&change::Kind) -> Result<(), StorageFault>,
    ) -> Result<(), StorageFault> {
        let Some(first) = self.state.first_record_of(from) else { return Ok(()) };
        self.journal.replay(first, &mut |_, record| Commit::from_bytes(record)?.kinds().try_for_each(&mut look))
    }
}

fn day_of(prepared: &Prepared) -> Day {
    Timestamp::from_unix_ms(prepared.time_ms).day()
}

fn kind_of(waiting: &PreparedEntry) -> Option<IdentifierKind> {
    usize::try_from(waiting.kind).ok().and_then(|place| IdentifierKind::ALL.get(place)).copied()
}

/// Name and subject of an indicator; none of what is about nobody, or about nobody any more.
fn subject_of(state: &State, waiting: &PreparedEntry) -> Result<Option<(Commitment, LocalMac)>, StorageFault> {
    let (Some(entry), Ok(subject)) = (&waiting.entry, LocalMac::try_from(waiting.subject.as_slice())) else {
        return Ok(None);
    };
    let leaf = Leaf::decode(&entry.leaf).map_err(|error| damaged("leaf", error))?;
    Ok((!state.own_is_erased(&leaf.commitment)).then_some((leaf.commitment, subject)))
}

fn subject_of_order(mac: &LocalMacKey, detailed: &DecisionDetailed) -> Result<LocalMac, StorageFault> {
    let read = |bytes: &[u8]| match bytes {
        [] => Ok(None),
        bytes => LocalMac::try_from(bytes).map(Some).map_err(|error| damaged("decision", error)),
    };
    Ok(order(mac, read(&detailed.customer)?, read(&detailed.transaction)?, &detailed.decision_id))
}

/// Whose order it was, as far as the caller said.
fn order(mac: &LocalMacKey, customer: Option<LocalMac>, transaction: Option<LocalMac>, decision: &str) -> LocalMac {
    let alone = || mac.fingerprint(MacDomain::Subject, &framed(&[b"decision", decision.as_bytes()]));
    customer.or(transaction).unwrap_or_else(alone)
}

/// Of which indicator it speaks, and how; none where it could not be opened.
fn sighting_of(read: &SightingRead) -> Option<(Commitment, SightingOutcome)> {
    let outcome = u8::try_from(read.outcome).ok().and_then(SightingOutcome::from_number)?;
    Some((Commitment::try_from(read.target.as_slice()).ok()?, outcome))
}

fn read_on(read: &SightingRead) -> Day {
    Timestamp::from_unix_ms(read.time_ms).day()
}
