//! A dispute between real nodes: it weighs at once, everywhere, and its author answers.

use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};

use crate::consortium::{Consortium, Said};
use crate::node::Node;

const DEVICE: (IdentifierKind, &str) = (IdentifierKind::Device, "device-7f31-a0c4-5519");

/// Runs a command as a role; its exit code must be this.
fn run(consortium: &Consortium, node: &Node, role: &str, words: &[&str], code: i32) -> Said {
    let identity = node.home.identity(role).display().to_string();
    let reach = ["--endpoint", &node.local.to_string(), "--identity", &identity];
    let said = consortium.run(&[words, &reach[..]].concat());
    assert_eq!(said.code, code, "{words:?}\n{}\n{}", said.stdout, said.stderr);
    said
}

#[test]
fn a_disputed_warning_challenges_until_its_author_stands_by_it() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b, shop] = consortium.start_all(["bank-a", "bank-b", "shop"]);
    a.until_ready();
    b.until_ready();
    shop.until_ready();
    let flagged = a.flag(DEVICE).remove(0);
    b.flag(DEVICE);
    shop.until_decided(DEVICE, Decision::Block);
    b.until_decided(DEVICE, Decision::Block);

    let words = ["dispute", "open", flagged.as_str(), "--reason", "genuine-customer"];
    run(&consortium, &shop, "analyst", &words, 0);
    let own = shop.until_decided(DEVICE, Decision::Challenge);
    assert_eq!(own.matches[0].members, 1, "for who disputes it, it does not count");
    let at_b = b.until_decided(DEVICE, Decision::Challenge);
    assert_eq!(at_b.reasons[0].code, "disputed_indicator");
    assert_eq!(at_b.matches[0].indicators.iter().filter(|one| one.disputed).count(), 1);
    run(&consortium, &shop, "analyst", &["dispute", "open", flagged.as_str(), "--reason", "other"], 0);

    let listed = run(&consortium, &b, "analyst", &["dispute", "list", "--json"], 0).stdout;
    let row: serde_json::Value = serde_json::from_str(listed.lines().next().expect("a row")).expect("JSON");
    let field = |name: &str| row[name].as_str().expect("text").to_owned();
    assert_eq!(field("name"), flagged);
    assert_eq!(["disputed_by", "standing", "reason"].map(field), ["shop", "open", "genuine-customer"]);

    let refused = run(&consortium, &b, "publisher", &["dispute", "answer", flagged.as_str(), "--to", "shop"], 1);
    assert!(refused.stderr.contains("only its author answers"), "{}", refused.stderr);
    run(&consortium, &a, "publisher", &["dispute", "answer", flagged.as_str(), "--to", "shop"], 0);
    b.until_decided(DEVICE, Decision::Block);
    let still = shop.until_decided(DEVICE, Decision::Challenge);
    assert_eq!(still.matches[0].members, 1);
    run(&consortium, &shop, "analyst", &["dispute", "withdraw", flagged.as_str()], 0);
    shop.until_decided(DEVICE, Decision::Block);

    let none = run(&consortium, &shop, "publisher", &["dispute", "list"], 0);
    assert_eq!((none.stdout.as_str(), none.stderr.contains("0 disputes")), ("", true), "{}", none.stderr);
    let seen = run(&consortium, &a, "publisher", &["sightings"], 0);
    assert!(seen.stderr.contains("0 indicators"), "{}", seen.stderr);
    let log = run(&consortium, &shop, "auditor", &["audit", "list", "--action", "indicator.disputed"], 0).stdout;
    assert!(log.contains("genuine-customer") && log.contains("/analyst/desk"), "{log}");
    run(&consortium, &shop, "screener", &["dispute", "open", flagged.as_str(), "--reason", "other"], 1);
}
