//! The poison brake of whole nodes: a preview before publishing, and what others say held back until two people lift it.

use std::fs;

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::screening_service_client::ScreeningServiceClient;

use crate::caller::{Identifier, RUNTIME, draft, identifier};
use crate::consortium::{Consortium, Said};
use crate::follow::reach;
use crate::node::{Home, Node, wait};

const CANARY: Identifier = (IdentifierKind::Phone, "+49 1512 3847571");
const SHARED: Identifier = (IdentifierKind::Device, "device-in-the-library");
const RARE: Identifier = (IdentifierKind::Device, "device-of-one-order");
const ORDERS: usize = 40;

fn with_canary(home: &Home) {
    fs::write(home.path().join("canaries.csv"), format!("# ours\nphone,{}\n", CANARY.1)).expect("written");
    let path = home.path().join("hushwire.toml");
    let text = fs::read_to_string(&path).expect("configured");
    fs::write(path, format!("{text}[brake]\ncanaries = \"canaries.csv\"\n")).expect("written");
}

fn as_person(consortium: &Consortium, node: &Node, name: &str, words: &[&str]) -> Said {
    let folder = node.home.path().join("certs").join(format!("analyst-{name}"));
    if !folder.exists() {
        consortium.succeed(&format!("cert issue analyst {name} --dir {}", node.home.member));
    }
    let (endpoint, identity) = (node.local.to_string(), folder.display().to_string());
    consortium.run(&[words, &["--endpoint", &endpoint, "--identity", &identity]].concat())
}

/// Asks about the order of one of many customers, each with a telephone of their own, who share a device.
fn screen_of(node: &Node, customer: usize) -> local::ScreenTransactionResponse {
    let value = format!("+49 1512 38500{customer:02}");
    let phone = local::Identifier { kind: IdentifierKind::Phone.into(), value };
    let identifiers = vec![phone, identifier(SHARED)];
    let order = local::ScreenTransactionRequest {
        identifiers,
        amount_minor: 2_000,
        currency: "EUR".to_owned(),
        ..Default::default()
    };
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    RUNTIME.block_on(client.screen_transaction(order)).expect("an answer").into_inner()
}

/// Screens until what was said of it is shown as held back.
fn until_held_back(node: &Node, of: Identifier) -> local::ScreenTransactionResponse {
    wait("it is held back", || {
        let answer = node.screen(of);
        let shown = answer.matches.iter().flat_map(|found| &found.indicators).any(|indicator| indicator.held_back);
        shown.then_some(answer)
    })
}

#[test]
fn what_would_stop_honest_customers_is_held_back_until_two_people_lift_it() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    with_canary(&consortium.home("shop"));
    let [a, b, shop] = consortium.start_all(["bank-a", "bank-b", "shop"]);
    a.until_ready();
    b.until_ready();
    for customer in 0..ORDERS {
        assert_eq!(screen_of(&shop, customer).decision(), Decision::Allow);
    }
    a.flag(CANARY);
    a.flag(SHARED);
    b.flag(SHARED);
    for of in [CANARY, SHARED] {
        let answer = until_held_back(&shop, of);
        // The second flag of the shared one may come a moment later.
        let answer =
            if answer.decision() == Decision::Allow { answer } else { shop.until_decided(of, Decision::Allow) };
        assert_eq!((answer.matches[0].members, answer.matches[0].confidence), (0, 0), "it is shown and does not count");
    }
    a.flag(RARE);
    shop.until_decided(RARE, Decision::Challenge);

    let listed = wait("all are listed", || {
        let listed = as_person(&consortium, &shop, "anna", &["quarantine", "list", "--json"]);
        (listed.stdout.lines().count() == 3).then_some(listed)
    });
    let rows: Vec<serde_json::Value> =
        listed.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |reason: &str| rows.iter().filter(|row| row["reason"] == reason).collect::<Vec<_>>();
    assert_eq!((of("canary").len(), of("wide").len()), (1, 2), "{rows:?}");
    assert_eq!(of("canary")[0]["member"], "bank-a");
    let alarm = consortium.audit_list(&shop, &["--action", "quarantine.indicator"]).stdout;
    assert!(alarm.contains("bank-a") && !alarm.contains("members/"), "{alarm}");

    let id = of("canary")[0]["quarantine"].as_str().expect("an id");
    let asked = as_person(&consortium, &shop, "anna", &["quarantine", "lift", id]);
    assert!(asked.code == 0 && asked.stderr.contains("somebody else"), "{}", asked.stderr);
    let again = as_person(&consortium, &shop, "anna", &["quarantine", "lift", id]);
    assert!(again.code != 0 && again.stderr.contains("two people"), "{}", again.stderr);
    let lifted = as_person(&consortium, &shop, "ben", &["quarantine", "lift", id]);
    assert!(lifted.code == 0 && lifted.stderr.contains("counts again"), "{}", lifted.stderr);
    shop.until_decided(CANARY, Decision::Challenge);
    let wide = of("wide")[0]["quarantine"].as_str().expect("an id");
    assert_eq!(as_person(&consortium, &shop, "anna", &["quarantine", "keep", wide]).code, 0);
    shop.kill();
    let shop = consortium.start("shop");
    assert_eq!(shop.screen(SHARED).decision(), Decision::Allow, "a restart lifts nothing");
    shop.until_decided(CANARY, Decision::Challenge);
}

#[test]
fn a_publication_that_would_stop_many_own_orders_is_shown_and_takes_force() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    node.until_ready();
    for customer in 0..ORDERS {
        screen_of(&node, customer);
    }
    // That it is asked about again changes nothing.
    screen_of(&node, 0);
    let cases = "kind,value,typology,severity,confidence,grounds\n";
    let row = |of: Identifier| format!("device,{},F1012,high,80,own-confirmed\n", of.1);
    let file = consortium.file("cases.csv", &format!("{cases}{}{}", row(RARE), row(SHARED)));
    let reach = reach(&node);
    let publish = |more: &[&str]| {
        let mut words = vec!["publish", file.to_str().expect("a plain name")];
        words.extend(more);
        words.extend(reach.iter().map(String::as_str));
        consortium.run(&words)
    };
    let preview = wait("the orders are counted", || {
        let preview = publish(&["--dry-run"]);
        preview.stderr.contains("40 of the 40 transactions").then_some(preview)
    });
    let told = "line 3 would have matched 40 of the 40 transactions of the last 1 day (100.0 %): too many, it takes --force-wide";
    assert!(preview.stderr.contains(told), "{}", preview.stderr);
    assert!(!preview.stderr.contains("line 2 would") && !preview.stderr.contains(SHARED.1), "{}", preview.stderr);
    let refused = publish(&[]);
    assert!(refused.code == 3 && refused.stderr.contains("too_wide"), "{}{}", refused.stdout, refused.stderr);
    assert_eq!(node.screen(SHARED).decision(), Decision::Allow);
    node.until_decided(RARE, Decision::Challenge);
    assert_eq!(publish(&["--force-wide"]).code, 0);
    node.until_decided(SHARED, Decision::Challenge);
    let answer = node.publish("", vec![draft(RARE)]).expect("published");
    assert!(answer.published[0].blast_radius.is_none(), "only a dry run looks");
}
