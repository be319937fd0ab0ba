//! What each question of statistics counts, and that nobody weighs more in it than the bound.

use hushwire::base::bytes::Sha256Digest;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::case::CaseId;
use hushwire::domain::case::outcome::Outcome;
use hushwire::domain::case::state::Step;
use hushwire::domain::feed::blob::sighting::SightingOutcome;
use hushwire::domain::screening::decision::Decision;
use hushwire::domain::screening::transaction::CustomerRef;
use hushwire::domain::statistics::question::Query;
use hushwire::node::case::StepRequest;
use hushwire::node::outcomes::SeenIndicator;
use hushwire::node::record_screening::{CaseFacts, ScreeningRecord};
use hushwire::node::sight::KnownSighting;

use crate::consortium::{Consortium, START};
use crate::explain::{DEVICE, decide};
use crate::house::{Disk, House, exchange};
use crate::statistics::counted_of;

const DAY_S: u64 = 86_400;
const NOTHING: [&str; 0] = [];

fn alone() -> (Consortium, House) {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.tick(START);
    (consortium, house)
}

fn reopened(consortium: &Consortium, house: House, now: Timestamp) -> House {
    House::open(consortium, house.member, house.disk, now)
}

#[test]
fn publications_are_counted_by_technique_after_a_compaction_and_a_restart_too() {
    let (consortium, mut house) = alone();
    for (device, case) in [("device-of-a-case-01", "case 1"), ("device-of-a-case-02", "case 1")] {
        house.publish(device, 30, Some(case), START);
    }
    house.publish("device-of-a-case-03", 30, None, START);
    house.tick(START);
    let later = START.plus_s(2 * DAY_S);
    house.node.compact(later).expect("compacts");
    let mut house = reopened(&consortium, house, later);
    // What the drafts of these tests say.
    assert_eq!(counted_of(&mut house, Query::PublishedIndicatorsByTypology, 1, later), ["F1012", "F1012"]);
}

#[test]
fn a_customer_with_hundreds_of_orders_counts_once_for_each_decision_and_an_order_without_one_alone() {
    let (consortium, mut house) = alone();
    // The first record of this day that statistics look for stands behind no publication.
    let now = START.plus_s(DAY_S);
    house.publish(DEVICE, 60, None, START);
    house.tick(START);
    let mut decided = String::new();
    for nth in 0..300 {
        decided =
            decide(&consortium, &mut house, &format!("flood-{nth}"), "customer 1", now).decision.label().to_owned();
    }
    decide(&consortium, &mut house, "d-2", "customer 2", now.plus_s(60));
    for nth in 0..3 {
        decide(&consortium, &mut house, &format!("nobody-{nth}"), "", now);
    }
    decide(&consortium, &mut house, "tomorrow", "customer 3", now.plus_s(DAY_S));
    let mut house = reopened(&consortium, house, now.plus_s(DAY_S));
    let counted = counted_of(&mut house, Query::OrdersByDecision, 2, now.plus_s(DAY_S));
    assert_eq!(counted, vec![decided; 5], "two customers and three orders, and nothing of the day after");
}

