//! From the rows of a file to a [`History`]: what each row says, and which rows are refused.

use std::collections::BTreeMap;
use std::io::Read;

use zeroize::Zeroizing;

use crate::app::records::refusal::Refusal;
use crate::app::records::source::{RecordReader, SourceError};
use crate::app::records::{Field, Record, shown_name};
use crate::app::replay::amount::Amount;
use crate::app::replay::columns::{
    AMOUNT, CATEGORY, CHANNEL, COUNTRY, CURRENCY, CUSTOMER, Columns, Currency, INSTITUTION, LABEL, OWN_SCORE, TIME,
    TYPOLOGY, indicator,
};
use crate::app::replay::history::{History, Row, TypologyId};
use crate::app::replay::institution::{Division, Institution};
use crate::app::replay::moment;
use crate::app::replay::told::About;
use crate::base::limits::IDENTIFIER_BYTES;
use crate::base::limits::decisions::{REPLAY_ROWS, REPLAY_TYPOLOGIES};
use crate::domain::identifier::text::looks_like_identifier;

/// Why a file gives no history.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the file has more than {REPLAY_ROWS} rows; replay it in parts")]
    TooManyRows,
}

/// Reads a file; `refuse` hears of each row that is left out, `read` of the count of rows now and then.
pub fn history(
    input: impl Read,
    columns: &Columns,
    division: &Division,
    refuse: &mut impl FnMut(Vec<Refusal>),
    read: &mut impl FnMut(u64),
) -> Result<History, ReadFault> {
    let mut reader = RecordReader::new(input, columns.options())?;
    let mut history = History::new(columns.indicators.len());
    history.told = columns.told();
    let mut reading = Reading { columns, division, history, typologies: BTreeMap::new() };
    let mut rows = 0_u64;
    while let Some(next) = reader.next_record()? {
        match next.map_err(|refusal| vec![refusal]).and_then(|record| reading.take(record)) {
            Ok(()) => {}
            Err(refusals) => refuse(refusals),
        }
        rows += 1;
        if rows.is_multiple_of(10_000) {
            read(rows);
        }
        if reading.history.len() > REPLAY_ROWS {
            return Err(ReadFault::TooManyRows);
        }
    }
    read(rows);
    Ok(reading.history)
}

struct Reading<'a> {
    columns: &'a Columns,
    division: &'a Division,
    history: History,
    typologies: BTreeMap<String, TypologyId>,
}

