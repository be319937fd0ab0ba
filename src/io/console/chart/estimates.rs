//! Figures that are not exact: a bar a category, and across its end the range in which the true count lies.
//!
//! A bar whose range reaches down to nothing is pale: noise alone would draw it, too. What was drawn below nothing is shown as
//! nothing; the range is that of the figure as drawn.

use crate::io::console::chart::scale::{Scale, short};
use crate::io::console::chart::svg::{Anchor, Canvas, Px, Svg};
use crate::io::console::chart::{Colour, Size, grouped};

/// Bars of one drawing; the table has all.
const BARS: usize = 20;

/// Pixels of a bar with its air, of what stands above and below, of figures on the right.
const ROW: u32 = 24;
const TOP: u32 = 6;
const BELOW: u32 = 24;
const RIGHT: u32 = 84;

/// Pixels of a character, generously.
const CHARACTER: u32 = 6;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimates {
    pub title: String,
    pub unit: &'static str,
    pub rows: Vec<Estimate>,
    /// In 95 of 100 cases the true count lies so near.
    pub half_width: u64,
    pub colour: Colour,
}

/// One category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    pub label: String,
    /// As drawn; below nothing it is noise.
    pub value: i64,
}

/// For a page: both drawings and the table.
#[derive(Debug, Clone)]
pub struct EstimateChart {
    pub title: String,
    pub unit: &'static str,
    pub wide: Svg,
    pub narrow: Svg,
    pub class: &'static str,
    pub rows: Vec<EstimateRow>,
    /// Rows that the drawing leaves to the table.
    pub more: usize,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EstimateRow {
    pub label: String,
    pub value: String,
    pub range: String,
    /// Whether noise alone may be all of it.
    pub faint: bool,
}

impl Estimates {
    /// From where to where the true count lies.
    fn range(&self, value: i64) -> (u64, u64) {
        let (value, width) = (i128::from(value), i128::from(self.half_width));
        let bound = |edge: i128| u64::try_from(edge.max(0)).unwrap_or(u64::MAX);
        (bound(value - width), bound(value + width))
    }

    fn is_faint(&self, value: i64) -> bool {
        self.range(value).0 == 0
    }

    pub fn chart(&self) -> EstimateChart {
        let row = |estimate: &Estimate| {
            let (from, to) = self.range(estimate.value);
            EstimateRow {
                label: estimate.label.clone(),
                value: grouped(shown(estimate.value)),
                range: format!("{} to {}", grouped(from), grouped(to)),
                faint: self.is_faint(estimate.value),
            }
        };
        EstimateChart {
            title: self.title.clone(),
            unit: self.unit,
            wide: draw(self, 480, 190),
            narrow: draw(self, 340, 120),
            class: self.colour.class(),
            rows: self.rows.iter().map(row).collect(),
            more: self.rows.len().saturating_sub(BARS),
        }
    }

