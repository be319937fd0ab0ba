//! The member's own lists, which stand above everything others say: what is on them, putting something there and taking it off.
//!
//! What is typed becomes a keyed fingerprint and is shown by it alone: no page repeats the value, not even one that comes back
//! with a fault.

use std::str::FromStr;

use askama::Template;
use http::StatusCode;
use zeroize::Zeroizing;

use crate::base::bytes::LocalMac;
use crate::base::kind::IdentifierKind;
use crate::base::limits::console as limits;
use crate::base::time::Timestamp;
use crate::domain::identifier::RawIdentifier;
use crate::domain::indicator::note::Note;
use crate::domain::indicator::words::UnknownWord;
use crate::domain::screening::decision::in_words;
use crate::domain::screening::own_lists::{ListingReason, OwnList};
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::listing::{AFTER, Pager};
use crate::io::console::local_path::LocalPath;
use crate::io::console::menu::Menu;
use crate::io::console::pages::cases::actor;
use crate::io::console::pages::cases::filter::Fingerprint;
use crate::io::console::pages::enrol::sentence;
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::console::words::Badge;
use crate::io::console::zone::{Time, ago, span};
use crate::io::engine::EngineFault;
use crate::node::list::{ListFault, ListReceipt, ListRow, ListTarget, ListingDraft};

#[derive(Debug, Template)]
#[template(path = "lists/lists.html")]
struct Lists {
    frame: Frame,
    tabs: Vec<Tab>,
    list: Option<String>,
    rows: Vec<Row>,
    pager: Pager,
}

#[derive(Debug)]
struct Tab {
    title: &'static str,
    path: &'static str,
    count: String,
    here: bool,
}

/// One entry.
#[derive(Debug)]
struct Row {
    list: &'static str,
    badge: Badge,
    name: String,
    kind: &'static str,
    since: Time,
    age: String,
    until: Option<(Time, String)>,
    reason: &'static str,
    note: String,
}

#[derive(Debug, Template)]
#[template(path = "lists/add.html")]
struct Add {
    frame: Frame,
    /// Before the value is typed, and after it.
    menus: Vec<Menu>,
    after: Vec<Menu>,
    note: String,
    wrong: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "lists/remove.html")]
struct Remove {
    frame: Frame,
    row: Row,
}

/// A list as an address names it, with the entry behind which a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(OwnList, LocalMac);

impl FromStr for Place {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let malformed = UnknownWord { what: "place", known: "LIST-FINGERPRINT" };
        let (list, name) = text.split_once('-').ok_or(malformed)?;
        let name: Fingerprint = name.parse().map_err(|_| malformed)?;
        Ok(Self(list.parse()?, name.0))
    }
}

/// How long something stands on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lasting(Option<u64>);

impl Lasting {
    const DAYS: [u64; 5] = [1, 7, 30, 90, 365];

    fn until(self, now: Timestamp) -> Option<Timestamp> {
        self.0.map(|days| now.plus_s(days * 86_400))
    }
}

impl FromStr for Lasting {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        if text == "good" {
            return Ok(Self(None));
        }
        let known = Self::DAYS.into_iter().find(|days| days.to_string() == text);
        known.map(|days| Self(Some(days))).ok_or(UnknownWord { what: "time", known: "1, 7, 30, 90, 365, good" })
    }
}

fn badge(list: OwnList) -> Badge {
    let (tone, text) = match list {
        OwnList::Allow => ("good", "always passes"),
        OwnList::Block => ("bad", "always refused"),
    };
    Badge::new(tone, text)
}

fn reason(reason: ListingReason) -> &'static str {
    match reason {
        ListingReason::KnownCustomer => "we know whose it is",
        ListingReason::FalsePositive => "others are wrong about it",
        ListingReason::OwnFraud => "we were defrauded with it",
        ListingReason::Legal => "a court or authority asks",
        ListingReason::Other => "see the note",
    }
}

