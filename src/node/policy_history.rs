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

    fn place(&self, digest: &Sha256Digest) -> Option<PolicyPlace> {
        let nth = self.0.iter().rposition(|term| term.digest == *digest)?;
        let before = nth.checked_sub(1).and_then(|before| self.0.get(before));
        Some(PolicyPlace {
            term: *self.0.get(nth)?,
            until: self.0.get(nth + 1).map(|next| next.since),
            before: before.map(|term| term.digest),
        })
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

/// When a policy was in force last, and what was in force before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyPlace {
    pub term: PolicyTerm,
    /// None of the one in force.
    pub until: Option<Timestamp>,
    pub before: Option<Sha256Digest>,
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

    /// The newest time in which this policy was in force.
    pub fn policy_place(&self, digest: &Sha256Digest) -> Option<PolicyPlace> {
        self.state.policy_terms.place(digest)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_found_where_it_was_in_force_last_with_its_neighbours() {
        let mut terms = PolicyTerms::default();
        let at = |nth: u64| Timestamp::from_unix_s(1_795_000_000 + nth);
        let digest = |byte| Sha256Digest([byte; 32]);
        for (nth, byte) in [(0, 1), (1, 2), (2, 1), (3, 3)] {
            terms.begin(PolicyTerm { digest: digest(byte), since: at(nth), told_at: EntryIndex(nth) });
        }
        let place = |byte| terms.place(&digest(byte)).map(|place| (place.term.since, place.until, place.before));
        assert_eq!(place(1), Some((at(2), Some(at(3)), Some(digest(2)))), "the second time");
        assert_eq!(place(2), Some((at(1), Some(at(2)), Some(digest(1)))));
        assert_eq!(place(3), Some((at(3), None, Some(digest(1)))));
        assert_eq!(place(4), None);
        let first = PolicyTerms(vec![PolicyTerm { digest: digest(1), since: at(0), told_at: EntryIndex(0) }]);
        assert_eq!(first.place(&digest(1)).map(|place| (place.until, place.before)), Some((None, None)));
    }
}
