//! What pages are dressed with, inside the binary. A name holds the hash of its content, so that a browser may keep it for ever.

use std::sync::LazyLock;

use prost::bytes::Bytes;
use sha2::{Digest, Sha256};

/// One file.
#[derive(Debug)]
pub struct Asset {
    /// Where it is served.
    pub path: String,
    pub media: &'static str,
    pub content: Bytes,
}

impl Asset {
    fn new(name: &str, ending: &str, media: &'static str, content: &'static str) -> Self {
        let hash = hex::encode(Sha256::digest(content.as_bytes()));
        let hash = hash.get(..16).expect("64 digits");
        Self { path: format!("/assets/{name}.{hash}.{ending}"), media, content: Bytes::from_static(content.as_bytes()) }
    }
}

/// Everything there is.
#[derive(Debug)]
pub struct Assets {
    pub style: Asset,
    pub script: Asset,
    pub icon: Asset,
}

/// The assets of this binary.
pub fn assets() -> &'static Assets {
    static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
        let style = [
            include_str!("assets/tokens.css"),
            include_str!("assets/layout.css"),
            include_str!("assets/parts.css"),
            include_str!("assets/chart.css"),
            include_str!("assets/print.css"),
        ];
        // Several files to read, one to load.
        let style: &'static str = Box::leak(style.concat().into_boxed_str());
        Assets {
            style: Asset::new("console", "css", "text/css; charset=utf-8", style),
            script: Asset::new("console", "js", "text/javascript; charset=utf-8", include_str!("assets/console.js")),
            icon: Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")),
        }
    });
    &ASSETS
}

impl Assets {
    pub fn all(&self) -> [&Asset; 3] {
        [&self.style, &self.script, &self.icon]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_loaded_from_elsewhere_and_names_follow_content() {
        for asset in assets().all() {
            let text = String::from_utf8_lossy(&asset.content);
            let foreign = text
                .match_indices("//")
                .any(|(at, _)| text[..at].ends_with("https:") && !text[at..].starts_with("//www.w3.org/"));
            assert!(!foreign && !text.contains("@import") && !text.contains("url("), "{}", asset.path);
        }
        let [one, other] = ["a", "b"].map(|content| Asset::new("x", "css", "text/css", content).path);
        assert_ne!(one, other);
    }
    #[test]
    fn a_sheet_closes_what_it_opens_and_no_more() {
        // A browser drops the rule behind a brace too many, and says nothing.
        for sheet in ["tokens", "layout", "parts", "chart", "print"] {
            let path = format!("{}/src/io/console/assets/{sheet}.css", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).expect("a sheet of the project");
            let mut open = 0_i32;
            for (number, line) in (1..).zip(text.lines()) {
                for letter in line.chars() {
                    open += i32::from(letter == '{') - i32::from(letter == '}');
                    assert!((0..=2).contains(&open), "{sheet}.css line {number}");
                }
            }
            assert_eq!(open, 0, "{sheet}.css");
        }
    }
}
