//! A decision explained later, by each way that leads to it, and proved to somebody who has the rosters and nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;

use hushwire::domain::audit::decision_proof::verify_decision;
use hushwire::io::clock;
use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::screening_service_client::ScreeningServiceClient;
use serde_json::{Value, json};

use crate::caller::{Identifier, RUNTIME, identifier};
use crate::consortium::{Consortium, command};
use crate::http::ask;
use crate::node::{Node, wait};

const MAIL: Identifier = (IdentifierKind::Email, "quentin.explained@gmail.com");
const CUSTOMER: &str = "customer-explained-77";
const ORDER: &str = "order-explained-4711";

fn connection(node: &Node, role: &str) -> String {
    format!("--endpoint {} --identity {}", node.local, node.home.identity(role).display())
}

/// An order that another member's statement stops, its record on disk.
fn stopped(node: &Node) -> local::ScreenTransactionResponse {
    let order = local::ScreenTransactionRequest {
        identifiers: vec![identifier(MAIL)],
        amount_minor: 12_500,
        currency: "EUR".to_owned(),
        country: "DE".to_owned(),
        customer_ref: CUSTOMER.to_owned(),
        transaction_ref: ORDER.to_owned(),
        audit: local::AuditState::Durable.into(),
        ..Default::default()
    };
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    wait("the order is stopped and its record on disk", || {
        let answer = RUNTIME.block_on(client.screen_transaction(order.clone())).expect("an answer").into_inner();
        let durable = answer.audit() == local::AuditState::Durable;
        (answer.decision() == Decision::Challenge && durable).then_some(answer)
    })
}

/// The one explanation that a command line gives.
fn explained(consortium: &Consortium, node: &Node, words: &str) -> Value {
    let said = consortium.succeed(&format!("explain {words} --json {}", connection(node, "analyst")));
    let said: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(said["more"], false);
    said["explanations"].as_array().expect("a list").first().expect("one").clone()
}

/// Verifies a file in a folder of its own that holds nothing but it and the rosters.
fn verified_elsewhere(elsewhere: &Path, genesis: &str) -> (i32, String) {
    let mut verify: Command = command(elsewhere);
    let words = ["audit", "verify", "decision.json", "--rosters", "rosters", "--genesis", genesis, "--json"];
    let said = verify.args(words).output().expect("the binary runs");
    let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    (said.status.code().expect("an exit code"), text)
}

#[test]
fn a_decision_is_explained_by_each_way_and_nobody_learns_an_identifier_by_it() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let [a, shop] = consortium.start_all(["bank-a", "shop"]);
    a.until_ready();
    let names = a.flag(MAIL);
    let answer = stopped(&shop);

    let by_id = explained(&consortium, &shop, &answer.decision_id);
    assert_eq!(by_id["decision"], "challenge");
    assert_eq!(by_id["reasons"][0]["code"], "single_indicator");
    assert_eq!(
        (&by_id["facts"]["transaction.amount_minor"], &by_id["facts"]["match.0.members"]),
        (&json!("12500"), &json!("1"))
    );
    assert!(
        by_id["indicators"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|one| names.contains(&one["name"].as_str().expect("a name").to_owned()))
    );
    assert_eq!(by_id["indicators"][0]["confidence"], 90);
    assert_eq!(by_id["policy_sha256"], answer.policy_sha256.as_str());
    let kinds: Vec<&str> =
        by_id["inputs"].as_array().expect("a list").iter().filter_map(|input| input["kind"].as_str()).collect();
    assert!(kinds.contains(&"email") && kinds.contains(&"mailbox"), "both forms: {kinds:?}");

    consortium.file("customer.txt", &format!("{CUSTOMER}\n"));
    let spoken = answer.reference.to_lowercase().replace('-', "");
    for words in [
        format!("--reference {spoken}"),
        format!("--transaction-ref {ORDER}"),
        "--customer-ref-file customer.txt".to_owned(),
    ] {
        assert_eq!(explained(&consortium, &shop, &words)["reference"].as_str().map(str::len), Some(9), "{words}");
    }
    assert_eq!(explained(&consortium, &shop, &format!("--reference {spoken}")), by_id);

    let said = consortium.succeed(&format!("explain {} {}", answer.decision_id, connection(&shop, "auditor")));
    for part in [
        "A further proof was asked of the customer on ",
        "It rests on this: 1 member flags the e-mail address",
        "confidence 90 %",
    ] {
        assert!(said.stdout.contains(part), "{part} is missing in {}", said.stdout);
    }
    let http =
        ask(&shop, "analyst", "GET", &format!("/v1/decisions/{}/explanation", answer.decision_id), "", "").json();
    assert_eq!(http["explanations"][0]["detailSha256"], by_id["detail_sha256"]);
    let body = json!({"customerRef": CUSTOMER}).to_string();
    let http = ask(&shop, "auditor", "POST", "/v1/decisions:explain", "Content-Type: application/json\r\n", &body);
    assert_eq!(http.json()["explanations"][0]["customer"], by_id["customer"]);
    for raw in [MAIL.1, "quentinexplained", CUSTOMER, ORDER] {
        assert!(!said.stdout.contains(raw) && !http.body.contains(raw) && !by_id.to_string().contains(raw), "{raw}");
    }

    // Who may not know, and what there is not.
    ask(&shop, "screener", "GET", &format!("/v1/decisions/{}/explanation", answer.decision_id), "", "")
        .check(403, "ROLE_NOT_ALLOWED");
    ask(&shop, "publisher", "POST", "/v1/decisions:explain", "Content-Type: application/json\r\n", &body)
        .check(403, "ROLE_NOT_ALLOWED");
    let unknown = consortium
        .run(&format!("explain --reference 0000-0000 {}", connection(&shop, "auditor")).split(' ').collect::<Vec<_>>());
    assert!(unknown.code == 1 && unknown.stderr.contains("[NO_SUCH_DECISION]"), "{}", unknown.stderr);
    let other = ask(&a, "auditor", "GET", &format!("/v1/decisions/{}/explanation", answer.decision_id), "", "");
    other.check(404, "NO_SUCH_DECISION");
    let two = json!({"customerRef": "x", "reference": "y"}).to_string();
    ask(&shop, "auditor", "POST", "/v1/decisions:explain", "Content-Type: application/json\r\n", &two)
        .check(400, "ONE_WAY");

    let log = consortium.audit_list(&shop, &["--action", "decision.explained"]).stdout;
    assert!(log.contains("hushwire://shop/analyst/desk") && log.contains("\"by\":\"customer\""), "{log}");
}

