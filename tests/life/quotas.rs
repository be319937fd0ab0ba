//! What readers let count of a member that publishes more than its quota, and of one that names epochs nobody knows.

use std::sync::Arc;

use hushwire::base::bytes::Commitment;
use hushwire::base::epoch::KeyEpoch;
use hushwire::base::time::Timestamp;
use hushwire::domain::pseudonym::keys::KeyRing;
use hushwire::domain::roster::terms::Epoch;
use hushwire::node::unbelieved::Why;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

const DAY_S: u64 = 86_400;

/// Publishes so many devices and signs them one after the other.
fn flood(bank: &mut House, name: &str, count: usize, now: Timestamp) -> Vec<Commitment> {
    let mut published = Vec::new();
    for device in 0..count {
        published.push(bank.publish(&format!("device-of-{name}-{device:05}"), 30, None, now));
        bank.tick(now);
    }
    published
}

fn counts(house: &House, published: &[Commitment]) -> Vec<bool> {
    let writer = house.node.state().belief.writer();
    published.iter().map(|commitment| writer.by_commitment(commitment).is_some()).collect()
}

fn unbelieved(house: &House, consortium: &Consortium) -> Vec<(Why, u64)> {
    house.node.state().feeds[&consortium.feed(0)].unbelieved.counts().collect()
}

/// A consortium whose first member takes its quota for larger than the others do; its node and another's.
fn with_a_flooder(quota: u32) -> (Consortium, Consortium, House, House) {
    let mut consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    consortium.amend(|terms| terms.members[0].entries_per_day = quota);
    let mut its_own = Consortium::new(&["bank-a", "bank-b", "shop"]);
    its_own.roster = consortium.roster.clone();
    its_own.amend(|terms| terms.members[0].entries_per_day = 1_000);
    let mut bank = House::open(&its_own, 0, Disk::default(), START);
    let other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    let shop = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut bank, &shop, START);
    (consortium, its_own, bank, other)
}

#[test]
fn what_exceeds_the_quota_of_a_day_is_kept_and_does_not_count_at_anybody() {
    let (consortium, _, mut bank, mut other) = with_a_flooder(3);
    let published = flood(&mut bank, "a-flood", 5, START);
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!(counts(&other, &published), [true, true, true, false, false]);
    assert_eq!(unbelieved(&other, &consortium), [(Why::OverQuota, 2)]);
    // The next day has a quota of its own.
    let next_day = START.plus_s(DAY_S);
    let more = flood(&mut bank, "the-next-day", 2, next_day);
    exchange(&consortium, &mut other, &bank, next_day);
    assert_eq!(counts(&other, &more), [true, true]);
    // Who comes later, by a relay and at once, believes the same; and so does who starts again.
    let mut late = House::open(&consortium, 2, Disk::default(), next_day);
    exchange(&consortium, &mut late, &other, next_day);
    let again = House::open(&consortium, 1, other.disk.clone(), next_day);
    for house in [&late, &again] {
        let all = [published.clone(), more.clone()].concat();
        assert_eq!(counts(house, &all), [true, true, true, false, false, true, true]);
    }
}

#[test]
fn a_later_roster_lets_nothing_of_an_earlier_flood_count() {
    let (mut consortium, _, mut bank, mut other) = with_a_flooder(3);
    let published = flood(&mut bank, "a-flood", 5, START);
    exchange(&consortium, &mut other, &bank, START);
    // Days later there is room in every day that is reckoned with.
    let now = START.plus_s(5 * DAY_S);
    let more = flood(&mut bank, "a-quiet-day", 1, now);
    exchange(&consortium, &mut other, &bank, now);
    other.apply(&consortium.amend(|_| {}), now);
    let again = House::open(&consortium, 1, other.disk.clone(), now);
    for house in [&other, &again] {
        assert_eq!(counts(house, &published), [true, true, true, false, false]);
        assert_eq!(counts(house, &more), [true]);
    }
}

