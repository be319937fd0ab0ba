//! Files that are no files of records: refused before anything is sent, each with its line and rule.

use crate::world::World;

/// Publishes `content`; the node does not run, so an error of the file proves that nothing was sent.
fn check(world: &World, content: &[u8], args: &[&str], code: i32, part: &str) {
    world.write("file", content);
    let said = world.run(&[&["publish", "file", "--config", "node/hushwire.toml"], args].concat());
    said.check(code, &[part]);
    for secret in ["4111", "jane@"] {
        assert!(!said.err.contains(secret) && !said.out.contains(secret), "{}{}", said.out, said.err);
    }
}

#[test]
fn a_file_that_is_no_file_of_records_is_refused_as_a_whole() {
    let world = World::with_node();
    check(&world, b"", &[], 2, "is empty");
    check(&world, b"kind;value\npan;4111111111111111\n", &[], 2, "hint: pass --delimiter ';'");
    check(&world, b"kind\tvalue\n", &[], 2, "hint: pass --delimiter tab");
    check(&world, b"kind,value,kind\n", &[], 2, "column 3 repeats the name of column 1");
    check(&world, b"kind,value,colour\n", &[], 2, "column 3 \"colour\" is no field");
    check(&world, b"pan,4111111111111111\n", &[], 2, "column 2 \"(not shown)\" is no field");
    check(&world, b"order,card\n", &["--map", "pan=Card"], 2, "no column \"Card\"");
    check(&world, b"order,card\n", &["--map", "pam=card"], 2, "unknown field");
    check(&world, b"order,card\n", &["--map", "pan"], 2, "FIELD=COLUMN");
    check(&world, b"\xFF\xFEk\0i\0n\0d\0", &[], 2, "UTF-16");
    check(&world, b"\x1F\x8B\x08\x00\x00", &[], 2, "compressed");
    check(&world, b"PK\x03\x04xlsx", &[], 2, "workbook");
    check(&world, b"ki\0nd,value\n", &[], 2, "NUL");
    check(&world, b"kind,\"value\n", &[], 2, "never closed");
    check(&world, &vec![b'x'; 200_000], &[], 2, "65536 bytes");
    world.run(&["publish", "nowhere.csv", "--config", "node/hushwire.toml"]).check(2, &["nowhere.csv"]);
    world.run(&["publish", "node", "--config", "node/hushwire.toml"]).check(2, &["folder"]);
}

#[test]
fn what_no_column_and_no_option_says_is_told_once_and_before_anything_is_sent() {
    let world = World::with_node();
    let file = b"kind,value,severity\nemail,jane@fraud-mail.net,high\nemail,jane@fraud-mail.org,high\n";
    check(&world, file, &["--grounds", "authority"], 2, "no column and no option says typology, confidence\nhint: ");
    let mapped = ["--map", "typology=severity", "--confidence", "80", "--grounds", "authority"];
    check(&world, file, &mapped, 4, "cannot be reached");
}

#[test]
fn typologies_are_listed_by_a_word_of_their_names() {
    let world = World::with_node();
    world.run(&["typology", "list", "card testing"]).check(0, &["F1012  Card Testing", "1 typology"]);
    let configured = world.read("node/hushwire.toml").replace("# file = \"typology.tsv\"", "file = \"typology.tsv\"");
    world.write("node/hushwire.toml", configured);
    world.write("node/typology.tsv", "OWN1\tParcel never sent\n");
    let said = world.run(&["typology", "list", "--config", "node/hushwire.toml", "--json"]);
    assert_eq!(said.check(0, &[]).json(), serde_json::json!([{"id": "OWN1", "name": "Parcel never sent"}]));
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_anything_is_sent() {
    let world = World::with_node();
    world.write("cases.csv", "kind,value\nemail,a@fraud-mail.net\n");
    world.write("orders.csv", "email\na@fraud-mail.net\n");
    // The node does not run: whoever called it would say that it cannot be reached.
    let check = |args: &[&str]| {
        let place = ["--report", "nowhere/refused.csv", "--config", "node/hushwire.toml"];
        let said = world.run(&[args, &place[..]].concat());
        said.check(1, &["the report nowhere/refused.csv cannot be written", "nothing was sent"]);
        assert!(!said.err.contains("cannot be reached"), "{}", said.err);
    };
    let constants = ["--typology", "F1012", "--severity", "high", "--confidence", "80", "--grounds", "authority"];
    check(&[&["publish", "cases.csv"], &constants[..]].concat());
    check(&["screen", "orders.csv"]);
    check(&["retract", "--reason", "resolved", "--file", "cases.csv"]);
    check(&["retract", "--reason", "resolved", "--source-ref", "CASE-1"]);
    check(&["list", "import", "cases.csv", "--list", "block", "--reason", "own-fraud"]);
}
