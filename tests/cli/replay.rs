//! `hushwire replay`: counts that were computed without it, and what it says of files that do not fit.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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
fn stopped(report: &Value) -> Vec<(String, u64, u64)> {
    let runs = report["runs"].as_array().expect("runs");
    let count = |run: &Value, name: &str| run[name].as_u64().expect("a count");
    let sharing = |run: &Value| run["sharing"].as_str().expect("a name").to_owned();
    runs.iter().map(|run| (sharing(run), count(run, "tp"), count(run, "fp"))).collect()
}

fn expected(counts: [(&str, u64, u64); 4]) -> Vec<(String, u64, u64)> {
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
    let parts = ["no history tells of", "decided: fraud / honest", "rule -> against", "challenge -> challenge"];
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

/// One row of a generated history.
struct Row {
    at: u64,
    shop: usize,
    device: usize,
    mail: Option<usize>,
    fraud: bool,
}

const SHOPS: usize = 7;
const DAY: u64 = 86_400;

/// Bursts of fraud on few devices and mailboxes, several rows a second, times in every form that is read.
fn generated(seed: u64) -> (Vec<Row>, String) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut rows: Vec<Row> = (0..700)
        .map(|_| {
            let device = rng.random_range(0..25);
            let at = 1_600_000_000 + rng.random_range(0..6) * DAY + rng.random_range(0..40) * 900;
            let mail = rng.random_bool(0.5).then(|| rng.random_range(0..30));
            Row {
                at,
                shop: rng.random_range(0..SHOPS),
                device,
                mail,
                fraud: rng.random_bool(if device < 6 { 0.3 } else { 0.03 }),
            }
        })
        .collect();
    let mut text = "mail,shop,when,device,label\n".to_owned();
    for (nth, row) in rows.iter().enumerate() {
        let at = i64::try_from(row.at).expect("small");
        let when = match nth % 4 {
            0 => row.at.to_string(),
            1 => format!("{}000", row.at),
            2 => jiff::Timestamp::from_second(at).expect("a time").to_string(),
            _ => jiff::Timestamp::from_second(at + 3_600).expect("a time").to_string().replace('Z', "+01:00"),
        };
        // Spellings that reach one mailbox.
        let dots = if nth % 2 == 0 { "." } else { "" };
        let mail = row.mail.map(|mail| format!("box{dots}{mail}+{}@gmail.com", nth % 3)).unwrap_or_default();
        let label = if row.fraud { ["1", "true", "chargeback"][nth % 3] } else { ["0", "", "false"][nth % 3] };
        writeln!(text, "{mail},shop {},{when},device-{:04},{label}", row.shop, row.device).expect("text grows");
    }
    rows.sort_by_key(|row| row.at);
    (rows, text)
}

fn institution(shop: usize, count: u64) -> u64 {
    let hash = Sha256::digest(format!("salt:shop {shop}"));
    u64::from_be_bytes(hash[..8].try_into().expect("eight bytes")) % count
}

/// What the rules say, by looking at every pair of rows.
fn looked_at(rows: &[Row], delay: Option<u64>, is_corroborated: bool) -> (u64, u64) {
    const EXPIRY: u64 = 2 * DAY;
    let mut stopped = (0, 0);
    for row in rows {
        let own = institution(row.shop, 4);
        let holds = |same: &dyn Fn(&Row) -> bool| {
            let flags =
                rows.iter().filter(|flag| flag.fraud && same(flag) && flag.at < row.at && row.at < flag.at + EXPIRY);
            let visible: Vec<u64> = flags
                .filter(|flag| institution(flag.shop, 4) == own || delay.is_some_and(|delay| flag.at + delay <= row.at))
                .map(|flag| institution(flag.shop, 4))
                .collect();
            let distinct = visible.iter().collect::<BTreeSet<_>>().len();
            let own = visible.iter().filter(|institution| **institution == own).count();
            if is_corroborated { own >= 2 || distinct >= 2 } else { distinct >= 1 }
        };
        let by_device = holds(&|flag| flag.device == row.device);
        if by_device || (row.mail.is_some() && holds(&|flag| flag.mail == row.mail)) {
            *if row.fraud { &mut stopped.0 } else { &mut stopped.1 } += 1;
        }
    }
    stopped
}

