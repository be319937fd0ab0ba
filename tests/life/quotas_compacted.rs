//! A place in a quota outlives the content of its indicator: what exceeds a quota at a reader exceeds it after every compaction
//! and every start, whatever has left the journal.

use hushwire::base::bytes::Commitment;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::node::commit::{Commit, change};
use hushwire::node::store::{Journal, RecordNumber};
use hushwire::node::unbelieved::Why;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange, pull};
use crate::snapshot::erase;

const DAY_S: u64 = 86_400;

/// Two members, of whom the first takes its quota for larger than the other does, and that larger roster.
struct Flood {
    consortium: Consortium,
    its_own: Consortium,
    bank: House,
    reader: House,
}

impl Flood {
    fn new(quota: u32) -> Self {
        let mut consortium = Consortium::new(&["bank-a", "bank-b"]);
        consortium.amend(|terms| terms.members[0].entries_per_day = quota);
        let mut its_own = Consortium::new(&["bank-a", "bank-b"]);
        its_own.roster = consortium.roster.clone();
        its_own.amend(|terms| terms.members[0].entries_per_day = 1_000);
        let bank = House::open(&its_own, 0, Disk::default(), START);
        let reader = House::open(&consortium, 1, Disk::default(), START);
        let mut flood = Self { consortium, its_own, bank, reader };
        flood.exchange(START);
        flood
    }

    fn exchange(&mut self, now: Timestamp) {
        let Self { consortium, bank, reader, .. } = self;
        bank.tick(now);
        exchange(consortium, reader, bank, now);
        reader.tick(now);
        exchange(consortium, bank, reader, now);
    }

    fn publish(&mut self, device: usize, days: u32, now: Timestamp) -> Commitment {
        let published = self.bank.publish(&format!("device-of-a-flood-{device:05}"), days, None, now);
        self.bank.tick(now);
        published
    }

    fn compact(&mut self, now: Timestamp) {
        self.reader.node.compact(now).expect("compacts");
    }

    /// The reader as it starts from what its disk holds.
    fn started(&self, now: Timestamp) -> House {
        House::open(&self.consortium, 1, self.reader.disk.copy(), now)
    }
}

fn counts(house: &House, published: &[Commitment]) -> Vec<bool> {
    let writer = house.node.state().belief.writer();
    published.iter().map(|commitment| writer.by_commitment(commitment).is_some()).collect()
}

/// The days that stand where a content stood, in the order of the journal.
fn days_left(house: &House) -> Vec<u32> {
    let mut days = Vec::new();
    let read = house.disk.replay(RecordNumber(0), &mut |_, record| {
        for kind in Commit::from_bytes(record)?.kinds() {
            let stored = match kind {
                change::Kind::Appended(appended) => appended.entries.clone(),
                change::Kind::Filled(filled) => filled.entry.iter().cloned().collect(),
                _ => Vec::new(),
            };
            days.extend(stored.iter().filter_map(|stored| stored.reckoned_to));
        }
        Ok(())
    });
    read.expect("memory reads");
    days
}

#[test]
fn what_exceeded_a_quota_exceeds_it_after_what_came_before_has_expired_or_was_erased() {
    let mut flood = Flood::new(3);
    let mut published = vec![flood.publish(0, 2, START), flood.publish(1, 30, START)];
    published.extend((2..6).map(|device| flood.publish(device, 60, START)));
    flood.exchange(START);
    assert_eq!(counts(&flood.reader, &published), [true, true, true, false, false, false]);
    erase(&mut flood.bank, published[1], START);
    let now = START.plus_s(15 * DAY_S);
    flood.exchange(now);
    flood.compact(now);
    assert_eq!(days_left(&flood.reader), [START.day().0; 2], "one expired, one erased");
    let before = counts(&flood.reader, &published);
    assert_eq!(before, [false, false, true, false, false, false]);
    let mut started = flood.started(now);
    assert_eq!(counts(&started, &published), before);
    let doubts: Vec<_> = started.node.state().feeds[&flood.consortium.feed(0)].unbelieved.counts().collect();
    assert_eq!(doubts, [(Why::OverQuota, 3)]);
    // A later roster is held to the places that were given then.
    let raised = flood.its_own.amend(|terms| terms.members[0].entries_per_day = 5);
    let mut larger = Consortium::new(&["bank-a", "bank-b"]);
    larger.roster = flood.consortium.roster.clone();
    let four = larger.amend(|terms| terms.members[0].entries_per_day = 4);
    assert!(raised.version() > four.version());
    started.apply(&four, now);
    assert_eq!(counts(&started, &published), [false, false, true, true, false, false]);
}

#[test]
fn a_content_that_came_after_its_leaf_keeps_its_place_too() {
    let mut flood = Flood::new(1);
    let published = [flood.publish(0, 2, START), flood.publish(1, 60, START)];
    let Flood { consortium, bank, reader, .. } = &mut flood;
    let stripped = pull(consortium, reader, bank, 1, START, |batch| {
        if batch.first_index.0 == 0 {
            (batch.entries[0].blob, batch.entries[0].salt) = (Vec::new(), Vec::new());
        }
    });
    assert!(stripped.is_ok() || reader.node.state().feeds[&consortium.feed(0)].size() > TreeSize(0), "{stripped:?}");
    flood.exchange(START);
    let before = counts(&flood.reader, &published);
    let now = START.plus_s(15 * DAY_S);
    flood.exchange(now);
    flood.compact(now);
    assert_eq!(days_left(&flood.reader), [START.day().0]);
    let after = [false, before[1]];
    assert_eq!(counts(&flood.reader, &published), after);
    assert_eq!(counts(&flood.started(now), &published), after);
}

#[test]
fn what_a_node_gave_its_quota_for_stays_spent_after_it_was_erased() {
    let mut flood = Flood::new(1_000);
    let old = flood.bank.disk.copy();
    let published = flood.publish(0, 30, START);
    flood.exchange(START);
    // Put back from a copy: the entry comes from the reader, and was not prepared in this life.
    flood.bank = House::open(&flood.its_own, 0, old, START);
    let Flood { consortium, bank, reader, .. } = &mut flood;
    exchange(consortium, bank, reader, START);
    bank.tick(START);
    erase(bank, published, START);
    bank.tick(START);
    let spent = bank.node.state().published.on(START.day());
    assert_eq!(bank.node.compact(START).expect("compacts").contents, 1);
    let started = House::open(&flood.its_own, 0, flood.bank.disk, START);
    assert_eq!((started.node.state().published.on(START.day()), spent), (2, 2), "the indicator and its erasure");
}

#[test]
fn a_start_gives_a_full_quota_the_room_it_had() {
    let mut flood = Flood::new(1);
    // Valid for the longest time, so that what expired and was not swept would take all the room there is.
    let mut published = Vec::new();
    for day in 0..110_u64 {
        let now = START.plus_s(day * DAY_S);
        published.push(flood.publish(usize::try_from(day).expect("small"), 90, now));
        flood.exchange(now);
        // Whatever day of the week it is: expiry is swept weekly.
        if day > 100 {
            let before = counts(&flood.reader, &published);
            assert_eq!(before.iter().filter(|counts| **counts).count(), 91);
            assert_eq!(counts(&flood.started(now), &published), before, "day {day}");
        }
    }
}
