//! One statement as a publisher hands it in, and the rules it must keep before it is sealed.
//!
//! The identifier itself is not here: it goes another way and never meets the words said about it in clear.

use crate::base::limits::CLOCK_AHEAD_S;
use crate::base::time::Timestamp;
use crate::domain::indicator::details::Details;
use crate::domain::indicator::note::{Note, NoteError};
use crate::domain::indicator::typology::{TypologyError, TypologyList};
use crate::domain::indicator::validity::Validity;
use crate::domain::indicator::words::{Confidence, Grounds, Handling, Purpose, Severity};

const DAY_S: u64 = 86_400;

/// What roster and node demand of every publication.
#[derive(Debug)]
pub struct PublishingRules<'a> {
    /// Longest validity, and farthest end, in days.
    pub max_validity_days: u32,
    pub minimum_grounds: Grounds,
    pub typologies: &'a TypologyList,
}

/// One statement, unchecked. What is left out gets a default where one is harmless.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub typology: String,
    pub severity: Option<Severity>,
    /// 0 to 100.
    pub confidence: u32,
    pub grounds: Option<Grounds>,
    /// Amber where not given.
    pub handling: Option<Handling>,
    /// Now where not given.
    pub observed_at: Option<Timestamp>,
    /// Now where not given.
    pub valid_from: Option<Timestamp>,
    /// The longest validity where not given.
    pub valid_until: Option<Timestamp>,
    pub note: String,
}

/// A draft was refused: which field broke which rule, never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct IndicatorError {
    pub field: &'static str,
    pub rule: IndicatorRule,
}

/// The rules of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndicatorRule {
    #[error("must be given")]
    Missing,
    #[error(transparent)]
    Typology(TypologyError),
    #[error("at most 100, got {got}")]
    ConfidenceRange { got: u32 },
    #[error("the roster asks for {minimum} at least, got {got}")]
    GroundsTooWeak { minimum: Grounds, got: Grounds },
    #[error("lies more than {CLOCK_AHEAD_S} seconds in the future")]
    FromTheFuture,
    #[error("must come after the beginning of the validity")]
    EmptyValidity,
    #[error("the validity is over already")]
    Expired,
    #[error("the roster allows {limit_days} days at most")]
    ValidityTooLong { limit_days: u32 },
    #[error(
        "TLP:RED is for named recipients only, and a feed goes to every member of its group; publish up to TLP:AMBER+STRICT"
    )]
    HandlingTooNarrow,
    #[error(transparent)]
    Note(NoteError),
}

impl IndicatorRule {
    /// Stable name for reports and clients.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Typology(TypologyError::Unknown) => "unknown_typology",
            Self::Typology(
                TypologyError::Malformed
                | TypologyError::Line { .. }
                | TypologyError::Repeated { .. }
                | TypologyError::Empty,
            ) => "malformed_typology",
            Self::ConfidenceRange { .. } => "confidence_range",
            Self::GroundsTooWeak { .. } => "grounds_too_weak",
            Self::FromTheFuture => "from_the_future",
            Self::EmptyValidity => "empty_validity",
            Self::Expired => "expired",
            Self::ValidityTooLong { .. } => "validity_too_long",
            Self::HandlingTooNarrow => "handling_too_narrow",
            Self::Note(NoteError::Length { .. }) => "note_too_long",
            Self::Note(NoteError::Control) => "note_not_printable",
            Self::Note(NoteError::HoldsIdentifier { .. }) => "note_holds_identifier",
        }
    }
}

fn broken(field: &'static str, rule: IndicatorRule) -> IndicatorError {
    IndicatorError { field, rule }
}

impl Draft {
    /// Applies defaults and every rule; the first broken one is told.
    pub fn check(&self, rules: &PublishingRules<'_>, now: Timestamp) -> Result<Details, IndicatorError> {
        let typology = rules
            .typologies
            .typology(&self.typology)
            .map_err(|error| broken("typology", IndicatorRule::Typology(error)))?;
        let severity = self.severity.ok_or(broken("severity", IndicatorRule::Missing))?;
        let confidence = Confidence::new(self.confidence)
            .ok_or(broken("confidence", IndicatorRule::ConfidenceRange { got: self.confidence }))?;
        let grounds = self.grounds.ok_or(broken("grounds", IndicatorRule::Missing))?;
        if grounds < rules.minimum_grounds {
            let rule = IndicatorRule::GroundsTooWeak { minimum: rules.minimum_grounds, got: grounds };
            return Err(broken("grounds", rule));
        }
        let observed_at = self.observed_at.unwrap_or(now);
        if observed_at > now.plus_s(CLOCK_AHEAD_S) {
            return Err(broken("observed_at", IndicatorRule::FromTheFuture));
        }
        let handling = self.handling.unwrap_or(Handling::Amber);
        // Its details open to every member that meets the identifier: there is no narrower circle to send it to.
        if handling == Handling::Red {
            return Err(broken("handling", IndicatorRule::HandlingTooNarrow));
        }
        let note = Note::new(&self.note).map_err(|error| broken("note", IndicatorRule::Note(error)))?;
        Ok(Details {
            typology,
            severity,
            confidence,
            grounds,
            purpose: Purpose::FraudScreening,
            handling,
            validity: self.validity(rules.max_validity_days, now)?,
            observed_at: Timestamp::from_unix_s(observed_at.unix_s()),
            note,
        })
    }

