//! What somebody does to a case: each step that ends something asks whether it is meant, and names what its maker saw. Whoever
//! comes second is told, and nothing of theirs is carried out.

use std::str::FromStr;

use askama::Template;
use http::StatusCode;

use crate::base::time::Timestamp;
use crate::domain::case::outcome::Outcome;
use crate::domain::case::state::{State, Step as Meant};
use crate::domain::case::{Case, CaseId, Taken};
use crate::domain::indicator::note::Note;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::reference::reference;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::fields::FieldError;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::cases::{above, actor, analysts, one, words};
use crate::io::console::pages::enrol::sentence;
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, caller};
use crate::io::engine::EngineFault;
use crate::node::case::{CaseFault, StepRequest, Stepped};

/// One step, as its address names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Of a block it asks.
    Release,
    Confirm,
    Refuse,
    Reopen,
    Fraud,
    Genuine,
}

/// No such step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no step of a case")]
pub struct NoStep;

impl FromStr for Step {
    type Err = NoStep;

    /// Those that need no fresh password and code; the others have rows of their own.
    fn from_str(text: &str) -> Result<Self, NoStep> {
        let open = [Self::Refuse, Self::Reopen, Self::Fraud, Self::Genuine];
        open.into_iter().find(|step| step.path() == text).ok_or(NoStep)
    }
}

impl Step {
    pub const ALL: [Self; 6] = [Self::Confirm, Self::Release, Self::Refuse, Self::Reopen, Self::Genuine, Self::Fraud];

    pub fn path(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Confirm => "confirm",
            Self::Refuse => "refuse",
            Self::Reopen => "reopen",
            Self::Fraud => "fraud",
            Self::Genuine => "genuine",
        }
    }

    pub fn title(self, case: &Case) -> &'static str {
        match self {
            Self::Release if case.stop() == Decision::Block => "Ask to release",
            Self::Release => "Release",
            Self::Confirm => "Confirm the release",
            Self::Refuse if case.state() == State::ReleaseAsked => "Refuse instead",
            Self::Refuse => "Refuse",
            Self::Reopen => "Open again",
            Self::Fraud => "It was fraud",
            Self::Genuine => "It was genuine",
        }
    }

    pub fn meaning(self, case: &Case) -> &'static str {
        match self {
            Self::Release if case.stop() == Decision::Block => {
                "A block takes two people: you ask, and somebody else has to confirm before the order passes."
            }
            Self::Release => "The order passes at once. That cannot be taken back: the goods may be gone.",
            Self::Confirm => {
                "You are the second person: the order passes at once. That cannot be taken back: the goods may be gone."
            }
            Self::Refuse => "The order does not pass. It can be opened again later.",
            Self::Reopen => "The order waits for a decision again, with a new end of its time.",
            Self::Fraud if case.state().is_final() => {
                "Noted as what the order was. Those who reported what matched learn that they were right."
            }
            Self::Fraud => {
                "The order is refused, and noted as fraud. Those who reported what matched learn that they were right."
            }
            Self::Genuine => {
                "Noted as what the order was: stopping it was a mistake. Those who reported what matched are told. It releases nothing by itself."
            }
        }
    }

    pub fn is_dangerous(self) -> bool {
        matches!(self, Self::Release | Self::Confirm | Self::Fraud)
    }

    fn meant(self, due: Timestamp) -> Meant {
        match self {
            Self::Release => Meant::Release,
            Self::Confirm => Meant::ConfirmRelease,
            Self::Refuse => Meant::Refuse,
            Self::Reopen => Meant::Reopen { due },
            Self::Fraud => Meant::Resolve(Outcome::Fraud),
            Self::Genuine => Meant::Resolve(Outcome::Genuine),
        }
    }

    /// Whether this person may take it as the case stands, and it would change anything.
    pub fn fits(self, visit: &Visit, case: &Case) -> bool {
        let (now, caller) = (visit.now.wall, visit.caller());
        let step = self.meant(now);
        let said = match self {
            Self::Fraud => case.outcome() == Some(Outcome::Fraud),
            Self::Genuine => case.outcome() == Some(Outcome::Genuine),
            Self::Release | Self::Confirm | Self::Refuse | Self::Reopen => false,
        };
        let taken = Taken { at: now, by: actor(visit).to_string(), person: caller.name.to_string(), step };
        !said && case.check(&taken).is_ok()
    }

    fn done(self, case: &Case) -> &'static str {
        match (self, case.state()) {
            (Self::Release, State::ReleaseAsked) => "Asked. Somebody else has to confirm before the order passes.",
            (Self::Release | Self::Confirm, _) => "The order is released.",
            (Self::Refuse, _) => "The order is refused.",
            (Self::Reopen, _) => "The case is open again.",
            (Self::Fraud, _) => "Noted: the order was fraud.",
            (Self::Genuine, _) => "Noted: the order was genuine.",
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "cases/step.html")]
struct StepPage {
    frame: Frame,
    id: String,
    path: &'static str,
    revision: u64,
    title: &'static str,
    meaning: &'static str,
    dangerous: bool,
    stop: Badge,
    state: Badge,
    amount: Option<String>,
    why: Vec<String>,
    asked_by: Option<String>,
}

