//! A next feed key takes over at the size the roster says, and nothing that was signed before is lost.

use hushwire::base::limits;
use hushwire::base::position::TreeSize;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::audit::search::AuditFilter;
use hushwire::domain::exchange::fault::PeerFault;
use hushwire::domain::feed::checkpoint::SignedCheckpoint;
use hushwire::node::accept::AcceptFault;
use hushwire::node::accuse::equivocation_of;
use hushwire::node::audit_place::AuditPlace;
use hushwire::node::feeds::verifier_at;
use hushwire::node::fence::FenceState;
use hushwire::node::publish::{PublishFault, PublishRequest};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange, pull};

/// Everybody applies the newest roster; the author takes the signers that go with it in the same turn.
fn apply(consortium: &Consortium, houses: [&mut House; 2]) {
    houses.into_iter().for_each(|house| house.follow(consortium, START));
}

/// Whether the head of bank A's feed, as `house` holds it, has this size and is signed by the key the roster names for it.
fn head_is_named(consortium: &Consortium, house: &House, size: u64) -> bool {
    let feed = &house.node.state().feeds[&consortium.feed(0)];
    let held = feed.cursor.checkpoint.as_ref().expect("a head");
    let verifier = verifier_at(&consortium.roster, feed.id(), held.size()).expect("a key");
    held.size() == TreeSize(size) && SignedCheckpoint::verify(held.note_text().as_bytes(), &verifier).is_ok()
}

fn key_changes(house: &mut House) -> usize {
    let filter = AuditFilter { action_prefix: "key.".to_owned(), ..AuditFilter::default() };
    let page = house.node.list_audit_records(&Actor::Node, &filter, &AuditPlace::START, 100, START, &mut house.rng);
    page.expect("reads").entries.len()
}

#[test]
fn the_former_key_signs_until_the_feed_has_the_size_and_the_next_one_from_there_on() {
    let mut consortium = Consortium::new(&["bank-a", "bank-b"]);
    let before = consortium.roster.clone();
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    bank.publish("rotation-device-0001", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);

    consortium.next_feed_key(0, TreeSize(3));
    apply(&consortium, [&mut bank, &mut other]);
    assert_eq!((key_changes(&mut bank), key_changes(&mut other)), (1, 0), "the audit log tells of it");
    for (size, device) in [(2, "rotation-device-0002"), (3, "rotation-device-0003"), (4, "rotation-device-0004")] {
        bank.publish(device, 30, None, START);
        bank.tick(START);
        exchange(&consortium, &mut other, &bank, START);
        assert!(head_is_named(&consortium, &bank, size) && head_is_named(&consortium, &other, size), "size {size}");
        let former = verifier_at(&before, &consortium.feed(0), TreeSize(size)).expect("a key");
        let head = bank.node.state().feeds[&consortium.feed(0)].cursor.checkpoint.clone().expect("a head");
        let by_former = SignedCheckpoint::verify(head.note_text().as_bytes(), &former).is_ok();
        assert_eq!(by_former, size < 3, "size {size}");
    }
    assert_eq!(other.live(), 4);
    for (member, disk) in [(0, bank.disk), (1, other.disk)] {
        assert_eq!(House::open(&consortium, member, disk, START).live(), 4, "both signatures stand in the journal");
    }
}

