//! What the consortium agreed on for everyone: epochs, limits and who may change the roster.

use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::time::Timestamp;
use crate::domain::note::key::VerifierKey;

/// One life of the pseudonym key, as announced by the roster. The secret itself travels in sealed bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    pub number: KeyEpoch,
    pub id: EpochId,
    /// From this moment publishers write under this epoch.
    pub activates_at: Timestamp,
    /// Set when the secret became known to somebody who should not have it: from then on nothing new counts under it.
    pub compromised_at: Option<Timestamp>,
}

impl Epoch {
    /// Whether anybody may ever write under it: an epoch whose secret got out at or before its activation never begins.
    pub fn begins(&self) -> bool {
        self.compromised_at.is_none_or(|compromised_at| self.activates_at < compromised_at)
    }
}

/// The weakest grounds a published indicator may rest on, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MinimumGrounds {
    CustomerReport,
    OwnConfirmed,
    Authority,
}

impl MinimumGrounds {
    pub const ALL: [Self; 3] = [Self::CustomerReport, Self::OwnConfirmed, Self::Authority];

    /// The word that stands in a roster.
    pub const fn label(self) -> &'static str {
        match self {
            Self::CustomerReport => "customer-report",
            Self::OwnConfirmed => "own-confirmed",
            Self::Authority => "authority",
        }
    }

    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grounds| grounds.label() == label)
    }
}

/// Limits every member keeps and holds the others to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest validity of an indicator, days; 1 to [`crate::base::limits::VALIDITY_DAYS`].
    pub max_validity_days: u32,
    pub minimum_grounds: MinimumGrounds,
    /// 1 or 2; nothing below is published, or counts where it stands in a feed.
    pub minimum_suite: u8,
    /// Cosignatures of other members a checkpoint needs before its indicators count fully; 0 switches the rule off. With n
    /// active members and f = ⌊(n − 1) / 3⌋ it is 0, or 2q − n > f and q < n.
    pub witness_quorum: u32,
    /// Seconds after which a silent peer's feed counts as stale.
    pub freshness_limit_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_validity_days: crate::base::limits::VALIDITY_DAYS,
            minimum_grounds: MinimumGrounds::OwnConfirmed,
            minimum_suite: 1,
            witness_quorum: 0,
            // Three missed heartbeats may be a slow line; fifteen minutes are an outage.
            freshness_limit_s: 900,
        }
    }
}

/// Who may change the roster, and how many of them it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admins {
    pub quorum: usize,
    /// Keys named `CONSORTIUM/admins/NAME`.
    pub keys: Vec<VerifierKey>,
}