/// The case of the address.
pub async fn held(visit: &Visit, id: CaseId) -> Result<Case, Fault> {
    let caller = actor(visit);
    let found = visit.look(move |node, _| node.case(&caller, id, false).cloned()).await?;
    found.map_err(|_| Fault::NotFound)
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    let step = visit.value("step")?;
    ask_for(visit, step).await
}

pub async fn ask_release(visit: Visit) -> Result<Answer, Fault> {
    ask_for(visit, Step::Release).await
}

pub async fn ask_confirm(visit: Visit) -> Result<Answer, Fault> {
    ask_for(visit, Step::Confirm).await
}

async fn ask_for(visit: Visit, step: Step) -> Result<Answer, Fault> {
    let id: CaseId = visit.value("case")?;
    let case = held(&visit, id).await?;
    if !step.fits(&visit, &case) {
        // A link of before somebody else decided: the case itself tells how it stands.
        visit.tell(Tone::Warning, cannot(&visit, step, &case));
        return Ok(Answer::see(path_of(id)));
    }
    let page = StepPage {
        frame: visit.frame(step.title(&case), &crumbs(id)),
        id: id.to_string(),
        path: step.path(),
        revision: case.revision(),
        title: step.title(&case),
        meaning: step.meaning(&case),
        dangerous: step.is_dangerous(),
        stop: words::decision(case.stop()),
        state: words::state(case.state()),
        amount: words::amount(&case),
        why: case.opening().reasons.iter().map(|code| words::reason(code)).collect(),
        asked_by: case.asked_by().map(str::to_owned),
    };
    Answer::page(&page)
}

fn cannot(visit: &Visit, step: Step, case: &Case) -> String {
    if step == Step::Confirm && case.asked_by() == Some(visit.caller().name.as_str()) {
        return "You asked for this release, so somebody else has to confirm it.".to_owned();
    }
    format!("This cannot be done any more: the case stands at “{}”.", words::state(case.state()).text)
}

pub async fn take(visit: Visit) -> Result<Answer, Fault> {
    let step = visit.value("step")?;
    take_it(visit, step).await
}

pub async fn release(visit: Visit) -> Result<Answer, Fault> {
    take_it(visit, Step::Release).await
}

pub async fn confirm(visit: Visit) -> Result<Answer, Fault> {
    take_it(visit, Step::Confirm).await
}

async fn take_it(visit: Visit, step: Step) -> Result<Answer, Fault> {
    let id: CaseId = visit.value("case")?;
    held(&visit, id).await?;
    let revision: u64 = visit.form.read("revision")?;
    match stepped(&visit, id, Some(revision), move |due| step.meant(due)).await? {
        Ok(stepped) => {
            visit.tell(Tone::Done, step.done(&stepped.case));
            Ok(Answer::see(path_of(id)))
        }
        Err(fault) => refuse(&visit, id, fault, String::new()).await,
    }
}

