//! `hushwire replay`: small histories worked out by hand, and what it says of files that do not fit.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::world::World;

/// Columns of the small histories below.
const COLUMNS: [&str; 10] = [
    "--time",
    "ts",
    "--label",
    "fraud",
    "--amount",
    "amount",
    "--indicator",
    "device=device",
    "--institution-by",
    "shop",
];

fn replayed(world: &World, file: &str, more: &[&str]) -> Value {
    world.run(&[&["replay", file, "--json"], &COLUMNS[..], more].concat()).check(0, &[]).json()
}

/// The frauds and honest rows that were stopped, run by run.
pub fn stopped(report: &Value) -> Vec<(String, u64, u64)> {
    let runs = report["runs"].as_array().expect("runs");
    let count = |run: &Value, name: &str| run[name].as_u64().expect("a count");
    let sharing = |run: &Value| run["sharing"].as_str().expect("a name").to_owned();
    runs.iter().map(|run| (sharing(run), count(run, "tp"), count(run, "fp"))).collect()
}

pub fn expected(counts: [(&str, u64, u64); 4]) -> Vec<(String, u64, u64)> {
    counts.map(|(sharing, tp, fp)| (sharing.to_owned(), tp, fp)).to_vec()
}

// With salt "s" and two institutions "north" is of the first and "south" of the second.
const HAND: &str = "\
shop,ts,device,amount,fraud
north,1000000000,device-0001,10,1
north,1000000000,device-0001,10,0
south,1000000000,device-0001,10,0
north,1000000001,device-0001,20,1
south,1000000001,device-0001,30,0
south,1000003600,device-0001,40,1
south,1000003601,device-0001,50,0
north,1000172799,device-0001,60,1
north,1000172801,device-0001,70,0
south,1000172801,device-0001,80,0
south,1000345700,device-0001,90,0
north,1000000500,device-0002,5,1
";

#[test]
fn counts_worked_out_by_hand_come_out() {
    let world = World::new();
    world.write("h.csv", HAND);
    let any = replayed(&world, "h.csv", &["--institutions", "2", "--institution-salt", "s"]);
    // Alone north sees its own flag of second 0 at second 1 and at 172799, and at 172801 those of 172799 only, since the others
    // are over; south sees its own of 3600 at 3601 and 172801. At delay 0 south sees north's flag from second 1 on, with 1h that of
    // second 0 from 3600 on. Nobody sees a flag at the second of its own fraud.
    assert_eq!(stopped(&any), expected([("alone", 2, 3), ("0s", 3, 4), ("1h", 3, 3), ("24h", 2, 3)]));
    let run = &any["runs"][1];
    assert_eq!((&run["fn"], &run["tn"]), (&json!(2), &json!(3)));
    assert_eq!((run["recall"].as_f64(), run["precision"].as_f64()), (Some(0.6), Some(3.0 / 7.0)));
    assert_eq!(run["recall_amount"].as_f64(), Some(120.0 / 135.0));
    let both = replayed(&world, "h.csv", &["--institutions", "2", "--institution-salt", "s", "--rule", "corroborated"]);
    // Two own flags: north's of seconds 0 and 1 at 172799. Two institutions: with 0s at 3600 not yet (north alone, twice), at
    // 3601 south and north, at 172799 both, at 172801 both again; the flags of others need their delay.
    assert_eq!(stopped(&both), expected([("alone", 1, 0), ("0s", 1, 3), ("1h", 1, 2), ("24h", 1, 1)]));
}

/// The rule `corroborated` as a file, and `any` with degrees.
const CORROBORATED: &str = r#"
name = "two"
version = 3

[[rule]]
name = "corroborated"
when = 'matches.exists(m, m.own >= 2 || m.members_any >= 2)'
decision = "block"
"#;

const DEGREES: &str = r#"
name = "degrees"
version = 1

[amounts.large]
EUR = 1

[[rule]]
name = "one_flag"
when = 'size(matches) > 0'
decision = "challenge"

[[rule]]
name = "corroborated"
when = 'matches.exists(m, m.own >= 2 || m.members_any >= 2)'
decision = "hold"

