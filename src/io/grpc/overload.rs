//! How many calls a door works on at once. What is above is told when to come back instead of waiting in memory.

use crate::base::limits::RETRY_AFTER_MS;
use crate::io::grpc::status::Refusal;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The calls of one door.
#[derive(Debug, Clone)]
pub struct Overload {
    free: Arc<Semaphore>,
}

impl Overload {
    /// Admits `calls` at once.
    pub fn new(calls: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(calls.min(Semaphore::MAX_PERMITS))) }
    }

    /// A place for one call, held until it is answered; never waits.
    pub fn admit(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.free).try_acquire_owned().map_err(|_| overloaded())
    }
}

/// Said to whoever comes when there is no room.
pub fn overloaded() -> Refusal {
    Refusal::ResourceExhausted {
        reason: "OVERLOADED",
        description: "the node works on as many calls as it can; come back later".to_owned(),
        retry_after_ms: RETRY_AFTER_MS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_above_the_limit_is_shed_until_one_ends() {
        let overload = Overload::new(2);
        let first = overload.admit().expect("free");
        let _second = overload.admit().expect("free");
        let refusal = overload.admit().expect_err("full");
        assert!(matches!(refusal, Refusal::ResourceExhausted { retry_after_ms: RETRY_AFTER_MS, .. }));
        drop(first);
        assert!(overload.admit().is_ok());
    }
}
