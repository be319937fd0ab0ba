//! What publish, retract and screen share: records of a file, read in a thread of their own and handed over a bounded
//! queue, with a progress bar; and the account of what was refused.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc;

use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::app::records::mapping::{MapOption, Names};
use crate::app::records::refusal::{Refusal, Report};
use crate::app::records::source::{Format, ReadOptions, RecordReader, SourceError};
use crate::app::records::{Record, input};

/// Records read ahead of the node: two calls' worth.
const QUEUE: usize = 2_000;

/// Refusals kept for the report, which says so; a file with more is not the file that was meant. All are counted.
const REFUSALS_KEPT: usize = 100_000;

/// Refusals shown on the terminal.
const REFUSALS_SHOWN: usize = 20;

/// How a file of records is read.
#[derive(Debug, Clone, clap::Args)]
pub struct InputArgs {
    /// csv or jsonl; recognised by the first character where not given
    #[arg(long)]
    pub format: Option<Format>,
    /// What stands between columns of a CSV file: one character, or "tab"
    #[arg(long, default_value = ",", value_parser = delimiter)]
    pub delimiter: char,
    /// Take FIELD from COLUMN; may be repeated. Fields are also the kinds of identifier: --map pan=card_number
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub map: Vec<MapOption>,
    /// Skip columns and keys that are no fields, instead of refusing the file
    #[arg(long)]
    pub ignore_unknown: bool,
    /// Write every refused record there, by line, field and rule (CSV; JSON lines where the name ends with .jsonl)
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

impl InputArgs {
    /// How records of these fields are read.
    pub fn options(&self, fields: &[&'static str]) -> Result<ReadOptions, CliError> {
        let names = Names::new(fields, self.map.clone(), self.ignore_unknown);
        let names = names.map_err(|error| CliError::usage(error.to_string()))?;
        Ok(ReadOptions { format: self.format, delimiter: self.delimiter, names, required: Vec::new() })
    }

    /// The report, where one was asked for; opened before the node is called.
    pub fn open_report(&self) -> Result<Option<Report>, CliError> {
        let open = |path: &PathBuf| {
            Report::open(path)
                .map_err(|error| unwritable(path, &error).hint("nothing was sent; choose another --report"))
        };
        self.report.as_ref().map(open).transpose()
    }
}

pub fn unwritable(report: &Path, error: &std::io::Error) -> CliError {
    CliError::failed(format!("the report {} cannot be written: {error}", report.display()))
}

/// What stands between columns, as an option says it.
pub fn delimiter(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (text, characters.next(), characters.next()) {
        ("tab" | "\\t", ..) => Ok('\t'),
        (_, Some(character), None) if !character.is_alphanumeric() && !"\"\r\n".contains(character) => Ok(character),
        _ => Err("one character such as ; or |, or \"tab\"".to_owned()),
    }
}

/// What comes out of the queue.
#[derive(Debug)]
pub enum Incoming<T> {
    Item {
        line: u64,
        item: T,
    },
    Refused(Vec<Refusal>),
    /// The file cannot be read further.
    Broken(SourceError),
}

/// Opens `file` and reads it in a thread of its own, through `convert`.
pub fn records<T: Send + 'static>(
    file: &Path,
    args: &InputArgs,
    fields: &[&'static str],
    bar: &ProgressBar,
    convert: impl Fn(&Record) -> Result<T, Vec<Refusal>> + Send + 'static,
) -> Result<mpsc::Receiver<Incoming<T>>, CliError> {
    records_as(file, args.options(fields)?, bar, convert)
}

/// The same, read by `options`.
pub fn records_as<T: Send + 'static>(
    file: &Path,
    options: ReadOptions,
    bar: &ProgressBar,
    convert: impl Fn(&Record) -> Result<T, Vec<Refusal>> + Send + 'static,
) -> Result<mpsc::Receiver<Incoming<T>>, CliError> {
    let opened = input::open(file).map_err(|error| broken(file, &SourceError::Unreadable(error)))?;
    let input = bar.wrap_read(opened);
    let mut reader = RecordReader::new(input, options).map_err(|error| broken(file, &error))?;
    let (queue, incoming) = mpsc::channel(QUEUE);
    std::thread::Builder::new()
        .name("records".to_owned())
        .spawn(move || {
            // Ends when the file does, or when nobody waits for records any more.
            while let Some(next) = next(&mut reader, &convert) {
                let last = matches!(next, Incoming::Broken(_));
                if queue.blocking_send(next).is_err() || last {
                    break;
                }
            }
        })
        .map_err(|error| CliError::failed(format!("the reading thread cannot start: {error}")))?;
    Ok(incoming)
}

fn next<R: Read, T>(
    reader: &mut RecordReader<R>,
    convert: &impl Fn(&Record) -> Result<T, Vec<Refusal>>,
) -> Option<Incoming<T>> {
    match reader.next_record() {
        Ok(None) => None,
        Ok(Some(Err(refusal))) => Some(Incoming::Refused(vec![refusal])),
        Ok(Some(Ok(record))) => Some(match convert(&record) {
            Ok(item) => Incoming::Item { line: record.line, item },
            Err(refusals) => Incoming::Refused(refusals),
        }),
        Err(error) => Some(Incoming::Broken(error)),
    }
}

/// A file that cannot be read as a whole.
pub fn broken(file: &Path, error: &SourceError) -> CliError {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let failure = CliError::usage(format!("{name}: {error}"));
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A bar over the bytes of `file` on standard error; of standard input and of files that grow, a count.
pub fn progress(file: &Path, grows: bool) -> ProgressBar {
    let length = std::fs::metadata(file).ok().filter(|meta| meta.is_file() && !grows).map(|meta| meta.len());
    let (bar, style) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:30} {percent:>3} %  {msg}  {elapsed}"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(style).expect("the template is constant and valid"));
    bar
}

/// What was accepted and what was refused.
#[derive(Debug, Default)]
pub struct Account {
    /// Records read, refused ones included.
    pub records: u64,
    /// Records refused in whole or in part.
    pub refused: u64,
    /// What the node did: indicators published or retracted, transactions screened.
    pub accepted: u64,
    /// Of the indicators published: those that an earlier call published under the same request id.
    pub before: u64,
    /// Of those: what was withdrawn or has ended since, and stays so.
    pub ended_since: u64,
    /// Of the records refused: those of which something was published all the same.
    pub in_part: u64,
    /// The first refusals, as many as are kept.
    pub refusals: Vec<Refusal>,
    /// All refusals, also those that are not kept.
    by_rule: BTreeMap<String, u64>,
    last_refused_line: Option<u64>,
}

impl Account {
    /// Of so many records that were read already.
    pub fn of(records: usize) -> Self {
        Self { records: u64::try_from(records).unwrap_or(u64::MAX), ..Self::default() }
    }

