//! What is counted of policies: which rules fire, and what a candidate would decide otherwise.

use crate::domain::screening::decision::Decision;
use crate::domain::screening::policy::rule::Heard;
use crate::io::metrics::families::{Sample, labelled};
use crate::io::metrics::page::Metrics;
use crate::io::policies::Policies;

/// Of a node that screens.
pub(super) fn policies(metrics: &Metrics, read: fn(&Policies) -> Vec<Sample>) -> Vec<Sample> {
    metrics.policies.as_deref().map(read).unwrap_or_default()
}

/// As many rows as the policy has rules, three times: a policy has a limit.
pub(super) fn rule_hits(policies: &Policies) -> Vec<Sample> {
    let live = policies.live();
    let rules = live.policy.rules().iter().enumerate();
    let rows = rules.flat_map(|(place, rule)| {
        Heard::ALL.map(|heard| labelled(&[rule.name.as_str(), heard.label()], live.hits(place, heard)))
    });
    rows.collect()
}

pub(super) fn candidate(policies: &Policies) -> Vec<Sample> {
    let Some(candidate) = policies.candidate() else { return Vec::new() };
    let pairs = Decision::ALL.into_iter().flat_map(|decided| Decision::ALL.map(|would| (decided, would)));
    let rows =
        pairs.map(|(decided, would)| labelled(&[decided.label(), would.label()], candidate.counted(decided, would)));
    rows.collect()
}
