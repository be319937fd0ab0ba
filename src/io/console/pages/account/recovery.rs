//! Recovery codes: made anew, and shown once.

use askama::Template;
use http::StatusCode;

use crate::domain::user::password::Password;
use crate::io::console::answer::Answer;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::pages::account::above;
use crate::io::console::pages::account::password::refusal;
use crate::io::console::secret_text::SecretText;
use crate::io::console::visit::Visit;
use crate::io::users::{ChangeRefused, SignInRefused};
use crate::node::enrol::RecoveryCodes;

#[derive(Debug, Template)]
#[template(path = "account/renew_recovery.html")]
struct RenewPage {
    frame: Frame,
    wrong: Option<String>,
}

/// The codes, for whoever just made them.
#[derive(Debug, Template)]
#[template(path = "account/recovery.html")]
pub struct RecoveryPage {
    frame: Frame,
    intro: String,
    codes: Vec<SecretText>,
    onward: &'static str,
}

impl RecoveryPage {
    pub fn new(frame: Frame, intro: String, codes: &RecoveryCodes, onward: &'static str) -> Self {
        let codes = codes.0.iter().map(|code| SecretText::new(code.reveal())).collect();
        Self { frame, intro, codes, onward }
    }
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    page(&visit, StatusCode::OK, None)
}

fn page(visit: &Visit, status: StatusCode, wrong: Option<String>) -> Result<Answer, Fault> {
    Answer::page_as(status, &RenewPage { frame: visit.frame("New recovery codes", &above()), wrong })
}

pub async fn renew(mut visit: Visit) -> Result<Answer, Fault> {
    let (user, code) = (&visit.visitor().session.user, visit.form.one("code")?);
    let renewed = match Password::typed(visit.form.one("password")?) {
        Ok(password) => visit.console.users.renew_recovery_codes(user, password, code, visit.from).await,
        Err(_) => Err(ChangeRefused::Proof(SignInRefused::Denied)),
    };
    match renewed {
        Ok(codes) => {
            let intro = "These replace the codes you had.".to_owned();
            // Before the frame: its forms carry the token of the session as it is from now on.
            let cookie = visit.rotate();
            let page = RecoveryPage::new(visit.frame("Your recovery codes", &above()), intro, &codes, "/account");
            Ok(cookie.into_iter().fold(Answer::page(&page)?, Answer::with_cookie))
        }
        Err(refused) => {
            let (status, wrong) = refusal(refused)?;
            page(&visit, status, Some(wrong))
        }
    }
}
