//! Files of texts for customers: those that ship, and a member's own folder, whose texts take the place of those that ship one by
//! one. The rules of a text are [`crate::domain::screening::advice`]'s.
//!
//! One file a language, named by its tag: `de.toml`, `pt-BR.toml`. A table a key:
//! ```toml
//! [payment_on_hold]
//! title = "…"
//! text = "…"
//! ```
//! Other files of the folder are left alone. All of it is taken or nothing: a broken file is refused with its place.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::base::limits;
use crate::domain::screening::advice::{AdviceError, AdviceText, AdviceTexts, LanguageTexts};
use crate::domain::screening::language::{LanguageTag, NoLanguage};
use crate::domain::screening::policy::Policy;
use crate::domain::screening::policy::rule::Rule;
use crate::domain::screening::policy::word::Word;
use crate::io::keystore::file::{FileError, read_at_most};

/// The texts that ship: tag and file.
const SHIPPED: [(&str, &str); 7] = [
    ("en", include_str!("../../deploy/advice/en.toml")),
    ("de", include_str!("../../deploy/advice/de.toml")),
    ("fr", include_str!("../../deploy/advice/fr.toml")),
    ("es", include_str!("../../deploy/advice/es.toml")),
    ("it", include_str!("../../deploy/advice/it.toml")),
    ("pl", include_str!("../../deploy/advice/pl.toml")),
    ("nl", include_str!("../../deploy/advice/nl.toml")),
];

/// Why texts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AdviceFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: {error}", path.display())]
    Name { path: PathBuf, error: NoLanguage },
    #[error("{}: not UTF-8", path.display())]
    NotText { path: PathBuf },
    #[error("{}, line {line}: {reason}", path.display())]
    Form { path: PathBuf, line: usize, reason: String },
    #[error("{}: {reason}", path.display())]
    Text { path: PathBuf, reason: AdviceError },
    #[error("{}: language = {language:?} has no text, neither there nor among those that ship", path.display())]
    Language { path: PathBuf, language: String },
}

impl AdviceFileError {
    /// The file or folder it is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(FileError { path, .. })
            | Self::Name { path, .. }
            | Self::NotText { path }
            | Self::Form { path, .. }
            | Self::Text { path, .. }
            | Self::Language { path, .. } => path,
        }
    }
}

/// One text as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    text: String,
}

/// The texts that ship under those of the folder, for a member that speaks `language` to whom it knows no better.
pub fn load(folder: &Option<PathBuf>, language: &LanguageTag) -> Result<AdviceTexts, AdviceFileError> {
    let mut languages = shipped();
    let path = folder.as_deref().unwrap_or(Path::new("[advice]"));
    if let Some(folder) = folder {
        for path in files(folder)? {
            let (tag, texts) = read(&path)?;
            languages.entry(tag).or_default().extend(texts);
        }
    }
    if !languages.contains_key(language) {
        return Err(AdviceFileError::Language { path: path.to_owned(), language: language.to_string() });
    }
    let texts = AdviceTexts::new(languages, language.clone());
    texts.map_err(|reason| AdviceFileError::Text { path: path.to_owned(), reason })
}

/// The texts that ship.
fn shipped() -> BTreeMap<LanguageTag, LanguageTexts> {
    let read = |(tag, text): &(&str, &str)| {
        let texts = parse(Path::new(tag), text).expect("a test reads the texts that ship");
        (tag.parse().expect("a tag"), texts)
    };
    SHIPPED.iter().map(read).collect()
}

