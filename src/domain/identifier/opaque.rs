//! Identifiers whose inner form is their issuer's affair: devices, merchants and terminals, tokens of cards.

use zeroize::Zeroizing;

use crate::domain::identifier::fold::trimmed;
use crate::domain::identifier::rule::IdentifierRule;

/// Below 8 bytes a device identifier is guessable and collides; above 128 it is no identifier.
const DEVICE_BYTES: std::ops::RangeInclusive<usize> = 8..=128;

/// Merchant and terminal ids have 8 to 15 characters (ISO 8583); schemes of their own have longer ones.
const MERCHANT_ID_BYTES: std::ops::RangeInclusive<usize> = 1..=64;

/// Network tokens have up to 19 digits, those of payment services up to a few dozen characters.
const TOKEN_BYTES: std::ops::RangeInclusive<usize> = 1..=128;

const SCHEME_BYTES: std::ops::RangeInclusive<usize> = 1..=32;

/// Printable ASCII, trimmed, case kept: an issuer may tell `a` from `A`, so folding could join two devices.
pub(super) fn device(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let device = trimmed(text);
    if device.is_empty() {
        return Err(IdentifierRule::Empty);
    }
    if !device.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(IdentifierRule::Characters);
    }
    if !DEVICE_BYTES.contains(&device.len()) {
        return Err(IdentifierRule::Length);
    }
    Ok(Zeroizing::new(device.to_owned()))
}

/// `scheme:id`, e.g. `visa:445478810013`.
pub(super) fn merchant(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    scheme_and_value(text, MERCHANT_ID_BYTES)
}

/// `scheme:value`; tokens of different schemes never match, so the scheme is part of the form.
pub(super) fn token(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    scheme_and_value(text, TOKEN_BYTES)
}

fn scheme_and_value(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Result<Zeroizing<String>, IdentifierRule> {
    let text = trimmed(text);
    if text.is_empty() {
        return Err(IdentifierRule::Empty);
    }
    let (scheme, value) = text.split_once(':').ok_or(IdentifierRule::Parts)?;
    let (scheme, value) = (trimmed(scheme), trimmed(value));
    let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !SCHEME_BYTES.contains(&scheme.len()) || !scheme.bytes().all(in_scheme) {
        return Err(IdentifierRule::Scheme);
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(IdentifierRule::Characters);
    }
    if !lengths.contains(&value.len()) {
        return Err(IdentifierRule::Length);
    }
    let mut canonical = Zeroizing::new(String::with_capacity(text.len()));
    canonical.extend(scheme.chars().map(|character| character.to_ascii_lowercase()));
    canonical.push(':');
    canonical.push_str(value);
    Ok(canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_keeps_its_case_and_loses_only_outer_space() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(device(text), expected.map(|form| Zeroizing::new(form.to_owned())), "{text:?}");
        };
        check(" a9c1-77De_0021\n", Ok("a9c1-77De_0021"));
        check("QVPSPJUOCKZAR", Ok("QVPSPJUOCKZAR"));
        check("model 7 unit 12", Ok("model 7 unit 12"));
        check("", Err(IdentifierRule::Empty));
        check("1234567", Err(IdentifierRule::Length));
        check(&"x".repeat(129), Err(IdentifierRule::Length));
        check("gerät-0001", Err(IdentifierRule::Characters));
        check("a9c1\t77De0021", Err(IdentifierRule::Characters));
    }

    #[test]
    fn a_merchant_or_token_needs_its_scheme() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(merchant(text), expected.map(|form| Zeroizing::new(form.to_owned())), "{text:?}");
            assert_eq!(token(text), expected.map(|form| Zeroizing::new(form.to_owned())), "{text:?}");
        };
        check("Visa: 445478810013", Ok("visa:445478810013"));
        check("stripe:tok_1AbC", Ok("stripe:tok_1AbC"));
        check("a:b:c", Ok("a:b:c"));
        check("445478810013", Err(IdentifierRule::Parts));
        check(":445478810013", Err(IdentifierRule::Scheme));
        check("vi sa:445478810013", Err(IdentifierRule::Scheme));
        check("visa:", Err(IdentifierRule::Length));
        check("visa:44 54", Err(IdentifierRule::Characters));
        check("", Err(IdentifierRule::Empty));
    }
}
