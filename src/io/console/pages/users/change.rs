//! What an operator does to a user: each step asks whether it is meant, and is done with fresh password and code.

use std::str::FromStr;

use askama::Template;
use http::StatusCode;

use crate::base::role::Role;
use crate::domain::user::UserState;
use crate::domain::user::name::UserName;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::enrol::sentence;
use crate::io::console::pages::users::create::InvitedPage;
use crate::io::console::pages::users::one::find;
use crate::io::console::pages::users::{above, ticked};
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::users::manage::UserRefused;
use crate::io::users::row::UserRow;
use crate::node::manage_users::{UserFault, Via};

/// One step, as its address names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Confirm,
    SignOut,
    Reset,
    Enable,
    Disable,
    Remove,
}

/// No such step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no step of a user")]
pub struct NoStep;

impl FromStr for Step {
    type Err = NoStep;

    fn from_str(text: &str) -> Result<Self, NoStep> {
        Self::ALL.into_iter().find(|step| step.path() == text).ok_or(NoStep)
    }
}

impl Step {
    pub const ALL: [Self; 6] = [Self::Confirm, Self::SignOut, Self::Reset, Self::Enable, Self::Disable, Self::Remove];

    pub fn path(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::SignOut => "sign-out",
            Self::Reset => "reset",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Remove => "remove",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Confirm => "Confirm roles",
            Self::SignOut => "End all sessions",
            Self::Reset => "Invite again",
            Self::Enable => "Enable",
            Self::Disable => "Disable",
            Self::Remove => "Remove",
        }
    }

    pub fn meaning(self) -> &'static str {
        match self {
            Self::Confirm => {
                "The operator's role takes two people: another operator asked for it, and counts on you to agree."
            }
            Self::SignOut => "Every browser in which this user is signed in has to sign in again.",
            Self::Reset => {
                "Password, authenticator and recovery codes are over. The user sets up the account again with a new code."
            }
            Self::Enable => "The user may sign in again, with the password and the authenticator they had.",
            Self::Disable => "All sessions end, and nobody signs in as this user until they are enabled again.",
            Self::Remove => "The user is gone. What they did stays in the audit log under their name.",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Confirm => "The roles count from now on.",
            Self::SignOut => "All sessions of the user have ended.",
            Self::Reset => "The user is invited again.",
            Self::Enable => "The user may sign in again.",
            Self::Disable => "The user is disabled, and their sessions have ended.",
            Self::Remove => "The user is removed.",
        }
    }

    pub fn is_dangerous(self) -> bool {
        matches!(self, Self::Disable | Self::Remove | Self::Reset)
    }

    /// Whether it changes anything of a user who stands like this.
    pub fn fits(self, user: &UserRow) -> bool {
        match self {
            Self::Confirm => user.asked.is_some(),
            Self::SignOut => user.state == UserState::Active || user.state == UserState::Closed,
            Self::Enable => user.state == UserState::Disabled || user.state == UserState::Closed,
            Self::Disable => user.state != UserState::Disabled,
            // Whoever makes a user anew holds the code that becomes that user: an operator's is made on the command line.
            Self::Reset => !user.roles.as_ref().is_some_and(|roles| roles.has(Role::Operator)),
            Self::Remove => true,
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "users/step.html")]
struct StepPage {
    frame: Frame,
    name: String,
    step: Step,
    asked: Option<String>,
    /// The roles that are agreed to: others that took their place meanwhile are not.
    seen: Vec<&'static str>,
    wrong: Option<String>,
}

fn crumbs(name: &UserName) -> [Crumb; 2] {
    [above(), Crumb::new(name.as_str(), format!("/users/{name}"))]
}

fn page(visit: &Visit, user: &UserRow, step: Step, status: StatusCode, wrong: Option<String>) -> Result<Answer, Fault> {
    let asked = user.asked.as_ref().map(|asked| format!("{} asked for: {}", asked.person, asked.roles));
    let seen = user.asked.as_ref().filter(|_| step == Step::Confirm);
    let seen = seen.into_iter().flat_map(|asked| asked.roles.iter()).map(Role::as_str).collect();
    let (frame, name) = (visit.frame(step.title(), &crumbs(&user.name)), user.name.to_string());
    Answer::page_as(status, &StepPage { frame, name, step, asked, seen, wrong })
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    let (step, user) = (visit.value::<Step>("step")?, find(&visit).await?);
    page(&visit, &user, step, StatusCode::OK, None)
}

pub async fn change(visit: Visit) -> Result<Answer, Fault> {
    let (step, user) = (visit.value::<Step>("step")?, find(&visit).await?);
    let (users, caller, name) = (&visit.console.users, visit.caller(), user.name.clone());
    let changed = match step {
        Step::Confirm => match ticked(&visit.form) {
            Ok(seen) => users.confirm_roles(&caller, name, seen).await.map(|_| ()),
            // A form that names no roles agrees to none.
            Err(_) => Err(UserFault::Changed.into()),
        },
        Step::SignOut => users.end_sessions(&caller, name).await.map(|_| ()),
        Step::Enable => users.enable(&caller, name).await.map(|_| ()),
        Step::Disable => users.disable(&caller, name).await.map(|_| ()),
        Step::Remove => users.remove(&caller, name).await,
        Step::Reset => match users.reset(&caller, Via::Console, name).await {
            Ok(invited) => return Answer::page(&InvitedPage::new(&visit, &invited)),
            Err(refused) => Err(refused),
        },
    };
    match changed {
        Ok(()) => {
            visit.tell(Tone::Done, step.done());
            let gone = step == Step::Remove;
            Ok(Answer::see(LocalPath::new(if gone { "/users".to_owned() } else { format!("/users/{}", user.name) })))
        }
        Err(UserRefused::Engine(fault)) => Err(fault.into()),
        Err(refused @ UserRefused::Fault(_)) => {
            page(&visit, &user, step, StatusCode::CONFLICT, Some(sentence(&refused.to_string())))
        }
    }
}

/// Gives a user these roles.
pub async fn roles(visit: Visit) -> Result<Answer, Fault> {
    let user = find(&visit).await?;
    let back = LocalPath::new(format!("/users/{}", user.name));
    let roles = match ticked(&visit.form) {
        Ok(roles) => roles,
        Err(reason) => {
            visit.tell(Tone::Warning, sentence(&reason.to_string()));
            return Ok(Answer::see(back));
        }
    };
    match visit.console.users.set_roles(&visit.caller(), Via::Console, user.name, roles).await {
        Ok(user) if user.asked.is_some() => {
            visit.tell(Tone::Warning, "The operator's role waits for another operator, who must confirm it here.");
        }
        Ok(_) => visit.tell(Tone::Done, "The roles count from the next request on."),
        Err(UserRefused::Engine(fault)) => return Err(fault.into()),
        Err(refused @ UserRefused::Fault(_)) => visit.tell(Tone::Warning, sentence(&refused.to_string())),
    }
    Ok(Answer::see(back))
}
