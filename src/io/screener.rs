//! What answers checkouts: everything screening reads, shared and lock-free, and the bounded way of its records to the
//! audit log.
//!
//! Nothing here waits for the engine, a peer or a disk. Records go through a bounded queue; where it is full the answer is
//! given all the same and the loss is counted, told by a gap record once there is room again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::audit::record::Actor;
use crate::domain::belief::Belief;
use crate::domain::identifier::CanonRules;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::screening::answer::Screening;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::freshness::Freshness;
use crate::domain::screening::own_lists::OwnLists;
use crate::domain::screening::policy::BuiltInPolicy;
use crate::domain::screening::screen::{ScreeningContext, screen};
use crate::domain::screening::transaction::Transaction;
use crate::io::engine::Engine;
use crate::io::{clock, random};
use crate::node::record_screening::{DecisionCounts, ScreeningRecord};
use crate::node::store::{Journal, Views};

/// What screening reads. Parts that change while the node runs are swapped whole.
#[derive(Debug)]
pub struct Screener {
    pub keys: ArcSwap<KeyRing>,
    pub belief: Arc<Belief>,
    pub canon: CanonRules,
    pub guard: ArcSwap<GuardLists>,
    pub lists: ArcSwap<OwnLists>,
    pub freshness: ArcSwap<Freshness>,
    pub policy: BuiltInPolicy,
    pub own: MemberId,
    pub sandbox: bool,
    pub records: Records,
}

/// An answer with its place in the audit log.
#[derive(Debug)]
pub struct Answered {
    pub screening: Screening,
    /// 128 random bits, hex: names the decision in the audit log.
    pub decision_id: String,
    /// Short form a customer can read over the telephone.
    pub reference: String,
    pub audit: Audited,
}

/// Where the record of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audited {
    /// Queued for the audit log.
    Pending,
    /// Only counted: nothing matched and nothing was stopped.
    Counted,
    /// The queue is full; the loss is counted and will be told in the log.
    Lost,
}

impl Screener {
    /// Screens one transaction and queues its record.
    pub fn screen(&self, transaction: &Transaction, caller: &Actor, now: Timestamp) -> Answered {
        let context = ScreeningContext {
            keys: &self.keys.load(),
            belief: &self.belief,
            canon: &self.canon,
            guard: &self.guard.load(),
            lists: &self.lists.load(),
            freshness: &self.freshness.load(),
            policy: &self.policy,
            own: &self.own,
            sandbox: self.sandbox,
            now,
        };
        let screening = screen(transaction, &context);
        let id: [u8; 16] = random::bytes();
        let decision_id = hex::encode(id);
        let audit = self.records.take(caller, &screening, &decision_id, now);
        Answered { reference: reference(&id), screening, decision_id, audit }
    }
}

/// Crockford's base 32 without vowels' look-alikes, in two groups: "7KQ2-M0XD".
fn reference(id: &[u8; 16]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut text = String::with_capacity(9);
    for (place, byte) in id.iter().take(8).enumerate() {
        if place == 4 {
            text.push('-');
        }
        let symbol = ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'0');
        text.push(char::from(symbol));
    }
    text
}

/// Counters by the printed name of the caller.
type Counts = BTreeMap<String, (Actor, DecisionCounts)>;

/// The records on their way to the audit log.
#[derive(Debug)]
pub struct Records {
    queue: Sender<ScreeningRecord>,
    counts: Mutex<Counts>,
    lost: AtomicU64,
}

impl Records {
    /// The sending side and what [`write_records`] reads.
    pub fn new() -> (Self, Receiver<ScreeningRecord>) {
        let (queue, waiting) = mpsc::channel(limits::SCREENING_RECORDS);
        (Self { queue, counts: Mutex::new(Counts::new()), lost: AtomicU64::new(0) }, waiting)
    }

    fn take(&self, caller: &Actor, screening: &Screening, decision_id: &str, now: Timestamp) -> Audited {
        self.count(caller, screening.decision);
        if screening.decision == Decision::Allow && screening.matches.is_empty() {
            return Audited::Counted;
        }
        let matched = screening.matches.iter().flat_map(|found| &found.indicators);
        let record = ScreeningRecord {
            caller: caller.clone(),
            time: now,
            decision_id: decision_id.to_owned(),
            decision: screening.decision.label(),
            reasons: screening.reasons.iter().map(|reason| reason.code.name()).collect(),
            matched: matched.map(|indicator| (indicator.reporter.clone(), indicator.commitment)).collect(),
            policy_sha256: screening.policy_sha256,
            degraded: screening.degraded,
        };
        if self.queue.try_send(record).is_ok() {
            return Audited::Pending;
        }
        self.lost.fetch_add(1, Ordering::Relaxed);
        Audited::Lost
    }

    fn count(&self, caller: &Actor, decision: Decision) {
        // Held for one addition; a panic cannot leave a counter half changed.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, row) = counts.entry(caller.to_string()).or_insert_with(|| (caller.clone(), DecisionCounts::default()));
        match decision {
            Decision::Allow => row.allowed += 1,
            Decision::Challenge => row.challenged += 1,
            Decision::Hold => row.held += 1,
            Decision::Block => row.blocked += 1,
        }
    }

    fn take_counts(&self) -> Counts {
        std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes records to the audit log: gathered for `window`, in one commit each time; counters once a minute. Ends when the
/// screener is dropped.
pub async fn write_records<J, V>(
    engine: Engine<J, V>,
    screener: std::sync::Weak<Screener>,
    mut waiting: Receiver<ScreeningRecord>,
    window: Duration,
) where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let mut minute = clock::now().unix_s() / 60;
    let mut lossy_since = None;
    loop {
        let mut records = Vec::new();
        let received =
            tokio::time::timeout(Duration::from_secs(1), waiting.recv_many(&mut records, limits::RECORDS_PER_COMMIT));
        if received.await == Ok(0) {
            return;
        }
        if !records.is_empty() && records.len() < limits::RECORDS_PER_COMMIT {
            tokio::time::sleep(window).await;
            while records.len() < limits::RECORDS_PER_COMMIT
                && let Ok(record) = waiting.try_recv()
            {
                records.push(record);
            }
        }
        let Some(screener) = screener.upgrade() else { return };
        let now = clock::now();
        let lost = screener.records.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            lossy_since.get_or_insert(now);
        }
        let gap = (lost > 0).then(|| (lossy_since.take().unwrap_or(now), lost));
        let this_minute = now.unix_s() / 60;
        let counts = if this_minute > minute { screener.records.take_counts() } else { Counts::new() };
        let counted = Timestamp::from_unix_s(minute * 60);
        minute = this_minute;
        drop(screener);
        if records.is_empty() && counts.is_empty() && gap.is_none() {
            continue;
        }
        let written = engine
            .call(move |node, round| {
                node.record_screenings(records, round.now, round.rng)?;
                node.record_counts(counted, counts, round.now, round.rng)?;
                match gap {
                    Some((since, lost)) => node.record_gap(since, round.now, lost, round.now, round.rng),
                    None => Ok(()),
                }
            })
            .await;
        if let Err(fault) = written.map(|outcome| outcome.err()) {
            tracing::error!(event = "audit.unwritten", fault = %fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_short_and_has_no_letter_that_is_misread() {
        let text = reference(&[0xFF; 16]);
        assert_eq!(text, "ZZZZ-ZZZZ");
        assert_eq!(reference(&[0; 16]), "0000-0000");
        for misread in ['I', 'L', 'O', 'U'] {
            assert!((0..=255).all(|byte| !reference(&[byte; 16]).contains(misread)));
        }
    }
}
