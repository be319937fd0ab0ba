//! Another password. All other sessions of the user end.

use askama::Template;
use http::StatusCode;

use crate::domain::user::password::Password;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::account::above;
use crate::io::console::pages::enrol::sentence;
use crate::io::console::pages::sign_in::{denied, said};
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::users::{ChangeRefused, SignInRefused};

#[derive(Debug, Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    frame: Frame,
    wrong: Option<String>,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    page(&visit, StatusCode::OK, None)
}

fn page(visit: &Visit, status: StatusCode, wrong: Option<String>) -> Result<Answer, Fault> {
    Answer::page_as(status, &PasswordPage { frame: visit.frame("Change password", &above()), wrong })
}

pub async fn change(mut visit: Visit) -> Result<Answer, Fault> {
    let form = &visit.form;
    let (old, new, repeated, code) =
        (form.one("password")?, form.one("new")?, form.one("repeated")?, form.one("code")?);
    if new != repeated {
        return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some("The two new passwords differ.".to_owned()));
    }
    let new = match Password::typed(new) {
        Ok(new) => new,
        Err(long) => return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(sentence(&long.to_string()))),
    };
    let user = &visit.visitor().session.user;
    let changed = match Password::typed(old) {
        Ok(old) => visit.console.users.change_password(user, old, code, new, visit.from).await,
        Err(_) => Err(ChangeRefused::Proof(SignInRefused::Denied)),
    };
    match changed {
        Ok(generation) => {
            visit.console.sessions.keep(&visit.visitor().id, generation);
            visit.tell(Tone::Done, "Your password is changed. Your other sessions have ended.");
            Ok(visit.rotate().into_iter().fold(Answer::see(LocalPath::new("/account")), Answer::with_cookie))
        }
        Err(refused) => {
            let (status, wrong) = refusal(refused)?;
            page(&visit, status, Some(wrong))
        }
    }
}

/// What is said of a change that was refused; what is no refusal but a fault of the node goes on as one.
pub fn refusal(refused: ChangeRefused) -> Result<(StatusCode, String), Fault> {
    match refused {
        ChangeRefused::Proof(SignInRefused::Engine(fault)) => Err(fault.into()),
        ChangeRefused::Proof(refused) => Ok((denied(&refused), said(&refused))),
        ChangeRefused::Password(weak) => Ok((StatusCode::UNPROCESSABLE_ENTITY, sentence(&weak.to_string()))),
        refused @ (ChangeRefused::Totp | ChangeRefused::EnrolmentCode) => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, sentence(&refused.to_string())))
        }
    }
}
