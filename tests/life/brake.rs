//! The poison brake over real nodes: what dishonest members aim at common values stops few honest orders, people decide of the
//! rest, and nothing honest is lost over it.

use std::sync::Arc;

use hushwire::base::bytes::{Commitment, Pseudonym};
use hushwire::base::kind::IdentifierKind;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::belief::changes::Changed;
use hushwire::domain::identifier::{CanonRules, RawIdentifier, canonicalise};
use hushwire::domain::indicator::words::RetractionReason;
use hushwire::domain::screening::brake::HeldReason;
use hushwire::domain::screening::decision::Decision;
use hushwire::domain::screening::traffic::Traffic;
use hushwire::domain::screening::transaction::{Transaction, TransactionDraft};
use hushwire::io::answered::brake::{BrakeSettings, Brakeman};
use hushwire::io::screener::Screener;
use hushwire::node::quarantine::{QuarantineFault, QuarantineId, Raise, Standing, Subject};
use hushwire::node::retract::RetractRequest;
use hushwire::node::select::Selectors;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};
use crate::recording::screener;

/// Of a thousand, that an indicator may concern.
const PER_MILLE: u64 = 10;
const ORDERS: usize = 4_000;

fn pseudonym(consortium: &Consortium, device: &str) -> Pseudonym {
    let raw = RawIdentifier::new(IdentifierKind::Device, device.to_owned());
    let forms = canonicalise(&raw, &CanonRules::default()).expect("valid");
    consortium.identity(0).key_ring.current.pseudonym(&forms[0])
}

/// The device of an honest order: one of three comes from a machine that many share, each other from one of its own.
fn device_of(order: usize) -> String {
    if order.is_multiple_of(3) { shared(order / 3 % 10) } else { format!("device-of-order-{order:05}") }
}

fn shared(number: usize) -> String {
    format!("device-in-library-{number:02}")
}

fn decide(screener: &Screener, device: &str) -> Decision {
    let raw = RawIdentifier::new(IdentifierKind::Device, device.to_owned());
    let draft = TransactionDraft { identifiers: vec![raw], ..TransactionDraft::default() };
    let transaction = Transaction::new(draft, START).expect("keeps every bound");
    screener.screen(&transaction, &Actor::Node, false, START).expect("answered").0.screening.decision
}

fn stopped(screener: &Screener) -> usize {
    (0..ORDERS).filter(|order| decide(screener, &device_of(*order)) > Decision::Challenge).count()
}

/// Everybody hears everybody once: until then nobody signs.
fn introduce(consortium: &Consortium, houses: &mut [House]) {
    for to in 0..houses.len() {
        for from in (0..houses.len()).filter(|from| *from != to) {
            let (before, behind) = houses.split_at_mut(to.max(from));
            let (to, from) = if to < from { (&mut before[to], &behind[0]) } else { (&mut behind[0], &before[from]) };
            exchange(consortium, to, from, START);
        }
    }
}

