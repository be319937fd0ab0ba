//! What happens to connections over time: pins that go, certificates that are replaced, a node that stops.

use crate::certificates::{IN_FORCE, TestAuthority, peer};
use crate::doors::{LocalDoor, PeerDoor, exchange, member, who_am_i};
use hushwire::io::grpc::wire::hushwire::local::v1::node_service_client::NodeServiceClient;
use hushwire::io::transport::client::{ClientIdentity, connect_local};
use hushwire::io::transport::settings::DoorSettings;
use hushwire::io::transport::tls;
use hushwire::io::transport::verify::LocalRules;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;
use tonic_types::StatusExt;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_dropped_pin_ends_the_running_stream_with_the_reason_and_then_the_connection() {
    let settings = DoorSettings { revoked_grace: Duration::from_millis(200), ..DoorSettings::peer() };
    let peers = PeerDoor::open(settings).await;
    let mut client = peers.client(peers.other.clone());
    let (_, mut answers) = exchange(&mut client).await.expect("pinned");
    answers.message().await.expect("served").expect("one message");

    peers.pins.replace(BTreeMap::new());
    let status = timeout(PATIENCE, answers.message()).await.expect("ends").expect_err("with a status");
    assert_eq!(status.code(), Code::Unauthenticated);
    let details = status.get_error_details();
    assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("PIN_REVOKED"));

    let status = exchange(&mut client).await.expect_err("the next request is refused");
    assert!(matches!(status.code(), Code::Unauthenticated | Code::Unavailable), "{status:?}");
    let cut = async {
        while peers.door.counts.revoked.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, cut).await.expect("the connection is closed");
}

#[tokio::test]
async fn a_roster_that_keeps_the_pin_disturbs_no_stream() {
    let peers = PeerDoor::open(DoorSettings::peer()).await;
    let (_, mut answers) = exchange(&mut peers.client(peers.other.clone())).await.expect("pinned");
    answers.message().await.expect("served").expect("one message");
    let (_, new_pin) = peer(IN_FORCE);
    peers.pins.replace(BTreeMap::from([(peers.other_pin, member("bank-b")), (new_pin, member("bank-c"))]));
    // The stream has nothing more to say; that it neither ends nor fails is all there is to see.
    assert!(timeout(Duration::from_millis(200), answers.message()).await.is_err());
}

#[tokio::test]
async fn a_channel_comes_back_by_itself_once_its_pin_is_back() {
    let settings = DoorSettings { revoked_grace: Duration::ZERO, ..DoorSettings::peer() };
    let peers = PeerDoor::open(settings).await;
    let mut client = peers.client(peers.other.clone());
    let pinned = BTreeMap::from([(peers.other_pin, member("bank-b"))]);
    for _ in 0..2 {
        let back = async {
            while exchange(&mut client).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, back).await.expect("served on the same channel");
        peers.pins.replace(BTreeMap::new());
        assert!(exchange(&mut client).await.is_err());
        peers.pins.replace(pinned.clone());
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_callers_and_disturbs_no_open_connection() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let mut before = local.client("operator");
    who_am_i(&mut before).await.expect("served");
    let renewed = local.authority.node();
    let config =
        tls::local_server(&renewed, &local.authority.authority(), LocalRules::of(member("bank-a"))).expect("sound");
    local.door.tls.send_replace(Arc::new(config));
    who_am_i(&mut before).await.expect("the open connection goes on");
    who_am_i(&mut local.client("operator")).await.expect("a new one opens");
    assert_eq!(local.door.counts.accepted.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_replaced_authority_ends_the_connections_it_does_not_vouch_for() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let mut before = local.client("operator");
    who_am_i(&mut before).await.expect("served");

    let next = TestAuthority::new("bank-a, second");
    let config = tls::local_server(&next.node(), &next.authority(), LocalRules::of(member("bank-a"))).expect("sound");
    local.door.tls.send_replace(Arc::new(config));
    let cut = async {
        while local.door.counts.revoked.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, cut).await.expect("the open connection ends");
    who_am_i(&mut before).await.expect_err("and the old certificate opens no new one");

    let certified = next.caller(&["hushwire://bank-a/operator/new"], IN_FORCE);
    let identity = ClientIdentity { certified, authority: next.authority() };
    let channel = connect_local(&local.door.endpoint(), &identity).expect("sound");
    let uri = who_am_i(&mut NodeServiceClient::new(channel)).await.expect("a new certificate does");
    assert_eq!(uri, "hushwire://bank-a/operator/new");
}

#[tokio::test]
async fn a_connection_ends_with_its_certificate() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let certified = local.authority.short_lived("hushwire://bank-a/operator/brief", Duration::from_secs(3));
    let mut client = NodeServiceClient::new(local.channel(certified));
    who_am_i(&mut client).await.expect("still valid");
    let expired = async {
        while local.door.counts.expired.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, expired).await.expect("the connection ends");
    who_am_i(&mut client).await.expect_err("and none follows");
}

#[tokio::test]
async fn a_stopping_door_lets_calls_end_cuts_endless_streams_and_frees_its_port() {
    let settings = DoorSettings { drain_timeout: Duration::from_millis(100), ..DoorSettings::peer() };
    let peers = PeerDoor::open(settings).await;
    let (_, mut answers) = exchange(&mut peers.client(peers.other.clone())).await.expect("pinned");
    answers.message().await.expect("served").expect("one message");
    let address = peers.door.address;
    assert_eq!(peers.door.stop().await, 1);
    assert!(answers.message().await.is_err());
    assert!(TcpStream::connect(address).await.is_err());

    let local = LocalDoor::open(DoorSettings::local()).await;
    let mut client = local.client("operator");
    who_am_i(&mut client).await.expect("served");
    assert_eq!(timeout(PATIENCE, local.door.stop()).await.expect("drains"), 0);
}
