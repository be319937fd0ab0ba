//! The policies of a running node: the one that decides, a candidate that is only asked, and how often each rule fired.
//! Swapped whole: a screening sees one policy from its beginning to its end, and there is always one.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::domain::screening::decision::Decision;
use crate::domain::screening::policy::Policy;
use crate::domain::screening::policy::decide::Fired;
use crate::domain::screening::policy::rule::Heard;
use crate::io::metrics::atomics::Count;

#[derive(Debug)]
pub struct Policies {
    live: ArcSwap<Loaded>,
    candidate: ArcSwapOption<Candidate>,
    /// Files that could not be taken.
    pub refused: Count,
}

/// A policy with its counters.
#[derive(Debug)]
pub struct Loaded {
    pub policy: Policy,
    /// By place of the rule.
    hits: Box<[Hits]>,
}

/// How often a rule fired, by how it was heard.
#[derive(Debug, Default)]
struct Hits {
    live: Count,
    shadow: Count,
    snoozed: Count,
}

/// A policy that is asked beside the one in force.
#[derive(Debug)]
pub struct Candidate {
    pub policy: Policy,
    /// Of the transactions that it is asked about, of 2³².
    share: u64,
    /// By what was decided, then by what it would have decided.
    decisions: [[Count; 4]; 4],
}

impl Hits {
    const fn of(&self, heard: Heard) -> &Count {
        match heard {
            Heard::Live => &self.live,
            Heard::Shadow => &self.shadow,
            Heard::Snoozed => &self.snoozed,
        }
    }
}

impl Loaded {
    /// Rules of a name that was there before go on counting.
    fn after(policy: Policy, before: Option<&Self>) -> Self {
        let hits = policy.rules().iter().map(|rule| {
            let hits = Hits::default();
            let earlier = before.and_then(|before| {
                let place = before.policy.rules().iter().position(|earlier| earlier.name == rule.name)?;
                before.hits.get(place)
            });
            for heard in Heard::ALL {
                hits.of(heard).add(earlier.map_or(0, |earlier| earlier.of(heard).value()));
            }
            hits
        });
        let hits = hits.collect();
        Self { policy, hits }
    }

    /// How often the rule at this place fired and was heard like this.
    pub fn hits(&self, place: usize, heard: Heard) -> u64 {
        self.hits.get(place).map_or(0, |hits| hits.of(heard).value())
    }

    pub fn count(&self, fired: &[Fired]) {
        for Fired { rule, heard } in fired {
            if let Some(hits) = self.hits.get(*rule) {
                hits.of(*heard).one();
            }
        }
    }
}

impl Candidate {
    /// `share_nano` of the transactions, billionths.
    pub fn new(policy: Policy, share_nano: u32) -> Self {
        let share = (u64::from(share_nano) << 32) / 1_000_000_000;
        Self { policy, share, decisions: Default::default() }
    }

    /// Whether it is asked about the decision with this id, which is random.
    pub fn is_asked(&self, decision_id: &[u8; 16]) -> bool {
        let [a, b, c, d, ..] = *decision_id;
        u64::from(u32::from_be_bytes([a, b, c, d])) < self.share
    }

    pub fn compare(&self, decided: Decision, would_decide: Decision) {
        self.cell(decided, would_decide).one();
    }

    /// How often it would have decided this where that was decided.
    pub fn counted(&self, decided: Decision, would_decide: Decision) -> u64 {
        self.cell(decided, would_decide).value()
    }

    fn cell(&self, decided: Decision, would_decide: Decision) -> &Count {
        let [allow, challenge, hold, block] = match decided {
            Decision::Allow => &self.decisions[0],
            Decision::Challenge => &self.decisions[1],
            Decision::Hold => &self.decisions[2],
            Decision::Block => &self.decisions[3],
        };
        match would_decide {
            Decision::Allow => allow,
            Decision::Challenge => challenge,
            Decision::Hold => hold,
            Decision::Block => block,
        }
    }
}

impl Policies {
    pub fn new(live: Policy, candidate: Option<Candidate>) -> Self {
        Self {
            live: ArcSwap::from_pointee(Loaded::after(live, None)),
            candidate: ArcSwapOption::from_pointee(candidate),
            refused: Count::default(),
        }
    }

    pub fn live(&self) -> Arc<Loaded> {
        self.live.load_full()
    }

    pub fn candidate(&self) -> Option<Arc<Candidate>> {
        self.candidate.load_full()
    }

    pub fn replace(&self, policy: Policy) {
        let loaded = Loaded::after(policy, Some(&self.live.load()));
        self.live.store(Arc::new(loaded));
    }

    pub fn replace_candidate(&self, candidate: Option<Candidate>) {
        self.candidate.store(candidate.map(Arc::new));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Sha256Digest;

    fn policy(rules: &[&str]) -> Policy {
        let rules: String = rules
            .iter()
            .map(|name| format!("[[rule]]\nname = \"{name}\"\nwhen = \"true\"\ndecision = \"hold\"\n"))
            .collect();
        let text = format!("name = \"test\"\nversion = 1\n{rules}");
        Policy::parse(&text, &Sha256Digest([0; 32])).expect("a policy")
    }

    #[test]
    fn a_rule_that_stays_goes_on_counting() {
        let policies = Policies::new(policy(&["first", "second"]), None);
        policies.live().count(&[Fired { rule: 1, heard: Heard::Live }, Fired { rule: 1, heard: Heard::Snoozed }]);
        policies.replace(policy(&["second", "third"]));
        let live = policies.live();
        let hits = |place| Heard::ALL.map(|heard| live.hits(place, heard));
        assert_eq!((hits(0), hits(1), hits(2)), ([1, 0, 1], [0; 3], [0; 3]));
    }

    #[test]
    fn a_candidate_is_asked_about_its_share_and_its_differences_are_counted() {
        let check = |share_nano: u32, first: [u8; 4], asked: bool| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&first);
            assert_eq!(Candidate::new(policy(&[]), share_nano).is_asked(&id), asked, "{share_nano} {first:?}");
        };
        check(0, [0; 4], false);
        check(1_000_000_000, [255; 4], true);
        check(500_000_000, [127, 255, 255, 255], true);
        check(500_000_000, [128, 0, 0, 0], false);
        let candidate = Candidate::new(policy(&[]), 1_000_000_000);
        candidate.compare(Decision::Challenge, Decision::Block);
        assert_eq!(candidate.counted(Decision::Challenge, Decision::Block), 1);
        assert_eq!(candidate.counted(Decision::Block, Decision::Challenge), 0);
    }
}
