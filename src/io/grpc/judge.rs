//! May this caller call this method: the table of roles held against whoever stands on the request, by certificate, by pin or by
//! token. What comes of the answer is the gate's ([`crate::io::grpc::gate`]).

use crate::base::role::Role;
use crate::io::access::tokens::{Grant, Unproved};
use crate::io::grpc::roles::{self, Callers};
use crate::io::grpc::status::Refusal;
use crate::io::transport::caller::{Caller, LocalCaller, PeerCaller};
use http::Extensions;

/// What ends an answer that is under way.
#[derive(Debug)]
pub enum Ends {
    /// With its connection, which lives no longer than its certificate.
    Connection,
    /// With its connection, or before that, when the roster drops the pin.
    Pin(PeerCaller),
    /// With its connection, or before that, with the token.
    Token(Grant),
}

impl Ends {
    /// Returns, with what is then said, once the caller has lost what let it in before its connection ends.
    pub async fn lost(&self) -> Refusal {
        match self {
            Self::Connection => std::future::pending().await,
            Self::Pin(peer) => {
                peer.revoked().await;
                revoked()
            }
            Self::Token(grant) => {
                grant.ended().await;
                token_ended()
            }
        }
    }
}

/// Whether whoever stands on a request may call a method: for doors that must know before they read anything more of it.
pub fn may_call(extensions: &Extensions, method: &str) -> bool {
    judge(extensions, method).is_ok()
}

/// Who was refused, and why.
#[derive(Debug)]
pub struct Denied {
    pub caller: Caller,
    pub refusal: Refusal,
}

fn denied(caller: Caller, refusal: Refusal) -> Box<Denied> {
    Box::new(Denied { caller, refusal })
}

/// Whether this caller may call this method now.
pub fn judge(extensions: &Extensions, path: &str) -> Result<Ends, Box<Denied>> {
    let callers = roles::row(path).map(|row| row.callers);
    if let Some(local) = extensions.get::<LocalCaller>() {
        let refuse = |refusal| Err(denied(Caller::Local(local.clone()), refusal));
        return match (callers, extensions.get::<Grant>()) {
            (Some(Callers::Local(roles)), _) if !roles.contains(&local.role) => refuse(not_this_role(local, roles)),
            (Some(Callers::Local(_)), None) => Ok(Ends::Connection),
            // It was good when the head came; the body may have taken its time.
            (Some(Callers::Local(_)), Some(grant)) if grant.has_ended() => refuse(token_ended()),
            (Some(Callers::Local(_)), Some(_)) if roles::BY_PEOPLE_ALONE.contains(&path) => refuse(by_people_alone()),
            (Some(Callers::Local(_)), Some(grant)) if !grant.covers(path) => refuse(beyond_scope()),
            (Some(Callers::Local(_)), Some(grant)) => Ok(Ends::Token(grant.clone())),
            (Some(Callers::Peers), _) => refuse(wrong_listener()),
            (None, _) => refuse(Refusal::Unimplemented),
        };
    }
    if let Some(peer) = extensions.get::<PeerCaller>() {
        let refuse = |refusal| Err(denied(Caller::Peer(peer.clone()), refusal));
        return match callers {
            _ if !peer.is_pinned() => refuse(revoked()),
            Some(Callers::Peers) => Ok(Ends::Pin(peer.clone())),
            Some(Callers::Local(_)) => refuse(wrong_listener()),
            None => refuse(Refusal::Unimplemented),
        };
    }
    if let Some(unproved) = extensions.get::<Unproved>() {
        let (reason, description) = unproved.reason.words();
        let caller = unproved.caller.clone().map_or(Caller::Stranger, Caller::Local);
        return Err(denied(caller, Refusal::Unauthenticated { reason, description }));
    }
    // No connection of ours leads here.
    let description = "the caller is not verified";
    Err(denied(Caller::Stranger, Refusal::Unauthenticated { reason: "NO_VERIFIED_CALLER", description }))
}

fn not_this_role(caller: &LocalCaller, roles: &[Role]) -> Refusal {
    let needed: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let description = format!("this needs the role {}; the caller's is {}", needed.join(" or "), caller.role);
    Refusal::PermissionDenied { reason: "ROLE_NOT_ALLOWED", description }
}

fn wrong_listener() -> Refusal {
    Refusal::PermissionDenied {
        reason: "WRONG_LISTENER",
        description: "this method is served on the node's other listener".to_owned(),
    }
}

fn by_people_alone() -> Refusal {
    let description = "this takes two people, each with a certificate: no token asks for it or confirms it".to_owned();
    Refusal::PermissionDenied { reason: "CERTIFICATE_NEEDED", description }
}

fn beyond_scope() -> Refusal {
    let description = "the token was issued for other methods of its role".to_owned();
    Refusal::PermissionDenied { reason: "TOKEN_SCOPE", description }
}

pub fn token_ended() -> Refusal {
    Refusal::Unauthenticated { reason: "TOKEN_ENDED", description: "the token has ended or was revoked meanwhile" }
}

pub fn revoked() -> Refusal {
    Refusal::Unauthenticated { reason: "PIN_REVOKED", description: "the roster in force no longer pins this key" }
}
