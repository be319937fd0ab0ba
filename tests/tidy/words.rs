//! Words and shapes that do not belong in this project.

use crate::source::{Source, Violation, words};

/// Lines a file should stay below, tests included.
pub const LINES_AIMED_AT: usize = 400;

/// Lines no file may exceed: between the two lies the room for a file whose parts belong together.
pub const LINES_AT_MOST: usize = 600;

/// In all code, tests included.
const CODE: [(&str, &str); 7] = [
    (".unwrap()", "say with expect which invariant makes it impossible"),
    (".unwrap_err()", "say with expect_err what should have been refused"),
    ("todo!", "nothing is left for later"),
    ("unimplemented!", "nothing is left for later"),
    ("dbg!", "left from a search for a bug"),
    ("#[ignore", "a test that does not run is a defect"),
    ("unsafe", "this project has none"),
];

/// In product code only.
const PRODUCT: [(&str, &str); 5] = [
    ("println!", "commands print through app::output"),
    ("print!", "commands print through app::output"),
    ("eprintln!", "commands print through app::output"),
    ("eprint!", "commands print through app::output"),
    ("pub use", "one name, one place: no re-exports"),
];

const NUMBERS: [&str; 14] =
    ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64"];

/// Forbidden code.
pub fn code(source: &Source) -> Vec<Violation> {
    let everywhere = CODE.iter().map(|(word, why)| (&source.code, word, why));
    let product = PRODUCT.iter().filter(|_| source.path.starts_with("src/"));
    let in_product = product.map(|(word, why)| (&source.product, word, why));
    let mut out = Vec::new();
    for (code, word, why) in everywhere.chain(in_product) {
        let what = format!("{word}: {why}");
        out.extend(words(code, word).into_iter().map(|(offset, _)| source.violation(offset, what.clone())));
    }
    let parents = words(&source.product, "use super::").into_iter().filter(|_| source.path.starts_with("src/"));
    for (offset, _) in parents.filter(|(_, rest)| !rest.starts_with('*')) {
        out.push(source.violation(offset, "paths begin at crate::"));
    }
    for (offset, rest) in
        words(&source.code, "allow(").into_iter().filter(|(offset, _)| source.code[..*offset].ends_with('['))
    {
        if !rest.split(']').next().is_some_and(|inside| inside.contains("reason")) {
            out.push(source.violation(offset, "an exception from a lint gives its reason"));
        }
    }
    for (offset, rest) in words(&source.product, "as") {
        let target = rest.trim_start().split(|character: char| !character.is_alphanumeric()).next().unwrap_or_default();
        if NUMBERS.contains(&target) {
            out.push(source.violation(offset, format!("as {target}: use from or try_from")));
        }
    }
    out
}

/// Each file opens with what it is for.
pub fn header(source: &Source) -> Vec<Violation> {
    if source.text.starts_with("//! ") { Vec::new() } else { vec![source.violation(0, "does not open with //!")] }
}

/// What must not stand in any text of the project: file name and text in, violations out.
pub fn text(path: &str, text: &str) -> Vec<Violation> {
    let mut out = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let small = line.to_lowercase();
        let mut found = |what: &str| {
            out.push(Violation { path: path.to_owned(), line: number + 1, what: what.to_owned() });
        };
        // Pseudonymised data stays personal data (EDPB Guidelines 01/2025); the other word would promise too much.
        if ["anonymous", "anonymis", "anonymiz", "anonymity"].iter().any(|word| small.contains(word)) {
            found("what a keyed hash protects is pseudonymous, and only that");
        }
        let machine_paths = [&["/", "root/"], &["/", "home/"], &["/", "work/"], &["/", "Users/"], &["C:", "\\"]];
        if machine_paths.iter().any(|parts| line.contains(&parts.concat())) {
            found("a path of somebody's machine");
        }
    }
    out
}

/// More than `most` lines.
pub fn too_long(source: &Source, most: usize) -> Option<Violation> {
    let lines = source.text.lines().count();
    (lines > most).then(|| source.violation(0, format!("{lines} lines; split it by meaning")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_code_is_found_and_text_about_it_is_not() {
        let check = |snippet: &str, count: usize| {
            assert_eq!(code(&Source::new("src/base/x.rs", snippet)).len(), count, "{snippet}");
        };
        for (word, _) in CODE.into_iter().chain(PRODUCT) {
            check(
                &format!("fn f() {{ x{} }}", if word.starts_with('.') { word.to_owned() } else { format!("; {word}") }),
                1,
            );
            check(&format!("// {word}\nlet x = \"{word}\";"), 0);
        }
        check("let x = y as u64;", 1);
        check("let x = y as usize + 1;", 1);
        check("use a::B as C;", 0);
        check("use super::b::C;", 1);
        check("use super::*;", 0);
        check("#[allow(clippy::all)] fn f() {}", 1);
        check("#![allow(clippy::all, reason = \"generated\")]", 0);
        check("#[cfg(test)] mod tests { fn f() { println!(); y as u64 } }", 0);
        check("#[cfg(test)] mod tests { fn f() { x.unwrap() } }", 1);
    }

    #[test]
    fn a_file_without_a_header_and_a_file_too_long_are_found() {
        assert_eq!(header(&Source::new("src/base/x.rs", "//! What it is for.\n")).len(), 0);
        assert_eq!(header(&Source::new("src/base/x.rs", "use std::fmt;\n")).len(), 1);
        assert!(too_long(&Source::new("src/base/x.rs", &"\n".repeat(400)), 400).is_none());
        assert!(too_long(&Source::new("src/base/x.rs", &"\n".repeat(401)), 400).is_some());
    }

    #[test]
    fn words_that_promise_too_much_and_machine_paths_are_found() {
        let check = |line: &str, count: usize| assert_eq!(text("README.md", line).len(), count, "{line}");
        check(concat!("Data is anony", "mous."), 1);
        check(concat!("Anony", "mized cards"), 1);
        check("Data is pseudonymous.", 0);
        check(concat!("see /", "home/somebody/x"), 1);
        check(concat!("C", ":\\Users"), 1);
        check("https://example.org/home", 0);
    }
}
