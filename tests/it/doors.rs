//! A node's two doors on loopback with handlers that only say who called, and the clients to knock with.

use crate::certificates::{IN_FORCE, TestAuthority, peer};
use hushwire::base::bytes::Sha256Digest;
use hushwire::base::name::MemberId;
use hushwire::io::access::bearer::Bearer;
use hushwire::io::access::tokens::TokenRegistry;
use hushwire::io::grpc::gate::{Gate, GateSettings};
use hushwire::io::grpc::identity::{local_caller, peer_caller};
use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::local::v1::node_service_client::NodeServiceClient;
use hushwire::io::grpc::wire::hushwire::local::v1::node_service_server::{NodeService, NodeServiceServer};
use hushwire::io::grpc::wire::hushwire::peer::v1::exchange_service_client::ExchangeServiceClient;
use hushwire::io::grpc::wire::hushwire::peer::v1::exchange_service_server::{ExchangeService, ExchangeServiceServer};
use hushwire::io::grpc::wire::hushwire::peer::v1::{ExchangeRequest, ExchangeResponse};
use hushwire::io::transport::client::{ClientIdentity, PeerIdentity, connect_local, connect_peer};
use hushwire::io::transport::connection::Admission;
use hushwire::io::transport::listener::{Door, DoorCounts};
use hushwire::io::transport::pins::PinRegistry;
use hushwire::io::transport::settings::DoorSettings;
use hushwire::io::transport::tls::{self, Certified, DoorTls};
use hushwire::io::transport::verify::LocalRules;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_stream::{Stream, StreamExt, pending};
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

pub fn member(name: &str) -> MemberId {
    name.parse().expect("valid")
}

/// Answers with who called.
struct WhoAmI;

#[tonic::async_trait]
impl NodeService for WhoAmI {
    async fn get_status(
        &self,
        request: Request<local::GetStatusRequest>,
    ) -> Result<Response<local::GetStatusResponse>, Status> {
        let caller = local_caller(&request)?.uri();
        Ok(Response::new(local::GetStatusResponse { member: caller, ..Default::default() }))
    }

    async fn apply_roster(
        &self,
        _: Request<local::ApplyRosterRequest>,
    ) -> Result<Response<local::ApplyRosterResponse>, Status> {
        Ok(Response::new(local::ApplyRosterResponse::default()))
    }
}

#[tonic::async_trait]
impl ExchangeService for WhoAmI {
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<ExchangeResponse, Status>> + Send>>;

    /// One message, then silence for as long as the stream is let run.
    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let caller = peer_caller(&request)?.member.to_string();
        let first = tokio_stream::once(Ok(ExchangeResponse::default()));
        let mut response = Response::new(Box::pin(first.chain(pending())) as Self::ExchangeStream);
        response.metadata_mut().insert("caller", caller.parse().expect("a member id is ASCII"));
        Ok(response)
    }
}

/// A door that is open in a task of this test.
pub struct OpenDoor {
    pub address: SocketAddr,
    pub tls: watch::Sender<Arc<DoorTls>>,
    pub counts: Arc<DoorCounts>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<usize>,
}

impl OpenDoor {
    async fn open(
        config: DoorTls,
        admission: Admission,
        settings: DoorSettings,
        gate: GateSettings,
        tokens: Option<Arc<TokenRegistry>>,
    ) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = tcp.local_addr().expect("bound");
        let tls = watch::Sender::new(Arc::new(config));
        let counts = Arc::new(DoorCounts::default());
        let door = Door { tcp, tls: tls.subscribe(), admission, settings, counts: Arc::clone(&counts) };
        let routes = Routes::new(NodeServiceServer::new(WhoAmI)).add_service(ExchangeServiceServer::new(WhoAmI));
        let (stop, stopped) = oneshot::channel();
        let service = Bearer::new(Gate::new(routes.prepare(), gate, Arc::new(|_| {})), tokens);
        let task = tokio::spawn(door.serve(service, async move {
            // A dropped sender ends the test, and with it the door.
            stopped.await.unwrap_or_default();
        }));
        Self { address, tls, counts, stop, task }
    }

    /// Stops and waits; returns how many connections had to be cut.
    pub async fn stop(self) -> usize {
        self.stop.send(()).expect("still open");
        self.task.await.expect("does not panic")
    }

    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }
}

