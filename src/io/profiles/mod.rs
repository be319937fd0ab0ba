//! The profiles of the member's own customers: in memory for screening, on disk so that they outlast the process.
//!
//! Screening asks ([`Profiles::ask`]) before it decides and tells ([`Profiles::take`]) after; both hold the lock of one [`shard`]
//! for a copy of a few hundred bytes. [`keep`] writes what changed every few seconds, in a journal of its own: nothing here waits
//! for a disk, and no fault of that disk stops a checkout.
//!
//! At the start profiles are read while checkouts are answered already: until they are there, a customer is a stranger, and what
//! is told meanwhile waits its turn.

pub mod batch;
pub mod keep;
pub mod shard;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::limits;
use crate::base::time::{Day, Timestamp};
use crate::domain::case::CaseId;
use crate::domain::identifier::CanonRules;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::profile::encode::PROFILE_BYTES;
use crate::domain::profile::event::{ProfileEvent, Standing};
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::profile::key::{CustomerName, ProfileKey};
use crate::domain::profile::person::Profile;
use crate::domain::screening::customer::{customer_name, profile_event};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::transaction::{CustomerRef, Transaction};
use crate::io::metrics::counts::ProfileCounts;
use crate::io::profiles::shard::{Room, Shard};
use crate::node::cases::Learner;
use crate::node::store::RecordNumber;

/// Parts with a lock each.
const SHARDS: usize = 16;

/// How many profiles there may be, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileBounds {
    pub customers: usize,
    pub retention_days: u32,
}

/// A transaction's customer and what the profile is told of it, with what it said.
#[derive(Debug, Clone)]
pub struct Asked {
    pub name: CustomerName,
    pub event: ProfileEvent,
    pub facts: ProfileFacts,
    /// What it was asked of, so that it need not be read again.
    read: Option<Box<Read>>,
}

/// A customer's profile and the change it came by. In a box: it is larger than all else a checkout hands on.
#[derive(Debug, Clone)]
struct Read {
    profile: Profile,
    change: u64,
}

/// What was told while profiles were read.
type Late = Vec<(CustomerName, ProfileEvent, Told, Timestamp)>;

/// What was told of a transaction.
#[derive(Debug, Clone, Copy)]
enum Told {
    Decided(Standing),
    Released,
}

/// Stopped transactions that somebody may still release, by decision.
#[derive(Debug, Default)]
struct Stopped {
    events: BTreeMap<[u8; 16], (CustomerName, ProfileEvent)>,
    /// The earliest first.
    order: VecDeque<[u8; 16]>,
}

/// All profiles of a node.
#[derive(Debug)]
pub struct Profiles {
    key: ProfileKey,
    bounds: ProfileBounds,
    shards: Vec<Mutex<Shard>>,
    stopped: Mutex<Stopped>,
    /// None once all are read.
    late: Mutex<Option<Late>>,
    are_read: AtomicBool,
    pub counted: Arc<ProfileCounts>,
}

impl Profiles {
    /// None yet, and none to be read before [`Self::all_read`].
    pub fn new(key: ProfileKey, bounds: ProfileBounds) -> Self {
        Self {
            key,
            bounds,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            stopped: Mutex::default(),
            late: Mutex::new(Some(Late::new())),
            are_read: AtomicBool::new(false),
            counted: Arc::default(),
        }
    }

    /// How a transaction stands against its customer's profile; none where it names no customer.
    pub fn ask(
        &self,
        transaction: &Transaction,
        canon: &CanonRules,
        guard: &GuardLists,
        now: Timestamp,
    ) -> Option<Asked> {
        let name = customer_name(transaction.customer_ref(), &self.key)?;
        let event = profile_event(transaction, &self.key, canon, guard);
        let read = read(&hold(self.shard(&name)), &name);
        let facts = match &read {
            Some(read) => read.profile.facts(&event, now),
            None => Profile::of_stranger(&event, now).facts(&event, now),
        };
        Some(Asked { name, event, facts, read })
    }

    /// Tells the profile how the transaction went.
    pub fn take(&self, asked: Asked, decision: Decision, decision_id: [u8; 16], now: Timestamp) {
        let standing = match decision {
            Decision::Allow => Standing::Passed,
            Decision::Challenge | Decision::Hold | Decision::Block => Standing::Stopped,
        };
        if standing == Standing::Stopped {
            let mut stopped = hold(&self.stopped);
            stopped.events.insert(decision_id, (asked.name, asked.event));
            stopped.order.push_back(decision_id);
            if stopped.order.len() > limits::decisions::PROFILE_STOPPED
                && let Some(earliest) = stopped.order.pop_front()
            {
                stopped.events.remove(&earliest);
            }
        }
        if self.wait(asked.name, &asked.event, Told::Decided(standing), now) {
            return;
        }
        let observe = |profile: &mut Profile| profile.observe(&asked.event, standing, now);
        self.change(asked.name, &asked.event, asked.read, now, observe);
    }

    /// Somebody released what was stopped: it becomes habit. Nothing happens where it is not remembered any more (the last
    /// [`limits::decisions::PROFILE_STOPPED`] are, until the node stops): the customer's next order teaches the same.
    pub fn confirm(&self, decision_id: &[u8; 16], now: Timestamp) {
        let remembered = hold(&self.stopped).events.remove(decision_id);
        if let Some((name, event)) = remembered
            && !self.wait(name, &event, Told::Released, now)
        {
            self.change(name, &event, None, now, |profile| profile.confirm(&event, now));
        }
    }

