//! Legal holds: what must not be erased by expiry while somebody may need it. One person places one, two lift it.

pub mod lift;
pub mod place;

use askama::Template;

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::hold::{Hold, HoldReason, Scope, lift_ends};
use crate::io::console::answer::Answer;
use crate::io::console::date::days;
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::listing::{AFTER, Pager};
use crate::io::console::pages::evidence;
use crate::io::console::visit::Visit;
use crate::io::console::words::caller;
use crate::io::console::zone::Time;
use crate::io::engine::EngineFault;
use crate::io::grpc::convert::actor;

/// The ways up from the pages below.
pub fn above() -> [Crumb; 2] {
    [evidence::above(), Crumb::new("Legal holds", "/evidence/holds")]
}

/// Why something is held, in words.
pub const fn reason_words(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::Litigation => "a lawsuit, pending or expected",
        HoldReason::Authority => "ordered by a court or supervisor",
        HoldReason::Complaint => "a customer complains or disputes",
        HoldReason::Investigation => "own investigation",
    }
}

/// One hold for a page.
#[derive(Debug)]
pub struct HoldRow {
    pub id: String,
    pub scope: &'static str,
    pub held: String,
    pub reason: &'static str,
    pub by: String,
    pub placed: Time,
    pub lifting: Option<Lifting>,
}

/// Somebody asked that a hold be lifted.
#[derive(Debug)]
pub struct Lifting {
    pub by: String,
    /// Until when somebody else can confirm it.
    pub ends: Time,
    /// Whoever looks asked for it, and so cannot confirm it.
    pub own: bool,
}

impl HoldRow {
    pub fn new(visit: &Visit, hold: &Hold, now: Timestamp) -> Self {
        let me = visit.visitor().session.user.name.as_str();
        let (scope, held) = match &hold.scope {
            Scope::Decision(_) | Scope::Case(_) => ("decision and its case", hold.scope.to_string()),
            Scope::Indicator(_) => ("indicator", hold.scope.to_string()),
            Scope::Period(period) => ("period", period_words(visit, period.from(), period.until())),
        };
        Self {
            id: hold.id.to_string(),
            scope,
            held,
            reason: reason_words(hold.reason),
            by: caller(&hold.placed.caller),
            placed: visit.time(hold.placed.at),
            lifting: hold.lifting(now).map(|asked| Lifting {
                by: caller(&asked.caller),
                ends: visit.time(lift_ends(asked)),
                own: asked.person == me,
            }),
        }
    }
}

/// Whole days by their dates, anything else by its moments.
fn period_words(visit: &Visit, from: Timestamp, until: Timestamp) -> String {
    if from.day().start() == from && until.day().start() == until {
        return format!("{} (UTC)", days(from.day(), until.day()));
    }
    format!("{} until {}", visit.time(from).plain(), visit.time(until).plain())
}

#[derive(Debug, Template)]
#[template(path = "evidence/holds/list.html")]
struct List {
    frame: Frame,
    rows: Vec<HoldRow>,
    all: usize,
    pager: Pager,
}

pub async fn list(visit: Visit) -> Result<Answer, Fault> {
    let after = visit.query.filter::<String>(AFTER)?;
    let caller = actor(&visit.caller());
    let (holds, now) = visit
        .act(move |node, round| node.list_holds(&caller, round.now, round.rng).map(|holds| (holds, round.now)))
        .await?
        .map_err(EngineFault::Storage)?;
    let all = holds.len();
    // The newest first; what waits for a second person before all others.
    let mut ordered: Vec<&Hold> = holds.iter().rev().collect();
    ordered.sort_by_key(|hold| hold.lifting(now).is_none());
    let from = after.and_then(|after| ordered.iter().position(|hold| hold.id.to_string() == after)).unwrap_or_default();
    let rest = ordered.get(from..).unwrap_or_default();
    let (page, more) = rest.split_at(rest.len().min(limits::console::ROWS));
    let next = more.first().map(|hold| hold.id.to_string());
    Answer::page(&List {
        frame: visit.frame("Legal holds", &[evidence::above()]),
        rows: page.iter().map(|hold| HoldRow::new(&visit, hold, now)).collect(),
        all,
        pager: Pager::new("/evidence/holds", &visit.query, next.as_deref()),
    })
}
