//! Answers to screenings, as a person reads them and as a program does.

use serde_json::{Value, json};

use crate::app::records::{time, words};
use crate::base::kind::IdentifierKind;
use crate::domain::indicator::words::{Grounds, Handling, Severity};
use crate::domain::screening::decision::in_words;
use crate::io::grpc::wire::hushwire::local::v1 as local;
use crate::io::grpc::wire::hushwire::types::v1::Decision;
use local::AuditState;

/// Seconds since a feed was heard; none where it has not been heard yet, which travels as the largest number.
pub fn age_s(told: u32) -> Option<u32> {
    (told != u32::MAX).then_some(told)
}

/// The word of a decision.
pub fn decision_word(number: i32) -> &'static str {
    match Decision::try_from(number) {
        Ok(Decision::Allow) => "allow",
        Ok(Decision::Challenge) => "challenge",
        Ok(Decision::Hold) => "hold",
        Ok(Decision::Block) => "block",
        Ok(Decision::Unspecified) | Err(_) => "unspecified",
    }
}

fn word(number: i32, label: impl Fn(u32) -> Option<&'static str>) -> &'static str {
    u32::try_from(number).ok().and_then(label).unwrap_or("unspecified")
}

fn kind_in_words(number: i32) -> &'static str {
    let known = IdentifierKind::ALL.into_iter().find(|kind| i32::from(words::kind_number(*kind)) == number);
    known.map_or("identifier", in_words)
}

fn severity(number: i32) -> &'static str {
    word(number, |number| Severity::from_number(number).map(Severity::label))
}

fn grounds(number: i32) -> &'static str {
    word(number, |number| Grounds::from_number(number).map(Grounds::label))
}

fn handling(number: i32) -> &'static str {
    word(number, |number| Handling::from_number(number).map(Handling::label))
}

fn shown_time(time: Option<&prost_types::Timestamp>) -> String {
    time.map(time::show).unwrap_or_default()
}

/// The whole answer as JSON, with the line of the transaction where it came from a file.
pub fn as_json(answer: &local::ScreenTransactionResponse, line: Option<u64>) -> Value {
    let mut value = json!({
        "decision": decision_word(answer.decision),
        "decision_id": answer.decision_id,
        "reference": answer.reference,
        "transaction_ref": answer.transaction_ref,
        "case": (!answer.case.is_empty()).then_some(answer.case.as_str()),
        "reasons": answer.reasons.iter().map(|reason| json!({
            "code": reason.code,
            "decision": decision_word(reason.decision),
            "description": reason.description,
            "since": reason.since.as_ref().map(time::show),
            "rule": (!reason.rule.is_empty()).then_some(&reason.rule),
            "identifier": reason.identifier,
            "not_sole_basis": reason.not_sole_basis,
        })).collect::<Vec<_>>(),
        "matches": answer.matches.iter().map(match_json).collect::<Vec<_>>(),
        "refused": answer.refused.iter().map(|refused| json!({
            "identifier": refused.record,
            "field": refused.field,
            "rule": refused.rule,
            "description": refused.description,
        })).collect::<Vec<_>>(),
        "freshness": answer.freshness.iter().map(|peer| json!({
            "member": peer.member,
            "age_s": age_s(peer.age_s),
            "stale": peer.stale,
            "quarantined": peer.quarantined,
        })).collect::<Vec<_>>(),
        "advice_key": answer.advice_key,
        "not_sole_basis": answer.not_sole_basis,
        "degraded": answer.degraded,
        "anomalies": answer.anomalies,
        "audit": audit_word(answer.audit),
        "policy_sha256": answer.policy_sha256,
        "policy_name": answer.policy_name,
        "unheard_rules": answer.unheard_rules,
    });
    if let (Some(advice), Some(object)) = (&answer.advice, value.as_object_mut()) {
        let told = json!({
            "key": advice.key, "language": advice.language, "title": advice.title, "text": advice.text, "further": advice.further,
        });
        object.insert("advice".to_owned(), told);
    }
    if let (Some(line), Some(object)) = (line, value.as_object_mut()) {
        object.insert("line".to_owned(), line.into());
    }
    value
}

