//! A release as its readers hold it: of this member or of another, from its feed.
//!
//! What a member says of its figures is taken at its word; only what would make a sum wrong is looked at: whose it is, a question
//! that is known here, days of one quarter.

use std::fmt;
use std::str::FromStr;

use crate::base::name::MemberId;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::period::Period;
use crate::domain::statistics::question::{Query, ReleaseId};
use crate::domain::statistics::release::Figures;

/// Where a release stands among all: by period, then question, then member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Day after the last, then the first: what ended later stands behind.
    pub until: u32,
    pub from: u32,
    pub query: Query,
    pub member: MemberId,
    pub id: ReleaseId,
}

/// Not the place of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the place of a release")]
pub struct NoPlace;

/// Its parts, joined by what stands in none of them.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { until, from, query, member, id } = self;
        write!(f, "{until}_{from}_{query}_{member}_{id}")
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let parts: Vec<&str> = text.split('_').collect();
        let [until, from, query, member, id] = parts.as_slice() else { return Err(NoPlace) };
        let place = || {
            let (until, from) = (until.parse().ok()?, from.parse().ok()?);
            let member = member.parse().ok()?;
            Some(Self { until, from, query: query.parse().ok()?, member, id: id.parse().ok()? })
        };
        place().ok_or(NoPlace)
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    pub member: MemberId,
    pub id: ReleaseId,
    pub query: Query,
    pub period: Period,
    /// In the order of the question's categories; none where the member counted others than this program knows.
    pub counts: Option<Vec<i64>>,
    pub figures: Figures,
    pub epsilon: Epsilon,
    /// In the quarter, this release included.
    pub spent: Epsilon,
    /// Of the quarter; none where the member's program did not say it yet.
    pub cap: Option<Epsilon>,
}

impl Published {
    /// None where it is no release of its author's, or of a question or period this program does not know.
    pub fn read(release: &StatisticsRelease, author: &MemberId) -> Option<Self> {
        let query: Query = release.query.parse().ok()?;
        let counts = query.categories().into_iter().map(|category| {
            let place = release.categories.iter().position(|known| *known == category)?;
            release.counts.get(place).copied()
        });
        (release.reporter == *author).then_some(())?;
        Some(Self {
            member: author.clone(),
            id: release.release_id.parse().ok()?,
            query,
            period: Period::stored(release.from_day, release.until_day)?,
            counts: counts.collect(),
            figures: Figures {
                scale: release.scale,
                contribution_bound: release.contribution_bound,
                accuracy_95: release.accuracy_95,
            },
            epsilon: Epsilon::from_nano(release.epsilon_nano),
            spent: Epsilon::from_nano(release.spent_nano),
            cap: (release.cap_nano > 0).then(|| Epsilon::from_nano(release.cap_nano)),
        })
    }

    pub fn place(&self) -> Place {
        Place {
            until: self.period.until().0,
            from: self.period.from().0,
            query: self.query,
            member: self.member.clone(),
            id: self.id.clone(),
        }
    }

    /// What is left of the member's quarter; none where it did not say its cap.
    pub fn left(&self) -> Option<Epsilon> {
        self.cap.map(|cap| Epsilon::from_nano(cap.nano().saturating_sub(self.spent.nano())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Day;

    fn release() -> StatisticsRelease {
        StatisticsRelease {
            release_id: "week-1".to_owned(),
            reporter: "bank-a".parse().expect("valid"),
            query: Query::CasesByOutcome.name().to_owned(),
            from_day: Day(20_770),
            until_day: Day(20_777),
            categories: vec!["genuine".to_owned(), "new".to_owned(), "fraud".to_owned()],
            counts: vec![3, 5, -7],
            scale: 20.0,
            contribution_bound: 2,
            epsilon_nano: 100_000_001,
            accuracy_95: 60.5,
            spent_nano: 100_000_001,
            unit: Query::CasesByOutcome.unit().name().to_owned(),
            cap_nano: 2_000_000_000,
        }
    }

    fn read(change: impl Fn(&mut StatisticsRelease)) -> Option<Published> {
        let mut release = release();
        change(&mut release);
        Published::read(&release, &"bank-a".parse().expect("valid"))
    }

    #[test]
    fn a_place_leads_back_from_its_text_and_nothing_else_does() {
        let place = Place {
            until: 20_777,
            from: 20_770,
            query: Query::CasesByOutcome,
            member: "bank-a.example".parse().expect("valid"),
            id: "week-2026.47".parse().expect("valid"),
        };
        assert_eq!(place.to_string().parse(), Ok(place));
        for broken in ["", "7", "1_2_3_4_5_6", "1_2_cases-by-outcome_bank-a_", "x_2_cases-by-outcome_bank-a_a"] {
            assert_eq!(broken.parse::<Place>(), Err(NoPlace), "{broken}");
        }
    }

    #[test]
    fn counts_are_put_in_the_order_of_our_categories_by_their_labels() {
        let published = read(|_| {}).expect("a release");
        assert_eq!(
            (published.counts.clone(), published.left()),
            (Some(vec![-7, 3]), Some(Epsilon::from_nano(1_899_999_999)))
        );
        assert_eq!(read(|release| release.categories[0] = "x".to_owned()).expect("a release").counts, None);
        assert_eq!(read(|release| release.cap_nano = 0).expect("a release").left(), None);
    }

    #[test]
    fn what_is_not_its_authors_or_not_known_here_is_no_release() {
        assert_eq!(read(|release| release.reporter = "bank-b".parse().expect("valid")), None);
        assert_eq!(read(|release| release.query = "else".to_owned()), None);
        assert_eq!(read(|release| release.until_day = Day(30_000)), None);
        assert_eq!(read(|release| release.release_id = "No Id".to_owned()), None);
    }
}
