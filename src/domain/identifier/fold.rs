//! What a typed character stands for in identifiers that machines made: one small table for full-width digits,
//! typographic spaces and dashes, and characters that cannot be seen.
//!
//! Only kinds whose canonical form is ASCII by nature use it. Local parts of e-mails do not: `Ｆ` is not `F` to a mail
//! server.

use zeroize::Zeroizing;

/// One character's meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The ASCII character itself, or the one it is a wide or script form of.
    Ascii(u8),
    /// Any space, tab or line end.
    Space,
    /// Any hyphen or dash.
    Dash,
    /// Zero-width characters, byte order mark, soft hyphen, direction marks.
    Invisible,
    /// Has no place in a machine-made identifier.
    Foreign,
}

/// The meaning of one character.
pub(super) fn meaning(character: char) -> Meaning {
    if character.is_ascii() {
        return match u8::try_from(character).expect("ASCII fits a byte") {
            b' ' | b'\t' | b'\r' | b'\n' => Meaning::Space,
            b'-' => Meaning::Dash,
            byte => Meaning::Ascii(byte),
        };
    }
    match character {
        // Full-width forms repeat ASCII from '!' to '~' at a fixed distance.
        '\u{FF0D}' => Meaning::Dash,
        '\u{FF01}'..='\u{FF5E}' => shifted(character, 0xFF01, b'!'),
        '\u{0660}'..='\u{0669}' => shifted(character, 0x0660, b'0'),
        '\u{06F0}'..='\u{06F9}' => shifted(character, 0x06F0, b'0'),
        '\u{0966}'..='\u{096F}' => shifted(character, 0x0966, b'0'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' => Meaning::Dash,
        '\u{00AD}'
        | '\u{034F}'
        | '\u{061C}'
        | '\u{180E}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}'
        | '\u{FEFF}' => Meaning::Invisible,
        space if space.is_whitespace() => Meaning::Space,
        _ => Meaning::Foreign,
    }
}

fn shifted(character: char, from: u32, to: u8) -> Meaning {
    u8::try_from(u32::from(character) - from).map_or(Meaning::Foreign, |distance| Meaning::Ascii(to + distance))
}

/// Without white space and invisible characters at both ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|character| matches!(meaning(character), Meaning::Space | Meaning::Invisible))
}

/// The text with every character replaced by what it means; a foreign character makes it none.
/// Spaces become one ASCII space each, dashes `-`, invisible characters vanish.
pub(super) fn to_ascii(text: &str) -> Option<Zeroizing<String>> {
    let mut ascii = Zeroizing::new(String::with_capacity(text.len()));
    for character in text.chars() {
        match meaning(character) {
            Meaning::Ascii(byte) => ascii.push(char::from(byte)),
            Meaning::Space => ascii.push(' '),
            Meaning::Dash => ascii.push('-'),
            Meaning::Invisible => {}
            Meaning::Foreign => return None,
        }
    }
    Some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_digits_odd_spaces_and_dashes_mean_their_ascii_forms() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(to_ascii(text).as_ref().map(|ascii| ascii.as_str()), expected, "{text:?}")
        };
        check("４０١۲३", Some("40123"));
        check("a\u{00A0}b\u{2009}c\u{3000}d", Some("a b c d"));
        check("1\u{2013}2\u{FF0D}3\u{2212}4", Some("1-2-3-4"));
        check("a\u{200B}b\u{FEFF}c\u{00AD}d", Some("abcd"));
        check("ＡＢｃ！～", Some("ABc!~"));
        check("naïve", None);
    }

    #[test]
    fn both_ends_lose_what_nobody_sees() {
        assert_eq!(trimmed("\u{FEFF} \u{00A0}x y\u{200B}\n"), "x y");
    }
}
