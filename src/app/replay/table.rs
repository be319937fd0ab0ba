//! What a replay found, for people.

use std::collections::BTreeSet;

use crate::app::output::counted;
use crate::app::replay::report::{CountsReport, DifferenceReport, LateReport, Part, Report, RunReport};
use crate::app::replay::tally::Pair;
use crate::domain::screening::decision::Decision;

/// The lines of the report.
pub fn lines(report: &Report) -> Vec<String> {
    let rows = counted(report.rows, "row", "rows");
    let mut lines = vec![format!(
        "{rows}, {} of them fraud; {}; a flag counts for {}; rule: {}",
        report.fraud,
        counted(report.institutions, "institution", "institutions"),
        report.expiry,
        report.rule,
    )];
    lines.extend(unusable(report));
    if !report.unknown.is_empty() {
        let names: Vec<&str> = report.unknown.iter().map(String::as_str).collect();
        lines.push(format!("the history does not tell of {}: zero, false or empty to every rule", names.join(", ")));
    }
    let all = report.runs.iter().map(|run| {
        let CountsReport { tp, fp, missed, .. } = run.counts;
        let shares = [run.counts.recall, run.counts.precision, run.counts.recall_amount].map(percent);
        [vec![run.sharing.clone(), tp.to_string(), fp.to_string(), missed.to_string()], shares.to_vec()].concat()
    });
    lines.push(String::new());
    lines.extend(table(&["sharing", "TP", "FP", "FN", "recall", "precision", "recall by amount"], all.collect()));
    lines.extend(parts(report, "amount", |run| &run.by_amount));
    lines.extend(parts(report, "typology", |run| &run.by_typology));
    lines.extend(late(report));
    lines.extend(decisions(report));
    lines.extend(differences(report));
    lines
}

fn unusable(report: &Report) -> Vec<String> {
    let identifiers = &report.identifiers;
    let mut lines = Vec::new();
    for (kind, rules) in &identifiers.malformed {
        let rules: Vec<String> = rules.iter().map(|(rule, count)| format!("{count} {rule}")).collect();
        lines.push(format!("malformed {kind}: {}", rules.join(", ")));
    }
    for (kind, count) in &identifiers.guarded {
        lines.push(format!("{kind} on a guard list, never published and never matched: {count}"));
    }
    if identifiers.unscreened_rows > 0 {
        let rows = counted(identifiers.unscreened_rows, "row", "rows");
        lines.push(format!("{rows} without an identifier that can be used, let through unscreened"));
    }
    lines
}

/// Recall of each part under each sharing.
fn parts(report: &Report, what: &str, of: impl Fn(&RunReport) -> &Vec<Part>) -> Vec<String> {
    let Some(first) = report.runs.first().map(&of).filter(|parts| parts.len() > 1) else { return Vec::new() };
    let rows =
        first.iter().enumerate().filter(|(_, part)| part.counts.tp + part.counts.missed > 0).map(|(nth, part)| {
            let fraud = part.counts.tp + part.counts.missed;
            let recalls = report.runs.iter().map(|run| percent(of(run).get(nth).and_then(|part| part.counts.recall)));
            [vec![part.part.clone(), fraud.to_string()], recalls.collect()].concat()
        });
    let header = format!("recall by {what}");
    let sharings = report.runs.iter().map(|run| run.sharing.as_str());
    let header: Vec<&str> = [header.as_str(), "fraud"].into_iter().chain(sharings).collect();
    [vec![String::new()], table(&header, rows.collect())].concat()
}

fn late(report: &Report) -> Vec<String> {
    let Some(ship_after) = &report.ship_after else { return Vec::new() };
    let rows = report.runs.iter().filter_map(|run| {
        let LateReport { caught_before_shipment, caught_after_shipment, never_caught, .. } = run.late.clone()?;
        let counts = [run.counts.tp, caught_before_shipment, caught_after_shipment, never_caught];
        let recall = percent(run.late.as_ref().and_then(|late| late.recall_before_shipment));
        Some([vec![run.sharing.clone()], counts.map(|count| count.to_string()).to_vec(), vec![recall]].concat())
    });
    let header = ["fraud", "at the order", "before shipment", "after", "never", "in time"];
    let said =
        format!("goods leave {ship_after} after the order; a flag that comes later than the answer is a late match:");
    [vec![String::new(), said], table(&header, rows.collect())].concat()
}

fn differences(report: &Report) -> Vec<String> {
    let Some(against) = &report.against else { return Vec::new() };
    let rows = report.runs.iter().filter_map(|run| {
        let DifferenceReport { both, only_rule, only_against, .. } = run.difference.clone()?;
        let pairs = [both, only_rule, only_against].map(counts);
        Some([vec![run.sharing.clone()], pairs.to_vec()].concat())
    });
    let (live, candidate) = (format!("only {}", report.rule), format!("only {against}"));
    let header = ["stopped: fraud / honest", "both", &live, &candidate];
    [vec![String::new()], table(&header, rows.collect()), vec![String::new()], by_pair(report)].concat()
}

/// What was decided, where a policy decides.
fn decisions(report: &Report) -> Vec<String> {
    if report.runs.iter().all(|run| run.by_decision.is_empty()) {
        return Vec::new();
    }
    let labels = Decision::ALL.map(Decision::label);
    let rows = report.runs.iter().map(|run| {
        let cells = labels.map(|label| counts(run.by_decision.get(label).copied().unwrap_or_default()));
        [vec![run.sharing.clone()], cells.to_vec()].concat()
    });
    let header = [&["decided: fraud / honest"], &labels[..]].concat();
    [vec![String::new()], table(&header, rows.collect())].concat()
}

/// What the two rules said of the same rows, a line for each pair that occurs.
fn by_pair(report: &Report) -> Vec<String> {
    let said = |run: &RunReport| run.difference.clone().map(|difference| difference.decisions).unwrap_or_default();
    let pairs: BTreeSet<_> = report.runs.iter().flat_map(said).map(|said| (said.rule, said.against)).collect();
    let rows = pairs.into_iter().map(|pair| {
        let cells = report.runs.iter().map(|run| {
            let rows = said(run).into_iter().find(|said| (said.rule, said.against) == pair).map(|said| said.rows);
            counts(rows.unwrap_or_default())
        });
        [vec![format!("{} -> {}", pair.0, pair.1)], cells.collect()].concat()
    });
    let sharings = report.runs.iter().map(|run| run.sharing.as_str());
    let header: Vec<&str> = std::iter::once("rule -> against: fraud / honest").chain(sharings).collect();
    table(&header, rows.collect())
}

fn counts(rows: Pair) -> String {
    format!("{} / {}", rows.fraud, rows.honest)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// The first column to the left, numbers to the right.
fn table(header: &[&str], rows: Vec<Vec<String>>) -> Vec<String> {
    let header: Vec<String> = header.iter().map(|&title| title.to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
    let columns = all.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("  {cell:>width$}"),
        });
        cells.collect::<String>().trim_end().to_owned()
    };
    all.iter().map(line).collect()
}
