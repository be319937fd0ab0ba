//! Where commands print: answers on standard output, remarks on standard error.
//!
//! A reader that closes the pipe early (`hushwire status | head`) ends the command quietly, as other tools do.

use std::fmt::Display;
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

/// A number with its noun, for people: `1 entry`, `2 entries`. Programs read `--json`.
pub fn counted(count: impl Display + PartialEq + From<u8>, one: &str, many: &str) -> String {
    if count == 1.into() { format!("1 {one}") } else { format!("{count} {many}") }
}

/// Tells the user something that is not part of the answer. Where standard error is closed there is nobody to tell.
pub fn remark(line: impl AsRef<str>) {
    let _closed = writeln!(std::io::stderr().lock(), "{}", line.as_ref());
}

/// Asks before something is done that cannot be taken back. Whoever runs the command from a script has decided already: without
/// a terminal nobody is asked.
pub fn confirmed(question: &str) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    let mut asked = std::io::stderr().lock();
    let put = write!(asked, "{question} [y/N] ").and_then(|()| asked.flush());
    put.map_err(|error| CliError::failed(format!("standard error cannot be written: {error}")))?;
    let mut typed = String::new();
    let read = std::io::stdin().read_line(&mut typed);
    read.map_err(|error| CliError::failed(format!("standard input cannot be read: {error}")))?;
    Ok(agrees(&typed))
}

/// Nothing but a clear yes; an ended input is none.
fn agrees(typed: &str) -> bool {
    matches!(typed.trim(), "y" | "Y" | "yes")
}

fn written(result: std::io::Result<()>) -> Result<(), CliError> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(CliError::pipe_closed()),
        Err(error) => Err(CliError::failed(format!("standard output cannot be written: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        assert!(["y\n", "Y\n", " yes\n"].into_iter().all(agrees));
        assert!(["", "\n", "n\n", "ye\n", "y n\n", "yes please\n"].into_iter().all(|typed| !agrees(typed)));
    }

    #[test]
    fn one_alone_is_named_in_the_singular() {
        let check = |count: u64, expected: &str| assert_eq!(counted(count, "entry", "entries"), expected);
        check(0, "0 entries");
        check(1, "1 entry");
        check(21, "21 entries");
    }
}
