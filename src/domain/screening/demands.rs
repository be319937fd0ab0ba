//! What the roster demands of a statement before it counts here, whatever the publisher's own node let pass.

use crate::base::epoch::EpochId;
use crate::base::time::Timestamp;
use crate::domain::indicator::details::Details;
use crate::domain::indicator::words::Grounds;
use crate::domain::roster::terms::{Epoch, Limits};
use crate::domain::roster::verified::Roster;

const DAY_S: u64 = 86_400;

/// Taken from one roster; made again with each successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demands {
    longest_s: u64,
    minimum_grounds: Grounds,
    compromised: Vec<(EpochId, Timestamp)>,
}

impl Demands {
    pub fn of(roster: &Roster) -> Self {
        Self::new(roster.limits(), roster.epochs())
    }

    pub fn new(limits: &Limits, epochs: &[Epoch]) -> Self {
        let compromised = epochs.iter().filter_map(|epoch| Some((epoch.id, epoch.compromised_at?)));
        Self {
            longest_s: u64::from(limits.max_validity_days) * DAY_S,
            minimum_grounds: Grounds::demanded(limits.minimum_grounds),
            compromised: compromised.collect(),
        }
    }

    /// Whether a statement with these details may count.
    pub fn admit(&self, details: &Details) -> bool {
        details.validity.length_s() <= self.longest_s && details.grounds >= self.minimum_grounds
    }

    /// Whether a statement under this epoch came before the epoch's secret was known to be out: from then on anybody who has
    /// the secret could have aimed it.
    pub fn trust(&self, epoch_id: &EpochId, first_seen: Timestamp) -> bool {
        !self.compromised.iter().any(|(id, since)| id == epoch_id && first_seen >= *since)
    }
}
