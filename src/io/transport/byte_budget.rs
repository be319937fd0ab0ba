//! Bytes that may be held in memory at once; what does not fit is refused, never waited for.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many bytes for whoever shares it.
#[derive(Debug, Clone)]
pub struct ByteBudget(Arc<Semaphore>);

/// Bytes that are held; dropping them makes room.
#[derive(Debug)]
pub struct HeldBytes(OwnedSemaphorePermit);

impl ByteBudget {
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Room for so many bytes, or none.
    pub fn take(&self, bytes: usize) -> Option<HeldBytes> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(bytes).ok().map(HeldBytes)
    }
}

impl HeldBytes {
    /// Holds more, of the same budget.
    pub fn add(&mut self, more: Self) {
        self.0.merge(more.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_until_something_is_dropped() {
        let budget = ByteBudget::new(10);
        let mut held = budget.take(4).expect("room");
        held.add(budget.take(6).expect("room"));
        assert!(budget.take(1).is_none());
        assert!(budget.take(0).is_some());
        drop(held);
        assert!(budget.take(11).is_none());
        assert!(budget.take(10).is_some());
    }
}
