//! Challenges from end to end: the code goes to the gateway as a signed event, comes back from the customer, and releases the
//! order; what a gateway that is away, a kill in the middle and a guesser come to.

use std::net::TcpListener;

use hushwire::base::limits;
use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use local::challenge_service_client::ChallengeServiceClient;
use local::{CaseState, ChallengeMethod, CodeDelivery};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::caller::RUNTIME;
use crate::cases::{BLOCK, CHALLENGE, SANDBOX, cases, screen, show, start as start_plain};
use crate::doors::reason;
use crate::node::{Node, wait};
use crate::webhooks::{Answer, Desk, Posted, found, logged, loopback, secret, status};

struct Gateway {
    node: Node,
    desk: Desk,
    _consortium: crate::consortium::Consortium,
}

/// A node whose codes go to a gateway that answers by a plan.
fn with_gateway(plan: Vec<Answer>) -> Gateway {
    let desk = Desk::open(loopback(), plan, None);
    let (consortium, home) = found(&format!("http://{}/", desk.address), "events = [\"challenge.code\"]\n");
    let node = home.start_with(&SANDBOX).unwrap_or_else(|said| panic!("starts: {}", said.stderr));
    node.until_ready();
    Gateway { node, desk, _consortium: consortium }
}

fn client(node: &Node) -> ChallengeServiceClient<Channel> {
    ChallengeServiceClient::new(node.channel("screener"))
}

fn start(node: &Node, decision_id: &str, method: ChallengeMethod) -> Result<local::StartChallengeResponse, Status> {
    let request = local::StartChallengeRequest {
        decision_id: decision_id.to_owned(),
        method: method.into(),
        delivery_ref: "sms-token-7".to_owned(),
    };
    Ok(RUNTIME.block_on(client(node).start_challenge(request))?.into_inner())
}

fn answer(node: &Node, decision_id: &str, code: &str) -> Result<local::AnswerChallengeResponse, Status> {
    let request = local::AnswerChallengeRequest { decision_id: decision_id.to_owned(), code: code.to_owned() };
    Ok(RUNTIME.block_on(client(node).answer_challenge(request))?.into_inner())
}

fn code_of(posted: &Posted) -> String {
    posted.event()["data"]["code"].as_str().expect("a code").to_owned()
}

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().expect("digits") + 1) % 1_000_000)
}

#[test]
fn a_customer_passes_a_challenge_by_the_code_its_gateway_was_posted() {
    let Gateway { node, desk, _consortium } = with_gateway(vec![status(500), Answer::Cut]);
    let order = screen(&node, CHALLENGE, "A-1", "c-7");
    let started = start(&node, &order.decision_id, ChallengeMethod::Code).expect("started");
    assert_eq!((started.attempts_left, started.codes_left, started.state()), (5, 2, CaseState::Challenged));
    let posted: Vec<Posted> = (0..3).map(|_| desk.next()).collect();
    for one in &posted {
        assert_eq!((&one.id, &one.body), (&posted[0].id, &posted[0].body), "the same event, whatever went wrong");
        assert!(one.is_signed_with(&secret(1)), "{one:?}");
    }
    let event = posted[0].event();
    let data = |name: &str| event["data"][name].as_str().expect("a text").to_owned();
    assert_eq!((event["type"].as_str(), data("decision_id")), (Some("challenge.code"), order.decision_id.clone()));
    assert_eq!((data("reference"), data("delivery_ref")), (order.reference.clone(), "sms-token-7".to_owned()));
    let code = code_of(&posted[0]);
    let missed = answer(&node, &order.decision_id, &wrong(&code)).expect("counted");
    assert_eq!((missed.passed, missed.attempts_left), (false, 4));
    let passed = answer(&node, &order.decision_id, &format!("{} {}", &code[..3], &code[3..])).expect("right");
    assert_eq!((passed.passed, passed.state()), (true, CaseState::Released));
    let again = answer(&node, &order.decision_id, &code).expect_err("single use");
    assert_eq!((again.code(), reason(&again)), (Code::FailedPrecondition, "NO_CHALLENGE".to_owned()));
    let log = std::fs::read_to_string(node.home.log()).expect("a log");
    // Between other digits and letters six digits stand by chance, in times and ids.
    let mut words = log.split(|symbol: char| !symbol.is_ascii_alphanumeric());
    assert!(words.all(|word| word != code) && !log.contains("sms-token-7"), "{log}");
}

#[test]
fn a_code_whose_gateway_is_away_is_told_of_and_a_kill_in_the_middle_costs_no_attempt() {
    let away = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = away.local_addr().expect("bound");
    drop(away);
    let (_consortium, home) = found(&format!("http://{address}/"), "events = [\"challenge.code\"]\n");
    let node = home.start_with(&SANDBOX).unwrap_or_else(|said| panic!("starts: {}", said.stderr));
    node.until_ready();
    let order = screen(&node, CHALLENGE, "", "c-1");
    let started = start(&node, &order.decision_id, ChallengeMethod::Code).expect("started");
    assert_eq!(started.delivery(), CodeDelivery::Pending);
    wait("an attempt failed", || (!logged(&home, "webhook.failed").is_empty()).then_some(()));
    answer(&node, &order.decision_id, "000000").expect("counted, or very lucky");
    node.kill();
    let desk = Desk::open(TcpListener::bind(address).expect("free again"), Vec::new(), None);
    let node = home.start_with(&SANDBOX).unwrap_or_else(|said| panic!("starts: {}", said.stderr));
    node.until_ready();
    assert!(desk.posted.try_recv().is_err(), "no code rests on the disk: it must be sent again");
    let started = start(&node, &order.decision_id, ChallengeMethod::Code).expect("started again");
    assert_eq!((started.delivery(), started.attempts_left, started.codes_left), (CodeDelivery::Taken, 4, 1));
    let code = code_of(&desk.next());
    assert!(answer(&node, &order.decision_id, &code).expect("right").passed);
    assert_eq!(show(&mut cases(&node, "analyst"), &order.case).expect("held").state(), CaseState::Released);
}

