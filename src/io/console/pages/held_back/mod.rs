//! What this node holds back of others, because it would stop too many honest customers: for people to look at and decide.

pub mod one;
pub mod step;

use askama::Template;

use crate::base::limits::console as limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::domain::screening::brake::HeldReason;
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::fault::Fault;
use crate::io::console::fields::{FieldError, Fields};
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::listing::{AFTER, Pager};
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, Choice, kind, short};
use crate::io::console::zone::{Time, ago};
use crate::node::quarantine::{Row as Held, Standing, Subject};
use crate::node::quarantine_list::{HeldFilter, HeldPlace, HeldState};

#[derive(Debug, Template)]
#[template(path = "held_back/list.html")]
struct List {
    frame: Frame,
    states: Vec<Choice>,
    members: Vec<Choice>,
    reasons: Vec<Choice>,
    /// Kept by the form of filters.
    zone: Option<String>,
    filtered: bool,
    /// How many nobody has decided of.
    waiting: usize,
    rows: Vec<Row>,
    pager: Pager,
}

/// One thing that is held back.
#[derive(Debug)]
struct Row {
    id: String,
    what: String,
    member: String,
    reason: &'static str,
    concerned: String,
    since: Time,
    ago: String,
    state: Badge,
}

fn filters(query: &Fields) -> Result<HeldFilter, FieldError> {
    let state = query.filter::<String>("state")?;
    let state = state.map(|text| HeldState::from_label(&text).ok_or(FieldError::Unreadable("state"))).transpose()?;
    Ok(HeldFilter { state, member: query.filter::<MemberId>("member")?, reason: query.filter::<HeldReason>("reason")? })
}

pub async fn list(visit: Visit) -> Result<Answer, Fault> {
    let filter = filters(&visit.query)?;
    let behind = visit.query.filter::<HeldPlace>(AFTER)?;
    let asked = filter.clone();
    let (page, waiting, others) = visit
        .look(move |node, _| {
            let state = node.state();
            let others: Vec<MemberId> =
                state.roster.peers_of(&state.identity.member).into_iter().map(|peer| peer.id.clone()).collect();
            (state.quarantines.newest(&asked, behind, limits::ROWS), state.quarantines.waiting(), others)
        })
        .await?;
    let states = HeldState::ALL.into_iter().map(|one| Choice::new(one.label(), title(one), filter.state == Some(one)));
    let member = |one: &MemberId| Choice::new(one.as_str(), one.as_str(), filter.member.as_ref() == Some(one));
    let reasons =
        HeldReason::ALL.iter().map(|one| Choice::new(one.label(), reason(*one).0, filter.reason == Some(*one)));
    let next = page.next.as_ref().map(ToString::to_string);
    let page = List {
        frame: visit.frame(TITLE, &[]),
        states: states.collect(),
        members: others.iter().map(member).collect(),
        reasons: reasons.collect(),
        zone: visit.query.filter("zone")?,
        filtered: filter != HeldFilter::default(),
        waiting,
        rows: page.rows.iter().map(|row| Row::new(&visit, row)).collect(),
        pager: Pager::new("/held-back", &visit.query, next.as_deref()),
    };
    Answer::page(&page)
}

const TITLE: &str = "Held back";

/// The way up from the pages below.
pub fn above() -> Crumb {
    Crumb::new(TITLE, "/held-back")
}

fn title(state: HeldState) -> &'static str {
    match state {
        HeldState::Waiting => "waits for a decision",
        HeldState::Kept => "stays held back",
        HeldState::Lifted => "counts again",
    }
}

/// Why something is held back: in a few words, and what it means.
pub fn reason(reason: HeldReason) -> (&'static str, &'static str) {
    match reason {
        HeldReason::Canary => (
            "it speaks of one of your own values",
            "It speaks of a value that stands in your file of canaries (your own infrastructure, staff, test customers), or of \
             the address of a member's node. Of those you know that whoever flags them is wrong.",
        ),
        HeldReason::Wide => (
            "it concerns too many of your orders",
            "It stood in far more of your orders of the last seven days than a single fraudster's would, and than what is \
             usual for its kind: probably many honest customers share it, as they do a library's computer or a mobile \
             network's address.",
        ),
        HeldReason::Flood => (
            "it is too much at once",
            "The member said far more of this kind in one hour than it used to. That may be a great breach, or a fault, or \
             somebody at its keyboard who should not be there. Until you decide, what came since may ask for a further check of \
             an order and does not block it.",
        ),
    }
}

