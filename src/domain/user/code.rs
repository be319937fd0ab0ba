//! Codes that are shown once and typed once: the one that enrols a user, and those for a lost authenticator. The node keeps keyed
//! hashes of them alone; both hold so many random bits that no slow hash is needed.

use std::fmt;

use rand::{Rng, RngExt};
use zeroize::Zeroizing;

use crate::domain::case::challenge::Code;

/// Letters of a code: those of Crockford's base 32, which nobody mistakes for one another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Letters between two dashes.
const GROUP: usize = 4;

/// A code of `N` letters, five random bits each. Closed: never logged or stored; wiped on drop.
pub struct OneTimeCode<const N: usize>(Zeroizing<String>);

/// Enrols a user: 130 bits.
pub type EnrolmentCode = OneTimeCode<26>;

/// Signs in once without the authenticator: 120 bits, so that it needs no slow hash though the journal holds ten (ASVS 5.0 V6.5.2).
pub type RecoveryCode = OneTimeCode<24>;

/// What somebody types beside the password.
#[derive(Debug)]
pub enum SecondFactor {
    Totp(Code),
    Recovery(RecoveryCode),
    /// Neither: as wrong as a wrong one.
    Neither,
}

impl SecondFactor {
    pub fn typed(text: &str) -> Self {
        match (Code::typed(text), RecoveryCode::typed(text)) {
            (Ok(code), _) => Self::Totp(code),
            (Err(_), Ok(code)) => Self::Recovery(code),
            (Err(_), Err(_)) => Self::Neither,
        }
    }
}

/// What was typed is no such code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("such a code has {letters} letters and digits")]
pub struct NoCode {
    pub letters: usize,
}

impl<const N: usize> OneTimeCode<N> {
    pub fn draw(rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(N));
        for _ in 0..N {
            let letter = LETTERS[rng.random_range(0..LETTERS.len())];
            text.push(char::from(letter));
        }
        Self(text)
    }

    /// Reads what somebody typed: in any case, with dashes and spaces anywhere, and with the letters Crockford reads as digits.
    pub fn typed(text: &str) -> Result<Self, NoCode> {
        let mut letters = Zeroizing::new(String::with_capacity(N));
        for character in text.chars().filter(|character| !matches!(character, '-' | ' ')) {
            let letter = match character.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            };
            let is_letter = u8::try_from(letter).is_ok_and(|letter| LETTERS.contains(&letter));
            if !is_letter || letters.len() == N {
                return Err(NoCode { letters: N });
            }
            letters.push(letter);
        }
        if letters.len() == N { Ok(Self(letters)) } else { Err(NoCode { letters: N }) }
    }

    /// In groups, as it is shown once.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut shown = Zeroizing::new(String::with_capacity(N + N / GROUP));
        for (place, letter) in self.0.chars().enumerate() {
            if place > 0 && place % GROUP == 0 {
                shown.push('-');
            }
            shown.push(letter);
        }
        shown
    }

    /// For its keyed hash.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for OneTimeCode<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_code_is_read_back_however_it_is_typed() {
        let code = RecoveryCode::draw(&mut StdRng::seed_from_u64(7));
        let shown = code.reveal();
        assert_eq!(shown.len(), 29);
        for typed in [shown.to_string(), shown.to_uppercase(), shown.replace('-', " "), format!(" {} ", code.expose())]
        {
            assert_eq!(RecoveryCode::typed(&typed).expect("the same").expose(), code.expose(), "{typed}");
        }
        assert_eq!(
            RecoveryCode::typed("OIL0-0000-0000-0000-0000-0000").expect("read as digits").expose(),
            "011000000000000000000000"
        );
        assert_eq!(format!("{code:?}"), "OneTimeCode(…)");
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in [
            "",
            "0000-0000-0000-0000-0000-000",
            "0000-0000-0000-0000-0000-00000",
            "0000-0000-0000-0000-0000-000u",
            "000000",
            "０00000000000000000000000",
        ] {
            assert_eq!(RecoveryCode::typed(text).map(|_| ()), Err(NoCode { letters: 24 }), "{text}");
        }
    }

    #[test]
    fn all_letters_are_drawn() {
        let mut rng = StdRng::seed_from_u64(7);
        let drawn: String = (0..100).map(|_| EnrolmentCode::draw(&mut rng).expose().to_owned()).collect();
        assert!(LETTERS.iter().all(|letter| drawn.contains(char::from(*letter))));
    }
}
