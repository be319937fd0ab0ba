//! Users of the console: who they are, what proves them, and when they are closed to signing in. Values and rules; what is hashed,
//! held and told, `node::users` orders.
//!
//! A user is *invited* with a code that is shown once, *enrols* with it (a password, an authenticator, recovery codes), and signs in
//! with the password and one code. Every code passes once: of an authenticator those of later steps alone are taken. After ten wrong
//! tries the user is closed for half an hour. What ends sessions (another password, taking somebody out) changes the *generation*:
//! sessions of another one are over.

pub mod code;
pub mod name;
pub mod offer;
pub mod password;
pub mod roles;

use std::fmt;

use crate::base::bytes::LocalMac;
use crate::base::limits::users as limits;
use crate::base::time::Timestamp;
use crate::domain::user::name::UserName;
use crate::domain::user::password::Verifier;
use crate::domain::user::roles::ConsoleRoles;

/// Which of a user's lives a session belongs to. Drawn at random, so that a user made anew under an old name has no old sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// One user of the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: UserName,
    /// What the user may do; none only while a first role waits for a second operator.
    pub roles: Option<ConsoleRoles>,
    pub standing: Standing,
    pub disabled: bool,
    pub generation: Generation,
    pub created: Timestamp,
    /// Who made it, as the audit log names callers.
    pub created_by: String,
    pub tries: Tries,
    /// Roles that an operator asked for in the console, and another has to confirm.
    pub asked: Option<RolesAsked>,
}

/// How far a user has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Invited(Invitation),
    Enrolled(Credentials),
}

/// A code that enrols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// Keyed hash of the code.
    pub code: LocalMac,
    pub until: Timestamp,
}

/// What proves a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub verifier: Verifier,
    /// The authenticator's secret, sealed.
    pub totp: Vec<u8>,
    /// The step of the code used last.
    pub used_step: u64,
    /// Keyed hashes of the recovery codes that are left.
    pub recovery: Vec<LocalMac>,
    pub enrolled: Timestamp,
    pub password_set: Timestamp,
    pub signed_in: Option<Timestamp>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("recovery", &self.recovery.len()).finish_non_exhaustive()
    }
}

/// Wrong tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tries {
    /// To sign in, since somebody last did.
    pub wrong: u32,
    pub closed_until: Option<Timestamp>,
    /// Of somebody who is signed in. Apart: a stranger's tries must not keep a user at work from what needs a code.
    pub wrong_in_session: u32,
}

/// An operator asked for roles that include the operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolesAsked {
    pub roles: ConsoleRoles,
    /// The name of the person.
    pub person: String,
    pub at: Timestamp,
}

impl RolesAsked {
    pub fn ends(&self) -> Timestamp {
        self.at.plus_s(limits::OPERATOR_ASKED_HOURS * 3_600)
    }
}

/// What a user is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserState {
    Invited,
    /// The code enrols no longer.
    InvitationOver,
    Active,
    /// Closed to signing in after wrong tries.
    Closed,
    Disabled,
}

impl UserState {
    pub const ALL: [Self; 5] = [Self::Invited, Self::InvitationOver, Self::Active, Self::Closed, Self::Disabled];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::InvitationOver => "invitation_over",
            Self::Active => "active",
            Self::Closed => "closed",
            Self::Disabled => "disabled",
        }
    }
}

/// A second factor that fits the user's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// A code of this step of the authenticator.
    Step(u64),
    /// One of the recovery codes.
    Recovery(LocalMac),
}

/// What somebody showed, held against what the user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub password: bool,
    pub factor: Option<Factor>,
}

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    Right(Factor),
    Wrong {
        left: u32,
    },
    /// That was the last one: the user is closed, or the sessions have ended.
    Over,
    /// Nothing was looked at: the user is not one who signs in now.
    Closed,
}

impl User {
    pub fn invited(
        name: UserName,
        roles: Option<ConsoleRoles>,
        code: LocalMac,
        by: String,
        generation: Generation,
        now: Timestamp,
    ) -> Self {
        Self {
            name,
            roles,
            standing: Standing::Invited(Invitation::new(code, now)),
            disabled: false,
            generation,
            created: now,
            created_by: by,
            tries: Tries::default(),
            asked: None,
        }
    }