fn raise(house: &mut House, raises: Vec<Raise>, now: Timestamp) {
    house.node.raise_quarantines(raises, now, &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
}

#[test]
fn poison_aimed_at_common_values_stops_few_honest_orders_and_an_honest_retraction_is_never_lost() {
    let consortium = Consortium::new(&["shop", "bank-a", "bank-b", "bank-c"]);
    let mut houses: Vec<House> =
        (0..4).map(|member| House::open(&consortium, member, Disk::default(), START)).collect();
    introduce(&consortium, &mut houses);
    let traffic = Arc::new(Traffic::new(&mut StdRng::seed_from_u64(1)));
    let settings = BrakeSettings { traffic, per_mille: PER_MILLE, canaries: None, hosts: Arc::default() };
    let keys = Arc::clone(&consortium.identity(0).key_ring);
    let shop = consortium.members[0].clone();
    let mut brakeman = Brakeman::new(settings, shop, &CanonRules::default(), &keys).expect("no file");
    for order in 0..ORDERS {
        // Each is somebody else's.
        let names = [device_of(order), format!("device-at-home-{order:05}")].map(|name| pseudonym(&consortium, &name));
        brakeman.count(names.iter(), START);
    }
    let belief = Arc::clone(&houses[0].node.state().belief);
    belief.take_changes();

    // Two that collude say the same, which would block; they hide it among devices of single orders.
    for poisoner in [1, 2] {
        for number in 0..10 {
            houses[poisoner].publish(&shared(number), 30, None, START);
            houses[poisoner].publish(&device_of(3 * number + 1), 30, None, START);
        }
    }
    // An honest member errs about a shared one, and will say so.
    let mistaken = houses[3].publish(&shared(0), 30, Some("case 1"), START);
    for from in 1..4 {
        houses[from].tick(START);
        let (shop, others) = houses.split_at_mut(1);
        exchange(&consortium, &mut shop[0], &others[from - 1], START);
    }
    let (screening, _waiting) = screener(&consortium, &houses[0]);
    let before = stopped(&screening);
    assert!(before > ORDERS / 4, "{before} of {ORDERS} would be stopped");

    let Changed::These(changed) = belief.take_changes() else { panic!("few enough to be named") };
    let raises: Vec<Raise> = {
        let mut view = belief.view();
        changed.iter().flat_map(|name| brakeman.inspect(name, true, &mut view, START)).collect()
    };
    assert!(raises.iter().all(|raise| raise.reason == HeldReason::Wide), "{raises:?}");
    assert_eq!(raises.len(), 21, "ten of each and the mistaken one");
    raise(&mut houses[0], raises, START);
    let after = stopped(&screening);
    assert!(after * 1_000 <= ORDERS * usize::try_from(PER_MILLE).expect("small"), "{after} of {ORDERS} are stopped");
    assert!(after > 0, "what concerns single orders counts as before");

    // The honest member takes it back while it is held back; lifting it brings nothing back.
    let request = RetractRequest {
        request: None,
        selectors: Selectors { source_refs: vec!["case 1".to_owned()], ..Selectors::default() },
        reason: RetractionReason::FalsePositive,
    };
    let now = START.plus_s(60);
    let honest = &mut houses[3];
    honest.node.retract_indicators(&Actor::Node, request, now, &mut honest.rng).expect("retracted");
    honest.tick(now);
    let (shop, others) = houses.split_at_mut(1);
    exchange(&consortium, &mut shop[0], &others[2], now);
    let id = id_of(&shop[0], &mistaken);
    assert_eq!(lift(&mut shop[0], "anna", id), Ok(false));
    assert_eq!(lift(&mut shop[0], "ben", id), Ok(true));
    let held = belief.view().statements(&pseudonym(&consortium, &shared(0)));
    let held = held.iter().find(|statement| statement.commitment == mistaken).expect("it is held");
    assert_eq!((held.braked, held.state), (false, hushwire::domain::belief::record::State::Retracted));
    assert_eq!(stopped(&screening), after);
}

fn id_of(house: &House, commitment: &Commitment) -> QuarantineId {
    let mut rows = house.node.state().quarantines.after(None);
    let row = rows.find(|row| row.raise.subject == Subject::Indicator(*commitment));
    row.expect("it is held back").id
}

fn lift(house: &mut House, name: &str, id: QuarantineId) -> Result<bool, QuarantineFault> {
    let caller = Actor::Local { member: "shop".parse().expect("valid"), role: "analyst", name: name.to_owned() };
    let lifted = house.node.lift_quarantine(&caller, id, START, &mut house.rng);
    house.node.sync().expect("syncs");
    lifted
}

#[test]
fn what_is_held_back_outlasts_restarts_and_compaction_and_takes_two_people_to_count_again() {
    let consortium = Consortium::new(&["shop", "bank-a"]);
    let mut houses = [0, 1].map(|member| House::open(&consortium, member, Disk::default(), START));
    introduce(&consortium, &mut houses);
    let [mut shop, mut bank] = houses;
    let flag = bank.publish("device-of-everybody", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut shop, &bank, START);
    let braked = |house: &House| {
        let statements = house.node.state().belief.view().statements(&pseudonym(&consortium, "device-of-everybody"));
        let [statement] = statements.as_slice() else { panic!("one") };
        (statement.braked, statement.provisional)
    };
    assert_eq!(braked(&shop), (false, false));
    let raised = |subject, reason| Raise {
        member: "bank-a".parse().expect("valid"),
        kind: IdentifierKind::Device,
        subject,
        reason,
        matched: 0,
        transactions: 0,
    };
    let canary = raised(Subject::Indicator(flag), HeldReason::Canary);
    raise(&mut shop, vec![canary.clone(), canary.clone()], START);
    assert_eq!(shop.node.state().quarantines.after(None).count(), 1, "once");
    let told = shop.audited("quarantine.indicator", START);
    assert_eq!((told.len(), told[0].subject()), (1, "bank-a"));
    assert!(!format!("{told:?}").contains(&flag.to_string()), "which one is not told");
    let since = Subject::AllNew { since: START };
    raise(&mut shop, vec![raised(since, HeldReason::Flood), raised(since, HeldReason::Flood)], START);
    assert_eq!(braked(&shop), (true, true));

    let disk = shop.disk.clone();
    drop(shop);
    let mut shop = House::open(&consortium, 0, disk, START.plus_s(1));
    assert_eq!(braked(&shop), (true, true), "a restart forgets nothing");
    let id = id_of(&shop, &flag);
    assert_eq!(lift(&mut shop, "anna", id), Ok(false));
    assert_eq!(lift(&mut shop, "anna", id), Err(QuarantineFault::SamePerson { person: "anna".to_owned() }));
    assert_eq!(shop.audited("quarantine.lift_refused", START).len(), 1);
    assert_eq!(lift(&mut shop, "anna", QuarantineId([9; 16])), Err(QuarantineFault::Unknown));
    assert_eq!(braked(&shop), (true, true), "one person lifts nothing");
    exchange(&consortium, &mut shop, &bank, START.plus_s(2));
    shop.node.compact(START.plus_s(2)).expect("compacts");
    let disk = shop.disk.clone();
    drop(shop);
    let mut shop = House::open(&consortium, 0, disk, START.plus_s(3));
    let as_operator =
        Actor::Local { member: "shop".parse().expect("valid"), role: "operator", name: "anna".to_owned() };
    let alone = shop.node.lift_quarantine(&as_operator, id, START.plus_s(3), &mut shop.rng);
    assert_eq!(
        alone,
        Err(QuarantineFault::SamePerson { person: "anna".to_owned() }),
        "another role is no other person"
    );
    assert_eq!(lift(&mut shop, "ben", id), Ok(true));
    assert_eq!(lift(&mut shop, "ben", id), Ok(true), "repeated, it changes nothing");
    assert_eq!(braked(&shop), (false, true));
    raise(&mut shop, vec![canary], START.plus_s(4));
    assert_eq!(braked(&shop), (false, true), "what people lifted is not raised again");
    let anna = Actor::Local { member: "shop".parse().expect("valid"), role: "analyst", name: "anna".to_owned() };
    let alone = shop.node.keep_quarantined(&anna, id, START.plus_s(5), &mut shop.rng);
    assert_eq!((alone, braked(&shop)), (Err(QuarantineFault::Unknown), (false, true)), "nor held back again by one");

    // The flood: a person looks, and it stays.
    let flood = shop.node.state().quarantines.after(None).find(|row| row.raise.subject == since).expect("held").id;
    let caller = Actor::Local { member: "shop".parse().expect("valid"), role: "analyst", name: "anna".to_owned() };
    shop.node.keep_quarantined(&caller, flood, START, &mut shop.rng).expect("kept");
    shop.node.sync().expect("syncs");
    assert_eq!(shop.node.state().quarantines.waiting(), 0);
    let kept = shop.node.state().quarantines.after(None).find(|row| row.id == flood).expect("held");
    assert!(matches!(kept.standing, Standing::Kept { .. }));
    assert_eq!(braked(&shop), (false, true));
}

#[test]
fn what_a_flood_brings_counts_as_provisional_and_what_came_before_it_as_ever() {
    let consortium = Consortium::new(&["shop", "bank-a"]);
    let mut houses = [0, 1].map(|member| House::open(&consortium, member, Disk::default(), START));
    introduce(&consortium, &mut houses);
    let [mut shop, mut bank] = houses;
    let belief = Arc::clone(&shop.node.state().belief);
    belief.take_arrivals();
    let provisional = |device: &str| {
        let statements = belief.view().statements(&pseudonym(&consortium, device));
        let [statement] = statements.as_slice() else { panic!("one") };
        statement.provisional
    };
    let next_hour = START.plus_s(3_600);
    for (device, now) in [("device-before", START), ("device-of-the-flood", next_hour)] {
        bank.publish(device, 30, None, now);
        bank.tick(now);
        exchange(&consortium, &mut shop, &bank, now);
        let arrived = belief.take_arrivals();
        let arrived: Vec<_> = arrived.iter().map(|((member, kind), count)| (member.as_str(), *kind, *count)).collect();
        assert_eq!(arrived, [("bank-a", IdentifierKind::Device, 1)], "{device}");
    }
    let settings = BrakeSettings {
        traffic: Arc::new(Traffic::new(&mut StdRng::seed_from_u64(1))),
        per_mille: PER_MILLE,
        canaries: None,
        hosts: Arc::default(),
    };
    let keys = Arc::clone(&consortium.identity(0).key_ring);
    let mut brakeman =
        Brakeman::new(settings, consortium.members[0].clone(), &CanonRules::default(), &keys).expect("no file");
    let arrived = [(("bank-a".parse().expect("valid"), IdentifierKind::Device), 1_000_000)].into();
    let raises = brakeman.arrived(arrived, next_hour);
    assert_eq!(raises.len(), 1);
    raise(&mut shop, raises, next_hour);
    assert_eq!((provisional("device-before"), provisional("device-of-the-flood")), (false, true));
}
