//! Fields of a message in a path and a query: `page_size=50&from_ms=…`, both spellings of a name, each at most once unless the
//! field is repeated.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use crate::io::http::json::{self, JsonFault};

/// Reads the fields in a path and those in a query as one message.
pub fn read(
    path: &[(&'static str, &str)],
    query: Option<&str>,
    of: &MessageDescriptor,
) -> Result<DynamicMessage, JsonFault> {
    let mut members = Map::new();
    let in_query = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let in_path = path.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    for (name, value) in in_path.chain(in_query) {
        let field = json::field_of(of, &name).filter(|field| !matches!(field.kind(), Kind::Message(_)));
        let field = field.ok_or(JsonFault::UnknownField { path: String::new() })?;
        let name = field.json_name().to_owned();
        let value = value_of(&field, &value);
        match members.get_mut(&name) {
            None if field.is_list() => drop(members.insert(name, Value::Array(vec![value]))),
            None => drop(members.insert(name, value)),
            Some(Value::Array(values)) => values.push(value),
            Some(_) => return Err(JsonFault::Twice { path: name }),
        }
    }
    json::read(Value::Object(members).to_string().as_bytes(), of)
}

/// Numbers may stand in strings, truths may not.
fn value_of(field: &FieldDescriptor, text: &str) -> Value {
    match (field.kind(), text) {
        (Kind::Bool, "true") => Value::Bool(true),
        (Kind::Bool, "false") => Value::Bool(false),
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::io::grpc::wire::DESCRIPTORS;

    fn check(message: &str, path: &[(&'static str, &str)], query: &str, expected: Result<&str, &str>) {
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("made by the build");
        let of = pool.get_message_by_name(message).expect("described");
        let read = read(path, Some(query), &of).map_err(|fault| fault.to_string());
        let shown = read.map(|message| serde_json::to_string(&message).expect("has a JSON form"));
        match expected {
            Ok(expected) => assert_eq!(shown.as_deref(), Ok(expected), "{query}"),
            Err(part) => assert!(shown.expect_err(query).contains(part), "{query}"),
        }
    }

    #[test]
    fn fields_come_from_path_and_query() {
        let records = "hushwire.compliance.v1.ListAuditRecordsRequest";
        check(records, &[], "", Ok("{}"));
        check(records, &[], "page_size=50&fromMs=7", Ok(r#"{"pageSize":50,"fromMs":"7"}"#));
        check(records, &[], "action_prefix=a%20b", Ok(r#"{"actionPrefix":"a b"}"#));
        check(records, &[], "page_size=1&pageSize=2", Err("pageSize is given twice"));
        check(records, &[], "page_size=many", Err("pageSize is not of its type"));
        check(records, &[], "4111111111111111=1", Err("the message holds a field"));
        let prove = "hushwire.compliance.v1.ProveAuditRecordRequest";
        check(prove, &[("decision_id", "ab12")], "", Ok(r#"{"decisionId":"ab12"}"#));
        check(prove, &[("decision_id", "ab12")], "decision_id=cd", Err("decisionId is given twice"));
    }
}
