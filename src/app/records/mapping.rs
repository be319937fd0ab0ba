//! Which column feeds which field: `--map FIELD=COLUMN` for files that name or arrange their columns otherwise.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::base::kind::IdentifierKind;

/// One `--map FIELD=COLUMN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapOption {
    pub field: String,
    pub column: String,
}

/// Not of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the form is FIELD=COLUMN, e.g. pan=card_number")]
pub struct NoMap;

impl FromStr for MapOption {
    type Err = NoMap;

    fn from_str(text: &str) -> Result<Self, NoMap> {
        let (field, column) = text.split_once('=').ok_or(NoMap)?;
        let (field, column) = (field.trim(), column.trim());
        if field.is_empty() || column.is_empty() {
            return Err(NoMap);
        }
        Ok(Self { field: field.to_ascii_lowercase().replace('-', "_"), column: column.to_owned() })
    }
}

/// What becomes of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Its value is the value of these fields.
    Fields(Vec<String>),
    /// The mapping names the columns of interest; this is none of them.
    Ignored,
    /// Nobody asked for it and nobody said to ignore it: perhaps a misspelt field.
    Unknown,
}

/// The fields a command understands, and the mapping that leads to them.
#[derive(Debug, Clone)]
pub struct Names {
    known: BTreeSet<&'static str>,
    maps: Vec<MapOption>,
    ignore_unknown: bool,
}

/// A mapping to a field that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--map leads to an unknown field; fields are {known}")]
pub struct UnknownField {
    known: String,
}

impl Names {
    /// `fields` besides the labels of all kinds of identifier, which every command understands.
    pub fn new(fields: &[&'static str], maps: Vec<MapOption>, ignore_unknown: bool) -> Result<Self, UnknownField> {
        let mut known: BTreeSet<&'static str> = fields.iter().copied().collect();
        known.extend(IdentifierKind::ALL.map(IdentifierKind::label));
        if maps.iter().any(|map| !known.contains(map.field.as_str())) {
            return Err(UnknownField { known: known.into_iter().collect::<Vec<_>>().join(", ") });
        }
        Ok(Self { known, ignore_unknown: ignore_unknown || !maps.is_empty(), maps })
    }

    /// Nothing but the columns the mapping names, whatever else the file holds.
    pub fn only(maps: Vec<MapOption>) -> Self {
        Self { known: BTreeSet::new(), maps, ignore_unknown: true }
    }

    pub fn use_of(&self, column: &str) -> Use {
        let mut fields: Vec<String> =
            self.maps.iter().filter(|map| map.column == column).map(|map| map.field.clone()).collect();
        let own = column.to_ascii_lowercase();
        let mapped_elsewhere = self.maps.iter().any(|map| map.field == own);
        if self.known.contains(own.as_str()) && !mapped_elsewhere {
            fields.push(own);
        }
        match (fields.is_empty(), self.ignore_unknown) {
            (false, _) => Use::Fields(fields),
            (true, true) => Use::Ignored,
            (true, false) => Use::Unknown,
        }
    }

    /// Whether columns and keys that are no fields are left out in silence.
    pub fn passes_over_unknown(&self) -> bool {
        self.ignore_unknown
    }

    /// Columns the mapping asks for.
    pub fn mapped_columns(&self) -> impl Iterator<Item = &str> {
        self.maps.iter().map(|map| map.column.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps(texts: &[&str]) -> Vec<MapOption> {
        texts.iter().map(|text| text.parse().expect("a map")).collect()
    }

    #[test]
    fn a_mapping_names_the_columns_of_interest_and_the_rest_is_ignored() {
        let names = Names::new(&["note"], maps(&["pan=card", "email=mail"]), false).expect("known fields");
        assert_eq!(names.use_of("card"), Use::Fields(vec!["pan".to_owned()]));
        assert_eq!(names.use_of("note"), Use::Fields(vec!["note".to_owned()]));
        assert_eq!(names.use_of("pan"), Use::Ignored);
        assert_eq!(names.use_of("colour"), Use::Ignored);
    }

    #[test]
    fn without_a_mapping_an_unknown_column_is_not_ignored() {
        let names = Names::new(&["note"], Vec::new(), false).expect("known fields");
        assert_eq!(names.use_of("valid_untill"), Use::Unknown);
        assert_eq!(names.use_of("IBAN"), Use::Fields(vec!["iban".to_owned()]));
    }

    #[test]
    fn a_mapping_to_an_unknown_field_is_refused() {
        assert!(Names::new(&["note"], maps(&["colour=a"]), false).is_err());
        for text in ["pan", "=a", "pan="] {
            assert_eq!(text.parse::<MapOption>(), Err(NoMap));
        }
    }
}
