//! What compaction leaves and what it takes.

use hushwire::base::bytes::Commitment;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::feed::entry::Leaf;
use hushwire::domain::indicator::words::RetractionReason;
use hushwire::node::erase::{EraseRequest, ErasureReason};
use hushwire::node::publish::{PublishReceipt, Standing};
use hushwire::node::retract::RetractRequest;
use hushwire::node::select::Selectors;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

const DAY_S: u64 = 86_400;

fn alone() -> (Consortium, House) {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.tick(START);
    (consortium, house)
}

/// What a receipt tells of each indicator.
fn told(receipt: &PublishReceipt) -> Vec<(Commitment, Standing)> {
    receipt.published.iter().map(|one| (one.commitment, one.standing)).collect()
}

fn occurrences(house: &House, commitment: &Commitment) -> usize {
    house.disk.bytes().windows(32).filter(|window| *window == commitment.as_bytes()).count()
}

fn has_content(house: &House, consortium: &Consortium, index: usize) -> bool {
    let outgoing = house.held(&consortium.feed(0), 1_000);
    !outgoing.entries[index].salt.is_empty()
}

#[test]
fn a_sequenced_publication_is_kept_once() {
    let (consortium, mut house) = alone();
    house.publish("device-of-a-case-01", 30, Some("case 1"), START);
    house.tick(START);
    let before = house.disk.bytes().len();
    let done = house.node.compact(START).expect("compacts");
    assert_eq!(done.rewritten, 1);
    assert!(house.disk.bytes().len() + 100 < before, "blob and salt stand once");
    assert!(has_content(&house, &consortium, 0));
    assert_eq!(house.node.compact(START).expect("compacts").rewritten, 0, "nothing is left to do");
}

#[test]
fn what_still_waits_keeps_its_content() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    let published = house.publish("device-of-a-case-01", 30, None, START);
    // The fence is not open: nothing is compacted, nothing is signed.
    assert_eq!(house.node.compact(START.plus_s(3 * DAY_S)).expect("does nothing").rewritten, 0);
    let mut house = House::open(&consortium, 0, house.disk, START);
    let other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut house, &other, START);
    house.tick(START);
    assert_eq!(house.live(), 1);
    assert!(occurrences(&house, &published) >= 2);
}

#[test]
fn a_repeated_request_gets_its_answer_for_a_day_and_then_is_forgotten() {
    let (consortium, mut house) = alone();
    let first = house.publish_as("r1", "device-of-a-case-01", 30, Some("case 1"), START);
    house.tick(START);
    let later = START.plus_s(23 * 3_600);
    house.node.compact(later).expect("compacts");
    let [(name, Standing::New)] = told(&first)[..] else { panic!("{first:?}") };
    let again = house.publish_as("r1", "device-of-a-case-01", 30, Some("case 1"), later);
    assert_eq!(told(&again), [(name, Standing::Before)]);
    let next_day = START.plus_s(25 * 3_600);
    assert_eq!(house.node.compact(next_day).expect("compacts").rewritten, 1);
    let reopened = House::open(&consortium, 0, house.disk, next_day);
    assert_eq!(reopened.live(), 1);
    let mut house = reopened;
    assert_ne!(house.publish_as("r1", "device-of-a-case-01", 30, None, next_day), first, "a new publication");
}

#[test]
fn a_reference_names_its_indicator_as_long_as_it_lives() {
    let (consortium, mut house) = alone();
    house.publish("device-of-a-case-01", 30, Some("case 1"), START);
    house.tick(START);
    let later = START.plus_s(5 * DAY_S);
    house.node.compact(later).expect("compacts");
    let mut house = House::open(&consortium, 0, house.disk, later);
    let request = RetractRequest {
        request: None,
        selectors: Selectors { source_refs: vec!["case 1".to_owned()], ..Selectors::default() },
        reason: RetractionReason::FalsePositive,
    };
    let receipt = house.node.retract_indicators(&Actor::Node, request, later, &mut house.rng).expect("retracts");
    assert_eq!(receipt.retracted.len(), 1);
    house.node.sync().expect("syncs");
    assert_eq!(house.live(), 0);
}

