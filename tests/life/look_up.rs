//! Looking an identifier up: everything that is held of it with why it counts or not, who received ours, which decisions it
//! touched, and no trace of the value anywhere.

use hushwire::base::bytes::Commitment;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::name::MemberId;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::event::IndicatorRef;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::indicator::words::{DisputeReason, RetractionReason};
use hushwire::domain::screening::brake::HeldReason;
use hushwire::domain::screening::inquiry::Counting;
use hushwire::node::look_up::{LookUpFault, LookedUp};
use hushwire::node::quarantine::{Raise, Subject};
use hushwire::node::retract::RetractRequest;
use hushwire::node::select::Selectors;

use crate::consortium::{Consortium, START};
use crate::explain::{DEVICE, decide};
use crate::house::{Disk, House, exchange};

const DAY_S: u64 = 86_400;

fn device(value: &str) -> RawIdentifier {
    RawIdentifier::new(IdentifierKind::Device, value.to_owned())
}

fn look_up(house: &mut House, value: &str, now: Timestamp) -> LookedUp {
    let found = house.node.look_up(&Actor::Node, &device(value), now, &mut house.rng).expect("looks");
    house.node.sync().expect("syncs");
    found
}

fn meet(consortium: &Consortium, houses: &mut [House; 3], now: Timestamp) {
    for _ in 0..2 {
        for (to, from) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            let [to, from] = houses.get_disjoint_mut([to, from]).expect("two of them");
            exchange(consortium, to, from, now);
        }
        houses.iter_mut().for_each(|house| house.tick(now));
    }
}

fn world() -> (Consortium, [House; 3]) {
    let consortium = Consortium::new(&["bank-a", "shop", "bank-c"]);
    let mut houses = [0, 1, 2].map(|member| House::open(&consortium, member, Disk::default(), START));
    meet(&consortium, &mut houses, START);
    (consortium, houses)
}

fn counting(found: &LookedUp) -> Vec<(&str, Counting)> {
    found.inquiry.said.iter().map(|said| (said.reporter.as_str(), said.counting)).collect()
}

