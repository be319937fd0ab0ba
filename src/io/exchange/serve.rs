//! The serving side of one exchange stream.
//!
//! Numbered as the protocol goes: 1 greet, 2 subscribe, 3 send within the puller's window, 4 take acknowledgements and
//! cosignatures, 5 tell of newer checkpoints and of those that wait for cosignatures or have them, of other feeds' heads now
//! and then, and of proofs. A subscription ends when the peer leaves the feed's group; a stream ends when the peer's pin is
//! gone from the roster, or when a newer one of the same peer begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_stream::StreamExt;
use tonic::{Status, Streaming};

use crate::base::epoch::KeyEpoch;
use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::io::bundle_files::BundleFiles;
use crate::io::engine::Engine;
use crate::io::exchange::gossip::Gossip;
use crate::io::exchange::pull_fault::STOPPING;
use crate::io::exchange::tell::{Responses, hear_audit_head, tell, tell_audit_head, tell_bundles, tell_rosters};
use crate::io::exchange::{VERSION, hear_proof};
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_request::Message as Asked;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_response::Message as Told;
use crate::io::grpc::wire::hushwire::peer::v1::{
    Batch, ExchangeRequest, FeedEntry, Head, Heartbeat, Hello, Unavailable, Welcome,
};
use crate::node::heads::Head as FeedHead;
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
    let mut theirs = hello.roster_version;
    let first = welcome(engine, peer, &hello).await?;
    theirs += u64::from(!first.roster_note.is_empty());
    tell(responses, Told::Welcome(first)).await?;
    tell_rosters(engine, peer, &mut theirs, responses).await?;
    let mut epochs: BTreeSet<KeyEpoch> = hello.epochs_held.iter().map(|epoch| KeyEpoch(*epoch)).collect();
    tell_bundles(engine, bundles, peer, &mut epochs, responses).await?;

    let mut heads = engine.heads();
    let mut subscriptions: BTreeMap<FeedId, Subscription> = BTreeMap::new();
    // The size of our audit log up to which the peer has witnessed it; none before it said so.
    let mut witnessed = None;
    let (mut gossip, mut gossips) = (Gossip::default(), Gossip::interval());
    loop {
        tokio::select! {
            request = requests.next() => match request {
                None => return Ok(()),
                Some(request) => {
                    let request = request?;
                    if let Some(Asked::AuditWitnessed(head)) = &request.message {
                        witnessed = hear_audit_head(engine, peer, head.checkpoint.clone()).await?;
                        tell_audit_head(engine, &mut witnessed, responses).await?;
                    }
                    hear(engine, peer, request, &mut subscriptions, responses).await?;
                }
            },
            changed = rosters.changed() => match changed {
                Ok(()) => {
                    tell_rosters(engine, peer, &mut theirs, responses).await?;
                    tell_bundles(engine, bundles, peer, &mut epochs, responses).await?;
                    end_forbidden(engine, peer, &mut subscriptions, responses).await?;
                }
                Err(_) => return Err(stopping().into()),
            },
            changed = heads.changed() => if changed.is_err() {
                return Err(stopping().into());
            },
            _ = gossips.tick() => {
                let is_followed = |feed: &FeedId| subscriptions.contains_key(feed);
                for news in gossip.news(engine, peer, is_followed).await.map_err(engine_refusal)? {
                    tell(responses, news).await?;
                }
                tell_audit_head(engine, &mut witnessed, responses).await?;
            }
        }
        let now_held = heads.borrow_and_update().clone();
        for (feed, subscription) in &mut subscriptions {
            let Some(head) = now_held.get(feed).filter(|head| head.is_told_to(peer, feed)) else { continue };
            // Where there is nothing new the engine is not asked: with many streams that would be most of its work.
            if subscription.sent < head.size {
                send_entries(engine, feed, subscription, responses).await?;
            }
            for checkpoint in subscription.news(head) {
                let (origin, checkpoint) = (engine.origin(feed), checkpoint.to_string());
                tell(responses, Told::Heartbeat(Heartbeat { origin, checkpoint })).await?;
            }
        }
    }
}

