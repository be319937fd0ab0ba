//! What this member told the others: its own indicators as they stand, who holds them, what others saw, who disputes them.

pub mod answer;
pub mod one;
pub mod retract;

use askama::Template;

use crate::base::kind::IdentifierKind;
use crate::base::limits::console as limits;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::belief::disputes::{DisputeRow, DisputeStanding, answer_due};
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::fault::Fault;
use crate::io::console::fields::{FieldError, Fields};
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::listing::{AFTER, Pager};
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, Choice, away, kind, kinds, short, start_of};
use crate::io::console::zone::Time;
use crate::io::engine::EngineFault;
use crate::node::own_indicator::OwnEntry;
use crate::node::own_indicators::{OwnFilter, OwnIndicator, OwnPlace, OwnState};
use crate::node::sightings::Tally;

#[derive(Debug, Template)]
#[template(path = "indicators/list.html")]
struct List {
    frame: Frame,
    states: Vec<Choice>,
    kinds: Vec<Choice>,
    said: Vec<Choice>,
    /// Kept by the form of filters.
    zone: Option<String>,
    filtered: bool,
    /// Disputes that wait for this member's answer, the most urgent first.
    waiting: Vec<Waiting>,
    waiting_in_all: usize,
    rows: Vec<Row>,
    pager: Pager,
}

/// A dispute that waits.
#[derive(Debug)]
struct Waiting {
    address: String,
    name: String,
    member: String,
    due: Due,
}

/// Until when something has to be answered.
#[derive(Debug)]
pub struct Due {
    pub at: Time,
    pub away: String,
    pub overdue: bool,
}

impl Due {
    fn new(visit: &Visit, since: Timestamp) -> Self {
        let (at, now) = (answer_due(since), visit.now.wall);
        Self { at: visit.time(at), away: away(at, now), overdue: at <= now }
    }
}

/// One indicator of the list.
#[derive(Debug)]
struct Row {
    address: String,
    name: String,
    kind: String,
    state: Badge,
    said: Option<Time>,
    expires: String,
    received: Option<Badge>,
    sightings: Option<Badge>,
    dispute: Option<Badge>,
}

/// Disputes shown above the list; the rest is found by its filter.
const WAITING_SHOWN: usize = 5;

/// What others said of an indicator, as a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SaidOf {
    Disputed,
    Sighted,
}

impl SaidOf {
    const ALL: [Self; 2] = [Self::Disputed, Self::Sighted];

    fn value(self) -> &'static str {
        match self {
            Self::Disputed => "disputed",
            Self::Sighted => "sighted",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Disputed => "somebody disputes it",
            Self::Sighted => "somebody saw it in a case",
        }
    }
}

/// The filters of an address; what is none of their words is refused.
fn filters(query: &Fields) -> Result<(OwnFilter, Option<SaidOf>), FieldError> {
    fn word<T>(query: &Fields, name: &'static str, known: impl Fn(&str) -> Option<T>) -> Result<Option<T>, FieldError> {
        let text = query.filter::<String>(name)?;
        text.map(|text| known(&text).ok_or(FieldError::Unreadable(name))).transpose()
    }
    let state = word(query, "state", OwnState::from_label)?;
    let kind = query.filter::<IdentifierKind>("kind")?;
    let said = word(query, "said", |text| SaidOf::ALL.into_iter().find(|said| said.value() == text))?;
    let (disputed, sighted) = (said == Some(SaidOf::Disputed), said == Some(SaidOf::Sighted));
    Ok((OwnFilter { state, kind, disputed, sighted }, said))
}

pub async fn list(visit: Visit) -> Result<Answer, Fault> {
    let (filter, said) = filters(&visit.query)?;
    let place = visit.query.filter::<OwnPlace>(AFTER)?.unwrap_or(OwnPlace::START);
    let asked = filter.clone();
    let (page, disputes) = visit
        .look(move |node, now| {
            let own = node.state().identity.member.clone();
            let mut disputes = node.list_disputes();
            disputes.retain(|row| row.author.as_ref() == Some(&own) && row.standing == DisputeStanding::Open);
            (node.list_own_indicators(&asked, &place, limits::ROWS, now), disputes)
        })
        .await?;
    let page = page.map_err(EngineFault::Storage)?;
    let next = page.next.as_ref().map(ToString::to_string);
    let states =
        OwnState::ALL.into_iter().map(|one| Choice::new(one.label(), state(one).text, filter.state == Some(one)));
    let said_of = SaidOf::ALL.into_iter().map(|one| Choice::new(one.value(), one.text(), said == Some(one)));
    let page = List {
        frame: visit.frame(TITLE, &[]),
        states: states.collect(),
        kinds: kinds(filter.kind),
        said: said_of.collect(),
        zone: visit.query.filter("zone")?,
        filtered: filter != OwnFilter::default(),
        waiting_in_all: disputes.len(),
        waiting: waiting(&visit, disputes),
        rows: page.rows.iter().map(|row| Row::new(&visit, row)).collect(),
        pager: Pager::new("/indicators", &visit.query, next.as_deref()),
    };
    Answer::page(&page)
}

