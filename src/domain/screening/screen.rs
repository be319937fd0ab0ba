//! The screening itself: look up, decide, explain.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::base::limits::INDICATORS_PER_MATCH;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::belief::Belief;
use crate::domain::belief::parties::MemberNumber;
use crate::domain::belief::view::View;
use crate::domain::identifier::CanonRules;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::identifier::sandbox::SandboxOutcome;
use crate::domain::profile::facts::ProfileFacts;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::screening::answer::{
    Input, Match, MatchedIndicator, RefusedIdentifier, Screening, effective_confidence,
};
use crate::domain::screening::decision::{Advice, Decision};
use crate::domain::screening::demands::Demands;
use crate::domain::screening::experience::Experience;
use crate::domain::screening::finding::{Finding, Voice};
use crate::domain::screening::freshness::Freshness;
use crate::domain::screening::late::order::Traced;
use crate::domain::screening::matching::{Hit, Known, LookedUp, look_up};
use crate::domain::screening::own_lists::OwnLists;
use crate::domain::screening::policy::Policy;
use crate::domain::screening::policy::decide::Verdict;
use crate::domain::screening::policy::facts::{Conditions, Facts};
use crate::domain::screening::transaction::Transaction;

/// Everything an answer depends on beside the transaction.
#[derive(Debug, Clone, Copy)]
pub struct ScreeningContext<'a> {
    pub keys: &'a KeyRing,
    pub belief: &'a Belief,
    pub canon: &'a CanonRules,
    pub guard: &'a GuardLists,
    pub lists: &'a OwnLists,
    /// What own outcomes taught.
    pub experience: &'a Experience,
    pub freshness: &'a Freshness,
    pub policy: &'a Policy,
    /// A second policy that is only asked what it would have decided.
    pub candidate: Option<&'a Policy>,
    /// How the transaction stands against its customer's profile.
    pub profile: &'a ProfileFacts,
    pub conditions: Conditions,
    /// What the roster demands of every statement.
    pub demands: &'a Demands,
    /// The member that screens.
    pub own: &'a MemberId,
    /// Whether documented test values force their answers.
    pub sandbox: bool,
    pub now: Timestamp,
}

/// Screens one transaction. Never fails: malformed identifiers are reported beside the answer for the others.
pub fn screen(transaction: &Transaction, context: &ScreeningContext<'_>) -> Screening {
    screen_in(transaction, context, &mut context.belief.view())
}

/// [`screen`] in a view that a batch shares.
pub fn screen_in(transaction: &Transaction, context: &ScreeningContext<'_>, view: &mut View<'_>) -> Screening {
    let LookedUp { known, refused, traced } = look_up(transaction.identifiers(), context, view);
    conclude(transaction, known, refused, || traced.inputs(), context)
}

/// [`screen`], with the traces by which the answer can be judged again once belief has changed.
pub fn screen_traced(transaction: &Transaction, context: &ScreeningContext<'_>) -> (Screening, Traced) {
    let LookedUp { known, refused, traced } = look_up(transaction.identifiers(), context, &mut context.belief.view());
    (conclude(transaction, known, refused, || traced.inputs(), context), traced)
}

/// From what is known of each identifier to the answer; what was screened at the checkout and what is judged again later
/// both come here.
pub(super) fn conclude(
    transaction: &Transaction,
    known: Vec<Known>,
    refused: Vec<RefusedIdentifier>,
    inputs: impl FnOnce() -> Vec<Input>,
    context: &ScreeningContext<'_>,
) -> Screening {
    let findings: Vec<Finding> = known.iter().map(finding).collect();
    let facts = Facts::new(transaction, &findings, context.profile, context.freshness, context.conditions, context.now);
    let Verdict { decision, reasons, fired } = context.policy.decide(&findings, &facts, context.now);
    let candidate = context.candidate.map(|policy| policy.decide(&findings, &facts, context.now).decision);
    let is_clean = decision == Decision::Allow && known.iter().all(|known| known.hits.is_empty());
    let inputs = if is_clean { Vec::new() } else { inputs() };
    let forces = |outcome: &[SandboxOutcome]| {
        known.iter().any(|known| known.sandbox.is_some_and(|sandbox| outcome.contains(&sandbox)))
    };
    Screening {
        decision,
        advice: Advice::of(decision, reasons.first()),
        reasons,
        degraded: context.freshness.is_degraded() || forces(&[SandboxOutcome::Degraded, SandboxOutcome::Stale]),
        overload: forces(&[SandboxOutcome::Overload]),
        inputs,
        matches: known.into_iter().filter_map(matched).collect(),
        refused,
        freshness: context.freshness.peers().clone(),
        policy_sha256: context.policy.digest(),
        fired,
        candidate,
    }
}

