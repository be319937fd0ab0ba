//! A seeded generator of an invented world: people, fraudsters among them, what banks report and what a shop sells.
//!
//! The same seed gives the same world. Everything is invented; no value was ever taken from a person, and none stands on
//! the guard lists that ship with the node. What the demonstration does with it is told in its own files.

pub mod orders;
mod values;

use std::collections::BTreeSet;
use std::fmt;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::app::demo::generator::values::{COUNTRIES, Country, pick};
use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;

/// First line of a publish file; the names are the fields of `hushwire publish`.
pub const PUBLISH_HEADER: [&str; 10] = [
    "kind",
    "value",
    "typology",
    "severity",
    "confidence",
    "grounds",
    "observed_at",
    "valid_until",
    "note",
    "source_ref",
];

/// An invented person with the identifiers a shop or a bank would know.
pub struct Person {
    pub card: String,
    pub iban: String,
    pub email: String,
    pub phone: String,
    pub device: String,
    pub ip: String,
    pub country: Country,
}

/// Shows where the person lives, never the identifiers: habits of a demo become habits of a product.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("country", &self.country.code).finish_non_exhaustive()
    }
}

impl Person {
    fn value(&self, kind: IdentifierKind) -> Option<&str> {
        match kind {
            IdentifierKind::Pan => Some(&self.card),
            IdentifierKind::Iban => Some(&self.iban),
            IdentifierKind::Email => Some(&self.email),
            IdentifierKind::Phone => Some(&self.phone),
            IdentifierKind::Device => Some(&self.device),
            IdentifierKind::Ip => Some(&self.ip),
            IdentifierKind::Account
            | IdentifierKind::Mailbox
            | IdentifierKind::Ip6Net
            | IdentifierKind::Wallet
            | IdentifierKind::Domain
            | IdentifierKind::Url
            | IdentifierKind::Address
            | IdentifierKind::Merchant
            | IdentifierKind::Par
            | IdentifierKind::Token => None,
        }
    }
}

/// One row of a publish file: what a bank says of one identifier.
pub struct Flag {
    /// Number of the fraudster it is about.
    pub fraudster: usize,
    pub kind: IdentifierKind,
    pub value: String,
    pub typology: &'static str,
    pub severity: &'static str,
    pub confidence: u8,
    pub grounds: &'static str,
    pub observed_at: Timestamp,
    pub valid_until: Timestamp,
    pub note: &'static str,
    pub source_ref: String,
}

impl fmt::Debug for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flag").field("kind", &self.kind).field("typology", &self.typology).finish_non_exhaustive()
    }
}

/// How a kind of fraud shows: its name in MITRE F3, how bad it is, and the identifiers it leaves behind.
struct Scheme {
    typology: &'static str,
    severity: &'static str,
    note: &'static str,
    kinds: &'static [IdentifierKind],
}

const SCHEMES: [Scheme; 4] = [
    Scheme {
        typology: "F1012",
        severity: "medium",
        note: "card testing, many small attempts",
        kinds: &[IdentifierKind::Pan, IdentifierKind::Device, IdentifierKind::Ip],
    },
    Scheme {
        typology: "F1006",
        severity: "high",
        note: "account takeover after a password reset",
        kinds: &[IdentifierKind::Email, IdentifierKind::Phone, IdentifierKind::Device],
    },
    Scheme {
        typology: "F1047",
        severity: "high",
        note: "money moved on within minutes",
        kinds: &[IdentifierKind::Iban, IdentifierKind::Phone, IdentifierKind::Email],
    },
    Scheme {
        typology: "F1028",
        severity: "high",
        note: "goods ordered with a stolen card",
        kinds: &[IdentifierKind::Pan, IdentifierKind::Email, IdentifierKind::Phone, IdentifierKind::Device],
    },
];

/// The invented world.
#[derive(Debug)]
pub struct World {
    pub honest: Vec<Person>,
    pub fraudsters: Vec<Person>,
    seed: u64,
}

impl World {
    /// Draws `honest` and `fraudsters` people, no two of whom share an identifier.
    pub fn new(seed: u64, honest: usize, fraudsters: usize) -> Self {
        let mut draw = Draw { rng: ChaCha20Rng::seed_from_u64(seed), taken: BTreeSet::new() };
        let mut people: Vec<Person> = (0..honest + fraudsters).map(|number| draw.person(number)).collect();
        let fraudsters = people.split_off(honest);
        Self { honest: people, fraudsters, seed }
    }

    /// What a bank reports of the fraudsters `first..first + count`: three to four identifiers each, observed in the
    /// fortnight before `now`, valid for sixty days.
    pub fn flags(&self, bank: &str, first: usize, count: usize, now: Timestamp) -> Vec<Flag> {
        let mut flags = Vec::new();
        for (number, person) in self.fraudsters.iter().enumerate().skip(first).take(count) {
            // One generator a person and bank: a second bank sees the same fraud, with its own eyes.
            let mut rng = self.rng_for(bank, number);
            let scheme = &SCHEMES[number % SCHEMES.len()];
            let observed_at = Timestamp::from_unix_s(now.unix_s() - rng.random_range(3_600..14 * 86_400u64));
            let grounds = pick(&mut rng, &["own_confirmed", "own_confirmed", "customer_report"]);
            for kind in scheme.kinds {
                let value = person.value(*kind).expect("schemes use kinds that people have");
                flags.push(Flag {
                    fraudster: number,
                    kind: *kind,
                    value: value.to_owned(),
                    typology: scheme.typology,
                    severity: scheme.severity,
                    confidence: rng.random_range(70..=95),
                    grounds,
                    observed_at,
                    valid_until: now.plus_s(60 * 86_400),
                    note: scheme.note,
                    source_ref: format!("{bank}-case-{number}"),
                });
            }
        }
        flags
    }

