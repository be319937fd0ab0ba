//! Records as drafts of indicators. Every field that is wrong is named, not only the first.

use zeroize::Zeroizing;

use crate::app::records::refusal::Refusal;
use crate::app::records::{Record, time, words};
use crate::base::kind::IdentifierKind;
use crate::base::limits;
use crate::domain::indicator::words::{Grounds, Handling, Severity};
use crate::io::grpc::wire::hushwire::local::v1 as local;

/// Fields of a draft besides the labels of kinds, as files name them.
pub const FIELDS: [&str; 13] = [
    "kind",
    "value",
    "typology",
    "severity",
    "confidence",
    "grounds",
    "handling",
    "observed_at",
    "valid_from",
    "valid_until",
    "note",
    "source_ref",
    "supersedes",
];

/// What holds for every record that does not say otherwise.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Defaults {
    /// Kind of every identifier: pan, iban, account, email, phone, device, ip, wallet, domain, url, …
    #[arg(long, value_parser = words::kind)]
    pub kind: Option<IdentifierKind>,
    /// Typology identifier, e.g. F1012
    #[arg(long)]
    pub typology: Option<String>,
    /// low, medium or high
    #[arg(long, value_parser = severity)]
    pub severity: Option<Severity>,
    /// Confidence, 0 to 100
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub confidence: Option<u32>,
    /// customer-report, own-confirmed or authority
    #[arg(long, value_parser = grounds)]
    pub grounds: Option<Grounds>,
    /// clear, green, amber or amber-strict (Traffic Light Protocol); amber where nobody says; red is refused
    #[arg(long, value_parser = handling)]
    pub handling: Option<Handling>,
    /// When it was observed: RFC 3339 or seconds since 1970; now where nobody says
    #[arg(long, value_parser = time::parse, value_name = "TIME")]
    pub observed_at: Option<prost_types::Timestamp>,
    /// From when it counts; now where nobody says
    #[arg(long, value_parser = time::parse, value_name = "TIME")]
    pub valid_from: Option<prost_types::Timestamp>,
    /// Until when it counts; the roster's longest validity where nobody says
    #[arg(long, value_parser = time::parse, value_name = "TIME")]
    pub valid_until: Option<prost_types::Timestamp>,
    /// Note without identifiers
    #[arg(long)]
    pub note: Option<String>,
    /// Your own case reference; stays in this node, as a keyed hash
    #[arg(long)]
    pub source_ref: Option<String>,
}

fn severity(text: &str) -> Result<Severity, crate::domain::indicator::words::UnknownWord> {
    words::word(text, "severity-")
}

fn grounds(text: &str) -> Result<Grounds, crate::domain::indicator::words::UnknownWord> {
    words::word(text, "grounds-")
}

fn handling(text: &str) -> Result<Handling, crate::domain::indicator::words::UnknownWord> {
    words::word(text, "handling-")
}

impl Defaults {
    /// Fields that every record must say itself, because nothing says them for all.
    pub fn left_to_records(&self) -> Vec<&'static str> {
        let given = [
            ("typology", self.typology.is_some()),
            ("severity", self.severity.is_some()),
            ("confidence", self.confidence.is_some()),
            ("grounds", self.grounds.is_some()),
        ];
        given.into_iter().filter(|(_, given)| !given).map(|(field, _)| field).collect()
    }
}

