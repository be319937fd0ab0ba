//! What a listing of the audit log was narrowed to, in words of ours: what somebody typed has no way into the log.

use crate::base::time::Timestamp;

/// What a listing was narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// The first word of its actions, "other" for what none begins with; none for all.
    pub actions: Option<&'static str>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// The first words of all actions.
pub const ACTIONS: [&str; 39] = [
    "audit",
    "authenticator",
    "backup",
    "call",
    "case",
    "cert",
    "checkpoint",
    "console",
    "consortium",
    "decision",
    "decoy",
    "dispute",
    "entry",
    "epoch",
    "erasure",
    "feed",
    "guard",
    "hold",
    "identifier",
    "indicator",
    "key",
    "keys",
    "keystore",
    "late_match",
    "list",
    "node",
    "peer",
    "policy",
    "profile",
    "publication",
    "quarantine",
    "roster",
    "rule",
    "screening",
    "sighting",
    "statistics",
    "store",
    "token",
    "webhook",
];

impl Asked {
    /// What somebody typed is nowhere in it: a prefix of actions becomes the word of ours that it begins with, or that alone
    /// begins with it.
    pub fn new(action_prefix: &str, from: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        let first = action_prefix.split('.').next().unwrap_or_default();
        let mut begun = ACTIONS.into_iter().filter(|word| word.starts_with(first));
        let one = begun.next().filter(|_| begun.next().is_none());
        let whole = ACTIONS.into_iter().find(|word| *word == first);
        let actions = (!action_prefix.is_empty()).then(|| whole.or(one).unwrap_or("other"));
        Self { actions, from, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_listing_was_narrowed_to_is_told_in_words_of_ours_alone() {
        let check = |prefix: &str, expected: Option<&str>| {
            assert_eq!(Asked::new(prefix, None, None).actions, expected, "{prefix:?}");
        };
        check("", None);
        check("screening.", Some("screening"));
        check("screening.decided", Some("screening"));
        check("scr", Some("screening"));
        check("s", Some("other"));
        check("anna.smith@example.org", Some("other"));
        check("screening of 4111111111111111", Some("other"));
    }

    #[test]
    fn every_action_begins_with_a_word_that_listings_tell() {
        for file in [include_str!("words.rs"), include_str!("command.rs"), include_str!("console.rs")] {
            let texts = file.split('"').skip(1).step_by(2);
            let is_word = |text: &str| text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
            for action in texts.filter(|text| text.split_once('.').is_some_and(|(a, b)| is_word(a) && is_word(b))) {
                let first = action.split('.').next().expect("the text before a dot");
                assert!(ACTIONS.contains(&first), "{action}");
            }
        }
    }
}
