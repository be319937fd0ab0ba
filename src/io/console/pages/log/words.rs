//! Who did what to what, in words short enough for a table: of actors, subjects and fields of the audit log.
//!
//! The log's own words stay beside these wherever one record is shown: people filter and prove by those.

use crate::domain::audit::record::{AuditRecord, Outcome};
use crate::domain::screening::decision::Decision;
use crate::io::console::kinds;
use crate::io::console::words::Badge;

/// How it ended.
pub fn outcome(outcome: Outcome) -> Badge {
    match outcome {
        Outcome::Ok => Badge::new("muted", "done"),
        Outcome::Refused => Badge::new("warning", "refused"),
        Outcome::Fault => Badge::new("bad", "fault"),
    }
}

/// A decision as a badge.
pub fn decision(decision: Decision) -> Badge {
    let tone = match decision {
        Decision::Allow => "good",
        Decision::Challenge => "role",
        Decision::Hold => "waiting",
        Decision::Block => "bad",
    };
    Badge::new(tone, decision.label())
}

/// What it is about, short enough for a table: long names by their beginning.
pub fn subject(subject: &str) -> String {
    if let Some((member, name)) = subject.strip_prefix("members/").and_then(|rest| rest.split_once("/indicators/")) {
        return format!("statement {} of {member}", beginning(name));
    }
    beginning(subject)
}

/// A digest or id by its first eight digits; anything else as it is.
pub fn beginning(text: &str) -> String {
    let is_digest = text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { format!("{}…", text.get(..8).unwrap_or(text)) } else { text.to_owned() }
}

/// Fields that a table shows beside the subject, in this order.
const NOTABLE: [&str; 16] = [
    "decision", "answered", "kind", "list", "peer", "state", "reported", "seen", "reasons", "reason", "rule", "method",
    "change", "roles", "query", "form",
];

/// What else is worth a line of a table.
pub fn notable(record: &AuditRecord) -> String {
    let field = |name: &str| record.fields().find(|(own, _)| *own == name).map(|(_, value)| value);
    let mut told = Vec::new();
    if let "feed.delivered" | "feed.received" = record.action() {
        let number = |name| field(name).and_then(|value| value.parse::<u64>().ok());
        if let (Some(from), Some(until)) = (number("from"), number("until")) {
            told.push(match until.saturating_sub(from) {
                1 => format!("entry {from}"),
                _ => format!("entries {from} to {}", until.saturating_sub(1)),
            });
        }
    }
    for name in NOTABLE {
        let Some(value) = field(name).filter(|value| !value.is_empty()) else { continue };
        told.push(match name {
            "kind" => kinds::named(value).to_owned(),
            // Stands in a badge of its own.
            "decision" if record.action() == "screening.decided" => continue,
            "decision" | "state" | "seen" | "reported" => value.replace('_', " "),
            "peer" => format!("with {value}"),
            "reasons" | "roles" => value.replace(',', ", ").replace('_', " "),
            _ => format!("{name} {}", value.replace('_', " ")),
        });
    }
    told.truncate(3);
    told.join(" · ")
}

/// The name of a field in words.
pub fn field(name: &str) -> String {
    let words = match name {
        "decision" => "Decision",
        "answered" => "What was answered",
        "reasons" => "Why",
        "reason" => "Reason",
        "rule" => "Rule that was broken",
        "kind" => "Kind of identifier",
        "peer" => "Member",
        "from" => "From",
        "until" => "Until",
        "group" => "Sharing group",
        "epoch" => "Key epoch",
        "weak" => "Shared by many innocents",
        "degraded" => "Answered although something was missing",
        "matched_count" => "Statements that matched",
        "policy_sha256" => "Fingerprint of the rules in force",
        "detail_sha256" => "Fingerprint of what stood behind it",
        "evidence_sha256" => "Fingerprint of the evidence",
        "caller" => "Who asked",
        "asked_by" => "Asked for by",
        "reported" => "Outcome",
        "seen" => "What they saw",
        "state" => "State",
        "how" => "How it ended",
        "due" => "Timer ends",
        "records" => "Records",
        "more" => "Further pages could follow",
        "actions" => "Narrowed to",
        "place" => "Fingerprint of the network address",
        "statements" => "Statements found",
        "decisions" => "Decisions found",
        "form" => "Form",
        other => {
            if let Some(nth) = other.strip_prefix("matched_").and_then(|nth| nth.parse::<usize>().ok()) {
                return format!("Statement {}", nth.saturating_add(1));
            }
            let mut letters = other.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            return format!("{first}{}", letters.as_str().replace('_', " "));
        }
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Timestamp;
    use crate::domain::audit::event::AuditEvent;
    use crate::domain::audit::record::Actor;

    #[test]
    fn what_it_is_about_is_named_shortly() {
        let name = format!("members/bank-b/indicators/{}", "4f".repeat(32));
        assert_eq!(subject(&name), "statement 4f4f4f4f… of bank-b");
        assert_eq!(subject("bank-b/all"), "bank-b/all");
        assert_eq!(beginning(&"0c".repeat(16)), "0c0c0c0c…");
        assert_eq!((field("matched_00").as_str(), field("odd_name").as_str()), ("Statement 1", "Odd name"));
    }

    #[test]
    fn a_line_tells_what_matters_and_no_more() {
        let record = |event: AuditEvent| event.into_record(Timestamp::from_unix_s(1), &Actor::Node);
        let refused = AuditEvent::CallRefused { method: "GetStatus", reason: "ROLE_NOT_ALLOWED" };
        assert_eq!(notable(&record(refused)), "reason ROLE NOT ALLOWED");
        assert_eq!(notable(&record(AuditEvent::NodeStopped)), "");
    }
}
