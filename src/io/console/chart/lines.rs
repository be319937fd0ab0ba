//! Lines: how something went on. The area below a single line is tinted, so that it reads as an amount.

use crate::io::console::chart::bars::{Plot, axis};
use crate::io::console::chart::scale::{Scale, labelled};
use crate::io::console::chart::svg::{Anchor, Canvas, Px, Svg};
use crate::io::console::chart::{Figures, Size, grouped};

/// Pixels of a label, with air.
const LABEL: u32 = 58;

/// Draws the figures.
pub fn lines(figures: &Figures, size: Size) -> Svg {
    let class = if size.width < 400 { "narrow" } else { "wide" };
    let mut canvas = Canvas::new(class, size, &figures.title, &figures.description());
    let columns = figures.labels.len();
    let highest = figures.series.iter().flat_map(|series| series.values.iter().take(columns)).max();
    let scale = Scale::covering(highest.copied().unwrap_or_default());
    let plot = Plot::of(size);
    axis(&mut canvas, scale, &plot);
    let steps = i64::try_from(columns.saturating_sub(1)).unwrap_or(i64::MAX).max(1);
    let x = |column: usize| Px(plot.left + plot.width * i64::try_from(column).unwrap_or_default() / steps);
    let y = |value| Px(plot.top + plot.height - scale.height(value, Px(plot.height)).0);
    for series in &figures.series {
        let points: Vec<(Px, Px)> = (0..columns).map(|column| (x(column), y(series.at(column)))).collect();
        if let ([series_alone], Some((first, _)), Some((last, _))) =
            (figures.series.as_slice(), points.first(), points.last())
        {
            let floor = Px(plot.top + plot.height);
            let area: Vec<(Px, Px)> = [&points[..], &[(*last, floor), (*first, floor)]].concat();
            canvas.path(&format!("area {}", series_alone.colour.class()), &area, true);
        }
        canvas.path(&format!("line {}", series.colour.class()), &points, false);
        // Where a line begins and ends alone there is none to see.
        if let [point] = points.as_slice() {
            canvas.circle(&format!("dot {}", series.colour.class()), *point, Px(25));
        }
    }
    let labelled = labelled(columns, size.width - 50, LABEL);
    let half = plot.width / steps / 2;
    for (column, label) in figures.labels.iter().enumerate() {
        let said: Vec<String> =
            figures.series.iter().map(|series| format!("{}: {}", series.name, grouped(series.at(column)))).collect();
        canvas.group("column", Some(&format!("{label}\n{}", said.join("\n"))), |canvas| {
            let left = (x(column).0 - half).max(plot.left);
            let width = (x(column).0 + half).min(plot.left + plot.width) - left;
            canvas.rect("hit", (Px(left), Px(plot.top)), (Px(width.max(10)), Px(plot.height)));
            for series in &figures.series {
                canvas.circle(&format!("point {}", series.colour.class()), (x(column), y(series.at(column))), Px(30));
            }
        });
        if labelled(column) {
            let anchor = match column {
                0 if columns > 1 => Anchor::Start,
                last if last + 1 == columns && columns > 1 => Anchor::End,
                _ => Anchor::Middle,
            };
            canvas.text("label", (x(column), Px(plot.top + plot.height + 160)), anchor, label);
        }
    }
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::console::chart::{Colour, Series};

    fn figures(columns: usize, series: usize) -> Figures {
        let one = |turn: usize| Series {
            name: format!("peer-{turn}"),
            colour: Colour::Turn(turn),
            values: (0..columns).map(|day| u64::try_from((day * 5 + turn * 3) % 9).unwrap_or_default()).collect(),
        };
        Figures {
            title: "Lag".to_owned(),
            column: "Hour",
            labels: (0..columns).map(|hour| format!("{hour}:00")).collect(),
            series: (0..series).map(one).collect(),
            unit: "entries",
        }
    }

    #[test]
    fn the_same_figures_give_the_same_drawing() {
        let drawn = lines(&figures(4, 2), Size { width: 340, height: 200 }).to_string();
        assert_eq!(drawn, include_str!("golden/lines.svg").trim_end(), "the drawing changed; look at it, then keep it");
    }

    #[test]
    fn one_line_is_an_amount_and_several_are_compared() {
        let size = Size { width: 340, height: 200 };
        assert_eq!(lines(&figures(4, 1), size).to_string().matches("class=\"area").count(), 1);
        assert_eq!(lines(&figures(4, 2), size).to_string().matches("class=\"area").count(), 0);
        assert_eq!(lines(&figures(1, 2), size).to_string().matches("class=\"dot").count(), 2);
        assert!(lines(&figures(0, 2), size).to_string().ends_with("</svg>"));
    }
}
