//! The description of the HTTP/JSON door in OpenAPI 3.1, made from the routes, the descriptors and their comments: it cannot say
//! something else than what is served.

use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};

use crate::io::grpc::roles::{BY_PEOPLE_ALONE, Callers, row};
use crate::io::http::examples::example;
use crate::io::http::languages;
use crate::io::http::routes::{OPENAPI_PATH, ROUTES, Route, Verb, field, method_of};
use crate::io::http::schema::{Schemas, Unknown, comment_of, field_schema};

/// The whole document.
pub fn document(pool: &DescriptorPool) -> Value {
    let (mut asked, mut answered) = (Schemas::new(Unknown::Refuses), Schemas::new(Unknown::Skips));
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let method = method_of(pool, route).expect("a test holds routes against the methods there are");
        let operation = operation(route, &method, &mut asked, &mut answered);
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.verb.as_str().to_ascii_lowercase()] = operation;
    }
    paths.insert(OPENAPI_PATH.to_owned(), own_path());
    // Vocabularies stand on both sides alike; a test holds that no message does.
    let mut schemas = asked.finish();
    schemas.extend(answered.finish());
    schemas.insert("Problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Hushwire, local interface",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "What a member's own systems ask of their node.",
            "description": "Callers show a client certificate of the member's own authority (hushwire cert issue ROLE NAME). Messages \
                follow the JSON mapping of proto3: 64-bit numbers are strings in answers and may be either in requests, bytes are base64, \
                names may be written in camelCase or snake_case, words of a vocabulary may be sent as their numbers, and null is the same \
                as not given. A field that is unknown or given twice is refused, and so is a number that would be rounded. Refusals are \
                problem details (RFC 9457); `reason` is stable. The same methods are served by gRPC on the same port.",
            "license": {"name": "see the project"},
        },
        "servers": [{"url": "https://127.0.0.1:7440", "description": "the node's local listener"}],
        "security": [{"clientCertificate": []}, {"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "clientCertificate": {
                    "type": "mutualTLS",
                    "description": "role and name from the URI SAN hushwire://MEMBER/ROLE/NAME",
                },
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "in place of a certificate, where the node takes tokens: hushwire token issue",
                },
            },
            "schemas": schemas,
            "responses": {"Refused": {
                "description": "Refused: the problem says why, and what to change or when to come back.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
        },
    })
}

fn own_path() -> Value {
    json!({"get": {
        "operationId": "GetDescription",
        "summary": "This document.",
        "responses": {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}}},
    }})
}

fn operation(route: &Route, method: &MethodDescriptor, asked: &mut Schemas, answered: &mut Schemas) -> Value {
    let roles = match row(route.method).map(|row| row.callers) {
        Some(Callers::Local(roles)) => roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", "),
        Some(Callers::Peers) | None => String::new(),
    };
    let service = method.parent_service().name().to_owned();
    let mut operation = json!({
        "operationId": operation_id(route, method),
        "tags": [service],
        "summary": comment_of(&method.parent_file(), method.path()),
        "description": format!("Roles: {roles}. Method {} of gRPC.", route.method),
        "responses": {
            "200": {
                "description": "Done.",
                "content": {"application/json": {"schema": answered.reference(&method.output())}},
            },
            "default": {"$ref": "#/components/responses/Refused"},
        },
    });
    if BY_PEOPLE_ALONE.contains(&route.method) {
        operation["security"] = json!([{"clientCertificate": []}]);
    }
    match route.verb {
        Verb::Get => operation["parameters"] = parameters(route, &method.input(), asked),
        Verb::Post => {
            let mut body = json!({"schema": asked.reference(&method.input())});
            if let Some(example) = example(route.path) {
                body["example"] = example;
            }
            operation["requestBody"] = json!({"required": true, "content": {"application/json": body}});
        }
    }
    operation
}

/// A method with two routes has two operations.
fn operation_id(route: &Route, method: &MethodDescriptor) -> String {
    let first = ROUTES.iter().find(|other| other.method == route.method);
    let by = route.path.split('/').find_map(field).filter(|_| first.is_some_and(|first| first.path != route.path));
    let by = by.map(|field| format!("By_{field}")).unwrap_or_default();
    format!("{}{by}", method.name())
}

