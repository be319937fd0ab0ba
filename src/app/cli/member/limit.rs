//! One limit of the roster, given as `KEY=VALUE` with the key as it stands in the roster's `[limits]`.

use std::str::FromStr;

use crate::domain::roster::terms::{Limits, MinimumGrounds};

/// A limit to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    MaxValidityDays(u32),
    MinimumGrounds(MinimumGrounds),
    MinimumSuite(u8),
    WitnessQuorum(u32),
    FreshnessLimitS(u64),
}

/// Not a limit; says which there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    #[error(
        "a limit is KEY=VALUE with one of max_validity_days, minimum_grounds, minimum_suite, witness_quorum, freshness_limit_s"
    )]
    Key,
    #[error("{0} takes a whole number")]
    Number(&'static str),
    #[error("minimum_grounds is one of customer-report, own-confirmed, authority")]
    Grounds,
}

impl Limit {
    /// Whether the values fit each other is checked with the whole roster.
    pub fn set(self, limits: &mut Limits) {
        match self {
            Self::MaxValidityDays(days) => limits.max_validity_days = days,
            Self::MinimumGrounds(grounds) => limits.minimum_grounds = grounds,
            Self::MinimumSuite(suite) => limits.minimum_suite = suite,
            Self::WitnessQuorum(quorum) => limits.witness_quorum = quorum,
            Self::FreshnessLimitS(seconds) => limits.freshness_limit_s = seconds,
        }
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let (key, value) = text.split_once('=').ok_or(LimitError::Key)?;
        match key {
            "max_validity_days" => number("max_validity_days", value).map(Self::MaxValidityDays),
            "minimum_grounds" => MinimumGrounds::from_label(value).map(Self::MinimumGrounds).ok_or(LimitError::Grounds),
            "minimum_suite" => number("minimum_suite", value).map(Self::MinimumSuite),
            "witness_quorum" => number("witness_quorum", value).map(Self::WitnessQuorum),
            "freshness_limit_s" => number("freshness_limit_s", value).map(Self::FreshnessLimitS),
            _ => Err(LimitError::Key),
        }
    }
}

fn number<T: FromStr>(key: &'static str, value: &str) -> Result<T, LimitError> {
    value.parse().map_err(|_| LimitError::Number(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named_as_in_the_roster() {
        let check = |text: &str, expected: Result<Limit, LimitError>| {
            assert_eq!(text.parse(), expected, "{text}");
        };
        check("max_validity_days=30", Ok(Limit::MaxValidityDays(30)));
        check("minimum_grounds=authority", Ok(Limit::MinimumGrounds(MinimumGrounds::Authority)));
        check("minimum_suite=2", Ok(Limit::MinimumSuite(2)));
        check("witness_quorum=2", Ok(Limit::WitnessQuorum(2)));
        check("freshness_limit_s=600", Ok(Limit::FreshnessLimitS(600)));
        check("witness_quorum", Err(LimitError::Key));
        check("quorum=2", Err(LimitError::Key));
        check("witness_quorum=two", Err(LimitError::Number("witness_quorum")));
        check("minimum_suite=256", Err(LimitError::Number("minimum_suite")));
        check("minimum_grounds=hearsay", Err(LimitError::Grounds));
    }

    #[test]
    fn each_limit_sets_its_own_field() {
        let mut limits = Limits::default();
        for limit in ["max_validity_days=30", "minimum_grounds=authority", "minimum_suite=2", "witness_quorum=3"] {
            limit.parse::<Limit>().expect("valid").set(&mut limits);
        }
        Limit::FreshnessLimitS(7).set(&mut limits);
        let minimum_grounds = MinimumGrounds::Authority;
        let expected = Limits {
            max_validity_days: 30,
            minimum_grounds,
            minimum_suite: 2,
            witness_quorum: 3,
            freshness_limit_s: 7,
        };
        assert_eq!(limits, expected);
    }
}