    fn validity(&self, max_validity_days: u32, now: Timestamp) -> Result<Validity, IndicatorError> {
        let longest_s = u64::from(max_validity_days) * DAY_S;
        let from_s = self.valid_from.unwrap_or(now).unix_s();
        let until_s = self.valid_until.map_or(from_s.saturating_add(longest_s), Timestamp::unix_s);
        let too_long = IndicatorRule::ValidityTooLong { limit_days: max_validity_days };
        let validity =
            Validity::new(from_s, until_s).map_err(|_| broken("valid_until", IndicatorRule::EmptyValidity))?;
        if until_s <= now.unix_s() {
            return Err(broken("valid_until", IndicatorRule::Expired));
        }
        // The end is capped from now as well: a late beginning must not stretch how long a statement can count.
        if validity.length_s() > longest_s || until_s - now.unix_s() > longest_s {
            return Err(broken("valid_until", too_long));
        }
        Ok(validity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_795_000_000;

    fn draft() -> Draft {
        Draft {
            typology: "F1012".into(),
            severity: Some(Severity::Medium),
            confidence: 80,
            grounds: Some(Grounds::OwnConfirmed),
            ..Draft::default()
        }
    }

    fn check(draft: &Draft) -> Result<Details, IndicatorError> {
        let typologies = TypologyList::built_in();
        let rules =
            PublishingRules { max_validity_days: 90, minimum_grounds: Grounds::OwnConfirmed, typologies: &typologies };
        draft.check(&rules, Timestamp::from_unix_ms(NOW_S * 1000 + 999))
    }

    fn refused(change: impl FnOnce(&mut Draft), field: &str, rule: &str) {
        let mut draft = draft();
        change(&mut draft);
        let error = check(&draft).expect_err("a rule is broken");
        assert_eq!((error.field, error.rule.name()), (field, rule));
    }

    fn at(offset_s: i64) -> Option<Timestamp> {
        NOW_S.checked_add_signed(offset_s).map(Timestamp::from_unix_s)
    }

    #[test]
    fn defaults_are_now_the_longest_validity_and_amber() {
        let details = check(&draft()).expect("keeps every rule");
        assert_eq!((details.validity.from_s(), details.validity.until_s()), (NOW_S, NOW_S + 90 * DAY_S));
        assert_eq!(details.observed_at, Timestamp::from_unix_s(NOW_S));
        assert_eq!(details.handling, Handling::Amber);
        assert_eq!(details.purpose, Purpose::FraudScreening);
    }

    #[test]
    fn every_handling_that_a_group_can_keep_is_published() {
        for handling in Handling::ALL.iter().copied().filter(|handling| *handling != Handling::Red) {
            let kept = check(&Draft { handling: Some(handling), ..draft() }).expect("keeps every rule");
            assert_eq!(kept.handling, handling);
        }
    }

    #[test]
    fn each_rule_refuses_by_name() {
        refused(|draft| draft.typology = "F9999".into(), "typology", "unknown_typology");
        refused(|draft| draft.typology.clear(), "typology", "malformed_typology");
        refused(|draft| draft.severity = None, "severity", "missing");
        refused(|draft| draft.confidence = 101, "confidence", "confidence_range");
        refused(|draft| draft.grounds = None, "grounds", "missing");
        refused(|draft| draft.grounds = Some(Grounds::CustomerReport), "grounds", "grounds_too_weak");
        refused(|draft| draft.observed_at = at(302), "observed_at", "from_the_future");
        refused(|draft| draft.valid_until = at(0), "valid_until", "empty_validity");
        refused(
            |draft| {
                draft.valid_from = at(-200);
                draft.valid_until = at(-100);
            },
            "valid_until",
            "expired",
        );
        refused(|draft| draft.valid_until = at(90 * 86_400 + 1), "valid_until", "validity_too_long");
        refused(
            |draft| {
                draft.valid_from = at(80 * 86_400);
                draft.valid_until = at(100 * 86_400);
            },
            "valid_until",
            "validity_too_long",
        );
        refused(|draft| draft.valid_from = at(-91 * 86_400), "valid_until", "expired");
        refused(|draft| draft.handling = Some(Handling::Red), "handling", "handling_too_narrow");
        refused(|draft| draft.note = "x".repeat(141), "note", "note_too_long");
        refused(|draft| draft.note = "mail mallory@example.org".into(), "note", "note_holds_identifier");
    }
}
