//! Signing in to the console: what people type is held against what the node keeps of its users.
//!
//! Passwords are hashed here, few at a time ([`hashes`]), and a new one is held against guessing ([`strength`]). Everything else
//! (tries, codes, the audit log) is [`crate::node::users`]', which this calls.

use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::base::time::Timestamp;
use crate::domain::user::code::EnrolmentCode;
use crate::domain::user::name::UserName;
use crate::domain::user::password::Password;
use crate::domain::user::roles::ConsoleRoles;
use crate::domain::user::{Generation, User, UserState};
use crate::io::engine::{Engine, EngineFault};
use crate::io::transport::caller::LocalCaller;
use crate::node::store::{Journal, Views};
use crate::node::users::{RecoveryCodes, SignOut, SignedIn, UserFault, Via};

/// The console's users. Cheap to clone.
#[derive(Debug)]
pub struct Users<J, V> {
    engine: Engine<J, V>,
}

impl<J, V> Clone for Users<J, V> {
    fn clone(&self) -> Self {
        Self { engine: self.engine.clone() }
    }
}

/// Whose session it is: what a cookie leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionUser {
    pub name: UserName,
    pub generation: Generation,
}

/// An authenticator's secret, for its owner's eyes. Nothing is kept before its first code comes back.
#[derive(Debug)]
pub struct TotpOffer {
    pub user: UserName,
    /// Base 32, as people type it.
    pub secret: Zeroizing<String>,
    /// `otpauth://totp/…`, as a picture shows it.
    pub uri: Zeroizing<String>,
}

/// Somebody is not signed in. One answer for everything that is wrong: it tells nobody whether a user exists, or which part was
/// right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInRefused {
    #[error("the name, the password or the code is wrong, or there were too many wrong tries")]
    Denied,
    #[error("too many people sign in at this moment; try again in {} s", retry_after_ms / 1_000)]
    Busy { retry_after_ms: u64 },
    #[error(transparent)]
    Engine(#[from] EngineFault),
}

/// A new password is too easy to guess.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("a password has {least} characters at least, got {got}")]
    Short { least: usize, got: usize },
    #[error("{why}")]
    Guessed { why: String },
}

