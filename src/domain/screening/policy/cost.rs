//! How much work a condition can be at most, in steps of a few nanoseconds: every loop with its longest list.

use crate::base::limits::IDENTIFIERS_PER_TRANSACTION;
use crate::base::limits::decisions::POLICY_TYPOLOGIES;
use crate::domain::screening::policy::language::{Condition, List, Number, Text};

/// Forms of one identifier: as given and derived ones.
const FORMS: u64 = 8;

pub fn of_condition(condition: &Condition) -> u64 {
    let inner = match condition {
        Condition::Always(_) | Condition::Fact(..) | Condition::Match(..) => 0,
        Condition::Not(inner) => of_condition(inner),
        Condition::And(parts) | Condition::Or(parts) => sum(parts.iter().map(of_condition)),
        Condition::If(parts) => sum(parts.iter().map(of_condition)),
        Condition::Same(parts) => sum(parts.iter().map(of_condition)),
        Condition::Numbers(_, left, right) => of_number(left).saturating_add(of_number(right)),
        Condition::Texts(_, left, right) => of_text(left) + of_text(right),
        Condition::NumberIn(number, numbers) => of_number(number).saturating_add(sum(numbers.iter().map(of_number))),
        Condition::TextIn(text, list) => of_list(list).saturating_add(of_text(text)),
        // The longest text has some hundred bytes.
        Condition::Part(_, left, right) => 10 + of_text(left) + of_text(right),
        Condition::Some(list, body) | Condition::Every(list, body) | Condition::One(list, body) => {
            of_list(list).saturating_add(longest(list).saturating_mul(of_condition(body)))
        }
        Condition::Corroborated(number) => matches().saturating_add(of_number(number)),
        Condition::Flags(text) => matches() + of_text(text),
        Condition::Over(thresholds) => count(thresholds.len()),
        Condition::ChallengePassed(number) => of_number(number),
    };
    inner.saturating_add(1)
}

fn matches() -> u64 {
    count(IDENTIFIERS_PER_TRANSACTION)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// For every match, where a rule looks at each.
pub fn of_rule(condition: &Condition, each_match: bool) -> u64 {
    of_condition(condition).saturating_mul(if each_match { matches() } else { 1 })
}

fn of_number(number: &Number) -> u64 {
    let inner = match number {
        Number::Literal(_) | Number::Fact(..) | Number::Match(..) => 0,
        Number::Size(list) => of_list(list),
        Number::Arithmetic(_, operands) => sum(operands.iter().map(of_number)),
        Number::If(parts) => {
            let (which, then, otherwise) = parts.as_ref();
            sum([of_condition(which), of_number(then), of_number(otherwise)].into_iter())
        }
    };
    inner.saturating_add(1)
}

fn of_text(_: &Text) -> u64 {
    1
}

/// Going through a list once.
fn of_list(list: &List) -> u64 {
    match list {
        List::Filter(inner, kept) => of_list(inner).saturating_add(longest(inner).saturating_mul(of_condition(kept))),
        List::Matches | List::TransactionKinds | List::MatchKinds(_) | List::MatchTypologies(_) | List::Literal(_) => {
            longest(list)
        }
    }
}

fn longest(list: &List) -> u64 {
    match list {
        List::Matches | List::TransactionKinds => matches(),
        List::MatchKinds(_) => FORMS,
        List::MatchTypologies(_) => count(POLICY_TYPOLOGIES),
        List::Literal(words) => count(words.len()),
        List::Filter(inner, _) => longest(inner),
    }
}

fn sum(steps: impl Iterator<Item = u64>) -> u64 {
    steps.fold(0, u64::saturating_add)
}
