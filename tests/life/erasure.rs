//! Erasure: the content goes everywhere, the tree stays, and nobody can hide behind it.

use hushwire::base::bytes::Commitment;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::exchange::batch::UnverifiedBatch;
use hushwire::domain::exchange::fault::PeerFault;
use hushwire::node::accept::AcceptFault;
use hushwire::node::erase::{EraseReceipt, EraseRequest, ErasureReason};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange, pull};

fn erase(house: &mut House, target: Commitment, now: Timestamp) -> EraseReceipt {
    let request = EraseRequest { request: None, names: vec![Ok(target)], reason: ErasureReason::DataSubject };
    let receipt = house.node.erase_indicators(&Actor::Node, request, now, &mut house.rng).expect("erases");
    house.node.sync().expect("syncs");
    receipt
}

fn contents(house: &House, consortium: &Consortium) -> Vec<bool> {
    let outgoing = house.node.outgoing(&consortium.feed(0), TreeSize(0), 1_000).expect("reads").expect("a head");
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
    assert_eq!(erase(&mut bank, target, START).erased, [target]);
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

#[test]
fn only_own_indicators_are_erased() {
    let (consortium, mut bank, mut other) = pair();
    let target = bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    let refused = erase(&mut other, target, START);
    assert_eq!((refused.erased.len(), refused.refused.len()), (0, 1));
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
