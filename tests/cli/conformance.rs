//! Conformance by command: what passes, what differs, and what was never read.

use std::path::Path;

use crate::world::World;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");

#[test]
fn our_own_vectors_pass_and_machines_read_the_counts() {
    let world = World::new();
    world.run(&["conformance", VECTORS]).check(0, &["ok      canonical.json", "ok      feed.json", "0 failed"]);
    let report = world.run(&["conformance", "--json", VECTORS]).check(0, &[]).json();
    assert_eq!((&report["conforms"], &report["failed"]), (&true.into(), &0.into()));
    let files = report["files"].as_array().expect("a list");
    let names: Vec<&str> = files.iter().filter_map(|file| file["file"].as_str()).collect();
    assert_eq!(names, ["canonical.json", "feed.json", "pseudonyms.json", "rfc9497_ristretto255.json"]);
    let passed = files.iter().map(|file| file["passed"].as_u64().expect("a count"));
    assert!(passed.clone().all(|passed| passed > 0));
    assert_eq!(report["passed"], passed.sum::<u64>());
}

#[test]
fn what_differs_ends_with_its_own_exit_code() {
    let world = World::new();
    let vectors = std::fs::read_to_string(Path::new(VECTORS).join("canonical.json")).expect("there");
    world.write("canonical.json", vectors.replacen("4111111111111111", "4111111111111112", 1));
    world.run(&["conformance", "."]).check(5, &["FAILED  canonical.json", "case 1: other forms", "1 cases differ"]);
    let report = world.run(&["conformance", "--json", "."]).check(5, &[]).json();
    assert_eq!((&report["conforms"], &report["failed"]), (&false.into(), &1.into()));
}

#[test]
fn what_was_not_read_does_not_pass() {
    let world = World::new();
    world.run(&["conformance", "nowhere"]).check(1, &["nowhere cannot be read"]);
    world.write("notes.txt", "nothing");
    world.run(&["conformance", "."]).check(1, &["holds no file of a known name", "hushwire conformance --help"]);
    let header = "input,digits,luhn,iin6\n";
    let row = "4111 1111 1111 1111,4111111111111111,1,411111\n";
    for (content, part) in [
        (String::new(), "the header must name input, digits, luhn, iin6"),
        (header.to_owned(), "no case could be read"),
        (row.to_owned(), "the header must name input, digits, luhn, iin6"),
        (format!("digits,input,luhn,iin6\n{row}"), "the header must name input, digits, luhn, iin6"),
        (format!("{header}4111 1111 1111 1111,41111"), "row 1: not in the form"),
    ] {
        world.write("pan.csv", content);
        world.run(&["conformance", "."]).check(5, &["FAILED  pan.csv", part]);
    }
    world.write("pan.csv", format!("{header}{row}"));
    world.run(&["conformance", "."]).check(0, &["ok      pan.csv", "1 passed"]);
    world.write("IdnaTestV2.txt", "# only a comment\n");
    world.write("urltestdata.json", "[]");
    world.run(&["conformance", "."]).check(5, &["FAILED  IdnaTestV2.txt", "FAILED  urltestdata.json"]);
}