/// How far people have come, in a word.
pub fn standing(row: &Held, now: Timestamp) -> Badge {
    match &row.standing {
        Standing::LiftAsked { ends, .. } if *ends > now => Badge::new("waiting", "waits for a second person"),
        Standing::Waiting | Standing::LiftAsked { .. } => Badge::new("warning", title(HeldState::Waiting)),
        Standing::Kept { .. } => Badge::new("muted", title(HeldState::Kept)),
        Standing::Lifted { .. } => Badge::new("good", title(HeldState::Lifted)),
    }
}

/// What is held back, in a few words.
pub fn what(row: &Held) -> String {
    let about = kind(row.raise.kind);
    match &row.raise.subject {
        Subject::Indicator(commitment) => format!("{about} {}", short(&commitment.to_string())),
        Subject::AllNew { .. } => format!("{about}: everything new"),
    }
}

/// How many of the own orders it stood in; nothing where that is not the reason.
pub fn concerned(row: &Held) -> Option<String> {
    let (matched, all) = (row.raise.matched, row.raise.transactions);
    (all > 0).then(|| format!("{} of {}", grouped(matched), grouped(all)))
}

impl Row {
    fn new(visit: &Visit, row: &Held) -> Self {
        Self {
            id: row.id.to_string(),
            what: what(row),
            member: row.raise.member.to_string(),
            reason: reason(row.raise.reason).0,
            concerned: concerned(row).unwrap_or_default(),
            since: Time::to_the_minute(row.at, &visit.zone),
            ago: ago(row.at, visit.now.wall),
            state: standing(row, visit.now.wall),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Commitment;
    use crate::base::kind::IdentifierKind;
    use crate::node::quarantine::{QuarantineId, Raise};

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn held(subject: Subject, standing: Standing) -> Held {
        let raise = Raise {
            member: "bank-b".parse().expect("valid"),
            kind: IdentifierKind::Device,
            subject,
            reason: HeldReason::Wide,
            matched: 1_041,
            transactions: 20_000,
        };
        Held { id: QuarantineId([1; 16]), raise, at: NOW, standing }
    }

    #[test]
    fn filters_are_read_from_the_address_and_any_other_word_is_refused() {
        let read = |text: &str| filters(&Fields::parse(text.as_bytes()).expect("well-formed"));
        assert_eq!(read("state=&member=&reason="), Ok(HeldFilter::default()));
        let wanted = HeldFilter {
            state: Some(HeldState::Kept),
            member: Some("bank-b".parse().expect("valid")),
            reason: Some(HeldReason::Canary),
        };
        assert_eq!(read("state=kept&member=bank-b&reason=canary"), Ok(wanted));
        for (text, field) in [("state=x", "state"), ("member=%3Cb%3E", "member"), ("reason=x", "reason")] {
            assert_eq!(read(text), Err(FieldError::Unreadable(field)), "{text}");
        }
    }

    #[test]
    fn a_wish_to_lift_that_is_over_waits_like_any_other() {
        let asked = Standing::LiftAsked {
            by: "hushwire://bank-a/analyst/anna".to_owned(),
            person: "anna".to_owned(),
            ends: NOW.plus_s(60),
        };
        let row = held(Subject::AllNew { since: NOW }, asked);
        assert_eq!(standing(&row, NOW).text, "waits for a second person");
        assert_eq!(standing(&row, NOW.plus_s(60)).text, "waits for a decision");
    }

    #[test]
    fn what_is_held_back_is_told_in_words() {
        let one = held(Subject::Indicator(Commitment([0xAB; 32])), Standing::Waiting);
        assert_eq!(what(&one), "Device ababababab…");
        assert_eq!(concerned(&one).map(|text| text.replace('\u{202f}', "_")).as_deref(), Some("1_041 of 20_000"));
        let mut all = held(Subject::AllNew { since: NOW }, Standing::Waiting);
        (all.raise.matched, all.raise.transactions) = (0, 0);
        assert_eq!((what(&all).as_str(), concerned(&all)), ("Device: everything new", None));
    }
}
