//! Source files as the rules see them: code without comments, text in quotes and tests, and the paths it refers to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One Rust file of the project.
pub struct Source {
    /// From the root of the project, with `/`.
    pub path: String,
    /// As it stands.
    pub text: String,
    /// Comments and the content of literals blanked, lines kept.
    pub code: String,
    /// The same without tests; empty for a file that exists only in tests.
    pub product: String,
}

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    pub path: String,
    pub line: usize,
    pub what: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = blank_literals(text);
        let product = blank_tests(&code).0;
        Self { path: path.to_owned(), text: text.to_owned(), code, product }
    }

    /// `src/domain/feed/tree.rs` is `[domain, feed, tree]`.
    pub fn module(&self) -> Vec<String> {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let inner = inner.strip_suffix(".rs").unwrap_or(inner);
        let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod" || last == "lib" || last == "main") {
            module.pop();
        }
        module
    }

    /// A violation at byte `offset` of the code.
    pub fn violation(&self, offset: usize, what: impl Into<String>) -> Violation {
        let line = self.code.get(..offset).map_or(1, |before| before.matches('\n').count() + 1);
        Violation { path: self.path.clone(), line, what: what.into() }
    }

    /// Paths into this crate the product code mentions, absolute, with where they stand.
    pub fn references(&self) -> Vec<(usize, Vec<String>)> {
        let mut found = Vec::new();
        for (offset, _) in words(&self.product, "crate") {
            found.extend(paths_from(&self.product, offset, &[]));
        }
        for (offset, _) in words(&self.product, "super") {
            // Only the first `super` of a chain: the others are part of its path.
            if !self.product[..offset].ends_with("super::") {
                found.extend(paths_from(&self.product, offset, &self.module()));
            }
        }
        found
    }
}

/// Every Rust file below `folders` of the project.
pub fn sources(folders: &[&str]) -> Vec<Source> {
    let mut sources: Vec<Source> =
        files(folders, &["rs"]).into_iter().map(|(path, text)| Source::new(&path, &text)).collect();
    let tests_only: BTreeSet<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        let module = source.module().join("/");
        let inside = |test: &String| module == *test || module.starts_with(&format!("{test}/"));
        if tests_only.iter().any(inside) {
            source.product = String::new();
        }
    }
    sources
}

/// Every file below `folders` (or named there) with one of these endings: path and text.
pub fn files(folders: &[&str], endings: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a folder of the project can be read");
            open.extend(entries.map(|entry| entry.expect("its entries too").path()));
        } else if ending(&path).is_some_and(|ending| endings.contains(&ending)) {
            let text = std::fs::read_to_string(&path).expect("a text file of the project can be read");
            let name = path.strip_prefix(root).expect("it is inside").to_string_lossy().replace('\\', "/");
            found.push((name, text));
        }
    }
    found.sort();
    found
}

/// What stands behind the last dot; the whole name where there is none.
fn ending(path: &Path) -> Option<&str> {
    path.extension().or(path.file_name()).and_then(|ending| ending.to_str())
}

/// Modules that a file declares under `#[cfg(test)]`, as `domain/roster/samples`.
fn test_modules(source: &Source) -> Vec<String> {
    let module = source.module();
    let below = |name: String| module.iter().cloned().chain([name]).collect::<Vec<_>>().join("/");
    blank_tests(&source.code).1.into_iter().map(below).collect()
}

/// Occurrences of `word` that are not part of a longer word: offset and what follows.
pub fn words<'a>(code: &'a str, word: &str) -> Vec<(usize, &'a str)> {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    let starts_inside = word.starts_with(part);
    let ends_inside = word.ends_with(part);
    code.match_indices(word)
        .filter(|(offset, found)| {
            let before = code[..*offset].chars().next_back();
            let after = code[offset + found.len()..].chars().next();
            let longer_before = starts_inside && before.is_some_and(part);
            let longer_after = ends_inside && after.is_some_and(part);
            !longer_before && !longer_after
        })
        .map(|(offset, found)| (offset, &code[offset + found.len()..]))
        .collect()
}

/// The paths of the use tree or expression that starts at `offset` with `crate` or `super`.
fn paths_from(code: &str, offset: usize, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let mut rest = &code[offset..];
    let mut base = module.to_vec();
    if let Some(after) = rest.strip_prefix("crate") {
        rest = after;
        base.clear();
    }
    while let Some(after) = rest.strip_prefix("super").or_else(|| rest.strip_prefix("::super")) {
        rest = after;
        base.pop();
    }
    let Some(tree) = rest.trim_start().strip_prefix("::") else { return Vec::new() };
    let mut out = Vec::new();
    read_tree(tree.trim_start(), &base, &mut out);
    out.into_iter().map(|path| (offset, path)).collect()
}

