//! Witnessing audit logs: other members cosign the head of ours, we cosign theirs, so that no operator rewrites a log unseen.
//!
//! After C2SP tlog-witness. An author signs a new head at most every [`crate::base::limits::HEARTBEAT_S`], where the log has grown, and
//! tells it each peer together with what leads there from the head this peer cosigned last. The peer checks that the log
//! only grew, keeps the head durably and only then answers with its cosignature; it never cosigns two roots of one size, nor a
//! smaller log after a larger one. Entries never leave the author: a witness sees sizes and roots.
//!
//! What leads from one head to the next is told in the form of [`EquivocationProof::consistency`], so that a rewritten log
//! convicts itself: hashes that lead to the signed root and begin with another tree than the one signed before are proof for
//! anybody. Witnesses tell each other which heads they were shown; one that a witness does not hold itself is held against
//! the author's next head in the same way (`AuditWitness::doubts`).
//!
//! A store put back from an old copy has lost the end of its log for good: nobody else has the entries. Its peers tell it,
//! when they connect, which head they cosigned; where that is not of our log the node records it, raises an alarm and asks
//! for no further cosignatures. It goes on recording; what it exports is not witnessed any more until the roster gives the
//! member another audit key, under which a new log begins. What was witnessed under the key before is forgotten with it and
//! not held against the first head: a log that was put back could never pass, and nobody else could tell it from another. A
//! head under the key before, of an author that does not follow the new roster yet, is left unanswered ([`crate::node::former`]).

use std::collections::BTreeMap;

use rand::CryptoRng;
use sha2::{Digest, Sha256};

use crate::base::bytes::{Sha256Digest, TreeHash};
use crate::base::name::{FeedId, MemberId};
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::audit::record::Actor;
use crate::domain::exchange::equivocation::EquivocationProof;
use crate::domain::exchange::fault::PeerFault;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::proof::ProofError;
use crate::domain::roster::member::AUDIT_GROUP;
use crate::node::Node;
use crate::node::accept::AcceptFault;
use crate::node::commit::{AuditWitnessed, Commit, Cosigned, Equivocated, change};
use crate::node::feeds::{is_named, verifier_for};
use crate::node::state::{State, damaged};
use crate::node::store::{Journal, StorageFault, Views};

/// A new head of an audit log for one witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditNews {
    /// The size the witness is said to have cosigned last.
    pub old_size: TreeSize,
    /// The new head as a signed note.
    pub checkpoint: String,
    /// What leads from the old size to the new head, as in [`EquivocationProof::consistency`].
    pub growth: Vec<TreeHash>,
}

/// What a witness answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessAnswer {
    /// Our cosignature with the size it covers.
    pub cosignature: Option<(TreeSize, String)>,
    /// A head of the same log from which we want to be led to the newest one; empty where we hold none at all.
    pub lead_from: Option<String>,
}

/// Our audit log before its witnesses, and the logs of others that we witness.
#[derive(Debug)]
pub struct AuditWitness {
    /// Our head as all peers are told it at present.
    pub(in crate::node) told: Option<SignedCheckpoint>,
    pub(in crate::node) told_at: Timestamp,
    /// The newest head of ours that somebody cosigned.
    pub(in crate::node) cosigned: Option<SignedCheckpoint>,
    /// Size of the newest one that is stored.
    pub(in crate::node) stored: TreeSize,
    /// Our log is not the one a peer cosigned.
    pub(in crate::node) diverged: Option<TreeSize>,
    /// The newest head of each other log that we cosigned.
    pub(in crate::node) heads: BTreeMap<MemberId, SignedCheckpoint>,
    /// Heads that somebody else was shown, until the author has led from them to one of its next.
    pub(in crate::node) doubts: BTreeMap<MemberId, SignedCheckpoint>,
    /// Proofs that a member signed two logs.
    pub(in crate::node) equivocations: BTreeMap<MemberId, Equivocated>,
}

impl Default for AuditWitness {
    fn default() -> Self {
        Self {
            told: None,
            told_at: Timestamp::from_unix_ms(0),
            cosigned: None,
            stored: TreeSize::EMPTY,
            diverged: None,
            heads: BTreeMap::new(),
            doubts: BTreeMap::new(),
            equivocations: BTreeMap::new(),
        }
    }
}

impl AuditWitness {
    /// The newest head of our log that somebody cosigned.
    pub fn cosigned(&self) -> Option<&SignedCheckpoint> {
        self.cosigned.as_ref()
    }

    /// The size of a head that peers cosigned and our log does not have.
    pub fn diverged(&self) -> Option<TreeSize> {
        self.diverged
    }

    /// Members of whom two audit logs are proved.
    pub fn rewritten(&self) -> impl Iterator<Item = &MemberId> {
        self.equivocations.keys()
    }

