//! A line the size of a word: whether something grows, and when it last moved. What it shows stands beside it in figures.

use crate::io::console::chart::scale::Scale;
use crate::io::console::chart::svg::{Canvas, Px, Svg};
use crate::io::console::chart::{Colour, Size, grouped};

const SIZE: Size = Size { width: 96, height: 24 };

/// Draws what was counted, oldest first.
pub fn spark(title: &str, values: &[u64], colour: Colour) -> Svg {
    let highest = values.iter().copied().max().unwrap_or_default();
    let last = values.last().copied().unwrap_or_default();
    let said = format!("{} values, the highest {}, the last {}.", values.len(), grouped(highest), grouped(last));
    let mut canvas = Canvas::new("spark", SIZE, title, &said);
    let (width, height) = (Px::whole(SIZE.width - 6).0, Px::whole(SIZE.height - 6).0);
    let scale = Scale { step: highest.max(1), top: highest.max(1) };
    let steps = i64::try_from(values.len().saturating_sub(1)).unwrap_or(i64::MAX).max(1);
    let place = |(number, value): (usize, &u64)| {
        let x = 30 + width * i64::try_from(number).unwrap_or_default() / steps;
        (Px(x), Px(30 + height - scale.height(*value, Px(height)).0))
    };
    let points: Vec<(Px, Px)> = values.iter().enumerate().map(place).collect();
    if points.len() > 1 {
        canvas.path(&format!("line {}", colour.class()), &points, false);
    }
    if let Some(end) = points.last() {
        canvas.circle(&format!("dot {}", colour.class()), *end, Px(20));
    }
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_figures_give_the_same_drawing() {
        let drawn = spark("Indicators", &[0, 3, 1, 9, 4], Colour::Turn(0)).to_string();
        assert_eq!(drawn, include_str!("golden/spark.svg").trim_end(), "the drawing changed; look at it, then keep it");
    }

    #[test]
    fn nothing_and_one_value_are_drawn_as_well() {
        assert!(spark("x", &[], Colour::Allow).to_string().contains("0 values"));
        assert!(!spark("x", &[u64::MAX], Colour::Allow).to_string().contains("<path"));
    }
}
