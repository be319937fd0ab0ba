//! Who gets in: what is negotiated, and every certificate that is refused, with the alert its holder sees.

use crate::certificates::{EXPIRED, IN_FORCE, NOT_YET_VALID, TestAuthority, peer};
use crate::doors::{LocalDoor, PeerDoor, exchange, member, who_am_i};
use hushwire::io::grpc::wire::hushwire::peer::v1::exchange_service_client::ExchangeServiceClient;
use hushwire::io::transport::client::{PeerIdentity, cause_of, connect_peer};
use hushwire::io::transport::pins::PinRegistry;
use hushwire::io::transport::settings::DoorSettings;
use hushwire::io::transport::tls::{self, Certified};
use rustls::{AlertDescription, ClientConfig, NamedGroup, ProtocolVersion};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Code;
use tonic_types::StatusExt;

/// Shakes hands and waits for the server's verdict on our certificate, which in TLS 1.3 comes after our own last word.
async fn shake(address: SocketAddr, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(address).await?;
    let mut stream = TlsConnector::from(Arc::new(config)).connect(address.ip().into(), socket).await?;
    // The first bytes of a server that lets us in are its SETTINGS.
    stream.read_exact(&mut [0; 9]).await?;
    Ok(stream)
}

async fn alert(address: SocketAddr, config: ClientConfig) -> Option<AlertDescription> {
    let error = shake(address, config).await.err()?;
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

fn without_certificate(mut config: ClientConfig) -> ClientConfig {
    struct Nobody;
    impl std::fmt::Debug for Nobody {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Nobody")
        }
    }
    impl rustls::client::ResolvesClientCert for Nobody {
        fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
            None
        }
        fn has_certs(&self) -> bool {
            false
        }
    }
    config.client_auth_cert_resolver = Arc::new(Nobody);
    config
}

#[tokio::test]
async fn both_doors_agree_on_the_hybrid_key_exchange_and_hand_out_no_tickets() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let peers = PeerDoor::open(DoorSettings::peer()).await;
    let local_config = tls::local_client(&local.certificate("screener"), &local.authority.authority()).expect("sound");
    let peer_config = tls::peer_client(&peers.other, &peers.callers_pins(), &member("bank-a")).expect("sound");
    for (address, config) in [(local.door.address, local_config), (peers.door.address, peer_config)] {
        let stream = shake(address, config).await.expect("admitted");
        let (_, session) = stream.get_ref();
        let group = session.negotiated_key_exchange_group().map(|group| group.name());
        assert_eq!(group, Some(NamedGroup::X25519MLKEM768));
        assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
        assert_eq!(session.tls13_tickets_received(), 0);
    }
}

#[tokio::test]
async fn tls_1_2_is_refused_by_both_doors() {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xC0, 0x2F, 1, 0]);
    // supported_groups: x25519; signature_algorithms: ecdsa_secp256r1_sha256; ec_point_formats: uncompressed.
    let extensions = [0, 10, 0, 4, 0, 2, 0, 29, 0, 13, 0, 4, 0, 2, 4, 3, 0, 11, 0, 2, 1, 0];
    hello.extend(u16::try_from(extensions.len()).expect("short").to_be_bytes());
    hello.extend(extensions);
    let mut handshake = vec![1];
    handshake.extend(&u32::try_from(hello.len()).expect("short").to_be_bytes()[1..]);
    handshake.extend(hello);
    let mut record = vec![22, 3, 1];
    record.extend(u16::try_from(handshake.len()).expect("short").to_be_bytes());
    record.extend(handshake);

    let local = LocalDoor::open(DoorSettings::local()).await;
    let peers = PeerDoor::open(DoorSettings::peer()).await;
    for address in [local.door.address, peers.door.address] {
        let mut socket = TcpStream::connect(address).await.expect("listens");
        socket.write_all(&record).await.expect("sends");
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.expect("closed by the door");
        // Record type alert, level fatal, protocol_version (RFC 8446 §6).
        assert_eq!((answer.first(), answer.get(5..7)), (Some(&21), Some(&[2, 70][..])));
    }
}

