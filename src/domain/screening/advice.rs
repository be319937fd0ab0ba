//! Texts for customers, by key and language: what to do now, and nothing of what others reported.
//!
//! A key is a word of the program ([`crate::domain::screening::decision::Advice`]), of help that is not about one order, or of a
//! member's policy. Files are read elsewhere; here stand the rules a text keeps and which text somebody is given.

use std::collections::BTreeMap;

use crate::base::limits;
use crate::domain::indicator::note::is_invisible;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::language::{AcceptLanguage, LanguageTag};

/// The rule a text broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdviceError {
    #[error(
        "a key is a word of lower-case letters, digits and _ that begins with a letter, of at most {} characters",
        limits::ADVICE_KEY_CHARACTERS
    )]
    Key,
    #[error("{key}: the {part} is empty")]
    Empty { key: String, part: &'static str },
    #[error("{key}: the {part} has {got} characters, the limit is {limit}")]
    TooLong { key: String, part: &'static str, got: usize, limit: usize },
    #[error("{key}: the {part} holds a control character, a line break or one that turns the reading direction")]
    Control { key: String, part: &'static str },
    #[error("{key}: the {part} holds markup ({found}); texts are plain, pages and apps bring their own form")]
    Markup { key: String, part: &'static str, found: &'static str },
    #[error("{got} keys in one language, the limit is {limit}")]
    TooManyKeys { got: usize, limit: usize },
    #[error("{got} languages, the limit is {limit}")]
    TooManyLanguages { got: usize, limit: usize },
}

/// One text, within its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdviceText {
    title: String,
    text: String,
}

impl AdviceText {
    pub fn new(key: &str, title: String, text: String) -> Result<Self, AdviceError> {
        if !is_key(key) {
            return Err(AdviceError::Key);
        }
        check(key, "title", &title, limits::ADVICE_TITLE_CHARACTERS)?;
        check(key, "text", &text, limits::ADVICE_TEXT_CHARACTERS)?;
        Ok(Self { title, text })
    }

    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Whether a word can be a key.
pub fn is_key(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    word.len() <= limits::ADVICE_KEY_CHARACTERS
        && word.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && word.bytes().all(plain)
}

fn check(key: &str, part: &'static str, text: &str, limit: usize) -> Result<(), AdviceError> {
    /// What begins a form somewhere: HTML, entities, Markdown, templates.
    const MARKUP: [&str; 8] = ["<", ">", "&#", "](", "**", "`", "{{", "${"];
    let (key, got) = (key.to_owned(), text.chars().count());
    if text.trim().is_empty() {
        return Err(AdviceError::Empty { key, part });
    }
    if got > limit {
        return Err(AdviceError::TooLong { key, part, got, limit });
    }
    if text.chars().any(|character| character.is_control() || is_invisible(character)) {
        return Err(AdviceError::Control { key, part });
    }
    match MARKUP.into_iter().find(|markup| text.contains(markup)) {
        Some(found) => Err(AdviceError::Markup { key, part, found }),
        None => Ok(()),
    }
}

/// The texts of one language, by key.
pub type LanguageTexts = BTreeMap<String, AdviceText>;

/// Every text there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdviceTexts {
    languages: BTreeMap<LanguageTag, LanguageTexts>,
    /// What a customer is told whose languages there is nothing in.
    fallback: LanguageTag,
}

/// A text that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advised<'a> {
    /// The key of this very text.
    pub key: &'a str,
    pub language: &'a LanguageTag,
    pub text: &'a AdviceText,
}

impl AdviceTexts {
    pub fn new(languages: BTreeMap<LanguageTag, LanguageTexts>, fallback: LanguageTag) -> Result<Self, AdviceError> {
        let (got, limit) = (languages.len(), limits::ADVICE_LANGUAGES);
        if got > limit {
            return Err(AdviceError::TooManyLanguages { got, limit });
        }
        let most = languages.values().map(BTreeMap::len).max().unwrap_or_default();
        if most > limits::ADVICE_KEYS {
            return Err(AdviceError::TooManyKeys { got: most, limit: limits::ADVICE_KEYS });
        }
        Ok(Self { languages, fallback })
    }

    /// Whether there is a text of this key in any language: a policy may only name such.
    pub fn known(&self, key: &str) -> bool {
        self.languages.values().any(|texts| texts.contains_key(key))
    }

    /// Every key there is, in order.
    pub fn keys(&self) -> Vec<&str> {
        let keys: std::collections::BTreeSet<&str> =
            self.languages.values().flat_map(|texts| texts.keys().map(String::as_str)).collect();
        keys.into_iter().collect()
    }

