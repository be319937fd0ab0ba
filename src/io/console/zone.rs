//! Moments as people read them: always with their zone, and for machines as RFC 3339 in `<time datetime>`.
//!
//! Everything is UTC unless somebody chose otherwise for themselves, or an address says so (`?zone=`), so that two people who look
//! at one link see one time.

use std::fmt;
use std::str::FromStr;

use askama::filters::HtmlSafe;
use jiff::tz::TimeZone;

use crate::base::time::{Day, Timestamp};

/// Characters of the longest name of a zone, generously.
const NAME_CHARACTERS: usize = 64;

/// A time zone of the IANA database.
#[derive(Clone, PartialEq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// As in `Europe/Berlin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every zone this machine knows.
    pub fn all() -> Vec<String> {
        let places = |name: &String| name == "UTC" || (name.contains('/') && !name.starts_with("Etc/"));
        let known = jiff::tz::db().available().map(|name| name.to_string());
        let mut names: Vec<String> = known.filter(places).collect();
        names.sort();
        names
    }

    /// A moment as a field for one gives it (`2026-11-18T12:06`, read in this zone; a day is its beginning), or as an address holds
    /// it (RFC 3339, which says its zone itself).
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        let exact = text.parse::<jiff::Timestamp>().ok();
        let local = || {
            let typed: jiff::civil::DateTime = text.parse().ok()?;
            Some(typed.to_zoned(self.zone.clone()).ok()?.timestamp())
        };
        let ms = exact.or_else(local)?.as_millisecond();
        u64::try_from(ms).ok().map(Timestamp::from_unix_ms)
    }

    /// The same for such a field: to the minute, and to the second where it is within one.
    pub fn field(&self, at: Timestamp) -> String {
        let form = if at.unix_s().is_multiple_of(60) { "%FT%H:%M" } else { "%FT%H:%M:%S" };
        self.shown(at, form).unwrap_or_default()
    }

    fn shown(&self, at: Timestamp, form: &str) -> Option<String> {
        let ms = i64::try_from(at.unix_ms()).ok()?;
        let zoned = jiff::Timestamp::from_millisecond(ms).ok()?.to_zoned(self.zone.clone());
        Some(zoned.strftime(form).to_string())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

/// No zone this machine knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time zone is named as in Europe/Berlin")]
pub struct UnknownZone;

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
        if name.len() > NAME_CHARACTERS || !name.bytes().all(plain) {
            return Err(UnknownZone);
        }
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Self::utc());
        }
        let zone = TimeZone::get(name).map_err(|_| UnknownZone)?;
        let name = zone.iana_name().ok_or(UnknownZone)?.to_owned();
        Ok(Self { name, zone })
    }
}

/// A moment for a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Time {
    at: Timestamp,
    zone: Zone,
    precision: Precision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Second,
    Minute,
}

impl Time {
    /// To the second.
    pub fn new(at: Timestamp, zone: &Zone) -> Self {
        Self { at, zone: zone.clone(), precision: Precision::Second }
    }

    /// To the minute, where a column of seconds would be noise.
    pub fn to_the_minute(at: Timestamp, zone: &Zone) -> Self {
        Self { precision: Precision::Minute, ..Self::new(at, zone) }
    }

    /// Without markup, for texts and exports.
    pub fn plain(&self) -> String {
        let form = match self.precision {
            Precision::Second => "%F %T %Z",
            Precision::Minute => "%F %H:%M %Z",
        };
        self.zone.shown(self.at, form).unwrap_or_else(|| self.at.to_string())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.plain();
        let safe = |character: &char| character.is_ascii_alphanumeric() || " :+-".contains(*character);
        let plain: String = plain.chars().filter(safe).collect();
        match plain.rsplit_once(' ') {
            Some((moment, zone)) => {
                write!(f, "<time datetime=\"{}\">{moment} <span class=\"zone\">{zone}</span></time>", self.at)
            }
            None => write!(f, "<time datetime=\"{}\">{plain}</time>", self.at),
        }
    }
}

