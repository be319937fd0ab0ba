//! The guides for clients, in other people's tools: `curl` with `jq`, Python with the public gRPC packages and without any, Java;
//! what feeds a node without a client; and the page on backups.

use std::path::Path;

use crate::typed::type_page;

const PORTS: [&str; 2] = ["7440", "7441"];

#[test]
fn a_checkout_is_connected_with_curl_as_the_guide_says() {
    type_page(include_str!("../../docs/guides/curl.md"), &PORTS, &["node.log"], &[]);
}

#[test]
fn a_node_is_backed_up_and_put_back_as_the_page_says() {
    type_page(include_str!("../../docs/backup.md"), &PORTS, &["node.log", "again.log"], &[]);
}

#[test]
fn a_checkout_is_connected_with_python_as_the_guide_says() {
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
    type_page(include_str!("../../docs/guides/python.md"), &PORTS, &["node.log"], &[("PROTO", proto)]);
}

#[test]
fn a_rule_is_written_watched_and_shipped_as_the_page_says() {
    type_page(include_str!("../../docs/policy.md"), &PORTS, &["node.log"], &[]);
}

#[test]
fn a_receiver_of_webhooks_is_written_in_python_as_the_page_says() {
    type_page(include_str!("../../docs/webhooks.md"), &["7440", "7441", "9440"], &["node.log", "received"], &[]);
}

#[test]
fn a_desk_works_cases_as_the_page_says() {
    type_page(include_str!("../../docs/cases.md"), &PORTS, &["node.log"], &[]);
}

#[test]
fn a_customer_passes_a_challenge_as_the_page_says() {
    type_page(include_str!("../../docs/challenge.md"), &["7440", "7441", "9440"], &["node.log", "sent"], &[]);
}

#[test]
fn logs_folders_and_pipes_are_published_as_the_page_says() {
    type_page(include_str!("../../docs/feeding.md"), &["7440", "7441"], &["node.log", "follow.log"], &[]);
}

#[test]
fn a_history_is_replayed_as_the_page_says() {
    type_page(include_str!("../../docs/replay.md"), &[], &[], &[]);
}

#[test]
fn a_checkout_is_connected_with_java_as_the_guide_says() {
    // Maven's stand-in comes before Maven.
    let stand_in = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pages/java");
    let binary = Path::new(env!("CARGO_BIN_EXE_hushwire")).parent().expect("in a folder");
    let path = format!("{stand_in}:{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
    let environment = [("PROTO", proto), ("PATH", path.as_str()), ("LD_LIBRARY_PATH", "target/native")];
    type_page(include_str!("../../docs/guides/java.md"), &PORTS, &["node.log"], &environment);
}
