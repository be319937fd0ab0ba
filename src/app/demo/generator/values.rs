//! Invented identifiers that are well-formed: cards with a Luhn digit, IBANs with theirs, phone numbers a numbering plan
//! could hold. All come from a seeded generator; none was ever taken from a person.

use rand::RngExt;
use rand_chacha::ChaCha20Rng;

/// What the values of one country look like.
#[derive(Debug, Clone, Copy)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub code: &'static str,
    /// ISO 4217.
    pub currency: &'static str,
    /// Calling code and operator prefix of a mobile number outside the ranges reserved for fiction.
    phone_prefix: &'static str,
    /// Digits after the prefix.
    phone_digits: usize,
    /// Letters, then digits, of the national part of an IBAN.
    iban_letters: &'static str,
    iban_digits: usize,
}

const fn country(
    code: &'static str,
    currency: &'static str,
    (phone_prefix, phone_digits): (&'static str, usize),
    (iban_letters, iban_digits): (&'static str, usize),
) -> Country {
    Country { code, currency, phone_prefix, phone_digits, iban_letters, iban_digits }
}

/// Letters of banks that do not exist; where a national part starts with digits they are drawn.
pub const COUNTRIES: [Country; 7] = [
    country("DE", "EUR", ("+49151", 8), ("", 18)),
    country("GB", "GBP", ("+447401", 6), ("HWQA", 14)),
    country("NL", "EUR", ("+3161", 7), ("HWQB", 10)),
    country("AT", "EUR", ("+43664", 7), ("", 16)),
    country("SE", "SEK", ("+46702", 6), ("", 20)),
    country("IE", "EUR", ("+353872", 6), ("HWQC", 14)),
    country("CH", "CHF", ("+41791", 6), ("", 17)),
];

/// First and last six-digit prefix of an issuer range, and the length of its numbers.
const CARD_RANGES: [(u32, u32, usize); 6] = [
    (402_000, 409_999, 16),
    (431_000, 489_999, 16),
    (510_000, 559_999, 16),
    (222_100, 272_099, 16),
    (341_000, 349_999, 15),
    (372_000, 377_999, 15),
];

const FIRST_NAMES: [&str; 24] = [
    "mara", "jonas", "aylin", "pieter", "sofia", "liam", "nora", "emil", "chiara", "oskar", "freya", "matteo", "ines",
    "tomasz", "greta", "hugo", "amina", "lukas", "elin", "rafael", "zoe", "mikkel", "leila", "victor",
];

const LAST_NAMES: [&str; 24] = [
    "lindqvist",
    "bakker",
    "yildiz",
    "hofer",
    "moreau",
    "kelly",
    "sandberg",
    "novak",
    "rossi",
    "keller",
    "dubois",
    "jansen",
    "murphy",
    "weber",
    "costa",
    "nilsson",
    "huber",
    "taylor",
    "visser",
    "meier",
    "brennan",
    "fischer",
    "svensson",
    "gruber",
];

const MAIL_DOMAINS: [&str; 8] =
    ["gmail.com", "outlook.com", "gmx.de", "yahoo.com", "proton.me", "icloud.com", "posteo.de", "hotmail.com"];

/// First bytes of address blocks handed to access providers.
const IP_FIRST_BYTES: [u8; 8] = [77, 79, 82, 84, 86, 90, 178, 188];

fn digits(rng: &mut ChaCha20Rng, count: usize) -> String {
    (0..count).map(|_| char::from(b'0' + rng.random_range(0..10u8))).collect()
}

/// One of `choices`.
pub fn pick<T: Copy>(rng: &mut ChaCha20Rng, choices: &[T]) -> T {
    choices[rng.random_range(0..choices.len())]
}

/// A card number with its Luhn digit.
pub fn card(rng: &mut ChaCha20Rng) -> String {
    let (first, last, length) = pick(rng, &CARD_RANGES);
    let mut number = rng.random_range(first..=last).to_string();
    number.push_str(&digits(rng, length - 1 - number.len()));
    let check = luhn_digit(&number);
    number.push(check);
    number
}

/// The digit that makes the sum of all digits, every second doubled from the right, a multiple of ten.
fn luhn_digit(number: &str) -> char {
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(position, byte)| {
            let digit = u32::from(byte - b'0');
            let doubled = digit * 2;
            match position % 2 {
                0 if doubled > 9 => doubled - 9,
                0 => doubled,
                _ => digit,
            }
        })
        .sum();
    char::from_digit((10 - sum % 10) % 10, 10).expect("below ten")
}

/// An IBAN of the country with its two check digits (ISO 13616).
pub fn iban(rng: &mut ChaCha20Rng, country: &Country) -> String {
    let national = format!("{}{}", country.iban_letters, digits(rng, country.iban_digits));
    let check = 98 - remainder_97(&format!("{national}{}00", country.code));
    format!("{}{check:02}{national}", country.code)
}

/// The text read as a number, letters as 10 to 35, modulo 97.
fn remainder_97(text: &str) -> u32 {
    text.chars().fold(0, |remainder, character| {
        let value = character.to_digit(36).expect("letters and digits");
        let shifted = if value < 10 { remainder * 10 } else { remainder * 100 };
        (shifted + value) % 97
    })
}

/// A mobile number in E.164.
pub fn phone(rng: &mut ChaCha20Rng, country: &Country) -> String {
    // The first digit after a prefix is never 0 or 1: some plans keep those back.
    let first = rng.random_range(2..10u8);
    format!("{}{first}{}", country.phone_prefix, digits(rng, country.phone_digits - 1))
}

/// An address whose number makes it unlike any other person's.
pub fn email(rng: &mut ChaCha20Rng, number: usize) -> String {
    let (first, last, domain) = (pick(rng, &FIRST_NAMES), pick(rng, &LAST_NAMES), pick(rng, &MAIL_DOMAINS));
    format!("{first}.{last}{number}@{domain}")
}

/// An identifier as an application would issue it to an installation (UUID, version 4).
pub fn device(rng: &mut ChaCha20Rng) -> String {
    let hex = hex::encode(rng.random::<[u8; 16]>());
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// A public IPv4 address of a household.
pub fn ip(rng: &mut ChaCha20Rng) -> String {
    let first = pick(rng, &IP_FIRST_BYTES);
    let [second, third]: [u8; 2] = rng.random();
    format!("{first}.{second}.{third}.{}", rng.random_range(1..255u8))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rlibphonenumber::PHONE_NUMBER_UTIL;

    use super::*;

    #[test]
    fn check_digits_are_those_of_published_examples() {
        assert_eq!(luhn_digit("7992739871"), '3');
        assert_eq!(remainder_97("WEST12345698765432GB82"), 1);
    }

    #[test]
    fn ibans_are_valid_for_an_independent_library() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for country in COUNTRIES {
            for _ in 0..200 {
                let iban = iban(&mut rng, &country);
                assert!(iban.parse::<iban::Iban>().is_ok(), "{} {iban}", country.code);
            }
        }
    }

    #[test]
    fn phone_numbers_are_valid_for_libphonenumber() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for country in COUNTRIES {
            for _ in 0..200 {
                let phone = phone(&mut rng, &country);
                let parsed = PHONE_NUMBER_UTIL.parse(&phone, None).expect("parses");
                assert!(PHONE_NUMBER_UTIL.is_valid_number(&parsed), "{} {phone}", country.code);
            }
        }
    }
}
