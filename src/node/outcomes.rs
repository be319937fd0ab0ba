//! What the member's own outcomes taught: one row a decision, and what follows from all of them together.
//!
//! Rebuilt from the journal. A decision counts once, whatever is reported of it how often: a later outcome stands in the place of
//! the earlier one, and what that had taught is taken back. A row is forgotten after a year, or where there are too many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::bytes::Commitment;
use crate::base::kind::IdentifierKind;
use crate::base::limits::feedback::{OUTCOME_DAYS, OUTCOMES_HELD};
use crate::base::name::MemberId;
use crate::base::time::{Day, Timestamp};
use crate::domain::feed::blob::sighting::{SightingOutcome, WordNumber};
use crate::domain::feed::sighting_seal::Said;
use crate::domain::screening::experience::{Experience, Record};
use crate::node::commit::{LearntIndicator, OutcomeLearnt};
use crate::node::state::damaged;
use crate::node::store::StorageFault;

/// The 16 bytes of a decision's id.
pub type DecisionId = [u8; 16];

/// One indicator that had matched, of another member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenIndicator {
    pub member: MemberId,
    pub commitment: Commitment,
    pub kind: IdentifierKind,
}

/// What is known of one decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learnt {
    pub outcome: SightingOutcome,
    pub at: Timestamp,
    /// Of other members, each once.
    pub indicators: BTreeSet<SeenIndicator>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Outcomes {
    held: BTreeMap<DecisionId, Learnt>,
    by_time: BTreeSet<(Timestamp, DecisionId)>,
    confirmations: BTreeMap<Commitment, BTreeSet<(Timestamp, DecisionId)>>,
    /// What we last said of an indicator to its author.
    said: BTreeMap<Commitment, Said>,
    experience: Arc<Experience>,
}

impl Outcomes {
    pub fn of(&self, decision: &DecisionId) -> Option<&Learnt> {
        self.held.get(decision)
    }

    pub fn said(&self, indicator: &Commitment) -> Option<Said> {
        self.said.get(indicator).copied()
    }

    pub fn experience(&self) -> &Arc<Experience> {
        &self.experience
    }

    pub(in crate::node) fn apply(&mut self, stored: &OutcomeLearnt) -> Result<(), StorageFault> {
        let (decision, learnt, words) = read(stored)?;
        self.forget(&decision);
        for (commitment, word) in words {
            let said = Said { outcome: learnt.outcome, word };
            if self.said.get(&commitment).is_none_or(|held| held.word <= word) {
                self.said.insert(commitment, said);
            }
        }
        for indicator in &learnt.indicators {
            if learnt.outcome == SightingOutcome::Confirmed {
                self.confirmations.entry(indicator.commitment).or_default().insert((learnt.at, decision));
            }
        }
        self.reckon(&learnt, u32::saturating_add);
        self.by_time.insert((learnt.at, decision));
        self.held.insert(decision, learnt);
        if self.held.len() > OUTCOMES_HELD
            && let Some((_, oldest)) = self.by_time.first().copied()
        {
            self.forget_wholly(&oldest);
        }
        Ok(())
    }

    /// Forgets what is too old to teach.
    pub(in crate::node) fn expire(&mut self, today: Day) {
        while let Some((at, decision)) = self.by_time.first().copied() {
            if !is_over(at, today) {
                return;
            }
            self.forget_wholly(&decision);
        }
    }

    fn forget_wholly(&mut self, decision: &DecisionId) {
        if let Some(learnt) = self.forget(decision) {
            for SeenIndicator { commitment, .. } in &learnt.indicators {
                // A later decision may have said more of it since.
                if self.said.get(commitment).is_some_and(|said| !said.word.is_of_day_behind(learnt.at.day())) {
                    self.said.remove(commitment);
                }
            }
        }
    }

    /// Takes back what a decision taught.
    fn forget(&mut self, decision: &DecisionId) -> Option<Learnt> {
        let learnt = self.held.remove(decision)?;
        self.by_time.remove(&(learnt.at, *decision));
        for indicator in &learnt.indicators {
            if let Some(confirmations) = self.confirmations.get_mut(&indicator.commitment) {
                confirmations.remove(&(learnt.at, *decision));
                if confirmations.is_empty() {
                    self.confirmations.remove(&indicator.commitment);
                }
            }
        }
        self.reckon(&learnt, u32::saturating_sub);
        Some(learnt)
    }