#[test]
fn expired_content_goes_and_the_tree_stays() {
    let (consortium, mut house) = alone();
    house.publish("device-of-a-case-01", 3, Some("case 1"), START);
    house.publish("device-of-a-case-02", 80, None, START);
    house.tick(START);
    let outgoing = house.held(&consortium.feed(0), 10);
    let expires = |entry: &hushwire::node::commit::StoredEntry| Leaf::decode(&entry.leaf).expect("a leaf").expires_day;
    let short = usize::from(expires(&outgoing.entries[1]) < expires(&outgoing.entries[0]));
    let later = START.plus_s(20 * DAY_S);
    house.tick(later);
    house.node.compact(later).expect("compacts");
    assert!(!has_content(&house, &consortium, short) && has_content(&house, &consortium, 1 - short));
    let house = House::open(&consortium, 0, house.disk, later);
    assert_eq!(house.live(), 1);
    let again = house.held(&consortium.feed(0), 10);
    let leaves = |out: &hushwire::node::serve::Outgoing| out.entries.iter().map(|e| e.leaf.clone()).collect::<Vec<_>>();
    assert_eq!(leaves(&again), leaves(&outgoing));
}

#[test]
fn a_late_joiner_takes_what_has_expired_as_bare_leaves() {
    let consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    exchange(&consortium, &mut other, &bank, START);
    bank.publish("device-of-a-case-01", 3, None, START);
    bank.publish("device-of-a-case-02", 80, None, START);
    bank.tick(START);
    other.tick(START);
    let later = START.plus_s(20 * DAY_S);
    for now in [START, later] {
        bank.tick(now);
        other.tick(now);
        exchange(&consortium, &mut other, &bank, now);
        exchange(&consortium, &mut bank, &other, now);
    }
    bank.node.compact(later).expect("compacts");
    let mut late = House::open(&consortium, 2, Disk::default(), later);
    exchange(&consortium, &mut late, &bank, later);
    assert_eq!(late.live(), 1);
    assert_eq!(late.node.heads().get(&consortium.feed(0)).map(|head| head.size), Some(TreeSize(2)));
}

#[test]
fn a_clock_that_is_years_ahead_destroys_nothing() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut other, &bank, START);
    other.tick(START);
    exchange(&consortium, &mut bank, &other, START);
    bank.publish("device-of-a-case-01", 80, None, START);
    bank.tick(START);
    bank.node.compact(START.plus_s(3_000 * DAY_S)).expect("compacts");
    assert!(has_content(&bank, &consortium, 0));
}

#[test]
fn the_node_compacts_by_itself() {
    let (_, mut house) = alone();
    house.publish("device-of-a-case-01", 30, None, START);
    house.tick(START);
    let before = house.disk.bytes().len();
    house.tick(Timestamp::from_unix_ms(START.unix_ms() + 599_000));
    assert!(house.disk.bytes().len() >= before);
    house.tick(START.plus_s(600));
    assert!(house.disk.bytes().len() < before);
}

#[test]
fn what_ends_at_midnight_may_be_dropped_after_the_day_before_it() {
    let (consortium, mut house) = alone();
    // START is a midnight: the last second of thirty days lies in the thirtieth.
    house.publish("device-of-a-case-01", 30, None, START);
    house.publish("device-of-a-case-02", 30, None, START.plus_s(1));
    house.tick(START.plus_s(1));
    let outgoing = house.held(&consortium.feed(0), 10);
    let days = outgoing.entries.iter().map(|entry| Leaf::decode(&entry.leaf).expect("ours").expires_day.0);
    let mut days: Vec<u32> = days.collect();
    days.sort_unstable();
    assert_eq!(days, [START.day().0 + 30, START.day().0 + 31]);
}

