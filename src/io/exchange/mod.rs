//! Exchange of feeds with other members over one long-lived stream per direction (DESIGN §7).
//!
//! - [`serve`] answers a peer that pulls from us.
//! - `tell` is the way to one puller: rosters before what rests on them, key bundles, heads of the audit log.
//! - [`pull`] pulls from one peer: catch up in batches, then follow live; resume from the cursor after any break.
//! - [`pull_fault`] says why that ended, and whose fault it was; [`backoff`] how long is waited then.
//! - [`gossip`] tells peers of heads and proofs they did not ask for.
//! - [`papers`] are the rosters and key bundles a puller takes.
//! - [`streams`] sees to it that a member pulls on one stream at a time.
//! - [`links`] is what the pullers know together: who is connected, whose feeds need a relay.

pub mod backoff;
pub mod gossip;
pub mod links;
pub mod papers;
pub mod pull;
pub mod pull_fault;
pub mod serve;
pub mod streams;
mod tell;

use crate::io::engine::Round;
use crate::io::grpc::wire::hushwire::peer::v1::Equivocation;
use crate::node::Node;
use crate::node::accuse::equivocation_of;
use crate::node::store::{Journal, Views};

/// The protocol this build speaks.
pub const VERSION: u32 = 1;

/// Hands a proof somebody sent to the node. One that proves nothing is dropped: it accuses nobody.
fn hear_proof<J: Journal, V: Views>(node: &mut Node<J, V>, proof: Equivocation, round: &mut Round<'_>) {
    let Equivocation { origin, first, second, consistency } = proof;
    let consistency: Vec<Vec<u8>> = consistency.iter().map(|hash| hash.to_vec()).collect();
    let Some(proof) = equivocation_of(first, second, &consistency) else { return };
    if let Err(fault) = node.accept_equivocation(&origin, &proof, round.now, round.rng) {
        tracing::warn!(event = "equivocation.unheard", fault = %fault);
    }
}
