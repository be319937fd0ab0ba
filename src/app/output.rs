//! Where commands print: answers on standard output, remarks on standard error.
//!
//! A reader that closes the pipe early (`hushwire status | head`) ends the command quietly, as other tools do.

use std::io::{ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::app::outcome::CliError;

/// Prints one line of the answer.
pub fn answer(line: impl AsRef<str>) -> Result<(), CliError> {
    written(writeln!(std::io::stdout().lock(), "{}", line.as_ref()))
}

/// Prints one JSON value as the answer: indented for a person, on one line for a pipe.
pub fn answer_json(value: &impl Serialize) -> Result<(), CliError> {
    let text = if std::io::stdout().is_terminal() {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    answer(text.map_err(|_| CliError::failed("the answer cannot be written as JSON"))?)
}

/// Tells the user something that is not part of the answer. Where standard error is closed there is nobody to tell.
pub fn remark(line: impl AsRef<str>) {
    let _closed = writeln!(std::io::stderr().lock(), "{}", line.as_ref());
}

fn written(result: std::io::Result<()>) -> Result<(), CliError> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(CliError::pipe_closed()),
        Err(error) => Err(CliError::failed(format!("standard output cannot be written: {error}"))),
    }
}
