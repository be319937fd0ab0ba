//! Where the time of a screening goes: canonical forms by kind, guard lists, pseudonyms.

use std::hint::black_box;

use hushwire::base::epoch::KeyEpoch;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::name::ConsortiumId;
use hushwire::base::secret::SecretBytes;
use hushwire::domain::identifier::guard::GuardLists;
use hushwire::domain::identifier::{CanonRules, CanonicalIdentifier, RawIdentifier, canonicalise};
use hushwire::domain::pseudonym::keys::{EpochKeys, EpochSecret};
use hushwire::io::random;

use crate::figure::{Book, Sample, Target};
use crate::screening::{ROUNDS, rounds};
use crate::{Fault, world};

const KINDS: [IdentifierKind; 6] = [
    IdentifierKind::Pan,
    IdentifierKind::Iban,
    IdentifierKind::Email,
    IdentifierKind::Phone,
    IdentifierKind::Device,
    IdentifierKind::Ip,
];
const PEOPLE: usize = 4_096;
const OPERATIONS: usize = 200_000;

pub fn measure(book: &mut Book) -> Result<(), Fault> {
    let people = world::people(3, PEOPLE);
    let rules = CanonRules::default();
    let guard = GuardLists::built_in();
    let consortium: ConsortiumId = "bench.hushwire.example".parse()?;
    let keys = EpochKeys::derive(&consortium, KeyEpoch(1), &EpochSecret::new(SecretBytes::new(random::bytes())));
    let operations = u64::try_from(OPERATIONS)?;
    let mut note = |part: &str, what: &str, us: f64| {
        let sample = Sample { value: us * 1_000.0, n: operations, rounds: ROUNDS };
        book.note((&format!("screening.part_{part}"), what), sample, "ns CPU", Target::None, "")
    };
    for kind in KINDS {
        let raw: Vec<RawIdentifier> =
            people.iter().map(|person| RawIdentifier::new(kind, world::value(person, kind).to_owned())).collect();
        let us = rounds(operations, || {
            for raw in raw.iter().cycle().take(OPERATIONS) {
                black_box(canonicalise(black_box(raw), &rules)?);
            }
            Ok(())
        })?;
        note(&format!("canonical_{kind}"), &format!("canonical forms of one {kind}"), us)?;
        let canonical: Vec<Vec<CanonicalIdentifier>> =
            raw.iter().map(|raw| canonicalise(raw, &rules)).collect::<Result<_, _>>()?;
        let us = rounds(operations, || {
            for canonical in canonical.iter().flatten().cycle().take(OPERATIONS) {
                black_box(guard.grade(black_box(canonical)));
            }
            Ok(())
        })?;
        note(&format!("guard_{kind}"), &format!("guard lists on one {kind}"), us)?;
        let us = rounds(operations, || {
            for canonical in canonical.iter().flatten().cycle().take(OPERATIONS) {
                black_box(keys.pseudonym(black_box(canonical)));
            }
            Ok(())
        })?;
        note(&format!("pseudonym_{kind}"), &format!("one pseudonym of one {kind}"), us)?;
    }
    Ok(())
}
