//! One case: what stops the order and why, what that rests on and whether it still counts, who did what, and what can be done.

mod why;

use askama::Template;
use http::StatusCode;

use crate::domain::belief::disputes::DisputeRow;
use crate::domain::case::challenge::Standing;
use crate::domain::case::rules::HoldOutcome;
use crate::domain::case::state::State;
use crate::domain::case::{Case, CaseId};
use crate::domain::screening::decision::Decision;
use crate::domain::screening::reference::reference;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::menu::Menu;
use crate::io::console::pages::cases::one::why::{EvidenceRow, RestsOn, Why};
use crate::io::console::pages::cases::step::Step;
use crate::io::console::pages::cases::words::{self, Timer};
use crate::io::console::pages::cases::{above, actor, analysts};
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, caller};
use crate::io::console::zone::Time;
use crate::io::engine::EngineFault;
use crate::node::explain::{Explained, Sought};

#[derive(Debug, Template)]
#[template(path = "cases/one.html")]
struct One {
    frame: Frame,
    wrong: Option<String>,
    id: String,
    revision: u64,
    reference: String,
    stop: Badge,
    state: Badge,
    meaning: &'static str,
    /// What stopped it at first, where something stricter stops it now.
    at_first: Option<Badge>,
    timer: Option<Timer>,
    closed: Option<Closed>,
    asked: Option<Asked>,
    amount: Option<String>,
    opened: Time,
    caller: String,
    assignee: Option<String>,
    mine: bool,
    me: String,
    open: bool,
    people: Menu,
    /// Fingerprint of the customer, for the other cases of the same one.
    customer: Option<String>,
    policy: String,
    answered: Option<String>,
    outcome: Option<&'static str>,
    challenge: Option<String>,
    steps: Vec<StepRow>,
    why: Why,
    evidence: Vec<EvidenceRow>,
    notes: Vec<NoteRow>,
    /// A note that was not taken, to be changed.
    typed: String,
    history: Vec<HistoryRow>,
}

#[derive(Debug)]
struct Closed {
    at: Time,
    by: String,
    how: &'static str,
}

/// A release that waits for a second person.
#[derive(Debug)]
struct Asked {
    by: String,
    own: bool,
}

#[derive(Debug)]
struct StepRow {
    path: &'static str,
    title: &'static str,
    meaning: &'static str,
    dangerous: bool,
}

#[derive(Debug)]
struct NoteRow {
    at: Time,
    by: String,
    text: String,
}

#[derive(Debug)]
struct HistoryRow {
    at: Time,
    who: String,
    what: String,
    state: Option<Badge>,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let id = visit.value("case")?;
    page(&visit, id, StatusCode::OK, None, String::new()).await
}

/// The case, with what is wrong and what was typed where a form comes back.
pub async fn page(
    visit: &Visit,
    id: CaseId,
    status: StatusCode,
    wrong: Option<String>,
    typed: String,
) -> Result<Answer, Fault> {
    let looked = look(visit, id).await?;
    let people = analysts(visit).await?;
    let Looked { case, rests_on, challenge, explained, outcome, typologies } = looked;
    let (opening, me) = (case.opening(), visit.caller().name.to_string());
    let steps = Step::ALL.into_iter().filter(|step| step.fits(visit, &case)).map(|step| StepRow {
        path: step.path(),
        title: step.title(&case),
        meaning: step.meaning(&case),
        dangerous: step.is_dangerous(),
    });
    let others = people.iter().filter(|name| **name != me && case.assignee() != Some(name.as_str()));
    let page = One {
        frame: visit.frame(format!("Case {}", reference(&id.0)), &[above()]),
        wrong,
        id: id.to_string(),
        revision: case.revision(),
        reference: reference(&id.0),
        stop: words::decision(case.stop()),
        state: words::state(case.state()),
        meaning: words::meaning(case.stop()),
        at_first: (case.stop() != opening.decision).then(|| words::decision(opening.decision)),
        timer: Timer::of(visit, case.due(), case.ends_as(outcome)),
        closed: case.closed().map(|closed| Closed {
            at: visit.time(closed.at),
            by: caller(&closed.by),
            how: words::how(closed.how),
        }),
        asked: case.asked_by().map(|by| Asked { by: by.to_owned(), own: by == me }),
        amount: words::amount(&case),
        opened: visit.time(opening.at),
        caller: caller(&opening.caller),
        assignee: case.assignee().map(str::to_owned),
        mine: case.assignee() == Some(me.as_str()),
        me: me.clone(),
        open: !case.state().is_final(),
        people: Menu::new("to", "Give to", others.map(|name| (name.as_str(), name.as_str())), ""),
        customer: opening.customer.map(|customer| customer.to_string()),
        policy: opening.policy_sha256.to_string(),
        answered: opening.answered.map(|answered| words::decision(answered).text.into_owned()),
        outcome: case.outcome().map(|outcome| outcome.label()),
        challenge,
        steps: steps.collect(),
        evidence: why::evidence(visit, &rests_on, explained.as_ref(), &typologies),
        why: Why::of(explained.as_ref(), &opening.reasons),
        notes: case
            .notes()
            .iter()
            .map(|note| NoteRow { at: visit.time(note.at), by: caller(&note.by), text: note.text.as_str().to_owned() })
            .collect(),
        typed,
        history: history(visit, &case),
    };
    Answer::page_as(status, &page)
}

