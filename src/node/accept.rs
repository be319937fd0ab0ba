//! Taking in what peers send: verified, committed in one record, then believed. Nothing comes in any other way.

use rand::CryptoRng;

use crate::base::bytes::Sha256Digest;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::exchange::batch::UnverifiedBatch;
use crate::domain::exchange::fault::PeerFault;
use crate::node::Node;
use crate::node::commit::{Appended, Commit, change};
use crate::node::feeds::{Feed, verifier_for, verify_by_any_key};
use crate::node::fence::FenceState;
use crate::node::fill::Missing;
use crate::node::room::DiskLow;
use crate::node::state::stored;
use crate::node::store::{Journal, StorageFault, Views};
use sha2::{Digest, Sha256};

/// A feed to follow at a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub feed: FeedId,
    /// The size to go on from.
    pub from: TreeSize,
    /// Its author has shown no sign of life for longer than the roster allows.
    pub silent: bool,
}

/// A batch is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Verified size now held of the feed.
    pub held: TreeSize,
    /// Our cosignature as a witness with the size it covers, where the batch completed a checkpoint.
    pub cosignature: Option<(TreeSize, String)>,
}

/// Nothing of it was taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptFault {
    #[error("this node holds no such feed")]
    UnknownFeed,
    #[error("the feed is quarantined: its author signed two histories")]
    Quarantined,
    #[error("this is our own feed, and we are not recovering it")]
    OwnFeed,
    /// Nobody's fault here: what this sender sent is taken in, and the feed is to be asked for again from where it is open.
    #[error("earlier entries of the feed still lack their content")]
    Incomplete,
    /// Nobody's fault: to be asked for again once the author follows the roster that this node follows, and has signed anew.
    #[error("it stands under a key that an earlier roster names, which its author may still follow")]
    FormerKey,
    /// Nobody's fault either: to be sent again once there is room.
    #[error(transparent)]
    DiskLow(#[from] DiskLow),
    #[error(transparent)]
    Peer(PeerFault),
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Feeds to follow at this peer: the peer's own, those of others it may relay, and our own while we are behind what
    /// others hold of it. Both must be in the feed's group.
    pub fn wanted_from(&self, peer: &MemberId) -> Vec<Wanted> {
        let recovering = matches!(self.fence_state(), FenceState::Behind { .. });
        let may_read = |member: &MemberId, feed: &Feed| self.state.roster.may_read(member, feed.id());
        let both = |feed: &&Feed| may_read(peer, feed) && may_read(&self.state.identity.member, feed);
        let readable = self.state.feeds.values().filter(both);
        readable
            .filter(|feed| feed.equivocation.is_none())
            .filter(|feed| recovering || !self.state.identity.is_own(feed.id()))
            .map(|feed| Wanted { feed: feed.id().clone(), from: feed.next_wanted(), silent: feed.silent })
            .collect()
    }

    /// Verifies a batch and commits it with its checkpoint and audit record. What is held already is acknowledged again.
    pub fn accept_batch(
        &mut self,
        from: &MemberId,
        batch: UnverifiedBatch,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Accepted, AcceptFault> {
        if let Some(low) = self.disk_very_low() {
            return Err(low.into());
        }
        let id = batch.feed.clone();
        let own = self.state.identity.is_own(&id);
        let Some(feed) = self.state.feeds.get(&id) else { return Err(AcceptFault::UnknownFeed) };
        if feed.equivocation.is_some() {
            return Err(AcceptFault::Quarantined);
        }
        let count = u64::try_from(batch.entries.len()).unwrap_or(u64::MAX);
        let sent = batch.first_index..EntryIndex(batch.first_index.0.saturating_add(count));
        let held = feed.size();
        let evidence = evidence_of(&batch);
        let filled = self.fill(&id, &batch, now, rng)?;
        // Two peers may send the same entries: the second sender only wants to know that we have them.
        let news = sent.end.0 > held.0;
        if news {
            if own && !matches!(self.fence_state(), FenceState::Behind { .. }) {
                return Err(AcceptFault::OwnFeed);
            }
            let note = batch.checkpoint_note.clone();
            if let Err(fault) = self.take_in(from, batch.beyond(held), now, rng)? {
                if matches!(fault, PeerFault::Checkpoint(_)) && self.state.is_former(from, &id, &note) {
                    return Err(AcceptFault::FormerKey);
                }
                return Err(self.refuse(from, &id, fault, evidence, now, rng)?);
            }
        } else {
            self.hear_note(from, &id, &batch.checkpoint_note, now, rng)?;
        }
        match self.missing(&id, sent, now) {
            Missing::Nothing => {
                let held = self.state.feeds.get(&id).map(Feed::size).unwrap_or_default();
                Ok(Accepted { held, cosignature: self.cosignature(&id, now).filter(|_| news || filled > 0) })
            }
            Missing::Earlier => Err(AcceptFault::Incomplete),
            Missing::Withheld(index) => {
                let fault = PeerFault::ContentWithheld { index };
                Err(self.refuse(from, &id, fault, evidence, now, rng)?)
            }
        }
    }

    /// Verifies entries that are new and commits them, or says which rule they broke.
    fn take_in(
        &mut self,
        from: &MemberId,
        batch: UnverifiedBatch,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Result<(), PeerFault>, AcceptFault> {
        let id = batch.feed.clone();
        let Some(feed) = self.state.feeds.get(&id) else { return Err(AcceptFault::UnknownFeed) };
        let (roster, note) = (&self.state.roster, &batch.checkpoint_note);
        // What we get back of our own feed we may have signed under a former key.
        let verifier = if self.state.identity.is_own(&id) && self.may_have_forgotten() {
            verify_by_any_key(roster, &id, note).map(|(_, verifier)| verifier)
        } else {
            verifier_for(roster, &id, note)
        };
        let verified =
            verifier.map_err(PeerFault::from).and_then(|verifier| batch.verify(&feed.cursor, &verifier, now));
        let verified = match verified {
            Ok(verified) => verified,
            Err(fault) => return Ok(Err(fault)),
        };
        let range = verified.range();
        let origin = feed.origin.clone();
        let (entries, _, cursor_after) = verified.into_parts();
        let checkpoint = cursor_after.checkpoint.as_ref().map(|checkpoint| checkpoint.note_text());
        let mut commit = Commit::default();
        commit.push(change::Kind::Appended(Appended {
            origin,
            first_index: range.start().0,
            entries: entries.iter().map(|verified| stored(&verified.entry)).collect(),
            checkpoint: checkpoint.unwrap_or_default(),
            time_ms: now.unix_ms(),
        }));
        let received = AuditEvent::BatchReceived { from: from.clone(), feed: id.clone(), range };
        self.commit(commit, &Actor::Peer(from.clone()), vec![received], now, rng)?;
        if self.state.identity.is_own(&id) && self.fence_state() == FenceState::Open {
            let recovered = AuditEvent::NodeRecovered { feed: id, size: range.end() };
            self.record(&Actor::Node, vec![recovered], now, rng)?;
        }
        Ok(Ok(()))
    }
}

/// Digest over what a peer sent, so that what is shown later as evidence can be recognised.
fn evidence_of(batch: &UnverifiedBatch) -> Sha256Digest {
    let mut digest = Sha256::new();
    digest.update(&batch.checkpoint_note);
    for entry in &batch.entries {
        digest.update(&entry.leaf);
        digest.update(&entry.blob);
        digest.update(&entry.salt);
    }
    Sha256Digest(digest.finalize().into())
}
