//! proto3 JSON, read strictly: no field twice, none unknown, no list beyond its bound, nothing behind the end; and written with
//! every field.
//!
//! The mapping itself is `prost-reflect`'s. It lets a repeated key win silently and builds whatever comes, so a first pass over
//! the text, which keeps nothing, refuses a field that is given twice (under either of its two names), a list that is too long
//! (`crate::io::http::bounds`), and a value nested deeper than its message. The texts of the library
//! repeat what was sent, which may be an identifier: of an error only its place and its kind are told, and of the place only names that are fields.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::io::grpc::status::Refusal;
use crate::io::http::bounds;

/// The largest whole number that a double holds beside all smaller ones, 2^53.
const EXACT_UNTIL: f64 = 9_007_199_254_740_992.0;

/// Longest path that is told.
const PATH_CHARACTERS: usize = 120;

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    #[error("the body is no JSON object of this message (line {line}, column {column})")]
    NoJson { line: usize, column: usize },
    #[error("{} holds a field that its message does not have", shown(path))]
    UnknownField { path: String },
    #[error("{path} is given twice")]
    Twice { path: String },
    #[error("{path} has more than {limit} elements")]
    TooMany { path: String, limit: usize },
    #[error("{path} is a whole number written so that it would be rounded: write its digits, or put them in a string")]
    Rounded { path: String },
    #[error("{} is not of its type (line {line}, column {column})", shown(path))]
    WrongType { path: String, line: usize, column: usize },
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "the message" } else { path }
}

impl From<JsonFault> for Refusal {
    fn from(fault: JsonFault) -> Self {
        let (field, rule) = match &fault {
            JsonFault::NoJson { .. } => (String::new(), "no_json"),
            JsonFault::UnknownField { path } => (path.clone(), "unknown_field"),
            JsonFault::Twice { path } => (path.clone(), "repeated_key"),
            JsonFault::TooMany { path, .. } => (path.clone(), "too_many"),
            JsonFault::Rounded { path } => (path.clone(), "rounded_number"),
            JsonFault::WrongType { path, .. } => (path.clone(), "wrong_type"),
        };
        let field = if field.is_empty() { "body".to_owned() } else { field };
        Self::InvalidArgument { field, rule, description: fault.to_string() }
    }
}

/// Reads one message.
pub fn read(text: &[u8], of: &MessageDescriptor) -> Result<DynamicMessage, JsonFault> {
    let fault = RefCell::new(None);
    let mut first = serde_json::Deserializer::from_slice(text);
    let once = Once { of: Of::Message(of), whole: false, path: String::new(), fault: &fault };
    let read = once.deserialize(&mut first).and_then(|()| first.end());
    if let Err(error) = read {
        let (line, column) = (error.line(), error.column());
        return Err(match fault.into_inner() {
            // Its place in the text is known out here only.
            Some(JsonFault::WrongType { path, .. }) => JsonFault::WrongType { path, line, column },
            Some(other) => other,
            None => JsonFault::NoJson { line, column },
        });
    }
    let mut second = serde_json::Deserializer::from_slice(text);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut second, &mut track);
    of.clone().deserialize(tracked).map_err(|error: serde_json::Error| match error.classify() {
        // Every key on the path was found to be a field by the first pass.
        Category::Data => {
            let path: String = track.path().to_string().chars().take(PATH_CHARACTERS).collect();
            JsonFault::WrongType {
                path: path.trim_start_matches('.').to_owned(),
                line: error.line(),
                column: error.column(),
            }
        }
        Category::Io | Category::Syntax | Category::Eof => {
            JsonFault::NoJson { line: error.line(), column: error.column() }
        }
    })
}

/// Writes one message; fields at their default are written too, so that a reader sees what there is.
pub fn write(message: &DynamicMessage) -> Vec<u8> {
    let mut out = serde_json::Serializer::new(Vec::with_capacity(512));
    let options = SerializeOptions::new().skip_default_fields(false);
    message.serialize_with_options(&mut out, &options).expect("a decoded message has a JSON form");
    out.into_inner()
}

/// The field of a key: its JSON name, or its name in the protocol.
pub fn field_of(message: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    message.get_field_by_json_name(key).or_else(|| message.get_field_by_name(key))
}

