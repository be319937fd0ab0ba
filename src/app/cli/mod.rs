//! The command line: one file a command, each with its arguments and its `run`.
//!
//! Exit codes: 0 done · 1 failed · 2 wrong usage · 3 done in part, the refused records are reported · 4 the node or a
//! server could not be reached, try again · 5 a verification failed.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Warn each other about fraud without handing over people's data.
#[derive(Debug, Parser)]
#[command(name = "hushwire", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {}

/// Parses the process's arguments and runs the command.
pub fn run() -> ExitCode {
    match Cli::parse().command {}
}

/// Why a command ended early, what to do about it, and the exit code.
#[derive(Debug)]
pub struct CliError {
    /// What went wrong, one lower-case sentence without personal data.
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

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