/// Begins a compaction, lets something happen, and finishes it.
fn compact_around(house: &mut House, now: Timestamp, meanwhile: impl FnOnce(&mut House)) {
    let mut compaction = house.node.begin_compaction(now).expect("begins").expect("the fence is open");
    let mut parts = Vec::new();
    while let Some(part) = compaction.work() {
        parts.push(part);
    }
    meanwhile(house);
    for part in parts {
        house.node.install_compacted(part).expect("installs");
    }
    house.node.end_compaction(compaction).expect("ends");
    house.node.sync().expect("syncs");
}

#[test]
fn what_waits_at_the_beginning_and_is_signed_meanwhile_keeps_its_content() {
    let (consortium, mut house) = alone();
    house.publish("device-of-a-case-01", 30, None, START);
    compact_around(&mut house, START, |house| {
        house.publish("device-of-a-case-02", 30, None, START);
        house.tick(START);
    });
    assert!(has_content(&house, &consortium, 0) && has_content(&house, &consortium, 1));
    let house = House::open(&consortium, 0, house.disk, START);
    assert_eq!(house.live(), 2);
    assert!(has_content(&house, &consortium, 0) && has_content(&house, &consortium, 1));
}

#[test]
fn what_is_erased_meanwhile_goes_with_the_next_compaction() {
    let (consortium, mut house) = alone();
    let published = house.publish("device-of-a-case-01", 30, None, START);
    house.tick(START);
    compact_around(&mut house, START, |house| {
        let selectors = Selectors { names: vec![Ok(published)], ..Selectors::default() };
        let request = EraseRequest { request: None, selectors, reason: ErasureReason::DataSubject };
        let asked = house.node.erase_indicators(&Actor::Node, request, START, &mut house.rng).expect("asks");
        let somebody_else = Actor::Peer("bank-b".parse().expect("valid"));
        house.node.confirm_erasure(&somebody_else, asked.id, START, &mut house.rng).expect("erases");
        house.tick(START);
    });
    assert_eq!(house.live(), 0, "it counts no more at once");
    assert!(has_content(&house, &consortium, 0), "decided before");
    house.node.compact(START).expect("compacts");
    assert!(!has_content(&house, &consortium, 0));
    assert_eq!(House::open(&consortium, 0, house.disk, START).live(), 0);
}

#[test]
fn a_forgotten_request_id_that_is_used_again_is_remembered_anew() {
    let (_, mut house) = alone();
    house.publish_as("r1", "device-of-a-case-01", 30, None, START);
    house.tick(START);
    let next_day = START.plus_s(25 * 3_600);
    // Used again before the compaction that forgets the first use, and while it is at work.
    let second = house.publish_as("r1", "device-of-a-case-01", 30, None, next_day);
    house.tick(next_day);
    house.node.compact(next_day).expect("compacts");
    let names = |receipt: PublishReceipt| told(&receipt).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(house.publish_as("r1", "device-of-a-case-01", 30, None, next_day)), names(second));
    let third_day = START.plus_s(50 * 3_600);
    let mut third = None;
    compact_around(&mut house, third_day, |house| {
        third = Some(house.publish_as("r1", "device-of-a-case-01", 30, None, third_day));
    });
    let again = house.publish_as("r1", "device-of-a-case-01", 30, None, third_day);
    assert_eq!(Some(names(again)), third.map(names));
}

#[test]
fn one_compaction_runs_at_a_time_and_publishing_goes_on_beside_it() {
    let (consortium, mut house) = alone();
    house.publish("device-of-a-case-01", 30, None, START);
    house.tick(START);
    compact_around(&mut house, START, |house| {
        assert!(house.node.begin_compaction(START).expect("no fault").is_none());
        house.publish("device-of-a-case-02", 30, None, START);
        house.tick(START);
        assert_eq!(house.live(), 2);
    });
    assert!(house.node.begin_compaction(START).expect("no fault").is_some());
    assert_eq!(House::open(&consortium, 0, house.disk, START).live(), 2);
}
