//! Legal holds as the interface tells them.

use crate::base::time::Timestamp;
use crate::domain::audit::event::NoIndicatorRef;
use crate::domain::audit::hold::{Hold, HoldId, HoldReason, Scope, lift_ends};
use crate::domain::audit::period::AuditPeriod;
use crate::domain::case::CaseId;
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::compliance::v1 as wire;

fn refuse(field: &str, rule: &'static str, description: &impl ToString) -> Refusal {
    Refusal::InvalidArgument { field: field.to_owned(), rule, description: description.to_string() }
}

pub fn hold_id(text: &str) -> Result<HoldId, Refusal> {
    text.parse().map_err(|error| refuse("hold_id", "malformed_id", &error))
}

/// What is to be held, and why: exactly one scope.
pub fn read(asked: wire::PlaceHoldRequest) -> Result<(Scope, HoldReason), Refusal> {
    let wire::PlaceHoldRequest { decision_id, case_id, indicator, from_ms, until_ms, reason } = asked;
    let has_period = from_ms > 0 || until_ms > 0;
    let given = [!decision_id.is_empty(), !case_id.is_empty(), !indicator.is_empty(), has_period];
    if given.into_iter().filter(|given| *given).count() != 1 {
        let rule = "give exactly one of decision_id, case_id, indicator and a period";
        return Err(refuse("decision_id", "one_scope", &rule));
    }
    let case = |field: &str, id: &str| id.parse::<CaseId>().map_err(|error| refuse(field, "malformed_id", &error));
    let scope = if !decision_id.is_empty() {
        Scope::Decision(case("decision_id", &decision_id)?)
    } else if !case_id.is_empty() {
        Scope::Case(case("case_id", &case_id)?)
    } else if has_period {
        let at = Timestamp::from_unix_ms;
        let period = AuditPeriod::new(at(from_ms), at(until_ms));
        Scope::Period(period.map_err(|error| refuse("until_ms", "period", &error))?)
    } else {
        Scope::Indicator(
            indicator.parse().map_err(|error: NoIndicatorRef| refuse("indicator", "malformed_name", &error))?,
        )
    };
    let number = u32::try_from(reason).ok();
    let reason = number.and_then(HoldReason::from_number);
    let reason = reason.ok_or_else(|| refuse("reason", "reason_missing", &"say why it is held"))?;
    Ok((scope, reason))
}

pub fn wire_hold(hold: &Hold, now: Timestamp) -> wire::Hold {
    let lifting = hold.lifting(now);
    let mut told = wire::Hold {
        hold_id: hold.id.to_string(),
        reason: i32::try_from(hold.reason.number()).unwrap_or_default(),
        placed_by: hold.placed.caller.clone(),
        placed_ms: hold.placed.at.unix_ms(),
        lift_asked_by: lifting.map(|by| by.caller.clone()).unwrap_or_default(),
        lift_ends_ms: lifting.map(|by| lift_ends(by).unix_ms()).unwrap_or_default(),
        ..wire::Hold::default()
    };
    match &hold.scope {
        Scope::Decision(id) => told.decision_id = id.to_string(),
        Scope::Case(id) => told.case_id = id.to_string(),
        Scope::Indicator(_) => told.indicator = hold.scope.to_string(),
        Scope::Period(period) => {
            (told.from_ms, told.until_ms) = (period.from().unix_ms(), period.until().unix_ms());
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_has_one_scope_and_a_reason() {
        let check = |asked: wire::PlaceHoldRequest, expected: &str| {
            let said = match read(asked) {
                Ok((scope, reason)) => format!("{} {}", scope.word(), reason.label()),
                Err(Refusal::InvalidArgument { field, rule, .. }) => format!("{field} {rule}"),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(said, expected);
        };
        let asked = || wire::PlaceHoldRequest { reason: 1, ..wire::PlaceHoldRequest::default() };
        let id = "00".repeat(16);
        let indicator = format!("members/bank-b/indicators/{}", "ab".repeat(32));
        check(wire::PlaceHoldRequest { decision_id: id.clone(), ..asked() }, "decision litigation");
        check(wire::PlaceHoldRequest { case_id: id.clone(), reason: 3, ..asked() }, "case complaint");
        check(wire::PlaceHoldRequest { indicator: indicator.clone(), ..asked() }, "indicator litigation");
        check(wire::PlaceHoldRequest { from_ms: 1, until_ms: 2, ..asked() }, "period litigation");
        check(asked(), "decision_id one_scope");
        check(
            wire::PlaceHoldRequest { decision_id: id.clone(), case_id: id.clone(), ..asked() },
            "decision_id one_scope",
        );
        check(wire::PlaceHoldRequest { decision_id: "x".to_owned(), ..asked() }, "decision_id malformed_id");
        check(
            wire::PlaceHoldRequest { indicator: "anna@example.org".to_owned(), ..asked() },
            "indicator malformed_name",
        );
        check(wire::PlaceHoldRequest { from_ms: 2, until_ms: 2, ..asked() }, "until_ms period");
        check(wire::PlaceHoldRequest { decision_id: id, reason: 0, ..asked() }, "reason reason_missing");
    }
}
