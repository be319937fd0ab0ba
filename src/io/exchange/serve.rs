//! The serving side of one exchange stream.
//!
//! Numbered as the protocol goes: 1 greet, 2 subscribe, 3 send within the puller's window, 4 take acknowledgements and
//! cosignatures, 5 tell of newer checkpoints, of other feeds' heads now and then, and of proofs. A stream ends when the peer's pin is gone from the roster.

use std::collections::BTreeMap;

use tokio::sync::mpsc::{self, Sender};
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tonic::{Status, Streaming};

use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::io::engine::Engine;
use crate::io::exchange::gossip::Gossip;
use crate::io::exchange::hear_proof;
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_request::Message as Asked;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_response::Message as Told;
use crate::io::grpc::wire::hushwire::peer::v1::{
    Batch, ExchangeRequest, ExchangeResponse, FeedEntry, Head, Heartbeat, Hello, Unavailable, Welcome,
};
use crate::node::serve::{Outgoing, ServeRefusal};
use crate::node::store::{Journal, Views};

/// The protocol this build speaks.
pub const VERSION: u32 = 1;

/// What one puller is following.
#[derive(Debug)]
struct Subscription {
    /// Size up to which entries were sent.
    sent: TreeSize,
    acknowledged: TreeSize,
    window: u64,
    /// The checkpoint told last, so that only news are told.
    told: Option<std::sync::Arc<str>>,
}

impl Subscription {
    /// Entries that may still be sent before an acknowledgement.
    fn credit(&self) -> u64 {
        self.window.saturating_sub(self.sent.0.saturating_sub(self.acknowledged.0))
    }
}

type Responses = Sender<Result<ExchangeResponse, Status>>;

/// Serves one stream until either side ends it.
pub async fn serve<J, V>(
    engine: Engine<J, V>,
    rosters: watch::Receiver<u64>,
    peer: MemberId,
    mut requests: Streaming<ExchangeRequest>,
    responses: Responses,
    revoked: impl Future<Output = ()>,
) where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    tokio::select! {
        outcome = converse(&engine, rosters, &peer, &mut requests, &responses) => {
            if let Err(status) = outcome {
                // The puller may be gone already; then nobody is left to tell.
                drop(responses.send(Err(status)).await);
            }
        }
        () = revoked => {
            let refusal = Refusal::PermissionDenied {
                reason: "PIN_REMOVED",
                description: "the roster no longer lists this key".to_owned(),
            };
            drop(responses.send(Err(refusal.into())).await);
        }
        () = responses.closed() => {}
    }
}

async fn converse<J, V>(
    engine: &Engine<J, V>,
    mut rosters: watch::Receiver<u64>,
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

    let mut heads = engine.heads();
    let mut subscriptions: BTreeMap<FeedId, Subscription> = BTreeMap::new();
    let (mut gossip, mut gossips) = (Gossip::default(), Gossip::interval());
    loop {
        tokio::select! {
            request = requests.next() => match request {
                None => return Ok(()),
                Some(request) => hear(engine, peer, request?, &mut subscriptions, responses).await?,
            },
            changed = rosters.changed() => match changed {
                Ok(()) => tell_rosters(engine, peer, &mut theirs, responses).await?,
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
            }
        }
        let now_held = heads.borrow_and_update().clone();
        for (feed, subscription) in &mut subscriptions {
            let Some(head) = now_held.get(feed) else { continue };
            // Where there is nothing new the engine is not asked: with many streams that would be most of its work.
            if subscription.sent < head.size {
                send_entries(engine, feed, subscription, responses).await?;
            }
            let news = subscription.told.as_ref() != Some(&head.checkpoint);
            if news && subscription.sent == head.size {
                let origin = engine.origin(feed);
                tell(responses, Told::Heartbeat(Heartbeat { origin, checkpoint: head.checkpoint.to_string() })).await?;
                subscription.told = Some(head.checkpoint.clone());
            }
        }
    }
}

/// Tells a puller each roster it lacks, oldest first, since each vouches for the next.
async fn tell_rosters<J, V>(
    engine: &Engine<J, V>,
    peer: &MemberId,
    theirs: &mut u64,
    responses: &Responses,
) -> Result<(), Status>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    loop {
        let (peer, version) = (peer.clone(), *theirs);
        let greeting = engine.inquire(move |node, _| node.greet(&peer, version)).await.map_err(engine_refusal)?;
        let Some(note) = greeting.next_roster else { return Ok(()) };
        let further = Welcome {
            version: VERSION,
            roster_version: greeting.roster_version,
            roster_sha256: greeting.roster_sha256.0.to_vec().into(),
            roster_note: note.into_bytes().into(),
            ..Welcome::default()
        };
        tell(responses, Told::Welcome(further)).await?;
        *theirs += 1;
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
            let allowed =
                engine.inquire(move |node, _| node.may_read(&reader, &wanted, from)).await.map_err(engine_refusal)?;
            if let Err(refusal) = allowed {
                return unavailable(responses, asked.origin, refusal).await;
            }
            let window = u64::from(asked.window_entries.clamp(1, limits::EXCHANGE_WINDOW_ENTRIES));
            subscriptions.insert(feed, Subscription { sent: from, acknowledged: from, window, told: None });
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

fn stopping() -> Refusal {
    let description = "the node is stopping".to_owned();
    Refusal::Unavailable { reason: "STOPPING", description, retry_after_ms: 1_000 }
}

async fn unavailable(responses: &Responses, origin: String, refusal: ServeRefusal) -> Result<(), Status> {
    tell(responses, Told::Unavailable(Unavailable { origin, reason: refusal.reason().to_owned() })).await
}

async fn tell(responses: &Responses, message: Told) -> Result<(), Status> {
    responses
        .send(Ok(ExchangeResponse { message: Some(message) }))
        .await
        .map_err(|mpsc::error::SendError(_)| Status::cancelled("the puller is gone"))
}
