//! The rules of the house, run as a test. Each rule finds a planted violation in a test of its own.

mod asvs;
mod events;
mod floors;
mod pictures;
mod readers;
mod source;
mod words;

use std::collections::BTreeSet;
use std::io::Write;

use crate::source::{Source, Violation, files, sources};

/// Folders and files whose text is read by people.
const TEXTS: [&str; 13] = [
    "src",
    "proto",
    "tests",
    "benches",
    "docs",
    "deploy",
    "fuzz",
    ".ci",
    "README.md",
    "Makefile",
    "Cargo.toml",
    "build.rs",
    "deny.toml",
];

/// Endings of such texts; a name without a dot counts as its own.
const ENDINGS: [&str; 17] = [
    "rs",
    "proto",
    "md",
    "toml",
    "sh",
    "py",
    "tsv",
    "csv",
    "txt",
    "html",
    "json",
    "yaml",
    "yml",
    "service",
    "Makefile",
    "run",
    "Dockerfile",
];

fn hold(rule: impl Fn(&Source) -> Vec<Violation>, folders: &[&str]) {
    report(sources(folders).iter().flat_map(rule).collect());
}

fn report(violations: Vec<Violation>) {
    let lines: Vec<String> =
        violations.iter().map(|broken| format!("{}:{}: {}", broken.path, broken.line, broken.what)).collect();
    assert!(lines.is_empty(), "{} violations:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn imports_only_go_down_the_floors_and_left_in_the_pipeline() {
    hold(floors::imports, &["src"]);
    hold(floors::command_line, &["src"]);
}

#[test]
fn nothing_below_the_wall_touches_the_world() {
    hold(floors::world, &["src"]);
}

#[test]
fn the_pipeline_is_declared_in_its_order() {
    let declared = sources(&["src/domain/mod.rs"]).iter().flat_map(floors::declared_pipeline).collect::<Vec<_>>();
    assert_eq!(declared, floors::PIPELINE);
}

#[test]
fn only_the_listed_files_read_raw_identifiers_and_secrets() {
    hold(readers::readers, &["src"]);
    assert_eq!(readers::idle_readers(&sources(&["src"])), [""; 0], "these no longer read: take them off the list");
}

#[test]
fn code_keeps_to_the_style() {
    hold(words::code, &["src", "tests", "benches"]);
    hold(words::header, &["src", "tests", "benches", "build.rs"]);
}

#[test]
fn files_hold_one_idea_each() {
    let folders = ["src", "tests", "benches"];
    for source in sources(&folders) {
        // A remark, shown by `cargo test --test tidy `.
        if let Some(long) = words::too_long(&source, words::LINES_AIMED_AT) {
            writeln!(std::io::stderr(), "{}: {}", long.path, long.what).expect("standard error is open");
        }
    }
    hold(|source| words::too_long(source, words::LINES_AT_MOST).into_iter().collect(), &folders);
}

#[test]
fn the_page_on_observability_names_every_event_of_the_log_with_its_level() {
    let in_code: events::Told = sources(&["src"]).iter().flat_map(events::in_code).collect();
    let in_page = events::in_page(include_str!("../../docs/observability.md"));
    assert!(!in_page.is_empty());
    assert_eq!(in_code, in_page, "left: code, right: docs/observability.md");
}

#[test]
fn every_test_that_the_page_on_asvs_names_is_there() {
    let (sources, named) = (sources(&["src", "tests"]), asvs::named(include_str!("../../docs/asvs.md")));
    assert!(named.len() > 80, "{}", named.len());
    let missing: Vec<_> = named.iter().filter(|test| !test.stands_in(&sources)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn no_text_promises_too_much_or_names_a_machine() {
    let existing: Vec<&str> =
        TEXTS.into_iter().filter(|name| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name).exists()).collect();
    let texts = files(&existing, &ENDINGS);
    report(
        texts
            .iter()
            .filter(|(path, _)| !path.starts_with("tests/tidy/words"))
            .flat_map(|(path, text)| words::text(path, text))
            .collect(),
    );
}

#[test]
fn every_picture_of_a_guide_is_there_and_taken_by_a_scenario() {
    let pages = files(&["docs"], &["md"]);
    let shown: BTreeSet<String> = pages.iter().flat_map(|(path, text)| pictures::shown(path, text)).collect();
    assert!(shown.len() >= 8, "the officer's guide shows its pages: {shown:?}");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/officer");
    let held = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let held: BTreeSet<String> = held.map(|name| format!("docs/officer/{}", name.to_string_lossy())).collect();
    assert_eq!(shown, held, "left: shown, right: there");
    let scenarios: String = files(&["tests/console"], &["mjs"]).into_iter().map(|(_, text)| text).collect();
    let taken = pictures::taken(&scenarios).into_iter().map(|name| format!("docs/officer/{name}.png"));
    assert_eq!(shown, taken.collect(), "left: shown, right: taken by the console's tests");
}
