//! Reason codes of indicators: MITRE's Fight Fraud Framework (F3) v1.1 unless a node loads another list.
//!
//! A list is text, one `id<TAB>name` a line, `#` starts a comment. Publishing demands an id of the node's own list;
//! what a peer sends need only be well formed, because a peer may hold a newer list.

use std::collections::BTreeMap;
use std::fmt;

/// The shipped table, made by `deploy/typology/make_table.py`.
const BUILT_IN: &str = include_str!("../../../deploy/typology/f3-v1.1.tsv");

/// Longest id: sub-techniques need 9 characters, own lists may be wordier.
const ID_CHARACTERS: usize = 32;

/// The rule an id or a list broke. Ids are not repeated: a mixed-up column may hold an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TypologyError {
    #[error("a typology id has 1 to {ID_CHARACTERS} letters, digits, '.', '-' or '_' and starts with a letter")]
    Malformed,
    #[error("no such typology in this node's list (hushwire typology list)")]
    Unknown,
    #[error("line {line} of the typology list must be an id, a tab and a name")]
    Line { line: usize },
    #[error("line {line} of the typology list repeats an earlier id")]
    Repeated { line: usize },
    #[error("the typology list is empty")]
    Empty,
}

/// A well-formed typology id, e.g. `F1012` or `T1110.004`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Typology(String);

impl Typology {
    /// Checks the form only; [`TypologyList::typology`] also demands that the id is listed.
    pub fn well_formed(id: &str) -> Result<Self, TypologyError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let starts_well = id.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if !starts_well || id.len() > ID_CHARACTERS || !id.bytes().all(plain) {
            return Err(TypologyError::Malformed);
        }
        Ok(Self(id.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Typology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The typologies a node publishes under, with their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypologyList {
    names: BTreeMap<Typology, String>,
}

impl TypologyList {
    /// MITRE F3 v1.1.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the shipped table is well formed: a test reads it")
    }

    /// Reads a list; the first broken line refuses it as a whole.
    pub fn parse(text: &str) -> Result<Self, TypologyError> {
        let mut names = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let line_number = number + 1;
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (id, name) = line.split_once('\t').ok_or(TypologyError::Line { line: line_number })?;
            let id = Typology::well_formed(id).map_err(|_| TypologyError::Line { line: line_number })?;
            if name.trim().is_empty() {
                return Err(TypologyError::Line { line: line_number });
            }
            if names.insert(id, name.trim().to_owned()).is_some() {
                return Err(TypologyError::Repeated { line: line_number });
            }
        }
        if names.is_empty() { Err(TypologyError::Empty) } else { Ok(Self { names }) }
    }

    /// The typology of this id; refused where the list does not hold it.
    pub fn typology(&self, id: &str) -> Result<Typology, TypologyError> {
        let typology = Typology::well_formed(id)?;
        if self.names.contains_key(&typology) { Ok(typology) } else { Err(TypologyError::Unknown) }
    }

    /// Its name in words, where the list holds it.
    pub fn name(&self, typology: &Typology) -> Option<&str> {
        self.names.get(typology).map(String::as_str)
    }

    /// Id and name of each, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&Typology, &str)> {
        self.names.iter().map(|(typology, name)| (typology, name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_is_f3() {
        let list = TypologyList::built_in();
        assert_eq!(list.iter().count(), 123);
        let testing = list.typology("F1012").expect("listed");
        assert_eq!(list.name(&testing), Some("Card Testing"));
        let stuffing = list.typology("T1110.004").expect("listed");
        assert_eq!(list.name(&stuffing), Some("Brute Force: Credential Stuffing"));
    }

    #[test]
    fn an_unknown_or_malformed_id_is_refused_without_echo() {
        let list = TypologyList::built_in();
        let check = |id: &str, expected: TypologyError| assert_eq!(list.typology(id), Err(expected), "{id:?}");
        check("F9999", TypologyError::Unknown);
        check("f1012", TypologyError::Unknown);
        check("", TypologyError::Malformed);
        check("4111111111111111", TypologyError::Malformed);
        check("F1012 ", TypologyError::Malformed);
        check("F\u{661}012", TypologyError::Malformed);
        check(&"F".repeat(33), TypologyError::Malformed);
    }

    #[test]
    fn a_list_is_replaced_as_a_whole_or_not_at_all() {
        let check = |text: &str, expected: Result<usize, TypologyError>| {
            assert_eq!(TypologyList::parse(text).map(|list| list.iter().count()), expected, "{text:?}");
        };
        check("# own codes\n\nX1\tOne\r\nX2\tTwo\n", Ok(2));
        check("X1 One", Err(TypologyError::Line { line: 1 }));
        check("X1\tOne\n1X\tTwo", Err(TypologyError::Line { line: 2 }));
        check("X1\t ", Err(TypologyError::Line { line: 1 }));
        check("X1\tOne\nX1\tAgain", Err(TypologyError::Repeated { line: 2 }));
        check("# nothing\n", Err(TypologyError::Empty));
    }
}
