//! Which column of a file means what.

use crate::app::records::mapping::{MapOption, Names};
use crate::app::records::source::{Format, ReadOptions};
use crate::base::kind::IdentifierKind;
use crate::base::limits::IDENTIFIERS_PER_TRANSACTION;

/// One column of identifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndicatorColumn {
    pub kind: IdentifierKind,
    /// Put before each value with a colon, for kinds that want a scheme.
    pub scheme: Option<String>,
    pub column: String,
}

/// Which column means what.
#[derive(Debug, Clone)]
pub struct Columns {
    pub time: String,
    pub label: String,
    pub amount: Option<String>,
    pub typology: Option<String>,
    pub institution: Option<String>,
    pub indicators: Vec<IndicatorColumn>,
    pub format: Option<Format>,
    pub delimiter: char,
}

/// Names of columns within this file; those of identifiers follow the order of the options.
pub const TIME: &str = "time";
pub const LABEL: &str = "label";
pub const AMOUNT: &str = "amount";
pub const TYPOLOGY: &str = "typology";
pub const INSTITUTION: &str = "institution";

pub fn indicator(nth: usize) -> String {
    format!("indicator-{nth}")
}

impl Columns {
    pub fn options(&self) -> ReadOptions {
        let map = |field: &str, column: &String| MapOption { field: field.to_owned(), column: column.clone() };
        let mut maps = vec![map(TIME, &self.time), map(LABEL, &self.label)];
        maps.extend(self.amount.iter().map(|column| map(AMOUNT, column)));
        maps.extend(self.typology.iter().map(|column| map(TYPOLOGY, column)));
        maps.extend(self.institution.iter().map(|column| map(INSTITUTION, column)));
        let indicators = self.indicators.iter().take(IDENTIFIERS_PER_TRANSACTION).enumerate();
        maps.extend(indicators.map(|(nth, of)| map(&indicator(nth), &of.column)));
        ReadOptions { format: self.format, delimiter: self.delimiter, names: Names::only(maps), required: Vec::new() }
    }
}
