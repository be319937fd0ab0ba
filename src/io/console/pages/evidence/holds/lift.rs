//! Lifting a hold: one person asks, another confirms within a day. Each step says what it means first, and needs fresh password
//! and code.

use std::str::FromStr;

use askama::Template;
use http::StatusCode;

use crate::base::limits;
use crate::domain::audit::hold::{Hold, HoldId};
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::enrol::sentence;
use crate::io::console::pages::evidence::holds::{HoldRow, above};
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::engine::EngineFault;
use crate::io::grpc::convert::actor;
use crate::node::hold::HoldFault;

/// One step, as its address names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Lift,
    Confirm,
}

/// No such step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hold is asked to be lifted, and that is confirmed")]
pub struct NoStep;

impl FromStr for Step {
    type Err = NoStep;

    fn from_str(text: &str) -> Result<Self, NoStep> {
        [Self::Lift, Self::Confirm].into_iter().find(|step| step.path() == text).ok_or(NoStep)
    }
}

impl Step {
    pub fn path(self) -> &'static str {
        match self {
            Self::Lift => "lift",
            Self::Confirm => "confirm",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Lift => "Ask to lift",
            Self::Confirm => "Confirm and lift",
        }
    }

    fn meaning(self) -> String {
        match self {
            Self::Lift => format!(
                "The hold goes on standing until somebody else confirms, within {} hours.",
                limits::evidence::HOLD_LIFT_HOURS
            ),
            Self::Confirm => {
                "What it held, and nothing else holds, goes with the next sweep where its retention has ended. Nothing \
                 brings it back."
                    .to_owned()
            }
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "evidence/holds/step.html")]
struct StepPage {
    frame: Frame,
    step: Step,
    meaning: String,
    hold: HoldRow,
    wrong: Option<String>,
}

/// The hold of the address, or nothing there.
async fn find(visit: &Visit) -> Result<Hold, Fault> {
    let id: HoldId = visit.value("hold")?;
    visit.look(move |node, _| node.state().holds.get(&id).cloned()).await?.ok_or(Fault::NotFound)
}

fn page(visit: &Visit, step: Step, hold: &Hold, status: StatusCode, wrong: Option<String>) -> Result<Answer, Fault> {
    let (frame, hold) = (visit.frame(step.title(), &above()), HoldRow::new(visit, hold, visit.now.wall));
    Answer::page_as(status, &StepPage { frame, step, meaning: step.meaning(), hold, wrong })
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    let (step, hold) = (visit.value::<Step>("step")?, find(&visit).await?);
    page(&visit, step, &hold, StatusCode::OK, None)
}

pub async fn lift(visit: Visit) -> Result<Answer, Fault> {
    let (step, hold) = (visit.value::<Step>("step")?, find(&visit).await?);
    let (caller, id) = (actor(&visit.caller()), hold.id);
    let done = visit
        .act(move |node, round| match step {
            Step::Lift => node.ask_lift(&caller, id, round.now, round.rng),
            Step::Confirm => node.confirm_lift(&caller, id, round.now, round.rng),
        })
        .await?;
    match done {
        Ok(_) => {
            let told = match step {
                Step::Lift => "Asked. The hold stands until somebody else confirms it here.",
                Step::Confirm => "The hold is lifted.",
            };
            visit.tell(Tone::Done, told);
            Ok(Answer::see(LocalPath::new("/evidence/holds")))
        }
        Err(HoldFault::Storage(fault)) => Err(EngineFault::Storage(fault).into()),
        Err(HoldFault::Unknown) => Err(Fault::NotFound),
        Err(
            refused @ (HoldFault::NotAsked { .. }
            | HoldFault::SamePerson { .. }
            | HoldFault::TooMany { .. }
            | HoldFault::Sweeping),
        ) => page(&visit, step, &hold, StatusCode::CONFLICT, Some(sentence(&refused.to_string()))),
    }
}
