//! The serving side of one exchange stream.
//!
//! Numbered as the protocol goes: 1 greet, 2 subscribe, 3 send within the puller's window, 4 take acknowledgements and
//! cosignatures, 5 tell of newer checkpoints and of those that wait for cosignatures or have them, of other feeds' heads now
//! and then, and of proofs. A subscription ends when the peer leaves the feed's group; a stream ends when the peer's pin is
//! gone from the roster, or when a newer one of the same peer begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_stream::StreamExt;
use tonic::{Status, Streaming};

use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::io::bundle_files::BundleFiles;
use crate::io::engine::{Engine, Round};
use crate::io::exchange::gossip::Gossip;
use crate::io::exchange::pull_fault::STOPPING;
use crate::io::exchange::tell::{Responses, Teller};
use crate::io::exchange::{VERSION, hear_proof};
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_request::Message as Asked;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_response::Message as Told;
use crate::io::grpc::wire::hushwire::peer::v1::{
    Batch, ExchangeRequest, FeedEntry, Head, Heartbeat, Hello, Subscribe, Welcome,
};
use crate::node::Node;
use crate::node::heads::{Head as FeedHead, Heads};
use crate::node::serve::{Outgoing, ServeRefusal};
use crate::node::store::{Journal, Views};

/// What one puller is following.
#[derive(Debug)]
struct Subscription {
    /// Size up to which entries were sent.
    sent: TreeSize,
    acknowledged: TreeSize,
    window: u64,
    /// The checkpoint told last, so that only news are told.
    told: Option<Arc<str>>,
    /// Those told beside it.
    beside: Vec<(TreeSize, Arc<str>)>,
}

impl Subscription {
    /// Entries that may still be sent before an acknowledgement.
    fn credit(&self) -> u64 {
        self.window.saturating_sub(self.sent.0.saturating_sub(self.acknowledged.0))
    }
}

impl Subscription {
    /// Checkpoints the puller was not told of yet and holds the entries of.
    fn news(&mut self, head: &FeedHead) -> Vec<Arc<str>> {
        let mut news = Vec::new();
        if !head.tells(&self.beside) && head.beside.iter().all(|(size, _)| *size <= self.sent) {
            let fresh = head.beside.iter().filter(|(_, note)| self.beside.iter().all(|(_, told)| told != note));
            news.extend(fresh.map(|(_, note)| Arc::clone(note)));
            self.beside.clone_from(&head.beside);
        }
        if self.sent == head.size && self.told.as_ref() != Some(&head.checkpoint) {
            self.told = Some(Arc::clone(&head.checkpoint));
            news.push(Arc::clone(&head.checkpoint));
        }
        news
    }
}

/// Serves one stream until either side ends it, or `ended` says why it is over.
pub async fn serve<J, V>(
    engine: Engine<J, V>,
    rosters: watch::Receiver<u64>,
    bundles: BundleFiles,
    peer: MemberId,
    mut requests: Streaming<ExchangeRequest>,
    responses: Responses,
    ended: impl Future<Output = Refusal>,
) where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    tokio::select! {
        outcome = converse(&engine, rosters, &bundles, &peer, &mut requests, &responses) => {
            if let Err(status) = outcome {
                // The puller may be gone already; then nobody is left to tell.
                drop(responses.send(Err(status)).await);
            }
        }
        refusal = ended => drop(responses.send(Err(refusal.into())).await),
        () = responses.closed() => {}
    }
}

async fn converse<J, V>(
    engine: &Engine<J, V>,
    mut rosters: watch::Receiver<u64>,
    bundles: &BundleFiles,
    peer: &MemberId,
    requests: &mut Streaming<ExchangeRequest>,
    responses: &Responses,
) -> Result<(), Status>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let hello = match requests.next().await {
        Some(Ok(ExchangeRequest { message: Some(Asked::Hello(hello)) })) => hello,
        Some(Err(status)) => return Err(status),
        _ => return Err(protocol("hello_first", "the first message must be hello").into()),
    };
    let welcome = welcome(engine, peer, &hello).await?;
    let mut teller = Teller::welcome(engine, bundles, peer, responses, &hello, welcome).await?;
    teller.tell_rosters().await?;
    teller.tell_bundles().await?;

    let mut heads = engine.heads();
    let mut conversation = Conversation { engine, peer, teller, subscriptions: BTreeMap::new() };
    let (mut gossip, mut gossips) = (Gossip::default(), Gossip::interval());
    loop {
        tokio::select! {
            request = requests.next() => match request {
                None => return Ok(()),
                Some(request) => conversation.hear(request?).await?,
            },
            changed = rosters.changed() => match changed {
                Ok(()) => conversation.follow_roster().await?,
                Err(_) => return Err(stopping().into()),
            },
            changed = heads.changed() => if changed.is_err() {
                return Err(stopping().into());
            },
            _ = gossips.tick() => conversation.gossip(&mut gossip).await?,
        }
        conversation.tell_feeds(&mut heads).await?;
    }
}

