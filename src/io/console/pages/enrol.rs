//! Becoming a user: the code an operator passed on, an authenticator, a password; then recovery codes, shown once.

use askama::Template;
use http::StatusCode;
use zeroize::Zeroizing;

use crate::domain::user::offer::Offer;
use crate::domain::user::password::Password;
use crate::io::console::answer::Answer;
use crate::io::console::chart::svg::Svg;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::pages::account::recovery::RecoveryPage;
use crate::io::console::qr::Qr;
use crate::io::console::secret_text::SecretText;
use crate::io::console::visit::Visit;
use crate::io::users::{ChangeRefused, SignInRefused, TotpOffer};

#[derive(Debug, Template)]
#[template(path = "enrol.html")]
struct Enrol {
    frame: Frame,
    wrong: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "enrol_finish.html")]
struct Finish {
    frame: Frame,
    code: SecretText,
    /// Which offer the secret is of; comes back with its first code.
    offer: String,
    user: String,
    /// Base 32 in groups of four.
    secret: SecretText,
    uri: SecretText,
    /// The same as a picture for the telephone.
    picture: Option<Svg>,
    wrong: Option<String>,
}

const TITLE: &str = "Set up your account";

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    Answer::page(&Enrol { frame: visit.frame(TITLE, &[]), wrong: None })
}

pub async fn begin(visit: Visit) -> Result<Answer, Fault> {
    offer(&visit, None, StatusCode::OK, None).await
}

pub async fn finish(visit: Visit) -> Result<Answer, Fault> {
    let (password, repeated) = (visit.form.one("password")?, visit.form.one("repeated")?);
    let (code, totp) = (visit.form.one("code")?, visit.form.one("totp")?);
    let taken: Offer = visit.form.read("offer")?;
    // The same secret again: it may be in an authenticator already.
    let again = async |wrong: String| offer(&visit, Some(taken), StatusCode::UNPROCESSABLE_ENTITY, Some(wrong)).await;
    if password != repeated {
        return again("The two passwords differ.".to_owned()).await;
    }
    let password = match Password::typed(password) {
        Ok(password) => password,
        Err(long) => return again(sentence(&long.to_string())).await,
    };
    match visit.console.users.enrol(code, password, taken, totp, visit.from).await {
        Ok((user, codes)) => {
            let intro = format!("You are set up as {user}. Keep these codes, then sign in.");
            Answer::page(&RecoveryPage::new(visit.frame("Your recovery codes", &[]), intro, &codes, "/sign-in"))
        }
        Err(ChangeRefused::Proof(SignInRefused::Engine(fault))) => Err(fault.into()),
        Err(refused @ ChangeRefused::EnrolmentCode) => refuse(&visit, &refused),
        Err(ChangeRefused::Proof(SignInRefused::Busy { .. })) => Err(Fault::Crowded),
        Err(refused @ (ChangeRefused::Totp | ChangeRefused::Password(_) | ChangeRefused::Proof(_))) => {
            again(sentence(&refused.to_string())).await
        }
    }
}

/// The page with an authenticator's secret: another one, or that of an offer whose form came back.
async fn offer(
    visit: &Visit,
    again: Option<Offer>,
    status: StatusCode,
    wrong: Option<String>,
) -> Result<Answer, Fault> {
    let code = visit.form.one("code")?;
    match visit.console.users.enrol_begin(code, again).await {
        Ok(TotpOffer { user, offer, secret, uri }) => {
            let page = Finish {
                frame: visit.frame(TITLE, &[]),
                code: code.trim().to_owned().into(),
                offer: offer.field(),
                user: user.to_string(),
                secret: in_fours(&secret),
                picture: picture(&uri),
                uri: SecretText::new(uri),
                wrong,
            };
            Answer::page_as(status, &page)
        }
        Err(ChangeRefused::Proof(SignInRefused::Engine(fault))) => Err(fault.into()),
        Err(refused) => refuse(visit, &refused),
    }
}

fn refuse(visit: &Visit, refused: &ChangeRefused) -> Result<Answer, Fault> {
    let page = Enrol { frame: visit.frame(TITLE, &[]), wrong: Some(sentence(&refused.to_string())) };
    Answer::page_as(StatusCode::FORBIDDEN, &page)
}

/// What a telephone's camera takes in; none of a text that is too long for it.
pub fn picture(uri: &str) -> Option<Svg> {
    Qr::encode(uri.as_bytes()).ok().map(|code| code.svg("The key as a picture for the camera of your telephone"))
}

/// Letters of a secret in groups that people can follow.
pub fn in_fours(secret: &str) -> SecretText {
    let mut grouped = Zeroizing::new(String::with_capacity(secret.len() + secret.len() / 4));
    for (place, letter) in secret.chars().enumerate() {
        if place > 0 && place.is_multiple_of(4) {
            grouped.push(' ');
        }
        grouped.push(letter);
    }
    SecretText::new(grouped)
}

/// The text of an error as a sentence.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_easy_to_type_and_an_error_is_a_sentence() {
        for (secret, grouped) in [("ABCDEFGHIJ", "ABCD EFGH IJ"), ("ABCDEFGH", "ABCD EFGH"), ("", "")] {
            assert_eq!(in_fours(secret).shown(), grouped);
        }
        assert_eq!(sentence("the code is wrong"), "The code is wrong.");
        assert_eq!(sentence(""), ".");
    }
}
