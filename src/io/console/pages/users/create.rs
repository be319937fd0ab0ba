//! Making a user: a name, roles, and a code to pass on that is shown once.

use askama::Template;
use http::StatusCode;

use crate::domain::user::name::UserName;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::{Crumb, Frame};
use crate::io::console::pages::enrol::sentence;
use crate::io::console::pages::users::{Choice, above, choices, ticked};
use crate::io::console::secret_text::SecretText;
use crate::io::console::visit::Visit;
use crate::io::console::zone::Time;
use crate::io::users::ENROL_PATH;
use crate::io::users::manage::UserRefused;
use crate::io::users::row::Invited;
use crate::node::manage_users::Via;

#[derive(Debug, Template)]
#[template(path = "users/create.html")]
struct Create {
    frame: Frame,
    name: String,
    choices: Vec<Choice>,
    wrong: Option<String>,
}

/// The code, for whoever just made it.
#[derive(Debug, Template)]
#[template(path = "users/invited.html")]
pub struct InvitedPage {
    frame: Frame,
    name: String,
    code: SecretText,
    path: &'static str,
    until: Option<Time>,
    /// Whether the operator's role waits for a second operator.
    asked: bool,
}

impl InvitedPage {
    pub fn new(visit: &Visit, invited: &Invited) -> Self {
        let name = invited.user.name.to_string();
        let crumbs = [above(), Crumb::new(name.clone(), format!("/users/{name}"))];
        Self {
            frame: visit.frame("Invitation", &crumbs),
            name,
            code: SecretText::new(invited.code.reveal()),
            path: ENROL_PATH,
            until: invited.user.until.map(|until| visit.time(until)),
            asked: invited.user.asked.is_some(),
        }
    }
}

pub async fn ask(visit: Visit) -> Result<Answer, Fault> {
    form(&visit, StatusCode::OK, String::new(), None)
}

fn form(visit: &Visit, status: StatusCode, name: String, wrong: Option<String>) -> Result<Answer, Fault> {
    let chosen = ticked(&visit.form).ok();
    let frame = visit.frame("New user", &[above()]);
    Answer::page_as(status, &Create { frame, name, choices: choices(chosen.as_ref()), wrong })
}

pub async fn create(visit: Visit) -> Result<Answer, Fault> {
    let typed: String = visit.form.one("name")?.trim().chars().take(64).collect();
    let refuse =
        |reason: String| form(&visit, StatusCode::UNPROCESSABLE_ENTITY, typed.clone(), Some(sentence(&reason)));
    let name: UserName = match UserName::typed(&typed) {
        Ok(name) => name,
        Err(reason) => return refuse(reason.to_string()),
    };
    let roles = match ticked(&visit.form) {
        Ok(roles) => roles,
        Err(reason) => return refuse(reason.to_string()),
    };
    match visit.console.users.create(&visit.caller(), Via::Console, name, roles).await {
        Ok(invited) => Answer::page(&InvitedPage::new(&visit, &invited)),
        Err(UserRefused::Engine(fault)) => Err(fault.into()),
        Err(refused @ UserRefused::Fault(_)) => refuse(refused.to_string()),
    }
}
