//! How many wrong codes there may be, over all challenges: whoever guesses in bulk runs out of guesses long before a guess is
//! likely to be right.
//!
//! With six digits and 3000 wrong codes an hour a guesser is right once in fourteen days, at whichever customer; at one
//! customer, with 15 a day, once in 180 years, and in 60 against an authenticator, which takes the codes of three moments.

use std::collections::{BTreeMap, VecDeque};

use crate::base::bytes::LocalMac;
use crate::base::limits;
use crate::base::time::Timestamp;

/// Whose guesses are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    Customer,
    Node,
}

/// Wrong codes lately. Rebuilt from the journal.
#[derive(Debug, Default)]
pub struct Guesses {
    of_customer: BTreeMap<LocalMac, VecDeque<Timestamp>>,
    all: VecDeque<Timestamp>,
}

const CUSTOMER_MS: u64 = 24 * 3_600_000;
const NODE_MS: u64 = 3_600_000;

impl Guesses {
    /// Somebody typed a wrong code.
    pub fn note(&mut self, customer: Option<LocalMac>, at: Timestamp) {
        self.forget(at);
        self.all.push_back(at);
        if let Some(customer) = customer {
            self.of_customer.entry(customer).or_default().push_back(at);
        }
    }

    /// Whether another code may be tried.
    pub fn check(&self, customer: Option<LocalMac>, now: Timestamp) -> Result<(), Budget> {
        let young = |guesses: &VecDeque<Timestamp>, ms| guesses.iter().filter(|at| now.ms_since(**at) < ms).count();
        let of_customer = customer.and_then(|customer| self.of_customer.get(&customer));
        if of_customer.is_some_and(|guesses| young(guesses, CUSTOMER_MS) >= limits::decisions::GUESSES_PER_CUSTOMER) {
            return Err(Budget::Customer);
        }
        if young(&self.all, NODE_MS) >= limits::decisions::GUESSES_PER_NODE {
            return Err(Budget::Node);
        }
        Ok(())
    }

    /// What counts no more goes. At most the node's budget an hour is added, so what is kept is bounded by a day of it.
    fn forget(&mut self, now: Timestamp) {
        while self.all.front().is_some_and(|at| now.ms_since(*at) >= NODE_MS) {
            self.all.pop_front();
            self.of_customer.retain(|_, guesses| guesses.back().is_some_and(|at| now.ms_since(*at) < CUSTOMER_MS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Timestamp {
        Timestamp::from_unix_s(1_795_000_000 + s)
    }

    #[test]
    fn a_customer_has_so_many_a_day_and_the_node_so_many_an_hour() {
        let mut guesses = Guesses::default();
        let (jane, other) = (Some(LocalMac([1; 32])), Some(LocalMac([2; 32])));
        for nth in 0..limits::decisions::GUESSES_PER_CUSTOMER {
            assert_eq!(guesses.check(jane, at(0)), Ok(()));
            guesses.note(jane, at(u64::try_from(nth).expect("small")));
        }
        assert_eq!((guesses.check(jane, at(60)), guesses.check(other, at(60))), (Err(Budget::Customer), Ok(())));
        assert_eq!(guesses.check(jane, at(86_399)), Err(Budget::Customer));
        assert_eq!(guesses.check(jane, at(86_400)), Ok(()), "a day later the first counts no more");
        (0..limits::decisions::GUESSES_PER_NODE).for_each(|_| guesses.note(None, at(90_000)));
        assert_eq!(guesses.check(other, at(90_001)), Err(Budget::Node));
        assert_eq!(guesses.check(other, at(93_600)), Ok(()));
    }

    #[test]
    fn what_counts_no_more_takes_no_room() {
        let mut guesses = Guesses::default();
        for nth in 0..200_u8 {
            guesses.note(Some(LocalMac([nth; 32])), at(u64::from(nth) * 3_600));
        }
        assert!(guesses.all.len() <= 2 && guesses.of_customer.len() <= 26, "{}", guesses.of_customer.len());
    }
}
