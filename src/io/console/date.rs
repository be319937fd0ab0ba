//! Days as forms hold them and as people read them. They are UTC: days are counted where the statements were made.

use std::fmt;
use std::str::FromStr;

use crate::base::time::Day;
use crate::domain::statistics::period::{date_text, parse_date};

/// A day as an input of a form and an address hold it: `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(pub Day);

/// No day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as in 2026-11-22")]
pub struct NoDate;

impl FromStr for Date {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Self, NoDate> {
        parse_date(text).map(Self).ok_or(NoDate)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&date_text(self.0))
    }
}

/// The day before, as far as there are days.
pub fn before(day: Day) -> Day {
    Day(day.0.saturating_sub(1))
}

/// `22 Nov 2026`.
pub fn long_day(day: Day) -> String {
    let text = date_text(day);
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, date] = parts.as_slice() else { return text };
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = month.parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?).copied());
    month.map_or_else(|| text.clone(), |month| format!("{} {month} {year}", date.trim_start_matches('0')))
}

/// Days from `from` until just before `until`: `16 to 22 Nov 2026`.
pub fn days(from: Day, until: Day) -> String {
    let last = before(until);
    let (first, end) = (long_day(from), long_day(last));
    if last <= from {
        return first;
    }
    let shorter = |parts: usize| {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let (first, end) = (words(&first), words(&end));
        (first.get(parts..) == end.get(parts..)).then(|| first.get(..parts).unwrap_or_default().join(" "))
    };
    let first = shorter(1).or_else(|| shorter(2)).unwrap_or_else(|| first.clone());
    format!("{first} to {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        parse_date(text).expect("a date")
    }

    #[test]
    fn a_day_is_read_in_one_form_and_written_in_it() {
        assert_eq!("2026-11-22".parse::<Date>().map(|date| date.to_string()), Ok("2026-11-22".to_owned()));
        for broken in ["", "22.11.2026", "2026-11-31", "<b>"] {
            assert_eq!(broken.parse::<Date>(), Err(NoDate), "{broken}");
        }
    }

    #[test]
    fn days_in_a_row_say_what_they_share_once() {
        let check = |from: &str, until: &str, words: &str| assert_eq!(days(day(from), day(until)), words);
        check("2026-11-16", "2026-11-23", "16 to 22 Nov 2026");
        check("2026-11-16", "2026-11-17", "16 Nov 2026");
        check("2026-10-26", "2026-11-02", "26 Oct to 1 Nov 2026");
        check("2026-12-28", "2027-01-04", "28 Dec 2026 to 3 Jan 2027");
        check("2026-11-02", "2026-12-02", "2 Nov to 1 Dec 2026");
    }
}
