//! The exchange log: everything this node did, searched, filtered and read page by page. Who looks is recorded by the node.

pub mod actions;
pub mod filters;
pub mod one;
pub mod take;
pub mod words;

use askama::Template;

use crate::base::kind::IdentifierKind;
use crate::base::limits::console as limits;
use crate::base::position::EntryIndex;
use crate::base::time::Timestamp;
use crate::domain::audit::record::{AuditRecord, Outcome};
use crate::domain::audit::search::Direction;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::decision::in_words;
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::fault::Fault;
use crate::io::console::fields::Fields;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::listing::{AFTER, Pager};
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::log::actions::TOPICS;
use crate::io::console::pages::log::filters::{Filters, FiltersError, direction_name};
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, Choice, caller};
use crate::io::console::zone::Time;
use crate::io::engine::EngineFault;
use crate::io::grpc::convert::actor;
use crate::node::audit_place::AuditPlace;
use crate::node::store::StorageFault;

const TITLE: &str = "Exchange log";
const PATH: &str = "/log";

/// Stretches of the log looked through for one page: what a narrow filter finds within some thirty thousand records comes at once, and
/// beyond it a page says how far it came.
const STRETCHES: usize = 8;

#[derive(Debug, Template)]
#[template(path = "log/list.html")]
struct List {
    frame: Frame,
    /// Where the form goes, in the zone that the address asks for.
    action: String,
    form: Form,
    /// What is shown, where not all of it.
    told: Vec<(&'static str, String)>,
    /// Entries of the whole log.
    size: String,
    rows: Vec<Row>,
    /// How far an empty page came before its time was up.
    searched_to: Option<Time>,
    pager: Pager,
    csv: String,
    json: String,
    report: String,
    most: String,
}

/// What stands in the form of filters.
#[derive(Debug)]
struct Form {
    topics: Vec<(&'static str, Vec<Choice>)>,
    directions: Vec<Choice>,
    peers: Vec<Choice>,
    kinds: Vec<Choice>,
    decisions: Vec<Choice>,
    outcomes: Vec<Choice>,
    orders: Vec<Choice>,
    actor: String,
    text: String,
    from: String,
    until: String,
    /// Any of the filters that stand behind "more" is in use.
    more: bool,
}

/// One record of a table.
#[derive(Debug)]
pub struct Row {
    pub index: u64,
    pub at: Time,
    pub action: String,
    pub words: String,
    /// The decision, where it is one.
    pub decision: Option<Badge>,
    pub subject: String,
    pub subject_whole: String,
    pub notable: String,
    pub actor: String,
    pub outcome: Badge,
}

impl Row {
    pub fn new(visit: &Visit, index: EntryIndex, record: &AuditRecord) -> Self {
        let decided = record.action() == "screening.decided";
        let mut decision = record.fields().filter(|(name, _)| decided && *name == "decision");
        let decision = decision.find_map(|(_, label)| Decision::from_label(label));
        Self {
            index: index.0,
            at: visit.time(record.time()),
            action: record.action().to_owned(),
            words: actions::action(record.action()).to_owned(),
            decision: decision.map(words::decision),
            subject: words::subject(record.subject()),
            subject_whole: record.subject().to_owned(),
            notable: words::notable(record),
            actor: caller(record.actor()),
            outcome: words::outcome(record.outcome()),
        }
    }
}

/// The way up from the pages below.
pub fn above() -> Crumb {
    Crumb::new(TITLE, PATH)
}

/// What the store could not do.
pub fn stored(fault: StorageFault) -> Fault {
    Fault::Engine(EngineFault::Storage(fault))
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let filters = match Filters::read(&visit.query, &visit.zone) {
        Ok(filters) => filters,
        Err(refused) => return refuse(&visit, &visit.query, refused),
    };
    let place = visit.query.filter::<AuditPlace>(AFTER)?.unwrap_or(AuditPlace::START);
    let found = search(&visit, &filters, place).await?;
    let zone = zone(&visit);
    let rows: Vec<Row> = found.records.iter().map(|(index, record)| Row::new(&visit, *index, record)).collect();
    let taken = |form: &str| filters.address("/log/export", &[zone.as_slice(), &[("form", form)]].concat());
    let page = List {
        frame: visit.frame(TITLE, &[]),
        action: Filters::default().address(PATH, &zone),
        told: filters.told(&visit.zone),
        size: grouped(found.size),
        searched_to: found
            .searched_to
            .filter(|_| found.next.is_some() && rows.len() < limits::ROWS)
            .map(|at| visit.time(at)),
        pager: Pager::new(PATH, &visit.query, found.next.map(|next| next.to_string()).as_deref()),
        csv: taken("csv"),
        json: taken("jsonl"),
        report: filters.address("/log/report", &zone),
        most: grouped(u64::try_from(limits::EXPORT_ROWS).unwrap_or(u64::MAX)),
        form: Form::new(&visit, &filters, &found.peers),
        rows,
    };
    Answer::page(&page)
}

/// Puts what was chosen in the form into an address.
pub async fn narrow(visit: Visit) -> Result<Answer, Fault> {
    match Filters::read(&visit.form, &visit.zone) {
        Ok(filters) => Ok(Answer::see(within(&visit, &filters))),
        Err(refused) => refuse(&visit, &visit.form, refused),
    }
}

/// The list with these filters, in the zone that the address asks for.
fn within(visit: &Visit, filters: &Filters) -> LocalPath {
    LocalPath::new(filters.address(PATH, &zone(visit)))
}

/// The zone that the address asks for, as links of the page pass it on.
fn zone(visit: &Visit) -> Vec<(&'static str, &str)> {
    visit.query.all("zone").map(|zone| ("zone", zone)).collect()
}

/// Away from an address that holds an identifier, to the same one without it; what else is no filter is no page.
fn refuse(visit: &Visit, fields: &Fields, refused: FiltersError) -> Result<Answer, Fault> {
    match refused {
        FiltersError::Field(refused) => Err(refused.into()),
        FiltersError::Search { field, why } => {
            let kept: String = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields.without(&[field, "token", AFTER]))
                .finish();
            let kept = Fields::parse(kept.as_bytes())?;
            // The other of the two texts may hold one as well: then nothing is kept.
            let filters = Filters::read(&kept, &visit.zone).unwrap_or_default();
            visit.tell(Tone::Warning, format!("Nothing was searched for: {why}."));
            Ok(Answer::see(within(visit, &filters)))
        }
    }
}

/// What was found for one page.
struct Found {
    records: Vec<(EntryIndex, AuditRecord)>,
    next: Option<AuditPlace>,
    searched_to: Option<Timestamp>,
    size: u64,
    /// Other members.
    peers: Vec<String>,
}

async fn search(visit: &Visit, filters: &Filters, place: AuditPlace) -> Result<Found, Fault> {
    let (filter, caller) = (filters.audit_filter(), actor(&visit.caller()));
    let (size, peers) = visit
        .look(|node, _| {
            let state = node.state();
            let peers = state.roster.peers_of(&state.identity.member);
            (node.audit_size().size.0, peers.iter().map(|peer| peer.id.to_string()).collect())
        })
        .await?;
    let mut found = Found { records: Vec::new(), next: Some(place), searched_to: None, size, peers };
    for _ in 0..STRETCHES {
        let room = limits::ROWS.saturating_sub(found.records.len());
        let Some(place) = found.next.clone().filter(|_| room > 0) else { break };
        let (filter, caller) = (filter.clone(), caller.clone());
        let page = visit
            .act(move |node, round| node.list_audit_records(&caller, &filter, &place, room, round.now, round.rng))
            .await?
            .map_err(stored)?;
        found.next = page.next;
        found.searched_to = page.searched_to.or(found.searched_to);
        let read = page
            .entries
            .into_iter()
            .filter_map(|logged| Some((logged.index, AuditRecord::decode(&logged.entry.blob).ok()?)));
        found.records.extend(read);
    }
    Ok(found)
}

impl Form {
    fn new(visit: &Visit, filters: &Filters, peers: &[String]) -> Self {
        let choice =
            |value: &str, text: &str, chosen: bool| Choice { value: value.to_owned(), text: text.to_owned(), chosen };
        let topics = TOPICS.iter().map(|(group, topics)| {
            let choices = topics.iter().map(|(topic, words)| choice(topic, words, filters.topic == Some(*topic)));
            (*group, choices.collect())
        });
        let chosen = filters.peer.as_ref().map(ToString::to_string);
        // Who left the consortium may still be looked for.
        let gone = chosen.iter().filter(|chosen| !peers.contains(chosen));
        let peers = peers.iter().chain(gone).map(|peer| choice(peer, peer, chosen.as_ref() == Some(peer)));
        let outcome = |one: Outcome| choice(one.name(), &words::outcome(one).text, filters.outcome == Some(one));
        let field = |at: Option<Timestamp>| at.map(|at| visit.zone.field(at)).unwrap_or_default();
        let (from, until) = (field(filters.from), field(filters.until));
        Self {
            topics: topics.collect(),
            directions: Direction::ALL
                .into_iter()
                .map(|one| choice(one.label(), direction_name(one), filters.direction == Some(one)))
                .collect(),
            peers: peers.collect(),
            kinds: IdentifierKind::ALL
                .into_iter()
                .map(|one| choice(one.label(), in_words(one), filters.kind == Some(one)))
                .collect(),
            decisions: Decision::ALL
                .into_iter()
                .map(|one| choice(one.label(), one.label(), filters.decision == Some(one)))
                .collect(),
            outcomes: Outcome::ALL.into_iter().map(outcome).collect(),
            orders: vec![
                choice("", "newest first", !filters.oldest_first),
                choice("oldest", "oldest first", filters.oldest_first),
            ],
            more: filters.kind.is_some()
                || filters.outcome.is_some()
                || filters.oldest_first
                || !filters.actor.is_empty(),
            actor: filters.actor.clone(),
            text: filters.text.clone(),
            from,
            until,
        }
    }
}
