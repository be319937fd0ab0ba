//! What the roster demands of a statement before it counts here, whatever the publisher's own node let pass.

use std::collections::BTreeMap;

use crate::base::epoch::EpochId;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::indicator::details::Details;
use crate::domain::indicator::words::Grounds;
use crate::domain::pseudonym::suite::Suite;
use crate::domain::roster::exclusion::Exclusions;
use crate::domain::roster::terms::{Epoch, Limits};
use crate::domain::roster::verified::Roster;

const DAY_S: u64 = 86_400;

/// Taken from one roster; made again with each successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demands {
    longest_s: u64,
    minimum_grounds: Grounds,
    minimum_suite: Suite,
    compromised: Vec<(EpochId, Timestamp)>,
    /// When each member's word ends: at its exclusion, or with its membership.
    ended: BTreeMap<MemberId, Timestamp>,
}

impl Demands {
    pub fn of(roster: &Roster, exclusions: &Exclusions) -> Self {
        let ended = roster.members().iter().map(|member| {
            let excluded = exclusions.since(&member.id).unwrap_or(member.valid_until);
            (member.id.clone(), excluded.min(member.valid_until))
        });
        Self { ended: ended.collect(), ..Self::new(roster.limits(), roster.epochs()) }
    }

    /// Without anybody excluded.
    pub fn new(limits: &Limits, epochs: &[Epoch]) -> Self {
        let compromised = epochs.iter().filter_map(|epoch| Some((epoch.id, epoch.compromised_at?)));
        Self {
            longest_s: u64::from(limits.max_validity_days) * DAY_S,
            minimum_grounds: Grounds::demanded(limits.minimum_grounds),
            minimum_suite: Suite::demanded(limits.minimum_suite),
            compromised: compromised.collect(),
            ended: BTreeMap::new(),
        }
    }

    /// Whether statements found under pseudonyms of this suite may count. How a pseudonym was made shows in how it was
    /// found, whatever its blob says; so what is below the minimum is still taken in and passed on like any history.
    pub fn accept(&self, suite: Suite) -> bool {
        suite >= self.minimum_suite
    }

    /// Whether a statement with these details may count.
    pub fn admit(&self, details: &Details) -> bool {
        details.validity.length_s() <= self.longest_s && details.grounds >= self.minimum_grounds
    }

    /// Whether a statement came before its reporter was shut out, and before the secret of its epoch was known to be out:
    /// from then on anybody who has the secret could have aimed it. Times of belief are kept to the second, so what came in
    /// the same second came too late.
    pub fn trust(&self, reporter: &MemberId, epoch_id: &EpochId, first_seen: Timestamp) -> bool {
        let compromised = self.compromised.iter().any(|(id, since)| id == epoch_id && first_seen >= *since);
        let ended = self.ended.get(reporter).is_some_and(|end| first_seen.unix_s() >= end.unix_s());
        !compromised && !ended
    }
}
