//! Records of screening: what matched or was stopped, one by one; the rest as counts per caller and minute.

use std::collections::BTreeMap;

use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, LocalMac, Sha256Digest};
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::behind::{DetailContext, detail_of};
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::case::{Evidence, Opening};
use crate::domain::screening::decision::Decision;
use crate::node::Node;
use crate::node::behind::Behind;
use crate::node::case_stored::stored_opening;
use crate::node::commit::{Commit, change};
use crate::node::detail_stored::DecisionDetailed;
use crate::node::store::{Journal, StorageFault, Views};

/// One decision that matched something, stopped the transaction, or was about a very unusual one.
#[derive(Debug, Clone)]
pub struct ScreeningRecord {
    pub caller: Actor,
    pub time: Timestamp,
    pub decision_id: String,
    /// "allow", "challenge", "hold" or "block".
    pub decision: &'static str,
    pub reasons: Vec<String>,
    pub matched: Vec<(MemberId, Commitment)>,
    pub policy_sha256: Sha256Digest,
    pub degraded: bool,
    /// What was unusual for the customer.
    pub anomalies: Vec<&'static str>,
    /// What a case is opened with, where the decision stops the order.
    pub case: Option<CaseFacts>,
    /// What stands behind it, where that is kept.
    pub behind: Option<Behind>,
}

/// What a case needs beside the record of its decision.
#[derive(Debug, Clone, Default)]
pub struct CaseFacts {
    pub evidence: Vec<Evidence>,
    pub amount_minor: i64,
    pub currency: String,
    /// Keyed fingerprints of the caller's references.
    pub transaction: Option<LocalMac>,
    pub customer: Option<LocalMac>,
}

/// How often one caller got each decision within one minute, the recorded ones included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DecisionCounts {
    pub allowed: u64,
    pub challenged: u64,
    pub held: u64,
    pub blocked: u64,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Writes the records of decided screenings, each with the time of its decision: it is written somewhat later.
    pub fn record_screenings(
        &mut self,
        records: Vec<ScreeningRecord>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        for mut record in records {
            let detailed = record.behind.take().map(|behind| self.detail(&record, behind, rng));
            let opening = record.case.take().and_then(|facts| self.opening(&record, facts));
            let matched = record.matched.into_iter().map(|(member, commitment)| IndicatorRef { member, commitment });
            let event = AuditEvent::ScreeningDecided {
                decision_id: record.decision_id,
                decision: record.decision,
                reasons: record.reasons,
                matched: matched.collect(),
                policy_sha256: record.policy_sha256,
                degraded: record.degraded,
                anomalies: record.anomalies,
                detail: detailed.as_ref().map(DecisionDetailed::digest),
            };
            let mut commit = Commit::default();
            if let Some(mut detailed) = detailed {
                detailed.expires_day = record.time.day().0.saturating_add(event.keep_days());
                commit.push(change::Kind::DecisionDetailed(detailed));
            }
            let mut events = vec![event];
            if let Some(opening) = opening {
                commit.push(change::Kind::CaseOpened(stored_opening(&opening, self.state.audit.size().0)));
                let (case_id, decision) = (opening.id.to_string(), opening.decision.label());
                events.push(AuditEvent::CaseOpened { case_id, decision, due: opening.due });
            }
            self.commit(commit, &record.caller, events, record.time, rng)?;
        }
        Ok(())
    }

    /// What stands behind a decision, as it is stored.
    fn detail(&self, record: &ScreeningRecord, behind: Behind, rng: &mut impl CryptoRng) -> DecisionDetailed {
        let context = DetailContext {
            decision_id: &record.decision_id,
            reference: &behind.reference,
            time: record.time,
            caller: &record.caller,
            transaction: behind.transaction,
            customer: behind.customer,
            facts: behind.facts(),
            guard_sha256: behind.guard_sha256,
            consortium: &self.state.identity.consortium,
        };
        let (detail, indicators) = detail_of(&behind.screening, context);
        DecisionDetailed::new(&detail, &indicators, || rng.random())
    }

    /// What the case of a decision is opened with; none where there is no room for it.
    fn opening(&mut self, record: &ScreeningRecord, facts: CaseFacts) -> Option<Opening> {
        let (id, caller) = (record.decision_id.parse().ok()?, record.caller.to_string());
        let decision = Decision::from_label(record.decision).filter(|decision| *decision != Decision::Allow)?;
        if !self.state.cases.make_room(&caller) {
            return None;
        }
        let CaseFacts { mut evidence, amount_minor, currency, transaction, customer } = facts;
        evidence.truncate(limits::decisions::CASE_EVIDENCE);
        Some(Opening {
            id,
            caller,
            at: record.time,
            decision,
            answered: None,
            reasons: record.reasons.clone(),
            evidence,
            policy_sha256: record.policy_sha256,
            amount_minor,
            currency,
            transaction,
            customer,
            due: self.state.settings.cases.due(record.time),
        })
    }

    /// Writes the counters of one minute, one record a caller.
    pub fn record_counts(
        &mut self,
        minute: Timestamp,
        counts: BTreeMap<Actor, DecisionCounts>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        for (actor, DecisionCounts { allowed, challenged, held, blocked }) in counts {
            let event = AuditEvent::ScreeningsCounted { minute, allowed, challenged, held, blocked };
            self.record(&actor, vec![event], now, rng)?;
        }
        Ok(())
    }

    /// Says openly that records of screening were lost: how many, and between when.
    pub fn record_gap(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        records_lost: u64,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        self.record(
            &Actor::Node,
            vec![AuditEvent::GapRecorded { from, until, records_lost: Some(records_lost) }],
            now,
            rng,
        )
    }
}
