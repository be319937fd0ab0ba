//! Charts as SVG, drawn on the server: pure functions of their figures, the same figures the same bytes.
//!
//! Every chart has a title and a description in words, and a table of its figures stands below it for whoever does not see it or wants
//! to know exactly. Colours are classes of the style sheet, so that one drawing serves both themes; they stay apart for people
//! who see no red or no green, and next to each other they are also told apart by a gap. Widths are drawn, not stretched: each
//! chart is made once for a wide screen and once for a narrow one, and the style sheet shows the one that fits.

pub mod bars;
pub mod estimates;
pub mod lines;
pub mod mirrored;
pub mod scale;
pub mod span;
pub mod spark;
pub mod strip;
pub mod svg;

use crate::io::console::chart::svg::Svg;

/// Which colour a series has: by what it means where it means something, by its turn otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Allow,
    Challenge,
    Hold,
    Block,
    /// One of [`Colour::SERIES`], round and round.
    Turn(usize),
}

impl Colour {
    /// Colours of series without a meaning of their own.
    pub const SERIES: usize = 6;

    /// The class of its style.
    pub fn class(self) -> &'static str {
        const TURNS: [&str; Colour::SERIES] = ["c1", "c2", "c3", "c4", "c5", "c6"];
        match self {
            Self::Allow => "c-allow",
            Self::Challenge => "c-challenge",
            Self::Hold => "c-hold",
            Self::Block => "c-block",
            Self::Turn(turn) => TURNS[turn % Self::SERIES],
        }
    }
}

/// One row of figures over all columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// May be foreign text.
    pub name: String,
    pub colour: Colour,
    /// One a column; what is missing at the end counts as 0.
    pub values: Vec<u64>,
}

impl Series {
    pub fn total(&self) -> u64 {
        self.values.iter().fold(0, |sum, value| sum.saturating_add(*value))
    }

    fn at(&self, column: usize) -> u64 {
        self.values.get(column).copied().unwrap_or_default()
    }
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    pub title: String,
    /// What a column stands for, e.g. "Day (UTC)".
    pub column: &'static str,
    /// One a column.
    pub labels: Vec<String>,
    pub series: Vec<Series>,
    /// What is counted, e.g. "orders".
    pub unit: &'static str,
}

impl Figures {
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.total() == 0)
    }

    /// In words what the drawing shows, for whoever hears it.
    fn description(&self) -> String {
        let (Some(first), Some(last)) = (self.labels.first(), self.labels.last()) else {
            return "Nothing is counted yet.".to_owned();
        };
        let totals: Vec<String> =
            self.series.iter().map(|series| format!("{} {}", grouped(series.total()), series.name)).collect();
        format!("{first} to {last}, {} columns. In all: {}.", self.labels.len(), totals.join(", "))
    }
}

/// One side of a mirrored drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    /// What is counted on this side, e.g. "came in".
    pub name: &'static str,
    pub series: Vec<Series>,
}

/// What is drawn on both sides of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirroredFigures {
    pub title: String,
    pub column: &'static str,
    /// One a column.
    pub labels: Vec<String>,
    pub above: Half,
    pub below: Half,
    pub unit: &'static str,
}

impl MirroredFigures {
    fn halves(&self) -> [&Half; 2] {
        [&self.above, &self.below]
    }

    fn description(&self) -> String {
        let (Some(first), Some(last)) = (self.labels.first(), self.labels.last()) else {
            return "Nothing is counted yet.".to_owned();
        };
        let totals = self.halves().map(|half| {
            let total = half.series.iter().fold(0_u64, |sum, series| sum.saturating_add(series.total()));
            format!("{} {}", half.name, grouped(total))
        });
        format!("{first} to {last}, {} columns. In all: {}.", self.labels.len(), totals.join(", "))
    }

    /// A series that stands on both sides has one entry, with both totals.
    fn legend(&self) -> Vec<Legend> {
        let mut legend: Vec<Legend> = Vec::new();
        for half in self.halves() {
            for series in &half.series {
                let total = grouped(series.total());
                let both = self.halves().iter().all(|half| half.series.iter().any(|other| other.name == series.name));
                let total = if both { format!("{total} {}", half.name) } else { total };
                match legend.iter_mut().find(|entry| entry.name == series.name) {
                    Some(entry) => entry.total = format!("{}, {total}", entry.total),
                    None => legend.push(Legend { name: series.name.clone(), class: series.colour.class(), total }),
                }
            }
        }
        legend
    }
}

/// A chart for a page: both drawings, the legend, the table.
#[derive(Debug, Clone)]
pub struct Chart {
    pub title: String,
    pub unit: &'static str,
    pub column: &'static str,
    pub wide: Svg,
    pub narrow: Svg,
    pub legend: Vec<Legend>,
    /// Columns of the table beside the first.
    pub heads: Vec<String>,
    pub rows: Vec<TableRow>,
    pub empty: bool,
}

/// One series of a legend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Legend {
    pub name: String,
    pub class: &'static str,
    pub total: String,
}

/// One column of a chart as a row of its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    pub label: String,
    pub values: Vec<String>,
}

/// Size of a drawing in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

const WIDE: Size = Size { width: 480, height: 200 };
const NARROW: Size = Size { width: 340, height: 200 };

