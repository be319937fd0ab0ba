//! Records as transactions to screen.

use crate::app::records::draft::FieldReader;
use crate::app::records::refusal::Refusal;
use crate::app::records::{Record, words};
use crate::io::grpc::wire::hushwire::local::v1 as local;

/// Fields of a transaction besides the labels of kinds, as files name them.
pub const FIELDS: [&str; 11] = [
    "kind",
    "value",
    "amount_minor",
    "currency",
    "time",
    "channel",
    "country",
    "customer_ref",
    "merchant_category",
    "own_score",
    "transaction_ref",
];

/// Not a whole number within the bounds of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number{0}")]
struct NoNumber(&'static str);

/// The transaction of one record.
pub fn read(record: &Record) -> Result<local::ScreenTransactionRequest, Vec<Refusal>> {
    let mut reader = FieldReader::new(record);
    let kind = reader.parsed("kind", "unknown_kind", words::kind);
    let mut identifiers = reader.wide();
    match (kind, reader.text("value")) {
        (Some(kind), Some(value)) => identifiers.push((kind, value)),
        (None, Some(_)) if !reader.has("kind") => reader.refuse_missing("kind", "value needs it"),
        (Some(_), None) => reader.refuse_missing("value", "kind needs it"),
        (None, _) => {}
    }
    let amount = |text: &str| text.trim().parse::<i64>().map_err(|_| NoNumber(" of minor units, e.g. 1250 for 12.50"));
    let score = |text: &str| text.trim().parse::<u32>().map_err(|_| NoNumber(" from 0 to 1000"));
    let transaction = local::ScreenTransactionRequest {
        identifiers: identifiers
            .iter()
            .map(|(kind, value)| local::Identifier {
                kind: words::kind_number(*kind).into(),
                value: value.as_str().to_owned(),
            })
            .collect(),
        amount_minor: reader.parsed("amount_minor", "amount", amount).unwrap_or_default(),
        currency: reader.plain("currency").unwrap_or_default(),
        time: reader.time("time"),
        channel: reader.plain("channel").unwrap_or_default(),
        country: reader.plain("country").unwrap_or_default(),
        customer_ref: reader.plain("customer_ref").unwrap_or_default(),
        own_score: reader.parsed("own_score", "own_score", score),
        transaction_ref: reader.plain("transaction_ref").unwrap_or_default(),
        audit: 0,
        merchant_category: reader.plain("merchant_category").unwrap_or_default(),
        accept_language: String::new(),
    };
    reader.finish()?;
    Ok(transaction)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::app::records::Field;

    fn record(fields: &[(&str, &str)]) -> Record {
        let field = |(name, value): &(&str, &str)| Field {
            name: (*name).to_owned(),
            value: Zeroizing::new((*value).to_owned()),
        };
        Record { line: 3, fields: fields.iter().map(field).collect() }
    }

    #[test]
    fn columns_named_after_kinds_are_identifiers() {
        let fields = [
            ("pan", "1"),
            ("email", "2"),
            ("amount_minor", "1250"),
            ("currency", "EUR"),
            ("own_score", "7"),
            ("merchant_category", "5411"),
        ];
        let transaction = read(&record(&fields)).expect("valid");
        assert_eq!(transaction.identifiers.len(), 2);
        assert_eq!((transaction.amount_minor, transaction.own_score), (1250, Some(7)));
        assert_eq!(transaction.merchant_category, "5411");
    }

    #[test]
    fn an_amount_in_major_units_is_refused() {
        let refusals = read(&record(&[("pan", "1"), ("amount_minor", "12.50")])).expect_err("not minor units");
        assert_eq!((refusals[0].field.as_str(), refusals[0].rule.as_str()), ("amount_minor", "amount"));
    }
}
