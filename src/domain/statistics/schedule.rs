//! What the node releases by itself: of every day or week that is over, one release of each question.
//!
//! Drawn on the schedule and not on request, so that neither the moment nor the choice of days depends on anybody who has seen the
//! data. A week begins on Monday (UTC); one that crosses the end of a quarter is released in two parts, each paid for by its
//! own quarter. Ids follow from the days alone: `weekly-2026-11-16-orders-by-decision`.

use crate::base::limits::statistics::{CATCH_UP_DAYS, SETTLE_S};
use crate::base::time::{Day, Timestamp};
use crate::domain::statistics::budget::Epsilon;
use crate::domain::statistics::period::{Period, Quarter, date_text};
use crate::domain::statistics::question::{Query, Question, ReleaseId, SCHEDULED};

const DAY_MS: u64 = 86_400_000;

/// What a draw may cost beyond what was asked: the library rounds its loss up, and the ledger that once more.
const ROUNDING_NANO: u64 = 2;

/// See the module. None of either: nothing is released by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Schedule {
    /// Privacy loss of one day, over all questions.
    pub daily: Option<Epsilon>,
    /// Privacy loss of one week, over all questions.
    pub weekly: Option<Epsilon>,
}

/// A release of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub id: ReleaseId,
    pub question: Question,
}

impl Planned {
    /// When it is drawn.
    pub fn moment(&self) -> Timestamp {
        self.question.period.until().start().plus_s(SETTLE_S)
    }

    /// From when on it is not made any more.
    pub fn lapses(&self) -> Timestamp {
        self.moment().plus_ms(CATCH_UP_DAYS * DAY_MS)
    }

    /// The most it will cost.
    pub fn price(&self) -> Epsilon {
        Epsilon::from_nano(self.question.asked.nano().saturating_add(ROUNDING_NANO))
    }
}

impl Schedule {
    pub fn is_empty(&self) -> bool {
        self.daily.is_none() && self.weekly.is_none()
    }

    /// The most that a quarter can cost: one of 92 days in 14 weeks, the first and the last of which may be parts.
    pub fn cost_of_quarter(&self) -> Epsilon {
        let longest = Quarter::of(Day(19_631)); // 2023-Q4
        total(self.of_quarter(longest).iter())
    }

    /// What is still to be paid for of a quarter. `is_settled` are those that were paid for or given up.
    pub fn still_to_pay(&self, quarter: Quarter, now: Timestamp, is_settled: impl Fn(&ReleaseId) -> bool) -> Epsilon {
        let planned = self.of_quarter(quarter);
        total(planned.iter().filter(|planned| now < planned.lapses() && !is_settled(&planned.id)))
    }

    /// What is to be drawn now, the oldest first. Nothing of days before `since`, the first of which there are data.
    pub fn due(&self, now: Timestamp, since: Day) -> Vec<Planned> {
        let today = Quarter::of(now.day());
        let earliest = now.day().0.saturating_sub(u32::try_from(CATCH_UP_DAYS).expect("small") + 7);
        let before = Quarter::of(Day(earliest));
        let quarters = [Some(before), (before != today).then_some(today)];
        let mut due: Vec<Planned> =
            quarters.into_iter().flatten().flat_map(|quarter| self.of_quarter(quarter)).collect();
        due.retain(|planned| {
            planned.moment() <= now && now < planned.lapses() && planned.question.period.until() > since
        });
        due.sort_by_key(Planned::moment);
        due
    }

    fn of_quarter(&self, quarter: Quarter) -> Vec<Planned> {
        let [daily, weekly] = SCHEDULED;
        let days = self.daily.map(|price| (daily, price, false));
        let weeks = self.weekly.map(|price| (weekly, price, true));
        let cadences = days.into_iter().chain(weeks);
        cadences.flat_map(|(word, price, weekly)| releases(word, price, periods(quarter, weekly))).collect()
    }
}

