//! What the invented shop sells: orders of honest customers, and of fraudsters who come back.

use std::fmt;
use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha20Rng;

use crate::app::demo::generator::values::{self, Country, pick};
use crate::app::demo::generator::{Person, SCHEMES, World};
use crate::base::kind::IdentifierKind;

/// One order as the shop sees it.
pub struct Order {
    pub identifiers: Vec<(IdentifierKind, String)>,
    pub amount_minor: i64,
    pub currency: &'static str,
    pub channel: &'static str,
    pub country: &'static str,
    pub customer_ref: String,
    pub transaction_ref: String,
    /// Number of the fraudster behind it; none for an honest customer.
    pub fraudster: Option<usize>,
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order").field("transaction_ref", &self.transaction_ref).finish_non_exhaustive()
    }
}

impl World {
    /// `count` orders of a shop, `fraud_per_mille` of them by fraudsters, who come back with some of their identifiers
    /// and some fresh ones.
    pub fn orders(&self, count: usize, fraud_per_mille: u32) -> Vec<Order> {
        let mut rng = self.rng_for("orders", 0);
        (0..count)
            .map(|number| {
                let fraudulent = !self.fraudsters.is_empty() && rng.random_range(0..1000) < fraud_per_mille;
                if fraudulent || self.honest.is_empty() {
                    self.fraudulent_order(&mut rng, number)
                } else {
                    self.honest_order(&mut rng, number)
                }
            })
            .collect()
    }

    fn honest_order(&self, rng: &mut ChaCha20Rng, number: usize) -> Order {
        // In turn: who orders much oftener than others within a minute is unusual, and the shop would ask.
        let customer = number % self.honest.len();
        let person = &self.honest[customer];
        let kinds = [IdentifierKind::Email, IdentifierKind::Phone, IdentifierKind::Device, IdentifierKind::Ip];
        let mut identifiers = of_kinds(person, &kinds);
        identifiers.push(payment(rng, person));
        order(rng, number, person, identifiers, 900..25_000, format!("c-{customer}"), None)
    }

    fn fraudulent_order(&self, rng: &mut ChaCha20Rng, number: usize) -> Order {
        let fraudster = rng.random_range(0..self.fraudsters.len());
        let person = &self.fraudsters[fraudster];
        let flagged = SCHEMES[fraudster % SCHEMES.len()].kinds;
        let kept = pick(rng, flagged);
        let mut identifiers = of_kinds(person, &[kept]);
        for kind in [IdentifierKind::Email, IdentifierKind::Phone, IdentifierKind::Device, IdentifierKind::Ip] {
            if kind == kept {
                continue;
            }
            let value = if rng.random_bool(0.3) { person.value(kind).map(str::to_owned) } else { None };
            let fresh = value.unwrap_or_else(|| fresh(rng, kind, person.country, number));
            identifiers.push((kind, fresh));
        }
        if !matches!(kept, IdentifierKind::Pan | IdentifierKind::Iban) {
            identifiers.push((IdentifierKind::Pan, values::card(rng)));
        }
        order(rng, number, person, identifiers, 9_000..80_000, format!("g-{number}"), Some(fraudster))
    }
}

pub(in crate::app::demo) fn of_kinds(person: &Person, kinds: &[IdentifierKind]) -> Vec<(IdentifierKind, String)> {
    kinds.iter().filter_map(|kind| person.value(*kind).map(|value| (*kind, value.to_owned()))).collect()
}

/// Most pay by card, some by direct debit.
fn payment(rng: &mut ChaCha20Rng, person: &Person) -> (IdentifierKind, String) {
    if rng.random_bool(0.85) {
        (IdentifierKind::Pan, person.card.clone())
    } else {
        (IdentifierKind::Iban, person.iban.clone())
    }
}

fn fresh(rng: &mut ChaCha20Rng, kind: IdentifierKind, country: Country, number: usize) -> String {
    match kind {
        IdentifierKind::Email => values::email(rng, FRESH_NUMBERS + number),
        IdentifierKind::Phone => values::phone(rng, &country),
        IdentifierKind::Ip => values::ip(rng),
        _ => values::device(rng),
    }
}

/// Numbers in the e-mail addresses of throw-away accounts start here, beyond those of people.
const FRESH_NUMBERS: usize = 10_000_000;

fn order(
    rng: &mut ChaCha20Rng,
    number: usize,
    person: &Person,
    identifiers: Vec<(IdentifierKind, String)>,
    amount: Range<i64>,
    customer_ref: String,
    fraudster: Option<usize>,
) -> Order {
    Order {
        identifiers,
        amount_minor: rng.random_range(amount),
        currency: person.country.currency,
        channel: pick(rng, &["web", "web", "app"]),
        country: person.country.code,
        customer_ref,
        transaction_ref: format!("o-{number}"),
        fraudster,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::time::Timestamp;

    #[test]
    fn honest_orders_carry_nothing_that_is_flagged_and_fraudulent_ones_do() {
        let world = World::new(3, 500, 200);
        let flagged: BTreeSet<(IdentifierKind, String)> = world
            .flags("a", 0, 200, Timestamp::from_unix_s(1_795_000_000))
            .into_iter()
            .map(|flag| (flag.kind, flag.value))
            .collect();
        let orders = world.orders(3_000, 50);
        assert!(orders.iter().any(|order| order.fraudster.is_some()));
        for order in orders {
            let hit = order.identifiers.iter().any(|identifier| flagged.contains(identifier));
            assert_eq!(hit, order.fraudster.is_some(), "{}", order.transaction_ref);
        }
    }
}
