//! `hushwire conformance`: checks this build against published cases, so that two implementations, or a new member, can tell
//! that they agree on every byte.

use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::conformance::FileReport;
use crate::domain::{feed, identifier, pseudonym};

/// Bytes of one file of cases; the largest published one has 400 KB.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

const EXAMPLES: &str = "\
Known files:
  pseudonyms.json                keys, epoch ids, pseudonyms and seals of suite 1
  canonical.json                 what each kind of identifier becomes, or the rule that refuses it
  feed.json                      payload, commitment, leaf, roots, proofs, keys and notes
  rfc9497_ristretto255.json      the function under suite 2
  pan.csv iban.csv phone.csv email.csv ip.csv wallet.csv domain_psl.csv
  urltestdata.json IdnaTestV2.txt
                                 canonical forms, compared with what other implementations make
Files of other names are ignored. A known file of which no case could be read fails, and so does a table with another \
header; a table that was cut at the end of a row shows in its counts only. Cases on which those implementations disagree among themselves, or where \
Hushwire's rules intend another form, are counted apart under the name of the rule.

Examples:
  hushwire conformance tests/vectors
  hushwire conformance --json ./canon | jq .failed

Exit codes: 0 nothing failed · 5 a case failed · 1 the folder could not be read or holds no known file";

/// Check this build against a folder of published cases.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ConformanceArgs {
    /// Folder with files of known names.
    dir: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: ConformanceArgs) -> Result<Outcome, CliError> {
    let reports = check_folder(&args.dir)?;
    if reports.is_empty() {
        let message = format!("{} holds no file of a known name", args.dir.display());
        return Err(CliError::failed(message).hint("hushwire conformance --help lists the names"));
    }
    if args.json {
        output::answer_json(&as_json(&reports))?;
    } else {
        output::answer(as_text(&reports).trim_end())?;
    }
    match reports.iter().map(|report| report.failed).sum::<u64>() {
        0 => Ok(Outcome::Done),
        failed => {
            Err(CliError::not_verified(format!("{failed} cases differ: this build does not agree with these files")))
        }
    }
}

/// Checks every file of a known name in `dir`, in the order of their names.
fn check_folder(dir: &Path) -> Result<Vec<FileReport>, CliError> {
    let unreadable =
        |path: &Path, error: std::io::Error| CliError::failed(format!("{} cannot be read: {error}", path.display()));
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| unreadable(dir, error))? {
        paths.push(entry.map_err(|error| unreadable(dir, error))?.path());
    }
    paths.sort();
    let mut reports = Vec::new();
    for path in paths.iter().filter(|path| path.is_file()) {
        // An empty content tells whether the name is known, so that unknown files are not even read.
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| check_file(name, "").is_some())
        else {
            continue;
        };
        match read(path) {
            Ok(content) => reports.extend(check_file(name, &content)),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                let mut report = FileReport::new(name);
                report.fail(|| format!("not readable: {error}"));
                reports.push(report);
            }
            Err(error) => return Err(unreadable(path, error)),
        }
    }
    Ok(reports)
}

fn read(path: &Path) -> std::io::Result<String> {
    if fs::metadata(path)?.len() > FILE_BYTES {
        let message = format!("the file exceeds {FILE_BYTES} bytes");
        return Err(std::io::Error::new(ErrorKind::InvalidData, message));
    }
    fs::read_to_string(path)
}

fn check_file(name: &str, content: &str) -> Option<FileReport> {
    known_file(name, content).map(FileReport::demand_cases)
}

fn known_file(name: &str, content: &str) -> Option<FileReport> {
    pseudonym::conformance::check_file(name, content)
        .or_else(|| pseudonym::oprf::conformance::check_file(name, content))
        .or_else(|| feed::conformance::check_file(name, content))
        .or_else(|| identifier::conformance::check_file(name, content))
}

fn as_json(reports: &[FileReport]) -> Value {
    let file = |report: &FileReport| {
        let apart: serde_json::Map<String, Value> =
            report.apart.iter().map(|(rule, count)| ((*rule).to_owned(), json!(count))).collect();
        json!({
            "file": report.file,
            "passed": report.passed,
            "failed": report.failed,
            "apart": apart,
            "first_failures": report.first_failures,
        })
    };
    json!({
        "files": reports.iter().map(file).collect::<Vec<_>>(),
        "passed": reports.iter().map(|report| report.passed).sum::<u64>(),
        "failed": reports.iter().map(|report| report.failed).sum::<u64>(),
        "conforms": reports.iter().all(FileReport::conforms),
    })
}

fn as_text(reports: &[FileReport]) -> String {
    let width = reports.iter().map(|report| report.file.len()).max().unwrap_or(0);
    let mut text = String::new();
    for report in reports {
        let mark = if report.conforms() { "ok    " } else { "FAILED" };
        let apart: u64 = report.apart.iter().map(|(_, count)| count).sum();
        let counts = format!("{:>6} passed {:>5} failed {apart:>5} apart", report.passed, report.failed);
        let _infallible = writeln!(text, "{mark}  {:<width$} {counts}", report.file);
        for (rule, count) in &report.apart {
            let _infallible = writeln!(text, "          {count} apart: {rule}");
        }
        for failure in &report.first_failures {
            let _infallible = writeln!(text, "          {failure}");
        }
        let described = u64::try_from(report.first_failures.len()).unwrap_or(u64::MAX);
        if report.failed > described {
            let _infallible = writeln!(text, "          … and {} more", report.failed - described);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_copy_of_the_vectors_conforms() {
        let reports = check_folder(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors"))).expect("readable");
        let files: Vec<&str> = reports.iter().map(|report| report.file.as_str()).collect();
        assert_eq!(files, ["canonical.json", "feed.json", "pseudonyms.json", "rfc9497_ristretto255.json"]);
        assert_eq!(as_json(&reports)["failed"], 0, "{}", as_text(&reports));
    }

    #[test]
    fn everything_that_is_shared_conforms_where_it_is_at_hand() {
        let Some(shared) = std::env::var_os("HUSHWIRE_SHARED").map(PathBuf::from) else {
            return;
        };
        for folder in ["vectors", "data/canon"] {
            let reports = check_folder(&shared.join(folder)).expect("readable");
            assert!(!reports.is_empty());
            assert!(reports.iter().all(FileReport::conforms), "{}", as_text(&reports));
        }
    }

    #[test]
    fn a_changed_byte_a_cut_file_and_a_file_that_is_no_text_fail_while_strangers_are_ignored() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let vectors = include_str!("../../../tests/vectors/pseudonyms.json");
        let write = |name: &str, content: &[u8]| fs::write(dir.path().join(name), content).expect("writable");
        write("notes.txt", b"\xFF");
        assert_eq!(check_folder(dir.path()).expect("readable"), []);
        write("pseudonyms.json", vectors.replacen("e65b1b8d", "e65b1b8e", 1).as_bytes());
        write("feed.json", b"{\"payload\": ");
        write("rfc9497_ristretto255.json", b"\xFF\xFE");
        let reports = check_folder(dir.path()).expect("readable");
        let failed: Vec<(&str, u64)> = reports.iter().map(|report| (report.file.as_str(), report.failed)).collect();
        assert_eq!(failed, [("feed.json", 1), ("pseudonyms.json", 1), ("rfc9497_ristretto255.json", 1)]);
        assert!(as_text(&reports).contains("FAILED  pseudonyms.json"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_failure_with_its_name() {
        let error = check_folder(Path::new("no/such/folder")).expect_err("nothing there");
        assert!(error.message.starts_with("no/such/folder cannot be read"));
        assert_eq!(error.code, CliError::FAILED);
    }
}
