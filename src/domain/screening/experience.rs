//! What screening knows from the member's own outcomes: how far each member's reports of each kind proved right, and when an
//! indicator was last seen confirmed here.
//!
//! The weight is the mean of a Beta distribution over that of its prior, never above it:
//! ```text
//! precision  = (10 + confirmed) / (20 + confirmed + false positives)          prior: Beta(10, 10), mean 1/2
//! weight     = min(1000, 1000 · precision / (1/2)), rounded to the nearest     in thousandths
//! ```
//! A member without history is neutral (1000), and so is one that is right at least as often as not: a match asks whether
//! to look, and half of good alerts are false. Nobody gains weight by being confirmed, so that nobody is worth more than
//! what was said. One outcome moves a weight by 48 thousandths at most (the first false positive), and less with each one more.

use std::collections::BTreeMap;

use crate::base::bytes::Commitment;
use crate::base::kind::IdentifierKind;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;

/// Outcomes the prior stands for, on each side.
const PRIOR: u64 = 10;

/// How much one member's reports of one kind count, in thousandths of neutral.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u16);

impl Weight {
    pub const NEUTRAL: Self = Self(1_000);

    pub fn per_mille(self) -> u32 {
        u32::from(self.0)
    }
}

/// Own outcomes that a member's reports of one kind had a part in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    pub confirmed: u32,
    pub false_positive: u32,
}

impl Record {
    pub fn weight(self) -> Weight {
        let right = PRIOR + u64::from(self.confirmed);
        let all = 2 * PRIOR + u64::from(self.confirmed) + u64::from(self.false_positive);
        let per_mille = (2_000 * right + all / 2) / all;
        Weight(u16::try_from(per_mille.min(1_000)).expect("at most a thousand"))
    }
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Experience {
    records: BTreeMap<MemberId, BTreeMap<IdentifierKind, Record>>,
    confirmed: BTreeMap<Commitment, Timestamp>,
}

impl Experience {
    pub fn weight(&self, member: &MemberId, kind: IdentifierKind) -> Weight {
        self.record(member, kind).weight()
    }

    pub fn record(&self, member: &MemberId, kind: IdentifierKind) -> Record {
        self.records.get(member).and_then(|kinds| kinds.get(&kind)).copied().unwrap_or_default()
    }

    /// Every member and kind of which anything is known.
    pub fn records(&self) -> impl Iterator<Item = (&MemberId, IdentifierKind, Record)> {
        self.records.iter().flat_map(|(member, kinds)| kinds.iter().map(move |(kind, record)| (member, *kind, *record)))
    }

    /// When an indicator last proved right here.
    pub fn confirmed_at(&self, indicator: &Commitment) -> Option<Timestamp> {
        self.confirmed.get(indicator).copied()
    }

    /// Takes up what a member's reports of a kind came to, or takes it back.
    pub fn set_record(&mut self, member: &MemberId, kind: IdentifierKind, record: Record) {
        if record == Record::default() {
            let kinds = self.records.get_mut(member);
            if let Some(kinds) = kinds {
                kinds.remove(&kind);
                if kinds.is_empty() {
                    self.records.remove(member);
                }
            }
            return;
        }
        self.records.entry(member.clone()).or_default().insert(kind, record);
    }

    pub fn set_confirmed(&mut self, indicator: Commitment, at: Option<Timestamp>) {
        match at {
            Some(at) => self.confirmed.insert(indicator, at),
            None => self.confirmed.remove(&indicator),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weight(confirmed: u32, false_positive: u32) -> u32 {
        Record { confirmed, false_positive }.weight().per_mille()
    }

    #[test]
    fn a_weight_is_made_as_written() {
        for (confirmed, false_positive, expected) in
            [(0, 0, 1_000), (0, 1, 952), (1, 0, 1_000), (5, 5, 1_000), (0, 10, 667), (0, 140, 125), (20, 100, 429)]
        {
            assert_eq!(weight(confirmed, false_positive), expected, "{confirmed} {false_positive}");
        }
    }

    #[test]
    fn what_is_taken_back_leaves_nothing_behind() {
        let mut experience = Experience::default();
        let member: MemberId = "bank-a".parse().expect("valid");
        experience.set_record(&member, IdentifierKind::Pan, Record { confirmed: 0, false_positive: 3 });
        experience.set_confirmed(Commitment([1; 32]), Some(Timestamp::from_unix_s(7)));
        assert!(experience.weight(&member, IdentifierKind::Pan) < Weight::NEUTRAL);
        assert_eq!(experience.weight(&member, IdentifierKind::Iban), Weight::NEUTRAL, "kinds stand for themselves");
        experience.set_record(&member, IdentifierKind::Pan, Record::default());
        experience.set_confirmed(Commitment([1; 32]), None);
        assert_eq!(experience, Experience::default());
    }

    proptest! {
        #[test]
        fn one_outcome_moves_a_weight_by_less_than_fifty_thousandths(confirmed in 0..100_000_u32, wrong in 0..100_000_u32) {
            let before = weight(confirmed, wrong);
            prop_assert!(weight(confirmed + 1, wrong) >= before && weight(confirmed + 1, wrong) - before < 50);
            prop_assert!(weight(confirmed, wrong + 1) <= before && before - weight(confirmed, wrong + 1) < 50);
        }
    }
}
