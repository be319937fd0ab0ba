//! One own indicator: what it is, who holds it, what others saw, who disputes it, and what can be done.

use askama::Template;

use crate::base::bytes::Commitment;
use crate::base::name::MemberId;
use crate::domain::belief::disputes::{DisputeRow, DisputeStanding};
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::pages::indicators::answer::waits;
use crate::io::console::pages::indicators::{Awaited, Due, above, awaited, publishes, sightings, standing, stands};
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, dispute_reason, kind, short, start_of};
use crate::io::console::zone::Time;
use crate::io::engine::EngineFault;
use crate::io::grpc::convert::indicator_name;
use crate::node::own_indicator::OwnEntry;
use crate::node::own_indicators::{OwnIndicator, OwnState};

#[derive(Debug, Template)]
#[template(path = "indicators/one.html")]
struct One {
    frame: Frame,
    short: String,
    /// As its address and its forms name it.
    commitment: String,
    /// As members name it to each other.
    name: String,
    state: Badge,
    meaning: &'static str,
    kind: Option<String>,
    group: String,
    entry: Option<String>,
    said: Option<Time>,
    expires: String,
    epoch: Option<String>,
    holders: Vec<Holder>,
    sightings: Option<Badge>,
    confirmed: usize,
    false_positive: usize,
    /// More members saw it wrong than right.
    look_again: bool,
    disputes: Vec<Dispute>,
    /// Whoever looks may take it back.
    retractable: bool,
}

/// A member that may read it.
#[derive(Debug)]
struct Holder {
    member: String,
    badge: Badge,
}

#[derive(Debug)]
struct Dispute {
    member: String,
    reason: &'static str,
    since: Time,
    standing: Badge,
    due: Option<Due>,
    /// Whoever looks may answer it.
    answerable: bool,
}

/// The name of an indicator in an address: 64 hexadecimal digits.
pub fn name_of(visit: &Visit) -> Result<Commitment, Fault> {
    let text: String = visit.value("indicator")?;
    let mut bytes = [0; 32];
    // One name, one address: digits in capitals lead nowhere.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    hex::decode_to_slice(text, &mut bytes).ok().filter(|()| plain).ok_or(Fault::NotFound)?;
    Ok(Commitment(bytes))
}

/// The own indicator of the address, or nothing there.
pub async fn find(visit: &Visit) -> Result<OwnIndicator, Fault> {
    let (name, place) = (name_of(visit)?, visit.query.filter::<OwnEntry>("at")?);
    let found = visit.look(move |node, now| node.own_indicator(&name, place.as_ref(), now)).await?;
    found.map_err(EngineFault::Storage)?.ok_or(Fault::NotFound)
}

/// Whether it may still be taken back.
pub fn counts(row: &OwnIndicator) -> bool {
    matches!(row.state, OwnState::Pending | OwnState::Live)
}

/// What a state means for the others.
fn meaning(state: OwnState, awaited: Option<Awaited>) -> &'static str {
    match (state, awaited) {
        (OwnState::Live, Some(Awaited::Overdue)) => {
            "A dispute was not answered in time, so no member counts it any more. Answer it, or take it back."
        }
        (OwnState::Live, Some(Awaited::InTime)) => {
            "Every member that holds it counts it; as long as a dispute waits for your answer, it blocks no order."
        }
        (OwnState::Pending, _) => {
            "It is safely stored here and goes out with the next batch: nobody else has it yet. If it stays like this, the overview says why."
        }
        (OwnState::Live, None) => "Every member that holds it counts it at its checkouts.",
        (OwnState::Retracted, _) => "It was taken back. Whoever has heard of that no longer counts it.",
        (OwnState::Expired, _) => "Its time is over. It counts nowhere.",
        (OwnState::Erased, _) => {
            "Its content was ordered to be destroyed everywhere. That there was one can still be proved."
        }
    }
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let row = find(&visit).await?;
    let (commitment, publisher) = (row.commitment.to_string(), publishes(&visit));
    let holder = |tone, text: &'static str| {
        move |member: &MemberId| Holder { member: member.to_string(), badge: Badge::new(tone, text) }
    };
    let held = row.received_by.iter().map(holder("good", "has it"));
    let missing = row.awaited.iter().map(holder("waiting", "has not acknowledged it"));
    let page = One {
        frame: visit.frame(short(&commitment), &[above()]),
        short: short(&commitment),
        name: indicator_name(&row.feed.member, &row.commitment),
        state: stands(&row, visit.now.wall),
        meaning: meaning(row.state, awaited(&row, visit.now.wall)),
        kind: row.kind.map(kind),
        group: row.feed.group.to_string(),
        entry: row.index.map(|index| index.to_string()),
        said: row.hour.map(|hour| Time::to_the_minute(start_of(hour), &visit.zone)),
        expires: row.expires.to_string(),
        epoch: row.epoch.map(|epoch| epoch.0.to_string()),
        holders: held.chain(missing).collect(),
        sightings: sightings(row.sightings),
        confirmed: row.sightings.confirmed,
        false_positive: row.sightings.false_positive,
        look_again: row.sightings.suggests_retraction() && counts(&row),
        disputes: row.disputes.iter().map(|dispute| shown(&visit, dispute)).collect(),
        retractable: publisher && counts(&row),
        commitment,
    };
    Answer::page(&page)
}

fn shown(visit: &Visit, row: &DisputeRow) -> Dispute {
    let open = row.standing == DisputeStanding::Open;
    Dispute {
        member: row.member.to_string(),
        reason: dispute_reason(row.reason),
        since: visit.time(row.since),
        standing: standing(row, visit.now.wall),
        due: open.then(|| Due::new(visit, row.since)),
        answerable: publishes(visit) && waits(row),
    }
}
