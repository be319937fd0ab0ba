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
    DisputedIndicator,
    WeakIndicatorsTogether,
    WeakIndicator,
    FadedIndicator,
}

impl Code {
    pub const fn name(self) -> &'static str {
        match self {
            Self::CorroboratedIndicator => "corroborated_indicator",
            Self::CorroboratedCard => "corroborated_card",
            Self::CorroboratedByStaleFeed => "corroborated_by_stale_feed",
            Self::SingleIndicator => "single_indicator",
            Self::ProvisionalIndicator => "provisional_indicator",
            Self::DisputedIndicator => "disputed_indicator",
            Self::WeakIndicatorsTogether => "weak_indicators_together",
            Self::WeakIndicator => "weak_indicator",
            Self::FadedIndicator => "faded_indicator",
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
    stands_fully(voice) && !voice.stale
}

fn stands_fully(voice: &Voice) -> bool {
    is_strong(voice) && !voice.provisional && !voice.disputed
}

fn is_strong(voice: &Voice) -> bool {
    !voice.weak && !voice.faint
}

fn reasons_of(finding: &Finding, all: &[Finding]) -> Vec<Said> {
    let reason = |code, decision, members| Said { code, decision, identifier: finding.identifier, members };
    let mut reasons = Vec::new();
    let fresh = members(finding, counts_fully);
    let with_stale = members(finding, stands_fully);
    let strong = members(finding, is_strong);
    let weak = members(finding, |voice| voice.weak && !voice.faint);
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
        let unwitnessed = finding.voices.iter().any(|voice| is_strong(voice) && voice.provisional);
        let code = if unwitnessed { Code::ProvisionalIndicator } else { Code::DisputedIndicator };
        reasons.push(reason(code, Decision::Challenge, strong));
    } else if weak > 0 {
        let families: BTreeSet<IdentifierKind> =
            all.iter().filter(|other| is_only_weak(other)).map(|other| family(other.kind)).collect();
        reasons.push(if families.len() >= 2 {
            reason(Code::WeakIndicatorsTogether, Decision::Challenge, weak)
        } else {
            reason(Code::WeakIndicator, Decision::Allow, weak)
        });
    } else if !finding.voices.is_empty() {
        reasons.push(reason(Code::FadedIndicator, Decision::Allow, members(finding, |voice| voice.faint)));
    }
    reasons
}

fn is_only_weak(finding: &Finding) -> bool {
    let mut heard = finding.voices.iter().filter(|voice| !voice.faint).peekable();
    heard.peek().is_some() && heard.all(|voice| voice.weak)
}