/// Somebody is not enrolled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolRefused {
    #[error("this code enrols nobody, or no longer; ask an operator for another")]
    Code,
    #[error(transparent)]
    Password(#[from] WeakPassword),
    #[error("the authenticator's code is wrong; check its clock, and wait for the next one")]
    Totp,
    #[error("too many people sign in at this moment; try again in {} s", retry_after_ms / 1_000)]
    Busy { retry_after_ms: u64 },
    #[error(transparent)]
    Engine(#[from] EngineFault),
}

/// What somebody who is signed in wanted to change of their own was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefused {
    #[error(transparent)]
    Proof(#[from] SignInRefused),
    #[error(transparent)]
    Password(#[from] WeakPassword),
    #[error("the new authenticator's code is wrong; check its clock, and wait for the next one")]
    Totp,
}

/// A change of a user was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserRefused {
    #[error(transparent)]
    Fault(#[from] UserFault),
    #[error(transparent)]
    Engine(#[from] EngineFault),
}

/// A user as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    pub name: UserName,
    /// None while a first role waits for a second operator.
    pub roles: Option<ConsoleRoles>,
    pub state: UserState,
    pub created: Timestamp,
    /// As the audit log names callers.
    pub created_by: String,
    pub signed_in: Option<Timestamp>,
    pub recovery_left: usize,
    /// Until when the code enrols, or the user is closed.
    pub until: Option<Timestamp>,
    /// Roles that wait for a second operator, and who asked for them.
    pub asked: Option<(ConsoleRoles, String)>,
}

/// A user was made, or made anew.
#[derive(Debug)]
pub struct Invited {
    pub user: UserRow,
    /// Shown once, entered at [`ENROL_PATH`].
    pub code: EnrolmentCode,
}

/// Where the console takes an enrolment code.
pub const ENROL_PATH: &str = "/enrol";

impl UserRow {
    pub fn of(user: &User, now: Timestamp) -> Self {
        todo!("{user:?} {now}")
    }
}

#[expect(unused_variables, clippy::unused_async, clippy::todo, reason = "signatures first")]
impl<J, V> Users<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    pub fn new(engine: Engine<J, V>) -> Self {
        Self { engine }
    }

    /// What a session may do at this moment, from memory; none where it is over.
    pub fn alive(&self, who: &SessionUser) -> Option<ConsoleRoles> {
        todo!()
    }

    /// `code` is one of the authenticator, or a recovery code.
    pub async fn sign_in(
        &self,
        name: &str,
        password: Password,
        code: &str,
        from: IpAddr,
    ) -> Result<SignedIn, SignInRefused> {
        todo!()
    }

    /// Proves once more who it is, before what is dangerous. Recorded; after ten wrong ones all sessions of the user are over.
    pub async fn reauthenticate(
        &self,
        who: &SessionUser,
        password: Password,
        code: &str,
        from: IpAddr,
    ) -> Result<(), SignInRefused> {
        todo!()
    }

    /// What an enrolment code leads to. As often as it is asked for, the same.
    pub async fn enrol_begin(&self, code: &str) -> Result<TotpOffer, EnrolRefused> {
        todo!()
    }

    /// The user has a password and an authenticator from now on; the code enrols nobody any more. Signs nobody in.
    pub async fn enrol(
        &self,
        code: &str,
        password: Password,
        totp: &str,
        from: IpAddr,
    ) -> Result<(UserName, RecoveryCodes), EnrolRefused> {
        todo!()
    }

    /// All sessions end but one that goes on with the answer.
    pub async fn change_password(
        &self,
        who: &SessionUser,
        old: Password,
        code: &str,
        new: Password,
        from: IpAddr,
    ) -> Result<Generation, ChangeRefused> {
        todo!()
    }

    /// The secret for another authenticator.
    pub async fn totp_offer(&self, who: &SessionUser) -> Result<TotpOffer, SignInRefused> {
        todo!()
    }

    /// Another authenticator in the place of the one there was; `code` is one of that, or a recovery code. All sessions end but one that goes
    /// on with the answer.
    pub async fn renew_totp(
        &self,
        who: &SessionUser,
        password: Password,
        code: &str,
        new_code: &str,
        from: IpAddr,
    ) -> Result<Generation, ChangeRefused> {
        todo!()
    }

    /// Ten new ones; those that were left are over.
    pub async fn renew_recovery_codes(
        &self,
        who: &SessionUser,
        password: Password,
        code: &str,
        from: IpAddr,
    ) -> Result<RecoveryCodes, SignInRefused> {
        todo!()
    }

    /// Records that a session has ended.
    pub async fn signed_out(&self, who: &SessionUser, how: SignOut) -> Result<(), EngineFault> {
        todo!()
    }

    /// All users by name.
    pub async fn list(&self) -> Result<Vec<UserRow>, EngineFault> {
        todo!()
    }

    /// In the console a user who is to be operator waits for [`Self::confirm_roles`] of another operator.
    pub async fn create(
        &self,
        caller: &LocalCaller,
        via: Via,
        name: UserName,
        roles: ConsoleRoles,
    ) -> Result<Invited, UserRefused> {
        todo!()
    }

    /// Takes effect with the next request. In the console the operator's role waits for [`Self::confirm_roles`]; the others are given at once.
    pub async fn set_roles(
        &self,
        caller: &LocalCaller,
        via: Via,
        name: UserName,
        roles: ConsoleRoles,
    ) -> Result<UserRow, UserRefused> {
        todo!()
    }

    /// A second operator agrees to what another asked for.
    pub async fn confirm_roles(&self, caller: &LocalCaller, name: UserName) -> Result<UserRow, UserRefused> {
        todo!()
    }

    /// All sessions end; nobody signs in as this user before [`Self::enable`].
    pub async fn disable(&self, caller: &LocalCaller, name: UserName) -> Result<UserRow, UserRefused> {
        todo!()
    }

    /// Of one who was disabled, or is closed after wrong tries.
    pub async fn enable(&self, caller: &LocalCaller, via: Via, name: UserName) -> Result<UserRow, UserRefused> {
        todo!()
    }

    /// Password, authenticator and recovery codes are over; the user enrols again.
    pub async fn reset(&self, caller: &LocalCaller, via: Via, name: UserName) -> Result<Invited, UserRefused> {
        todo!()
    }

    pub async fn remove(&self, caller: &LocalCaller, name: UserName) -> Result<(), UserRefused> {
        todo!()
    }

    /// Of one user; also what somebody does with their own.
    pub async fn end_sessions(&self, caller: &LocalCaller, name: UserName) -> Result<UserRow, UserRefused> {
        todo!()
    }
}
