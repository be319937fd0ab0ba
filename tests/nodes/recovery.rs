//! A damaged journal, and an old one put back: the node gets back what others hold and never signs a size twice.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hushwire::base::limits;
use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;

use crate::caller::feed_size;
use crate::consortium::Consortium;
use crate::keys::{many, update};
use crate::node::Node;

const FEED: &str = "demo.example/bank-a/all";

fn flag_all(node: &Node, devices: &[&'static str]) {
    for device in devices {
        node.flag((IdentifierKind::Device, *device));
    }
    node.until("signed", |status| status.pending == 0 && status.state == "ready");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("readable").map(|entry| entry.expect("readable")) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[test]
fn a_damaged_journal_is_set_aside_and_every_feed_comes_back_from_the_others() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    flag_all(&a, &["recovery-device-0001", "recovery-device-0002"]);
    b.until("believed", |status| status.believed == 2);
    let home = a.home.clone();
    a.kill();
    let files =
        fs::read_dir(home.path().join("journal")).expect("a journal").map(|file| file.expect("readable").path());
    let segment = files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "segment"));
    let segment = segment.expect("a segment");
    let mut bytes = fs::read(&segment).expect("readable");
    let early = bytes.len() / 4;
    bytes[early] ^= 1;
    fs::write(&segment, bytes).expect("written");

    let refused = match home.start() {
        Ok(_) => panic!("it starts on a damaged journal"),
        Err(said) => said,
    };
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("serve --recover"), "{}", refused.stderr);
    let a = home.start_as(&["--recover"], &[]).unwrap_or_else(|said| panic!("it recovers: {}", said.stderr));
    a.until("its own feed is back", |status| status.state == "ready" && feed_size(status, FEED) == 2);
    flag_all(&a, &["recovery-device-0003"]);
    b.until("goes on", |status| status.believed == 3 && feed_size(status, FEED) == 3);
    let log = fs::read_to_string(home.log()).expect("a log");
    assert!(log.contains("store.set_aside") && log.contains("store.salvaged"), "it says what it did");
    assert!(log.contains("the audit log from there on"), "and what is lost");
    let kept = fs::read_dir(home.path()).expect("readable").map(|entry| entry.expect("readable").file_name());
    assert!(kept.into_iter().any(|name| name.to_string_lossy().starts_with("journal.damaged-")));
}

#[test]
fn an_old_journal_put_back_never_signs_a_size_twice() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    flag_all(&a, &["recovery-device-0001"]);
    b.until("believed", |status| status.believed == 1);
    let home = a.home.clone();
    a.stop();
    let (journal, backup) = (home.path().join("journal"), home.path().join("backup"));
    copy(&journal, &backup);
    let a = consortium.start("bank-a");
    flag_all(&a, &["recovery-device-0002", "recovery-device-0003"]);
    b.until("believed", |status| status.believed == 3);
    a.kill();
    fs::remove_dir_all(&journal).expect("removed");
    copy(&backup, &journal);

    let a = consortium.start("bank-a");
    flag_all(&a, &["recovery-device-0004"]);
    let status = b.until("goes on", |status| status.believed == 4 && feed_size(status, FEED) == 4);
    assert!(status.feeds.iter().all(|feed| !feed.quarantined));
    a.until("has everything back", |status| feed_size(status, FEED) == 4 && status.believed == 4);
}

