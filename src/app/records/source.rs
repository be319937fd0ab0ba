//! Recognises the format of an input and reads it record by record.

use std::collections::BTreeSet;
use std::io::Read;

use zeroize::Zeroizing;

use crate::app::records::csv::{CsvRule, Splitter};
use crate::app::records::lines::{Line, LineRule, Lines, RECORD_BYTES};
use crate::app::records::mapping::{Names, Use};
use crate::app::records::nearest::nearest;
use crate::app::records::refusal::Refusal;
use crate::app::records::{Field, Record, json, shown_name};

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// RFC 4180 with a header row.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// How to read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Recognised by the first character where none.
    pub format: Option<Format>,
    pub delimiter: char,
    pub names: Names,
    /// Fields without which no record is whole: a CSV file that has no column for one is refused before any record is read.
    pub required: Vec<&'static str>,
}

/// Why a file as a whole cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the input cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    #[error("the file is compressed; unpack it first, e.g. gunzip -c FILE | hushwire … -")]
    Compressed,
    #[error("the file is an archive or a workbook; export it as CSV in UTF-8")]
    Archive,
    #[error("the file is empty; a CSV file begins with a header row")]
    Empty,
    #[error("header in line {line}: {rule}")]
    HeaderLine { line: u64, rule: LineRule },
    #[error("header in line {line}: {rule}")]
    HeaderCsv { line: u64, rule: CsvRule },
    #[error("header: column {second} repeats the name of column {first}, or both feed {field:?}")]
    DuplicateColumn { first: usize, second: usize, field: String },
    #[error("header: column {column} {name:?} is no field")]
    UnknownColumn { column: usize, name: String },
    #[error("header: there is no column {column:?}, which the mapping asks for{}", nearest_in_words(.nearest.as_deref()))]
    MissingColumn { column: String, nearest: Option<String> },
    #[error("header: no column and no option says {fields}")]
    MissingFields { fields: String },
    #[error("the header has a single column that holds {delimiter:?}: is that the delimiter?")]
    Delimiter { delimiter: char },
}

impl SourceError {
    /// What the user can type or do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownColumn { .. } => Some(
                "a CSV file begins with a header row of field names; map others with --map FIELD=COLUMN, or pass \
                 --ignore-unknown"
                    .to_owned(),
            ),
            Self::Delimiter { delimiter: '\t' } => Some("pass --delimiter tab".to_owned()),
            Self::Delimiter { delimiter } => Some(format!("pass --delimiter '{delimiter}'")),
            Self::MissingColumn { .. } => Some("names of columns are compared exactly, capitals included".to_owned()),
            Self::MissingFields { .. } => Some(
                "add the columns, map others with --map FIELD=COLUMN, or say it once for all records: --typology F1012 --severity high \
                 --confidence 80 --grounds own-confirmed; hushwire typology list shows what there is"
                    .to_owned(),
            ),
            Self::Unreadable(_)
            | Self::Utf16
            | Self::Compressed
            | Self::Archive
            | Self::Empty
            | Self::HeaderLine { .. }
            | Self::HeaderCsv { .. }
            | Self::DuplicateColumn { .. } => None,
        }
    }
}

fn nearest_in_words(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; the nearest is {name:?}")).unwrap_or_default()
}

/// The fields that each column feeds; our own names, never what a file calls them.
pub type Columns = Vec<Vec<String>>;

enum Shape {
    Csv(Columns),
    Json,
}

/// See the module's documentation.
pub struct RecordReader<R> {
    lines: Lines<R>,
    shape: Shape,
    options: ReadOptions,
}

impl<R> std::fmt::Debug for RecordReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordReader({:?})", self.lines)
    }
}

impl<R: Read> RecordReader<R> {
    /// Goes on in the middle of an input, behind so many bytes and lines; JSON lines where there are no columns.
    pub fn resumed(input: R, options: ReadOptions, columns: Option<Columns>, offset: u64, line: u64) -> Self {
        let shape = columns.map_or(Shape::Json, Shape::Csv);
        Self { lines: Lines::from(input, offset, line), shape, options }
    }

    /// Recognises the format and reads the header.
    pub fn new(input: R, options: ReadOptions) -> Result<Self, SourceError> {
        Self::begun(input, options, None)
    }

