//! Cases over the interface: two analysts at once, a shop that waits for a release, hostile words, a restart in the middle.

use std::process::Stdio;

use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::CaseState;
use local::case_service_client::CaseServiceClient;
use local::screening_service_client::ScreeningServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::caller::{Identifier, RUNTIME, identifier};
use crate::consortium::{Consortium, Said, command};
use crate::doors::reason;
use crate::http::ask;
use crate::node::{Home, Node, wait};

pub const CHALLENGE: Identifier = (IdentifierKind::Device, "hushwire-sandbox-challenge");
pub const HOLD: Identifier = (IdentifierKind::Device, "hushwire-sandbox-hold");
pub const BLOCK: Identifier = (IdentifierKind::Device, "hushwire-sandbox-block");
pub const SANDBOX: [(&str, &str); 1] = [("HUSHWIRE__SCREENING__SANDBOX", "true")];

/// A certificate of another person than the desk.
pub fn identity_of(home: &Home, role: &str, name: &str) -> String {
    let dir = home.path();
    let issued = command(&dir).args(["cert", "issue", role, name]).output().expect("the binary runs");
    assert!(issued.status.success(), "{}", String::from_utf8_lossy(&issued.stderr));
    dir.join("certs").join(format!("{role}-{name}")).display().to_string()
}

/// Screens an order of a customer's; the answer once its record is durable.
pub fn screen(node: &Node, of: Identifier, order: &str, customer: &str) -> local::ScreenTransactionResponse {
    let request = local::ScreenTransactionRequest {
        identifiers: vec![identifier(of)],
        amount_minor: 12_999,
        currency: "EUR".to_owned(),
        transaction_ref: order.to_owned(),
        customer_ref: customer.to_owned(),
        audit: local::AuditState::Durable.into(),
        ..Default::default()
    };
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    RUNTIME.block_on(client.screen_transaction(request)).expect("an answer").into_inner()
}

pub fn start() -> (Consortium, Node) {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.home("bank-a").start_with(&SANDBOX).unwrap_or_else(|said| panic!("starts: {}", said.stderr));
    node.until_ready();
    (consortium, node)
}

pub fn cases(node: &Node, role: &str) -> CaseServiceClient<Channel> {
    CaseServiceClient::new(node.channel(role))
}

pub fn show(client: &mut CaseServiceClient<Channel>, case_id: &str) -> Result<local::Case, Status> {
    let request = local::GetCaseRequest { case_id: case_id.to_owned(), ..Default::default() };
    Ok(RUNTIME.block_on(client.get_case(request))?.into_inner().case.expect("a case"))
}

/// Runs a command of the analyst's; its exit code must be this.
fn run(consortium: &Consortium, node: &Node, identity: &str, words: &[&str], code: i32) -> Said {
    let reach = ["--endpoint", &node.local.to_string(), "--identity", identity];
    let said = consortium.run(&[words, &reach[..]].concat());
    assert_eq!(said.code, code, "{words:?}\n{}\n{}", said.stdout, said.stderr);
    said
}