/// The drafts of one record: one for each identifier it names.
pub fn read(record: &Record, defaults: &Defaults) -> Result<Vec<local::IndicatorDraft>, Vec<Refusal>> {
    let mut reader = FieldReader::new(record);
    let kind = reader.parsed("kind", "unknown_kind", words::kind).or(defaults.kind);
    let mut identifiers: Vec<(IdentifierKind, Zeroizing<String>)> = Vec::new();
    if let Some(value) = reader.text("value") {
        match kind {
            Some(kind) => identifiers.push((kind, value)),
            // A kind that could not be read was refused by that name already.
            None if reader.has("kind") => {}
            None => reader.refuse_missing("kind", "give it in a column or with --kind"),
        }
    }
    identifiers.extend(reader.wide());
    let common = local::IndicatorDraft {
        identifier: None,
        typology: reader.plain("typology").or_else(|| defaults.typology.clone()).unwrap_or_default(),
        severity: number(
            reader.parsed("severity", "unknown_severity", severity).or(defaults.severity),
            Severity::number,
        ),
        confidence: reader.parsed("confidence", "confidence", percent).or(defaults.confidence).unwrap_or_default(),
        grounds: number(reader.parsed("grounds", "unknown_grounds", grounds).or(defaults.grounds), Grounds::number),
        handling: number(
            reader.parsed("handling", "unknown_handling", handling).or(defaults.handling),
            Handling::number,
        ),
        observed_at: reader.time("observed_at").or(defaults.observed_at),
        valid_from: reader.time("valid_from").or(defaults.valid_from),
        valid_until: reader.time("valid_until").or(defaults.valid_until),
        note: reader.plain("note").or_else(|| defaults.note.clone()).unwrap_or_default(),
        source_ref: reader.plain("source_ref").or_else(|| defaults.source_ref.clone()).unwrap_or_default(),
        supersedes: reader.plain("supersedes").unwrap_or_default(),
    };
    if identifiers.is_empty() && !reader.has("value") {
        reader.refuse_missing("value", "the record names no identifier");
    }
    if identifiers.len() > limits::IDENTIFIERS_PER_TRANSACTION {
        let allowed = format!("a record may name {} identifiers", limits::IDENTIFIERS_PER_TRANSACTION);
        reader.refuse("", "too_many_identifiers", &allowed);
    }
    for field in defaults.left_to_records() {
        if !reader.has(field) {
            reader.refuse_missing(field, &format!("give it in a column or with --{field}"));
        }
    }
    if !common.supersedes.is_empty() && identifiers.len() > 1 {
        reader.refuse(
            "supersedes",
            "supersedes_several",
            "one record with several identifiers cannot replace one indicator",
        );
    }
    reader.finish()?;
    Ok(identifiers
        .into_iter()
        .map(|(kind, value)| local::IndicatorDraft {
            identifier: Some(local::Identifier {
                kind: words::kind_number(kind).into(),
                value: value.as_str().to_owned(),
            }),
            ..common.clone()
        })
        .collect())
}

fn number<T>(word: Option<T>, number: fn(T) -> u32) -> i32 {
    word.map_or(0, |word| i32::try_from(number(word)).expect("vocabularies have few words"))
}

/// Not a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to 100")]
pub struct NoPercent;

fn percent(text: &str) -> Result<u32, NoPercent> {
    text.trim().parse().ok().filter(|percent| *percent <= 100).ok_or(NoPercent)
}

/// Takes the values of one record and gathers what is wrong with them.
#[derive(Debug)]
pub struct FieldReader<'a> {
    record: &'a Record,
    refusals: Vec<Refusal>,
}

impl<'a> FieldReader<'a> {
    pub fn new(record: &'a Record) -> Self {
        Self { record, refusals: Vec::new() }
    }

    pub fn has(&self, name: &str) -> bool {
        self.record.fields.iter().any(|field| field.name == name)
    }

    /// The value of a field that stands at most once.
    pub fn text(&mut self, name: &str) -> Option<Zeroizing<String>> {
        let mut values = self.record.fields.iter().filter(|field| field.name == name);
        let value = values.next().map(|field| field.value.clone());
        if values.next().is_some() {
            self.refuse(name, "duplicate_field", "the field stands twice in one record");
        }
        value
    }

    /// The same, trimmed, for what is no identifier.
    pub fn plain(&mut self, name: &str) -> Option<String> {
        self.text(name).map(|value| value.trim().to_owned())
    }