#[test]
fn a_generated_history_gives_what_looking_at_every_pair_of_rows_gives() {
    for seed in [1, 2] {
        let (rows, text) = generated(seed);
        let world = World::new();
        world.write("g.csv", text);
        let args = [
            "replay",
            "g.csv",
            "--time",
            "when",
            "--label",
            "label",
            "--indicator",
            "device=device",
            "--indicator",
            "email=mail",
            "--institution-by",
            "shop",
            "--institution-salt",
            "salt",
            "--institutions",
            "4",
            "--share-delay",
            "0s,15m,1d",
            "--rule",
            "any",
            "--against",
            "corroborated",
            "--json",
        ];
        let report = world.run(&args).check(0, &[]).json();
        for (nth, delay) in [None, Some(0), Some(900), Some(DAY)].into_iter().enumerate() {
            let run = &report["runs"][nth];
            let count = |value: &Value| value.as_u64().expect("a count");
            let any = (count(&run["tp"]), count(&run["fp"]));
            assert_eq!(any, looked_at(&rows, delay, false), "seed {seed}, {delay:?}");
            let of =
                |who: &str| count(&run["difference"]["both"][who]) + count(&run["difference"]["only_against"][who]);
            let corroborated = (of("fraud"), of("honest"));
            assert_eq!(corroborated, looked_at(&rows, delay, true), "seed {seed}, {delay:?}");
            assert!(any.0 > corroborated.0 && corroborated.0 > 0, "a history in which nothing differs shows nothing");
        }
    }
}

/// `data/README.md` of the shared folder.
#[test]
fn the_published_history_gives_the_counts_of_its_table() {
    let Some(shared) = std::env::var_os("HUSHWIRE_SHARED").map(PathBuf::from) else {
        eprintln!("not run: HUSHWIRE_SHARED does not name the folder of histories");
        return;
    };
    let (history, names) = (shared.join("data/txn_sparkov.csv"), shared.join("data/merchants_sparkov.csv"));
    let world = World::new();
    let (history, names) = (history.to_str().expect("a path"), names.to_str().expect("a path"));
    let args = [
        "replay",
        history,
        "--time",
        "ts",
        "--amount",
        "amount_cents",
        "--label",
        "fraud",
        "--indicator",
        "pan=pan",
        "--institution-by",
        "merchant",
        "--institution-names",
        names,
        "--institution-salt",
        "retailer",
        "--institutions",
        "5",
        "--share-delay",
        "0s,1h,24h",
        "--rule",
        "any",
        "--against",
        "corroborated",
        "--expiry",
        "2d",
        "--ship-after",
        "24h",
        "--json",
    ];
    let report = world.run(&args).check(0, &[]).json();
    let any = [("alone", 702, 319), ("0s", 1174, 508), ("1h", 1100, 508), ("24h", 884, 473)];
    assert_eq!(stopped(&report), expected(any));
    let runs = report["runs"].as_array().expect("runs");
    let count = |value: &Value| value.as_u64().expect("a count");
    let corroborated = runs.iter().map(|run| {
        let of = |who: &str| count(&run["difference"]["both"][who]) + count(&run["difference"]["only_against"][who]);
        (of("fraud"), of("honest"))
    });
    assert_eq!(corroborated.collect::<Vec<_>>(), [(314, 143), (995, 479), (918, 478), (666, 383)]);
    // Worked out with another program that looks at every flag of a card.
    let late = runs.iter().map(|run| {
        let of = |name: &str| count(&run["late"][name]);
        (of("caught_before_shipment"), of("caught_after_shipment"), of("false_before_shipment"))
    });
    assert_eq!(late.collect::<Vec<_>>(), [(259, 129, 116), (140, 5, 246), (213, 6, 229), (364, 71, 151)]);
}
