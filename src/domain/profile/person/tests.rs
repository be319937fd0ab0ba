//! Habits, velocity, travel, poison, order, duplicates and clocks of one customer.

use super::*;
use crate::domain::profile::anomaly::{Anomalies, Anomaly};
use crate::domain::profile::event::Amount;

const START: u64 = 1_795_000_000;

fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_s(START + second)
}

/// An order from Germany of about twenty euros, on one device, in groceries.
fn usual(second: u64) -> ProfileEvent {
    let mut devices = Few::default();
    devices.push_front(DeviceMark(1));
    ProfileEvent {
        time: at(second),
        country: Some(*b"DE"),
        devices,
        category: Category::parse("5411"),
        amount: Some(Amount { currency: *b"EUR", minor: 2_000 + second % 300 }),
        reference: None,
    }
}

fn observe(profile: &mut Profile, event: &ProfileEvent, standing: Standing) {
    profile.observe(event, standing, event.time);
}

/// A customer of ten weeks, an order a week.
fn regular() -> (Profile, u64) {
    let mut profile = Profile::of_stranger(&usual(0), at(0));
    let week = 7 * 86_400;
    (0..10).for_each(|nth| observe(&mut profile, &usual(nth * week), Standing::Passed));
    (profile, 10 * week)
}

fn words(profile: &Profile, event: &ProfileEvent) -> Vec<&'static str> {
    Anomalies::of(&profile.facts(event, event.time)).iter().map(Anomaly::name).collect()
}

#[test]
fn a_stranger_has_no_habits_to_stray_from() {
    let mut profile = Profile::of_stranger(&usual(0), at(0));
    assert_eq!(words(&profile, &usual(0)), Vec::<&str>::new());
    let facts = profile.facts(&usual(0), at(0));
    assert_eq!((facts.orders, facts.count_1m, facts.spent_24h_minor), (0, 1, 2_000));
    for nth in 0..4 {
        observe(&mut profile, &usual(nth * 90_000), Standing::Passed);
        let elsewhere =
            ProfileEvent { country: Some(*b"FR"), category: Category::parse("toys"), ..usual(nth * 90_000) };
        assert_eq!(words(&profile, &elsewhere), Vec::<&str>::new(), "{nth}");
    }
}

#[test]
fn each_thing_that_strays_from_the_habit_is_told() {
    let (profile, now) = regular();
    assert_eq!(words(&profile, &usual(now)), Vec::<&str>::new());
    let facts = profile.facts(&usual(now), at(now));
    assert_eq!((facts.orders, facts.age_days, facts.usual_country_percent), (10, 70, 100));
    assert_eq!(words(&profile, &ProfileEvent { country: Some(*b"FR"), ..usual(now) }), ["new_country"]);
    assert_eq!(words(&profile, &ProfileEvent { category: Category::parse("jewels"), ..usual(now) }), ["new_category"]);
    let mut devices = Few::default();
    devices.push_front(DeviceMark(2));
    assert_eq!(words(&profile, &ProfileEvent { devices, ..usual(now) }), ["new_device"]);
    devices.push_front(DeviceMark(1));
    assert_eq!(words(&profile, &ProfileEvent { devices, ..usual(now) }), Vec::<&str>::new(), "one of them is known");
    let dear = Some(Amount { currency: *b"EUR", minor: 90_000 });
    assert_eq!(words(&profile, &ProfileEvent { amount: dear, ..usual(now) }), ["amount_unusual"]);
    let foreign = Some(Amount { currency: *b"JPY", minor: 90_000 });
    assert_eq!(words(&profile, &ProfileEvent { amount: foreign, ..usual(now) }), Vec::<&str>::new());
    // Nothing named, nothing told.
    assert_eq!(words(&profile, &ProfileEvent::at(at(now))), Vec::<&str>::new());
}

#[test]
fn what_was_stopped_counts_towards_velocity_and_never_becomes_habit() {
    let (mut profile, now) = regular();
    let habits = |profile: &Profile| (profile.countries, profile.categories, profile.devices, profile.orders);
    let before = (habits(&profile), profile.last_place, profile.purse.of(*b"EUR").map(|of| of.amounts));
    let mut devices = Few::default();
    devices.push_front(DeviceMark(66));
    let stolen = ProfileEvent {
        country: Some(*b"BR"),
        category: Category::parse("jewels"),
        devices,
        amount: Some(Amount { currency: *b"EUR", minor: 90_000 }),
        ..usual(now)
    };
    for second in 0..40 {
        observe(&mut profile, &ProfileEvent { time: at(now + second), ..stolen }, Standing::Stopped);
    }
    let after = (habits(&profile), profile.last_place, profile.purse.of(*b"EUR").map(|of| of.amounts));
    assert_eq!(before, after);
    let facts = profile.facts(&stolen, at(now + 40));
    assert!(facts.country_new && facts.device_new && facts.category_new);
    assert_eq!((facts.count_1h, facts.spent_24h_minor), (41, 41 * 90_000));
    // The genuine customer, at home all the while, is not made a traveller.
    assert!(!words(&profile, &usual(now + 40)).contains(&"impossible_travel"));
}

#[test]
fn what_was_released_becomes_habit_once() {
    let (mut profile, now) = regular();
    let event = ProfileEvent { country: Some(*b"FR"), reference: Some(ReferenceMark::new(77 << 1)), ..usual(now) };
    observe(&mut profile, &event, Standing::Stopped);
    assert!(!profile.countries.knows(b"FR"));
    let orders = profile.orders;
    profile.confirm(&event, at(now + 60));
    profile.confirm(&event, at(now + 61));
    assert!(profile.countries.knows(b"FR"));
    assert_eq!(profile.orders, orders + 1);
    assert_eq!(profile.facts(&usual(now + 70), at(now + 70)).count_24h, 2, "counted when it was made");
    // Sent again after a challenge was passed, it is no further order either.
    observe(&mut profile, &event, Standing::Passed);
    assert_eq!(profile.orders, orders + 1);
}