#[test]
fn a_hold_is_released_by_one_person_a_block_by_two_and_a_shop_that_watches_learns_of_it() {
    let (consortium, node) = start();
    let (held, blocked) = (screen(&node, HOLD, "A-1042", "c-7"), screen(&node, BLOCK, "A-1043", "c-7"));
    assert_eq!((&held.case, &blocked.case), (&held.decision_id, &blocked.decision_id));
    assert_eq!(screen(&node, (IdentifierKind::Device, "ordinary-device-1"), "A-1", "").case, "");
    let desk = node.home.identity("analyst").display().to_string();
    let ben = identity_of(&node.home, "analyst", "ben");
    let shown = run(&consortium, &node, &desk, &["case", "show", "--order", "A-1042"], 0).stdout;
    for part in [&held.decision_id, &held.reference, "state      open", "hold at", "sandbox_value", "12999 EUR"] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    let mut watching = cases(&node, "screener");
    let mut changes = RUNTIME
        .block_on(watching.watch_cases(local::WatchCasesRequest { position: None }))
        .expect("a stream")
        .into_inner();
    // Begun before anything is changed.
    let mut next = || RUNTIME.block_on(changes.message()).expect("it goes on").expect("a change");
    run(&consortium, &node, &desk, &["case", "assign", &held.reference, "desk"], 0);
    let case = next().case.expect("a case");
    assert_eq!((case.state(), case.assignee.as_str()), (CaseState::Open, "desk"));
    let mut analyst = cases(&node, "analyst");
    let request = local::ReleaseCaseRequest { case_id: held.case.clone(), revision: case.revision };
    RUNTIME.block_on(analyst.release_case(request)).expect("released");
    let released = next();
    assert_eq!(released.case.expect("a case").state(), CaseState::Released);

    let said = run(&consortium, &node, &desk, &["case", "release", &blocked.reference], 0);
    assert!(said.stdout.contains("release_asked") && said.stderr.contains("case confirm"), "{}", said.stderr);
    let said = run(&consortium, &node, &desk, &["case", "confirm", &blocked.reference], 1);
    assert!(said.stderr.contains("two people") && said.stderr.contains("SECOND_PERSON_NEEDED"), "{}", said.stderr);
    run(&consortium, &node, &ben, &["case", "confirm", &blocked.reference], 0);
    run(&consortium, &node, &ben, &["case", "resolve", &blocked.reference, "genuine"], 0);
    let listed = run(&consortium, &node, &ben, &["case", "list", "--outcome", "genuine", "--json"], 0).stdout;
    let row: serde_json::Value = serde_json::from_str(listed.trim()).expect("one case");
    assert_eq!((&row["case_id"], &row["state"]), (&blocked.case.as_str().into(), &"released".into()));
    let audited = consortium.audit_list(&node, &["--action", "case."]).stdout;
    for word in ["opened", "assigned", "release_asked", "step_refused", "released", "resolved"] {
        assert!(audited.contains(&format!("case.{word}")), "{word} is missing in {audited}");
    }
    assert!(!audited.contains("A-1042") && !audited.contains("c-7"), "{audited}");
}

#[test]
fn of_two_analysts_at_once_one_is_first_and_the_other_is_told_how_the_case_stands() {
    let (_consortium, node) = start();
    let held = screen(&node, HOLD, "", "");
    let identity = identity_of(&node.home, "analyst", "ben");
    let (anna, seen) = (cases(&node, "analyst"), 1);
    let ben = CaseServiceClient::new(node.channel_of(std::path::Path::new(&identity)));
    let release = local::ReleaseCaseRequest { case_id: held.case.clone(), revision: seen };
    let refuse = local::RefuseCaseRequest { case_id: held.case.clone(), revision: seen };
    let (released, refused) = RUNTIME.block_on(async {
        let (mut anna, mut ben) = (anna.clone(), ben.clone());
        tokio::join!(anna.release_case(release), ben.refuse_case(refuse))
    });
    let late = match (released, refused) {
        (Ok(_), Err(late)) | (Err(late), Ok(_)) => late,
        both => panic!("one of them is first: {both:?}"),
    };
    assert_eq!((late.code(), reason(&late)), (Code::Aborted, "CASE_CHANGED".to_owned()));
    let state = show(&mut cases(&node, "analyst"), &held.case).expect("held").state();
    let word = if state == CaseState::Released { "released" } else { "refused" };
    assert!(late.message().contains(word) && late.message().contains("revision 2"), "{}", late.message());
}

#[test]
fn a_screener_sees_what_became_of_its_own_decisions_and_nothing_else_of_them() {
    let (_consortium, node) = start();
    let held = screen(&node, HOLD, "A-1", "c-1");
    let mut analyst = cases(&node, "analyst");
    let note = local::AddNoteRequest { case_id: held.case.clone(), revision: 0, note: "knows the order".to_owned() };
    RUNTIME.block_on(analyst.add_note(note)).expect("noted");
    assert_eq!(show(&mut analyst, &held.case).expect("held").notes.len(), 1);
    let own = show(&mut cases(&node, "screener"), &held.case).expect("its own");
    assert_eq!((own.notes.len(), own.state()), (0, CaseState::Open));
    let other = identity_of(&node.home, "screener", "other-till");
    let mut other = CaseServiceClient::new(node.channel_of(std::path::Path::new(&other)));
    let refused = show(&mut other, &held.case).expect_err("another till's");
    assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "NO_SUCH_CASE".to_owned()));
    let report = |outcome: local::Outcome| local::ReportOutcomeRequest {
        decision_id: held.case.clone(),
        outcome: outcome.into(),
    };
    let refused = RUNTIME.block_on(other.report_outcome(report(local::Outcome::Fraud))).expect_err("another till's");
    assert_eq!(reason(&refused), "NO_SUCH_CASE");
    let mut till = cases(&node, "screener");
    let told = RUNTIME.block_on(till.report_outcome(report(local::Outcome::Fraud))).expect("its own").into_inner();
    assert_eq!(told.state(), CaseState::Refused, "it had not been released");
    let refused = RUNTIME.block_on(till.report_outcome(report(local::Outcome::Unspecified))).expect_err("nothing said");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[test]
