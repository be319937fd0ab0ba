//! One rule of a policy, checked.

use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::indicator::words::vocabulary;
use crate::domain::screening::decision::{Decision, in_words};
use crate::domain::screening::policy::language::Condition;
use crate::domain::screening::policy::needs::Needs;
use crate::domain::screening::policy::word::Word;

vocabulary!(
    /// Whether a rule has a say.
    Mode, "mode", "live, shadow, off",
    {
        /// It decides.
        Live = 1 "live",
        /// It is evaluated and told, and decides nothing.
        Shadow = 2 "shadow",
        /// It is not evaluated.
        Off = 3 "off",
    }
);

#[derive(Debug, Clone)]
pub struct Rule {
    pub name: Word,
    pub description: Description,
    /// As it is written.
    pub when: String,
    pub condition: Condition,
    /// Asked of every match by itself, instead of once of the transaction.
    pub each_match: bool,
    pub decision: Decision,
    pub reason: Word,
    /// The key of the text for the customer; the one that goes with the decision where none.
    pub advice: Option<Word>,
    pub mode: Mode,
    /// Until then it is told as if it were in shadow.
    pub snoozed_until: Option<Timestamp>,
    /// What it says is never the only ground for ending the relationship with a customer.
    pub not_sole_basis: bool,
    pub needs: Needs,
    /// Steps it takes at most.
    pub steps: u64,
    /// Line of its name in the file.
    pub line: usize,
}

/// How a rule that fired is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heard {
    Live,
    Shadow,
    Snoozed,
}

impl Heard {
    pub const ALL: [Self; 3] = [Self::Live, Self::Shadow, Self::Snoozed];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Shadow => "shadow",
            Self::Snoozed => "snoozed",
        }
    }
}

impl Rule {
    /// None where it is off.
    pub fn heard(&self, now: Timestamp) -> Option<Heard> {
        match self.mode {
            Mode::Live if self.snoozed_until.is_some_and(|until| now < until) => Some(Heard::Snoozed),
            Mode::Live => Some(Heard::Live),
            Mode::Shadow => Some(Heard::Shadow),
            Mode::Off => None,
        }
    }
}

/// What staff reads, with `{flags}`, `{members}` and `{kind}` for what is known of the match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(pub String);

impl Description {
    pub fn of_transaction(&self) -> String {
        self.0.clone()
    }

    pub fn of_match(&self, members: usize, kind: IdentifierKind) -> String {
        let flags = if members == 1 { "1 member flags".to_owned() } else { format!("{members} members flag") };
        self.0.replace("{flags}", &flags).replace("{members}", &members.to_string()).replace("{kind}", in_words(kind))
    }

    /// Placeholders it has, whatever stands in them.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.split('{').skip(1).map(|rest| rest.split_once('}').map_or(rest, |(name, _)| name))
    }
}
