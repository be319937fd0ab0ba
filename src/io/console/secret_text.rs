//! A text for one pair of eyes: a code or a secret that a page shows once, the token of a session's forms.
//!
//! Wiped on drop and without content in `Debug`. A page that shows it goes through the buffers of templates, HTTP and TLS, which
//! nobody wipes: the process forbids core dumps, and `docs/console-access.md` says so.

use std::fmt;

use zeroize::Zeroizing;

/// See the module.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// For templates, and for what a form sent back to be compared.
    pub fn shown(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_shows_it_and_debug_does_not() {
        let text = SecretText::from("QWJK-7F2P".to_owned());
        assert_eq!((text.shown(), format!("{text:?}").as_str()), ("QWJK-7F2P", "SecretText(…)"));
    }
}