#[test]
fn a_guesser_runs_out_of_attempts_codes_and_guesses() {
    let Gateway { node, desk, _consortium } = with_gateway(Vec::new());
    let mut tried = 0;
    let refused = loop {
        let order = screen(&node, CHALLENGE, "", "c-1");
        if let Err(refused) = start(&node, &order.decision_id, ChallengeMethod::Code) {
            break refused;
        }
        let code = code_of(&desk.next());
        for left in (0..limits::decisions::CHALLENGE_ATTEMPTS).rev() {
            let missed = answer(&node, &order.decision_id, &wrong(&code)).expect("counted");
            assert_eq!((missed.passed, missed.attempts_left), (false, left));
            tried += 1;
        }
        let late = answer(&node, &order.decision_id, &code).expect_err("the right one comes too late");
        assert_eq!(reason(&late), "NO_CHALLENGE");
        let case = show(&mut cases(&node, "analyst"), &order.case).expect("held");
        assert_eq!(
            (case.state(), case.stop()),
            (CaseState::Open, hushwire::io::grpc::wire::hushwire::types::v1::Decision::Hold)
        );
    };
    assert_eq!(
        (refused.code(), reason(&refused), tried),
        (Code::ResourceExhausted, "GUESSES".to_owned(), limits::decisions::GUESSES_PER_CUSTOMER)
    );
    let other = screen(&node, CHALLENGE, "", "c-2");
    start(&node, &other.decision_id, ChallengeMethod::Code).expect("nobody else is kept waiting");
    for _ in 1..limits::decisions::CHALLENGE_CODES {
        start(&node, &other.decision_id, ChallengeMethod::Code).expect("another code");
    }
    let refused = start(&node, &other.decision_id, ChallengeMethod::Code).expect_err("so many are sent");
    assert_eq!(reason(&refused), "CHALLENGE_CODES");
}

#[test]
fn without_a_gateway_there_are_authenticators_and_the_members_own_login() {
    let (_consortium, node) = start_plain();
    let order = screen(&node, CHALLENGE, "", "c-1");
    let refused = start(&node, &order.decision_id, ChallengeMethod::Code).expect_err("nobody would send it");
    assert_eq!(reason(&refused), "NO_CODE_RECEIVER");
    let refused = start(&node, &order.decision_id, ChallengeMethod::Totp).expect_err("none is enrolled");
    assert_eq!(reason(&refused), "NO_AUTHENTICATOR");
    let enrol = || local::EnrolTotpRequest { customer_ref: "c-1".to_owned(), account: "orders".to_owned() };
    let enrolled = RUNTIME.block_on(client(&node).enrol_totp(enrol())).expect("enrolled").into_inner();
    let uri = enrolled.otpauth_uri.clone();
    assert!(uri.starts_with("otpauth://totp/bank-a:orders?secret="), "an address of an authenticator");
    let refused = RUNTIME.block_on(client(&node).enrol_totp(enrol())).expect_err("it has one");
    assert_eq!(reason(&refused), "AUTHENTICATOR_ENROLLED");
    let secret = uri.split("secret=").nth(1).and_then(|rest| rest.split('&').next()).expect("a secret");
    let authenticator = totp_rs::Builder::new()
        .with_secret(totp_rs::Secret::try_from_base32(secret).expect("base 32"))
        .with_account_name("orders")
        .build()
        .expect("as the address says");
    start(&node, &order.decision_id, ChallengeMethod::Totp).expect("started");
    let now = hushwire::io::clock::now().unix_s();
    let passed = answer(&node, &order.decision_id, &authenticator.generate(now).to_string()).expect("right");
    assert_eq!((passed.passed, passed.state()), (true, CaseState::Released));
    let remove = local::RemoveTotpRequest { customer_ref: "c-1".to_owned() };
    assert!(RUNTIME.block_on(client(&node).remove_totp(remove)).expect("removed").into_inner().removed);

    let order = screen(&node, CHALLENGE, "", "c-1");
    let report = |passed| local::ReportChallengeRequest { decision_id: order.decision_id.clone(), passed };
    let refused = RUNTIME.block_on(client(&node).report_challenge(report(true))).expect_err("none was started");
    assert_eq!(reason(&refused), "NO_CHALLENGE");
    start(&node, &order.decision_id, ChallengeMethod::External).expect("started");
    let told = RUNTIME.block_on(client(&node).report_challenge(report(true))).expect("told").into_inner();
    assert_eq!(told.state(), CaseState::Released);
    let blocked = screen(&node, BLOCK, "", "c-1");
    let refused = start(&node, &blocked.decision_id, ChallengeMethod::External).expect_err("two people release it");
    assert_eq!(reason(&refused), "CASE_STATE");
    for (code, rule) in [("12345", "CODE_FORM"), ("abcdef", "CODE_FORM"), ("1234567890", "CODE_FORM")] {
        assert_eq!(reason(&answer(&node, &order.decision_id, code).expect_err(code)), rule);
    }
}
