//! One user: roles, how they stand, sessions, and what can be done.

use askama::Template;

use crate::domain::user::UserState;
use crate::domain::user::name::UserName;
use crate::domain::user::roles::ConsoleRoles;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::pages::account::SessionRow;
use crate::io::console::pages::users::change::Step;
use crate::io::console::pages::users::{Choice, above, badge, choices};
use crate::io::console::visit::Visit;
use crate::io::console::words::{Badge, caller};
use crate::io::console::zone::Time;
use crate::io::users::row::UserRow;

#[derive(Debug, Template)]
#[template(path = "users/one.html")]
struct One {
    frame: Frame,
    name: String,
    own: bool,
    roles: String,
    state: Badge,
    until: Option<Time>,
    created: Time,
    created_by: String,
    signed_in: Option<Time>,
    recovery_left: usize,
    asked: Option<Asked>,
    choices: Vec<Choice>,
    sessions: Vec<SessionRow>,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Asked {
    roles: String,
    by: String,
    /// Whoever looks may not agree with themselves.
    own: bool,
}

/// The user of the address, or nothing there.
pub async fn find(visit: &Visit) -> Result<UserRow, Fault> {
    let name: UserName = visit.value("name")?;
    visit.console.users.list().await?.into_iter().find(|user| user.name == name).ok_or(Fault::NotFound)
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let user = find(&visit).await?;
    let me = visit.visitor().session.user.name.as_str();
    let sessions = visit.console.sessions.list(Some(&user.name), visit.now.steady);
    let words = |roles: Option<&ConsoleRoles>| roles.map(ToString::to_string).unwrap_or_default().replace(',', ", ");
    let asked = user.asked.as_ref().map(|asked| Asked {
        roles: words(Some(&asked.roles)),
        by: asked.person.clone(),
        own: asked.person == me,
    });
    // Nobody agrees with themselves.
    let agrees = asked.as_ref().is_some_and(|asked| !asked.own);
    let steps = Step::ALL.into_iter().filter(|step| step.fits(&user) && (*step != Step::Confirm || agrees)).collect();
    let page = One {
        frame: visit.frame(user.name.as_str(), &[above()]),
        name: user.name.to_string(),
        own: user.name.as_str() == me,
        roles: words(user.roles.as_ref()),
        state: badge(user.state),
        until: user.until.filter(|_| user.state != UserState::Active).map(|until| visit.time(until)),
        created: visit.time(user.created),
        created_by: caller(&user.created_by),
        signed_in: user.signed_in.map(|at| visit.time(at)),
        recovery_left: user.recovery_left,
        asked,
        choices: choices(user.roles.as_ref()),
        sessions: sessions.iter().map(|shown| SessionRow::new(&visit, shown)).collect(),
        steps,
    };
    Answer::page(&page)
}
