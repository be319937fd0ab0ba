//! From when until when an indicator counts, exact to the second.

use crate::base::time::{Day, Timestamp};

const DAY_S: u64 = 86_400;

/// A span that would never count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the validity must end after it begins")]
pub struct EmptyValidity;

/// `[from, until)` in seconds since 1970; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    from_s: u64,
    until_s: u64,
}

impl Validity {
    pub fn new(from_s: u64, until_s: u64) -> Result<Self, EmptyValidity> {
        if from_s < until_s { Ok(Self { from_s, until_s }) } else { Err(EmptyValidity) }
    }

    pub fn from_s(&self) -> u64 {
        self.from_s
    }

    pub fn until_s(&self) -> u64 {
        self.until_s
    }

    pub fn until(&self) -> Timestamp {
        Timestamp::from_unix_s(self.until_s)
    }

    /// Whether it counts at `now`: from its first second on, and no longer in its last.
    pub fn contains(&self, now: Timestamp) -> bool {
        self.from_s <= now.unix_s() && now.unix_s() < self.until_s
    }

    /// Length in seconds.
    pub fn length_s(&self) -> u64 {
        self.until_s - self.from_s
    }

    /// The public day after which everyone may drop blob and salt: the day after the last second (DESIGN §6).
    pub fn expires_day(&self) -> Day {
        let last_second = self.until_s - 1;
        Day(u32::try_from(last_second / DAY_S).unwrap_or(u32::MAX)).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_its_first_second_and_not_at_its_end() {
        let validity = Validity::new(100, 200).expect("not empty");
        let check = |ms: u64, counts: bool| {
            assert_eq!(validity.contains(Timestamp::from_unix_ms(ms)), counts, "{ms}");
        };
        check(99_999, false);
        check(100_000, true);
        check(199_999, true);
        check(200_000, false);
    }

    #[test]
    fn an_empty_or_backward_span_is_refused() {
        assert_eq!(Validity::new(100, 100), Err(EmptyValidity));
        assert_eq!(Validity::new(100, 99), Err(EmptyValidity));
    }

    #[test]
    fn content_is_kept_through_the_whole_day_of_the_last_second() {
        let day_of_end = |until_s: u64| Validity::new(0, until_s).expect("not empty").expires_day();
        assert_eq!(day_of_end(DAY_S), Day(1));
        assert_eq!(day_of_end(DAY_S + 1), Day(2));
    }
}
