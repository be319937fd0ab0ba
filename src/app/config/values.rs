//! Values of the configuration that have a form of their own.

use std::str::FromStr;

/// Which store holds the views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewsBackend {
    /// On disk; a restart finds them again.
    Sled,
    /// In memory; a restart rebuilds them from the journal.
    Memory,
}

/// Neither backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("views are kept in \"sled\" or \"memory\"")]
pub struct NoBackend;

impl FromStr for ViewsBackend {
    type Err = NoBackend;

    fn from_str(text: &str) -> Result<Self, NoBackend> {
        match text {
            "sled" => Ok(Self::Sled),
            "memory" => Ok(Self::Memory),
            _ => Err(NoBackend),
        }
    }
}

/// What becomes of an order once the attempts of its challenge are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedChallenge {
    /// A person looks at it: genuine customers mistype, too.
    Hold,
    Refuse,
}

/// Neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order whose challenge failed is held or refused: \"hold\" or \"refuse\"")]
pub struct NoFailedChallenge;

impl FromStr for FailedChallenge {
    type Err = NoFailedChallenge;

    fn from_str(text: &str) -> Result<Self, NoFailedChallenge> {
        match text {
            "hold" => Ok(Self::Hold),
            "refuse" => Ok(Self::Refuse),
            _ => Err(NoFailedChallenge),
        }
    }
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Neither format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("log lines are \"text\" or \"json\"")]
pub struct NoFormat;

impl FromStr for LogFormat {
    type Err = NoFormat;

    fn from_str(text: &str) -> Result<Self, NoFormat> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(NoFormat),
        }
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// No such level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("levels are error, warn, info, debug")]
pub struct NoLevel;

impl FromStr for LogLevel {
    type Err = NoLevel;

    fn from_str(text: &str) -> Result<Self, NoLevel> {
        [Self::Error, Self::Warn, Self::Info, Self::Debug].into_iter().find(|level| level.name() == text).ok_or(NoLevel)
    }
}
