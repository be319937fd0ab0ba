//! Faults of peers and authors: kept as evidence, told to every peer where they prove themselves, acted on at once.

use rand::CryptoRng;

use crate::base::bytes::{Sha256Digest, TreeHash};
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::exchange::equivocation::EquivocationProof;
use crate::domain::exchange::fault::{Blame, PeerFault};
use crate::domain::feed::checkpoint::Checkpoint;
use crate::domain::note::SignedNote;
use crate::node::Node;
use crate::node::accept::AcceptFault;
use crate::node::commit::{Commit, Equivocated, change};
use crate::node::feeds::verifier_for;
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::witness::is_audit;

/// A proof against a member, with what checks it.
#[derive(Debug, Clone, PartialEq)]
pub struct Accusation {
    /// The feed it signed twice, or its audit log.
    pub feed: FeedId,
    /// Sizes of the two checkpoints.
    pub sizes: [TreeSize; 2],
    /// The keys the roster names for them.
    pub keys: Vec<String>,
    pub proof: Equivocated,
}

impl Accusation {
    /// Whether it is the member's record of itself, of which no other member's decision depends.
    pub fn is_of_audit_log(&self) -> bool {
        is_audit(&self.feed)
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// What this node holds against a member, in the order of its feeds.
    pub fn accusations(&self, member: &MemberId) -> Vec<Accusation> {
        let accusation = |proof: Equivocated| {
            let feed = FeedId::from_origin(&self.state.identity.consortium, &proof.origin).ok()?;
            let sizes = [claimed_size(&proof.first), claimed_size(&proof.second)];
            let mut keys: Vec<String> = sizes
                .iter()
                .filter_map(|size| self.state.roster.feed_key(&feed, *size).map(ToString::to_string))
                .collect();
            keys.dedup();
            Some(Accusation { feed, sizes, keys, proof })
        };
        let all = self.equivocations().into_iter().filter_map(accusation);
        all.filter(|accusation| accusation.feed.member == *member).collect()
    }

    /// Proof that some author signed two trees, from whoever brings it: checked, kept, and acted on.
    pub fn accept_equivocation(
        &mut self,
        origin: &str,
        proof: &EquivocationProof,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), AcceptFault> {
        let consortium = &self.state.identity.consortium;
        let id = FeedId::from_origin(consortium, origin).map_err(|_| AcceptFault::UnknownFeed)?;
        if is_audit(&id) && self.state.roster.member(&id.member).is_some() {
            if self.state.audits.rewritten().any(|member| *member == id.member) {
                return Ok(());
            }
        } else {
            let Some(feed) = self.state.feeds.get(&id) else { return Err(AcceptFault::UnknownFeed) };
            if feed.equivocation.is_some() {
                return Ok(());
            }
        }
        // One that only the former key signed where the next one counts is dropped: whoever has stolen that could make it.
        let proved = proof.verify(|note| verifier_for(&self.state.roster, &id, note));
        if proved.is_ok() { Ok(self.commit_equivocation(&id, proof, now, rng)?) } else { Ok(()) }
    }

    /// Proofs of equivocation this node holds.
    pub fn equivocations(&self) -> Vec<Equivocated> {
        let feeds = self.state.feeds.values().filter_map(|feed| feed.equivocation.as_ref());
        feeds.chain(self.state.audits.proofs()).cloned().collect()
    }

    /// Proofs of equivocation this node holds of feeds that a peer may read, and of audit logs, which say nothing but sizes:
    /// told to it once, whoever it is.
    pub fn equivocations_for(&self, peer: &MemberId) -> Vec<Equivocated> {
        let readable = self.state.feeds.values().filter(|feed| self.state.roster.may_read(peer, feed.id()));
        readable.filter_map(|feed| feed.equivocation.as_ref()).chain(self.state.audits.proofs()).cloned().collect()
    }

    pub(in crate::node) fn commit_equivocation(
        &mut self,
        id: &FeedId,
        proof: &EquivocationProof,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let mut events = vec![AuditEvent::EquivocationProved {
            feed: id.clone(),
            first_size: claimed_size(&proof.first),
            second_size: claimed_size(&proof.second),
        }];
        // Of its warnings a rewritten audit log says nothing.
        if !is_audit(id) {
            events.push(AuditEvent::QuarantineRaised { member: id.member.clone(), reason: "equivocation" });
        }
        let mut commit = Commit::default();
        commit.push(change::Kind::Equivocated(Equivocated {
            origin: id.origin(&self.state.identity.consortium),
            first: proof.first.clone(),
            second: proof.second.clone(),
            consistency: proof.consistency.iter().map(|hash| hash.0.to_vec()).collect(),
        }));
        self.commit(commit, &Actor::Node, events, now, rng)
    }

    /// Keeps the evidence of a fault. Equivocation of an author has consequences at once, and none for another who showed it: then
    /// what is returned says that the feed is quarantined.
    pub(in crate::node) fn refuse(
        &mut self,
        from: &MemberId,
        id: &FeedId,
        fault: PeerFault,
        evidence: Sha256Digest,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<AcceptFault, StorageFault> {
        if let PeerFault::Equivocation(proof) = &fault {
            self.commit_equivocation(id, proof, now, rng)?;
        }
        let blamed = match fault.blame() {
            Blame::Sender => from.clone(),
            Blame::Author => id.member.clone(),
        };
        // Whoever shows that an author signed another history too has done nothing wrong, and is listened to further.
        let is_witness = matches!(fault, PeerFault::Equivocation(_)) && blamed != *from;
        let event = AuditEvent::PeerFault {
            peer: blamed,
            feed: Some(id.clone()),
            rule: fault.rule(),
            evidence_sha256: Some(evidence),
        };
        self.record(&Actor::Peer(from.clone()), vec![event], now, rng)?;
        Ok(if is_witness { AcceptFault::Quarantined } else { AcceptFault::Peer(fault) })
    }
}

/// The size a note claims; nothing of it is verified here.
fn claimed_size(note: &str) -> TreeSize {
    let claimed = SignedNote::parse(note.as_bytes()).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
    claimed.map(|checkpoint| checkpoint.size).unwrap_or_default()
}

/// The proof a peer sent, as the core checks it. None where a hash has another length.
pub fn equivocation_of(first: String, second: String, consistency: &[Vec<u8>]) -> Option<EquivocationProof> {
    let hashes = consistency.iter().map(|hash| TreeHash::try_from(hash.as_slice()));
    let consistency = hashes.collect::<Result<_, _>>().ok()?;
    Some(EquivocationProof { first, second, consistency })
}
