//! Users and their sessions, for operators: who may do what here, and who is signed in.

pub mod change;
pub mod create;
pub mod one;

use std::collections::BTreeMap;

use askama::Template;

use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::user::UserState;
use crate::domain::user::roles::{ConsoleRoles, NoRoles};
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::fields::Fields;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::visit::Visit;
use crate::io::console::words::Badge;
use crate::io::console::zone::{Time, ago};
use crate::io::users::row::UserRow;

#[derive(Debug, Template)]
#[template(path = "users/list.html")]
struct List {
    frame: Frame,
    users: Vec<Row>,
    sessions: usize,
}

/// A user of the list.
#[derive(Debug)]
pub struct Row {
    pub name: String,
    pub roles: Vec<&'static str>,
    pub state: Badge,
    /// Roles that wait for a second operator.
    pub asked: bool,
    pub created: Time,
    pub signed_in: Option<(Time, String)>,
    pub sessions: usize,
}

/// How a user stands, in a word.
pub fn badge(state: UserState) -> Badge {
    let (tone, text) = match state {
        UserState::Invited => ("waiting", "invited"),
        UserState::InvitationOver => ("muted", "invitation over"),
        UserState::Active => ("good", "active"),
        UserState::Closed => ("warning", "closed after wrong tries"),
        UserState::Disabled => ("muted", "disabled"),
    };
    Badge::new(tone, text)
}

impl Row {
    fn new(visit: &Visit, user: &UserRow, sessions: usize) -> Self {
        Self {
            name: user.name.to_string(),
            roles: user.roles.iter().flat_map(ConsoleRoles::iter).map(Role::as_str).collect(),
            state: badge(user.state),
            asked: user.asked.is_some(),
            created: visit.time(user.created),
            signed_in: user.signed_in.map(|at: Timestamp| (visit.time(at), ago(at, visit.now.wall))),
            sessions,
        }
    }
}

pub async fn list(visit: Visit) -> Result<Answer, Fault> {
    let sessions = visit.console.sessions.list(None, visit.now.steady);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    sessions.iter().for_each(|session| *counts.entry(session.user.as_str()).or_default() += 1);
    let users = visit.console.users.list().await?;
    let row = |user: &UserRow| Row::new(&visit, user, counts.get(user.name.as_str()).copied().unwrap_or_default());
    let users = users.iter().map(row).collect();
    Answer::page(&List { frame: visit.frame("Users and sessions", &[]), users, sessions: sessions.len() })
}

/// The way up from the pages below.
pub fn above() -> Crumb {
    Crumb::new("Users and sessions", "/users")
}

/// A role to choose, and what it means to people.
#[derive(Debug)]
pub struct Choice {
    pub role: &'static str,
    pub meaning: &'static str,
    pub chosen: bool,
}

/// The roles a user may have.
pub fn choices(chosen: Option<&ConsoleRoles>) -> Vec<Choice> {
    let choice = |role: Role| {
        let meaning = match role {
            Role::Analyst => "works cases: takes them, decides, answers questions about decisions",
            Role::Auditor => "reads the exchange log, proofs, exports and statistics",
            Role::Publisher => "retracts what this member published and answers disputes",
            Role::Operator => "runs the node: users, members and keys, policy",
            Role::Screener => "is for checkouts",
        };
        Choice { role: role.as_str(), meaning, chosen: chosen.is_some_and(|roles| roles.has(role)) }
    };
    ConsoleRoles::ALL.into_iter().map(choice).collect()
}

/// The roles ticked in a form.
pub fn ticked(form: &Fields) -> Result<ConsoleRoles, NoRoles> {
    ConsoleRoles::new(form.all("role").filter_map(|role| role.parse().ok()))
}
