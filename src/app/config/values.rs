//! Values of the configuration that have a form of their own.

use std::path::PathBuf;
use std::str::FromStr;

/// Where the keystore's passphrase comes from. The passphrase itself never stands in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassphraseSource {
    /// Ask on the terminal.
    Prompt,
    /// First line of a file, e.g. a mounted secret.
    File(PathBuf),
    /// A systemd credential: a file of this name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// An environment variable.
    Variable(String),
    /// An inherited file descriptor.
    Descriptor(i32),
}

impl PassphraseSource {
    /// For messages: what may be written.
    pub const FORMS: &'static str =
        "prompt, file:PATH, credential:NAME, env:NAME or fd:NUMBER (never the passphrase itself)";
}

/// The text names no source. The text is not kept: it may be the passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase source is {}", PassphraseSource::FORMS)]
pub struct NoSource;

impl FromStr for PassphraseSource {
    type Err = NoSource;

    fn from_str(text: &str) -> Result<Self, NoSource> {
        if text == "prompt" {
            return Ok(Self::Prompt);
        }
        let (form, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).ok_or(NoSource)?;
        match form {
            "file" => Ok(Self::File(rest.into())),
            "credential" if !rest.contains('/') => Ok(Self::Credential(rest.to_owned())),
            "env" => Ok(Self::Variable(rest.to_owned())),
            "fd" => rest.parse().ok().filter(|fd| *fd >= 0).map(Self::Descriptor).ok_or(NoSource),
            _ => Err(NoSource),
        }
    }
}

/// A country by its two capital letters (ISO 3166-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(pub [u8; 2]);

impl Region {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a region is two ASCII letters by its parser")
    }
}

/// Not two capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a region is two capital letters, e.g. DE")]
pub struct NoRegion;

impl FromStr for Region {
    type Err = NoRegion;

    fn from_str(text: &str) -> Result<Self, NoRegion> {
        let letters: [u8; 2] = text.as_bytes().try_into().map_err(|_| NoRegion)?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters)).ok_or(NoRegion)
    }
}

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
