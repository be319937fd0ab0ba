//! `hushwire audit verify`: an export or a proof, offline. Finds every edit, cut, insertion and reordering.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use serde::Serialize;

use crate::app::outcome::{CliError, Outcome};
use crate::app::output;
use crate::base::name::FeedId;
use crate::domain::audit::evidence::{Fault, RecordText, Verified, Witnessed};
use crate::domain::audit::export::{ExportVerifier, LINE_BYTES};
use crate::domain::audit::proof;
use crate::domain::audit::record::AuditRecord;
use crate::domain::roster::succession::RosterNote;
use crate::io::clock;

/// Verify an export or a proof, without any node
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hushwire audit verify audit.jsonl --key \"$KEY\"
  hushwire audit verify proof.json
  hushwire audit verify audit.jsonl --roster bank-a/rosters/1.note
  hushwire audit verify proof.json --key KEY --witness-key KEY

Every byte of the file is checked: entries against their commitments, words against bytes, all entries against the signed \
root, the signature against the key, the cosignatures of other members against the entries they cover. Without --roster or \
--key the file's own keys are used and shown: compare them with the roster (hushwire member roster), or a forger could have \
made the whole log under keys of his own.

Exit code 5: the file is not what the node wrote.")]
pub struct VerifyArgs {
    /// Export (JSON lines) or proof
    file: PathBuf,
    /// Verifier key of the log, as the roster gives it
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Verifier key of a member that may have cosigned the log; may be repeated. A cosignature under any other key is refused
    #[arg(long = "witness-key", value_name = "KEY")]
    witness_keys: Vec<String>,
    /// Signed roster from which the keys are taken: the log's, and those of the members that may have cosigned it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "witness_keys"])]
    roster: Option<PathBuf>,
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
}

pub(in crate::app::cli) fn run(args: VerifyArgs) -> Result<Outcome, CliError> {
    let name = args.file.display().to_string();
    let file = File::open(&args.file).map_err(|error| CliError::usage(format!("{name}: {error}")))?;
    let (verified, record) = verify(&mut Lines::new(file)).map_err(|broken| broken.told(&name))?;
    let trusted = Trusted::given(&args, &verified)?;
    trusted.check(&verified).map_err(|fault| Broken { line: 1, fault }.told(&name))?;
    tell(&verified, record.as_ref(), args.json)?;
    if trusted.log.is_none() {
        output::remark("compare the key with the roster (hushwire member roster), or give it with --key or --roster");
    }
    Ok(Outcome::Done)
}

/// The keys a reader trusts; what was not given is not compared.
struct Trusted {
    log: Option<String>,
    witnesses: Option<Vec<String>>,
}

impl Trusted {
    fn given(args: &VerifyArgs, verified: &Verified) -> Result<Self, CliError> {
        let Some(path) = &args.roster else {
            let trim = |key: &String| key.trim().to_owned();
            let witnesses = (!args.witness_keys.is_empty()).then(|| args.witness_keys.iter().map(trim).collect());
            return Ok(Self { log: args.key.as_ref().map(trim), witnesses });
        };
        let refused = |fault: String| CliError::usage(format!("{}: {fault}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        let roster = RosterNote::parse(&text).map_err(|error| refused(error.to_string()))?;
        let origin = FeedId::from_origin(&roster.content().consortium, &verified.origin);
        let rows = &roster.content().members;
        let author = origin.ok().and_then(|log| rows.iter().find(|row| row.id == log.member));
        let author = author.ok_or_else(|| refused(format!("the roster knows no log {}", verified.origin)))?;
        let witnesses = rows.iter().map(|row| row.witness_key.to_string()).collect();
        Ok(Self { log: Some(author.audit_key.to_string()), witnesses: Some(witnesses) })
    }

    fn check(&self, verified: &Verified) -> Result<(), Fault> {
        if self.log.as_ref().is_some_and(|key| *key != verified.verifier_key) {
            return Err(Fault::AnotherKey);
        }
        let mut by = verified.witnessed.iter().flat_map(|witnessed| &witnessed.by);
        let known = |key: String| self.witnesses.as_ref().is_none_or(|given| given.contains(&key));
        if by.all(|(key, _)| known(key.to_string())) { Ok(()) } else { Err(Fault::AnotherWitness) }
    }
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
            Fault::AnotherKey => "either the key is of another log, or somebody made this file under a key of his own",
            Fault::NotAudit => {
                "name another file: hushwire audit export writes an export, hushwire audit prove a proof. Is it one, then its \
                 beginning was damaged"
            }
            Fault::Version { .. } => "a newer hushwire wrote it; verify it with that version",
            _ => "the file was changed, cut or damaged after the node wrote it; ask for it again from its source",
        };
        CliError::not_verified(format!("{file}, line {}: {}", self.line, self.fault)).hint(hint)
    }
}

/// How both begin, exports and proofs.
const BEGINNING: &str = "{\"format\":\"hushwire-audit-";

fn verify(lines: &mut Lines<impl Read>) -> Result<(Verified, Option<AuditRecord>), Broken> {
    let today = clock::now().day();
    let first = lines.next().ok().flatten().filter(|first| first.starts_with(BEGINNING));
    let first = first.ok_or_else(|| lines.broken(Fault::NotAudit))?;
    if first.starts_with(&format!("{{\"format\":\"{}\"", proof::FORMAT)) {
        let (checked, verified) = proof::verify_proof(&first, today).map_err(|fault| lines.broken(fault))?;
        return match lines.next()? {
            None => Ok((verified, checked.record)),
            Some(_) => Err(lines.broken(Fault::AfterEnd)),
        };
    }
    let mut verifier = ExportVerifier::start(&first, today).map_err(|fault| lines.broken(fault))?;
    while let Some(line) = lines.next()? {
        verifier.line(&line).map_err(|fault| lines.broken(fault))?;
    }
    let verified = verifier.finish().map_err(|fault| lines.broken(fault))?;
    Ok((verified, None))
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
pub(in crate::app::cli::audit) fn tell(
    verified: &Verified,
    record: Option<&AuditRecord>,
    json: bool,
) -> Result<(), CliError> {
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
            record: record.map(RecordText::from),
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