/// Gives the case to somebody, or to nobody.
pub async fn assign(visit: Visit) -> Result<Answer, Fault> {
    let id: CaseId = visit.value("case")?;
    held(&visit, id).await?;
    let revision: u64 = visit.form.read("revision")?;
    let to = visit.form.one("to")?.to_owned();
    // To people who work cases here: nothing else comes into the audit log as a name.
    let to = if to.is_empty() {
        None
    } else if analysts(&visit).await?.contains(&to) {
        Some(to)
    } else {
        return Err(FieldError::Unreadable("to").into());
    };
    let said = match &to {
        Some(name) if *name == visit.caller().name.to_string() => "The case is yours.".to_owned(),
        Some(name) => format!("The case is {name}’s."),
        None => "The case is put back for everybody.".to_owned(),
    };
    match stepped(&visit, id, Some(revision), move |_| Meant::Assign(to)).await? {
        Ok(_) => {
            visit.tell(Tone::Done, said);
            Ok(Answer::see(path_of(id)))
        }
        Err(fault) => refuse(&visit, id, fault, String::new()).await,
    }
}

/// Writes a note. It takes no heed of what else happened to the case: a note is added to whatever stands there.
pub async fn note(visit: Visit) -> Result<Answer, Fault> {
    let id: CaseId = visit.value("case")?;
    held(&visit, id).await?;
    let typed = visit.form.one("note")?.to_owned();
    let note = match Note::new(&typed) {
        Ok(note) if note.as_str().is_empty() => {
            return one::page(&visit, id, StatusCode::UNPROCESSABLE_ENTITY, Some("Say something.".to_owned()), typed)
                .await;
        }
        Ok(note) => note,
        Err(error) => {
            let wrong = format!("{} It is not kept; change it and send it again.", sentence(&error.to_string()));
            return one::page(&visit, id, StatusCode::UNPROCESSABLE_ENTITY, Some(wrong), typed).await;
        }
    };
    match stepped(&visit, id, None, move |_| Meant::Note(note)).await? {
        Ok(_) => Ok(Answer::see(LocalPath::new(format!("/cases/{id}#notes")))),
        Err(fault) => refuse(&visit, id, fault, typed).await,
    }
}

async fn stepped(
    visit: &Visit,
    id: CaseId,
    revision: Option<u64>,
    step: impl FnOnce(Timestamp) -> Meant + Send + 'static,
) -> Result<Result<Stepped, CaseFault>, Fault> {
    let caller = actor(visit);
    let took = visit.act(move |node, round| {
        let step = step(node.state().settings.cases.due(round.now));
        node.step_case(&caller, StepRequest { id, revision, step, own_only: false }, round.now, round.rng)
    });
    took.await
}

/// The case as it stands now, with why the step was not taken and what was typed.
async fn refuse(visit: &Visit, id: CaseId, fault: CaseFault, typed: String) -> Result<Answer, Fault> {
    let wrong = match fault {
        CaseFault::Unknown => return Err(Fault::NotFound),
        CaseFault::Storage(fault) => return Err(EngineFault::from(fault).into()),
        CaseFault::Changed { .. } => {
            let case = held(visit, id).await?;
            let last = case.steps().next_back();
            let last = last.map(|past| format!("{} {}", caller(&past.by), words::step(past)));
            format!(
                "The case changed while you looked at it: {}. Nothing of yours was carried out. This is how it stands now.",
                last.unwrap_or_else(|| "somebody else was first".to_owned())
            )
        }
        CaseFault::Step { fault, .. } => sentence(&fault.to_string()),
    };
    one::page(visit, id, StatusCode::CONFLICT, Some(wrong), typed).await
}

pub fn path_of(id: CaseId) -> LocalPath {
    LocalPath::new(format!("/cases/{id}"))
}

/// The way up from the pages below a case.
pub fn crumbs(id: CaseId) -> [Crumb; 2] {
    [above(), Crumb::new(format!("Case {}", reference(&id.0)), format!("/cases/{id}"))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_fresh_password_and_code_is_no_word_of_the_open_address() {
        for step in Step::ALL {
            let open = step.path().parse::<Step>();
            let guarded = matches!(step, Step::Release | Step::Confirm);
            assert_eq!(open, if guarded { Err(NoStep) } else { Ok(step) });
        }
        assert_eq!("explode".parse::<Step>(), Err(NoStep));
    }
}
