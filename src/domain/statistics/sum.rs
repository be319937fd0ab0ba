//! The consortium's figure: what its members released of one question and period, added up.
//!
//! Adding is done with what is published already and costs no privacy. Noise adds, too: the variance of the sum is the sum of the
//! variances, so n members of one scale give a standard deviation √n times as large. Whoever released nothing is named and
//! left out: a member that is missing is not a member that counted nothing.
//!
//! Error bars: half-widths of 95 % add as their squares do, rounded up to whole counts. For noise of one member the result is
//! exact. Of several it is on the safe side, because a sum of Laplace variables has lighter tails, measured in its standard
//! deviation, than any of them.

use crate::base::name::MemberId;
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::period::Period;
use crate::domain::statistics::published::Published;
use crate::domain::statistics::question::{Query, ReleaseId};

/// One question and period over all members; what a page or an answer shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Sum {
    pub query: Query,
    pub period: Period,
    /// By category, in their public order. Negative sums stay as they are.
    pub counts: Vec<(String, i64)>,
    /// Standard deviation of each count.
    pub noise_sd: f64,
    /// In at least 95 of 100 cases the true count lies so near. A whole number, as counts are.
    pub half_width_95: f64,
    /// What it is made of.
    pub shares: Vec<Share>,
    pub missing: Vec<(MemberId, Missing)>,
}

/// The release of one member that is in a sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    pub member: MemberId,
    pub id: ReleaseId,
    pub scale: f64,
    pub contribution_bound: u32,
    pub epsilon: Epsilon,
    /// Of its quarter, behind this release; none where its program did not say.
    pub left: Option<Epsilon>,
}

/// Why a member is not in a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It released nothing that answers this, or not where this member reads.
    NotReleased,
    /// Its program counts other categories than ours.
    OtherCategories,
    /// It signed two histories.
    Quarantined,
}

impl Missing {
    /// Stable name for clients.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotReleased => "not-released",
            Self::OtherCategories => "other-categories",
            Self::Quarantined => "quarantined",
        }
    }

    /// In words, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotReleased => "has released nothing for these days",
            Self::OtherCategories => "counts other categories than this program",
            Self::Quarantined => "is quarantined: it signed two histories",
        }
    }
}

/// What one member brings.
pub type Brought<'a> = (MemberId, Result<&'a Published, Missing>);

/// Adds up. Of each member one release; all answer `query` over `period`.
pub fn sum<'a>(query: Query, period: Period, members: impl IntoIterator<Item = Brought<'a>>) -> Sum {
    let categories = query.categories();
    let mut totals = vec![0i128; categories.len()];
    let (mut variance, mut width_squared) = (0.0, 0.0);
    let (mut shares, mut missing) = (Vec::new(), Vec::new());
    for (member, brought) in members {
        let published = match brought {
            Ok(published) => published,
            Err(why) => {
                missing.push((member, why));
                continue;
            }
        };
        let Some(counts) = &published.counts else {
            missing.push((member, Missing::OtherCategories));
            continue;
        };
        for (total, count) in totals.iter_mut().zip(counts) {
            *total += i128::from(*count);
        }
        let scale = published.figures.scale;
        variance += noise_variance(scale);
        width_squared += half_width_95(scale).powi(2);
        shares.push(Share {
            member,
            id: published.id.clone(),
            scale,
            contribution_bound: published.figures.contribution_bound,
            epsilon: published.epsilon,
            left: published.left(),
        });
    }
    let counts = totals.into_iter().map(|total| {
        let bound = if total < 0 { i64::MIN } else { i64::MAX };
        i64::try_from(total).unwrap_or(bound)
    });
    Sum {
        query,
        period,
        counts: categories.into_iter().zip(counts).collect(),
        noise_sd: f64::sqrt(variance),
        half_width_95: f64::sqrt(width_squared).ceil(),
        shares,
        missing,
    }
}

impl Sum {
    /// What somebody who is known to every member in it has lost by it at most.
    pub fn epsilon(&self) -> Epsilon {
        self.shares
            .iter()
            .fold(Epsilon::NONE, |sum, share| Epsilon::from_nano(sum.nano().saturating_add(share.epsilon.nano())))
    }
}

/// Variance of discrete Laplace noise: 2q / (1 − q)² with q = e^(−1/scale).
fn noise_variance(scale: f64) -> f64 {
    let (q, rest) = ratio(scale);
    2.0 * q / (rest * rest)
}

/// The least whole h with P(|noise| > h) ≤ 0.05, where P(|noise| > h) = 2·q^(h+1) / (1 + q).
fn half_width_95(scale: f64) -> f64 {
    let (q, _) = ratio(scale);
    let beyond = (0.05 * (1.0 + q) / 2.0).ln() * -scale;
    (beyond - 1.0).ceil().max(0.0)
}

