//! Every test that docs/asvs.md names is there: `file` and the words of its name.

use crate::source::Source;

/// A test as the page names it: a file or folder, below `src` where it does not begin with `tests/`, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub place: String,
    pub words: String,
}

impl Named {
    /// As code writes it.
    fn function(&self) -> String {
        let plain: String = self
            .words
            .to_lowercase()
            .chars()
            .map(|letter| if letter.is_alphanumeric() { letter } else { ' ' })
            .collect();
        format!("fn {}(", plain.split_whitespace().collect::<Vec<_>>().join("_"))
    }

    pub fn stands_in(&self, sources: &[Source]) -> bool {
        let place = if self.place.starts_with("tests/") { self.place.clone() } else { format!("src/{}", self.place) };
        let inside = |path: &str| path == place || path.strip_prefix(&place).is_some_and(|rest| rest.starts_with('/'));
        sources.iter().any(|source| inside(&source.path) && source.text.contains(&self.function()))
    }
}

/// In the last column of each table: `` `place`: words ``, several parted by semicolons, a remark in brackets left out.
pub fn named(page: &str) -> Vec<Named> {
    let cells =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.trim_end_matches([' ', '|']).rsplit('|').next());
    let parts = cells.flat_map(|cell| cell.split(';'));
    let read = |part: &str| {
        let (place, words) = part.trim().strip_prefix('`')?.split_once("`: ")?;
        let words = words.split(" (").next().unwrap_or_default();
        Some(Named { place: place.to_owned(), words: words.to_owned() })
    };
    parts.filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_test_is_found_where_it_is_said_to_be_and_nowhere_else() {
        let page = "| 1.1 | what | how | `io/x.rs`: a b-c (in the browser); `tests/console`: d e |\n| 1.2 | `no` | `x`: y | the same |";
        let found = named(page);
        let test = |place: &str, words: &str| Named { place: place.to_owned(), words: words.to_owned() };
        assert_eq!(found, [test("io/x.rs", "a b-c"), test("tests/console", "d e")]);
        let there = [Source::new("src/io/x.rs", "fn a_b_c() {}"), Source::new("tests/console/y.rs", "fn d_e() {}")];
        assert!(found.iter().all(|test| test.stands_in(&there)));
        let elsewhere = [Source::new("src/io/y.rs", "fn a_b_c() {}"), Source::new("tests/console_y.rs", "fn d_e() {}")];
        assert!(found.iter().all(|test| !test.stands_in(&elsewhere)));
        assert!(!test("io/x.rs", "a b").stands_in(&there), "the whole name");
    }
}