    /// A decision counts once for each member and kind, however many indicators of them matched.
    fn reckon(&mut self, learnt: &Learnt, change: impl Fn(u32, u32) -> u32) {
        let experience = Arc::make_mut(&mut self.experience);
        let parts: BTreeSet<_> = learnt.indicators.iter().map(|one| (&one.member, one.kind)).collect();
        for (member, kind) in parts {
            let Record { confirmed, false_positive } = experience.record(member, kind);
            let record = match learnt.outcome {
                SightingOutcome::Confirmed => Record { confirmed: change(confirmed, 1), false_positive },
                SightingOutcome::FalsePositive => Record { confirmed, false_positive: change(false_positive, 1) },
            };
            experience.set_record(member, kind, record);
        }
        for SeenIndicator { commitment, .. } in &learnt.indicators {
            let confirmations = self.confirmations.get(commitment);
            experience.set_confirmed(*commitment, confirmations.and_then(|all| all.last()).map(|(at, _)| *at));
        }
    }
}

/// Whether an outcome of this moment teaches nothing any more.
pub(in crate::node) fn is_over(at: Timestamp, today: Day) -> bool {
    at.day().0.saturating_add(OUTCOME_DAYS) < today.0
}

/// With the number of our word about each of its indicators, in their order.
pub(in crate::node) fn stored(decision: DecisionId, learnt: &Learnt, words: &[WordNumber]) -> OutcomeLearnt {
    let indicators = learnt.indicators.iter().zip(words).map(|(indicator, word)| LearntIndicator {
        member: indicator.member.to_string(),
        commitment: indicator.commitment.0.to_vec(),
        kind: u32::try_from(indicator.kind.ordinal()).expect("sixteen kinds"),
        word: word.0,
    });
    OutcomeLearnt {
        decision: decision.to_vec(),
        outcome: learnt.outcome.number().into(),
        time_ms: learnt.at.unix_ms(),
        indicators: indicators.collect(),
    }
}

type Words = Vec<(Commitment, WordNumber)>;

