//! What the member sets for its cases.

use std::str::FromStr;

use crate::base::time::Timestamp;

/// What becomes of a held order nobody decided on in time. A block, and a challenge nobody passed, end refused whatever this
/// says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldOutcome {
    /// The safe one: otherwise a fraudster only has to wait for the weekend to pass.
    Refuse,
    Release,
}

/// Neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order is refused or released in the end: \"refuse\" or \"release\"")]
pub struct NoHoldOutcome;

impl FromStr for HoldOutcome {
    type Err = NoHoldOutcome;

    fn from_str(text: &str) -> Result<Self, NoHoldOutcome> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "release" => Ok(Self::Release),
            _ => Err(NoHoldOutcome),
        }
    }
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseRules {
    /// Hours until the timer ends a case.
    pub hold_hours: u64,
    pub hold_outcome: HoldOutcome,
    /// Days a released or refused case is kept; the audit log tells of it longer.
    pub retention_days: u32,
}

impl CaseRules {
    /// When the timer ends a case that is opened, or reopened, now.
    pub fn due(&self, now: Timestamp) -> Timestamp {
        now.plus_s(self.hold_hours.saturating_mul(3_600))
    }
}

impl Default for CaseRules {
    fn default() -> Self {
        Self { hold_hours: 24, hold_outcome: HoldOutcome::Refuse, retention_days: 90 }
    }
}
