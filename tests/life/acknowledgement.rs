//! Who has what: known again after a restart, however quiet the peer, and whoever passed it on.

use hushwire::base::position::TreeSize;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

fn unacknowledged(house: &House, consortium: &Consortium, by: usize) -> u64 {
    let status = house.node.status(START);
    let row = status.peers.into_iter().find(|peer| peer.member == consortium.members[by]);
    row.expect("a peer of the roster").unacknowledged_entries
}

/// The first member publishes one entry, which the second takes.
fn delivered(consortium: &Consortium) -> (House, House) {
    let mut bank = House::open(consortium, 0, Disk::default(), START);
    let open = |member| House::open(consortium, member, Disk::default(), START);
    // Signing waits for an answer of every other member.
    for member in 1..consortium.members.len() {
        exchange(consortium, &mut bank, &open(member), START);
    }
    let mut other = open(1);
    bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    exchange(consortium, &mut other, &bank, START);
    (bank, other)
}

#[test]
fn what_a_quiet_peer_acknowledged_is_known_after_a_restart() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (mut bank, _) = delivered(&consortium);
    assert_eq!(unacknowledged(&bank, &consortium, 1), 1);
    let (peer, feed) = (&consortium.members[1], consortium.feed(0));
    bank.node.acknowledge(peer, &feed, TreeSize(1), START, &mut bank.rng).expect("recorded");
    bank.node.sync().expect("syncs");
    assert_eq!(unacknowledged(&bank, &consortium, 1), 0);
    let mut bank = House::open(&consortium, 0, bank.disk, START);
    assert_eq!(unacknowledged(&bank, &consortium, 1), 0);
    let size = bank.node.state().audit.size();
    bank.node.acknowledge(peer, &feed, TreeSize(1), START, &mut bank.rng).expect("nothing to do");
    assert_eq!(bank.node.state().audit.size(), size, "and is not recorded again");
}

#[test]
fn the_size_a_peer_goes_on_from_acknowledges_what_came_through_a_relay() {
    let consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let (mut bank, other) = delivered(&consortium);
    let mut shop = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut shop, &other, START);
    let feed = consortium.feed(0);
    let mut wanted = shop.node.wanted_from(&consortium.members[0]).into_iter();
    let from = wanted.find(|wanted| wanted.feed == feed).expect("it follows the author").from;
    assert_eq!(from, TreeSize(1), "the relay had it");
    let reader = &consortium.members[2];
    let subscribed = bank.node.subscribe(reader, &feed, from, START, &mut bank.rng).expect("recorded");
    assert_eq!(subscribed, Ok(()));
    assert_eq!(unacknowledged(&bank, &consortium, 2), 0);
    assert_eq!(unacknowledged(&bank, &consortium, 1), 1, "that the relay has it nobody said");
    let beyond = bank.node.subscribe(reader, &feed, TreeSize(2), START, &mut bank.rng).expect("no fault");
    assert!(beyond.is_err());
}
