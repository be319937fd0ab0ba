//! Questions and categories as people call them.

use std::sync::LazyLock;

use crate::domain::indicator::typology::{Typology, TypologyList};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::decision::in_words;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::cells::OTHER;
use crate::domain::statistics::question::Query;

/// What a question is called.
pub const fn title(query: Query) -> &'static str {
    match query {
        Query::PublishedIndicatorsByKind => "Warnings by kind",
        Query::PublishedIndicatorsByTypology => "Warnings by technique",
        Query::OrdersByDecision => "Orders by decision",
        Query::CasesByOutcome => "Cases by outcome",
        Query::SightingsByKind => "Sightings by kind",
    }
}

/// What it counts.
pub const fn meaning(query: Query) -> &'static str {
    match query {
        Query::PublishedIndicatorsByKind => {
            "Indicators (warnings about a card, a device, an address …) that a member published, by what they are about."
        }
        Query::PublishedIndicatorsByTypology => {
            "The same indicators by technique of fraud, as MITRE's Fight Fraud Framework numbers them."
        }
        Query::OrdersByDecision => {
            "Orders that matched an indicator, were stopped or were very unusual, by what was decided. All others are in no statistic."
        }
        Query::CasesByOutcome => "Stopped orders whose outcome became known: fraud, or a genuine customer.",
        Query::SightingsByKind => {
            "What other members saw of this member's indicators: that one was right, or that a genuine customer was stopped."
        }
    }
}

/// What is counted, for an axis.
pub const fn unit(query: Query) -> &'static str {
    match query {
        Query::PublishedIndicatorsByKind | Query::PublishedIndicatorsByTypology => "indicators",
        Query::OrdersByDecision => "orders",
        Query::CasesByOutcome => "cases",
        Query::SightingsByKind => "sightings",
    }
}

/// A category as people call it; `label` is the published one.
pub fn category(query: Query, label: &str) -> String {
    let known = match query {
        Query::PublishedIndicatorsByKind => kind(label).map(str::to_owned),
        Query::PublishedIndicatorsByTypology => technique(label),
        Query::OrdersByDecision => Decision::from_label(label).map(|decision| {
            let word = match decision {
                Decision::Allow => "allowed",
                Decision::Challenge => "challenged",
                Decision::Hold => "held",
                Decision::Block => "blocked",
            };
            word.to_owned()
        }),
        Query::CasesByOutcome => match label {
            "fraud" => Some("fraud".to_owned()),
            "genuine" => Some("genuine, stopped wrongly".to_owned()),
            _ => None,
        },
        Query::SightingsByKind => label.split_once(':').and_then(|(of, outcome)| {
            let outcome = if outcome == "confirmed" { "confirmed" } else { "false alarm" };
            Some(format!("{}: {outcome}", kind(of)?))
        }),
    };
    known.unwrap_or_else(|| label.to_owned())
}

fn technique(label: &str) -> Option<String> {
    if label == OTHER {
        return Some("any other".to_owned());
    }
    static LIST: LazyLock<TypologyList> = LazyLock::new(TypologyList::built_in);
    let typology = Typology::well_formed(label).ok()?;
    let name = LIST.iter().find(|(known, _)| **known == typology).map(|(_, name)| name.to_owned())?;
    Some(format!("{name} ({label})"))
}

fn kind(label: &str) -> Option<&'static str> {
    label.parse().ok().map(in_words)
}

/// A privacy loss to the thousandth, as people compare them; a smaller one in full.
pub fn loss(epsilon: Epsilon) -> String {
    let nano = epsilon.nano();
    let text = match nano {
        0 => return "0".to_owned(),
        1..1_000_000 => epsilon.to_string(),
        _ => {
            let thousandths = nano.saturating_add(500_000) / 1_000_000;
            format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
        }
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A half-width as a whole number, rounded up; what a foreign program said may be anything.
pub fn whole(width: f64) -> u64 {
    if width.is_nan() || width <= 0.0 {
        return 0;
    }
    // Digits instead of a cast, which clippy rightly distrusts.
    format!("{:.0}", width.ceil()).parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_of_every_question_has_words_of_its_own() {
        for query in Query::ALL {
            for label in query.categories() {
                let words = category(query, &label);
                let same = words == label && !matches!(label.as_str(), "fraud");
                assert!(
                    !same || matches!(label.as_str(), "device" | "domain" | "mailbox" | "merchant" | "wallet"),
                    "{query}: {label}"
                );
            }
        }
        assert_eq!(category(Query::SightingsByKind, "pan:false-positive"), "payment card number: false alarm");
        assert_eq!(category(Query::OrdersByDecision, "else"), "else");
    }

    #[test]
    fn a_loss_is_short_and_never_shown_as_nothing() {
        let check = |nano, text: &str| assert_eq!(loss(Epsilon::from_nano(nano)), text);
        check(0, "0");
        check(1, "0.000000001");
        check(999_999, "0.000999999");
        check(100_000_001, "0.1");
        check(1_234_567_890, "1.235");
        check(2_000_000_000, "2");
    }

    #[test]
    fn a_half_width_is_whole_whatever_was_said() {
        let check = |width: f64, expected| assert_eq!(whole(width), expected, "{width}");
        check(60.1, 61);
        check(60.0, 60);
        check(0.0, 0);
        check(-1.0, 0);
        check(f64::NAN, 0);
        check(f64::INFINITY, u64::MAX);
        check(1e300, u64::MAX);
    }
}