    /// The same for a file that goes on with what stood in another one: where it has no header of its own, it has the `columns`
    /// of that one.
    pub fn begun(input: R, options: ReadOptions, columns: Option<Columns>) -> Result<Self, SourceError> {
        let mut lines = Lines::new(input);
        let beginning = lines.peek(4)?.to_vec();
        match beginning.as_slice() {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [_, 0, _, 0] | [0, _, 0, _] => return Err(SourceError::Utf16),
            [0x1F, 0x8B, ..] | [0x28, 0xB5, 0x2F, 0xFD] | [b'B', b'Z', b'h', ..] => {
                return Err(SourceError::Compressed);
            }
            [b'P', b'K', 3, 4] | [0xD0, 0xCF, 0x11, 0xE0] => return Err(SourceError::Archive),
            _ => {}
        }
        let marked = beginning.starts_with(b"\xEF\xBB\xBF");
        if marked {
            lines.skip(3);
        }
        let first = beginning.get(if marked { 3 } else { 0 }..).and_then(|rest| rest.first());
        let format = options.format.unwrap_or(if first == Some(&b'{') { Format::Jsonl } else { Format::Csv });
        let shape = match format {
            Format::Jsonl => Shape::Json,
            Format::Csv => Shape::Csv(read_header(&mut lines, &options, columns)?),
        };
        Ok(Self { lines, shape, options })
    }

    /// The fields of each column; none for JSON lines.
    pub fn columns(&self) -> Option<Columns> {
        match &self.shape {
            Shape::Csv(columns) => Some(columns.clone()),
            Shape::Json => None,
        }
    }

    /// Bytes and lines before what [`Self::next_record`] gives out next.
    pub fn position(&self) -> (u64, u64) {
        self.lines.position()
    }

    /// The next record, or why it is refused; none at the end. Empty lines are skipped.
    pub fn next_record(&mut self) -> Result<Option<Result<Record, Refusal>>, SourceError> {
        loop {
            let Some(line) = self.lines.next_line()? else { return Ok(None) };
            if line.text.as_ref().is_ok_and(|text| text.trim().is_empty()) {
                continue;
            }
            let number = line.number;
            let fields = match &self.shape {
                Shape::Csv(columns) => {
                    let (expected, delimiter) = (columns.len(), self.options.delimiter);
                    read_columns(&mut self.lines, line, delimiter)?.and_then(|values| {
                        if values.len() == expected {
                            Ok(named(columns, &values))
                        } else {
                            Err(csv_refusal(number, CsvRule::ColumnCount { expected, got: values.len() }))
                        }
                    })
                }
                Shape::Json => json_fields(&line, &self.options.names),
            };
            return Ok(Some(fields.map(|fields| Record { line: number, fields })));
        }
    }
}

fn read_header<R: Read>(
    lines: &mut Lines<R>,
    options: &ReadOptions,
    before: Option<Columns>,
) -> Result<Columns, SourceError> {
    let line = loop {
        let line = lines.next_line()?.ok_or(SourceError::Empty)?;
        if !line.text.as_ref().is_ok_and(|text| text.trim().is_empty()) {
            break line;
        }
    };
    let read = header(&line, options);
    let Some(before) = before else { return read.and_then(|columns| with_required(columns, options)) };
    match read {
        // Where unknown names are passed over, any line can be read as a header.
        Ok(columns) if !options.names.passes_over_unknown() || fields(&columns) == fields(&before) => {
            with_required(columns, options)
        }
        Ok(_) | Err(_) => {
            lines.give_back(line);
            Ok(before)
        }
    }
}

fn with_required(columns: Columns, options: &ReadOptions) -> Result<Columns, SourceError> {
    let there = fields(&columns);
    let missing = options.required.iter().filter(|field| !there.iter().any(|name| name == *field));
    let missing: Vec<&str> = missing.copied().collect();
    if missing.is_empty() { Ok(columns) } else { Err(SourceError::MissingFields { fields: missing.join(", ") }) }
}

fn fields(columns: &Columns) -> BTreeSet<&String> {
    columns.iter().flatten().collect()
}

