//! How far back charts look: what may be chosen for all of them.

use std::str::FromStr;

use crate::base::time::Day;

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Week,
    Month,
    Quarter,
}

/// No such span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("charts show 7, 30 or 90 days")]
pub struct NoSpan;

impl Span {
    pub const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Quarter];

    pub fn days(self) -> u32 {
        match self {
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// The days it shows, today included.
    pub fn until(self, today: Day) -> Vec<Day> {
        let from = today.0.saturating_sub(self.days() - 1);
        (from..=today.0).map(Day).collect()
    }
}

impl FromStr for Span {
    type Err = NoSpan;

    fn from_str(text: &str) -> Result<Self, NoSpan> {
        Self::ALL.into_iter().find(|span| span.days().to_string() == text).ok_or(NoSpan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day(20_785);

    #[test]
    fn a_span_ends_today_and_no_other_length_is_one() {
        assert_eq!(Span::Week.until(TODAY), (20_779..=20_785).map(Day).collect::<Vec<_>>());
        assert_eq!(Span::Month.until(TODAY).len(), 30);
        assert_eq!(("7".parse(), "8".parse::<Span>()), (Ok(Span::Week), Err(NoSpan)));
    }
}
