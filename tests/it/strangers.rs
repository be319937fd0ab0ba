//! Where tokens are taken: whoever comes without a certificate finds little room and little time, and takes neither from those
//! who have one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hushwire::base::role::Role;
use hushwire::io::access::token::{Scope, Token, TokenRecord};
use hushwire::io::access::tokens::{Loaded, TokenRegistry};
use hushwire::io::clock;
use hushwire::io::transport::budget::ConnectionLimits;
use hushwire::io::transport::settings::DoorSettings;
use hushwire::io::transport::tls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::conduct::{PATIENCE, closed, counted};
use crate::doors::{LocalDoor, member, who_am_i};

/// Much shorter than the door's own. Nothing here has to happen within it: what it cuts short is tried again.
const SOON: Duration = Duration::from_millis(500);

/// Longer than any test waits.
const NEVER: Duration = Duration::from_secs(3_600);

fn tokens(token: &Token) -> Arc<TokenRegistry> {
    let record = TokenRecord {
        name: "shop".parse().expect("valid"),
        role: Role::Operator,
        scope: Scope::Role,
        issued: clock::now(),
        expires: clock::now().plus_s(3_600),
        hash: token.hash(),
        revoked: None,
    };
    Arc::new(TokenRegistry::new(member("bank-a"), Loaded { records: vec![record], unread: Vec::new() }))
}

/// A connection without a certificate.
async fn stranger(local: &LocalDoor) -> TlsStream<TcpStream> {
    let config = tls::web_client(&local.authority.authority()).expect("sound");
    let socket = TcpStream::connect(local.door.address).await.expect("listens");
    TlsConnector::from(Arc::new(config)).connect(local.door.address.ip().into(), socket).await.expect("let in")
}

/// The door closed the connection before it answered.
#[derive(Debug)]
struct Closed;

/// Asks who it is over HTTP/1.1 with this token; the answer's `grpc-status`, which is none where it was served.
async fn ask(stream: &mut TlsStream<TcpStream>, token: &Token) -> Result<Option<String>, Closed> {
    let head = format!(
        "POST /hushwire.local.v1.NodeService/GetStatus HTTP/1.1\r\nHost: node\r\nContent-Type: application/grpc\r\n\
         Authorization: Bearer {}\r\nTE: trailers\r\nContent-Length: 5\r\n\r\n",
        token.reveal().as_str()
    );
    stream.write_all(&[head.as_bytes(), &[0; 5]].concat()).await.map_err(|_| Closed)?;
    stream.flush().await.map_err(|_| Closed)?;
    let mut heard = String::new();
    // A refusal has no body; an answer ends with its last chunk.
    while !(heard.contains("\r\n\r\n") && (heard.contains("content-length: 0") || heard.contains("\r\n0\r\n"))) {
        let mut piece = [0; 4096];
        match timeout(PATIENCE, stream.read(&mut piece)).await.expect("answered or closed") {
            Ok(0) | Err(_) => return Err(Closed),
            Ok(read) => heard.push_str(&String::from_utf8_lossy(&piece[..read])),
        }
    }
    let head = heard.split("\r\n\r\n").next().expect("a head");
    Ok(head.lines().find_map(|line| line.strip_prefix("grpc-status: ")).map(str::to_owned))
}

#[tokio::test]
async fn strangers_share_a_few_places_and_holders_of_certificates_have_all_others() {
    let strangers = ConnectionLimits { total: 2, ..DoorSettings::local().strangers };
    let settings = DoorSettings { strangers, stranger_proof: NEVER, ..DoorSettings::local() };
    let token = Token::generate();
    let local = LocalDoor::open_to(settings, Some(tokens(&token))).await;
    let first = stranger(&local).await;
    let _second = stranger(&local).await;
    closed(stranger(&local).await).await;
    counted(&local.door, |counts| &counts.over_budget, 1).await;
    who_am_i(&mut local.client("operator")).await.expect("the door is open to who has a certificate");
    drop(first);
    let back = async {
        // Whoever has a place is answered.
        while ask(&mut stranger(&local).await, &token).await.is_err() {}
    };
    timeout(PATIENCE, back).await.expect("a freed place is given again");
}

#[tokio::test]
async fn one_source_of_strangers_gets_no_more_than_its_share() {
    let strangers = ConnectionLimits { per_source: 1, ..DoorSettings::local().strangers };
    let settings = DoorSettings { strangers, stranger_proof: NEVER, ..DoorSettings::local() };
    let local = LocalDoor::open_to(settings, Some(tokens(&Token::generate()))).await;
    let _first = stranger(&local).await;
    closed(stranger(&local).await).await;
    counted(&local.door, |counts| &counts.over_budget, 1).await;
}

#[tokio::test]
async fn what_proves_nothing_is_refused_and_may_be_proved_after_all() {
    let (good, wrong) = (Token::generate(), Token::generate());
    let settings = DoorSettings { stranger_proof: NEVER, ..DoorSettings::local() };
    let local = LocalDoor::open_to(settings, Some(tokens(&good))).await;
    let mut asking = stranger(&local).await;
    assert_eq!(ask(&mut asking, &wrong).await.expect("open").as_deref(), Some("16"));
    assert_eq!(ask(&mut asking, &good).await.expect("open"), None, "on the same connection");
}

#[tokio::test]
async fn a_stranger_that_proves_nothing_is_closed_and_a_proof_keeps_its_connection() {
    let (good, wrong) = (Token::generate(), Token::generate());
    let settings = DoorSettings { stranger_proof: SOON, stranger_idle: NEVER, ..DoorSettings::local() };
    let local = LocalDoor::open_to(settings, Some(tokens(&good))).await;
    let mut certified = local.client("operator");
    who_am_i(&mut certified).await.expect("served");
    let mut silenced = 0;
    let mut proved = loop {
        let mut stream = stranger(&local).await;
        match ask(&mut stream, &good).await {
            Ok(status) => {
                assert_eq!(status, None);
                break stream;
            }
            // A machine that is busy elsewhere: it came too late.
            Err(Closed) => silenced += 1,
        }
    };
    // Begun later than the proved one: once these are closed, its time would be over as well. One says nothing, the other asks
    // again and again with what opens nothing.
    let begun = Instant::now();
    closed(stranger(&local).await).await;
    assert!(begun.elapsed() >= SOON);
    let mut asking = stranger(&local).await;
    while let Ok(status) = ask(&mut asking, &wrong).await {
        assert_eq!(status.as_deref(), Some("16"));
    }
    counted(&local.door, |counts| &counts.silent, silenced + 2).await;
    let accepted = || local.door.counts.accepted.load(Ordering::Relaxed);
    let before = accepted();
    assert_eq!(ask(&mut proved, &good).await.expect("open"), None, "on the same connection");
    who_am_i(&mut certified).await.expect("certificates need no such proof");
    assert_eq!(accepted(), before, "on the same connection, too");
}

#[tokio::test]
async fn a_proved_connection_without_calls_ends_after_its_rest() {
    let good = Token::generate();
    let settings = DoorSettings { stranger_proof: NEVER, stranger_idle: SOON, ..DoorSettings::local() };
    let local = LocalDoor::open_to(settings, Some(tokens(&good))).await;
    let mut proved = stranger(&local).await;
    assert_eq!(ask(&mut proved, &good).await.expect("open"), None);
    closed(proved).await;
    counted(&local.door, |counts| &counts.silent, 1).await;
}
