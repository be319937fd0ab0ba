//! Files of records in: CSV (RFC 4180) and JSON lines, named like the fields of the interface they feed.
//!
//! The files hold raw identifiers, so nothing read from them is ever repeated in a message, and what was read is wiped
//! when it is dropped. That, the limit on a record's size and the exact line of every refusal are why the CSV splitter
//! is our own; the `csv` crate is the oracle in its tests.
//!
//! A faulty *record* is refused and the next one read; a faulty *file* (no header, wrong encoding, an unreadable disk)
//! ends the reading.

pub mod csv;
pub mod draft;
pub mod follow;
pub mod growing;
pub mod input;
pub mod json;
pub mod lines;
pub mod mapping;
pub mod nearest;
pub mod refusal;
pub mod source;
pub mod time;
pub mod transaction;
pub mod words;

use std::fmt;

use zeroize::Zeroizing;

/// One record: its line and its named values. A name may repeat where the record lists several identifiers of one kind.
pub struct Record {
    /// One-based number of its first line.
    pub line: u64,
    pub fields: Vec<Field>,
}

/// One named value.
pub struct Field {
    pub name: String,
    pub value: Zeroizing<String>,
}

/// Names only: values may be raw identifiers.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record(line {}, {} fields)", self.line, self.fields.len())
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({}: …)", shown_name(&self.name))
    }
}

/// A column's or key's name as it may stand in a message. A file without header row has an identifier where the name
/// should be, so whatever does not look like a name is not shown.
pub fn shown_name(name: &str) -> &str {
    let plain =
        !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_alphabetic() || b"_-. ".contains(&b));
    if plain { name } else { "(not shown)" }
}
