//! When a transaction counts as stopped: predicates over the answer the node gave.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::base::bytes::Commitment;
use crate::base::kind::IdentifierKind;
use crate::base::name::MemberId;
use crate::domain::screening::answer::{Match, Screening};
use crate::domain::screening::decision::Decision;

/// What stops a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopRule {
    /// One flag that the institution can see, of any kind.
    Any,
    /// Two own flags on one identifier, or flags of two institutions on it.
    Corroborated,
    /// The product's built-in policy decides anything but to let it pass.
    BuiltIn,
}

/// No such rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rule is any, corroborated or built-in")]
pub struct UnknownRule;

impl FromStr for StopRule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        [Self::Any, Self::Corroborated, Self::BuiltIn].into_iter().find(|rule| rule.name() == text).ok_or(UnknownRule)
    }
}

impl fmt::Display for StopRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl StopRule {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Corroborated => "corroborated",
            Self::BuiltIn => "built-in",
        }
    }

    /// Whether this answer stops the transaction at the institution `own`.
    pub fn stops(self, screening: &Screening, own: &MemberId) -> bool {
        self.stops_without(screening, own, &[])
    }

    /// The same as if the indicators with these names, all of them the institution's own, had not been published: an order
    /// that turned out to be a fraud must not be found late by the flag it led to itself.
    pub fn stops_without(self, screening: &Screening, own: &MemberId, names: &[Commitment]) -> bool {
        let mut seen = screening.matches.iter().map(|found| Flags::of(found, own, names));
        match self {
            Self::Any => seen.any(|flags| flags.institutions > 0),
            Self::Corroborated => seen.any(|flags| flags.own >= 2 || flags.institutions >= 2),
            Self::BuiltIn => {
                screening.decision != Decision::Allow && (names.is_empty() || seen.any(|flags| flags.institutions > 0))
            }
        }
    }
}

/// The flags on one identifier.
struct Flags {
    own: usize,
    institutions: usize,
}

impl Flags {
    fn of(found: &Match, own: &MemberId, without: &[Commitment]) -> Self {
        let left_out = found.indicators.iter().filter(|shown| without.contains(&shown.commitment)).count();
        let own_left = found.own.saturating_sub(left_out);
        // An identifier with several forms, such as an e-mail and its mailbox, has an indicator of each for one flag.
        let mut by_form: BTreeMap<IdentifierKind, usize> = BTreeMap::new();
        let shown = found.indicators.iter().filter(|shown| shown.reporter == *own);
        for indicator in shown.filter(|shown| !without.contains(&shown.commitment)) {
            *by_form.entry(indicator.kind).or_default() += 1;
        }
        let silenced = usize::from(found.own > 0 && own_left == 0);
        Self {
            own: by_form.into_values().max().unwrap_or_default(),
            institutions: found.members.saturating_sub(silenced),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_named_and_nothing_else_is_one() {
        for rule in [StopRule::Any, StopRule::Corroborated, StopRule::BuiltIn] {
            assert_eq!(rule.name().parse(), Ok(rule));
        }
        assert_eq!("all".parse::<StopRule>(), Err(UnknownRule));
    }
}