async fn welcome<J, V>(engine: &Engine<J, V>, peer: &MemberId, hello: &Hello) -> Result<Welcome, Status>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    if !hello.versions.contains(&VERSION) {
        return Err(precondition("PROTOCOL_VERSION", "this node speaks version 1").into());
    }
    if hello.consortium != engine.consortium().as_str() {
        return Err(precondition("CONSORTIUM", "this node belongs to another consortium").into());
    }
    let peer = peer.clone();
    let theirs = hello.roster_version;
    let greeting = engine.inquire(move |node, _| node.greet(&peer, theirs)).await.map_err(engine_refusal)?;
    Ok(Welcome {
        version: VERSION,
        roster_version: greeting.roster_version,
        roster_sha256: greeting.roster_sha256.0.to_vec().into(),
        heads: greeting
            .heads
            .into_iter()
            .map(|(feed, head)| Head { origin: engine.origin(&feed), checkpoint: head.checkpoint.to_string() })
            .collect(),
        roster_note: greeting.next_roster.unwrap_or_default().into_bytes().into(),
        key_bundles: Vec::new(),
    })
}

/// One stream behind its welcome.
struct Conversation<'a, J, V> {
    engine: &'a Engine<J, V>,
    peer: &'a MemberId,
    teller: Teller<'a, J, V>,
    subscriptions: BTreeMap<FeedId, Subscription>,
}

