//! What becomes of a stopped order: one table of states and steps, tested cell by cell.
//!
//! ```text
//!            StartChallenge            PassChallenge (challenge)
//!   Open ──────────────────► Challenged ────────────────────────┐
//!    ▲  ◄──────────────────────── │ PassChallenge (hold),       │
//!    │    FailChallenge (hold)    │                             ▼
//!    ├──── Release (not of a block) ─────────────────────► Released
//!    │                            │                             ▲
//!    ├──── Release (block) ──► ReleaseAsked ── ConfirmRelease ──┘
//!    │                            │
//!    ├──── Refuse, Expire, FailChallenge (refuse), Resolve (fraud), of all three ──► Refused
//!    └──────────────────────────────────────────── Reopen ───────────────────────────┘
//! ```
//!
//! `Tighten` leads from Open and Challenged to Open under a stricter stop: what a customer proves then releases nothing.
//! Nothing leads out of *Released*: the goods may be gone. Refusing needs one person, releasing a block two: stopping is the
//! safe direction. What the order was ([`Step::Resolve`]) may be said, and said anew, in every state.

use std::fmt;

use crate::base::time::Timestamp;
use crate::domain::case::Evidence;
use crate::domain::case::outcome::Outcome;
use crate::domain::indicator::note::Note;
use crate::domain::screening::decision::Decision;

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nobody has decided; the order stays stopped.
    Open,
    /// The customer is asked for a further proof.
    Challenged,
    /// One person asked to release a block; another has to confirm it.
    ReleaseAsked,
    /// The order may pass.
    Released,
    /// The order does not pass.
    Refused,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Open, Self::Challenged, Self::ReleaseAsked, Self::Released, Self::Refused];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Challenged => "challenged",
            Self::ReleaseAsked => "release_asked",
            Self::Released => "released",
            Self::Refused => "refused",
        }
    }

    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.label() == label)
    }

    /// It is decided what becomes of the order.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Open | Self::Challenged | Self::ReleaseAsked => false,
            Self::Released | Self::Refused => true,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What brought a case to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Person,
    /// The customer passed a challenge, or used up its attempts.
    Challenge,
    /// Nobody decided in time.
    Timer,
    /// It turned out to be fraud.
    Outcome,
}

impl How {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Challenge => "challenge",
            Self::Timer => "timer",
            Self::Outcome => "outcome",
        }
    }
}

/// What can be done with a case. What was configured when it was done goes along, so that replaying gives the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    StartChallenge,
    PassChallenge,
    /// The attempts are used up.
    FailChallenge {
        refuse: bool,
    },
    /// Of a block it is the first half.
    Release,
    ConfirmRelease,
    Refuse,
    /// The time is over; `release` acts on a hold only.
    Expire {
        release: bool,
    },
    Resolve(Outcome),
    /// With a new end of its time.
    Reopen {
        due: Timestamp,
    },
    /// What was learnt since stops the order more than its decision did.
    Tighten {
        to: Decision,
        /// What matched that had not before.
        evidence: Vec<Evidence>,
    },
    /// To nobody where none.
    Assign(Option<String>),
    Note(Note),
}

impl Step {
    pub const fn label(&self) -> &'static str {
        match self {
            Self::StartChallenge => "start_challenge",
            Self::PassChallenge => "pass_challenge",
            Self::FailChallenge { .. } => "fail_challenge",
            Self::Release => "release",
            Self::ConfirmRelease => "confirm_release",
            Self::Refuse => "refuse",
            Self::Expire { .. } => "expire",
            Self::Resolve(_) => "resolve",
            Self::Reopen { .. } => "reopen",
            Self::Tighten { .. } => "tighten",
            Self::Assign(_) => "assign",
            Self::Note(_) => "note",
        }
    }

    /// How a case ended that this step ends.
    pub const fn how(&self) -> How {
        match self {
            Self::PassChallenge | Self::FailChallenge { .. } | Self::StartChallenge => How::Challenge,
            Self::Expire { .. } => How::Timer,
            Self::Resolve(_) => How::Outcome,
            Self::Release
            | Self::ConfirmRelease
            | Self::Refuse
            | Self::Reopen { .. }
            | Self::Tighten { .. }
            | Self::Assign(_)
            | Self::Note(_) => How::Person,
        }
    }
}

/// A step that does not lead on from where the case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a case that is {state} after a {stop} does not take the step {step}")]
pub struct Illegal {
    pub state: State,
    pub stop: Decision,
    pub step: &'static str,
}

