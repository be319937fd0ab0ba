//! The policies this node decided by: each file is kept word for word, so that a decision can be explained when the file has
//! long been changed.

use rand::CryptoRng;

use crate::base::bytes::Sha256Digest;
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::screening::policy::{self, text_digest};
use crate::node::Node;
use crate::node::commit::{Commit, PolicyApplied, change};
use crate::node::policy_history::PolicyTerm;
use crate::node::state::{State, damaged};
use crate::node::store::{Journal, RecordNumber, StorageFault, Views};

/// A policy that was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPolicy {
    /// Its file, byte for byte.
    pub text: String,
    pub guard_sha256: Sha256Digest,
    pub since: Timestamp,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Keeps the policy that decides from now on, and says so in the audit log. The one in force already changes nothing.
    pub fn apply_policy(
        &mut self,
        title: &str,
        text: &str,
        guard_sha256: &Sha256Digest,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let sha256 = text_digest(text);
        let digest = policy::digest(&sha256, guard_sha256);
        if self.state.policy == Some(digest) {
            return Ok(());
        }
        let mut commit = Commit::default();
        commit.push(change::Kind::Policy(PolicyApplied {
            digest: digest.0.to_vec(),
            text: text.to_owned(),
            guard_sha256: guard_sha256.0.to_vec(),
            time_ms: now.unix_ms(),
        }));
        let event = AuditEvent::PolicyLoaded { policy: title.to_owned(), sha256 };
        self.commit(commit, &Actor::Node, vec![event], now, rng)?;
        self.sync()
    }

    /// Says in the audit log that a file could not be taken. The policy before it stays in force.
    pub fn refuse_policy(
        &mut self,
        text: &str,
        line: u64,
        faults: u64,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let event = AuditEvent::PolicyRefused { sha256: text_digest(text), line, faults };
        self.record(&Actor::Node, vec![event], now, rng)
    }

    /// The policy that decisions name with this digest.
    pub fn policy_of(&self, digest: &Sha256Digest) -> Result<Option<KeptPolicy>, StorageFault> {
        let Some(record) = self.state.policies.get(digest) else { return Ok(None) };
        let commit = Commit::from_bytes(&self.journal.read(*record)?)?;
        let kept = commit.kinds().find_map(|kind| match kind {
            change::Kind::Policy(applied) if applied.digest == digest.0 => Some(applied),
            _ => None,
        });
        let kept = kept.ok_or_else(|| damaged("policy", "its record holds another"))?;
        Ok(Some(KeptPolicy {
            text: kept.text.clone(),
            guard_sha256: Sha256Digest::try_from(kept.guard_sha256.as_slice())
                .map_err(|error| damaged("policy", error))?,
            since: Timestamp::from_unix_ms(kept.time_ms),
        }))
    }
}

impl State {
    pub(in crate::node) fn apply_policy(
        &mut self,
        number: RecordNumber,
        applied: &PolicyApplied,
    ) -> Result<(), StorageFault> {
        let digest = Sha256Digest::try_from(applied.digest.as_slice()).map_err(|error| damaged("policy", error))?;
        self.policies.insert(digest, number);
        self.policy = Some(digest);
        // Its audit record stands behind it in the same commit.
        let told_at = self.audit.size().next_index();
        let since = Timestamp::from_unix_ms(applied.time_ms);
        self.policy_terms.begin(PolicyTerm { digest, since, told_at });
        Ok(())
    }
}
