//! Whether a new password withstands guessing: long enough, and not one of those that are tried first. No rule about its characters
//! (NIST SP 800-63B-4 §3.1.1.2, ASVS 5.0 V6.2).
//!
//! The guesses are zxcvbn's estimate: common passwords, names and words, keyboard runs, repeats, dates; with the names of the user, the
//! member and this program beside them, which a guesser knows, too. Here and not below the wall: the estimate asks for the year.

use zeroize::Zeroizing;

use crate::base::limits::users as limits;
use crate::domain::user::password::Password;

/// A new password is too easy to guess.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("a password has {least} characters at least, got {got}")]
    Short { least: usize, got: usize },
    /// Why, in words for the person; of the password nothing.
    #[error("this password is among those that are tried first: {why}")]
    Guessed { why: &'static str },
}

/// Refuses what would be guessed soon. `known` is what a guesser knows of the user.
pub fn check(password: &Password, known: &[&str]) -> Result<(), WeakPassword> {
    let got = password.characters();
    if got < limits::PASSWORD_LEAST {
        return Err(WeakPassword::Short { least: limits::PASSWORD_LEAST, got });
    }
    let known: Vec<&str> = known.iter().copied().chain(["hushwire", "console"]).collect();
    if is_made_of(password, &known) {
        return Err(WeakPassword::Guessed { why: "it is made of names that whoever guesses knows" });
    }
    let estimate = zxcvbn::zxcvbn(password.expose(), &known);
    if estimate.guesses_log10() >= limits::PASSWORD_GUESSES_LOG10 {
        return Ok(());
    }
    Err(WeakPassword::Guessed { why: why(estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning)) })
}

/// Whether too little is left of a password without what is known. The estimate alone takes names put together for a phrase.
fn is_made_of(password: &Password, known: &[&str]) -> bool {
    let mut words: Vec<String> = known.iter().map(|word| word.to_lowercase()).collect();
    let parts = words.iter().flat_map(|word| word.split(|one: char| !one.is_alphanumeric()));
    let parts: Vec<String> = parts.map(str::to_owned).collect();
    words.extend(parts);
    // A letter or two stand in any word.
    words.retain(|word| word.chars().count() >= 3);
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let whole = Zeroizing::new(password.expose().to_lowercase());
    let mut left = whole.clone();
    for word in &words {
        left = Zeroizing::new(left.replace(word.as_str(), ""));
    }
    let counted = left.chars().filter(|one| !matches!(one, ' ' | '-' | '.' | '_')).count();
    left.len() < whole.len() && counted < limits::PASSWORD_BEYOND_KNOWN
}

fn why(warning: Option<zxcvbn::feedback::Warning>) -> &'static str {
    use zxcvbn::feedback::Warning;
    match warning {
        Some(Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess) => {
            "it follows the keys of a keyboard"
        }
        Some(Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess) => {
            "it repeats itself"
        }
        Some(Warning::SequencesLikeAbcAreEasyToGuess) => "it counts or goes through the alphabet",
        Some(Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess) => "it is mostly a date",
        Some(
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword,
        ) => "many people use it, or one very much like it",
        Some(Warning::AWordByItselfIsEasyToGuess) => "it is one word",
        Some(Warning::NamesAndSurnamesByThemselvesAreEasyToGuess | Warning::CommonNamesAndSurnamesAreEasyToGuess) => {
            "it is a name"
        }
        None => "add another word or two that do not belong together",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<(), WeakPassword> {
        check(&Password::typed(text).expect("short"), &["anna-meier", "bank-a"])
    }

    #[test]
    fn a_password_is_long_and_no_composition_is_asked_of_it() {
        for text in [
            "correct horse battery",
            "tulpe wandert nachts",
            "zqmvkwphtrnb",
            "пароль для кассы семь",
            "                 lone fox walks",
        ] {
            assert_eq!(checked(text), Ok(()), "{text}");
        }
        let short = |got| Err(WeakPassword::Short { least: 12, got });
        assert_eq!(checked(""), short(0));
        assert_eq!(checked("Xk9#qP2$vR7"), short(11), "however many kinds of characters");
        assert_eq!(checked("🦀🦀🦀"), short(3), "characters, not bytes");
    }

    #[test]
    fn what_is_tried_first_is_refused_and_so_is_what_a_guesser_knows() {
        for text in [
            "password1234",
            "Passw0rd2026!",
            "qwertyuiop123",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "123456789012",
            "anna-meier-bank-a",
            "Anna.Meier_1987",
            "bank-a bank-a bank-a",
            "Hushwire2026!",
            "consoleconsole1",
        ] {
            assert!(matches!(checked(text), Err(WeakPassword::Guessed { .. })), "{text}");
        }
    }

    #[test]
    fn a_known_name_among_enough_else_is_no_harm() {
        assert_eq!(checked("anna wandert nachts barfuß"), Ok(()));
        assert_eq!(checked("🦀🐌🦑🐙🦞🦐🐚🐳🐬🦈🐡🐠"), Ok(()));
    }

    #[test]
    fn the_refusal_says_why_and_nothing_of_the_password() {
        let refused = checked("aaaaaaaaaaaaaaaaaaaa").expect_err("repeats").to_string();
        assert_eq!(refused, "this password is among those that are tried first: it repeats itself");
    }
}