[[rule]]
name = "never_in_a_replay"
when = 'over("large") || profile.country_new'
decision = "block"
"#;

#[test]
fn a_policy_file_decides_on_every_node_and_is_held_against_another() {
    let world = World::new();
    world.write("h.csv", HAND);
    world.write("two.toml", CORROBORATED);
    world.write("degrees.toml", DEGREES);
    let run = |more: &[&str]| {
        replayed(&world, "h.csv", &[&["--institutions", "2", "--institution-salt", "s"], more].concat())
    };
    let file = run(&["--rule", "two.toml", "--against", "corroborated"]);
    // As worked out by hand above for the rule of that name.
    assert_eq!(stopped(&file), expected([("alone", 1, 0), ("0s", 1, 3), ("1h", 1, 2), ("24h", 1, 1)]));
    assert_eq!(file["rule"], "two.toml (two/3)");
    for run in file["runs"].as_array().expect("runs") {
        let none = json!({ "fraud": 0, "honest": 0 });
        let difference = &run["difference"];
        assert_eq!((&difference["only_rule"], &difference["only_against"]), (&none, &none), "{run}");
        assert_eq!(run["by_decision"]["block"], difference["both"]);
    }
    let shared = &run(&["--rule", "degrees.toml", "--against", "two.toml", "--share-delay", "0s"]);
    assert_eq!(shared["unknown"], json!(["over", "profile.country_new"]));
    let shared = &shared["runs"][1];
    assert_eq!((&shared["tp"], &shared["fp"]), (&json!(3), &json!(4)), "as many as any stops");
    let rows = |fraud: u64, honest: u64| json!({ "fraud": fraud, "honest": honest });
    let by_decision = json!({ "allow": rows(2, 3), "challenge": rows(2, 1), "hold": rows(1, 3), "block": rows(0, 0) });
    assert_eq!(shared["by_decision"], by_decision);
    let pair = |rule: &str, against: &str, fraud: u64, honest: u64| json!({ "rule": rule, "against": against, "fraud": fraud, "honest": honest });
    let decisions =
        json!([pair("allow", "allow", 2, 3), pair("challenge", "allow", 2, 1), pair("hold", "block", 1, 3)]);
    assert_eq!(shared["difference"]["decisions"], decisions);
    let more = ["--institutions", "2", "--institution-salt", "s", "--rule", "built-in", "--against", "degrees.toml"];
    let said = world.run(&[&["replay", "h.csv"], &COLUMNS[..], &more].concat());
    let parts = [
        "the history does not tell of challenge_passed, over",
        "decided: fraud / honest",
        "rule -> against",
        "challenge -> challenge",
    ];
    said.check(0, &[&parts[..], &["only degrees.toml (degrees/1)"]].concat());
}

#[test]
fn the_table_reads_the_same_from_gzip_and_in_any_order_and_draws_a_chart() {
    let world = World::new();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(HAND.as_bytes()).expect("memory");
    world.write("h.csv.gz", packer.finish().expect("memory"));
    let more = ["--institutions", "2", "--institution-salt", "s", "--share-delay", "0s,90m", "--svg", "h.svg"];
    let said = world.run(&[&["replay", "h.csv.gz"], &COLUMNS[..], &more, &["--ship-after", "1h"]].concat());
    said.check(
        0,
        &["12 rows, 5 of them fraud; 2 institutions", "alone     2   3   3  40.0 %", "90m", "before shipment"],
    );
    assert!(world.read("h.svg").contains("Shared after 0s: recall 60.0 %"));
}

