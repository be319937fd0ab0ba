//! The body of an event, and its id.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::domain::audit::notice::{Notice, Topic};
use crate::domain::case::CaseId;
use crate::domain::screening::answer::Screening;

/// The id of what a record of the audit log tells: the same whenever it is posted, and of no other record, because a leaf
/// holds the commitment to its record under a random salt.
pub fn id_of_leaf(leaf: &[u8]) -> String {
    id(b"hushwire/v1/webhook-id", leaf)
}

/// The id of the alarm that so many events were dropped for a receiver.
pub fn id_of_dropped(hook: &str, dropped: u64) -> String {
    id(b"hushwire/v1/webhook-dropped", format!("{hook}/{dropped}").as_bytes())
}

/// The id of a case's `nth` code: one message is sent of it, however often it is posted.
pub fn id_of_code(case: &CaseId, nth: u32) -> String {
    id(b"hushwire/v1/webhook-code", &[&case.0[..], &nth.to_be_bytes()].concat())
}

fn id(label: &[u8], of: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(label);
    hash.update([0]);
    hash.update(of);
    format!("msg_{}", hex::encode(&hash.finalize()[..16]))
}

/// JSON bytes of an event, made once and posted as they are.
pub fn body(notice: &Notice) -> Vec<u8> {
    let mut data = Map::new();
    for (name, value) in &notice.fields {
        data.insert(name.clone(), typed(&notice.topic, name, value));
    }
    if matches!(notice.topic, Topic::Decision(_)) {
        data.insert("not_sole_basis".to_owned(), Value::Bool(Screening::NOT_SOLE_BASIS));
    }
    let event = json!({
        "type": notice.topic.to_string(),
        "timestamp": notice.time.to_string(),
        "data": data,
    });
    event.to_string().into_bytes()
}

/// Values are told as the log has them; the few with a form of their own get it back.
fn typed(topic: &Topic, name: &str, value: &str) -> Value {
    let text = || Value::String(value.to_owned());
    match (topic, name) {
        (Topic::Decision(_), "reasons" | "anomalies") => value.split(',').filter(|reason| !reason.is_empty()).collect(),
        (Topic::Decision(_), "degraded") => Value::Bool(value == "true"),
        (Topic::Decision(_), "matched_count") | (_, "dropped") => {
            value.parse::<u64>().map_or_else(|_| text(), Value::from)
        }
        _ => text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Timestamp;
    use crate::domain::screening::decision::Decision;

    #[test]
    fn an_event_is_an_object_of_type_time_and_data() {
        let fields = [("decision_id", "12"), ("reasons", "a,b"), ("matched_count", "2"), ("degraded", "false")];
        let notice = Notice {
            topic: Topic::Decision(Decision::Block),
            time: Timestamp::from_unix_ms(1_795_000_000_123),
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        };
        let expected = r#"{"data":{"decision_id":"12","degraded":false,"matched_count":2,"not_sole_basis":true,"reasons":["a","b"]},"timestamp":"2026-11-18T11:06:40.123Z","type":"decision.block"}"#;
        assert_eq!(String::from_utf8(body(&notice)).expect("text"), expected);
    }

    #[test]
    fn an_id_is_that_of_one_record_alone() {
        assert_eq!(id_of_leaf(b"leaf"), id_of_leaf(b"leaf"));
        assert_ne!(id_of_leaf(b"leaf"), id_of_leaf(b"other"));
        assert_ne!(id_of_dropped("desk", 1), id_of_dropped("desk", 2));
        assert_ne!(id_of_code(&CaseId([1; 16]), 1), id_of_code(&CaseId([1; 16]), 2));
        assert!(id_of_leaf(b"leaf").len() == 36 && id_of_leaf(b"leaf").starts_with("msg_"));
    }
}
