//! Erasure: the content goes everywhere, the tree stays, and nobody can hide behind it.

use hushwire::base::bytes::Commitment;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::limits;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::exchange::batch::UnverifiedBatch;
use hushwire::domain::exchange::fault::PeerFault;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::indicator::words::RetractionReason;
use hushwire::domain::screening::own_lists::{ListingReason, OwnList};
use hushwire::node::accept::AcceptFault;
use hushwire::node::erase::{EraseFault, EraseRequest, ErasureReason};
use hushwire::node::erasures::{Asked, ErasureId};
use hushwire::node::list::{ListFault, ListingDraft};
use hushwire::node::publish::PublishFault;
use hushwire::node::retract::{RetractFault, RetractRequest};
use hushwire::node::select::Selectors;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, asked, exchange, pull};

/// A person at the desk of a member.
fn person(role: &'static str, name: &str) -> Actor {
    Actor::Local { member: "bank-a".parse().expect("valid"), role, name: name.to_owned() }
}

fn ask_as(house: &mut House, id: &str, selectors: Selectors, now: Timestamp) -> Result<Asked, EraseFault> {
    let request = EraseRequest {
        request: house.node.request(id, format!("{:?}", selectors.names).as_bytes()),
        selectors,
        reason: ErasureReason::DataSubject,
    };
    let asked = house.node.erase_indicators(&person("publisher", "anna"), request, now, &mut house.rng);
    house.node.sync().expect("syncs");
    asked
}

fn by_name(target: Commitment) -> Selectors {
    Selectors { names: vec![Ok(target)], ..Selectors::default() }
}

fn ask(house: &mut House, target: Commitment, now: Timestamp) -> Asked {
    ask_as(house, "", by_name(target), now).expect("is asked for")
}

fn confirm(house: &mut House, by: &Actor, id: ErasureId, now: Timestamp) -> Result<Vec<Commitment>, EraseFault> {
    let erased = house.node.confirm_erasure(by, id, now, &mut house.rng);
    house.node.sync().expect("syncs");
    erased
}

/// One asks, another confirms; what was erased.
pub fn erase(house: &mut House, target: Commitment, now: Timestamp) -> Vec<Commitment> {
    let asked = ask(house, target, now);
    confirm(house, &person("publisher", "ben"), asked.id, now).expect("erases")
}

fn contents(house: &House, consortium: &Consortium) -> Vec<bool> {
    let outgoing = house.held(&consortium.feed(0), 1_000);
    outgoing.entries.iter().map(|entry| !entry.salt.is_empty()).collect()
}

/// Two members, the first one's fence open.
fn pair() -> (Consortium, House, House) {
    let consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    let third = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    exchange(&consortium, &mut bank, &third, START);
    exchange(&consortium, &mut other, &bank, START);
    exchange(&consortium, &mut other, &third, START);
    bank.tick(START);
    other.tick(START);
    (consortium, bank, other)
}

/// Takes blob and salt of one entry, as a holder would that erased it, or a liar.
fn strip(index: u64) -> impl FnMut(&mut UnverifiedBatch) {
    move |batch| {
        let at = index.checked_sub(batch.first_index.0).and_then(|at| usize::try_from(at).ok());
        if let Some(entry) = at.and_then(|at| batch.entries.get_mut(at)) {
            entry.blob.clear();
            entry.salt.clear();
        }
    }
}

