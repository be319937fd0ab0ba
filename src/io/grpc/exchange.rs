//! `hushwire.peer.v1.ExchangeService`: hands each stream to a task of its own.

use std::pin::Pin;

use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::io::bundle_files::BundleFiles;
use crate::io::engine::Engine;
use crate::io::exchange::serve;
use crate::io::exchange::streams::Streams;
use crate::io::grpc::identity::peer_caller;
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_service_server::ExchangeService;
use crate::io::grpc::wire::hushwire::peer::v1::{ExchangeRequest, ExchangeResponse};
use crate::node::store::{Journal, Views};

/// Answers waiting for a slow puller; then the serving task waits too.
const ANSWERS_QUEUED: usize = 4;

/// The service over one engine.
#[derive(Debug)]
pub struct Exchange<J, V> {
    pub engine: Engine<J, V>,
    /// The version of the roster in force, changing.
    pub rosters: watch::Receiver<u64>,
    pub streams: Streams,
    pub bundles: BundleFiles,
    /// Turns true when the node is told to stop: streams never end by themselves, and who pulls is to know why this one does.
    pub stopping: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl<J, V> ExchangeService for Exchange<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<ExchangeResponse, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let caller = peer_caller(&request)?.clone();
        let (responses, outgoing) = mpsc::channel(ANSWERS_QUEUED);
        let (engine, rosters, bundles) = (self.engine.clone(), self.rosters.clone(), self.bundles.clone());
        let requests = request.into_inner();
        let replaced = self.streams.begin(&caller.member);
        let mut stopping = self.stopping.clone();
        tokio::spawn(async move {
            let ended = async {
                tokio::select! {
                    () = caller.revoked() => Refusal::PermissionDenied {
                        reason: "PIN_REMOVED",
                        description: "the roster no longer lists this key".to_owned(),
                    },
                    () = replaced => Refusal::Aborted {
                        reason: "STREAM_REPLACED",
                        description: "a newer stream of this member took over".to_owned(),
                    },
                    _ = stopping.wait_for(|stop| *stop) => serve::stopping(),
                }
            };
            serve::serve(engine, rosters, bundles, caller.member.clone(), requests, responses, ended).await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}
