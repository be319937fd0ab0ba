//! Cases: orders that were stopped and wait for somebody, the ones whose time ends first before the others.

pub mod dispute;
pub mod filter;
pub mod one;
pub mod proof;
pub mod step;
pub mod words;

use std::collections::BTreeSet;

use askama::Template;

use crate::base::limits::console as limits;
use crate::base::role::Role;
use crate::domain::audit::record::Actor;
use crate::domain::case::Case;
use crate::domain::case::rules::HoldOutcome;
use crate::domain::screening::reference::reference;
use crate::domain::screening::transaction::TransactionRef;
use crate::domain::user::UserState;
use crate::io::console::answer::Answer;
use crate::io::console::chart::grouped;
use crate::io::console::fault::Fault;
use crate::io::console::fields::FieldError;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::listing::{AFTER, Pager};
use crate::io::console::local_path::LocalPath;
use crate::io::console::menu::Menu;
use crate::io::console::pages::cases::filter::{Age, InboxFilter, NOBODY, Shown, Stop, Whose};
use crate::io::console::pages::cases::words::Timer;
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::console::words::Badge;
use crate::io::console::zone::{Time, ago, span};
use crate::io::grpc::case_words::{list_place, place_token};
use crate::io::grpc::convert;
use crate::io::grpc::explaining::written;
use crate::node::cases::{CaseName, CaseTally};

#[derive(Debug, Template)]
#[template(path = "cases/inbox.html")]
struct Inbox {
    frame: Frame,
    tabs: Vec<Tab>,
    menus: Vec<Menu>,
    /// Kept beside what the menus say: the customer whose cases are shown.
    customer: Option<String>,
    rows: Vec<Row>,
    /// Some were passed over, and there is more behind them.
    more: bool,
    narrow: bool,
    shown: &'static str,
    waits: bool,
    rules: String,
    pager: Pager,
}

/// A view that people need most, with how many are in it.
#[derive(Debug)]
struct Tab {
    title: &'static str,
    path: String,
    count: Option<String>,
    here: bool,
}

/// One case of the inbox.
#[derive(Debug)]
struct Row {
    id: String,
    reference: String,
    stop: Badge,
    state: Badge,
    amount: Option<String>,
    why: String,
    late: bool,
    assignee: Option<String>,
    opened: Time,
    age: String,
    timer: Option<Timer>,
    ended: Option<(Time, &'static str)>,
}

impl Row {
    fn new(visit: &Visit, case: &Case, outcome: HoldOutcome) -> Self {
        let opening = case.opening();
        Self {
            id: case.id().to_string(),
            reference: reference(&case.id().0),
            stop: words::decision(case.stop()),
            state: words::state(case.state()),
            amount: words::amount(case),
            why: opening.reasons.first().map(|code| words::reason(code)).unwrap_or_default(),
            late: opening.answered.is_some(),
            assignee: case.assignee().map(str::to_owned),
            opened: Time::to_the_minute(opening.at, &visit.zone),
            age: ago(opening.at, visit.now.wall),
            timer: Timer::of(visit, case.due(), case.ends_as(outcome)),
            ended: case.closed().map(|closed| (Time::to_the_minute(closed.at, &visit.zone), words::how(closed.how))),
        }
    }
}

pub async fn inbox(visit: Visit) -> Result<Answer, Fault> {
    let filter = InboxFilter::read(&visit.query)?;
    let after = list_place(visit.query.maybe(AFTER)?.unwrap_or_default()).map_err(|_| FieldError::Unreadable(AFTER))?;
    let (asked, waits) = (filter.as_asked(visit.now.wall), filter.shown.waits());
    let me = visit.visitor().session.user.name.to_string();
    let name = me.clone();
    let ((cases, next), tally, rules) = visit
        .look(move |node, _| {
            let cases = &node.state().cases;
            let page = if waits {
                cases.list_ending(&asked, after, limits::ROWS)
            } else {
                cases.list(&asked, after, limits::ROWS)
            };
            (page, cases.tally(&name), node.state().settings.cases)
        })
        .await?;
    let next = next.map(place_token);
    let people = analysts(&visit).await?;
    let page = Inbox {
        frame: visit.frame("Cases", &[]),
        tabs: tabs(&filter, &tally, &me),
        menus: menus(&filter, &people),
        customer: visit.query.maybe("customer")?.filter(|text| !text.is_empty()).map(str::to_owned),
        rows: cases.iter().map(|case| Row::new(&visit, case, rules.hold_outcome)).collect(),
        more: next.is_some(),
        narrow: filter.is_narrow(),
        shown: filter.shown.title(),
        waits,
        rules: span(rules.hold_hours.saturating_mul(3_600)),
        pager: Pager::new("/cases", &visit.query, next.as_deref()),
    };
    Answer::page(&page)
}

fn tabs(filter: &InboxFilter, tally: &CaseTally, me: &str) -> Vec<Tab> {
    let wide = |shown: Shown| filter.shown == shown && !filter.is_narrow();
    let whose = |whose: &str| {
        filter.shown == Shown::Waiting
            && filter.whose.as_ref().is_some_and(|own| own.to_string() == whose)
            && (filter.stop.is_none() && filter.age.is_none() && filter.customer.is_none())
    };
    let count = |count: usize| Some(grouped(u64::try_from(count).unwrap_or(u64::MAX)));
    let asked = |field: &str, value: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(field, value).finish();
        format!("/cases?{query}")
    };
    let second = Shown::One(crate::domain::case::state::State::ReleaseAsked);
    vec![
        Tab { title: "Waiting", path: "/cases".to_owned(), count: count(tally.waiting), here: wide(Shown::Waiting) },
        Tab { title: "Mine", path: asked("assignee", me), count: count(tally.mine), here: whose(me) },
        Tab {
            title: "Nobody’s", path: asked("assignee", NOBODY), count: count(tally.unassigned), here: whose(NOBODY)
        },
        Tab {
            title: "For a second person",
            path: asked("state", second.word()),
            count: count(tally.release_asked),
            here: wide(second),
        },
        Tab { title: "Decided", path: asked("state", "decided"), count: None, here: wide(Shown::Decided) },
    ]
}