    pub(in crate::node) fn proofs(&self) -> impl Iterator<Item = &Equivocated> {
        self.equivocations.values()
    }

    /// The newest heads we hold of others' logs.
    pub fn heads(&self) -> impl Iterator<Item = (&MemberId, &SignedCheckpoint)> {
        self.heads.iter()
    }

    /// The size of the newest head of our own log that is stored with its cosignatures.
    pub(in crate::node) fn stored_own(&self) -> TreeSize {
        self.stored
    }
}

/// Whether a feed id is that of an audit log.
pub(in crate::node) fn is_audit(id: &FeedId) -> bool {
    id.group.as_str() == AUDIT_GROUP
}

impl<J: Journal, V: Views> Node<J, V> {
    /// The newest head of a member's audit log that we cosigned: told it when we connect. Empty where there is none.
    pub fn audit_head_of(&self, author: &MemberId) -> String {
        self.witnessed(author).map(|head| head.note_text()).unwrap_or_default()
    }

    /// The newest head we cosigned of a log, as long as the roster names its key: under another one another log begins.
    fn witnessed(&self, author: &MemberId) -> Option<SignedCheckpoint> {
        let held = self.state.audits.heads.get(author)?;
        self.state.read_audit_head(&audit_feed_of(author), &held.note_text())
    }

