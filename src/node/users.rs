//! The console's users: made, enrolled, signed in, changed and taken out, each step and its audit record in one commit.
//!
//! A password comes here as the answer to whether it was right (hashing takes 20 ms, and this thread is everybody's); codes come as
//! typed, and are held against what the user has in the same step that uses them up: two browsers with one code do not both get in.
//! What names nobody, or a user who is closed, is counted and told once a minute: a flood must not make the audit log grow.
//!
//! Two people (DESIGN §3): nobody changes their own roles, and in the console an operator makes another operator only with a
//! second one. The command line, which asks for an operator's certificate, may do it alone: somebody has to be first.

use crate::domain::user::Generation;
use crate::domain::user::code::RecoveryCode;
use crate::domain::user::name::UserName;
use crate::domain::user::roles::ConsoleRoles;
use crate::node::store::StorageFault;

/// By which way somebody changes users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// With a certificate of the operator's role.
    Certificate,
    /// In the browser, as a user.
    Console,
}

/// Somebody is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub user: UserName,
    pub roles: ConsoleRoles,
    /// Of the session that begins now.
    pub generation: Generation,
    pub by_recovery_code: bool,
    /// Recovery codes that are left.
    pub recovery_left: usize,
}

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOut {
    Asked,
    Idle,
    /// Its longest time is over.
    Age,
}

/// The recovery codes of a user, shown once.
#[derive(Debug)]
pub struct RecoveryCodes(pub Vec<RecoveryCode>);

/// A user was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserFault {
    #[error("there is no user of this name")]
    Unknown,
    #[error("there is a user of this name already")]
    Exists,
    #[error("there are {limit} users already; remove some")]
    TooMany { limit: usize },
    #[error("nobody changes their own roles, or makes themselves anew; another operator does")]
    OwnUser,
    #[error("no roles of this user wait for a second operator")]
    NothingAsked,
    #[error("making an operator takes two people: {person} asked for it, another operator must confirm it")]
    SamePerson { person: String },
    #[error("an operator is made anew on the command line alone: hushwire user reset NAME")]
    CommandLineOnly,
    #[error(transparent)]
    Storage(#[from] StorageFault),
}