/// The files of a folder that hold texts, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, AdviceFileError> {
    let unread = |reason| FileError { path: folder.to_owned(), reason };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
        if files.len() > limits::ADVICE_LANGUAGES {
            let (got, limit) = (files.len(), limits::ADVICE_LANGUAGES);
            let reason = AdviceError::TooManyLanguages { got, limit };
            return Err(AdviceFileError::Text { path: folder.to_owned(), reason });
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<(LanguageTag, LanguageTexts), AdviceFileError> {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let tag = name.parse().map_err(|error| AdviceFileError::Name { path: path.to_owned(), error })?;
    let text = String::from_utf8(read_at_most(path, limits::ADVICE_FILE_BYTES)?)
        .map_err(|_| FileError { path: path.to_owned(), reason: ErrorKind::InvalidData.into() })
        .map_err(|FileError { path, .. }| AdviceFileError::NotText { path })?;
    Ok((tag, parse(path, text.strip_prefix('\u{feff}').unwrap_or(&text))?))
}

/// The rules of a policy whose advice there is no text of: their customers are told the text that goes with the decision.
pub fn unknown_advice<'p>(policy: &'p Policy, texts: &AdviceTexts) -> impl Iterator<Item = (&'p Rule, &'p Word)> {
    let named = policy.rules().iter().filter_map(|rule| Some((rule, rule.advice.as_ref()?)));
    named.filter(|(_, key)| !texts.known(key.as_str()))
}

