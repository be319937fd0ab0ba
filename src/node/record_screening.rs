//! Records of screening: what matched or was stopped, one by one; the rest as counts per caller and minute.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::{CryptoRng, RngExt};

use crate::base::bytes::{Commitment, LocalMac, Sha256Digest};
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::behind::{DetailContext, detail_of};
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::domain::screening::answer::Screening;
use crate::node::Node;
use crate::node::commit::{Commit, change};
use crate::node::detail_stored::DecisionDetailed;
use crate::node::store::{Journal, StorageFault, Views};

/// One decision that matched something or stopped the transaction.
#[derive(Debug, Clone)]
pub struct ScreeningRecord {
    pub caller: Actor,
    pub time: Timestamp,
    pub decision_id: String,
    /// "allow", "challenge", "hold" or "block".
    pub decision: &'static str,
    pub reasons: Vec<&'static str>,
    pub matched: Vec<(MemberId, Commitment)>,
    pub policy_sha256: Sha256Digest,
    pub degraded: bool,
    /// What stands behind it, where that is kept.
    pub behind: Option<Behind>,
}

/// What stands behind a decision, as screening left it. Made into its parts beside screening, on the engine's thread.
#[derive(Debug, Clone)]
pub struct Behind {
    pub screening: Arc<Screening>,
    /// The short form the customer was told.
    pub reference: String,
    /// Keyed fingerprints of the caller's references.
    pub transaction: Option<LocalMac>,
    pub customer: Option<LocalMac>,
    pub guard_sha256: Sha256Digest,
    pub asked: Asked,
}

/// What the transaction said beside its identifiers.
#[derive(Debug, Clone)]
pub struct Asked {
    pub time: Timestamp,
    pub amount_minor: i64,
    /// Empty where not given.
    pub currency: String,
    pub channel: String,
    pub country: String,
    pub own_score: Option<u32>,
}

impl Asked {
    /// As facts, by name; what was not given is none.
    fn facts(&self) -> BTreeMap<String, String> {
        let Self { time, amount_minor, currency, channel, country, own_score } = self;
        let facts = [
            ("time", time.to_string()),
            ("amount_minor", if currency.is_empty() { String::new() } else { amount_minor.to_string() }),
            ("currency", currency.clone()),
            ("channel", channel.clone()),
            ("country", country.clone()),
            ("own_score", own_score.map(|score| score.to_string()).unwrap_or_default()),
        ];
        let given = facts.into_iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| (format!("transaction.{name}"), value)).collect()
    }
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
            let matched = record.matched.into_iter().map(|(member, commitment)| IndicatorRef { member, commitment });
            let event = AuditEvent::ScreeningDecided {
                decision_id: record.decision_id,
                decision: record.decision,
                reasons: record.reasons,
                matched: matched.collect(),
                policy_sha256: record.policy_sha256,
                degraded: record.degraded,
                detail: detailed.as_ref().map(DecisionDetailed::digest),
            };
            let mut commit = Commit::default();
            if let Some(mut detailed) = detailed {
                detailed.expires_day = record.time.day().0.saturating_add(event.keep_days());
                commit.push(change::Kind::DecisionDetailed(detailed));
            }
            self.commit(commit, &record.caller, vec![event], record.time, rng)?;
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
            facts: behind.asked.facts(),
            guard_sha256: behind.guard_sha256,
            consortium: &self.state.identity.consortium,
        };
        let (detail, indicators) = detail_of(&behind.screening, context);
        DecisionDetailed::new(&detail, &indicators, || rng.random())
    }

    /// Writes the counters of one minute, one record a caller.
    pub fn record_counts(
        &mut self,
        minute: Timestamp,
        counts: BTreeMap<String, (Actor, DecisionCounts)>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        for (actor, DecisionCounts { allowed, challenged, held, blocked }) in counts.into_values() {
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
