//! The policy as it was written in Rust, before it was a file: what `deploy/policy/default.toml` must go on deciding wherever
//! nothing is known of the customer. It is written from DESIGN §8 and reads none of the product's rules.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::base::kind::IdentifierKind;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::finding::{Finding, Voice, family, is_card};

/// In the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    CorroboratedIndicator,
    CorroboratedCard,
    CorroboratedByStaleFeed,
    SingleIndicator,
    ProvisionalIndicator,
    WeakIndicatorsTogether,
    WeakIndicator,
}

impl Code {
    pub const fn name(self) -> &'static str {
        match self {
            Self::CorroboratedIndicator => "corroborated_indicator",
            Self::CorroboratedCard => "corroborated_card",
            Self::CorroboratedByStaleFeed => "corroborated_by_stale_feed",
            Self::SingleIndicator => "single_indicator",
            Self::ProvisionalIndicator => "provisional_indicator",
            Self::WeakIndicatorsTogether => "weak_indicators_together",
            Self::WeakIndicator => "weak_indicator",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub code: Code,
    pub decision: Decision,
    pub identifier: usize,
    pub members: usize,
}

/// The decision and its reasons, strongest first, without own lists and test values.
pub fn decide(findings: &[Finding]) -> (Decision, Vec<Said>) {
    let mut reasons: Vec<Said> = findings.iter().flat_map(|finding| reasons_of(finding, findings)).collect();
    reasons.sort_by_key(|said| (Reverse(said.decision), said.code, said.identifier));
    (reasons.first().map_or(Decision::Allow, |said| said.decision), reasons)
}

fn members(finding: &Finding, counts: impl Fn(&Voice) -> bool) -> usize {
    let speaking = finding.voices.iter().filter(|voice| counts(voice)).map(|voice| voice.member);
    speaking.collect::<BTreeSet<_>>().len()
}

fn counts_fully(voice: &Voice) -> bool {
    !voice.weak && !voice.provisional && !voice.stale
}

fn reasons_of(finding: &Finding, all: &[Finding]) -> Vec<Said> {
    let reason = |code, decision, members| Said { code, decision, identifier: finding.identifier, members };
    let mut reasons = Vec::new();
    let fresh = members(finding, counts_fully);
    let with_stale = members(finding, |voice| !voice.weak && !voice.provisional);
    let strong = members(finding, |voice| !voice.weak);
    let weak = members(finding, |voice| voice.weak);
    if fresh >= 2 {
        let beside_card = all.iter().any(|other| !is_card(other.kind) && other.voices.iter().any(counts_fully));
        reasons.push(if is_card(finding.kind) && !beside_card {
            reason(Code::CorroboratedCard, Decision::Hold, fresh)
        } else {
            reason(Code::CorroboratedIndicator, Decision::Block, fresh)
        });
    } else if with_stale >= 2 {
        reasons.push(reason(Code::CorroboratedByStaleFeed, Decision::Hold, with_stale));
    } else if with_stale > 0 && strong < 2 {
        reasons.push(reason(Code::SingleIndicator, Decision::Challenge, strong));
    } else if strong > 0 {
        reasons.push(reason(Code::ProvisionalIndicator, Decision::Challenge, strong));
    } else if weak > 0 {
        let families: BTreeSet<IdentifierKind> =
            all.iter().filter(|other| is_only_weak(other)).map(|other| family(other.kind)).collect();
        reasons.push(if families.len() >= 2 {
            reason(Code::WeakIndicatorsTogether, Decision::Challenge, weak)
        } else {
            reason(Code::WeakIndicator, Decision::Allow, weak)
        });
    }
    reasons
}

fn is_only_weak(finding: &Finding) -> bool {
    !finding.voices.is_empty() && finding.voices.iter().all(|voice| voice.weak)
}