    pub fn state(&self, now: Timestamp) -> UserState {
        match &self.standing {
            _ if self.disabled => UserState::Disabled,
            Standing::Invited(invitation) if now < invitation.until => UserState::Invited,
            Standing::Invited(_) => UserState::InvitationOver,
            Standing::Enrolled(_) if self.tries.closed_until.is_some_and(|until| now < until) => UserState::Closed,
            Standing::Enrolled(_) => UserState::Active,
        }
    }

    pub fn credentials(&self) -> Option<&Credentials> {
        match &self.standing {
            Standing::Enrolled(credentials) => Some(credentials),
            Standing::Invited(_) => None,
        }
    }

    /// Wrong tries since somebody last signed in, as far as they are counted: those of the last closing, and those after it.
    pub fn wrong_tries(&self) -> u32 {
        let closed = self.tries.closed_until.map_or(0, |_| limits::SIGN_IN_TRIES);
        self.tries.wrong.saturating_add(closed)
    }

    /// Roles that wait for a second operator.
    pub fn asked(&self, now: Timestamp) -> Option<&RolesAsked> {
        self.asked.as_ref().filter(|asked| now < asked.ends())
    }

    /// What a session of this generation may do; none where it is over. Closed to signing in is not out: a stranger could throw
    /// anybody out.
    pub fn alive(&self, generation: Generation) -> Option<&ConsoleRoles> {
        let enrolled = self.credentials().is_some() && !self.disabled;
        self.roles.as_ref().filter(|_| enrolled && self.generation == generation)
    }

    /// Whether a code enrols now.
    pub fn may_enrol(&self, now: Timestamp) -> bool {
        self.state(now) == UserState::Invited
    }

    /// The user has a password, an authenticator and recovery codes from now on.
    pub fn enrol(&mut self, credentials: Credentials, generation: Generation) {
        self.standing = Standing::Enrolled(credentials);
        self.tries = Tries::default();
        self.generation = generation;
    }

    /// Back to the beginning: what proved the user proves nothing any more.
    pub fn reset(&mut self, code: LocalMac, generation: Generation, now: Timestamp) {
        self.standing = Standing::Invited(Invitation::new(code, now));
        self.tries = Tries::default();
        self.generation = generation;
    }

    /// Somebody wants to sign in.
    pub fn sign_in(&mut self, shown: &Shown, now: Timestamp) -> Tried {
        if self.state(now) != UserState::Active || self.roles.is_none() {
            return Tried::Closed;
        }
        if let Some(factor) = self.take(shown) {
            self.tries = Tries::default();
            if let Standing::Enrolled(credentials) = &mut self.standing {
                credentials.signed_in = Some(now);
            }
            return Tried::Right(factor);
        }
        self.tries.wrong += 1;
        if self.tries.wrong < limits::SIGN_IN_TRIES {
            return Tried::Wrong { left: limits::SIGN_IN_TRIES - self.tries.wrong };
        }
        self.tries.wrong = 0;
        self.tries.closed_until = Some(now.plus_s(limits::SIGN_IN_LOCK_S));
        Tried::Over
    }

    /// Somebody who is signed in proves it again. Too many wrong ones end all sessions: whoever holds one is not the user.
    pub fn reauthenticate(&mut self, shown: &Shown, next: Generation) -> Tried {
        if let Some(factor) = self.take(shown) {
            self.tries.wrong_in_session = 0;
            return Tried::Right(factor);
        }
        self.tries.wrong_in_session += 1;
        if self.tries.wrong_in_session < limits::SESSION_TRIES {
            return Tried::Wrong { left: limits::SESSION_TRIES - self.tries.wrong_in_session };
        }
        self.tries.wrong_in_session = 0;
        self.generation = next;
        Tried::Over
    }

    /// Uses up what was shown, where all of it is right.
    fn take(&mut self, shown: &Shown) -> Option<Factor> {
        let Standing::Enrolled(credentials) = &mut self.standing else { return None };
        let factor = shown.factor.filter(|_| shown.password)?;
        match factor {
            Factor::Step(step) if step > credentials.used_step => credentials.used_step = step,
            Factor::Step(_) => return None,
            Factor::Recovery(code) => {
                let before = credentials.recovery.len();
                credentials.recovery.retain(|left| *left != code);
                if credentials.recovery.len() == before {
                    return None;
                }
            }
        }
        Some(factor)
    }
}

impl Invitation {
    fn new(code: LocalMac, now: Timestamp) -> Self {
        Self { code, until: now.plus_s(limits::ENROLMENT_HOURS * 3_600) }
    }
}

#[cfg(test)]
mod tests;
