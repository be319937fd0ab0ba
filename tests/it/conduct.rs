//! What connections may not do: stay silent, flood, come in crowds, send giant headers.

use crate::doors::{LocalDoor, OpenDoor, who_am_i};
use hushwire::io::transport::bucket::Rate;
use hushwire::io::transport::budget::ConnectionLimits;
use hushwire::io::transport::frames::PREFACE;
use hushwire::io::transport::listener::DoorCounts;
use hushwire::io::transport::settings::DoorSettings;
use hushwire::io::transport::tls;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Far above any timer of these tests: reaching it means that nothing happened.
pub const PATIENCE: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_millis(100);
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
const WINDOW_UPDATE: [u8; 13] = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const EMPTY_PRIORITY: [u8; 14] = [0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

async fn shaken(local: &LocalDoor) -> TlsStream<TcpStream> {
    shaken_for(local, b"h2").await
}

async fn shaken_for(local: &LocalDoor, protocol: &[u8]) -> TlsStream<TcpStream> {
    let mut config = tls::local_client(&local.certificate("operator"), &local.authority.authority()).expect("sound");
    config.alpn_protocols = vec![protocol.to_vec()];
    let socket = TcpStream::connect(local.door.address).await.expect("listens");
    let name = local.door.address.ip().into();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await.expect("admitted")
}

/// Reads until the door closes the connection, however it does.
pub async fn closed(mut stream: impl AsyncReadExt + Unpin) {
    let mut buffer = vec![0; 16 * 1024];
    let closed = async { while !matches!(stream.read(&mut buffer).await, Ok(0) | Err(_)) {} };
    timeout(PATIENCE, closed).await.expect("the door closes it");
}

/// The connection's task counts just after the socket closes.
pub async fn counted(door: &OpenDoor, counter: impl Fn(&DoorCounts) -> &AtomicU64, expected: u64) {
    let reached = async {
        while counter(&door.counts).load(Ordering::Relaxed) < expected {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, reached).await.expect("counted");
    assert_eq!(counter(&door.counts).load(Ordering::Relaxed), expected);
}

#[tokio::test]
async fn a_socket_that_never_begins_a_handshake_is_closed() {
    let local = LocalDoor::open(DoorSettings { handshake_timeout: SOON, ..DoorSettings::local() }).await;
    closed(TcpStream::connect(local.door.address).await.expect("listens")).await;
    counted(&local.door, |counts| &counts.silent, 1).await;
}

#[tokio::test]
async fn a_caller_that_says_nothing_after_its_handshake_is_closed() {
    let local = LocalDoor::open(DoorSettings { preface_timeout: SOON, ..DoorSettings::local() }).await;
    closed(shaken(&local).await).await;
    counted(&local.door, |counts| &counts.silent, 1).await;
}

#[tokio::test]
async fn headers_over_http_1_that_trickle_in_are_not_waited_for() {
    let local = LocalDoor::open(DoorSettings { http1_headers_timeout: SOON, ..DoorSettings::local() }).await;
    let (heard, mut said) = tokio::io::split(shaken_for(&local, b"http/1.1").await);
    let trickle = async {
        said.write_all(b"GET /v1/status HTTP/1.1\r\nX: ").await.expect("the connection is open");
        while said.write_all(b"x").await.is_ok() {
            tokio::time::sleep(SOON / 20).await;
        }
        // The door closed it; so the other side is about to see.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = closed(heard) => {}
        () = trickle => {}
    }
}

#[tokio::test]
async fn plain_text_is_no_handshake() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let mut socket = TcpStream::connect(local.door.address).await.expect("listens");
    socket.write_all(PREFACE).await.expect("sends");
    closed(socket).await;
    counted(&local.door, |counts| &counts.handshakes_refused, 1).await;
}

#[tokio::test]
async fn a_flood_of_control_frames_ends_its_connection_and_no_other() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let mut honest = local.client("operator");
    who_am_i(&mut honest).await.expect("served before");
    let floods: [&[u8]; 4] = [&PING, &SETTINGS, &WINDOW_UPDATE, &EMPTY_PRIORITY];
    for (done, frame) in floods.into_iter().enumerate() {
        let (reader, mut writer) = tokio::io::split(shaken(&local).await);
        let flood = tokio::spawn({
            let frames = frame.repeat(256);
            async move {
                writer.write_all(PREFACE).await?;
                writer.write_all(&SETTINGS).await?;
                loop {
                    writer.write_all(&frames).await?;
                }
                #[allow(unreachable_code, reason = "gives the loop its error type")]
                std::io::Result::Ok(())
            }
        });
        closed(reader).await;
        assert!(flood.await.expect("does not panic").is_err());
        counted(&local.door, |counts| &counts.floods, u64::try_from(done + 1).expect("small")).await;
    }
    who_am_i(&mut honest).await.expect("served after");
}

#[tokio::test]
async fn many_honest_calls_on_one_connection_are_no_flood() {
    let settings = DoorSettings { control_frames: Rate { burst: 200, per_s: 0 }, ..DoorSettings::local() };
    let local = LocalDoor::open(settings).await;
    let client = local.client("operator");
    for _ in 0..40 {
        let calls = (0..50).map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { who_am_i(&mut client).await })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("does not panic").expect("served");
        }
    }
    assert_eq!(local.door.counts.floods.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_source_gets_no_more_connections_than_its_share() {
    let connections = ConnectionLimits { per_source: 2, ..DoorSettings::local().connections };
    let local = LocalDoor::open(DoorSettings { connections, ..DoorSettings::local() }).await;
    let first = shaken(&local).await;
    let _second = shaken(&local).await;
    closed(TcpStream::connect(local.door.address).await.expect("accepted by the kernel")).await;
    counted(&local.door, |counts| &counts.over_budget, 1).await;
    drop(first);
    let back = async {
        while who_am_i(&mut local.client("operator")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, back).await.expect("a freed place is given again");
}

#[tokio::test]
async fn a_source_that_reconnects_too_fast_is_turned_away_before_its_handshake() {
    let connections = ConnectionLimits { connects: Rate { burst: 3, per_s: 0 }, ..DoorSettings::local().connections };
    let local = LocalDoor::open(DoorSettings { connections, ..DoorSettings::local() }).await;
    for _ in 0..3 {
        drop(shaken(&local).await);
    }
    closed(TcpStream::connect(local.door.address).await.expect("accepted by the kernel")).await;
    counted(&local.door, |counts| &counts.over_budget, 1).await;
}

#[tokio::test]
async fn giant_headers_are_refused_and_the_connection_lives() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let mut client = local.client("operator");
    for (bytes, served) in [(8 * 1024, true), (20 * 1024, false), (8 * 1024, true)] {
        let mut request = tonic::Request::new(Default::default());
        request.metadata_mut().insert("padding", "x".repeat(bytes).parse().expect("ASCII"));
        assert_eq!(client.get_status(request).await.is_ok(), served, "{bytes} bytes");
    }
    assert_eq!(local.door.counts.accepted.load(Ordering::Relaxed), 1);
}