impl<J: Journal + Send + 'static, V: Views + Send + 'static> Conversation<'_, J, V> {
    async fn hear(&mut self, request: ExchangeRequest) -> Result<(), Status> {
        let from = self.peer.clone();
        match request.message {
            Some(Asked::Subscribe(asked)) => self.subscribe(asked).await,
            Some(Asked::Unsubscribe(asked)) => {
                if let Some(feed) = self.engine.feed(&asked.origin) {
                    self.subscriptions.remove(&feed);
                }
                Ok(())
            }
            Some(Asked::Acknowledge(acknowledged)) => {
                let Some(feed) = self.engine.feed(&acknowledged.origin) else { return Ok(()) };
                let size = TreeSize(acknowledged.size);
                if let Some(subscription) = self.subscriptions.get_mut(&feed) {
                    subscription.acknowledged = subscription.acknowledged.max(size.min(subscription.sent));
                }
                let acknowledge = move |node: &mut Node<J, V>, round: &mut Round<'_>| {
                    node.acknowledge(&from, &feed, size, round.now, round.rng)
                };
                let stored = self.engine.call(acknowledge).await.map_err(engine_refusal)?;
                Ok(stored.map_err(|fault| storage_refusal(&fault))?)
            }
            Some(Asked::Cosign(cosign)) => {
                let Some(feed) = self.engine.feed(&cosign.origin) else { return Ok(()) };
                let size = TreeSize(cosign.size);
                let heard = self.engine.call(move |node, _| node.accept_cosignature(&from, &feed, size, &cosign.line));
                Ok(heard.await.map_err(engine_refusal)?)
            }
            Some(Asked::Equivocation(proof)) => {
                let heard = self.engine.call(move |node, round| hear_proof(node, proof, round));
                Ok(heard.await.map_err(engine_refusal)?)
            }
            Some(Asked::AuditWitnessed(head)) => self.teller.hear_audit_head(head.checkpoint).await,
            Some(Asked::Hello(_)) => Err(protocol("hello_once", "hello is sent once").into()),
            None => Err(protocol("unknown_message", "a message this version does not know").into()),
        }
    }

    async fn subscribe(&mut self, asked: Subscribe) -> Result<(), Status> {
        let Some(feed) = self.engine.feed(&asked.origin) else {
            return self.teller.unavailable(asked.origin, ServeRefusal::UnknownFeed).await;
        };
        let (reader, wanted, from) = (self.peer.clone(), feed.clone(), TreeSize(asked.from_size));
        let allowed = self.engine.call(move |node, round| node.subscribe(&reader, &wanted, from, round.now, round.rng));
        let allowed = allowed.await.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))?;
        if let Err(refusal) = allowed {
            return self.teller.unavailable(asked.origin, refusal).await;
        }
        let window = u64::from(asked.window_entries.clamp(1, limits::EXCHANGE_WINDOW_ENTRIES));
        let subscription = Subscription { sent: from, acknowledged: from, window, told: None, beside: Vec::new() };
        self.subscriptions.insert(feed, subscription);
        Ok(())
    }

    async fn follow_roster(&mut self) -> Result<(), Status> {
        self.teller.tell_rosters().await?;
        self.teller.tell_bundles().await?;
        self.end_forbidden().await
    }

    /// Ends subscriptions to which a new roster, or a proof, has put an end.
    async fn end_forbidden(&mut self) -> Result<(), Status> {
        let followed: Vec<(FeedId, TreeSize)> =
            self.subscriptions.iter().map(|(feed, one)| (feed.clone(), one.sent)).collect();
        let reader = self.peer.clone();
        let ended = self.engine.inquire(move |node, _| {
            let judge = |(feed, sent)| node.may_read(&reader, &feed, sent).err().map(|refusal| (feed, refusal));
            followed.into_iter().filter_map(judge).collect::<Vec<_>>()
        });
        for (feed, refusal) in ended.await.map_err(engine_refusal)? {
            self.subscriptions.remove(&feed);
            self.teller.unavailable(self.engine.origin(&feed), refusal).await?;
        }
        Ok(())
    }

    async fn gossip(&mut self, gossip: &mut Gossip) -> Result<(), Status> {
        let is_followed = |feed: &FeedId| self.subscriptions.contains_key(feed);
        let (under, news) = gossip.news(self.engine, self.peer, is_followed).await.map_err(engine_refusal)?;
        for news in news {
            self.teller.tell(under, news).await?;
        }
        self.teller.tell_audit_head().await
    }

    /// Tells what is new of the feeds that are followed.
    async fn tell_feeds(&mut self, heads: &mut watch::Receiver<Arc<Heads>>) -> Result<(), Status> {
        heads.mark_unchanged();
        let followed: Vec<FeedId> = self.subscriptions.keys().cloned().collect();
        for feed in followed {
            let held = Arc::clone(&heads.borrow());
            let head = held.get(&feed).filter(|head| head.is_told_to(self.peer, &feed));
            // Where there is nothing new the engine is not asked: with many streams that would be most of its work.
            if self.subscriptions.get(&feed).zip(head).is_some_and(|(subscription, head)| subscription.sent < head.size)
            {
                self.send_entries(&feed).await?;
            }
            // Looked at again: a roster that was told meanwhile may have ended the key of what was the head before.
            let held = Arc::clone(&heads.borrow());
            let head = held.get(&feed).filter(|head| head.is_told_to(self.peer, &feed));
            let Some((subscription, head)) = self.subscriptions.get_mut(&feed).zip(head) else { continue };
            for checkpoint in subscription.news(head) {
                let (origin, checkpoint) = (self.engine.origin(&feed), checkpoint.to_string());
                self.teller.tell(head.under, Told::Heartbeat(Heartbeat { origin, checkpoint })).await?;
            }
        }
        Ok(())
    }

    /// Sends what the window allows.
    async fn send_entries(&mut self, feed: &FeedId) -> Result<(), Status> {
        while let Some(subscription) = self.subscriptions.get_mut(feed) {
            let limit = usize::try_from(subscription.credit()).unwrap_or(usize::MAX).min(limits::BATCH_ENTRIES);
            if limit == 0 {
                return Ok(());
            }
            let (reader, wanted, from) = (self.peer.clone(), feed.clone(), subscription.sent);
            let outgoing = self.engine.inquire(move |node, _| node.outgoing(&reader, &wanted, from, limit));
            let outgoing = outgoing.await.map_err(engine_refusal)?;
            let Some(outgoing) = outgoing.map_err(|fault| engine_refusal(fault.into()))? else { return Ok(()) };
            subscription.sent = outgoing.end;
            subscription.told = Some(outgoing.checkpoint.clone());
            let under = outgoing.under;
            self.teller.tell(under, Told::Batch(batch(self.engine.origin(feed), outgoing))).await?;
        }
        Ok(())
    }
}

fn batch(origin: String, outgoing: Outgoing) -> Batch {
    Batch {
        origin,
        first_index: outgoing.first_index.0,
        entries: outgoing
            .entries
            .into_iter()
            .map(|entry| FeedEntry { leaf: entry.leaf.into(), blob: entry.blob.into(), salt: entry.salt.into() })
            .collect(),
        checkpoint: outgoing.checkpoint.to_string(),
        consistency: outgoing.consistency.iter().map(|hash| hash.0.to_vec().into()).collect(),
    }
}

fn protocol(rule: &'static str, description: &str) -> Refusal {
    Refusal::InvalidArgument { field: "message".to_owned(), rule, description: description.to_owned() }
}

fn precondition(reason: &'static str, description: &str) -> Refusal {
    Refusal::FailedPrecondition { reason, description: description.to_owned() }
}

/// To those who pull from a node that is told to stop.
pub fn stopping() -> Refusal {
    let description = "the node is stopping".to_owned();
    Refusal::Unavailable { reason: STOPPING, description, retry_after_ms: 1_000 }
}