#[tokio::test]
async fn the_local_door_refuses_every_certificate_that_does_not_name_a_caller_of_its_member() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let foreign = TestAuthority::new("somebody else");
    let own = &local.authority;
    let screener = "hushwire://bank-a/screener/test";
    let client = |certified: &Certified| tls::local_client(certified, &own.authority()).expect("sound");

    let sound = own.caller(&[screener], IN_FORCE);
    assert!(shake(local.door.address, client(&sound)).await.is_ok());
    let unknown = without_certificate(client(&sound));
    assert_eq!(alert(local.door.address, unknown).await, Some(AlertDescription::CertificateRequired));

    let check = async |what: &str, certified: Certified, expected: AlertDescription| {
        assert_eq!(alert(local.door.address, client(&certified)).await, Some(expected), "{what}");
    };
    check("foreign authority", foreign.caller(&[screener], IN_FORCE), AlertDescription::UnknownCA).await;
    check("self-signed", peer(IN_FORCE).0, AlertDescription::UnknownCA).await;
    check("expired", own.caller(&[screener], EXPIRED), AlertDescription::CertificateExpired).await;
    check("not yet valid", own.caller(&[screener], NOT_YET_VALID), AlertDescription::CertificateExpired).await;
    check("certificate of a server", own.node(), AlertDescription::UnsupportedCertificate).await;
    let denied = AlertDescription::AccessDenied;
    check("no such role", own.caller(&["hushwire://bank-a/admin/test"], IN_FORCE), denied).await;
    check("another member", own.caller(&["hushwire://bank-b/screener/test"], IN_FORCE), denied).await;
    check("two callers", own.caller(&[screener, "hushwire://bank-a/operator/test"], IN_FORCE), denied).await;
    check("no caller", own.caller(&[], IN_FORCE), denied).await;
}

#[tokio::test]
async fn the_peer_door_refuses_every_key_that_is_not_pinned_or_not_in_force() {
    let peers = PeerDoor::open(DoorSettings::peer()).await;
    let client =
        |certified: &Certified| tls::peer_client(certified, &peers.callers_pins(), &member("bank-a")).expect("sound");

    assert!(shake(peers.door.address, client(&peers.other)).await.is_ok());
    let unknown = without_certificate(client(&peers.other));
    assert_eq!(alert(peers.door.address, unknown).await, Some(AlertDescription::CertificateRequired));

    let (expired, expired_pin) = peer(EXPIRED);
    let (early, early_pin) = peer(NOT_YET_VALID);
    peers.pins.replace(BTreeMap::from([(expired_pin, member("bank-b")), (early_pin, member("bank-b"))]));
    let check = async |what: &str, certified: Certified, expected: AlertDescription| {
        assert_eq!(alert(peers.door.address, client(&certified)).await, Some(expected), "{what}");
    };
    check("expired", expired, AlertDescription::CertificateExpired).await;
    check("not yet valid", early, AlertDescription::CertificateExpired).await;
    check("no longer pinned", peers.other.clone(), AlertDescription::AccessDenied).await;
    check("never pinned", peer(IN_FORCE).0, AlertDescription::AccessDenied).await;
}

