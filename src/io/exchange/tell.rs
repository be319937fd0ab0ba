//! What a serving node tells beside feeds: rosters the puller lacks, key bundles addressed to it, and how our audit log has
//! grown since the puller witnessed it.

use std::collections::BTreeSet;

use tokio::sync::mpsc::{self, Sender};
use tonic::Status;

use crate::base::epoch::KeyEpoch;
use crate::base::name::MemberId;
use crate::base::position::TreeSize;
use crate::io::bundle_files::BundleFiles;
use crate::io::engine::Engine;
use crate::io::exchange::VERSION;
use crate::io::grpc::refusals::{engine_refusal, storage_refusal};
use crate::io::grpc::wire::hushwire::peer::v1::exchange_response::Message as Told;
use crate::io::grpc::wire::hushwire::peer::v1::{AuditHead, ExchangeResponse, Welcome};
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::witness::AuditNews;

/// Answers on their way to the puller.
pub(in crate::io::exchange) type Responses = Sender<Result<ExchangeResponse, Status>>;

/// Tells a puller each roster it lacks, oldest first, since each vouches for the next.
pub(in crate::io::exchange) async fn tell_rosters<J, V>(
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
        let greeting = engine.call(move |node, _| node.greet(&peer, version)).await.map_err(engine_refusal)?;
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

/// Hands a puller the bundles that are addressed to it, of epochs it does not hold. One whose epoch the roster in force does not
/// name yet waits for the roster that does: the puller would drop it, and it is told once.
pub(in crate::io::exchange) async fn tell_bundles<J, V>(
    engine: &Engine<J, V>,
    bundles: &BundleFiles,
    peer: &MemberId,
    held: &mut BTreeSet<KeyEpoch>,
    responses: &Responses,
) -> Result<(), Status>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let (files, member, lacking) = (bundles.clone(), peer.clone(), held.clone());
    let found = tokio::task::spawn_blocking(move || files.for_member(&member, &lacking)).await.unwrap_or_default();
    let named = engine.call(move |node, _| {
        let roster = &node.state().roster;
        found.into_iter().filter(|(epoch, _)| roster.epoch(*epoch).is_some()).collect::<Vec<_>>()
    });
    for (epoch, note) in named.await.map_err(engine_refusal)? {
        let further = Welcome { version: VERSION, key_bundles: vec![note.into()], ..Welcome::default() };
        tell(responses, Told::Welcome(further)).await?;
        held.insert(epoch);
    }
    Ok(())
}

pub(in crate::io::exchange) async fn hear_audit_head<J, V>(
    engine: &Engine<J, V>,
    peer: &MemberId,
    note: String,
) -> Result<Option<TreeSize>, Status>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let from = peer.clone();
    let heard = engine.call(move |node, round| node.hear_audit_head(&from, &note, round.now, round.rng));
    Ok(heard.await.map_err(engine_refusal)?.map_err(|fault| storage_refusal(&fault))?)
}

/// Tells a witness how our audit log has grown since what it cosigned last.
pub(in crate::io::exchange) async fn tell_audit_head<J, V>(
    engine: &Engine<J, V>,
    witnessed: &mut Option<TreeSize>,
    responses: &Responses,
) -> Result<(), Status>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let Some(held) = *witnessed else { return Ok(()) };
    let news = engine.call(move |node, _| Ok((node.audit_news(held)?, node.state().audit.origin.clone())));
    let news = news.await.map_err(engine_refusal)?;
    let (news, origin) = news.map_err(|fault: StorageFault| storage_refusal(&fault))?;
    let Some((size, AuditNews { old_size, checkpoint, growth })) = news else { return Ok(()) };
    *witnessed = Some(size);
    let growth = growth.iter().map(|hash| hash.0.to_vec().into()).collect();
    tell(responses, Told::AuditHead(AuditHead { origin, checkpoint, old_size: old_size.0, growth })).await
}

pub(in crate::io::exchange) async fn tell(responses: &Responses, message: Told) -> Result<(), Status> {
    responses
        .send(Ok(ExchangeResponse { message: Some(message) }))
        .await
        .map_err(|mpsc::error::SendError(_)| Status::cancelled("the puller is gone"))
}