#[test]
fn what_a_flag_finds_after_the_answer_is_told_before_and_after_shipment() {
    let world = World::new();
    world.write("h.csv", HAND);
    let report = replayed(&world, "h.csv", &["--institutions", "2", "--institution-salt", "s", "--ship-after", "1h"]);
    // North's honest order of second 0 is found by the fraud beside it, at once; its fraud of second 0 by that of second 1.
    // South's honest orders of seconds 0 and 1 are found when south may use the first flag: alone that is its own of 3600,
    // one an hour after the order and one a second less. South's fraud of 3600 is found when north's flag of second 0 arrives
    // a day later. No order is found by the flag it led to itself.
    let late = report["runs"].as_array().expect("runs").iter().map(|run| {
        let of = |name: &str| run["late"][name].as_u64().expect("a count");
        let found = [of("caught_before_shipment"), of("caught_after_shipment"), of("never_caught")];
        (found, [of("false_before_shipment"), of("false_after_shipment")])
    });
    let expected = [([1, 0, 2], [2, 1]), ([1, 0, 1], [2, 0]), ([1, 0, 1], [2, 1]), ([1, 1, 1], [2, 1])];
    assert_eq!(late.collect::<Vec<_>>(), expected);
    assert_eq!(report["runs"][1]["late"]["recall_before_shipment"].as_f64(), Some(0.8));
}

/// One customer of north who orders from Germany, then from elsewhere; no two orders share a device but the one below.
const TRAVELS: &str = "\
who,from,shop,ts,device,amount,fraud
c-1,DE,north,1600000000,device-0001,10,0
c-1,DE,north,1600086400,device-0002,10,0
c-1,DE,north,1600172800,device-0003,10,0
c-1,DE,north,1600259200,device-0004,10,0
c-1,DE,north,1600345600,device-0005,10,0
c-1,US,south,1600432000,device-0006,10,0
c-1,US,north,1600432000,device-0007,10,0
c-1,US,north,1600518400,device-0008,10,0
c-1,BR,north,1600604800,device-0009,10,1
c-1,BR,north,1600691200,device-0010,10,0
c-2,BR,north,1600691200,device-0011,10,0
,BR,north,1600691200,device-0012,10,0
c-1,DE,north,1600777600,device-0013,10,0
c-9,DE,south,1600781200,device-0013,10,1
";

fn one_rule(when: &str) -> String {
    format!(
        "name = \"p\"\nversion = 1\n[amounts.large]\nEUR = 900\n[[rule]]\nname = \"r\"\nwhen = '{when}'\ndecision = \"hold\"\n"
    )
}

#[test]
fn each_institution_learns_its_customers_on_the_time_of_the_rows() {
    let world = World::new();
    world.write("h.csv", TRAVELS);
    world.write("country.toml", one_rule("profile.country_new"));
    world.write("many.toml", one_rule("profile.orders == 9 && size(matches) > 0"));
    world.write("price.toml", one_rule("over(\"large\") && profile.spent_24h_minor >= 1000"));
    let two = ["--institutions", "2", "--institution-salt", "s", "--share-delay", "0s", "--rule"];
    let run = |rule: &str, more: &[&str]| replayed(&world, "h.csv", &[&two[..], &[rule], more].concat());
    let named = ["--customer", "who", "--country", "from"];
    // The first order from the US is stopped and, being honest, released: the second passes. That from Brazil is a fraud and
    // teaches nothing: the next from there is stopped too. South knows the customer by one order only, and who is not named or
    // is new has no habit to stray from.
    let country = run("country.toml", &named);
    assert_eq!(stopped(&country), [("alone".to_owned(), 1, 2), ("0s".to_owned(), 1, 2)]);
    assert_eq!(country.get("unknown"), None);
    let blind = run("country.toml", &[]);
    assert_eq!(stopped(&blind), [("alone".to_owned(), 0, 0), ("0s".to_owned(), 0, 0)]);
    assert_eq!(blind["unknown"], json!(["profile.country_new"]));
    // Nothing is stopped at once; the order on a device that is flagged an hour later is judged again as it stood when it came.
    let late = run("many.toml", &[&named[..], &["--ship-after", "24h"]].concat());
    assert_eq!(stopped(&late), [("alone".to_owned(), 0, 0), ("0s".to_owned(), 0, 0)]);
    let found = |run: usize| &late["runs"][run]["late"]["false_before_shipment"];
    assert_eq!((found(0), found(1)), (&json!(0), &json!(1)));
    // With a currency amounts can be weighed: 10.00 of each who is named.
    world.write("h.csv", TRAVELS.replace(",10,", ",10.00,").replace(",10.00,1", ",10.50,1"));
    let price = run("price.toml", &[&named[..], &["--currency", "EUR"]].concat());
    assert_eq!(stopped(&price), [("alone".to_owned(), 2, 11), ("0s".to_owned(), 2, 11)]);
    let refused = [&["replay", "h.csv", "--json"], &COLUMNS[..], &["--country", "who"]].concat();
    world.run(&refused).check(3, &["line 2, who: a country is two upper-case letters", "[iso_3166]"]);
}

