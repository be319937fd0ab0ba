//! A policy of one's own: refused at start, followed while the node runs, kept through a kill, compared with a candidate.

use std::fs;
use std::path::PathBuf;

use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};

use crate::consortium::{Consortium, Said};
use crate::node::{Home, Node, wait};

const MAIL: (IdentifierKind, &str) = (IdentifierKind::Email, "ordinary.customer@gmail.com");
const OWN: (&str, &str) = ("HUSHWIRE__POLICY__FILE", "policy.toml");
const CANDIDATE: (&str, &str) = ("HUSHWIRE__POLICY__CANDIDATE", "next.toml");

fn file(home: &Home, name: &str) -> PathBuf {
    home.path().join(name)
}

/// A policy of one rule that always fires.
fn policy(version: u32, decision: &str, mode: &str) -> String {
    format!(
        "name = \"own\"\nversion = {version}\n[[rule]]\nname = \"always\"\nwhen = \"true\"\ndecision = \"{decision}\"\nmode = \"{mode}\"\n"
    )
}

const BROKEN: &str = "name = \"own\"\nversion = 9\n[[rule]]\nname = \"always\"\nwhen = \"transaction.amont > 1\"\ndecision = \"block\"\n";

/// Runs a command as a role.
fn run(consortium: &Consortium, node: &Node, role: &str, words: &[&str]) -> Said {
    let identity = node.home.identity(role).display().to_string();
    let reach = ["--endpoint", &node.local.to_string(), "--identity", &identity];
    let said = consortium.run(&[words, &reach[..]].concat());
    assert_eq!(said.code, 0, "{words:?}\n{}\n{}", said.stdout, said.stderr);
    said
}

fn until_refused(home: &Home) {
    wait("the file is refused", || {
        let log = fs::read_to_string(home.log()).expect("a log");
        log.contains("policy.refused").then_some(())
    });
}

#[test]
fn a_broken_file_is_no_start_and_a_good_one_is_followed_kept_and_never_lost() {
    let consortium = Consortium::found(&["bank-a"]);
    let home = consortium.home("bank-a");
    fs::write(file(&home, "policy.toml"), BROKEN).expect("written");
    let said = home.start_with(&[OWN]).err().expect("it does not start");
    let place = "line 5, column 21: rule \"always\": unknown field \"amont\"";
    assert!(said.code == 1 && said.stderr.contains(place), "{}: {}", said.code, said.stderr);

    fs::write(file(&home, "policy.toml"), policy(1, "challenge", "live")).expect("written");
    let node = home.start_with(&[OWN]).expect("starts");
    node.until_ready();
    let answer = node.screen(MAIL);
    assert_eq!((answer.decision(), answer.policy_name.as_str()), (Decision::Challenge, "own/1"));
    assert_eq!((answer.reasons[0].rule.as_str(), answer.reasons[0].identifier), ("always", None));
    let first = answer.policy_sha256;

    fs::write(file(&home, "policy.toml"), BROKEN).expect("written");
    until_refused(&home);
    assert_eq!(node.screen(MAIL).policy_name, "own/1", "the one before stays in force");
    fs::remove_file(file(&home, "policy.toml")).expect("removed");
    assert_eq!(node.screen(MAIL).decision(), Decision::Challenge, "it needs the file no more");

    fs::write(file(&home, "policy.toml"), policy(2, "hold", "live")).expect("written");
    let answer = node.until_decided(MAIL, Decision::Hold);
    assert!(answer.policy_name == "own/2" && answer.policy_sha256 != first && answer.advice_key == "payment_on_hold");
    node.kill();
    let node = home.start_with(&[OWN]).expect("starts again");
    assert_eq!(node.screen(MAIL).decision(), Decision::Hold);

    fs::write(file(&home, "policy.toml"), policy(3, "block", "shadow")).expect("written");
    let answer = node.until_decided(MAIL, Decision::Allow);
    assert_eq!((answer.policy_name.as_str(), answer.unheard_rules.as_slice()), ("own/3", &["always".to_owned()][..]));
    let shown = run(&consortium, &node, "analyst", &["policy", "show"]).stdout;
    assert!(shown.starts_with("own/3  ") && shown.contains("always  block      shadow  hits "), "{shown}");
    let text = run(&consortium, &node, "auditor", &["policy", "show", "--text"]).stdout;
    assert_eq!(text, policy(3, "block", "shadow"));

    let said = run(&consortium, &node, "auditor", &["audit", "list", "--action", "policy."]).stdout;
    let count = |part: &str| said.matches(part).count();
    // The start after the kill found the policy in force already.
    let loaded = ["own/1", "own/2", "own/3"].map(|name| count(&format!("policy.loaded {name} by node")));
    assert_eq!(loaded, [1, 1, 1], "{said}");
    assert!(count("policy.refused") >= 1 && said.contains("faults=1 line=5"), "{said}");
}

#[test]
fn a_candidate_is_asked_and_decides_nothing() {
    let consortium = Consortium::found(&["bank-a"]);
    let home = consortium.home("bank-a");
    fs::write(file(&home, "next.toml"), policy(7, "hold", "live")).expect("written");
    let node = home.start_with(&[CANDIDATE]).expect("starts");
    node.until_ready();
    for _ in 0..3 {
        let answer = node.screen(MAIL);
        assert_eq!((answer.decision(), answer.policy_name.as_str()), (Decision::Allow, "default/3"));
    }
    let said = run(&consortium, &node, "operator", &["policy", "status"]).stdout;
    let told = "candidate  own/7\nit was asked about 3 transactions and would have decided 3 of them otherwise\n";
    assert!(said.contains(told) && said.contains("3  allow -> hold"), "{said}");

    fs::write(file(&home, "next.toml"), BROKEN).expect("written");
    until_refused(&home);
    let said = run(&consortium, &node, "operator", &["policy", "status"]).stdout;
    assert!(said.contains("candidate  own/7"), "the one before is still asked: {said}");
    fs::write(file(&home, "next.toml"), policy(8, "allow", "live")).expect("written");
    wait("the next candidate is asked", || {
        let said = run(&consortium, &node, "operator", &["policy", "status"]).stdout;
        said.contains("candidate  own/8\nit was asked about 0 transactions").then_some(())
    });
}
