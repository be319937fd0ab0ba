//! Cases in plain words: where one stands, what stops its order, what was done, and what its timer will do.

use crate::base::time::Timestamp;
use crate::domain::case::state::{How, State};
use crate::domain::case::{Case, PastStep};
use crate::domain::screening::decision::Decision;
use crate::io::console::money;
use crate::io::console::visit::Visit;
use crate::io::console::words::Badge;
use crate::io::console::zone::{Time, span};

/// Seconds before its end from which a case draws attention to itself.
const SOON_S: u64 = 4 * 3_600;
const VERY_SOON_S: u64 = 3_600;

/// What stops the order.
pub fn decision(decision: Decision) -> Badge {
    let (tone, text) = match decision {
        Decision::Allow => ("good", "let pass"),
        Decision::Challenge => ("waiting", "challenge"),
        Decision::Hold => ("warning", "hold"),
        Decision::Block => ("bad", "block"),
    };
    Badge::new(tone, text)
}

/// A decision as it stands in a record; unknown words are shown as no badge.
pub fn decision_word(label: &str) -> Option<Badge> {
    Decision::from_label(label).map(decision)
}

pub fn state(state: State) -> Badge {
    let (tone, text) = match state {
        State::Open => ("waiting", "waits for a decision"),
        State::Challenged => ("waiting", "customer is asked for proof"),
        State::ReleaseAsked => ("warning", "waits for a second person"),
        State::Released => ("good", "released"),
        State::Refused => ("muted", "refused"),
    };
    Badge::new(tone, text)
}

/// What a decision means for the customer.
pub fn meaning(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "The order passes.",
        Decision::Challenge => {
            "Challenge: the customer is asked for a further proof. Who gives it, or one person here, releases the order."
        }
        Decision::Hold => {
            "Hold: the order is frozen until one person releases it. Nothing the customer does releases it."
        }
        Decision::Block => {
            "Block: the order is refused. Releasing it takes two people: one asks, another one confirms."
        }
    }
}

/// How long is left, and what happens then.
#[derive(Debug, Clone, PartialEq)]
pub struct Timer {
    pub tone: &'static str,
    pub left: String,
    pub until: Time,
    pub then: &'static str,
}

impl Timer {
    /// None of a case that is decided; `then` is where its end leads.
    pub fn of(visit: &Visit, due: Option<Timestamp>, then: Option<State>) -> Option<Self> {
        let (due, then) = due.zip(then)?;
        let left_s = due.ms_since(visit.now.wall) / 1_000;
        let tone = match left_s {
            0..VERY_SOON_S => "bad",
            VERY_SOON_S..SOON_S => "warning",
            _ => "plain",
        };
        let then = if then == State::Released { "released" } else { "refused" };
        Some(Self { tone, left: left(left_s), until: Time::to_the_minute(due, &visit.zone), then })
    }
}

/// Time that is left, to the minute below a day.
fn left(seconds: u64) -> String {
    match (seconds / 3_600, seconds % 3_600 / 60) {
        (0, 0) => "less than a minute".to_owned(),
        (0, minutes) => format!("{minutes} min"),
        (hours @ 1..24, minutes) => format!("{hours} h {minutes} min"),
        _ => span(seconds),
    }
}

/// What was done, as a sentence goes on behind who did it.
pub fn step(past: &PastStep) -> String {
    let what = past.what.as_deref();
    match (past.step, what) {
        ("start_challenge", _) => "asked the customer for a further proof".to_owned(),
        ("pass_challenge", _) => "took the proof of the customer as good".to_owned(),
        ("fail_challenge", _) => "counted the customer's last attempt at a proof as failed".to_owned(),
        ("release", _) if past.state == State::ReleaseAsked => "asked to release the block".to_owned(),
        ("release", _) => "released the order".to_owned(),
        ("confirm_release", _) => "confirmed the release of the block".to_owned(),
        ("refuse", _) => "refused the order".to_owned(),
        ("expire", _) if past.state == State::Released => "released the order: its time was over".to_owned(),
        ("expire", _) => "refused the order: its time was over".to_owned(),
        ("resolve", Some("fraud")) => "noted that the order was fraud".to_owned(),
        ("resolve", _) => "noted that the order was genuine".to_owned(),
        ("reopen", _) => "opened the case again".to_owned(),
        ("tighten", Some(to)) => format!("learnt more about it, and stops it by a {to} from then on"),
        ("assign", Some(to)) => format!("gave the case to {to}"),
        ("assign", None) => "put the case back for everybody".to_owned(),
        ("note", _) => "wrote a note".to_owned(),
        (other, _) => other.replace('_', " "),
    }
}

/// What brought it to its end.
pub fn how(how: How) -> &'static str {
    match how {
        How::Person => "by a person",
        How::Challenge => "by what the customer proved, or did not",
        How::Timer => "by its timer: nobody had decided in time",
        How::Outcome => "because it was reported as fraud",
    }
}

/// The name of a reason without its code.
pub fn reason(code: &str) -> String {
    match code {
        "sandbox_value" => "documented test value".to_owned(),
        "own_allow_list" => "on your own allow list".to_owned(),
        "own_block_list" => "on your own block list".to_owned(),
        rule => rule.replace('_', " "),
    }
}

/// What the order is about, in money.
pub fn amount(case: &Case) -> Option<String> {
    money::amount(case.opening().amount_minor, &case.opening().currency)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::case::state::Step;

    fn past(step: &Step, what: Option<&str>, state: State) -> PastStep {
        PastStep {
            at: Timestamp::from_unix_s(1),
            by: "hushwire://shop/analyst/anna".to_owned(),
            step: step.label(),
            what: what.map(str::to_owned),
            state,
        }
    }

    #[test]
    fn every_step_is_told_in_words() {
        use crate::domain::case::outcome::Outcome;
        use crate::domain::indicator::note::Note;
        let steps = [
            Step::StartChallenge,
            Step::PassChallenge,
            Step::FailChallenge { refuse: false },
            Step::Release,
            Step::ConfirmRelease,
            Step::Refuse,
            Step::Expire { release: false },
            Step::Resolve(Outcome::Genuine),
            Step::Reopen { due: Timestamp::from_unix_s(9) },
            Step::Tighten { to: Decision::Block, evidence: Vec::new() },
            Step::Assign(None),
            Step::Note(Note::default()),
        ];
        for taken in &steps {
            let what = matches!(taken, Step::Tighten { .. }).then_some("block");
            let said = step(&past(taken, what, State::Open));
            assert!(said.contains(' ') && said != taken.label().replace('_', " "), "{said}");
        }
        assert_eq!(step(&past(&Step::Release, None, State::ReleaseAsked)), "asked to release the block");
        let released = past(&Step::Expire { release: true }, None, State::Released);
        assert!(step(&released).starts_with("released"));
        let fraud = past(&Step::Resolve(Outcome::Fraud), Some("fraud"), State::Refused);
        assert!(step(&fraud).ends_with("fraud"));
        let given = past(&Step::Assign(Some("ben".to_owned())), Some("ben"), State::Open);
        assert_eq!(step(&given), "gave the case to ben");
    }

    #[test]
    fn what_is_left_is_told_to_the_minute() {
        let check = |seconds, words: &str| assert_eq!(left(seconds), words);
        check(0, "less than a minute");
        check(61, "1 min");
        check(3_600 + 5 * 60 + 59, "1 h 5 min");
        check(86_400, "1 day");
        check(3 * 86_400, "3 days");
    }
}
