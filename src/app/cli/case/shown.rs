//! Cases, as a person reads them and as a program does.

use serde_json::{Value, json};

use crate::app::cli::decision::decision_word;
use crate::app::records::{time, words};
use crate::io::grpc::wire::hushwire::local::v1 as local;
use local::{CaseEnd, CaseState, Outcome};

/// The word of a state.
pub(in crate::app::cli) fn state_word(number: i32) -> &'static str {
    match CaseState::try_from(number) {
        Ok(CaseState::Open) => "open",
        Ok(CaseState::Challenged) => "challenged",
        Ok(CaseState::ReleaseAsked) => "release_asked",
        Ok(CaseState::Released) => "released",
        Ok(CaseState::Refused) => "refused",
        Ok(CaseState::Unspecified) | Err(_) => "unspecified",
    }
}

fn end_word(number: i32) -> Option<&'static str> {
    match CaseEnd::try_from(number) {
        Ok(CaseEnd::Person) => Some("person"),
        Ok(CaseEnd::Challenge) => Some("challenge"),
        Ok(CaseEnd::Timer) => Some("timer"),
        Ok(CaseEnd::Outcome) => Some("outcome"),
        Ok(CaseEnd::Unspecified) | Err(_) => None,
    }
}

fn outcome_word(number: i32) -> Option<&'static str> {
    match Outcome::try_from(number) {
        Ok(Outcome::Fraud) => Some("fraud"),
        Ok(Outcome::Genuine) => Some("genuine"),
        Ok(Outcome::Unspecified) | Err(_) => None,
    }
}

pub(super) fn as_json(case: &local::Case) -> Value {
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    json!({
        "case_id": case.case_id,
        "reference": case.reference,
        "state": state_word(case.state),
        "decision": decision_word(case.decision),
        "stop": decision_word(case.stop),
        "answered": (case.answered != 0).then(|| decision_word(case.answered)),
        "opened_at": case.opened_at.as_ref().map(time::show),
        "due_at": case.due_at.as_ref().map(time::show),
        "assignee": given(&case.assignee),
        "release_asked_by": given(&case.release_asked_by),
        "ended_by": end_word(case.ended_by),
        "ended_at": case.ended_at.as_ref().map(time::show),
        "outcome": outcome_word(case.outcome),
        "reasons": case.reasons,
        "amount_minor": case.amount_minor,
        "currency": case.currency,
        "policy_sha256": case.policy_sha256,
        "evidence": case.evidence.iter().map(|one| json!({
            "name": one.name,
            "feed": one.feed,
            "index": one.index,
            "kind": words::kind_label(one.kind),
        })).collect::<Vec<_>>(),
        "notes": case.notes.iter().map(|note| json!({
            "at": note.at.as_ref().map(time::show),
            "by": note.by,
            "text": note.text,
        })).collect::<Vec<_>>(),
        "revision": case.revision,
        "changed_at": case.changed_at.as_ref().map(time::show),
        "caller": case.caller,
    })
}

/// One case on one line.
pub(super) fn one_line(case: &local::Case) -> String {
    let opened = case.opened_at.as_ref().map(time::show).unwrap_or_default();
    let mut line = format!(
        "{}  {:<13}  {:<9}  {opened}  {}",
        case.reference,
        state_word(case.state),
        decision_word(case.decision),
        case.reasons.join(", ")
    );
    if !case.assignee.is_empty() {
        line.push_str(&format!("  ({})", case.assignee));
    }
    if let Some(outcome) = outcome_word(case.outcome) {
        line.push_str(&format!("  was {outcome}"));
    }
    line
}

/// One case, line by line.
pub(super) fn in_lines(case: &local::Case) -> Vec<String> {
    let at = |time: &Option<prost_types::Timestamp>| time.as_ref().map(time::show).unwrap_or_default();
    let mut lines = vec![
        format!("case       {} (the customer may quote {})", case.case_id, case.reference),
        format!("state      {}", state_word(case.state)),
        format!(
            "decision   {} at {} because of {}",
            decision_word(case.decision),
            at(&case.opened_at),
            case.reasons.join(", ")
        ),
    ];
    if case.answered != 0 {
        let answered = decision_word(case.answered);
        lines.push(format!("late       the order had passed with {answered}, and was flagged afterwards"));
    }
    if case.stop != case.decision {
        lines.push(format!("stopped by {}: a challenge failed", decision_word(case.stop)));
    }
    if !case.currency.is_empty() {
        lines.push(format!("amount     {} {} in minor units", case.amount_minor, case.currency));
    }
    if case.due_at.is_some() {
        lines.push(format!("ends       {} where nobody decides", at(&case.due_at)));
    }
    if !case.assignee.is_empty() {
        lines.push(format!("assignee   {}", case.assignee));
    }
    if !case.release_asked_by.is_empty() {
        lines.push(format!("release    asked for by {}; another person confirms it", case.release_asked_by));
    }
    if let Some(end) = end_word(case.ended_by) {
        lines.push(format!("ended      {} by {end}", at(&case.ended_at)));
    }
    if let Some(outcome) = outcome_word(case.outcome) {
        lines.push(format!("outcome    {outcome}"));
    }
    for one in &case.evidence {
        lines.push(format!("match      {} (entry {} of {})", words::kind_label(one.kind), one.index, one.feed));
        lines.push(format!("           {}", one.name));
    }
    for note in &case.notes {
        lines.push(format!("note       {} by {}: {}", at(&note.at), note.by, note.text));
    }
    lines.push(format!("revision   {}, changed {}", case.revision, at(&case.changed_at)));
    lines
}
