//! What an order turned out to be, whoever finds it out: what feedback to those who reported is made of.

use std::fmt;

use crate::base::time::Timestamp;
use crate::domain::case::{CaseId, Evidence};

/// What the order was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Fraud, confirmed.
    Fraud,
    /// Genuine: stopping it was a false positive.
    Genuine,
}

impl Outcome {
    pub const ALL: [Self; 2] = [Self::Fraud, Self::Genuine];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Fraud => "fraud",
            Self::Genuine => "genuine",
        }
    }

    /// Its number in the journal and on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::Fraud => 1,
            Self::Genuine => 2,
        }
    }

    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.number() == number)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// The outcome of one decision with what had matched: the one value that feedback begins with. A later one about the same
/// decision replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOutcome {
    pub decision: CaseId,
    pub outcome: Outcome,
    /// When it became known here.
    pub at: Timestamp,
    /// What matched, with provenance.
    pub evidence: Vec<Evidence>,
}
