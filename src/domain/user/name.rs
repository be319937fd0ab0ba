//! The name of a console's user. It stands where the name of a certificate stands: in the audit log, and in the rule of two people,
//! where a user and a certificate of one name are one person.

use std::fmt;
use std::str::FromStr;

use crate::base::name::CallerName;
use crate::domain::identifier::text::looks_like_identifier;

/// 2 to 32 lower-case letters, digits, `.` and `-`; it starts with a letter and ends with a letter or digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(CallerName);

/// The rule a name broke. The name is not repeated: whoever mistakes the field types a password here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoUserName {
    #[error(
        "a user's name has 2 to 32 lower-case letters, digits, '.' and '-', starts with a letter and ends with a letter or digit"
    )]
    Form,
    #[error(
        "names that begin with \"token.\" are those of tokens, \"node\" is the node itself, and \"new\" a page of the console"
    )]
    Taken,
    #[error("a user's name stands in the audit log and must not look like an identifier")]
    Identifier,
}

const LENGTH: std::ops::RangeInclusive<usize> = 2..=32;

impl UserName {
    /// What somebody typed to sign in: capitals and spaces around it are the keyboard's.
    pub fn typed(text: &str) -> Result<Self, NoUserName> {
        text.trim().to_ascii_lowercase().parse()
    }

    /// As it was kept: a rule that became stricter since does not make the store unreadable.
    pub fn kept(text: &str) -> Result<Self, NoUserName> {
        text.parse().map(Self).map_err(|_| NoUserName::Form)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same name as that of a caller.
    pub fn caller(&self) -> &CallerName {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = NoUserName;

    fn from_str(text: &str) -> Result<Self, NoUserName> {
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if !begins || !LENGTH.contains(&text.len()) {
            return Err(NoUserName::Form);
        }
        let name: CallerName = text.parse().map_err(|_| NoUserName::Form)?;
        if text.starts_with("token.") || ["node", "new"].contains(&text) {
            return Err(NoUserName::Taken);
        }
        match looks_like_identifier(text) {
            Some(_) => Err(NoUserName::Identifier),
            None => Ok(Self(name)),
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_a_certificate_could_have_and_no_others() {
        let check = |text: &str, expected: Result<(), NoUserName>| {
            assert_eq!(text.parse::<UserName>().map(|_| ()), expected, "{text:?}");
        };
        check("anna", Ok(()));
        check("a.b-2", Ok(()));
        check(&"x".repeat(32), Ok(()));
        for text in ["", "a", &"x".repeat(33), "Anna", "1anna", "-anna", "anna-", "an na", "anna_b", "änna", "anna\n"]
        {
            check(text, Err(NoUserName::Form));
        }
        check("token.shop", Err(NoUserName::Taken));
        check("node", Err(NoUserName::Taken));
        check("new", Err(NoUserName::Taken));
        check("de89370400440532013000", Err(NoUserName::Identifier));
    }

    #[test]
    fn what_is_typed_may_have_capitals_and_spaces_around_it() {
        assert_eq!(UserName::typed(" Anna ").map(|name| name.to_string()), Ok("anna".to_owned()));
        assert_eq!(UserName::typed("an na"), Err(NoUserName::Form));
    }
}
