//! `--identifier KIND=VALUE`: identifiers on the command line, without leaving them in the shell's history.

use std::fmt;
use std::io::{BufRead, IsTerminal};
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::app::outcome::CliError;
use crate::app::records::words;
use crate::base::kind::IdentifierKind;
use crate::io::grpc::wire::hushwire::local::v1 as local;

/// One identifier as typed. Taken apart by [`resolve`] and not by the parser of arguments, whose complaint would repeat
/// what was typed.
#[derive(Clone)]
pub struct IdentifierOption(Zeroizing<String>);

impl fmt::Debug for IdentifierOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentifierOption(…)")
    }
}

impl FromStr for IdentifierOption {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl IdentifierOption {
    /// What `read` makes of all that was typed, where something else than an identifier may stand as well.
    pub fn whole<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        read(&self.0)
    }

    /// Kind and value; the value `-` is asked for without echo, or read as the next line of standard input.
    fn parts(&self) -> Result<(IdentifierKind, &str), NoIdentifier> {
        let (kind, value) = self.0.split_once('=').filter(|(_, value)| !value.is_empty()).ok_or(NoIdentifier)?;
        Ok((words::kind(kind).map_err(|_| NoIdentifier)?, value))
    }
}

/// Not of the form. What was typed is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an identifier has the form KIND=VALUE, e.g. iban=…, or KIND=- to be asked; KIND is one of pan, iban, account, email, phone, device, ip, wallet, domain, url, address, merchant, par, token"
)]
pub struct NoIdentifier;

/// The identifiers as the interface takes them; asks for those that were left open.
pub fn resolve(options: &[IdentifierOption]) -> Result<Vec<local::Identifier>, CliError> {
    options
        .iter()
        .map(|option| {
            let (kind, value) = option.parts().map_err(|error| CliError::usage(error.to_string()))?;
            let value = if value == "-" { ask(kind)? } else { Zeroizing::new(value.to_owned()) };
            Ok(local::Identifier { kind: words::kind_number(kind).into(), value: value.as_str().to_owned() })
        })
        .collect()
}

/// Asks without echo, or reads the next line of standard input.
pub fn ask(what: impl fmt::Display) -> Result<Zeroizing<String>, CliError> {
    let failed = |error: std::io::Error| CliError::failed(format!("the {what} cannot be read: {error}"));
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("{what}: ")).map(Zeroizing::new).map_err(failed);
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    let value = Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned());
    if value.is_empty() {
        return Err(CliError::usage(format!("standard input ended before the {what}")));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_on_the_command_line_has_a_kind_and_is_never_shown() {
        let option = |text: &str| text.parse::<IdentifierOption>().expect("infallible");
        assert_eq!(option("email=a@b=c").parts(), Ok((IdentifierKind::Email, "a@b=c")));
        assert_eq!(format!("{:?}", option("email=a@b")), "IdentifierOption(…)");
        for text in ["4111111111111111", "pan=", "colour=x", ""] {
            assert_eq!(option(text).parts(), Err(NoIdentifier));
        }
    }
}