#[test]
fn counts_are_told_apart_by_amount_and_typology_from_lines_of_json_as_from_csv() {
    let world = World::new();
    let rows = [
        ["1000000000", "tok-0001", "7", "5.00", "1", "F1012"],
        ["1000000001", "tok-0001", "7", "50.00", "1", "F1006"],
        ["1000000002", "tok-0001", "8", "500.00", "1", "F1012"],
        ["1000000003", "tok-0002", "8", "50.00", "0", ""],
    ];
    let names = ["when", "card", "branch", "total", "bad", "reason"];
    let csv: Vec<String> = std::iter::once(names).chain(rows).map(|row| row.join(",")).collect();
    world.write("h.csv", csv.join("\n"));
    let lines = rows.map(|row| {
        let members: serde_json::Map<String, Value> =
            names.into_iter().map(str::to_owned).zip(row.map(Value::from)).collect();
        Value::Object(members).to_string()
    });
    world.write("h.jsonl", lines.join("\n"));
    // Without the names the two branches would be of other institutions.
    world.write("names.csv", "branch,name\n7,north\n8,south\n");
    let map = "--time when --amount total --label bad --indicator token=psp:card --typology reason --institution-by branch \
               --institution-names names.csv --institution-salt s --institutions 2 --share-delay 0s";
    let run = |file: &str, more: &[&str]| {
        let map: Vec<&str> = map.split_whitespace().collect();
        world.run(&[&["replay", file], &map[..], more].concat())
    };
    let report = run("h.csv", &["--json"]).check(0, &[]).json();
    assert_eq!(report, run("h.jsonl", &["--json"]).check(0, &[]).json());
    let parts = |of: &str| -> Vec<(String, [u64; 4])> {
        let parts = report["runs"][1][of].as_array().expect("parts");
        let count = |part: &Value, name: &str| part[name].as_u64().expect("a count");
        let counts = |part: &Value| ["tp", "fp", "fn", "tn"].map(|name| count(part, name));
        parts.iter().map(|part| (part["part"].as_str().expect("a name").to_owned(), counts(part))).collect()
    };
    let expected = |parts: [(&str, [u64; 4]); 3]| parts.map(|(name, counts)| (name.to_owned(), counts)).to_vec();
    assert_eq!(
        parts("by_amount"),
        expected([("1 to 10", [0, 0, 1, 0]), ("10 to 100", [1, 0, 0, 1]), ("100 to 1000", [1, 0, 0, 0])])
    );
    assert_eq!(
        parts("by_typology"),
        expected([("(none)", [0, 0, 0, 1]), ("F1012", [1, 0, 1, 0]), ("F1006", [1, 0, 0, 0])])
    );
    run("h.csv", &[]).check(0, &["recall by amount", "recall by typology", "100 to 1000"]);
}

#[test]
fn a_bad_row_is_reported_and_spoils_no_other_unless_fewer_are_allowed() {
    let world = World::new();
    world.write("h.csv", format!("{HAND}north,2001-09-09T01:46:40,device-0003,1,1\nnorth,yesterday,device-0003,1,1\n"));
    let args = [&["replay", "h.csv"], &COLUMNS[..]].concat();
    let said = world.run(&[&args[..], &["--json"]].concat());
    said.check(3, &["line 14, ts: has no zone", "[time_without_zone]", "line 15, ts", "[time_form]"]);
    let report: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((&report["rows"], &report["refused"]), (&json!(12), &json!(2)));
    assert!(!said.err.contains("2001") && !said.err.contains("yesterday"), "{}", said.err);
    world.run(&[&args[..], &["--max-bad", "2"]].concat()).check(3, &["12 rows"]);
    let refused = world.run(&[&args[..], &["--max-bad", "1", "--report", "bad.csv"]].concat());
    refused.check(1, &["2 rows were refused and --max-bad allows 1; nothing was replayed"]);
    assert!(refused.out.is_empty());
    assert!(world.read("bad.csv").contains("14,ts,time_without_zone"), "{}", world.read("bad.csv"));
}

