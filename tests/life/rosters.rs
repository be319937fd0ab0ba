//! Rosters and the store: which is followed, what a change of it does to what is held.

use hushwire::domain::audit::record::Actor;
use hushwire::domain::roster::member::MemberState;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::publish::PublishFault;
use hushwire::node::store::StorageFault;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

const MEMBERS: [&str; 3] = ["bank-a", "bank-b", "shop"];

fn opened(consortium: &Consortium, disk: Disk) -> Result<(), StorageFault> {
    let mut rng = rand::SeedableRng::seed_from_u64(1);
    let (identity, settings, roster) = (consortium.identity(0), consortium.settings(), consortium.roster.clone());
    let rng: &mut rand::rngs::StdRng = &mut rng;
    Node::open(identity, settings, roster, disk, MemoryViews::new(), START, rng).map(drop)
}

#[test]
fn roster_files_older_than_what_was_followed_are_refused() {
    let mut consortium = Consortium::new(&MEMBERS);
    let before = Consortium::new(&MEMBERS);
    let mut other = Consortium::new(&MEMBERS);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    bank.apply(&consortium.amend(|terms| terms.members[2].state = MemberState::Left), START);
    assert_eq!(opened(&consortium, bank.disk.clone()), Ok(()));
    let refused = opened(&before, bank.disk.clone()).expect_err("whoever left would be back");
    assert_eq!(refused, StorageFault::RosterBehind { found: 1, followed: 2 });
    assert!(refused.to_string().contains("hushwire member apply roster-N.note"), "{refused}");
    other.amend(|terms| terms.members[1].state = MemberState::Left);
    assert_eq!(opened(&other, bank.disk), Err(StorageFault::OtherRoster { version: 2 }));
}

