//! Taking in what peers send: verified, committed in one record, then believed. Nothing comes in any other way.

use rand::CryptoRng;

use crate::base::bytes::{Sha256Digest, TreeHash};
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::exchange::batch::UnverifiedBatch;
use crate::domain::exchange::cursor::Standing;
use crate::domain::exchange::equivocation::EquivocationProof;
use crate::domain::exchange::fault::{Blame, PeerFault};
use crate::domain::note::SignatureLine;
use crate::domain::pseudonym::suite::Suite;
use crate::node::Node;
use crate::node::commit::{Appended, Commit, Equivocated, change};
use crate::node::feeds::{verifier_at, verifier_for};
use crate::node::fence::FenceState;
use crate::node::state::stored;
use crate::node::store::{Journal, StorageFault, Views};
use sha2::{Digest, Sha256};

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
    #[error(transparent)]
    Peer(PeerFault),
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Feeds to follow at this peer, with the size to go on from: the peer's own, those of others it may relay, and our own
    /// while we are behind what others hold of it.
    pub fn wanted_from(&self, peer: &MemberId) -> Vec<(FeedId, TreeSize)> {
        let recovering = matches!(self.fence_state(), FenceState::Behind { .. });
        let readable = self.state.feeds.values().filter(|feed| self.state.roster.may_read(peer, feed.id()));
        readable
            .filter(|feed| feed.equivocation.is_none())
            .filter(|feed| recovering || !self.state.identity.is_own(feed.id()))
            .map(|feed| (feed.id().clone(), feed.size()))
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
        let id = batch.feed.clone();
        let own = self.state.identity.is_own(&id);
        let Some(feed) = self.state.feeds.get(&id) else { return Err(AcceptFault::UnknownFeed) };
        if feed.equivocation.is_some() {
            return Err(AcceptFault::Quarantined);
        }
        let count = u64::try_from(batch.entries.len()).unwrap_or(u64::MAX);
        let held = feed.size();
        if batch.first_index.0.saturating_add(count) <= held.0 {
            // Two peers sent the same entries: the second sender only wants to know that we have them.
            return Ok(Accepted { held, cosignature: None });
        }
        if own && !matches!(self.fence_state(), FenceState::Behind { .. }) {
            return Err(AcceptFault::OwnFeed);
        }
        let evidence = evidence_of(&batch);
        let minimum = self.state.roster.limits().minimum_suite;
        let minimum = Suite::try_from(u32::from(minimum)).unwrap_or(Suite::KeyedHash);
        let verified = verifier_for(&self.state.roster, &id, &batch.checkpoint_note)
            .map_err(PeerFault::from)
            .and_then(|verifier| batch.verify(&feed.cursor, &verifier, minimum, now));
        let verified = match verified {
            Ok(verified) => verified,
            Err(fault) => return Err(self.refuse(from, &id, fault, evidence, now, rng)?),
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
        if own && self.fence_state() == FenceState::Open {
            let recovered = AuditEvent::NodeRecovered { feed: id.clone(), size: range.end() };
            self.record(&Actor::Node, vec![recovered], now, rng)?;
        }
        Ok(Accepted { held: range.end(), cosignature: self.cosignature(&id, now) })
    }

    /// Our signature as a witness on the newest checkpoint of a feed we hold completely. The caller makes the entries durable
    /// before it sends the line.
    fn cosignature(&self, id: &FeedId, now: Timestamp) -> Option<(TreeSize, String)> {
        let feed = self.state.feeds.get(id).filter(|feed| !self.state.identity.is_own(feed.id()))?;
        let checkpoint = feed.cursor.checkpoint.as_ref().filter(|checkpoint| checkpoint.size() == feed.size())?;
        Some((checkpoint.size(), checkpoint.cosign(&self.state.identity.witness, now).to_string()))
    }

    /// A newer checkpoint without entries: the author is alive, or has more for us.
    pub fn accept_heartbeat(
        &mut self,
        from: &MemberId,
        id: &FeedId,
        note: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), AcceptFault> {
        let Some(feed) = self.state.feeds.get(id) else { return Err(AcceptFault::UnknownFeed) };
        let heard = verifier_for(&self.state.roster, id, note.as_bytes())
            .map_err(PeerFault::from)
            .and_then(|verifier| feed.cursor.hear(note.as_bytes(), &verifier));
        match heard {
            Ok((cursor, standing)) => {
                let Some(feed) = self.state.feeds.get_mut(id) else { return Err(AcceptFault::UnknownFeed) };
                if let Standing::Ahead { entries } = standing {
                    feed.told = feed.told.max(TreeSize(feed.size().0.saturating_add(entries)));
                } else {
                    // A checkpoint ahead of the entries is kept only with the entries it covers.
                    feed.cursor = cursor;
                }
                feed.silent = false;
                Ok(())
            }
            Err(fault) => {
                let evidence = Sha256Digest(Sha256::digest(note.as_bytes()).into());
                Err(self.refuse(from, id, fault, evidence, now, rng)?)
            }
        }
    }

    /// A peer, as a witness, cosigned a checkpoint of ours. A line that does not verify is dropped: it claims nothing of us.
    pub fn accept_cosignature(&mut self, from: &MemberId, id: &FeedId, size: TreeSize, line: &str) {
        let witness = self.state.roster.member(from).map(|member| member.witness_key.name().to_owned());
        let Some(line) = SignatureLine::parse(line).filter(|line| Some(line.name()) == witness.as_deref()) else {
            return;
        };
        let Ok(verifier) = verifier_at(&self.state.roster, id, size) else { return };
        let Some(feed) = self.state.feeds.get_mut(id) else { return };
        if let Some(checkpoint) = feed.cursor.checkpoint.as_ref().filter(|checkpoint| checkpoint.size() == size)
            && let Ok(cosigned) = checkpoint.clone().with_cosignature(line, &verifier)
        {
            feed.cursor.checkpoint = Some(cosigned);
        }
    }

    /// What a peer holds of every feed, our own among them: the fence hears of it, and each head is checked against ours.
    pub fn learn_heads(
        &mut self,
        from: &MemberId,
        heads: Vec<(String, String)>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), AcceptFault> {
        let mut own = Vec::new();
        let mut faults = Ok(());
        for (origin, note) in heads {
            let Ok(id) = FeedId::from_origin(&self.state.identity.consortium, &origin) else { continue };
            if !self.state.identity.is_own(&id) {
                match self.accept_heartbeat(from, &id, &note, now, rng) {
                    Ok(()) | Err(AcceptFault::UnknownFeed | AcceptFault::Quarantined) => {}
                    Err(fault) => faults = Err(fault),
                }
                continue;
            }
            let Some(feed) = self.state.feeds.get(&id) else { continue };
            let verified =
                verifier_for(&self.state.roster, &id, note.as_bytes()).map_err(PeerFault::from).and_then(|verifier| {
                    let heard = crate::domain::feed::checkpoint::SignedCheckpoint::verify(note.as_bytes(), &verifier)?;
                    let ours = feed.cursor.checkpoint.as_ref();
                    let fork = ours.and_then(|ours| EquivocationProof::between(ours, &heard));
                    Ok((heard.size(), fork))
                });
            match verified {
                Ok((size, None)) => own.push((id, size)),
                Ok((_, Some(proof))) => self.commit_equivocation(&id, &proof, now, rng)?,
                // A head that we never signed tells nothing of us, and much of the peer.
                Err(fault) => {
                    let evidence = Sha256Digest(Sha256::digest(note.as_bytes()).into());
                    faults = Err(self.refuse(from, &id, fault, evidence, now, rng)?);
                }
            }
        }
        let fenced = matches!(self.fence_state(), FenceState::Behind { .. });
        self.state.fence.answer(from.clone(), &own);
        if !fenced && let FenceState::Behind { .. } = self.fence_state() {
            let event = AuditEvent::NodeFenced { reason: "behind_peers" };
            self.record(&Actor::Node, vec![event], now, rng)?;
        }
        faults
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
        let Some(feed) = self.state.feeds.get(&id) else { return Err(AcceptFault::UnknownFeed) };
        if feed.equivocation.is_some() {
            return Ok(());
        }
        let verifier = verifier_for(&self.state.roster, &id, proof.second.as_bytes());
        let proved = verifier.is_ok_and(|verifier| proof.verify(&verifier).is_ok());
        if proved { Ok(self.commit_equivocation(&id, proof, now, rng)?) } else { Ok(()) }
    }

    /// Proofs of equivocation this node holds, to be told to every peer.
    pub fn equivocations(&self) -> Vec<Equivocated> {
        self.state.feeds.values().filter_map(|feed| feed.equivocation.clone()).collect()
    }

    fn commit_equivocation(
        &mut self,
        id: &FeedId,
        proof: &EquivocationProof,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let size = |note: &str| {
            let note = crate::domain::note::SignedNote::parse(note.as_bytes()).ok()?;
            Some(crate::domain::feed::checkpoint::Checkpoint::parse(note.text()).ok()?.size)
        };
        let events = vec![
            AuditEvent::EquivocationProved {
                feed: id.clone(),
                first_size: size(&proof.first).unwrap_or_default(),
                second_size: size(&proof.second).unwrap_or_default(),
            },
            AuditEvent::QuarantineRaised { member: id.member.clone(), reason: "equivocation" },
        ];
        let mut commit = Commit::default();
        commit.push(change::Kind::Equivocated(Equivocated {
            origin: id.origin(&self.state.identity.consortium),
            first: proof.first.clone(),
            second: proof.second.clone(),
            consistency: proof.consistency.iter().map(|hash| hash.0.to_vec()).collect(),
        }));
        self.commit(commit, &Actor::Node, events, now, rng)
    }

    /// Keeps the evidence of a fault. Equivocation of an author has consequences at once.
    fn refuse(
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
        let event = AuditEvent::PeerFault {
            peer: blamed,
            feed: Some(id.clone()),
            rule: fault.rule(),
            evidence_sha256: Some(evidence),
        };
        self.record(&Actor::Peer(from.clone()), vec![event], now, rng)?;
        Ok(AcceptFault::Peer(fault))
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

/// The proof a peer sent, as the core checks it. None where a hash has another length.
pub fn equivocation_of(first: String, second: String, consistency: &[Vec<u8>]) -> Option<EquivocationProof> {
    let hashes = consistency.iter().map(|hash| TreeHash::try_from(hash.as_slice()));
    let consistency = hashes.collect::<Result<_, _>>().ok()?;
    Some(EquivocationProof { first, second, consistency })
}
