//! A member that pulls by hand: what another member's node hands out, message by message as it comes from the wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hushwire::app::config::layout::NodeDir;
use hushwire::io::grpc::wire::hushwire::peer::v1 as peer;
use hushwire::io::keystore::passphrase::Passphrase;
use hushwire::io::keystore::store::Keystore;
use hushwire::io::transport::client::{PeerIdentity, connect_peer};
use hushwire::io::transport::pins::PinRegistry;
use hushwire::io::transport::tls::Certified;
use peer::exchange_request::Message as Asked;
use peer::exchange_response::Message as Told;
use peer::exchange_service_client::ExchangeServiceClient;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::caller::RUNTIME;
use crate::consortium::PASSPHRASE;
use crate::node::Home;

impl Home {
    pub fn keystore(&self) -> Keystore {
        let passphrase = Passphrase::new(PASSPHRASE).expect("a line");
        Keystore::read(&self.path().join("keystore.age"), &passphrase).expect("opens")
    }

    /// A channel to another member's peer door, under this member's key.
    pub fn dial(&self, member: &str, address: SocketAddr) -> Channel {
        let dir = NodeDir::new(self.path());
        let roster = dir.roster_files().current().expect("a roster");
        let pins = roster.members().iter().flat_map(|row| row.pins.iter().map(|pin| (*pin, row.id.clone())));
        let pins = Arc::new(PinRegistry::new(pins.collect::<BTreeMap<_, _>>()));
        let keys = self.keystore().keys.tls.expect("a node has TLS keys");
        let certificate = std::fs::read(dir.peer_certificate()).expect("there");
        let certified = Certified::from_pem(&certificate, keys.peer.as_bytes()).expect("a pair");
        let member = member.parse().expect("valid");
        let identity = PeerIdentity { certified };
        RUNTIME.block_on(async { connect_peer(&address.to_string(), &identity, &member, &pins).expect("a channel") })
    }

    /// Everything `member` sends when its feed `origin` of `size` entries is pulled from the start.
    pub fn pull(
        &self,
        member: &str,
        address: SocketAddr,
        origin: &str,
        size: u64,
    ) -> Result<Vec<peer::ExchangeResponse>, Status> {
        let channel = self.dial(member, address);
        RUNTIME.block_on(async {
            let pulled = async {
                loop {
                    match pull(channel.clone(), origin, size).await {
                        // The member's own node pulls too, and whoever began later is served.
                        Err(status) if status.code() == Code::Aborted => {}
                        ended => return ended,
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(20), pulled).await.expect("in time")
        })
    }
}

impl Home {
    /// Follows one feed of another member.
    pub fn follow(&self, member: &str, address: SocketAddr, origin: &str) -> Stream {
        let channel = self.dial(member, address);
        RUNTIME.block_on(Stream::open(channel, origin)).expect("a stream")
    }
}

async fn pull(channel: Channel, origin: &str, size: u64) -> Result<Vec<peer::ExchangeResponse>, Status> {
    let mut stream = Stream::open(channel, origin).await?;
    let mut heard = Vec::new();
    let mut held = 0;
    while held < size {
        let Some(response) = stream.responses.next().await else { break };
        let response = response?;
        if let Some(Told::Batch(batch)) = &response.message {
            held += u64::try_from(batch.entries.len()).expect("small");
        }
        heard.push(response);
    }
    Ok(heard)
}

/// A stream that follows one feed from its beginning on.
pub struct Stream {
    /// Held open: a puller that ends its side ends the stream.
    _requests: mpsc::Sender<peer::ExchangeRequest>,
    responses: Streaming<peer::ExchangeResponse>,
}

impl Stream {
    async fn open(channel: Channel, origin: &str) -> Result<Self, Status> {
        let (requests, outgoing) = mpsc::channel(8);
        let ask = async |message| {
            requests.send(peer::ExchangeRequest { message: Some(message) }).await.expect("the stream takes it");
        };
        let consortium = "demo.example".to_owned();
        ask(Asked::Hello(peer::Hello { versions: vec![1], consortium, ..Default::default() })).await;
        let mut client = ExchangeServiceClient::new(channel);
        let responses = client.exchange(ReceiverStream::new(outgoing)).await?.into_inner();
        let origin = origin.to_owned();
        ask(Asked::Subscribe(peer::Subscribe { origin, from_size: 0, window_entries: 8_000 })).await;
        Ok(Self { _requests: requests, responses })
    }

    /// Listens until something is told that is looked for, or the stream ends.
    pub fn until<T>(&mut self, what: &str, found: impl Fn(&Told) -> Option<T>) -> Result<T, Status> {
        let listening = async {
            loop {
                let told = self.responses.next().await.expect("it does not end without a word")?;
                if let Some(found) = told.message.as_ref().and_then(&found) {
                    return Ok(found);
                }
            }
        };
        let patience = Duration::from_secs(20);
        RUNTIME.block_on(async { tokio::time::timeout(patience, listening).await }).unwrap_or_else(|_| panic!("{what}"))
    }
}

/// The entries among what was heard.
pub fn entries(heard: &[peer::ExchangeResponse]) -> Vec<&peer::FeedEntry> {
    let batches = heard.iter().filter_map(|response| match &response.message {
        Some(Told::Batch(batch)) => Some(batch),
        _ => None,
    });
    batches.flat_map(|batch| &batch.entries).collect()
}

/// The names of the indicators among entries of `member`: a leaf ends with its commitment.
pub fn names(member: &str, entries: &[&peer::FeedEntry]) -> Vec<String> {
    let commitment = |entry: &&peer::FeedEntry| hex::encode(entry.leaf.last_chunk::<32>().expect("a leaf is longer"));
    entries.iter().map(|entry| format!("members/{member}/indicators/{}", commitment(entry))).collect()
}