#[test]
fn the_proof_of_a_decision_verifies_anywhere_and_no_edited_copy_does_also_after_a_restart_and_a_restore() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let [a, shop] = consortium.start_all(["bank-a", "shop"]);
    a.until_ready();
    a.flag(MAIL);
    let answer = stopped(&shop);
    let id = &answer.decision_id;
    let before = explained(&consortium, &shop, id);
    consortium.succeed(&format!("explain {id} --out decision.json {}", connection(&shop, "auditor")));
    let again = consortium.run(
        &format!("explain {id} --out decision.json {}", connection(&shop, "auditor")).split(' ').collect::<Vec<_>>(),
    );
    assert!(again.code == 1 && again.stderr.contains("exists already"), "{}", again.stderr);

    let elsewhere = tempfile::tempdir().expect("a folder");
    let rosters = elsewhere.path().join("rosters");
    fs::create_dir(&rosters).expect("made");
    for note in fs::read_dir(a.home.path().join("rosters")).expect("a chain").map(|note| note.expect("readable")) {
        fs::copy(note.path(), rosters.join(note.file_name())).expect("copied");
    }
    let genesis = fs::read_to_string(rosters.join("genesis.sha256")).expect("founded").trim().to_owned();
    let file = fs::read_to_string(consortium.path().join("decision.json")).expect("written");
    fs::write(elsewhere.path().join("decision.json"), &file).expect("copied");
    let (code, said) = verified_elsewhere(elsewhere.path(), &genesis);
    assert_eq!(code, 0, "{said}");
    let shown: Value = serde_json::from_str(said.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&shown["verified"], &shown["decision"]["indicators"][0]["proved"]), (&json!(true), &json!(true)));
    assert_eq!(shown["decision"]["indicators"][0]["matched"], true);
    assert_eq!(shown["decision"]["detail"]["decision_id"], id.as_str());
    let (code, said) = verified_elsewhere(elsewhere.path(), &"0".repeat(64));
    assert!(code == 5 && said.contains("hash"), "another consortium's genesis: {said}");
    for raw in [MAIL.1, CUSTOMER, ORDER] {
        assert!(!file.contains(raw), "{raw}");
    }

    // Every byte.
    let today = clock::now().day();
    verify_decision(&file, today).expect("as it was written");
    for at in 0..file.len() {
        let mut edited = file.clone().into_bytes();
        edited[at] ^= if edited[at] == b'"' { 0x03 } else { 0x01 };
        let Ok(edited) = String::from_utf8(edited) else { continue };
        assert!(
            verify_decision(&edited, today).is_err(),
            "byte {at}: {}",
            &file[at.saturating_sub(40)..(at + 20).min(file.len())]
        );
    }
    fs::write(elsewhere.path().join("decision.json"), file.replacen("\"challenge\"", "\"allow\"", 1)).expect("written");
    assert_eq!(verified_elsewhere(elsewhere.path(), &genesis).0, 5);

    // Another life, and another machine.
    let home = shop.home.clone();
    shop.stop();
    let shop = home.start().unwrap_or_else(|said| panic!("it starts again: {}", said.stderr));
    assert_eq!(explained(&consortium, &shop, id), before);
    consortium.succeed("backup shop.backup --config shop/hushwire.toml --json");
    let address = fs::read(home.path().join("peer.address")).expect("prepared");
    shop.kill();
    fs::remove_dir_all(home.path()).expect("the machine is gone");
    consortium.succeed("restore shop.backup --to shop");
    fs::write(home.path().join("peer.address"), address).expect("written");
    let shop = home.start().unwrap_or_else(|said| panic!("it is back: {}", said.stderr));
    assert_eq!(explained(&consortium, &shop, id), before);
    consortium.succeed(&format!("explain {id} --out later.json {}", connection(&shop, "auditor")));
    consortium.succeed("audit verify later.json --roster bank-a/roster.note");
}
