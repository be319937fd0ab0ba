//! What is wrong with a policy file, and where: line and column of the file, the rule, the offending name, what would be right.

use std::fmt;

use crate::base::limits;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {}{fault}", of_rule(rule.as_deref()))]
pub struct PolicyFault {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The rule it is in, where it has a name yet.
    pub rule: Option<String>,
    pub fault: Fault,
}

fn of_rule(rule: Option<&str>) -> String {
    rule.map(|name| format!("rule {name:?}: ")).unwrap_or_default()
}

/// A file that cannot be a policy: everything that is wrong with it, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFaults(pub Vec<PolicyFault>);

impl fmt::Display for PolicyFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyFaults {}

/// Which rule of the language or the file is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("not valid TOML: {0}")]
    Toml(String),
    #[error("{got} bytes exceed the limit of {limit} for {what}")]
    TooLong { what: &'static str, got: usize, limit: usize },
    #[error("{got} {what} exceed the limit of {limit}")]
    TooMany { what: &'static str, got: usize, limit: usize },
    #[error("{name:?} is not a key here; known are {known}{}", meant(nearest.as_deref()))]
    UnknownKey { name: String, known: String, nearest: Option<String> },
    #[error("{key} is missing; it must be {allowed}")]
    Missing { key: &'static str, allowed: &'static str },
    #[error("{key} must be {allowed}")]
    Value { key: String, allowed: &'static str },
    #[error("there is another rule of this name, at line {first_line}")]
    SameName { first_line: usize },
    #[error("a condition is written in ASCII: codes and words have no other letters")]
    NotAscii,
    #[error("not a condition: {0}")]
    Syntax(String),
    #[error("brackets are open {} deep at most", limits::decisions::POLICY_NESTING)]
    Nesting,
    #[error("expressions stand within each other {} deep at most", limits::decisions::POLICY_DEPTH)]
    Deep,
    #[error("unknown {what} {name:?}{}", meant(nearest.as_deref()))]
    UnknownName { what: &'static str, name: String, nearest: Option<String> },
    #[error("{what} must be {expected}, got {got}")]
    Type { what: String, expected: &'static str, got: &'static str },
    #[error("{word:?} is not {expected}{}", meant(nearest.as_deref()))]
    Word { word: String, expected: &'static str, nearest: Option<String> },
    #[error("{what} is not part of the language of policies{}", hint(instead))]
    Unsupported { what: String, instead: &'static str },
    #[error("it may take {got} steps, the limit is {limit}: go through fewer lists within lists")]
    Cost { got: u64, limit: u64 },
    #[error("all rules together may take {got} steps, the limit is {limit}")]
    TotalCost { got: u64, limit: u64 },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest:?}?")).unwrap_or_default()
}

fn hint(instead: &str) -> String {
    if instead.is_empty() { String::new() } else { format!(": {instead}") }
}

/// The known name that was probably meant: the fewest letters to change, and not more than a third of them.
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let ranked = known.into_iter().map(|candidate| (distance(&name, &candidate.to_ascii_lowercase()), candidate));
    let (changes, candidate) = ranked.min()?;
    (changes <= 1.max(candidate.len().min(name.len()).div_ceil(3))).then(|| candidate.to_owned())
}

/// Letters to insert, delete or replace (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (done, letter) in left.chars().take(64).enumerate() {
        let mut diagonal = done;
        let mut before = done + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(&right) {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = *cell;
            *cell = replaced.min(before + 1).min(*cell + 1);
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = done + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_a_foreign_one_is_not() {
        let check = |name: &str, offered: Option<&str>| {
            let known = ["amount_minor", "currency", "country", "channel"];
            assert_eq!(nearest(name, known).as_deref(), offered, "{name}");
        };
        check("amount", None);
        check("amount_minr", Some("amount_minor"));
        check("contry", Some("country"));
        check("Currency", Some("currency"));
        check("zebra", None);
        assert_eq!(nearest("x", []), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
