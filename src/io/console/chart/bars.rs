//! Bars piled up, one a column: how much of each there was, and how much in all.

use crate::io::console::chart::scale::{Scale, labelled, short};
use crate::io::console::chart::svg::{Anchor, Canvas, Px, Svg};
use crate::io::console::chart::{Colour, Figures, Size, grouped};

/// Pixels around the drawing: numbers on the left, labels below.
const LEFT: u32 = 44;
const RIGHT: u32 = 6;
const TOP: u32 = 10;
const BELOW: u32 = 24;

/// Pixels of a label, with air.
const LABEL: u32 = 58;

/// Tenths of a pixel: the widest bar, and the gap between what is piled up.
const WIDEST: i64 = 280;
const GAP: i64 = 10;

/// Draws the figures.
pub fn stacked(figures: &Figures, size: Size) -> Svg {
    let class = if size.width < 400 { "narrow" } else { "wide" };
    let mut canvas = Canvas::new(class, size, &figures.title, &figures.description());
    let columns = figures.labels.len();
    let total = |column| figures.series.iter().fold(0_u64, |sum, series| sum.saturating_add(series.at(column)));
    let scale = Scale::covering((0..columns).map(total).max().unwrap_or_default());
    let plot = Plot::of(size);
    axis(&mut canvas, scale, &plot);
    if columns == 0 {
        return canvas.finish();
    }
    let slot = plot.width / i64::try_from(columns).unwrap_or(i64::MAX).max(1);
    let bar = Px((slot * 7 / 10).clamp(10, WIDEST));
    let labelled = labelled(columns, size.width - LEFT - RIGHT, LABEL);
    for (column, label) in figures.labels.iter().enumerate() {
        let begin = plot.left + slot * i64::try_from(column).unwrap_or_default();
        let left = begin + (slot - bar.0) / 2;
        let parts = figures.series.iter().filter(|series| series.at(column) > 0);
        let said: Vec<String> =
            parts.clone().map(|series| format!("{}: {}", series.name, grouped(series.at(column)))).collect();
        let said = if said.is_empty() { format!("{label}\n0") } else { format!("{label}\n{}", said.join("\n")) };
        canvas.group("column", Some(&said), |canvas| {
            // So that pointing anywhere at the column is enough.
            canvas.rect("hit", (Px(begin), Px(plot.top)), (Px(slot), Px(plot.height)));
            let parts: Vec<_> = parts.map(|series| (series.colour, series.at(column))).collect();
            pile(canvas, &parts, (scale, plot.height), (left, bar), (plot.top + plot.height, Way::Up));
        });
        if labelled(column) {
            let place = (Px(begin + slot / 2), Px(plot.top + plot.height + 160));
            let anchor = if column + 1 == columns && columns > 1 && slot < 400 { Anchor::End } else { Anchor::Middle };
            let place = if anchor == Anchor::End { (Px(begin + slot), place.1) } else { place };
            canvas.text("label", place, anchor, label);
        }
    }
    canvas.finish()
}

/// Which way bars grow from their line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Up,
    Down,
}

/// Piles parts up from a line on. The scale with its height, the left edge with the width, the line with the way: tenths of a
/// pixel.
pub fn pile(
    canvas: &mut Canvas,
    parts: &[(Colour, u64)],
    (scale, whole): (Scale, i64),
    (left, bar): (i64, Px),
    (line, way): (i64, Way),
) {
    let parts: Vec<_> = parts.iter().filter(|(_, value)| *value > 0).collect();
    let mut below = 0_u64;
    for (nth, (colour, value)) in parts.iter().enumerate() {
        let above = below.saturating_add(*value);
        let (from, to) = (scale.height(below, Px(whole)).0, scale.height(above, Px(whole)).0);
        let last = nth + 1 == parts.len();
        // A part is never so small that it is not there.
        let height = (to - from - if last { 0 } else { GAP }).max(10);
        let class = format!("bar {}", colour.class());
        let (place, size) = match way {
            Way::Up => ((Px(left), Px(line - from - height)), (bar, Px(height))),
            Way::Down => ((Px(left), Px(line + from)), (bar, Px(height))),
        };
        match way {
            Way::Up if last => canvas.topped(&class, place, size),
            Way::Down if last => canvas.bottomed(&class, place, size),
            Way::Up | Way::Down => canvas.rect(&class, place, size),
        }
        below = above;
    }
}

/// Where the drawing stands, tenths of a pixel.
#[derive(Debug, Clone, Copy)]
pub struct Plot {
    pub left: i64,
    pub top: i64,
    pub width: i64,
    pub height: i64,
}

impl Plot {
    pub fn of(size: Size) -> Self {
        Self {
            left: Px::whole(LEFT).0,
            top: Px::whole(TOP).0,
            width: Px::whole(size.width.saturating_sub(LEFT + RIGHT)).0,
            height: Px::whole(size.height.saturating_sub(TOP + BELOW)).0,
        }
    }
}

/// Lines at round numbers.
pub fn axis(canvas: &mut Canvas, scale: Scale, plot: &Plot) {
    for mark in scale.marks() {
        let y = plot.top + plot.height - scale.height(mark, Px(plot.height)).0;
        let class = if mark == 0 { "base" } else { "grid" };
        canvas.line(class, (Px(plot.left), Px(y)), (Px(plot.left + plot.width), Px(y)));
        canvas.text("mark", (Px(plot.left - 80), Px(y + 35)), Anchor::End, &short(mark, scale.top));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::console::chart::Series;

    fn figures(columns: usize) -> Figures {
        let series = |name: &str, colour, times: u64| {
            let values = (0..columns).map(|day| u64::try_from(day * 7 % 11).unwrap_or_default() * times).collect();
            Series { name: name.to_owned(), colour, values }
        };
        Figures {
            title: "Decisions".to_owned(),
            column: "Day (UTC)",
            labels: (1..=columns).map(|day| format!("{day} Nov")).collect(),
            series: vec![series("allow", Colour::Allow, 20), series("block", Colour::Block, 3)],
            unit: "orders",
        }
    }

    #[test]
    fn the_same_figures_give_the_same_drawing() {
        let golden = include_str!("golden/bars.svg");
        let drawn = stacked(&figures(4), Size { width: 340, height: 200 }).to_string();
        assert_eq!(drawn, golden.trim_end(), "the drawing changed; look at it, then keep it");
    }

    #[test]
    fn everything_stays_inside_whatever_is_drawn() {
        for columns in [0, 1, 2, 31, 120] {
            for size in [Size { width: 340, height: 200 }, Size { width: 480, height: 200 }] {
                let mut figures = figures(columns);
                if let Some(first) = figures.series.first_mut() {
                    first.values.iter_mut().step_by(2).for_each(|value| *value = u64::MAX);
                }
                let drawn = stacked(&figures, size).to_string();
                let numbers = |name: &str| -> Vec<f64> {
                    let begin = format!(" {name}=\"");
                    drawn.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
                };
                assert!(numbers("x").iter().all(|x| (0.0..=f64::from(size.width)).contains(x)), "{columns}");
                assert!(numbers("y").iter().all(|y| (0.0..=f64::from(size.height)).contains(y)), "{columns}");
                assert!(numbers("height").iter().all(|height| *height > 0.0), "{columns}");
            }
        }
    }

    #[test]
    fn a_column_says_what_it_holds() {
        let drawn = stacked(&figures(2), Size { width: 340, height: 200 }).to_string();
        assert!(drawn.contains("<title>2 Nov\nallow: 140\nblock: 21</title>"), "{drawn}");
        assert!(drawn.contains("<title>1 Nov\n0</title>"), "{drawn}");
    }
}
