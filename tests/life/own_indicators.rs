//! The list of own indicators: every one once, the newest first, each as it stands.

use hushwire::base::bytes::Commitment;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::name::MemberId;
use hushwire::base::position::{EntryIndex, TreeSize};
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::indicator::words::RetractionReason;
use hushwire::node::own_indicator::OwnEntry;
use hushwire::node::own_indicators::{OwnFilter, OwnIndicator, OwnPlace, OwnState};
use hushwire::node::retract::RetractRequest;
use hushwire::node::select::Selectors;

use crate::consortium::{Consortium, START};
use crate::erasure::erase;
use crate::house::{Disk, House, exchange};

const DAY_S: u64 = 86_400;

/// All pages, so many rows each.
fn listed(house: &House, filter: &OwnFilter, rows: usize, now: Timestamp) -> Vec<OwnIndicator> {
    let (mut all, mut place) = (Vec::new(), OwnPlace::START);
    loop {
        let page = house.node.list_own_indicators(filter, &place, rows, now).expect("reads");
        assert!(page.rows.len() <= rows);
        all.extend(page.rows);
        match page.next {
            Some(next) => place = next.to_string().parse().expect("a token"),
            None => return all,
        }
    }
}

fn states(rows: &[OwnIndicator]) -> Vec<(Commitment, OwnState)> {
    rows.iter().map(|row| (row.commitment, row.state)).collect()
}

fn world() -> (Consortium, House, House) {
    let consortium = Consortium::new(&["bank-a", "shop", "bank-c"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut shop = House::open(&consortium, 1, Disk::default(), START);
    let third = House::open(&consortium, 2, Disk::default(), START);
    for from in [&shop, &third] {
        exchange(&consortium, &mut bank, from, START);
    }
    exchange(&consortium, &mut shop, &bank, START);
    bank.tick(START);
    (consortium, bank, shop)
}

#[test]
fn each_is_listed_once_as_it_stands_and_found_by_its_state() {
    let (consortium, mut bank, _) = world();
    let publish = |bank: &mut House, nth: u64, days: u32| {
        let (name, case) = (format!("device-of-case-{nth:02}"), format!("case-{nth}"));
        let published = bank.publish(&name, days, Some(&case), START.plus_s(nth));
        // One window each: within one, the order is drawn.
        bank.tick(START.plus_s(nth));
        published
    };
    let over = publish(&mut bank, 1, 1);
    let erased = publish(&mut bank, 2, 90);
    let back = publish(&mut bank, 3, 90);
    let live = publish(&mut bank, 4, 90);
    bank.tick(START.plus_s(10));
    let selectors = Selectors { source_refs: vec!["case-3".to_owned()], ..Selectors::default() };
    let request = RetractRequest { request: None, selectors, reason: RetractionReason::FalsePositive };
    bank.node.retract_indicators(&Actor::Node, request, START.plus_s(20), &mut bank.rng).expect("retracts");
    bank.node.sync().expect("syncs");
    erase(&mut bank, erased, START.plus_s(30));
    bank.tick(START.plus_s(40));
    let now = START.plus_s(3 * DAY_S);
    bank.tick(now);
    let all =
        [(live, OwnState::Live), (back, OwnState::Retracted), (erased, OwnState::Erased), (over, OwnState::Expired)];
    for rows in [1, 3, 100] {
        assert_eq!(states(&listed(&bank, &OwnFilter::default(), rows, now)), all, "{rows} a page");
    }
    for (commitment, state) in all {
        let filter = OwnFilter { state: Some(state), ..OwnFilter::default() };
        assert_eq!(states(&listed(&bank, &filter, 2, now)), [(commitment, state)]);
    }
    let pans = OwnFilter { kind: Some(IdentifierKind::Pan), ..OwnFilter::default() };
    assert_eq!(listed(&bank, &pans, 2, now), []);
    let disputed = OwnFilter { disputed: true, ..OwnFilter::default() };
    assert_eq!(listed(&bank, &disputed, 2, now), []);
    let rows = listed(&bank, &OwnFilter::default(), 9, now);
    assert_eq!((rows[0].kind, rows[2].kind), (Some(IdentifierKind::Device), None), "nothing is left of what is erased");
    for row in &rows {
        let place = row.index.map(|index| OwnEntry { group: row.feed.group.clone(), index });
        let found = bank.node.own_indicator(&row.commitment, place.as_ref(), now).expect("reads");
        assert_eq!(found.as_ref(), Some(row), "one of them is as the list shows it");
        let elsewhere = OwnEntry { index: EntryIndex(row.index.expect("signed").0 + 1), ..place.expect("signed") };
        let found = bank.node.own_indicator(&row.commitment, Some(&elsewhere), now).expect("reads");
        assert!(found.is_none_or(|found| found == *row), "a wrong place leads to nothing else");
    }
    let stranger = bank.node.own_indicator(&Commitment([1; 32]), None, now).expect("reads");
    assert_eq!(stranger, None);
    let again = House::open(&consortium, 0, bank.disk, now);
    assert_eq!(listed(&again, &OwnFilter::default(), 9, now), rows, "after a restart");
}

#[test]
fn who_has_it_is_told_member_by_member() {
    let (consortium, mut bank, mut shop) = world();
    let commitment = bank.publish("device-of-case-01", 90, None, START);
    bank.tick(START);
    exchange(&consortium, &mut shop, &bank, START);
    let feed = consortium.feed(0);
    bank.node.acknowledge(&consortium.members[1], &feed, TreeSize(1), START, &mut bank.rng).expect("recorded");
    bank.node.sync().expect("syncs");
    let rows = listed(&bank, &OwnFilter::default(), 9, START);
    let names = |members: &[MemberId]| members.iter().map(ToString::to_string).collect::<Vec<_>>();
    let row = rows.first().expect("one");
    assert_eq!(
        (row.commitment, names(&row.received_by), names(&row.awaited)),
        (commitment, vec!["shop".to_owned()], vec!["bank-c".to_owned()])
    );
}

#[test]
fn what_waits_for_its_window_comes_first() {
    let consortium = Consortium::new(&["bank-a", "shop"]);
    // Nobody was heard: the fence is closed, and everything waits.
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut names: Vec<Commitment> =
        (0..5).map(|nth| bank.publish(&format!("device-of-case-{nth:02}"), 90, None, START)).collect();
    names.sort();
    for rows in [1, 2, 9] {
        let waiting: Vec<_> = names.iter().map(|name| (*name, OwnState::Pending)).collect();
        let one = bank.node.own_indicator(&names[rows % 5], None, START).expect("reads").expect("it waits");
        assert_eq!((one.commitment, one.state, one.index), (names[rows % 5], OwnState::Pending, None));
        assert_eq!(states(&listed(&bank, &OwnFilter::default(), rows, START)), waiting, "{rows} a page");
    }
}
