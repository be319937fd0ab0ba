//! Files dropped into a folder are published whole and once, and go where their records went.

use std::fs;

use crate::caller::feed_size;
use crate::consortium::Consortium;
use crate::follow::{REST, Running, reach};
use crate::node::{Node, wait};

const ORIGIN: &str = "demo.example/bank-a/all";

fn watched() -> (Consortium, Node) {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    node.until_ready();
    fs::create_dir(consortium.path().join("drop")).expect("made");
    (consortium, node)
}

fn until_signed(node: &Node, entries: u64) {
    let status = node.until("signed", |status| status.pending == 0 && feed_size(status, ORIGIN) >= entries);
    assert_eq!(feed_size(&status, ORIGIN), entries);
}

#[test]
fn files_go_to_done_or_with_a_report_to_refused() {
    let (consortium, node) = watched();
    let reach = reach(&node);
    let watch = |settle_s: &str| {
        let mut words = vec!["watch", "drop", "--once", "--json", "--settle-s", settle_s];
        words.extend(REST);
        words.extend(reach.iter().map(String::as_str));
        consortium.run(&words)
    };
    let there = |path: &str| consortium.path().join("drop").join(path).exists();
    consortium.file("drop/b.csv", "kind,value\ndevice,dropped-device-0001\npan,4111111111111112\n");
    consortium.file("drop/a.csv", "kind,value\ndevice,dropped-device-0002\n");
    consortium.file("drop/c.csv", "no header at all\n4111111111111111\n");
    consortium.file("drop/d.csv.part", "kind,value\ndevice,dropped-device-0003\n");
    let said = watch("1");
    assert_eq!(said.code, 3, "{}", said.stderr);
    let order: Vec<serde_json::Value> =
        said.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let moved: Vec<&str> = order.iter().map(|told| told["moved_to"].as_str().expect("told")).collect();
    assert_eq!(moved, ["done/a.csv", "refused/b.csv", "refused/c.csv"]);
    until_signed(&node, 2);
    assert!(there("d.csv.part") && !there("a.csv") && !there("b.csv") && !there("c.csv"));
    let report = |name: &str| fs::read_to_string(consortium.path().join("drop/refused").join(name)).expect("written");
    assert!(report("b.csv.report.csv").contains("\n3,pan,card_luhn,"), "{}", report("b.csv.report.csv"));
    assert!(report("c.csv.report.csv").contains("\n0,,unreadable_file,"), "{}", report("c.csv.report.csv"));
    for text in [report("b.csv.report.csv"), report("c.csv.report.csv"), said.stdout, said.stderr] {
        assert!(!text.contains("4111") && !text.contains("dropped-device"), "{text}");
    }

    // The writer is done; the same statements come a second time under another name.
    let drop = consortium.path().join("drop");
    fs::rename(drop.join("d.csv.part"), drop.join("d.csv")).expect("renamed");
    fs::copy(drop.join("done/a.csv"), drop.join("a.csv")).expect("copied");
    assert_eq!(watch("0").code, 0);
    until_signed(&node, 3);
    assert!(there("done/d.csv") && there("done/a.csv.1"));
    let words = ["watch", "drop", "--report", "r.csv"];
    assert_eq!(consortium.run(&[&words[..], &reach.each_ref().map(String::as_str)].concat()).code, 2);
}

#[test]
fn a_watcher_killed_in_the_middle_of_a_file_publishes_its_rest_and_nothing_twice() {
    let (consortium, node) = watched();
    let rows: String = (0..6_000).map(|number| format!("device,dropped-device-{number:05}\n")).collect();
    let reach = reach(&node);
    let start = || {
        let mut words = vec!["watch", "drop", "--settle-s", "0"];
        words.extend(REST);
        words.extend(reach.iter().map(String::as_str));
        Running::start(consortium.path(), &words, "watch.log")
    };
    let running = start();
    consortium.file("whole.csv", &format!("kind,value\n{rows}"));
    let drop_folder = consortium.path().join("drop");
    fs::rename(consortium.path().join("whole.csv"), drop_folder.join("whole.csv")).expect("renamed");
    node.until("some of it is published", |status| status.pending > 0 || feed_size(status, ORIGIN) > 0);
    drop(running);
    let running = start();
    wait("the file is done", || drop_folder.join("done/whole.csv").exists().then_some(()));
    until_signed(&node, 6_000);
    assert_eq!(running.stop(), Some(0));

    // Stopped by a signal it says what it left behind, as every other command does.
    let running = start();
    consortium.file("drop/refused.csv", "kind,value\npan,4111111111111112\n");
    wait("the file is refused", || drop_folder.join("refused/refused.csv").exists().then_some(()));
    assert_eq!(running.stop(), Some(3));
}