/// Reads `a::b`, `a::{b, c::d}` or `*`; returns what follows.
fn read_tree<'a>(mut rest: &'a str, base: &[String], out: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = base.to_vec();
    loop {
        if let Some(mut inner) = rest.strip_prefix('{') {
            loop {
                inner = inner.trim_start();
                if inner.is_empty() {
                    return inner;
                }
                if let Some(after) = inner.strip_prefix('}') {
                    return after;
                }
                let after = read_tree(inner, &path, out);
                // Whatever else stands there (a comma, `as name`) is skipped up to the next branch.
                let skip = after.find([',', '}']).unwrap_or(after.len());
                inner = after[skip..].strip_prefix(',').unwrap_or(&after[skip..]);
            }
        }
        let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len());
        path.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.trim_start().strip_prefix("::") {
            Some(after) => rest = after.trim_start(),
            None => {
                out.push(path);
                return rest;
            }
        }
    }
}

/// Replaces what `keep` does not say by spaces; newlines stay.
fn blank(text: &str) -> String {
    text.chars().map(|character| if character == '\n' { '\n' } else { ' ' }).collect()
}

/// Comments, strings and characters become spaces.
fn blank_literals(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = out.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(rest).filter(|_| !after_word) {
            length
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' {
            character_literal(rest)
        } else {
            0
        };
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.push_str(&blank(&rest[..length]));
            rest = &rest[length..];
        }
    }
    out
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut offset) = (0usize, 0usize);
    while offset < text.len() {
        if text[offset..].starts_with("/*") {
            depth += 1;
            offset += 2;
        } else if text[offset..].starts_with("*/") {
            depth -= 1;
            offset += 2;
            if depth == 0 {
                return offset;
            }
        } else {
            offset += text[offset..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of `r"…"`, `r#"…"#`, `br"…"` at the start of `text`.
fn raw_string(text: &str) -> Option<usize> {
    let body = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - inner.len();
    Some(inner.find(&end).map_or(text.len(), |offset| start + offset + end.len()))
}

/// Length of the literal between two `quote`s, escapes respected.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (offset, character) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == quote {
            return offset + character.len_utf8();
        }
    }
    text.len()
}

/// Length of `'x'` or `'\n'`; 0 for a lifetime.
fn character_literal(text: &str) -> usize {
    let mut characters = text.chars().skip(1);
    match (characters.next(), characters.next()) {
        (Some('\\'), _) => quoted(text, '\''),
        (Some(inner), Some('\'')) => 2 + inner.len_utf8(),
        _ => 0,
    }
}

/// Blanks items under `#[cfg(test)]`; also the names of the modules among them that have files of their own.
fn blank_tests(code: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut modules = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        out.push_str(&rest[..start]);
        let item = &rest[start..];
        let end = item.find(['{', ';']).map_or(item.len(), |opening| match item.as_bytes()[opening] {
            b';' => {
                let declared = item[MARK.len()..opening].split_whitespace().last();
                let is_module = words(&item[MARK.len()..opening], "mod").len() == 1;
                modules.extend(declared.filter(|_| is_module).map(str::to_owned));
                opening + 1
            }
            _ => opening + braces(&item[opening..]),
        });
        out.push_str(&blank(&item[..end]));
        rest = &item[end..];
    }
    out.push_str(rest);
    (out, modules)
}

/// Length of the block at the start of `code`.
fn braces(code: &str) -> usize {
    let mut depth = 0usize;
    for (offset, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return offset + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn text_in_quotes_and_comments_is_no_code() {
    let source = Source::new(
        "src/base/x.rs",
        "let a = \"HashMap \\\" HashMap\"; // HashMap\n/* HashMap /* x */ HashMap */ let b: &'static str = r#\"HashMap\"#; let c = '\"'; d",
    );
    assert!(!source.code.contains("HashMap"), "{}", source.code);
    assert!(
        source.code.contains("let a =") && source.code.contains("let b: &'static str") && source.code.ends_with("; d")
    );
    assert_eq!(source.code.lines().count(), 2);
}

#[test]
fn tests_are_no_product_code() {
    let source = Source::new(
        "src/base/x.rs",
        "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { if x { } } }\nfn c() {}\n#[cfg(test)]\nmod samples;",
    );
    assert!(source.product.contains("fn a") && source.product.contains("fn c") && !source.product.contains("fn b"));
    assert_eq!(test_modules(&source), ["base/x/samples"]);
}

#[test]
fn references_are_found_in_every_form() {
    let text = "use crate::base::{time::Timestamp, name::{MemberId, GroupId as G}};\nfn f() -> crate::io::X { super::super::other::f() }";
    let source = Source::new("src/domain/feed/tree.rs", text);
    let found: Vec<String> = source.references().into_iter().map(|(_, path)| path.join("::")).collect();
    assert_eq!(
        found,
        ["base::time::Timestamp", "base::name::MemberId", "base::name::GroupId", "io::X", "domain::other::f",]
    );
}
