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
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::screening::answer::{Match, MatchedIndicator, RefusedIdentifier, Screening, effective_confidence};
use crate::domain::screening::decision::Advice;
use crate::domain::screening::demands::Demands;
use crate::domain::screening::freshness::Freshness;
use crate::domain::screening::late::order::Traced;
use crate::domain::screening::matching::{Hit, Known, Looked, look_up};
use crate::domain::screening::own_lists::OwnLists;
use crate::domain::screening::policy::{BuiltInPolicy, Finding, Voice};
use crate::domain::screening::transaction::Transaction;

/// Everything an answer depends on beside the transaction.
#[derive(Debug, Clone, Copy)]
pub struct ScreeningContext<'a> {
    pub keys: &'a KeyRing,
    pub belief: &'a Belief,
    pub canon: &'a CanonRules,
    pub guard: &'a GuardLists,
    pub lists: &'a OwnLists,
    pub freshness: &'a Freshness,
    pub policy: &'a BuiltInPolicy,
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
    let Looked { known, refused, .. } = look_up(transaction.identifiers(), context, view);
    conclude(known, refused, context)
}

/// [`screen`], with the traces by which the answer can be judged again once belief has changed.
pub fn screen_traced(transaction: &Transaction, context: &ScreeningContext<'_>) -> (Screening, Traced) {
    let Looked { known, refused, forms, probes } =
        look_up(transaction.identifiers(), context, &mut context.belief.view());
    (conclude(known, refused, context), Traced { forms, probes })
}

/// From what is known of each identifier to the answer; what was screened at the checkout and what is judged again later
/// both come here.
pub(super) fn conclude(
    known: Vec<Known>,
    refused: Vec<RefusedIdentifier>,
    context: &ScreeningContext<'_>,
) -> Screening {
    let findings: Vec<Finding> = known.iter().map(finding).collect();
    let (decision, reasons) = context.policy.decide(&findings);
    let forces = |outcome: &[SandboxOutcome]| {
        known.iter().any(|known| known.sandbox.is_some_and(|sandbox| outcome.contains(&sandbox)))
    };
    Screening {
        decision,
        advice: Advice::of(decision, reasons.first().map(|reason| reason.code)),
        reasons,
        degraded: context.freshness.is_degraded() || forces(&[SandboxOutcome::Degraded, SandboxOutcome::Stale]),
        overload: forces(&[SandboxOutcome::Overload]),
        matches: known.into_iter().filter_map(matched).collect(),
        refused,
        freshness: context.freshness.peers().clone(),
        policy_sha256: context.policy.digest(),
    }
}

fn finding(known: &Known) -> Finding {
    // What is held back is shown and has no voice.
    let voices = known.hits.iter().filter(|hit| !hit.statement.braked).map(|hit| Voice {
        member: hit.member,
        weak: hit.weak,
        provisional: hit.statement.provisional,
        stale: hit.stale,
    });
    Finding {
        identifier: known.identifier,
        kind: known.kind,
        sandbox: known.sandbox,
        own_listing: known.own_listing,
        voices: voices.collect(),
    }
}

/// What counts before what is held back, strong before weak, full before provisional, fresh before stale, confident before doubtful; then by position.
fn strongest_first(hits: &mut [Hit]) {
    hits.sort_by(|left, right| {
        let rank = |hit: &Hit| {
            let doubt = Reverse(hit.details.confidence);
            (hit.statement.braked, hit.weak, hit.statement.provisional, hit.stale, doubt)
        };
        let position = |hit: &Hit| (hit.feed.clone(), hit.statement.index, hit.statement.commitment);
        rank(left).cmp(&rank(right)).then_with(|| position(left).cmp(&position(right)))
    });
}

fn matched(known: Known) -> Option<Match> {
    let mut hits = known.hits;
    strongest_first(&mut hits);
    let kind = hits.first()?.statement.kind;
    let mut best: BTreeMap<MemberNumber, u32> = BTreeMap::new();
    let counting = || hits.iter().filter(|hit| !hit.statement.braked);
    for hit in counting() {
        let percent = hit.details.confidence.percent();
        best.entry(hit.member).and_modify(|held| *held = percent.max(*held)).or_insert(percent);
    }
    Some(Match {
        identifier: known.identifier,
        kind,
        members: best.len(),
        own: counting().filter(|hit| hit.own).count(),
        confidence: effective_confidence(best.into_values()),
        weak: counting().all(|hit| hit.weak),
        indicators: hits.into_iter().take(INDICATORS_PER_MATCH).map(indicator).collect(),
    })
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
    }
}

#[cfg(test)]
mod tests;