/// Two halves and what they are called need a little more.
const WIDE_MIRRORED: Size = Size { width: 480, height: 236 };
const NARROW_MIRRORED: Size = Size { width: 340, height: 236 };

impl Chart {
    /// Days and what was counted on each, piled up.
    pub fn bars(figures: &Figures) -> Self {
        Self::drawn(figures, bars::stacked)
    }

    /// How something went on.
    pub fn lines(figures: &Figures) -> Self {
        Self::drawn(figures, lines::lines)
    }

    /// Days, with what was counted one way above a line and what was counted the other way below.
    pub fn mirrored(figures: &MirroredFigures) -> Self {
        let halves = figures.halves();
        let all = || halves.iter().flat_map(|half| half.series.iter().map(move |series| (half.name, series)));
        let rows = figures.labels.iter().enumerate().map(|(column, label)| TableRow {
            label: label.clone(),
            values: all().map(|(_, series)| grouped(series.at(column))).collect(),
        });
        let head = |(half, series): (&str, &Series)| {
            if series.name == half { series.name.clone() } else { format!("{}, {half}", series.name) }
        };
        Self {
            title: figures.title.clone(),
            unit: figures.unit,
            column: figures.column,
            wide: mirrored::mirrored(figures, WIDE_MIRRORED),
            narrow: mirrored::mirrored(figures, NARROW_MIRRORED),
            legend: figures.legend(),
            heads: all().map(head).collect(),
            rows: rows.collect(),
            empty: all().all(|(_, series)| series.total() == 0),
        }
    }

    fn drawn(figures: &Figures, draw: impl Fn(&Figures, Size) -> Svg) -> Self {
        let rows = figures.labels.iter().enumerate().map(|(column, label)| TableRow {
            label: label.clone(),
            values: figures.series.iter().map(|series| grouped(series.at(column))).collect(),
        });
        let legend = figures.series.iter().map(|series| Legend {
            name: series.name.clone(),
            class: series.colour.class(),
            total: grouped(series.total()),
        });
        Self {
            title: figures.title.clone(),
            unit: figures.unit,
            column: figures.column,
            wide: draw(figures, WIDE),
            narrow: draw(figures, NARROW),
            legend: legend.collect(),
            heads: figures.series.iter().map(|series| series.name.clone()).collect(),
            rows: rows.collect(),
            empty: figures.is_empty(),
        }
    }
}

/// A number as people read it: thousands apart by a thin space that does not break.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let check = |number, text: &str| assert_eq!(grouped(number).replace('\u{202f}', "_"), text);
        check(0, "0");
        check(999, "999");
        check(1_000, "1_000");
        check(12_345_678, "12_345_678");
    }

    #[test]
    fn a_chart_says_in_words_and_in_a_table_what_it_draws() {
        let series = Series { name: "allow".to_owned(), colour: Colour::Allow, values: vec![1_200, 3] };
        let labels = vec!["17 Nov".to_owned(), "18 Nov".to_owned()];
        let figures =
            Figures { title: "Decisions".to_owned(), column: "Day", labels, series: vec![series], unit: "orders" };
        let chart = Chart::bars(&figures);
        let said = format!("17 Nov to 18 Nov, 2 columns. In all: {} allow.", grouped(1_203));
        assert!(chart.wide.to_string().contains(&said), "{}", chart.wide);
        assert_eq!(
            chart.rows.last().map(|row| (row.label.as_str(), row.values.clone())),
            Some(("18 Nov", vec!["3".to_owned()]))
        );
        assert!(!chart.empty);
        let nothing = Figures { labels: Vec::new(), series: Vec::new(), ..figures };
        assert!(Chart::bars(&nothing).wide.to_string().contains("Nothing is counted yet."));
        assert!(Chart::lines(&nothing).empty);
    }

    #[test]
    fn both_sides_of_a_mirrored_chart_stand_in_its_legend_and_its_table() {
        let series = |name: &str, values: &[u64]| Series {
            name: name.to_owned(),
            colour: Colour::Turn(0),
            values: values.to_vec(),
        };
        let mut figures = MirroredFigures {
            title: "Exchanged".to_owned(),
            column: "Day",
            labels: vec!["17 Nov".to_owned(), "18 Nov".to_owned()],
            above: Half { name: "came in", series: vec![series("bank-a", &[1, 2]), series("shop", &[0, 5])] },
            below: Half { name: "went out", series: vec![series("bank-a", &[7, 0])] },
            unit: "entries a day",
        };
        let chart = Chart::mirrored(&figures);
        let legend: Vec<String> = chart.legend.iter().map(|entry| format!("{} {}", entry.name, entry.total)).collect();
        assert_eq!(legend, ["bank-a 3 came in, 7 went out", "shop 5"]);
        assert_eq!(chart.heads, ["bank-a, came in", "shop, came in", "bank-a, went out"]);
        assert_eq!(chart.rows[1].values, ["2", "5", "0"]);
        assert!(chart.wide.to_string().contains("In all: came in 8, went out 7."), "{}", chart.wide);
        (figures.above.series, figures.below.series) = (Vec::new(), Vec::new());
        assert!(Chart::mirrored(&figures).empty);
    }
}
