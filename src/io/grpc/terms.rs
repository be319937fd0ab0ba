//! What a handler of a stream holds itself to, message by message: the gate lets go of its place and its deadline with the head
//! of the answer, when the work of a stream has only begun.

use std::future::Future;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::io::grpc::deadline::Deadline;
use crate::io::grpc::overload::Overload;
use crate::io::grpc::status::Refusal;

/// The terms of one call, among the extensions of its request.
#[derive(Debug, Clone)]
pub struct StreamTerms {
    overload: Overload,
    begun: Instant,
    /// When the caller's patience with the whole stream ends.
    ends: Option<Instant>,
    /// Longest the node works on one message.
    message_timeout: Duration,
}

/// The place of one message; dropping it frees the place.
#[derive(Debug)]
pub struct Admitted {
    pub deadline: Deadline,
    /// When the work on it began.
    pub since: Instant,
    _room: OwnedSemaphorePermit,
}

impl StreamTerms {
    /// `asked` is the time the caller allows the whole stream.
    pub fn new(overload: Overload, asked: Option<Duration>, message_timeout: Duration) -> Self {
        let begun = Instant::now();
        Self { overload, begun, ends: asked.and_then(|asked| begun.checked_add(asked)), message_timeout }
    }

    /// A place for one message among all calls of the door, or the refusal of this message.
    pub fn admit(&self) -> Result<Admitted, Refusal> {
        let room = self.overload.admit()?;
        let since = Instant::now();
        let longest = since + self.message_timeout;
        let deadline = Deadline(self.ends.map_or(longest, |ends| ends.min(longest)));
        Ok(Admitted { deadline, since, _room: room })
    }

    /// Waits for something of the stream, not longer than the caller's patience with it.
    pub async fn within<T>(&self, waited_for: impl Future<Output = T>) -> Result<T, Refusal> {
        let Some(ends) = self.ends else { return Ok(waited_for.await) };
        timeout_at(ends, waited_for).await.map_err(|_| {
            let limit_ms = ends.saturating_duration_since(self.begun).as_millis();
            Refusal::DeadlineExceeded { limit_ms: u64::try_from(limit_ms).unwrap_or(u64::MAX) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(asked: Option<Duration>) -> StreamTerms {
        StreamTerms::new(Overload::new(1), asked, Duration::from_secs(10))
    }

    #[tokio::test]
    async fn each_message_takes_a_place_and_gives_it_back() {
        let terms = terms(None);
        let first = terms.admit().expect("free");
        assert!(matches!(terms.admit(), Err(Refusal::ResourceExhausted { .. })));
        drop(first);
        assert!(terms.admit().is_ok());
    }

    #[tokio::test]
    async fn a_message_ends_by_the_nodes_limit_and_by_the_end_of_the_stream() {
        let check = |asked: Option<u64>, most_s: u64, late: bool| {
            let admitted = terms(asked.map(Duration::from_secs)).admit().expect("free");
            let allowed = admitted.deadline.0.saturating_duration_since(admitted.since);
            assert!(
                allowed <= Duration::from_secs(most_s)
                    && allowed + Duration::from_secs(1) >= Duration::from_secs(most_s)
            );
            let refused = admitted.deadline.check(admitted.since);
            assert_eq!(refused, if late { Err(Refusal::DeadlineExceeded { limit_ms: 0 }) } else { Ok(()) });
        };
        check(None, 10, false);
        check(Some(3), 3, false);
        check(Some(60), 10, false);
        check(Some(0), 0, true);
    }

    #[tokio::test]
    async fn a_silent_stream_lasts_as_long_as_its_caller_allows() {
        let waited = terms(Some(Duration::from_millis(20))).within(std::future::pending::<()>()).await;
        assert_eq!(waited, Err(Refusal::DeadlineExceeded { limit_ms: 20 }));
        let forever = terms(None);
        let given_up = tokio::time::timeout(Duration::from_millis(40), forever.within(std::future::pending::<()>()));
        assert!(given_up.await.is_err(), "without a limit it may be silent for ever");
    }
}