/// What the node says of a case.
struct Looked {
    case: Case,
    rests_on: Vec<RestsOn>,
    challenge: Option<String>,
    explained: Option<Explained>,
    outcome: HoldOutcome,
    typologies: why::Typologies,
}

/// Looking at why an order was stopped is recorded, so it is no mere look.
async fn look(visit: &Visit, id: CaseId) -> Result<Looked, Fault> {
    let caller = actor(visit);
    let looked = visit.act(move |node, round| {
        let Ok(case) = node.case(&caller, id, false).cloned() else { return Ok(None) };
        let sought = Sought::Decision(id.to_string());
        let explained = node.explain_decisions(&caller, &sought, round.now, round.rng)?.found.pop();
        let state = node.state();
        let disputes = node.list_disputes();
        let own = |row: &&DisputeRow| row.member == state.identity.member;
        let rests_on = case.opening().evidence.iter().map(|one| RestsOn {
            one: one.clone(),
            now: node.evidence_now(one),
            disputed: disputes.iter().filter(own).find(|row| row.target == one.commitment).map(|row| row.standing),
        });
        let rests_on = rests_on.collect();
        let challenge = state.cases.challenge(&id).map(|challenge| {
            let left = challenge.left();
            match challenge.standing {
                Standing::Waiting => format!("asked by {}, {left} attempts left", challenge.method.label()),
                Standing::Passed => format!("passed by {}", challenge.method.label()),
                Standing::Failed => format!("failed by {}", challenge.method.label()),
            }
        });
        let typologies = why::Typologies::of(explained.as_ref(), &state.settings.typologies);
        let outcome = state.settings.cases.hold_outcome;
        Ok(Some(Looked { case, rests_on, challenge, explained, outcome, typologies }))
    });
    looked.await?.map_err(EngineFault::Storage)?.ok_or(Fault::NotFound)
}

/// What was done, the newest first, down to what opened it.
fn history(visit: &Visit, case: &Case) -> Vec<HistoryRow> {
    let mut before = State::Open;
    let told = case.steps().map(|past| {
        let state = (past.state != before).then(|| words::state(past.state));
        before = past.state;
        HistoryRow { at: visit.time(past.at), who: caller(&past.by), what: words::step(past), state }
    });
    let opening = case.opening();
    let stop = match opening.decision {
        Decision::Allow => "let the order pass",
        Decision::Challenge => "asked for a further proof",
        Decision::Hold => "held the order",
        Decision::Block => "blocked the order",
    };
    let opened = HistoryRow {
        at: visit.time(opening.at),
        who: "The policy".to_owned(),
        what: if opening.answered.is_some() {
            format!("{stop}, after it had passed: it was flagged meanwhile")
        } else {
            stop.to_owned()
        },
        state: None,
    };
    let mut rows: Vec<HistoryRow> = [opened].into_iter().chain(told).collect();
    rows.reverse();
    rows
}