#[test]
fn a_roster_applied_while_the_node_was_stopped_is_recorded_and_passed_on() {
    let mut consortium = Consortium::new(&MEMBERS);
    let bank = House::open(&consortium, 0, Disk::default(), START);
    let first = consortium.roster.clone();
    let chain = [first, consortium.amend(|_| {}), consortium.amend(|_| {})];
    let mut bank = House::open(&consortium, 0, bank.disk, START);
    let next = |bank: &House, version| bank.node.greet(&consortium.members[1], version).next_roster;
    assert_eq!(next(&bank, 2).as_deref(), Some(chain[2].note()));
    assert_eq!(next(&bank, 1), None);
    bank.node.keep_rosters(&chain, START, &mut bank.rng).expect("keeps");
    assert_eq!(next(&bank, 1).as_deref(), Some(chain[1].note()));
    let versions = |records: Vec<hushwire::domain::audit::record::AuditRecord>| {
        records.iter().map(|record| record.subject().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(versions(bank.audited("roster.applied", START)), ["3", "2"]);
    // Once is enough.
    let mut bank = House::open(&consortium, 0, bank.disk, START);
    bank.node.keep_rosters(&chain, START, &mut bank.rng).expect("keeps");
    assert_eq!(bank.audited("roster.applied", START).len(), 2);
}

#[test]
fn what_was_followed_before_the_store_began_is_kept_and_not_recorded_as_done_here() {
    let mut consortium = Consortium::new(&MEMBERS);
    let chain = [consortium.roster.clone(), consortium.amend(|_| {})];
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    bank.node.keep_rosters(&chain, START, &mut bank.rng).expect("keeps");
    assert_eq!(bank.node.greet(&consortium.members[1], 0).next_roster.as_deref(), Some(chain[0].note()));
    assert!(bank.audited("roster.applied", START).is_empty());
}

#[test]
fn what_comes_through_a_relay_after_its_author_was_shut_out_does_not_count() {
    for state in [MemberState::Suspended, MemberState::Left] {
        let before = Consortium::new(&MEMBERS);
        let mut consortium = Consortium::new(&MEMBERS);
        let mut bank = House::open(&before, 0, Disk::default(), START);
        let mut relay = House::open(&before, 1, Disk::default(), START);
        let mut shop = House::open(&before, 2, Disk::default(), START);
        for other in [&relay, &shop] {
            exchange(&before, &mut bank, other, START);
        }
        let early = bank.publish("device-of-a-case-01", 30, None, START);
        let withdrawn = bank.publish("device-of-a-case-02", 30, None, START);
        bank.tick(START);
        exchange(&before, &mut relay, &bank, START);
        exchange(&before, &mut shop, &relay, START);
        let now = START.plus_s(60);
        let roster = consortium.amend(|terms| terms.members[0].state = state);
        shop.apply(&roster, now);
        let late = bank.publish("device-of-a-case-03", 30, None, now.plus_s(1));
        let request = hushwire::node::retract::RetractRequest {
            request: None,
            selectors: hushwire::node::select::Selectors { names: vec![Ok(withdrawn)], ..Default::default() },
            reason: hushwire::domain::indicator::words::RetractionReason::FalsePositive,
        };
        bank.node.retract_indicators(&Actor::Node, request, now.plus_s(1), &mut bank.rng).expect("retracts");
        bank.tick(now.plus_s(1));
        exchange(&before, &mut relay, &bank, now.plus_s(2));
        exchange(&before, &mut shop, &relay, now.plus_s(2));
        // By the journal, too: a start knows since when.
        let again = House::open(&consortium, 2, shop.disk.clone(), now.plus_s(2));
        for house in [&shop, &again] {
            let demands = house.node.demands();
            let trusted = |commitment| {
                let held = house.node.state().belief.writer().by_commitment(&commitment).expect("kept and served");
                demands.trust(&consortium.members[0], &held.epoch_id, held.first_seen)
            };
            assert_eq!((trusted(early), trusted(late)), (true, false), "{state:?}");
            assert_eq!(house.node.state().belief.held().retracted, 1, "a retraction counts all the same");
        }
    }
}

#[test]
fn who_does_not_take_part_acknowledges_no_publication() {
    let mut consortium = Consortium::new(&MEMBERS);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let lapsed = START.plus_s(300 * 86_400 - 1);
    bank.try_publish("device-of-a-case-01", START).expect("takes part");
    let roster = consortium.amend(|terms| {
        terms.members[0].valid_until = lapsed;
        terms.members[1].state = MemberState::Suspended;
    });
    bank.apply(&roster, START);
    assert_eq!(bank.try_publish("device-of-a-case-02", lapsed), Err(PublishFault::NotTakingPart));
    let mut suspended = House::open(&consortium, 1, Disk::default(), START);
    assert_eq!(suspended.try_publish("device-of-a-case-02", START), Err(PublishFault::NotTakingPart));
}

#[test]
fn a_raised_minimum_suite_leaves_history_verifiable_and_nothing_to_publish() {
    let mut consortium = Consortium::new(&MEMBERS);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let other = House::open(&consortium, 1, Disk::default(), START);
    let shop = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    exchange(&consortium, &mut bank, &shop, START);
    bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    let roster = consortium.amend(|terms| terms.limits.minimum_suite = 2);
    bank.apply(&roster, START);
    let refused = bank.try_publish("device-of-a-case-02", START).expect_err("suite 1 is all it makes");
    assert!(matches!(refused, PublishFault::SuiteTooWeak { .. }), "{refused}");
    let mut late = House::open(&consortium, 2, Disk::default(), START);
    exchange(&consortium, &mut late, &bank, START);
    assert_eq!(late.node.state().feeds[&consortium.feed(0)].size().0, 1);
    assert!(late.audited("peer.fault", START).is_empty(), "nobody is to blame");
}

#[test]
fn a_roster_switches_the_need_for_witnesses_while_the_node_runs() {
    let mut consortium = Consortium::new(&["bank-a", "bank-b", "bank-c", "shop"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    for member in 1..4 {
        let house = House::open(&consortium, member, Disk::default(), START);
        exchange(&consortium, &mut bank, &house, START);
    }
    let commitment = bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    let mut provisional = |quorum| {
        other.apply(&consortium.amend(|terms| terms.limits.witness_quorum = quorum), START);
        other.node.state().belief.writer().by_commitment(&commitment).expect("held").provisional
    };
    assert_eq!((provisional(3), provisional(0), provisional(3)), (true, false, true));
}
