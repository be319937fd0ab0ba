//! What a puller takes beside feeds: rosters and key bundles, in the order they are told.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_stream::StreamExt;
use tonic::Streaming;

use crate::base::epoch::KeyEpoch;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::io::engine::Engine;
use crate::io::exchange::pull_fault::PullFault;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_response::Message as Told;
use crate::io::grpc::wire::hushwire::peer::v1::{ExchangeResponse, Welcome};
use crate::node::store::{Journal, Views};

/// Whoever keeps the rosters and the secrets of epochs.
#[derive(Clone)]
pub struct Papers {
    /// Takes a roster note: verifies it against the roster in force, applies it or drops it.
    pub hear_roster: Hear,
    /// Takes a key bundle: verifies it against the roster it was sealed under, opens it or drops it.
    pub hear_bundle: Hear,
    pub epochs_held: Arc<dyn Fn() -> Vec<KeyEpoch> + Send + Sync>,
}

impl std::fmt::Debug for Papers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Papers")
    }
}

/// Takes a signed note a peer told of. Waited for, so that notes are taken in the order they were told.
pub type Hear = Arc<dyn Fn(MemberId, Vec<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

impl Papers {
    pub(in crate::io::exchange) async fn hear(&self, peer: &MemberId, welcome: &Welcome) {
        if !welcome.roster_note.is_empty() {
            (self.hear_roster)(peer.clone(), welcome.roster_note.to_vec()).await;
        }
        for bundle in &welcome.key_bundles {
            (self.hear_bundle)(peer.clone(), bundle.to_vec()).await;
        }
    }

    /// Takes the rosters that lead to the one the peer follows, which it tells one after the other: a later one may name the key
    /// that signed its heads, and nobody is to be blamed for that. `introduced`: the version the peer was told that we follow. Ends
    /// where one leads no further, also because it is refused; what came in its place is heard afterwards.
    pub(in crate::io::exchange) async fn catch_up<J, V>(
        &self,
        engine: &Engine<J, V>,
        peer: &MemberId,
        introduced: u64,
        welcome: &Welcome,
        responses: &mut Streaming<ExchangeResponse>,
    ) -> Result<Option<ExchangeResponse>, PullFault>
    where
        J: Journal + Send + 'static,
        V: Views + Send + 'static,
    {
        // Counted by what this peer told. Another stream may bring the same rosters meanwhile: that a note changed nothing here does
        // not say that it leads no further.
        let mut told = introduced;
        let mut is_led = !welcome.roster_note.is_empty();
        self.hear(peer, welcome).await;
        loop {
            told = told.saturating_add(u64::from(is_led));
            let followed = engine.call(|node, _| node.introduce().roster_version).await?;
            if followed >= welcome.roster_version || followed < told || !is_led {
                return Ok(None);
            }
            match tokio::time::timeout(Duration::from_millis(limits::WELCOME_MS), responses.next()).await {
                Ok(Some(Ok(ExchangeResponse { message: Some(Told::Welcome(further)) }))) => {
                    is_led = !further.roster_note.is_empty();
                    self.hear(peer, &further).await;
                }
                Ok(Some(Ok(response))) => return Ok(Some(response)),
                Ok(Some(Err(status))) => return Err(PullFault::of_stream(&status)),
                Ok(None) => return Err(PullFault::Ended("it ended behind its welcome".to_owned())),
                Err(_) => return Ok(None),
            }
        }
    }
}
