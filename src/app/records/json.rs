//! One JSON object a line, as a list of named values. Names may be written as in the interface's files (`observed_at`)
//! or as its JSON mapping writes them (`observedAt`); identifiers may be nested as there, too.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::app::records::{Field, shown_name, words};

/// Objects within lists within the record: nothing of ours nests deeper.
const DEPTH: usize = 3;

/// The rule a line broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonRule {
    #[error("the line ends in the middle of its JSON object; one object must stand on one line")]
    Truncated,
    #[error("not JSON at byte {byte} of the line")]
    Syntax { byte: usize },
    #[error("{reason} at byte {byte} of the line")]
    Shape { reason: &'static str, byte: usize },
    #[error("the line must hold an object, {{…}}")]
    NoObject,
    #[error("{field} must be a text or a whole number")]
    NoText { field: String },
    #[error("{field} must be an object of kind and value")]
    NoIdentifier { field: String },
    #[error("{field} has an unknown kind of identifier")]
    UnknownKind { field: String },
}

impl JsonRule {
    /// Stable name for reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Truncated => "json_truncated",
            Self::Syntax { .. } => "json_syntax",
            Self::Shape { .. } => "json_shape",
            Self::NoObject => "json_no_object",
            Self::NoText { .. } => "json_no_text",
            Self::NoIdentifier { .. } => "json_no_identifier",
            Self::UnknownKind { .. } => "unknown_kind",
        }
    }
}

/// The named values of the object on `line`; absent (`null`) ones are left out.
pub fn parse(line: &str) -> Result<Vec<Field>, JsonRule> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let node = Depth(DEPTH).deserialize(&mut deserializer).map_err(|error| rule_of(&error))?;
    deserializer.end().map_err(|error| rule_of(&error))?;
    let Node::Object(members) = node else { return Err(JsonRule::NoObject) };
    let mut fields = Vec::with_capacity(members.len());
    for (name, node) in members {
        let name = snake_case(&name);
        match node {
            Node::Null => {}
            Node::Text(value) => fields.push(Field { name, value }),
            Node::Object(members) if name == "identifier" => {
                let (kind, value) = identifier(&name, members)?;
                fields.push(Field { name: "kind".to_owned(), value: kind });
                fields.push(Field { name: "value".to_owned(), value });
            }
            Node::List(nodes) if name == "identifiers" => {
                for (index, node) in nodes.into_iter().enumerate() {
                    let at = format!("identifiers[{index}]");
                    let Node::Object(members) = node else { return Err(JsonRule::NoIdentifier { field: at }) };
                    let (kind, value) = identifier(&at, members)?;
                    let kind = words::kind(&kind).map_err(|_| JsonRule::UnknownKind { field: at })?;
                    fields.push(Field { name: kind.label().to_owned(), value });
                }
            }
            Node::Fraction | Node::Flag | Node::List(_) | Node::Object(_) => {
                return Err(JsonRule::NoText { field: shown_name(&name).to_owned() });
            }
        }
    }
    Ok(fields)
}

/// The kind and the value of a nested identifier.
type Named = (Zeroizing<String>, Zeroizing<String>);

fn identifier(at: &str, members: Vec<(String, Node)>) -> Result<Named, JsonRule> {
    let (mut kind, mut value) = (None, None);
    for (name, node) in members {
        match (name.as_str(), node) {
            ("kind", Node::Text(text)) => kind = Some(text),
            ("value", Node::Text(text)) => value = Some(text),
            _ => return Err(JsonRule::NoIdentifier { field: at.to_owned() }),
        }
    }
    kind.zip(value).ok_or_else(|| JsonRule::NoIdentifier { field: at.to_owned() })
}

/// Only the place is taken from the library's error: its words may quote the line.
fn rule_of(error: &serde_json::Error) -> JsonRule {
    let byte = error.column();
    match error.classify() {
        serde_json::error::Category::Eof => JsonRule::Truncated,
        serde_json::error::Category::Data => {
            let said = error.to_string();
            let reason = SHAPES.into_iter().find(|shape| said.starts_with(shape)).unwrap_or("unexpected value");
            JsonRule::Shape { reason, byte }
        }
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => JsonRule::Syntax { byte },
    }
}

const TOO_DEEP: &str = "nested deeper than identifiers are";
const DUPLICATE: &str = "a name stands twice in one object";
const SHAPES: [&str; 2] = [TOO_DEEP, DUPLICATE];

fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}

enum Node {
    Null,
    Text(Zeroizing<String>),
    Fraction,
    Flag,
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// How many levels may still be opened.
#[derive(Clone, Copy)]
struct Depth(usize);

impl Depth {
    fn inner<E: Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom(TOO_DEEP))
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Flag)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(number.to_string())))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Fraction)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let inner = self.inner()?;
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element_seed(inner)? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let inner = self.inner()?;
        let mut members: Vec<(String, Node)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.iter().any(|(known, _)| snake_case(known) == snake_case(&name)) {
                return Err(A::Error::custom(DUPLICATE));
            }
            members.push((name, map.next_value_seed(inner)?));
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<&[(&str, &str)], &str>) {
        let got = parse(line);
        let named = got
            .as_ref()
            .map(|fields| fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect::<Vec<_>>());
        match expected {
            Ok(expected) => assert_eq!(named.expect(line), expected),
            Err(rule) => {
                let refused = got.expect_err(line);
                assert_eq!(refused.name(), rule, "{line}");
                assert!(!refused.to_string().contains("4111"), "{refused}");
            }
        }
    }

    #[test]
    fn objects_become_named_values() {
        check(
            r#"{"kind":"pan","value":4111111111111111,"note":null}"#,
            Ok(&[("kind", "pan"), ("value", "4111111111111111")]),
        );
        check(r#"{"observedAt":"1795000000"}"#, Ok(&[("observed_at", "1795000000")]));
        check(r#"{"identifier":{"kind":"iban","value":"x"}}"#, Ok(&[("kind", "iban"), ("value", "x")]));
        let two = r#"{"identifiers":[{"kind":"pan","value":"1"},{"kind":"IDENTIFIER_KIND_EMAIL","value":"2"}],"currency":"EUR"}"#;
        check(two, Ok(&[("pan", "1"), ("email", "2"), ("currency", "EUR")]));
    }

    #[test]
    fn what_is_no_record_is_refused_without_being_quoted() {
        check(r#"{"kind":"pan","value":"4111"#, Err("json_truncated"));
        check(r#"{"kind":"pan","value":"4111"} x"#, Err("json_syntax"));
        check(r#"{"value":4111 5}"#, Err("json_syntax"));
        check(r#"["4111"]"#, Err("json_no_object"));
        check(r#""4111""#, Err("json_no_object"));
        check(r#"{"value":4111.5}"#, Err("json_no_text"));
        check(r#"{"value":{"a":"4111"}}"#, Err("json_no_text"));
        check(r#"{"value":true}"#, Err("json_no_text"));
        check(r#"{"value":"4111","value":"4112"}"#, Err("json_shape"));
        check(r#"{"observed_at":"4111","observedAt":"4112"}"#, Err("json_shape"));
        check(r#"{"identifiers":[{"kind":"pan"}]}"#, Err("json_no_identifier"));
        check(r#"{"identifiers":["4111"]}"#, Err("json_no_identifier"));
        check(r#"{"identifiers":[{"kind":"4111","value":"1"}]}"#, Err("unknown_kind"));
        check(&format!("{}{}", "[".repeat(60_000), "]".repeat(60_000)), Err("json_shape"));
        check("", Err("json_truncated"));
    }
}
