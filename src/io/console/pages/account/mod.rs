//! What somebody sees and changes of their own: password, authenticator, recovery codes, sessions, zone.

pub mod authenticator;
pub mod password;
pub mod recovery;

use askama::Template;

use crate::io::console::answer::Answer;
use crate::io::console::cookies;
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::local_path::LocalPath;
use crate::io::console::session::{Shown, Tone};
use crate::io::console::visit::Visit;
use crate::io::console::zone::{Time, Zone};
use crate::node::sign_in::SignOut;

#[derive(Debug, Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    sessions: Vec<SessionRow>,
    zones: Vec<String>,
}

/// A session as its user sees it.
#[derive(Debug)]
pub struct SessionRow {
    pub handle: String,
    pub browser: String,
    pub address: String,
    pub began: Time,
    pub seen: Time,
    /// The one that looks at the page.
    pub this: bool,
}

impl SessionRow {
    pub fn new(visit: &Visit, shown: &Shown) -> Self {
        Self {
            handle: shown.handle.as_str().to_owned(),
            browser: shown.origin.browser.clone(),
            address: shown.origin.address.to_string(),
            began: visit.time(shown.origin.at),
            seen: visit.time(shown.seen_at),
            this: visit.visitor().session.handle == shown.handle,
        }
    }
}

/// The way up from the pages below.
pub fn above() -> [Crumb; 1] {
    [Crumb::new("My account", "/account")]
}

fn here() -> LocalPath {
    LocalPath::new("/account")
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let sessions = visit.console.sessions.list(Some(&visit.visitor().session.user.name), visit.now.steady);
    let sessions = sessions.iter().map(|shown| SessionRow::new(&visit, shown)).collect();
    Answer::page(&Account { frame: visit.frame("My account", &[]), sessions, zones: Zone::all() })
}

pub async fn set_zone(visit: Visit) -> Result<Answer, Fault> {
    match visit.form.read::<Zone>("zone") {
        Ok(zone) => {
            visit.tell(Tone::Done, format!("Times are shown in {} in this browser.", zone.name()));
            Ok(Answer::see(here()).with_cookie(cookies::keep_zone(&zone)))
        }
        Err(_) => {
            visit.tell(Tone::Warning, "There is no such time zone. Zones are named as in Europe/Berlin.");
            Ok(Answer::see(here()))
        }
    }
}

pub async fn end_session(visit: Visit) -> Result<Answer, Fault> {
    let handle: String = visit.value("session")?;
    if !visit.console.sessions.end_one(&visit.visitor().session.user.name, &handle) {
        return Err(Fault::NotFound);
    }
    record(&visit).await;
    visit.tell(Tone::Done, "That session has ended.");
    Ok(Answer::see(here()))
}

pub async fn end_others(visit: Visit) -> Result<Answer, Fault> {
    let visitor = visit.visitor();
    let ended = visit.console.sessions.end_others(&visitor.session.user.name, &visitor.id);
    if ended > 0 {
        record(&visit).await;
    }
    visit.tell(
        Tone::Done,
        if ended == 1 { "One session has ended.".to_owned() } else { format!("{ended} sessions have ended.") },
    );
    Ok(Answer::see(here()))
}

/// Tells the audit log that sessions of the visitor have ended.
async fn record(visit: &Visit) {
    visit.console.tell_ended([(visit.visitor().session.user.clone(), SignOut::Asked)]).await;
}