fn header(line: &Line, options: &ReadOptions) -> Result<Columns, SourceError> {
    let number = line.number;
    let text = line.text.as_ref().map_err(|rule| SourceError::HeaderLine { line: number, rule: *rule })?;
    let in_header = |rule| SourceError::HeaderCsv { line: number, rule };
    let mut splitter = Splitter::new(options.delimiter);
    splitter.take_line(text).map_err(in_header)?;
    let names = splitter.finish().map_err(in_header)?;
    let others = [';', '\t', '|', ','].into_iter();
    if let [single] = names.as_slice()
        && let Some(delimiter) =
            others.filter(|delimiter| *delimiter != options.delimiter).find(|d| single.contains(*d))
    {
        return Err(SourceError::Delimiter { delimiter });
    }
    let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
    for column in options.names.mapped_columns() {
        if !names.contains(&column) {
            let nearest = nearest(column, &names).map(|name| shown_name(name).to_owned());
            return Err(SourceError::MissingColumn { column: shown_name(column).to_owned(), nearest });
        }
    }
    let mut columns: Vec<Vec<String>> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let fields = match options.names.use_of(name) {
            Use::Fields(fields) => fields,
            Use::Ignored => Vec::new(),
            Use::Unknown => {
                return Err(SourceError::UnknownColumn { column: index + 1, name: shown_name(name).to_owned() });
            }
        };
        for field in &fields {
            if let Some(first) = columns.iter().position(|earlier| earlier.contains(field)) {
                return Err(SourceError::DuplicateColumn { first: first + 1, second: index + 1, field: field.clone() });
            }
        }
        columns.push(fields);
    }
    Ok(columns)
}

/// Splits the record that begins with `first`, taking more lines while a quote is open.
fn read_columns<R: Read>(
    lines: &mut Lines<R>,
    first: Line,
    delimiter: char,
) -> Result<Result<Vec<Zeroizing<String>>, Refusal>, SourceError> {
    let number = first.number;
    let mut splitter = Splitter::new(delimiter);
    let mut taken = 0;
    let mut line = first;
    loop {
        let text = match line.text {
            Ok(text) => text,
            Err(rule) => return Ok(Err(line_refusal(line.number, rule))),
        };
        taken += text.len() + 1;
        if taken > RECORD_BYTES + 1 {
            return Ok(Err(line_refusal(number, LineRule::TooLong)));
        }
        match splitter.take_line(&text) {
            Ok(true) => break,
            Ok(false) => {}
            Err(rule) => return Ok(Err(csv_refusal(line.number, rule))),
        }
        line = match lines.next_line()? {
            Some(line) => line,
            None => break,
        };
    }
    Ok(splitter.finish().map_err(|rule| csv_refusal(number, rule)))
}

fn named(columns: &[Vec<String>], values: &[Zeroizing<String>]) -> Vec<Field> {
    let used = columns.iter().zip(values).filter(|(_, value)| !value.trim().is_empty());
    used.flat_map(|(fields, value)| fields.iter().map(|name| Field { name: name.clone(), value: value.clone() }))
        .collect()
}

fn json_fields(line: &Line, names: &Names) -> Result<Vec<Field>, Refusal> {
    let text = line.text.as_ref().map_err(|rule| line_refusal(line.number, *rule))?;
    let raw = json::parse(text).map_err(|rule| Refusal::new(line.number, "", rule.name(), &rule))?;
    let mut fields = Vec::with_capacity(raw.len());
    for Field { name, value } in raw {
        match names.use_of(&name) {
            Use::Fields(targets) => {
                fields.extend(targets.into_iter().map(|name| Field { name, value: value.clone() }));
            }
            Use::Ignored => {}
            Use::Unknown => {
                let shown = shown_name(&name);
                return Err(Refusal::new(
                    line.number,
                    shown,
                    "unknown_field",
                    "no such field; pass --ignore-unknown to skip it",
                ));
            }
        }
    }
    fields.retain(|field| !field.value.trim().is_empty());
    Ok(fields)
}

fn line_refusal(line: u64, rule: LineRule) -> Refusal {
    let name = match rule {
        LineRule::TooLong => "record_too_long",
        LineRule::NotUtf8 { .. } => "not_utf8",
        LineRule::Nul { .. } => "nul",
    };
    Refusal::new(line, "", name, rule)
}

