//! A connection of somebody nobody knows, which stays open only for calls that prove who makes them.
//!
//! Whoever reaches the port can finish a handshake without a certificate; what may follow is a token with each call. Until one
//! counts, the connection has a moment to show it; afterwards it may rest for as long as a client keeps its channel.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What the calls of one connection proved so far. Stands on each of its requests.
#[derive(Debug, Clone)]
pub struct Proofs(watch::Sender<State>);

#[derive(Debug, Clone, Copy)]
struct State {
    /// Proved calls whose answers have not ended.
    running: usize,
    proved: bool,
    /// Since when nothing proved runs.
    quiet_since: Instant,
}

/// A proved call, until its answer has ended or its caller is gone.
#[derive(Debug)]
pub struct Running(watch::Sender<State>);

impl Default for Proofs {
    fn default() -> Self {
        Self(watch::Sender::new(State { running: 0, proved: false, quiet_since: Instant::now() }))
    }
}

impl Proofs {
    /// A call of a known caller begins.
    pub fn begin(&self) -> Running {
        self.0.send_modify(|state| {
            state.running += 1;
            state.proved = true;
        });
        Running(self.0.clone())
    }

    /// Returns once no call has proved anything for `first` from the start, or none runs for `idle` after one did.
    pub async fn wanting(&self, first: Duration, idle: Duration) {
        let mut changes = self.0.subscribe();
        loop {
            let State { running, proved, quiet_since } = *changes.borrow_and_update();
            let end = quiet_since + if proved { idle } else { first };
            tokio::select! {
                () = sleep_until(end), if running == 0 => return,
                changed = changes.changed() => changed.expect("self holds the sender"),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|state| {
            state.running = state.running.saturating_sub(1);
            state.quiet_since = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_millis(20);
    const NEVER: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn a_connection_ends_without_a_proof_and_rests_after_one() {
        let (proofs, start) = (Proofs::default(), Instant::now());
        proofs.wanting(SOON, NEVER).await;
        assert!(start.elapsed() >= SOON);

        let proofs = Proofs::default();
        let call = proofs.begin();
        let running = timeout(SOON * 3, proofs.wanting(Duration::ZERO, Duration::ZERO)).await;
        assert!(running.is_err(), "a stream that runs is no idle connection");
        let ended = Instant::now();
        drop(call);
        proofs.wanting(Duration::ZERO, SOON).await;
        assert!(ended.elapsed() >= SOON, "what was proved once may rest");
    }
}
