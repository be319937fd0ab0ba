//! What stands behind a decision: for how long, what erasure takes of it, and that its record binds it.

use std::collections::BTreeMap;
use std::sync::Arc;

use hushwire::base::kind::IdentifierKind;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::profile::facts::ProfileFacts;
use hushwire::domain::roster::exclusion::Exclusions;
use hushwire::domain::screening::answer::Screening;
use hushwire::domain::screening::demands::Demands;
use hushwire::domain::screening::freshness::Freshness;
use hushwire::domain::screening::policy::Policy;
use hushwire::domain::screening::policy::facts::Conditions;
use hushwire::domain::screening::screen::{ScreeningContext, screen};
use hushwire::domain::screening::transaction::{CustomerRef, Transaction, TransactionDraft, TransactionRef};
use hushwire::node::behind::{Asked, Behind, Ruled};
use hushwire::node::explain::{Explained, Sought};
use hushwire::node::record_screening::ScreeningRecord;

use crate::consortium::{Consortium, START};
use crate::erasure::erase;
use crate::house::{Disk, House, exchange};

const DAY_S: u64 = 86_400;
pub const DEVICE: &str = "device-behind-a-case-01";

/// Screens the device in a house and records it, with what stands behind it.
pub fn decide(consortium: &Consortium, house: &mut House, id: &str, customer: &str, now: Timestamp) -> Arc<Screening> {
    let state = house.node.state();
    let draft = TransactionDraft {
        identifiers: vec![RawIdentifier::new(IdentifierKind::Device, DEVICE.to_owned())],
        customer_ref: CustomerRef::new(customer.to_owned()),
        transaction_ref: TransactionRef::new(format!("order of {id}")),
        ..TransactionDraft::default()
    };
    let transaction = Transaction::new(draft, now).expect("keeps every bound");
    let guards = &state.settings.guards;
    let policy = Policy::built_in(&guards.digest());
    let profile =
        ProfileFacts { named: true, orders: 7, country_new: true, impossible_travel: true, ..ProfileFacts::default() };
    let conditions = Conditions { challenge_passed_s: Some(7_200) };
    let context = ScreeningContext {
        keys: &state.identity.key_ring,
        belief: &state.belief,
        canon: &state.settings.canon_rules,
        guard: guards,
        lists: &state.lists,
        experience: state.outcomes.experience(),
        freshness: &Freshness::default(),
        policy: &policy,
        candidate: None,
        profile: &profile,
        conditions,
        demands: &Demands::of(&consortium.roster, &Exclusions::default()),
        own: &state.identity.member,
        sandbox: false,
        now,
    };
    let screening = Arc::new(screen(&transaction, &context));
    let mac = &state.identity.local_mac;
    let behind = Behind {
        screening: Arc::clone(&screening),
        reference: "7KQ2-M0XD".to_owned(),
        transaction: mac.transaction(transaction.transaction_ref()),
        customer: mac.customer(transaction.customer_ref()),
        guard_sha256: guards.digest(),
        asked: Asked {
            time: now,
            amount_minor: 100,
            currency: "EUR".to_owned(),
            channel: String::new(),
            country: String::new(),
            merchant_category: "5732".to_owned(),
            own_score: None,
        },
        ruled: Ruled {
            policy: policy.title(),
            fired: screening.fired.iter().map(|fired| (policy.rules()[fired.rule].name.clone(), fired.heard)).collect(),
            profile,
            conditions,
        },
    };
    let record = ScreeningRecord {
        caller: Actor::Node,
        time: now,
        decision_id: id.to_owned(),
        decision: screening.decision.label(),
        reasons: screening.reasons.iter().map(|reason| reason.code.name().to_owned()).collect(),
        matched: Vec::new(),
        policy_sha256: screening.policy_sha256,
        degraded: false,
        anomalies: Vec::new(),
        case: None,
        behind: Some(behind),
    };
    house.node.record_screenings(vec![record], &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    screening
}

fn explained(house: &mut House, sought: &Sought, now: Timestamp) -> Vec<Explained> {
    let found = house.node.explain_decisions(&Actor::Node, sought, now, &mut house.rng).expect("reads").found;
    house.node.sync().expect("syncs");
    found
}

fn customer(house: &House, reference: &str) -> Sought {
    let mac = &house.node.state().identity.local_mac;
    Sought::Customer(mac.customer(&CustomerRef::new(reference.to_owned())).expect("given"))
}

/// Whether the record of a decision binds what is told of it.
fn is_bound(explained: &Explained) -> bool {
    let (record, detail) = (explained.record.as_ref().expect("kept"), explained.detail.as_ref().expect("kept"));
    let fields: BTreeMap<&str, &str> = record.fields().collect();
    fields.get("detail_sha256") == Some(&detail.digest().to_string().as_str())
}

#[test]
fn weeks_later_and_in_another_life_a_decision_is_explained_as_it_was() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.tick(START);
    house.publish(DEVICE, 90, None, START);
    house.tick(START);
    let answered = START.plus_s(2 * DAY_S);
    let screening = decide(&consortium, &mut house, "d-1", "customer 1", answered);
    decide(&consortium, &mut house, "d-2", "customer 1", answered.plus_s(60));
    decide(&consortium, &mut house, "d-3", "customer 2", answered.plus_s(90));
    assert_eq!(screening.inputs.len(), 1, "one form under one epoch");

    let later = START.plus_s(60 * DAY_S);
    house.node.compact(later).expect("compacts");
    let mut house = House::open(&consortium, 0, house.disk, later);
    let sought = customer(&house, "customer 1");
    let found = explained(&mut house, &sought, later);
    let ids: Vec<&str> = found.iter().map(|one| one.decision_id.as_str()).collect();
    assert_eq!(ids, ["d-2", "d-1"], "the newest first, and nobody else's");
    let first = &found[1];
    assert!(is_bound(first));
    let detail = first.detail.as_ref().expect("kept");
    assert_eq!(detail.decision.time_ms, answered.unix_ms());
    assert_eq!(detail.decision.inputs[0].pseudonym, screening.inputs[0].pseudonym.0);
    for (name, value) in [
        ("transaction.currency", "EUR"),
        ("transaction.merchant_category", "5732"),
        ("profile.orders", "7"),
        ("profile.country_new", "true"),
        ("anomalies", "new_country,impossible_travel"),
        ("conditions.challenge_passed_s", "7200"),
        ("policy", "default/3"),
        ("rule.single_indicator", "live"),
    ] {
        let facts = &detail.decision.facts;
        assert_eq!(facts.get(name).map(String::as_str), Some(value), "{name} of {facts:?}");
    }
    let indicator = detail.indicators[0].said().expect("whole");
    assert_eq!((indicator.own, indicator.age_s / DAY_S), (true, 2), "its age is that of the answer");
    for (sought, expected) in [
        (Sought::Decision("d-3".to_owned()), 1),
        (Sought::Reference("7KQ2-M0XD".to_owned()), 3),
        (Sought::Decision("d-9".to_owned()), 0),
        (customer(&house, "customer 9"), 0),
    ] {
        assert_eq!(explained(&mut house, &sought, later).len(), expected, "{sought:?}");
    }
    let looked = house.audited("decision.explained", later);
    assert_eq!(looked.len(), 5, "every look is recorded, whatever it found");
}