fn read(stored: &OutcomeLearnt) -> Result<(DecisionId, Learnt, Words), StorageFault> {
    let broken = |what: &str| damaged("outcome", what);
    let decision = stored.decision.as_slice().try_into().map_err(|_| broken("its decision"))?;
    let outcome = u8::try_from(stored.outcome).ok().and_then(SightingOutcome::from_number);
    let indicators = stored.indicators.iter().map(|indicator| {
        let kind = usize::try_from(indicator.kind).ok().and_then(|kind| IdentifierKind::ALL.get(kind));
        Ok(SeenIndicator {
            member: indicator.member.parse().map_err(|error| damaged("outcome", error))?,
            commitment: indicator.commitment.as_slice().try_into().map_err(|error| damaged("outcome", error))?,
            kind: *kind.ok_or_else(|| broken("its kind"))?,
        })
    });
    let learnt = Learnt {
        outcome: outcome.ok_or_else(|| broken("its word"))?,
        at: Timestamp::from_unix_ms(stored.time_ms),
        indicators: indicators.collect::<Result<_, StorageFault>>()?,
    };
    let words = stored.indicators.iter().map(|indicator| {
        let commitment = indicator.commitment.as_slice().try_into();
        Ok((commitment.map_err(|error| damaged("outcome", error))?, WordNumber(indicator.word)))
    });
    let words = words.collect::<Result<_, StorageFault>>()?;
    Ok((decision, learnt, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn bank() -> MemberId {
        "bank-a".parse().expect("valid")
    }

    fn learnt(outcome: SightingOutcome, at: Timestamp, indicators: &[u8]) -> Learnt {
        let seen = |byte: &u8| SeenIndicator {
            member: bank(),
            commitment: Commitment([*byte; 32]),
            kind: IdentifierKind::Pan,
        };
        Learnt { outcome, at, indicators: indicators.iter().map(seen).collect() }
    }

    fn row(decision: u8, learnt: &Learnt, word: u64) -> OutcomeLearnt {
        stored([decision; 16], learnt, &vec![WordNumber(word); learnt.indicators.len()])
    }

    fn taught(outcomes: &Outcomes) -> (u32, u32) {
        let record = outcomes.experience().record(&bank(), IdentifierKind::Pan);
        (record.confirmed, record.false_positive)
    }

    #[test]
    fn a_decision_counts_once_and_what_is_learnt_anew_stands_in_its_place() {
        let mut outcomes = Outcomes::default();
        let mut learn = |decision: u8, outcome, at: Timestamp, indicators: &[u8]| {
            let learnt = learnt(outcome, at, indicators);
            outcomes.apply(&row(decision, &learnt, at.unix_ms())).expect("as stored");
            assert_eq!(outcomes.of(&[decision; 16]), Some(&learnt));
            taught(&outcomes)
        };
        assert_eq!(learn(1, SightingOutcome::FalsePositive, AT, &[1, 2]), (0, 1), "once, though two had matched");
        assert_eq!(learn(1, SightingOutcome::FalsePositive, AT, &[1, 2]), (0, 1));
        assert_eq!(learn(1, SightingOutcome::Confirmed, AT.plus_s(60), &[1]), (1, 0));
        assert_eq!(learn(2, SightingOutcome::Confirmed, AT.plus_s(90), &[1]), (2, 0));
        assert_eq!(learn(2, SightingOutcome::FalsePositive, AT.plus_s(99), &[1]), (1, 1));
        let first = Commitment([1; 32]);
        assert_eq!(outcomes.experience().confirmed_at(&first), Some(AT.plus_s(60)), "the later one was taken back");
        let last = Said { outcome: SightingOutcome::FalsePositive, word: WordNumber(AT.plus_s(99).unix_ms()) };
        assert_eq!(outcomes.said(&first), Some(last));
        outcomes.apply(&row(3, &learnt(SightingOutcome::Confirmed, AT, &[1]), 5)).expect("as stored");
        assert_eq!(outcomes.said(&first), Some(last), "an earlier word, kept behind a later one");
    }

    #[test]
    fn what_a_later_decision_said_outlasts_the_earlier_one() {
        let mut outcomes = Outcomes::default();
        let later = AT.plus_s(10 * 86_400);
        for (decision, at) in [(1, AT), (2, later)] {
            let word = WordNumber::next(None, at.day()).0;
            outcomes.apply(&row(decision, &learnt(SightingOutcome::Confirmed, at, &[1]), word)).expect("as stored");
        }
        let said = outcomes.said(&Commitment([1; 32]));
        outcomes.expire(Day(AT.day().0 + OUTCOME_DAYS + 1));
        assert_eq!((outcomes.of(&[1; 16]), outcomes.said(&Commitment([1; 32]))), (None, said));
        outcomes.expire(Day(later.day().0 + OUTCOME_DAYS + 1));
        assert_eq!(outcomes.said(&Commitment([1; 32])), None);
    }

    #[test]
    fn after_a_year_it_is_forgotten() {
        let mut outcomes = Outcomes::default();
        outcomes.apply(&row(1, &learnt(SightingOutcome::Confirmed, AT, &[1]), 1)).expect("as stored");
        outcomes.expire(Day(AT.day().0 + OUTCOME_DAYS));
        assert_eq!(taught(&outcomes), (1, 0));
        outcomes.expire(Day(AT.day().0 + OUTCOME_DAYS + 1));
        assert_eq!(**outcomes.experience(), Experience::default());
        assert_eq!((outcomes.of(&[1; 16]), outcomes.said(&Commitment([1; 32]))), (None, None));
    }

    #[test]
    fn a_broken_row_is_damage() {
        let whole = row(1, &learnt(SightingOutcome::Confirmed, AT, &[1]), 1);
        let check = |change: fn(&mut OutcomeLearnt)| {
            let mut broken = whole.clone();
            change(&mut broken);
            assert!(matches!(Outcomes::default().apply(&broken), Err(StorageFault::Damaged(_))), "{broken:?}");
        };
        check(|row| row.decision.clear());
        check(|row| row.outcome = 3);
        check(|row| row.indicators[0].kind = 99);
        check(|row| row.indicators[0].commitment.clear());
        check(|row| row.indicators[0].member = "No Name".to_owned());
    }
}
