//! Publishing, screening and retracting on a running node.

use std::io::Write;
use std::process::Stdio;

use crate::world::{Running, said};

const DEFAULTS: [&str; 8] =
    ["--typology", "F1012", "--severity", "high", "--confidence", "90", "--grounds", "own-confirmed"];

fn with_defaults<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &DEFAULTS[..]].concat()
}

#[test]
fn a_file_is_published_screened_and_retracted() {
    let node = Running::start();
    node.world.write(
        "cases.csv",
        "\u{FEFF}kind,value,typology,severity,confidence,grounds,observed_at,source_ref\r\n\
         email,jane.roe@fraud-mail.net,F1012,high,90,own-confirmed,2026-11-20T10:00:00Z,CASE-1\r\n\
         iban,DE89 3704 0044 0532 0130 00,F1012,HIGH,90,OWN_CONFIRMED,1795000000,CASE-1\r\n",
    );
    assert_eq!(node.decision("email=jane.roe@fraud-mail.net"), "allow");
    node.run("publisher", &["publish", "cases.csv", "--dry-run"]).check(0, &["3 indicators would be published"]);
    assert_eq!(node.decision("email=jane.roe@fraud-mail.net"), "allow", "a dry run publishes nothing");

    let first = node.run("publisher", &["publish", "cases.csv", "--names", "names.csv", "--json"]).check(0, &[]).json();
    assert_eq!((&first["records"], &first["published"], &first["refused"]), (&2.into(), &3.into(), &0.into()));
    let names = node.world.read("names.csv");
    assert_eq!(names.lines().count(), 4, "{names}");
    assert!(names.contains("2,mailbox,members/bank-a/indicators/"), "{names}");
    node.wait_for_decision("email=jane.roe@fraud-mail.net", "challenge");

    let repeated = node.run("publisher", &["publish", "cases.csv", "--names", "again.csv"]);
    repeated.check(0, &["2 records: 0 indicators published, 3 published before, 0 records refused"]);
    assert_eq!(node.world.read("again.csv"), names, "a repeated run changes nothing");
    let believed = node.run("operator", &["status", "--json"]).check(0, &[]).json()["believed"].clone();
    assert_eq!(believed, 3);

    let retract = ["retract", "--reason", "false-positive", "--source-ref", "CASE-1", "--source-ref", "CASE-9"];
    node.run("publisher", &retract)
        .check(3, &["3 indicators retracted", "not_found", "refused: --source-ref number 2: "]);
    node.wait_for_decision("email=jane.roe@fraud-mail.net", "allow");

    // A repeated run may be a retry that was on its way when somebody withdrew: it says so, and how it is published anew.
    let repeated = node.run("publisher", &["publish", "cases.csv"]);
    repeated
        .check(0, &["0 indicators published, 3 published before (3 of them retracted or ended since)", "--again WORD"]);
    std::fs::create_dir(node.world.path("drop")).expect("a folder");
    node.world.write("drop/cases.csv", node.world.read("cases.csv"));
    node.run("publisher", &["watch", "drop", "--once", "--settle-s", "0"]).check(0, &["3 published before (3 of them"]);
    assert_eq!(node.decision("email=jane.roe@fraud-mail.net"), "allow");
    let again = ["publish", "cases.csv", "--again", "monday"];
    node.run("publisher", &again).check(0, &["3 indicators published, 0 records refused"]);
    node.run("publisher", &again).check(0, &["0 indicators published, 3 published before, 0"]);
    node.wait_for_decision("email=jane.roe@fraud-mail.net", "challenge");
}

