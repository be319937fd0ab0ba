//! The way to one puller: everything it is told goes through here, and nothing that a key signed before the roster that names the
//! key. A puller that follows an older one would take it for a fault of an honest member.
//!
//! Whoever tells something signed says under which roster it stands. What is told beside feeds is here too: rosters the puller
//! lacks, key bundles addressed to it, and how our audit log has grown since the puller witnessed it.

use std::collections::BTreeSet;

use tokio::sync::mpsc::{self, Sender};
use tonic::Status;

use crate::base::bytes::Sha256Digest;
use crate::base::epoch::KeyEpoch;
use crate::base::name::MemberId;
use crate::base::position::TreeSize;
use crate::io::bundle_files::BundleFiles;
use crate::io::engine::Engine;
use crate::io::exchange::VERSION;
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::wire::hushwire::peer::v1::exchange_response::Message as Told;
use crate::io::grpc::wire::hushwire::peer::v1::{AuditHead, ExchangeResponse, Hello, Unavailable, Welcome};
use crate::node::serve::{Greeting, ServeRefusal};
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::witness::AuditNews;

/// Answers on their way to the puller.
pub(in crate::io::exchange) type Responses = Sender<Result<ExchangeResponse, Status>>;

/// Tells one puller, and knows what it was told.
pub(in crate::io::exchange) struct Teller<'a, J, V> {
    engine: &'a Engine<J, V>,
    bundles: &'a BundleFiles,
    peer: &'a MemberId,
    responses: &'a Responses,
    /// The roster it follows once it has taken what it was told.
    roster_version: u64,
    /// The roster that it was told we follow.
    said: u64,
    /// Epochs whose bundles it holds or was told.
    epochs: BTreeSet<KeyEpoch>,
    /// The size of our audit log up to which it has witnessed it; none before it said so.
    witnessed: Option<TreeSize>,
}

impl<'a, J: Journal + Send + 'static, V: Views + Send + 'static> Teller<'a, J, V> {
    /// Answers the hello of a puller. The welcome is what that waits for before it takes anything, and says itself which roster
    /// its heads need.
    pub async fn welcome(
        engine: &'a Engine<J, V>,
        bundles: &'a BundleFiles,
        peer: &'a MemberId,
        responses: &'a Responses,
        hello: &Hello,
        welcome: Welcome,
    ) -> Result<Self, Status> {
        let roster_version = hello.roster_version + u64::from(!welcome.roster_note.is_empty());
        let epochs = hello.epochs_held.iter().map(|epoch| KeyEpoch(*epoch)).collect();
        let said = welcome.roster_version;
        let teller = Self { engine, bundles, peer, responses, roster_version, said, epochs, witnessed: None };
        teller.send(Told::Welcome(welcome)).await?;
        Ok(teller)
    }

    /// Tells what stands under a version of the roster, that one and those before it first. Not those after it: what is told
    /// here may not stand under them any more.
    pub async fn tell(&mut self, under: u64, message: Told) -> Result<(), Status> {
        // A node keeps every note. One it lacked the puller could get from others alone.
        while self.roster_version < under && self.tell_next_roster().await? {}
        self.send(message).await
    }

    pub async fn unavailable(&self, origin: String, refusal: ServeRefusal) -> Result<(), Status> {
        self.send(Told::Unavailable(Unavailable { origin, reason: refusal.reason().to_owned() })).await
    }

    /// Tells each roster the puller lacks, oldest first, since each vouches for the next; and where it was ahead of us, that we
    /// follow one now. Until then it takes what we signed under a former key for what it is.
    pub async fn tell_rosters(&mut self) -> Result<(), Status> {
        while self.tell_next_roster().await? {}
        let ours = self.engine.call(|node, _| node.introduce()).await.map_err(engine_refusal)?;
        if ours.roster_version == self.said {
            return Ok(());
        }
        self.say(ours.roster_version, ours.roster_sha256, String::new()).await
    }

    /// False where there is none.
    async fn tell_next_roster(&mut self) -> Result<bool, Status> {
        let (peer, version) = (self.peer.clone(), self.roster_version);
        // Once it is durable: a roster that a power cut could take back is told to nobody.
        let greeting = self.engine.call(move |node, _| node.greet(&peer, version)).await.map_err(engine_refusal)?;
        let Greeting { roster_version, roster_sha256, next_roster: Some(note), .. } = greeting else {
            return Ok(false);
        };
        self.say(roster_version, roster_sha256, note).await?;
        self.roster_version += 1;
        Ok(true)
    }

    /// Which roster we follow, and the note of the one the puller lacks next, where it lacks one.
    async fn say(&mut self, version: u64, sha256: Sha256Digest, note: String) -> Result<(), Status> {
        let further = Welcome {
            version: VERSION,
            roster_version: version,
            roster_sha256: sha256.0.to_vec().into(),
            roster_note: note.into_bytes().into(),
            ..Welcome::default()
        };
        self.said = version;
        self.send(Told::Welcome(further)).await
    }

    /// Hands over the bundles that are addressed to the puller, of epochs it does not hold. One whose epoch the roster in force
    /// does not name yet waits for the roster that does: the puller would drop it, and it is told once.
    pub async fn tell_bundles(&mut self) -> Result<(), Status> {
        let (files, member, lacking) = (self.bundles.clone(), self.peer.clone(), self.epochs.clone());
        let found = tokio::task::spawn_blocking(move || files.for_member(&member, &lacking)).await.unwrap_or_default();
        let named = self.engine.call(move |node, _| {
            let roster = &node.state().roster;
            let named = found.into_iter().filter(|(epoch, _)| roster.epoch(*epoch).is_some());
            (roster.version(), named.collect::<Vec<_>>())
        });
        let (under, named) = named.await.map_err(engine_refusal)?;
        for (epoch, note) in named {
            let further = Welcome { version: VERSION, key_bundles: vec![note.into()], ..Welcome::default() };
            self.tell(under, Told::Welcome(further)).await?;
            self.epochs.insert(epoch);
        }
        Ok(())
    }

    /// The puller says which head of our audit log it holds: it is led on from there.
    pub async fn hear_audit_head(&mut self, note: String) -> Result<(), Status> {
        let from = self.peer.clone();
        let heard = self.engine.call(move |node, round| node.hear_audit_head(&from, &note, round.now, round.rng));
        self.witnessed = heard.await.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))?;
        self.tell_audit_head().await
    }

    /// Tells a witness how our audit log has grown since what it cosigned last.
    pub async fn tell_audit_head(&mut self) -> Result<(), Status> {
        let Some(held) = self.witnessed else { return Ok(()) };
        let news = self.engine.call(move |node, _| {
            let (under, origin) = (node.state().roster.version(), node.state().audit.origin.clone());
            Ok((node.audit_news(held)?, origin, under))
        });
        let news = news.await.map_err(engine_refusal)?;
        let (news, origin, under) = news.map_err(|fault: StorageFault| storage_refusal(&fault))?;
        let Some((size, AuditNews { old_size, checkpoint, growth })) = news else { return Ok(()) };
        self.witnessed = Some(size);
        let growth = growth.iter().map(|hash| hash.0.to_vec().into()).collect();
        self.tell(under, Told::AuditHead(AuditHead { origin, checkpoint, old_size: old_size.0, growth })).await
    }

    async fn send(&self, message: Told) -> Result<(), Status> {
        self.responses
            .send(Ok(ExchangeResponse { message: Some(message) }))
            .await
            .map_err(|mpsc::error::SendError(_)| Status::cancelled("the puller is gone"))
    }
}
