//! Writing SVG: elements with numbers and classes of ours, and text that is escaped.

use std::fmt::{self, Write};

use askama::filters::HtmlSafe;

use crate::io::console::chart::Size;

/// A drawing. Built here alone, so it is markup that a template may show as it is. Not shown in `Debug`: it may be an
/// authenticator's secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Svg(String);

impl fmt::Debug for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Svg({} bytes)", self.0.len())
    }
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Svg {
    /// A square of dark modules: runs of them as column, row and length.
    pub fn modules(title: &str, size: usize, runs: &[(usize, usize, usize)]) -> Self {
        // Readers ask for four light modules around a code.
        let whole = size + 8;
        let mut text = format!(
            "<svg class=\"qr\" viewBox=\"0 0 {whole} {whole}\" role=\"img\" shape-rendering=\"crispEdges\"><title>{}</title>\
             <rect class=\"light\" width=\"{whole}\" height=\"{whole}\"/><path class=\"dark\" d=\"",
            escape(title)
        );
        for (x, y, length) in runs {
            text.push_str(&format!("M{} {}h{length}v1h-{length}z", x + 4, y + 4));
        }
        text.push_str("\"/></svg>");
        Self(text)
    }
}

/// Every foreign text in it went through `escape`.
impl HtmlSafe for Svg {}

/// A drawing being made.
#[derive(Debug)]
pub struct Canvas(String);

/// Tenths of a pixel: sharp enough, and the same on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Px(pub i64);

impl Px {
    pub fn whole(pixels: u32) -> Self {
        Self(i64::from(pixels) * 10)
    }
}

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, tenths) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        match tenths % 10 {
            0 => write!(f, "{sign}{}", tenths / 10),
            rest => write!(f, "{sign}{}.{rest}", tenths / 10),
        }
    }
}

/// Where a text stands to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Canvas {
    /// `class` tells the style sheet which screens it is for.
    pub fn new(class: &str, size: Size, title: &str, description: &str) -> Self {
        let Size { width, height } = size;
        let mut canvas = Self(String::with_capacity(8 * 1024));
        canvas.push(format_args!(
            "<svg class=\"chart {class}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\
             <title>{}</title><desc>{}</desc>",
            escape(title),
            escape(description)
        ));
        canvas
    }

    /// One without text, which the style sheet may stretch.
    pub fn stretched(class: &str, size: Size, title: &str, description: &str) -> Self {
        let Self(drawn) = Self::new(class, size, title, description);
        Self(drawn.replacen(" role=", " preserveAspectRatio=\"none\" role=", 1))
    }

    fn push(&mut self, markup: fmt::Arguments<'_>) {
        self.0.write_fmt(markup).expect("a String takes everything");
    }

    /// A group with a text that shows when somebody points at it.
    pub fn group(&mut self, class: &str, title: Option<&str>, inside: impl FnOnce(&mut Self)) {
        self.push(format_args!("<g class=\"{class}\">"));
        if let Some(title) = title {
            self.push(format_args!("<title>{}</title>", escape(title)));
        }
        inside(self);
        self.push(format_args!("</g>"));
    }

    pub fn line(&mut self, class: &str, (x1, y1): (Px, Px), (x2, y2): (Px, Px)) {
        self.push(format_args!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"));
    }

    pub fn rect(&mut self, class: &str, (x, y): (Px, Px), (width, height): (Px, Px)) {
        self.push(format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"));
    }

    /// A bar whose two upper corners are round.
    pub fn topped(&mut self, class: &str, (x, y): (Px, Px), (width, height): (Px, Px)) {
        let round = Px(width.0.min(height.0).min(40) / 2);
        let (straight, across) = (Px(height.0 - round.0), Px(width.0 - 2 * round.0));
        self.push(format_args!(
            "<path class=\"{class}\" d=\"M{x} {}v-{straight}q0 -{round} {round} -{round}h{across}q{round} 0 {round} {round}v{straight}z\"/>",
            Px(y.0 + height.0)
        ));
    }

    /// A bar whose two lower corners are round.
    pub fn bottomed(&mut self, class: &str, (x, y): (Px, Px), (width, height): (Px, Px)) {
        let round = Px(width.0.min(height.0).min(40) / 2);
        let (straight, across) = (Px(height.0 - round.0), Px(width.0 - 2 * round.0));
        self.push(format_args!(
            "<path class=\"{class}\" d=\"M{x} {y}v{straight}q0 {round} {round} {round}h{across}q{round} 0 {round} -{round}v-{straight}z\"/>"
        ));
    }

    pub fn circle(&mut self, class: &str, (x, y): (Px, Px), radius: Px) {
        self.push(format_args!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>"));
    }

    pub fn path(&mut self, class: &str, points: &[(Px, Px)], closed: bool) {
        self.push(format_args!("<path class=\"{class}\" d=\""));
        for (number, (x, y)) in points.iter().enumerate() {
            self.push(format_args!("{}{x} {y}", if number == 0 { 'M' } else { 'L' }));
        }
        self.push(format_args!("{}\"/>", if closed { "z" } else { "" }));
    }

    pub fn text(&mut self, class: &str, (x, y): (Px, Px), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>",
            escape(text)
        ));
    }

    pub fn finish(mut self) -> Svg {
        self.0.push_str("</svg>");
        Svg(self.0)
    }
}

/// Foreign text as it may stand between tags.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push('\n'),
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_shortly() {
        let check = |tenths, text: &str| assert_eq!(Px(tenths).to_string(), text);
        check(0, "0");
        check(15, "1.5");
        check(-15, "-1.5");
        check(120, "12");
    }

    #[test]
    fn foreign_text_is_no_markup() {
        let hostile = "</title><script>alert(1)</script>\u{0}\"'&";
        let mut canvas = Canvas::new("wide", Size { width: 10, height: 10 }, hostile, hostile);
        canvas.group("g", Some(hostile), |canvas| canvas.text("t", (Px(0), Px(0)), Anchor::Start, hostile));
        let drawn = canvas.finish().to_string();
        assert!(!drawn.contains("<script") && !drawn.contains('\u{0}'), "{drawn}");
        assert_eq!(
            drawn.matches("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;\u{fffd}&quot;&#39;&amp;").count(),
            4
        );
    }
}
