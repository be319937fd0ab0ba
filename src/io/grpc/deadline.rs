//! How long a call may take: what the caller allows in `grpc-timeout`, at most what the node allows itself.

use crate::io::grpc::status::Refusal;
use http::HeaderMap;
use std::time::Duration;
use tokio::time::Instant;

/// When the caller stops waiting. Handlers find it among the extensions of the request and end loops by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

/// The time a call may take, of the header and of our own cap the shorter.
pub fn allowed(headers: &HeaderMap, cap: Duration) -> Result<Duration, Refusal> {
    let Some(header) = headers.get("grpc-timeout") else {
        return Ok(cap);
    };
    let asked = header.to_str().ok().and_then(parse).ok_or_else(|| Refusal::InvalidArgument {
        field: "grpc-timeout".to_owned(),
        rule: "malformed_timeout",
        description: "must be 1 to 8 digits and a unit of H, M, S, m, u, n".to_owned(),
    })?;
    Ok(asked.min(cap))
}

/// `TimeoutValue TimeoutUnit` of the gRPC protocol over HTTP/2.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_shorter_of_two_deadlines_counts_and_a_malformed_one_is_refused() {
        let cap = Duration::from_secs(30);
        let check = |header: Option<&'static str>, expected: Option<Duration>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert("grpc-timeout", HeaderValue::from_static(header));
            }
            assert_eq!(allowed(&headers, cap).ok(), expected, "{header:?}");
        };
        check(None, Some(cap));
        check(Some("50m"), Some(Duration::from_millis(50)));
        check(Some("1S"), Some(Duration::from_secs(1)));
        check(Some("0n"), Some(Duration::ZERO));
        check(Some("99999999H"), Some(cap));
        check(Some("100000000n"), None);
        check(Some("S"), None);
        check(Some(""), None);
        check(Some("-1S"), None);
        check(Some("5 S"), None);
        check(Some("5s"), None);
    }
}
