//! Why somebody does not get the page they asked for, and what they are told: plain words, a reference, no detail.

use http::StatusCode;

use crate::io::console::fields::FieldError;
use crate::io::console::local_path::LocalPath;
use crate::io::engine::EngineFault;

/// Every way a request ends without its answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nobody is signed in; where to go on afterwards.
    #[error("nobody is signed in")]
    SignIn(LocalPath),
    /// Password and code are wanted again first.
    #[error("password and code are wanted again")]
    Prove(LocalPath),
    #[error("not in the user's roles")]
    Role,
    /// Not there, or not for this user: the two look the same.
    #[error("no such page")]
    NotFound,
    #[error("this address is not asked in this way")]
    Verb,
    /// Not sent by a page of this console, or by one of another session.
    #[error("not a form of this session")]
    Forged,
    #[error("the form exceeds the limit of {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the form did not come in time")]
    Slow,
    #[error("{0}")]
    Fields(#[from] FieldError),
    #[error("too many requests at once")]
    Busy,
    /// Of people who are not signed in, from where this one is or from everywhere.
    #[error("too many requests of strangers at once")]
    Crowded,
    #[error("{0}")]
    Engine(#[from] EngineFault),
    #[error("the page was not made in time")]
    Late,
    /// A bug, told in the log with its reference.
    #[error("{0}")]
    Broken(String),
}

/// What a page says in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub status: StatusCode,
    pub title: &'static str,
    pub text: &'static str,
    /// Worth a reference, because somebody else has to look.
    pub logged: bool,
}

impl Fault {
    pub fn told(&self) -> Told {
        let told = |status, title, text| Told { status, title, text, logged: false };
        match self {
            Self::SignIn(_) => {
                told(StatusCode::UNAUTHORIZED, "Sign in", "You are not signed in, or were away for too long.")
            }
            Self::Prove(_) => told(
                StatusCode::FORBIDDEN,
                "Confirm that it is you",
                "This action needs your password and a code once more.",
            ),
            Self::Role => told(
                StatusCode::FORBIDDEN,
                "Not in your roles",
                "None of your roles includes this. Who works as operator here can change what you may do.",
            ),
            Self::NotFound => told(
                StatusCode::NOT_FOUND,
                "Nothing here",
                "There is no such page, or nothing on it that you may see. A link may have outlived what it led to.",
            ),
            Self::Verb => {
                told(StatusCode::METHOD_NOT_ALLOWED, "Not like this", "This address does not take what was sent to it.")
            }
            Self::Forged => told(
                StatusCode::FORBIDDEN,
                "This form is not valid any more",
                "It was sent from another page or another session, so nothing was changed. Open the page again and repeat what you did.",
            ),
            Self::TooLarge { .. } => told(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Too much at once",
                "The form was larger than the console takes. Nothing was changed.",
            ),
            Self::Slow => told(
                StatusCode::REQUEST_TIMEOUT,
                "The form did not arrive",
                "The connection was too slow. Nothing was changed; please send it again.",
            ),
            Self::Fields(_) => told(
                StatusCode::BAD_REQUEST,
                "That could not be read",
                "A field was missing, stood twice or held something unexpected. Nothing was changed.",
            ),
            Self::Crowded => told(
                StatusCode::TOO_MANY_REQUESTS,
                "Many at once",
                "Many people who are not signed in ask for something at this moment. Please try again in a few seconds.",
            ),
            Self::Busy | Self::Engine(EngineFault::Busy) => told(
                StatusCode::SERVICE_UNAVAILABLE,
                "Busy",
                "The node has much to do at this moment. Please try again.",
            ),
            Self::Engine(EngineFault::Opening) => told(
                StatusCode::SERVICE_UNAVAILABLE,
                "The node is starting",
                "It opens and verifies its store; checkouts are answered meanwhile. Try again in a moment.",
            ),
            Self::Engine(EngineFault::Stopping) => {
                told(StatusCode::SERVICE_UNAVAILABLE, "The node is stopping", "Try again once it has started.")
            }
            Self::Late | Self::Engine(EngineFault::Stuck { .. }) => Told {
                logged: true,
                ..told(
                    StatusCode::GATEWAY_TIMEOUT,
                    "No answer in time",
                    "The node did not answer in time. Please try again.",
                )
            },
            Self::Engine(EngineFault::Storage(_)) => Told {
                logged: true,
                ..told(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The store does not take this",
                    "Nothing was changed. Who runs the node finds the reason in its log.",
                )
            },
            Self::Broken(_) => Told {
                logged: true,
                ..told(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Something went wrong",
                    "The fault is ours. Who runs the node finds it in the log under the reference below.",
                )
            },
        }
    }

    /// Of refusals that the audit log is told of.
    pub fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Role => Some("ROLE_NOT_ALLOWED"),
            Self::Forged => Some("FORGED_FORM"),
            Self::SignIn(_)
            | Self::Prove(_)
            | Self::NotFound
            | Self::Verb
            | Self::TooLarge { .. }
            | Self::Slow
            | Self::Fields(_)
            | Self::Busy
            | Self::Crowded
            | Self::Engine(_)
            | Self::Late
            | Self::Broken(_) => None,
        }
    }

    /// In one word, for monitoring.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::SignIn(_) => "sign_in",
            Self::Prove(_) => "prove",
            Self::Role => "role",
            Self::NotFound => "not_found",
            Self::Verb => "verb",
            Self::Forged => "forged",
            Self::TooLarge { .. } => "too_large",
            Self::Slow => "slow",
            Self::Fields(_) => "fields",
            Self::Busy => "busy",
            Self::Crowded => "crowded",
            Self::Engine(_) => "engine",
            Self::Late => "late",
            Self::Broken(_) => "broken",
        }
    }
}
