//! Languages over HTTP: a `GET` whose message asks for them takes the header `Accept-Language` in the place of the field, and its
//! answer names the language it is in (RFC 9110 §8.5, §12.5.4 and §12.5.5).
//!
//! The header of a `POST` is that of the member's own system and says nothing about its customer.

use http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, HeaderMap, HeaderValue, VARY};
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage, Value};

use crate::base::limits;

/// The field that asks.
const ASKS: &str = "accept_language";

/// The field that answers.
const ANSWERS: &str = "language";

/// Whether a message asks for a language.
pub fn is_asked_by(input: &MessageDescriptor) -> bool {
    input.get_field_by_name(ASKS).is_some()
}

/// Takes over what the header says, where the message itself says nothing. Several lines are one list.
pub fn ask(message: &mut DynamicMessage, headers: &HeaderMap) {
    let Some(field) = message.descriptor().get_field_by_name(ASKS).filter(|field| !message.has_field(field)) else {
        return;
    };
    let mut wanted = String::new();
    for line in headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok()) {
        if wanted.len() >= limits::ACCEPT_LANGUAGE_BYTES {
            break;
        }
        wanted.push_str(line);
        wanted.push(',');
    }
    message.set_field(&field, Value::String(wanted));
}

/// Says in which language an answer is, and that the header decided it.
pub fn tell(answer: &DynamicMessage, headers: &mut HeaderMap) {
    headers.insert(VARY, HeaderValue::from_static("Accept-Language"));
    let language = answer.get_field_by_name(ANSWERS);
    let language = language.as_deref().and_then(Value::as_str).and_then(|tag| HeaderValue::from_str(tag).ok());
    if let Some(language) = language {
        headers.insert(CONTENT_LANGUAGE, language);
    }
}

/// The header in the description of the door.
pub fn parameter() -> serde_json::Value {
    serde_json::json!({
        "name": "Accept-Language",
        "in": "header",
        "required": false,
        "description": "The languages somebody reads. The answer names its own in Content-Language.",
        "schema": {"type": "string"},
    })
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::io::grpc::wire::DESCRIPTORS;

    #[test]
    fn the_header_is_taken_where_the_message_says_nothing_and_all_its_lines_within_the_limit() {
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("made by the build");
        let of = pool.get_message_by_name("hushwire.local.v1.GetAdviceRequest").expect("described");
        let check = |given: &str, lines: &[&str], expected: &str| {
            let mut message = DynamicMessage::new(of.clone());
            message.set_field_by_name(ASKS, Value::String(given.to_owned()));
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(ACCEPT_LANGUAGE, HeaderValue::from_str(line).expect("a value"));
            }
            ask(&mut message, &headers);
            assert_eq!(message.get_field_by_name(ASKS).expect("there").as_str(), Some(expected));
        };
        check("", &["de", "en;q=0.5"], "de,en;q=0.5,");
        check("fr", &["de"], "fr");
        check("", &[], "");
        check("", &["dé"], "");
        let long = "x".repeat(limits::ACCEPT_LANGUAGE_BYTES);
        check("", &[&long, "de"], &format!("{long},"));
    }
}
