//! Sizes reserved on another path: a store that is put back never signs a size twice.

use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::node::fence::FenceState;
use hushwire::node::reserve::{Found, Reservation};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange, open_guarded, reserve};

/// Seconds after which nobody else is waited for.
const PATIENCE_S: u64 = 10;

fn round(house: &mut House, file: &mut Option<Reservation>, now: Timestamp) {
    reserve(house, file);
    house.tick(now);
}

fn size(house: &House, consortium: &Consortium) -> TreeSize {
    house.node.heads().get(&consortium.feed(0)).map(|head| head.size).unwrap_or_default()
}

#[test]
fn nothing_is_signed_before_its_size_is_reserved() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut file = None;
    let mut bank = open_guarded(&consortium, 0, Disk::default(), &file, START);
    bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    assert_eq!(size(&bank, &consortium), TreeSize(0));
    round(&mut bank, &mut file, START);
    assert_eq!(size(&bank, &consortium), TreeSize(1));
    let reserved = file.as_ref().and_then(|file| file.feeds.values().next()).copied().expect("one feed");
    assert!(reserved.until >= TreeSize(1_024));
    assert_eq!(bank.node.wanted_reservation(), None, "enough for a while");
}

#[test]
fn a_restart_on_the_same_store_goes_on_at_once() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut file = None;
    let mut bank = open_guarded(&consortium, 0, Disk::default(), &file, START);
    round(&mut bank, &mut file, START);
    let incarnation = bank.node.state().incarnation;
    let mut bank = open_guarded(&consortium, 0, bank.disk, &file, START);
    bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    assert_eq!(size(&bank, &consortium), TreeSize(1));
    assert_eq!(bank.node.state().incarnation, incarnation);
}

#[test]
fn a_store_behind_its_reservation_waits_for_what_it_forgot_however_long() {
    let consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let mut file = None;
    let mut bank = open_guarded(&consortium, 0, Disk::default(), &file, START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    let shop = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    exchange(&consortium, &mut bank, &shop, START);
    round(&mut bank, &mut file, START);
    let old = bank.disk.copy();
    bank.publish("device-of-a-case-01", 30, None, START);
    round(&mut bank, &mut file, START);
    exchange(&consortium, &mut other, &bank, START);
    // A later reservation knows that one entry was durable.
    let mut wanted = file.clone().expect("reserved");
    wanted.feeds.values_mut().for_each(|reserved| reserved.durable = TreeSize(1));
    file = Some(wanted);

    let mut bank = open_guarded(&consortium, 0, old, &file, START);
    bank.publish("device-of-a-case-02", 30, None, START);
    exchange(&consortium, &mut bank, &shop, START);
    for after_s in [0, PATIENCE_S, 100_000] {
        round(&mut bank, &mut file, START.plus_s(after_s));
    }
    assert!(matches!(bank.node.fence_state(), FenceState::Behind { .. }), "the shop knows nothing of it");
    let incarnation = bank.node.state().incarnation;
    exchange(&consortium, &mut bank, &other, START);
    round(&mut bank, &mut file, START);
    round(&mut bank, &mut file, START);
    assert_ne!(bank.node.state().incarnation, incarnation);
    assert_eq!(size(&bank, &consortium), TreeSize(2));
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!(other.live(), 2);
    let again = open_guarded(&consortium, 0, bank.disk, &file, START);
    assert_eq!(again.node.wanted_reservation(), None);
    assert_eq!(again.live(), 2);
}

#[test]
fn a_restored_store_is_not_content_with_the_member_that_lags() {
    let consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let mut file = None;
    let mut bank = open_guarded(&consortium, 0, Disk::default(), &file, START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    let shop = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    exchange(&consortium, &mut bank, &shop, START);
    round(&mut bank, &mut file, START);
    let backup = bank.disk.copy();
    bank.publish("device-of-a-case-01", 30, None, START);
    round(&mut bank, &mut file, START);
    exchange(&consortium, &mut other, &bank, START);

    // A backup brings no reservation along.
    let mut file = None;
    let mut bank = open_guarded(&consortium, 0, backup, &file, START);
    bank.publish("device-of-a-case-02", 30, None, START);
    exchange(&consortium, &mut bank, &shop, START);
    for after_s in [0, PATIENCE_S, 60 * PATIENCE_S] {
        round(&mut bank, &mut file, START.plus_s(after_s));
        assert_eq!(size(&bank, &consortium), TreeSize(0), "the shop answered, and knows nothing of the first case");
    }
    let now = START.plus_s(60 * PATIENCE_S);
    exchange(&consortium, &mut bank, &other, now);
    round(&mut bank, &mut file, now);
    round(&mut bank, &mut file, now);
    assert_eq!(size(&bank, &consortium), TreeSize(2));
    exchange(&consortium, &mut other, &bank, now);
    assert_eq!(other.live(), 2, "one history");
}

#[test]
fn what_nobody_ever_saw_is_forgotten_once_all_have_answered() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut file = None;
    let mut bank = open_guarded(&consortium, 0, Disk::default(), &file, START);
    let other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    round(&mut bank, &mut file, START);
    let old = bank.disk.copy();
    file.iter_mut().flat_map(|file| file.feeds.values_mut()).for_each(|reserved| reserved.durable = TreeSize(1));
    let mut bank = open_guarded(&consortium, 0, old, &file, START);
    assert!(matches!(bank.node.fence_state(), FenceState::Behind { .. }));
    exchange(&consortium, &mut bank, &other, START);
    assert_eq!(bank.node.fence_state(), FenceState::Open);
}

#[test]
fn a_file_that_is_gone_or_garbled_or_of_another_life_is_recorded_and_replaced() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut file = None;
    let mut bank = open_guarded(&consortium, 0, Disk::default(), &file, START);
    round(&mut bank, &mut file, START);
    let mut other_life = file.clone().expect("reserved");
    other_life.incarnation.0[0] ^= 1;
    for found in [Found::Nothing, Found::Unreadable, Found::Reservation(other_life)] {
        let mut again = House::open(&consortium, 0, bank.disk.copy(), START);
        let before = again.node.state().incarnation;
        again.node.guard(found, START, &mut again.rng).expect("guards");
        assert_eq!(again.node.wanted_reservation(), None);
        again.tick(START);
        assert_ne!(again.node.state().incarnation, before);
        assert!(again.node.wanted_reservation().is_some());
    }
}
