//! One feed that cannot be signed holds nothing else up.

use hushwire::domain::audit::record::Actor;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::publish::{PublishFault, PublishRequest};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

/// The node again over the same disk, without the key of its feed.
fn without_key(consortium: &Consortium, mut house: House) -> House {
    let mut identity = consortium.identity(house.member);
    identity.feeds.clear();
    let (settings, roster, views) = (consortium.settings(), consortium.roster.clone(), MemoryViews::new());
    house.node =
        Node::open(identity, settings, roster, house.disk.clone(), views, START, &mut house.rng).expect("opens");
    house
}

#[test]
fn a_feed_that_cannot_be_signed_does_not_keep_silence_from_being_noticed() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut other, &bank, START);
    other.publish("device-of-a-case-01", 30, None, START);
    other.tick(START);
    bank.publish("device-of-a-case-02", 30, None, START);
    let mut bank = without_key(&consortium, bank);
    exchange(&consortium, &mut bank, &other, START);
    let later = START.plus_s(2_000);
    bank.node.tick(later, &mut bank.rng).expect_err("what waits cannot be signed");
    bank.node.sync().expect("syncs");
    let status = bank.node.status(later);
    let silent = status.feeds.iter().find(|feed| feed.id == consortium.feed(1)).map(|feed| feed.silent);
    assert_eq!(silent, Some(true));
}

#[test]
fn what_could_never_be_signed_is_not_acknowledged() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut bank = without_key(&consortium, House::open(&consortium, 0, Disk::default(), START));
    for group in [None, Some(consortium.group.clone())] {
        let asked =
            PublishRequest { request: None, group, drafts: Vec::new(), dry_run: false, force_wide: false, spread_s: 0 };
        let refused = bank.node.publish_indicators(&Actor::Node, asked, START, &mut bank.rng);
        assert_eq!(refused.map(|_| ()), Err(PublishFault::UnknownGroup { groups: Vec::new() }));
    }
}