fn parse(path: &Path, text: &str) -> Result<LanguageTexts, AdviceFileError> {
    let written: BTreeMap<String, Written> = toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        AdviceFileError::Form { path: path.to_owned(), line, reason: error.message().to_owned() }
    })?;
    let checked = written.into_iter().map(|(key, Written { title, text })| {
        let text = AdviceText::new(&key, title, text);
        let text = text.map_err(|reason| AdviceFileError::Text { path: path.to_owned(), reason })?;
        Ok((key, text))
    });
    checked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Sha256Digest;
    use crate::domain::screening::advice::{further_keys, general_key};
    use crate::domain::screening::decision::Decision;
    use crate::domain::screening::language::AcceptLanguage;

    fn english() -> LanguageTag {
        LanguageTag::english()
    }

    #[test]
    fn every_language_that_ships_has_every_text_that_ships_and_every_text_the_program_names() {
        let texts = shipped();
        let keys: Vec<&String> = texts[&english()].keys().collect();
        for (tag, of) in &texts {
            assert_eq!(of.keys().collect::<Vec<_>>(), keys, "{tag}");
            // A text somebody forgot to translate stands in two languages.
            let foreign = texts.iter().filter(|(other, _)| *other != tag);
            for (other, others) in foreign {
                assert!(of.iter().all(|(key, text)| others[key] != *text), "{tag} and {other}");
            }
        }
        let texts = load(&None, &english()).expect("ships");
        for decision in Decision::ALL {
            assert!(texts.known(general_key(decision)));
            assert!(further_keys(decision).iter().all(|key| texts.known(key)), "{decision}");
        }
        for policy in [include_str!("../../deploy/policy/default.toml"), include_str!("../../deploy/policy/bank.toml")]
        {
            let policy = Policy::parse(policy, &Sha256Digest([0; 32])).expect("ships");
            assert_eq!(unknown_advice(&policy, &texts).count(), 0, "{}", policy.title());
        }
    }

    #[test]
    fn no_text_that_ships_says_what_was_found() {
        // What was found, and by whom, must not be learned by trying.
        let telling = [
            "device",
            "e-mail address",
            "flag",
            "list",
            "fraud score",
            "suspicious",
            "Verdacht",
            "gesperrt",
            "soupçon",
            "sospech",
            "sospett",
            "podejrzan",
            "verdacht",
        ];
        for (tag, texts) in shipped() {
            for (key, text) in texts.iter().filter(|(key, _)| {
                !["strong_passwords", "public_wifi", "unexpected_calls", "where_to_report"].contains(&key.as_str())
            }) {
                let said = format!("{} {}", text.title(), text.text());
                assert!(telling.iter().all(|word| !said.contains(word)), "{tag} {key}: {said}");
            }
        }
    }

    #[test]
    fn a_members_own_texts_take_the_place_of_those_that_ship_one_by_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writable");
        write(
            "de.toml",
            "[proceed]\ntitle = \"Los\"\ntext = \"Geht.\"\n[travel]\ntitle = \"Reise\"\ntext = \"Gute.\"\n",
        );
        write("pt-BR.toml", "\u{feff}[proceed]\ntitle = \"Pronto\"\ntext = \"Segue.\"\n");
        write("README.md", "no texts");
        let texts = load(&Some(folder.path().to_owned()), &"pt-br".parse().expect("a tag")).expect("good files");
        let title = |key: &str, header: &str| {
            let found = texts.find(key, &AcceptLanguage::read(header)).expect("there is one");
            (found.text.title().to_owned(), found.language.to_string())
        };
        assert_eq!(title("proceed", "de"), ("Los".to_owned(), "de".to_owned()));
        assert_eq!(title("payment_refused", "de").1, "de");
        assert_eq!(title("proceed", "sv"), ("Pronto".to_owned(), "pt-BR".to_owned()));
        assert_eq!(title("payment_refused", "sv").1, "en");
        let policy = include_str!("../../deploy/policy/default.toml").replace("\"contact_card_issuer\"", "\"travel\"");
        let policy = Policy::parse(&policy, &Sha256Digest([0; 32])).expect("a policy");
        let own: Vec<&str> = unknown_advice(&policy, &texts).map(|(_, key)| key.as_str()).collect();
        let without = load(&None, &english()).expect("ships");
        let shipped: Vec<&str> = unknown_advice(&policy, &without).map(|(_, key)| key.as_str()).collect();
        assert_eq!((own.as_slice(), shipped.as_slice()), ([].as_slice(), ["travel"].as_slice()));
        assert!(texts.known("travel") && texts.find("travel", &AcceptLanguage::read("en")).is_none());
    }

    #[test]
    fn a_broken_file_is_refused_with_its_place() {
        let check = |name: &str, content: &[u8], part: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join(name), content).expect("writable");
            let refused = load(&Some(folder.path().to_owned()), &english()).expect_err(part);
            let said = refused.to_string();
            assert!(said.contains(part) && said.contains(name), "{part:?} is missing in {said:?}");
            assert!(refused.path().starts_with(folder.path()));
        };
        check("deutsch_1.toml", b"", "a language is a tag");
        check("de.toml", b"[proceed]\ntitle = \"x\"\n", "line 1");
        check("de.toml", b"[proceed]\ntitle = \"x\"\ntext = \"y\"\nhtml = \"z\"\n", "line 4");
        check("de.toml", b"[proceed]\ntitle = 7\ntext = \"y\"\n", "line 2");
        check("de.toml", b"[proceed\n", "line 1");
        check("de.toml", b"[Proceed]\ntitle = \"x\"\ntext = \"y\"\n", "a key is a word");
        check("de.toml", b"[proceed]\ntitle = \"x\"\ntext = \"<b>y</b>\"\n", "markup");
        check("de.toml", b"\xff", "not UTF-8");
        check("de.toml", &vec![b'#'; 2_000_000], "larger than");
        let folder = tempfile::tempdir().expect("a folder");
        let unspoken = load(&Some(folder.path().to_owned()), &"sv".parse().expect("a tag")).expect_err("no Swedish");
        assert!(unspoken.to_string().contains("language = \"sv\" has no text"), "{unspoken}");
        let absent = load(&Some(folder.path().join("nowhere")), &english());
        assert!(absent.is_err_and(|error| error.to_string().contains("nowhere")));
        for number in 0..=limits::ADVICE_LANGUAGES {
            std::fs::write(folder.path().join(format!("en-x{number}.toml")), "").expect("writable");
        }
        let many = load(&Some(folder.path().to_owned()), &english()).expect_err("too many");
        assert!(many.to_string().contains("49 languages, the limit is 48"), "{many}");
    }
}
