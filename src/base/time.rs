//! Points in time as values; nothing here reads a clock.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    pub const fn from_unix_ms(unix_ms: u64) -> Self {
        Self(unix_ms)
    }

    /// Saturates at the end of representable time.
    pub const fn from_unix_s(unix_s: u64) -> Self {
        Self(unix_s.saturating_mul(1000))
    }

    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    pub const fn unix_s(self) -> u64 {
        self.0 / 1000
    }

    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    pub const fn plus_s(self, s: u64) -> Self {
        self.plus_ms(s.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` to `self`; 0 where `earlier` is later.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole hour since the epoch.
    pub fn hour(self) -> Hour {
        Hour(u32::try_from(self.unix_s() / 3600).unwrap_or(u32::MAX))
    }

    /// Whole day since the epoch, UTC.
    pub fn day(self) -> Day {
        Day(u32::try_from(self.unix_s() / 86_400).unwrap_or(u32::MAX))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// RFC 3339 with milliseconds, UTC.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(ms) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ms after 1970", self.0),
        }
    }
}

/// Hours since 1970-01-01T00Z: as exact as other members learn when something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub u32);

impl Hour {
    /// The day it belongs to, UTC.
    pub const fn day(self) -> Day {
        Day(self.0 / 24)
    }
}

/// Days since 1970-01-01, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The first moment of the day.
    pub fn start(self) -> Timestamp {
        Timestamp::from_unix_s(u64::from(self.0) * 86_400)
    }
}

/// ISO 8601, e.g. `2026-11-18`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(i64::from(self.0) * 86_400) {
            Ok(start) => write!(f, "{}", start.strftime("%F")),
            Err(_) => write!(f, "{} days after 1970", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_utc_and_falls_into_its_hour_and_day() {
        let time = Timestamp::from_unix_ms(1_795_000_000_123);
        assert_eq!(time.to_string(), "2026-11-18T11:06:40.123Z");
        assert_eq!(time.hour(), Hour(498_611));
        assert_eq!(time.day(), Day(20_775));
        assert_eq!(time.hour().day(), time.day());
        assert_eq!(time.day().to_string(), "2026-11-18");
        assert!(time.day().start() <= time && time < time.day().next().start());
    }
}