#[test]
fn columns_and_options_that_do_not_fit_are_wrong_usage() {
    let world = World::new();
    world.write("h.csv", HAND);
    let check = |change: &[(&str, &str)], parts: &[&str]| {
        let mut args = [&["replay", "h.csv"], &COLUMNS[..]].concat();
        for (name, value) in change {
            match args.iter().position(|arg| arg == name) {
                Some(place) => args[place + 1] = value,
                None => args.extend([*name, *value]),
            }
        }
        world.run(&args).check(2, parts);
    };
    check(&[("--amount", "amout")], &["no column \"amout\"", "the nearest is \"amount\""]);
    check(&[("--time", "colour")], &["no column \"colour\""]);
    check(&[("--indicator", "colour=device")], &["KIND is one of pan"]);
    check(&[("--indicator", "token=:device")], &["token=SCHEME:COLUMN"]);
    check(&[("--share-delay", "0s,1x")], &["a whole number with s, m, h, d or w"]);
    check(&[("--expiry", "91d")], &["90 days at most"]);
    check(&[("--expiry", "0s")], &["1s at least"]);
    check(&[("--rule", "all")], &["all", "a rule is any, corroborated, built-in or the file of a policy"]);
    world.write(
        "p.toml",
        "name = \"p\"\nversion = 1\n[[rule]]\nname = \"r\"\nwhen = 'match.own > 1'\ndecision = \"hold\"\n",
    );
    check(
        &[("--rule", "p.toml")],
        &["p.toml:5:9: rule \"r\"", "5 | when = 'match.own > 1'", "1 fault: nothing was replayed"],
    );
    check(&[("--against", "p.toml")], &["p.toml:5:9"]);
    check(&[("--institutions", "0")], &["0 is not in 1..=64"]);
    check(&[("--institution-names", "nowhere.csv")], &["nowhere.csv"]);
    world.write("names.csv", "shop,name\nnorth,Books\n");
    let named = [&["replay", "h.csv"], &COLUMNS[..], &["--institution-names", "names.csv"]].concat();
    world.run(&named).check(3, &["line 4, shop: stands in no row of the file of names [unnamed]"]);
    world.write("h.csv", "shop,ts,device,amount,fraud\n");
    check(&[], &["no rows below its header"]);
    world.write("h.csv", "shop,ts,device,amount,fraud\nnorth,0,device-0001,1,1\nnorth,2000000000,device-0001,1,1\n");
    check(&[], &["more than 40 years apart"]);
}

#[test]
fn what_cannot_be_used_is_counted_apart_and_the_rest_of_its_row_is_screened() {
    let world = World::new();
    world.write(
        "h.csv",
        "ts,fraud,card,device,fee\n\
         1000000000,1,5204740009900015,device-0001,psp-1\n\
         1000000001,0,5204740009900014,device-0001,\n\
         1000000002,1,,,\n\
         1000000003,1,,0000000000000000,\n",
    );
    let columns = ["--time", "ts", "--label", "fraud", "--indicator", "pan=card", "--indicator", "device=device"];
    let args = [&["replay", "h.csv", "--json", "--indicator", "token=psp:fee"], &columns[..]].concat();
    let report = world.run(&args).check(0, &[]).json();
    assert_eq!(report["identifiers"]["malformed"], json!({"pan": {"card_luhn": 1}}));
    assert_eq!(report["identifiers"]["guarded"], json!({"device": 1}));
    assert_eq!(report["identifiers"]["unscreened_rows"], json!(2));
    assert_eq!(stopped(&report), [("alone".to_owned(), 0, 1)], "without a column for institutions there is one");
    assert_eq!(report["runs"][0]["recall_amount"], Value::Null);
}