fn hostile_words_are_refused_and_stand_nowhere() {
    let (consortium, node) = start();
    let held = screen(&node, HOLD, "A-1", "");
    let mut analyst = cases(&node, "analyst");
    let mut note = |text: &str| {
        let request = local::AddNoteRequest { case_id: held.case.clone(), revision: 0, note: text.to_owned() };
        RUNTIME.block_on(analyst.add_note(request)).map_err(|status| reason(&status))
    };
    for (text, rule) in [
        ("card 4111 1111 1111 1111 used", "NOTE_HOLDS_IDENTIFIER"),
        ("mail mallory@example.org", "NOTE_HOLDS_IDENTIFIER"),
        ("４１１１１１１１１１１１１１１１", "NOTE_HOLDS_IDENTIFIER"),
        ("two\nlines", "NOTE_NOT_PRINTABLE"),
        ("turned \u{202E}around", "NOTE_NOT_PRINTABLE"),
        ("\u{1b}[31mred", "NOTE_NOT_PRINTABLE"),
        ("", "MISSING"),
    ] {
        assert_eq!(note(text).err().as_deref(), Some(rule), "{text:?}");
    }
    assert_eq!(note(&"x".repeat(141)).err().as_deref(), Some("NOTE_TOO_LONG"));
    note("<script>alert(1)</script> '; DROP TABLE cases; --").expect("plain text, whatever it means elsewhere");
    for name in ["4111111111111111", "anna/../ben", "ANNA", "a b"] {
        let request = local::AssignCaseRequest { case_id: held.case.clone(), revision: 0, assignee: name.to_owned() };
        let refused = RUNTIME.block_on(analyst.assign_case(request)).expect_err(name);
        assert_eq!(refused.code(), Code::InvalidArgument, "{name}");
    }
    let answer = ask(&node, "analyst", "GET", &format!("/v1/cases/{}", held.case), "", "");
    assert!(answer.status == 200 && answer.body.contains("DROP TABLE"), "{answer:?}");
    ask(&node, "analyst", "GET", "/v1/cases/4111111111111111", "", "").check(400, "MALFORMED_ID");
    let audited = consortium.audit_list(&node, &["--action", "case."]).stdout;
    assert!(!audited.contains("DROP") && !audited.contains("4111"), "notes stand with the case alone: {audited}");
}

#[test]
fn a_case_stands_as_it_stood_after_a_kill_and_a_watch_goes_on_where_it_ended() {
    let (consortium, node) = start();
    let blocked = screen(&node, BLOCK, "A-1", "");
    let desk = node.home.identity("analyst").display().to_string();
    run(&consortium, &node, &desk, &["case", "release", &blocked.case], 0);
    let home = node.home.clone();
    node.kill();
    let node = home.start_with(&SANDBOX).unwrap_or_else(|said| panic!("starts: {}", said.stderr));
    node.until_ready();
    let said = run(&consortium, &node, &desk, &["case", "confirm", &blocked.case], 1);
    assert!(said.stderr.contains("two people"), "{}", said.stderr);
    let words = ["case", "watch", "--behind", "0", "--count", "1", "--json"];
    let seen = run(&consortium, &node, &desk, &words, 0).stdout;
    let seen: serde_json::Value = serde_json::from_str(seen.trim()).expect("JSON");
    assert_eq!(seen["state"], "release_asked");
    let position = seen["position"].to_string();
    let reach = ["--endpoint", &node.local.to_string(), "--identity", &desk];
    let words = ["case", "watch", "--behind", &position, "--count", "1"];
    let mut later = command(consortium.path());
    let later = later.args([&words[..], &reach[..]].concat()).stdout(Stdio::piped()).spawn().expect("the binary runs");
    run(&consortium, &node, &desk, &["case", "refuse", &blocked.case], 0);
    let output = later.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("refused") && said.contains("block"), "{said}");
    assert_eq!(screen(&node, BLOCK, "", "").decision(), Decision::Block);
    wait("two cases are held", || {
        let listed = run(&consortium, &node, &desk, &["case", "list", "--json"], 0).stdout;
        (listed.lines().count() == 2).then_some(())
    });
}
