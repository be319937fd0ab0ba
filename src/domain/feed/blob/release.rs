//! Kind 6: one differentially private statistic with everything needed to read it. How it is made is decided in
//! `domain::statistics`; here are its bytes.

use prost::Message;

use crate::base::name::MemberId;
use crate::base::time::Day;
use crate::domain::feed::blob::{BlobError, plain};
use crate::domain::wire;

/// Characters of a release id, a query name or a category label.
const LABEL_CHARACTERS: usize = 128;

/// Categories of one release: more would not be a fixed public list.
const CATEGORIES: usize = 1_024;

#[derive(Debug, Clone, PartialEq)]
pub struct StatisticsRelease {
    /// The same id always has the same bytes.
    pub release_id: String,
    pub reporter: MemberId,
    /// What is counted.
    pub query: String,
    pub from_day: Day,
    /// The day after the last.
    pub until_day: Day,
    /// Labels in a fixed public order.
    pub categories: Vec<String>,
    /// Noised counts in that order; may be negative.
    pub counts: Vec<i64>,
    /// Scale of the discrete Laplace noise.
    pub scale: f64,
    /// Most rows one unit of privacy contributes.
    pub contribution_bound: u32,
    /// Privacy loss charged, in billionths.
    pub epsilon_nano: u64,
    /// Half-width of the 95 % interval of each count.
    pub accuracy_95: f64,
    /// Privacy loss charged so far in the quarter, in billionths, this release included.
    pub spent_nano: u64,
    /// Name of the unit of privacy; empty where the member's program did not say it yet.
    pub unit: String,
    /// Cap of the quarter, in billionths; 0 where the member's program did not say it yet.
    pub cap_nano: u64,
}

impl StatisticsRelease {
    pub fn encode(&self) -> Vec<u8> {
        wire::StatisticsReleaseBlob {
            release_id: self.release_id.clone(),
            reporter: self.reporter.as_str().to_owned(),
            query: self.query.clone(),
            from_day: self.from_day.0,
            until_day: self.until_day.0,
            categories: self.categories.clone(),
            counts: self.counts.clone(),
            scale: self.scale,
            contribution_bound: self.contribution_bound,
            epsilon_nano: self.epsilon_nano,
            accuracy_95: self.accuracy_95,
            spent_nano: self.spent_nano,
            unit: self.unit.clone(),
            cap_nano: self.cap_nano,
        }
        .encode_to_vec()
    }

    pub fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        let message = wire::StatisticsReleaseBlob::decode(blob).map_err(|_| BlobError::NotAMessage)?;
        let categories = message.categories.into_iter().map(|label| plain("category", LABEL_CHARACTERS, label));
        let release = Self {
            release_id: plain("release_id", LABEL_CHARACTERS, message.release_id)?,
            reporter: message.reporter.parse()?,
            query: plain("query", LABEL_CHARACTERS, message.query)?,
            from_day: Day(message.from_day),
            until_day: Day(message.until_day),
            categories: categories.collect::<Result<_, _>>()?,
            counts: message.counts,
            scale: message.scale,
            contribution_bound: message.contribution_bound,
            epsilon_nano: message.epsilon_nano,
            accuracy_95: message.accuracy_95,
            spent_nano: message.spent_nano,
            unit: if message.unit.is_empty() { message.unit } else { plain("unit", LABEL_CHARACTERS, message.unit)? },
            cap_nano: message.cap_nano,
        };
        let counted = release.counts.len() == release.categories.len() && release.categories.len() <= CATEGORIES;
        let figures = [release.scale, release.accuracy_95].into_iter().all(|figure| figure.is_finite() && figure > 0.0);
        if release.from_day < release.until_day && counted && figures { Ok(release) } else { Err(BlobError::Release) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> StatisticsRelease {
        StatisticsRelease {
            release_id: "2026-w47".to_owned(),
            reporter: "bank-a".parse().expect("a valid name"),
            query: "published-indicators-by-kind".to_owned(),
            from_day: Day(20_770),
            until_day: Day(20_777),
            categories: vec!["pan".to_owned(), "iban".to_owned()],
            counts: vec![120, -3],
            scale: 20.0,
            contribution_bound: 2,
            epsilon_nano: 100_000_001,
            accuracy_95: 60.5,
            spent_nano: 100_000_001,
            unit: "case-or-identifier".to_owned(),
            cap_nano: 2_000_000_000,
        }
    }

    #[test]
    fn a_release_comes_back_from_its_bytes() {
        assert_eq!(StatisticsRelease::decode(&sample().encode()), Ok(sample()));
        let older = StatisticsRelease { unit: String::new(), cap_nano: 0, ..sample() };
        assert_eq!(StatisticsRelease::decode(&older.encode()), Ok(older), "as written before both were said");
    }

    #[test]
    fn each_rule_of_a_release_refuses_its_breach() {
        let check = |change: fn(&mut StatisticsRelease)| {
            let mut release = sample();
            change(&mut release);
            assert_eq!(StatisticsRelease::decode(&release.encode()), Err(BlobError::Release));
        };
        check(|r| r.until_day = r.from_day);
        check(|r| r.counts.push(1));
        check(|r| r.scale = f64::NAN);
        check(|r| r.scale = 0.0);
        check(|r| r.accuracy_95 = f64::INFINITY);
        check(|r| (r.categories, r.counts) = (vec!["x".to_owned(); 1_025], vec![0; 1_025]));
        let nameless = StatisticsRelease { release_id: String::new(), ..sample() }.encode();
        let rule = BlobError::FieldLength { field: "release_id", least: 1, most: 128, got: 0 };
        assert_eq!(StatisticsRelease::decode(&nameless), Err(rule));
        let wordy = StatisticsRelease { unit: "x".repeat(129), ..sample() }.encode();
        let rule = BlobError::FieldLength { field: "unit", least: 1, most: 128, got: 129 };
        assert_eq!(StatisticsRelease::decode(&wordy), Err(rule));
    }
}
