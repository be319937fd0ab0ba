//! The pulling side: one task a peer, one stream at a time.
//!
//! Numbered as the protocol goes: 1 greet and follow the rosters missed, 2 learn what the peer holds of our own feeds (the
//! fence), 3 subscribe to the peer's feeds and, for as long as their authors are away or mute, to those of others, 4 verify,
//! commit and acknowledge batch by batch, 5 cosign checkpoints of feeds and heads of the peer's audit log.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, Sender};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::base::bytes::TreeHash;
use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::{EntryIndex, TreeSize};
use crate::domain::exchange::batch::{UnverifiedBatch, UnverifiedEntry};
use crate::io::engine::{Engine, EngineFault};
use crate::io::exchange::VERSION;
use crate::io::exchange::backoff::Backoff;
use crate::io::exchange::hear_proof;
use crate::io::exchange::links::{Link, Links};
use crate::io::exchange::papers::Papers;
use crate::io::exchange::pull_fault::PullFault;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_request::Message as Asked;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_response::Message as Told;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_service_client::ExchangeServiceClient;
use crate::io::grpc::wire::hushwire::peer::v1::{
    Acknowledge, AuditHead, AuditWitnessed, Batch, Cosign, ExchangeRequest, ExchangeResponse, Hello, Subscribe,
    Unsubscribe, Welcome,
};
use crate::node::accept::{AcceptFault, Wanted};
use crate::node::store::{Journal, Views};
use crate::node::witness::{AuditNews, WitnessAnswer, audit_feed_of};

/// A peer that was not there and now pulls from us is not left waiting for our next attempt: it follows this long after the last
/// one. A peer that was there and refused us, or broke a rule, waits its time: two such would drive each other on.
const WELCOME_BACK: Duration = Duration::from_secs(1);

/// Follows one peer until the task is dropped. `dial` opens a channel with the pins of the roster in force.
pub async fn follow<J, V, D>(
    engine: Engine<J, V>,
    links: Links,
    peer: MemberId,
    backoff: Backoff,
    dial: D,
    papers: Papers,
) where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
    D: Fn(&MemberId) -> Result<Channel, String>,
{
    let mut attempt = 0;
    loop {
        links.set(&peer, Link::Connecting);
        let mut arrivals = links.arrivals(&peer);
        let ended = match dial(&peer) {
            Ok(channel) => {
                let mut pull = Pull::new(&engine, &links, &peer, &papers);
                let began = Instant::now();
                let fault = pull.run(channel).await.err();
                if !fault.as_ref().is_some_and(PullFault::is_breach) {
                    attempt = backoff.next(attempt, pull.progressed, began.elapsed());
                }
                fault
            }
            Err(failure) => Some(PullFault::Unreachable(failure)),
        };
        if matches!(ended, Some(PullFault::Engine(EngineFault::Stopping))) {
            return;
        }
        let ended = ended.unwrap_or_else(|| PullFault::Ended("without a word".to_owned()));
        tracing::info!(event = "exchange.ended", peer = %peer, attempt, failure = %ended);
        links.set(&peer, ended.link());
        let wait = backoff.wait(attempt);
        if ended.is_absence() {
            tokio::time::sleep(wait.min(WELCOME_BACK)).await;
            // Its end says that the peer is followed no longer; then this task is about to be dropped.
            drop(tokio::time::timeout(wait.saturating_sub(WELCOME_BACK), arrivals.changed()).await);
        } else {
            tokio::time::sleep(wait).await;
        }
        attempt = attempt.saturating_add(1);
    }
}

/// One stream.
struct Pull<'a, J, V> {
    engine: &'a Engine<J, V>,
    links: &'a Links,
    peer: &'a MemberId,
    papers: &'a Papers,
    subscribed: BTreeSet<FeedId>,
    /// Asked for at any time on this stream: what was given up may still have entries on the way.
    asked: BTreeSet<FeedId>,
    progressed: bool,
}

/// How often it is looked which feeds need a relay.
const RELAY_CHECK: Duration = Duration::from_secs(2);