/// The state after a step; `stop` is what stops the order.
pub fn next(state: State, stop: Decision, step: &Step) -> Result<State, Illegal> {
    use State::{Challenged, Open, Refused, ReleaseAsked, Released};
    let illegal = Err(Illegal { state, stop, step: step.label() });
    match (step, state) {
        (Step::Note(_), any) => Ok(any),
        (Step::Assign(_), Open | Challenged | ReleaseAsked) => Ok(state),
        // That it was fraud stops it where it still can be; that it was genuine releases nothing by itself.
        (Step::Resolve(Outcome::Fraud), Open | Challenged | ReleaseAsked) => Ok(Refused),
        (Step::Resolve(_), any) => Ok(any),
        (Step::StartChallenge, Open | Challenged) => match stop {
            Decision::Challenge | Decision::Hold => Ok(Challenged),
            Decision::Block | Decision::Allow => illegal,
        },
        (Step::PassChallenge, Challenged) => match stop {
            Decision::Challenge => Ok(Released),
            // Frozen until a person releases it: the proof is one more thing that person sees.
            Decision::Hold => Ok(Open),
            Decision::Block | Decision::Allow => illegal,
        },
        (Step::FailChallenge { refuse }, Challenged) => Ok(if *refuse { Refused } else { Open }),
        (Step::Release, Open | Challenged) => Ok(if stop == Decision::Block { ReleaseAsked } else { Released }),
        (Step::ConfirmRelease, ReleaseAsked) => Ok(Released),
        (Step::Refuse, Open | Challenged | ReleaseAsked) => Ok(Refused),
        (Step::Expire { release }, Open | Challenged | ReleaseAsked) => {
            Ok(if *release && stop == Decision::Hold { Released } else { Refused })
        }
        (Step::Reopen { .. }, Refused) => Ok(Open),
        (Step::Tighten { to, .. }, Open | Challenged) if *to > stop => Ok(Open),
        (Step::Assign(_) | Step::StartChallenge | Step::Release | Step::Refuse | Step::Expire { .. }, _)
        | (Step::PassChallenge | Step::FailChallenge { .. } | Step::ConfirmRelease, _)
        | (Step::Reopen { .. } | Step::Tighten { .. }, _) => illegal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every step in every state under every stop: the letter of the state after it, or `-`.
    ///
    /// States in the order open, challenged, release asked, released, refused.
    const TABLE: [(&str, &str, &str, &str); 17] = [
        // step               challenge  hold     block
        ("start_challenge", "CC---", "CC---", "-----"),
        ("pass_challenge", "-L---", "-O---", "-----"),
        ("fail, hold", "-O---", "-O---", "-O---"),
        ("fail, refuse", "-R---", "-R---", "-R---"),
        ("release", "LL---", "LL---", "AA---"),
        ("confirm_release", "--L--", "--L--", "--L--"),
        ("refuse", "RRR--", "RRR--", "RRR--"),
        ("expire, refuse", "RRR--", "RRR--", "RRR--"),
        ("expire, release", "RRR--", "LLL--", "RRR--"),
        ("fraud", "RRRLR", "RRRLR", "RRRLR"),
        ("genuine", "OCALR", "OCALR", "OCALR"),
        ("reopen", "----O", "----O", "----O"),
        ("tighten to hold", "OO---", "-----", "-----"),
        ("tighten to block", "OO---", "OO---", "-----"),
        ("assign", "OCA--", "OCA--", "OCA--"),
        ("assign to nobody", "OCA--", "OCA--", "OCA--"),
        ("note", "OCALR", "OCALR", "OCALR"),
    ];

    fn step(name: &str) -> Step {
        match name {
            "start_challenge" => Step::StartChallenge,
            "pass_challenge" => Step::PassChallenge,
            "fail, hold" => Step::FailChallenge { refuse: false },
            "fail, refuse" => Step::FailChallenge { refuse: true },
            "release" => Step::Release,
            "confirm_release" => Step::ConfirmRelease,
            "refuse" => Step::Refuse,
            "expire, refuse" => Step::Expire { release: false },
            "expire, release" => Step::Expire { release: true },
            "fraud" => Step::Resolve(Outcome::Fraud),
            "genuine" => Step::Resolve(Outcome::Genuine),
            "reopen" => Step::Reopen { due: Timestamp::from_unix_s(9) },
            "tighten to hold" => Step::Tighten { to: Decision::Hold, evidence: Vec::new() },
            "tighten to block" => Step::Tighten { to: Decision::Block, evidence: Vec::new() },
            "assign" => Step::Assign(Some("anna".to_owned())),
            "assign to nobody" => Step::Assign(None),
            "note" => Step::Note(Note::default()),
            other => unreachable!("{other}"),
        }
    }

    const LETTERS: [char; 5] = ['O', 'C', 'A', 'L', 'R'];

    #[test]
    fn every_step_in_every_state_leads_where_the_table_says() {
        for (name, challenge, hold, block) in TABLE {
            let rows = [(Decision::Challenge, challenge), (Decision::Hold, hold), (Decision::Block, block)];
            for (stop, row) in rows {
                for (state, expected) in State::ALL.into_iter().zip(row.chars()) {
                    let found = next(state, stop, &step(name));
                    let letter = found.map_or('-', |after| {
                        let place = State::ALL.iter().position(|known| *known == after).expect("one of them");
                        LETTERS[place]
                    });
                    assert_eq!(letter, expected, "{name} of a {stop} that is {state}");
                }
            }
        }
    }

    #[test]
    fn no_step_leads_out_of_released() {
        for (name, ..) in TABLE {
            for stop in [Decision::Challenge, Decision::Hold, Decision::Block] {
                let after = next(State::Released, stop, &step(name));
                assert!(after.is_err() || after == Ok(State::Released), "{name}");
            }
        }
    }

    #[test]
    fn a_state_is_read_back_from_its_label() {
        assert!(State::ALL.into_iter().all(|state| State::from_label(state.label()) == Some(state)));
        assert_eq!(State::from_label("closed"), None);
    }
}
