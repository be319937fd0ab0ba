//! What profiles add to a screening: names, facts before the decision, the order taken in after it; and their memory.

use std::hint::black_box;

use hushwire::base::kind::IdentifierKind;
use hushwire::base::secret::SecretBytes;
use hushwire::domain::identifier::guard::GuardLists;
use hushwire::domain::identifier::{CanonRules, RawIdentifier};
use hushwire::domain::profile::event::{ProfileEvent, ReferenceMark, Standing};
use hushwire::domain::profile::key::ProfileKey;
use hushwire::domain::profile::person::Profile;
use hushwire::domain::screening::customer::profile_event;
use hushwire::domain::screening::decision::Decision;
use hushwire::domain::screening::transaction::{CustomerRef, Transaction, TransactionDraft, TransactionRef};
use hushwire::io::profiles::{ProfileBounds, Profiles};
use hushwire::io::{clock, random};

use crate::Fault;
use crate::figure::{Book, Sample, Target};
use crate::measure::{per, resident_bytes};
use crate::screening::{ROUNDS, rounds};

const CUSTOMERS: usize = 30_000;

/// Ten of each customer: more than are known again, so that no round repeats an order.
const ORDERS: u64 = 300_000;

pub fn measure(book: &mut Book) -> Result<(), Fault> {
    let (canon, guard) = (CanonRules::default(), GuardLists::built_in());
    let orders = orders()?;
    let mut note = |name: &str, what: &str, ns: f64, most: Target| {
        let sample = Sample { value: ns, n: ORDERS, rounds: ROUNDS };
        book.note((&format!("screening.profile_{name}"), what), sample, "ns CPU", most, "")
    };
    let key = ProfileKey::new(&SecretBytes::new(random::bytes()));
    let us = rounds(ORDERS, || {
        for order in &orders {
            black_box(profile_event(black_box(order), &key, &canon, &guard));
        }
        Ok(())
    })?;
    note("names", "keyed names of an order's device and reference", us * 1_000.0, Target::None)?;

    let first = orders.first().ok_or("there are orders")?;
    let event = profile_event(first, &key, &canon, &guard);
    let mut profile = Profile::of_stranger(&event, clock::now());
    let us = rounds(ORDERS, || order_again(&mut profile, &event))?;
    note("facts", "facts of an order, and the order taken in, of one profile", us * 1_000.0, Target::AtMost(1_000.0))?;

    let before = resident_bytes("self")?;
    let bounds = ProfileBounds { customers: 2 * CUSTOMERS, retention_days: 396 };
    let profiles = Profiles::new(key, bounds);
    profiles.all_read();
    let us = rounds(ORDERS, || {
        for order in &orders {
            let asked = profiles.ask(order, &canon, &guard, order.time()).ok_or("the customer is named")?;
            profiles.take(asked, Decision::Allow, [0; 16], order.time());
        }
        Ok(())
    })?;
    note("whole", "all that profiles add to a screening, 30,000 customers", us * 1_000.0, Target::None)?;
    let held = resident_bytes("self")?.saturating_sub(before);
    let customers = u64::try_from(profiles.held().0)?;
    book.note(
        ("screening.profile_memory", "memory of one customer's profile"),
        Sample { value: per(held, customers), n: customers, rounds: 1 },
        "bytes",
        Target::AtMost(400.0),
        "70 orders of each",
    )
}

/// The same order under another reference each time.
fn order_again(profile: &mut Profile, event: &ProfileEvent) -> Result<(), Fault> {
    let mut event = *event;
    for number in 0..u32::try_from(ORDERS)? {
        event.reference = Some(ReferenceMark::new(number << 1));
        black_box(profile.facts(black_box(&event), event.time));
        profile.observe(black_box(&event), Standing::Passed, event.time);
    }
    Ok(())
}

/// Orders, customer after customer.
fn orders() -> Result<Vec<Transaction>, Fault> {
    let now = clock::now();
    let order = |number: usize| {
        let draft = TransactionDraft {
            identifiers: vec![RawIdentifier::new(
                IdentifierKind::Device,
                format!("bench-device-{:06}", number % CUSTOMERS),
            )],
            amount_minor: i64::try_from(2_000 + number % 900)?,
            currency: "EUR".to_owned(),
            country: "DE".to_owned(),
            customer_ref: CustomerRef::new(format!("c-{}", number % CUSTOMERS)),
            transaction_ref: TransactionRef::new(format!("o-{number}")),
            merchant_category: "5411".to_owned(),
            ..TransactionDraft::default()
        };
        Ok(Transaction::new(draft, now)?)
    };
    (0..usize::try_from(ORDERS)?).map(order).collect()
}