    /// Notes refusals; those of one line count as one refused record.
    pub fn refuse(&mut self, refusals: impl IntoIterator<Item = Refusal>) {
        for refusal in refusals {
            if self.last_refused_line != Some(refusal.line) {
                self.last_refused_line = Some(refusal.line);
                self.refused += 1;
            }
            *self.by_rule.entry(refusal.rule.clone()).or_default() += 1;
            if self.refusals.len() < REFUSALS_KEPT {
                self.refusals.push(refusal);
            }
        }
    }

    /// Shows the first refusals and the count of each rule, and writes the report where one was asked for.
    pub fn tell(&mut self, report: Option<&Report>) -> Result<(), CliError> {
        self.refusals.sort_by_key(|refusal| refusal.line);
        for refusal in self.refusals.iter().take(REFUSALS_SHOWN) {
            output::remark(format!("refused: {}", refusal.shown()));
        }
        if self.refusals.len() > REFUSALS_SHOWN {
            output::remark(format!("… and {} more, by rule:", self.all_refusals() - wide(REFUSALS_SHOWN)));
            for (rule, count) in &self.by_rule {
                output::remark(format!("  {count:>7}  {rule}"));
            }
        }
        if let Some(report) = report {
            report.write(&self.refusals).map_err(|error| unwritable(&report.path, &error))?;
            let missing = self.all_refusals() - wide(self.refusals.len());
            if missing > 0 {
                output::remark(format!(
                    "the report holds the first {REFUSALS_KEPT} refusals; {missing} more are not in it"
                ));
            }
        }
        Ok(())
    }

    fn all_refusals(&self) -> u64 {
        self.by_rule.values().sum()
    }

    /// Done, done in part, or a failure where nothing at all was accepted.
    pub fn outcome(&self) -> Result<Outcome, CliError> {
        if self.refused == 0 {
            Ok(Outcome::Done)
        } else if self.accepted > 0 {
            Ok(Outcome::Partial)
        } else {
            Err(CliError::failed(match self.records {
                1 => "the record was refused, nothing was done".to_owned(),
                records => format!("all {records} records were refused, nothing was done"),
            }))
        }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_one_line_count_once() {
        let mut account = Account { records: 3, ..Account::default() };
        account.refuse([Refusal::new(2, "a", "x", ""), Refusal::new(2, "b", "x", "")]);
        account.refuse([Refusal::new(3, "", "x", "")]);
        assert_eq!(account.refused, 2);
        assert_eq!(account.outcome().expect_err("none was accepted").code, CliError::FAILED);
    }

    #[test]
    fn a_record_refused_in_part_is_no_failure_of_everything() {
        let mut account = Account { records: 1, accepted: 1, ..Account::default() };
        account.refuse([Refusal::new(2, "pan", "wrong_check_digit", "")]);
        assert_eq!(account.outcome().expect("the other identifier of the row was accepted"), Outcome::Partial);
    }

    #[test]
    fn refusals_beyond_what_is_kept_are_still_counted() {
        let mut account = Account::default();
        account.refuse((0..200_000).map(|line| Refusal::new(line, "", "x", "")));
        assert_eq!((account.refusals.len(), account.all_refusals()), (REFUSALS_KEPT, 200_000));
    }

    #[test]
    fn a_delimiter_is_one_character_that_is_no_letter() {
        assert_eq!(delimiter("tab"), Ok('\t'));
        assert_eq!(delimiter(";"), Ok(';'));
        for text in ["", "a", ";;", "\"", "1"] {
            assert!(delimiter(text).is_err(), "{text:?}");
        }
    }
}
