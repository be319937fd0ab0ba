//! Payment cards: the number on the card (ISO/IEC 7812) and the payment account reference behind it (EMVCo).

use zeroize::Zeroizing;

use crate::domain::identifier::fold::{Meaning, meaning};
use crate::domain::identifier::rule::IdentifierRule;

/// Shortest and longest card number; ISO/IEC 7812 ends at 19 digits, Maestro begins at 12.
const PAN_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// EMVCo fixes 29 characters.
const PAR_CHARACTERS: usize = 29;

/// 12 to 19 digits without separators, Luhn valid.
pub(super) fn pan(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let mut digits = Zeroizing::new(String::with_capacity(*PAN_DIGITS.end()));
    for character in text.chars() {
        match meaning(character) {
            Meaning::Ascii(digit) if digit.is_ascii_digit() => {
                if digits.len() == *PAN_DIGITS.end() {
                    return Err(IdentifierRule::Length);
                }
                digits.push(char::from(digit));
            }
            Meaning::Space | Meaning::Dash | Meaning::Invisible => {}
            Meaning::Ascii(_) | Meaning::Foreign => return Err(IdentifierRule::Characters),
        }
    }
    if digits.is_empty() {
        return Err(IdentifierRule::Empty);
    }
    if !PAN_DIGITS.contains(&digits.len()) {
        return Err(IdentifierRule::Length);
    }
    if !luhn_valid(digits.as_bytes()) {
        return Err(IdentifierRule::CardLuhn);
    }
    Ok(digits)
}

/// Whether ASCII digits carry a right Luhn check digit (ISO/IEC 7812-1 annex B).
pub(super) fn luhn_valid(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0');
            match (place % 2 == 1, value * 2) {
                (false, _) => value,
                (true, doubled) if doubled > 9 => doubled - 9,
                (true, doubled) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// 29 upper-case letters and digits.
pub(super) fn par(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let mut reference = Zeroizing::new(String::with_capacity(PAR_CHARACTERS));
    for character in text.chars() {
        match meaning(character) {
            Meaning::Ascii(byte) if byte.is_ascii_alphanumeric() => {
                if reference.len() == PAR_CHARACTERS {
                    return Err(IdentifierRule::Length);
                }
                reference.push(char::from(byte.to_ascii_uppercase()));
            }
            Meaning::Space | Meaning::Invisible => {}
            Meaning::Ascii(_) | Meaning::Dash | Meaning::Foreign => return Err(IdentifierRule::Characters),
        }
    }
    match reference.len() {
        0 => Err(IdentifierRule::Empty),
        PAR_CHARACTERS => Ok(reference),
        _ => Err(IdentifierRule::Length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_its_digits_and_only_a_right_check_digit_passes() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(pan(text), expected.map(|form| Zeroizing::new(form.to_owned())))
        };
        check("4111 1111 1111 1111", Ok("4111111111111111"));
        check("4111-1111-1111-1111", Ok("4111111111111111"));
        check("4111\u{00A0}1111\u{2013}1111\u{200B}1111", Ok("4111111111111111"));
        check("４１１１１１１１１１１１１１１１", Ok("4111111111111111"));
        check("378282246310005", Ok("378282246310005"));
        check("", Err(IdentifierRule::Empty));
        check(" - ", Err(IdentifierRule::Empty));
        check("4111111111111112", Err(IdentifierRule::CardLuhn));
        check("41111111111", Err(IdentifierRule::Length));
        check("41111111111111111111", Err(IdentifierRule::Length));
        check("4111.1111.1111.1111", Err(IdentifierRule::Characters));
        check("4111x11111111111", Err(IdentifierRule::Characters));
    }

    #[test]
    fn a_payment_account_reference_has_29_upper_case_characters() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(par(text), expected.map(|form| Zeroizing::new(form.to_owned())))
        };
        check(" q1hjza0nbf6lk7mt8xw2ye3rcv4d5 ", Ok("Q1HJZA0NBF6LK7MT8XW2YE3RCV4D5"));
        check("Q1HJZA0NBF6LK7MT8XW2YE3RCV4D", Err(IdentifierRule::Length));
        check("Q1HJZA0NBF6LK7MT8XW2YE3RCV4D5X", Err(IdentifierRule::Length));
        check("Q1HJZA0NBF6LK7MT8XW2YE3RCV4-5", Err(IdentifierRule::Characters));
        check(" ", Err(IdentifierRule::Empty));
    }
}
