//! Deciding of what is held back, with fresh password and code: one person keeps it, two lift it.

use std::str::FromStr;

use askama::Template;
use http::StatusCode;

use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::enrol::sentence;
use crate::io::console::pages::held_back::one::find;
use crate::io::console::pages::held_back::{above, reason, what};
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::engine::EngineFault;
use crate::io::grpc::convert::actor;
use crate::node::quarantine::{QuarantineFault, Row, Standing};
use crate::node::quarantine_list::HeldState;

/// One step, as its address names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Keep,
    Lift,
}

/// No such step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no step of what is held back")]
pub struct NoStep;

impl FromStr for Step {
    type Err = NoStep;

    fn from_str(text: &str) -> Result<Self, NoStep> {
        Self::ALL.into_iter().find(|step| step.path() == text).ok_or(NoStep)
    }
}

impl Step {
    pub const ALL: [Self; 2] = [Self::Keep, Self::Lift];

    pub fn path(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Lift => "lift",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Keep => "Keep it held back",
            Self::Lift => "Let it count",
        }
    }

    pub fn meaning(self) -> &'static str {
        match self {
            Self::Keep => {
                "You looked at it, and it would do harm. It goes on counting in nothing; nobody is asked again."
            }
            Self::Lift => {
                "You looked at it, and it is sound. This takes two people: the first asks, and another one confirms within a day. \
                 Then it counts at your checkouts like any other, and is not held back again for the same."
            }
        }
    }

    /// Whether it still changes anything.
    pub fn fits(self, row: &Row) -> bool {
        match (self, row.state()) {
            (Self::Keep, state) => state == HeldState::Waiting,
            (Self::Lift, state) => state != HeldState::Lifted,
        }
    }

    /// Whether whoever looks may decide: an auditor only looks.
    pub fn decides(visit: &Visit) -> bool {
        let roles = &visit.visitor().roles;
        roles.has(Role::Analyst) || roles.has(Role::Operator)
    }
}

#[derive(Debug, Template)]
#[template(path = "held_back/step.html")]
struct StepPage {
    frame: Frame,
    id: String,
    what: String,
    member: String,
    reason: &'static str,
    step: Step,
    /// Who asked for it already, where this confirms.
    asked_by: Option<String>,
    seen: String,
    wrong: Option<String>,
}

/// How far people have come, as a form tells what its sender saw: nobody confirms, or opens again, what changed meanwhile.
fn seen(row: &Row, now: Timestamp) -> String {
    match &row.standing {
        Standing::LiftAsked { person, ends, .. } if *ends > now => format!("asked-{person}-{}", ends.unix_ms()),
        Standing::Waiting | Standing::LiftAsked { .. } => "waiting".to_owned(),
        Standing::Kept { .. } => "kept".to_owned(),
        Standing::Lifted { .. } => "lifted".to_owned(),
    }
}

fn page(visit: &Visit, row: &Row, step: Step, status: StatusCode, wrong: Option<String>) -> Result<Answer, Fault> {
    let crumbs = [above(), Crumb::new(what(row), format!("/held-back/{}", row.id))];
    let page = StepPage {
        frame: visit.frame(step.title(), &crumbs),
        id: row.id.to_string(),
        what: what(row),
        member: row.raise.member.to_string(),
        reason: reason(row.raise.reason).0,
        step,
        asked_by: match &row.standing {
            Standing::LiftAsked { person, ends, .. } if step == Step::Lift && *ends > visit.now.wall => {
                Some(person.clone())
            }
            _ => None,
        },
        seen: seen(row, visit.now.wall),
        wrong,
    };
    Answer::page_as(status, &page)
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    let (step, row) = (visit.value::<Step>("step")?, find(&visit).await?);
    if step.fits(&row) { page(&visit, &row, step, StatusCode::OK, None) } else { Err(Fault::NotFound) }
}

pub async fn decide(visit: Visit) -> Result<Answer, Fault> {
    let (step, row) = (visit.value::<Step>("step")?, find(&visit).await?);
    let back = LocalPath::new(format!("/held-back/{}", row.id));
    let (caller, id, sent) = (actor(&visit.caller()), row.id, visit.form.one("seen")?.to_owned());
    let decided = visit
        .act(move |node, round| {
            let stands = node.state().quarantines.one(id);
            if stands.is_none_or(|row| seen(row, round.now) != sent || !step.fits(row)) {
                return Ok(None);
            }
            match step {
                Step::Keep => node.keep_quarantined(&caller, id, round.now, round.rng).map(|()| Some(false)),
                Step::Lift => node.lift_quarantine(&caller, id, round.now, round.rng).map(Some),
            }
        })
        .await?;
    match (decided, step) {
        (Ok(None), _) => visit.tell(Tone::Note, "Somebody decided before you. Below you see what."),
        (Ok(Some(true)), _) => visit.tell(Tone::Done, "It counts again from now on."),
        (Ok(Some(false)), Step::Lift) => {
            visit.tell(Tone::Done, "Noted: within a day somebody else has to confirm.");
        }
        (Ok(Some(false)), Step::Keep) => visit.tell(Tone::Done, "It stays held back."),
        (Err(QuarantineFault::Storage(fault)), _) => return Err(EngineFault::Storage(fault).into()),
        (Err(refused @ (QuarantineFault::Unknown | QuarantineFault::SamePerson { .. })), _) => {
            return page(&visit, &row, step, StatusCode::CONFLICT, Some(sentence(&refused.to_string())));
        }
    }
    Ok(Answer::see(back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_named_by_its_address_and_no_other_word_is_one() {
        for step in Step::ALL {
            assert_eq!(step.path().parse(), Ok(step));
        }
        assert_eq!(["", "Lift", "drop"].map(str::parse::<Step>), [Err(NoStep); 3]);
    }
}