fn finding(known: &Known) -> Finding {
    // What is held back is shown and has no voice.
    let voices = known.hits.iter().filter(|hit| !hit.statement.braked).map(|hit| Voice {
        member: hit.member,
        kind: hit.statement.kind,
        weak: hit.weak,
        provisional: hit.statement.provisional,
        stale: hit.stale,
        disputed: hit.disputed,
        faint: hit.worth.faint,
        own: hit.own,
        typology: hit.details.typology.clone(),
        severity: hit.details.severity,
        confidence: hit.worth.effective,
        first_seen: hit.statement.first_seen,
    });
    Finding {
        identifier: known.identifier,
        kind: known.kind,
        sandbox: known.sandbox,
        own_listing: known.own_listing,
        voices: voices.collect(),
    }
}

/// What counts before what is held back, of some worth before faint, strong before weak, full before provisional, fresh before
/// stale, confident before doubtful; then by position.
fn strongest_first(hits: &mut [Hit]) {
    hits.sort_by(|left, right| {
        let rank = |hit: &Hit| {
            let doubt = Reverse(hit.worth.effective);
            let (braked, faint) = (hit.statement.braked, hit.worth.faint);
            (braked, faint, hit.weak, hit.statement.provisional || hit.disputed, hit.stale, doubt)
        };
        let position = |hit: &Hit| (hit.feed.clone(), hit.statement.index, hit.statement.commitment);
        rank(left).cmp(&rank(right)).then_with(|| position(left).cmp(&position(right)))
    });
}

fn matched(known: Known) -> Option<Match> {
    let mut hits = known.hits;
    strongest_first(&mut hits);
    let kind = hits.first()?.statement.kind;
    let counting = || hits.iter().filter(|hit| !hit.statement.braked);
    let best = best_by_member(counting(), |hit| hit.worth.effective);
    let undecayed = best_by_member(counting(), |hit| hit.details.confidence.percent());
    Some(Match {
        identifier: known.identifier,
        kind,
        members: best.len(),
        own: counting().filter(|hit| hit.own).count(),
        confidence: effective_confidence(best.into_values()),
        confidence_undecayed: effective_confidence(undecayed.into_values()),
        weak: counting().all(|hit| hit.weak),
        indicators: hits.into_iter().take(INDICATORS_PER_MATCH).map(indicator).collect(),
    })
}

fn best_by_member<'a>(
    hits: impl Iterator<Item = &'a Hit>,
    percent: impl Fn(&Hit) -> u32,
) -> BTreeMap<MemberNumber, u32> {
    let mut best = BTreeMap::new();
    for hit in hits {
        let held: &mut u32 = best.entry(hit.member).or_default();
        *held = percent(hit).max(*held);
    }
    best
}

fn indicator(hit: Hit) -> MatchedIndicator {
    MatchedIndicator {
        reporter: hit.reporter,
        commitment: hit.statement.commitment,
        kind: hit.statement.kind,
        feed: hit.feed,
        index: hit.statement.index,
        details: hit.details,
        first_seen: hit.statement.first_seen,
        last_seen: hit.last_seen,
        provisional: hit.statement.provisional,
        held_back: hit.statement.braked,
        disputed: hit.disputed,
        effective_confidence: hit.worth.effective,
        age_s: hit.age_s,
        own: hit.own,
        weak: hit.weak,
        stale: hit.stale,
    }
}

#[cfg(test)]
mod tests;
