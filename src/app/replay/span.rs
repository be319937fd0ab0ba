//! A length of time on the command line: `90m`, `24h`, `2d`.

use std::fmt;
use std::str::FromStr;

/// A length of time with the words it was asked for in, which name it in every report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub ms: u64,
    text: String,
}

/// Not of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a whole number with s, m, h, d or w, e.g. 0s, 90m, 24h or 2d, of ten years at most")]
pub struct NoSpan;

const LONGEST_MS: u64 = 10 * 366 * 86_400_000;

impl FromStr for Span {
    type Err = NoSpan;

    fn from_str(text: &str) -> Result<Self, NoSpan> {
        let text = text.trim();
        let unit = text.chars().next_back().ok_or(NoSpan)?;
        let unit_ms: u64 = match unit {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            'w' => 604_800_000,
            _ => return Err(NoSpan),
        };
        let digits = text.strip_suffix(unit).unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NoSpan);
        }
        let ms = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit_ms));
        let ms = ms.filter(|ms| *ms <= LONGEST_MS).ok_or(NoSpan)?;
        Ok(Self { ms, text: text.to_owned() })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_with_its_unit() {
        let check = |text: &str, expected: Result<u64, NoSpan>| {
            assert_eq!(text.parse::<Span>().map(|span| span.ms), expected, "{text:?}");
        };
        check("0s", Ok(0));
        check(" 1h ", Ok(3_600_000));
        check("90m", Ok(5_400_000));
        check("2d", Ok(172_800_000));
        check("1w", Ok(604_800_000));
        for text in ["", "h", "1", "-1h", "1.5h", "1 h", "+1h", "1x", "1é", "11y", "99999999999999999999d", "4000d"] {
            check(text, Err(NoSpan));
        }
        assert_eq!("24h".parse::<Span>().map(|span| span.to_string()), Ok("24h".to_owned()));
    }
}
