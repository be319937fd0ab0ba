//! The policies of a running node: read at its start, kept in the journal, followed while it runs.
//!
//! A file that changes is taken within a second, or refused as a whole: then the policy before it stays in force, and log,
//! metrics and audit log say so. A node is never without a valid policy.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::app::config::PolicyConfig;
use crate::app::serve::material::{LiveEngine, ServeError};
use crate::base::bytes::Sha256Digest;
use crate::base::limits;
use crate::domain::screening::policy::Policy;
use crate::io::policies::{Candidate, Policies};
use crate::io::policy_file::{self, PolicyFileError, Stamp, stamp};
use crate::io::screener::Screener;

/// What the node starts with. A faulty file is no start: it was never in force, so nothing could stay so.
pub fn load(config: &PolicyConfig, guards: &Sha256Digest) -> Result<Policies, ServeError> {
    let live = policy_file::load(config.file.as_deref(), guards)?;
    let candidate = config.candidate.as_deref().map(|file| policy_file::load(Some(file), guards)).transpose()?;
    Ok(Policies::new(live, candidate.map(|policy| Candidate::new(policy, config.candidate_share_nano))))
}

/// Follows the files, once the store is open.
pub async fn follow(config: PolicyConfig, guards: Sha256Digest, screener: Arc<Screener>, engine: LiveEngine) {
    if !engine.opened().await {
        return;
    }
    let follower = Follower { guards, screener, engine };
    // What was read before the store was open decides already; from here on the journal knows it.
    let live = follower.screener.policies.live();
    while !follower.keep(&live.policy).await {
        tokio::time::sleep(Duration::from_millis(limits::POLICY_RETRY_MS)).await;
    }
    let (mut seen_file, mut seen_candidate) = (None, None);
    let mut every = tokio::time::interval(Duration::from_millis(limits::POLICY_POLL_MS));
    loop {
        every.tick().await;
        if let Some(file) = &config.file
            && let Some(policy) = follower.changed(file, &mut seen_file, |text| live_is(&follower.screener, text)).await
        {
            if follower.keep(&policy).await {
                tracing::info!(event = "policy.loaded", policy = policy.title(), sha256 = %policy.digest());
                follower.screener.policies.replace(policy);
            } else {
                // Persist before it decides: tried again with the next look.
                seen_file = None;
            }
        }
        if let Some(file) = &config.candidate
            && let Some(policy) =
                follower.changed(file, &mut seen_candidate, |text| candidate_is(&follower.screener, text)).await
        {
            tracing::info!(event = "policy.candidate", policy = policy.title(), sha256 = %policy.digest());
            let candidate = Candidate::new(policy, config.candidate_share_nano);
            follower.screener.policies.replace_candidate(Some(candidate));
        }
    }
}

fn live_is(screener: &Screener, text: &str) -> bool {
    screener.policies.live().policy.text() == text
}

fn candidate_is(screener: &Screener, text: &str) -> bool {
    screener.policies.candidate().is_some_and(|candidate| candidate.policy.text() == text)
}

struct Follower {
    guards: Sha256Digest,
    screener: Arc<Screener>,
    engine: LiveEngine,
}

impl Follower {
    /// The policy in a file that is not what `seen` says any more; none where nothing changed, or it is faulty.
    async fn changed(
        &self,
        file: &Path,
        seen: &mut Option<Stamp>,
        is_in_force: impl Fn(&str) -> bool,
    ) -> Option<Policy> {
        let (file, guards, before) = (file.to_owned(), self.guards, seen.clone());
        let read = tokio::task::spawn_blocking(move || {
            let now = stamp(&file);
            if before.as_ref() == Some(&now) {
                return None;
            }
            let policy = policy_file::text(&file).and_then(|text| policy_file::parse(&file, text, &guards));
            Some((now, policy))
        });
        let (now, policy) = read.await.ok()??;
        *seen = Some(now);
        match policy {
            Ok(policy) => (!is_in_force(policy.text())).then_some(policy),
            Err(error) => {
                self.refuse(error).await;
                None
            }
        }
    }

    async fn refuse(&self, error: PolicyFileError) {
        self.screener.policies.refused.one();
        tracing::error!(event = "policy.refused", error = %error);
        let PolicyFileError::Policy { text, faults, .. } = error else { return };
        let line = faults.0.first().map_or(0, |fault| u64::try_from(fault.line).unwrap_or(u64::MAX));
        let count = u64::try_from(faults.0.len()).unwrap_or(u64::MAX);
        let told = self.engine.call(move |node, round| node.refuse_policy(&text, line, count, round.now, round.rng));
        if let Err(fault) = told.await.and_then(|told| Ok(told?)) {
            tracing::error!(event = "policy.unrecorded", fault = %fault);
        }
    }

    /// Writes a policy into the journal; false where that failed.
    async fn keep(&self, policy: &Policy) -> bool {
        let (title, text, guards) = (policy.title(), policy.text().to_owned(), self.guards);
        let kept =
            self.engine.call(move |node, round| node.apply_policy(&title, &text, &guards, round.now, round.rng)).await;
        match kept.and_then(|kept| Ok(kept?)) {
            Ok(()) => true,
            Err(fault) => {
                tracing::error!(event = "policy.unrecorded", fault = %fault);
                false
            }
        }
    }
}
