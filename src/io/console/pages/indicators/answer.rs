//! Answering a dispute: standing by an own indicator, with fresh password and code. Who is not sure takes it back instead.

use askama::Template;
use http::StatusCode;

use crate::base::name::MemberId;
use crate::domain::audit::event::IndicatorRef;
use crate::domain::belief::disputes::{DisputeRow, DisputeStanding};
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::enrol::sentence;
use crate::io::console::pages::indicators::Due;
use crate::io::console::pages::indicators::one::find;
use crate::io::console::pages::indicators::retract::crumbs;
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::console::words::{dispute_reason, kind};
use crate::io::engine::EngineFault;
use crate::io::grpc::convert::actor;
use crate::node::dispute::DisputeFault;
use crate::node::own_indicators::OwnIndicator;

#[derive(Debug, Template)]
#[template(path = "indicators/answer.html")]
struct AnswerPage {
    frame: Frame,
    commitment: String,
    kind: String,
    member: String,
    reason: &'static str,
    due: Due,
    confirmed: usize,
    false_positive: usize,
    wrong: Option<String>,
}

/// The indicator of the address with the dispute of the address's member.
async fn disputed(visit: &Visit) -> Result<(OwnIndicator, DisputeRow), Fault> {
    let (row, member) = (find(visit).await?, visit.value::<MemberId>("member")?);
    let dispute = row.disputes.iter().find(|dispute| dispute.member == member).cloned().ok_or(Fault::NotFound)?;
    Ok((row, dispute))
}

/// Whether it waits for an answer.
pub fn waits(dispute: &DisputeRow) -> bool {
    matches!(dispute.standing, DisputeStanding::Open | DisputeStanding::BeyondQuota)
}

fn page(
    visit: &Visit,
    (row, dispute): &(OwnIndicator, DisputeRow),
    status: StatusCode,
    wrong: Option<String>,
) -> Result<Answer, Fault> {
    let page = AnswerPage {
        frame: visit.frame("Stand by it", &crumbs(row)),
        commitment: row.commitment.to_string(),
        kind: row.kind.map_or_else(|| "An identifier".to_owned(), kind),
        member: dispute.member.to_string(),
        reason: dispute_reason(dispute.reason),
        due: Due::new(visit, dispute.since),
        confirmed: row.sightings.confirmed,
        false_positive: row.sightings.false_positive,
        wrong,
    };
    Answer::page_as(status, &page)
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    let disputed = disputed(&visit).await?;
    if waits(&disputed.1) { page(&visit, &disputed, StatusCode::OK, None) } else { Err(Fault::NotFound) }
}

pub async fn answer(visit: Visit) -> Result<Answer, Fault> {
    let disputed = disputed(&visit).await?;
    let (row, dispute) = &disputed;
    let (caller, by) = (actor(&visit.caller()), dispute.member.clone());
    let indicator = IndicatorRef { member: row.feed.member.clone(), commitment: row.commitment };
    let path = LocalPath::new(format!("/indicators/{}", row.commitment));
    if !waits(dispute) {
        visit.tell(Tone::Note, "It waited for no answer any more: somebody answered or took it back before.");
        return Ok(Answer::see(path));
    }
    let answered =
        visit.act(move |node, round| node.answer_dispute(&caller, &indicator, &by, round.now, round.rng)).await?;
    match answered {
        Ok(()) => {
            visit.tell(
                Tone::Done,
                format!("You stand by it. It counts again everywhere but at {}, who is told.", dispute.member),
            );
            Ok(Answer::see(path))
        }
        Err(DisputeFault::Storage(fault)) => Err(EngineFault::Storage(fault).into()),
        Err(
            refused @ (DisputeFault::UnknownIndicator
            | DisputeFault::OwnIndicator
            | DisputeFault::NotTheAuthor
            | DisputeFault::NotDisputed
            | DisputeFault::TooMany { .. }),
        ) => page(&visit, &disputed, StatusCode::CONFLICT, Some(sentence(&refused.to_string()))),
    }
}
