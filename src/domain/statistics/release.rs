//! A release as it is published: noised counts with everything a reader needs to judge them.
//!
//! Its bytes are [`crate::domain::feed::blob::release`]; here is what goes into them. Negative counts stay as they were
//! drawn: whoever shows them may clamp, but a mean of clamped counts would be too high.

use crate::base::name::MemberId;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::question::{Question, ReleaseId};

/// How exact the counts are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Scale of the discrete Laplace noise.
    pub scale: f64,
    /// Most rows one unit of privacy contributes.
    pub contribution_bound: u32,
    /// Half-width of the 95 % interval of each count.
    pub accuracy_95: f64,
}

/// What it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// Charged for this release.
    pub epsilon: Epsilon,
    /// Charged to the quarter so far, this release included: what a restored node takes over.
    pub spent: Epsilon,
    /// What the quarter may spend.
    pub cap: Epsilon,
}

/// The number of counts is not the number of categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{got} counts for {expected} categories")]
pub struct WrongCounts {
    pub expected: usize,
    pub got: usize,
}

/// Puts a release together; its encoding is the blob of an entry of kind 6.
pub fn assemble(
    id: &ReleaseId,
    question: Question,
    reporter: MemberId,
    paid: Paid,
    figures: Figures,
    counts: Vec<i64>,
) -> Result<StatisticsRelease, WrongCounts> {
    let categories = question.query.categories();
    if counts.len() != categories.len() {
        return Err(WrongCounts { expected: categories.len(), got: counts.len() });
    }
    Ok(StatisticsRelease {
        release_id: id.to_string(),
        reporter,
        query: question.query.name().to_owned(),
        from_day: question.period.from(),
        until_day: question.period.until(),
        categories,
        counts,
        scale: figures.scale,
        contribution_bound: figures.contribution_bound,
        epsilon_nano: paid.epsilon.nano(),
        accuracy_95: figures.accuracy_95,
        spent_nano: paid.spent.nano(),
        unit: question.query.unit().name().to_owned(),
        cap_nano: paid.cap.nano(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Day;
    use crate::domain::statistics::period::Period;
    use crate::domain::statistics::question::Query;

    #[test]
    fn a_release_survives_its_bytes_and_counts_every_category() {
        let id: ReleaseId = "week-2026-47".parse().expect("valid");
        let period = Period::new(Day(20_770), Day(20_777), Day(20_779)).expect("inside a quarter");
        let question = Question { query: Query::PublishedIndicatorsByKind, period, asked: Epsilon::RELEASE_DEFAULT };
        let paid = Paid {
            epsilon: Epsilon::from_nano(100_000_001),
            spent: Epsilon::from_nano(300_000_003),
            cap: Epsilon::QUARTER_CAP,
        };
        let figures = Figures { scale: 20.0, contribution_bound: 2, accuracy_95: 60.9 };
        let make = |counts: Vec<i64>| assemble(&id, question, "bank-a".parse().expect("valid"), paid, figures, counts);
        let release = make((-8..8).collect()).expect("sixteen kinds");
        assert_eq!(StatisticsRelease::decode(&release.encode()), Ok(release));
        assert_eq!(make(vec![1]), Err(WrongCounts { expected: 16, got: 1 }));
    }
}
