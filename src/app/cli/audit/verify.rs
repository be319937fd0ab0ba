//! `hushwire audit verify`: an export, the report of a period, the proof of a record or that of a decision, offline. Finds every edit, cut, insertion and
//! reordering.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::app::cli::audit::trusted::Trusted;
use crate::app::cli::audit::{decision, report};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::bytes::Sha256Digest;
use crate::domain::audit::decision_proof::{self, VerifiedDecision};
use crate::domain::audit::evidence::{Fault, RecordText, Verified, Witnessed};
use crate::domain::audit::export::{ExportVerifier, LINE_BYTES};
use crate::domain::audit::proof;
use crate::domain::audit::record::AuditRecord;
use crate::domain::audit::report as report_file;
use crate::domain::audit::report_verifier::{ReportVerifier, VerifiedReport};
use crate::io::clock;

/// Verify an export, a report or a proof, without any node
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire audit verify audit.jsonl --key \"$KEY\"
  hushwire audit verify proof.json
  hushwire audit verify october.jsonl --rosters bank-a/rosters --genesis HASH --table
  hushwire audit verify audit.jsonl --roster bank-a/rosters/1.note
  hushwire audit verify proof.json --key KEY --witness-key KEY
  hushwire audit verify decision.json --rosters bank-a/rosters --genesis HASH

Every byte of the file is checked: entries against their commitments, words against bytes, all entries against the signed \
root, the signature against the key, the cosignatures of other members against the entries they cover. Of a decision (hushwire explain \
--out) also what stood behind it and each indicator in its author's feed. Of a report of a period also that no record of it is \
missing, every entry that left or came in the feed its author signed, and its totals, which are counted again. With --rosters every version is verified from the \
genesis on, whose hash you had from the consortium, and a key counts that any version names. Without --rosters, --roster or --key the file's own keys are used and shown: compare them with the roster (hushwire member roster), or a forger could have \
made the whole log under keys of his own.

Exit code 5: the file is not what the node wrote.")]
pub struct VerifyArgs {
    /// Export (JSON lines), report of a period, proof of a record or proof of a decision
    file: PathBuf,
    /// Verifier key of the log, as the roster gives it
    #[arg(long, value_name = "KEY")]
    pub(in crate::app::cli::audit) key: Option<String>,
    /// Verifier key of a member that may have cosigned the log; may be repeated. A cosignature under any other key is refused
    #[arg(long = "witness-key", value_name = "KEY")]
    pub(in crate::app::cli::audit) witness_keys: Vec<String>,
    /// Signed roster from which the keys are taken: the log's, and those of the members that may have cosigned it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "witness_keys"])]
    pub(in crate::app::cli::audit) roster: Option<PathBuf>,
    /// Folder of all rosters of the consortium, 1.note, 2.note, …, as every node keeps them; verified from --genesis on
    #[arg(long, value_name = "FOLDER", requires = "genesis", conflicts_with_all = ["key", "witness_keys", "roster"])]
    pub(in crate::app::cli::audit) rosters: Option<PathBuf>,
    /// SHA-256 of the first roster, as it was given out when the consortium was founded
    #[arg(long, value_name = "HASH", requires = "rosters", value_parser = digest)]
    pub(in crate::app::cli::audit) genesis: Option<Sha256Digest>,
    /// Of a report also every record of its period, a line each
    #[arg(long, conflicts_with = "json")]
    table: bool,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// The answer of `--json`.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    verified: bool,
    origin: &'a str,
    verifier_key: &'a str,
    entries: u64,
    expired: u64,
    first_index: u64,
    size: u64,
    root: &'a str,
    cosigners: Vec<&'a str>,
    /// Size up to which other members cosigned the log, and the names of their keys.
    witnessed_size: u64,
    witnesses: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<RecordText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Value>,
}

fn digest(text: &str) -> Result<Sha256Digest, String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| "give 64 hexadecimal digits".to_owned())?;
    Ok(Sha256Digest(bytes))
}