impl Row {
    fn new(visit: &Visit, (list, name, listing): ListRow) -> Self {
        // What was put there for thirty days a moment ago is told as thirty days.
        let left = |until: Timestamp| format!("in {}", span(until.ms_since(visit.now.wall) / 1_000 + 3_600));
        Self {
            list: list.label(),
            badge: badge(list),
            name: name.to_string(),
            kind: in_words(listing.kind),
            since: Time::to_the_minute(listing.since, &visit.zone),
            age: ago(listing.since, visit.now.wall),
            until: listing.until.map(|until| (Time::to_the_minute(until, &visit.zone), left(until))),
            reason: reason(listing.reason),
            note: listing.note.as_str().to_owned(),
        }
    }
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let only = visit.query.filter::<OwnList>("list")?;
    let after = visit.query.filter::<Place>(AFTER)?.map(|Place(list, name)| (list, name));
    let ((rows, more), held) = visit
        .look(move |node, now| {
            let acting = OwnList::ALL.iter().map(|list| node.state().lists.acting(*list, now));
            (node.list_listed(only, after, limits::ROWS, now), acting.collect::<Vec<usize>>())
        })
        .await?;
    let next = rows.last().filter(|_| more).map(|(list, name, _)| format!("{list}-{name}"));
    let count = |count: usize| grouped(u64::try_from(count).unwrap_or(u64::MAX));
    let tab = |list: OwnList, count: String| {
        let (title, path) = match list {
            OwnList::Allow => ("Always passes", "/lists?list=allow"),
            OwnList::Block => ("Always refused", "/lists?list=block"),
        };
        Tab { title, path, count, here: only == Some(list) }
    };
    let both = Tab { title: "Both", path: "/lists", count: count(held.iter().sum()), here: only.is_none() };
    let each = OwnList::ALL.iter().zip(&held).map(|(list, held)| tab(*list, count(*held)));
    let page = Lists {
        frame: visit.frame("Own lists", &[]),
        tabs: [both].into_iter().chain(each).collect(),
        list: only.map(|list| badge(list).text.into_owned()),
        rows: rows.into_iter().map(|row| Row::new(&visit, row)).collect(),
        pager: Pager::new("/lists", &visit.query, next.as_deref()),
    };
    Answer::page(&page)
}

fn above() -> Crumb {
    Crumb::new("Own lists", "/lists")
}

pub async fn ask_add(visit: Visit) -> Result<Answer, Fault> {
    form(&visit, StatusCode::OK, None)
}

/// What was chosen stands again; what was typed as a value does not.
fn form(visit: &Visit, status: StatusCode, wrong: Option<String>) -> Result<Answer, Fault> {
    let chosen = |name: &'static str| visit.form.maybe(name).ok().flatten().unwrap_or_default();
    let lists = OwnList::ALL.iter().map(|list| (list.label(), badge(*list).text));
    let kinds = IdentifierKind::ALL.into_iter().map(|kind| (kind.label(), in_words(kind)));
    let reasons = ListingReason::ALL.iter().map(|one| (one.label(), reason(*one)));
    let times = Lasting::DAYS.into_iter().map(|days| (days.to_string(), span(days * 86_400)));
    let times = times.chain([("good".to_owned(), "for good".to_owned())]);
    let lasts = if chosen("lasts").is_empty() { "30" } else { chosen("lasts") };
    let page = Add {
        frame: visit.frame("Put on a list", &[above()]),
        menus: vec![
            Menu::new("list", "Orders with it", lists, chosen("list")),
            Menu::new("kind", "It is a", kinds, chosen("kind")),
        ],
        after: vec![
            Menu::new("lasts", "For how long", times, lasts),
            Menu::new("reason", "Why", reasons, chosen("reason")),
        ],
        // One that holds an identifier is not repeated.
        note: Some(chosen("note")).filter(|note| Note::new(note).is_ok()).unwrap_or_default().to_owned(),
        wrong,
    };
    Answer::page_as(status, &page)
}