#[test]
fn what_does_not_count_is_told_once_a_day_and_stands_in_the_status() {
    let (consortium, _, mut bank, mut other) = with_a_flooder(1);
    let told = |house: &mut House, now: Timestamp| {
        let records = house.audited("feed.unbelieved", now);
        let field = |record: &hushwire::domain::audit::record::AuditRecord, name: &str| {
            record.fields().find(|(field, _)| *field == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        records.iter().map(|record| (field(record, "rule"), field(record, "entries"))).collect::<Vec<_>>()
    };
    for round in 0..3 {
        flood(&mut bank, &format!("round-{round}"), 2, START);
        exchange(&consortium, &mut other, &bank, START);
        other.tick(START);
    }
    assert_eq!(told(&mut other, START), [("over_quota".to_owned(), "1".to_owned())]);
    let status = other.node.status(START);
    let feed = status.feeds.iter().find(|feed| feed.id == consortium.feed(0)).expect("held");
    assert_eq!(feed.unbelieved, [(Why::OverQuota, 5)]);
    other.tick(START.plus_s(DAY_S));
    assert_eq!(told(&mut other, START.plus_s(DAY_S))[1], ("over_quota".to_owned(), "4".to_owned()));
    // A start tells nothing again.
    let mut again = House::open(&consortium, 1, other.disk, START.plus_s(DAY_S));
    again.tick(START.plus_s(DAY_S));
    assert_eq!(told(&mut again, START.plus_s(DAY_S)).len(), 2);
}

#[test]
fn a_raised_quota_lets_count_what_came_before_it_was_heard_of() {
    let (consortium, its_own, mut bank, mut other) = with_a_flooder(2);
    let published = flood(&mut bank, "a-flood", 6, START);
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!(other.live(), 2);
    other.apply(&its_own.roster, START);
    assert_eq!((counts(&other, &published), unbelieved(&other, &consortium)), (vec![true; 6], vec![]));
    let again = House::open(&its_own, 1, other.disk, START);
    assert_eq!(again.live(), 6);
}

#[test]
fn a_lowered_quota_forgets_nothing_that_was_published_under_the_higher_one() {
    let mut consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    flood(&mut bank, "an-honest-day", 4, START);
    exchange(&consortium, &mut other, &bank, START);
    let roster = consortium.amend(|terms| terms.members[0].entries_per_day = 1);
    other.apply(&roster, START);
    bank.apply(&roster, START);
    assert!(bank.try_publish("one-more-device-01", START).is_err(), "the member's own node is held to it at once");
    let again = House::open(&consortium, 1, other.disk, START);
    assert_eq!(again.live(), 4);
}

#[test]
fn days_over_the_quota_leave_the_days_after_them_their_room() {
    let (consortium, _, mut bank, mut other) = with_a_flooder(1);
    // Every day one more than counts, each valid for the longest time.
    let mut days = 0;
    for day in 0..120_u64 {
        let now = START.plus_s(day * DAY_S);
        for device in 0..2 {
            bank.publish(&format!("device-{device}-of-day-{day:03}"), 90, None, now);
        }
        bank.tick(now);
        exchange(&consortium, &mut other, &bank, now);
        other.tick(now);
        days += 1;
    }
    assert_eq!(
        unbelieved(&other, &consortium),
        [(Why::OverQuota, days)],
        "all that counts stays below what may be held"
    );
    assert_eq!(other.live(), 91);
}

#[test]
fn an_epoch_the_roster_does_not_name_counts_once_it_does() {
    let mut consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    let shop = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut bank, &shop, START);
    let (old, new) = (consortium.identity(0).key_ring, consortium.later_epoch(2));
    let now = START.plus_s(60);
    let epoch = Epoch { number: KeyEpoch(2), id: new.epoch_id(), activates_at: now, compromised_at: None };
    let ring = |current| KeyRing { current, previous: None };
    let before = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let roster = consortium.amend(|terms| terms.epochs.push(epoch));
    bank.apply(&roster, now);
    bank.node.use_keys(Arc::new(ring(new)), now, &mut bank.rng).expect("uses");
    let published = flood(&mut bank, "a-new-epoch", 3, now);
    exchange(&before, &mut other, &bank, now);
    assert_eq!((other.live(), unbelieved(&other, &before)), (0, vec![(Why::UnknownEpoch, 3)]));
    other.tick(now);
    assert_eq!(other.audited("feed.unbelieved", now).len(), 1);
    // Kept and served all the same.
    let mut late = House::open(&before, 2, Disk::default(), now);
    exchange(&before, &mut late, &other, now);
    assert_eq!(late.node.state().feeds[&before.feed(0)].size().0, 3);
    // Again after a start, and then by the roster.
    let mut other = House::open(&before, 1, other.disk, now);
    assert_eq!(unbelieved(&other, &before), [(Why::UnknownEpoch, 3)]);
    other.apply(&roster, now.plus_s(1));
    assert_eq!((counts(&other, &published), unbelieved(&other, &before)), (vec![true; 3], vec![]));
    let held = other.node.state().belief.writer().by_commitment(&published[0]).expect("held");
    assert_eq!(held.first_seen, now, "since it came, not since it counts");
    assert_ne!(held.epoch_id, old.current.epoch_id());
}
