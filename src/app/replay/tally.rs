//! What was stopped and what was not, as counts.

use std::collections::BTreeMap;

use crate::app::replay::amount::{Amount, Band};
use crate::app::replay::history::{Row, TypologyId};
use crate::domain::screening::decision::Decision;

/// Rows by whether they were fraud and whether they were stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frauds that were stopped.
    pub true_positives: u32,
    /// Honest transactions that were stopped.
    pub false_positives: u32,
    /// Frauds that passed.
    pub false_negatives: u32,
    /// Honest transactions that passed.
    pub true_negatives: u32,
    stopped_parts: u128,
    passed_parts: u128,
}

impl Counts {
    pub fn add(&mut self, is_fraud: bool, is_stopped: bool, amount: Amount) {
        let count = match (is_fraud, is_stopped) {
            (true, true) => &mut self.true_positives,
            (false, true) => &mut self.false_positives,
            (true, false) => &mut self.false_negatives,
            (false, false) => &mut self.true_negatives,
        };
        *count += 1;
        if is_fraud {
            let parts = if is_stopped { &mut self.stopped_parts } else { &mut self.passed_parts };
            *parts += amount.parts();
        }
    }

    pub fn frauds(&self) -> u32 {
        self.true_positives + self.false_negatives
    }

    /// Frauds that were stopped, of all; none where there is no fraud.
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positives.into(), self.frauds().into())
    }

    /// Frauds among what was stopped; none where nothing was.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_positives.into(), u128::from(self.true_positives) + u128::from(self.false_positives))
    }

    /// The same as recall, by amounts; none where no fraud has one.
    pub fn recall_by_amount(&self) -> Option<f64> {
        share(self.stopped_parts, self.stopped_parts + self.passed_parts)
    }
}

/// Exact to 52 bits.
pub fn share(part: u128, whole: u128) -> Option<f64> {
    // Shifted until both fit 32 bits twice over; what falls off is beyond what a share can show.
    let beyond = (128 - whole.leading_zeros()).saturating_sub(52);
    let float = |number: u128| {
        let number = u64::try_from(number >> beyond).unwrap_or(u64::MAX);
        let (high, low) = (number >> 32, number & u64::from(u32::MAX));
        let float = |half: u64| f64::from(u32::try_from(half).unwrap_or(u32::MAX));
        float(high) * 4_294_967_296.0 + float(low)
    };
    (whole > 0).then(|| float(part) / float(whole))
}

/// Counts over all rows, by amount and by typology.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub all: Counts,
    pub by_amount: BTreeMap<Band, Counts>,
    pub by_typology: BTreeMap<TypologyId, Counts>,
    pub by_outcome: BTreeMap<Outcome, Pair>,
}

impl Tally {
    pub fn add(&mut self, row: &Row, outcome: Outcome) {
        self.by_outcome.entry(outcome).or_default().add(row.is_fraud);
        let of_band = self.by_amount.entry(row.amount.band()).or_default();
        let of_typology = self.by_typology.entry(row.typology).or_default();
        for counts in [&mut self.all, of_band, of_typology] {
            counts.add(row.is_fraud, outcome.stops(), row.amount);
        }
    }
}

/// What a rule says of one transaction. Everything but to allow it stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Allow,
    /// A rule that is no policy knows no degrees.
    Stop,
    Challenge,
    Hold,
    Block,
}

impl Outcome {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Allow => Decision::Allow.label(),
            Self::Stop => "stop",
            Self::Challenge => Decision::Challenge.label(),
            Self::Hold => Decision::Hold.label(),
            Self::Block => Decision::Block.label(),
        }
    }

    pub fn stops(self) -> bool {
        self != Self::Allow
    }
}

impl From<Decision> for Outcome {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allow => Self::Allow,
            Decision::Challenge => Self::Challenge,
            Decision::Hold => Self::Hold,
            Decision::Block => Self::Block,
        }
    }
}

/// Two rules on the same answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Stopped by both.
    pub both: Pair,
    /// Stopped by the rule that is live, and passed by the candidate.
    pub only_live: Pair,
    /// Stopped by the candidate alone.
    pub only_candidate: Pair,
    /// By what each said.
    pub pairs: BTreeMap<(Outcome, Outcome), Pair>,
}

/// Frauds and honest transactions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pair {
    pub fraud: u32,
    pub honest: u32,
}

impl Pair {
    pub fn add(&mut self, is_fraud: bool) {
        *if is_fraud { &mut self.fraud } else { &mut self.honest } += 1;
    }
}

impl Difference {
    pub fn add(&mut self, is_fraud: bool, live: Outcome, candidate: Outcome) {
        self.pairs.entry((live, candidate)).or_default().add(is_fraud);
        match (live.stops(), candidate.stops()) {
            (true, true) => self.both.add(is_fraud),
            (true, false) => self.only_live.add(is_fraud),
            (false, true) => self.only_candidate.add(is_fraud),
            (false, false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_and_absent_where_there_is_nothing_to_share() {
        assert_eq!((share(1, 4), share(3, 3), share(0, 7), share(0, 0)), (Some(0.25), Some(1.0), Some(0.0), None));
        assert_eq!(share(702, 1320), Some(702.0 / 1320.0));
        let huge = share(u128::MAX / 4, u128::MAX).expect("a share");
        assert!((huge - 0.25).abs() < 1e-12, "{huge}");
    }

    #[test]
    fn two_rules_are_told_apart_by_what_each_says_and_by_whether_it_stops() {
        let mut difference = Difference::default();
        difference.add(true, Outcome::Allow, Outcome::Challenge);
        difference.add(false, Outcome::Challenge, Outcome::Block);
        difference.add(false, Outcome::Stop, Outcome::Allow);
        difference.add(true, Outcome::Allow, Outcome::Allow);
        let pair = |fraud, honest| Pair { fraud, honest };
        let Difference { both, only_live, only_candidate, pairs } = difference;
        assert_eq!((both, only_live, only_candidate), (pair(0, 1), pair(0, 1), pair(1, 0)));
        assert_eq!(pairs.len(), 4);
        assert_eq!(pairs.get(&(Outcome::Challenge, Outcome::Block)), Some(&pair(0, 1)));
    }

    #[test]
    fn counts_come_to_recall_precision_and_recall_by_amount() {
        let mut counts = Counts::default();
        let amount = |text: &str| Amount::parse(text).expect("a number");
        counts.add(true, true, amount("30"));
        counts.add(true, false, amount("10"));
        counts.add(false, true, amount("500"));
        counts.add(false, false, amount("500"));
        assert_eq!(
            (counts.recall(), counts.precision(), counts.recall_by_amount()),
            (Some(0.5), Some(0.5), Some(0.75))
        );
        assert_eq!(Counts::default().precision(), None);
    }
}