const TITLE: &str = "Indicators";

/// The way up from the pages below.
pub fn above() -> Crumb {
    Crumb::new(TITLE, "/indicators")
}

/// Whether whoever looks may take back and answer.
pub fn publishes(visit: &Visit) -> bool {
    visit.visitor().roles.has(Role::Publisher)
}

fn waiting(visit: &Visit, mut disputes: Vec<DisputeRow>) -> Vec<Waiting> {
    disputes.sort_by_key(|row| row.since);
    let waiting = |row: DisputeRow| Waiting {
        address: format!("/indicators/{}", row.target),
        name: short(&row.target.to_string()),
        member: row.member.to_string(),
        due: Due::new(visit, row.since),
    };
    disputes.into_iter().take(WAITING_SHOWN).map(waiting).collect()
}

/// How an indicator stands, in a word: what is disputed and not answered counts less, or nowhere.
pub fn stands(row: &OwnIndicator, now: Timestamp) -> Badge {
    match (row.state, awaited(row, now)) {
        (OwnState::Live, Some(Awaited::Overdue)) => Badge::new("bad", "counts for nobody"),
        (OwnState::Live, Some(Awaited::InTime)) => Badge::new("warning", "counts, blocks nothing"),
        (state, _) => self::state(state),
    }
}

/// How long an answer to a dispute is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaited {
    InTime,
    Overdue,
}

/// Of the dispute that waits longest; none where none counts and waits.
pub fn awaited(row: &OwnIndicator, now: Timestamp) -> Option<Awaited> {
    let open = row.disputes.iter().filter(|dispute| dispute.standing == DisputeStanding::Open);
    open.map(|dispute| if answer_due(dispute.since) <= now { Awaited::Overdue } else { Awaited::InTime }).max()
}

/// A state of the filter, in a word.
pub fn state(state: OwnState) -> Badge {
    match state {
        OwnState::Pending => Badge::new("waiting", "waits to go out"),
        OwnState::Live => Badge::new("good", "counts"),
        OwnState::Retracted => Badge::new("muted", "taken back"),
        OwnState::Expired => Badge::new("muted", "expired"),
        OwnState::Erased => Badge::new("muted", "erased"),
    }
}

/// How many of those who may read it hold it; nothing of what only waits here.
fn received(row: &OwnIndicator) -> Option<Badge> {
    let (held, all) = (row.received_by.len(), row.received_by.len() + row.awaited.len());
    row.index?;
    let tone = if row.awaited.is_empty() { "good" } else { "waiting" };
    Some(Badge::new(tone, if all == 0 { "no other member".to_owned() } else { format!("{held} of {all}") }))
}

/// What others saw, in words; nothing where nobody told.
pub fn sightings(tally: Tally) -> Option<Badge> {
    let count = |count: usize| grouped(u64::try_from(count).unwrap_or(u64::MAX));
    let text = match (tally.confirmed, tally.false_positive) {
        (0, 0) => return None,
        (right, 0) => format!("right: {}", count(right)),
        (0, wrong) => format!("wrong: {}", count(wrong)),
        (right, wrong) => format!("right: {}, wrong: {}", count(right), count(wrong)),
    };
    Some(Badge::new(if tally.suggests_retraction() { "warning" } else { "good" }, text))
}

/// How a dispute stands, in a word.
pub fn standing(row: &DisputeRow, now: Timestamp) -> Badge {
    match row.standing {
        DisputeStanding::Open if answer_due(row.since) <= now => Badge::new("bad", "answer overdue"),
        DisputeStanding::Open => Badge::new("warning", "waits for an answer"),
        DisputeStanding::BeyondQuota => Badge::new("muted", "does not count: too many of theirs are open"),
        DisputeStanding::Upheld => Badge::new("muted", "answered: it stays"),
        DisputeStanding::Moot => Badge::new("muted", "over"),
    }
}

/// The dispute that most wants to be seen.
fn pressing(rows: &[DisputeRow], now: Timestamp) -> Option<Badge> {
    let urgency = |row: &&DisputeRow| (row.standing, row.since);
    rows.iter().min_by_key(urgency).map(|row| standing(row, now))
}

impl Row {
    fn new(visit: &Visit, row: &OwnIndicator) -> Self {
        let name = row.commitment.to_string();
        Self {
            address: address(row),
            name: short(&name),
            kind: row.kind.map_or_else(|| "no longer known".to_owned(), kind),
            state: stands(row, visit.now.wall),
            said: row.hour.map(|hour| Time::to_the_minute(start_of(hour), &visit.zone)),
            expires: row.expires.to_string(),
            received: received(row),
            sightings: sightings(row.sightings),
            dispute: pressing(&row.disputes, visit.now.wall),
        }
    }
}

