//! Refused accesses in the audit log: so many in a minute one by one, the others counted. Whoever holds a valid certificate must
//! not be able to fill the disk with refusals.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::app::serve::material::LiveEngine;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::io::clock;
use crate::io::grpc::convert;
use crate::io::grpc::gate::{OnRefused, Refused};
use crate::io::transport::caller::Caller;

/// Between two writings of what was only counted.
const COUNTS_EVERY: Duration = Duration::from_secs(60);

/// The refusals of one door. Where the engine has no time, a refusal stands all the same.
#[derive(Debug)]
pub struct RefusalLog {
    engine: LiveEngine,
    known: Mutex<Minute>,
    strangers: Mutex<Minute>,
}

impl RefusalLog {
    pub fn new(engine: LiveEngine) -> Arc<Self> {
        Arc::new(Self { engine, known: Mutex::default(), strangers: Mutex::default() })
    }

    /// What the gate tells of every refused access.
    pub fn on_refused(self: &Arc<Self>) -> OnRefused {
        let log = Arc::clone(self);
        Arc::new(move |refused| log.take(refused))
    }

    /// Writes once a minute what was only counted. What comes after the last time is written by [`RefusalLog::settle`].
    pub async fn write_counts(self: Arc<Self>) {
        loop {
            tokio::time::sleep(COUNTS_EVERY).await;
            self.settle(Instant::now() + COUNTS_EVERY).await;
        }
    }

    /// Writes what was only counted so far, if the store takes it in time.
    pub async fn settle(&self, deadline: Instant) {
        for minute in [&self.known, &self.strangers] {
            let Some(gap) = lock(minute).beyond.take() else { continue };
            let Gap { from, until, lost } = gap;
            let event = AuditEvent::GapRecorded { from, until, records_lost: Some(lost) };
            let left = deadline.saturating_duration_since(Instant::now());
            let written = self
                .engine
                .call_within(left, move |node, round| node.record(&Actor::Node, vec![event], round.now, round.rng));
            let fault = match written.await {
                Ok(Ok(())) => continue,
                Ok(Err(fault)) => fault.to_string(),
                Err(fault) => fault.to_string(),
            };
            tracing::warn!(event = "refusal.unrecorded", fault);
            lock(minute).count(gap);
        }
    }

    fn take(self: &Arc<Self>, refused: &Refused) {
        let now = clock::now();
        let (actor, minute, most) = match &refused.caller {
            // A token that counts no more may be in anybody's hands: whoever holds it crowds out no refusal of a caller's either.
            Caller::Local(caller) if ["EXPIRED_TOKEN", "REVOKED_TOKEN"].contains(&refused.reason.as_str()) => {
                (convert::actor(caller), &self.strangers, limits::STRANGERS_PER_MINUTE)
            }
            Caller::Local(caller) => (convert::actor(caller), &self.known, limits::REFUSALS_PER_MINUTE),
            Caller::Peer(peer) => (Actor::Peer(peer.member.clone()), &self.known, limits::REFUSALS_PER_MINUTE),
            Caller::Stranger => (Actor::Stranger, &self.strangers, limits::STRANGERS_PER_MINUTE),
        };
        if !lock(minute).admit(now, most) {
            return;
        }
        let reason = known_reason(&refused.reason);
        let event = AuditEvent::CallRefused { method: refused.method.unwrap_or("unknown"), reason };
        let (log, is_known) = (Arc::clone(self), std::ptr::eq(minute, &raw const self.known));
        tokio::spawn(async move {
            let written = log.engine.call(move |node, round| node.record(&actor, vec![event], round.now, round.rng));
            let fault = match written.await {
                Ok(Ok(())) => return,
                Ok(Err(fault)) => fault.to_string(),
                Err(fault) => fault.to_string(),
            };
            tracing::warn!(event = "refusal.unrecorded", fault);
            // What could not be told one by one is told by its number.
            let minute = if is_known { &log.known } else { &log.strangers };
            lock(minute).count(Gap { from: now, until: now, lost: 1 });
        });
    }
}

fn lock(minute: &Mutex<Minute>) -> std::sync::MutexGuard<'_, Minute> {
    minute.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The refusals of one minute, and those of it and of earlier ones that are counted and not written.
#[derive(Debug, Default)]
struct Minute {
    number: u64,
    recorded: u64,
    beyond: Option<Gap>,
}

/// Refusals that are not in the log one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    from: Timestamp,
    until: Timestamp,
    lost: u64,
}

impl Minute {
    /// Whether a refusal at `now` is recorded; otherwise it is counted.
    fn admit(&mut self, now: Timestamp, most: u64) -> bool {
        let number = now.unix_s() / 60;
        if number != self.number {
            (self.number, self.recorded) = (number, 0);
        }
        if self.recorded < most {
            self.recorded += 1;
            return true;
        }
        self.count(Gap { from: now, until: now, lost: 1 });
        false
    }

    fn count(&mut self, more: Gap) {
        self.beyond = Some(self.beyond.map_or(more, |held| Gap {
            from: held.from.min(more.from),
            until: held.until.max(more.until),
            lost: held.lost.saturating_add(more.lost),
        }));
    }
}

/// The audit log holds words of the program only.
fn known_reason(reason: &str) -> &'static str {
    const KNOWN: [&str; 16] = [
        "ROLE_NOT_ALLOWED",
        "FORGED_FORM",
        "WRONG_LISTENER",
        "PIN_REVOKED",
        "UNKNOWN_METHOD",
        "NO_VERIFIED_CALLER",
        "CERTIFICATE_NEEDED",
        "TOKEN_SCOPE",
        "NO_TOKEN",
        "REPEATED_TOKEN",
        "MALFORMED_TOKEN",
        "UNKNOWN_TOKEN",
        "EXPIRED_TOKEN",
        "REVOKED_TOKEN",
        "TOKEN_ENDED",
        "TWO_CALLERS",
    ];
    KNOWN.into_iter().find(|known| *known == reason).unwrap_or("OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_counted_until_the_count_is_taken() {
        let mut minute = Minute::default();
        let first = Timestamp::from_unix_s(600);
        for _ in 0..5 {
            assert!(minute.admit(first, 5));
        }
        assert_eq!(minute.beyond, None);
        assert!(!minute.admit(first, 5) && !minute.admit(first.plus_s(1), 5));
        assert!(minute.admit(first.plus_s(60), 5), "the next minute records again");
        let gap = Gap { from: first, until: first.plus_s(1), lost: 2 };
        assert_eq!(minute.beyond.take(), Some(gap), "and forgets no count");
        // One that could not be written goes back to the others.
        assert!((0..5).map(|_| minute.admit(first.plus_s(61), 5)).any(|admitted| !admitted));
        minute.count(gap);
        assert_eq!(minute.beyond, Some(Gap { from: first, until: first.plus_s(61), lost: 3 }));
    }
}
