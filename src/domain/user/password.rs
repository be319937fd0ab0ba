//! Passwords: of any characters, long enough, and nothing else is asked of them here (NIST SP 800-63B-4 §3.1.1.2, ASVS 5.0 V6.2).
//! That a new one withstands guessing is looked at where it is chosen, in `io::users::strength`.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::base::limits;

/// A password as typed, in NFC: two keyboards that compose one letter in two ways type one password. Closed: never logged, stored
/// or shown; wiped on drop.
pub struct Password(Zeroizing<String>);

/// Longer than any password a form takes; nothing of it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password has at most {limit} characters")]
pub struct PasswordTooLong {
    pub limit: usize,
}

const TOO_LONG: PasswordTooLong = PasswordTooLong { limit: limits::users::PASSWORD_MOST };

impl Password {
    pub fn typed(text: &str) -> Result<Self, PasswordTooLong> {
        if text.chars().nth(limits::users::PASSWORD_MOST).is_some() {
            return Err(TOO_LONG);
        }
        // Room for all of it at once, so that growing leaves no copy: NFC makes three bytes of one at most (UAX #15).
        let mut normal = Zeroizing::new(String::with_capacity(text.len().saturating_mul(3)));
        normal.extend(text.nfc());
        Ok(Self(normal))
    }

    pub fn characters(&self) -> usize {
        self.0.chars().count()
    }

    /// For the hash, and for the estimate of how soon it would be guessed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What proves a password: the hash with its salt and parameters, in the PHC string format. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier(String);

impl Verifier {
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_any_text_of_its_length_and_shows_itself_to_nobody() {
        let typed = |text: &str| Password::typed(text).map(|password| password.expose().to_owned());
        for text in ["", " two  spaces ", "пароль", "🦀🦀", &"x".repeat(128), &"\u{1D160}".repeat(128)] {
            assert!(typed(text).is_ok(), "{text}");
        }
        assert_eq!(typed(" two  spaces "), Ok(" two  spaces ".to_owned()));
        assert_eq!(typed(&"x".repeat(129)), Err(TOO_LONG));
        assert_eq!(
            format!("{:?} {:?}", Password::typed("secret").expect("short"), Verifier::new("x".to_owned())),
            "Password(…) Verifier(…)"
        );
    }

    #[test]
    fn one_letter_written_in_two_ways_is_one_password() {
        let [one, other] = ["caf\u{E9}", "cafe\u{301}"].map(|text| Password::typed(text).expect("short"));
        assert_eq!(one.expose(), other.expose());
        let [one, other] = ["\u{FB01}sch", "fisch"].map(|text| Password::typed(text).expect("short"));
        assert_ne!(one.expose(), other.expose(), "and nothing else is changed");
    }
}
