//! Screening streams keep to the limits of calls, batch by batch, and answers that wait for their record.

use std::time::Duration;

use hushwire::base::limits;
use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::AuditState;
use local::screening_service_client::ScreeningServiceClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Streaming};
use tonic_types::StatusExt;

use crate::caller::{RUNTIME, identifier};
use crate::consortium::Consortium;
use crate::node::Node;

const BLOCKED: (IdentifierKind, &str) = (IdentifierKind::Device, "hushwire-sandbox-block");

fn order(identifiers: usize) -> local::ScreenTransactionRequest {
    let mail = |nth: usize| local::Identifier {
        kind: IdentifierKind::Email.into(),
        value: format!("orchid-{nth}+shop@gmail.com"),
    };
    local::ScreenTransactionRequest { identifiers: (0..identifiers).map(mail).collect(), ..Default::default() }
}

fn batch(transactions: usize, identifiers: usize) -> local::ScreenTransactionsRequest {
    local::ScreenTransactionsRequest { transactions: vec![order(identifiers); transactions] }
}

/// An open stream of screenings.
struct Open {
    batches: mpsc::Sender<local::ScreenTransactionsRequest>,
    answers: Streaming<local::ScreenTransactionsResponse>,
}

impl Open {
    fn new(node: &Node, timeout: Option<Duration>) -> Self {
        let mut client = ScreeningServiceClient::new(node.channel("screener"));
        let (batches, outgoing) = mpsc::channel(64);
        let mut request = Request::new(ReceiverStream::new(outgoing));
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        let answers = RUNTIME.block_on(client.screen_transactions(request)).expect("a stream").into_inner();
        Self { batches, answers }
    }

    fn send(&self, batch: local::ScreenTransactionsRequest) {
        self.batches.try_send(batch).expect("room");
    }

    fn answer(&mut self) -> Result<local::ScreenTransactionsResponse, tonic::Status> {
        let answer = RUNTIME.block_on(self.answers.message())?;
        Ok(answer.expect("the stream goes on"))
    }
}

#[test]
fn a_batch_without_room_is_refused_in_its_place_and_its_stream_goes_on() {
    let consortium = Consortium::found(&["bank-a"]);
    let home = consortium.home("bank-a");
    let node = home.start_with(&[("HUSHWIRE__LOCAL__MAX_CALLS", "1")]).expect("starts");
    let (mut large, mut small) = (Open::new(&node, None), Open::new(&node, None));
    // The node works at the large ones in small steps, so that others are heard in between.
    let rounds = 6;
    for _ in 0..rounds {
        large.send(batch(limits::TRANSACTIONS_PER_BATCH, limits::IDENTIFIERS_PER_TRANSACTION));
    }
    let mut ask = || {
        small.send(batch(1, 1));
        small.answer().expect("the stream goes on").refusal
    };
    let refusal = (0..1_000).find_map(|_| ask()).expect("heard while the node works at a large one");
    assert_eq!((refusal.reason.as_str(), refusal.retry_after_ms), ("OVERLOADED", limits::RETRY_AFTER_MS));
    let mut answered = 0;
    for _ in 0..rounds {
        let answer = large.answer().expect("the stream goes on");
        // The small one may have had the only place.
        assert_eq!(answer.refusal.is_none(), answer.results.len() == limits::TRANSACTIONS_PER_BATCH);
        answered += usize::from(answer.refusal.is_none());
    }
    assert!(answered > 0);
    small.send(batch(3, 1));
    let answer = small.answer().expect("the stream goes on");
    assert_eq!((answer.results.len(), answer.refusal), (3, None), "there is room again");
}

