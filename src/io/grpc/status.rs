//! The one place where a refusal becomes a gRPC status.
//!
//! Every status carries `google.rpc.ErrorInfo` with the domain [`DOMAIN`] and a stable reason in upper snake case that
//! clients may match; messages are for people and may change. Fields at fault come as `BadRequest`, waiting times as
//! `RetryInfo`, used-up quotas as `QuotaFailure`. No message repeats a value it was given.

use crate::base::limits::MESSAGE_BYTES;
use std::collections::HashMap;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{
    ErrorDetail, ErrorInfo, FieldViolation, PreconditionViolation, QuotaFailure, QuotaViolation, RetryInfo, StatusExt,
};

/// `ErrorInfo.domain` of every refusal.
pub const DOMAIN: &str = "hushwire";

/// Why a call was not served, as the caller is told. Reasons and rules are stable names; texts never hold a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The request breaks a rule in one field, whatever the state of the node. `field` is a path, e.g. `drafts[3].note`.
    InvalidArgument { field: String, rule: &'static str, description: String },
    /// The caller is not, or no longer, somebody this node knows.
    Unauthenticated { reason: &'static str, description: &'static str },
    /// The caller is known and may not do this.
    PermissionDenied { reason: &'static str, description: String },
    /// There is no such thing.
    NotFound { reason: &'static str, description: String },
    /// It exists with other content.
    AlreadyExists { reason: &'static str, description: String },
    /// The node is in a state that forbids it; repeating alone does not help.
    FailedPrecondition { reason: &'static str, description: String },
    /// Somebody else changed the same thing first; repeating from a fresh read helps.
    Aborted { reason: &'static str, description: String },
    /// The node has no room for it now.
    ResourceExhausted { reason: &'static str, description: String, retry_after_ms: u64 },
    /// What may be used of `subject` is used up. Without a time to come back repeating never helps.
    QuotaExhausted { reason: &'static str, subject: &'static str, description: String, retry_after_ms: Option<u64> },
    /// The node cannot serve this now; repeating helps.
    Unavailable { reason: &'static str, description: String, retry_after_ms: u64 },
    /// A message beyond the limit of the door.
    OutOfRange { reason: &'static str, description: String },
    /// The caller's deadline, or the longest this node works on a call, has passed.
    DeadlineExceeded { limit_ms: u64 },
    /// This node does not speak the method.
    Unimplemented,
    /// What is stored does not verify: the node says so instead of serving it.
    Damaged { reason: &'static str, description: String },
}

impl Refusal {
    /// The stable name of the reason, as in `ErrorInfo.reason`.
    pub fn reason(&self) -> String {
        match self {
            Self::InvalidArgument { rule, .. } => rule.to_ascii_uppercase(),
            Self::Unauthenticated { reason, .. }
            | Self::PermissionDenied { reason, .. }
            | Self::NotFound { reason, .. }
            | Self::AlreadyExists { reason, .. }
            | Self::FailedPrecondition { reason, .. }
            | Self::Aborted { reason, .. }
            | Self::ResourceExhausted { reason, .. }
            | Self::QuotaExhausted { reason, .. }
            | Self::Unavailable { reason, .. }
            | Self::OutOfRange { reason, .. }
            | Self::Damaged { reason, .. } => (*reason).to_owned(),
            Self::DeadlineExceeded { .. } => "DEADLINE_EXCEEDED".to_owned(),
            Self::Unimplemented => "UNKNOWN_METHOD".to_owned(),
        }
    }

    /// The status code.
    pub fn code(&self) -> Code {
        match self {
            Self::InvalidArgument { .. } => Code::InvalidArgument,
            Self::Unauthenticated { .. } => Code::Unauthenticated,
            Self::PermissionDenied { .. } => Code::PermissionDenied,
            Self::NotFound { .. } => Code::NotFound,
            Self::AlreadyExists { .. } => Code::AlreadyExists,
            Self::FailedPrecondition { .. } => Code::FailedPrecondition,
            Self::Aborted { .. } => Code::Aborted,
            Self::ResourceExhausted { .. } | Self::QuotaExhausted { .. } => Code::ResourceExhausted,
            Self::Unavailable { .. } => Code::Unavailable,
            Self::OutOfRange { .. } => Code::OutOfRange,
            Self::DeadlineExceeded { .. } => Code::DeadlineExceeded,
            Self::Unimplemented => Code::Unimplemented,
            Self::Damaged { .. } => Code::DataLoss,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::InvalidArgument { field, description, .. } => format!("{field}: {description}"),
            Self::Unauthenticated { description, .. } => (*description).to_owned(),
            Self::PermissionDenied { description, .. }
            | Self::NotFound { description, .. }
            | Self::AlreadyExists { description, .. }
            | Self::FailedPrecondition { description, .. }
            | Self::Aborted { description, .. }
            | Self::ResourceExhausted { description, .. }
            | Self::QuotaExhausted { description, .. }
            | Self::Unavailable { description, .. }
            | Self::OutOfRange { description, .. }
            | Self::Damaged { description, .. } => description.clone(),
            Self::DeadlineExceeded { limit_ms } => format!("not answered within {limit_ms} ms"),
            Self::Unimplemented => "this node has no such method".to_owned(),
        }
    }

    fn details(&self) -> Vec<ErrorDetail> {
        let info = |metadata: HashMap<String, String>| ErrorInfo::new(self.reason(), DOMAIN, metadata);
        match self {
            Self::InvalidArgument { field, rule, description } => {
                let mut violation = FieldViolation::new(field, description);
                violation.reason = rule.to_ascii_uppercase();
                let metadata = [("field", field.as_str()), ("rule", rule)];
                let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
                vec![info(metadata.into()).into(), tonic_types::BadRequest::new(vec![violation]).into()]
            }
            Self::ResourceExhausted { retry_after_ms, .. } | Self::Unavailable { retry_after_ms, .. } => {
                let delay = Duration::from_millis(*retry_after_ms);
                vec![info(HashMap::new()).into(), RetryInfo::new(Some(delay)).into()]
            }
            Self::QuotaExhausted { subject, description, retry_after_ms, .. } => {
                let failure = QuotaFailure::new(vec![QuotaViolation::new(*subject, description)]);
                let delay = retry_after_ms.map(|ms| RetryInfo::new(Some(Duration::from_millis(ms))).into());
                [info(HashMap::new()).into(), failure.into()].into_iter().chain(delay).collect()
            }
            Self::FailedPrecondition { reason, description } => {
                let violation = PreconditionViolation::new(*reason, DOMAIN, description);
                let failure = tonic_types::PreconditionFailure::new(vec![violation]);
                vec![info(HashMap::new()).into(), failure.into()]
            }
            Self::Unauthenticated { .. }
            | Self::PermissionDenied { .. }
            | Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::Aborted { .. }
            | Self::OutOfRange { .. }
            | Self::DeadlineExceeded { .. }
            | Self::Unimplemented
            | Self::Damaged { .. } => vec![info(HashMap::new()).into()],
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self::with_error_details_vec(refusal.code(), refusal.message(), refusal.details())
    }
}

/// Gives a status that the framework made, before any handler saw the message, its reason; any other stays as it is.
pub fn explained(made: Status) -> Status {
    if !made.details().is_empty() {
        return made;
    }
    match made.code() {
        Code::OutOfRange => Refusal::OutOfRange {
            reason: "MESSAGE_TOO_LARGE",
            description: format!("a message has at most {MESSAGE_BYTES} bytes: send less at once"),
        }
        .into(),
        Code::Internal if made.message().starts_with("failed to decode Protobuf message") => Refusal::InvalidArgument {
            field: "message".to_owned(),
            rule: "malformed_message",
            description: "is no message of this method".to_owned(),
        }
        .into(),
        _ => made,
    }
}

/// Every code of gRPC with its name, in the order of its number.
pub const CODES: [(Code, &str); 17] = [
    (Code::Ok, "OK"),
    (Code::Cancelled, "CANCELLED"),
    (Code::Unknown, "UNKNOWN"),
    (Code::InvalidArgument, "INVALID_ARGUMENT"),
    (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
    (Code::NotFound, "NOT_FOUND"),
    (Code::AlreadyExists, "ALREADY_EXISTS"),
    (Code::PermissionDenied, "PERMISSION_DENIED"),
    (Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
    (Code::FailedPrecondition, "FAILED_PRECONDITION"),
    (Code::Aborted, "ABORTED"),
    (Code::OutOfRange, "OUT_OF_RANGE"),
    (Code::Unimplemented, "UNIMPLEMENTED"),
    (Code::Internal, "INTERNAL"),
    (Code::Unavailable, "UNAVAILABLE"),
    (Code::DataLoss, "DATA_LOSS"),
    (Code::Unauthenticated, "UNAUTHENTICATED"),
];

/// The name of a code as google.rpc.Code spells it.
pub fn code_name(code: Code) -> &'static str {
    CODES.iter().find(|(known, _)| *known == code).map_or("UNKNOWN", |(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Refusal> {
        let description = || "in words".to_owned();
        let reason = "SOME_REASON";
        vec![
            Refusal::InvalidArgument { field: "note".into(), rule: "too_long", description: description() },
            Refusal::Unauthenticated { reason, description: "in words" },
            Refusal::PermissionDenied { reason, description: description() },
            Refusal::NotFound { reason, description: description() },
            Refusal::AlreadyExists { reason, description: description() },
            Refusal::FailedPrecondition { reason, description: description() },
            Refusal::Aborted { reason, description: description() },
            Refusal::ResourceExhausted { reason, description: description(), retry_after_ms: 250 },
            Refusal::QuotaExhausted { reason, subject: "some", description: description(), retry_after_ms: None },
            Refusal::Unavailable { reason, description: description(), retry_after_ms: 250 },
            Refusal::OutOfRange { reason, description: description() },
            Refusal::DeadlineExceeded { limit_ms: 200 },
            Refusal::Unimplemented,
            Refusal::Damaged { reason, description: description() },
        ]
    }

    #[test]
    fn every_refusal_carries_its_domain_and_a_reason_in_upper_snake_case() {
        for refusal in one_of_each() {
            let (code, reason) = (refusal.code(), refusal.reason());
            let status = Status::from(refusal);
            let details = status.get_error_details();
            let info = details.error_info().expect("every status has ErrorInfo");
            assert_eq!(status.code(), code);
            assert_eq!((info.domain.as_str(), &info.reason), (DOMAIN, &reason));
            assert!(reason.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'));
        }
    }

    #[test]
    fn no_two_refusals_share_a_code_but_the_two_that_say_there_is_no_more() {
        let refusals = one_of_each();
        let others = refusals.iter().filter(|refusal| !matches!(refusal, Refusal::QuotaExhausted { .. }));
        let mut codes: Vec<i32> = others.map(|refusal| i32::from(refusal.code())).collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }

    #[test]
    fn a_field_at_fault_is_named_with_its_rule() {
        let status = Status::from(Refusal::InvalidArgument {
            field: "drafts[3].note".into(),
            rule: "holds_identifier",
            description: "a note must not hold an identifier".into(),
        });
        let details = status.get_error_details();
        let violation = &details.bad_request().expect("names the field").field_violations[0];
        assert_eq!((violation.field.as_str(), violation.reason.as_str()), ("drafts[3].note", "HOLDS_IDENTIFIER"));
        assert_eq!(status.message(), "drafts[3].note: a note must not hold an identifier");
    }

    #[test]
    fn a_used_up_quota_is_named_and_a_time_to_come_back_only_where_that_helps() {
        let check = |retry_after_ms: Option<u64>| {
            let status = Status::from(Refusal::QuotaExhausted {
                reason: "SOME_QUOTA",
                subject: "feed/entries_per_day",
                description: "all of it is used".into(),
                retry_after_ms,
            });
            let details = status.get_error_details();
            let violation = &details.quota_failure().expect("names the quota").violations[0];
            let named = (violation.subject.as_str(), violation.description.as_str());
            assert_eq!(named, ("feed/entries_per_day", "all of it is used"));
            let delay = details.retry_info().and_then(|retry| retry.retry_delay);
            assert_eq!((status.code(), delay), (Code::ResourceExhausted, retry_after_ms.map(Duration::from_millis)));
        };
        check(Some(250));
        check(None);
    }

    #[test]
    fn a_full_node_says_when_to_come_back() {
        let status = Status::from(Refusal::ResourceExhausted {
            reason: "OVERLOADED",
            description: "too many calls at once".into(),
            retry_after_ms: 250,
        });
        let delay = status.get_error_details().retry_info().and_then(|retry| retry.retry_delay);
        assert_eq!(delay, Some(Duration::from_millis(250)));
    }
}
