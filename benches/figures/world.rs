//! Invented transactions and indicators in the forms the figures need: as the domain takes them and as messages.

use hushwire::app::demo::generator::{Person, World};
use hushwire::base::kind::IdentifierKind;
use hushwire::base::time::Timestamp;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::indicator::draft::Draft;
use hushwire::domain::indicator::words::{Grounds, Severity};
use hushwire::domain::screening::transaction::{CustomerRef, Transaction, TransactionDraft};
use hushwire::io::grpc::convert::{wire_kind, wire_time};
use hushwire::io::grpc::wire::hushwire::local::v1 as wire;
use hushwire::io::grpc::wire::hushwire::types::v1 as types;
use hushwire::node::publish::IndicatorDraft;
use prost::Message;
use prost::bytes::Bytes;

use crate::Fault;

/// Kinds of a published person: no telephone, which costs libphonenumber and is told apart, and no e-mail, which becomes
/// two indicators.
const PUBLISHED: [IdentifierKind; 4] =
    [IdentifierKind::Pan, IdentifierKind::Iban, IdentifierKind::Device, IdentifierKind::Ip];

/// Kinds of a screened transaction, as the targets name them.
const SCREENED: [IdentifierKind; 5] =
    [IdentifierKind::Pan, IdentifierKind::Email, IdentifierKind::Device, IdentifierKind::Ip, IdentifierKind::Iban];

/// People whose identifiers are asked about.
pub const PEOPLE: usize = 4_096;

/// Customers of the shop that asks: half of what a node keeps profiles of by default, and always of the same person.
pub const CUSTOMERS: usize = 24 * PEOPLE;

/// The first orders were so many days ago.
const DAYS: u64 = 30;
const DAY_S: u64 = 86_400;

const TYPOLOGY: &str = "F1012";

/// What a person's identifier of this kind is.
pub fn value(person: &Person, kind: IdentifierKind) -> &str {
    match kind {
        IdentifierKind::Iban => &person.iban,
        IdentifierKind::Email => &person.email,
        IdentifierKind::Phone => &person.phone,
        IdentifierKind::Device => &person.device,
        IdentifierKind::Ip => &person.ip,
        _ => &person.card,
    }
}

/// `count` people nobody knows.
pub fn people(seed: u64, count: usize) -> Vec<Person> {
    World::new(seed, count, 0).honest
}

/// (kind, value) of about `count` identifiers to publish, no two alike.
pub fn published(seed: u64, count: usize) -> Vec<(IdentifierKind, String)> {
    let people = people(seed, count.div_ceil(PUBLISHED.len()));
    let of = |person: &Person| PUBLISHED.map(|kind| (kind, value(person, kind).to_owned()));
    people.iter().flat_map(of).take(count).collect()
}

/// A statement about one identifier as the node takes it.
pub fn draft((kind, value): &(IdentifierKind, String)) -> IndicatorDraft {
    let details = Draft {
        typology: TYPOLOGY.to_owned(),
        severity: Some(Severity::High),
        confidence: 85,
        grounds: Some(Grounds::OwnConfirmed),
        ..Draft::default()
    };
    IndicatorDraft { identifier: RawIdentifier::new(*kind, value.clone()), details, source_ref: None, supersedes: None }
}

/// The same as a message.
pub fn wire_draft((kind, value): &(IdentifierKind, String)) -> wire::IndicatorDraft {
    wire::IndicatorDraft {
        identifier: Some(wire_identifier(*kind, value)),
        typology: TYPOLOGY.to_owned(),
        severity: types::Severity::High.into(),
        confidence: 85,
        grounds: types::Grounds::OwnConfirmed.into(),
        ..wire::IndicatorDraft::default()
    }
}

/// A call that publishes these.
pub fn publish_request(request_id: &str, identifiers: &[(IdentifierKind, String)]) -> Bytes {
    let request = wire::PublishIndicatorsRequest {
        request_id: request_id.to_owned(),
        indicators: identifiers.iter().map(wire_draft).collect(),
        ..wire::PublishIndicatorsRequest::default()
    };
    request.encode_to_vec().into()
}

/// A transaction of a person as the domain screens it.
pub fn transaction(person: &Person, now: Timestamp) -> Result<Transaction, Fault> {
    let identifiers = SCREENED.map(|kind| RawIdentifier::new(kind, value(person, kind).to_owned()));
    let draft = TransactionDraft {
        identifiers: identifiers.into(),
        amount_minor: 12_999,
        currency: "EUR".to_owned(),
        channel: "web".to_owned(),
        country: "DE".to_owned(),
        customer_ref: CustomerRef::new("c-4711".to_owned()),
        ..TransactionDraft::default()
    };
    Ok(Transaction::new(draft, now)?)
}

/// Order number `number` of a shop with [`CUSTOMERS`] customers, each of whom orders once a day, as a message. Asked in order,
/// none is unusual for its customer.
pub fn screen_request(
    people: &[Person],
    number: usize,
    now: Timestamp,
) -> Result<wire::ScreenTransactionRequest, Fault> {
    let (customer, day) = (number % CUSTOMERS, u64::try_from(number / CUSTOMERS)?);
    let person = people.get(number % PEOPLE).ok_or("there are people")?;
    let time = now.unix_s() - DAY_S * (DAYS - day) + DAY_S / 2;
    Ok(wire::ScreenTransactionRequest {
        identifiers: SCREENED.map(|kind| wire_identifier(kind, value(person, kind))).into(),
        amount_minor: 12_999,
        currency: "EUR".to_owned(),
        channel: "web".to_owned(),
        country: "DE".to_owned(),
        time: Some(wire_time(Timestamp::from_unix_s(time))),
        customer_ref: format!("c-{customer}"),
        transaction_ref: format!("o-{number}"),
        ..wire::ScreenTransactionRequest::default()
    })
}

/// One identifier as a message holds it.
pub fn wire_identifier(kind: IdentifierKind, value: &str) -> wire::Identifier {
    wire::Identifier { kind: wire_kind(kind).into(), value: value.to_owned() }
}