impl<'a, J: Journal + Send + 'static, V: Views + Send + 'static> Pull<'a, J, V> {
    fn new(engine: &'a Engine<J, V>, links: &'a Links, peer: &'a MemberId, papers: &'a Papers) -> Self {
        Self { engine, links, peer, papers, subscribed: BTreeSet::new(), asked: BTreeSet::new(), progressed: false }
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
            epochs_held: (self.papers.epochs_held)().into_iter().map(|epoch| epoch.0).collect(),
        };
        self.ask(&requests, Asked::Hello(hello)).await?;
        let mut client = ExchangeServiceClient::new(channel)
            .max_decoding_message_size(limits::MESSAGE_BYTES)
            .max_encoding_message_size(limits::MESSAGE_BYTES);
        let greeted = async {
            let responses = client.exchange(ReceiverStream::new(outgoing)).await;
            let mut responses =
                responses.map_err(|status| PullFault::Unreachable(status.message().to_owned()))?.into_inner();
            let welcome = next_welcome(&mut responses).await?;
            Ok::<_, PullFault>((responses, welcome))
        };
        // Whoever takes the connection and says nothing is away: nobody is asked for its feed in its place otherwise.
        let patience = Duration::from_millis(limits::WELCOME_MS);
        let silent = |_| PullFault::Unreachable("no welcome in time".to_owned());
        let (mut responses, welcome) = tokio::time::timeout(patience, greeted).await.map_err(silent)??;
        if welcome.version != VERSION {
            return Err(PullFault::Protocol("another protocol version"));
        }
        self.hear_version(welcome.roster_version).await?;
        let introduced = greeting.roster_version;
        let early = self.papers.catch_up(self.engine, self.peer, introduced, &welcome, &mut responses).await?;
        self.learn(welcome).await?;
        self.tell_witnessed(&requests).await?;
        self.links.set(self.peer, Link::Connected);
        if let Some(response) = early {
            self.hear(response, &requests).await?;
        }