#[test]
fn the_same_transaction_counts_once_and_teaches_when_it_passes() {
    let (mut profile, now) = regular();
    let event = ProfileEvent { reference: Some(ReferenceMark::new(5 << 1)), ..usual(now) };
    let orders = profile.orders;
    observe(&mut profile, &event, Standing::Stopped);
    assert_eq!(profile.facts(&event, at(now)).count_1h, 1, "the question does not count it again");
    observe(&mut profile, &event, Standing::Stopped);
    observe(&mut profile, &event, Standing::Passed);
    observe(&mut profile, &event, Standing::Passed);
    assert_eq!(profile.orders, orders + 1);
    let facts = profile.facts(&usual(now), at(now));
    assert_eq!((facts.count_1m, facts.spent_24h_minor), (2, 2 * usual(now).amount.expect("one").minor));
    // As many others make it forgotten; without a reference each is another.
    for nth in 0..u32::try_from(RECENT).expect("few") {
        let other = ProfileEvent { reference: Some(ReferenceMark::new((100 + nth) << 1)), ..usual(now) };
        observe(&mut profile, &other, Standing::Passed);
    }
    assert_eq!(profile.facts(&event, at(now)).count_1h, 8);
}

#[test]
fn order_does_not_matter_within_the_windows() {
    let events: Vec<ProfileEvent> = [0, 500, 40, 86_000, 3_700, 90_000, 400_000, 399_000].map(usual).into();
    let now = at(400_000);
    let mut ascending = events.clone();
    ascending.sort_by_key(|event| event.time);
    let counts = |events: &[ProfileEvent]| {
        let mut profile = Profile::of_stranger(&events[0], now);
        events.iter().for_each(|event| profile.observe(event, Standing::Passed, now));
        (profile.counts.day, profile.counts.week, profile.first_s, profile.latest_s, profile.last_place)
    };
    assert_eq!(counts(&events), counts(&ascending));
    // One of last month comes late: it teaches, and disturbs nothing.
    let (mut profile, now) = regular();
    let before = profile.counts;
    profile.observe(&usual(100), Standing::Passed, at(now));
    assert_eq!((profile.counts, profile.orders), (before, 11));
}

#[test]
fn a_clock_that_jumps_spoils_nothing() {
    let (mut profile, now) = regular();
    // The caller's clock stands five minutes ahead: what comes next is counted all the same.
    profile.observe(&ProfileEvent { time: at(now + 300), ..usual(now) }, Standing::Passed, at(now));
    profile.observe(&usual(now + 1), Standing::Passed, at(now + 1));
    assert_eq!(profile.facts(&usual(now + 2), at(now + 2)).count_1m, 3);
    // The node's own clock stands a year ahead for a while.
    let ahead = now + 365 * 86_400;
    profile.observe(&usual(ahead), Standing::Passed, at(ahead));
    let facts = profile.facts(&usual(now + 3), at(now + 3));
    assert_eq!((facts.count_7d, facts.orders, facts.impossible_travel), (1, 13, false));
    profile.observe(&usual(now + 3), Standing::Passed, at(now + 3));
    profile.observe(&usual(now + 4), Standing::Passed, at(now + 4));
    assert_eq!(profile.facts(&usual(now + 5), at(now + 5)).count_1h, 3);
    assert_eq!(profile.latest_s, START + now + 4);
    // A clock before 1970 was ever reached.
    profile.observe(&ProfileEvent::at(Timestamp::from_unix_s(0)), Standing::Passed, Timestamp::from_unix_s(0));
    assert!(profile.first_s <= profile.latest_s);
}

#[test]
fn nobody_is_in_two_far_places_within_an_hour() {
    let check = |to: &[u8; 2], after_s: u64, impossible: bool| {
        let (mut profile, now) = regular();
        observe(&mut profile, &usual(now), Standing::Passed);
        let there = ProfileEvent { country: Some(*to), ..usual(now + after_s) };
        assert_eq!(profile.facts(&there, there.time).impossible_travel, impossible, "{to:?} after {after_s} s");
    };
    check(b"US", 3_600, true);
    check(b"US", 9 * 3_600, false);
    check(b"AU", 3 * 3_600, true);
    check(b"FR", 60, false);
    check(b"PL", 1, false);
    check(b"DE", 0, false);
    check(b"ZZ", 0, false);
    // Out of order: an hour before is as far as an hour after.
    let (mut profile, now) = regular();
    observe(&mut profile, &usual(now), Standing::Passed);
    let before = ProfileEvent { country: Some(*b"US"), ..usual(now - 3_600) };
    assert!(profile.facts(&before, at(now)).impossible_travel);
}

#[test]
fn ten_thousand_devices_stay_few() {
    let (mut profile, now) = regular();
    for nth in 0..10_000 {
        let mut devices = Few::default();
        (0..4).for_each(|part| devices.push_front(DeviceMark(10 + 4 * nth + part)));
        observe(&mut profile, &ProfileEvent { devices, ..usual(now + nth) }, Standing::Passed);
    }
    let mut bytes = Vec::new();
    profile.encode(&mut bytes);
    assert_eq!(profile.devices.as_slice().len(), DEVICES);
    assert!(bytes.len() <= crate::domain::profile::encode::PROFILE_BYTES, "{}", bytes.len());
    let mut devices = Few::default();
    devices.push_front(DeviceMark(10 + 4 * 9_999));
    assert!(!profile.facts(&ProfileEvent { devices, ..usual(now + 10_000) }, at(now + 10_000)).device_new);
}