    /// Keeps what is told until all profiles are read: changed before, one that is still to come would be lost. False once they
    /// are.
    fn wait(&self, name: CustomerName, event: &ProfileEvent, told: Told, now: Timestamp) -> bool {
        if self.are_read.load(Ordering::Acquire) {
            return false;
        }
        let mut late = hold(&self.late);
        let Some(late) = late.as_mut() else { return false };
        if late.len() < limits::decisions::PROFILE_LATE {
            late.push((name, *event, told, now));
        }
        true
    }

    /// What is held of one customer.
    pub fn of(&self, reference: &CustomerRef) -> Option<Profile> {
        let name = self.name(reference)?;
        read(&hold(self.shard(&name)), &name).map(|read| read.profile)
    }

    pub fn name(&self, reference: &CustomerRef) -> Option<CustomerName> {
        customer_name(reference, &self.key)
    }

    pub fn bounds(&self) -> ProfileBounds {
        self.bounds
    }

    /// Customers, and bytes of their profiles as they are encoded.
    pub fn held(&self) -> (usize, usize) {
        self.shards.iter().fold((0, 0), |(customers, bytes), shard| {
            let shard = hold(shard);
            (customers + shard.customers(), bytes + shard.bytes())
        })
    }

    /// Takes a profile as the journal has it.
    fn restore(&self, name: CustomerName, profile: &[u8], number: RecordNumber) {
        self.evicted(hold(self.shard(&name)).restore(name, profile, number, self.room()));
    }

    /// Forgets a customer in memory; whether there was one.
    fn forget(&self, name: &CustomerName) -> bool {
        let mut stopped = hold(&self.stopped);
        stopped.events.retain(|_, (of, _)| of != name);
        drop(stopped);
        if let Some(late) = hold(&self.late).as_mut() {
            late.retain(|(of, ..)| of != name);
        }
        self.remove(name)
    }

    fn remove(&self, name: &CustomerName) -> bool {
        hold(self.shard(name)).remove(name)
    }

    /// Forgets what the journal said of a customer before; what changed in memory since is newer.
    fn remove_read(&self, name: &CustomerName) {
        let mut shard = hold(self.shard(name));
        if shard.is_as_read(name) {
            shard.remove(name);
        }
    }

    /// All profiles are there: what was told meanwhile is taken in, in its order.
    pub fn all_read(&self) {
        loop {
            let mut late = hold(&self.late);
            match late.as_mut().map(std::mem::take) {
                Some(waiting) if !waiting.is_empty() => {
                    drop(late);
                    for (name, event, told, now) in waiting {
                        self.change(name, &event, None, now, |profile| match told {
                            Told::Decided(standing) => profile.observe(&event, standing, now),
                            Told::Released => profile.confirm(&event, now),
                        });
                    }
                }
                _ => {
                    *late = None;
                    self.are_read.store(true, Ordering::Release);
                    return;
                }
            }
        }
    }

    /// Removes who was not seen for longer than profiles are kept; how many.
    pub fn expire(&self, today: Day) -> usize {
        let oldest = Day(today.0.saturating_sub(self.bounds.retention_days));
        self.shards.iter().map(|shard| hold(shard).expire(oldest)).sum()
    }

    fn change(
        &self,
        name: CustomerName,
        event: &ProfileEvent,
        known: Option<Box<Read>>,
        now: Timestamp,
        change: impl FnOnce(&mut Profile),
    ) {
        let mut shard = hold(self.shard(&name));
        let newest = shard.profile_and_change(&name).map(|(_, change)| change);
        let known = known.filter(|read| Some(read.change) == newest);
        let held = known.or_else(|| read(&shard, &name));
        let mut held = held.unwrap_or_else(|| Box::new(Read { profile: Profile::of_stranger(event, now), change: 0 }));
        change(&mut held.profile);
        let mut bytes = Vec::with_capacity(PROFILE_BYTES);
        held.profile.encode(&mut bytes);
        let evicted = shard.put(name, &bytes, self.room());
        drop(shard);
        self.evicted(evicted);
    }

    fn evicted(&self, customers: usize) {
        self.counted.evicted.add(u64::try_from(customers).unwrap_or(u64::MAX));
    }

    fn room(&self) -> Room {
        let customers = self.bounds.customers.div_ceil(SHARDS);
        Room { customers, bytes: customers.saturating_mul(limits::decisions::PROFILE_AVERAGE_BYTES).max(PROFILE_BYTES) }
    }

    fn shard(&self, name: &CustomerName) -> &Mutex<Shard> {
        let place = usize::from(name.0[0]) % SHARDS;
        self.shards.get(place).expect("as many as the remainder has values")
    }
}

/// What somebody, a passed challenge or a timer released becomes habit.
impl Learner for Profiles {
    fn released(&self, id: &CaseId, at: Timestamp) {
        self.confirm(&id.0, at);
    }
}

fn read(shard: &Shard, name: &CustomerName) -> Option<Box<Read>> {
    let (bytes, change) = shard.profile_and_change(name)?;
    Some(Box::new(Read { profile: Profile::decode(bytes).ok()?, change }))
}

/// A panic under one of these locks leaves one customer's profile as it was or as it should be.
fn hold<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