/// The page of an indicator. Where it stands goes with what is over, which is found in no other way.
pub fn address(row: &OwnIndicator) -> String {
    let place = row.index.map(|index| OwnEntry { group: row.feed.group.clone(), index });
    match (row.state, place) {
        (OwnState::Expired | OwnState::Erased | OwnState::Retracted, Some(place)) => {
            format!("/indicators/{}?at={place}", row.commitment)
        }
        (OwnState::Pending | OwnState::Live, _) | (_, None) => format!("/indicators/{}", row.commitment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Commitment;
    use crate::base::position::EntryIndex;
    use crate::base::time::Day;
    use crate::domain::indicator::words::DisputeReason;

    const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    fn own(state: OwnState) -> OwnIndicator {
        OwnIndicator {
            commitment: Commitment([0xAB; 32]),
            feed: crate::base::name::FeedId {
                member: "bank-a".parse().expect("valid"),
                group: "all".parse().expect("valid"),
            },
            index: Some(EntryIndex(17)),
            kind: Some(IdentifierKind::Pan),
            epoch: None,
            hour: None,
            expires: Day(20_800),
            state,
            received_by: Vec::new(),
            awaited: Vec::new(),
            sightings: Tally::default(),
            disputes: Vec::new(),
        }
    }

    fn dispute(standing: DisputeStanding, since: Timestamp) -> DisputeRow {
        let (member, reason) = ("shop".parse().expect("valid"), DisputeReason::Recycled);
        DisputeRow { target: Commitment([0xAB; 32]), member, author: None, reason, since, standing }
    }

    #[test]
    fn filters_are_read_from_the_address_and_any_other_word_is_refused() {
        let read = |text: &str| filters(&Fields::parse(text.as_bytes()).expect("well-formed"));
        assert_eq!(read("state=&kind=&said="), Ok((OwnFilter::default(), None)));
        let (filter, _) = read("state=live&kind=pan&said=sighted").expect("known words");
        let wanted =
            OwnFilter { state: Some(OwnState::Live), kind: Some(IdentifierKind::Pan), disputed: false, sighted: true };
        assert_eq!(filter, wanted);
        for (text, field) in [("state=alive", "state"), ("kind=card", "kind"), ("said=x", "said")] {
            assert_eq!(read(text), Err(FieldError::Unreadable(field)), "{text}");
        }
    }

    #[test]
    fn what_is_over_is_found_where_it_stands() {
        let name = "ab".repeat(32);
        assert_eq!(address(&own(OwnState::Live)), format!("/indicators/{name}"));
        assert_eq!(address(&own(OwnState::Expired)), format!("/indicators/{name}?at=all-17"));
        assert_eq!(address(&OwnIndicator { index: None, ..own(OwnState::Retracted) }), format!("/indicators/{name}"));
    }

    #[test]
    fn who_holds_it_is_counted_among_those_who_may_read_it() {
        let members = |count: usize| (0..count).map(|nth| format!("m{nth}").parse().expect("valid")).collect();
        let check = |held, awaited, expected: Option<(&'static str, &'static str)>| {
            let row = OwnIndicator { received_by: members(held), awaited: members(awaited), ..own(OwnState::Live) };
            assert_eq!(received(&row), expected.map(|(tone, text)| Badge::new(tone, text)));
        };
        check(2, 1, Some(("waiting", "2 of 3")));
        check(3, 0, Some(("good", "3 of 3")));
        check(0, 0, Some(("good", "no other member")));
        assert_eq!(received(&OwnIndicator { index: None, ..own(OwnState::Pending) }), None);
    }

    #[test]
    fn the_dispute_that_waits_longest_is_the_one_shown() {
        let old = NOW.plus_s(0);
        let rows = [
            dispute(DisputeStanding::Upheld, old),
            dispute(DisputeStanding::Open, NOW.plus_s(86_400)),
            dispute(DisputeStanding::Open, NOW),
        ];
        let shown = |at| pressing(&rows, at).map(|badge| badge.text);
        assert_eq!(shown(NOW.plus_s(2 * 86_400)).as_deref(), Some("waits for an answer"));
        assert_eq!(shown(answer_due(NOW)).as_deref(), Some("answer overdue"));
        assert_eq!(pressing(&rows[..1], NOW).map(|badge| badge.tone), Some("muted"));
        assert_eq!(pressing(&[], NOW), None);
    }

    #[test]
    fn sightings_are_told_in_words_and_more_wrong_than_right_warns() {
        let told = |confirmed, false_positive| sightings(Tally { confirmed, false_positive });
        assert_eq!(told(0, 0), None);
        assert_eq!(told(2, 1), Some(Badge::new("good", "right: 2, wrong: 1")));
        assert_eq!(told(0, 1), Some(Badge::new("warning", "wrong: 1")));
    }
}
