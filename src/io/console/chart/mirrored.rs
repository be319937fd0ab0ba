//! Bars above a line and bars below it, one column a day: two ways, compared at a glance and by one measure.

use crate::io::console::chart::bars::{Plot, Way, pile};
use crate::io::console::chart::scale::{Scale, labelled, short};
use crate::io::console::chart::svg::{Anchor, Canvas, Px, Svg};
use crate::io::console::chart::{Half, MirroredFigures, Series, Size, grouped};

/// Pixels around the drawing: the first line above and the last below say which half is what.
const LEFT: u32 = 44;
const RIGHT: u32 = 6;
const TOP: u32 = 22;
const BELOW: u32 = 40;

/// Pixels of a label, with air.
const LABEL: u32 = 58;

/// Tenths of a pixel of the widest bar.
const WIDEST: i64 = 280;

/// Draws the figures.
pub fn mirrored(figures: &MirroredFigures, size: Size) -> Svg {
    let class = if size.width < 400 { "narrow" } else { "wide" };
    let mut canvas = Canvas::new(class, size, &figures.title, &figures.description());
    let columns = figures.labels.len();
    let plot = Plot {
        left: Px::whole(LEFT).0,
        top: Px::whole(TOP).0,
        width: Px::whole(size.width.saturating_sub(LEFT + RIGHT)).0,
        height: Px::whole(size.height.saturating_sub(TOP + BELOW)).0,
    };
    let halves = Halves::of(figures, &plot);
    halves.axis(&mut canvas, &plot);
    let bottom = plot.top + plot.height;
    canvas.text("half", (Px(plot.left), Px(plot.top - 80)), Anchor::Start, &format!("▲ {}", figures.above.name));
    canvas.text("half", (Px(plot.left), Px(bottom + 150)), Anchor::Start, &format!("▼ {}", figures.below.name));
    if columns == 0 {
        return canvas.finish();
    }
    let slot = plot.width / i64::try_from(columns).unwrap_or(i64::MAX).max(1);
    let bar = Px((slot * 7 / 10).clamp(10, WIDEST));
    let labelled = labelled(columns, size.width - LEFT - RIGHT, LABEL);
    for (column, label) in figures.labels.iter().enumerate() {
        let begin = plot.left + slot * i64::try_from(column).unwrap_or_default();
        let left = begin + (slot - bar.0) / 2;
        let said = [&figures.above, &figures.below].map(|half| said(half, column));
        canvas.group("column", Some(&format!("{label}\n{}", said.join("\n"))), |canvas| {
            canvas.rect("hit", (Px(begin), Px(plot.top)), (Px(slot), Px(plot.height)));
            for (half, scale, height, way) in [
                (&figures.above, halves.above, halves.above_height, Way::Up),
                (&figures.below, halves.below, halves.below_height, Way::Down),
            ] {
                let parts: Vec<_> = half.series.iter().map(|series| (series.colour, series.at(column))).collect();
                pile(canvas, &parts, (scale, height), (left, bar), (halves.line, way));
            }
        });
        if labelled(column) {
            let anchor = if column + 1 == columns && columns > 1 && slot < 400 { Anchor::End } else { Anchor::Middle };
            let x = if anchor == Anchor::End { begin + slot } else { begin + slot / 2 };
            canvas.text("label", (Px(x), Px(bottom + 320)), anchor, label);
        }
    }
    canvas.finish()
}

/// What one half holds in a column, in words.
fn said(half: &Half, column: usize) -> String {
    let parts = half.series.iter().filter(|series| series.at(column) > 0);
    let parts: Vec<String> = parts.map(|series| format!("{} {}", series.name, grouped(series.at(column)))).collect();
    let parts = if parts.is_empty() { "0".to_owned() } else { parts.join(", ") };
    format!("{}: {parts}", half.name)
}

/// Both halves have one step, so that a bar above is as high as a bar below that counts the same.
struct Halves {
    above: Scale,
    below: Scale,
    /// Tenths of a pixel.
    above_height: i64,
    below_height: i64,
    /// The line between them.
    line: i64,
}

