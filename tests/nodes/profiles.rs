//! Profiles of a member's own customers on a running node: what is unusual is told, kept over stops and kills, shown and erased.

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::screening_service_client::ScreeningServiceClient;
use serde_json::Value;

use crate::caller::{RUNTIME, identifier};
use crate::consortium::Consortium;
use crate::node::{Home, Node, wait};

const CUSTOMER: &str = "customer-4711";

/// Under the policy that ships, who orders so often in a minute as these tests do is asked, and what is asked is no habit.
const OWN: (&str, &str) = ("HUSHWIRE__POLICY__FILE", "policy.toml");
const LENIENT: &str =
    "name = \"lenient\"\nversion = 1\n[[rule]]\nname = \"always\"\nwhen = \"true\"\ndecision = \"allow\"\n";

fn lenient(consortium: &Consortium) -> Home {
    let home = consortium.home("shop");
    std::fs::write(home.path().join("policy.toml"), LENIENT).expect("written");
    home
}

/// An order of the customer from a country on a device.
fn order(node: &Node, country: &str, device: &'static str, number: usize) -> local::ScreenTransactionResponse {
    let request = local::ScreenTransactionRequest {
        identifiers: vec![identifier((IdentifierKind::Device, device))],
        amount_minor: 2_000,
        currency: "EUR".to_owned(),
        country: country.to_owned(),
        customer_ref: CUSTOMER.to_owned(),
        transaction_ref: format!("order-{number}"),
        merchant_category: "5411".to_owned(),
        ..Default::default()
    };
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    RUNTIME.block_on(client.screen_transaction(request)).expect("an answer").into_inner()
}

fn usual(node: &Node, numbers: std::ops::Range<usize>) {
    for number in numbers {
        order(node, "DE", "profiled-device-0001", number);
    }
}

/// What `hushwire profile` answers as JSON.
fn profile(consortium: &Consortium, node: &Node, role: &str, verb: &str) -> Value {
    let file = consortium.file("customer.txt", &format!("{CUSTOMER}\n")).display().to_string();
    let identity = node.home.identity(role).display().to_string();
    let reach = ["--endpoint", &node.local.to_string(), "--identity", &identity];
    let words = ["profile", verb, "--from", &file, "--json"];
    let said = consortium.run(&[&words[..], &reach].concat());
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).expect("JSON")
}

fn orders(consortium: &Consortium, node: &Node) -> Option<u64> {
    profile(consortium, node, "analyst", "show")["profile"]["orders"].as_u64()
}

#[test]
fn what_is_unusual_is_told_and_outlasts_a_stop_until_it_is_erased() {
    let consortium = Consortium::found(&["shop"]);
    let home = lenient(&consortium);
    let node = home.start_with(&[OWN]).expect("starts");
    node.until_ready();
    usual(&node, 0..9);
    assert!(order(&node, "DE", "profiled-device-0001", 8).anomalies.contains(&"velocity".to_owned()));
    let unusual = order(&node, "AU", "profiled-device-0002", 9);
    assert_eq!(unusual.decision(), Decision::Allow, "what to make of it is the policy's");
    assert_eq!(unusual.anomalies, ["new_country", "new_device", "velocity", "impossible_travel"]);

    node.stop();
    let node = home.start_with(&[OWN]).expect("starts again");
    node.until_ready();
    // It passed, so it is known by now; nobody was in both places within a minute all the same.
    wait("the profiles are read", || orders(&consortium, &node).filter(|orders| *orders == 10));
    let again = order(&node, "DE", "profiled-device-0002", 10);
    assert_eq!(again.anomalies, ["velocity", "impossible_travel"]);

    let shown = profile(&consortium, &node, "operator", "show");
    assert_eq!(shown["profile"]["countries"][0], serde_json::json!({"value": "DE", "orders": 10}));
    assert_eq!(shown["profile"]["devices"], 2);
    assert_eq!(shown["profile"]["categories"][0]["value"], "5411");
    assert!(shown["profile"]["spending"][0]["median_minor"].as_u64().expect("a number").abs_diff(2_000) <= 63);
    let listed = consortium.audit_list(&node, &["--action", "screening.decided"]).stdout;
    assert!(listed.contains("new_country,new_device,velocity,impossible_travel"), "{listed}");

    let erased = profile(&consortium, &node, "analyst", "erase");
    assert_eq!((&erased["found"], &erased["customer"]), (&true.into(), &shown["customer"]));
    assert_eq!(profile(&consortium, &node, "analyst", "show")["profile"], Value::Null);
    assert!(order(&node, "AU", "profiled-device-0003", 11).anomalies.is_empty(), "a stranger again");
    let listed = consortium.audit_list(&node, &["--action", "profile."]).stdout;
    let customer = shown["customer"].as_str().expect("a name");
    for part in ["profile.shown", "profile.erased", "\"found\":\"true\"", customer] {
        assert!(listed.contains(part), "{part} is missing in {listed}");
    }
    assert!(!listed.contains(CUSTOMER));
}

#[test]
fn a_kill_loses_the_last_seconds_of_habits_and_nothing_written_before() {
    let consortium = Consortium::found(&["shop"]);
    let home = lenient(&consortium);
    let node = home.start_with(&[OWN]).expect("starts");
    node.until_ready();
    let folder = node.home.path().join("profiles");
    let written = || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        files
            .filter_map(|file| file.metadata().ok())
            .filter(std::fs::Metadata::is_file)
            .map(|file| file.len())
            .sum::<u64>()
    };
    usual(&node, 0..1);
    // What opening it writes is no habit.
    wait("the store is open", || (written() > 0).then_some(()));
    usual(&node, 1..7);
    let before = written();
    usual(&node, 7..8);
    wait("a round of the store", || (written() > before).then_some(()));
    usual(&node, 8..10);
    node.kill();
    let node = home.start_with(&[OWN]).expect("starts again");
    node.until_ready();
    let held = wait("the profiles are read", || orders(&consortium, &node));
    assert!((7..=10).contains(&held), "{held}");
}

#[test]
fn a_store_of_profiles_that_cannot_be_used_stops_no_checkout() {
    let consortium = Consortium::found(&["shop"]);
    let home = lenient(&consortium);
    std::fs::write(home.path().join("profiles"), "no folder").expect("written");
    let node = home.start_with(&[OWN]).expect("starts all the same");
    node.until_ready();
    usual(&node, 0..6);
    assert_eq!(orders(&consortium, &node), Some(6), "in memory");
    let listed = wait("the alarm is in the log", || {
        let listed = consortium.audit_list(&node, &["--action", "store.damaged"]).stdout;
        listed.contains("profiles").then_some(listed)
    });
    assert!(listed.contains("store.damaged"));
    assert!(std::fs::read_to_string(home.log()).expect("a log").contains("profiles.unwritten"));
}
