//! People at work: set up, signed in, out, and what an operator does for others.

use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;
use serde_json::{Value, json};

use crate::browser::{CONSOLE, play, stage};
use crate::caller::feed_size;
use crate::consortium::Consortium;
use crate::node::Node;

/// Makes a user on the command line; the code with which they set themselves up.
pub fn invite(consortium: &Consortium, node: &Node, name: &str, roles: &[&str]) -> String {
    let (endpoint, identity) = (node.local.to_string(), node.home.identity("operator").display().to_string());
    let mut words = vec!["user", "add", name, "--json", "--endpoint", &endpoint, "--identity", &identity];
    roles.iter().for_each(|role| words.extend(["--role", role]));
    let said = consortium.run(&words);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let made: Value = serde_json::from_str(&said.stdout).expect("one object");
    made["enrolment_code"].as_str().unwrap_or_else(|| panic!("no code in {made}")).to_owned()
}

#[test]
fn people_set_themselves_up_sign_in_and_an_operator_needs_a_second_one_for_a_third() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let node = consortium.home("bank-a").start_with(&[CONSOLE]).unwrap_or_else(|said| panic!("{}", said.stderr));
    let other = consortium.start("bank-b");
    node.until_ready();
    other.until_ready();
    other.flag((IdentifierKind::Pan, "4539578763621486"));
    node.until("it holds what bank-b says", |status| feed_size(status, "demo.example/bank-b/all") > 0);
    let mut stage = stage(&node);
    stage["codes"] = json!({
        "anna": invite(&consortium, &node, "anna", &["operator"]),
        "ben": invite(&consortium, &node, "ben", &["operator", "analyst"]),
        "cleo": invite(&consortium, &node, "cleo", &["auditor"]),
    });
    play("people", &stage);
    // What people did stands in the audit log, under their names; what they typed does not.
    let listed = consortium.audit_list(&node, &[]);
    for word in [
        "console.signed_in",
        "console.user_created",
        "hushwire://bank-a/operator/anna",
        "FORGED_FORM",
        "ROLE_NOT_ALLOWED",
    ] {
        assert!(listed.stdout.contains(word), "{word} is missing in\n{}", listed.stdout);
    }
    for secret in ["Oakmoss", "typed-by-nobody"] {
        assert!(!listed.stdout.contains(secret), "{secret} stands in the audit log");
    }
}