#[test]
fn erased_content_leaves_belief_and_disk_of_author_and_peer() {
    let (consortium, mut bank, mut other) = pair();
    let target = bank.publish("device-of-a-case-01", 30, Some("case 1"), START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!((bank.live(), other.live()), (1, 1));
    assert_eq!(erase(&mut bank, target, START), [target]);
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!((bank.live(), other.live()), (0, 0));
    for house in [&mut bank, &mut other] {
        house.node.compact(START).expect("compacts");
        assert_eq!(contents(house, &consortium), [false, true]);
    }
    let again = House::open(&consortium, 0, bank.disk, START);
    assert_eq!(again.live(), 0);
}

#[test]
fn erasing_what_still_waits_never_publishes_it() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let target = bank.publish("device-of-a-case-01", 30, None, START);
    erase(&mut bank, target, START);
    let mut bank = House::open(&consortium, 0, bank.disk, START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!(contents(&other, &consortium).iter().filter(|content| **content).count(), 1);
    assert_eq!((bank.live(), other.live()), (0, 0));
}

const UNKNOWN: EraseFault = EraseFault::Unknown { hours: limits::ERASURE_HOURS };

#[test]
fn one_person_alone_erases_nothing_whatever_certificates_they_hold() {
    let (consortium, mut bank, _) = pair();
    let target = bank.publish("device-of-a-case-01", 30, Some("case 1"), START);
    bank.tick(START);
    let asked = ask(&mut bank, target, START);
    assert_eq!((asked.targets.as_slice(), bank.live()), ([target].as_slice(), 1), "asking erases nothing");
    let alone = Err(EraseFault::SamePerson { person: "anna".to_owned() });
    assert_eq!(confirm(&mut bank, &person("publisher", "anna"), asked.id, START), alone);
    assert_eq!(confirm(&mut bank, &person("operator", "anna"), asked.id, START), alone);
    let mut bank = House::open(&consortium, 0, bank.disk, START);
    assert_eq!(confirm(&mut bank, &person("operator", "anna"), asked.id, START), alone, "also after a restart");
    assert_eq!(bank.live(), 1);
    // The store, and what was asked for, outlived the start; the fence is shut again, so nothing is signed yet.
    assert_eq!(confirm(&mut bank, &person("operator", "ben"), asked.id, START), Ok(vec![target]));
    assert_eq!(confirm(&mut bank, &person("publisher", "cleo"), asked.id, START), Ok(vec![target]), "repeated");
    let mut bank = House::open(&consortium, 0, bank.disk, START);
    assert_eq!(confirm(&mut bank, &person("publisher", "ben"), asked.id, START), Ok(vec![target]), "also then");
}

#[test]
fn an_erasure_nobody_confirms_ends_after_a_day_and_leaves_nothing() {
    let (consortium, mut bank, _) = pair();
    let target = bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    let asked = ask(&mut bank, target, START);
    let (ben, end) = (person("publisher", "ben"), START.plus_s(limits::ERASURE_HOURS * 3_600));
    assert_eq!(asked.ends(), end);
    assert_eq!(confirm(&mut bank, &ben, asked.id, end), Err(UNKNOWN));
    assert_eq!(bank.live(), 1);
    let before = bank.disk.bytes();
    assert!(before.windows(16).any(|window| window == asked.id.0));
    bank.node.compact(end.plus_s(1)).expect("compacts");
    // The audit log keeps the id as text.
    assert!(!bank.disk.bytes().windows(16).any(|window| window == asked.id.0));
    assert_eq!(House::open(&consortium, 0, bank.disk, end).live(), 1);
}

#[test]
fn a_repeated_request_asks_once_and_another_under_its_id_is_refused() {
    let (_, mut bank, _) = pair();
    let first = bank.publish("device-of-a-case-01", 30, None, START);
    let second = bank.publish_as("r2", "device-of-a-case-02", 30, None, START).published[0].commitment;
    bank.tick(START);
    let asked = ask_as(&mut bank, "r1", by_name(first), START).expect("is asked for");
    assert_eq!(ask_as(&mut bank, "r1", by_name(first), START), Ok(asked));
    for id in ["r1", "r2"] {
        assert_eq!(ask_as(&mut bank, id, by_name(second), START), Err(EraseFault::RequestIdReused), "{id}");
    }
}

#[test]
fn the_request_id_of_an_erasure_stands_for_nothing_else_until_it_ends() {
    let (_, mut bank, _) = pair();
    let target = bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    ask_as(&mut bank, "r1", by_name(target), START).expect("is asked for");
    let device = || RawIdentifier::new(IdentifierKind::Device, "device-of-a-case-02".to_owned());
    let publish = |bank: &mut House, now| {
        let request = bank.node.request("r1", b"a publication");
        let request = asked(request, device(), 30, None, now);
        bank.node.publish_indicators(&Actor::Node, request, now, &mut bank.rng)
    };
    assert_eq!(publish(&mut bank, START), Err(PublishFault::RequestIdReused));
    let retract = RetractRequest {
        request: bank.node.request("r1", b"a retraction"),
        selectors: by_name(target),
        reason: RetractionReason::Legal,
    };
    let retracted = bank.node.retract_indicators(&Actor::Node, retract, START, &mut bank.rng);
    assert_eq!(retracted, Err(RetractFault::RequestIdReused));
    let (reason, note) = (ListingReason::OwnFraud, String::new());
    let listing = ListingDraft { list: OwnList::Block, identifier: device(), until: None, reason, note };
    let request = bank.node.request("r1", b"a listing");
    let listed = bank.node.add_listed(&Actor::Node, request, vec![Ok(listing)], START, &mut bank.rng);
    assert_eq!(listed, Err(ListFault::RequestIdReused));
    let later = START.plus_s(limits::ERASURE_HOURS * 3_600);
    assert_eq!(publish(&mut bank, later).map(|receipt| receipt.published.len()), Ok(1));
}

#[test]
fn more_erasures_than_may_wait_are_refused() {
    let (_, mut bank, _) = pair();
    let target = bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    for _ in 0..limits::ERASURES_WAITING {
        ask(&mut bank, target, START);
    }
    let limit = limits::ERASURES_WAITING;
    assert_eq!(ask_as(&mut bank, "", by_name(target), START), Err(EraseFault::TooManyWaiting { limit }));
    let later = START.plus_s(limits::ERASURE_HOURS * 3_600);
    ask_as(&mut bank, "", by_name(target), later).expect("the others have ended");
}

#[test]
fn more_indicators_than_one_erasure_may_hold_are_refused() {
    let (_, mut bank, _) = pair();
    let (limit, got) = (limits::ERASED_AT_ONCE, limits::ERASED_AT_ONCE + 1);
    for device in 0..got {
        bank.publish(&format!("device-of-a-case-{device:05}"), 30, Some("case 1"), START);
    }
    let selectors = Selectors { source_refs: vec!["case 1".to_owned()], ..Selectors::default() };
    assert_eq!(ask_as(&mut bank, "", selectors, START), Err(EraseFault::TooMany { got, limit }));
}

#[test]
fn an_erasure_by_reference_and_by_identifier_reaches_what_was_withdrawn() {
    let (consortium, mut bank, mut other) = pair();
    bank.publish("device-of-a-case-01", 30, Some("case 1"), START);
    let device = |name: &str| Ok(RawIdentifier::new(IdentifierKind::Device, name.to_owned()));
    let many = limits::STATEMENTS_PER_REPORTER + 6;
    for _ in 0..many {
        bank.publish("device-of-a-case-02", 30, None, START);
    }
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    let retract = RetractRequest {
        request: None,
        selectors: Selectors { source_refs: vec!["case 1".to_owned()], ..Selectors::default() },
        reason: RetractionReason::Legal,
    };
    bank.node.retract_indicators(&Actor::Node, retract, START, &mut bank.rng).expect("retracts");
    bank.node.sync().expect("syncs");
    let by_reference = Selectors { source_refs: vec!["case 1".to_owned()], ..Selectors::default() };
    let by_identifier = Selectors { identifiers: vec![device("device-of-a-case-02")], ..Selectors::default() };
    for (selectors, count) in [(by_reference, 1), (by_identifier, many)] {
        let asked = ask_as(&mut bank, "", selectors, START).expect("is asked for");
        assert_eq!((asked.targets.len(), asked.refused.len()), (count, 0));
        let erased = confirm(&mut bank, &person("publisher", "ben"), asked.id, START).expect("erases");
        assert_eq!(erased.len(), count);
    }
    exchange(&consortium, &mut other, &bank, START);
    for house in [&mut bank, &mut other] {
        house.node.compact(START).expect("compacts");
        // What is left with content are one retraction and the erasures.
        let left = contents(house, &consortium).iter().filter(|content| **content).count();
        assert_eq!((house.live(), left), (0, 1 + 1 + many));
    }
}

#[test]
fn only_own_indicators_are_erased() {
    let (consortium, mut bank, mut other) = pair();
    let target = bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    let refused = ask(&mut other, target, START);
    assert_eq!((refused.targets.len(), refused.refused.len()), (0, 1));
    assert_eq!(confirm(&mut other, &person("publisher", "ben"), refused.id, START), Err(UNKNOWN), "nothing waits");
    assert_eq!(bank.live(), 1);
}

#[test]
fn a_late_joiner_accepts_a_bare_leaf_whose_erasure_comes_in_a_later_batch() {
    let (consortium, mut bank, mut other) = pair();
    let target = bank.publish("device-of-a-case-01", 30, None, START);
    bank.publish("device-of-a-case-02", 30, None, START);
    bank.tick(START);
    erase(&mut bank, target, START);
    bank.node.compact(START).expect("compacts");
    pull(&consortium, &mut other, &bank, 1, START, |_| {}).expect("each batch holds one entry");
    assert_eq!(other.live(), 1);
    assert_eq!(other.node.heads().get(&consortium.feed(0)).map(|head| head.size), Some(TreeSize(3)));
    let again = House::open(&consortium, 1, other.disk, START);
    assert_eq!(again.node.heads().get(&consortium.feed(0)).map(|head| head.size), Some(TreeSize(3)));
}

#[test]
fn a_feed_with_withheld_content_is_not_complete_until_somebody_brings_it() {
    let (consortium, mut bank, mut other) = pair();
    bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    bank.publish("device-of-a-case-02", 30, None, START);
    bank.tick(START);
    let refused = pull(&consortium, &mut other, &bank, 10, START, strip(0));
    assert!(matches!(refused, Err(AcceptFault::Peer(PeerFault::ContentWithheld { .. }))), "{refused:?}");
    assert_eq!(other.live(), 1);
    let feed = consortium.feed(0);
    assert!(other.node.heads().get(&feed).is_none_or(|head| head.size < TreeSize(2)), "it is shown to nobody");
    let fresh = other.node.freshness(None, START);
    assert!(fresh.iter().any(|row| row.feed == feed && row.signed_at.is_none()), "and screening knows");
    // Also after a restart, and until an honest sender has it.
    let mut other = House::open(&consortium, 1, other.disk, START);
    assert!(pull(&consortium, &mut other, &bank, 10, START, strip(0)).is_err());
    bank.publish("device-of-a-case-03", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!(other.live(), 3);
    assert_eq!(other.node.heads().get(&feed).map(|head| head.size), Some(TreeSize(3)));
    let other = House::open(&consortium, 1, other.disk, START);
    assert_eq!(other.live(), 3);
    assert_eq!(contents(&other, &consortium), [true, true, true], "it is served whole");
}

#[test]
fn content_that_does_not_fit_its_leaf_fills_nothing() {
    let (consortium, mut bank, mut other) = pair();
    bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    assert!(pull(&consortium, &mut other, &bank, 10, START, strip(0)).is_err());
    let garble = |batch: &mut UnverifiedBatch| batch.entries[0].blob.push(0);
    assert!(pull(&consortium, &mut other, &bank, 10, START, garble).is_err());
    assert_eq!(other.live(), 0);
}
