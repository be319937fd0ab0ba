//! When a row happened: Unix seconds, Unix milliseconds, or RFC 3339 with a zone. Zones may differ from row to row; a time
//! without one is refused, because a guess would move frauds before the flags they led to.

use crate::base::time::Timestamp;

/// A text that is no time. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MomentRule {
    #[error("must be seconds or milliseconds since 1970, or RFC 3339 with a zone (2026-11-22T10:00:00+01:00)")]
    Form,
    #[error("has no zone: add Z, or an offset such as +01:00")]
    WithoutZone,
    #[error("must lie between 1970 and 2060")]
    Range,
}

impl MomentRule {
    /// Stable name for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "time_form",
            Self::WithoutZone => "time_without_zone",
            Self::Range => "time_range",
        }
    }
}

/// 2060-01-01. Later times saturate in what the belief keeps of an expiry.
const END_MS: u64 = 2_840_140_800_000;

/// A number from here on counts milliseconds: as seconds it would lie beyond the year 5000, as milliseconds in March 1973.
const MILLISECONDS_FROM: u64 = 100_000_000_000;

pub fn parse(text: &str) -> Result<Timestamp, MomentRule> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if is_digits(whole) && is_digits(fraction) {
        return from_number(whole, fraction);
    }
    if whole.strip_prefix('-').is_some_and(is_digits) && is_digits(fraction) {
        return Err(MomentRule::Range);
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| match text.parse::<jiff::civil::DateTime>() {
        Ok(_) => MomentRule::WithoutZone,
        Err(_) => MomentRule::Form,
    })?;
    within(u64::try_from(time.as_millisecond()).map_err(|_| MomentRule::Range)?)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn from_number(whole: &str, fraction: &str) -> Result<Timestamp, MomentRule> {
    let number: u64 = whole.parse().map_err(|_| MomentRule::Range)?;
    if number >= MILLISECONDS_FROM {
        return within(number);
    }
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    let thousandths: u64 = thousandths.parse().map_err(|_| MomentRule::Form)?;
    within(number * 1_000 + thousandths)
}

fn within(unix_ms: u64) -> Result<Timestamp, MomentRule> {
    if unix_ms < END_MS { Ok(Timestamp::from_unix_ms(unix_ms)) } else { Err(MomentRule::Range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_and_zone_names_the_same_moment() {
        let check = |text: &str, expected: Result<u64, MomentRule>| {
            assert_eq!(parse(text).map(Timestamp::unix_ms), expected, "{text:?}");
        };
        check("1795000000", Ok(1_795_000_000_000));
        check("1795000000.0", Ok(1_795_000_000_000));
        check("1795000000.5", Ok(1_795_000_000_500));
        check("1795000000123", Ok(1_795_000_000_123));
        check("1795000000123.4", Ok(1_795_000_000_123));
        check("0", Ok(0));
        check("2026-11-18T11:06:40Z", Ok(1_795_000_000_000));
        check("2026-11-18T12:06:40+01:00", Ok(1_795_000_000_000));
        check(" 2026-11-18 06:06:40.25-05:00 ", Ok(1_795_000_000_250));
        check("2026-11-18T11:06:40", Err(MomentRule::WithoutZone));
        check("2026-11-18 11:06", Err(MomentRule::WithoutZone));
        check("2026-11-18", Err(MomentRule::WithoutZone));
        check("18.11.2026", Err(MomentRule::Form));
        check("yesterday", Err(MomentRule::Form));
        check("", Err(MomentRule::Form));
        check("-5", Err(MomentRule::Range));
        check("1905-01-01T00:00:00Z", Err(MomentRule::Range));
        check("2060-01-01T00:00:00Z", Err(MomentRule::Range));
        check("99999999999999999999999", Err(MomentRule::Range));
    }
}