fn parameters(route: &Route, input: &MessageDescriptor, schemas: &mut Schemas) -> Value {
    let in_path: Vec<&str> = route.path.split('/').filter_map(field).collect();
    let fields = input.fields().filter(|of| {
        // Two ways to say which record would contradict each other.
        in_path.is_empty() || in_path.contains(&of.name())
    });
    fields
        .map(|of| {
            let required = in_path.contains(&of.name());
            json!({
                "name": of.name(),
                "in": if required { "path" } else { "query" },
                "required": required,
                "description": comment_of(&of.parent_file(), of.path()),
                "schema": field_schema(&of, schemas),
            })
        })
        .chain(languages::is_asked_by(input).then(languages::parameter))
        .collect()
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "For people; may change."},
            "reason": {"type": "string", "description": "Stable name of the reason."},
            "code": {"type": "string", "description": "google.rpc.Code."},
            "retryAfterMs": {"type": "integer", "description": "When to come back."},
            "quotas": {"type": "array", "description": "Quotas that are used up.", "items": {
                "type": "object",
                "required": ["subject", "description"],
                "properties": {
                    "subject": {"type": "string", "description": "Stable name of what is used up."},
                    "description": {"type": "string"},
                },
            }},
            "violations": {"type": "array", "items": {
                "type": "object",
                "required": ["field", "rule", "description"],
                "properties": {
                    "field": {"type": "string"},
                    "rule": {"type": "string"},
                    "description": {"type": "string"},
                },
            }},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::grpc::wire::DESCRIPTORS;

    fn described() -> Value {
        document(&DescriptorPool::decode(DESCRIPTORS).expect("made by the build"))
    }

    #[test]
    fn every_route_is_described_with_the_words_of_the_protocol() {
        let document = described();
        for route in ROUTES {
            let operation = &document["paths"][route.path][route.verb.as_str().to_ascii_lowercase()];
            let said = |name: &str| operation[name].as_str().is_some_and(|text| !text.is_empty());
            let by_token = operation.get("security").is_none();
            assert_eq!(by_token, !BY_PEOPLE_ALONE.contains(&route.method), "{}", route.path);
            assert!(said("summary") && said("description") && said("operationId"), "{} {operation}", route.path);
        }
    }

    #[test]
    fn what_the_node_refuses_unknown_fields_in_says_so_and_what_clients_read_stays_open() {
        let document = described();
        let closed = |name: &str| {
            let schema = &document["components"]["schemas"][name];
            assert!(schema["properties"].is_object(), "{name}");
            schema["additionalProperties"] == false
        };
        for route in ROUTES {
            let operation = &document["paths"][route.path][route.verb.as_str().to_ascii_lowercase()];
            let name = |pointer: &str| {
                let reference = operation.pointer(pointer)?["$ref"].as_str()?;
                reference.rsplit('/').next()
            };
            let asked = name("/requestBody/content/application~1json/schema");
            assert_eq!(asked.is_some(), route.verb == Verb::Post, "{}", route.path);
            assert!(asked.is_none_or(closed), "{}", route.path);
            assert!(
                !closed(name("/responses/200/content/application~1json/schema").expect("answered")),
                "{}",
                route.path
            );
        }
        assert!(closed("Identifier") && !closed("Match"));
    }

    #[test]
    fn no_message_is_both_asked_and_answered() {
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("made by the build");
        let (mut asked, mut answered) = (Schemas::new(Unknown::Refuses), Schemas::new(Unknown::Skips));
        for route in ROUTES {
            operation(route, &method_of(&pool, route).expect("routed"), &mut asked, &mut answered);
        }
        let answered = answered.finish();
        for (name, schema) in asked.finish() {
            assert!(answered.get(&name).is_none_or(|other| *other == schema), "{name} would be open and closed");
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_no_operation_is_named_twice() {
        let document = described();
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
        let mut ids: Vec<&str> =
            text.split("\"operationId\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), all), (all, ROUTES.len() + 1));
    }
}
