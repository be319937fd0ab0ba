//! What a release answers: which counts, over which days, at which price.

use std::fmt;
use std::str::FromStr;

use crate::base::kind::IdentifierKind;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::period::Period;

/// Characters of a release id.
pub const RELEASE_ID_CHARACTERS: usize = 64;

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

/// A histogram over fixed, public categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Query {
    /// Indicators this member published in the period, by kind of identifier.
    PublishedIndicatorsByKind,
}

impl Query {
    pub const ALL: [Self; 1] = [Self::PublishedIndicatorsByKind];

    /// Stable name, as published.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublishedIndicatorsByKind => "published-indicators-by-kind",
        }
    }

    /// Labels of the cells in their public order. They do not depend on the data: an empty cell is noised like any other.
    pub fn categories(self) -> Vec<&'static str> {
        match self {
            Self::PublishedIndicatorsByKind => IdentifierKind::ALL.map(IdentifierKind::label).to_vec(),
        }
    }

    /// Number of the query as it is stored.
    pub(in crate::domain::statistics) const fn number(self) -> u8 {
        match self {
            Self::PublishedIndicatorsByKind => 1,
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
}
