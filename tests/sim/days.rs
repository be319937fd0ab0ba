//! Days that pass: what is published expires, leaves journals, and frees nothing of any quota; and a start at the end of it all,
//! after which everybody believes what they believed before.

use std::collections::BTreeMap;

use hushwire::base::bytes::Commitment;
use hushwire::base::name::FeedId;
use hushwire::base::time::{Day, Timestamp};

use crate::consortium::ROGUE_QUOTA;
use crate::house::Said;
use crate::options::Rogue;
use crate::snapshots::told;
use crate::violation::{Invariant, Violation, broken, ensure};
use crate::world::World;

const DAY_S: u64 = 86_400;

/// Days for which publications are valid, in turn: some leave the journals within a run, some outlast it.
const VALID_DAYS: [u64; 4] = [1, 2, 4, 60];

impl World {
    /// Until when the next publication is valid, and the last day on which it is held. In a run of one day neither matters.
    pub fn validity(&self) -> (Option<Timestamp>, Option<Day>) {
        if !self.options.days {
            return (None, None);
        }
        let turn = usize::try_from(self.requests).unwrap_or_default() % VALID_DAYS.len();
        let until = self.now().plus_s(VALID_DAYS[turn] * DAY_S);
        // Runs begin an hour after midnight and pass whole days: no validity ends at midnight.
        (Some(until), Some(until.day().next()))
    }

    /// Everything gets through, and then so many days pass in which nobody asks for anything.
    pub fn pass_days(&mut self, days: u64) -> Result<(), Violation> {
        self.mend_everything()?;
        // Longer than any spread: what waits is signed on the day it was published.
        self.advance(30_000)?;
        self.place_holds()?;
        for _ in 0..2 * days {
            self.elapsed_ms += DAY_S / 2 * 1_000;
            self.advance(1_500)?;
        }
        self.advance(10_000)?;
        // Requests of before are forgotten, and nobody withdraws what is over.
        self.last_requests.clear();
        self.ledger.expire(self.now().day());
        Ok(())
    }

    /// Which entries of a feed count, from its beginning on: all of them but of a rogue's, whose quota is of each day.
    pub fn counting(&self, feed: &FeedId, said: &Said) -> Vec<bool> {
        let rogue = self.options.rogue.filter(|_| self.is_rogue(&feed.member));
        let mut days: BTreeMap<Option<Day>, u32> = BTreeMap::new();
        let judge = |commitment: &Commitment| match rogue {
            None => true,
            Some(Rogue::NamesEpochs) => false,
            Some(Rogue::Floods) => {
                let published = days.entry(self.ledger.attempts.get(commitment).map(|one| one.day)).or_default();
                *published += 1;
                *published <= ROGUE_QUOTA
            }
        };
        said.in_order.iter().map(judge).collect()
    }

    /// Whatever left the journal: a start believes what was believed before it.
    pub fn check_start(&mut self, house: usize) -> Result<(), Violation> {
        if self.options.compacts {
            while self.houses[house].compaction.is_some() {
                self.compact_a_step(house)?;
            }
            self.houses[house].snapshots.discard()?;
            let compacted = self.on_node(house, |node, now, _| node.compact(now));
            compacted.transpose().map_err(|fault| broken(Invariant::StoreWhole, fault))?;
        }
        self.sync(house)?;
        let believed = |world: &Self| {
            let node = world.houses[house].node.as_ref();
            node.map(|node| told(&node.state().belief, &world.consortium)).unwrap_or_default()
        };
        let disputed = |world: &Self| {
            let node = world.houses[house].node.as_ref();
            node.map(|node| node.list_disputes()).unwrap_or_default()
        };
        let (before, disputes) = (believed(self), disputed(self));
        let held = self.held_back(house);
        self.crash(house);
        self.check_held(house, &held)?;
        self.start(house)?;
        let after = believed(self);
        ensure(disputes == disputed(self), Invariant::StartsAlike, || {
            format!("house {house} held {disputes:?}, now {:?}", disputed(self))
        })?;
        ensure(before == after, Invariant::StartsAlike, || {
            let lost = before.iter().filter(|one| !after.contains(one)).collect::<Vec<_>>();
            let gained = after.iter().filter(|one| !before.contains(one)).collect::<Vec<_>>();
            format!("house {house} believes no more {lost:?}, and newly {gained:?}")
        })
    }
}
