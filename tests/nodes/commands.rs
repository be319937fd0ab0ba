//! What commands do beside a node stands in its audit log: at once where it runs, at its next start where it does not, and once.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::consortium::Consortium;
use crate::node::{Node, wait};

/// The records that were made of commands: action and subject, in the order of the log.
fn told(consortium: &Consortium, node: &Node) -> Vec<(String, String)> {
    let listed = consortium.audit_list(node, &[]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let records = listed["records"].as_array().expect("records");
    let ours = records.iter().filter(|record| record["fields"].get("command_id").is_some());
    let user = format!("MACHINE/uid-{}", rustix::process::getuid().as_raw());
    ours.map(|record| {
        assert_eq!((&record["actor"], &record["outcome"]), (&Value::from(user.as_str()), &"ok".into()), "{record}");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&record["action"]), text(&record["subject"]))
    })
    .collect()
}

fn notes(node: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(node.join("commands")).expect("made at the start");
    entries.map(|entry| entry.expect("readable").path()).collect()
}

#[test]
fn whom_a_command_let_in_or_shut_out_and_what_it_copied_is_in_the_log_at_once() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let home = a.home.path();
    // Those that were left before its first start.
    let before = wait("earlier notes are taken", || {
        let before = told(&consortium, &a);
        (notes(&home).is_empty() && !before.is_empty()).then_some(before)
    });
    for action in ["keys.made", "consortium.joined"] {
        assert!(before.iter().any(|(told, _)| told == action), "{action} is missing in {before:?}");
    }
    let token = consortium.succeed("token issue --role screener --name shop --expires 1d --dir bank-a").stdout;
    for line in [
        "cert issue screener till --dir bank-a",
        "cert issue screener till --dir bank-a --replace",
        "cert revoke screener till --dir bank-a",
        "token revoke shop --dir bank-a",
        "cert authority --dir bank-a",
        "key rotate witness --dir bank-a",
        "key rotate witness --dir bank-a --abandon",
        "backup bank-a.backup --config bank-a/hushwire.toml",
    ] {
        consortium.succeed(line);
    }
    // What was refused is nothing that was done.
    for line in [
        "cert issue screener till --dir bank-a",
        "cert issue screener other --days 100000 --dir bank-a",
        "token issue --role screener --name shop --expires 1d --dir bank-a",
        "token revoke nobody --dir bank-a",
        "key rotate witness --dir bank-a --abandon",
        "key forget-epoch 1 --dir bank-a",
    ] {
        let refused = consortium.run(&line.split(' ').collect::<Vec<_>>());
        assert_ne!(refused.code, 0, "{line}");
    }
    let expected = [
        ("token.issued", "screener/token.shop"),
        ("cert.issued", "screener/till"),
        ("cert.issued", "screener/till"),
        ("cert.revoked", "screener/till"),
        ("token.revoked", "token.shop"),
        ("cert.renewed", "authority"),
        ("key.prepared", "witness"),
        ("key.abandoned", "witness"),
        ("backup.made", ""),
    ];
    let expected: Vec<_> = expected.map(|(action, subject)| (action.to_owned(), subject.to_owned())).into();
    let after = wait("all of it is told", || {
        let after = told(&consortium, &a).split_off(before.len());
        (after.len() >= expected.len()).then_some(after)
    });
    assert_eq!(after, expected);
    let log = consortium.audit_list(&a, &[]).stdout;
    assert!(!log.contains(token.trim()), "the log holds a token");
}

#[test]
fn a_note_left_for_a_stopped_node_is_taken_once_however_often_it_comes_back() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let home = a.home.path();
    wait("earlier notes are taken", || notes(&home).is_empty().then_some(()));
    a.stop();
    consortium.succeed("token issue --role screener --name shop --expires 1d --dir bank-a");
    let [note]: [PathBuf; 1] = notes(&home).try_into().expect("one note");
    let content = fs::read(&note).expect("readable");
    let once = |a: &Node| {
        wait("the note is gone", || notes(&home).is_empty().then_some(()));
        let all = told(&consortium, a);
        assert_eq!(all.iter().filter(|(action, _)| action == "token.issued").count(), 1, "{all:?}");
    };
    let a = consortium.start("bank-a");
    a.until_ready();
    wait("it is told", || told(&consortium, &a).iter().any(|(action, _)| action == "token.issued").then_some(()));
    once(&a);
    // As after a crash between its record and its removal: beside the running node, and at a start.
    fs::write(&note, &content).expect("written");
    once(&a);
    a.kill();
    fs::write(&note, &content).expect("written");
    // What is no note is told of, and holds up none.
    fs::write(home.join("commands/0123.json"), "{}").expect("written");
    let a = consortium.start("bank-a");
    a.until_ready();
    let log = || fs::read_to_string(a.home.log()).expect("a log");
    wait("the damaged one is told", || log().contains("commands.kept").then_some(()));
    fs::remove_file(home.join("commands/0123.json")).expect("there");
    once(&a);
}

#[test]
fn a_restored_node_tells_that_it_was_restored() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let home = a.home.path();
    let address = fs::read(home.join("peer.address")).expect("prepared");
    a.stop();
    consortium.succeed("backup bank-a.backup --config bank-a/hushwire.toml");
    fs::remove_dir_all(&home).expect("the machine is gone");
    consortium.succeed("restore bank-a.backup --to bank-a");
    fs::write(home.join("peer.address"), address).expect("written");
    let a = consortium.start("bank-a");
    let restored = ("backup.restored".to_owned(), String::new());
    let all = wait("it is told", || {
        let all = told(&consortium, &a);
        all.contains(&restored).then_some(all)
    });
    assert!(!all.iter().any(|(action, _)| action == "backup.made"), "no backup knows of itself: {all:?}");
}

#[test]
fn what_made_a_node_and_which_rosters_were_put_into_it_is_told_at_its_next_start() {
    let consortium = Consortium::found(&["bank-a"]);
    let made = "init --member solo --dir solo --local 127.0.0.1:0 --peer 127.0.0.1:0";
    consortium.succeed(made);
    let [note]: [PathBuf; 1] = notes(&consortium.path().join("solo")).try_into().expect("one note");
    assert!(fs::read_to_string(note).expect("readable").contains("make_node"));
    consortium.succeed("member propose --dir bank-a --renew-days 300 --out renewed");
    let files = consortium.sign("renewed").join(" ");
    for _ in 0..2 {
        consortium.succeed(&format!("member apply --dir bank-a {files}"));
    }
    let a = consortium.start("bank-a");
    a.until_ready();
    let all = wait("they are told", || {
        let all = told(&consortium, &a);
        notes(&a.home.path()).is_empty().then_some(all)
    });
    let put: Vec<_> = all.iter().filter(|(action, _)| action == "roster.put").collect();
    assert_eq!(
        put,
        [&("roster.put".to_owned(), "2".to_owned())],
        "what is there already is not put there again: {all:?}"
    );
}
