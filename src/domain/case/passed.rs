//! Who passed a challenge lately: a condition for the policy, not an allow list. It says that somebody was who they claim to be,
//! and nothing of what they order.
//!
//! Read by every screening that names a customer, without the engine and without waiting: a reader looks at a counter, and only
//! where anybody is remembered at all takes a lock that is held for one look-up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::base::bytes::LocalMac;
use crate::base::limits;
use crate::base::time::Timestamp;

/// See the module.
#[derive(Debug)]
pub struct Passed {
    remembered_s: u64,
    at: RwLock<BTreeMap<LocalMac, Timestamp>>,
    held: AtomicUsize,
}

impl Passed {
    /// Remembers so long.
    pub fn new(remembered_s: u64) -> Self {
        Self { remembered_s, at: RwLock::default(), held: AtomicUsize::new(0) }
    }

    /// Whether nobody is remembered: then no customer needs to be named.
    pub fn is_empty(&self) -> bool {
        self.held.load(Ordering::Acquire) == 0
    }

    /// Seconds since the customer last passed a challenge; none where that is too long ago, or never was.
    pub fn challenge_passed(&self, customer: &LocalMac, now: Timestamp) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        // Each change is one insertion or removal: a panic leaves nothing half done.
        let at = self.at.read().unwrap_or_else(PoisonError::into_inner).get(customer).copied()?;
        let since_s = now.ms_since(at) / 1_000;
        (since_s < self.remembered_s).then_some(since_s)
    }

    /// A challenge was passed. Where there is no room for another customer this one is asked again next time.
    pub fn remember(&self, customer: LocalMac, at: Timestamp) {
        let mut passed = self.at.write().unwrap_or_else(PoisonError::into_inner);
        if passed.len() >= limits::decisions::PASSED_CUSTOMERS {
            passed.retain(|_, passed| at.ms_since(*passed) / 1_000 < self.remembered_s);
        }
        if passed.len() < limits::decisions::PASSED_CUSTOMERS || passed.contains_key(&customer) {
            passed.insert(customer, at);
        }
        self.held.store(passed.len(), Ordering::Release);
    }

    /// Takes over what another remembers.
    pub fn take_over(&self, other: &Self) {
        let theirs = other.at.read().unwrap_or_else(PoisonError::into_inner).clone();
        theirs.into_iter().for_each(|(customer, at)| self.remember(customer, at));
    }

    /// What counts no more goes.
    pub fn forget(&self, now: Timestamp) {
        let mut passed = self.at.write().unwrap_or_else(PoisonError::into_inner);
        passed.retain(|_, at| now.ms_since(*at) / 1_000 < self.remembered_s);
        self.held.store(passed.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Timestamp {
        Timestamp::from_unix_s(1_795_000_000 + s)
    }

    #[test]
    fn a_passed_challenge_is_remembered_for_its_time_and_for_that_customer_alone() {
        let passed = Passed::new(3_600);
        let (jane, other) = (LocalMac([1; 32]), LocalMac([2; 32]));
        assert_eq!(passed.challenge_passed(&jane, at(0)), None);
        passed.remember(jane, at(10));
        assert_eq!(passed.challenge_passed(&jane, at(70)), Some(60));
        assert_eq!(passed.challenge_passed(&other, at(70)), None);
        assert_eq!(
            (passed.challenge_passed(&jane, at(3_609)), passed.challenge_passed(&jane, at(3_610))),
            (Some(3_599), None)
        );
        passed.remember(jane, at(5_000));
        passed.forget(at(5_001));
        assert_eq!(passed.challenge_passed(&jane, at(5_001)), Some(1));
        let again = Passed::new(3_600);
        again.take_over(&passed);
        assert_eq!(again.challenge_passed(&jane, at(5_001)), Some(1));
        passed.forget(at(90_000));
        assert_eq!(passed.held.load(Ordering::Acquire), 0);
    }
}
