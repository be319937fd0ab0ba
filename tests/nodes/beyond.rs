//! What lies beyond the limits of the interface is refused by field and rule, and the node goes on.

use hushwire::base::limits;
use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::{Decision, IdentifierKind};
use local::screening_service_client::ScreeningServiceClient;
use prost_types::Timestamp;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

use crate::caller::{RUNTIME, draft, identifier};
use crate::consortium::Consortium;
use crate::node::Node;

const DEVICE: (IdentifierKind, &str) = (IdentifierKind::Device, "device-beyond-0001");

fn order() -> local::ScreenTransactionRequest {
    local::ScreenTransactionRequest { identifiers: vec![identifier(DEVICE)], ..Default::default() }
}

#[track_caller]
fn refused(status: &Status, code: Code, reason: &str) {
    let found = status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default();
    assert_eq!((status.code(), found.as_str()), (code, reason), "{status:?}");
    assert!(!status.message().contains("device-beyond"), "{status:?}");
}

/// What a stream says to its first batch.
fn answered(node: &Node, batch: local::ScreenTransactionsRequest) -> Result<local::ScreenTransactionsResponse, Status> {
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    RUNTIME.block_on(async {
        let mut answers = client.screen_transactions(tokio_stream::once(batch)).await?.into_inner();
        answers.message().await.map(|answer| answer.expect("one answer a batch"))
    })
}

fn streamed(node: &Node, batch: local::ScreenTransactionsRequest) -> Status {
    answered(node, batch).expect_err("it is beyond a limit")
}

#[test]
fn a_transaction_with_a_value_beyond_its_limit_is_refused_by_field_and_rule() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    let mut check = |change: &dyn Fn(&mut local::ScreenTransactionRequest), field: &str, reason: &str| {
        let mut order = order();
        change(&mut order);
        let status = RUNTIME.block_on(client.screen_transaction(order.clone())).expect_err("beyond a limit");
        refused(&status, Code::InvalidArgument, reason);
        assert!(status.message().starts_with(&format!("{field}: ")), "{status:?}");
        // In a batch it is refused by its place, and the others are screened.
        let batch = local::ScreenTransactionsRequest { transactions: vec![self::order(), order, self::order()] };
        let answer = answered(&node, batch).expect("the batch is answered");
        let told: Vec<_> = answer.refused.iter().map(|one| (one.record, one.field.as_str())).collect();
        assert_eq!(told, [(1, field)]);
        assert_eq!(answer.refused[0].rule.to_ascii_uppercase(), reason);
        let decisions: Vec<_> = answer.results.iter().map(|result| result.decision()).collect();
        assert_eq!(decisions, [Decision::Allow, Decision::Unspecified, Decision::Allow]);
    };
    let many = limits::IDENTIFIERS_PER_TRANSACTION + 1;
    check(&|order| order.identifiers = vec![identifier(DEVICE); many], "identifiers", "TOO_MANY");
    check(&|order| order.identifiers.clear(), "identifiers", "MISSING");
    check(&|order| order.identifiers[0].kind = 99, "identifiers[0].kind", "UNKNOWN_KIND");
    check(&|order| order.identifiers[0].kind = -1, "identifiers[0].kind", "UNKNOWN_KIND");
    check(&|order| order.amount_minor = i64::MIN, "amount_minor", "NEGATIVE");
    check(&|order| order.own_score = Some(u32::MAX), "own_score", "SCORE_RANGE");
    check(&|order| order.audit = 99, "audit", "UNKNOWN_WORD");
    check(&|order| order.audit = local::AuditState::Lost.into(), "audit", "UNKNOWN_WORD");
    let time = |seconds, nanos| Some(Timestamp { seconds, nanos });
    check(&|order| order.time = time(i64::MAX, 0), "time", "TIME_RANGE");
    check(&|order| order.time = time(-1, 0), "time", "TIME_RANGE");
    check(&|order| order.time = time(1, i32::MAX), "time", "TIME_RANGE");
    check(&|order| order.time = time(253_402_300_799, 0), "time", "FROM_THE_FUTURE");
    check(&|order| order.transaction_ref = "x".repeat(200), "transaction_ref", "TOO_LONG");
    // Where none can be used nobody looked, and that is no "allow".
    let too_long = local::Identifier { value: "x".repeat(limits::IDENTIFIER_BYTES + 1), ..identifier(DEVICE) };
    check(&|order| order.identifiers = vec![too_long.clone(); 2], "identifiers[0].value", "TOO_LONG");
    // One alone is told beside the answer: the others are screened.
    let mut long = order();
    long.identifiers.insert(0, too_long.clone());
    let answer = RUNTIME.block_on(client.screen_transaction(long)).expect("answered").into_inner();
    assert_eq!((answer.refused.len(), answer.refused[0].rule.as_str()), (1, "too_long"));
}

