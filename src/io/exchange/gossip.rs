//! What a serving node tells without being asked: heads of feeds the puller follows elsewhere, heads of audit logs it has
//! witnessed, and proofs of equivocation.
//!
//! An author that shows its members different histories is found out here: each hears, within [`limits::GOSSIP_S`], which
//! heads the others were shown, and whoever can prove the contradiction tells everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::limits;
use crate::base::name::{FeedId, MemberId};
use crate::io::engine::{Engine, EngineFault};
use crate::io::grpc::wire::hushwire::peer::v1::exchange_response::Message as Told;
use crate::io::grpc::wire::hushwire::peer::v1::{Equivocation, Heartbeat};
use crate::node::store::{Journal, Views};
use crate::node::witness::audit_feed_of;

/// What was told on one stream.
#[derive(Debug, Default)]
pub struct Gossip {
    heads: BTreeMap<FeedId, Arc<str>>,
    proofs: BTreeSet<String>,
}

impl Gossip {
    /// Every [`limits::GOSSIP_S`]: the first time at once.
    pub fn interval() -> tokio::time::Interval {
        let mut interval = tokio::time::interval(std::time::Duration::from_secs(limits::GOSSIP_S));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        interval
    }

    /// What is new since the last call, feeds the peer follows on this stream left out, with the version of the roster under
    /// which all of it stands.
    pub async fn news<J, V>(
        &mut self,
        engine: &Engine<J, V>,
        peer: &MemberId,
        is_followed: impl Fn(&FeedId) -> bool,
    ) -> Result<(u64, Vec<Told>), EngineFault>
    where
        J: Journal + Send + 'static,
        V: Views + Send + 'static,
    {
        let reader = peer.clone();
        let (greeting, audits, proofs) = engine
            .inquire(move |node, _| {
                // Only the heads are of interest here, not the roster.
                let greeting = node.greet(&reader, u64::MAX);
                let audits =
                    node.state().audits.heads().map(|(author, head)| (audit_feed_of(author), head.note_text()));
                (greeting, audits.collect::<Vec<_>>(), node.equivocations_for(&reader))
            })
            .await?;
        let mut news = Vec::new();
        for proof in proofs {
            if self.proofs.insert(proof.origin.clone()) {
                news.push(Told::Equivocation(Equivocation {
                    origin: proof.origin,
                    first: proof.first,
                    second: proof.second,
                    consistency: proof.consistency.into_iter().map(Into::into).collect(),
                }));
            }
        }
        for (feed, head) in greeting.heads.into_iter().filter(|(feed, _)| !is_followed(feed)) {
            if self.heads.get(&feed) != Some(&head.checkpoint) {
                let checkpoint = head.checkpoint.to_string();
                news.push(Told::Heartbeat(Heartbeat { origin: engine.origin(&feed), checkpoint }));
                self.heads.insert(feed, head.checkpoint);
            }
        }
        // What we witnessed of others: whoever shows each witness another log is found out.
        for (log, head) in audits {
            let head: Arc<str> = head.into();
            if self.heads.get(&log) != Some(&head) {
                news.push(Told::Heartbeat(Heartbeat { origin: engine.origin(&log), checkpoint: head.to_string() }));
                self.heads.insert(log, head);
            }
        }
        Ok((greeting.roster_version, news))
    }
}