    /// A new head of a member's log: checked against the one we cosigned before, kept, cosigned.
    pub fn witness_audit(
        &mut self,
        from: &MemberId,
        news: AuditNews,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<WitnessAnswer, AcceptFault> {
        let id = audit_feed_of(from);
        if self.state.audits.equivocations.contains_key(from) {
            return Err(AcceptFault::Quarantined);
        }
        let note = news.checkpoint.as_bytes();
        let verified = verifier_for(&self.state.roster, &id, note)
            .and_then(|verifier| SignedCheckpoint::verify(note, &verifier)?.without_times_ahead(now, &verifier));
        let heard = match verified {
            Ok(heard) => heard,
            Err(_) if self.state.is_former(from, &id, note) => {
                return Ok(WitnessAnswer { cosignature: None, lead_from: None });
            }
            Err(error) => return Err(self.refuse(from, &id, error.into(), digest(note), now, rng)?),
        };
        let held = self.witnessed(from);
        let held_size = held.as_ref().map(SignedCheckpoint::size).unwrap_or_default();
        let doubted = self.state.audits.doubts.get(from).filter(|doubt| doubt.size() == news.old_size).cloned();
        let is_doubted = doubted.is_some();
        let Some(before) = doubted.or(held).filter(|before| before.size() == news.old_size) else {
            if held_size == TreeSize::EMPTY && news.old_size == TreeSize::EMPTY {
                return Ok(self.cosign_audit(from, &heard, now, rng)?);
            }
            return Ok(WitnessAnswer { cosignature: None, lead_from: Some(self.audit_head_of(from)) });
        };
        match EquivocationProof::weigh(&before, &heard, &news.growth) {
            Ok(None) => {}
            Ok(Some(proof)) => {
                let fault = PeerFault::Equivocation(Box::new(proof));
                return Err(self.refuse(from, &id, fault, digest(note), now, rng)?);
            }
            Err(_) => {
                let fault = PeerFault::Consistency(ProofError::WrongRoot);
                return Err(self.refuse(from, &id, fault, digest(note), now, rng)?);
            }
        }
        if is_doubted {
            self.state.audits.doubts.remove(from);
            // It was led from what others hold; from what we hold it is led next.
            let lead_from = (held_size < heard.size()).then(|| self.audit_head_of(from));
            return Ok(WitnessAnswer { cosignature: None, lead_from });
        }
        Ok(self.cosign_audit(from, &heard, now, rng)?)
    }

    /// Keeps a head and cosigns it. The caller makes it durable before it sends the line.
    fn cosign_audit(
        &mut self,
        author: &MemberId,
        head: &SignedCheckpoint,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<WitnessAnswer, StorageFault> {
        if self.witnessed(author).is_none_or(|held| held.size() < head.size()) {
            let origin = audit_feed_of(author).origin(&self.state.identity.consortium);
            let mut commit = Commit::default();
            commit.push(change::Kind::AuditWitnessed(AuditWitnessed { origin, note: head.note_text() }));
            // No record: of every head witnessed it would make the next, in all logs, for ever.
            self.commit(commit, &Actor::Node, Vec::new(), now, rng)?;
        }
        let line = head.cosign(&self.state.identity.witness, now).to_string();
        let doubt = self.state.audits.doubts.get(author).filter(|doubt| doubt.size() < head.size());
        let lead_from = doubt.map(SignedCheckpoint::note_text);
        Ok(WitnessAnswer { cosignature: Some((head.size(), line)), lead_from })
    }

    /// A head of a log that somebody else was shown: of ours, or of one we witness.
    pub(in crate::node) fn hear_shown_audit_head(
        &mut self,
        from: &MemberId,
        id: &FeedId,
        note: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), AcceptFault> {
        if self.state.identity.is_own(id) {
            return Ok(self.hear_audit_head(from, note, now, rng).map(drop)?);
        }
        let verifier = verifier_for(&self.state.roster, id, note.as_bytes());
        let heard = verifier.and_then(|verifier| SignedCheckpoint::verify(note.as_bytes(), &verifier));
        // Whoever passes on what the author has not signed accuses nobody.
        let Ok(heard) = heard else { return Ok(()) };
        if self.state.audits.equivocations.contains_key(&id.member) {
            return Ok(());
        }
        // One of a former key is of a log that ended: between the two nothing is proved.
        let Some(held) = self.witnessed(&id.member) else { return Ok(()) };
        if let Some(proof) = EquivocationProof::between(&held, &heard) {
            return Ok(self.commit_equivocation(id, &proof, now, rng)?);
        }
        if heard.size() != held.size() && heard.size() != TreeSize::EMPTY {
            self.state.audits.doubts.insert(id.member.clone(), heard);
        }
        Ok(())
    }
}

impl AuditWitness {
    /// Our log is signed by another key from here on: before its witnesses it begins anew, whatever they held of it.
    pub(in crate::node) fn begin_anew(&mut self) {
        (self.told, self.cosigned, self.diverged) = (None, None, None);
        (self.told_at, self.stored) = (Timestamp::from_unix_ms(0), TreeSize::EMPTY);
    }

    /// A new head takes the place of the one before once as many have cosigned it.
    pub(in crate::node) fn count(&mut self) {
        let before = self.cosigned.as_ref().map_or(1, SignedCheckpoint::witness_count);
        if let Some(told) = self.told.as_ref().filter(|told| told.witness_count() >= before) {
            self.cosigned = Some(told.clone());
        }
    }

    /// And once they have had their time, by however few: somebody may have left.
    pub(in crate::node) fn settle(&mut self) {
        let newest = self.cosigned.as_ref().map(SignedCheckpoint::size).unwrap_or_default();
        if let Some(told) = self.told.as_ref().filter(|told| told.size() > newest && told.witness_count() > 0) {
            self.cosigned = Some(told.clone());
        }
    }
}

impl State {
    /// Heads that the roster in force has no key for any more are of a log that ended.
    pub(in crate::node) fn apply_audit_witnessed(&mut self, witnessed: &AuditWitnessed) -> Result<(), StorageFault> {
        let id = FeedId::from_origin(&self.identity.consortium, &witnessed.origin)
            .map_err(|error| damaged("origin", error))?;
        if let Some(head) = self.read_audit_head(&id, &witnessed.note) {
            self.audits.heads.insert(id.member, head);
        }
        Ok(())
    }

    /// A roster came into force. Where it names another audit key the log of the one before has ended: its author cannot be
    /// asked to lead on from there.
    pub(in crate::node) fn forget_ended_logs(&mut self) {
        let Self { audits, roster, .. } = self;
        let goes_on = |author: &MemberId, head: &mut SignedCheckpoint| is_named(roster, &audit_feed_of(author), head);
        audits.heads.retain(goes_on);
        audits.doubts.retain(goes_on);
    }

    pub(in crate::node) fn apply_audit_cosigned(&mut self, id: &FeedId, cosigned: &Cosigned) {
        if let Some(head) = self.read_audit_head(id, &cosigned.note) {
            self.audits.stored = self.audits.stored.max(head.size());
            if self.audits.cosigned.as_ref().is_none_or(|newest| newest.size() <= head.size()) {
                self.audits.cosigned = Some(head);
            }
        }
    }

    pub(in crate::node) fn apply_audit_equivocated(&mut self, id: FeedId, equivocated: &Equivocated) {
        self.audits.equivocations.insert(id.member, equivocated.clone());
    }

    pub(in crate::node) fn read_audit_head(&self, id: &FeedId, note: &str) -> Option<SignedCheckpoint> {
        let verifier = verifier_for(&self.roster, id, note.as_bytes()).ok()?;
        SignedCheckpoint::verify(note.as_bytes(), &verifier).ok()
    }
}

/// The audit log of a member.
pub fn audit_feed_of(member: &MemberId) -> FeedId {
    let group = AUDIT_GROUP.parse().expect("the reserved group is a valid name");
    FeedId { member: member.clone(), group }
}

fn digest(note: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::digest(note).into())
}
