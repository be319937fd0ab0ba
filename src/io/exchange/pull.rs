//! The pulling side: one task a peer, one stream at a time.
//!
//! Numbered as the protocol goes: 1 greet, 2 learn what the peer holds of our own feeds (the fence), 3 subscribe to the
//! peer's feeds and to feeds whose authors are not connected, 4 verify, commit and acknowledge batch by batch, 5 cosign.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::mpsc::{self, Sender};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::{EntryIndex, TreeSize};
use crate::domain::exchange::batch::{UnverifiedBatch, UnverifiedEntry};
use crate::io::engine::{Engine, EngineFault};
use crate::io::exchange::hear_proof;
use crate::io::exchange::links::{Link, Links};
use crate::io::exchange::serve::VERSION;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_request::Message as Asked;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_response::Message as Told;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_service_client::ExchangeServiceClient;
use crate::io::grpc::wire::hushwire::peer::v1::{
    Acknowledge, Batch, Cosign, ExchangeRequest, ExchangeResponse, Hello, Subscribe, Welcome,
};
use crate::io::random;
use crate::node::accept::AcceptFault;
use crate::node::room::DiskLow;
use crate::node::store::{Journal, Views};

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub enum PullFault {
    #[error("not reachable: {0}")]
    Unreachable(String),
    #[error("the peer ended the stream: {0}")]
    Ended(String),
    #[error("the peer broke the protocol: {0}")]
    Protocol(&'static str),
    /// What the peer sent was refused; it is kept as evidence.
    #[error("refused: {0}")]
    Refused(String),
    #[error("nothing is taken in: {0}")]
    DiskLow(#[from] DiskLow),
    #[error(transparent)]
    Engine(#[from] EngineFault),
}

/// How a puller waits between attempts.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

impl Backoff {
    /// The wait before attempt `attempt` (0-based): doubled each time, half of it at random, so that a crowd of peers does
    /// not come back in one moment.
    fn wait(self, attempt: u32) -> Duration {
        let full = self.first.saturating_mul(1 << attempt.min(16)).min(self.longest);
        full.mul_f64(random::generator().random_range(0.5..1.0))
    }
}

/// Follows one peer until the task is dropped. `dial` opens a channel with the pins of the roster in force.
pub async fn follow<J, V, D>(
    engine: Engine<J, V>,
    links: Links,
    peer: MemberId,
    backoff: Backoff,
    dial: D,
    hear_roster: HearRoster,
) where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
    D: Fn(&MemberId) -> Result<Channel, String>,
{
    let mut attempt = 0;
    loop {
        links.set(&peer, Link::Connecting);
        let ended = match dial(&peer) {
            Ok(channel) => {
                let mut pull = Pull::new(&engine, &links, &peer, &hear_roster);
                let fault = pull.run(channel).await.err();
                if pull.progressed {
                    attempt = 0;
                }
                fault
            }
            Err(failure) => Some(PullFault::Unreachable(failure)),
        };
        if matches!(ended, Some(PullFault::Engine(EngineFault::Stopping))) {
            return;
        }
        let failure = ended.as_ref().map_or_else(|| "the stream ended".to_owned(), ToString::to_string);
        tracing::info!(event = "exchange.ended", peer = %peer, attempt, failure);
        links.set(
            &peer,
            match ended {
                Some(PullFault::Refused(_) | PullFault::Protocol(_)) => Link::Faulty { failure },
                _ => Link::BackingOff { failure },
            },
        );
        tokio::time::sleep(backoff.wait(attempt)).await;
        attempt = attempt.saturating_add(1);
    }
}

/// Takes a roster note a peer told of: verifies it against the roster in force, applies it or drops it.
/// Waited for, so that rosters are taken in the order they were told.
pub type HearRoster = Arc<dyn Fn(MemberId, Vec<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// One stream.
struct Pull<'a, J, V> {
    engine: &'a Engine<J, V>,
    links: &'a Links,
    peer: &'a MemberId,
    hear_roster: &'a HearRoster,
    subscribed: BTreeSet<FeedId>,
    /// Asked for at any time on this stream: what was given up may still have entries on the way.
    asked: BTreeSet<FeedId>,
    progressed: bool,
}

/// How often feeds without a connected author are looked for.
const RELAY_CHECK: Duration = Duration::from_secs(2);

impl<'a, J: Journal + Send + 'static, V: Views + Send + 'static> Pull<'a, J, V> {
    fn new(engine: &'a Engine<J, V>, links: &'a Links, peer: &'a MemberId, hear_roster: &'a HearRoster) -> Self {
        Self {
            engine,
            links,
            peer,
            hear_roster,
            subscribed: BTreeSet::new(),
            asked: BTreeSet::new(),
            progressed: false,
        }
    }

    async fn run(&mut self, channel: Channel) -> Result<(), PullFault> {
        let (requests, outgoing) = mpsc::channel(64);
        let greeting = self.engine.call(|node, _| node.introduce()).await?;
        let hello = Hello {
            versions: vec![VERSION],
            consortium: self.engine.consortium().to_string(),
            roster_version: greeting.roster_version,
            roster_sha256: greeting.roster_sha256.0.to_vec().into(),
            incarnation: greeting.incarnation.0.to_vec().into(),
        };
        self.ask(&requests, Asked::Hello(hello)).await?;
        let mut client = ExchangeServiceClient::new(channel)
            .max_decoding_message_size(limits::MESSAGE_BYTES)
            .max_encoding_message_size(limits::MESSAGE_BYTES);
        let mut responses = client
            .exchange(ReceiverStream::new(outgoing))
            .await
            .map_err(|status| PullFault::Unreachable(status.message().to_owned()))?
            .into_inner();
        let welcome = match responses.next().await {
            Some(Ok(ExchangeResponse { message: Some(Told::Welcome(welcome)) })) => welcome,
            Some(Err(status)) => return Err(PullFault::Ended(status.message().to_owned())),
            _ => return Err(PullFault::Protocol("the first message must be welcome")),
        };
        self.learn(welcome).await?;
        self.links.set(self.peer, Link::Connected);

        let mut relays = tokio::time::interval(RELAY_CHECK);
        loop {
            tokio::select! {
                response = responses.next() => match response {
                    None => return Ok(()),
                    Some(Err(status)) => return Err(PullFault::Ended(status.message().to_owned())),
                    Some(Ok(response)) => self.hear(response, &requests).await?,
                },
                _ = relays.tick() => self.subscribe(&requests).await?,
            }
        }
    }

    async fn hear_roster(&self, welcome: &Welcome) {
        if !welcome.roster_note.is_empty() {
            (self.hear_roster)(self.peer.clone(), welcome.roster_note.to_vec()).await;
        }
    }

    async fn learn(&self, welcome: Welcome) -> Result<(), PullFault> {
        if welcome.version != VERSION {
            return Err(PullFault::Protocol("another protocol version"));
        }
        self.hear_roster(&welcome).await;
        let peer = self.peer.clone();
        self.engine
            .call(move |node, round| {
                let heads = welcome.heads.into_iter().map(|head| (head.origin, head.checkpoint)).collect();
                node.learn_heads(&peer, heads, round.now, round.rng)
            })
            .await?
            .map_err(|fault| PullFault::Refused(fault.to_string()))
    }

    /// Subscribes to the peer's own feeds, and to every other feed it holds whose author is not connected.
    async fn subscribe(&mut self, requests: &Sender<ExchangeRequest>) -> Result<(), PullFault> {
        let peer = self.peer.clone();
        let wanted = self.engine.call(move |node, _| node.wanted_from(&peer)).await?;
        for (feed, from) in wanted {
            let direct = feed.member == *self.peer;
            let from_author = !direct && self.links.is_connected(&feed.member);
            if self.subscribed.contains(&feed) || from_author {
                continue;
            }
            let origin = self.engine.origin(&feed);
            let window_entries = limits::EXCHANGE_WINDOW_ENTRIES;
            self.ask(requests, Asked::Subscribe(Subscribe { origin, from_size: from.0, window_entries })).await?;
            self.asked.insert(feed.clone());
            self.subscribed.insert(feed);
        }
        Ok(())
    }

    async fn hear(&mut self, response: ExchangeResponse, requests: &Sender<ExchangeRequest>) -> Result<(), PullFault> {
        match response.message {
            Some(Told::Batch(batch)) => self.take(batch, requests).await,
            Some(Told::Heartbeat(heartbeat)) => {
                let Some(feed) = self.engine.feed(&heartbeat.origin) else { return Ok(()) };
                let peer = self.peer.clone();
                let heard = self
                    .engine
                    .call(move |node, round| {
                        node.accept_heartbeat(&peer, &feed, &heartbeat.checkpoint, round.now, round.rng)
                    })
                    .await?;
                match heard {
                    // Heads of feeds this node does not follow, or follows no longer, are no news.
                    Ok(()) | Err(AcceptFault::UnknownFeed | AcceptFault::Quarantined) => Ok(()),
                    Err(fault) => Err(PullFault::Refused(fault.to_string())),
                }
            }
            Some(Told::Unavailable(unavailable)) => {
                if let Some(feed) = self.engine.feed(&unavailable.origin) {
                    self.subscribed.remove(&feed);
                }
                Ok(())
            }
            Some(Told::Equivocation(proof)) => {
                self.engine.call(move |node, round| hear_proof(node, proof, round)).await?;
                Ok(())
            }
            Some(Told::Welcome(welcome)) => {
                self.hear_roster(&welcome).await;
                Ok(())
            }
            None => Err(PullFault::Protocol("a message this version does not know")),
        }
    }

    async fn take(&mut self, batch: Batch, requests: &Sender<ExchangeRequest>) -> Result<(), PullFault> {
        let Some(feed) = self.engine.feed(&batch.origin) else {
            return Err(PullFault::Protocol("entries of a feed that does not exist"));
        };
        if !self.asked.contains(&feed) {
            return Err(PullFault::Protocol("entries of a feed that was not asked for"));
        }
        let unverified = UnverifiedBatch {
            feed: feed.clone(),
            first_index: EntryIndex(batch.first_index),
            entries: batch
                .entries
                .into_iter()
                .map(|entry| UnverifiedEntry {
                    leaf: entry.leaf.to_vec(),
                    blob: entry.blob.to_vec(),
                    salt: entry.salt.to_vec(),
                })
                .collect(),
            checkpoint_note: batch.checkpoint.into_bytes(),
            consistency: batch.consistency.iter().map(|hash| hash.to_vec()).collect(),
        };
        let from = self.peer.clone();
        let accepted =
            self.engine.call(move |node, round| node.accept_batch(&from, unverified, round.now, round.rng)).await?;
        match accepted {
            Ok(accepted) => {
                self.progressed = true;
                let TreeSize(size) = accepted.held;
                let origin = batch.origin;
                self.ask(requests, Asked::Acknowledge(Acknowledge { origin: origin.clone(), size })).await?;
                if let Some((TreeSize(size), line)) = accepted.cosignature {
                    self.ask(requests, Asked::Cosign(Cosign { origin, size, line })).await?;
                }
                Ok(())
            }
            Err(AcceptFault::Quarantined | AcceptFault::Incomplete) => {
                self.subscribed.remove(&feed);
                Ok(())
            }
            Err(AcceptFault::DiskLow(low)) => Err(low.into()),
            Err(fault) => Err(PullFault::Refused(fault.to_string())),
        }
    }

    async fn ask(&self, requests: &Sender<ExchangeRequest>, message: Asked) -> Result<(), PullFault> {
        requests
            .send(ExchangeRequest { message: Some(message) })
            .await
            .map_err(|_| PullFault::Ended("the stream closed".to_owned()))
    }
}