fn csv_refusal(line: u64, rule: CsvRule) -> Refusal {
    let name = match rule {
        CsvRule::StrayQuote { .. } => "csv_stray_quote",
        CsvRule::TextAfterQuote { .. } => "csv_text_after_quote",
        CsvRule::OpenQuote { .. } => "csv_open_quote",
        CsvRule::ColumnCount { .. } => "csv_column_count",
    };
    Refusal::new(line, "", name, rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(input: &[u8], maps: &[&str]) -> Result<RecordReader<std::io::Cursor<Vec<u8>>>, SourceError> {
        let maps = maps.iter().map(|map| map.parse().expect("a map")).collect();
        let names = Names::new(&["kind", "value", "note"], maps, false).expect("known fields");
        RecordReader::new(
            std::io::Cursor::new(input.to_vec()),
            ReadOptions { format: None, delimiter: ',', names, required: Vec::new() },
        )
    }

    /// Each record as `line:name=value,…` or `line:!rule`.
    fn read(input: &[u8], maps: &[&str]) -> Vec<String> {
        let mut reader = reader(input, maps).expect("a readable file");
        let mut shown = Vec::new();
        while let Some(record) = reader.next_record().expect("memory does not fail") {
            shown.push(match record {
                Ok(record) => {
                    let fields: Vec<_> =
                        record.fields.iter().map(|field| format!("{}={}", field.name, field.value.as_str())).collect();
                    format!("{}:{}", record.line, fields.join(","))
                }
                Err(refusal) => format!("{}:!{}", refusal.line, refusal.rule),
            });
        }
        shown
    }

    #[test]
    fn records_keep_their_lines_and_one_faulty_record_spoils_no_other() {
        let file = b"\xEF\xBB\xBFkind,value,note\r\npan,1,\r\n\r\npan,2\r\npan,\"3\",\"a\r\nb\"\r\npan,4\",x\r\npan,\xff,x\r\npan,5,y";
        let expected = [
            "2:kind=pan,value=1",
            "4:!csv_column_count",
            "5:kind=pan,value=3,note=a\nb",
            "7:!csv_stray_quote",
            "8:!not_utf8",
            "9:kind=pan,value=5,note=y",
        ];
        assert_eq!(read(file, &[]), expected);
    }

    #[test]
    fn an_open_quote_is_named_by_the_line_where_it_opened() {
        assert_eq!(read(b"kind,value\npan,\"1\npan,2\n", &[]), ["2:!csv_open_quote"]);
        let mut endless = b"kind,value\npan,\"1\n".to_vec();
        endless.extend_from_slice(&b"x\n".repeat(RECORD_BYTES));
        assert_eq!(read(&endless, &[])[0], "2:!record_too_long");
    }

    #[test]
    fn wide_files_are_read_through_the_mapping() {
        let file = b"order,card,mail\n7,111,a@b\n8,222,\n";
        assert_eq!(read(file, &["pan=card", "email=mail"]), ["2:pan=111,email=a@b", "3:pan=222"]);
    }

    #[test]
    fn json_lines_are_recognised_and_refused_one_by_one() {
        let file = b"{\"kind\":\"pan\",\"value\":\"1\"}\n{\"kind\":\"pan\",\n\n{\"colour\":\"x\"}\n";
        assert_eq!(read(file, &[]), ["1:kind=pan,value=1", "2:!json_truncated", "4:!unknown_field"]);
    }

    #[test]
    fn a_file_that_is_no_csv_is_refused_as_a_whole() {
        let check = |input: &[u8], maps: &[&str], part: &str| {
            let refused = reader(input, maps).expect_err(part).to_string();
            assert!(refused.contains(part), "{refused}");
            assert!(!refused.contains("4111"), "{refused}");
        };
        check(b"", &[], "is empty");
        check(b"\n\n", &[], "is empty");
        check(b"\xFF\xFEk\0i\0", &[], "UTF-16");
        check(b"k\0i\0n\0", &[], "UTF-16");
        check(b"\x1F\x8B\x08\x00", &[], "compressed");
        check(b"PK\x03\x04", &[], "workbook");
        check(b"kind;value\n", &[], "is that the delimiter");
        check(b"kind,value,kind\n", &[], "column 3 repeats the name of column 1");
        check(b"kind,valu\n", &[], "column 2 \"valu\" is no field");
        check(b"pan,4111111111111111\n", &[], "column 2 \"(not shown)\"");
        check(b"kind,value\n", &["pan=card"], "no column \"card\", which the mapping asks for");
        check(b"kind,card_number\n", &["pan=card"], "the nearest is \"card_number\"");
        check(b"kind,\"value\n", &[], "never closed");
        check(&vec![b'x'; 2 * RECORD_BYTES], &[], "this line is longer");
    }
}
