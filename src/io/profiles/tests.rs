//! What screening is told of a customer, before and while profiles are read, and how much is kept.

use super::*;
use crate::base::kind::IdentifierKind;
use crate::base::secret::SecretBytes;
use crate::domain::identifier::RawIdentifier;
use crate::domain::screening::transaction::TransactionDraft;

const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

fn profiles(customers: usize) -> Profiles {
    let key = ProfileKey::new(&SecretBytes::new([7; 32]));
    Profiles::new(key, ProfileBounds { customers, retention_days: 30 })
}

fn order(customer: &str, country: &str) -> Transaction {
    let draft = TransactionDraft {
        identifiers: vec![RawIdentifier::new(IdentifierKind::Device, "device-0001".to_owned())],
        amount_minor: 2_000,
        currency: "EUR".to_owned(),
        country: country.to_owned(),
        customer_ref: CustomerRef::new(customer.to_owned()),
        ..TransactionDraft::default()
    };
    Transaction::new(draft, NOW).expect("within bounds")
}

fn ask(profiles: &Profiles, order: &Transaction) -> Option<Asked> {
    profiles.ask(order, &CanonRules::default(), &GuardLists::built_in(), NOW)
}

fn take(profiles: &Profiles, customer: &str, country: &str, decision: Decision, id: u8) -> ProfileFacts {
    let asked = ask(profiles, &order(customer, country)).expect("a customer is named");
    let facts = asked.facts;
    profiles.take(asked, decision, [id; 16], NOW);
    facts
}

#[test]
fn an_order_of_nobody_has_no_facts() {
    assert!(ask(&profiles(9), &order("", "DE")).is_none());
}

#[test]
fn what_is_told_while_profiles_are_read_waits_its_turn() {
    let profiles = profiles(100);
    take(&profiles, "jane", "DE", Decision::Allow, 1);
    assert_eq!(take(&profiles, "jane", "DE", Decision::Allow, 2).orders, 0, "a stranger until all are read");
    assert!(profiles.of(&CustomerRef::new("jane".to_owned())).is_none());
    profiles.all_read();
    assert_eq!(take(&profiles, "jane", "DE", Decision::Allow, 3).orders, 2);
    assert_eq!(profiles.of(&CustomerRef::new("jane".to_owned())).expect("known").orders, 3);
    assert_eq!(take(&profiles, "june", "DE", Decision::Allow, 4).orders, 0);
}

#[test]
fn a_release_while_profiles_are_read_waits_for_the_profile_it_teaches() {
    let profiles = profiles(100);
    take(&profiles, "jane", "FR", Decision::Hold, 1);
    profiles.confirm(&[1; 16], NOW);
    assert!(profiles.of(&CustomerRef::new("jane".to_owned())).is_none(), "hers is still to come");
    profiles.all_read();
    assert_eq!(profiles.of(&CustomerRef::new("jane".to_owned())).expect("known").orders, 1);
}

#[test]
fn a_stopped_order_becomes_habit_when_it_is_released_and_only_then() {
    let profiles = profiles(100);
    profiles.all_read();
    for id in 0..9 {
        take(&profiles, "jane", "DE", Decision::Allow, id);
    }
    for (id, decision) in [(20, Decision::Challenge), (21, Decision::Hold), (22, Decision::Block)] {
        assert!(take(&profiles, "jane", "FR", decision, id).country_new);
    }
    profiles.confirm(&[99; 16], NOW);
    assert!(take(&profiles, "jane", "FR", Decision::Block, 23).country_new);
    profiles.confirm(&[21; 16], NOW);
    let asked = ask(&profiles, &order("jane", "FR")).expect("named");
    assert!(!asked.facts.country_new);
    assert_eq!((asked.facts.orders, asked.facts.count_1h), (10, 14));
}

#[test]
fn an_order_that_was_asked_about_is_taken_in_beside_what_came_between() {
    let profiles = profiles(100);
    profiles.all_read();
    take(&profiles, "jane", "DE", Decision::Allow, 0);
    let asked = ask(&profiles, &order("jane", "DE")).expect("named");
    take(&profiles, "jane", "DE", Decision::Allow, 1);
    profiles.take(asked, Decision::Allow, [2; 16], NOW);
    assert_eq!(profiles.of(&CustomerRef::new("jane".to_owned())).map(|profile| profile.orders), Some(3));
}

#[test]
fn erasing_forgets_what_was_stopped_too() {
    let profiles = profiles(100);
    profiles.all_read();
    take(&profiles, "jane", "DE", Decision::Hold, 1);
    let jane = CustomerRef::new("jane".to_owned());
    let name = profiles.name(&jane).expect("named");
    assert!(profiles.forget(&name) && !profiles.forget(&name));
    profiles.confirm(&[1; 16], NOW);
    assert!(profiles.of(&jane).is_none());
}

#[test]
fn customers_and_bytes_stay_within_their_bounds() {
    let profiles = profiles(1_000);
    profiles.all_read();
    for nth in 0..4_000 {
        take(&profiles, &format!("customer-{nth}"), "DE", Decision::Allow, 0);
    }
    let (customers, bytes) = profiles.held();
    assert!(customers <= 1_008 && customers > 900, "{customers}");
    assert!(bytes <= 1_008 * limits::decisions::PROFILE_AVERAGE_BYTES, "{bytes}");
    let evicted = profiles.counted.evicted.value();
    assert_eq!(evicted, 4_000 - u64::try_from(customers).expect("few"));
}
