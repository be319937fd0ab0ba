//! Finding what looks like an identifier in free text: notes and references leave the member, identifiers must not.
//!
//! It errs towards refusing where a value is unmistakable (an IBAN, a card number that checks, an address with `@`) and
//! towards letting pass where digits could be anything: a case number is no phone number.

use zeroize::Zeroizing;

use crate::base::kind::IdentifierKind;
use crate::domain::identifier::fold::{Meaning, meaning};
use crate::domain::identifier::{bank, card, domain_name, email, ip, phone, wallet, web};

/// The kind of the first identifier that the text seems to hold.
pub fn looks_like_identifier(text: &str) -> Option<IdentifierKind> {
    let text = visible(text);
    let by_word = text.split_whitespace().map(bare).find_map(word_kind);
    by_word.or_else(|| runs_kind(&text))
}

/// The text in plain ASCII where a character has an ASCII meaning, so that wide digits and hidden characters hide
/// nothing.
fn visible(text: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    for character in text.chars() {
        match meaning(character) {
            Meaning::Ascii(byte) => plain.push(char::from(byte)),
            Meaning::Space => plain.push(' '),
            Meaning::Dash => plain.push('-'),
            Meaning::Invisible => {}
            Meaning::Foreign => plain.push(character),
        }
    }
    plain
}

/// A word without the punctuation of the sentence around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|character| {
        matches!(
            character,
            ',' | ';' | '.' | '!' | '?' | '(' | ')' | '[' | ']' | '<' | '>' | '"' | '\'' | ':' | '|' | '{' | '}' | '='
        )
    })
}

/// Kinds that hold no space.
fn word_kind(word: &str) -> Option<IdentifierKind> {
    if word.contains("://") && web::page(from_scheme(word)).is_ok() {
        return Some(IdentifierKind::Url);
    }
    // "mail=jane@example.com" and "to:jane@example.com" hold an address as much as the address alone.
    if word.contains('@')
        && word.split(['=', ':', '/', ',', ';', '<', '>', '(', ')']).any(|part| email::address(part).is_ok())
    {
        return Some(IdentifierKind::Email);
    }
    if ip::address(word).is_ok()
        || word.rsplit_once(':').is_some_and(|(host, _)| host.contains('.') && ip::address(host).is_ok())
    {
        return Some(IdentifierKind::Ip);
    }
    if is_wallet(word) {
        return Some(IdentifierKind::Wallet);
    }
    let has_known_suffix = || psl::suffix(word.to_ascii_lowercase().as_bytes()).is_some_and(|suffix| suffix.is_known());
    if word.contains('.') && has_known_suffix() && domain_name::publishable(word).is_ok() {
        return Some(IdentifierKind::Domain);
    }
    None
}

fn from_scheme(word: &str) -> &str {
    let position = ["https://", "http://", "ftp://", "wss://", "ws://"].iter().find_map(|scheme| word.find(scheme));
    position.and_then(|position| word.get(position..)).unwrap_or(word)
}

/// An address whose form carries a checksum or the prefix that only wallets have.
fn is_wallet(word: &str) -> bool {
    let address = word.rsplit(':').next().unwrap_or(word);
    let try_as = |asset: &str| wallet::wallet(&Zeroizing::new(format!("{asset}:{address}"))).is_ok();
    address.len() >= 25 && ["eth", "btc", "ltc", "bch", "xrp"].into_iter().any(try_as)
}

/// Kinds that people write in groups: cards, IBANs, phone numbers.
fn runs_kind(text: &str) -> Option<IdentifierKind> {
    if holds_iban(text) {
        return Some(IdentifierKind::Iban);
    }
    digit_runs(text).find_map(|run| {
        if is_card(run) {
            Some(IdentifierKind::Pan)
        } else if is_phone(run) {
            Some(IdentifierKind::Phone)
        } else {
            None
        }
    })
}

/// Tries every place where two letters and two digits begin a word.
fn holds_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = |start: usize| {
        let fits = |place: usize, wanted: fn(&u8) -> bool| bytes.get(start + place).is_some_and(wanted);
        let word_begins = start == 0 || bytes.get(start - 1).is_some_and(|byte| !byte.is_ascii_alphanumeric());
        word_begins
            && fits(0, u8::is_ascii_alphabetic)
            && fits(1, u8::is_ascii_alphabetic)
            && fits(2, u8::is_ascii_digit)
            && fits(3, u8::is_ascii_digit)
    };
    (0..bytes.len()).filter(|start| begins(*start)).any(|start| {
        // The number ends somewhere in what follows; national lengths lie between 15 and 34 characters.
        let mut compact = Zeroizing::new(String::with_capacity(34));
        for byte in bytes.iter().skip(start) {
            match byte {
                b' ' | b'-' | b'.' => continue,
                byte if byte.is_ascii_alphanumeric() && compact.len() < 34 => compact.push(char::from(*byte)),
                _ => break,
            }
            if compact.len() >= 15 && bank::iban(&compact).is_ok() {
                return true;
            }
        }
        false
    })
}

/// Stretches of digits with the separators people put between them.
fn digit_runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| {
        !(character.is_ascii_digit() || matches!(character, '+' | ' ' | '-' | '_' | '(' | ')' | '.' | '/'))
    })
    .map(str::trim)
    .filter(|run| run.bytes().filter(u8::is_ascii_digit).count() >= 8)
}

