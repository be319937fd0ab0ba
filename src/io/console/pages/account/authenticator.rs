//! Another authenticator in the place of the one there was: a new telephone. All other sessions of the user end.

use askama::Template;
use http::StatusCode;

use crate::domain::user::offer::Offer;
use crate::domain::user::password::Password;
use crate::io::console::answer::Answer;
use crate::io::console::chart::svg::Svg;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::account::above;
use crate::io::console::pages::account::password::refusal;
use crate::io::console::pages::enrol::{in_fours, picture};
use crate::io::console::secret_text::SecretText;
use crate::io::console::session::Tone;
use crate::io::console::visit::Visit;
use crate::io::users::{ChangeRefused, SignInRefused, TotpOffer};

#[derive(Debug, Template)]
#[template(path = "account/authenticator.html")]
struct AuthenticatorPage {
    frame: Frame,
    /// Which offer the secret is of; comes back with its first code.
    offer: String,
    secret: SecretText,
    uri: SecretText,
    /// The same as a picture for the telephone.
    picture: Option<Svg>,
    wrong: Option<String>,
}

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    page(&visit, None, StatusCode::OK, None).await
}

/// With another secret, or with that of an offer whose form came back.
async fn page(visit: &Visit, again: Option<Offer>, status: StatusCode, wrong: Option<String>) -> Result<Answer, Fault> {
    let TotpOffer { offer, secret, uri, .. } =
        match visit.console.users.totp_offer(&visit.visitor().session.user, again).await {
            Ok(offer) => offer,
            // The session is over meanwhile, by too many wrong tries for one.
            Err(SignInRefused::Denied) => return Err(Fault::SignIn(LocalPath::new("/account/authenticator"))),
            Err(SignInRefused::Busy { .. }) => return Err(Fault::Crowded),
            Err(SignInRefused::Engine(fault)) => return Err(fault.into()),
        };
    let (frame, offer) = (visit.frame("Change authenticator", &above()), offer.field());
    let (secret, picture, uri) = (in_fours(&secret), picture(&uri), SecretText::new(uri));
    Answer::page_as(status, &AuthenticatorPage { frame, offer, secret, uri, picture, wrong })
}

pub async fn renew(mut visit: Visit) -> Result<Answer, Fault> {
    let form = &visit.form;
    let (code, new_code, user) = (form.one("code")?, form.one("new_code")?, &visit.visitor().session.user);
    let offer: Offer = form.read("offer")?;
    let renewed = match Password::typed(form.one("password")?) {
        Ok(password) => visit.console.users.renew_totp(user, password, code, (offer, new_code), visit.from).await,
        Err(_) => Err(ChangeRefused::Proof(SignInRefused::Denied)),
    };
    match renewed {
        Ok(generation) => {
            visit.console.sessions.keep(&visit.visitor().id, generation);
            visit.tell(Tone::Done, "Your new authenticator counts from now on. Your other sessions have ended.");
            Ok(visit.rotate().into_iter().fold(Answer::see(LocalPath::new("/account")), Answer::with_cookie))
        }
        Err(refused) => {
            let (status, wrong) = refusal(refused)?;
            page(&visit, Some(offer), status, Some(wrong)).await
        }
    }
}
