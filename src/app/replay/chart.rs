//! A chart of what a replay found: for each way of sharing one bar a figure, in SVG that a browser, a document and a screen reader
//! can use. Every bar carries its number, so nothing hangs on telling colours apart.

use std::fmt::Write;

use crate::app::replay::report::{Report, RunReport};

const BAR: u32 = 34;
const BETWEEN_BARS: u32 = 6;
const BETWEEN_GROUPS: u32 = 36;
const LEFT: u32 = 60;
const RIGHT: u32 = 24;
const TOP: u32 = 96;
const HEIGHT: u32 = 240;
const BOTTOM: u32 = 72;
/// The title and its second line need so much.
const NARROWEST: u32 = 640;

/// One figure of every run.
struct Series {
    name: &'static str,
    class: &'static str,
    of: fn(&RunReport) -> Option<f64>,
}

const SERIES: [Series; 3] = [
    Series { name: "recall", class: "recall", of: |run| run.counts.recall },
    Series { name: "recall by amount", class: "amount", of: |run| run.counts.recall_amount },
    Series { name: "precision", class: "precision", of: |run| run.counts.precision },
];

const IN_TIME: Series = Series {
    name: "recall before shipment",
    class: "shipment",
    of: |run| run.late.as_ref().and_then(|late| late.recall_before_shipment),
};

const STYLE: &str = "\
text{font-family:system-ui,sans-serif;font-size:13px;fill:#1f2328}.head{font-size:18px;font-weight:600}.small{font-size:12px}\
.ground{fill:#ffffff}.line{stroke:#8b949e;stroke-width:1;opacity:.5}\
.recall{fill:#0a5fb4}.amount{fill:#3f8f7d}.precision{fill:#b3541e}.shipment{fill:#7a4fb5}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117}\
.recall{fill:#58a6ff}.amount{fill:#56d4bc}.precision{fill:#f0883e}.shipment{fill:#bc8cff}}";

/// The whole file.
pub fn draw(report: &Report) -> String {
    let late = report.ship_after.as_ref().map(|_| IN_TIME);
    let series: Vec<Series> = SERIES
        .into_iter()
        .chain(late)
        .filter(|series| report.runs.iter().any(|run| (series.of)(run).is_some()))
        .collect();
    let bars = u32::try_from(series.len()).expect("at most four");
    let group = bars * (BAR + BETWEEN_BARS) + BETWEEN_GROUPS;
    let groups = u32::try_from(report.runs.len()).expect("runs are bounded");
    let width = (LEFT + groups * group + RIGHT).max(NARROWEST);
    let height = TOP + HEIGHT + BOTTOM;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">Fraud stopped, alone and shared</title>\n\
         <desc id=\"desc\">{}</desc>\n<style>{STYLE}</style>\n<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n",
        escaped(&in_words(report, &series))
    );
    text(&mut svg, (LEFT, 32), "head", "start", "Fraud stopped, alone and shared");
    let about = format!(
        "{} rows, {} fraud · {} institutions · rule {} · flags count for {}",
        report.rows, report.fraud, report.institutions, report.rule, report.expiry
    );
    text(&mut svg, (LEFT, 52), "small", "start", &about);
    legend(&mut svg, &series);
    for quarter in 0..=4 {
        let y = TOP + HEIGHT - HEIGHT * quarter / 4;
        put(&mut svg, format_args!("<path class=\"line\" d=\"M{LEFT} {y}H{}\"/>\n", width - RIGHT));
        text(&mut svg, (LEFT - 8, y + 4), "small", "end", &format!("{} %", quarter * 25));
    }
    let mut x = LEFT + BETWEEN_GROUPS / 2;
    for run in &report.runs {
        let middle = x + (group - BETWEEN_GROUPS) / 2;
        for series in &series {
            bar(&mut svg, x, series, (series.of)(run));
            x += BAR + BETWEEN_BARS;
        }
        x += BETWEEN_GROUPS;
        let name = if run.sharing == "alone" { "alone".to_owned() } else { format!("shared after {}", run.sharing) };
        text(&mut svg, (middle, TOP + HEIGHT + 22), "", "middle", &name);
        let frauds = format!("{} of {} frauds", run.counts.tp, run.counts.tp + run.counts.missed);
        text(&mut svg, (middle, TOP + HEIGHT + 40), "small", "middle", &frauds);
        let honest = format!("{} honest", run.counts.fp);
        text(&mut svg, (middle, TOP + HEIGHT + 56), "small", "middle", &honest);
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, x: u32, series: &Series, share: Option<f64>) {
    let Some(share) = share else { return };
    let height = share * f64::from(HEIGHT);
    let y = f64::from(TOP + HEIGHT) - height;
    put(
        svg,
        format_args!(
            "<rect class=\"{}\" x=\"{x}\" y=\"{y:.1}\" width=\"{BAR}\" height=\"{height:.1}\"/>\n\
             <text class=\"small\" x=\"{}\" y=\"{:.1}\" text-anchor=\"middle\">{:.1}</text>\n",
            series.class,
            x + BAR / 2,
            y - 5.0,
            share * 100.0
        ),
    );
}

