//! How many connections may be open, in all and from one source, and how fast a source may come back.
//!
//! Without it an attacker that is thrown out for one flood reconnects a thousand times a second (RELIABILITY §3.3).

use crate::io::transport::bucket::{Bucket, Rate};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// The limits of a [`ConnectionBudget`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Open at once, in all.
    pub total: usize,
    /// Open at once from one source.
    pub per_source: usize,
    /// New ones from one source.
    pub connects: Rate,
    /// Sources remembered.
    pub sources: usize,
}

/// Which limit a connection would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    #[error("too many connections are open")]
    Total,
    #[error("too many connections from one source are open")]
    Source,
    #[error("one source connects too often")]
    Rate,
    #[error("too many sources connect")]
    Sources,
}

#[derive(Debug)]
struct SourceState {
    open: usize,
    connects: Bucket,
}

#[derive(Debug)]
struct State<K> {
    open: usize,
    sources: BTreeMap<K, SourceState>,
}

/// Counts open connections by source `K` (an address, a member).
#[derive(Debug)]
pub struct ConnectionBudget<K: Ord + Clone> {
    limits: ConnectionLimits,
    state: Mutex<State<K>>,
}

/// One admitted connection; dropping it frees its place.
#[derive(Debug)]
pub struct ConnectionSlot<K: Ord + Clone> {
    budget: Arc<ConnectionBudget<K>>,
    source: K,
}

impl<K: Ord + Clone> ConnectionBudget<K> {
    pub fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::new(State { open: 0, sources: BTreeMap::new() }) })
    }

    /// Admits one connection, or says which limit it would exceed.
    pub fn admit(self: &Arc<Self>, source: K, now: Instant) -> Result<ConnectionSlot<K>, OverBudget> {
        // A poisoned lock only means that another thread panicked elsewhere: the counters are whole after every statement.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.open >= self.limits.total {
            return Err(OverBudget::Total);
        }
        if !state.sources.contains_key(&source) && state.sources.len() >= self.limits.sources {
            state.sources.retain(|_, source| source.open > 0 || !source.connects.is_full(now));
            if state.sources.len() >= self.limits.sources {
                return Err(OverBudget::Sources);
            }
        }
        let entry = state
            .sources
            .entry(source.clone())
            .or_insert_with(|| SourceState { open: 0, connects: Bucket::full(self.limits.connects, now) });
        if !entry.connects.take(1, now) {
            return Err(OverBudget::Rate);
        }
        if entry.open >= self.limits.per_source {
            return Err(OverBudget::Source);
        }
        entry.open += 1;
        state.open += 1;
        Ok(ConnectionSlot { budget: Arc::clone(self), source })
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open
    }
}

impl<K: Ord + Clone> Drop for ConnectionSlot<K> {
    fn drop(&mut self) {
        let mut state = self.budget.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open = state.open.saturating_sub(1);
        if let Some(source) = state.sources.get_mut(&self.source) {
            source.open = source.open.saturating_sub(1);
        }
    }
}

/// The source an address counts for: the address itself, or the /64 that one IPv6 host may use freely.
pub fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limits() -> ConnectionLimits {
        ConnectionLimits { total: 4, per_source: 2, connects: Rate { burst: 3, per_s: 1 }, sources: 3 }
    }

    #[test]
    fn a_source_has_its_own_limit_and_all_have_one_together() {
        let (budget, now) = (ConnectionBudget::new(limits()), Instant::now());
        let mut open = Vec::new();
        for source in ["a", "a", "b", "b"] {
            open.push(budget.admit(source, now).expect("within the limits"));
        }
        assert_eq!(budget.admit("c", now).err(), Some(OverBudget::Total));
        drop(open.remove(3));
        assert_eq!(budget.admit("a", now).err(), Some(OverBudget::Source));
        assert!(budget.admit("c", now).is_ok());
        drop(open);
        assert_eq!(budget.open(), 0);
    }

    #[test]
    fn a_source_that_comes_back_too_often_waits_even_with_nothing_open() {
        let (budget, now) = (ConnectionBudget::new(limits()), Instant::now());
        for _ in 0..3 {
            drop(budget.admit("a", now).expect("within the burst"));
        }
        assert_eq!(budget.admit("a", now).err(), Some(OverBudget::Rate));
        assert!(budget.admit("b", now).is_ok());
        assert!(budget.admit("a", now + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn sources_are_forgotten_once_they_cannot_matter() {
        let (budget, now) = (ConnectionBudget::new(limits()), Instant::now());
        for source in ["a", "b", "c"] {
            drop(budget.admit(source, now).expect("within the limits"));
        }
        assert_eq!(budget.admit("d", now).err(), Some(OverBudget::Sources));
        assert!(budget.admit("d", now + Duration::from_secs(2)).is_ok());
    }

    #[test]
    fn an_ipv6_host_counts_as_its_network() {
        let check = |address: &str, source: &str| {
            let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
            assert_eq!(source_of(parse(address)), parse(source));
        };
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
    }
}
