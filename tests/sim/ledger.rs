//! What the world knows to be true: who asked for what, what was answered, what may be lost, what was shown signed.

use std::collections::{BTreeMap, BTreeSet};

use hushwire::base::bytes::{Commitment, TreeHash};
use hushwire::base::name::FeedId;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Day;

use crate::house::{Backup, Said};
use crate::releases::Books;
use crate::violation::{Invariant, Violation, ensure};

/// One publication a node was asked for.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// House that published.
    pub house: usize,
    pub identifier: usize,
    pub source_ref: String,
    /// The day whose quota it uses.
    pub day: Day,
    /// The last day on which it is held, where a run goes on so long.
    pub expires: Option<Day>,
    /// That day is over.
    pub expired: bool,
    /// The caller was answered.
    pub acknowledged: bool,
    /// Its store was replaced by a copy that does not know it, and nobody else held it.
    pub excused: bool,
}

/// One withdrawal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Withdrawal {
    pub acknowledged: bool,
    pub excused: bool,
}

/// The truth of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    pub attempts: BTreeMap<Commitment, Attempt>,
    pub withdrawals: BTreeMap<Commitment, Withdrawal>,
    /// By house.
    books: BTreeMap<usize, Books>,
    /// Roots of honest authors that arrived anywhere.
    shown: BTreeMap<(FeedId, TreeSize), TreeHash>,
    /// Largest size of each feed that arrived anywhere.
    shown_size: BTreeMap<FeedId, TreeSize>,
    /// Roots of a dishonest author that arrived at an honest house.
    pub seen: BTreeMap<FeedId, BTreeMap<TreeSize, BTreeMap<TreeHash, BTreeSet<usize>>>>,
}

impl Ledger {
    /// A signed head of an honest author arrived somewhere.
    pub fn show(&mut self, feed: &FeedId, size: TreeSize, root: TreeHash) -> Result<(), Violation> {
        let known = *self.shown.entry((feed.clone(), size)).or_insert(root);
        let largest = self.shown_size.entry(feed.clone()).or_default();
        *largest = (*largest).max(size);
        ensure(known == root, Invariant::SignedOnce, || format!("{feed} was signed twice at {size}"))
    }

    pub fn shown_size(&self, feed: &FeedId) -> TreeSize {
        self.shown_size.get(feed).copied().unwrap_or_default()
    }

    pub fn books(&mut self, house: usize) -> &mut Books {
        self.books.entry(house).or_default()
    }

    /// A new day: what expired is asked for no more.
    pub fn expire(&mut self, today: Day) {
        for attempt in self.attempts.values_mut() {
            attempt.expired |= attempt.expires.is_some_and(|expires| expires < today);
        }
    }

    pub fn acknowledge_published(&mut self, commitments: &[Commitment]) {
        for commitment in commitments {
            if let Some(attempt) = self.attempts.get_mut(commitment) {
                attempt.acknowledged = true;
            }
        }
    }

    pub fn acknowledge_withdrawn(&mut self, targets: &[Commitment]) {
        for target in targets {
            *self.withdrawals.entry(*target).or_default() = Withdrawal { acknowledged: true, excused: false };
        }
    }

    /// Attempts of a house that count and were not withdrawn, in a fixed order.
    pub fn standing(&self, house: usize) -> Vec<(Commitment, &Attempt)> {
        let standing = self.attempts.iter().filter(|(commitment, attempt)| {
            attempt.house == house
                && attempt.acknowledged
                && !attempt.excused
                && !attempt.expired
                && !self.withdrawals.contains_key(*commitment)
        });
        standing.map(|(commitment, attempt)| (*commitment, attempt)).collect()
    }

    /// A house went back to a copy: what neither the copy nor the best holder of its feed knows may be lost.
    pub fn excuse(&mut self, house: usize, backup: &Backup, held: &Said) {
        for (commitment, attempt) in self.attempts.iter_mut().filter(|(_, attempt)| attempt.house == house) {
            let kept = backup.acknowledged.contains(commitment) || held.published.contains_key(commitment);
            attempt.excused |= !kept;
        }
        let own: BTreeSet<Commitment> = self.of_house(house).collect();
        for (target, withdrawal) in self.withdrawals.iter_mut().filter(|(target, _)| own.contains(*target)) {
            let kept = backup.retracted.contains(target) || held.withdrawn.contains_key(target);
            withdrawal.excused |= !kept;
        }
    }

    fn of_house(&self, house: usize) -> impl Iterator<Item = Commitment> {
        self.attempts.iter().filter(move |(_, attempt)| attempt.house == house).map(|(commitment, _)| *commitment)
    }

    /// What is acknowledged of a house now: for a copy of its store.
    pub fn acknowledged_of(&self, house: usize) -> (BTreeSet<Commitment>, BTreeSet<Commitment>) {
        let published: BTreeSet<Commitment> =
            self.of_house(house).filter(|commitment| self.attempts[commitment].acknowledged).collect();
        let withdrawn = self.withdrawals.iter().filter(|(_, withdrawal)| withdrawal.acknowledged);
        (published, withdrawn.map(|(target, _)| *target).collect())
    }
}
