//! What a condition needs before it can hold: rules that cannot fire on a transaction are not evaluated for it.
//!
//! A condition is read once, at load, as it would be where nothing matched or where no customer is named: what depends on
//! that is then known, everything else is open. A condition that is false all the same needs it.

use crate::domain::profile::facts::ProfileFacts;
use crate::domain::screening::policy::language::{Condition, List, Number};

/// What may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absent {
    Matches,
    Customer,
}

/// Without what a rule cannot fire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    pub matches: bool,
    pub customer: bool,
}

impl Needs {
    pub fn of(condition: &Condition, each_match: bool) -> Self {
        Self {
            matches: each_match || Absent::Matches.says(condition) == Some(false),
            customer: Absent::Customer.says(condition) == Some(false),
        }
    }
}

impl Absent {
    /// What the condition is; none where it depends on something else.
    fn says(self, condition: &Condition) -> Option<bool> {
        match condition {
            Condition::Always(value) => Some(*value),
            // Without a customer every flag of a profile is false.
            Condition::Fact(name, _) => (self == Self::Customer && name.group == "profile").then_some(false),
            Condition::Not(inner) => self.says(inner).map(|value| !value),
            Condition::And(parts) => self.all(parts, false),
            Condition::Or(parts) => self.all(parts, true),
            Condition::If(parts) => {
                let [which, then, otherwise] = parts.as_ref();
                match self.says(which) {
                    Some(true) => self.says(then),
                    Some(false) => self.says(otherwise),
                    None => self.says(then).filter(|value| self.says(otherwise) == Some(*value)),
                }
            }
            Condition::Same(parts) => {
                let [left, right] = parts.as_ref();
                Some(self.says(left)? == self.says(right)?)
            }
            Condition::Numbers(comparison, left, right) => {
                Some(comparison.holds(&self.number(left)?, &self.number(right)?))
            }
            Condition::NumberIn(number, numbers) => {
                let sought = self.number(number)?;
                let numbers: Option<Vec<i64>> = numbers.iter().map(|number| self.number(number)).collect();
                Some(numbers?.contains(&sought))
            }
            Condition::Some(list, _) | Condition::One(list, _) | Condition::TextIn(_, list) => {
                self.is_empty(list).then_some(false)
            }
            Condition::Every(list, _) => self.is_empty(list).then_some(true),
            Condition::Corroborated(_) | Condition::Flags(_) if self == Self::Matches => Some(false),
            Condition::Match(..)
            | Condition::Texts(..)
            | Condition::Part(..)
            | Condition::Corroborated(_)
            | Condition::Flags(_)
            | Condition::Over(_)
            | Condition::ChallengePassed(_) => None,
        }
    }

    /// `decisive` is what one part decides alone.
    fn all(self, parts: &[Condition], decisive: bool) -> Option<bool> {
        let said: Vec<Option<bool>> = parts.iter().map(|part| self.says(part)).collect();
        if said.contains(&Some(decisive)) {
            Some(decisive)
        } else {
            said.iter().all(Option::is_some).then_some(!decisive)
        }
    }

    fn number(self, number: &Number) -> Option<i64> {
        match number {
            Number::Literal(number) => Some(*number),
            Number::Fact(name, _) => {
                let known = match self {
                    Self::Matches => name.group.is_empty() && name.field == "members",
                    Self::Customer => name.group == "profile",
                };
                known.then_some(0)
            }
            Number::Size(list) => self.is_empty(list).then_some(0),
            Number::Arithmetic(operation, operands) => {
                let [left, right] = operands.as_ref();
                Some(operation.of(self.number(left)?, self.number(right)?))
            }
            Number::Match(..) | Number::If(_) => None,
        }
    }

    fn is_empty(self, list: &List) -> bool {
        match list {
            List::Matches => self == Self::Matches,
            List::Filter(list, _) => self.is_empty(list),
            List::Literal(words) => words.is_empty(),
            List::TransactionKinds | List::MatchKinds(_) | List::MatchTypologies(_) => false,
        }
    }
}

/// A customer that is not named leaves nothing but zeros, which is what [`Needs`] reads.
pub fn says_nothing(profile: &ProfileFacts) -> bool {
    *profile == ProfileFacts::default()
}