    /// The text of a key for somebody: in the dearest language there is, else in the member's own, else in English.
    pub fn find(&self, key: &str, wanted: &AcceptLanguage) -> Option<Advised<'_>> {
        let has = |tag: &LanguageTag| self.languages.get(tag).is_some_and(|texts| texts.contains_key(key));
        let language = wanted.look_up(has).or_else(|| Some(self.fallback.clone()).filter(has));
        let language = language.unwrap_or_else(LanguageTag::english);
        let (language, texts) = self.languages.get_key_value(&language)?;
        let (key, text) = texts.get_key_value(key)?;
        Some(Advised { key, language, text })
    }

    /// The text of an answer: that of its key, or where there is none the general one of its decision.
    pub fn of_answer(&self, key: &str, decision: Decision, wanted: &AcceptLanguage) -> Option<Advised<'_>> {
        self.find(key, wanted).or_else(|| self.find(general_key(decision), wanted))
    }
}

/// The key that fits every order with this decision.
pub const fn general_key(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "proceed",
        Decision::Challenge => "verify_customer",
        Decision::Hold => "payment_on_hold",
        Decision::Block => "payment_refused",
    }
}

/// Keys of what else helps somebody whose order was answered so; never of what was found.
pub const fn further_keys(decision: Decision) -> &'static [&'static str] {
    match decision {
        Decision::Allow => &[],
        Decision::Challenge => &["strong_passwords", "public_wifi"],
        Decision::Hold => &["unexpected_calls", "where_to_report"],
        Decision::Block => &["where_to_report", "strong_passwords"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::screening::decision::Advice;

    fn tag(text: &str) -> LanguageTag {
        text.parse().expect("a tag")
    }

    fn texts(rows: &[(&str, &[&str])], fallback: &str) -> AdviceTexts {
        let of = |language: &str, keys: &[&str]| {
            let text = |key: &&str| AdviceText::new(key, format!("{key} {language}"), "Text.".to_owned());
            keys.iter().map(|key| ((*key).to_owned(), text(key).expect("plain"))).collect()
        };
        let languages = rows.iter().map(|(language, keys)| (tag(language), of(language, keys))).collect();
        AdviceTexts::new(languages, tag(fallback)).expect("few")
    }

    #[test]
    fn a_text_is_given_in_the_dearest_language_then_the_members_then_english_then_by_its_decision() {
        let texts =
            texts(&[("en", &["payment_on_hold", "travel"]), ("de", &["payment_on_hold"]), ("fr", &["local"])], "de");
        let check = |key: &str, header: &str, expected: &str| {
            let found = texts.of_answer(key, Decision::Hold, &AcceptLanguage::read(header)).expect("there is one");
            assert_eq!(found.text.title(), expected, "{key} {header}");
        };
        check("payment_on_hold", "en-GB", "payment_on_hold en");
        check("payment_on_hold", "es", "payment_on_hold de");
        check("travel", "de", "travel en");
        check("local", "fr-CA", "local fr");
        check("local", "it", "payment_on_hold de");
        check("unknown", "en", "payment_on_hold en");
        assert!(texts.known("local") && !texts.known("unknown"));
        assert_eq!(texts.keys(), ["local", "payment_on_hold", "travel"]);
    }

    #[test]
    fn each_rule_of_a_text_refuses_what_breaks_it() {
        let check = |key: &str, title: &str, text: &str, part: &str| {
            let refused = AdviceText::new(key, title.to_owned(), text.to_owned()).expect_err(part).to_string();
            assert!(refused.contains(part), "{part:?} is missing in {refused:?}");
        };
        check("Key", "Title", "Text.", "a key is a word");
        check("1key", "Title", "Text.", "a key is a word");
        check("", "Title", "Text.", "a key is a word");
        check("key", " ", "Text.", "key: the title is empty");
        check("key", "Title", "", "key: the text is empty");
        check("key", &"x".repeat(101), "Text.", "the title has 101 characters, the limit is 100");
        check("key", "Title", &"x".repeat(601), "the text has 601 characters, the limit is 600");
        check("key", "Title", "a\nb", "control character");
        check("key", "a\u{202e}b", "Text.", "reading direction");
        for markup in ["<b>x</b>", "[x](y)", "**x**", "`x`", "{{name}}", "${name}", "&#60;"] {
            check("key", "Title", markup, "markup");
        }
        assert!(AdviceText::new("key", "R&B: 100 %".to_owned(), "Ring 0800 1 & ask.".to_owned()).is_ok());
    }

    #[test]
    fn the_general_text_is_that_of_a_decision_without_a_special_reason() {
        for decision in Decision::ALL {
            assert_eq!(general_key(decision), Advice::of(decision, None).key());
        }
    }
}