#[test]
fn a_message_beyond_the_limits_is_refused_with_a_reason_and_the_next_is_answered() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    node.until_ready();
    let mut crowd = local::ScreenTransactionsRequest { transactions: vec![order(); 257] };
    refused(&streamed(&node, crowd.clone()), Code::InvalidArgument, "TOO_MANY");
    crowd.transactions.truncate(1);
    crowd.transactions[0].customer_ref = "x".repeat(limits::MESSAGE_BYTES);
    refused(&streamed(&node, crowd), Code::OutOfRange, "MESSAGE_TOO_LARGE");
    let mut note = draft(DEVICE);
    note.note = "x".repeat(limits::MESSAGE_BYTES);
    refused(&node.publish("", vec![note]).expect_err("too large"), Code::OutOfRange, "MESSAGE_TOO_LARGE");

    // Bytes that are no message: a repeated field whose length points beyond the end.
    let channel = node.channel("screener");
    let malformed = RUNTIME.block_on(async {
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.expect("connected");
        let path = http::uri::PathAndQuery::from_static("/hushwire.local.v1.ScreeningService/ScreenTransaction");
        let garbage = local::GetStatusResponse { member: "\u{1}\u{2}".to_owned(), ..Default::default() };
        client.unary::<_, (), _>(Request::new(garbage), path, ProstCodec::default()).await
    });
    refused(&malformed.expect_err("no message"), Code::InvalidArgument, "MALFORMED_MESSAGE");

    let mut wrong = Vec::new();
    let mut add = |change: &dyn Fn(&mut local::IndicatorDraft)| {
        let mut draft = draft(DEVICE);
        change(&mut draft);
        wrong.push(draft);
    };
    add(&|draft| draft.confidence = u32::MAX);
    add(&|draft| draft.severity = i32::MIN);
    add(&|draft| draft.valid_until = Some(Timestamp { seconds: i64::MAX, nanos: 0 }));
    add(&|draft| draft.valid_until = Some(Timestamp { seconds: 1, nanos: -1 }));
    let answer = node.publish("", wrong).expect("each is told by itself");
    let fields: Vec<&str> = answer.refused.iter().map(|refused| refused.field.as_str()).collect();
    assert_eq!((answer.published.len(), fields), (0, vec!["confidence", "severity", "valid_until", "valid_until"]));
    assert_eq!(node.flag(DEVICE).len(), 1, "the node goes on");
}

#[test]
fn deeply_nested_and_giant_records_of_a_file_are_refused_by_line() {
    let consortium = Consortium::found(&["bank-a"]);
    let node = consortium.start("bank-a");
    let deep = 200_000;
    let (open, close) = ("[".repeat(deep), "]".repeat(deep));
    let nested = "{\"a\":".repeat(deep);
    let lines = format!(
        "{{\"kind\":\"device\",\"value\":{open}{close}}}\n{nested}\n{open}\n\
         {{\"kind\":\"device\",\"value\":\"device-beyond-0002\"}}\n"
    );
    consortium.file("deep.jsonl", &lines);
    let whole = ["--typology", "F1012", "--severity", "high", "--confidence", "80", "--grounds", "own-confirmed"];
    let check = |role: &str, words: &[&str]| {
        let identity = node.home.identity(role).display().to_string();
        let reach = ["--endpoint", &node.local.to_string(), "--identity", &identity];
        let said = consortium.run(&[words, &reach[..]].concat());
        assert_eq!(said.code, 3, "{words:?}\n{}\n{}", said.stdout, said.stderr);
        for line in ["line 1", "line 2", "line 3"] {
            assert!(said.stderr.contains(line), "{line}: {}", said.stderr);
        }
        assert!(said.stderr.len() < 10_000, "what was refused is not repeated");
    };
    check("publisher", &[&["publish", "deep.jsonl"], &whole[..]].concat());
    check("screener", &["screen", "deep.jsonl"]);
    check("analyst", &["list", "import", "deep.jsonl", "--list", "allow"]);
}
