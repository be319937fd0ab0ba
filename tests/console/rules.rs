//! The policy in the browser: rules with what they did, a candidate beside them, rule sets of the past, and the own lists.

use std::fs;

use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use serde_json::json;

use crate::browser::{CONSOLE, play, stage};
use crate::caller::Identifier;
use crate::consortium::Consortium;
use crate::node::wait;
use crate::people::invite;

const GOOD: Identifier = (IdentifierKind::Device, "a-good-terminal-0001");
const OTHER: Identifier = (IdentifierKind::Device, "an-ordinary-device-7");
const BAD: Identifier = (IdentifierKind::Email, "listed.by.hand@gmail.com");

/// What staff reads of a rule is its author's own text, and hostile here.
const HOSTILE: &str = "<img src=x onerror=alert(1)><script>alert(1)</script>";

fn policy(version: u32, more: &str) -> String {
    format!(
        "name = \"own\"\nversion = {version}\n\
         [[rule]]\nname = \"always_ask\"\ndescription = \"{HOSTILE}\"\nwhen = \"true\"\ndecision = \"challenge\"\n\
         [[rule]]\nname = \"on_trial\"\nwhen = \"transaction.amount_minor > 1\"\ndecision = \"block\"\nmode = \"shadow\"\n{more}"
    )
}

#[test]
fn rules_are_watched_in_the_browser_and_the_own_lists_are_filled_there() {
    let consortium = Consortium::found(&["bank-a"]);
    let home = consortium.home("bank-a");
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).expect("written");
    write("policy.toml", &policy(1, ""));
    write("next.toml", &policy(9, "").replace("\"shadow\"", "\"live\""));
    let files = [("HUSHWIRE__POLICY__FILE", "policy.toml"), ("HUSHWIRE__POLICY__CANDIDATE", "next.toml"), CONSOLE];
    let node = home.start_with(&files).unwrap_or_else(|said| panic!("{}", said.stderr));
    node.until_ready();
    let first = node.until_decided(OTHER, Decision::Challenge);
    let asleep = "[[rule]]\nname = \"tired\"\nwhen = \"true\"\ndecision = \"hold\"\nsnoozed_until = 2099-01-01T00:00:00Z # too many\n";
    write("policy.toml", &policy(2, asleep));
    let second = wait("the second rule set decides", || {
        let answer = node.screen(OTHER);
        (answer.policy_name == "own/2").then_some(answer)
    });
    node.screen(OTHER);
    // A file with a fault leaves the one before in force, and the page says so.
    write(
        "policy.toml",
        &policy(3, "[[rule]]\nname = \"broken\"\nwhen = \"transaction.amont > 1\"\ndecision = \"hold\"\n"),
    );
    wait("the file is refused", || {
        let log = fs::read_to_string(node.home.log()).expect("a log");
        log.contains("policy.refused").then_some(())
    });
    let mut stage = stage(&node);
    stage["digests"] = json!([first.policy_sha256, second.policy_sha256]);
    stage["good"] = json!(GOOD.1);
    stage["bad"] = json!(BAD.1);
    stage["hostile"] = json!(HOSTILE);
    stage["codes"] = json!({
        "anna": invite(&consortium, &node, "anna", &["analyst"]),
        "cleo": invite(&consortium, &node, "cleo", &["auditor"]),
    });
    play("rules", &stage);

    assert_eq!(node.screen(GOOD).decision(), Decision::Allow, "put on the list in the browser");
    assert_eq!(node.screen(BAD).decision(), Decision::Challenge, "put there and taken off again");
    let audited = consortium.audit_list(&node, &["--action", "list."]).stdout;
    for word in ["list.added", "list.removed", "known-customer", "hushwire://bank-a/analyst/anna"] {
        assert!(audited.contains(word), "{word} is missing in\n{audited}");
    }
    let log = fs::read_to_string(node.home.log()).expect("a log");
    for typed in [GOOD.1, "listed.by.hand", "4539578763621487"] {
        assert!(!audited.contains(typed) && !log.contains(typed), "{typed} was written down");
    }
}
