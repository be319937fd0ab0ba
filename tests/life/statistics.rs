//! Statistics: what counts as one subject, what is drawn only after its charge, and the fence before both.

use std::collections::BTreeSet;

use hushwire::base::epoch::KeyEpoch;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::statistics::budget::Epsilon;
use hushwire::domain::statistics::period::Period;
use hushwire::domain::statistics::question::{Query, Question, ReleaseId};
use hushwire::domain::statistics::release::{Figures, WrongCounts};
use hushwire::node::erase::{EraseRequest, ErasureReason};
use hushwire::node::release::{Drawn, ReleaseFault, ReleaseStep};
use hushwire::node::select::Selectors;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

const PRICE: Epsilon = Epsilon::from_nano(250_000_000);

fn id() -> ReleaseId {
    "week-1".parse().expect("an id")
}

fn question(days: u32) -> Question {
    let today = START.day();
    let until = (0..days).fold(today, |day, _| day.next());
    let period = Period::new(today, until, until).expect("inside a quarter");
    Question { query: Query::PublishedIndicatorsByKind, period, asked: PRICE }
}

fn begin(house: &mut House, days: u32, now: Timestamp) -> Result<ReleaseStep, ReleaseFault> {
    house.node.begin_release(&Actor::Node, &id(), question(days), PRICE, now, &mut house.rng)
}

fn drawn(counts: usize) -> Drawn {
    let figures = Figures { scale: 8.0, contribution_bound: 2, accuracy_95: 24.0 };
    Drawn { id: id(), question: question(1), counts: vec![0; counts], figures, charged: PRICE }
}

fn alone() -> (Consortium, House) {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.tick(START);
    (consortium, house)
}

fn email(value: &str) -> RawIdentifier {
    RawIdentifier::new(IdentifierKind::Email, value.to_owned())
}

/// Labels of the cells that get a row, sorted.
fn counted(house: &mut House, days: u32, now: Timestamp) -> Vec<String> {
    counted_of(house, Query::PublishedIndicatorsByKind, days, now)
}

/// The same of a question, asked for the first time.
pub fn counted_of(house: &mut House, query: Query, days: u32, now: Timestamp) -> Vec<String> {
    let (id, question) = (query.name().parse().expect("an id"), Question { query, ..question(days) });
    let step = house.node.begin_release(&Actor::Node, &id, question, PRICE, now, &mut house.rng);
    let ReleaseStep::Draw(rows) = step.expect("fits the budget") else { panic!("nothing was released yet") };
    let labels = query.categories();
    let mut cells: Vec<String> =
        rows.cells().iter().map(|cell| labels[usize::try_from(*cell).expect("a category")].clone()).collect();
    cells.sort_unstable();
    cells
}

#[test]
fn nothing_is_charged_or_drawn_before_the_others_told_what_they_hold() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let other = House::open(&consortium, 1, Disk::default(), START);
    let before = bank.node.budget(START.day());
    assert_eq!(begin(&mut bank, 1, START).map(|_| ()), Err(ReleaseFault::Fenced));
    assert_eq!(bank.node.budget(START.day()), before, "a refusal costs nothing");
    exchange(&consortium, &mut bank, &other, START);
    assert!(matches!(begin(&mut bank, 1, START), Ok(ReleaseStep::Draw(_))));
}

#[test]
fn an_email_and_its_mailbox_are_one_subject() {
    let (_, mut house) = alone();
    house.publish_raw(None, email("maria.lang+shop@gmail.com"), 30, None, START);
    house.publish_raw(None, email("marialang@gmail.com"), 30, None, START);
    assert_eq!(counted(&mut house, 1, START), ["email", "mailbox"]);
}

#[test]
fn identifiers_of_one_case_are_one_subject_and_others_are_not() {
    let (_, mut house) = alone();
    for device in ["device-of-a-case-01", "device-of-a-case-02", "device-of-a-case-03"] {
        house.publish(device, 30, Some("case 1"), START);
        house.publish(device, 30, None, START);
    }
    assert_eq!(counted(&mut house, 1, START), ["device"; 4], "one case and three identifiers");
}

#[test]
fn what_is_published_again_under_a_new_epoch_counts_once_also_when_the_journal_was_compacted() {
    let consortium = Consortium::with_epochs(&["bank-a"], &[KeyEpoch(1), KeyEpoch(2)]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.tick(START);
    let before = house.publish_raw(None, email("maria.lang@gmail.com"), 30, None, START);
    house.tick(START);
    let later = START.plus_s(2 * 86_400);
    house.node.compact(later).expect("compacts");
    let mut house = House::open(&consortium.in_epoch(KeyEpoch(2)), 0, house.disk, later);
    house.tick(later);
    let after = house.publish_raw(None, email("maria.lang@gmail.com"), 30, None, later);
    let names = |receipt: &hushwire::node::publish::PublishReceipt| -> BTreeSet<_> {
        receipt.published.iter().map(|published| published.commitment).collect()
    };
    assert!(names(&before).is_disjoint(&names(&after)));
    assert_eq!(counted(&mut house, 3, later), ["email", "mailbox"]);
}

#[test]
fn an_erased_indicator_counts_for_nobody() {
    let (_, mut house) = alone();
    let erased = house.publish("device-of-a-case-01", 30, None, START);
    house.publish("device-of-a-case-02", 30, None, START);
    house.tick(START);
    let selectors = Selectors { names: vec![Ok(erased)], ..Selectors::default() };
    let request = EraseRequest { request: None, selectors, reason: ErasureReason::DataSubject };
    let asked = house.node.erase_indicators(&Actor::Node, request, START, &mut house.rng).expect("asks");
    let somebody_else = Actor::Peer("bank-b".parse().expect("valid"));
    house.node.confirm_erasure(&somebody_else, asked.id, START, &mut house.rng).expect("erases");
    house.tick(START);
    assert_eq!(counted(&mut house, 1, START), ["device"]);
}

#[test]
fn the_fingerprint_of_a_subject_leaves_after_two_quarters() {
    let (_, mut house) = alone();
    house.publish("device-of-a-case-01", 30, None, START);
    house.tick(START);
    house.node.compact(START.plus_s(2 * 86_400)).expect("compacts");
    assert_eq!(counted(&mut house, 1, START), ["device"], "still counted while the quarter can be asked about");
    house.node.compact(START.plus_s(185 * 86_400)).expect("compacts");
    let empty: [&str; 0] = [];
    assert_eq!(counted(&mut house, 1, START), empty);
}

#[test]
fn what_was_not_charged_or_has_the_wrong_shape_is_not_released() {
    let (_, mut house) = alone();
    let finish = |house: &mut House, counts| {
        house.node.finish_release(&Actor::Node, drawn(counts), START, &mut house.rng).map(|blob| blob.len() > 100)
    };
    assert_eq!(finish(&mut house, 16), Err(ReleaseFault::NotCharged));
    begin(&mut house, 1, START).expect("fits");
    let refused = WrongCounts { expected: 16, got: 15 };
    assert_eq!(finish(&mut house, 15), Err(ReleaseFault::Counts(refused)));
    assert_eq!(finish(&mut house, 16), Ok(true));
    assert_eq!(house.node.budget(START.day()).spent, PRICE);
}