/// q and 1 − q; the latter without the loss of digits a subtraction would bring.
fn ratio(scale: f64) -> (f64, f64) {
    ((-1.0 / scale).exp(), -(-1.0 / scale).exp_m1())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Day;
    use crate::domain::statistics::release::Figures;

    fn period() -> Period {
        Period::stored(Day(20_770), Day(20_777)).expect("inside a quarter")
    }

    fn member(id: &str) -> MemberId {
        id.parse().expect("valid")
    }

    fn published(id: &str, scale: f64, counts: Option<Vec<i64>>) -> Published {
        Published {
            member: member(id),
            id: "week-1".parse().expect("valid"),
            query: Query::CasesByOutcome,
            period: period(),
            counts,
            figures: Figures { scale, contribution_bound: 2, accuracy_95: 60.5 },
            epsilon: Epsilon::from_nano(100),
            spent: Epsilon::from_nano(100),
            cap: None,
        }
    }

    fn of(releases: &[Published]) -> Sum {
        sum(Query::CasesByOutcome, period(), releases.iter().map(|one| (one.member.clone(), Ok(one))))
    }

    #[test]
    fn counts_add_and_the_deviation_grows_with_the_root_of_the_members() {
        let releases = ["a", "b", "c", "d"].map(|id| published(id, 20.0, Some(vec![10, -3])));
        let (one, four) = (of(&releases[..1]), of(&releases));
        let counts = |sum: &Sum| sum.counts.iter().map(|(label, count)| format!("{label} {count}")).collect::<Vec<_>>();
        assert_eq!(
            (counts(&one), counts(&four)),
            (
                vec!["fraud 10".to_owned(), "genuine -3".to_owned()],
                vec!["fraud 40".to_owned(), "genuine -12".to_owned()]
            )
        );
        assert!((four.noise_sd - 2.0 * one.noise_sd).abs() < 1e-9);
        assert!((four.half_width_95 - 2.0 * one.half_width_95).abs() < 1e-9);
        assert!((28.0..28.5).contains(&one.noise_sd) && one.half_width_95 == 60.0, "{one:?}");
        assert_eq!(four.epsilon(), Epsilon::from_nano(400));
    }

    #[test]
    fn who_is_missing_is_named_and_adds_neither_counts_nor_noise() {
        let (here, other) = (published("a", 20.0, Some(vec![1, 2])), published("b", 20.0, None));
        let brought = [
            (member("a"), Ok(&here)),
            (member("b"), Ok(&other)),
            (member("c"), Err(Missing::NotReleased)),
            (member("d"), Err(Missing::Quarantined)),
        ];
        let whole = sum(Query::CasesByOutcome, period(), brought);
        let alone = of(std::slice::from_ref(&here));
        assert_eq!((&whole.counts, whole.noise_sd, whole.shares.len()), (&alone.counts, alone.noise_sd, 1));
        let missing: Vec<_> = whole.missing.iter().map(|(id, why)| (id.as_str(), why.name())).collect();
        assert_eq!(missing, [("b", "other-categories"), ("c", "not-released"), ("d", "quarantined")]);
        let nobody = of(&[]);
        assert_eq!((nobody.counts[0].1, nobody.noise_sd, nobody.half_width_95), (0, 0.0, 0.0));
    }

    #[test]
    fn counts_that_no_bank_has_do_not_overflow() {
        let most = published("a", 20.0, Some(vec![i64::MAX, i64::MIN]));
        let sum = of(&[most.clone(), most]);
        assert_eq!(sum.counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [i64::MAX, i64::MIN]);
    }

    /// P(|noise of all together| > half-width), by adding up the exact law of the sum.
    fn beyond(scales: &[f64], half_width: f64) -> f64 {
        let mut law = vec![1.0];
        for scale in scales {
            let (q, rest) = ratio(*scale);
            let reach = (1..1_000_000).find(|reach| f64::from(*reach) >= scale * 40.0).expect("a small scale");
            let one: Vec<f64> = (-reach..=reach).map(|noise: i32| rest / (1.0 + q) * q.powi(noise.abs())).collect();
            let mut next = vec![0.0; law.len() + one.len() - 1];
            for (at, p) in law.iter().enumerate() {
                for (step, q) in one.iter().enumerate() {
                    next[at + step] += p * q;
                }
            }
            law = next;
        }
        let middle = law.len() / 2;
        let far = |at: usize| f64::from(u32::try_from(at.abs_diff(middle)).expect("small")) > half_width;
        law.iter().enumerate().filter(|(at, _)| far(*at)).map(|(_, p)| p).sum()
    }

    #[test]
    fn the_error_bars_hold_the_true_sum_in_95_of_100_cases_at_least_and_are_not_idly_wide() {
        for scales in [
            vec![1.0],
            vec![20.0],
            vec![0.5, 0.5],
            vec![0.3; 4],
            vec![0.7, 0.9],
            vec![1.0, 1.0],
            vec![1.0, 2.0],
            vec![1.5; 4],
            vec![1.0, 1.0, 1.0],
            vec![2.0, 7.0],
            vec![20.0, 20.0],
            vec![1.0, 40.0],
            vec![10.0; 5],
        ] {
            let releases: Vec<Published> =
                scales.iter().map(|scale| published("a", *scale, Some(vec![0, 0]))).collect();
            let sum = of(&releases);
            let outside = beyond(&scales, sum.half_width_95);
            assert!(outside <= 0.05, "{scales:?}: {outside}");
            assert!(beyond(&scales, sum.half_width_95 * 0.85 - 2.0) > 0.05, "{scales:?} could do with less");
        }
    }
}