/// Only letters, digits and signs of times stand in it.
impl HtmlSafe for Time {}

/// A day for a page and for charts, UTC: days are counted where the statements were made.
pub fn short_day(day: Day) -> String {
    Zone::utc().shown(day.start(), "%-d %b").unwrap_or_else(|| day.to_string())
}

/// How long ago something was, roughly, in words.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now.ms_since(at) / 1_000))
}

/// A span of seconds, roughly, in words.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..172_800 => "1 day".to_owned(),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_unix_ms(1_795_000_000_123);

    #[test]
    fn a_moment_is_shown_in_the_zone_somebody_chose_and_says_so() {
        let check = |zone: &str, shown: &str| {
            assert_eq!(Time::new(AT, &zone.parse().expect("a zone")).to_string(), shown, "{zone}");
        };
        let datetime = "<time datetime=\"2026-11-18T11:06:40.123Z\">";
        check("UTC", &format!("{datetime}2026-11-18 11:06:40 <span class=\"zone\">UTC</span></time>"));
        check("Europe/Berlin", &format!("{datetime}2026-11-18 12:06:40 <span class=\"zone\">CET</span></time>"));
        check("America/Sao_Paulo", &format!("{datetime}2026-11-18 08:06:40 <span class=\"zone\">-03</span></time>"));
        assert_eq!(Time::to_the_minute(AT, &Zone::utc()).plain(), "2026-11-18 11:06 UTC");
        let far = Time::new(Timestamp::from_unix_ms(u64::MAX), &Zone::utc()).to_string();
        assert!(far.contains("ms after 1970"), "{far}");
    }

    #[test]
    fn names_that_are_none_are_refused() {
        for name in ["", "Mars/Olympus", "../etc/passwd", "Europe/Berlin\"", "<b>", &"a".repeat(65)] {
            assert_eq!(name.parse::<Zone>(), Err(UnknownZone), "{name}");
        }
        assert!(Zone::all().contains(&"Europe/Berlin".to_owned()));
    }

    #[test]
    fn a_typed_moment_is_read_in_the_zone_and_shown_in_it_again() {
        let check = |zone: &str, text: &str, read: Option<&str>| {
            let zone: Zone = zone.parse().expect("a zone");
            assert_eq!(zone.read(text).map(|at| at.to_string()).as_deref(), read, "{text}");
        };
        check("UTC", "2026-11-18T11:06", Some("2026-11-18T11:06:00.000Z"));
        check("Europe/Berlin", "2026-11-18T12:06", Some("2026-11-18T11:06:00.000Z"));
        check("Europe/Berlin", "2026-07-01T12:06:07", Some("2026-07-01T10:06:07.000Z"));
        check("Europe/Berlin", "2026-11-18", Some("2026-11-17T23:00:00.000Z"));
        check("Europe/Berlin", "2026-11-18T11:06:40.123Z", Some("2026-11-18T11:06:40.123Z"));
        check("America/Sao_Paulo", "2026-11-18T11:06:40+01:00", Some("2026-11-18T10:06:40.000Z"));
        for none in ["", "yesterday", "2026-13-01T00:00", "1960-01-01T00:00", "4111111111111111"] {
            check("UTC", none, None);
        }
        let berlin: Zone = "Europe/Berlin".parse().expect("a zone");
        assert_eq!(berlin.field(AT), "2026-11-18T12:06:40");
        assert_eq!(berlin.field(Timestamp::from_unix_s(1_795_000_020)), "2026-11-18T12:07");
    }

    #[test]
    fn spans_are_rough() {
        let check = |seconds, words: &str| assert_eq!(span(seconds), words);
        check(0, "0 s");
        check(59, "59 s");
        check(60, "1 min");
        check(7_300, "2 h");
        check(86_400, "1 day");
        check(200_000, "2 days");
        assert_eq!(ago(AT, AT.plus_s(61)), "1 min ago");
        assert_eq!(ago(AT.plus_s(61), AT), "0 s ago", "a clock may be off");
        assert_eq!(short_day(AT.day()), "18 Nov");
    }
}
