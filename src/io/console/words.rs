//! Words of the node as people read them on pages: plain language, for whoever never reads a manual.

use std::borrow::Cow;

use crate::base::kind::IdentifierKind;
use crate::base::time::{Hour, Timestamp};
use crate::domain::indicator::words::{DisputeReason, RetractionReason};
use crate::domain::screening::decision::in_words;
use crate::io::console::zone::span;

/// A word with a tone of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    pub tone: &'static str,
    pub text: Cow<'static, str>,
}

impl Badge {
    pub fn new(tone: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// A value of a filter's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub text: String,
    pub chosen: bool,
}

impl Choice {
    pub fn new(value: impl Into<String>, text: impl Into<String>, chosen: bool) -> Self {
        Self { value: value.into(), text: text.into(), chosen }
    }
}

/// What an identifier is, at the beginning of a line.
pub fn kind(kind: IdentifierKind) -> String {
    let name = in_words(kind);
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// Who did it. Callers inside the member are named by person and role: the member is the reader's own.
pub fn caller(actor: &str) -> String {
    if let Some(local) = actor.strip_prefix("hushwire://") {
        let mut parts = local.split('/').skip(1);
        return match (parts.next(), parts.next()) {
            // Signing in and out, before a role is asked for.
            (Some("console"), Some(name)) => format!("{name} at the console"),
            (Some(role), Some(name)) => format!("{name} as {role}"),
            _ => actor.to_owned(),
        };
    }
    match actor {
        "node" => "the node itself".to_owned(),
        "UNKNOWN" => "somebody unknown".to_owned(),
        other => match other.strip_prefix("MACHINE/uid-") {
            Some(uid) => format!("user {uid} of the machine"),
            None => format!("member {other}"),
        },
    }
}

/// Kinds as a menu.
pub fn kinds(chosen: Option<IdentifierKind>) -> Vec<Choice> {
    let choice = |one: IdentifierKind| Choice::new(one.label(), kind(one), chosen == Some(one));
    IdentifierKind::ALL.into_iter().map(choice).collect()
}

/// Why a member holds a warning for wrong.
pub const fn dispute_reason(reason: DisputeReason) -> &'static str {
    match reason {
        DisputeReason::GenuineCustomer => "they know the customer, and the fraud was not theirs",
        DisputeReason::WrongIdentifier => "it names another identifier than the fraud's",
        DisputeReason::Recycled => "the number or address has passed to somebody else",
        DisputeReason::Resolved => "the risk is over",
        DisputeReason::Other => "another reason",
    }
}

/// Why a warning is taken back, and when to say so.
pub const fn retraction_reason(reason: RetractionReason) -> (&'static str, &'static str) {
    match reason {
        RetractionReason::FalsePositive => ("It was wrong", "the suspicion proved unfounded"),
        RetractionReason::Superseded => ("A newer one replaces it", "it was said again, with other details"),
        RetractionReason::Resolved => ("The risk is over", "the card was replaced, the account closed"),
        RetractionReason::PublishedInError => ("It should not have gone out", "published by mistake"),
        RetractionReason::Legal => ("It has to go", "a court, an authority or the person concerned demands it"),
    }
}

/// The beginning of a long name in hexadecimal, enough to tell it from others at a glance.
pub fn short(name: &str) -> String {
    if name.len() > 12 { format!("{}…", name.get(..10).unwrap_or(name)) } else { name.to_owned() }
}

/// The first moment of an hour.
pub fn start_of(hour: Hour) -> Timestamp {
    Timestamp::from_unix_s(u64::from(hour.0) * 3_600)
}

/// How far a moment is away, roughly: "in 6 days", "3 h ago".
pub fn away(at: Timestamp, now: Timestamp) -> String {
    if at > now {
        format!("in {}", span(at.ms_since(now) / 1_000))
    } else {
        format!("{} ago", span(now.ms_since(at) / 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    #[test]
    fn who_did_something_is_named_shortly() {
        let check = |name: &str, words: &str| assert_eq!(caller(name), words);
        check("hushwire://bank-a/operator/anna", "anna as operator");
        check("hushwire://bank-a/console/anna", "anna at the console");
        check("hushwire://odd", "hushwire://odd");
        check("node", "the node itself");
        check("UNKNOWN", "somebody unknown");
        check("MACHINE/uid-1000", "user 1000 of the machine");
        check("bank-b", "member bank-b");
    }

    #[test]
    fn what_lies_ahead_and_what_lies_behind_are_told_apart() {
        assert_eq!(away(NOW.plus_s(7 * 86_400), NOW), "in 7 days");
        assert_eq!(away(NOW, NOW.plus_s(7_300)), "2 h ago");
        assert_eq!(away(NOW, NOW), "0 s ago");
    }

    #[test]
    fn a_long_name_is_shortened_and_a_short_one_is_not() {
        assert_eq!(short(&"ab".repeat(32)), "ababababab…");
        assert_eq!(short("abc"), "abc");
        assert_eq!(short("ééééééé"), "ééééé…", "never within a letter");
    }

    #[test]
    fn no_two_kinds_and_no_two_reasons_are_called_the_same() {
        let mut names: Vec<String> = IdentifierKind::ALL.into_iter().map(kind).collect();
        names.extend(RetractionReason::ALL.iter().map(|reason| retraction_reason(*reason).0.to_owned()));
        names.extend(DisputeReason::ALL.iter().map(|reason| dispute_reason(*reason).to_owned()));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert_eq!(kinds(Some(IdentifierKind::Ip)).iter().filter(|choice| choice.chosen).count(), 1);
    }
}