impl Halves {
    fn of(figures: &MirroredFigures, plot: &Plot) -> Self {
        let columns = figures.labels.len();
        let highest = |series: &[Series]| {
            let total = |column| series.iter().fold(0_u64, |sum, one| sum.saturating_add(one.at(column)));
            (0..columns).map(total).max().unwrap_or_default()
        };
        let (above, below) = (highest(&figures.above.series), highest(&figures.below.series));
        let step = Scale::covering(above.max(below)).step;
        let steps = |highest: u64| highest.div_ceil(step).max(1);
        let (up, down) = (steps(above), steps(below));
        let part = i128::from(plot.height) * i128::from(up) / (i128::from(up) + i128::from(down));
        let above_height = i64::try_from(part).unwrap_or(plot.height);
        let top = |steps: u64| Scale { step, top: steps.saturating_mul(step) };
        Self {
            above: top(up),
            below: top(down),
            above_height,
            below_height: plot.height - above_height,
            line: plot.top + above_height,
        }
    }

    fn axis(&self, canvas: &mut Canvas, plot: &Plot) {
        let longest = self.above.top.max(self.below.top);
        let up = self.above.marks().map(|mark| (mark, -self.above.height(mark, Px(self.above_height)).0));
        let down = self.below.marks().skip(1).map(|mark| (mark, self.below.height(mark, Px(self.below_height)).0));
        for (mark, away) in up.chain(down) {
            let y = self.line + away;
            let class = if mark == 0 { "base" } else { "grid" };
            canvas.line(class, (Px(plot.left), Px(y)), (Px(plot.left + plot.width), Px(y)));
            canvas.text("mark", (Px(plot.left - 80), Px(y + 35)), Anchor::End, &short(mark, longest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::console::chart::Colour;

    const SIZE: Size = Size { width: 340, height: 220 };

    fn figures(columns: usize, above: u64, below: u64) -> MirroredFigures {
        let half = |name, times: u64| {
            let values = (0..columns).map(|day| u64::try_from(day * 7 % 11).unwrap_or_default().saturating_mul(times));
            let one = Series { name: "bank-a".to_owned(), colour: Colour::Turn(0), values: values.collect() };
            let other = Series { name: "bank-b".to_owned(), colour: Colour::Turn(1), ..one.clone() };
            Half { name, series: vec![one, other] }
        };
        MirroredFigures {
            title: "Exchanged".to_owned(),
            column: "Day (UTC)",
            labels: (1..=columns).map(|day| format!("{day} Nov")).collect(),
            above: half("came in", above),
            below: half("went out", below),
            unit: "entries a day",
        }
    }

    #[test]
    fn the_same_figures_give_the_same_drawing() {
        let drawn = mirrored(&figures(4, 20, 5), SIZE).to_string();
        let golden = include_str!("golden/mirrored.svg");
        assert_eq!(drawn, golden.trim_end(), "the drawing changed; look at it, then keep it");
    }

    #[test]
    fn what_counts_the_same_is_as_high_above_as_below() {
        let drawn = mirrored(&figures(2, 3, 3), SIZE).to_string();
        let plot = Plot { left: 0, top: 220, width: 0, height: 1_580 };
        let halves = Halves::of(&figures(2, 3, 3), &plot);
        assert_eq!((halves.above, halves.above_height), (halves.below, halves.below_height));
        assert!(drawn.contains("<title>2 Nov\ncame in: bank-a 21, bank-b 21\nwent out: bank-a 21, bank-b 21</title>"));
        assert!(drawn.contains("<title>1 Nov\ncame in: 0\nwent out: 0</title>"));
        // Four times as much above has four times the room, or a step less.
        let halves = Halves::of(&figures(2, 40, 10), &plot);
        let (up, down) = (halves.above.height(280, Px(halves.above_height)), Px(halves.below_height));
        let per_unit = |height: i64, top: u64| height * 1_000 / i64::try_from(top).expect("small");
        assert!((per_unit(halves.above_height, halves.above.top) - per_unit(down.0, halves.below.top)).abs() <= 20);
        assert!(up > halves.below.height(70, down));
    }

    #[test]
    fn everything_stays_inside_whatever_is_drawn() {
        for columns in [0, 1, 2, 31, 120] {
            for (above, below) in [(0, 0), (1, 0), (0, 1), (u64::MAX, 1), (u64::MAX, u64::MAX)] {
                let drawn = mirrored(&figures(columns, above, below), SIZE).to_string();
                let numbers = |name: &str| -> Vec<f64> {
                    let begin = format!(" {name}=\"");
                    drawn.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
                };
                assert!(numbers("x").iter().all(|x| (0.0..=340.0).contains(x)), "{columns}");
                assert!(numbers("y").iter().all(|y| (0.0..=220.0).contains(y)), "{columns}");
                assert!(numbers("height").iter().all(|height| *height > 0.0), "{columns}");
            }
        }
    }
}