/// What was found good in a file.
#[derive(Debug)]
pub(in crate::app::cli) struct Good {
    pub log: Verified,
    /// Of a proof, where its retention has not ended.
    pub record: Option<AuditRecord>,
    /// Of the proof of a decision.
    pub decision: Option<VerifiedDecision>,
    /// Of the report of a period.
    pub report: Option<VerifiedReport>,
}

pub(in crate::app::cli) fn run(args: VerifyArgs) -> Result<Outcome, CliError> {
    let name = args.file.display().to_string();
    let file = File::open(&args.file).map_err(|error| CliError::usage(format!("{name}: {error}")))?;
    let good = verify(&mut Lines::new(file)).map_err(|broken| broken.told(&name))?;
    let trusted = Trusted::given(&args, &good.log)?;
    trusted.check(&good).map_err(|fault| Broken { line: 1, fault }.told(&name))?;
    tell(&good, args.json)?;
    if args.table {
        let file = File::open(&args.file).map_err(|error| CliError::usage(format!("{name}: {error}")))?;
        print_records(&mut Lines::new(file), &good).map_err(|broken| broken.told(&name))?;
    }
    if trusted.log.is_none() {
        output::remark("compare the key with the roster (hushwire member roster), or give it with --key or --roster");
    }
    Ok(Outcome::Done)
}

/// A rule broken on a line.
#[derive(Debug)]
struct Broken {
    line: u64,
    fault: Fault,
}

impl Broken {
    fn told(&self, file: &str) -> CliError {
        let hint = match self.fault {
            Fault::AnotherWitness => "somebody cosigned who is no member by the keys given; ask whose key it is",
            Fault::AnotherFeedKey { .. } | Fault::ForeignFeed { .. } => {
                "give all rosters of the consortium with --rosters: the key may be a former or a later one"
            }
            Fault::AnotherKey => "either the key is of another log, or somebody made this file under a key of his own",
            Fault::NotAudit => {
                "name another file: hushwire audit export writes an export, hushwire audit prove a proof or a report. Is it one, then its \
                 beginning was damaged"
            }
            Fault::Version { .. } => "a newer hushwire wrote it; verify it with that version",
            _ => "the file was changed, cut or damaged after the node wrote it; ask for it again from its source",
        };
        CliError::not_verified(format!("{file}, line {}: {}", self.line, self.fault)).hint(hint)
    }
}

/// Prints the records of a report that was verified. The file is verified once more as it is read: it may be another by now.
fn print_records(lines: &mut Lines<impl Read>, good: &Good) -> Result<(), Broken> {
    let Some(report) = &good.report else { return Ok(()) };
    let first = lines.next()?.unwrap_or_default();
    let mut verifier = ReportVerifier::start(&first, clock::now().day()).map_err(|fault| lines.broken(fault))?;
    while let Some(line) = lines.next()? {
        let checked = verifier.line(&line).map_err(|fault| lines.broken(fault))?;
        let record = checked.and_then(|checked| Some((checked.index, checked.record?)));
        if let Some((index, record)) = record.filter(|(_, record)| report.period.contains(record.time())) {
            output::answer(format!("{:>8}  {record}", index.0)).map_err(|_| lines.broken(Fault::Form))?;
        }
    }
    Ok(())
}

/// How all begin, exports, reports and proofs.
const BEGINNINGS: [&str; 2] = ["{\"format\":\"hushwire-audit-", "{\"format\":\"hushwire-decision-proof\""];

