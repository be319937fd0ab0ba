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
        tokio::time::sleep(Duration::from_millis(limits::decisions::POLICY_RETRY_MS)).await;
    }
    let (mut seen_file, mut seen_candidate) = (None, None);
    let mut every = tokio::time::interval(Duration::from_millis(limits::decisions::POLICY_POLL_MS));
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

/// What a file looked like at the last look, and whether it was read then.
#[derive(Debug, Clone)]
struct Seen {
    stamp: Stamp,
    read: bool,
}

/// Looks at a file; none where it was read as it is. It is read once it stays the same from one look to the next: the first half
/// of a policy that is being saved may be one, too.
fn look(
    file: &Path,
    guards: &Sha256Digest,
    before: Option<&Seen>,
) -> Option<(Seen, Option<Result<Policy, PolicyFileError>>)> {
    let now = stamp(file);
    let settled = before.filter(|before| before.stamp == now);
    if settled.is_some_and(|before| before.read) {
        return None;
    }
    let policy = settled.map(|_| policy_file::text(file).and_then(|text| policy_file::parse(file, text, guards)));
    let read = policy.is_some() && stamp(file) == now;
    Some((Seen { stamp: now, read }, policy.filter(|_| read)))
}

struct Follower {
    guards: Sha256Digest,
    screener: Arc<Screener>,
    engine: LiveEngine,
}

impl Follower {
    /// The policy in a file that changed; none where it did not, or is faulty.
    async fn changed(
        &self,
        file: &Path,
        seen: &mut Option<Seen>,
        is_in_force: impl Fn(&str) -> bool,
    ) -> Option<Policy> {
        let (file, guards, before) = (file.to_owned(), self.guards, seen.clone());
        let look = move || look(&file, &guards, before.as_ref());
        let (now, policy) = tokio::task::spawn_blocking(look).await.ok()??;
        *seen = Some(now);
        match policy? {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once_it_stays_the_same_and_again_when_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("policy.toml");
        let save = |rules: usize| {
            let rules =
                (0..rules).map(|nth| format!("[[rule]]\nname = \"r{nth}\"\nwhen = \"true\"\ndecision = \"hold\"\n"));
            let text = format!("name = \"own\"\nversion = 1\n{}", rules.collect::<String>());
            std::fs::write(&file, text).expect("written");
        };
        let mut seen = None;
        // Rules in what was read; none where nothing was.
        let mut look = || {
            let (now, policy) = look(&file, &Sha256Digest([0; 32]), seen.as_ref())?;
            seen = Some(now);
            policy.map(|policy| policy.map(|policy| policy.rules().len()).ok())
        };
        save(1);
        assert_eq!((look(), look(), look()), (None, Some(Some(1)), None));
        // Half of it, then all of it.
        save(2);
        assert_eq!(look(), None);
        save(3);
        assert_eq!((look(), look(), look()), (None, Some(Some(3)), None));
        std::fs::remove_file(&file).expect("there");
        assert_eq!((look(), look(), look()), (None, Some(None), None), "its absence is told once");
    }
}
