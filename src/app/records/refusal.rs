//! Refused records: by line, field and rule, never by value.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

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
        let place = match (self.field.as_str(), self.line) {
            // An option of the command line stands on no line.
            (option, 1) if option.starts_with("--") => option.to_owned(),
            (option, number) if option.starts_with("--") => format!("{option} number {number}"),
            ("", line) => format!("line {line}"),
            (field, line) => format!("line {line}, {field}"),
        };
        format!("{place}: {} [{}]", self.description, self.rule)
    }
}

const HEADER: &str = "line,field,rule,description";

/// The report a program reads: CSV, or JSON lines where the name ends with `.jsonl`.
#[derive(Debug)]
pub struct Report {
    pub path: PathBuf,
    file: File,
}

impl Report {
    /// Opened before anything is sent: a place that cannot be written is told while nothing has happened yet. What stands
    /// there is replaced only by [`Report::write`].
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Adds to what stands there, durably: of a file that is followed, nobody knows which refusal is the last.
    pub fn add(&self, refusals: &[Refusal]) -> std::io::Result<()> {
        let mut file = &self.file;
        if self.file.metadata()?.is_file() {
            file.seek(SeekFrom::End(0))?;
        }
        let mut out = std::io::BufWriter::new(file);
        if !self.is_jsonl() && self.file.metadata()?.len() == 0 {
            writeln!(out, "{HEADER}")?;
        }
        self.lines(&mut out, refusals)?;
        out.flush()?;
        self.sync()
    }

    pub fn write(&self, refusals: &[Refusal]) -> std::io::Result<()> {
        // A pipe has no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        let mut out = std::io::BufWriter::new(&self.file);
        if !self.is_jsonl() {
            writeln!(out, "{HEADER}")?;
        }
        self.lines(&mut out, refusals)?;
        out.flush()?;
        self.sync()
    }

    fn is_jsonl(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "jsonl")
    }

    fn lines(&self, out: &mut impl Write, refusals: &[Refusal]) -> std::io::Result<()> {
        for refusal in refusals {
            if self.is_jsonl() {
                serde_json::to_writer(&mut *out, refusal)?;
                out.write_all(b"\n")?;
            } else {
                let description = refusal.description.replace('"', "\"\"");
                writeln!(out, "{},{},{},\"{description}\"", refusal.line, refusal.field, refusal.rule)?;
            }
        }
        Ok(())
    }

    fn sync(&self) -> std::io::Result<()> {
        match self.file.sync_all() {
            // A pipe or a terminal has no disk under it.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
            written => written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_the_one_before_only_when_it_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("refused.csv");
        std::fs::write(&path, "x".repeat(1_000)).expect("written");
        let report = Report::open(&path).expect("opened");
        assert_eq!(std::fs::metadata(&path).expect("there").len(), 1_000);
        report.write(&[Refusal::new(2, "pan", "missing", "say \"what\"")]).expect("written");
        let written = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(written, "line,field,rule,description\n2,pan,missing,\"say \"\"what\"\"\"\n");
    }
}
