//! Languages of texts for customers, and which of them somebody can read: language tags (RFC 5646, the shape only) and the
//! ranges of an `Accept-Language` header (RFC 9110 §12.5.4).
//!
//! A customer's browser writes the header, so it never refuses anything: what cannot be read is skipped, and what lies beyond
//! the limits is not looked at.

use std::fmt;
use std::str::FromStr;

use crate::base::limits;

/// A language tag in its usual spelling, e.g. `de` or `pt-BR`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LanguageTag(String);

/// No language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a language is a tag such as \"de\" or \"pt-BR\" of at most {} characters", limits::LANGUAGE_TAG_CHARACTERS)]
pub struct NoLanguage;

impl LanguageTag {
    /// The language that every text which ships is written in.
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag without its last part, and without the single letter that would then stand at its end (RFC 4647 §3.4).
    fn shorter(&self) -> Option<Self> {
        let mut shorter = self.0.rsplit_once('-')?.0;
        while let Some((before, last)) = shorter.rsplit_once('-')
            && last.len() == 1
        {
            shorter = before;
        }
        Some(Self(shorter.to_owned()))
    }
}

impl fmt::Display for LanguageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LanguageTag {
    type Err = NoLanguage;

    fn from_str(text: &str) -> Result<Self, NoLanguage> {
        if text.len() > limits::LANGUAGE_TAG_CHARACTERS {
            return Err(NoLanguage);
        }
        let mut tag = String::with_capacity(text.len());
        let mut extended = false;
        for (place, part) in text.split('-').enumerate() {
            let alphabetic = part.bytes().all(|byte| byte.is_ascii_alphabetic());
            let shape = part.bytes().all(|byte| byte.is_ascii_alphanumeric()) && (1..=8).contains(&part.len());
            if !shape || place == 0 && (part.len() < 2 || !alphabetic) {
                return Err(NoLanguage);
            }
            if place > 0 {
                tag.push('-');
            }
            // RFC 5646 §2.1.1: one spelling, so that tags are compared as texts.
            let lower = part.to_ascii_lowercase();
            match part.len() {
                2 if place > 0 && !extended => tag.push_str(&part.to_ascii_uppercase()),
                4 if place > 0 && !extended && alphabetic => {
                    tag.push_str(&lower[..1].to_ascii_uppercase());
                    tag.push_str(&lower[1..]);
                }
                _ => tag.push_str(&lower),
            }
            extended |= part.len() == 1;
        }
        Ok(Self(tag))
    }
}

/// What somebody can read, the dearest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcceptLanguage(Vec<LanguageTag>);

impl AcceptLanguage {
    /// Reads a header. Looks at so many bytes and ranges of it; whatever is no range is skipped.
    pub fn read(header: &str) -> Self {
        let end = (0..=header.len().min(limits::ACCEPT_LANGUAGE_BYTES)).rev().find(|end| header.is_char_boundary(*end));
        let header = header.get(..end.unwrap_or_default()).unwrap_or_default();
        let ranges = header.split(',').take(limits::ACCEPT_LANGUAGE_RANGES);
        let mut wanted: Vec<(u16, LanguageTag)> = ranges.filter_map(range).filter(|(weight, _)| *weight > 0).collect();
        // Stable: of equally dear ones the first stays first.
        wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        Self(wanted.into_iter().map(|(_, tag)| tag).collect())
    }

    /// The dearest language there is by the lookup of RFC 4647 §3.4: each range is shortened until it fits, before the next is
    /// looked at. None where none fits, which is what `*` asks for too.
    pub fn look_up(&self, mut there_is: impl FnMut(&LanguageTag) -> bool) -> Option<LanguageTag> {
        self.0.iter().find_map(|range| {
            let mut tag = Some(range.clone());
            while let Some(candidate) = tag {
                if there_is(&candidate) {
                    return Some(candidate);
                }
                tag = candidate.shorter();
            }
            None
        })
    }
}

/// One range with its weight in thousandths.
fn range(text: &str) -> Option<(u16, LanguageTag)> {
    let mut parts = text.split(';').map(str::trim);
    let tag = parts.next()?.parse().ok()?;
    match parts.next() {
        None => Some((1000, tag)),
        Some(weight) => Some((thousandths(weight.strip_prefix("q=").or(weight.strip_prefix("Q="))?)?, tag)),
    }
}

/// `0.8` as 800; one digit before the point and at most three behind it.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, behind) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || behind.len() > 3 || !behind.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = whole.parse::<u16>().ok()? * 1000 + format!("{behind:0<3}").parse::<u16>().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tag_has_one_spelling_and_a_shape() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(text.parse::<LanguageTag>().ok().as_ref().map(LanguageTag::as_str), expected, "{text}");
        };
        check("DE", Some("de"));
        check("pt-br", Some("pt-BR"));
        check("zh-hANT-tw", Some("zh-Hant-TW"));
        check("de-x-AB", Some("de-x-ab"));
        check("es-419", Some("es-419"));
        for no_tag in ["", "d", "*", "de-", "-de", "de_AT", "12", "de-123456789", "dé", &"de-".repeat(20)] {
            check(no_tag, None);
        }
    }

    #[test]
    fn the_dearest_language_that_there_is_wins_and_longer_ranges_fall_back_to_shorter_ones() {
        let check = |header: &str, expected: Option<&str>| {
            let there = ["de", "en", "pt-BR", "zh-Hant"];
            let found = AcceptLanguage::read(header).look_up(|tag| there.contains(&tag.as_str()));
            assert_eq!(found.as_ref().map(LanguageTag::as_str), expected, "{header:?}");
        };
        check("de", Some("de"));
        check("de-AT, en;q=0.9", Some("de"));
        check("en;q=0.8, de;q=0.9", Some("de"));
        check("fr, en;q=0.1", Some("en"));
        check("fr-CH;q=1.0,pt-br;q=0.7", Some("pt-BR"));
        check("pt, de;q=0.2", Some("de"));
        check("zh-Hant-x-private", Some("zh-Hant"));
        check("de;q=0, en;q=0.001", Some("en"));
        check("en, de", Some("en"));
        for nothing in
            ["", "*", "fr", "de;q=2", "de;q=0", "de;q=1.0000", "de;q=-1", "de;level=1", ";;;", "\u{0}de", ",,,"]
        {
            check(nothing, None);
        }
        let late = format!("{}de", "fr,".repeat(limits::ACCEPT_LANGUAGE_RANGES));
        check(&late, None);
        let long = format!("{}de", " ".repeat(limits::ACCEPT_LANGUAGE_BYTES));
        check(&long, None);
    }

    proptest! {
        #[test]
        fn any_header_is_read_within_its_limits(header in any::<String>()) {
            let read = AcceptLanguage::read(&header);
            prop_assert!(read.0.len() <= limits::ACCEPT_LANGUAGE_RANGES);
            prop_assert_eq!(read.look_up(|_| false), None);
        }

        #[test]
        fn a_tag_read_again_is_itself(text in "[a-zA-Z0-9-]{1,40}") {
            if let Ok(tag) = text.parse::<LanguageTag>() {
                prop_assert_eq!(tag.as_str().parse(), Ok(tag.clone()));
            }
        }
    }
}