    fn description(&self) -> String {
        let largest = self.rows.iter().max_by_key(|row| row.value);
        let Some(largest) = largest else { return "Nothing was counted.".to_owned() };
        let (from, to) = self.range(largest.value);
        format!(
            "{} categories. The largest figure is {}: {}, the true count lies between {} and {}.",
            self.rows.len(),
            largest.label,
            grouped(shown(largest.value)),
            grouped(from),
            grouped(to)
        )
    }
}

/// Below nothing is noise.
fn shown(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// A number in few characters.
fn brief(number: u64) -> String {
    short(number, number)
}

/// `left` pixels are for labels.
fn draw(estimates: &Estimates, width: u32, left: u32) -> Svg {
    let rows = estimates.rows.get(..BARS.min(estimates.rows.len())).unwrap_or_default();
    let count = u32::try_from(rows.len()).unwrap_or_default();
    let size = Size { width, height: TOP + ROW * count + BELOW };
    let class = if width < 400 { "narrow" } else { "wide" };
    let mut canvas = Canvas::new(class, size, &estimates.title, &estimates.description());
    let highest = rows.iter().map(|row| estimates.range(row.value).1).max().unwrap_or_default();
    let scale = Scale::covering(highest);
    let (begin, across) = (Px::whole(left).0, Px::whole(width - left - RIGHT));
    let bottom = Px::whole(TOP + ROW * count);
    let x = |value: u64| Px(begin + scale.height(value, across).0);
    // On a narrow drawing every other number would touch its neighbour.
    let every = if width < 400 { 2 } else { 1 };
    for (nth, mark) in scale.marks().enumerate() {
        let class = if mark == 0 { "base" } else { "grid" };
        canvas.line(class, (x(mark), Px::whole(TOP)), (x(mark), bottom));
        if nth % every == 0 {
            canvas.text("mark", (x(mark), Px(bottom.0 + 160)), Anchor::Middle, &short(mark, scale.top));
        }
    }
    for (nth, row) in rows.iter().enumerate() {
        let top = Px::whole(TOP + ROW * u32::try_from(nth).unwrap_or_default());
        let middle = Px(top.0 + Px::whole(ROW).0 / 2);
        let (from, to) = estimates.range(row.value);
        let said = format!("{}\n{} ({} to {})", row.label, grouped(shown(row.value)), grouped(from), grouped(to));
        let faint = if estimates.is_faint(row.value) { " faint" } else { "" };
        canvas.group("column", Some(&said), |canvas| {
            canvas.rect("hit", (Px(0), top), (Px::whole(width), Px::whole(ROW)));
            canvas.text("name", (Px(begin - 80), Px(middle.0 + 38)), Anchor::End, &cut(&row.label, left - 8));
            let end = x(shown(row.value));
            if end.0 > begin {
                let class = format!("bar {}{faint}", estimates.colour.class());
                canvas.rect(&class, (Px(begin), Px(top.0 + 50)), (Px(end.0 - begin), Px(Px::whole(ROW).0 - 100)));
            }
            canvas.line("whisker", (x(from), middle), (x(to), middle));
            for edge in [x(from), x(to)] {
                canvas.line("whisker", (edge, Px(middle.0 - 40)), (edge, Px(middle.0 + 40)));
            }
            // Drawn below nothing, it says at most how many there may be.
            let figure = match row.value {
                ..0 => format!("≤ {}", brief(to)),
                _ => format!("{} ±{}", brief(shown(row.value)), brief(estimates.half_width)),
            };
            canvas.text("amount", (Px::whole(width - 2), Px(middle.0 + 38)), Anchor::End, &figure);
        });
    }
    canvas.finish()
}

/// As much of a label as so many pixels hold.
fn cut(label: &str, width: u32) -> String {
    let most = usize::try_from(width / CHARACTER).unwrap_or(1).max(2);
    if label.chars().count() <= most {
        return label.to_owned();
    }
    let kept: String = label.chars().take(most - 1).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimates(values: &[i64], half_width: u64) -> Estimates {
        let rows =
            values.iter().enumerate().map(|(nth, value)| Estimate { label: format!("kind {nth}"), value: *value });
        let (title, colour) = ("Published".to_owned(), Colour::Turn(0));
        Estimates { title, unit: "indicators", rows: rows.collect(), half_width, colour }
    }

    #[test]
    fn the_same_figures_give_the_same_drawing() {
        let drawn = estimates(&[120, 40, -7], 60).chart().narrow.to_string();
        let golden = include_str!("golden/estimates.svg");
        assert_eq!(drawn, golden.trim_end(), "the drawing changed; look at it, then keep it");
    }

    #[test]
    fn a_figure_says_its_range_and_whether_noise_may_be_all_of_it() {
        let check = |value: i64, expected: (&str, &str, bool)| {
            let rows = estimates(&[value], 60).chart().rows;
            let row = &rows[0];
            assert_eq!((row.value.as_str(), row.range.as_str(), row.faint), expected, "{value}");
        };
        check(120, ("120", "60 to 180", false));
        check(60, ("60", "0 to 120", true));
        check(61, ("61", "1 to 121", false));
        check(-7, ("0", "0 to 53", true));
        check(-900, ("0", "0 to 0", true));
    }

    #[test]
    fn everything_stays_inside_whatever_is_drawn() {
        let many: Vec<i64> = (0..90).collect();
        for values in [&[][..], &[0], &[i64::MAX, i64::MIN, 3], &many] {
            for half_width in [0, 61, u64::MAX] {
                let chart = estimates(values, half_width).chart();
                for (drawn, width) in [(chart.wide.to_string(), 480.0), (chart.narrow.to_string(), 340.0)] {
                    let numbers = |name: &str| -> Vec<f64> {
                        let begin = format!(" {name}=\"");
                        drawn.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
                    };
                    for name in ["x", "x1", "x2"] {
                        assert!(numbers(name).iter().all(|x| (0.0..=width).contains(x)), "{drawn}");
                    }
                    assert!(numbers("width").iter().all(|across| *across > 0.0), "{drawn}");
                }
                assert_eq!((chart.rows.len(), chart.more), (values.len(), values.len().saturating_sub(BARS)));
            }
        }
    }

    #[test]
    fn a_long_label_is_cut_and_whole_where_somebody_points_at_it() {
        let mut estimates = estimates(&[5], 1);
        estimates.rows[0].label = "F1021 Something with a very long name indeed".to_owned();
        let drawn = estimates.chart().narrow.to_string();
        assert!(drawn.contains("F1021 Something wi…") || drawn.contains("F1021 Something w…"), "{drawn}");
        assert!(drawn.contains("<title>F1021 Something with a very long name indeed\n5 (4 to 6)</title>"), "{drawn}");
    }
}