        let mut relays = tokio::time::interval(RELAY_CHECK);
        loop {
            tokio::select! {
                response = responses.next() => match response {
                    None => return Ok(()),
                    Some(Err(status)) => return Err(PullFault::of_stream(&status)),
                    Some(Ok(response)) => self.hear(response, &requests).await?,
                },
                _ = relays.tick() => self.subscribe(&requests).await?,
            }
        }
    }

    /// Which roster the peer follows; a message that brings a key bundle does not say.
    async fn hear_version(&self, version: u64) -> Result<(), PullFault> {
        let peer = self.peer.clone();
        if version > 0 {
            self.engine.call(move |node, _| node.hear_roster_version(&peer, version)).await?;
        }
        Ok(())
    }

    async fn learn(&self, welcome: Welcome) -> Result<(), PullFault> {
        let peer = self.peer.clone();
        self.engine
            .call(move |node, round| {
                let heads = welcome.heads.into_iter().map(|head| (head.origin, head.checkpoint)).collect();
                node.learn_heads(&peer, heads, round.now, round.rng)
            })
            .await?
            .map_err(PullFault::from)
    }

    /// Subscribes to the peer's own feeds and to every other feed it holds that needs a relay; ends what is wanted no longer.
    async fn subscribe(&mut self, requests: &Sender<ExchangeRequest>) -> Result<(), PullFault> {
        let peer = self.peer.clone();
        let mut wanted = self.engine.call(move |node, _| node.wanted_from(&peer)).await?;
        for wanted in wanted.iter().filter(|wanted| wanted.feed.member == *self.peer && wanted.silent) {
            self.links.mute(&wanted.feed);
        }
        wanted.retain(|wanted| wanted.feed.member == *self.peer || self.links.needs_relay(&wanted.feed));
        let over: Vec<FeedId> = {
            let is_wanted = |feed: &&FeedId| wanted.iter().any(|wanted| wanted.feed == **feed);
            self.subscribed.iter().filter(|feed| !is_wanted(feed)).cloned().collect()
        };
        for feed in over {
            tracing::debug!(event = "exchange.unsubscribed", peer = %self.peer, feed = %feed);
            self.ask(requests, Asked::Unsubscribe(Unsubscribe { origin: self.engine.origin(&feed) })).await?;
            self.subscribed.remove(&feed);
        }
        for Wanted { feed, from, .. } in wanted {
            if self.subscribed.contains(&feed) {
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
                if feed.member == *self.peer {
                    self.links.speaks(&feed);
                }
                let (peer, note) = (self.peer.clone(), heartbeat.checkpoint);
                let heard = self
                    .engine
                    .call(move |node, round| node.accept_heartbeat(&peer, &feed, &note, round.now, round.rng))
                    .await?;
                match heard {
                    // Heads of feeds this node does not follow, or follows no longer, are no news.
                    Ok(None) | Err(AcceptFault::UnknownFeed | AcceptFault::Quarantined) => Ok(()),
                    Ok(Some((TreeSize(size), line))) => {
                        self.ask(requests, Asked::Cosign(Cosign { origin: heartbeat.origin, size, line })).await
                    }
                    Err(fault) => Err(fault.into()),
                }
            }
            Some(Told::Unavailable(unavailable)) => {
                if let Some(feed) = self.engine.feed(&unavailable.origin) {
                    self.subscribed.remove(&feed);
                }
                Ok(())
            }
            Some(Told::AuditHead(head)) => self.witness(head, requests).await,
            Some(Told::Equivocation(proof)) => {
                self.engine.call(move |node, round| hear_proof(node, proof, round)).await?;
                Ok(())
            }
            Some(Told::Welcome(welcome)) => {
                self.hear_version(welcome.roster_version).await?;
                self.papers.hear(self.peer, &welcome).await;
                if welcome.roster_note.is_empty() { Ok(()) } else { self.tell_witnessed(requests).await }
            }
            None => Err(PullFault::Protocol("a message this version does not know")),
        }
    }

    /// Cosigns a head of the peer's audit log. One that is refused is kept as evidence and ends nothing: the peer's warnings
    /// are another matter.
    async fn witness(&self, head: AuditHead, requests: &Sender<ExchangeRequest>) -> Result<(), PullFault> {
        let hashes = head.growth.iter().map(|hash| TreeHash::try_from(hash.as_ref()));
        let Ok(growth) = hashes.collect::<Result<Vec<_>, _>>() else {
            return Err(PullFault::Protocol("a hash of another length"));
        };
        let news = AuditNews { old_size: TreeSize(head.old_size), checkpoint: head.checkpoint, growth };
        let author = self.peer.clone();
        let answer =
            self.engine.call(move |node, round| node.witness_audit(&author, news, round.now, round.rng)).await?;
        match answer {
            Ok(WitnessAnswer { cosignature, lead_from }) => {
                if let Some((TreeSize(size), line)) = cosignature {
                    self.ask(requests, Asked::Cosign(Cosign { origin: head.origin, size, line })).await?;
                }
                if let Some(held) = lead_from {
                    self.ask(requests, self.audit_witnessed(held)).await?;
                }
                Ok(())
            }
            Err(fault @ AcceptFault::Storage(_)) => Err(fault.into()),
            Err(fault) => {
                tracing::warn!(event = "audit.not_cosigned", peer = %self.peer, fault = %fault);
                Ok(())
            }
        }
    }

    /// Tells the peer from which head of its audit log it is to lead us on. Told again behind a roster: where that names another
    /// key the log begins anew, and what was told of the one before says nothing any more.
    async fn tell_witnessed(&self, requests: &Sender<ExchangeRequest>) -> Result<(), PullFault> {
        let author = self.peer.clone();
        let held = self.engine.call(move |node, _| node.audit_head_of(&author)).await?;
        self.ask(requests, self.audit_witnessed(held)).await
    }

    fn audit_witnessed(&self, held: String) -> Asked {
        let origin = self.engine.origin(&audit_feed_of(self.peer));
        Asked::AuditWitnessed(AuditWitnessed { origin, checkpoint: held })
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
                if feed.member == *self.peer {
                    self.links.speaks(&feed);
                }
                let TreeSize(size) = accepted.held;
                let origin = batch.origin;
                self.ask(requests, Asked::Acknowledge(Acknowledge { origin: origin.clone(), size })).await?;
                if let Some((TreeSize(size), line)) = accepted.cosignature {
                    self.ask(requests, Asked::Cosign(Cosign { origin, size, line })).await?;
                }
                Ok(())
            }
            // It is wanted no longer: the next look ends it at the peer too.
            Err(AcceptFault::Quarantined) => Ok(()),
            Err(AcceptFault::Incomplete | AcceptFault::FormerKey) => {
                self.subscribed.remove(&feed);
                Ok(())
            }
            Err(fault) => Err(fault.into()),
        }
    }

    async fn ask(&self, requests: &Sender<ExchangeRequest>, message: Asked) -> Result<(), PullFault> {
        requests
            .send(ExchangeRequest { message: Some(message) })
            .await
            .map_err(|_| PullFault::Ended("the stream closed".to_owned()))
    }
}

async fn next_welcome(responses: &mut Streaming<ExchangeResponse>) -> Result<Welcome, PullFault> {
    match responses.next().await {
        Some(Ok(ExchangeResponse { message: Some(Told::Welcome(welcome)) })) => Ok(welcome),
        Some(Err(status)) => Err(PullFault::of_stream(&status)),
        _ => Err(PullFault::Protocol("the first messages must be welcome")),
    }
}
