//! The exchange log and looking up: an auditor reads, proves and takes along; an analyst looks an identifier up, and nothing of it
//! stays.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use serde_json::json;

use crate::browser::{CONSOLE, play, stage};
use crate::caller::{Identifier, draft, feed_size, identifier};
use crate::consortium::Consortium;
use crate::node::wait_longer;
use crate::people::invite;

/// What bank-b says is wrong of, what bank-a says so of itself, and what only somebody at the console types.
const CARD: Identifier = (IdentifierKind::Pan, "4539578763621486");
const MAIL: Identifier = (IdentifierKind::Email, "ursula.overseen@gmail.com");
const TYPED: &str = "nobody.knows.ursula@gmail.com";

/// What a note of another member may hold.
const NOTE: &str = "=1+1 \"><img src=x onerror=alert(1)><script>alert(1)</script>";

/// Files under a folder that hold a text.
fn holding(folder: &Path, text: &str, found: &mut Vec<String>) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files += holding(&path, text, found);
        } else {
            let bytes = std::fs::read(&path).expect("readable").to_ascii_lowercase();
            if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
                found.push(path.display().to_string());
            }
            files += 1;
        }
    }
    files
}

/// Statements about so many devices.
fn devices(numbers: std::ops::Range<u32>) -> Vec<local::IndicatorDraft> {
    let value = |nth| format!("device-of-nobody-{nth:04}");
    let device = |nth| local::Identifier { value: value(nth), ..identifier((IdentifierKind::Device, "")) };
    numbers.map(|nth| local::IndicatorDraft { identifier: Some(device(nth)), ..draft(MAIL) }).collect()
}

#[test]
fn an_auditor_reads_proves_and_takes_along_and_a_look_up_leaves_nothing_of_what_was_typed() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let node = consortium.home("bank-a").start_with(&[CONSOLE]).unwrap_or_else(|said| panic!("{}", said.stderr));
    let other = consortium.start("bank-b");
    node.until_ready();
    other.until_ready();
    let note = local::IndicatorDraft { note: NOTE.to_owned(), ..draft(CARD) };
    other.publish("", vec![note]).expect("published");
    node.flag(MAIL);
    // More than one page of them.
    node.publish("", devices(0..60)).expect("published");
    node.until("it holds what bank-b says", |status| feed_size(status, "demo.example/bank-b/all") > 0);
    other.until("it holds what bank-a says", |status| feed_size(status, "demo.example/bank-a/all") > 60);
    let decision = node.until_decided(CARD, Decision::Challenge).decision_id;
    let list = |more: &[&str]| {
        let (endpoint, identity) = (node.local.to_string(), node.home.identity("auditor").display().to_string());
        let words = ["audit", "list", "--limit", "9000", "--endpoint", &endpoint, "--identity", &identity];
        consortium.run(&[&words[..], more].concat()).stdout
    };
    let decided = ["--action", "screening.decided", "--text", &decision];
    wait_longer("the decision is recorded", Duration::ZERO, || (list(&decided).lines().count() == 1).then_some(()));
    // A head is told to others at once, and settles after half a minute.
    wait_longer("others cosigned the log", Duration::from_secs(60), || {
        (node.status().audit_witnesses == ["demo.example/bank-b/witness"]).then_some(())
    });

    let folder = tempfile::tempdir().expect("a folder");
    let mut stage = stage(&node);
    stage["folder"] = json!(folder.path());
    stage["decision"] = json!(decision);
    stage["card"] = json!(CARD.1);
    stage["mail"] = json!(MAIL.1);
    stage["typed"] = json!(TYPED);
    stage["note"] = json!(NOTE);
    stage["codes"] = json!({
        "cleo": invite(&consortium, &node, "cleo", &["auditor"]),
        "otto": invite(&consortium, &node, "otto", &["analyst"]),
    });
    play("exchange", &stage);

    // More than a report holds: it is refused rather than cut.
    for thousand in 1..=2 {
        let published = node.publish("", devices(thousand * 1_000..(thousand + 1) * 1_000)).expect("published");
        assert_eq!(published.refused, Vec::new());
    }
    play("exchange_many", &stage);

    // What was downloaded verifies without the node, and not after a change.
    let proof = folder.path().join("proof.json");
    let roster = node.home.path().join("rosters/1.note");
    let verify = |file: &Path| {
        let words = ["audit", "verify"].map(str::to_owned);
        let more = [file, Path::new("--roster"), &roster].map(|word| word.display().to_string());
        let words: Vec<String> = words.into_iter().chain(more).collect();
        consortium.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let good = verify(&proof);
    assert_eq!(good.code, 0, "{}", good.stderr);
    let text = std::fs::read_to_string(&proof).expect("downloaded");
    assert!(text.contains(&decision));
    std::fs::write(&proof, text.replacen("challenge", "allow", 1)).expect("written");
    assert_eq!(verify(&proof).code, 5);

    // The console's table and the command line's hold the same rows.
    let rows = |text: &str| -> BTreeSet<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        reader.records().map(|row| row.expect("well-formed").iter().map(str::to_owned).collect()).collect()
    };
    let taken = rows(&std::fs::read_to_string(folder.path().join("log.csv")).expect("downloaded"));
    assert!(!taken.is_empty() && taken.is_subset(&rows(&list(&["--action", "feed.", "--csv"]))), "{taken:?}");

    // Everything that was looked at and taken along is told, and nothing that was typed.
    let listed = list(&[]);
    for told in [
        "audit.extracted by hushwire://bank-a/auditor/cleo actions=feed form=csv",
        "form=jsonl",
        "form=report",
        "audit.proved",
        "identifier.looked_up by hushwire://bank-a/analyst/otto decisions=0 kind=email statements=0",
    ] {
        assert!(listed.contains(told), "{told} is missing in\n{listed}");
    }
    assert!(!listed.contains(TYPED) && !listed.contains("ursula"));
    let home = node.home.clone();
    assert_eq!(node.stop().0.code(), Some(0));
    let mut found = Vec::new();
    assert!(holding(&home.path(), "nobody.knows.ursula", &mut found) > 10);
    let log = std::fs::read_to_string(home.log()).expect("a log");
    assert!(found.is_empty() && !log.contains("nobody.knows.ursula"), "{found:?}");
}
