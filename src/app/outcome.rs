//! How a command ends: what the process says and the exit code it leaves.

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Some records were refused and reported, the others were accepted.
    Partial,
}

/// Why a command ended early, what to do about it, and the exit code.
#[derive(Debug)]
pub struct CliError {
    /// What went wrong, lower case, without personal data. Empty: say nothing, the exit code is enough.
    pub message: String,
    /// What the user can do, often a command to type.
    pub hint: Option<String>,
    pub code: u8,
}

impl CliError {
    pub const FAILED: u8 = 1;
    pub const USAGE: u8 = 2;
    pub const PARTIAL: u8 = 3;
    pub const UNAVAILABLE: u8 = 4;
    pub const NOT_VERIFIED: u8 = 5;

    pub fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: Self::FAILED }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: Self::USAGE }
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: Self::UNAVAILABLE }
    }

    pub fn not_verified(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: Self::NOT_VERIFIED }
    }

    /// The reader of standard output went away: end without a word.
    pub fn pipe_closed() -> Self {
        Self::failed("")
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
