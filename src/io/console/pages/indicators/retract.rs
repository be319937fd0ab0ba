//! Taking back an own indicator: with a reason, and with fresh password and code.

use askama::Template;
use http::StatusCode;

use crate::domain::indicator::words::RetractionReason;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::indicators::above;
use crate::io::console::pages::indicators::one::{counts, find};
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::console::words::{kind, retraction_reason, short};
use crate::io::engine::EngineFault;
use crate::io::grpc::convert::actor;
use crate::node::own_indicators::OwnIndicator;
use crate::node::retract::{RetractFault, RetractRequest};
use crate::node::select::Selectors;

/// Reasons to choose from. One that a newer statement replaces is superseded by publishing that one.
const REASONS: [RetractionReason; 4] = [
    RetractionReason::FalsePositive,
    RetractionReason::Resolved,
    RetractionReason::PublishedInError,
    RetractionReason::Legal,
];

#[derive(Debug, Template)]
#[template(path = "indicators/retract.html")]
struct Retract {
    frame: Frame,
    commitment: String,
    kind: String,
    holders: usize,
    reasons: Vec<Reason>,
    wrong: Option<&'static str>,
}

#[derive(Debug)]
struct Reason {
    value: &'static str,
    title: &'static str,
    meaning: &'static str,
    chosen: bool,
}

/// The pages above one that does something with an indicator.
pub fn crumbs(row: &OwnIndicator) -> [Crumb; 2] {
    let name = row.commitment.to_string();
    [above(), Crumb::new(short(&name), format!("/indicators/{name}"))]
}

/// Those that can be taken back: the rest is gone already, or never was.
async fn standing(visit: &Visit) -> Result<OwnIndicator, Fault> {
    let row = find(visit).await?;
    if counts(&row) { Ok(row) } else { Err(Fault::NotFound) }
}

fn page(visit: &Visit, row: &OwnIndicator, status: StatusCode, wrong: Option<&'static str>) -> Result<Answer, Fault> {
    let chosen = visit.form.filter::<RetractionReason>("reason").ok().flatten();
    let reason = |reason: RetractionReason| {
        let (title, meaning) = retraction_reason(reason);
        Reason { value: reason.label(), title, meaning, chosen: chosen == Some(reason) }
    };
    let page = Retract {
        frame: visit.frame("Take it back", &crumbs(row)),
        commitment: row.commitment.to_string(),
        kind: row.kind.map_or_else(|| "An identifier".to_owned(), kind),
        holders: row.received_by.len(),
        reasons: REASONS.into_iter().map(reason).collect(),
        wrong,
    };
    Answer::page_as(status, &page)
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    let row = standing(&visit).await?;
    page(&visit, &row, StatusCode::OK, None)
}

pub async fn retract(visit: Visit) -> Result<Answer, Fault> {
    let row = find(&visit).await?;
    let path = LocalPath::new(format!("/indicators/{}", row.commitment));
    if !counts(&row) {
        visit.tell(Tone::Note, "It no longer counted: somebody took it back before, or its time was over.");
        return Ok(Answer::see(path));
    }
    let reason = visit.form.filter::<RetractionReason>("reason").ok().flatten();
    let Some(reason) = reason.filter(|reason| REASONS.contains(reason)) else {
        return page(&visit, &row, StatusCode::UNPROCESSABLE_ENTITY, Some("Say why: choose one of the reasons."));
    };
    let (caller, name) = (actor(&visit.caller()), row.commitment);
    let taken = visit
        .act(move |node, round| {
            let selectors = Selectors { names: vec![Ok(name)], ..Selectors::default() };
            node.retract_indicators(&caller, RetractRequest { request: None, selectors, reason }, round.now, round.rng)
        })
        .await?;
    let receipt = taken.map_err(|fault| match fault {
        RetractFault::Storage(fault) => Fault::from(EngineFault::Storage(fault)),
        RetractFault::RequestIdReused => Fault::Broken("a retraction without a request id was known".to_owned()),
    })?;
    if receipt.retracted.is_empty() {
        visit.tell(Tone::Note, "Somebody took it back at the same moment. It no longer counts.");
    } else {
        visit.tell(
            Tone::Done,
            "It is taken back. Members that are connected hear of it within seconds; below you see who holds it.",
        );
    }
    Ok(Answer::see(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_but_the_one_of_a_newer_statement_may_be_chosen() {
        let all = RetractionReason::ALL.iter().filter(|reason| **reason != RetractionReason::Superseded);
        assert!(all.eq(&REASONS));
    }
}
