//! What is too much, too late, too early or too deep: each is refused by its rule, and nothing breaks by it.

use crate::world::{Running, World};

const HEADER: &str =
    "kind,value,typology,severity,confidence,grounds,handling,observed_at,valid_from,valid_until,note\n";

fn seconds_from_now(seconds: i64) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("fits") + seconds
}

#[test]
fn statements_outside_their_time_and_circle_are_refused_by_rule() {
    let node = Running::start();
    let hour = |hours: i64| seconds_from_now(hours * 3_600);
    let (later, sooner, past, long_past) = (hour(1), hour(2), hour(-1), hour(-2));
    let cases = [
        ("", later.to_string(), String::new(), String::new(), "", "observed_at,from_the_future"),
        ("", String::new(), long_past.to_string(), past.to_string(), "", "valid_until,expired"),
        ("", String::new(), sooner.to_string(), later.to_string(), "", "valid_until,empty_validity"),
        ("", String::new(), String::new(), hour(24 * 91).to_string(), "", "valid_until,validity_too_long"),
        ("TLP:RED", String::new(), String::new(), String::new(), "", "handling,handling_too_narrow"),
        ("", String::new(), String::new(), String::new(), "call 212-555-1234", "note,note_holds_identifier"),
        ("", String::new(), String::new(), String::new(), "4111_1111_1111_1111", "note,note_holds_identifier"),
    ];
    let mut file = HEADER.to_owned();
    for (line, (handling, observed, from, until, note, _)) in cases.iter().enumerate() {
        file += &format!("device,device-refused-{line:04},F1012,high,80,own-confirmed,");
        file += &format!("{handling},{observed},{from},{until},{note}\n");
    }
    node.world.write("cases.csv", file);
    node.run("publisher", &["publish", "cases.csv", "--report", "refused.csv"])
        .check(1, &["all 7 records were refused"]);
    let report = node.world.read("refused.csv");
    let found: Vec<String> =
        report.lines().skip(1).map(|row| row.split(',').skip(1).take(2).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(found, cases.map(|case| case.5));
    assert!(!report.contains("4111") && !report.contains("555"), "{report}");
}

#[test]
fn a_long_file_goes_in_several_calls() {
    let node = Running::start();
    let mut file = HEADER.to_owned();
    for line in 0..1_001 {
        file += &format!("device,device-of-many-{line:04},F1012,high,80,own-confirmed,,,,,\n");
    }
    node.world.write("cases.csv", file);
    let said = node.run("publisher", &["publish", "cases.csv", "--json"]).check(0, &[]).json();
    assert_eq!((&said["published"], &said["refused"]), (&1_001.into(), &0.into()));
}

#[test]
fn json_that_is_nested_without_end_is_one_refused_record() {
    let node = Running::start();
    let good = r#"{"kind":"device","value":"device-of-json-0001","typology":"F1012","severity":"high","confidence":80,"grounds":"own-confirmed"}"#;
    for depth in [200, 200_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let objects = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let value = format!(r#"{{"kind":"device","value":{nested}}}"#);
        node.world.write("cases.jsonl", format!("{good}\n{nested}\n{objects}\n{value}\n"));
        node.run("publisher", &["publish", "cases.jsonl", "--dry-run"])
            .check(3, &["4 records: 1 indicator would be published, 3 records refused"]);
        node.world.write("orders.jsonl", format!("{objects}\n{nested}\n"));
        node.run("screener", &["screen", "orders.jsonl"]).check(1, &["all 2 records were refused"]);
    }
}

const IMPORT: [&str; 9] =
    ["guard", "import", "deep.json", "--config", "node/hushwire.toml", "--name", "deep", "--grade", "weak"];

#[test]
fn a_warning_list_that_is_nested_without_end_is_refused_and_not_kept() {
    let world = World::with_node();
    for depth in [200, 200_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let list = |list: &str, more: &str| {
            format!(
                r#"{{"name":"Deep","version":1,"type":"string","matching_attributes":["domain"],"list":{list}{more}}}"#
            )
        };
        for refused in [list(&nested, ""), nested.clone()] {
            world.write("deep.json", refused);
            let said = world.run(&IMPORT);
            assert!(said.code == 1 || said.code == 2, "{}: {}", said.code, said.err);
            assert!(said.err.contains("deep.json") && !world.path("node/guard").exists(), "{}", said.err);
        }
        // What it does not know it passes over, however deep.
        world.write("deep.json", list(r#"["shop.de"]"#, &format!(r#","more":{nested}"#)));
        world.run(&IMPORT).check(0, &["deep"]);
        std::fs::remove_dir_all(world.path("node/guard")).expect("it was kept");
    }
}
