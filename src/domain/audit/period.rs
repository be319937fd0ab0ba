//! The period a report or a legal hold is about: from one moment until just before another.

use crate::base::limits;
use crate::base::time::Timestamp;

/// Not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPeriod {
    from: Timestamp,
    until: Timestamp,
}

/// No period, or none of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    #[error("a period ends after it begins, got {from} until {until}")]
    Empty { from: Timestamp, until: Timestamp },
    #[error("a period of {got} days exceeds the limit of {limit}; ask for several reports")]
    TooLong { got: u64, limit: u64 },
    #[error("the period ends at {until} and it is {now}: what is still to come cannot be reported")]
    NotOver { until: Timestamp, now: Timestamp },
}

impl AuditPeriod {
    /// From `from` on and before `until`.
    pub fn new(from: Timestamp, until: Timestamp) -> Result<Self, PeriodError> {
        if until <= from {
            return Err(PeriodError::Empty { from, until });
        }
        Ok(Self { from, until })
    }

    /// The same for a report that is asked for at `now`: not longer than one takes, and passed, or it could not be whole.
    pub fn reportable(self, now: Timestamp) -> Result<Self, PeriodError> {
        let (got, limit) = (self.until.ms_since(self.from).div_ceil(86_400_000), limits::evidence::REPORT_DAYS);
        if got > limit {
            return Err(PeriodError::TooLong { got, limit });
        }
        if now < self.until { Err(PeriodError::NotOver { until: self.until, now }) } else { Ok(self) }
    }

    pub fn from(&self) -> Timestamp {
        self.from
    }

    pub fn until(&self) -> Timestamp {
        self.until
    }

    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_beginning_and_an_end_and_a_report_of_it_waits_until_it_has_passed() {
        let at = Timestamp::from_unix_s;
        let period = AuditPeriod::new(at(10), at(20)).expect("in order");
        assert_eq!([9, 10, 19, 20].map(|s| period.contains(at(s))), [false, true, true, false]);
        assert_eq!(period.reportable(at(20)), Ok(period));
        assert_eq!(period.reportable(at(19)), Err(PeriodError::NotOver { until: at(20), now: at(19) }));
        for from in [20, 21] {
            let (from, until) = (at(from), at(20));
            assert_eq!(AuditPeriod::new(from, until), Err(PeriodError::Empty { from, until }));
        }
        let limit = limits::evidence::REPORT_DAYS;
        let of = |s: u64| AuditPeriod::new(at(0), at(s)).and_then(|period| period.reportable(at(s)));
        assert!(of(limit * 86_400).is_ok());
        assert_eq!(of(limit * 86_400 + 1), Err(PeriodError::TooLong { got: limit + 1, limit }));
    }
}
