//! Our own audit log before its witnesses: which head they are told, what they cosigned, and what it means where they hold
//! another log than ours ([`crate::node::witness`] has the protocol).

use rand::CryptoRng;

use crate::base::bytes::TreeHash;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::exchange::equivocation::shown_growth;
use crate::domain::feed::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::domain::feed::proof::tree_root;
use crate::domain::note::SignatureLine;
use crate::node::Node;
use crate::node::commit::{Commit, Cosigned, change};
use crate::node::feeds::{verifier_at, verifier_for};
use crate::node::state::damaged;
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::witness::AuditNews;

impl<J: Journal, V: Views> Node<J, V> {
    /// A peer tells which head of our log it wants to be led from; the size where it is a head of our log.
    pub fn hear_audit_head(
        &mut self,
        from: &MemberId,
        note: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<TreeSize>, StorageFault> {
        if note.is_empty() {
            return Ok(Some(TreeSize::EMPTY));
        }
        let id = self.state.identity.audit_feed();
        let heard = verifier_for(&self.state.roster, &id, note.as_bytes())
            .and_then(|verifier| SignedCheckpoint::verify(note.as_bytes(), &verifier));
        // What we have not signed says nothing of us.
        let Ok(heard) = heard else { return Ok(None) };
        let (size, log) = (heard.size(), &self.state.audit);
        // A size we never had is another log's. A tile that cannot be read says nothing: the views are in doubt.
        let root = if size <= log.durable_size { Some(self.audit_root(size)?) } else { None };
        if root.as_ref() == Some(heard.root()) {
            self.take_audit_cosignatures(&heard, now);
            return Ok(Some(size));
        }
        if self.state.audits.diverged.is_none() {
            self.state.audits.diverged = Some(size);
            let held = log.durable_size;
            let diverged = AuditEvent::AuditLogDiverged { peer: from.clone(), witnessed: size, held };
            self.record(&Actor::Node, vec![diverged], now, rng)?;
        }
        Ok(None)
    }

    /// What to tell a peer that holds our head of this size, with the size it then holds; none where that is the newest, or
    /// our log is not the one that was cosigned.
    pub fn audit_news(&self, held: TreeSize) -> Result<Option<(TreeSize, AuditNews)>, StorageFault> {
        let audits = &self.state.audits;
        let own = &self.state.identity.member;
        let honest = audits.diverged.is_none() && !audits.equivocations.contains_key(own);
        let Some(told) = audits.told.as_ref().filter(|told| honest && told.size() > held) else { return Ok(None) };
        let growth = self
            .hashes(&self.state.audit, |source| shown_growth(source, held, told.size()))
            .ok_or_else(|| self.doubt("a tile is missing"))?;
        Ok(Some((told.size(), AuditNews { old_size: held, checkpoint: told.note_text(), growth })))
    }

    /// A peer cosigned a head of our log.
    pub(in crate::node) fn accept_audit_cosignature(&mut self, size: TreeSize, line: &SignatureLine) {
        let Ok(verifier) = verifier_at(&self.state.roster, &self.state.identity.audit_feed(), size) else { return };
        let audits = &mut self.state.audits;
        let told = audits.told.as_mut().into_iter().chain(&mut audits.cosigned);
        for head in told.filter(|head| head.size() == size) {
            if let Ok(cosigned) = head.clone().with_cosignature(line.clone(), &verifier) {
                *head = cosigned;
            }
        }
        audits.count();
    }

    fn take_audit_cosignatures(&mut self, heard: &SignedCheckpoint, now: Timestamp) {
        let id = self.state.identity.audit_feed();
        let Ok(verifier) = verifier_at(&self.state.roster, &id, heard.size()) else { return };
        let Ok(heard) = heard.clone().without_times_ahead(now, &verifier) else { return };
        let audits = &mut self.state.audits;
        for head in audits.told.as_mut().into_iter().chain(&mut audits.cosigned) {
            if let Ok(merged) = head.clone().merged_with(&heard, &verifier) {
                *head = merged;
            }
        }
        audits.count();
    }

    /// Signs a new head for the witnesses where the log has grown and the last one was given its time, and stores what they
    /// cosigned.
    pub(in crate::node) fn keep_audit_witnessed(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let audits = &mut self.state.audits;
        let age_ms = now.ms_since(audits.told_at);
        if age_ms >= limits::AUDIT_COSIGNED_AFTER_S * 1000 {
            audits.settle();
        }
        let stored = audits.cosigned.as_ref().filter(|cosigned| cosigned.size() > audits.stored);
        if let Some(cosigned) = stored.filter(|_| age_ms >= limits::AUDIT_COSIGNED_AFTER_S * 1000) {
            let (origin, size) = (self.state.audit.origin.clone(), cosigned.size().0);
            let mut commit = Commit::default();
            commit.push(change::Kind::Cosigned(Cosigned { origin, size, note: cosigned.note_text() }));
            self.commit(commit, &Actor::Node, Vec::new(), now, rng)?;
        }
        let size = self.state.audit.durable_size;
        let grown = self.state.audits.told.as_ref().map(SignedCheckpoint::size).unwrap_or_default() < size;
        if grown && age_ms >= limits::HEARTBEAT_S * 1000 {
            self.state.audits.told = self.sign_audit_head(size, now)?;
            self.state.audits.told_at = now;
        }
        Ok(())
    }

    /// None where the roster has another key for our log than we: nobody would cosign it.
    fn sign_audit_head(&self, size: TreeSize, now: Timestamp) -> Result<Option<SignedCheckpoint>, StorageFault> {
        let identity = &self.state.identity;
        let checkpoint = Checkpoint { origin: self.state.audit.origin.clone(), size, root: self.audit_root(size)? };
        let note = checkpoint
            .sign(&identity.audit, &identity.witness, now)
            .map_err(|error| damaged("audit checkpoint", error))?;
        Ok(self.state.read_audit_head(&identity.audit_feed(), &note.to_string()))
    }

    /// The root our log had at a size it has reached.
    fn audit_root(&self, size: TreeSize) -> Result<TreeHash, StorageFault> {
        let root = self.hashes(&self.state.audit, |source| tree_root(source, size));
        root.ok_or_else(|| self.doubt("a tile is missing"))
    }

    /// What others cosigned must be how our log still begins.
    pub(in crate::node) fn verify_audit(&self) -> Result<(), StorageFault> {
        let Some(cosigned) = self.state.audits.cosigned() else { return Ok(()) };
        let (log, size) = (&self.state.audit, cosigned.size());
        // Views that cannot say are no damage of the store.
        let root = |size| self.audit_root(size).ok();
        if size <= log.size() && root(size).is_none_or(|root| root == *cosigned.root()) {
            return Ok(());
        }
        Err(damaged(&log.origin, format!("the records do not have the cosigned root at {size}")))
    }
}
