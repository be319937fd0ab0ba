//! The policies this node decided by, one after the other, and how often their rules fired.

use std::collections::BTreeMap;

use crate::base::bytes::Sha256Digest;
use crate::base::limits;
use crate::base::position::EntryIndex;
use crate::base::time::{Day, Timestamp};
use crate::domain::screening::policy::Policy;
use crate::node::Node;
use crate::node::activity::RuleHits;
use crate::node::store::{Journal, StorageFault, Views};

/// A time in which one policy was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyTerm {
    pub digest: Sha256Digest,
    pub since: Timestamp,
    /// Where the audit log tells of it, and of who brought it in.
    pub told_at: EntryIndex,
}

/// The terms in their order, the newest [`limits::POLICY_TERMS`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PolicyTerms(Vec<PolicyTerm>);

impl PolicyTerms {
    pub(in crate::node) fn begin(&mut self, term: PolicyTerm) {
        if self.0.len() >= limits::POLICY_TERMS {
            self.0.remove(0);
        }
        self.0.push(term);
    }
}

/// One of them, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastPolicy {
    pub digest: Sha256Digest,
    /// `name/version`; none where this program cannot read the file any more.
    pub title: Option<String>,
    pub since: Timestamp,
    /// None of the one in force.
    pub until: Option<Timestamp>,
    /// Who brought it in, as the audit log names callers: the node itself, which read its file.
    pub by: Option<String>,
    /// The record that tells of it.
    pub told_at: EntryIndex,
    /// Its file, byte for byte.
    pub text: String,
    pub guard_sha256: Sha256Digest,
}

/// How often one rule fired in decisions that were recorded one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiredRule {
    pub policy: String,
    pub rule: String,
    pub hits: RuleHits,
}

impl<J: Journal, V: Views> Node<J, V> {
    /// The policies that were in force, the newest first: those before `before`, or all.
    pub fn policy_history(&self, before: Option<Timestamp>, limit: usize) -> Result<Vec<PastPolicy>, StorageFault> {
        let terms = &self.state.policy_terms.0;
        let wanted = terms.iter().enumerate().rev();
        let wanted = wanted.filter(|(_, term)| before.is_none_or(|before| term.since < before)).take(limit);
        let mut past = Vec::new();
        for (nth, term) in wanted {
            let until = terms.get(nth + 1).map(|next| next.since);
            let Some(kept) = self.policy_of(&term.digest)? else { continue };
            past.push(PastPolicy {
                digest: term.digest,
                title: Policy::parse(&kept.text, &kept.guard_sha256).ok().map(|policy| policy.title()),
                since: term.since,
                until,
                by: self.actor_of(term.told_at)?,
                told_at: term.told_at,
                text: kept.text,
                guard_sha256: kept.guard_sha256,
            });
        }
        Ok(past)
    }

    /// How often each rule fired on these days, by policy and name. Only decisions that were recorded one by one: what a rule in
    /// shadow said of orders that nothing else stopped is counted since the start of the process alone.
    pub fn fired_rules(&self, from: Day, until: Day) -> Vec<FiredRule> {
        let mut fired: BTreeMap<(&str, &str), RuleHits> = BTreeMap::new();
        for (_, activity) in self.state.activity.days(from, until) {
            for ((policy, rule), hits) in &activity.rules {
                fired.entry((policy, rule)).or_default().add(hits);
            }
        }
        let row = |((policy, rule), hits): ((&str, &str), RuleHits)| FiredRule {
            policy: policy.to_owned(),
            rule: rule.to_owned(),
            hits,
        };
        fired.into_iter().map(row).collect()
    }
}