fn legend(svg: &mut String, series: &[Series]) {
    let mut x = LEFT;
    for Series { name, class, .. } in series {
        put(svg, format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"62\" width=\"12\" height=\"12\"/>\n"));
        text(svg, (x + 18, 73), "small", "start", name);
        x += 40 + 7 * u32::try_from(name.len()).expect("a short name");
    }
}

fn text(svg: &mut String, (x, y): (u32, u32), class: &str, anchor: &str, words: &str) {
    let words = escaped(words);
    put(svg, format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>\n"));
}

fn put(svg: &mut String, part: std::fmt::Arguments<'_>) {
    svg.write_fmt(part).expect("text grows");
}

/// What the bars say, for who cannot see them.
fn in_words(report: &Report, series: &[Series]) -> String {
    let runs = report.runs.iter().map(|run| {
        let figures = series
            .iter()
            .filter_map(|series| (series.of)(run).map(|share| format!("{} {:.1} %", series.name, share * 100.0)));
        let sharing = if run.sharing == "alone" { "Alone".to_owned() } else { format!("Shared after {}", run.sharing) };
        format!("{sharing}: {}.", figures.collect::<Vec<_>>().join(", "))
    });
    runs.collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::app::replay::report::{CountsReport, IdentifierReport};

    fn run(sharing: &str, recall: Option<f64>) -> RunReport {
        let counts = CountsReport { tp: 1, fp: 1, missed: 1, tn: 1, recall, precision: Some(0.5), recall_amount: None };
        let (by_amount, by_typology) = (Vec::new(), Vec::new());
        let (by_decision, difference, late) = (BTreeMap::new(), None, None);
        RunReport { sharing: sharing.to_owned(), counts, by_amount, by_typology, by_decision, difference, late }
    }

    #[test]
    fn every_bar_stands_in_words_and_numbers_and_figures_nobody_has_are_left_out() {
        let report = Report {
            rule: "any".to_owned(),
            against: None,
            unknown: BTreeSet::new(),
            institutions: 5,
            expiry: "2d".to_owned(),
            ship_after: None,
            rows: 4,
            fraud: 2,
            refused: 0,
            identifiers: IdentifierReport::default(),
            runs: vec![run("alone", Some(0.25)), run("1h", Some(1.0)), run("2h", None)],
        };
        let svg = draw(&report);
        assert!(
            svg.contains("<desc id=\"desc\">Alone: recall 25.0 %, precision 50.0 %. Shared after 1h: recall 100.0 %"),
            "{svg}"
        );
        assert!(svg.contains("y=\"96.0\" width=\"34\" height=\"240.0\""), "the whole height is 100 %:\n{svg}");
        assert!(!svg.contains("recall by amount"), "no amount was given");
        assert_eq!(svg.matches("class=\"precision\" x").count(), 4, "one in the legend and one a run");
    }
}
