//! The rules of the poison brake: which indicator of another member is held back until a person decides, and when a member
//! floods.
//!
//! - *Canary*: it speaks of a value this member knows to be good. Held back at once.
//! - *Wide*: it concerns more of this node's transactions than the bound allows, and far more than indicators of its kind
//!   usually do here. A card in one of a hundred orders is poison; a network may be one.
//! - *Flood*: a member says far more of one kind in an hour than it did before.
//!
//! A brake can only make this node stop less. It never touches retractions, and nothing of it is told to others.

use std::collections::{BTreeMap, VecDeque};

use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::{Hour, Timestamp};
use crate::domain::indicator::words::vocabulary;
use crate::domain::screening::traffic::SeenBefore;

vocabulary!(
    /// Why something is held back.
    HeldReason, "reason", "canary, wide, flood",
    {
        /// It speaks of a value of the member's own list.
        Canary = 1 "canary",
        /// It concerns too many transactions.
        Wide = 2 "wide",
        /// Its member says too much of its kind at once.
        Flood = 3 "flood",
    }
);

/// How often indicators of each kind were screened here before they came.
#[derive(Debug, Default)]
pub struct Baselines(BTreeMap<IdentifierKind, Baseline>);

#[derive(Debug, Default, Clone, Copy)]
struct Baseline {
    indicators: u64,
    /// Transactions with them, over all.
    seen: u64,
}

impl Baselines {
    /// Takes one that was found to be harmless into the baseline of its kind.
    pub fn note(&mut self, kind: IdentifierKind, seen: &SeenBefore) {
        let baseline = self.0.entry(kind).or_default();
        baseline.indicators += 1;
        baseline.seen = baseline.seen.saturating_add(seen.at_least);
        if baseline.indicators >= limits::brake::BASELINE_INDICATORS {
            // What was long ago weighs half.
            baseline.indicators /= 2;
            baseline.seen /= 2;
        }
    }

    /// Whether an indicator concerns too many transactions: beyond the bound, and beyond what is usual for its kind.
    pub fn is_wide(&self, kind: IdentifierKind, seen: &SeenBefore, per_mille: u64) -> bool {
        let usual = self.0.get(&kind).copied().unwrap_or_default();
        // at_least / (seen / indicators) > times, without a fraction.
        let far = seen.at_least.saturating_mul(usual.indicators)
            > usual.seen.saturating_mul(limits::brake::WIDE_TIMES_BASELINE);
        seen.is_beyond(per_mille, limits::brake::WIDE_LEAST) && (usual.indicators == 0 || far)
    }
}

/// What members said in the past hours, by kind.
#[derive(Debug, Default)]
pub struct Arrivals(BTreeMap<(MemberId, IdentifierKind), VecDeque<(Hour, u64)>>);

impl Arrivals {
    /// Counts what arrived; the beginning of the hour where with it the member floods this kind.
    pub fn note(&mut self, member: &MemberId, kind: IdentifierKind, arrived: u64, now: Timestamp) -> Option<Timestamp> {
        let hour = now.hour();
        let hours = self.0.entry((member.clone(), kind)).or_default();
        // Of a clock that was ahead for a moment.
        while hours.back().is_some_and(|(newest, _)| newest.0 > hour.0.saturating_add(1)) {
            hours.pop_back();
        }
        match hours.back_mut() {
            Some((newest, count)) if *newest == hour => *count = count.saturating_add(arrived),
            _ => hours.push_back((hour, arrived)),
        }
        while hours.front().is_some_and(|(oldest, _)| oldest.0.saturating_add(limits::brake::ARRIVAL_HOURS) <= hour.0) {
            hours.pop_front();
        }
        let this_hour = hours.back().map_or(0, |(_, count)| *count);
        let before: u64 = hours.iter().rev().skip(1).map(|(_, count)| *count).sum();
        let known_hours = hours.front().map_or(0, |(oldest, _)| hour.0.saturating_sub(oldest.0));
        let limit = if known_hours < limits::brake::ARRIVAL_HOURS_LEAST {
            limits::brake::FLOOD_LEAST * limits::brake::FLOOD_TIMES_UNKNOWN
        } else {
            let times = before.saturating_mul(limits::brake::FLOOD_TIMES) / u64::from(known_hours);
            times.max(limits::brake::FLOOD_LEAST)
        };
        (this_hour > limit).then(|| Timestamp::from_unix_s(u64::from(hour.0) * 3_600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);
    const CARD: IdentifierKind = IdentifierKind::Pan;
    const NETWORK: IdentifierKind = IdentifierKind::Ip;

    fn seen(at_least: u64) -> SeenBefore {
        SeenBefore { at_most: at_least, at_least, transactions: 10_000, days: 7 }
    }

    #[test]
    fn an_indicator_is_wide_beyond_the_bound_and_beyond_its_kind() {
        let mut baselines = Baselines::default();
        assert!(baselines.is_wide(CARD, &seen(101), 10) && !baselines.is_wide(CARD, &seen(100), 10));
        for _ in 0..100 {
            baselines.note(NETWORK, &seen(50));
            baselines.note(CARD, &seen(0));
        }
        assert!(baselines.is_wide(CARD, &seen(101), 10));
        assert!(!baselines.is_wide(NETWORK, &seen(400), 10), "networks match often here");
        assert!(baselines.is_wide(NETWORK, &seen(50 * limits::brake::WIDE_TIMES_BASELINE + 1), 10));
        for _ in 0..3 * limits::brake::BASELINE_INDICATORS {
            baselines.note(NETWORK, &seen(0));
        }
        assert!(baselines.is_wide(NETWORK, &seen(101), 10), "what was long ago fades");
    }

    #[test]
    fn a_member_floods_against_its_own_history_by_kind() {
        let bank: MemberId = "bank-b".parse().expect("valid");
        let mut arrivals = Arrivals::default();
        let hour = |number: u64| NOW.plus_s(number * 3_600);
        for number in 0..48 {
            assert_eq!(arrivals.note(&bank, CARD, 1_000, hour(number)), None);
        }
        assert_eq!(arrivals.note(&bank, CARD, limits::brake::FLOOD_TIMES * 1_000, hour(48)), None, "a busy hour");
        let begun = Timestamp::from_unix_s(u64::from(hour(48).hour().0) * 3_600);
        assert_eq!(arrivals.note(&bank, CARD, 1_001, hour(48)), Some(begun));
        assert_eq!(arrivals.note(&bank, NETWORK, 1, hour(48)), None, "of another kind it says little");
        let mut ahead = Arrivals::default();
        assert_eq!(ahead.note(&bank, CARD, 1, hour(24 * 365)), None);
        assert_eq!(ahead.note(&bank, CARD, 1, hour(0)), None);
        assert_eq!(ahead.0.values().map(VecDeque::len).sum::<usize>(), 1, "an hour of a clock that was ahead is none");
        let newcomer: MemberId = "bank-c".parse().expect("valid");
        let first = limits::brake::FLOOD_LEAST * limits::brake::FLOOD_TIMES_UNKNOWN;
        assert_eq!(arrivals.note(&newcomer, CARD, first, NOW), None, "whoever joins brings what it has");
        assert!(arrivals.note(&newcomer, CARD, 1, NOW).is_some());
    }
}
