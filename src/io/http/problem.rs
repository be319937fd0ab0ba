//! Refusals as problem details (RFC 9457): the same stable reasons as over gRPC, in the members `code` and `reason`.

use http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::io::access::tokens::Unknown;
use crate::io::grpc::status::code_name;
use crate::io::http::body::{JsonBody, full};

/// Media type of a problem.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// How to show who one is, at a listener that takes tokens.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"hushwire\"");
const INVALID: HeaderValue = HeaderValue::from_static("Bearer realm=\"hushwire\", error=\"invalid_token\"");

/// The HTTP status of a gRPC code, as google.rpc.Code documents it.
pub fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Cancelled => StatusCode::REQUEST_TIMEOUT,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A refusal of the gate or of a handler.
pub fn of_status(status: &Status) -> Response<JsonBody> {
    let details = status.get_error_details();
    let mut more = Map::new();
    more.insert("code".to_owned(), code_name(status.code()).into());
    if let Some(info) = details.error_info() {
        more.insert("reason".to_owned(), info.reason.clone().into());
    }
    if let Some(request) = details.bad_request() {
        let violations = request.field_violations.iter();
        let violations = violations.map(|violation| {
            json!({"field": violation.field, "rule": violation.reason, "description": violation.description})
        });
        more.insert("violations".to_owned(), violations.collect());
    }
    if let Some(quota) = details.quota_failure() {
        let violations = quota.violations.iter();
        let violations =
            violations.map(|violation| json!({"subject": violation.subject, "description": violation.description}));
        more.insert("quotas".to_owned(), violations.collect());
    }
    let retry = details.retry_info().and_then(|retry| retry.retry_delay);
    if let Some(delay) = retry {
        more.insert("retryAfterMs".to_owned(), u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).into());
    }
    let mut response = problem(http_status(status.code()), status.message(), more);
    if status.code() == Code::Unauthenticated {
        // RFC 6750 §3: who showed nothing is told how, who showed something that it was wrong.
        let missing = details.error_info().is_some_and(|info| info.reason == Unknown::Missing.words().0);
        let challenge = if missing { CHALLENGE } else { INVALID };
        response.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(delay) = retry {
        // Whole seconds, and never 0: that would invite everybody back at once.
        response.headers_mut().insert(
            http::header::RETRY_AFTER,
            delay.as_millis().div_ceil(1000).max(1).to_string().parse().expect("digits"),
        );
    }
    response
}

/// A refusal that has no gRPC counterpart: the request never became a call.
pub fn of_http(status: StatusCode, reason: &'static str, detail: &str) -> Response<JsonBody> {
    problem(status, detail, Map::from_iter([("reason".to_owned(), reason.into())]))
}

fn problem(status: StatusCode, detail: &str, more: Map<String, Value>) -> Response<JsonBody> {
    // With the type about:blank the title is the phrase of the status (RFC 9457 §4.2.1).
    let mut members = Map::from_iter([
        ("type".to_owned(), "about:blank".into()),
        ("title".to_owned(), status.canonical_reason().unwrap_or("Refused").into()),
        ("status".to_owned(), status.as_u16().into()),
        ("detail".to_owned(), detail.into()),
    ]);
    members.extend(more);
    let mut response = Response::new(full(Value::Object(members).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, MEDIA_TYPE);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::grpc::status::Refusal;

    #[test]
    fn a_busy_node_says_when_to_come_back_in_whole_seconds() {
        let refusal =
            Refusal::ResourceExhausted { reason: "OVERLOADED", description: "busy".into(), retry_after_ms: 250 };
        let response = of_status(&refusal.into());
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }

    #[tokio::test]
    async fn a_used_up_quota_is_named_in_the_body() {
        use http_body_util::BodyExt;
        let refusal = Refusal::QuotaExhausted {
            reason: "PUBLISHING_QUOTA",
            subject: "feed/entries_per_day",
            description: "all used".into(),
            retry_after_ms: Some(1_500),
        };
        let body = of_status(&refusal.into()).into_body().collect().await.expect("in one piece").to_bytes();
        let problem: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(problem["quotas"], json!([{"subject": "feed/entries_per_day", "description": "all used"}]));
        assert_eq!((&problem["retryAfterMs"], &problem["status"]), (&json!(1_500), &json!(429)));
    }

    #[test]
    fn every_code_has_an_error_status() {
        for number in 1..17 {
            let status = http_status(Code::from_i32(number));
            assert!(status.is_client_error() || status.is_server_error(), "{number}");
        }
    }
}
