//! Becoming a user: the code an operator passed on, an authenticator, a password; then recovery codes, shown once.

use askama::Template;
use http::StatusCode;

use crate::domain::user::password::Password;
use crate::io::console::answer::Answer;
use crate::io::console::chart::svg::Svg;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::pages::account::recovery::RecoveryPage;
use crate::io::console::qr::Qr;
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
    code: String,
    user: String,
    /// Base 32 in groups of four.
    secret: String,
    uri: String,
    /// The same as a picture for the telephone.
    picture: Option<Svg>,
    wrong: Option<String>,
}

const TITLE: &str = "Set up your account";

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    Answer::page(&Enrol { frame: visit.frame(TITLE, &[]), wrong: None })
}

pub async fn begin(visit: Visit) -> Result<Answer, Fault> {
    offer(&visit, StatusCode::OK, None).await
}

pub async fn finish(visit: Visit) -> Result<Answer, Fault> {
    let (password, repeated) = (visit.form.one("password")?, visit.form.one("repeated")?);
    if password != repeated {
        return offer(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some("The two passwords differ.".to_owned())).await;
    }
    let (code, totp) = (visit.form.one("code")?, visit.form.one("totp")?);
    let password = match Password::typed(password) {
        Ok(password) => password,
        Err(long) => return offer(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(sentence(&long.to_string()))).await,
    };
    match visit.console.users.enrol(code, password, totp, visit.from).await {
        Ok((user, codes)) => {
            let intro = format!("You are set up as {user}. Keep these codes, then sign in.");
            Answer::page(&RecoveryPage::new(visit.frame("Your recovery codes", &[]), intro, &codes, "/sign-in"))
        }
        Err(ChangeRefused::Proof(SignInRefused::Engine(fault))) => Err(fault.into()),
        Err(refused @ ChangeRefused::EnrolmentCode) => refuse(&visit, &refused),
        Err(refused @ (ChangeRefused::Totp | ChangeRefused::Password(_) | ChangeRefused::Proof(_))) => {
            offer(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(sentence(&refused.to_string()))).await
        }
    }
}

/// The page with the authenticator's secret.
async fn offer(visit: &Visit, status: StatusCode, wrong: Option<String>) -> Result<Answer, Fault> {
    let code = visit.form.one("code")?;
    match visit.console.users.enrol_begin(code).await {
        Ok(TotpOffer { user, secret, uri }) => {
            let page = Finish {
                frame: visit.frame(TITLE, &[]),
                code: code.trim().to_owned(),
                user: user.to_string(),
                secret: in_fours(&secret),
                uri: uri.to_string(),
                picture: picture(&uri),
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
pub fn in_fours(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
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
        assert_eq!(in_fours("ABCDEFGHIJ"), "ABCD EFGH IJ");
        assert_eq!(sentence("the code is wrong"), "The code is wrong.");
        assert_eq!(sentence(""), ".");
    }
}
