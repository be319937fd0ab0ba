//! Looking at what others said: a canary that was flagged, an indicator that concerns too many transactions, a member that
//! floods. What is found is held back by the node and told to people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

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

/// Hosts that members are reached at, as the roster in force has them.
pub type MemberHosts = Arc<ArcSwap<BTreeSet<String>>>;

/// What the operator set.
#[derive(Debug, Clone)]
pub struct BrakeSettings {
    pub traffic: Arc<Traffic>,
    /// Of a thousand transactions, that an indicator of another member may concern.
    pub per_mille: u64,
    pub canaries: Option<PathBuf>,
    pub hosts: MemberHosts,
}

/// The watch over what others say.
#[derive(Debug)]
pub struct Brakeman {
    settings: BrakeSettings,
    own: MemberId,
    canaries: Option<Canaries>,
    /// Those whose names are known.
    known_hosts: Arc<BTreeSet<String>>,
    /// Their names.
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
        let known_hosts = settings.hosts.load_full();
        let hosts = names_of_hosts(&known_hosts, rules, keys);
        let (baselines, arrivals, raised) = (Baselines::default(), Arrivals::default(), BTreeSet::new());
        Ok(Self { settings, own, canaries, known_hosts, hosts, baselines, arrivals, raised })
    }

    /// Counts a screened transaction.
    pub fn count<'a>(&self, names: impl Iterator<Item = &'a Pseudonym>, at: Timestamp) {
        self.settings.traffic.count(names, at);
    }

    /// Reads the canaries again where their file, the roster's hosts or the keys changed; the names to be looked at then. A file
    /// that cannot be used leaves the ones before in force.
    pub fn reread(&mut self, rules: &CanonRules, keys: &KeyRing, keys_changed: bool) -> Vec<Pseudonym> {
        let hosts = self.settings.hosts.load_full();
        let hosts_changed = keys_changed || hosts != self.known_hosts;
        if hosts_changed {
            self.hosts = names_of_hosts(&hosts, rules, keys);
            self.known_hosts = hosts;
        }
        let outdated = self.canaries.as_mut().filter(|held| held.is_outdated() || keys_changed);
        if let Some(held) = outdated {
            match held.reload(rules, keys) {
                Ok(()) => tracing::info!(event = "brake.canaries", names = held.names.len()),
                Err(fault) => tracing::error!(event = "brake.canaries_unread", fault = %fault),
            }
        } else if !hosts_changed {
            return Vec::new();
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
        let mut seen = None;
        for statement in view.statements(pseudonym) {
            let counts = statement.state == State::Live && !statement.quarantined && !statement.braked;
            let Some(reporter) = view.feed(statement.feed).map(|feed| &feed.member) else { continue };
            if !counts || *reporter == self.own || self.raised.contains(&statement.commitment) {
                continue;
            }
            let is_canary = self.hosts.contains(pseudonym)
                || self.canaries.as_ref().is_some_and(|canaries| canaries.names.contains(pseudonym));
            let seen = *seen.get_or_insert_with(|| self.settings.traffic.seen(std::slice::from_ref(pseudonym), now));
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
            if self.raised.len() >= limits::brake::RAISED {
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

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::base::epoch::KeyEpoch;
    use crate::base::secret::SecretBytes;
    use crate::domain::pseudonym::keys::{EpochKeys, EpochSecret};

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn keys() -> KeyRing {
        let consortium = "demo.example".parse().expect("valid");
        let secret = EpochSecret::new(SecretBytes::new([1; 32]));
        KeyRing { current: EpochKeys::derive(&consortium, KeyEpoch(1), &secret), previous: None }
    }

    fn brakeman(canaries: Option<PathBuf>) -> Brakeman {
        let traffic = Arc::new(Traffic::new(&mut rand_chacha::ChaCha12Rng::seed_from_u64(1)));
        let settings = BrakeSettings { traffic, per_mille: 10, canaries, hosts: Arc::default() };
        Brakeman::new(settings, "shop".parse().expect("valid"), &CanonRules::default(), &keys()).expect("as written")
    }

    #[test]
    fn hosts_of_a_new_roster_are_looked_at_without_a_file_and_once() {
        let mut brakeman = brakeman(None);
        let reread = |brakeman: &mut Brakeman| brakeman.reread(&CanonRules::default(), &keys(), false).len();
        assert_eq!(reread(&mut brakeman), 0);
        brakeman.settings.hosts.store(Arc::new(BTreeSet::from(["203.0.114.7".to_owned()])));
        assert_eq!((reread(&mut brakeman), reread(&mut brakeman)), (1, 0));
        assert_eq!(
            brakeman.reread(&CanonRules::default(), &keys(), true).len(),
            1,
            "under new keys they have new names"
        );
    }

    #[test]
    fn a_file_that_cannot_be_used_is_read_once_and_leaves_what_was_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("canaries.csv");
        std::fs::write(&path, "ip,203.0.114.7\n").expect("written");
        let mut brakeman = brakeman(Some(path.clone()));
        std::fs::remove_file(&path).expect("removed");
        let rules = CanonRules::default();
        let is_outdated = |brakeman: &Brakeman| brakeman.canaries.as_ref().expect("a file").is_outdated();
        assert!(is_outdated(&brakeman));
        assert_eq!(brakeman.reread(&rules, &keys(), false).len(), 1, "what it said before counts");
        assert!(!is_outdated(&brakeman), "and is told once");
    }

    #[test]
    fn who_says_too_much_at_once_is_held_back_by_kind_from_the_beginning_of_the_hour() {
        let beyond = limits::brake::FLOOD_LEAST * limits::brake::FLOOD_TIMES_UNKNOWN + 1;
        let (bank, shop) = ("bank-a".parse().expect("valid"), "shop".parse().expect("valid"));
        let arrived = BTreeMap::from([
            ((MemberId::clone(&bank), IdentifierKind::Pan), beyond),
            ((bank, IdentifierKind::Ip), 1),
            ((shop, IdentifierKind::Pan), beyond),
        ]);
        let raises = brakeman(None).arrived(arrived, NOW);
        let [raise] = raises.as_slice() else { panic!("{raises:?}") };
        let since = Timestamp::from_unix_s(u64::from(NOW.hour().0) * 3_600);
        assert_eq!((raise.kind, raise.reason), (IdentifierKind::Pan, HeldReason::Flood));
        assert_eq!((raise.member.as_str(), raise.subject), ("bank-a", Subject::AllNew { since }));
    }
}