/// The last week, or part of one at the end of a quarter, that is over.
pub fn last_week(today: Day) -> Period {
    let quarter = Quarter::of(today);
    let before = Quarter::of(Day(quarter.first_day().0.saturating_sub(1)));
    let mut weeks = periods(before, true).into_iter().chain(periods(quarter, true));
    weeks.rfind(|week| week.until() <= today).expect("the quarter before is over, and has weeks")
}

fn total<'a>(planned: impl Iterator<Item = &'a Planned>) -> Epsilon {
    planned.fold(Epsilon::NONE, |sum, planned| Epsilon::from_nano(sum.nano().saturating_add(planned.price().nano())))
}

/// One of each question, which share the price evenly.
fn releases(word: &'static str, price: Epsilon, periods: Vec<Period>) -> impl Iterator<Item = Planned> {
    let questions = u64::try_from(Query::ALL.len()).expect("few");
    let asked = Epsilon::from_nano(price.nano() / questions);
    periods.into_iter().flat_map(move |period| {
        Query::ALL.into_iter().map(move |query| {
            let id = format!("{word}-{}-{query}", date_text(period.from()));
            let id = id.parse().expect("a cadence, a date and a name of ours make an id");
            Planned { id, question: Question { query, period, asked } }
        })
    })
}

/// The days of a quarter, or its weeks and the parts of weeks at its ends.
fn periods(quarter: Quarter, weekly: bool) -> Vec<Period> {
    let end = quarter.next().first_day();
    let mut from = quarter.first_day();
    let mut periods = Vec::new();
    while from < end {
        // 1970-01-01 was a Thursday.
        let days = if weekly { 7 - (from.0.saturating_add(3)) % 7 } else { 1 };
        let until = Day(from.0.saturating_add(days)).min(end);
        periods.extend(Period::stored(from, until));
        from = until;
    }
    periods
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::statistics::period::parse_date;

    const BOTH: Schedule =
        Schedule { daily: Some(Epsilon::from_nano(5_000_000)), weekly: Some(Epsilon::from_nano(100_000_000)) };

    fn day(text: &str) -> Day {
        parse_date(text).expect("a date")
    }

    /// Minutes behind midnight.
    fn at(date: &str, minutes: u64) -> Timestamp {
        day(date).start().plus_s(minutes * 60)
    }

    fn due(schedule: Schedule, now: Timestamp, since: &str) -> Vec<String> {
        let kinds = Query::PublishedIndicatorsByKind.name();
        let due = schedule.due(now, day(since));
        let ids = due.iter().map(|planned| planned.id.as_str());
        ids.filter_map(|id| id.strip_suffix(kinds).map(|id| id.trim_end_matches('-').to_owned())).collect()
    }

    #[test]
    fn a_day_is_due_an_hour_after_its_end_and_a_week_after_its_sunday() {
        let check = |now: Timestamp, expected: &[&str]| assert_eq!(due(BOTH, now, "2026-11-22"), expected, "{now}");
        check(at("2026-11-22", 1_439), &[]);
        check(at("2026-11-23", 59), &[]);
        check(at("2026-11-23", 60), &["daily-2026-11-22", "weekly-2026-11-16"]);
        check(at("2026-11-24", 60), &["daily-2026-11-22", "weekly-2026-11-16", "daily-2026-11-23"]);
        check(
            at("2026-12-01", 59),
            &[
                "daily-2026-11-22",
                "weekly-2026-11-16",
                "daily-2026-11-23",
                "daily-2026-11-24",
                "daily-2026-11-25",
                "daily-2026-11-26",
                "daily-2026-11-27",
                "daily-2026-11-28",
                "daily-2026-11-29",
                "weekly-2026-11-23",
            ],
        );
        let lapsed = due(BOTH, at("2026-12-01", 60), "2026-11-22");
        assert!(!lapsed.contains(&"daily-2026-11-22".to_owned()) && !lapsed.contains(&"weekly-2026-11-16".to_owned()));
        assert!(due(Schedule::default(), at("2026-12-01", 60), "2026-11-22").is_empty());
    }

    #[test]
    fn every_question_of_a_period_is_due_at_once_and_shares_the_price() {
        let weekly = Schedule { daily: None, ..BOTH };
        let due = weekly.due(at("2026-11-23", 60), day("2026-11-22"));
        let queries: Vec<Query> = due.iter().map(|planned| planned.question.query).collect();
        assert_eq!(queries, Query::ALL);
        assert!(due.iter().all(|planned| planned.question.asked == Epsilon::from_nano(20_000_000)));
        assert!(due.iter().all(|planned| planned.id.is_scheduled()));
    }

    #[test]
    fn what_ended_before_there_were_data_is_not_made_up_for() {
        let now = at("2026-11-30", 60);
        assert_eq!(due(Schedule { daily: None, ..BOTH }, now, "2026-11-29"), ["weekly-2026-11-23"]);
        assert!(due(Schedule { daily: None, ..BOTH }, now, "2026-11-30").is_empty());
    }

    #[test]
    fn a_week_that_crosses_a_quarter_is_two_releases() {
        let weekly = Schedule { daily: None, ..BOTH };
        // 2027-01-01 is a Friday.
        let check = |now: Timestamp, expected: &[&str]| assert_eq!(due(weekly, now, "2026-12-28"), expected);
        check(at("2027-01-01", 60), &["weekly-2026-12-28"]);
        check(at("2027-01-04", 60), &["weekly-2026-12-28", "weekly-2027-01-01"]);
    }

    #[test]
    fn the_periods_of_a_quarter_cover_each_of_its_days_once() {
        for quarter in (0..120).scan(Quarter::of(day("2000-01-01")), |quarter, _| {
            *quarter = quarter.next();
            Some(*quarter)
        }) {
            for weekly in [false, true] {
                let periods = periods(quarter, weekly);
                assert_eq!(periods[0].from(), quarter.first_day());
                assert!(periods.windows(2).all(|pair| pair[0].until() == pair[1].from()));
                assert_eq!(periods.last().map(Period::until), Some(quarter.next().first_day()));
            }
            assert!(total(BOTH.of_quarter(quarter).iter()) <= BOTH.cost_of_quarter(), "{quarter}");
        }
    }

    #[test]
    fn the_last_week_is_over_and_may_be_a_part_of_one() {
        let check = |today: &str, from: &str, until: &str| {
            let week = last_week(day(today));
            assert_eq!((week.from(), week.until()), (day(from), day(until)), "{today}");
        };
        check("2026-11-23", "2026-11-16", "2026-11-23");
        check("2026-11-29", "2026-11-16", "2026-11-23");
        check("2027-01-01", "2026-12-28", "2027-01-01");
        check("2027-01-04", "2027-01-01", "2027-01-04");
    }

    #[test]
    fn a_quarter_costs_what_its_releases_cost() {
        // 92 days and 14 weeks, five questions each.
        let nano = 92 * 5 * (1_000_000 + ROUNDING_NANO) + 14 * 5 * (20_000_000 + ROUNDING_NANO);
        assert_eq!(BOTH.cost_of_quarter(), Epsilon::from_nano(nano));
        assert_eq!(Schedule::default().cost_of_quarter(), Epsilon::NONE);
    }

    #[test]
    fn what_is_settled_or_has_lapsed_needs_no_budget_any_more() {
        let (quarter, weekly) = (Quarter::of(day("2026-11-23")), Schedule { daily: None, ..BOTH });
        let left = |now, settled: &str| {
            let nano = weekly.still_to_pay(quarter, now, |id| id.as_str() == settled).nano();
            nano / (20_000_000 + ROUNDING_NANO)
        };
        // Thursday, 1 October, begins the quarter.
        assert_eq!(left(at("2026-10-01", 0), ""), 14 * 5);
        assert_eq!(left(at("2026-10-01", 0), "weekly-2026-10-05-orders-by-decision"), 14 * 5 - 1);
        assert_eq!(left(at("2026-10-13", 59), ""), 14 * 5);
        assert_eq!(left(at("2026-10-13", 60), ""), 13 * 5);
        assert_eq!(left(at("2027-01-09", 60), ""), 0);
    }
}
