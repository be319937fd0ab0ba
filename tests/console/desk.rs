//! A desk at work: two analysts in one inbox, with evidence of other members, proofs, notes, and a block that takes both of them.

use std::process::Command;

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::case_service_client::CaseServiceClient;
use local::screening_service_client::ScreeningServiceClient;
use serde_json::json;

use crate::browser::{CONSOLE, play, stage};
use crate::caller::{Identifier, RUNTIME, identifier};
use crate::consortium::{Consortium, command};
use crate::node::{Node, wait};
use crate::people::invite;

pub const SANDBOX: (&str, &str) = ("HUSHWIRE__SCREENING__SANDBOX", "true");
const HOLD: Identifier = (IdentifierKind::Device, "hushwire-sandbox-hold");
const BLOCK: Identifier = (IdentifierKind::Device, "hushwire-sandbox-block");
const ONE_SAYS: Identifier = (IdentifierKind::Email, "one.says@gmail.com");
const TWO_SAY: Identifier = (IdentifierKind::Email, "two.say@gmail.com");
const TAKEN_BACK: Identifier = (IdentifierKind::Email, "taken.back@gmail.com");
const LATE: Identifier = (IdentifierKind::Phone, "+49 1512 3847562");
const CUSTOMER: &str = "customer-at-the-desk-9";
const ORDER: &str = "order-at-the-desk-1042";

/// Screens an order until it is answered like this, its record on disk; the case it opened last.
fn stopped(node: &Node, of: Identifier, wanted: Decision, order: &str, customer: &str) -> String {
    let request = local::ScreenTransactionRequest {
        identifiers: vec![identifier(of)],
        amount_minor: 1_299_950,
        currency: "EUR".to_owned(),
        country: "DE".to_owned(),
        transaction_ref: order.to_owned(),
        customer_ref: customer.to_owned(),
        audit: local::AuditState::Durable.into(),
        ..Default::default()
    };
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    wait(&format!("an order is answered {wanted:?}"), || {
        let answer = RUNTIME.block_on(client.screen_transaction(request.clone())).expect("an answer").into_inner();
        (answer.decision() == wanted && answer.audit() == local::AuditState::Durable).then_some(answer.reference)
    })
}

#[test]
fn a_desk_works_its_cases_and_two_people_release_a_block() {
    let consortium = Consortium::found(&["bank-a", "bank-b", "shop"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    a.until_ready();
    b.until_ready();
    let shop = consortium.home("shop").start_with(&[CONSOLE, SANDBOX]).unwrap_or_else(|said| panic!("{}", said.stderr));
    shop.until_ready();
    a.flag(ONE_SAYS);
    a.flag(TWO_SAY);
    b.flag(TWO_SAY);
    let taken_back = a.flag(TAKEN_BACK);
    // All have to be there before an order is asked about, or its first answers are others: an address and its mailbox each.
    shop.until("has heard all four", |status| status.believed == 8);
    let both = stopped(&shop, TWO_SAY, Decision::Block, ORDER, CUSTOMER);
    let one = stopped(&shop, ONE_SAYS, Decision::Challenge, "", CUSTOMER);
    let withdrawn = stopped(&shop, TAKEN_BACK, Decision::Challenge, "", "");
    a.retract(local::RetractIndicatorsRequest { names: taken_back, ..Default::default() }).expect("retracted");
    shop.until_decided(TAKEN_BACK, Decision::Allow);
    // Passed, and flagged afterwards.
    let passed = shop.screen(LATE);
    assert_eq!(passed.decision(), Decision::Allow);
    a.flag(LATE);
    let mut cases = CaseServiceClient::new(shop.channel("analyst"));
    wait("the order that passed has a case", || {
        let request = local::GetCaseRequest { case_id: passed.decision_id.clone(), ..Default::default() };
        RUNTIME.block_on(cases.get_case(request)).ok()
    });
    let held = stopped(&shop, HOLD, Decision::Hold, "", "");
    let raced = stopped(&shop, HOLD, Decision::Hold, "", "");
    let blocked = stopped(&shop, BLOCK, Decision::Block, "", "");
    // More than one page of the inbox.
    for _ in 0..55 {
        stopped(&shop, HOLD, Decision::Hold, "", "");
    }
    let proof = consortium.path().join("decision.json");
    let mut stage = stage(&shop);
    stage["cases"] = json!({
        "both": both, "one": one, "withdrawn": withdrawn, "held": held, "raced": raced, "blocked": blocked,
        "late": passed.reference,
    });
    stage["order"] = json!(ORDER);
    stage["proof"] = json!(proof);
    stage["codes"] = json!({
        "anna": invite(&consortium, &shop, "anna", &["analyst"]),
        "ben": invite(&consortium, &shop, "ben", &["analyst"]),
        "cleo": invite(&consortium, &shop, "cleo", &["auditor"]),
    });
    play("desk", &stage);

    // What was downloaded is the proof that the command makes, and holds without the node.
    let genesis = consortium.succeed("member roster genesis/roster-1.note --hash").stdout;
    let rosters = shop.home.path().join("rosters");
    let mut verify: Command = command(consortium.path());
    verify.args(["audit", "verify", "decision.json", "--genesis", genesis.trim(), "--rosters"]).arg(rosters);
    let said = verify.output().expect("the binary runs");
    assert!(
        said.status.success(),
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );

    let audited = consortium.audit_list(&shop, &[]).stdout;
    for word in [
        "case.assigned",
        "case.noted",
        "case.release_asked",
        "case.step_refused",
        "case.released",
        "case.refused",
        "case.reopened",
        "case.resolved",
        "indicator.disputed",
        "dispute.withdrawn",
        "decision.explained",
        "hushwire://shop/analyst/anna",
        "hushwire://shop/analyst/ben",
    ] {
        assert!(audited.contains(word), "{word} is missing in\n{audited}");
    }
    for private in [ORDER, CUSTOMER, "one.says", "3847562", "4111 1111", "<script>"] {
        assert!(!audited.contains(private), "{private} stands in the audit log");
    }
}
