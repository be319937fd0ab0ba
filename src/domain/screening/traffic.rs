//! How often names were screened here in the last days: what an indicator would have stopped, before it stops anybody.
//!
//! One count-min sketch a day (Cormode and Muthukrishnan, 2005): 4 rows of 65,536 counters, 1 MiB, made when the first
//! transaction of the day comes. A name is never counted too low; with N names counted that day it is counted too high by
//! more than e·N/65,536 in fewer than 2 of 100 cases, 0.4 ‰ of the transactions where each has five identifiers under two epochs. The pseudonyms are
//! counted under a key of this process, and none is kept: what is in memory says less than belief does.
//!
//! Orders of one day with the same identifiers, all of them, count once: a checkout asks about one order again and again, and somebody
//! who orders often makes nothing common. What counts is with how many others a value is shared.
//!
//! In memory only. After a restart the preview knows fewer days, and says so.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::bytes::Pseudonym;
use crate::base::limits::brake::{ORDERS_KNOWN_AGAIN, TRAFFIC_DAYS};
use crate::base::time::{Day, Timestamp};

const ROWS: usize = 4;
const WIDTH_BITS: u32 = 16;
const WIDTH: usize = 1 << WIDTH_BITS;

/// The counters of the last days.
#[derive(Debug)]
pub struct Traffic {
    key: [u64; 2],
    /// The newest last.
    days: Mutex<VecDeque<DayCounts>>,
}

struct DayCounts {
    day: Day,
    transactions: u64,
    names: u64,
    cells: Box<[u32]>,
    known: KnownOrders,
}

/// The newest orders of a day, by a fingerprint of their names.
#[derive(Default)]
struct KnownOrders {
    held: BTreeSet<u64>,
    oldest_first: VecDeque<u64>,
}

impl KnownOrders {
    /// False where it was taken before.
    fn take(&mut self, order: u64) -> bool {
        if !self.held.insert(order) {
            return false;
        }
        self.oldest_first.push_back(order);
        if self.oldest_first.len() > ORDERS_KNOWN_AGAIN
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.held.remove(&oldest);
        }
        true
    }
}

impl std::fmt::Debug for DayCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DayCounts({:?}, {} transactions)", self.day, self.transactions)
    }
}

/// How often a name was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeenBefore {
    /// Transactions with it, at most.
    pub at_most: u64,
    /// The same without what chance may have added.
    pub at_least: u64,
    /// All transactions of these days.
    pub transactions: u64,
    /// Days that were counted.
    pub days: u32,
}

impl SeenBefore {
    /// Of a thousand transactions, rounded down; 0 where none was counted.
    pub fn per_mille(&self) -> u64 {
        (self.at_most.saturating_mul(1_000)).checked_div(self.transactions).unwrap_or_default()
    }

    /// Whether it would concern more than so many of a thousand transactions, and not by chance.
    pub fn is_beyond(&self, per_mille: u64, least: u64) -> bool {
        self.at_least >= least && self.at_least.saturating_mul(1_000) > self.transactions.saturating_mul(per_mille)
    }
}

impl Traffic {
    pub fn new(rng: &mut impl rand::CryptoRng) -> Self {
        Self { key: [rng.next_u64(), rng.next_u64()], days: Mutex::default() }
    }

