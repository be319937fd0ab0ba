//! What is looked for in the audit log, out of the message and into its types.

use crate::base::kind::IdentifierKind;
use crate::base::time::Timestamp;
use crate::domain::audit::record::Outcome;
use crate::domain::audit::search::{AuditFilter, Direction, Order, SearchError, SearchWords};
use crate::domain::screening::decision::Decision;
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::compliance::v1::ListAuditRecordsRequest;

/// The filter of a listing. Empty fields filter nothing; an unknown word is refused, or a page would be empty for no reason.
pub(in crate::io::grpc) fn filter(message: ListAuditRecordsRequest) -> Result<AuditFilter, Refusal> {
    let time = |ms: u64| (ms > 0).then(|| Timestamp::from_unix_ms(ms));
    Ok(AuditFilter {
        from: time(message.from_ms),
        until: time(message.until_ms),
        order: if message.newest_first { Order::NewestFirst } else { Order::OldestFirst },
        direction: word("direction", &message.direction, "left, came, asked and local", Direction::from_label)?,
        peer: word("peer", &message.peer, "members, by their id", |id| id.parse().ok())?,
        kind: word("kind", &message.kind, "kinds of identifiers, by their label", |label| {
            IdentifierKind::ALL.into_iter().find(|kind| kind.label() == label)
        })?,
        decision: word("decision", &message.decision, "allow, challenge, hold and block", Decision::from_label)?,
        outcome: word("outcome", &message.outcome, "ok, refused and fault", |label| {
            Outcome::ALL.into_iter().find(|outcome| outcome.name() == label)
        })?,
        words: SearchWords::new(&message.text).map_err(|error| refuse("text", rule(error), &error.to_string()))?,
        action_prefix: message.action_prefix,
        actor: message.actor,
    })
}

fn word<T>(field: &str, text: &str, known: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    read(text).map(Some).ok_or_else(|| refuse(field, "unknown_word", &format!("known are {known}")))
}

fn rule(error: SearchError) -> &'static str {
    match error {
        SearchError::Length { .. } => "too_long",
        SearchError::HoldsIdentifier { .. } => "holds_identifier",
    }
}

fn refuse(field: &str, rule: &'static str, description: &str) -> Refusal {
    Refusal::InvalidArgument { field: field.to_owned(), rule, description: description.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_fields_filter_nothing_and_each_word_is_read() {
        assert_eq!(filter(ListAuditRecordsRequest::default()).map_err(drop), Ok(AuditFilter::default()));
        let asked = ListAuditRecordsRequest {
            newest_first: true,
            direction: "came".to_owned(),
            peer: "bank-b".to_owned(),
            kind: "pan".to_owned(),
            decision: "hold".to_owned(),
            outcome: "fault".to_owned(),
            ..ListAuditRecordsRequest::default()
        };
        let read = filter(asked).map_err(drop).expect("words of the interface");
        assert_eq!((read.order, read.direction), (Order::NewestFirst, Some(Direction::Came)));
        assert_eq!((read.kind, read.decision), (Some(IdentifierKind::Pan), Some(Decision::Hold)));
        assert_eq!(
            (read.outcome, read.peer.map(|peer| peer.to_string())),
            (Some(Outcome::Fault), Some("bank-b".to_owned()))
        );
    }

    #[test]
    fn what_is_no_word_is_refused_by_field_and_rule_and_not_repeated() {
        let check = |change: fn(&mut ListAuditRecordsRequest), field: &str, rule: &str| {
            let mut asked = ListAuditRecordsRequest::default();
            change(&mut asked);
            match filter(asked) {
                Err(Refusal::InvalidArgument { field: got, rule: broken, description }) => {
                    assert_eq!((got.as_str(), broken), (field, rule));
                    assert!(!description.contains("4111"), "{description}");
                }
                other => panic!("{field}: {other:?}"),
            }
        };
        check(|asked| asked.direction = "up".to_owned(), "direction", "unknown_word");
        check(|asked| asked.peer = "No Member".to_owned(), "peer", "unknown_word");
        check(|asked| asked.kind = "colour".to_owned(), "kind", "unknown_word");
        check(|asked| asked.decision = "maybe".to_owned(), "decision", "unknown_word");
        check(|asked| asked.outcome = "fine".to_owned(), "outcome", "unknown_word");
        check(|asked| asked.text = "4111 1111 1111 1111".to_owned(), "text", "holds_identifier");
        check(|asked| asked.text = "x".repeat(201), "text", "too_long");
    }
}
