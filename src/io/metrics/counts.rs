//! What those who count hold: a few counters each, read by [`crate::io::metrics::families`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::domain::profile::anomaly::{Anomalies, Anomaly};
use crate::domain::screening::decision::Decision;
use crate::io::metrics::atomics::{Count, Durations, Level};

/// Screenings, and records of them that did not reach the audit log.
#[derive(Debug, Default)]
pub struct ScreeningCounts {
    pub allowed: Count,
    pub challenged: Count,
    pub held: Count,
    pub blocked: Count,
    pub records_lost: Count,
}

impl ScreeningCounts {
    pub fn decided(&self, decision: Decision) {
        self.of(decision).one();
    }

    pub fn of(&self, decision: Decision) -> &Count {
        match decision {
            Decision::Allow => &self.allowed,
            Decision::Challenge => &self.challenged,
            Decision::Hold => &self.held,
            Decision::Block => &self.blocked,
        }
    }
}

/// Orders followed after their answer.
#[derive(Debug, Default)]
pub struct AnsweredCounts {
    /// Not followed, for want of room in the queue.
    pub lost: Count,
    /// Told, eased ones included.
    pub late_matches: Count,
    /// From the last look at belief before it changed until what it did to orders was on record.
    pub told_after: Durations,
    orders: AtomicU64,
    crowded_out: AtomicU64,
}

impl AnsweredCounts {
    /// Orders in the window of late matches, and those that left it before their time so far.
    pub fn window(&self, orders: usize, crowded_out: u64) {
        self.orders.store(u64::try_from(orders).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.crowded_out.store(crowded_out, Ordering::Relaxed);
    }

    pub fn orders(&self) -> u64 {
        self.orders.load(Ordering::Relaxed)
    }

    /// Orders that are not followed to the end of the window.
    pub fn unfollowed(&self) -> u64 {
        self.lost.value().saturating_add(self.crowded_out.load(Ordering::Relaxed))
    }
}

/// The profiles of customers.
#[derive(Debug, Default)]
pub struct ProfileCounts {
    /// In the order of [`Anomaly::ALL`].
    anomalies: [Count; Anomaly::ALL.len()],
    /// Customers that made room for others.
    pub evicted: Count,
    /// Attempts to keep profiles that failed.
    pub failed: Count,
}

impl ProfileCounts {
    pub fn told(&self, anomalies: Anomalies) {
        anomalies.iter().filter_map(|anomaly| self.of(anomaly)).for_each(Count::one);
    }

    pub fn of(&self, anomaly: Anomaly) -> Option<&Count> {
        let place = Anomaly::ALL.iter().position(|known| *known == anomaly)?;
        self.anomalies.get(place)
    }
}

/// What was asked to be published and taken back.
#[derive(Debug, Default)]
pub struct PublishingCounts {
    /// Indicators acknowledged; one record of a caller may make two.
    pub published: Count,
    /// Records refused by a rule.
    pub refused: Count,
    /// Indicators taken back.
    pub retracted: Count,
}

/// Events on their way to the member's own systems, all receivers together.
#[derive(Debug, Default)]
pub struct WebhookCounts {
    pub delivered: Count,
    /// Given up because the receiver went on refusing it, or is gone.
    pub refused: Count,
    /// Given up because too many waited.
    pub dropped: Count,
    /// Attempts that failed.
    pub failed: Count,
    pub waiting: Arc<Level>,
}

/// What the journal wrote.
#[derive(Debug, Default)]
pub struct JournalCounts {
    pub bytes: Count,
    /// Of one write with its `fdatasync`.
    pub syncs: Durations,
}

impl JournalCounts {
    pub fn wrote(&self, bytes: u64, time: Duration) {
        self.bytes.add(bytes);
        self.syncs.took(time);
    }
}
