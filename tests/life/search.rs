//! Looking through the audit log: in either order, page by page, within a time, and never for longer than a page may take.

use hushwire::base::position::{EntryIndex, TreeSize};
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::event::AuditEvent;
use hushwire::domain::audit::record::{Actor, AuditRecord};
use hushwire::domain::audit::search::{AuditFilter, Direction, Order, SearchWords};
use hushwire::node::audit::AuditPage;
use hushwire::node::audit_place::AuditPlace;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House};

const DAY_S: u64 = 86_400;

fn filter(change: impl FnOnce(&mut AuditFilter)) -> AuditFilter {
    let mut filter = AuditFilter { order: Order::NewestFirst, ..AuditFilter::default() };
    change(&mut filter);
    filter
}

fn page(house: &mut House, filter: &AuditFilter, place: &AuditPlace, rows: usize, now: Timestamp) -> AuditPage {
    let page = house.node.list_audit_records(&Actor::Node, filter, place, rows, now, &mut house.rng).expect("reads");
    house.node.sync().expect("syncs");
    page
}

/// All pages of a listing: where its records stand, and how many pages it took.
fn all(house: &mut House, filter: &AuditFilter, rows: usize, now: Timestamp) -> (Vec<u64>, usize) {
    let (mut found, mut pages, mut place) = (Vec::new(), 0, AuditPlace::START);
    loop {
        let page = page(house, filter, &place, rows, now);
        pages += 1;
        found.extend(page.entries.iter().map(|logged| logged.index.0));
        match page.next {
            // As it travels.
            Some(next) => place = next.to_string().parse().expect("a token"),
            None => return (found, pages),
        }
    }
}

fn refused(house: &mut House, records: usize, now: Timestamp) {
    let event = || AuditEvent::CallRefused { method: "ScreenTransaction", reason: "ROLE" };
    let events = (0..records).map(|_| event()).collect();
    house.node.record(&Actor::Stranger, events, now, &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
}

#[test]
fn the_newest_come_first_and_every_record_comes_once() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    for nth in 0..30 {
        refused(&mut house, 20, START.plus_s(nth));
    }
    let now = START.plus_s(60);
    let wanted = filter(|filter| filter.action_prefix = "call.".to_owned());
    let (newest_first, pages) = all(&mut house, &wanted, 7, now);
    assert_eq!((newest_first.len(), pages), (600, 86));
    assert!(newest_first.is_sorted_by(|newer, older| newer > older));
    let (mut oldest_first, _) = all(&mut house, &AuditFilter { order: Order::OldestFirst, ..wanted }, 7, now);
    oldest_first.reverse();
    assert_eq!(newest_first, oldest_first);
    let listed = house.audited("audit.listed", now).len();
    assert_eq!(listed, 2, "each listing is recorded once");
}

#[test]
fn a_time_is_found_without_looking_through_the_years_before_and_after() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    let day = |days: u64| START.plus_s(days * DAY_S);
    refused(&mut house, 5_000, day(0));
    refused(&mut house, 10, day(1));
    refused(&mut house, 5_000, day(2));
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let second = filter(|filter| {
            (filter.from, filter.until, filter.order) = (Some(day(1)), Some(day(2)), order);
            filter.action_prefix = "call.".to_owned();
        });
        let first = page(&mut house, &second, &AuditPlace::START, 100, day(2));
        assert_eq!((first.entries.len(), first.next.is_some()), (10, false), "{order:?}");
        let (found, _) = all(&mut house, &second, 100, day(2));
        assert_eq!(found.len(), 10);
        let none = filter(|filter| (filter.from, filter.order) = (Some(day(9)), order));
        assert_eq!(all(&mut house, &none, 100, day(2)), (Vec::new(), 1));
    }
}

#[test]
fn a_page_ends_where_its_time_is_up_and_says_how_far_it_came() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    for minute in 0..9 {
        refused(&mut house, 1_000, START.plus_s(60 * minute));
    }
    let now = START.plus_s(600);
    let words = SearchWords::new("node.started").expect("no identifier");
    let wanted = filter(|filter| (filter.words, filter.direction) = (words, Some(Direction::Local)));
    let first = page(&mut house, &wanted, &AuditPlace::START, 10, now);
    assert!(first.entries.is_empty(), "it stands at the very beginning");
    assert_eq!(first.searched_to, Some(START.plus_s(60 * 5)), "four thousand records back");
    let (found, pages) = all(&mut house, &wanted, 10, now);
    assert_eq!((found.len(), pages), (1, 3));
    let last = house.node.export_audit_slice(TreeSize(found[0]), TreeSize(found[0] + 1)).expect("reads").remove(0);
    let record = AuditRecord::decode(&last.entry.blob).expect("our own");
    assert_eq!((last.index, record.action()), (EntryIndex(found[0]), "node.started"));
}
