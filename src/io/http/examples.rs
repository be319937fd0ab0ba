//! Bodies that show how a question is asked, for the description. They hold identifiers that are nobody's.

use serde_json::{Value, json};

/// The example of a path, where its body is not the output of another command.
pub fn example(path: &str) -> Option<Value> {
    let order = json!({
        "identifiers": [
            {"kind": "IDENTIFIER_KIND_EMAIL", "value": "challenge@sandbox.hushwire.example"},
            {"kind": "IDENTIFIER_KIND_PAN", "value": "9999990000000014"},
        ],
        "amountMinor": "12500", "currency": "EUR", "channel": "web", "country": "DE", "transactionRef": "order-1",
        "customerRef": "customer-4711", "merchantCategory": "5732",
    });
    let mailbox = json!({"kind": "IDENTIFIER_KIND_EMAIL", "value": "mara.kroll.4711@gmail.com"});
    Some(match path {
        "/v1/transactions:screen" => order,
        "/v1/transactions:batchScreen" => json!({"transactions": [order]}),
        "/v1/indicators" => json!({"requestId": "case-1-a", "indicators": [{
            "identifier": mailbox, "typology": "F1028", "severity": "SEVERITY_HIGH", "confidence": 85,
            "grounds": "GROUNDS_OWN_CONFIRMED", "sourceRef": "CASE-1",
        }]}),
        "/v1/indicators:retract" => json!({"sourceRefs": ["CASE-1"], "reason": "RETRACTION_REASON_FALSE_POSITIVE"}),
        "/v1/indicators:erase" => json!({"sourceRefs": ["CASE-1"], "reason": "ERASURE_REASON_DATA_SUBJECT"}),
        "/v1/lists:add" => json!({"requestId": "desk-1", "entries": [{
            "list": "OWN_LIST_ALLOW", "identifier": mailbox, "reason": "LISTING_REASON_KNOWN_CUSTOMER", "note": "ten years",
        }]}),
        "/v1/lists:remove" => {
            json!({"requestId": "desk-2", "list": "OWN_LIST_ALLOW", "targets": [{"identifier": mailbox}]})
        }
        "/v1/profiles:show" | "/v1/profiles:erase" => json!({"customerRef": "customer-4711"}),
        "/v1/decisions:explain" => json!({"reference": "7KQ2-M0XD"}),
        "/v1/audit/records:prove" => json!({"index": "0"}),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::io::grpc::wire::DESCRIPTORS;
    use crate::io::http::json;
    use crate::io::http::routes::{ROUTES, Verb, method_of};

    #[test]
    fn every_example_is_read_as_the_message_of_its_route() {
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("made by the build");
        let mut read = 0;
        for route in ROUTES.iter().filter(|route| route.verb == Verb::Post) {
            let Some(example) = example(route.path) else { continue };
            let input = method_of(&pool, route).expect("held by another test").input();
            json::read(example.to_string().as_bytes(), &input).expect(route.path);
            read += 1;
        }
        assert_eq!(read, 11);
    }
}
