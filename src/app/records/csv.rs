//! Splits CSV records as RFC 4180 writes them, and nothing looser: a quote where none may stand is more often a shifted
//! column than a text, and a shifted column would publish the wrong value.

use zeroize::Zeroizing;

/// The rule a record broke. Columns are counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsvRule {
    #[error(
        "column {column} holds a quote but does not begin with one; quote the whole column and double the inner quotes"
    )]
    StrayQuote { column: usize },
    #[error("column {column} goes on after its closing quote")]
    TextAfterQuote { column: usize },
    #[error("the quote opened in column {column} is never closed")]
    OpenQuote { column: usize },
    #[error("the header has {expected} columns, this record {got}")]
    ColumnCount { expected: usize, got: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    ColumnStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

/// Takes the lines of one record, which may hold line ends inside quotes.
pub struct Splitter {
    delimiter: char,
    state: State,
    columns: Vec<Zeroizing<String>>,
    current: Zeroizing<String>,
}

impl std::fmt::Debug for Splitter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Splitter({} columns so far)", self.columns.len())
    }
}

impl Splitter {
    pub fn new(delimiter: char) -> Self {
        Self { delimiter, state: State::ColumnStart, columns: Vec::new(), current: Zeroizing::new(String::new()) }
    }

    /// Takes the record's next line. True: the record is complete. False: a quote is open, the next line belongs to it.
    pub fn take_line(&mut self, line: &str) -> Result<bool, CsvRule> {
        if self.state == State::Quoted {
            self.current.push('\n');
        } else {
            // What one column can grow to is known: no growth, no copies left behind.
            self.current = Zeroizing::new(String::with_capacity(line.len()));
        }
        for character in line.chars() {
            let column = self.columns.len() + 1;
            self.state = match self.state {
                State::ColumnStart if character == '"' => State::Quoted,
                State::Quoted if character == '"' => State::QuoteInQuoted,
                State::Quoted => {
                    self.push(character);
                    State::Quoted
                }
                State::QuoteInQuoted if character == '"' => {
                    self.push('"');
                    State::Quoted
                }
                State::ColumnStart | State::Plain | State::QuoteInQuoted if character == self.delimiter => {
                    self.end_column();
                    State::ColumnStart
                }
                State::QuoteInQuoted => return Err(CsvRule::TextAfterQuote { column }),
                State::ColumnStart | State::Plain if character == '"' => return Err(CsvRule::StrayQuote { column }),
                State::ColumnStart | State::Plain => {
                    self.push(character);
                    State::Plain
                }
            };
        }
        Ok(self.state != State::Quoted)
    }

    /// The columns of a complete record.
    pub fn finish(mut self) -> Result<Vec<Zeroizing<String>>, CsvRule> {
        if self.state == State::Quoted {
            return Err(CsvRule::OpenQuote { column: self.columns.len() + 1 });
        }
        self.end_column();
        Ok(std::mem::take(&mut self.columns))
    }

    fn push(&mut self, character: char) {
        if self.current.capacity() < self.current.len() + character.len_utf8() {
            let mut grown = Zeroizing::new(String::with_capacity(self.current.capacity().max(64) * 2));
            grown.push_str(&self.current);
            self.current = grown;
        }
        self.current.push(character);
    }

    fn end_column(&mut self) {
        self.columns.push(Zeroizing::new(self.current.as_str().to_owned()));
        zeroize::Zeroize::zeroize(&mut *self.current);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(record: &str) -> Result<Vec<String>, CsvRule> {
        let mut splitter = Splitter::new(',');
        for line in record.split('\n') {
            splitter.take_line(line)?;
        }
        Ok(splitter.finish()?.iter().map(|column| column.to_string()).collect())
    }

    #[test]
    fn quotes_hold_delimiters_quotes_and_line_ends() {
        let check = |record: &str, expected: &[&str]| assert_eq!(split(record).expect("valid"), expected, "{record:?}");
        check("a,b", &["a", "b"]);
        check("", &[""]);
        check(",", &["", ""]);
        check("\"a,b\",c", &["a,b", "c"]);
        check("\"say \"\"no\"\"\",\"\"", &["say \"no\"", ""]);
        check("\"two\nlines\",x", &["two\nlines", "x"]);
        check("1;2", &["1;2"]);
    }

    #[test]
    fn a_quote_in_the_wrong_place_is_refused() {
        let check = |record: &str, rule: CsvRule| assert_eq!(split(record), Err(rule), "{record:?}");
        check("a,b\"c", CsvRule::StrayQuote { column: 2 });
        check("\"a\"b,c", CsvRule::TextAfterQuote { column: 1 });
        check("a,\"b,c", CsvRule::OpenQuote { column: 2 });
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read_back(columns in prop::collection::vec("[a-z\",;\n é]{0,8}", 1..6)) {
            // The crate writes a single empty column as a quoted one, as we would read it.
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&columns).expect("memory");
            let bytes = writer.into_inner().expect("memory");
            let text = String::from_utf8(bytes).expect("text");
            prop_assert_eq!(split(text.trim_end_matches('\n')).expect("valid"), columns);
        }

        #[test]
        fn any_text_is_split_or_refused(record in "\\PC{0,64}") {
            let _either = split(&record);
        }
    }
}
