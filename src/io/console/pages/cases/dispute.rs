//! Telling another member that an indicator of theirs is wrong, from the case that it stopped; and taking that back.

use askama::Template;

use crate::base::bytes::Commitment;
use crate::base::limits::feedback::DISPUTE_ANSWER_DAYS;
use crate::base::name::MemberId;
use crate::domain::audit::event::IndicatorRef;
use crate::domain::belief::disputes::DisputeStanding;
use crate::domain::case::CaseId;
use crate::domain::indicator::words::DisputeReason;
use crate::domain::screening::decision::in_words;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::menu::Menu;
use crate::io::console::pages::cases::actor;
use crate::io::console::pages::cases::filter::Fingerprint;
use crate::io::console::pages::cases::step::{crumbs, held, path_of};
use crate::io::console::pages::enrol::sentence;
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::console::words::Badge;
use crate::io::engine::EngineFault;
use crate::node::dispute::DisputeFault;

#[derive(Debug, Template)]
#[template(path = "cases/dispute.html")]
struct DisputePage {
    frame: Frame,
    id: String,
    member: String,
    kind: &'static str,
    commitment: String,
    /// How this member's own dispute of it stands, where there is one.
    standing: Option<Badge>,
    reasons: Menu,
    days: u32,
}

/// How an own dispute stands.
pub fn standing(standing: DisputeStanding) -> Badge {
    let (tone, text) = match standing {
        DisputeStanding::Open => ("waiting", "disputed by you"),
        DisputeStanding::BeyondQuota => ("warning", "disputed by you, does not count yet"),
        DisputeStanding::Upheld => ("muted", "disputed by you, its author stands by it"),
        DisputeStanding::Moot => ("muted", "disputed by you, settled"),
    };
    Badge::new(tone, text)
}

fn reason(reason: DisputeReason) -> &'static str {
    match reason {
        DisputeReason::GenuineCustomer => "we know the customer, and it was not them",
        DisputeReason::WrongIdentifier => "it names the wrong value: mistyped, shared or mixed up",
        DisputeReason::Recycled => "the number or address belongs to somebody else by now",
        DisputeReason::Resolved => "the risk is over",
        DisputeReason::Other => "another reason",
    }
}

/// The indicator of the address: one of another member that this case rests on.
async fn target(visit: &Visit) -> Result<(CaseId, IndicatorRef, &'static str), Fault> {
    let (id, Fingerprint(name)): (CaseId, Fingerprint) = (visit.value("case")?, visit.value("indicator")?);
    let (case, commitment) = (held(visit, id).await?, Commitment(name.0));
    let own: &MemberId = visit.console.engine.member();
    let found = case.opening().evidence.iter().find(|one| one.commitment == commitment && one.member != *own);
    let one = found.ok_or(Fault::NotFound)?;
    Ok((id, IndicatorRef { member: one.member.clone(), commitment }, in_words(one.kind)))
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    let (id, indicator, kind) = target(&visit).await?;
    let (commitment, own) = (indicator.commitment, visit.console.engine.member().clone());
    let rows = visit.look(move |node, _| node.list_disputes()).await?;
    let disputed = rows.iter().find(|row| row.target == commitment && row.member == own);
    let reasons = DisputeReason::ALL.iter().map(|one| (one.label(), reason(*one)));
    let page = DisputePage {
        frame: visit.frame("Dispute an indicator", &crumbs(id)),
        id: id.to_string(),
        member: indicator.member.to_string(),
        kind,
        commitment: commitment.to_string(),
        standing: disputed.map(|row| standing(row.standing)),
        reasons: Menu::new("reason", "What is wrong with it", reasons, ""),
        days: DISPUTE_ANSWER_DAYS,
    };
    Answer::page(&page)
}

/// Disputes with the reason given, or takes the dispute back where none is.
pub async fn dispute(visit: Visit) -> Result<Answer, Fault> {
    let (id, indicator, _) = target(&visit).await?;
    let reason: Option<DisputeReason> = visit.form.filter("reason")?;
    let (caller, member) = (actor(&visit), indicator.member.clone());
    let done = visit.act(move |node, round| match reason {
        Some(reason) => node.dispute_indicator(&caller, &indicator, reason, round.now, round.rng),
        None => node.withdraw_dispute(&caller, &indicator, round.now, round.rng),
    });
    match (done.await?, reason) {
        (Ok(()), Some(_)) => visit.tell(Tone::Done, format!("Disputed. {member} is told, and owes an answer.")),
        (Ok(()), None) => visit.tell(Tone::Done, "The dispute is taken back."),
        (Err(DisputeFault::Storage(fault)), _) => return Err(EngineFault::Storage(fault).into()),
        (Err(refused), _) => visit.tell(Tone::Warning, sentence(&refused.to_string())),
    }
    Ok(Answer::see(path_of(id)))
}
