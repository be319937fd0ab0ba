//! Looks for planted values in whatever was left behind: as text in any case, as hex, as base64 wherever it begins.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::bytes::{Regex, RegexBuilder};

/// Finds any of the planted values.
pub struct Searcher {
    /// Text and hex, against the lower-cased bytes.
    plain: Regex,
    /// Base64 and raw bytes, as they are.
    exact: Regex,
}

/// Where something was found; never what.
pub type Hit = String;

impl Searcher {
    /// `texts` are what people typed and its canonical forms, `bytes` key material.
    pub fn new(texts: &[&str], bytes: &[Vec<u8>]) -> Self {
        let mut plain = Vec::new();
        let mut exact = Vec::new();
        for text in texts {
            plain.push(escaped(text.to_ascii_lowercase().as_bytes()));
            plain.push(hex::encode(text));
            exact.extend(base64_anywhere(text.as_bytes()));
        }
        for bytes in bytes {
            exact.push(escaped(bytes));
            plain.push(hex::encode(bytes));
            exact.extend(base64_anywhere(bytes));
        }
        Self { plain: any_of(&plain), exact: any_of(&exact) }
    }

    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.plain.is_match(&bytes.to_ascii_lowercase()) || self.exact.is_match(bytes)
    }

    /// Looks through one thing and notes where it found something.
    pub fn search(&self, place: &str, bytes: &[u8], hits: &mut Vec<Hit>) {
        if self.finds(bytes) {
            let at =
                self.plain.find(&bytes.to_ascii_lowercase()).or_else(|| self.exact.find(bytes)).map(|at| at.start());
            hits.push(format!("{place} at byte {}", at.unwrap_or_default()));
        }
    }

    /// Looks through every file under a folder, their names too. Returns how many there were.
    pub fn search_folder(&self, folder: &Path, hits: &mut Vec<Hit>) -> usize {
        let mut count = 0;
        for path in files(folder) {
            self.search(&path.display().to_string(), path.as_os_str().as_encoded_bytes(), hits);
            self.search(&path.display().to_string(), &std::fs::read(&path).expect("readable"), hits);
            count += 1;
        }
        count
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn any_of(patterns: &[String]) -> Regex {
    let pattern = patterns.join("|");
    RegexBuilder::new(&pattern).unicode(false).size_limit(64 << 20).build().expect("escaped patterns")
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// What of a value's base64 does not depend on what stands before and behind it, in both alphabets and all alignments.
fn base64_anywhere(value: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for before in 0..3 {
        let padded = [&vec![0; before], value].concat();
        let (skip, cut) = ((before * 8).div_ceil(6), usize::from(padded.len() % 3 != 0));
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            found.push(regex::escape(&text[skip..text.len() - cut]));
        }
    }
    found.dedup();
    found
}

#[test]
fn a_planted_value_is_found_in_every_form() {
    let (text, key) = ("Zqx-Nebelhorn?9931>", vec![0xfb, 0xff, 0x00, 0x3e, 0x41, 0x99, 0x0a, 0x5c, 0x7f, 0xee]);
    let searcher = Searcher::new(&[text], std::slice::from_ref(&key));
    let check = |bytes: &[u8], found: bool| assert_eq!(searcher.finds(bytes), found, "{bytes:?}");
    for value in [text.as_bytes(), &key] {
        for around in ["", "a", "ab", "abc"] {
            let plain = [around.as_bytes(), value, around.as_bytes()].concat();
            check(&plain, true);
            check(hex::encode(&plain).as_bytes(), true);
            check(hex::encode_upper(&plain).as_bytes(), true);
            check(STANDARD_NO_PAD.encode(&plain).as_bytes(), true);
            check(URL_SAFE_NO_PAD.encode(&plain).as_bytes(), true);
        }
        check(&value[1..], false);
    }
    check(text.to_uppercase().as_bytes(), true);
    check(b"nothing of it", false);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("inner")).expect("made");
    std::fs::write(folder.path().join("inner/file"), format!("some {text} inside")).expect("written");
    std::fs::write(folder.path().join("other"), "nothing").expect("written");
    let mut hits = Vec::new();
    assert_eq!(searcher.search_folder(folder.path(), &mut hits), 2);
    assert_eq!(hits.len(), 1, "{hits:?}");
    assert!(hits[0].ends_with("inner/file at byte 5") && !hits[0].contains("Nebelhorn"), "{hits:?}");
}