#[test]
fn a_size_that_was_signed_already_stops_neither_author_nor_reader() {
    let mut consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    for device in ["rotation-device-0001", "rotation-device-0002", "rotation-device-0003"] {
        bank.publish(device, 30, None, START);
        bank.tick(START);
    }
    exchange(&consortium, &mut other, &bank, START);
    // The admins took their time: the feed has outgrown the size.
    consortium.next_feed_key(0, TreeSize(2));
    apply(&consortium, [&mut bank, &mut other]);
    assert!(head_is_named(&consortium, &bank, 3), "the author signs its head again, with the key that counts");
    let (bank_disk, other_disk) = (bank.disk.copy(), other.disk.copy());
    bank.publish("rotation-device-0004", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!(other.live(), 4);
    for (member, disk) in [(0, bank_disk), (1, other_disk)] {
        assert_eq!(House::open(&consortium, member, disk, START).live(), 3, "what was verified once stays");
    }
}

#[test]
fn without_the_key_the_roster_names_nothing_is_signed() {
    let mut consortium = Consortium::new(&["bank-a"]);
    let keys_before = Consortium::new(&["bank-a"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    bank.tick(START);
    consortium.next_feed_key(0, TreeSize(1));
    let roster = consortium.roster.clone();
    // An old keystore was put back.
    let signers = keys_before.signers_under(0, &roster);
    bank.node.apply_roster(&Actor::Node, roster, START, &mut bank.rng).expect("applies");
    bank.node.use_signers(signers, START, &mut bank.rng).expect("takes them");
    let asked = PublishRequest {
        request: None,
        group: None,
        drafts: Vec::new(),
        dry_run: false,
        force_wide: false,
        spread_s: 0,
    };
    let refused = bank.node.publish_indicators(&Actor::Node, asked, START, &mut bank.rng);
    assert!(matches!(refused, Err(PublishFault::UnknownGroup { .. })), "{refused:?}");
}

/// Bank A's feed has outgrown the size from which its next key counts, and bank B, which has followed that roster, holds it
/// all under the former key. With them bank A's disk as it was after its first entry.
fn outgrown(names: &[&str]) -> (Consortium, House, House, Disk) {
    let mut consortium = Consortium::new(names);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    let mut old = Disk::default();
    for witness in 1..names.len() {
        exchange(&consortium, &mut bank, &House::open(&consortium, witness, Disk::default(), START), START);
    }
    for device in ["rotation-device-0001", "rotation-device-0002", "rotation-device-0003"] {
        bank.publish(device, 30, None, START);
        bank.tick(START);
        if device.ends_with('1') {
            old = bank.disk.copy();
        }
    }
    exchange(&consortium, &mut other, &bank, START);
    consortium.next_feed_key(0, TreeSize(2));
    other.follow(&consortium, START);
    (consortium, bank, other, old)
}

#[test]
fn what_the_former_key_signed_comes_back_to_an_author_that_lost_it() {
    for (is_empty, is_restarted) in [(false, false), (false, true), (true, false), (true, true)] {
        let (consortium, _, mut other, old) = outgrown(&["bank-a", "bank-b"]);
        if is_restarted {
            other = House::open(&consortium, 1, other.disk, START);
        }
        let disk = if is_empty { Disk::default() } else { old };
        let mut bank = House::open(&consortium, 0, disk, START);
        bank.publish("rotation-device-0004", 30, None, START);
        bank.tick(START);
        exchange(&consortium, &mut bank, &other, START);
        bank.tick(START);
        assert!(head_is_named(&consortium, &bank, 4), "empty {is_empty}, restarted {is_restarted}");
        assert_eq!(bank.live(), 4);
        exchange(&consortium, &mut other, &bank, START);
        assert!(head_is_named(&consortium, &other, 4));
        assert_eq!((other.live(), other.node.equivocations().len()), (4, 0));
        assert_eq!(House::open(&consortium, 0, bank.disk, START).live(), 4, "and stands in the journal");
    }
}

#[test]
fn an_author_that_signed_a_second_tree_under_its_next_key_learns_it_from_the_first() {
    let (consortium, _, other, old) = outgrown(&["bank-a", "bank-b", "shop"]);
    let mut bank = House::open(&consortium, 0, old, START);
    let shop = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut bank, &shop, START);
    bank.tick(START);
    let late = START.plus_s(limits::FENCE_PATIENCE_S);
    for device in ["rotation-device-0008", "rotation-device-0009"] {
        bank.publish(device, 30, None, late);
        bank.tick(late);
    }
    assert!(head_is_named(&consortium, &bank, 3), "who knows was away for too long");
    exchange(&consortium, &mut bank, &other, late);
    assert_eq!(bank.node.fence_state(), FenceState::Forked { feed: consortium.feed(0) });
}

#[test]
fn a_head_of_the_former_key_is_shown_to_its_author_alone() {
    let (consortium, mut bank, mut other, _) = outgrown(&["bank-a", "bank-b", "shop"]);
    let feed = consortium.feed(0);
    let is_told = |other: &House, peer: usize| other.node.greet(&consortium.members[peer], 1).heads.contains_key(&feed);
    assert_eq!((is_told(&other, 0), is_told(&other, 2)), (true, false));
    let mut shop = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut shop, &other, START);
    assert_eq!((shop.live(), shop.audited("peer.fault", START).len()), (0, 0), "it would take it for a fault");
    // Nor its entries, on a subscription that began before the roster.
    let is_sent = |peer: usize| {
        let outgoing = other.node.outgoing(&consortium.members[peer], &feed, TreeSize::EMPTY, 10);
        outgoing.expect("reads").is_some()
    };
    assert_eq!((is_sent(0), is_sent(2)), (true, false));

    bank.follow(&consortium, START);
    exchange(&consortium, &mut other, &bank, START);
    other.tick(START);
    assert_eq!((is_told(&other, 0), is_told(&other, 2)), (true, true), "signed again, with the key that counts");
    exchange(&consortium, &mut shop, &other, START);
    assert_eq!(shop.live(), 3);
}

#[test]
fn a_peer_whose_word_on_our_feed_cannot_be_read_yet_has_not_been_heard() {
    let mut consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    // An old copy of everything, the roster included.
    let mut restored = House::open(&consortium, 0, Disk::default(), START);
    consortium.next_feed_key(0, TreeSize(1));
    apply(&consortium, [&mut bank, &mut other]);
    bank.publish("rotation-device-0001", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    let heard = pull(&consortium, &mut restored, &other, 10, START, |_| {});
    assert!(matches!(heard, Err(AcceptFault::Peer(_))), "{heard:?}");
    assert_eq!(restored.node.fence_state(), FenceState::Asking { answers: 0, needed: 1 });
    restored.follow(&consortium, START);
    exchange(&consortium, &mut restored, &other, START);
    assert!(head_is_named(&consortium, &restored, 1));
}

#[test]
fn two_histories_under_two_feed_keys_convict_their_author_before_everybody() {
    let mut consortium = Consortium::new(&["bank-a", "bank-b", "bank-c", "shop"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let [mut other, mut third, mut shop] = [1, 2, 3].map(|at| House::open(&consortium, at, Disk::default(), START));
    for peer in [&other, &third, &shop] {
        exchange(&consortium, &mut bank, peer, START);
    }
    let fork = bank.disk.copy();
    for device in ["rotation-device-0001", "rotation-device-0002"] {
        bank.publish(device, 30, None, START);
        bank.tick(START);
    }
    exchange(&consortium, &mut shop, &bank, START);

    consortium.next_feed_key(0, TreeSize(3));
    let mut twin = House::open(&consortium, 0, fork, START);
    for peer in [&mut other, &mut third, &mut shop] {
        peer.follow(&consortium, START);
    }
    for peer in [&other, &third] {
        exchange(&consortium, &mut twin, peer, START);
    }
    twin.tick(START);
    // Who knows of the other history was away for too long.
    let late = START.plus_s(limits::FENCE_PATIENCE_S);
    for device in ["rotation-device-0007", "rotation-device-0008", "rotation-device-0009"] {
        twin.publish(device, 30, None, late);
        twin.tick(late);
    }
    exchange(&consortium, &mut other, &twin, late);
    assert!(head_is_named(&consortium, &other, 3) && head_is_named(&consortium, &shop, 2), "each by its own key");

    let heard = pull(&consortium, &mut other, &shop, 10, late, |_| {});
    assert_eq!(heard, Ok(()));
    other.node.sync().expect("syncs");
    let told = other.node.equivocations_for(&consortium.members[2]).pop().expect("kept");
    let proof = equivocation_of(told.first, told.second, &told.consistency).expect("hashes");
    third.node.accept_equivocation(&told.origin, &proof, late, &mut third.rng).expect("it proves itself");
    third.node.sync().expect("syncs");
    assert_eq!(third.node.equivocations().len(), 1, "whoever holds neither history too");
    let against = |member: usize| third.node.accusations(&consortium.members[member]);
    let accusation = against(0).pop().expect("kept");
    assert_eq!((&accusation.feed, accusation.is_of_audit_log()), (&consortium.feed(0), false));
    assert_eq!((accusation.sizes, accusation.keys.len()), ([TreeSize(2), TreeSize(3)], 2), "both keys check it");
    assert!(against(1).is_empty(), "nothing against anybody else");
    assert_eq!(House::open(&consortium, 2, third.disk, late).node.equivocations().len(), 1);
}

#[test]
fn who_follows_a_roster_before_its_author_waits_for_what_stands_under_the_former_key_and_blames_nobody() {
    let mut consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    let mut relay = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    exchange(&consortium, &mut bank, &relay, START);
    bank.publish("rotation-device-0001", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    consortium.next_feed_key(0, TreeSize(2));
    other.follow(&consortium, START);
    bank.publish("rotation-device-0002", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut relay, &bank, START);
    for from in [&bank, &relay] {
        let waits = pull(&consortium, &mut other, from, 1_000, START, |_| {});
        assert_eq!((waits, other.live()), (Err(AcceptFault::FormerKey), 1));
    }
    // The author follows it, which a relay that does not has still to hear.
    let newest = consortium.roster.version();
    other.node.hear_roster_version(&consortium.members[0], newest);
    assert_eq!(pull(&consortium, &mut other, &relay, 1_000, START, |_| {}), Err(AcceptFault::FormerKey));
    other.node.sync().expect("syncs");
    assert_eq!(other.audited("peer.fault", START).len(), 0);
    let refused = pull(&consortium, &mut other, &bank, 1_000, START, |_| {});
    assert!(matches!(refused, Err(AcceptFault::Peer(PeerFault::Checkpoint(_)))), "{refused:?}");
    bank.follow(&consortium, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!(other.live(), 2);
}
