//! One thing that is held back: what, why, since when, and what people may decide.

use askama::Template;

use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::pages::held_back::step::Step;
use crate::io::console::pages::held_back::{above, concerned, reason, standing, what};
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, caller};
use crate::io::console::zone::{Time, ago};
use crate::io::grpc::convert::indicator_name;
use crate::node::quarantine::{QuarantineId, Row, Standing, Subject};

#[derive(Debug, Template)]
#[template(path = "held_back/one.html")]
struct One {
    frame: Frame,
    id: String,
    what: String,
    member: String,
    state: Badge,
    reason: &'static str,
    meaning: &'static str,
    concerned: Option<String>,
    at: Time,
    ago: String,
    /// The indicator's name, where it is one.
    indicator: Option<String>,
    /// What came since then is held back, where it is everything new.
    since: Option<Time>,
    decided: Option<Decided>,
    steps: Vec<Step>,
    /// What whoever looks may not do, and why.
    own_wish: bool,
}

/// Who decided, or asks.
#[derive(Debug)]
struct Decided {
    title: &'static str,
    by: String,
    until: Option<Time>,
}

/// What is held back under the id of the address, or nothing there.
pub async fn find(visit: &Visit) -> Result<Row, Fault> {
    let id: QuarantineId = visit.value("quarantine")?;
    let found = visit.look(move |node, _| node.state().quarantines.one(id).cloned()).await?;
    found.ok_or(Fault::NotFound)
}

/// Whether somebody's wish to lift it waits for another person, and it is this visitor's own.
pub fn waits_for_another(visit: &Visit, row: &Row) -> bool {
    let me = visit.visitor().session.user.name.as_str();
    matches!(&row.standing, Standing::LiftAsked { person, ends, .. } if *ends > visit.now.wall && person == me)
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let row = find(&visit).await?;
    let (indicator, since) = match &row.raise.subject {
        Subject::Indicator(commitment) => (Some(indicator_name(&row.raise.member, commitment)), None),
        Subject::AllNew { since } => (None, Some(visit.time(*since))),
    };
    let decided = match &row.standing {
        Standing::LiftAsked { by, ends, .. } if *ends > visit.now.wall => {
            Some(Decided { title: "Wants it lifted", by: caller(by), until: Some(visit.time(*ends)) })
        }
        Standing::Kept { by } => Some(Decided { title: "Decided that it stays", by: caller(by), until: None }),
        Standing::Waiting | Standing::LiftAsked { .. } | Standing::Lifted { .. } => None,
    };
    let own_wish = waits_for_another(&visit, &row);
    let fits = |step: &Step| Step::decides(&visit) && step.fits(&row) && !(own_wish && *step == Step::Lift);
    let (short, meaning) = reason(row.raise.reason);
    let page = One {
        frame: visit.frame(what(&row), &[above()]),
        id: row.id.to_string(),
        what: what(&row),
        member: row.raise.member.to_string(),
        state: standing(&row, visit.now.wall),
        reason: short,
        meaning,
        concerned: concerned(&row),
        at: visit.time(row.at),
        ago: ago(row.at, visit.now.wall),
        indicator,
        since,
        decided,
        steps: Step::ALL.into_iter().filter(fits).collect(),
        own_wish,
    };
    Answer::page(&page)
}
