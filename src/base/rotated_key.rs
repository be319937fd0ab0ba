//! The keys a node can change while it goes on.

use std::fmt;
use std::str::FromStr;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotatedKey {
    Feed,
    Witness,
    Audit,
    Hpke,
    /// Of the certificate other members pin.
    PeerTls,
}

/// No key that rotates has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one of feed, witness, audit, hpke, peer-tls")]
pub struct UnknownKey;

impl RotatedKey {
    pub const ALL: [Self; 5] = [Self::Feed, Self::Witness, Self::Audit, Self::Hpke, Self::PeerTls];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Witness => "witness",
            Self::Audit => "audit",
            Self::Hpke => "hpke",
            Self::PeerTls => "peer-tls",
        }
    }
}

impl FromStr for RotatedKey {
    type Err = UnknownKey;

    fn from_str(name: &str) -> Result<Self, UnknownKey> {
        Self::ALL.into_iter().find(|key| key.label() == name).ok_or(UnknownKey)
    }
}

impl fmt::Display for RotatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