impl Reading<'_> {
    fn take(&mut self, mut record: Record) -> Result<(), Vec<Refusal>> {
        let line = record.line;
        let mut refusals = Vec::new();
        let mut refuse = |column: &str, rule: &str, words: String| {
            refusals.push(Refusal::new(line, shown_name(column), rule, words));
        };
        let missing = || "is empty".to_owned();
        let at = match text(&record, TIME).map(moment::parse) {
            Some(Ok(at)) => Some(at),
            Some(Err(rule)) => {
                refuse(&self.columns.time, rule.name(), rule.to_string());
                None
            }
            None => {
                refuse(&self.columns.time, "missing", missing());
                None
            }
        };
        let amount = match (&self.columns.amount, text(&record, AMOUNT).map(Amount::parse)) {
            (None, _) => Amount::default(),
            (Some(_), Some(Ok(amount))) => amount,
            (Some(column), Some(Err(rule))) => {
                refuse(column, rule.name(), rule.to_string());
                Amount::default()
            }
            (Some(column), None) => {
                refuse(column, "missing", missing());
                Amount::default()
            }
        };
        let institution = match (&self.columns.institution, text(&record, INSTITUTION)) {
            (None, _) => Institution(0),
            (Some(column), None) => {
                refuse(column, "missing", missing());
                Institution(0)
            }
            (Some(column), Some(value)) => self.division.of(value).unwrap_or_else(|unnamed| {
                refuse(column, "unnamed", unnamed.to_string());
                Institution(0)
            }),
        };
        for (nth, of) in self.columns.indicators.iter().enumerate() {
            if text(&record, &indicator(nth)).is_some_and(|value| value.len() > IDENTIFIER_BYTES) {
                refuse(&of.column, "too_long", format!("at most {IDENTIFIER_BYTES} bytes"));
            }
        }
        let (customer, own_score) = (text(&record, CUSTOMER).unwrap_or_default().trim(), text(&record, OWN_SCORE));
        let own_score = own_score.map(str::trim).filter(|text| !text.is_empty()).map(str::parse::<u32>).transpose();
        if own_score.is_err() {
            refuse(
                self.columns.own_score.as_deref().unwrap_or_default(),
                "score_form",
                "must be a whole number".to_owned(),
            );
        }
        let (about, own_score) = (about(self.columns, &record), own_score.ok().flatten());
        if let Err(error) = about.check(customer, own_score) {
            refuse(self.columns.of(error.field()), error.rule(), error.to_string());
        }
        let (Some(at), true) = (at, refusals.is_empty()) else { return Err(refusals) };
        let is_fraud = text(&record, LABEL).is_some_and(says_fraud);
        let typology = self.typology(text(&record, TYPOLOGY).unwrap_or_default());
        let history = &mut self.history;
        let customer = Zeroizing::new(customer.to_owned());
        let row = Row {
            at,
            amount,
            institution,
            typology,
            is_fraud,
            customer: (!customer.is_empty()).then(|| history.customers.take(customer)),
            about: history.abouts.take(about),
            own_score: own_score.map(|score| u16::try_from(score).expect("scores are bounded")),
        };
        let identifiers = self.columns.indicators.iter().enumerate().map(|(nth, of)| {
            let value = take_text(&mut record, &indicator(nth))?;
            let value = match &of.scheme {
                Some(scheme) => Zeroizing::new(format!("{scheme}:{}", value.trim())),
                None => value,
            };
            Some(history.values.take(of.kind, value))
        });
        let identifiers: Vec<_> = identifiers.collect();
        history.push(row, identifiers.into_iter());
        Ok(())
    }

    /// The id of a word. Beyond the limit, and where the column holds identifiers, rows are counted together.
    fn typology(&mut self, word: &str) -> TypologyId {
        let word = word.trim();
        if word.is_empty() {
            return TypologyId::default();
        }
        if let Some(id) = self.typologies.get(word) {
            return *id;
        }
        let full = self.typologies.len() >= REPLAY_TYPOLOGIES;
        let shown = if full || looks_like_identifier(word).is_some() { "(other)" } else { word };
        if let Some(id) = self.typologies.get(shown) {
            return *id;
        }
        let id = TypologyId(u16::try_from(self.history.typologies.len()).expect("typologies are bounded"));
        self.history.typologies.push(shown.to_owned());
        self.typologies.insert(shown.to_owned(), id);
        id
    }
}

fn about(columns: &Columns, record: &Record) -> About {
    let said = |name| text(record, name).unwrap_or_default().trim().to_owned();
    About {
        country: said(COUNTRY),
        currency: match &columns.currency {
            Some(Currency::Code(code)) => code.clone(),
            Some(Currency::Column(_)) | None => said(CURRENCY),
        },
        channel: said(CHANNEL),
        category: said(CATEGORY),
    }
}

fn field<'a>(record: &'a Record, name: &str) -> Option<&'a Field> {
    record.fields.iter().find(|field| field.name == name)
}

fn text<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    field(record, name).map(|field| field.value.as_str())
}

fn take_text(record: &mut Record, name: &str) -> Option<Zeroizing<String>> {
    let field = record.fields.iter_mut().find(|field| field.name == name)?;
    Some(std::mem::take(&mut field.value))
}

