//! Records of screening: what matched or was stopped, one by one; the rest as counts per caller and minute.

use std::collections::BTreeMap;

use rand::CryptoRng;

use crate::base::bytes::{Commitment, Sha256Digest};
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::event::{AuditEvent, IndicatorRef};
use crate::domain::audit::record::Actor;
use crate::node::Node;
use crate::node::store::{Journal, StorageFault, Views};

/// One decision that matched something or stopped the transaction.
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
        for record in records {
            let matched = record.matched.into_iter().map(|(member, commitment)| IndicatorRef { member, commitment });
            let event = AuditEvent::ScreeningDecided {
                decision_id: record.decision_id,
                decision: record.decision,
                reasons: record.reasons,
                matched: matched.collect(),
                policy_sha256: record.policy_sha256,
                degraded: record.degraded,
            };
            self.record(&record.caller, vec![event], record.time, rng)?;
        }
        Ok(())
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