/// 12 to 19 digits that check: in one piece, in groups that begin with four as on cards, or in any groups that `_` joins, as
/// nobody writes dates and case numbers.
fn is_card(run: &str) -> bool {
    let pieces: Vec<&str> =
        run.split(|character: char| !character.is_ascii_digit()).filter(|piece| !piece.is_empty()).collect();
    let plausible = |digits: &str| {
        (12..=19).contains(&digits.len()) && digits.starts_with(['2', '3', '4', '5', '6']) && card::pan(digits).is_ok()
    };
    let joined = run.split(|character: char| !(character.is_ascii_digit() || character == '_'));
    let joined = joined.filter(|word| word.contains('_')).any(|word| plausible(&Zeroizing::new(word.replace('_', ""))));
    let whole = pieces.iter().any(|piece| plausible(piece));
    let grouped = (0..pieces.len()).any(|first| {
        let groups = pieces.get(first..).unwrap_or_default();
        let begins_as_card = groups.first().is_some_and(|group| group.len() == 4);
        begins_as_card
            && (2..=5)
                .any(|count| groups.get(..count).is_some_and(|groups| plausible(&Zeroizing::new(groups.concat()))))
    });
    whole || grouped || joined
}

/// A number with its country code, one with a trunk zero of the usual length, or one grouped as in North America.
fn is_phone(run: &str) -> bool {
    if let Some(start) = run.find('+') {
        return run.get(start..).is_some_and(|number| phone::e164(number, None).is_ok());
    }
    let digits: Zeroizing<String> = Zeroizing::new(run.chars().filter(char::is_ascii_digit).collect());
    if let Some(number) = digits.strip_prefix("00") {
        return phone::e164(&Zeroizing::new(format!("+{number}")), None).is_ok();
    }
    run.starts_with('0') && (10..=12).contains(&digits.len()) || run.starts_with('(') || is_north_american(run)
}

/// `212-555-1234`: three, three and four digits that are a number there.
fn is_north_american(run: &str) -> bool {
    let groups: Vec<&str> = run.split(|character: char| !character.is_ascii_digit()).collect();
    groups.windows(3).any(|three| {
        let grouped = matches!(three, [area, exchange, line] if (area.len(), exchange.len(), line.len()) == (3, 3, 4));
        grouped && phone::e164(&Zeroizing::new(format!("+1{}", three.concat())), None).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<IdentifierKind>) {
        assert_eq!(looks_like_identifier(text), expected, "{text:?}");
    }

    #[test]
    fn an_identifier_in_a_note_is_found_however_it_is_written() {
        check("card 4111 1111 1111 1111 seen twice", Some(IdentifierKind::Pan));
        check("4111-1111-1111-1111", Some(IdentifierKind::Pan));
        check("pan:4111111111111111.", Some(IdentifierKind::Pan));
        check("４１１１ １１１１ １１１１ １１１１", Some(IdentifierKind::Pan));
        check("41\u{200B}11111111111111", Some(IdentifierKind::Pan));
        check("4111_1111_1111_1111", Some(IdentifierKind::Pan));
        check("pan_411111_1111111111_seen", Some(IdentifierKind::Pan));
        check("5018_0000_0009", Some(IdentifierKind::Pan));
        check("Amex 3782 822463 10005", Some(IdentifierKind::Pan));
        check("to DE89 3704 0044 0532 0130 00 today", Some(IdentifierKind::Iban));
        check("de89370400440532013000", Some(IdentifierKind::Iban));
        check("wrote from jane.doe@example.com twice", Some(IdentifierKind::Email));
        check("mail=<jane@example.com>", Some(IdentifierKind::Email));
        check("called from +44 20 7946 0018", Some(IdentifierKind::Phone));
        check("called from 0044 20 7946 0018", Some(IdentifierKind::Phone));
        check("tel 030 23125 123", Some(IdentifierKind::Phone));
        for written in ["212-555-1234", "call 1-212-555-1234", "212.555.1234", "212_555_1234", "212 555 1234 twice"] {
            check(written, Some(IdentifierKind::Phone));
        }
        check("see https://example.com/login", Some(IdentifierKind::Url));
        check("phishing on paypa1.com", Some(IdentifierKind::Domain));
        check("from 203.0.113.7:443", Some(IdentifierKind::Ip));
        check("2001:db8::1", Some(IdentifierKind::Ip));
        check("paid to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", Some(IdentifierKind::Wallet));
        check("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", Some(IdentifierKind::Wallet));
    }

    #[test]
    fn case_numbers_amounts_and_dates_are_no_identifiers() {
        check("", None);
        check("confirmed by phone with the customer", None);
        check("CASE-2026-000123456", None);
        check("ref 20261122-000123", None);
        check("ticket 1234567890", None);
        check("CASE_2026_000123456", None);
        check("ref 2026_1122_000123", None);
        check("orders 100-200-3000", None);
        check("4111111111111112", None);
        check("3 orders of 1,299.00 EUR on 2026-11-22 at 13:45", None);
        check("MITRE F1023.002 step 4", None);
        check("rule v2.1.0, e.g. mule", None);
    }
}