    fn rng_for(&self, purpose: &str, number: usize) -> ChaCha20Rng {
        let number = u64::try_from(number).expect("indices fit 64 bits");
        // FNV-1a: all that is needed is that purposes and numbers draw from different streams.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        let stream = purpose.bytes().chain(number.to_be_bytes()).fold(0xCBF2_9CE4_8422_2325, mix);
        let mut rng = ChaCha20Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        rng
    }
}

/// Draws people and remembers what was given out.
struct Draw {
    rng: ChaCha20Rng,
    taken: BTreeSet<String>,
}

impl Draw {
    fn person(&mut self, number: usize) -> Person {
        let country = pick(&mut self.rng, &COUNTRIES);
        Person {
            card: self.unlike_any(values::card),
            iban: self.unlike_any(|rng| values::iban(rng, &country)),
            email: values::email(&mut self.rng, number),
            phone: self.unlike_any(|rng| values::phone(rng, &country)),
            device: self.unlike_any(values::device),
            ip: self.unlike_any(values::ip),
            country,
        }
    }

    fn unlike_any(&mut self, draw: impl Fn(&mut ChaCha20Rng) -> String) -> String {
        loop {
            let value = draw(&mut self.rng);
            if self.taken.insert(value.clone()) {
                return value;
            }
        }
    }
}

/// The flags as a file for `hushwire publish`.
pub fn publish_csv(flags: &[Flag]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(PUBLISH_HEADER)?;
    for flag in flags {
        writer.write_record([
            flag.kind.label(),
            &flag.value,
            flag.typology,
            flag.severity,
            &flag.confidence.to_string(),
            flag.grounds,
            &flag.observed_at.to_string(),
            &flag.valid_until.to_string(),
            flag.note,
            &flag.source_ref,
        ])?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8(bytes).expect("every field was a string"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::demo::generator::orders::of_kinds;
    use crate::domain::identifier::guard::{Grade, GuardLists};
    use crate::domain::identifier::text::looks_like_identifier;
    use crate::domain::identifier::{CanonRules, RawIdentifier, canonicalise, sandbox};

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    #[test]
    fn the_same_seed_gives_the_same_world() {
        let file = |seed| publish_csv(&World::new(seed, 10, 40).flags("a", 0, 40, NOW)).expect("writes");
        assert_eq!(file(7), file(7));
        assert_ne!(file(7), file(8));
    }

    #[test]
    fn no_two_people_share_an_identifier() {
        let world = World::new(1, 2_000, 1_000);
        let mut seen = BTreeSet::new();
        for person in world.honest.iter().chain(&world.fraudsters) {
            for kind in IdentifierKind::ALL {
                assert!(person.value(kind).is_none_or(|value| seen.insert(value.to_owned())), "{kind}");
            }
        }
    }

    #[test]
    fn every_value_has_a_canonical_form_and_stands_on_no_guard_list() {
        let guard = GuardLists::built_in();
        let world = World::new(9, 300, 100);
        let of_people =
            world.honest.iter().chain(&world.fraudsters).flat_map(|person| of_kinds(person, &IdentifierKind::ALL));
        let of_orders = world.orders(300, 300).into_iter().flat_map(|order| order.identifiers);
        for (kind, value) in of_people.chain(of_orders) {
            let raw = RawIdentifier::new(kind, value.clone());
            let canonical = canonicalise(&raw, &CanonRules::default()).map_err(|error| format!("{value}: {error}"));
            for identifier in canonical.expect("has a canonical form") {
                assert!(matches!(guard.grade(&identifier), Grade::Clear), "{kind} {value}");
                assert!(sandbox::outcome(&identifier).is_none(), "{kind} {value} is a sandbox value");
            }
        }
    }

    #[test]
    fn notes_and_references_hold_nothing_that_looks_like_an_identifier() {
        for flag in World::new(9, 0, 100).flags("bank-a", 0, 100, NOW) {
            assert_eq!(looks_like_identifier(flag.note), None, "{}", flag.note);
            assert_eq!(looks_like_identifier(&flag.source_ref), None, "{}", flag.source_ref);
        }
    }

    #[test]
    fn a_second_bank_reports_the_same_identifiers_under_its_own_cases() {
        let world = World::new(4, 0, 20);
        let (a, b) = (world.flags("a", 0, 20, NOW), world.flags("b", 5, 5, NOW));
        assert!(b.iter().all(|flag| a.iter().any(|other| (other.kind, &other.value) == (flag.kind, &flag.value))));
        assert!(b.iter().all(|flag| flag.source_ref.starts_with("b-case-")));
    }

    #[test]
    fn the_publish_file_has_the_header_and_one_row_a_flag() {
        let flags = World::new(5, 0, 8).flags("a", 0, 8, NOW);
        let file = publish_csv(&flags).expect("writes");
        let mut reader = csv::Reader::from_reader(file.as_bytes());
        assert_eq!(reader.headers().expect("has a header"), PUBLISH_HEADER.as_slice());
        assert_eq!(reader.records().filter(Result::is_ok).count(), flags.len());
    }
}