fn verify(lines: &mut Lines<impl Read>) -> Result<Good, Broken> {
    let today = clock::now().day();
    let first = lines.next().ok().flatten();
    let first = first.filter(|first| BEGINNINGS.iter().any(|beginning| first.starts_with(beginning)));
    let first = first.ok_or_else(|| lines.broken(Fault::NotAudit))?;
    if first.starts_with(&format!("{{\"format\":\"{}\"", decision_proof::FORMAT)) {
        let decision = decision_proof::verify_decision(&first, today).map_err(|fault| lines.broken(fault))?;
        return match lines.next()? {
            None => Ok(Good::decision(decision)),
            Some(_) => Err(lines.broken(Fault::AfterEnd)),
        };
    }
    if first.starts_with(&format!("{{\"format\":\"{}\"", proof::FORMAT)) {
        let (checked, verified) = proof::verify_proof(&first, today).map_err(|fault| lines.broken(fault))?;
        return match lines.next()? {
            None => Ok(Good { log: verified, record: checked.record, decision: None, report: None }),
            Some(_) => Err(lines.broken(Fault::AfterEnd)),
        };
    }
    if first.starts_with(&format!("{{\"format\":\"{}\"", report_file::FORMAT)) {
        let mut verifier = ReportVerifier::start(&first, today).map_err(|fault| lines.broken(fault))?;
        while let Some(line) = lines.next()? {
            verifier.line(&line).map_err(|fault| lines.broken(fault))?;
        }
        return verifier.finish().map(Good::report).map_err(|fault| lines.broken(fault));
    }
    let mut verifier = ExportVerifier::start(&first, today).map_err(|fault| lines.broken(fault))?;
    while let Some(line) = lines.next()? {
        verifier.line(&line).map_err(|fault| lines.broken(fault))?;
    }
    let log = verifier.finish().map_err(|fault| lines.broken(fault))?;
    Ok(Good { log, record: None, decision: None, report: None })
}

/// Lines with their newlines, each of bounded length.
struct Lines<R> {
    reader: BufReader<R>,
    line: u64,
}

impl<R: Read> Lines<R> {
    fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), line: 0 }
    }

    fn broken(&self, fault: Fault) -> Broken {
        Broken { line: self.line, fault }
    }

    fn next(&mut self) -> Result<Option<String>, Broken> {
        self.line += 1;
        let limit = u64::try_from(LINE_BYTES).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes);
        match read.map(|_| String::from_utf8(bytes)) {
            Ok(Ok(line)) if line.is_empty() => Ok(None),
            Ok(Ok(line)) => Ok(Some(line)),
            Ok(Err(_)) | Err(_) => Err(self.broken(Fault::Form)),
        }
    }
}

/// Says what was verified.
pub(in crate::app::cli) fn tell(good: &Good, json: bool) -> Result<(), CliError> {
    let Good { log: verified, record, decision, report } = good;
    if json {
        return output::answer_json(&Answer {
            verified: true,
            origin: &verified.origin,
            verifier_key: &verified.verifier_key,
            entries: verified.entries,
            expired: verified.expired,
            first_index: verified.first_index,
            size: verified.size,
            root: &verified.root,
            cosigners: verified.cosigners.keys().map(String::as_str).collect(),
            witnessed_size: verified.witnessed.as_ref().map_or(0, |witnessed| witnessed.size),
            witnesses: verified.witnessed.iter().flat_map(|one| &one.by).map(|(key, _)| key.name()).collect(),
            record: record.as_ref().map(RecordText::from),
            decision: decision.as_ref().map(decision::as_json),
            report: report.as_ref().map(report::as_json),
        });
    }
    if let Some(record) = record {
        output::answer(record.to_string())?;
    }
    let last = (verified.first_index + verified.entries).saturating_sub(1);
    output::answer(match verified.entries {
        0 => format!("verified: no entries after {} of {}", verified.first_index, verified.origin),
        1 => format!("verified: entry {last} of {}", verified.origin),
        many => format!("verified: {many} entries, {} to {last} of {}", verified.first_index, verified.origin),
    })?;
    if verified.expired > 0 {
        output::answer(format!("  {} of them without content, their retention has ended", verified.expired))?;
    }
    output::answer(format!("  log size {}, root {}", verified.size, verified.root))?;
    output::answer(format!("  signed by {}", verified.verifier_key))?;
    for (name, time) in &verified.cosigners {
        output::answer(format!("  cosigned by {name}, last at {time}"))?;
    }
    match &verified.witnessed {
        None => output::answer("  cosigned by no other member")?,
        Some(Witnessed { size, by }) => {
            for (key, time) in by {
                output::answer(format!("  witnessed up to size {size} at {time} by {key}"))?;
            }
        }
    }
    decision.iter().try_for_each(decision::tell)?;
    report.iter().try_for_each(report::tell)
}