#[test]
fn an_audit_log_is_cosigned_by_others_and_a_copy_put_back_is_not() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    a.until("cosigned", |status| status.audit_witnesses == ["demo.example/bank-b/witness"]);
    let export = |node: &Node, file: &str| {
        let identity = node.home.identity("auditor");
        consortium.succeed(&format!(
            "audit export --json --out {file} --endpoint {} --identity {}",
            node.local,
            identity.display()
        ))
    };
    let said = export(&a, "log.jsonl");
    assert!(said.stdout.contains("demo.example/bank-b/witness"), "{}", said.stdout);
    let verified = consortium.succeed("audit verify log.jsonl --roster bank-b/roster.note");
    assert!(verified.stdout.contains("witnessed up to size"), "{}", verified.stdout);
    let key = consortium.succeed("key show --dir bank-a --json").stdout;
    let key: serde_json::Value = serde_json::from_str(&key).expect("JSON");
    let own = key["witness_key"].as_str().expect("a key");
    let refused = consortium.run(&["audit", "verify", "log.jsonl", "--witness-key", own]);
    assert_eq!(refused.code, 5, "{}", refused.stdout);

    let home = a.home.clone();
    a.stop();
    let (journal, backup) = (home.path().join("journal"), home.path().join("backup"));
    copy(&journal, &backup);
    let a = consortium.start("bank-a");
    let size = a.status().audit_size;
    // What was recorded behind one head stands under the next.
    let heartbeat = Duration::from_secs(limits::HEARTBEAT_S);
    a.until_within(heartbeat, "cosigned further", |status| status.audit_witnessed_size >= size);
    a.kill();
    fs::remove_dir_all(&journal).expect("removed");
    copy(&backup, &journal);

    let a = consortium.start("bank-a");
    let status = a.until("it is told", |status| status.alarms.iter().any(|alarm| alarm.contains("audit log")));
    assert!(status.audit_witnessed_size < size);
    let told = export(&a, "diverged.jsonl");
    assert!(told.stdout.contains("\"verified\":true"), "{}", told.stdout);
    let log = fs::read_to_string(consortium.path().join("diverged.jsonl")).expect("exported");
    assert!(log.contains("audit.diverged"));
    assert!(b.status().alarms.is_empty(), "nobody is accused");

    // Under another key its log begins anew. The stream on which b witnesses it is the one on which it did not match.
    consortium.succeed("key rotate audit --dir bank-a");
    update(&consortium, "next-audit", &[&a, &b], 2);
    a.until("cosigned again", |status| status.audit_witnesses == ["demo.example/bank-b/witness"]);
}

#[test]
fn a_recovery_killed_before_its_journal_was_in_place_is_finished_by_the_next_start() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, _b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    flag_all(&a, &["recovery-device-0005"]);
    let home = a.home.clone();
    a.stop();
    // The damaged one is gone from its place; the new one waits beside it.
    fs::rename(home.path().join("journal"), home.path().join("journal.salvaged")).expect("renamed");
    let a = consortium.start("bank-a");
    a.until("goes on", |status| status.state == "ready" && status.believed == 1);
    assert!(!home.path().join("journal.salvaged").exists());
}

#[test]
fn what_a_former_feed_key_signed_comes_back_to_an_author_that_starts_under_the_next_one() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    flag_all(&a, &["recovery-device-0006"]);
    let home = a.home.clone();
    a.stop();
    let (journal, backup) = (home.path().join("journal"), home.path().join("backup"));
    copy(&journal, &backup);

    // The admins take their time: the feed outgrows the size before anybody follows the roster.
    let a = consortium.start("bank-a");
    consortium.succeed("key rotate feed --dir bank-a --from-size all=1500");
    consortium.succeed("member card --dir bank-a --out next-feed.card");
    consortium.succeed("member propose --dir bank-b --update next-feed.card --out next-feed");
    for (from, until) in [(0, 800), (800, 1_600)] {
        let published = a.publish("", many(from, until)).expect("published");
        assert!(published.refused.is_empty(), "{:?}", published.refused);
    }
    b.until("follows", |status| feed_size(status, FEED) == 1_601);
    a.kill();
    let files = consortium.sign("next-feed").join(" ");
    for member in ["bank-a", "bank-b"] {
        consortium.succeed(&format!("member apply --dir {member} {files}"));
    }
    b.reload();
    b.until("the new roster", |status| status.roster_version == 2);
    fs::remove_dir_all(&journal).expect("removed");
    copy(&backup, &journal);
    // Not even its own note of what it had signed is left.
    fs::remove_file(home.path().join("fence")).expect("there");

    let a = consortium.start("bank-a");
    a.until("its own feed is back", |status| status.state == "ready" && feed_size(status, FEED) == 1_601);
    flag_all(&a, &["recovery-device-0007"]);
    let held = b.until("goes on", |status| feed_size(status, FEED) == 1_602);
    assert!(held.feeds.iter().all(|feed| !feed.quarantined), "{held:?}");
}
