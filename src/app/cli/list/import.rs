//! `hushwire list import`: a file of identifiers onto the own lists, in calls of up to 1000.

use std::path::PathBuf;

use serde::Serialize;

use crate::app::cli::client::{ClientArgs, block_on};
use crate::app::cli::list::change::add_entries;
use crate::app::cli::list::{ListingOptions, ROLES, list, number, reason};
use crate::app::cli::stream::{Account, Incoming, InputArgs, broken, progress, records};
use crate::app::outcome::{CliError, Outcome};
use crate::app::output::{self, counted};
use crate::app::records::Record;
use crate::app::records::draft::FieldReader;
use crate::app::records::refusal::Refusal;
use crate::app::records::words;
use crate::base::limits;
use crate::domain::screening::own_lists::OwnList;
use crate::io::grpc::wire::hushwire::local::v1 as local;

/// Fields of a file, besides the labels of kinds.
const FIELDS: [&str; 6] = ["list", "kind", "value", "until", "reason", "note"];

/// Put the identifiers of a file on the lists
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A CSV file begins with a header row. Its columns are list, kind, value, until, reason and note, or kinds of identifier:
  list,kind,value,reason,until
  allow,iban,DE89 3704 0044 0532 0130 00,known-customer,2027-01-31T00:00:00Z

Examples:
  hushwire list import lists.csv
  hushwire list import customers.csv --list allow --reason known-customer --map email=mail
  hushwire list import stolen.jsonl --list block --reason own-fraud --report refused.csv

A repeated run is harmless. Exit code 3: some records were refused and reported, the others stand on their list.")]
pub(super) struct ImportArgs {
    /// CSV or JSON lines; - reads standard input
    file: PathBuf,
    /// allow or block, for records that name no list
    #[arg(long, value_parser = list)]
    list: Option<OwnList>,
    #[command(flatten)]
    options: ListingOptions,
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    input: InputArgs,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// The answer of `--json`.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    records: u64,
    listed: u64,
    refused: u64,
    refusals: &'a [Refusal],
}

pub(super) fn run(args: ImportArgs) -> Result<Outcome, CliError> {
    block_on(import(args))
}

async fn import(args: ImportArgs) -> Result<Outcome, CliError> {
    let bar = progress(&args.file, false);
    let (default, options) = (args.list, args.options.clone());
    let convert = move |record: &Record| read(record, default, &options);
    let mut incoming = records(&args.file, &args.input, &FIELDS, &bar, convert)?;
    let report = args.input.open_report()?;
    let node = args.client.connect(&ROLES)?;
    let mut account = Account::default();
    let (mut listed, mut entries, mut lines, mut fault) = (0, Vec::new(), Vec::new(), None);
    let mut ended = false;
    while !ended {
        match incoming.recv().await {
            None => ended = true,
            Some(Incoming::Item { line, item }) => {
                account.records += 1;
                lines.extend(item.iter().map(|_| line));
                entries.extend(item);
            }
            Some(Incoming::Refused(refusals)) => {
                account.records += 1;
                account.refuse(refusals);
            }
            Some(Incoming::Broken(error)) => {
                fault = Some(CliError { code: CliError::FAILED, ..broken(&args.file, &error) });
                ended = true;
            }
        }
        while entries.len() >= limits::LISTED_PER_CALL || (ended && !entries.is_empty()) {
            let rest = entries.split_off(entries.len().min(limits::LISTED_PER_CALL));
            let later = lines.split_off(lines.len().min(limits::LISTED_PER_CALL));
            let (now, its) = (std::mem::replace(&mut entries, rest), std::mem::replace(&mut lines, later));
            let more = u64::from(add_entries(&node, now, &its, &mut account).await?);
            listed += more;
            account.accepted += more;
            bar.set_message(format!("{listed} listed, {} refused", account.refused));
        }
    }
    bar.finish_and_clear();
    account.tell(report.as_ref())?;
    let (records, refused) = (account.records, account.refused);
    if args.json {
        output::answer_json(&Summary { records, listed, refused, refusals: &account.refusals })?;
    } else {
        let (records, refused) = (counted(records, "record", "records"), counted(refused, "record", "records"));
        let identifiers = counted(listed, "identifier", "identifiers");
        output::answer(format!("{records}: {identifiers} listed, {refused} refused"))?;
    }
    match fault {
        Some(fault) => Err(fault),
        None => account.outcome(),
    }
}

