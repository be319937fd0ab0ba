//! Text in a table that a spreadsheet opens: it must never be taken for a formula (OWASP ASVS 1.2.10).

/// The text, with an apostrophe in front where a spreadsheet would compute it.
pub fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_formula_becomes_text() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected);
        check("=HYPERLINK(\"http://example.org\")", "'=HYPERLINK(\"http://example.org\")");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\tx", "'\tx");
        check("members/bank-a", "members/bank-a");
        check("", "");
    }

    proptest! {
        #[test]
        fn any_text_survives_the_table_and_none_starts_a_formula(text in any::<String>()) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record([cell(&text).as_str(), "end"]).expect("in memory");
            let file = writer.into_inner().expect("in memory");
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_slice());
            let row = reader.records().next().expect("one row").expect("well-formed");
            let read = row.get(0).expect("a cell");
            prop_assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']));
            prop_assert!(read == text || read.strip_prefix('\'') == Some(text.as_str()));
        }
    }
}
