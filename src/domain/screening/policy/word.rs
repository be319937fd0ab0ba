//! The stable words of a policy: names of rules, reasons, keys of advice. They stand in answers and in the audit log.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::base::limits::decisions::POLICY_WORD_CHARACTERS;

/// A lower-case word of letters, digits and `_`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(Arc<str>);

impl Word {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Word {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let fits = begins && text.len() <= POLICY_WORD_CHARACTERS && text.bytes().all(plain);
        if fits { Ok(Self(text.into())) } else { Err(()) }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