/// Ends subscriptions to which a new roster, or a proof, has put an end.
async fn end_forbidden<J, V>(
    engine: &Engine<J, V>,
    peer: &MemberId,
    subscriptions: &mut BTreeMap<FeedId, Subscription>,
    responses: &Responses,
) -> Result<(), Status>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let followed: Vec<(FeedId, TreeSize)> = subscriptions.iter().map(|(feed, one)| (feed.clone(), one.sent)).collect();
    let reader = peer.clone();
    let ended = engine.inquire(move |node, _| {
        let judge = |(feed, sent)| node.may_read(&reader, &feed, sent).err().map(|refusal| (feed, refusal));
        followed.into_iter().filter_map(judge).collect::<Vec<_>>()
    });
    for (feed, refusal) in ended.await.map_err(engine_refusal)? {
        subscriptions.remove(&feed);
        unavailable(responses, engine.origin(&feed), refusal).await?;
    }
    Ok(())
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

async fn hear<J, V>(
    engine: &Engine<J, V>,
    peer: &MemberId,
    request: ExchangeRequest,
    subscriptions: &mut BTreeMap<FeedId, Subscription>,
    responses: &Responses,
) -> Result<(), Status>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    match request.message {
        Some(Asked::Subscribe(asked)) => {
            let Some(feed) = engine.feed(&asked.origin) else {
                return unavailable(responses, asked.origin, ServeRefusal::UnknownFeed).await;
            };
            let reader = peer.clone();
            let wanted = feed.clone();
            let from = TreeSize(asked.from_size);
            let allowed = engine
                .call(move |node, round| node.subscribe(&reader, &wanted, from, round.now, round.rng))
                .await
                .map_err(engine_refusal)?
                .map_err(|fault| storage_refusal(&fault))?;
            if let Err(refusal) = allowed {
                return unavailable(responses, asked.origin, refusal).await;
            }
            let window = u64::from(asked.window_entries.clamp(1, limits::EXCHANGE_WINDOW_ENTRIES));
            subscriptions
                .insert(feed, Subscription { sent: from, acknowledged: from, window, told: None, beside: Vec::new() });
            Ok(())
        }
        Some(Asked::Unsubscribe(asked)) => {
            if let Some(feed) = engine.feed(&asked.origin) {
                subscriptions.remove(&feed);
            }
            Ok(())
        }
        Some(Asked::Acknowledge(acknowledged)) => {
            let Some(feed) = engine.feed(&acknowledged.origin) else { return Ok(()) };
            let size = TreeSize(acknowledged.size);
            if let Some(subscription) = subscriptions.get_mut(&feed) {
                subscription.acknowledged = subscription.acknowledged.max(size.min(subscription.sent));
            }
            let from = peer.clone();
            engine
                .call(move |node, round| node.acknowledge(&from, &feed, size, round.now, round.rng))
                .await
                .map_err(engine_refusal)?
                .map_err(|fault| storage_refusal(&fault))?;
            Ok(())
        }
        Some(Asked::Cosign(cosign)) => {
            let Some(feed) = engine.feed(&cosign.origin) else { return Ok(()) };
            let from = peer.clone();
            engine
                .call(move |node, _| node.accept_cosignature(&from, &feed, TreeSize(cosign.size), &cosign.line))
                .await
                .map_err(engine_refusal)?;
            Ok(())
        }
        Some(Asked::Equivocation(proof)) => {
            engine.call(move |node, round| hear_proof(node, proof, round)).await.map_err(engine_refusal)?;
            Ok(())
        }
        // Heard where the size it names is kept.
        Some(Asked::AuditWitnessed(_)) => Ok(()),
        Some(Asked::Hello(_)) => Err(protocol("hello_once", "hello is sent once").into()),
        None => Err(protocol("unknown_message", "a message this version does not know").into()),
    }
}

/// Sends what the window allows.
async fn send_entries<J, V>(
    engine: &Engine<J, V>,
    feed: &FeedId,
    subscription: &mut Subscription,
    responses: &Responses,
) -> Result<(), Status>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    loop {
        let limit = usize::try_from(subscription.credit()).unwrap_or(usize::MAX).min(limits::BATCH_ENTRIES);
        if limit == 0 {
            return Ok(());
        }
        let wanted = feed.clone();
        let from = subscription.sent;
        let outgoing =
            engine.inquire(move |node, _| node.outgoing(&wanted, from, limit)).await.map_err(engine_refusal)?;
        let Some(outgoing) = outgoing.map_err(|fault| engine_refusal(fault.into()))? else { return Ok(()) };
        subscription.sent = outgoing.end;
        subscription.told = Some(outgoing.checkpoint.clone());
        tell(responses, Told::Batch(batch(engine.origin(feed), outgoing))).await?;
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

async fn unavailable(responses: &Responses, origin: String, refusal: ServeRefusal) -> Result<(), Status> {
    tell(responses, Told::Unavailable(Unavailable { origin, reason: refusal.reason().to_owned() })).await
}
