//! A strip: parts of one whole in a row, and perhaps a mark that should not be passed. What it shows stands beside it in words.

use crate::io::console::chart::svg::{Canvas, Px, Svg};
use crate::io::console::chart::{Colour, Size};

/// A strip the size of a word, for a row of a table.
pub const SMALL: Size = Size { width: 96, height: 12 };

/// One across a panel.
pub const LARGE: Size = Size { width: 640, height: 20 };

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    pub title: String,
    /// In words, for whoever hears it.
    pub said: String,
    pub parts: Vec<(Colour, u64)>,
    /// All of it; what the parts leave stays empty, what is beyond is not drawn.
    pub whole: u64,
    pub mark: Option<u64>,
}

/// Draws it.
pub fn strip(strip: &Strip, size: Size) -> Svg {
    let mut canvas = Canvas::stretched("strip", size, &strip.title, &strip.said);
    let (width, height) = (Px::whole(size.width), Px::whole(size.height));
    let whole = strip.whole.max(1);
    let x = |value: u64| {
        let tenths = i128::from(width.0) * i128::from(value.min(whole)) / i128::from(whole);
        i64::try_from(tenths).expect("no wider than the strip")
    };
    canvas.rect("track", (Px(0), Px(0)), (width, height));
    let mut seen = 0_u64;
    for (colour, value) in &strip.parts {
        let from = x(seen);
        seen = seen.saturating_add(*value);
        let across = x(seen) - from;
        if across > 0 {
            canvas.rect(&format!("bar {}", colour.class()), (Px(from), Px(0)), (Px(across), height));
        }
    }
    if let Some(mark) = strip.mark {
        canvas.line("limit", (Px(x(mark)), Px(0)), (Px(x(mark)), height));
    }
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(parts: &[u64], whole: u64, mark: Option<u64>) -> String {
        let parts = parts.iter().enumerate().map(|(turn, value)| (Colour::Turn(turn), *value)).collect();
        let text = || "x".to_owned();
        strip(&Strip { title: text(), said: text(), parts, whole, mark }, Size { width: 100, height: 10 }).to_string()
    }

    #[test]
    fn parts_stand_in_a_row_and_what_is_beyond_the_whole_is_not_drawn() {
        let check = |parts: &[u64], whole: u64, expected: &[(&str, &str)]| {
            let text = drawn(parts, whole, None);
            let bars = text.split("<rect class=\"bar").skip(1);
            let value = |bar: &str, name: &str| {
                let rest = bar.split(&format!(" {name}=\"")).nth(1).expect("there").to_owned();
                rest.split('"').next().expect("closed").to_owned()
            };
            let got: Vec<_> = bars.map(|bar| (value(bar, "x"), value(bar, "width"))).collect();
            let expected: Vec<_> = expected.iter().map(|(x, w)| ((*x).to_owned(), (*w).to_owned())).collect();
            assert_eq!(got, expected, "{parts:?} of {whole}");
        };
        check(&[1, 2], 4, &[("0", "25"), ("25", "50")]);
        check(&[0, 4], 4, &[("0", "100")]);
        check(&[9], 4, &[("0", "100")]);
        check(&[u64::MAX, u64::MAX], u64::MAX, &[("0", "100")]);
        check(&[], 0, &[]);
    }

    #[test]
    fn a_mark_stands_where_its_value_is() {
        assert!(drawn(&[1], 4, Some(3)).contains("<line class=\"limit\" x1=\"75\""));
        assert!(!drawn(&[1], 4, None).contains("limit"));
    }
}
