//! Signing in and out.

use askama::Template;
use http::StatusCode;

use crate::domain::user::password::Password;
use crate::io::console::answer::Answer;
use crate::io::console::cookies;
use crate::io::console::fault::Fault;
use crate::io::console::frame::Frame;
use crate::io::console::local_path::LocalPath;
use crate::io::console::session::{Begun, Flash, Origin, Tone};
use crate::io::console::visit::Visit;
use crate::io::metrics::console::SignInOutcome;
use crate::io::users::SignInRefused;
use crate::node::sign_in::{SessionUser, SignOut, SignedIn};

#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    /// Where to go on afterwards.
    back: String,
    /// What was typed before; a password never comes back.
    name: String,
    wrong: Option<String>,
}

/// Recovery codes from which on somebody is told to make new ones.
const FEW_RECOVERY_CODES: usize = 3;

pub async fn show(visit: Visit) -> Result<Answer, Fault> {
    if visit.visitor.is_some() {
        return Ok(Answer::see(LocalPath::home()));
    }
    let back = visit.query.filter::<LocalPath>("back").ok().flatten();
    form(&visit, StatusCode::OK, back, String::new(), None)
}

pub async fn sign_in(visit: Visit) -> Result<Answer, Fault> {
    let back = visit.form.filter::<LocalPath>("back").ok().flatten();
    let name = visit.form.one("name")?;
    let code = visit.form.one("code")?;
    let tried = match Password::typed(visit.form.one("password")?) {
        Ok(password) => visit.console.users.sign_in(name, password, code, visit.from).await,
        // Wrong like any other.
        Err(_) => Err(SignInRefused::Denied),
    };
    visit.console.counts.tried_to_sign_in(match &tried {
        Ok(_) => SignInOutcome::SignedIn,
        Err(SignInRefused::Denied) => SignInOutcome::Denied,
        Err(SignInRefused::Busy { .. }) => SignInOutcome::Busy,
        Err(SignInRefused::Engine(_)) => SignInOutcome::Failed,
    });
    let signed_in = match tried {
        Ok(signed_in) => signed_in,
        Err(SignInRefused::Engine(fault)) => return Err(fault.into()),
        Err(refused @ (SignInRefused::Denied | SignInRefused::Busy { .. })) => {
            let status = denied(&refused);
            let name: String = name.chars().take(64).collect();
            return form(&visit, status, back, name, Some(said(&refused)));
        }
    };
    // Whoever signs in anew leaves an earlier session of this browser.
    let replaced = match &visit.visitor {
        Some(before) if visit.console.sessions.end(&before.id) => {
            Some((before.session.user.clone(), SignOut::Replaced))
        }
        Some(_) | None => None,
    };
    let user = SessionUser { name: signed_in.user.clone(), generation: signed_in.generation };
    let origin = Origin { address: visit.from, browser: visit.browser.clone(), at: visit.now.wall };
    let Begun { id, ended } = visit.console.sessions.begin(user, origin, visit.now);
    visit.console.tell_ended(ended.into_iter().chain(replaced)).await;
    for flash in welcome(&signed_in, &visit) {
        visit.console.sessions.tell(&id, flash);
    }
    Ok(Answer::see(back.unwrap_or_else(LocalPath::home)).with_cookie(cookies::keep_session(&id)))
}

/// What somebody should know who is in again: who it was not last time sees it here.
fn welcome(signed_in: &SignedIn, visit: &Visit) -> Vec<Flash> {
    let mut told = Vec::new();
    if let Some(before) = signed_in.before {
        let before = visit.time(before).plain();
        let (tone, text) = match signed_in.wrong_since {
            0 => (Tone::Note, format!("You last signed in at {before}.")),
            wrong => {
                let tries = if wrong == 1 { "one wrong try".to_owned() } else { format!("{wrong} wrong tries") };
                (Tone::Warning, format!("You last signed in at {before}, and since then there was {tries} as you."))
            }
        };
        told.push(Flash { tone, text });
    }
    if signed_in.by_recovery_code || signed_in.recovery_left <= FEW_RECOVERY_CODES {
        let text =
            format!("{} recovery codes are left. You can make new ones under your account.", signed_in.recovery_left);
        told.push(Flash { tone: Tone::Warning, text });
    }
    told
}

/// The status of not being let in.
pub fn denied(refused: &SignInRefused) -> StatusCode {
    match refused {
        SignInRefused::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
        SignInRefused::Denied | SignInRefused::Engine(_) => StatusCode::FORBIDDEN,
    }
}

/// What somebody who is not let in is told: never which part was wrong.
pub fn said(refused: &SignInRefused) -> String {
    match refused {
        SignInRefused::Denied => {
            "Name, password or code is wrong, or there were too many wrong tries. A code counts once: wait for the \
                                  next one before you try again."
                .to_owned()
        }
        SignInRefused::Busy { retry_after_ms } => {
            format!(
                "Many people sign in at this moment. Try again in {} seconds.",
                retry_after_ms.div_ceil(1_000).max(1)
            )
        }
        SignInRefused::Engine(fault) => fault.to_string(),
    }
}

fn form(
    visit: &Visit,
    status: StatusCode,
    back: Option<LocalPath>,
    name: String,
    wrong: Option<String>,
) -> Result<Answer, Fault> {
    let back = back.map(|back| back.to_string()).unwrap_or_default();
    Answer::page_as(status, &SignIn { frame: visit.frame("Sign in", &[]), back, name, wrong })
}

pub async fn sign_out(visit: Visit) -> Result<Answer, Fault> {
    let visitor = visit.visitor();
    visit.console.sessions.end(&visitor.id);
    visit.console.tell_ended([(visitor.session.user.clone(), SignOut::Asked)]).await;
    Ok(Answer::see(LocalPath::new("/sign-in")).with_cookie(cookies::drop_session()).forgetting())
}
