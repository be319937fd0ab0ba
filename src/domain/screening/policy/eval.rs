//! What a checked condition says of one transaction. Total: it neither fails nor allocates, except for lists that are
//! filtered.

use crate::domain::screening::policy::facts::{Facts, MatchFacts};
use crate::domain::screening::policy::language::{Arithmetic, Binding, Condition, List, Number, Part, Text};

/// What a loop stands on.
#[derive(Debug, Clone, Copy)]
pub enum Element<'f> {
    Match(&'f MatchFacts<'f>),
    Text(&'f str),
}

/// The loops around a condition, the innermost first.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'s, 'f> {
    facts: &'f Facts<'f>,
    bound: Option<&'s Bound<'s, 'f>>,
}

#[derive(Debug)]
struct Bound<'s, 'f> {
    element: Element<'f>,
    outer: Option<&'s Bound<'s, 'f>>,
}

/// Of the transaction as a whole.
pub fn holds<'f>(condition: &'f Condition, facts: &'f Facts<'f>) -> bool {
    Scope { facts, bound: None }.holds(condition)
}

/// Of one match, for rules of `each = "match"`.
pub fn holds_of<'f>(condition: &'f Condition, facts: &'f Facts<'f>, found: &'f MatchFacts<'f>) -> bool {
    let bound = Bound { element: Element::Match(found), outer: None };
    Scope { facts, bound: Some(&bound) }.holds(condition)
}

impl<'s, 'f> Scope<'s, 'f> {
    fn holds(self, condition: &'f Condition) -> bool {
        match condition {
            Condition::Always(value) => *value,
            Condition::Fact(_, read) => read(self.facts),
            Condition::Match(binding, _, read) => read(self.found(*binding)),
            Condition::Not(inner) => !self.holds(inner),
            Condition::And(parts) => parts.iter().all(|part| self.holds(part)),
            Condition::Or(parts) => parts.iter().any(|part| self.holds(part)),
            Condition::If(parts) => {
                let [which, then, otherwise] = parts.as_ref();
                self.holds(if self.holds(which) { then } else { otherwise })
            }
            Condition::Same(parts) => {
                let [left, right] = parts.as_ref();
                self.holds(left) == self.holds(right)
            }
            Condition::Numbers(comparison, left, right) => comparison.holds(&self.number(left), &self.number(right)),
            Condition::Texts(comparison, left, right) => comparison.holds(self.text(left), self.text(right)),
            Condition::NumberIn(number, numbers) => {
                let sought = self.number(number);
                numbers.iter().any(|number| self.number(number) == sought)
            }
            Condition::TextIn(text, list) => {
                let sought = self.text(text);
                self.any(list, |_, element| matches!(element, Element::Text(text) if text == sought))
            }
            Condition::Part(part, text, sought) => {
                let (text, sought) = (self.text(text), self.text(sought));
                match part {
                    Part::Start => text.starts_with(sought),
                    Part::End => text.ends_with(sought),
                    Part::Within => text.contains(sought),
                }
            }
            Condition::Some(list, body) => self.any(list, |scope, element| scope.within(element, body)),
            Condition::Every(list, body) => !self.any(list, |scope, element| !scope.within(element, body)),
            Condition::One(list, body) => {
                let mut held = 0_u32;
                // The second ends it.
                self.any(list, |scope, element| {
                    held += u32::from(scope.within(element, body));
                    held > 1
                });
                held == 1
            }
            Condition::Corroborated(members) => {
                let wanted = self.number(members);
                self.facts.matches.iter().any(|found| i64::try_from(found.members).unwrap_or(i64::MAX) >= wanted)
            }
            Condition::Flags(kind) => {
                let kind = self.text(kind);
                self.facts.matches.iter().any(|found| found.members > 0 && found.kind.label() == kind)
            }
            Condition::Over(thresholds) => {
                let (amount, currency) = self.facts.transaction.amount();
                thresholds.iter().any(|(of, threshold)| of == currency && amount > *threshold)
            }
            Condition::ChallengePassed(within_s) => self
                .facts
                .conditions
                .challenge_passed_s
                .is_some_and(|passed_s| i64::try_from(passed_s).unwrap_or(i64::MAX) <= self.number(within_s)),
        }
    }

    fn number(self, number: &'f Number) -> i64 {
        match number {
            Number::Literal(number) => *number,
            Number::Fact(_, read) => read(self.facts),
            Number::Match(binding, _, read) => read(self.found(*binding)),
            Number::Size(list) => {
                let mut size = 0_i64;
                self.any(list, |_, _| {
                    size += 1;
                    false
                });
                size
            }
            Number::Arithmetic(operation, operands) => {
                let [left, right] = operands.as_ref();
                operation.of(self.number(left), self.number(right))
            }
            Number::If(parts) => {
                let (which, then, otherwise) = parts.as_ref();
                self.number(if self.holds(which) { then } else { otherwise })
            }
        }
    }

    fn text(self, text: &'f Text) -> &'f str {
        match text {
            Text::Literal(text) => text,
            Text::Fact(_, read) => read(self.facts),
            Text::Match(binding, _, read) => read(self.found(*binding)),
            Text::Bound(binding) => match self.element(*binding) {
                Element::Text(text) => text,
                Element::Match(_) => unreachable!("the check bound this name to a text"),
            },
        }
    }

    /// Whether `sought` holds for some element, asked in order.
    fn any(self, list: &'f List, mut sought: impl FnMut(Self, Element<'f>) -> bool) -> bool {
        self.seek(list, &mut sought)
    }

    fn seek(self, list: &'f List, sought: &mut dyn FnMut(Self, Element<'f>) -> bool) -> bool {
        match list {
            List::Matches => self.facts.matches.iter().any(|found| sought(self, Element::Match(found))),
            List::TransactionKinds => {
                let identifiers = self.facts.transaction.identifiers().iter();
                identifiers.map(|raw| raw.kind().label()).any(|kind| sought(self, Element::Text(kind)))
            }
            List::MatchKinds(binding) => {
                let kinds = self.found(*binding).kinds.iter();
                kinds.map(|kind| kind.label()).any(|kind| sought(self, Element::Text(kind)))
            }
            List::MatchTypologies(binding) => {
                self.found(*binding).typologies.iter().any(|id| sought(self, Element::Text(id)))
            }
            List::Literal(words) => words.iter().any(|word| sought(self, Element::Text(word))),
            List::Filter(list, kept) => {
                self.seek(list, &mut |scope, element| scope.within(element, kept) && sought(scope, element))
            }
        }
    }

    fn within(self, element: Element<'f>, body: &'f Condition) -> bool {
        let bound = Bound { element, outer: self.bound };
        Scope { facts: self.facts, bound: Some(&bound) }.holds(body)
    }

    fn element(self, Binding(outwards): Binding) -> Element<'f> {
        let mut bound = self.bound;
        for _ in 0..outwards {
            bound = bound.and_then(|bound| bound.outer);
        }
        bound.expect("the check bound every name").element
    }

    fn found(self, binding: Binding) -> &'f MatchFacts<'f> {
        match self.element(binding) {
            Element::Match(found) => found,
            Element::Text(_) => unreachable!("the check bound this name to a match"),
        }
    }
}

impl Arithmetic {
    pub fn of(self, left: i64, right: i64) -> i64 {
        match self {
            Self::Add => left.saturating_add(right),
            Self::Subtract => left.saturating_sub(right),
            Self::Multiply => left.saturating_mul(right),
            Self::Divide => left.checked_div(right).unwrap_or(i64::MAX),
            Self::Remainder => left.checked_rem(right).unwrap_or(0),
        }
    }
}
