//! Numbers of the pseudonym suites, as they stand in blobs and in the roster.

use std::fmt;

/// How a pseudonym was made. Ordered by strength: a roster's minimum refuses what is below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// 1: HMAC-SHA-256 under a key all members hold.
    KeyedHash,
    /// 2: threshold VOPRF ristretto255-SHA512 over the suite-1 pseudonym.
    ThresholdOprf,
}

/// No suite has this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("pseudonym suite {0} is not known")]
pub struct UnknownSuite(pub u32);

impl Suite {
    pub const fn number(self) -> u32 {
        match self {
            Self::KeyedHash => 1,
            Self::ThresholdOprf => 2,
        }
    }

    /// The least suite that counts where a roster demands this number. The roster's own check lets only known ones pass.
    pub fn demanded(minimum: u8) -> Self {
        if u32::from(minimum) <= Self::KeyedHash.number() { Self::KeyedHash } else { Self::ThresholdOprf }
    }
}

impl TryFrom<u32> for Suite {
    type Error = UnknownSuite;

    fn try_from(number: u32) -> Result<Self, UnknownSuite> {
        match number {
            1 => Ok(Self::KeyedHash),
            2 => Ok(Self::ThresholdOprf),
            other => Err(UnknownSuite(other)),
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "suite {}", self.number())
    }
}
