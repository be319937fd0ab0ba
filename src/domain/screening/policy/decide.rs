//! From facts to a decision: what stands above every rule, then the rules.

use crate::base::limits::decisions::REASONS_PER_ANSWER;
use crate::base::time::Timestamp;
use crate::domain::identifier::sandbox::SandboxOutcome;
use crate::domain::screening::decision::{Decision, Reason, ReasonCode, in_words};
use crate::domain::screening::finding::Finding;
use crate::domain::screening::own_lists::{OwnList, OwnListing};
use crate::domain::screening::policy::Policy;
use crate::domain::screening::policy::eval::{holds, holds_of};
use crate::domain::screening::policy::facts::{Facts, MatchFacts};
use crate::domain::screening::policy::needs::says_nothing;
use crate::domain::screening::policy::rule::{Heard, Rule};

/// What a policy says of one transaction.
#[derive(Debug)]
pub struct Verdict {
    pub decision: Decision,
    /// Strongest first. Without any the answer is to allow.
    pub reasons: Vec<Reason>,
    /// By place in the file, each once.
    pub fired: Vec<Fired>,
}

/// A rule that fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fired {
    /// Place in the file.
    pub rule: usize,
    pub heard: Heard,
}

impl Policy {
    pub fn decide(&self, findings: &[Finding], facts: &Facts<'_>, now: Timestamp) -> Verdict {
        let mut reasons: Vec<Reason> = findings.iter().flat_map(overrides).collect();
        let mut fired = Vec::new();
        let (no_match, no_customer) = (facts.matches.is_empty(), says_nothing(facts.profile));
        for (place, rule) in self.rules().iter().enumerate() {
            if rule.needs.matches && no_match || rule.needs.customer && no_customer {
                continue;
            }
            let Some(heard) = rule.heard(now) else { continue };
            let before = reasons.len();
            let fires = if rule.each_match {
                let holding = facts.matches.iter().filter(|found| holds_of(&rule.condition, facts, found));
                let mut any = false;
                for found in holding {
                    any = true;
                    if heard == Heard::Live {
                        reasons.push(of_match(place, rule, found));
                    }
                }
                any
            } else {
                let fires = holds(&rule.condition, facts);
                if fires && heard == Heard::Live {
                    reasons.push(of_transaction(place, rule));
                }
                fires
            };
            debug_assert!(fires || reasons.len() == before);
            if fires {
                fired.push(Fired { rule: place, heard });
            }
        }
        reasons.sort_by_key(Reason::rank);
        reasons.truncate(REASONS_PER_ANSWER);
        let decision = reasons.first().map_or(Decision::Allow, |reason| reason.decision);
        Verdict { decision, reasons, fired }
    }
}

fn of_transaction(place: usize, rule: &Rule) -> Reason {
    Reason {
        code: ReasonCode::Rule { place, rule: rule.name.clone(), reason: rule.reason.clone() },
        decision: rule.decision,
        identifier: None,
        members: 0,
        since: None,
        advice: rule.advice.clone(),
        description: rule.description.of_transaction(),
        not_sole_basis: rule.not_sole_basis,
    }
}

fn of_match(place: usize, rule: &Rule, found: &MatchFacts<'_>) -> Reason {
    Reason {
        identifier: Some(found.identifier),
        members: found.speaking,
        description: rule.description.of_match(found.speaking, found.kind),
        ..of_transaction(place, rule)
    }
}

/// What decides whatever the consortium and the rules say.
fn overrides(finding: &Finding) -> impl Iterator<Item = Reason> + use<> {
    let kind = in_words(finding.kind);
    let reason = |code, decision, since, description| Reason {
        code,
        decision,
        identifier: Some(finding.identifier),
        members: 0,
        since,
        advice: None,
        description,
        not_sole_basis: true,
    };
    let sandbox = finding.sandbox.and_then(forced).map(|decision| {
        let description = format!("the {kind} is a documented test value that asks for this answer");
        reason(ReasonCode::SandboxValue, decision, None, description)
    });
    let listed = finding.own_listing.map(|OwnListing { list, since }| {
        let (code, decision) = match list {
            OwnList::Allow => (ReasonCode::OwnAllowList, Decision::Allow),
            OwnList::Block => (ReasonCode::OwnBlockList, Decision::Block),
        };
        let description = format!("the {kind} stands on your own {} list since {since}", list.label());
        reason(code, decision, Some(since), description)
    });
    sandbox.into_iter().chain(listed)
}

/// The decision a test value stands for; none where it forces something else than a decision.
fn forced(outcome: SandboxOutcome) -> Option<Decision> {
    match outcome {
        SandboxOutcome::Allow => Some(Decision::Allow),
        SandboxOutcome::Challenge => Some(Decision::Challenge),
        // A stale answer is a block-grade match that could not be trusted fully.
        SandboxOutcome::Hold | SandboxOutcome::Stale => Some(Decision::Hold),
        SandboxOutcome::Block => Some(Decision::Block),
        SandboxOutcome::Degraded | SandboxOutcome::Overload => None,
    }
}
