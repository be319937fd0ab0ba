//! The HTTP/JSON door of a running node, asked as a system asks that speaks HTTP/1.1 and nothing else.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hushwire::base::limits;
use hushwire::io::transport::tls;
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_stream::StreamExt;

use crate::caller::RUNTIME;
use crate::consortium::Consortium;
use crate::node::{Node, wait};

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    pub fn check(&self, status: u16, reason: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.head.contains("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!((&problem["reason"], &problem["status"]), (&json!(reason), &json!(status)), "{problem}");
        problem
    }
}

async fn connect(node: &Node, role: &str, protocols: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let identity = node.home.client(role);
    let mut config = tls::local_client(&identity.certified, &identity.authority).expect("usable");
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let socket = TcpStream::connect(node.local).await?;
    let name = "127.0.0.1".try_into().expect("an address");
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

/// Sends raw bytes and reads until the node closes.
pub fn send(node: &Node, role: &str, request: &[u8]) -> String {
    RUNTIME.block_on(async {
        let stream = connect(node, role, &[b"http/1.1"]).await.expect("a handshake");
        let (mut answer, mut asked) = tokio::io::split(stream);
        let mut heard = Vec::new();
        let send = async {
            asked.write_all(request).await?;
            // What the socket did not take at once waits in the TLS stream, and nobody else sends it.
            asked.flush().await
        };
        // A node that answers before it has read everything, or closes without the alert, has said what it had to say.
        let (_sent, _closed) = tokio::join!(send, answer.read_to_end(&mut heard));
        String::from_utf8_lossy(&heard).into_owned()
    })
}

pub fn parse(heard: &str) -> Answer {
    let (head, body) = heard.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {heard:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

pub fn ask(node: &Node, role: &str, verb: &str, path: &str, more: &str, body: &str) -> Answer {
    let length = body.len();
    let head =
        format!("{verb} {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n");
    parse(&send(node, role, format!("{head}{body}").as_bytes()))
}

fn post(node: &Node, role: &str, path: &str, body: &Value) -> Answer {
    ask(node, role, "POST", path, "Content-Type: application/json\r\n", &body.to_string())
}

fn get(node: &Node, role: &str, path: &str) -> Answer {
    ask(node, role, "GET", path, "", "")
}

const CARD: &str = "4539578763621486";

fn order() -> Value {
    json!({"identifiers": [{"kind": "IDENTIFIER_KIND_PAN", "value": CARD}], "amountMinor": 12500, "currency": "EUR"})
}

#[test]
fn a_shop_without_grpc_publishes_screens_retracts_and_proves() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let draft = json!({
        "identifier": {"kind": "IDENTIFIER_KIND_PAN", "value": CARD},
        "typology": "F1012", "severity": "SEVERITY_HIGH", "confidence": 90, "grounds": "GROUNDS_OWN_CONFIRMED",
        "sourceRef": "CASE-1",
    });
    let wrong = json!({
        "identifier": {"kind": "IDENTIFIER_KIND_PAN", "value": "4539578763621487"},
        "typology": "F1012", "severity": "SEVERITY_HIGH", "confidence": 90, "grounds": "GROUNDS_OWN_CONFIRMED",
    });
    let published = post(&a, "publisher", "/v1/indicators", &json!({"requestId": "r-1", "indicators": [draft, wrong]}));
    assert_eq!(published.status, 200, "{published:?}");
    assert!(published.head.contains("cache-control: no-store"), "{published:?}");
    let published = published.json();
    assert_eq!(published["published"].as_array().map(Vec::len), Some(1), "{published}");
    assert_eq!(published["refused"][0]["record"], 1, "one bad record does not sink the batch: {published}");

    let screened = wait("the card is challenged", || {
        let answer = post(&a, "screener", "/v1/transactions:screen", &order()).json();
        (answer["decision"] == "DECISION_CHALLENGE").then_some(answer)
    });
    assert_eq!(screened["notSoleBasis"], true);
    let batch = json!({"transactions": [order(), order()]});
    let results = post(&a, "screener", "/v1/transactions:batchScreen", &batch).json();
    assert_eq!(results["results"].as_array().map(Vec::len), Some(2), "{results}");

    let id = screened["decisionId"].as_str().expect("an id").to_owned();
    let proof = wait("the decision is in the log", || {
        let answer = get(&a, "auditor", &format!("/v1/decisions/{id}"));
        (answer.status == 200).then(|| answer.json())
    });
    assert!(proof["checkpoint"].as_str().is_some_and(|note| note.contains("demo.example/bank-a")), "{proof}");
    let records = get(&a, "auditor", "/v1/audit/records?page_size=2&actionPrefix=screening.").json();
    assert!(!records["entries"].as_array().expect("entries").is_empty(), "{records}");
    assert_eq!(get(&a, "operator", "/v1/status").json()["member"], "bank-a");

    let retract = json!({"sourceRefs": ["CASE-1"], "reason": "RETRACTION_REASON_FALSE_POSITIVE"});
    let retracted = post(&a, "publisher", "/v1/indicators:retract", &retract).json();
    assert_eq!(retracted["retracted"].as_array().map(Vec::len), Some(1), "{retracted}");
    wait("the card passes", || {
        let answer = post(&a, "screener", "/v1/transactions:screen", &order()).json();
        (answer["decision"] == "DECISION_ALLOW").then_some(())
    });
    let description = get(&a, "screener", "/v1/openapi.json").json();
    assert_eq!(description["openapi"], "3.1.0");
}

#[test]
fn what_is_wrong_over_http_is_refused_with_its_reason_and_never_repeated() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let screen = "/v1/transactions:screen";
    let json_type = "Content-Type: application/json\r\n";

    let refused = post(&a, "publisher", screen, &order()).check(403, "ROLE_NOT_ALLOWED");
    assert_eq!(refused["code"], "PERMISSION_DENIED");
    get(&a, "screener", "/v1/nothing").check(404, "UNKNOWN_PATH");
    let other_verb = get(&a, "screener", screen);
    other_verb.check(405, "METHOD_NOT_ALLOWED");
    assert!(other_verb.head.contains("allow: post"), "{other_verb:?}");
    ask(&a, "screener", "TRACE", screen, "", "").check(405, "METHOD_NOT_ALLOWED");
    ask(&a, "screener", "POST", screen, "Content-Type: text/plain\r\n", "{}").check(415, "MEDIA_TYPE");
    ask(&a, "screener", "POST", screen, "", "{}").check(415, "MEDIA_TYPE");
    let latin = "Content-Type: application/json; charset=latin1\r\n";
    ask(&a, "screener", "POST", screen, latin, "{}").check(415, "MEDIA_TYPE");
    let utf16 = "Content-Type: application/json; charset=utf-16\r\n";
    ask(&a, "screener", "POST", screen, utf16, "{}").check(415, "MEDIA_TYPE");
    let zipped = format!("{json_type}Content-Encoding: gzip\r\n");
    ask(&a, "screener", "POST", screen, &zipped, "{}").check(415, "MEDIA_TYPE");
    for (body, reason, field) in [
        ("", "NO_JSON", "body"),
        ("{", "NO_JSON", "body"),
        (r#"{"currency":"EUR","currency":"USD"}"#, "REPEATED_KEY", "currency"),
        (r#"{"4539578763621486":1}"#, "UNKNOWN_FIELD", "body"),
        (r#"{"identifiers":[{"kind":"4539578763621486"}]}"#, "WRONG_TYPE", "identifiers[0].kind"),
        (r#"{"ownScore":99999999999}"#, "WRONG_TYPE", "ownScore"),
    ] {
        let answer = ask(&a, "screener", "POST", screen, json_type, body);
        let problem = answer.check(400, reason);
        assert_eq!(problem["violations"][0]["field"], field, "{body}");
        assert!(!answer.body.contains(CARD), "{answer:?}");
    }
    let deep = format!(r#"{{"identifiers":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let deep = ask(&a, "screener", "POST", screen, json_type, &deep).check(400, "WRONG_TYPE");
    assert_eq!(deep["violations"][0]["field"], "identifiers[0]");
    let many = format!(r#"{{"identifiers":[{}]}}"#, vec!["{}"; 500_000].join(","));
    let many = ask(&a, "screener", "POST", screen, json_type, &many).check(400, "TOO_MANY");
    assert_eq!(many["detail"], "identifiers: identifiers has more than 32 elements", "field and limit");
    let little_endian: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for unreadable in [little_endian.as_slice(), b"{\"channel\":\"4539578763621486\xff\"}", b"\x1f\x8b\x08\x00"] {
        let length = unreadable.len();
        let head = format!(
            "POST {screen} HTTP/1.1\r\nHost: node\r\nConnection: close\r\nContent-Length: {length}\r\n{json_type}\r\n"
        );
        let answer = parse(&send(&a, "screener", &[head.as_bytes(), unreadable].concat()));
        answer.check(400, "NO_JSON");
        assert!(!answer.body.contains(CARD), "{answer:?}");
    }
    let large = format!(r#"{{"customerRef":"{}"}}"#, "x".repeat(4 * 1024 * 1024));
    ask(&a, "screener", "POST", screen, json_type, &large).check(413, "BODY_TOO_LARGE");
    get(&a, "auditor", "/v1/audit/records?page_size=1&pageSize=2").check(400, "REPEATED_KEY");
    get(&a, "auditor", "/v1/audit/records?page_size=many").check(400, "WRONG_TYPE");
    get(&a, "auditor", "/v1/decisions/ffffffffffffffffffffffffffffffff").check(404, "NO_SUCH_RECORD");

    // Who may not ask is refused for that, whatever the body; the audit log is told below.
    ask(&a, "operator", "POST", screen, json_type, "{").check(403, "ROLE_NOT_ALLOWED");

    let half = send(
        &a,
        "screener",
        format!("POST {screen} HTTP/1.1\r\nHost: node\r\nContent-Length: 9\r\nConnection: close\r\n{json_type}\r\n{{")
            .as_bytes(),
    );
    assert!(!half.contains("200 OK"), "{half}");
    assert_eq!(get(&a, "operator", "/v1/status").status, 200, "half a body harms nobody");
    let headers = format!("GET /v1/status HTTP/1.1\r\nHost: node\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    assert!(send(&a, "operator", headers.as_bytes()).starts_with("HTTP/1.1 431"), "too many headers are told so");
    assert!(send(&a, "operator", b"nonsense\r\n\r\n").starts_with("HTTP/1.1 400"), "what is no HTTP is told so");

    let listed = consortium.audit_list(&a, &["--action", "call."]);
    assert!(
        listed.stdout.contains("ROLE_NOT_ALLOWED") && listed.stdout.contains("UNKNOWN_METHOD"),
        "{}",
        listed.stdout
    );
    assert!(!listed.stdout.contains("nothing"), "a path is the caller's text");
}

#[test]
fn a_client_that_names_no_protocol_speaks_http_1_and_peers_do_not() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let heard = RUNTIME.block_on(async {
        let mut stream = connect(&a, "operator", &[]).await.expect("a handshake");
        stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n").await.expect("sent");
        let mut heard = Vec::new();
        let _closed = stream.read_to_end(&mut heard).await;
        String::from_utf8_lossy(&heard).into_owned()
    });
    assert_eq!(parse(&heard).status, 200, "{heard}");
    let several = RUNTIME.block_on(async {
        let mut stream = connect(&a, "operator", &[b"http/1.1"]).await.expect("a handshake");
        let mut statuses = 0;
        for _ in 0..3 {
            stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: node\r\n\r\n").await.expect("sent");
            let mut heard = Vec::new();
            while !heard.ends_with(b"}") {
                stream.read_buf(&mut heard).await.expect("the connection is kept");
            }
            statuses += usize::from(heard.starts_with(b"HTTP/1.1 200"));
        }
        statuses
    });
    assert_eq!(several, 3);
    let log = a.home.log();
    let (status, _) = a.stop();
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(status.success() && log.contains("node.stopped"), "an idle connection holds up no stop: {log}");
}

/// What became of a `POST` over this connection whose body comes in these pieces and then does not end.
async fn unended(
    connection: &http2::SendRequest<BoxBody<Bytes, Infallible>>,
    pieces: usize,
    piece: &'static [u8],
) -> Result<u16, hyper::Error> {
    let coming = tokio_stream::iter((0..pieces).map(move |_| Ok(Frame::data(Bytes::from_static(piece)))));
    let body = StreamBody::new(coming.chain(tokio_stream::pending())).boxed();
    let request = http::Request::post("https://127.0.0.1/v1/transactions:screen")
        .header("content-type", "application/json")
        .body(body)
        .expect("valid");
    Ok(connection.clone().send_request(request).await?.status().as_u16())
}

#[test]
fn one_connection_cannot_have_the_node_gather_more_than_its_share_and_takes_no_others() {
    const PIECE: &[u8] = &[b' '; 16 * 1024];
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    RUNTIME.block_on(async {
        let stream = connect(&a, "screener", &[b"h2"]).await.expect("a handshake");
        let (connection, driver) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2 is spoken");
        let driver = tokio::spawn(driver);
        // Whole bodies but for their end: one more than fit.
        let fit = limits::BODY_BYTES_PER_CONNECTION / limits::MESSAGE_BYTES;
        let pieces = limits::MESSAGE_BYTES / PIECE.len();
        let mut asked = JoinSet::new();
        for _ in 0..=fit {
            let connection = connection.clone();
            asked.spawn(async move { unended(&connection, pieces, PIECE).await });
        }
        let first = asked.join_next().await.expect("asked").expect("does not panic").expect("answered");
        assert_eq!(first, 429);
        let other = tokio::task::spawn_blocking(move || {
            assert_eq!(post(&a, "screener", "/v1/transactions:screen", &order()).status, 200);
            a
        });
        let a = other.await.expect("another connection has its own share");
        assert_eq!(asked.len(), fit, "the others are still being gathered");
        drop((asked, connection));
        driver.abort();
        let back =
            tokio::task::spawn_blocking(move || post(&a, "screener", "/v1/transactions:screen", &order()).status);
        assert_eq!(back.await.expect("answered"), 200);
    });
}
