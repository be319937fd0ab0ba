//! Postal addresses: `CC|postcode|line`, so coarse on purpose. They are shared by households and offices, which is why
//! the guard never lets one block by itself.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

use crate::domain::identifier::fold::{Meaning, meaning};
use crate::domain::identifier::rule::IdentifierRule;

/// The longest postcodes have 10 characters; some countries have none.
const POSTCODE_BYTES: usize = 16;

/// NFKC, upper case; the postcode without any separator, the line with every run of punctuation as one space.
pub(super) fn address(text: &str) -> Result<Zeroizing<String>, IdentifierRule> {
    if text.trim().is_empty() {
        return Err(IdentifierRule::Empty);
    }
    let visible = text.chars().filter(|character| meaning(*character) != Meaning::Invisible);
    let upper = Zeroizing::new(visible.nfkc().collect::<String>());
    let upper = Zeroizing::new(upper.to_uppercase());
    let upper = Zeroizing::new(upper.nfkc().collect::<String>());
    let mut parts = upper.split('|');
    let (Some(country), Some(postcode), Some(line), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(IdentifierRule::Parts);
    };
    let country = country.trim();
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(IdentifierRule::Country);
    }
    let mut canonical = Zeroizing::new(String::with_capacity(upper.len() + 1));
    canonical.push_str(country);
    canonical.push('|');
    push_postcode(&mut canonical, postcode)?;
    if canonical.len() > "CC|".len() + POSTCODE_BYTES {
        return Err(IdentifierRule::Length);
    }
    canonical.push('|');
    let before = canonical.len();
    push_words(&mut canonical, line);
    if canonical.len() == before {
        return Err(IdentifierRule::Parts);
    }
    Ok(canonical)
}

/// Appends letters and digits; the world's postcodes have no others.
fn push_postcode(out: &mut String, postcode: &str) -> Result<(), IdentifierRule> {
    for character in postcode.chars() {
        match meaning(character) {
            Meaning::Ascii(byte) if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            Meaning::Ascii(_) | Meaning::Space | Meaning::Dash | Meaning::Invisible => {}
            Meaning::Foreign => return Err(IdentifierRule::Characters),
        }
    }
    Ok(())
}

/// Appends the runs of letters, digits and marks, one space between them.
fn push_words(out: &mut String, part: &str) {
    let in_word = |character: char| character.is_alphanumeric() || is_combining_mark(character);
    let words = part.split(|character| !in_word(character)).filter(|word| !word.is_empty());
    for (place, word) in words.enumerate() {
        if place > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_country_postcode_and_upper_case_line() {
        let check = |text: &str, expected: Result<&str, IdentifierRule>| {
            assert_eq!(address(text), expected.map(|form| Zeroizing::new(form.to_owned())), "{text:?}");
        };
        check("de|10115|Invalidenstraße 117", Ok("DE|10115|INVALIDENSTRASSE 117"));
        check("DE | 10115 | Invalidenstrasse, 117.", Ok("DE|10115|INVALIDENSTRASSE 117"));
        check("gb|sw1a 1aa|10, Downing  St.", Ok("GB|SW1A1AA|10 DOWNING ST"));
        check("ＤＥ｜１０１１５｜Ａｍ Ｐｌａｔｚ １", Ok("DE|10115|AM PLATZ 1"));
        check("FR|75001|1\u{00A0}rue de l'E\u{0301}glise", Ok("FR|75001|1 RUE DE L \u{00C9}GLISE"));
        check("IE||Main Street 4", Ok("IE||MAIN STREET 4"));
        check("", Err(IdentifierRule::Empty));
        check("10115|Invalidenstr. 117", Err(IdentifierRule::Parts));
        check("DE|10115|Invalidenstr|117", Err(IdentifierRule::Parts));
        check("DE|10115|--", Err(IdentifierRule::Parts));
        check("DEU|10115|Invalidenstr. 117", Err(IdentifierRule::Country));
        check("DE|１०११५|Weg 1", Ok("DE|10115|WEG 1"));
        check("DE|1\u{1e01b} \u{16af0}|Weg 1", Err(IdentifierRule::Characters));
        check("DE|12345678901234567|Weg 1", Err(IdentifierRule::Length));
    }
}
