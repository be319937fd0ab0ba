//! Another authenticator in the place of the one there was: a new telephone. All other sessions of the user end.

use askama::Template;
use http::StatusCode;

use crate::domain::user::password::Password;
use crate::io::console::answer::Answer;
use crate::io::console::chart::svg::Svg;
use crate::io::console::cookies;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::account::above;
use crate::io::console::pages::account::password::refusal;
use crate::io::console::pages::enrol::{in_fours, picture};
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::users::{ChangeRefused, SignInRefused, TotpOffer};

#[derive(Debug, Template)]
#[template(path = "account/authenticator.html")]
struct AuthenticatorPage {
    frame: Frame,
    secret: String,
    uri: String,
    /// The same as a picture for the telephone.
    picture: Option<Svg>,
    wrong: Option<String>,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    page(&visit, StatusCode::OK, None).await
}

async fn page(visit: &Visit, status: StatusCode, wrong: Option<String>) -> Result<Answer, Fault> {
    let offered = visit.console.users.totp_offer(&visit.visitor().session.user).await;
    let TotpOffer { secret, uri, .. } = match offered {
        Ok(offer) => offer,
        Err(refused) => return Err(Fault::Broken(refused.to_string())),
    };
    let frame = visit.frame("Change authenticator", &above());
    Answer::page_as(
        status,
        &AuthenticatorPage { frame, secret: in_fours(&secret), uri: uri.to_string(), picture: picture(&uri), wrong },
    )
}

pub async fn renew(visit: Visit) -> Result<Answer, Fault> {
    let form = &visit.form;
    let (code, new_code, user) = (form.one("code")?, form.one("new_code")?, &visit.visitor().session.user);
    let renewed = match Password::typed(form.one("password")?) {
        Ok(password) => visit.console.users.renew_totp(user, password, code, new_code, visit.from).await,
        Err(_) => Err(ChangeRefused::Proof(SignInRefused::Denied)),
    };
    match renewed {
        Ok(generation) => {
            let sessions = &visit.console.sessions;
            sessions.keep(&visit.visitor().id, generation);
            visit.tell(Tone::Done, "Your new authenticator counts from now on. Your other sessions have ended.");
            let renewed = sessions.prove(&visit.visitor().id, visit.now.steady);
            let answer = Answer::see(LocalPath::new("/account"));
            Ok(renewed.iter().fold(answer, |answer, id| answer.with_cookie(cookies::keep_session(id))))
        }
        Err(refused) => {
            let (status, wrong) = refusal(refused)?;
            page(&visit, status, Some(wrong)).await
        }
    }
}