    pub fn parsed<T, E: ToString>(
        &mut self,
        name: &str,
        rule: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.text(name)?;
        match parse(&value) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.refuse(name, rule, &error.to_string());
                None
            }
        }
    }

    pub fn time(&mut self, name: &str) -> Option<prost_types::Timestamp> {
        let value = self.text(name)?;
        match time::parse(&value) {
            Ok(time) => Some(time),
            Err(rule) => {
                self.refuse(name, rule.name(), &rule.to_string());
                None
            }
        }
    }

    /// The identifiers in fields that are named after their kind.
    pub fn wide(&self) -> Vec<(IdentifierKind, Zeroizing<String>)> {
        self.record.fields.iter().filter_map(|field| Some((field.name.parse().ok()?, field.value.clone()))).collect()
    }

    pub fn refuse(&mut self, field: &str, rule: &str, description: &str) {
        self.refusals.push(Refusal::new(self.record.line, field, rule, description));
    }

    pub fn refuse_missing(&mut self, field: &str, advice: &str) {
        self.refuse(field, "missing", &format!("is missing; {advice}"));
    }

    pub fn finish(self) -> Result<(), Vec<Refusal>> {
        if self.refusals.is_empty() { Ok(()) } else { Err(self.refusals) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::records::Field;

    fn record(fields: &[(&str, &str)]) -> Record {
        let fields = fields
            .iter()
            .map(|(name, value)| Field { name: (*name).to_owned(), value: Zeroizing::new((*value).to_owned()) })
            .collect();
        Record { line: 7, fields }
    }

    const WHOLE: [(&str, &str); 4] =
        [("typology", "F1012"), ("severity", "high"), ("confidence", "80"), ("grounds", "own-confirmed")];

    #[test]
    fn a_record_with_several_identifiers_becomes_several_drafts() {
        let fields = [&WHOLE[..], &[("pan", "111"), ("email", "a@b"), ("observed_at", "1795000000")]].concat();
        let drafts = read(&record(&fields), &Defaults::default()).expect("whole");
        assert_eq!(drafts.len(), 2);
        assert_eq!(drafts[1].identifier.as_ref().expect("named").value, "a@b");
        assert!(drafts.iter().all(|draft| draft.severity == 3 && draft.confidence == 80));
    }

    #[test]
    fn defaults_fill_what_a_record_leaves_out_and_nothing_else() {
        let defaults = Defaults {
            kind: Some(IdentifierKind::Iban),
            severity: Some(Severity::Low),
            confidence: Some(10),
            ..Defaults::default()
        };
        let fields = [("value", "x"), ("severity", "high"), ("typology", "F1"), ("grounds", "authority")];
        let drafts = read(&record(&fields), &defaults).expect("whole");
        assert_eq!((drafts[0].severity, drafts[0].confidence), (3, 10));
    }

    #[test]
    fn every_wrong_field_is_named_and_none_quoted() {
        let fields = [
            ("kind", "4111111111111111"),
            ("value", "x"),
            ("severity", "4111111111111111"),
            ("confidence", "101"),
            ("valid_until", "4111111111111111"),
            ("note", "a"),
            ("note", "b"),
        ];
        let refusals = read(&record(&fields), &Defaults::default()).expect_err("nearly all is wrong");
        let shown: Vec<String> = refusals.iter().map(|r| format!("{}:{}:{}", r.line, r.field, r.rule)).collect();
        for part in [
            "7:kind:unknown_kind",
            "7:severity:unknown_severity",
            "7:confidence:confidence",
            "7:valid_until:time_in_milliseconds",
            "7:note:duplicate_field",
            "7:typology:missing",
            "7:grounds:missing",
        ] {
            assert!(shown.iter().any(|line| line == part), "{part} is missing in {shown:?}");
        }
        assert!(!format!("{refusals:?}").contains("4111"));
    }

    #[test]
    fn a_record_without_identifier_is_refused() {
        let refusals = read(&record(&WHOLE), &Defaults::default()).expect_err("no identifier");
        assert_eq!((refusals[0].field.as_str(), refusals[0].rule.as_str()), ("value", "missing"));
    }
}