/// What belongs in a place.
#[derive(Debug, Clone, Copy)]
enum Of<'a> {
    Message(&'a MessageDescriptor),
    /// At most so many of them; of messages where there is a descriptor.
    List(Option<&'a MessageDescriptor>, usize),
    Plain,
}

/// Walks a value and refuses what the module says, as soon as it comes.
struct Once<'a> {
    of: Of<'a>,
    /// Where a whole number belongs.
    whole: bool,
    path: String,
    fault: &'a RefCell<Option<JsonFault>>,
}

impl Once<'_> {
    fn refuse<E: serde::de::Error>(&self, fault: JsonFault) -> E {
        *self.fault.borrow_mut() = Some(fault);
        E::custom("refused")
    }

    fn wrong_type<E: serde::de::Error>(&self) -> E {
        self.refuse(JsonFault::WrongType { path: self.path.clone(), line: 0, column: 0 })
    }
}

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        // What has a fraction, an exponent or more digits than 64 bits hold is read as a double: from here on the next whole
        // number is another double, and what was meant is lost.
        if self.whole && number.abs() > EXACT_UNTIL {
            let fault = JsonFault::Rounded { path: self.path.clone() };
            return Err(self.refuse(fault));
        }
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Of::List(of, limit) = self.of else { return Err(self.wrong_type()) };
        let of = of.map_or(Of::Plain, Of::Message);
        let at = |number| Once { of, whole: self.whole, path: format!("{}[{number}]", self.path), fault: self.fault };
        for number in 0..limit {
            if items.next_element_seed(at(number))?.is_none() {
                return Ok(());
            }
        }
        match items.next_element::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(self.refuse(JsonFault::TooMany { path: self.path.clone(), limit })),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Of::Message(of) = self.of else { return Err(self.wrong_type()) };
        let mut seen = BTreeSet::new();
        while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
            let Some(field) = field_of(of, &key) else {
                return Err(self.refuse(JsonFault::UnknownField { path: self.path.clone() }));
            };
            let path = if self.path.is_empty() {
                field.json_name().to_owned()
            } else {
                format!("{}.{}", self.path, field.json_name())
            };
            if !seen.insert(field.number()) {
                return Err(self.refuse(JsonFault::Twice { path }));
            }
            let inner = match field.kind() {
                Kind::Message(inner) => Some(inner),
                _ => None,
            };
            let of = if field.is_list() {
                Of::List(
                    inner.as_ref(),
                    bounds::most(&field).expect("a test holds the bounds against the lists there are"),
                )
            } else {
                inner.as_ref().map_or(Of::Plain, Of::Message)
            };
            let whole = !matches!(field.kind(), Kind::Double | Kind::Float);
            entries.next_value_seed(Once { of, whole, path, fault: self.fault })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::base::limits;
    use crate::io::grpc::wire::DESCRIPTORS;

    fn transaction() -> MessageDescriptor {
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("made by the build");
        pool.get_message_by_name("hushwire.local.v1.ScreenTransactionRequest").expect("described")
    }

    fn check(text: &str, expected: Result<(), &str>) {
        let read = read(text.as_bytes(), &transaction()).map(|_| ()).map_err(|fault| match Refusal::from(fault) {
            Refusal::InvalidArgument { field, rule, .. } => format!("{field} {rule}"),
            other => panic!("{other:?}"),
        });
        assert_eq!(read, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn the_mapping_of_proto3_is_read_in_both_spellings() {
        check(r#"{}"#, Ok(()));
        check(r#"{"amountMinor":"12345678901234567","customer_ref":"c","ownScore":1.0,"currency":null}"#, Ok(()));
        check(r#"{"identifiers":[{"kind":"IDENTIFIER_KIND_PAN","value":"4111111111111111"}]}"#, Ok(()));
        check(r#"{"amountMinor":-9223372036854775808}"#, Ok(()));
        check(r#"{"amountMinor":9007199254740992.0}"#, Ok(()));
        check(r#"{"time":"2026-11-01T00:00:00.5+02:00"}"#, Ok(()));
    }

    #[test]
    fn what_is_repeated_unknown_or_of_another_type_is_named_by_its_place() {
        check(r#"{"currency":"EUR","currency":"USD"}"#, Err("currency repeated_key"));
        check(r#"{"customerRef":"a","customer_ref":"b"}"#, Err("customerRef repeated_key"));
        check(
            r#"{"identifiers":[{"kind":1,"value":"x"},{"value":"x","value":"y"}]}"#,
            Err("identifiers[1].value repeated_key"),
        );
        check(r#"{"identifiers":[{"4111111111111111":1}]}"#, Err("identifiers[0] unknown_field"));
        check(r#"{"identifiers":[{"kind":"4111111111111111"}]}"#, Err("identifiers[0].kind wrong_type"));
        check(r#"{"currency":4111111111111111}"#, Err("currency wrong_type"));
        check(r#"{"ownScore":4294967296}"#, Err("ownScore wrong_type"));
        check(r#"{"amountMinor":1.5}"#, Err("amountMinor wrong_type"));
        for rounded in ["-9223372036854775809", "18446744073709551616", "9007199254740993.0", "1e17"] {
            check(&format!(r#"{{"amountMinor":{rounded}}}"#), Err("amountMinor rounded_number"));
        }
        check(r#"{"amountMinor":"-9223372036854775809"}"#, Err("amountMinor wrong_type"));
        check(r#"{"identifiers":{}}"#, Err("identifiers wrong_type"));
        check(r#"{"currency":{"a":1}}"#, Err("currency wrong_type"));
        for text in ["", "null", "[]", "{} x", "{", r#"{"currency":"\ud800"}"#, "\u{0}"] {
            let fault = read(text.as_bytes(), &transaction()).expect_err(text);
            assert!(matches!(fault, JsonFault::NoJson { .. } | JsonFault::WrongType { .. }), "{text}: {fault:?}");
        }
    }

    #[test]
    fn nothing_is_nested_deeper_than_its_message() {
        let nested = |open: &str, close: &str| format!("{}{}", open.repeat(5_000), close.repeat(5_000));
        check(&format!(r#"{{"identifiers":{}}}"#, nested("[", "]")), Err("identifiers[0] wrong_type"));
        check(&format!(r#"{{"identifiers":[{}]}}"#, nested(r#"{"kind":"#, "}")), Err("identifiers[0].kind wrong_type"));
        check(&format!(r#"{{"currency":{}}}"#, nested("[", "]")), Err("currency wrong_type"));
        check(&format!(r#"{{"time":{}}}"#, nested(r#"{"seconds":"#, "}")), Err("time.seconds wrong_type"));
        check(&nested("[", "]"), Err("body wrong_type"));
    }

    #[test]
    fn a_list_beyond_its_bound_is_refused_where_it_passes_it() {
        let most = limits::IDENTIFIERS_PER_TRANSACTION;
        let list = |count: usize, rest: &str| format!(r#"{{"identifiers":[{}{rest}"#, vec!["{}"; count].join(","));
        check(&list(most, "]}"), Ok(()));
        check(&list(most + 1, "]}"), Err("identifiers too_many"));
        check(&list(most + 1, ", and so on"), Err("identifiers too_many"));
        let fault = read(list(1_000_000, "]}").as_bytes(), &transaction()).expect_err("a million");
        assert_eq!(fault.to_string(), "identifiers has more than 32 elements");
    }

    #[test]
    fn no_fault_repeats_what_was_sent() {
        for text in [
            r#"{"4111111111111111":1}"#,
            r#"{"identifiers":[{"kind":"4111111111111111"}]}"#,
            r#"{"currency":4111111111111111}"#,
            r#"{"time":"4111111111111111"}"#,
            r#"{"amountMinor":"4111111111111111x"}"#,
        ] {
            let fault = read(text.as_bytes(), &transaction()).expect_err(text);
            assert!(!format!("{fault} {fault:?} {:?}", Refusal::from(fault.clone())).contains("4111"), "{fault:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = r#"{"identifiers":[{"kind":"IDENTIFIER_KIND_PAN","value":"x"}],"amountMinor":"7"}"#;
        let written = write(&read(text.as_bytes(), &transaction()).expect("valid"));
        let again = write(&read(&written, &transaction()).expect("our own form"));
        assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&written));
        assert!(String::from_utf8_lossy(&written).contains(r#""amountMinor":"7","currency":"""#));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text in "[\\[\\]{}\":,0-9a-zA-Z_\\\\ ]{0,80}") {
            let _read = read(&bytes, &transaction());
            let _read = read(text.as_bytes(), &transaction());
        }
    }
}
