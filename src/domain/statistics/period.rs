//! The days a release describes, and the quarter whose budget pays for it.

use std::fmt;

use jiff::civil::Date;

use crate::base::limits;
use crate::base::time::Day;

/// A calendar quarter (UTC): the time for which one budget is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(u32);

impl Quarter {
    /// The quarter `day` falls into.
    pub fn of(day: Day) -> Self {
        let date = date_of(day);
        let year = u32::try_from(date.year()).unwrap_or(0);
        let quarter = u32::from(date.month().unsigned_abs()).saturating_sub(1) / 3;
        Self(year * 4 + quarter)
    }

    pub fn first_day(self) -> Day {
        let month = i8::try_from(self.0 % 4).expect("below four") * 3 + 1;
        let first = i16::try_from(self.0 / 4).ok().and_then(|year| Date::new(year, month, 1).ok());
        first.map_or(Day(u32::MAX), day_of)
    }

    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Number of the quarter as it is stored: year · 4 + quarter − 1.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// `2026-Q4`.
impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-Q{}", self.0 / 4, self.0 % 4 + 1)
    }
}

/// The date of a day in `YYYY-MM-DD`, for messages.
pub fn date_text(day: Day) -> String {
    date_of(day).to_string()
}

/// Reads `YYYY-MM-DD`, from 1970 on.
pub fn parse_date(text: &str) -> Option<Day> {
    let date: Date = text.parse().ok().filter(|date| *date >= EPOCH && text.len() == 10)?;
    Some(day_of(date))
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Days beyond the year 9999 become its last day.
fn date_of(day: Day) -> Date {
    EPOCH.checked_add(jiff::Span::new().days(i64::from(day.0.min(2_932_896)))).unwrap_or(Date::MAX)
}

fn day_of(date: Date) -> Day {
    let days = EPOCH.until(date).map_or(0, |span| span.get_days());
    Day(u32::try_from(days).unwrap_or(0))
}

/// Consecutive days `[from, until)` inside one quarter that have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    from: Day,
    until: Day,
}

/// Days that are no period of a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    #[error("the period ends on {until} before it begins on {from}", from = date_text(*from), until = date_text(*until))]
    Backwards { from: Day, until: Day },
    /// What it was about may be gone, and with it whatever a subject is recognised by.
    #[error("the period begins before {oldest}; older days cannot be asked about any more", oldest = date_text(*oldest))]
    TooOld { oldest: Day },
    #[error("the period reaches beyond today, {today}", today = date_text(*today))]
    Future { today: Day },
    #[error(
        "the period crosses the end of a quarter on {first}; ask for the days before and after it in two releases",
        first = date_text(*first)
    )]
    CrossesQuarter { first: Day },
}

impl Period {
    /// `until` is the day after the last and at most tomorrow: a release may describe the running day as it stands.
    pub fn new(from: Day, until: Day, today: Day) -> Result<Self, PeriodError> {
        if from >= until {
            return Err(PeriodError::Backwards { from, until });
        }
        if until > today.next() {
            return Err(PeriodError::Future { today });
        }
        let oldest = Day(today.0.saturating_sub(limits::SUBJECT_DAYS));
        if from < oldest {
            return Err(PeriodError::TooOld { oldest });
        }
        let first = Quarter::of(from).next().first_day();
        if until > first {
            return Err(PeriodError::CrossesQuarter { first });
        }
        Ok(Self { from, until })
    }

    /// A period as it was stored; it was checked when it was made.
    pub fn stored(from: Day, until: Day) -> Option<Self> {
        (from < until && until <= Quarter::of(from).next().first_day()).then_some(Self { from, until })
    }

    pub fn from(&self) -> Day {
        self.from
    }

    pub fn until(&self) -> Day {
        self.until
    }

    pub fn quarter(&self) -> Quarter {
        Quarter::of(self.from)
    }

    pub fn contains(&self, day: Day) -> bool {
        self.from <= day && day < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        parse_date(text).expect("a date")
    }

    #[test]
    fn a_date_has_one_form() {
        let check = |text: &str, day: Option<u32>| assert_eq!(parse_date(text), day.map(Day), "{text}");
        check("1970-01-01", Some(0));
        check("2026-11-22", Some(20_779));
        check("1969-12-31", None);
        check("2026-11-31", None);
        check("20261122", None);
        check("2026-11-22T00:00:00Z", None);
    }

    #[test]
    fn a_day_falls_into_its_quarter_and_quarters_follow_each_other() {
        let check = |date: &str, quarter: &str, first: &str, renews: &str| {
            let found = Quarter::of(day(date));
            assert_eq!(found.to_string(), quarter);
            assert_eq!(date_text(found.first_day()), first);
            assert_eq!(date_text(found.next().first_day()), renews);
        };
        check("2026-11-22", "2026-Q4", "2026-10-01", "2027-01-01");
        check("2026-12-31", "2026-Q4", "2026-10-01", "2027-01-01");
        check("2027-01-01", "2027-Q1", "2027-01-01", "2027-04-01");
        check("2028-02-29", "2028-Q1", "2028-01-01", "2028-04-01");
        check("1970-01-01", "1970-Q1", "1970-01-01", "1970-04-01");
    }

    #[test]
    fn a_period_stays_in_one_quarter_and_out_of_the_future() {
        let today = day("2026-11-22");
        let check = |from: &str, until: &str, expected: Result<(), &str>| {
            let got = Period::new(day(from), day(until), today).map(|_| ()).map_err(|error| error.to_string());
            assert_eq!(got, expected.map_err(str::to_owned));
        };
        check("2026-11-16", "2026-11-23", Ok(()));
        check("2026-07-01", "2026-10-01", Ok(()));
        check("2026-05-22", "2026-05-23", Ok(()));
        let old = "the period begins before 2026-05-22; older days cannot be asked about any more";
        check("2026-05-21", "2026-05-23", Err(old));
        check("2026-11-16", "2026-11-24", Err("the period reaches beyond today, 2026-11-22"));
        check("2026-11-16", "2026-11-16", Err("the period ends on 2026-11-16 before it begins on 2026-11-16"));
        check(
            "2026-09-28",
            "2026-10-05",
            Err(
                "the period crosses the end of a quarter on 2026-10-01; ask for the days before and after it in two releases",
            ),
        );
    }

    #[test]
    fn the_end_of_time_does_not_panic() {
        assert_eq!(date_text(Day(u32::MAX)), "9999-12-31");
        let _ = Quarter::of(Day(u32::MAX)).next().first_day();
    }
}