fn match_json(found: &local::Match) -> Value {
    json!({
        "identifier": found.identifier,
        "kind": words::kind_label(found.kind),
        "members": found.members,
        "own": found.own,
        "confidence": found.confidence,
        "confidence_undecayed": found.confidence_undecayed,
        "weak": found.weak,
        "indicators": found.indicators.iter().map(|indicator| json!({
            "name": indicator.name,
            "kind": words::kind_label(indicator.kind),
            "feed": indicator.feed,
            "index": indicator.index,
            "typology": indicator.typology,
            "severity": severity(indicator.severity),
            "confidence": indicator.confidence,
            "effective_confidence": indicator.effective_confidence,
            "age_s": indicator.age_s,
            "grounds": grounds(indicator.grounds),
            "handling": handling(indicator.handling),
            "observed_at": shown_time(indicator.observed_at.as_ref()),
            "valid_until": shown_time(indicator.valid_until.as_ref()),
            "first_seen": shown_time(indicator.first_seen.as_ref()),
            "last_seen": shown_time(indicator.last_seen.as_ref()),
            "provisional": indicator.provisional,
            "disputed": indicator.disputed,
            "held_back": indicator.held_back,
            "note": indicator.note,
        })).collect::<Vec<_>>(),
    })
}

fn audit_word(number: i32) -> &'static str {
    match AuditState::try_from(number) {
        Ok(AuditState::Durable) => "durable",
        Ok(AuditState::Pending) => "pending",
        Ok(AuditState::Counted) => "counted",
        Ok(AuditState::Lost) => "lost",
        Ok(AuditState::Unspecified) | Err(_) => "unspecified",
    }
}

/// What stands over the lines of [`one_line`]; not part of the answer.
pub fn header(first: &local::ScreenTransactionResponse) -> String {
    let order = if first.transaction_ref.is_empty() { String::new() } else { format!("{:<14}  ", "order") };
    format!("{:>7}  {order}{:<9}  {:<14}  because", "line", "decision", "reference")
}

/// One transaction on one line.
pub fn one_line(answer: &local::ScreenTransactionResponse, line: u64) -> String {
    let reasons: Vec<&str> = answer.reasons.iter().map(|reason| reason.code.as_str()).collect();
    // What a file holds must not move the terminal's cursor.
    let shown = answer.transaction_ref.replace(char::is_control, "\u{FFFD}");
    let order = if shown.is_empty() { String::new() } else { format!("{shown:<14}  ") };
    format!(
        "{line:>7}  {order}{:<9}  {:<14}  {}{}",
        decision_word(answer.decision),
        answer.reference,
        reasons.join(", "),
        if answer.degraded { "  (degraded)" } else { "" }
    )
}

/// One transaction explained, line by line.
pub fn explained(answer: &local::ScreenTransactionResponse) -> Vec<String> {
    let mut lines = vec![format!("decision   {}", decision_word(answer.decision))];
    lines.extend(answer.reasons.iter().map(|reason| format!("because    {} [{}]", reason.description, reason.code)));
    for found in &answer.matches {
        lines.push(format!(
            "match      {}, flagged by {}, confidence {}{}{}",
            kind_in_words(found.kind),
            if found.members == 1 { "1 member".to_owned() } else { format!("{} members", found.members) },
            found.confidence,
            if found.confidence < found.confidence_undecayed {
                format!(" of {}", found.confidence_undecayed)
            } else {
                String::new()
            },
            if found.weak { ", weak: never blocks by itself" } else { "" }
        ));
        for indicator in &found.indicators {
            lines.push(format!(
                "           of the {}: {} {} ({}), handling {}, until {}{}{}{}",
                kind_in_words(indicator.kind),
                indicator.typology,
                severity(indicator.severity),
                grounds(indicator.grounds),
                handling(indicator.handling),
                shown_time(indicator.valid_until.as_ref()),
                if indicator.provisional { ", provisional" } else { "" },
                if indicator.disputed { ", disputed" } else { "" },
                if indicator.held_back { ", held back: counts in nothing" } else { "" }
            ));
            lines.push(format!("           {}", indicator.name));
        }
    }
    if !answer.anomalies.is_empty() {
        lines.push(format!("unusual    {}", answer.anomalies.join(", ")));
    }
    for refused in &answer.refused {
        lines.push(format!("not used   identifier {}: {} [{}]", refused.record + 1, refused.description, refused.rule));
    }
    for peer in answer.freshness.iter().filter(|peer| peer.stale || peer.quarantined) {
        let state = match age_s(peer.age_s) {
            _ if peer.quarantined => "quarantined".to_owned(),
            Some(age_s) => format!("{age_s} s old, stale"),
            None => "not known yet".to_owned(),
        };
        lines.push(format!("feed       {}: {state}", peer.member));
    }
    if answer.degraded {
        lines.push("degraded   the node could not look at everything it should".to_owned());
    }
    if let Some(advice) = &answer.advice {
        lines.push(format!("tell them  {}. {}", advice.title, advice.text));
    }
    lines.push(format!("reference  {} (the customer may quote it)", answer.reference));
    let counted =
        if answer.audit == i32::from(AuditState::Counted) { ": in a number, no record of its own" } else { "" };
    lines.push(format!("audit      {} ({}{counted})", answer.decision_id, audit_word(answer.audit)));
    lines
}
