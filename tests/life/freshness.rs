//! Whose silence counts, and that no clock can hide it.

use hushwire::base::limits;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

#[test]
fn a_time_from_the_future_makes_no_feed_fresh_and_the_next_true_one_does() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    let signed_at = |house: &House, now| {
        let rows = house.node.freshness(None, now);
        rows.into_iter().find(|row| row.feed == consortium.feed(0)).and_then(|row| row.signed_at)
    };
    exchange(&consortium, &mut bank, &other, START);
    let ahead = START.plus_s(limits::CLOCK_AHEAD_S * 10);
    bank.publish("device-of-a-case-01", 30, None, ahead);
    bank.tick(ahead);
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!(other.live(), 1, "the entries are taken all the same");
    assert_eq!(signed_at(&other, START), None);
    assert_eq!(signed_at(&other, ahead), None, "not even once the time has come");
    // The author's clock is set right.
    let now = START.plus_s(limits::HEARTBEAT_S);
    bank.tick(now);
    exchange(&consortium, &mut other, &bank, now);
    assert_eq!(signed_at(&other, now), Some(now));
}

#[test]
fn a_member_that_takes_part_no_longer_is_neither_awaited_nor_silent() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let told_silent = |now| {
        let mut bank = House::open(&consortium, 0, Disk::default(), START);
        let mut other = House::open(&consortium, 1, Disk::default(), START);
        exchange(&consortium, &mut other, &bank, START);
        other.tick(START);
        exchange(&consortium, &mut bank, &other, START);
        bank.tick(now);
        let feeds = bank.node.status(now).feeds;
        let silent = feeds.iter().any(|feed| feed.id == consortium.feed(1) && feed.silent);
        (silent, bank.node.freshness(None, now).iter().any(|row| row.feed == consortium.feed(1)))
    };
    assert_eq!(told_silent(START.plus_s(299 * 86_400)), (true, true));
    assert_eq!(told_silent(START.plus_s(301 * 86_400)), (false, false));
}
