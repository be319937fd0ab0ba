//! An address of this console: where to go on after signing in. Parsed strictly, so that no link can lead out through it.

use std::fmt;
use std::str::FromStr;

/// Bytes of the longest address with its filters.
const BYTES: usize = 2_048;

/// A path with its query on this console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath(String);

/// Not an address of this console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address of this console")]
pub struct NotLocal;

impl LocalPath {
    /// Of what the program itself knows.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The page everybody has.
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LocalPath {
    type Err = NotLocal;

    fn from_str(text: &str) -> Result<Self, NotLocal> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>`".contains(&byte);
        // Two slashes begin another host, and browsers read a backslash as a slash.
        let local = text.starts_with('/') && !text.starts_with("//") && text.len() <= BYTES && text.bytes().all(plain);
        if local { Ok(Self(text.to_owned())) } else { Err(NotLocal) }
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out() {
        for out in [
            "",
            "log",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/a b",
            "/a\nLocation: x",
            "/\t/evil.example",
            "/é",
        ] {
            assert_eq!(out.parse::<LocalPath>(), Err(NotLocal), "{out:?}");
        }
        assert_eq!(format!("/{}", "a".repeat(BYTES)).parse::<LocalPath>(), Err(NotLocal));
        for local in ["/", "/log?kind=a&zone=Europe%2FBerlin", "/users/ann"] {
            assert_eq!(local.parse::<LocalPath>().map(|path| path.to_string()), Ok(local.to_owned()));
        }
    }
}