/// The local door of `bank-a` with its authority.
pub struct LocalDoor {
    pub authority: TestAuthority,
    pub door: OpenDoor,
}

impl LocalDoor {
    pub async fn open(settings: DoorSettings) -> Self {
        Self::open_to(settings, None).await
    }

    /// The same, where holders of these tokens are let in without a certificate.
    pub async fn open_to(settings: DoorSettings, tokens: Option<Arc<TokenRegistry>>) -> Self {
        let authority = TestAuthority::new("bank-a");
        let rules = LocalRules { tokens: tokens.is_some(), ..LocalRules::of(member("bank-a")) };
        let config = tls::local_server(&authority.node(), &authority.authority(), rules).expect("sound");
        let admission = Admission::Local { member: member("bank-a") };
        let door = OpenDoor::open(config, admission, settings, GateSettings::local(), tokens).await;
        Self { authority, door }
    }

    /// A certificate of bank-a for this role.
    pub fn certificate(&self, role: &str) -> Certified {
        self.authority.caller(&[&format!("hushwire://bank-a/{role}/test")], IN_FORCE)
    }

    pub fn channel(&self, certified: Certified) -> Channel {
        let identity = ClientIdentity { certified, authority: self.authority.authority() };
        connect_local(&self.door.endpoint(), &identity).expect("sound")
    }

    pub fn client(&self, role: &str) -> NodeServiceClient<Channel> {
        NodeServiceClient::new(self.channel(self.certificate(role)))
    }
}

/// The peer door of `bank-a`, and a second bank that is pinned there.
pub struct PeerDoor {
    pub door: OpenDoor,
    /// What the door believes.
    pub pins: Arc<PinRegistry>,
    pub own_pin: Sha256Digest,
    pub other: Certified,
    pub other_pin: Sha256Digest,
}

impl PeerDoor {
    pub async fn open(settings: DoorSettings) -> Self {
        let (own, own_pin) = peer(IN_FORCE);
        let (other, other_pin) = peer(IN_FORCE);
        let pins = Arc::new(PinRegistry::new(BTreeMap::from([(other_pin, member("bank-b"))])));
        let config = tls::peer_server(&own, &pins).expect("sound");
        let admission = Admission::Peer { pins: Arc::clone(&pins) };
        let door = OpenDoor::open(config, admission, settings, GateSettings::peer(), None).await;
        Self { door, pins, own_pin, other, other_pin }
    }

    /// Pins as a caller sees them: the door's key belongs to `bank-a`.
    pub fn callers_pins(&self) -> Arc<PinRegistry> {
        Arc::new(PinRegistry::new(BTreeMap::from([(self.own_pin, member("bank-a"))])))
    }

    pub fn channel(&self, certified: Certified) -> Channel {
        let identity = PeerIdentity { certified };
        connect_peer(&self.door.endpoint(), &identity, &member("bank-a"), &self.callers_pins()).expect("sound")
    }

    pub fn client(&self, certified: Certified) -> ExchangeServiceClient<Channel> {
        ExchangeServiceClient::new(self.channel(certified))
    }
}

/// Asks the local door who we are.
pub async fn who_am_i(client: &mut NodeServiceClient<Channel>) -> Result<String, Status> {
    client.get_status(local::GetStatusRequest::default()).await.map(|answer| answer.into_inner().member)
}

/// Opens an exchange; returns who the door says we are, and the answers.
pub async fn exchange(
    client: &mut ExchangeServiceClient<Channel>,
) -> Result<(String, Streaming<ExchangeResponse>), Status> {
    let response = client.exchange(pending()).await?;
    let caller = response.metadata().get("caller").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    Ok((caller, response.into_inner()))
}