fn case(house: &mut House, nth: u8, customer: Option<&str>, reason: &str, now: Timestamp) -> CaseId {
    let id = CaseId([nth; 16]);
    let mac = &house.node.state().identity.local_mac;
    let customer = customer.and_then(|customer| mac.customer(&CustomerRef::new(customer.to_owned())));
    let record = ScreeningRecord {
        caller: Actor::Node,
        time: now,
        decision_id: id.to_string(),
        decision: Decision::Hold.label(),
        reasons: vec![reason.to_owned()],
        matched: Vec::new(),
        policy_sha256: Sha256Digest([1; 32]),
        degraded: false,
        anomalies: Vec::new(),
        case: Some(CaseFacts { customer, ..CaseFacts::default() }),
        behind: None,
    };
    house.node.record_screenings(vec![record], &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    id
}

fn resolve(house: &mut House, id: CaseId, outcome: Outcome, now: Timestamp) {
    let request = StepRequest { id, revision: None, step: Step::Resolve(outcome), own_only: false };
    let anna = Actor::Local { member: "bank-a".parse().expect("valid"), role: "analyst", name: "anna".to_owned() };
    house.node.step_case(&anna, request, now, &mut house.rng).expect("legal");
    house.node.sync().expect("syncs");
}

#[test]
fn cases_are_counted_by_the_last_word_on_what_they_were_one_for_each_customer() {
    let (consortium, mut house) = alone();
    let flood: Vec<CaseId> =
        (0..20).map(|nth| case(&mut house, nth, Some("customer 1"), "single_indicator", START)).collect();
    let (other, nobody) = (
        case(&mut house, 100, Some("customer 2"), "single_indicator", START),
        case(&mut house, 101, None, "single_indicator", START),
    );
    let sandbox = case(&mut house, 102, None, "sandbox_value", START);
    case(&mut house, 103, Some("customer 3"), "single_indicator", START);
    for id in flood {
        resolve(&mut house, id, Outcome::Fraud, START.plus_s(60));
    }
    resolve(&mut house, other, Outcome::Fraud, START.plus_s(60));
    resolve(&mut house, other, Outcome::Genuine, START.plus_s(120));
    resolve(&mut house, nobody, Outcome::Genuine, START.plus_s(60));
    resolve(&mut house, sandbox, Outcome::Fraud, START.plus_s(60));
    // Of the next day, which was not asked about.
    resolve(&mut house, nobody, Outcome::Fraud, START.plus_s(DAY_S));
    let mut house = reopened(&consortium, house, START.plus_s(DAY_S));
    let counted = counted_of(&mut house, Query::CasesByOutcome, 1, START.plus_s(DAY_S));
    assert_eq!(counted, ["fraud", "genuine", "genuine"]);
}

#[test]
fn what_others_saw_of_own_indicators_is_counted_once_for_each_of_the_publishers_cases() {
    let consortium = Consortium::new(&["bank-a", "shop", "bank-c"]);
    let mut houses = [0, 1, 2].map(|member| House::open(&consortium, member, Disk::default(), START));
    let meet = |houses: &mut [House; 3], now: Timestamp| {
        for (to, from) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)].repeat(2) {
            let [to, from] = houses.get_disjoint_mut([to, from]).expect("two of them");
            exchange(&consortium, to, from, now);
            to.tick(now);
        }
    };
    meet(&mut houses, START);
    let flagged = ["device-of-a-case-01", "device-of-a-case-02", "device-of-a-case-03"].map(|device| {
        houses[0].publish(device, 60, Some(if device.ends_with("03") { "case 2" } else { "case 1" }), START)
    });
    meet(&mut houses, START);
    let said = [
        (1, 0, SightingOutcome::FalsePositive),
        (2, 0, SightingOutcome::FalsePositive),
        (1, 1, SightingOutcome::FalsePositive),
        (2, 2, SightingOutcome::Confirmed),
    ];
    for (nth, (house, device, outcome)) in said.into_iter().enumerate() {
        let member = consortium.members[0].clone();
        let seen = SeenIndicator { member, commitment: flagged[device], kind: IdentifierKind::Device };
        let decision = [u8::try_from(nth).expect("few"); 16];
        let known = KnownSighting { decision, outcome, indicators: vec![seen] };
        let house = &mut houses[house];
        house.node.sight(&Actor::Node, &known, START, &mut house.rng).expect("durable");
        house.node.sync().expect("syncs");
    }
    let read = START.plus_s(2 * DAY_S);
    meet(&mut houses, read);
    meet(&mut houses, read);
    let [bank, ..] = &mut houses;
    assert_eq!(counted_of(bank, Query::PublishedIndicatorsByKind, 1, read), ["device", "device"], "two cases");
    assert_eq!(
        counted_of(bank, Query::SightingsByKind, 3, read),
        ["device:confirmed", "device:false-positive"],
        "one row for each case and word, however many members said it of however many of its indicators"
    );
    let shop = &mut houses[1];
    assert_eq!(counted_of(shop, Query::SightingsByKind, 3, read), NOTHING, "its author counts it, who can read it");
}
