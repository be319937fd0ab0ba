//! Times in files: RFC 3339 with an offset, or seconds since 1970.

/// A text that is no time of ours. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeRule {
    #[error("must be RFC 3339 with an offset (2026-11-22T10:00:00Z) or seconds since 1970")]
    Form,
    #[error("looks like milliseconds; give seconds since 1970")]
    Milliseconds,
    #[error("must lie between 1970 and the year 9999")]
    Range,
}

impl TimeRule {
    /// Stable name for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "time_form",
            Self::Milliseconds => "time_in_milliseconds",
            Self::Range => "time_range",
        }
    }
}

/// Last second of the year 9999, the end of `google.protobuf.Timestamp`.
const LAST_S: i64 = 253_402_300_799;

pub fn parse(text: &str) -> Result<prost_types::Timestamp, TimeRule> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return match seconds {
            0..=LAST_S => Ok(prost_types::Timestamp { seconds, nanos: 0 }),
            _ if seconds > LAST_S => Err(TimeRule::Milliseconds),
            _ => Err(TimeRule::Range),
        };
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| TimeRule::Form)?;
    let (seconds, nanos) = (time.as_second(), time.subsec_nanosecond());
    if (0..=LAST_S).contains(&seconds) && nanos >= 0 {
        Ok(prost_types::Timestamp { seconds, nanos })
    } else {
        Err(TimeRule::Range)
    }
}

/// The same on a command line, where a date stands for its first moment in UTC.
pub fn parse_moment(text: &str) -> Result<prost_types::Timestamp, TimeRule> {
    match text.trim().parse::<jiff::civil::Date>() {
        Ok(date) if text.trim().len() == 10 => parse(&format!("{date}T00:00:00Z")),
        Ok(_) | Err(_) => parse(text),
    }
}

/// Milliseconds since 1970; smaller parts are left out.
pub fn milliseconds(time: &prost_types::Timestamp) -> u64 {
    let seconds = u64::try_from(time.seconds).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(u64::try_from(time.nanos / 1_000_000).unwrap_or(0))
}

/// RFC 3339 in UTC; empty for what no calendar holds.
pub fn show(time: &prost_types::Timestamp) -> String {
    jiff::Timestamp::new(time.seconds, time.nanos).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_moment() {
        let check = |text: &str, expected: Result<i64, TimeRule>| {
            assert_eq!(parse(text).map(|time| time.seconds), expected, "{text:?}");
        };
        check("1795000000", Ok(1_795_000_000));
        check("2026-11-18T11:06:40Z", Ok(1_795_000_000));
        check(" 2026-11-18T12:06:40.5+01:00 ", Ok(1_795_000_000));
        check("1795000000123", Err(TimeRule::Milliseconds));
        check("2026-11-18", Err(TimeRule::Form));
        check("2026-11-18T11:06:40", Err(TimeRule::Form));
        check("18.11.2026", Err(TimeRule::Form));
        check("", Err(TimeRule::Form));
        check("-5", Err(TimeRule::Range));
        check("1905-01-01T00:00:00Z", Err(TimeRule::Range));
    }

    #[test]
    fn on_a_command_line_a_date_is_its_first_moment_in_utc() {
        let check = |text: &str, expected: Result<u64, TimeRule>| {
            assert_eq!(parse_moment(text).map(|time| milliseconds(&time)), expected, "{text:?}");
        };
        check("2026-11-18", Ok(1_794_960_000_000));
        check("2026-11-18T00:00:00.5Z", Ok(1_794_960_000_500));
        check("1794960000", Ok(1_794_960_000_000));
        check("2026-13-01", Err(TimeRule::Form));
        check("20261118T000000", Err(TimeRule::Form));
        check("1905-01-01", Err(TimeRule::Range));
    }
}
