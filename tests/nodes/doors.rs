//! Who gets in where: a key of one door opens no other. What each role may call is in [`crate::matrix`].

use std::time::Duration;

use hushwire::io::transport::client::{ClientIdentity, connect_local};
use hushwire::io::transport::tls::{Authority, Certified};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt;

use crate::caller::RUNTIME;
use crate::consortium::Consortium;

/// Calls a method with an empty message.
pub fn call(channel: &Channel, method: &'static str) -> Status {
    call_with(channel, method, &[])
}

/// The same with authorization headers.
pub fn call_with(channel: &Channel, method: &'static str, authorization: &[&str]) -> Status {
    let mut request = Request::new(());
    for value in authorization {
        request.metadata_mut().append("authorization", value.parse().expect("ASCII"));
    }
    let answer = RUNTIME.block_on(async {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = http::uri::PathAndQuery::from_static(method);
        // The first answer of a stream will do; a stream of which nothing comes was let in as well.
        let answer = client.server_streaming::<(), (), _>(request, path, ProstCodec::default()).await?;
        match tokio::time::timeout(Duration::from_secs(2), answer.into_inner().message()).await {
            Ok(first) => first.map(drop),
            Err(_) => Ok(()),
        }
    });
    answer.err().unwrap_or_else(|| Status::ok("answered"))
}

/// The stable name of a refusal.
pub fn reason(refused: &Status) -> String {
    refused.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// The other end closed the connection at the handshake: every refusal of a service would carry its reason.
fn kept_out(refused: &Status) {
    assert!(refused.code() != Code::Ok && refused.details().is_empty(), "{refused:?}");
}

#[test]
fn a_key_of_one_door_does_not_open_the_other() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let a = consortium.start("bank-a");
    let status = "/hushwire.local.v1.NodeService/GetStatus";
    let exchange = "/hushwire.peer.v1.ExchangeService/Exchange";
    assert_eq!(call(&a.channel("operator"), status).code(), Code::Ok);

    let local = |identity: ClientIdentity, address: String| {
        let channel = RUNTIME.block_on(async { connect_local(&address, &identity) }).expect("a channel");
        call(&channel, status)
    };
    let read = |path: &str| std::fs::read(consortium.path().join(path)).expect("there");
    let authority = Authority::from_pem(&read("bank-a/tls/local-ca.pem")).expect("an authority");

    // A peer's key at the local door: its own, and even the node's own.
    for member in ["bank-b", "bank-a"] {
        let keys = consortium.home(member).keystore().keys.tls.expect("made");
        let pem = read(&format!("{member}/tls/peer.pem"));
        let certified = Certified::from_pem(&pem, keys.peer.as_bytes()).expect("a pair");
        let refused = local(ClientIdentity { certified, authority: authority.clone() }, a.local.to_string());
        kept_out(&refused);
    }
    // Another member's operator.
    let foreign = consortium.home("bank-b").client("operator");
    let refused = local(ClientIdentity { authority, ..foreign }, a.local.to_string());
    kept_out(&refused);

    // A local client at the peer door: it does not even take the peer door for its node.
    let refused = local(a.home.client("operator"), a.home.peer().to_string());
    kept_out(&refused);
    // A peer that asks for what only the member's own systems may.
    let peer = consortium.home("bank-b").dial("bank-a", a.home.peer());
    assert_eq!(call(&peer, status).code(), Code::PermissionDenied);
    assert_ne!(call(&peer, exchange).code(), Code::PermissionDenied);
    // A peer whose key stands in no roster.
    let stranger = consortium.prepare("stranger", |_, own| own);
    let files = ["rosters/1.note", "rosters/genesis.sha256"];
    std::fs::create_dir_all(stranger.path().join("rosters")).expect("made");
    for file in files {
        std::fs::copy(a.home.path().join(file), stranger.path().join(file)).expect("copied");
    }
    let refused = call(&stranger.dial("bank-a", a.home.peer()), exchange);
    kept_out(&refused);
}

#[test]
fn a_tool_learns_the_methods_of_the_local_door_and_nothing_of_the_peers() {
    let consortium = Consortium::found(&["bank-a"]);
    let a = consortium.start("bank-a");
    a.until_ready();
    let channel = a.channel("screener");
    let ask = |request: MessageRequest| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
        let answer = RUNTIME.block_on(async {
            let mut client = ServerReflectionClient::new(channel.clone());
            let answers = client.server_reflection_info(tokio_stream::once(request)).await?;
            answers.into_inner().message().await
        });
        answer.expect("every role may ask").and_then(|answer| answer.message_response).expect("one answer a question")
    };
    let MessageResponse::ListServicesResponse(listed) = ask(MessageRequest::ListServices(String::new())) else {
        panic!("a list was asked for")
    };
    let services: Vec<&str> = listed.service.iter().map(|service| service.name.as_str()).collect();
    assert!(services.contains(&"hushwire.local.v1.ScreeningService"), "{services:?}");
    assert!(!services.iter().any(|service| service.starts_with("hushwire.peer.")), "{services:?}");
    let of = |symbol: &str| ask(MessageRequest::FileContainingSymbol(symbol.to_owned()));
    assert!(matches!(of("hushwire.local.v1.ScreenTransactionRequest"), MessageResponse::FileDescriptorResponse(_)));
    assert!(matches!(of("google.rpc.ErrorInfo"), MessageResponse::FileDescriptorResponse(_)));
}
