//! Looking at what others said: a canary that was flagged, an indicator that concerns too many transactions, a member that
//! floods. What is found is held back by the node and told to people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::bytes::{Commitment, Pseudonym};
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::belief::record::State;
use crate::domain::belief::view::View;
use crate::domain::identifier::CanonRules;
use crate::domain::pseudonym::keys::KeyRing;
use crate::domain::screening::brake::{Arrivals, Baselines, HeldReason};
use crate::domain::screening::traffic::Traffic;
use crate::io::answered::canaries::{Canaries, CanaryFault, names_of_hosts};
use crate::node::quarantine::{Raise, Subject};

/// What the operator set.
#[derive(Debug, Clone)]
pub struct BrakeSettings {
    pub traffic: Arc<Traffic>,
    /// Of a thousand transactions, that an indicator of another member may concern.
    pub per_mille: u64,
    pub canaries: Option<PathBuf>,
    /// Hosts that members are reached at.
    pub hosts: Vec<String>,
}

/// The watch over what others say.
#[derive(Debug)]
pub struct Brakeman {
    settings: BrakeSettings,
    own: MemberId,
    canaries: Option<Canaries>,
    /// Names of the hosts.
    hosts: BTreeSet<Pseudonym>,
    baselines: Baselines,
    arrivals: Arrivals,
    /// Raised already, so that an indicator that matches again and again is not raised each time.
    raised: BTreeSet<Commitment>,
}

impl Brakeman {
    /// Reads the canaries: whoever names a file wants them watched from the first moment.
    pub fn new(
        settings: BrakeSettings,
        own: MemberId,
        rules: &CanonRules,
        keys: &KeyRing,
    ) -> Result<Self, CanaryFault> {
        let canaries = settings.canaries.as_deref().map(|path| Canaries::load(path, rules, keys)).transpose()?;
        let hosts = names_of_hosts(&settings.hosts, rules, keys);
        let (baselines, arrivals, raised) = (Baselines::default(), Arrivals::default(), BTreeSet::new());
        Ok(Self { settings, own, canaries, hosts, baselines, arrivals, raised })
    }

    /// Counts a screened transaction.
    pub fn count<'a>(&self, names: impl Iterator<Item = &'a Pseudonym>, at: Timestamp) {
        self.settings.traffic.count(names, at);
    }

    /// Reads the canaries again where their file changed or the keys did; the names to be looked at then. A file that cannot be
    /// used leaves the ones before in force.
    pub fn reread(&mut self, rules: &CanonRules, keys: &KeyRing, keys_changed: bool) -> Vec<Pseudonym> {
        if keys_changed {
            self.hosts = names_of_hosts(&self.settings.hosts, rules, keys);
        }
        let Some(held) = self.canaries.as_mut().filter(|held| keys_changed || held.is_outdated()) else {
            return Vec::new();
        };
        match Canaries::load(held.path(), rules, keys) {
            Ok(read) => {
                tracing::info!(event = "brake.canaries", names = read.names.len());
                *held = read;
            }
            Err(fault) => tracing::error!(event = "brake.canaries_unread", fault = %fault),
        }
        self.names()
    }

    /// All canaries, where everything may have changed.
    pub fn names(&self) -> Vec<Pseudonym> {
        let of_file = self.canaries.iter().flat_map(|canaries| canaries.names.iter());
        of_file.chain(&self.hosts).copied().collect()
    }

    /// What is to be held back of what others say of a pseudonym. `arrived`: it is new, and takes part in what is usual.
    pub fn inspect(&mut self, pseudonym: &Pseudonym, arrived: bool, view: &mut View<'_>, now: Timestamp) -> Vec<Raise> {
        let mut raises = Vec::new();
        let statements = view.statements(pseudonym);
        for statement in statements {
            let counts = statement.state == State::Live && !statement.quarantined && !statement.braked;
            let Some(reporter) = view.feed(statement.feed).map(|feed| &feed.member) else { continue };
            if !counts || *reporter == self.own || self.raised.contains(&statement.commitment) {
                continue;
            }
            let is_canary = self.hosts.contains(pseudonym)
                || self.canaries.as_ref().is_some_and(|canaries| canaries.names.contains(pseudonym));
            let seen = self.settings.traffic.seen(std::slice::from_ref(pseudonym), now);
            let reason = if is_canary {
                HeldReason::Canary
            } else if self.baselines.is_wide(statement.kind, &seen, self.settings.per_mille) {
                HeldReason::Wide
            } else {
                if arrived {
                    self.baselines.note(statement.kind, &seen);
                }
                continue;
            };
            let (matched, transactions) = match reason {
                HeldReason::Wide => (seen.at_most, seen.transactions),
                HeldReason::Canary | HeldReason::Flood => (0, 0),
            };
            if self.raised.len() >= limits::brake::QUARANTINES {
                self.raised.clear();
            }
            self.raised.insert(statement.commitment);
            raises.push(Raise {
                member: reporter.clone(),
                kind: statement.kind,
                subject: Subject::Indicator(statement.commitment),
                reason,
                matched,
                transactions,
            });
        }
        raises
    }

    /// They could not be recorded: they are raised again with the next look at them.
    pub fn forget(&mut self, raises: &[Raise]) {
        for raise in raises {
            if let Subject::Indicator(commitment) = &raise.subject {
                self.raised.remove(commitment);
            }
        }
    }

    /// What is to be held back of members that say too much at once.
    pub fn arrived(&mut self, arrived: BTreeMap<(MemberId, IdentifierKind), u64>, now: Timestamp) -> Vec<Raise> {
        let others = arrived.into_iter().filter(|((member, _), _)| *member != self.own);
        let floods = others.filter_map(|((member, kind), count)| {
            let since = self.arrivals.note(&member, kind, count, now)?;
            let (reason, matched, transactions) = (HeldReason::Flood, 0, 0);
            Some(Raise { member, kind, subject: Subject::AllNew { since }, reason, matched, transactions })
        });
        floods.collect()
    }
}
