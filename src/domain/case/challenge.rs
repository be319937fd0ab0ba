//! A challenge: the customer proves once more who it is, by a code sent to it, a code of its authenticator, or at the member's
//! own login.
//!
//! One challenge belongs to one case. Attempts and codes sent are counted over the whole case, however often it is started.

use std::fmt;

use rand::{Rng, RngExt};
use zeroize::Zeroizing;

use crate::base::bytes::LocalMac;
use crate::base::limits;
use crate::base::time::Timestamp;

/// By what the customer proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A random code, sent by the member's own gateway.
    Code,
    /// A code of the customer's authenticator (RFC 6238).
    Totp,
    /// The member's own login, which reports how it ended.
    External,
}

impl Method {
    pub const ALL: [Self; 3] = [Self::Code, Self::Totp, Self::External];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Totp => "totp",
            Self::External => "external",
        }
    }

    /// Its number in the journal and on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::Code => 1,
            Self::Totp => 2,
            Self::External => 3,
        }
    }

    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.number() == number)
    }

    /// Seconds the customer has.
    pub const fn lasts_s(self) -> u64 {
        match self {
            Self::Code | Self::Totp => limits::decisions::CHALLENGE_S,
            Self::External => limits::decisions::CHALLENGE_EXTERNAL_S,
        }
    }
}

/// What the member sets for its challenges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChallengeRules {
    /// Digits of a code.
    pub digits: u32,
    /// Whether an order is refused once the attempts are used up; otherwise it is held.
    pub refuse_failed: bool,
    /// Hours a passed challenge is remembered as a condition.
    pub remembered_hours: u64,
}

impl Default for ChallengeRules {
    fn default() -> Self {
        Self { digits: 6, refuse_failed: false, remembered_hours: 24 }
    }
}

/// A code, drawn or typed. Closed: never logged, stored or shown; wiped on drop.
pub struct Code(Zeroizing<String>);

/// What was typed is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has 6 to 8 digits")]
pub struct NoCode;

impl Code {
    /// A random code of so many digits, each as likely as any other.
    pub fn draw(digits: u32, rng: &mut (impl Rng + ?Sized)) -> Self {
        let number = rng.random_range(0..10_u32.pow(digits.clamp(6, 8)));
        let width = usize::try_from(digits.clamp(6, 8)).expect("a handful");
        Self(Zeroizing::new(format!("{number:0width$}")))
    }

    /// What a customer typed; spaces in it are those of how it was shown.
    pub fn typed(text: &str) -> Result<Self, NoCode> {
        let digits: Zeroizing<String> = Zeroizing::new(text.chars().filter(|character| *character != ' ').collect());
        let is_code = (6..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_code { Ok(Self(digits)) } else { Err(NoCode) }
    }

    /// For the keyed hash, the comparison with an authenticator's, and the one event that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// Where a challenge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Waiting,
    /// Single use: what passed once passes nothing more.
    Passed,
    /// The attempts are used up, or the member's own login said no.
    Failed,
}

impl Standing {
    /// Its number in the journal.
    pub const fn number(self) -> u32 {
        match self {
            Self::Waiting => 1,
            Self::Passed => 2,
            Self::Failed => 3,
        }
    }

    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Waiting, Self::Passed, Self::Failed].into_iter().find(|standing| standing.number() == number)
    }
}

/// The challenge of a case. Of a code it holds the keyed hash alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub method: Method,
    pub customer: Option<LocalMac>,
    /// Keyed hash of the code sent last.
    pub code: Option<LocalMac>,
    pub expires: Timestamp,
    /// Wrong codes, of the whole case.
    pub failed: u32,
    /// Codes sent, of the whole case.
    pub sent: u32,
    pub standing: Standing,
    pub changed: Timestamp,
}

impl Challenge {
    /// Attempts that are left.
    pub fn left(&self) -> u32 {
        limits::decisions::CHALLENGE_ATTEMPTS.saturating_sub(self.failed)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_code_has_its_digits_whatever_is_drawn_and_shows_them_to_nobody() {
        let mut rng = StdRng::seed_from_u64(7);
        for digits in [6, 7, 8] {
            let codes: Vec<Code> = (0..500).map(|_| Code::draw(digits, &mut rng)).collect();
            assert!(codes.iter().all(|code| u32::try_from(code.expose().len()) == Ok(digits)));
            assert!(codes.iter().any(|code| code.expose().starts_with('0')), "leading zeros are drawn too");
            assert_eq!(format!("{:?}", codes[0]), "Code(…)");
        }
    }

    #[test]
    fn what_a_customer_types_is_a_code_or_is_refused() {
        assert_eq!(Code::typed("123 456").map(|code| code.expose().to_owned()), Ok("123456".to_owned()));
        for text in ["", "12345", "123456789", "12345a", "１２３４５６", "-12345", "123456\n"] {
            assert!(Code::typed(text).is_err(), "{text:?}");
        }
    }
}
