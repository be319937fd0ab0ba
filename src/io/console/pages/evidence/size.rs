//! What the log takes, month by month, and what retention will free of it.

use std::collections::BTreeMap;

use crate::base::time::Day;
use crate::io::console::chart::{Chart, Colour, Figures, Series, grouped};
use crate::io::console::date::Date;
use crate::node::audit_size::AuditSize;

/// Months of one chart.
const MONTHS: usize = 24;

/// Kinds that have a colour of their own; the others share the last one.
const KINDS: usize = Colour::SERIES - 1;

/// For a page.
#[derive(Debug)]
pub struct SizeView {
    pub records: String,
    pub bytes: String,
    pub this_month: String,
    /// What the next twelve months free.
    pub frees: String,
    pub held: String,
    pub growth: Chart,
    pub freed: Chart,
    /// Entries whose content is gone, and what remains of them.
    pub expired: Option<(String, String)>,
}

impl SizeView {
    pub fn new(today: Day, size: &AuditSize) -> Self {
        let month = Date(today).to_string().get(..7).unwrap_or_default().to_owned();
        let months: BTreeMap<&str, u64> = size.rows.iter().fold(BTreeMap::new(), |mut sums, ((month, _), tally)| {
            *sums.entry(month.as_str()).or_default() += tally.bytes;
            sums
        });
        let in_a_year = Date(Day(today.0.saturating_add(365))).to_string().get(..7).unwrap_or_default().to_owned();
        let soon = size.freed.iter().filter(|(end, _)| **end <= in_a_year).map(|(_, bytes)| *bytes).sum();
        let expired = size.rows.iter().find(|((month, _), _)| month.is_empty()).map(|(_, tally)| *tally);
        Self {
            records: grouped(size.size.0),
            bytes: bytes(months.values().sum()),
            this_month: bytes(months.get(month.as_str()).copied().unwrap_or_default()),
            frees: bytes(soon),
            held: bytes(size.held_bytes),
            growth: growth(size),
            freed: freed(size),
            expired: expired.map(|tally| (grouped(tally.entries), bytes(tally.bytes))),
        }
    }
}

fn growth(size: &AuditSize) -> Chart {
    let dated = || size.rows.iter().filter(|((month, _), _)| !month.is_empty());
    let mut months: Vec<&str> = dated().map(|((month, _), _)| month.as_str()).collect();
    months.dedup();
    let shown = months.split_off(months.len().saturating_sub(MONTHS));
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    dated().for_each(|((_, kind), tally)| *kinds.entry(kind).or_default() += tally.bytes);
    let mut kinds: Vec<(&str, u64)> = kinds.into_iter().collect();
    kinds.sort_by_key(|(kind, bytes)| (std::cmp::Reverse(*bytes), *kind));
    let kinds: Vec<&str> = kinds.into_iter().map(|(kind, _)| kind).collect();
    let (large, small) = kinds.split_at(kinds.len().min(KINDS));
    let of = |month: &str, kind: &str| {
        size.rows.get(&(month.to_owned(), kind.to_owned())).map(|tally| tally.bytes).unwrap_or_default()
    };
    let mut series: Vec<Series> = large
        .iter()
        .enumerate()
        .map(|(turn, kind)| Series {
            name: words(kind).to_owned(),
            colour: Colour::Turn(turn),
            values: shown.iter().map(|month| of(month, kind)).collect(),
        })
        .collect();
    if !small.is_empty() {
        let values = shown.iter().map(|month| small.iter().map(|kind| of(month, kind)).sum()).collect();
        series.push(Series { name: "all others".to_owned(), colour: Colour::Turn(KINDS), values });
    }
    Chart::bars(&Figures {
        title: "What came in each month".to_owned(),
        column: "Month",
        labels: shown.into_iter().map(str::to_owned).collect(),
        series,
        unit: "bytes",
    })
}

fn freed(size: &AuditSize) -> Chart {
    let (labels, values): (Vec<String>, Vec<u64>) =
        size.freed.iter().take(MONTHS).map(|(month, bytes)| (month.clone(), *bytes)).unzip();
    Chart::bars(&Figures {
        title: "What retention will free, by the month in which it ends".to_owned(),
        column: "Month",
        labels,
        series: vec![Series { name: "content that goes".to_owned(), colour: Colour::Turn(1), values }],
        unit: "bytes",
    })
}

/// A kind of record as people call it: the first word of its action.
fn words(kind: &str) -> &str {
    match kind {
        "screening" => "screenings",
        "detail" => "what stood behind decisions",
        "case" => "cases",
        "feed" => "exchange with members",
        "indicator" => "own indicators",
        "audit" => "looks at the log",
        "console" => "console",
        "node" => "starts and stops",
        "cert" => "certificates",
        "late_match" => "late matches",
        "call" => "refused calls",
        "statistics" => "releases",
        "identifier" => "lists and look-ups",
        other => other,
    }
}

/// An amount of memory as people say it.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        None => format!("{bytes} bytes"),
        Some((name, unit)) if bytes / unit >= 100 => format!("{} {name}", grouped(bytes / unit)),
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::audit_size::Tally;

    fn size(rows: &[(&str, &str, u64)], freed: &[(&str, u64)]) -> AuditSize {
        let row = |(month, kind, bytes): &(&str, &str, u64)| {
            ((*month).to_owned(), (*kind).to_owned(), Tally { entries: 1, bytes: *bytes })
        };
        let rows = rows.iter().map(row).map(|(month, kind, tally)| ((month, kind), tally)).collect();
        let freed = freed.iter().map(|(month, bytes)| ((*month).to_owned(), *bytes)).collect();
        AuditSize { rows, freed, ..AuditSize::default() }
    }

    #[test]
    fn the_log_is_told_in_all_this_month_and_by_what_goes_within_a_year() {
        let rows =
            [("", "expired", 70), ("2026-10", "case", 1_000), ("2026-11", "case", 500), ("2026-11", "screening", 25)];
        let freed = [("2026-12", 100), ("2027-11", 200), ("2027-12", 4_000), ("2036-11", 9_000)];
        let view = SizeView::new(Day(20_779), &size(&rows, &freed));
        assert_eq!(
            (view.bytes.as_str(), view.this_month.as_str(), view.frees.as_str()),
            ("1.5 kB", "525 bytes", "300 bytes")
        );
        assert_eq!(view.expired, Some(("1".to_owned(), "70 bytes".to_owned())));
        let months: Vec<&str> = view.growth.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(
            (months, view.growth.heads),
            (vec!["2026-10", "2026-11"], vec!["cases".to_owned(), "screenings".to_owned()])
        );
        assert_eq!(view.freed.rows.len(), 4);
    }

    #[test]
    fn the_largest_kinds_have_a_colour_and_the_others_share_one() {
        let rows: Vec<(&str, &str, u64)> = ["a", "b", "c", "d", "e", "f", "g"]
            .into_iter()
            .zip(1..)
            .map(|(kind, nth)| ("2026-11", kind, nth * 10))
            .collect();
        let heads = SizeView::new(Day(20_779), &size(&rows, &[])).growth.heads;
        assert_eq!(heads, ["g", "f", "e", "d", "c", "all others"]);
    }

    #[test]
    fn amounts_are_short() {
        let check = |amount, text: &str| assert_eq!(bytes(amount), text);
        check(0, "0 bytes");
        check(999, "999 bytes");
        check(1_000, "1.0 kB");
        check(12_345, "12.3 kB");
        check(123_456_789, "123 MB");
        check(5_000_000_000, "5.0 GB");
    }
}
