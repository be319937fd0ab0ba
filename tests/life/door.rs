//! The peer door without its TLS, in this very process: streams of other members over the running engine of a node.

use std::future::pending;
use std::time::Duration;

use hushwire::base::name::MemberId;
use hushwire::io::bundle_files::BundleFiles;
use hushwire::io::engine::Engine;
use hushwire::io::exchange::serve::serve;
use hushwire::io::grpc::wire::hushwire::peer::v1 as peer;
use hushwire::io::views::memory::MemoryViews;
use peer::exchange_request::Message as Asked;
use peer::exchange_response::Message as Told;
use peer::exchange_service_client::ExchangeServiceClient;
use peer::exchange_service_server::{ExchangeService, ExchangeServiceServer};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

use crate::consortium::Consortium;
use crate::house::{Disk, TestNode, engine_of};

/// Longest anything here may take; the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Between ticks of an engine to which nothing is to happen by itself.
const NEVER: Duration = Duration::from_secs(86_400);

/// One member's way in.
struct Door {
    engine: Engine<Disk, MemoryViews>,
    rosters: watch::Receiver<u64>,
    bundles: BundleFiles,
    peer: MemberId,
}

#[tonic::async_trait]
impl ExchangeService for Door {
    type ExchangeStream = ReceiverStream<Result<peer::ExchangeResponse, Status>>;

    async fn exchange(
        &self,
        request: Request<Streaming<peer::ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let (responses, outgoing) = mpsc::channel(4);
        let (engine, rosters, bundles) = (self.engine.clone(), self.rosters.clone(), self.bundles.clone());
        tokio::spawn(serve(engine, rosters, bundles, self.peer.clone(), request.into_inner(), responses, pending()));
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}

/// A running node. Nobody tells its streams that another roster is in force.
pub struct Doors {
    pub engine: Engine<Disk, MemoryViews>,
    rosters: watch::Sender<u64>,
    folder: tempfile::TempDir,
}

impl Doors {
    pub fn of(node: TestNode) -> Self {
        let (engine, _thread) = engine_of(node, NEVER);
        Self { engine, rosters: watch::Sender::new(1), folder: tempfile::tempdir().expect("a folder") }
    }

    fn door(&self, peer: &MemberId) -> Door {
        let (engine, rosters) = (self.engine.clone(), self.rosters.subscribe());
        let bundles = BundleFiles::new(self.folder.path().to_owned());
        Door { engine, rosters, bundles, peer: peer.clone() }
    }

    /// A way in for the node of a member.
    pub async fn channel(&self, peer: &MemberId) -> Channel {
        listen(self.door(peer)).await
    }

    /// A stream of a member that begins with these words.
    pub async fn open(&self, peer: &MemberId, first: impl IntoIterator<Item = Option<Asked>>) -> Stream {
        let door = self.door(peer);
        let (requests, outgoing) = mpsc::channel(8);
        let mut client = ExchangeServiceClient::new(ExchangeServiceServer::new(door));
        let responses = client.exchange(ReceiverStream::new(outgoing)).await.expect("a stream").into_inner();
        for message in first {
            requests.send(peer::ExchangeRequest { message }).await.expect("taken");
        }
        Stream { requests, responses }
    }
}

/// A channel to a service that listens on loopback.
pub async fn listen(service: impl ExchangeService) -> Channel {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = Server::builder().add_service(ExchangeServiceServer::new(service));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy()
}

/// What a member asks and is told.
pub struct Stream {
    pub requests: mpsc::Sender<peer::ExchangeRequest>,
    responses: Streaming<peer::ExchangeResponse>,
}

impl Stream {
    pub async fn ask(&self, message: Asked) {
        self.requests.send(peer::ExchangeRequest { message: Some(message) }).await.expect("taken");
    }

    pub async fn next(&mut self) -> Result<Told, Status> {
        let told = tokio::time::timeout(PATIENCE, self.responses.next()).await.expect("told in time");
        told.expect("it does not end without a word").map(|told| told.message.expect("a message"))
    }

    /// The next that is looked for.
    pub async fn until<T>(&mut self, found: impl Fn(Told) -> Option<T>) -> T {
        loop {
            if let Some(found) = found(self.next().await.expect("no refusal")) {
                return found;
            }
        }
    }
}

/// The word every stream begins with.
pub fn hello(consortium: &Consortium) -> peer::Hello {
    let (versions, consortium) = (vec![1], consortium.id.to_string());
    peer::Hello { versions, consortium, roster_version: 1, ..peer::Hello::default() }
}

/// Asks for bank A's feed from a size on.
pub fn subscribe(consortium: &Consortium, from_size: u64) -> Asked {
    let origin = consortium.feed(0).origin(&consortium.id);
    Asked::Subscribe(peer::Subscribe { origin, from_size, window_entries: 100 })
}