#[test]
fn refused_records_are_reported_by_line_field_and_rule_and_the_others_published() {
    let node = Running::start();
    node.world.write(
        "mixed.csv",
        b"kind,value,confidence\n\
          iban,DE89370400440532013000,90\n\
          pan,4111111111111112,90\n\
          ip,10.0.0.1,90\n\
          email,jane.roe@fraud-mail.net,high\n\
          colour,4111111111111111,90\n\
          pan,\"4111111111111111,90\n"
            .as_slice(),
    );
    let mut args = with_defaults(&["publish", "mixed.csv", "--report", "refused.csv"]);
    let said = node.run("publisher", &args);
    said.check(3, &["6 records: 1 indicator published, 5 records refused"]);
    let report = node.world.read("refused.csv");
    let rows: Vec<String> =
        report.lines().map(|row| row.splitn(4, ',').take(3).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(
        rows,
        [
            "line,field,rule",
            "3,pan,card_luhn",
            "4,ip,guard_list",
            "5,confidence,confidence",
            "6,kind,unknown_kind",
            "7,,csv_open_quote",
        ]
    );
    for text in [&said.out, &said.err, &report] {
        assert!(!text.contains("4111") && !text.contains("jane.roe"), "{text}");
    }

    args[3] = "refused.jsonl";
    node.run("publisher", &args).check(3, &[]);
    assert!(node.world.read("refused.jsonl").lines().all(|line| line.starts_with("{\"line\":")));

    node.world.write("none.csv", "kind,value\npan,1\n");
    node.run("publisher", &with_defaults(&["publish", "none.csv"])).check(1, &["the record was refused"]);
}

#[test]
fn json_lines_and_wide_files_are_published_from_standard_input() {
    let node = Running::start();
    let lines = "{\"identifier\":{\"kind\":\"email\",\"value\":\"a1@fraud-mail.net\"},\"observedAt\":\"2026-11-20T10:00:00Z\"}\n\
                 {\"kind\":\"email\",\"value\":\"a2@fraud-mail.net\"}\n\
                 {\"kind\":\"email\",\"value\":\"a3@frau";
    let said = node.run_with("publisher", &with_defaults(&["publish", "-"]), lines);
    said.check(3, &["line 3", "json_truncated", "3 records: 4 indicators published"]);

    let wide = "order;card;mail\n1;4539578763621486;b1@fraud-mail.net\n2;;b2@fraud-mail.net\n";
    let args = ["publish", "-", "--delimiter", ";", "--map", "pan=card", "--map", "email=mail"];
    node.run_with("publisher", &with_defaults(&args), wide).check(0, &["2 records: 5 indicators published"]);
    node.wait_for_decision("pan=4539 5787 6362 1486", "challenge");

    let orders = "mail,amount_minor,order\nb2@fraud-mail.net,100,o-1\nnobody@good-mail.net,12.50,o-2\nnobody@good-mail.net,5,o-3\n";
    let args =
        ["screen", "-", "--map", "email=mail", "--map", "amount_minor=amount_minor", "--map", "transaction_ref=order"];
    let said = node.run_with("screener", &[&args[..], &["--json"]].concat(), orders);
    said.check(3, &["line 3, amount_minor", "2 transactions screened: 1 allow, 1 challenge"]);
    let answers: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    assert_eq!((&answers[0]["line"], &answers[0]["decision"]), (&2.into(), &"challenge".into()));
    assert_eq!((&answers[1]["transaction_ref"], &answers[1]["decision"]), (&"o-3".into(), &"allow".into()));
}

#[test]
fn more_records_than_one_call_takes_are_published_in_several() {
    let node = Running::start();
    let mut file = "kind,value\n".to_owned();
    for number in 0..2_345 {
        file.push_str(&format!("device,device-number-{number:06}\n"));
    }
    node.world.write("many.csv", file);
    let args = with_defaults(&["publish", "many.csv", "--json"]);
    assert_eq!(node.run("publisher", &args).check(0, &[]).json()["published"], 2_345);
    let repeated = node.run("publisher", &args).check(0, &[]).json();
    assert_eq!((&repeated["published"], &repeated["published_before"]), (&0.into(), &2_345.into()));
    node.wait_for_decision("device=device-number-002344", "challenge");
    let status = node.run("operator", &["status", "--json"]).check(0, &[]).json();
    assert_eq!(status["believed"], 2_345, "a repeated run publishes nothing twice");
}

#[test]
fn a_growing_file_is_followed() {
    let node = Running::start();
    node.world.write("events.csv", "kind,value\nemail,f1@fraud-mail.net\n");
    let mut follower = std::process::Command::new(env!("CARGO_BIN_EXE_hushwire"));
    follower
        .args(with_defaults(&["publish", "events.csv", "--follow", "--state", "state"]))
        .current_dir(node.world.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for (name, value) in node.command("publisher").get_envs() {
        if let Some(value) = value {
            follower.env(name, value);
        }
    }
    let mut follower = follower.spawn().expect("it starts");
    node.wait_for_decision("email=f1@fraud-mail.net", "challenge");
    let mut file = std::fs::OpenOptions::new().append(true).open(node.world.path("events.csv")).expect("ours");
    file.write_all(b"email,f2@fraud-mail.net\n").expect("writable");
    node.wait_for_decision("email=f2@fraud-mail.net", "challenge");
    follower.kill().expect("it still follows");
    follower.wait().expect("it is ours");
}

#[test]
fn a_row_refused_in_part_is_done_in_part() {
    let node = Running::start();
    node.world.write("wide.csv", "pan,iban\n4111111111111112,DE89370400440532013000\n");
    let said = node.run("publisher", &with_defaults(&["publish", "wide.csv"]));
    said.check(3, &["1 indicator published, 1 record refused"]);
    assert!(!said.err.contains("nothing was done"), "{}", said.err);
    node.wait_for_decision("iban=DE89370400440532013000", "challenge");
    node.run("screener", &["screen", "wide.csv"]).check(3, &["1 transaction screened"]);
    node.world.write("withdrawn.csv", "kind,value,source_ref\niban,DE89370400440532013000,CASE-9\n");
    let retract = ["retract", "--reason", "resolved", "--file", "withdrawn.csv"];
    node.run("publisher", &retract).check(3, &["1 indicator retracted", "not_found"]);
}

#[test]
fn a_bench_tells_how_many_orders_were_answered_and_how_fast() {
    let node = Running::start();
    let short = ["bench", "--seconds", "1", "--warm-up", "0", "--in-flight", "32", "--json"];
    // However slow the machine, 20 orders a second cannot find 32 places taken.
    for more in [&[][..], &["--batch", "8"], &["--rate", "20"]] {
        let measured = node.run("screener", &[&short[..], more].concat()).check(0, &[]).json();
        let screened = measured["screened"].as_u64().expect("a count");
        assert!(screened > 0, "{measured}");
        assert_eq!(measured["decisions"]["allow"], screened, "the orders are invented: nobody is flagged");
        let latency = |name: &str| measured["latency_us"][name].as_u64().expect("microseconds");
        assert!(0 < latency("p50") && latency("p50") <= latency("p99_9"), "{measured}");
    }
    node.world.write("orders.csv", "email,pan\na@fraud-mail.net,4111111111111112\n");
    let own = ["bench", "--file", "orders.csv", "--seconds", "1", "--warm-up", "0"];
    node.run("screener", &own).check(0, &["answered", "p99.9"]);
    // What nothing can be looked up for is no answer.
    node.world.write("orders.csv", "email,pan\na@fraud-mail.net,\n,4111111111111112\n");
    node.run("screener", &own).check(3, &["calls: CARD_LUHN"]);
    node.run("publisher", &["bench", "--seconds", "1"]).check(1, &["hushwire cert issue"]);
}

#[test]
fn a_caller_without_the_role_is_refused_with_the_command_that_helps() {
    let node = Running::start();
    node.world.write("cases.csv", "kind,value\nemail,a@fraud-mail.net\n");
    node.run("screener", &with_defaults(&["publish", "cases.csv"])).check(1, &["hushwire cert issue"]);
    node.run("publisher", &["status"]).check(1, &["hushwire cert issue"]);
}

#[test]
fn a_run_that_breaks_off_says_that_repeating_is_harmless() {
    let mut node = Running::start();
    node.world.write("cases.csv", "kind,value\nemail,a@fraud-mail.net\n");
    node.kill();
    node.run("publisher", &with_defaults(&["publish", "cases.csv"]))
        .check(4, &["cannot be reached", "0 published before it", "nothing is published twice"]);
}

#[test]
fn the_ready_file_is_there_only_while_the_node_serves() {
    let mut node = Running::start();
    let ready = node.world.path("ready.json");
    node.kill();
    assert!(ready.exists(), "whoever is killed removes nothing");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut next = node.world.command();
    next.args(["serve", "--config", "node/hushwire.toml", "--ready-file", "ready.json"]);
    next.env("HUSHWIRE__PEER__LISTEN", taken.local_addr().expect("bound").to_string());
    said(&mut next).check(1, &["cannot be listened on"]);
    assert!(!ready.exists(), "a start removes what a killed node left, also where it fails");

    let mut node = Running::start();
    node.run("operator", &["status"]).check(0, &[]);
    assert!(node.world.path("ready.json").exists());
    assert_eq!(node.stop(), Some(0), "{}", node.world.read("serve.log"));
    assert!(!node.world.path("ready.json").exists());
}

#[test]
fn evidence_does_not_replace_a_file_that_exists() {
    let node = Running::start();
    let check = |args: &[&str]| {
        let args = [&["audit"], args, &["--out", "evidence"][..]].concat();
        node.run("auditor", &args).check(0, &["verified"]);
        let written = node.world.read("evidence");
        node.run("auditor", &args).check(1, &["evidence exists already", "hint: choose another --out"]);
        assert_eq!(node.world.read("evidence"), written);
        std::fs::remove_file(node.world.path("evidence")).expect("ours");
    };
    check(&["export"]);
    check(&["prove", "--index", "0"]);
}

#[test]
fn an_address_and_its_mailbox_an_order_and_its_line_are_told_apart() {
    let node = Running::start();
    let mut args = with_defaults(&["publish", "cases.csv"]);
    node.world.write("cases.csv", "kind,value\nemail,jane.roe@gmail.com\n");
    node.run("publisher", &args).check(0, &[]);
    node.wait_for_decision("email=jane.roe@gmail.com", "challenge");
    let parts = ["of the mailbox: F1012", "of the e-mail address: F1012"];
    node.run("screener", &["screen", "--identifier", "email=jane.roe@gmail.com"]).check(0, &parts);
    let json = node.run("screener", &["screen", "--identifier", "email=jane.roe@gmail.com", "--json"]).json();
    let kinds = json["matches"][0]["indicators"].as_array().expect("two").iter().map(|one| one["kind"].as_str());
    assert_eq!(kinds.collect::<std::collections::BTreeSet<_>>(), [Some("email"), Some("mailbox")].into());

    node.world.write("orders.csv", "transaction_ref,email\nORDER-17,jane.roe@gmail.com\n,a.b@gmail.com\n");
    let told = node.run("screener", &["screen", "orders.csv"]);
    let lines: Vec<Vec<&str>> = told.out.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    assert_eq!((&lines[0][..], &lines[1][..2]), (&["2", "ORDER-17", "challenge"][..], &["3", "allow"][..]));

    args.extend(["--group", "cards"]);
    let refused = node.run("publisher", &args);
    refused.check(1, &["publishes in no such group; it publishes in all"]);
    node.run("screener", &["screen", "--identifier", "email=a@b.de", "--amount-minor", "12.50"])
        .check(2, &["whole minor units", "1250 for 12.50"]);
    node.run("auditor", &["audit", "list", "--action", "no.such"]).check(0, &["no record of this kind"]);
    node.run("auditor", &["audit", "verify", "cases.csv"]).check(5, &["not an export or report of an audit log"]);
}
