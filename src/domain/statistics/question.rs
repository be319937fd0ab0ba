//! What a release answers: which counts, over which days, at which price.

use std::fmt;
use std::str::FromStr;

use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::period::Period;

/// Characters of a release id.
pub const RELEASE_ID_CHARACTERS: usize = 64;

/// What ids of the schedule begin with, before a dash.
pub const SCHEDULED: [&str; 2] = ["daily", "weekly"];

/// The stable id of a release: the same id always has the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId(String);

/// Text that is no release id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a release id has 1 to {RELEASE_ID_CHARACTERS} lower-case letters, digits, '.' and '-', e.g. week-2026-47")]
pub struct ReleaseIdError;

impl ReleaseId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// No id stands before it.
    pub fn first() -> Self {
        Self("-".to_owned())
    }

    /// Whether the schedule alone gives it out: with another question it would keep the schedule from its own.
    pub fn is_scheduled(&self) -> bool {
        SCHEDULED.iter().any(|cadence| self.0.strip_prefix(cadence).is_some_and(|rest| rest.starts_with('-')))
    }
}

impl FromStr for ReleaseId {
    type Err = ReleaseIdError;

    fn from_str(id: &str) -> Result<Self, ReleaseIdError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.' || byte == b'-';
        let accepted = !id.is_empty() && id.len() <= RELEASE_ID_CHARACTERS && id.bytes().all(plain);
        accepted.then(|| Self(id.to_owned())).ok_or(ReleaseIdError)
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A histogram over fixed, public categories ([`crate::domain::statistics::cells`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// Indicators this member published in the period, by kind of identifier.
    PublishedIndicatorsByKind,
    /// The same, by technique of fraud.
    PublishedIndicatorsByTypology,
    /// Orders that matched, were stopped or were very unusual, by what was decided.
    OrdersByDecision,
    /// Cases whose outcome became known in the period, by it.
    CasesByOutcome,
    /// What others' sightings, read in the period, say of own indicators, by kind and outcome.
    SightingsByKind,
}

/// Text that is no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such question; they are {}", Query::ALL.map(Query::name).join(", "))]
pub struct QueryError;

impl Query {
    pub const ALL: [Self; 5] = [
        Self::PublishedIndicatorsByKind,
        Self::PublishedIndicatorsByTypology,
        Self::OrdersByDecision,
        Self::CasesByOutcome,
        Self::SightingsByKind,
    ];

    /// Stable name, as published.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublishedIndicatorsByKind => "published-indicators-by-kind",
            Self::PublishedIndicatorsByTypology => "published-indicators-by-typology",
            Self::OrdersByDecision => "orders-by-decision",
            Self::CasesByOutcome => "cases-by-outcome",
            Self::SightingsByKind => "sightings-by-kind",
        }
    }

    /// Whom the noise hides.
    pub const fn unit(self) -> Unit {
        match self {
            Self::PublishedIndicatorsByKind | Self::PublishedIndicatorsByTypology | Self::SightingsByKind => {
                Unit::CaseOrIdentifier
            }
            Self::OrdersByDecision | Self::CasesByOutcome => Unit::CustomerOrOrder,
        }
    }

    /// Number of the query as it is stored.
    pub(in crate::domain::statistics) const fn number(self) -> u8 {
        match self {
            Self::PublishedIndicatorsByKind => 1,
            Self::PublishedIndicatorsByTypology => 2,
            Self::OrdersByDecision => 3,
            Self::CasesByOutcome => 4,
            Self::SightingsByKind => 5,
        }
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(name: &str) -> Result<Self, QueryError> {
        Self::ALL.into_iter().find(|query| query.name() == name).ok_or(QueryError)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The unit of privacy: all that one of these adds in one quarter is what a budget hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// What was published under one reference, or one identifier published without any.
    CaseOrIdentifier,
    /// All orders of one customer, or one order whose caller named no customer.
    CustomerOrOrder,
}

impl Unit {
    /// Stable name, as published.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CaseOrIdentifier => "case-or-identifier",
            Self::CustomerOrOrder => "customer-or-order",
        }
    }

    /// In words, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::CaseOrIdentifier => "one case, or one identifier published without a case, in one quarter",
            Self::CustomerOrOrder => "one customer, or one order without a customer, in one quarter",
        }
    }
}

/// What is asked under one release id. The same id with another question is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    pub query: Query,
    pub period: Period,
    /// The privacy loss asked for; what is charged may be a billionth more.
    pub asked: Epsilon,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_id_is_short_and_plain() {
        let check = |id: &str, accepted: bool| assert_eq!(id.parse::<ReleaseId>().is_ok(), accepted, "{id:?}");
        check("week-2026-47", true);
        check(&"a".repeat(64), true);
        check(&"a".repeat(65), false);
        check("", false);
        check("Week", false);
        check("a b", false);
        check("a\n", false);
    }

    #[test]
    fn no_id_stands_before_the_first() {
        let least = (0..=127).filter_map(|byte| char::from(byte).to_string().parse::<ReleaseId>().ok()).min();
        assert_eq!(least, Some(ReleaseId::first()));
    }

    #[test]
    fn ids_of_the_schedule_are_told_by_their_beginning() {
        let check = |id: &str, scheduled: bool| {
            assert_eq!(id.parse::<ReleaseId>().expect("valid").is_scheduled(), scheduled, "{id}");
        };
        check("weekly-2026-11-16-orders-by-decision", true);
        check("daily-", true);
        check("weekly", false);
        check("week-2026-47", false);
        check("my-daily-1", false);
    }

    #[test]
    fn a_question_is_found_by_its_name_alone() {
        for query in Query::ALL {
            assert_eq!(query.name().parse(), Ok(query));
            assert!(Query::ALL.iter().filter(|other| other.number() == query.number()).count() == 1);
        }
        assert_eq!("Orders-by-decision".parse::<Query>(), Err(QueryError));
        assert!(QueryError.to_string().ends_with("cases-by-outcome, sightings-by-kind"));
    }
}
