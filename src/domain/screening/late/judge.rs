//! Judging an order again: the rules of screening over what is believed now.
//!
//! What the customer's profile said stands as it was answered with: the profile has learnt from the order since. A challenge
//! passed since counts beside those passed before.

use crate::domain::belief::view::View;
use crate::domain::screening::answer::Screening;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::late::order::Order;
use crate::domain::screening::late::window::Held;
use crate::domain::screening::matching::{Known, Sought, open_all};
use crate::domain::screening::policy::facts::{Conditions, Facts};
use crate::domain::screening::screen::{ScreeningContext, conclude};

/// What is to be told of an order that was judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It would be stopped more than the answer, or what was told last, said.
    Stricter,
    /// What was told last holds no longer: the order would be stopped less.
    Eased,
}

/// What is new where `told` was the last word and `now` is the next.
pub fn news(told: Decision, now: Decision) -> Option<News> {
    if now > told { Some(News::Stricter) } else { (now < told).then_some(News::Eased) }
}

/// What an order comes to when it is judged again.
#[derive(Debug)]
pub struct Judged {
    pub screening: Screening,
    /// Never less than the answer, which was given; and the answer where what others say adds nothing to it.
    pub decision: Decision,
}

/// Screens a held order again. `passed_s`: seconds since its customer last passed a challenge.
pub fn judge(held: &Held<'_>, passed_s: Option<u64>, context: &ScreeningContext<'_>, view: &mut View<'_>) -> Judged {
    let order = held.order();
    let challenge_passed_s = order.conditions.challenge_passed_s.into_iter().chain(passed_s).min();
    let conditions = Conditions { challenge_passed_s };
    let context = &ScreeningContext { profile: &order.profile, conditions, ..*context };
    let screening = conclude(&order.outline, known(held, context, view), Vec::new(), Vec::new, context);
    let adds = screening.decision > order.answered && screening.decision > unmatched(order, context);
    let decision = if adds { screening.decision } else { order.answered };
    Judged { screening, decision }
}

/// What the policy in force says of an order of which nobody speaks: a rule that came since the answer is no late match.
fn unmatched(order: &Order, context: &ScreeningContext<'_>) -> Decision {
    let ScreeningContext { profile, freshness, conditions, now, .. } = *context;
    let facts = Facts::new(&order.outline, &[], profile, freshness, conditions, now);
    context.policy.decide(&[], &facts, now).decision
}

fn known(held: &Held<'_>, context: &ScreeningContext<'_>, view: &mut View<'_>) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    for (of, name) in held.traces() {
        let statements = view.statements(&name.pseudonym);
        if statements.is_empty() {
            continue;
        }
        let sought = Sought { kind: name.kind, weak: of.weak, epoch_id: name.epoch_id, seal: &name.seal };
        let hits = open_all(statements, &sought, context, view);
        match known.iter_mut().find(|known| known.identifier == of.identifier) {
            Some(about) => about.hits.extend(hits),
            None => {
                known.push(Known { identifier: of.identifier, kind: of.given, sandbox: None, own_listing: None, hits })
            }
        }
    }
    known.sort_by_key(|known| known.identifier);
    known
}