impl Good {
    pub(in crate::app::cli) fn decision(decision: VerifiedDecision) -> Self {
        Self {
            log: decision.log.clone(),
            record: decision.record.record.clone(),
            decision: Some(decision),
            report: None,
        }
    }

    pub(in crate::app::cli) fn report(report: VerifiedReport) -> Self {
        Self { log: report.log.clone(), record: None, decision: None, report: Some(report) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::bytes::Salt;
    use crate::base::epoch::EpochId;
    use crate::base::position::EntryIndex;
    use crate::base::time::Day;
    use crate::domain::audit::decision_proof::{IndicatorProof, VerifiedIndicator};
    use crate::domain::audit::detail::{DecisionDetail, IndicatorPlace};
    use crate::domain::audit::evidence::CheckedEntry;
    use crate::domain::feed::entry::{Entry, EntryKind};

    #[test]
    fn what_is_no_export_is_refused_with_its_line() {
        let check = |bytes: &[u8], line: u64| {
            let broken = verify(&mut Lines::new(bytes)).expect_err("no export");
            assert_eq!(broken.line, line, "{broken:?}");
        };
        check(b"", 1);
        check(b"\n", 1);
        check(b"\xff\xfe\n", 1);
        check(b"{\"format\":\"hushwire-audit-export\"}\n", 1);
        check(b"{\"format\":\"hushwire-audit-proof\"}\n", 1);
        check(&vec![b'x'; LINE_BYTES * 2], 1);
    }

    #[test]
    fn an_indicator_counts_under_a_key_that_the_rosters_name_for_its_feed_and_no_other() {
        let log = Verified {
            origin: "demo.example/shop/audit".to_owned(),
            verifier_key: "the log's".to_owned(),
            entries: 1,
            expired: 0,
            first_index: 0,
            size: 1,
            root: String::new(),
            times: None,
            cosigners: std::collections::BTreeMap::new(),
            witnessed: None,
        };
        let entry = Entry::seal_new(EntryKind::Audit, EpochId::NONE, Day(1), Vec::new(), Salt([1; 32])).expect("short");
        let record = CheckedEntry { index: EntryIndex(0), entry, record: None };
        let proof = IndicatorProof { verifier_key: "the feed's".to_owned(), size: 1, witnessed: None, matched: true };
        let indicator = VerifiedIndicator { place: IndicatorPlace::default(), detail: None, proof: Some(proof) };
        let unproved = VerifiedIndicator { proof: None, ..indicator.clone() };
        let decision =
            VerifiedDecision { record, log, detail: DecisionDetail::default(), indicators: vec![unproved, indicator] };
        let good = Good::decision(decision);
        let check = |log: Option<&str>, feed: Option<&str>, expected: Result<(), Fault>| {
            let keys = |key: Option<&str>| key.map(|key| BTreeSet::from([key.to_owned()]));
            let trusted = Trusted { log: keys(log), witnesses: None, feeds: keys(feed) };
            assert_eq!(trusted.check(&good), expected, "{log:?} {feed:?}");
        };
        check(None, None, Ok(()));
        check(Some("the log's"), Some("the feed's"), Ok(()));
        check(Some("the log's"), Some("another"), Err(Fault::AnotherFeedKey { nth: 1 }));
        check(Some("another"), Some("the feed's"), Err(Fault::AnotherKey));
    }
}
