//! Names of consortia, members, groups and feeds: short ASCII that is safe in hashes, file names and log lines.

use std::fmt;
use std::str::FromStr;

/// The rule a name broke. The name itself is not repeated: a mixed-up argument may hold anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("{what} must have 1 to {max} characters, got {got}")]
    Length { what: &'static str, max: usize, got: usize },
    #[error("{what} may hold lower-case letters, digits, '.' and '-', and starts and ends with a letter or digit")]
    Characters { what: &'static str },
    #[error("an origin has the form CONSORTIUM/MEMBER/GROUP")]
    Origin,
}

fn check_name(what: &'static str, max: usize, name: &str) -> Result<(), NameError> {
    if name.is_empty() || name.len() > max {
        return Err(NameError::Length { what, max, got: name.len() });
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: u8| plain(byte) || byte == b'.' || byte == b'-';
    let bytes = name.as_bytes();
    let ends_plain = bytes.first().copied().is_some_and(plain) && bytes.last().copied().is_some_and(plain);
    if !ends_plain || !bytes.iter().copied().all(inner) {
        return Err(NameError::Characters { what });
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                check_name($what, $max, name)?;
                Ok(Self(name.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

name!(
    /// The consortium's id, usually a domain name, e.g. `demo.hushwire.example`; 1 to 255 characters.
    ConsortiumId,
    "a consortium id",
    255
);
name!(
    /// One institution, e.g. `bank-a`; 1 to 63 characters.
    MemberId,
    "a member id",
    63
);
name!(
    /// A sharing group, e.g. `all`; 1 to 63 characters.
    GroupId,
    "a group id",
    63
);
name!(
    /// One system or person inside a member, as its certificate names it, e.g. `checkout-1`; 1 to 63 characters.
    CallerName,
    "a caller's name",
    63
);

/// One member's feed in one sharing group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedId {
    pub member: MemberId,
    pub group: GroupId,
}

impl FeedId {
    /// `<consortium>/<member>/<group>`: the origin line of its checkpoints and the name of its key.
    pub fn origin(&self, consortium: &ConsortiumId) -> String {
        format!("{consortium}/{}/{}", self.member, self.group)
    }

    /// Reads an origin of `consortium`; another consortium's origin is refused.
    pub fn from_origin(consortium: &ConsortiumId, origin: &str) -> Result<Self, NameError> {
        let rest = origin
            .strip_prefix(consortium.as_str())
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or(NameError::Origin)?;
        let (member, group) = rest.split_once('/').ok_or(NameError::Origin)?;
        Ok(Self { member: member.parse()?, group: group.parse()? })
    }
}

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.member, self.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_ascii() {
        let check = |name: &str, accepted: bool| assert_eq!(name.parse::<MemberId>().is_ok(), accepted, "{name:?}");
        check("bank-a", true);
        check("a", true);
        check("", false);
        check("-bank", false);
        check("Bank", false);
        check("bänk", false);
        check("bank/a", false);
        check("bank a", false);
        check(&"x".repeat(63), true);
        check(&"x".repeat(64), false);
    }

    #[test]
    fn an_origin_leads_back_to_its_feed_and_only_in_its_consortium() {
        let consortium: ConsortiumId = "demo.hushwire.example".parse().expect("valid");
        let other: ConsortiumId = "demo.hushwire".parse().expect("valid");
        let feed = FeedId { member: "bank-a".parse().expect("valid"), group: "all".parse().expect("valid") };
        let origin = feed.origin(&consortium);
        assert_eq!(origin, "demo.hushwire.example/bank-a/all");
        assert_eq!(FeedId::from_origin(&consortium, &origin), Ok(feed));
        assert_eq!(FeedId::from_origin(&other, &origin), Err(NameError::Origin));
    }
}