fn menus(filter: &InboxFilter, people: &BTreeSet<String>) -> Vec<Menu> {
    let states = Shown::ALL.into_iter().map(|shown| (shown.word(), shown.title()));
    let stops = Stop::ALL.into_iter().map(|stop| (stop.0.label(), words::decision(stop.0).text.into_owned()));
    let ages = Age::ALL.into_iter().map(|age| (age.word(), age.title()));
    let mut people: BTreeSet<&str> = people.iter().map(String::as_str).collect();
    if let Some(Whose::Of(name)) = &filter.whose {
        people.insert(name.as_str());
    }
    let people = people.into_iter().map(|name| (name, name));
    let (stop, age) = (filter.stop.map(|stop| stop.0.label()), filter.age.map(Age::word));
    let whose = filter.whose.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![
        Menu::new("state", "Where it stands", states, filter.shown.word()),
        Menu::new(
            "decision",
            "Stopped by",
            [("", "any decision".to_owned())].into_iter().chain(stops),
            stop.unwrap_or_default(),
        ),
        Menu::new("assignee", "Assigned to", [("", "anybody"), (NOBODY, "nobody")].into_iter().chain(people), &whose),
        Menu::new("age", "Age", [("", "any age")].into_iter().chain(ages), age.unwrap_or_default()),
    ]
}

/// Who may be given a case: the users of this console who work cases.
pub async fn analysts(visit: &Visit) -> Result<BTreeSet<String>, Fault> {
    let users = visit.console.users.list().await?;
    let may = users.iter().filter(|user| {
        let analyst = user.roles.as_ref().is_some_and(|roles| roles.has(Role::Analyst));
        analyst && matches!(user.state, UserState::Active | UserState::Closed)
    });
    Ok(may.map(|user| user.name.to_string()).collect())
}

/// The way up from the pages below.
pub fn above() -> Crumb {
    Crumb::new("Cases", "/cases")
}

/// The visitor as use cases know callers.
pub fn actor(visit: &Visit) -> Actor {
    convert::actor(&visit.caller())
}

/// Leads to the case with this reference of a customer, or of the member's own for the order. A form, because an order's number
/// is nothing for an address.
pub async fn find(visit: Visit) -> Result<Answer, Fault> {
    let typed = visit.form.one("what")?.trim().to_owned();
    let found = visit
        .look(move |node, _| {
            let cases = &node.state().cases;
            let quoted = cases.find(&CaseName::Reference(written(&typed)), None).map(Case::id);
            quoted.or_else(|| {
                let order = node.state().identity.local_mac.transaction(&TransactionRef::new(typed))?;
                cases.find(&CaseName::Transaction(order), None).map(Case::id)
            })
        })
        .await?;
    let Some(id) = found else {
        visit.tell(
            Tone::Warning,
            "No case has this reference or order number. A case that was decided long ago is not kept any more; the audit log still tells of it.",
        );
        return Ok(Answer::see(LocalPath::new("/cases")));
    };
    Ok(Answer::see(LocalPath::new(format!("/cases/{id}"))))
}