#[tokio::test]
async fn a_pinned_certificate_without_its_key_is_worth_nothing() {
    let peers = PeerDoor::open(DoorSettings::peer()).await;
    let mut config = tls::peer_client(&peers.other, &peers.callers_pins(), &member("bank-a")).expect("sound");
    let (thief, _) = peer(IN_FORCE);
    let thief = tls::peer_client(&thief, &peers.callers_pins(), &member("bank-a")).expect("sound");

    #[derive(Debug)]
    struct Stolen(Arc<dyn rustls::client::ResolvesClientCert>, Arc<dyn rustls::client::ResolvesClientCert>);
    impl rustls::client::ResolvesClientCert for Stolen {
        fn resolve(
            &self,
            hints: &[&[u8]],
            schemes: &[rustls::SignatureScheme],
        ) -> Option<Arc<rustls::sign::CertifiedKey>> {
            let (shown, held) = (self.0.resolve(hints, schemes)?, self.1.resolve(hints, schemes)?);
            Some(Arc::new(rustls::sign::CertifiedKey::new(shown.cert.clone(), Arc::clone(&held.key))))
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let stolen = Stolen(Arc::clone(&config.client_auth_cert_resolver), thief.client_auth_cert_resolver);
    config.client_auth_cert_resolver = Arc::new(stolen);
    assert_eq!(alert(peers.door.address, config).await, Some(AlertDescription::DecryptError));
}

#[tokio::test]
async fn the_two_doors_share_no_trust() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let peers = PeerDoor::open(DoorSettings::peer()).await;
    // Each client trusts whatever server it finds, so that only the door's own judgement is seen.
    let peer_at_local = {
        let node_pin = PinRegistry::new(BTreeMap::new());
        let config = tls::peer_client(&peers.other, &Arc::new(node_pin), &member("bank-a")).expect("sound");
        trusting(config)
    };
    assert_eq!(alert(local.door.address, peer_at_local).await, Some(AlertDescription::UnknownCA));
    let config = tls::local_client(&local.certificate("operator"), &local.authority.authority()).expect("sound");
    assert_eq!(alert(peers.door.address, trusting(config)).await, Some(AlertDescription::AccessDenied));
}

fn trusting(mut config: ClientConfig) -> ClientConfig {
    #[derive(Debug)]
    struct Anything;
    impl rustls::client::danger::ServerCertVerifier for Anything {
        fn verify_server_cert(
            &self,
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &[rustls::pki_types::CertificateDer<'_>],
            _: &rustls::pki_types::ServerName<'_>,
            _: &[u8],
            _: rustls::pki_types::UnixTime,
        ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
            Ok(rustls::client::danger::ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            tls::provider().signature_verification_algorithms.supported_schemes()
        }
    }
    config.dangerous().set_certificate_verifier(Arc::new(Anything));
    config
}

#[tokio::test]
async fn a_caller_is_who_its_certificate_or_its_pin_says() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let peers = PeerDoor::open(DoorSettings::peer()).await;
    let uri = who_am_i(&mut local.client("operator")).await.expect("allowed");
    assert_eq!(uri, "hushwire://bank-a/operator/test");
    let (caller, _answers) = exchange(&mut peers.client(peers.other.clone())).await.expect("allowed");
    assert_eq!(caller, "bank-b");
}

#[tokio::test]
async fn a_role_that_may_not_call_a_method_is_told_so() {
    let local = LocalDoor::open(DoorSettings::local()).await;
    let status = who_am_i(&mut local.client("screener")).await.expect_err("a screener sees no status");
    assert_eq!(status.code(), Code::PermissionDenied);
    let details = status.get_error_details();
    let info = details.error_info().expect("says why");
    assert_eq!((info.domain.as_str(), info.reason.as_str()), ("hushwire", "ROLE_NOT_ALLOWED"));
    assert_eq!(status.message(), "this needs the role auditor or operator; the caller's is screener");
}

#[tokio::test]
async fn a_client_refuses_a_node_that_is_not_the_member_it_means() {
    let peers = PeerDoor::open(DoorSettings::peer()).await;
    let identity = PeerIdentity { certified: peers.other.clone() };
    let channel = connect_peer(&peers.door.endpoint(), &identity, &member("bank-c"), &peers.callers_pins());
    let status = exchange(&mut ExchangeServiceClient::new(channel.expect("sound"))).await.expect_err("refused");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(cause_of(&status).contains("invalid peer certificate"), "{}", cause_of(&status));
}

#[tokio::test]
async fn a_refused_client_learns_why() {
    let peers = PeerDoor::open(DoorSettings::peer()).await;
    let status = exchange(&mut peers.client(peer(IN_FORCE).0)).await.expect_err("not pinned");
    assert!(cause_of(&status).contains("AccessDenied"), "{status:?}");
}
