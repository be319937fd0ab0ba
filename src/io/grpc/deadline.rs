//! How long a call may take: what the caller allows in `grpc-timeout`, at most what the node allows itself.

use crate::io::grpc::status::Refusal;
use http::HeaderMap;
use std::time::Duration;
use tokio::time::Instant;

/// When the caller stops waiting. Handlers find it among the extensions of the request and end loops by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// Refuses what is too late. `since` is when the work began.
    pub fn check(self, since: Instant) -> Result<(), Refusal> {
        if Instant::now() < self.0 {
            return Ok(());
        }
        let limit_ms = u64::try_from(self.0.saturating_duration_since(since).as_millis()).unwrap_or(u64::MAX);
        Err(Refusal::DeadlineExceeded { limit_ms })
    }
}

/// The time the caller allows; none where it sets no limit.
pub fn asked(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    let Some(header) = headers.get("grpc-timeout") else {
        return Ok(None);
    };
    let asked = header.to_str().ok().and_then(parse).ok_or_else(|| Refusal::InvalidArgument {
        field: "grpc-timeout".to_owned(),
        rule: "malformed_timeout",
        description: "must be 1 to 8 digits and a unit of H, M, S, m, u, n".to_owned(),
    })?;
    Ok(Some(asked))
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
    fn a_timeout_is_read_and_a_malformed_one_refused() {
        let check = |header: Option<&'static str>, expected: Option<Option<Duration>>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert("grpc-timeout", HeaderValue::from_static(header));
            }
            assert_eq!(asked(&headers).ok(), expected, "{header:?}");
        };
        check(None, Some(None));
        check(Some("50m"), Some(Some(Duration::from_millis(50))));
        check(Some("1S"), Some(Some(Duration::from_secs(1))));
        check(Some("0n"), Some(Some(Duration::ZERO)));
        check(Some("99999999H"), Some(Some(Duration::from_secs(99_999_999 * 3_600))));
        check(Some("100000000n"), None);
        check(Some("S"), None);
        check(Some(""), None);
        check(Some("-1S"), None);
        check(Some("5 S"), None);
        check(Some("5s"), None);
    }
}
