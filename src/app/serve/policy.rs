//! The policies of a running node: read at its start, kept in the journal, followed while it runs.
//!
//! A file that changes is taken within a second, or refused as a whole: then the policy before it stays in force, and log,
//! metrics and audit log say so. A node is never without a valid policy.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::app::config::PolicyConfig;
use crate::app::serve::material::{LiveEngine, ServeError};
use crate::base::bytes::Sha256Digest;
use crate::base::limits;
use crate::domain::screening::advice::AdviceTexts;
use crate::domain::screening::policy::Policy;
use crate::io::policies::{Candidate, File, Policies};
use crate::io::policy_file::{self, PolicyFileError, Stamp, stamp};
use crate::io::screener::Screener;

/// What the node starts with. A faulty file is no start: it was never in force, so nothing could stay so.
pub fn load(config: &PolicyConfig, guards: &Sha256Digest, texts: &AdviceTexts) -> Result<Policies, ServeError> {
    let live = policy_file::load(config.file.as_deref(), guards, texts)?;
    let candidate = config.candidate.as_deref().map(|file| policy_file::load(Some(file), guards, texts)).transpose()?;
    Ok(Policies::new(live, candidate.map(|policy| Candidate::new(policy, config.candidate_share_nano))))
}

/// Follows the files, once the store is open.
pub async fn follow(
    config: PolicyConfig,
    guards: Sha256Digest,
    advice: Arc<ArcSwap<AdviceTexts>>,
    screener: Arc<Screener>,
    engine: LiveEngine,
) {
    if !engine.opened().await {
        return;
    }
    let mut follower = Follower { guards, texts: advice.load_full(), screener, engine };
    // What was read before the store was open decides already; from here on the journal knows it.
    let live = follower.screener.policies.live();
    while !follower.keep(&live.policy).await {
        tokio::time::sleep(Duration::from_millis(limits::decisions::POLICY_RETRY_MS)).await;
    }
    let (mut seen_file, mut seen_candidate) = (None, None);
    let mut every = tokio::time::interval(Duration::from_millis(limits::decisions::POLICY_POLL_MS));
    loop {
        every.tick().await;
        let texts = advice.load_full();
        if !Arc::ptr_eq(&follower.texts, &texts) {
            // A file that named a text which was not there may do now.
            (follower.texts, seen_file, seen_candidate) = (texts, None, None);
        }
        if let Some(file) = &config.file
            && let Some(policy) = follower.changed(File::Live, file, &mut seen_file).await
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
            && let Some(policy) = follower.changed(File::Candidate, file, &mut seen_candidate).await
        {
            tracing::info!(event = "policy.candidate", policy = policy.title(), sha256 = %policy.digest());
            let candidate = Candidate::new(policy, config.candidate_share_nano);
            follower.screener.policies.replace_candidate(Some(candidate));
        }
    }
}

/// Whether this is what the file said when it was taken last.
fn is_taken(policies: &Policies, file: File, text: &str) -> bool {
    match file {
        File::Live => policies.live().policy.text() == text,
        File::Candidate => policies.candidate().is_some_and(|candidate| candidate.policy.text() == text),
    }
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
    texts: &AdviceTexts,
    before: Option<&Seen>,
) -> Option<(Seen, Option<Result<Policy, PolicyFileError>>)> {
    let now = stamp(file);
    let settled = before.filter(|before| before.stamp == now);
    if settled.is_some_and(|before| before.read) {
        return None;
    }
    let policy =
        settled.map(|_| policy_file::text(file).and_then(|text| policy_file::parse(file, text, guards, texts)));
    let read = policy.is_some() && stamp(file) == now;
    Some((Seen { stamp: now, read }, policy.filter(|_| read)))
}

struct Follower {
    guards: Sha256Digest,
    texts: Arc<AdviceTexts>,
    screener: Arc<Screener>,
    engine: LiveEngine,
}

impl Follower {
    /// The policy in a file that changed; none where it did not, or is faulty.
    async fn changed(&self, file: File, path: &Path, seen: &mut Option<Seen>) -> Option<Policy> {
        let (path, guards, texts, before) = (path.to_owned(), self.guards, Arc::clone(&self.texts), seen.clone());
        let look = move || look(&path, &guards, &texts, before.as_ref());
        let (now, policy) = tokio::task::spawn_blocking(look).await.ok()??;
        *seen = Some(now);
        let policy = policy?;
        let policies = &self.screener.policies;
        policies.looked(file, policy.is_err());
        match policy {
            Ok(policy) => (!is_taken(policies, file, policy.text())).then_some(policy),
            Err(error) => {
                self.refuse(error).await;
                None
            }
        }
    }

    async fn refuse(&self, error: PolicyFileError) {
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
    use crate::domain::screening::language::LanguageTag;
    use crate::io::advice_files;

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
        let texts = advice_files::load(&None, &LanguageTag::english()).expect("ship");
        // Rules in what was read; none where nothing was.
        let mut look = || {
            let (now, policy) = look(&file, &Sha256Digest([0; 32]), &texts, seen.as_ref())?;
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