#[test]
fn a_stream_ends_when_its_caller_said_it_would() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    let late = |status: &tonic::Status| {
        let reason = status.get_error_details().error_info().map(|info| info.reason.clone());
        (status.code(), reason) == (Code::DeadlineExceeded, Some("DEADLINE_EXCEEDED".to_owned()))
    };
    let mut silent = Open::new(&node, Some(Duration::from_millis(300)));
    let ended = silent.answer().expect_err("nothing was asked");
    assert!(late(&ended), "{ended:?}");
    let mut busy = Open::new(&node, Some(Duration::from_millis(1_500)));
    let ended = loop {
        // A batch that is not taken any more shows in the answer.
        let _closed = busy.batches.try_send(batch(limits::TRANSACTIONS_PER_BATCH, limits::IDENTIFIERS_PER_TRANSACTION));
        if let Err(status) = busy.answer() {
            break status;
        }
    };
    assert!(late(&ended), "{ended:?}");
}

#[test]
fn who_asks_for_it_gets_an_answer_whose_record_survives_a_kill() {
    let consortium = Consortium::found(&["bank-a"]);
    let home = consortium.home("bank-a");
    let node = home.start_with(&[("HUSHWIRE__SCREENING__SANDBOX", "true")]).expect("starts");
    let asked = |audit: AuditState| local::ScreenTransactionRequest {
        identifiers: vec![identifier(BLOCKED)],
        audit: audit.into(),
        ..Default::default()
    };
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    let mut screen = |audit| RUNTIME.block_on(client.screen_transaction(asked(audit))).expect("answered").into_inner();
    assert_eq!(screen(AuditState::Unspecified).audit(), AuditState::Pending);
    assert_eq!(screen(AuditState::Pending).audit(), AuditState::Pending);
    let durable = screen(AuditState::Durable);
    assert_eq!((durable.decision(), durable.audit()), (Decision::Block, AuditState::Durable));
    let mut stream = Open::new(&node, None);
    let transactions = vec![asked(AuditState::Durable), order(1), asked(AuditState::Durable)];
    stream.send(local::ScreenTransactionsRequest { transactions });
    let results = stream.answer().expect("answered").results;
    let states: Vec<AuditState> = results.iter().map(|result| result.audit()).collect();
    assert_eq!(states, [AuditState::Durable, AuditState::Counted, AuditState::Durable]);
    let overload = (IdentifierKind::Device, "hushwire-sandbox-overload");
    let transactions = vec![local::ScreenTransactionRequest { identifiers: vec![identifier(overload)], ..order(1) }];
    stream.send(local::ScreenTransactionsRequest { transactions });
    let refusal = stream.answer().expect("the stream goes on").refusal.expect("it asks for one");
    assert_eq!(refusal.reason, "SANDBOX_OVERLOAD");
    stream.send(batch(1, 1));
    assert_eq!(stream.answer().expect("the stream goes on").results.len(), 1);
    drop(stream);

    let alarms = node.status().alarms;
    assert!(alarms.iter().any(|alarm| alarm.contains("the sandbox is on")), "{alarms:?}");
    let screener = home.identity("screener").display().to_string();
    let reach = ["--endpoint", &node.local.to_string(), "--identity", &screener];
    let said = consortium
        .run(&[&["screen", "--identifier", "device=hushwire-sandbox-block", "--durable"][..], &reach].concat());
    assert!(said.code == 0 && said.stdout.contains("(durable)"), "{}{}", said.stdout, said.stderr);
    consortium.file("overload.csv", "device\nhushwire-sandbox-allow\nhushwire-sandbox-overload\n");
    let said = consortium.run(&[&["screen", "overload.csv"][..], &reach].concat());
    assert!(said.code == 4 && said.stderr.contains("SANDBOX_OVERLOAD"), "{}{}", said.stdout, said.stderr);
    node.kill();
    let node = home.start().expect("starts again");
    let auditor = home.identity("auditor").display().to_string();
    let reach = ["--endpoint", &node.local.to_string(), "--identity", &auditor];
    for id in [&durable.decision_id, &results[0].decision_id, &results[2].decision_id] {
        let proof = format!("{id}.proof");
        let prove = ["audit", "prove", "--decision", id.as_str(), "--out", &proof];
        let said = consortium.run(&[&prove[..], &reach[..]].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
    }
    let said = consortium.run(&[&["audit", "list", "--action", "audit.gap"][..], &reach[..]].concat());
    assert!(said.stdout.contains("records_lost=unknown"), "the kill is told: {}", said.stdout);
}