#[test]
fn what_others_hold_is_told_with_why_it_counts_or_does_not() {
    let (consortium, mut houses) = world();
    houses[0].publish(DEVICE, 90, Some("case-1"), START);
    let of_shop = houses[1].publish(DEVICE, 2, None, START);
    let of_c = houses[2].publish(DEVICE, 90, None, START);
    meet(&consortium, &mut houses, START);
    let found = look_up(&mut houses[0], DEVICE, START.plus_s(60));
    let all = [("bank-a", Counting::Counts), ("bank-c", Counting::Counts), ("shop", Counting::Counts)];
    assert_eq!(counting(&found), all);
    let own = found.inquiry.said.iter().find(|said| said.own).expect("its own");
    let details = own.details.as_ref().expect("whoever holds the identifier can read it");
    assert_eq!((details.typology.as_str(), own.effective_confidence), ("F1012", Some(80)));
    assert_eq!(found.inquiry.forms.len(), 1);
    // Nobody has said yet that it arrived; the shop does now.
    let names = |members: &[MemberId]| members.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        (names(&found.own[0].received_by), names(&found.own[0].awaited)),
        (vec![], vec!["shop".to_owned(), "bank-c".to_owned()])
    );
    let feed = consortium.feed(0);
    let house = &mut houses[0];
    house.node.acknowledge(&consortium.members[1], &feed, TreeSize(1), START, &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    let found = look_up(&mut houses[0], DEVICE, START.plus_s(60));
    assert_eq!(
        (names(&found.own[0].received_by), names(&found.own[0].awaited)),
        (vec!["shop".to_owned()], vec!["bank-c".to_owned()])
    );

    let third = house_dispute(&consortium, &mut houses, of_shop);
    let selectors = Selectors { source_refs: vec!["case-1".to_owned()], ..Selectors::default() };
    let request = RetractRequest { request: None, selectors, reason: RetractionReason::FalsePositive };
    let house = &mut houses[0];
    house.node.retract_indicators(&Actor::Node, request, third, &mut house.rng).expect("retracts");
    house.node.sync().expect("syncs");
    let found = look_up(&mut houses[0], DEVICE, third);
    let told = [("bank-c", Counting::Counts), ("bank-a", Counting::Retracted), ("shop", Counting::DisputedHere)];
    assert_eq!(counting(&found), told);
    let raise = Raise {
        member: consortium.members[2].clone(),
        kind: IdentifierKind::Device,
        subject: Subject::Indicator(of_c),
        reason: HeldReason::Canary,
        matched: 0,
        transactions: 0,
    };
    let house = &mut houses[0];
    house.node.raise_quarantines(vec![raise], third, &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    assert!(counting(&look_up(&mut houses[0], DEVICE, third)).contains(&("bank-c", Counting::HeldBack)));
    // Over, it is told as that until the day's housekeeping takes it.
    let of_shop = |found: &LookedUp| {
        counting(found).iter().find(|(reporter, _)| *reporter == "shop").map(|(_, counting)| *counting)
    };
    let later = START.plus_s(3 * DAY_S);
    assert_eq!(of_shop(&look_up(&mut houses[2], DEVICE, later)), Some(Counting::Expired));
    houses[2].tick(later);
    assert_eq!(of_shop(&look_up(&mut houses[2], DEVICE, later)), None);
}

/// The first member holds the shop's statement for wrong.
fn house_dispute(consortium: &Consortium, houses: &mut [House; 3], target: Commitment) -> Timestamp {
    let now = START.plus_s(600);
    let indicator = IndicatorRef { member: consortium.members[1].clone(), commitment: target };
    let house = &mut houses[0];
    let disputed = house.node.dispute_indicator(&Actor::Node, &indicator, DisputeReason::ALL[0], now, &mut house.rng);
    disputed.expect("disputes");
    house.node.sync().expect("syncs");
    now
}

#[test]
fn decisions_are_found_by_what_was_looked_up_also_after_a_restart_and_a_look_leaves_only_its_kind() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.tick(START);
    house.publish(DEVICE, 90, None, START);
    house.tick(START);
    let now = START.plus_s(DAY_S);
    decide(&consortium, &mut house, "d-1", "customer 1", now);
    decide(&consortium, &mut house, "d-2", "customer 2", now.plus_s(5));
    let touched = |found: &LookedUp| {
        found.decisions.iter().map(|one| (one.decision_id.clone(), one.matched, one.at)).collect::<Vec<_>>()
    };
    let expected = [("d-2".to_owned(), true, now.plus_s(5)), ("d-1".to_owned(), true, now)];
    let found = look_up(&mut house, DEVICE, now.plus_s(9));
    assert_eq!((touched(&found), found.more_decisions), (expected.to_vec(), false));
    assert_eq!(look_up(&mut house, "device-of-somebody-else", now.plus_s(9)).decisions, []);

    let mut house = House::open(&consortium, 0, house.disk, now.plus_s(60));
    assert_eq!(touched(&look_up(&mut house, DEVICE, now.plus_s(60))), expected.to_vec());
    let told: Vec<String> =
        house.audited("identifier.looked_up", now.plus_s(60)).iter().map(ToString::to_string).collect();
    let words: Vec<&str> =
        told.iter().filter_map(|line| line.split_once(" by node ")).map(|(_, words)| words).collect();
    let one = "decisions=2 kind=device statements=1";
    assert_eq!(words, [one, "decisions=0 kind=device statements=0", one]);
    let kept = house.disk.bytes();
    assert!(!kept.windows(DEVICE.len()).any(|bytes| bytes == DEVICE.as_bytes()));

    // With the content of its record goes every way that leads to it.
    let later = START.plus_s(3_700 * DAY_S);
    house.tick(later);
    house.node.compact(later).expect("compacts");
    assert_eq!(look_up(&mut house, DEVICE, later).decisions, []);
}

#[test]
fn what_is_no_identifier_is_not_looked_up() {
    let (_, mut houses) = world();
    let house = &mut houses[0];
    let card = RawIdentifier::new(IdentifierKind::Pan, "4111 1111 1111 1112".to_owned());
    let fault = house.node.look_up(&Actor::Node, &card, START, &mut house.rng).expect_err("no card");
    assert!(matches!(&fault, LookUpFault::Identifier(_)) && !fault.to_string().contains("1112"), "{fault}");
    let rejected = RawIdentifier::new(IdentifierKind::Ip, "10.0.0.1".to_owned());
    let found = house.node.look_up(&Actor::Node, &rejected, START, &mut house.rng).map(|found| found.inquiry.forms);
    match found {
        Ok(forms) => {
            assert!(forms.iter().all(|form| form.rejected_by.is_some() && form.pseudonyms.is_empty()), "{forms:?}")
        }
        Err(fault) => assert!(matches!(fault, LookUpFault::Identifier(_))),
    }
}
