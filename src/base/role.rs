//! Roles: what a certificate of the member's own authority lets its holder do (DESIGN §3).
//!
//! Which methods a role may call is one table, in `io::grpc::roles`.

use std::fmt;
use std::str::FromStr;

/// What a certificate of the member's own authority lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Publishes, retracts, answers disputes.
    Publisher,
    /// Screens, reports outcomes.
    Screener,
    /// Works cases.
    Analyst,
    /// Reads the audit log, exports, proofs, statistics.
    Auditor,
    /// Configures, peers, keys, backup.
    Operator,
}

impl Role {
    /// Every role, in the order of DESIGN §3.
    pub const ALL: [Self; 5] = [Self::Publisher, Self::Screener, Self::Analyst, Self::Auditor, Self::Operator];

    /// The name in certificates and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Screener => "screener",
            Self::Analyst => "analyst",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of publisher, screener, analyst, auditor, operator")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == name).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_back_from_its_name() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("peer".parse::<Role>(), Err(UnknownRole));
        assert_eq!("Operator".parse::<Role>(), Err(UnknownRole));
    }
}
