//! The policy that ships, decided on facts that are there already: what rules add to a screening.

use std::hint::black_box;

use hushwire::base::kind::IdentifierKind;
use hushwire::base::time::Timestamp;
use hushwire::domain::belief::parties::MemberNumber;
use hushwire::domain::indicator::typology::Typology;
use hushwire::domain::indicator::words::Severity;
use hushwire::domain::profile::facts::ProfileFacts;
use hushwire::domain::screening::finding::{Finding, Voice};
use hushwire::domain::screening::freshness::Freshness;
use hushwire::domain::screening::policy::Policy;
use hushwire::domain::screening::policy::facts::{Conditions, Facts};
use hushwire::domain::screening::transaction::Transaction;

use crate::Fault;
use crate::figure::{Book, Sample, Target};
use crate::screening::{ROUNDS, rounds};

const DECISIONS: u64 = 1_000_000;

/// An ordinary order of a customer whose habits are known, and up to five flagged identifiers.
pub fn measure(
    book: &mut Book,
    policy: &Policy,
    member: MemberNumber,
    transaction: &Transaction,
    now: Timestamp,
) -> Result<(), Fault> {
    let profile = ProfileFacts {
        named: true,
        orders: 40,
        age_days: 400,
        usual_country_percent: 97,
        amount_percent_of_median: 110,
        count_1m: 1,
        count_1h: 1,
        count_24h: 1,
        count_7d: 2,
        ..ProfileFacts::default()
    };
    let kinds = [
        IdentifierKind::Email,
        IdentifierKind::Device,
        IdentifierKind::Phone,
        IdentifierKind::Iban,
        IdentifierKind::Pan,
    ];
    for (matches, what) in [(0, "nothing matched"), (1, "one identifier matched"), (5, "five identifiers matched")] {
        let findings = kinds.iter().take(matches).enumerate().map(|(identifier, kind)| {
            let voice = Voice {
                member,
                kind: *kind,
                weak: false,
                provisional: false,
                stale: false,
                disputed: false,
                faint: false,
                own: false,
                typology: Typology::well_formed("F1012")?,
                severity: Severity::High,
                confidence: 80,
                first_seen: now,
            };
            Ok(Finding { identifier, kind: *kind, sandbox: None, own_listing: None, voices: vec![voice] })
        });
        let findings: Vec<Finding> = findings.collect::<Result<_, Fault>>()?;
        let freshness = Freshness::default();
        let us = rounds(DECISIONS, || {
            for _ in 0..DECISIONS {
                let facts = Facts::new(transaction, &findings, &profile, &freshness, Conditions::default(), now);
                black_box(policy.decide(black_box(&findings), &facts, now));
            }
            Ok(())
        })?;
        book.note(
            (&format!("policy.decide_{matches}"), &format!("decision by the policy that ships, {what}")),
            Sample { value: us, n: DECISIONS, rounds: ROUNDS },
            "µs CPU",
            if matches == 0 { Target::AtMost(2.0) } else { Target::None },
            "facts and decision, without look-ups",
        )?;
    }
    Ok(())
}
