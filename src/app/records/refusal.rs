//! Refused records: by line, field and rule, never by value.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

/// One refused record or field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// One-based line of the record.
    pub line: u64,
    /// Name of the field; empty where the whole record is at fault.
    pub field: String,
    /// Stable name of the rule.
    pub rule: String,
    /// The rule in words.
    pub description: String,
}

impl Refusal {
    pub fn new(line: u64, field: &str, rule: &str, description: impl ToString) -> Self {
        Self { line, field: field.to_owned(), rule: rule.to_owned(), description: description.to_string() }
    }

    /// One line for a person.
    pub fn shown(&self) -> String {
        let at = if self.field.is_empty() { String::new() } else { format!(", {}", self.field) };
        format!("line {}{at}: {} [{}]", self.line, self.description, self.rule)
    }
}

/// Writes the report a program reads: CSV, or JSON lines where the name ends with `.jsonl`.
pub fn write_report(path: &Path, refusals: &[Refusal]) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        for refusal in refusals {
            serde_json::to_writer(&mut out, refusal)?;
            out.write_all(b"\n")?;
        }
    } else {
        writeln!(out, "line,field,rule,description")?;
        for refusal in refusals {
            let description = refusal.description.replace('"', "\"\"");
            writeln!(out, "{},{},{},\"{description}\"", refusal.line, refusal.field, refusal.rule)?;
        }
    }
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}
