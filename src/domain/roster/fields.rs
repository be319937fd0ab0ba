//! Single values in the texts of rosters and cards: read strictly, in one spelling only.

use std::fmt::Write;
use std::str::FromStr;

use serde::Deserialize;

use crate::base::bytes::Sha256Digest;
use crate::base::limits;
use crate::base::name::{MemberId, NameError};
use crate::base::time::Timestamp;
use crate::domain::note::key::VerifierKey;
use crate::domain::roster::error::RosterError;

/// Refuses a document that is too long or does not begin with its own format line.
pub(super) fn check_opening(text: &str, format_line: &'static str) -> Result<(), RosterError> {
    if text.len() > limits::NOTE_BYTES {
        return Err(RosterError::TooLong { got: text.len(), limit: limits::NOTE_BYTES });
    }
    if text.lines().next() == Some(format_line) {
        Ok(())
    } else {
        Err(RosterError::WrongFormat { expected: format_line })
    }
}

/// Reads TOML; the parser's message names the field and what was expected.
pub(super) fn read_toml<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, RosterError> {
    toml::from_str(text).map_err(|fault| RosterError::Document(fault.message().replace('\n', " ")))
}

pub(super) fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string cannot fail");
}

pub(super) fn quoted_list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<String> = items.into_iter().map(|item| format!("\"{}\"", item.to_string())).collect();
    format!("[{}]", quoted.join(", "))
}

pub(super) fn count(what: &'static str, least: usize, most: usize, got: usize) -> Result<(), RosterError> {
    if (least..=most).contains(&got) { Ok(()) } else { Err(RosterError::Count { what, least, most, got }) }
}

pub(super) fn name<T: FromStr<Err = NameError>>(field: &'static str, text: &str) -> Result<T, RosterError> {
    text.parse().map_err(|fault| RosterError::Name { field, fault })
}

pub(super) fn digest(field: &'static str, text: &str) -> Result<Sha256Digest, RosterError> {
    let mut bytes = [0; 32];
    lower_hex(text, &mut bytes).ok_or(RosterError::Field { field, rule: "64 lower-case hex digits" })?;
    Ok(Sha256Digest(bytes))
}

/// One spelling only, so that equal values are equal texts.
pub(super) fn lower_hex(text: &str, out: &mut [u8]) -> Option<()> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    hex::decode_to_slice(text, out).ok()
}

pub(super) fn time(field: &'static str, text: &str) -> Result<Timestamp, RosterError> {
    let fault = RosterError::Field { field, rule: "a UTC time like 2026-11-22T00:00:00Z" };
    if !text.ends_with('Z') {
        return Err(fault);
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| fault.clone())?;
    if time.subsec_nanosecond() % 1_000_000 != 0 {
        return Err(fault);
    }
    u64::try_from(time.as_millisecond()).map(Timestamp::from_unix_ms).map_err(|_| fault)
}

pub(super) fn member_field<T: FromStr>(member: &MemberId, field: &'static str, text: &str) -> Result<T, RosterError>
where
    T::Err: RuleWords,
{
    text.parse().map_err(|fault: T::Err| RosterError::MemberField { member: member.clone(), field, rule: fault.rule() })
}

pub(super) fn top_field(field: &'static str, text: &str) -> Result<VerifierKey, RosterError> {
    text.parse().map_err(|_| RosterError::Field { field, rule: VERIFIER_KEY_RULE })
}

pub(super) const VERIFIER_KEY_RULE: &str = "a C2SP verifier key NAME+ID+BASE64";

/// The rule a value broke, as fixed words.
pub(super) trait RuleWords {
    fn rule(&self) -> &'static str;
}

impl RuleWords for crate::domain::roster::member::ValueError {
    fn rule(&self) -> &'static str {
        self.0
    }
}

impl RuleWords for crate::domain::note::key::KeyError {
    fn rule(&self) -> &'static str {
        VERIFIER_KEY_RULE
    }
}
