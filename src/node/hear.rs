//! What peers tell of heads, without entries: signs of life, and what they hold of our own feeds.
//!
//! Every head is held against the tree we have, the older ones too: that is how two members who were shown different
//! histories of one feed find out.

use rand::CryptoRng;
use sha2::{Digest, Sha256};

use crate::base::bytes::Sha256Digest;
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::exchange::cursor::Standing;
use crate::domain::exchange::equivocation::EquivocationProof;
use crate::domain::exchange::fault::PeerFault;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::verifier::FeedVerifier;
use crate::node::Node;
use crate::node::accept::AcceptFault;
use crate::node::feeds::{Feed, is_named, verifier_for, verify_by_any_key};
use crate::node::fence::FenceState;
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::witness::is_audit;

impl<J: Journal, V: Views> Node<J, V> {
    /// A checkpoint without entries: the author is alive, has more for us, waits for cosignatures, or has told somebody else
    /// another story. Our cosignature for the author, with the size it covers, where it lacks it.
    pub fn accept_heartbeat(
        &mut self,
        from: &MemberId,
        id: &FeedId,
        note: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<(TreeSize, String)>, AcceptFault> {
        if is_audit(id) {
            return self.hear_shown_audit_head(from, id, note, now, rng).map(|()| None);
        }
        self.hear_note(from, id, note.as_bytes(), now, rng)
    }

    /// The same for the note of a batch whose entries are held already: what it signs may still be another history.
    pub(in crate::node) fn hear_note(
        &mut self,
        from: &MemberId,
        id: &FeedId,
        note: &[u8],
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<(TreeSize, String)>, AcceptFault> {
        let Some(feed) = self.state.feeds.get(id) else { return Err(AcceptFault::UnknownFeed) };
        if feed.equivocation.is_some() {
            return Err(AcceptFault::Quarantined);
        }
        let heard = match self.verify_head(id, note) {
            Ok((heard, _)) if self.state.identity.is_own(id) => {
                self.hear_own(id, &heard, now, rng)?;
                return Ok(None);
            }
            Ok((heard, verifier)) => self.hear_head(from, id, heard, &verifier, now),
            Err(_) if self.state.is_former(from, id, note) => return Ok(None),
            Err(fault) => Err(fault),
        };
        match heard {
            Ok(cosignature) => Ok(cosignature),
            Err(fault) => Err(self.refuse(from, id, fault, digest(note), now, rng)?),
        }
    }

    fn verify_head(&self, id: &FeedId, note: &[u8]) -> Result<(SignedCheckpoint, FeedVerifier), PeerFault> {
        // What a former key of ours signed, at whatever size, we may have signed; nobody else need believe it.
        if self.state.identity.is_own(id) {
            return Ok(verify_by_any_key(&self.state.roster, id, note)?);
        }
        let verifier = verifier_for(&self.state.roster, id, note)?;
        Ok((SignedCheckpoint::verify(note, &verifier)?, verifier))
    }

    fn hear_head(
        &mut self,
        from: &MemberId,
        id: &FeedId,
        heard: SignedCheckpoint,
        verifier: &FeedVerifier,
        now: Timestamp,
    ) -> Result<Option<(TreeSize, String)>, PeerFault> {
        let Some(feed) = self.state.feeds.get(id) else { return Ok(None) };
        if let Some(proof) = self.contradiction(feed, &heard) {
            return Err(PeerFault::Equivocation(Box::new(proof)));
        }
        let size = heard.size();
        let heard = heard.without_times_ahead(now, verifier)?;
        let (cursor, standing) = feed.cursor.take(heard.clone(), verifier)?;
        let cosignature = self.hear_quorum(from, id, &heard, now);
        let freshness_limit_s = self.state.roster.limits().freshness_limit_s;
        let Some(feed) = self.state.feeds.get_mut(id) else { return Ok(None) };
        match standing {
            // A checkpoint ahead of the entries is kept only with the entries it covers.
            Standing::Ahead { .. } => feed.told = feed.told.max(size),
            Standing::Current => feed.cursor = cursor,
            Standing::Behind => {}
        }
        if feed.signed_at(now).is_some_and(|signed_at| now.ms_since(signed_at) <= freshness_limit_s * 1000) {
            feed.silent = false;
        }
        Ok(cosignature)
    }

    /// Proof that our tree of a feed does not begin with the tree of an older head, where we hold all of our tree.
    fn contradiction(&self, feed: &Feed, heard: &SignedCheckpoint) -> Option<EquivocationProof> {
        let ours = feed.cursor.checkpoint.as_ref().filter(|ours| ours.size() == feed.size())?;
        if heard.size() > ours.size() {
            return None;
        }
        self.hashes(feed, |source| EquivocationProof::in_tree(heard, ours, source))
    }

    /// A head of our own feed, signed by a key we have or had: the fence hears of it, or we have signed two histories
    /// ourselves.
    fn hear_own(
        &mut self,
        id: &FeedId,
        heard: &SignedCheckpoint,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let Some(feed) = self.state.feeds.get(id).filter(|feed| feed.equivocation.is_none()) else { return Ok(()) };
        if let Some(proof) = self.contradiction(feed, heard) {
            return self.commit_equivocation(id, &proof, now, rng);
        }
        if !is_named(&self.state.roster, id, heard) && !self.may_have_forgotten() {
            return Ok(());
        }
        self.take_cosignatures(id, heard, now);
        let fenced = matches!(self.fence_state(), FenceState::Behind { .. });
        self.state.fence.hear(id, heard.size());
        if !fenced && let FenceState::Behind { .. } = self.fence_state() {
            let event = AuditEvent::NodeFenced { reason: "behind_peers" };
            self.record(&Actor::Node, vec![event], now, rng)?;
        }
        Ok(())
    }

    /// What a peer holds of every feed, our own among them: each head is checked against ours, and then the fence counts
    /// the peer as heard. A peer whose word on our own feeds we cannot read is not: under a roster we have yet to follow it may
    /// be our signature.
    pub fn learn_heads(
        &mut self,
        from: &MemberId,
        heads: Vec<(String, String)>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), AcceptFault> {
        let mut faults = Ok(());
        let mut is_heard = true;
        for (origin, note) in heads {
            let Ok(id) = FeedId::from_origin(&self.state.identity.consortium, &origin) else { continue };
            match self.accept_heartbeat(from, &id, &note, now, rng) {
                Ok(_) | Err(AcceptFault::UnknownFeed | AcceptFault::Quarantined) => {}
                // What it says of our own feeds may be lost with it: then the peer has not been heard.
                Err(fault @ AcceptFault::Storage(_)) => return Err(fault),
                Err(fault) => {
                    is_heard &= !self.state.identity.is_own(&id);
                    faults = Err(fault);
                }
            }
        }
        if is_heard {
            self.state.fence.answer(from.clone());
        }
        faults
    }
}

fn digest(note: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::digest(note).into())
}