/// The entries of one record: one for each identifier it names.
fn read(
    record: &Record,
    default: Option<OwnList>,
    options: &ListingOptions,
) -> Result<Vec<local::ListingDraft>, Vec<Refusal>> {
    let mut reader = FieldReader::new(record);
    let on = reader.parsed("list", "unknown_list", list).or(default);
    let kind = reader.parsed("kind", "unknown_kind", words::kind);
    let mut identifiers = reader.wide();
    match (kind, reader.text("value")) {
        (Some(kind), Some(value)) => identifiers.push((kind, value)),
        (None, Some(_)) if !reader.has("kind") => reader.refuse_missing("kind", "value needs it"),
        (Some(_), None) => reader.refuse_missing("value", "kind needs it"),
        (None, _) => {}
    }
    if identifiers.is_empty() && !reader.has("value") && !reader.has("kind") {
        reader.refuse_missing("value", "the record names no identifier");
    }
    if on.is_none() && !reader.has("list") {
        reader.refuse_missing("list", "give it in a column or with --list");
    }
    let said = ListingOptions {
        reason: reader.parsed("reason", "unknown_reason", reason).unwrap_or(options.reason),
        note: reader.plain("note").unwrap_or_else(|| options.note.clone()),
        until: reader.time("until").or(options.until),
    };
    reader.finish()?;
    let on = on.expect("a record without a list was refused");
    let drafts = identifiers.into_iter().map(|(kind, value)| {
        let kind = number(kind_number(kind));
        said.draft(on, local::Identifier { kind, value: value.as_str().to_owned() })
    });
    Ok(drafts.collect())
}

fn kind_number(kind: crate::base::kind::IdentifierKind) -> u32 {
    u32::try_from(i32::from(words::kind_number(kind))).expect("numbers of kinds are positive")
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::app::records::Field;
    use crate::domain::screening::own_lists::ListingReason;

    fn record(fields: &[(&str, &str)]) -> Record {
        let field = |(name, value): &(&str, &str)| Field {
            name: (*name).to_owned(),
            value: Zeroizing::new((*value).to_owned()),
        };
        Record { line: 3, fields: fields.iter().map(field).collect() }
    }

    fn options() -> ListingOptions {
        ListingOptions { reason: ListingReason::Legal, note: String::new(), until: None }
    }

    #[test]
    fn a_record_says_more_than_the_options() {
        let fields = [("list", "block"), ("pan", "1"), ("email", "2"), ("reason", "own_fraud")];
        let drafts = read(&record(&fields), Some(OwnList::Allow), &options()).expect("whole");
        assert_eq!(drafts.len(), 2);
        assert!(drafts.iter().all(|draft| draft.list() == local::OwnList::Block));
        assert!(drafts.iter().all(|draft| draft.reason() == local::ListingReason::OwnFraud));
        let drafts = read(&record(&[("pan", "1")]), Some(OwnList::Allow), &options()).expect("whole");
        assert_eq!((drafts[0].list(), drafts[0].reason()), (local::OwnList::Allow, local::ListingReason::Legal));
    }

    #[test]
    fn every_wrong_field_is_named_and_none_quoted() {
        let check = |fields: &[(&str, &str)], expected: &[&str]| {
            let refusals = read(&record(fields), None, &options()).expect_err("something is wrong");
            let shown: Vec<String> = refusals.iter().map(|r| format!("{}:{}", r.field, r.rule)).collect();
            assert_eq!(shown, expected);
            assert!(!format!("{refusals:?}").contains("4111"));
        };
        check(&[("list", "4111"), ("pan", "1")], &["list:unknown_list"]);
        check(&[("pan", "1"), ("reason", "4111")], &["list:missing", "reason:unknown_reason"]);
        check(&[("list", "allow")], &["value:missing"]);
        check(&[("list", "allow"), ("value", "4111")], &["kind:missing"]);
        check(&[("list", "allow"), ("kind", "4111"), ("value", "1")], &["kind:unknown_kind"]);
    }
}