    /// Counts one transaction: each of its names once, and nothing where the day saw one with all the same names.
    pub fn count<'a>(&self, names: impl Iterator<Item = &'a Pseudonym>, at: Timestamp) {
        let mut names: Vec<&Pseudonym> = names.collect();
        names.sort_unstable();
        names.dedup();
        let mut days = self.days();
        let today = at.day();
        drop_ahead(&mut days, today);
        if days.back().is_none_or(|newest| newest.day < today) {
            let cells = vec![0; ROWS * WIDTH].into();
            days.push_back(DayCounts { day: today, transactions: 0, names: 0, cells, known: KnownOrders::default() });
            drop_old(&mut days, today);
            // Only today's are asked about again.
            days.iter_mut().rev().skip(1).for_each(|day| day.known = KnownOrders::default());
        }
        // A clock that was put back over midnight counts on in the newest day.
        let Some(newest) = days.back_mut() else { return };
        if !newest.known.take(self.order_of(&names)) {
            return;
        }
        newest.transactions = newest.transactions.saturating_add(1);
        for name in names {
            newest.names = newest.names.saturating_add(1);
            for cell in self.cells_of(name) {
                if let Some(count) = newest.cells.get_mut(cell) {
                    *count = count.saturating_add(1);
                }
            }
        }
    }

    /// How often one value was screened in the last days. Its names are those of the epochs that were readable: a transaction
    /// counted under all of them.
    pub fn seen(&self, names: &[Pseudonym], now: Timestamp) -> SeenBefore {
        let mut days = self.days();
        drop_old(&mut days, now.day());
        drop_ahead(&mut days, now.day());
        let mut seen = SeenBefore::default();
        for day in days.iter() {
            seen.days += 1;
            seen.transactions = seen.transactions.saturating_add(day.transactions);
            // e, rounded up to 2.72.
            let chance = day.names.saturating_mul(272).div_ceil(100 * u64::try_from(WIDTH).expect("small"));
            let counted = names.iter().map(|name| self.counted(day, name)).max().unwrap_or_default();
            let at_most = counted.min(day.transactions);
            seen.at_most = seen.at_most.saturating_add(at_most);
            seen.at_least = seen.at_least.saturating_add(at_most.saturating_sub(chance));
        }
        seen
    }

    fn counted(&self, day: &DayCounts, name: &Pseudonym) -> u64 {
        let counts = self.cells_of(name).into_iter().filter_map(|cell| day.cells.get(cell));
        counts.min().copied().unwrap_or_default().into()
    }

    /// A fingerprint of sorted names.
    fn order_of(&self, names: &[&Pseudonym]) -> u64 {
        let folded = names.iter().fold(0, |order: u128, name| order.rotate_left(31) ^ self.mixed(name));
        let both = folded ^ (folded >> 64);
        u64::try_from(both & u128::from(u64::MAX)).expect("sixty-four bits")
    }

    /// One cell a row.
    fn cells_of(&self, name: &Pseudonym) -> [usize; ROWS] {
        let mixed = self.mixed(name);
        let folded = (mixed >> 64) ^ (mixed & u128::from(u64::MAX));
        let mut row = 0;
        [(); ROWS].map(|()| {
            let place = (folded >> (16 * row)) & u128::from(u16::MAX);
            let cell = row * WIDTH + usize::try_from(place).expect("sixteen bits");
            row += 1;
            cell
        })
    }

    fn mixed(&self, name: &Pseudonym) -> u128 {
        let mut words = name.0.chunks_exact(8).map(|word| u64::from_be_bytes(word.try_into().expect("eight bytes")));
        let mut word = || words.next().expect("four words");
        // Multiply and fold under the key, as belief's tables do: nobody without it can choose what collides.
        let first = u128::from(word() ^ self.key[0]) * u128::from(word() ^ self.key[1]);
        let second = u128::from(word() ^ self.key[1]) * u128::from(word() ^ self.key[0]);
        first ^ second.rotate_left(64)
    }

    fn days(&self) -> MutexGuard<'_, VecDeque<DayCounts>> {
        // Counters: one addition more or less is no harm.
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drop_old(days: &mut VecDeque<DayCounts>, today: Day) {
    while days.front().is_some_and(|oldest| oldest.day.0.saturating_add(TRAFFIC_DAYS) <= today.0) {
        days.pop_front();
    }
}

