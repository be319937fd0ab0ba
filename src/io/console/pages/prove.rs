//! Proving once more who it is, before what is dangerous: password and code count as fresh for five minutes.

use askama::Template;

use crate::domain::user::password::Password;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::sign_in::{denied, said};
use crate::io::console::visit::Visit;
use crate::io::users::SignInRefused;

#[derive(Debug, Template)]
#[template(path = "prove.html")]
struct Prove {
    frame: Frame,
    back: LocalPath,
    wrong: Option<String>,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    let back = visit.query.filter("back").ok().flatten().unwrap_or_else(LocalPath::home);
    Answer::page(&Prove { frame: visit.frame("Confirm that it is you", &[]), back, wrong: None })
}

pub async fn prove(mut visit: Visit) -> Result<Answer, Fault> {
    let back = visit.form.filter("back").ok().flatten().unwrap_or_else(LocalPath::home);
    let (visitor, code) = (visit.visitor(), visit.form.one("code")?);
    let tried = match Password::typed(visit.form.one("password")?) {
        Ok(password) => visit.console.users.reauthenticate(&visitor.session.user, password, code, visit.from).await,
        Err(_) => Err(SignInRefused::Denied),
    };
    match tried {
        Ok(()) => {}
        Err(SignInRefused::Engine(fault)) => return Err(fault.into()),
        Err(refused @ (SignInRefused::Denied | SignInRefused::Busy { .. })) => {
            let (status, wrong) = (denied(&refused), Some(said(&refused)));
            let page = Prove { frame: visit.frame("Confirm that it is you", &[]), back, wrong };
            return Answer::page_as(status, &page);
        }
    }
    match visit.rotate() {
        Some(cookie) => Ok(Answer::see(back).with_cookie(cookie)),
        None => Err(Fault::SignIn(back)),
    }
}
