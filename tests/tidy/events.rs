//! Every event of the log stands in docs/observability.md with its level, and every event of the page is in the code.

use std::collections::BTreeSet;

use crate::source::Source;

/// What tells of something.
const LEVELS: [(&str, &str); 4] = [
    ("tracing::error!(", "error"),
    ("tracing::warn!(", "warn"),
    ("tracing::info!(", "info"),
    ("tracing::debug!(", "debug"),
];

/// Name and level.
pub type Told = BTreeSet<(String, String)>;

/// The events of a file, tests left out; a call without an event is named by its place.
pub fn in_code(source: &Source) -> Told {
    let text: Vec<&str> = source.text.lines().collect();
    let mut told = Told::new();
    for (number, line) in source.product.lines().enumerate() {
        for (call, level) in LEVELS.iter().filter(|(call, _)| line.contains(call)) {
            let after = text[number..].join("\n");
            let after = after.split_once(call).map_or("", |(_, after)| after);
            let named = after.trim_start().strip_prefix("event = \"").and_then(|rest| rest.split('"').next());
            let name = named.map_or_else(|| format!("no event in {}:{}", source.path, number + 1), str::to_owned);
            told.insert((name, (*level).to_owned()));
        }
    }
    told
}

/// Rows `| `name` | level | … |` between the heading of the log and the next.
pub fn in_page(page: &str) -> Told {
    let section = page.split("\n## ").find(|section| section.starts_with("The log")).unwrap_or_default();
    let rows = section.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        Some((cells.next()?.trim_end_matches('`').to_owned(), cells.next()?.to_owned()))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rows: &[(&str, &str)]) -> Told {
        rows.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect()
    }

    #[test]
    fn an_event_is_found_over_lines_and_not_in_tests() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            assert_eq!(in_code(&Source::new("src/io/x.rs", text)), told(expected), "{text}");
        };
        check("fn f() { tracing::info!(event = \"a.b\", x); }", &[("a.b", "info")]);
        check(
            "fn f() {\n    tracing::error!(\n        event = \"a.b\",\n        \"text\"\n    );\n}",
            &[("a.b", "error")],
        );
        check("fn f() { tracing::warn!(\"text\"); }", &[("no event in src/io/x.rs:1", "warn")]);
        check("#[cfg(test)]\nmod tests { fn f() { tracing::info!(event = \"a.b\"); } }", &[]);
    }

    #[test]
    fn rows_of_the_page_are_read_from_the_log_alone() {
        let page = "# X\n\n## Metrics\n\n| `m` | counter | |\n\n## The log\n\n| event | level |\n|---|---|\n| `a.b` | info | text |\n\n## Health\n| `c` | x |";
        assert_eq!(in_page(page), told(&[("a.b", "info")]));
    }
}