/// A clock that was ahead for a moment began days that are none.
fn drop_ahead(days: &mut VecDeque<DayCounts>, today: Day) {
    while days.back().is_some_and(|newest| newest.day.0 > today.0.saturating_add(1)) {
        days.pop_back();
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);
    const DAY_S: u64 = 86_400;

    fn traffic() -> Traffic {
        Traffic::new(&mut rand_chacha::ChaCha12Rng::seed_from_u64(3))
    }

    fn name(number: u64) -> Pseudonym {
        use sha2::Digest;
        Pseudonym(sha2::Sha256::digest(number.to_be_bytes()).into())
    }

    #[test]
    fn a_name_is_counted_once_a_transaction_and_never_too_low() {
        let traffic = traffic();
        for number in 0..10_000 {
            let of_all = name(1_000_000);
            traffic.count([&name(number), &of_all, &of_all].into_iter(), NOW);
        }
        let seen = traffic.seen(&[name(1_000_000)], NOW);
        assert_eq!((seen.at_most, seen.transactions, seen.days, seen.per_mille()), (10_000, 10_000, 1, 1_000));
        assert!(seen.at_least >= 9_990, "{seen:?}");
        let rare: Vec<u64> = (0..1_000).map(|number| traffic.seen(&[name(number)], NOW).at_most).collect();
        assert!(rare.iter().all(|count| *count >= 1));
        assert!(rare.iter().filter(|count| **count > 2).count() < 20, "the stated error");
        assert_eq!(traffic.seen(&[name(77_777_777)], NOW).at_least, 0);
    }

    #[test]
    fn an_order_that_is_asked_about_again_counts_once_a_day() {
        let traffic = traffic();
        for _ in 0..1_000 {
            traffic.count([&name(1), &name(2)].into_iter(), NOW);
            traffic.count([&name(2), &name(1)].into_iter(), NOW);
        }
        traffic.count([&name(1), &name(3)].into_iter(), NOW);
        let seen = traffic.seen(&[name(1)], NOW);
        assert_eq!((seen.at_most, seen.transactions), (2, 2));
        traffic.count([&name(1), &name(2)].into_iter(), NOW.plus_s(DAY_S));
        assert_eq!(traffic.seen(&[name(1)], NOW.plus_s(DAY_S)).at_most, 3);
    }

    #[test]
    fn so_many_orders_are_known_again_and_no_more() {
        let mut known = KnownOrders::default();
        let beyond = u64::try_from(ORDERS_KNOWN_AGAIN).expect("small");
        assert!((0..=beyond).all(|order| known.take(order)));
        assert!(!known.take(beyond) && known.take(0), "the oldest is forgotten");
        assert_eq!((known.held.len(), known.oldest_first.len()), (ORDERS_KNOWN_AGAIN, ORDERS_KNOWN_AGAIN));
    }

    #[test]
    fn seven_days_are_kept_and_an_older_one_leaves() {
        let traffic = traffic();
        for day in 0..9 {
            traffic.count([&name(1)].into_iter(), NOW.plus_s(day * DAY_S));
        }
        let seen = traffic.seen(&[name(1)], NOW.plus_s(8 * DAY_S));
        assert_eq!((seen.at_most, seen.days), (7, 7));
        assert_eq!(traffic.seen(&[name(1)], NOW.plus_s(30 * DAY_S)), SeenBefore::default());
    }

    #[test]
    fn days_of_a_clock_that_was_ahead_are_dropped_and_an_hour_back_over_midnight_counts_on() {
        let traffic = traffic();
        traffic.count([&name(1)].into_iter(), NOW.plus_s(40 * DAY_S));
        traffic.count([&name(2)].into_iter(), NOW);
        let seen = traffic.seen(&[name(1), name(2)], NOW);
        assert_eq!((seen.transactions, seen.days), (1, 1));
        traffic.count([&name(3)].into_iter(), NOW.plus_s(DAY_S));
        traffic.count([&name(4)].into_iter(), NOW);
        assert_eq!(traffic.seen(&[name(4)], NOW.plus_s(DAY_S)).transactions, 3);
    }

    #[test]
    fn names_of_two_epochs_are_one_value() {
        let traffic = traffic();
        traffic.count([&name(1), &name(2)].into_iter(), NOW);
        traffic.count([&name(2), &name(3)].into_iter(), NOW.plus_s(DAY_S));
        assert_eq!(traffic.seen(&[name(2), name(3)], NOW.plus_s(DAY_S)).at_most, 2);
    }

    #[test]
    fn what_is_beyond_a_bound_is_beyond_it_by_more_than_chance() {
        let seen = |at_least, transactions| SeenBefore { at_most: at_least, at_least, transactions, days: 1 };
        assert!(seen(21, 2_000).is_beyond(10, 20) && !seen(20, 2_000).is_beyond(10, 20));
        assert!(!seen(19, 19).is_beyond(10, 20), "a few orders say nothing");
    }
}
