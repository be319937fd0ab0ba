//! Bank accounts: IBAN (ISO 13616) and accounts in a national scheme.

use iban::{BaseIban, Iban, IbanLike, ParseBaseIbanError, ParseIbanError};

use zeroize::Zeroizing;

use crate::domain::identifier::fold::{Meaning, meaning};
use crate::domain::identifier::rule::IdentifierRule;

/// ISO 13616 ends at 34 characters; four more for a written "IBAN" in front.
const IBAN_CHARACTERS: usize = 38;

/// The longest national routing codes have 12 characters; account numbers end at 34 (ISO 20022).
const ROUTING_CHARACTERS: usize = 20;
const ACCOUNT_CHARACTERS: usize = 34;

/// Upper case without separators; length and structure of its country, check digits right.
///
/// Countries that the structure table does not know yet (the registry grows) pass by check digits alone.
pub(super) fn iban(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let mut compact = Zeroizing::new(String::with_capacity(IBAN_CHARACTERS));
    for character in text.chars() {
        match meaning(character) {
            Meaning::Ascii(byte) if byte.is_ascii_alphanumeric() => {
                if compact.len() == IBAN_CHARACTERS {
                    return Err(IdentifierRule::Length);
                }
                compact.push(char::from(byte.to_ascii_uppercase()));
            }
            // "IBAN: DE89 …" as printed on invoices.
            Meaning::Ascii(b':') if *compact == "IBAN" => {}
            Meaning::Space | Meaning::Dash | Meaning::Invisible => {}
            Meaning::Ascii(_) | Meaning::Foreign => return Err(IdentifierRule::Characters),
        }
    }
    // No country has the code IB, so the word cannot be the beginning of a number.
    if compact.starts_with("IBAN") {
        compact.drain(.."IBAN".len());
    }
    if compact.is_empty() {
        return Err(IdentifierRule::Empty);
    }
    match compact.parse::<Iban>() {
        Ok(_) => Ok(compact),
        Err(ParseIbanError::UnknownCountry(known)) if BaseIban::electronic_str(&known) == *compact => Ok(compact),
        Err(ParseIbanError::UnknownCountry(_) | ParseIbanError::InvalidBban(_)) => Err(IdentifierRule::IbanStructure),
        Err(ParseIbanError::InvalidBaseIban { source: ParseBaseIbanError::InvalidChecksum }) => {
            Err(IdentifierRule::IbanCheckDigits)
        }
        Err(ParseIbanError::InvalidBaseIban { source: ParseBaseIbanError::InvalidFormat }) => {
            Err(IdentifierRule::IbanStructure)
        }
    }
}

/// `CC:routing:account`, upper case, without separators inside the parts; a US routing number must check.
pub(super) fn account(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    let mut parts = text.split([':', '\u{FF1A}']);
    let (Some(country), Some(routing), Some(account), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(if text.trim().is_empty() { IdentifierRule::Empty } else { IdentifierRule::Parts });
    };
    let mut canonical = Zeroizing::new(String::with_capacity(text.len()));
    push_compact(&mut canonical, country)?;
    if canonical.len() != 2 || !canonical.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(IdentifierRule::Country);
    }
    canonical.push(':');
    let routing_characters = push_compact(&mut canonical, routing)?;
    if routing_characters == 0 || routing_characters > ROUTING_CHARACTERS {
        return Err(IdentifierRule::Length);
    }
    if let Some(routing) = canonical.strip_prefix("US:")
        && !aba_valid(routing.as_bytes())
    {
        return Err(IdentifierRule::RoutingChecksum);
    }
    canonical.push(':');
    let account_characters = push_compact(&mut canonical, account)?;
    if account_characters == 0 || account_characters > ACCOUNT_CHARACTERS {
        return Err(IdentifierRule::Length);
    }
    Ok(canonical)
}

/// Appends letters and digits in upper case, skips separators, and says how many it appended.
fn push_compact(out: &mut String, part: &str) -> Result<usize, IdentifierRule> {
    let before = out.len();
    for character in part.chars() {
        match meaning(character) {
            Meaning::Ascii(byte) if byte.is_ascii_alphanumeric() => out.push(char::from(byte.to_ascii_uppercase())),
            Meaning::Ascii(b'.' | b'/') | Meaning::Space | Meaning::Dash | Meaning::Invisible => {}
            Meaning::Ascii(_) | Meaning::Foreign => return Err(IdentifierRule::Characters),
        }
    }
    Ok(out.len() - before)
}

/// The check of an ABA routing number: nine digits, weights 3, 7, 1, sum divisible by ten.
fn aba_valid(routing: &[u8]) -> bool {
    let all_digits = routing.len() == 9 && routing.iter().all(u8::is_ascii_digit);
    let sum: u32 =
        routing.iter().zip([3, 7, 1].iter().cycle()).map(|(digit, weight)| u32::from(digit % 16) * weight).sum();
    all_digits && sum != 0 && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iban_is_compact_upper_case_and_checks() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(iban(text), expected.map(|form| Zeroizing::new(form.to_owned())), "{text:?}");
        };
        check("de89 3704 0044 0532 0130 00", Ok("DE89370400440532013000"));
        check("DE89-3704-0044-0532-0130-00", Ok("DE89370400440532013000"));
        check("IBAN: GB29 NWBK 6016 1331 9268 19", Ok("GB29NWBK60161331926819"));
        check("NO93\u{00A0}8601\u{200B}1117947", Ok("NO9386011117947"));
        check("ＤＥ89370400440532013000", Ok("DE89370400440532013000"));
        check("", Err(IdentifierRule::Empty));
        check("IBAN", Err(IdentifierRule::Empty));
        check("DE88370400440532013000", Err(IdentifierRule::IbanCheckDigits));
        check("DE8937040044053201300", Err(IdentifierRule::IbanCheckDigits));
        check("8937040044053201300", Err(IdentifierRule::IbanStructure));
        check("DE89_370400440532013000", Err(IdentifierRule::Characters));
        check(&"D".repeat(39), Err(IdentifierRule::Length));
    }

    #[test]
    fn a_national_account_names_country_routing_and_account() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(account(text), expected.map(|form| Zeroizing::new(form.to_owned())), "{text:?}");
        };
        check("us:021000021:123456789", Ok("US:021000021:123456789"));
        check("US: 0210-0002-1 : 12 3456-789", Ok("US:021000021:123456789"));
        check("CA:0002-00012:1234567", Ok("CA:000200012:1234567"));
        check("GB:20-00-00:55779911", Ok("GB:200000:55779911"));
        check("US:021000022:123456789", Err(IdentifierRule::RoutingChecksum));
        check("US:000000000:123456789", Err(IdentifierRule::RoutingChecksum));
        check("US:02100002:123456789", Err(IdentifierRule::RoutingChecksum));
        check("USA:021000021:123456789", Err(IdentifierRule::Country));
        check("021000021:123456789", Err(IdentifierRule::Parts));
        check("GB:200000:1:2", Err(IdentifierRule::Parts));
        check("GB:200000:", Err(IdentifierRule::Length));
        check("GB::55779911", Err(IdentifierRule::Length));
        check("GB:200000:5577&911", Err(IdentifierRule::Characters));
        check("", Err(IdentifierRule::Empty));
    }
}
