//! Between cases and their messages.

use crate::base::bytes::Sha256Digest;
use crate::base::name::{ConsortiumId, FeedId};
use crate::base::time::Timestamp;
use crate::domain::case::outcome::Outcome;
use crate::domain::case::state::{How, State};
use crate::domain::case::{Case, CaseId, CaseNote, Evidence, Opening};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::reference::reference;
use crate::io::grpc::convert;
use crate::io::grpc::publishing::malformed_token;
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::hushwire::local::v1 as wire;
use crate::node::cases::ListPlace;

/// How much of a case is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Whole,
    /// Without notes and evidence.
    State,
}

pub fn wire_case(case: &Case, consortium: &ConsortiumId, shown: Shown) -> wire::Case {
    let Opening {
        id, caller, at, decision, answered, reasons, evidence, policy_sha256, amount_minor, currency, ..
    } = case.opening();
    let whole = shown == Shown::Whole;
    let policy: &Sha256Digest = policy_sha256;
    wire::Case {
        case_id: id.to_string(),
        reference: reference(&id.0),
        state: wire_state(case.state()).into(),
        decision: convert::wire_decision(*decision).into(),
        stop: convert::wire_decision(case.stop()).into(),
        opened_at: Some(convert::wire_time(*at)),
        due_at: case.due().map(convert::wire_time),
        assignee: case.assignee().unwrap_or_default().to_owned(),
        release_asked_by: case.asked_by().unwrap_or_default().to_owned(),
        ended_by: case.closed().map_or(wire::CaseEnd::Unspecified, |closed| wire_end(closed.how)).into(),
        ended_at: case.closed().map(|closed| convert::wire_time(closed.at)),
        outcome: case.outcome().map_or(wire::Outcome::Unspecified, wire_outcome).into(),
        reasons: reasons.clone(),
        amount_minor: *amount_minor,
        currency: currency.clone(),
        policy_sha256: policy.to_string(),
        evidence: evidence.iter().filter(|_| whole).map(|one| wire_evidence(one, consortium)).collect(),
        notes: case.notes().iter().filter(|_| whole).map(wire_note).collect(),
        revision: case.revision(),
        changed_at: Some(convert::wire_time(case.changed())),
        caller: caller.clone(),
        answered: answered.map_or(0, |answered| convert::wire_decision(answered).into()),
    }
}

fn wire_evidence(evidence: &Evidence, consortium: &ConsortiumId) -> wire::CaseEvidence {
    let feed = FeedId { member: evidence.member.clone(), group: evidence.group.clone() };
    wire::CaseEvidence {
        name: evidence.name(),
        feed: feed.origin(consortium),
        index: evidence.index.0,
        kind: convert::wire_kind(evidence.kind).into(),
    }
}

fn wire_note(note: &CaseNote) -> wire::CaseNote {
    wire::CaseNote { at: Some(convert::wire_time(note.at)), by: note.by.clone(), text: note.text.as_str().to_owned() }
}

pub fn wire_state(state: State) -> wire::CaseState {
    match state {
        State::Open => wire::CaseState::Open,
        State::Challenged => wire::CaseState::Challenged,
        State::ReleaseAsked => wire::CaseState::ReleaseAsked,
        State::Released => wire::CaseState::Released,
        State::Refused => wire::CaseState::Refused,
    }
}

fn wire_end(how: How) -> wire::CaseEnd {
    match how {
        How::Person => wire::CaseEnd::Person,
        How::Challenge => wire::CaseEnd::Challenge,
        How::Timer => wire::CaseEnd::Timer,
        How::Outcome => wire::CaseEnd::Outcome,
    }
}

fn wire_outcome(outcome: Outcome) -> wire::Outcome {
    match outcome {
        Outcome::Fraud => wire::Outcome::Fraud,
        Outcome::Genuine => wire::Outcome::Genuine,
    }
}

/// What an order was; must be given.
pub fn outcome(number: i32) -> Result<Outcome, Refusal> {
    let known = u32::try_from(number).ok().and_then(Outcome::from_number);
    known.ok_or_else(|| invalid("outcome", "unknown_word", "say what it was: fraud or genuine"))
}

/// States that are asked for; each of the words may be given.
pub fn states(numbers: &[i32]) -> Result<Vec<State>, Refusal> {
    let (got, limit) = (numbers.len(), State::ALL.len());
    if got > limit {
        return Err(invalid("states", "too_many", &format!("there are {limit} states, got {got}")));
    }
    let known = |number: i32| State::ALL.into_iter().find(|state| i32::from(wire_state(*state)) == number);
    let read = |number: &i32| known(*number).ok_or_else(|| invalid("states", "unknown_word", "no state of a case"));
    numbers.iter().map(read).collect()
}

/// A decision that is asked for; none where not given.
pub fn decision(number: i32) -> Result<Option<Decision>, Refusal> {
    if number == 0 {
        return Ok(None);
    }
    let known = Decision::ALL.into_iter().find(|known| i32::from(convert::wire_decision(*known)) == number);
    known.map(Some).ok_or_else(|| invalid("decision", "unknown_word", "decisions are challenge, hold and block"))
}

/// Where the page before ended.
pub fn list_place(token: &str) -> Result<Option<ListPlace>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    let read = token.split_once('-').and_then(|(at, id)| {
        let id: CaseId = id.parse().ok()?;
        Some((Timestamp::from_unix_ms(at.parse().ok()?), id))
    });
    read.map(Some).ok_or_else(malformed_token)
}

pub fn place_token((at, id): ListPlace) -> String {
    format!("{}-{id}", at.unix_ms())
}

pub fn invalid(field: &'static str, rule: &'static str, description: &str) -> Refusal {
    Refusal::InvalidArgument { field: field.to_owned(), rule, description: description.to_owned() }
}

/// A caller's own text within its limit, whatever it is: not repeated.
pub fn bounded(field: &'static str, characters: usize, limit: usize) -> Result<(), Refusal> {
    if characters <= limit {
        return Ok(());
    }
    Err(invalid(field, "too_long", &format!("has at most {limit} characters, got {characters}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::grpc::wire::hushwire::types::v1 as types;

    #[test]
    fn a_page_token_leads_back_to_its_place_and_nothing_else_is_one() {
        let place = (Timestamp::from_unix_ms(1_795_000_000_123), CaseId([0xAB; 16]));
        assert_eq!(list_place(&place_token(place)), Ok(Some(place)));
        assert_eq!(list_place(""), Ok(None));
        for token in ["17", "17-ab", "-", "x-abababababababababababababababab", "4111111111111111"] {
            assert!(list_place(token).is_err(), "{token}");
        }
    }

    #[test]
    fn words_of_the_core_have_the_numbers_of_the_interface() {
        let numbers: Vec<i32> = State::ALL.into_iter().map(|state| wire_state(state).into()).collect();
        assert_eq!(states(&numbers), Ok(State::ALL.to_vec()));
        assert!(states(&[0]).is_err() && states(&[6]).is_err() && states(&[1; 6]).is_err());
        for known in Outcome::ALL {
            assert_eq!(outcome(wire_outcome(known).into()), Ok(known));
        }
        assert!(outcome(0).is_err() && outcome(3).is_err());
        assert_eq!(decision(types::Decision::Hold.into()), Ok(Some(Decision::Hold)));
        assert!(decision(9).is_err());
    }
}