pub async fn add(visit: Visit) -> Result<Answer, Fault> {
    let (list, kind): (OwnList, IdentifierKind) = (visit.form.read("list")?, visit.form.read("kind")?);
    let (lasts, reason): (Lasting, ListingReason) = (visit.form.read("lasts")?, visit.form.read("reason")?);
    let value = Zeroizing::new(visit.form.one("value")?.to_owned());
    let note = visit.form.one("note")?.to_owned();
    let caller = actor(&visit);
    let done = visit
        .act(move |node, round| {
            let identifier = RawIdentifier::new(kind, value.as_str().to_owned());
            let draft = ListingDraft { list, identifier, until: lasts.until(round.now), reason, note };
            node.add_listed(&caller, None, vec![Ok(draft)], round.now, round.rng)
        })
        .await?;
    match refused(done)? {
        None => {
            let (kind, what) = (
                in_words(kind),
                match list {
                    OwnList::Allow => "passes",
                    OwnList::Block => "is refused",
                },
            );
            visit.tell(Tone::Done, format!("Done. From now on an order with this {kind} always {what}."));
            Ok(Answer::see(LocalPath::new("/lists")))
        }
        Some(wrong) => form(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(wrong)),
    }
}

/// Why nothing was done, without what was typed.
fn refused(done: Result<ListReceipt, ListFault>) -> Result<Option<String>, Fault> {
    match done {
        Ok(receipt) => Ok(receipt.refused.first().map(|refused| sentence(&refused.description))),
        Err(ListFault::Storage(fault)) => Err(EngineFault::Storage(fault).into()),
        // The console names no request: the same words twice change nothing.
        Err(fault @ ListFault::RequestIdReused) => Err(Fault::Broken(fault.to_string())),
    }
}

/// The entry of the address.
async fn entry(visit: &Visit) -> Result<(OwnList, LocalMac, Row), Fault> {
    let (list, Fingerprint(name)): (OwnList, Fingerprint) = (visit.value("list")?, visit.value("fingerprint")?);
    let found =
        visit.look(move |node, now| node.state().lists.get(list, &name).filter(|listing| listing.acts(now)).cloned());
    let listing = found.await?.ok_or(Fault::NotFound)?;
    Ok((list, name, Row::new(visit, (list, name, listing))))
}

pub async fn ask_remove(visit: Visit) -> Result<Answer, Fault> {
    let (_, _, row) = entry(&visit).await?;
    Answer::page(&Remove { frame: visit.frame("Take off the list", &[above()]), row })
}

pub async fn remove(visit: Visit) -> Result<Answer, Fault> {
    let (list, name, _) = entry(&visit).await?;
    let caller = actor(&visit);
    let done = visit
        .act(move |node, round| {
            let target = Ok(ListTarget::Name(name));
            node.remove_listed(&caller, None, list, vec![target], round.now, round.rng)
        })
        .await?;
    match refused(done)? {
        None => visit.tell(Tone::Done, "Taken off: others’ statements and the rules count for it again."),
        Some(wrong) => visit.tell(Tone::Warning, wrong),
    }
    Ok(Answer::see(LocalPath::new("/lists")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_leads_back_to_its_entry_and_nothing_else_is_one() {
        let name = LocalMac([0xAB; 32]);
        assert_eq!(format!("{}-{name}", OwnList::Block).parse(), Ok(Place(OwnList::Block, name)));
        for text in ["block", "block-ab", "grey-abababab", "4111111111111111", ""] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_entry_lasts_for_some_days_or_for_good() {
        let now = Timestamp::from_unix_s(1_795_000_000);
        let until = |text: &str| text.parse::<Lasting>().map(|lasts| lasts.until(now));
        assert_eq!((until("7"), until("good")), (Ok(Some(now.plus_s(604_800))), Ok(None)));
        assert!(until("8").is_err() && until("").is_err());
    }
}