#[test]
fn what_an_erased_indicator_said_goes_and_its_name_and_the_bond_stay() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut shop = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &shop, START);
    exchange(&consortium, &mut shop, &bank, START);
    let target = bank.publish(DEVICE, 90, None, START);
    bank.tick(START);
    exchange(&consortium, &mut shop, &bank, START);
    let screening = decide(&consortium, &mut shop, "d-1", "customer 1", START.plus_s(60));
    let name = screening.matches[0].indicators[0].name();
    let sought = Sought::Decision("d-1".to_owned());
    let now = START.plus_s(120);
    let proof = shop.node.prove_decision(&Actor::Node, "d-1", now, &mut shop.rng).expect("reads").expect("there");
    let proof = proof.indicators[0].as_ref().expect("proved");
    assert!(proof.entry.content().is_some() && proof.index.0 == 0);

    assert_eq!(erase(&mut bank, target, now), [target]);
    bank.tick(now);
    exchange(&consortium, &mut shop, &bank, now);
    for compacted in [false, true] {
        if compacted {
            assert!(shop.node.compact(now).expect("compacts").contents >= 2, "the entry's and the explanation's");
        }
        let found = explained(&mut shop, &sought, now);
        let detail = found[0].detail.as_ref().expect("kept");
        assert_eq!(detail.indicators[0].said(), None, "compacted: {compacted}");
        assert_eq!(detail.decision.indicators[0].name, name);
        assert!(is_bound(&found[0]), "compacted: {compacted}");
        let proof = shop.node.prove_decision(&Actor::Node, "d-1", now, &mut shop.rng).expect("reads").expect("there");
        let proof = proof.indicators[0].as_ref().expect("its leaf is still proved");
        assert!(proof.entry.content().is_none());
    }
}

#[test]
fn what_stands_behind_a_decision_goes_with_its_record() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.tick(START);
    house.publish(DEVICE, 90, None, START);
    house.tick(START);
    let screening = decide(&consortium, &mut house, "d-1", "customer 1", START);
    let pseudonym = screening.inputs[0].pseudonym.0;
    let held = |house: &House| house.disk.bytes().windows(32).filter(|window| *window == pseudonym).count();
    let sought = customer(&house, "customer 1");
    let years = START.plus_s(3_640 * DAY_S);
    house.node.compact(years).expect("compacts");
    assert_eq!(held(&house), 1, "the indicator is gone, the explanation is not");
    assert_eq!(explained(&mut house, &sought, years).len(), 1);
    let over = START.plus_s(3_670 * DAY_S);
    house.node.compact(over).expect("compacts");
    assert_eq!(held(&house), 0);
    assert_eq!(explained(&mut house, &sought, over), [], "nothing leads there any more");
    let bare = explained(&mut house, &Sought::Decision("d-1".to_owned()), over);
    assert_eq!((bare.len(), &bare[0].record, &bare[0].detail), (1, &None, &None));
    assert!(house.node.prove_decision(&Actor::Node, "d-1", over, &mut house.rng).expect("reads").is_none());
}