/// Anything but 0, empty and false; a zero may have decimals, as programs write it that keep labels as numbers.
fn says_fraud(text: &str) -> bool {
    let text = text.trim();
    let is_zero = text.contains('0') && text.bytes().all(|byte| byte == b'0' || byte == b'.');
    !(text.is_empty() || is_zero || text.eq_ignore_ascii_case("false"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::replay::columns::IndicatorColumn;
    use crate::base::kind::IdentifierKind;
    use crate::base::time::Timestamp;

    fn columns() -> Columns {
        Columns {
            time: "when".to_owned(),
            label: "fraud".to_owned(),
            amount: Some("amount".to_owned()),
            typology: Some("type".to_owned()),
            institution: None,
            customer: None,
            country: None,
            currency: None,
            channel: None,
            category: None,
            own_score: None,
            indicators: vec![
                IndicatorColumn { kind: IdentifierKind::Device, scheme: None, column: "phone id".to_owned() },
                IndicatorColumn {
                    kind: IdentifierKind::Merchant,
                    scheme: Some("mid".to_owned()),
                    column: "shop".to_owned(),
                },
            ],
            format: None,
            delimiter: ',',
        }
    }

    fn read(text: &str) -> (History, Vec<String>) {
        read_by(&columns(), text)
    }

    fn read_by(columns: &Columns, text: &str) -> (History, Vec<String>) {
        let mut refused = Vec::new();
        let division = Division::new(1, String::new(), None);
        let history = history(
            text.as_bytes(),
            columns,
            &division,
            &mut |refusals| {
                refused.extend(
                    refusals.iter().map(|refusal| format!("{}:{}:{}", refusal.line, refusal.field, refusal.rule)),
                )
            },
            &mut |_| {},
        );
        (history.expect("a readable file"), refused)
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_with_a_mark_quotes_and_zones_mixed() {
        let (mut history, refused) = read(
            "\u{FEFF}fraud,extra,\"shop\",amount,when,type,phone id\r\n\
             1,x,\"a,b\",12.50,2026-11-18T12:06:41+01:00,mule,device-0001\r\n\
             0,x,shop-1,3,1795000000,,\r\n",
        );
        assert_eq!(refused, [""; 0]);
        history.arrange().expect("short");
        let rows: Vec<_> = history.in_order().collect();
        let at = Timestamp::from_unix_s(1_795_000_000);
        assert_eq!(
            rows.iter().map(|(_, row)| (row.at, row.is_fraud)).collect::<Vec<_>>(),
            [(at, false), (at.plus_s(1), true)]
        );
        let kinds: Vec<Vec<IdentifierKind>> = rows
            .iter()
            .map(|(id, _)| history.identifiers(*id).map(|value| history.values.kind(value)).collect())
            .collect();
        assert_eq!(kinds, [vec![IdentifierKind::Merchant], vec![IdentifierKind::Device, IdentifierKind::Merchant]]);
        assert_eq!(history.typologies, ["", "mule"]);
        assert!(history.main_units);
    }

    #[test]
    fn a_bad_row_is_told_by_line_column_and_rule_and_spoils_no_other() {
        let (history, refused) = read(
            "when,fraud,amount,type,phone id,shop\n\
             2026-11-18T11:06:40,1,5,,d,s\n\
             1795000000,1,5,,device-0001,s\n\
             ,1,much,,d,s\n\
             1795000000,1,-5,,d,s\n\
             1795000000,1,5,,d\n\
             1795000000,1,,,d,s\n",
        );
        assert_eq!(
            refused,
            [
                "2:when:time_without_zone",
                "4:when:missing",
                "4:amount:amount_form",
                "5:amount:negative",
                "6::csv_column_count",
                "7:amount:missing",
            ]
        );
        assert_eq!(history.len(), 1);
    }

    #[test]
    fn whose_order_it_is_and_where_from_is_told_and_refused_as_at_a_checkout() {
        let named = Columns {
            customer: Some("who".to_owned()),
            country: Some("from".to_owned()),
            currency: Some(Currency::Code("EUR".to_owned())),
            own_score: Some("score".to_owned()),
            ..columns()
        };
        let (mut history, refused) = read_by(
            &named,
            "when,fraud,amount,type,phone id,shop,who,from,score\n\
             1795000000,1,5,,d,s, c-1 ,DE,1000\n\
             1795000001,1,5,,d,s,,,\n\
             1795000002,1,5,,d,s,c-1,DE,\n\
             1795000003,1,5,,d,s,c-1,de,high\n\
             1795000004,1,5,,d,s,c-1,DE,1001\n",
        );
        assert_eq!(refused, ["5:score:score_form", "5:from:iso_3166", "6:score:score_range"]);
        history.arrange().expect("short");
        let rows: Vec<&Row> = history.in_order().map(|(_, row)| row).collect();
        assert!(rows[0].customer.is_some() && rows[0].customer == rows[2].customer && rows[1].customer.is_none());
        assert!(rows[0].about == rows[2].about && history.abouts.of(rows[1].about).country.is_empty());
        assert_eq!(history.abouts.of(rows[0].about).currency, "EUR");
        assert_eq!(rows.iter().map(|row| row.own_score).collect::<Vec<_>>(), [Some(1_000), None, None]);
    }

    #[test]
    fn a_label_is_fraud_unless_it_is_nothing_zero_or_false() {
        for (text, expected) in [
            ("1", true),
            ("true", true),
            ("yes", true),
            ("no", true),
            ("fraud", true),
            ("-1", true),
            ("0.1", true),
            ("0", false),
            ("0.0", false),
            ("", false),
            (" ", false),
            ("False", false),
            ("FALSE", false),
        ] {
            assert_eq!(says_fraud(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_typology_that_is_an_identifier_is_not_shown() {
        let (history, _) =
            read("when,fraud,amount,type,phone id,shop\n1,1,1,4111111111111111,d,s\n2,1,1,5204740009900014,d,s\n");
        assert_eq!(history.typologies, ["", "(other)"]);
    }
}
