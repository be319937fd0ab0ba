//! What operators change of users: make, give roles, take out, make anew, remove.
//!
//! Two people (DESIGN §3): nobody changes their own roles, and in the console an operator makes another operator only with a
//! second one, who confirms it within a day. The command line, which asks for an operator's certificate, may do it alone: somebody has
//! to be first. Persons are told apart by their names alone: a user and a certificate of one name are one person, whatever their roles
//! (`person`), or somebody with two certificates would be two people. Whoever makes a user anew holds the code that becomes that user; so in the console no operator is made anew.

use rand::{CryptoRng, RngExt};

use crate::base::limits;
use crate::base::role::Role;
use crate::base::time::Timestamp;
use crate::domain::audit::console::Happened;
use crate::domain::audit::record::Actor;
use crate::domain::user::code::EnrolmentCode;
use crate::domain::user::name::UserName;
use crate::domain::user::roles::ConsoleRoles;
use crate::domain::user::{Generation, RolesAsked, Standing, Tries, User};
use crate::node::Node;
use crate::node::erasures::person;
use crate::node::store::{Journal, StorageFault, Views};

/// By which way somebody changes users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// With a certificate of the operator's role.
    Certificate,
    /// In the browser, as a user.
    Console,
}

/// A user was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserFault {
    #[error("there is no user of this name")]
    Unknown,
    #[error("there is a user of this name already")]
    Exists,
    #[error("there are {limit} users already; remove some")]
    TooMany { limit: usize },
    #[error("nobody changes their own roles or opens themselves again; another operator does")]
    OwnUser,
    #[error("no roles of this user wait for a second operator")]
    NothingAsked,
    #[error("the roles asked for are others by now; look at them again")]
    Changed,
    #[error("making an operator takes two people: {person} asked for it, another operator must confirm it")]
    SamePerson { person: String },
    #[error("an operator is made anew on the command line alone: hushwire user reset NAME")]
    CommandLineOnly,
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Makes a user, who enrols with the code.
    pub fn create_user(
        &mut self,
        caller: &Actor,
        via: Via,
        name: UserName,
        roles: ConsoleRoles,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(User, EnrolmentCode), UserFault> {
        if self.state.users.get(&name).is_some() {
            return Err(UserFault::Exists);
        }
        if self.state.users.len() >= limits::users::USERS {
            return Err(UserFault::TooMany { limit: limits::users::USERS });
        }
        let code = EnrolmentCode::draw(rng);
        let hash = self.state.identity.local_mac.enrolment_code(&code);
        let asked = needs_second(via, None, &roles).then(|| RolesAsked {
            roles: roles.clone(),
            person: person(caller),
            at: now,
        });
        let given = if asked.is_some() { roles.without_operator() } else { Some(roles) };
        let mut user = User::invited(name, given, hash, caller.to_string(), Generation(rng.random()), now);
        let mut happened = vec![Happened::Created { roles: user.roles.clone(), code_until: code_until(&user, now) }];
        happened.extend(asked.as_ref().map(|asked| Happened::RolesAsked { roles: asked.roles.clone() }));
        user.asked = asked;
        self.change_user(caller, &user, happened, now, rng)?;
        Ok((user, code))
    }

    /// Gives a user other roles, at once for all sessions. What waits for a second operator is told by [`User::asked`].
    pub fn set_user_roles(
        &mut self,
        caller: &Actor,
        via: Via,
        name: &UserName,
        roles: ConsoleRoles,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<User, UserFault> {
        let mut user = self.anothers(caller, name, "roles", now, rng)?;
        let before = user.roles.clone();
        let mut happened = Vec::new();
        if needs_second(via, before.as_ref(), &roles) {
            happened.push(Happened::RolesAsked { roles: roles.clone() });
            user.roles = roles.without_operator().or(user.roles);
            user.asked = Some(RolesAsked { roles, person: person(caller), at: now });
        } else {
            user.roles = Some(roles);
            user.asked = None;
        }
        if user.roles != before {
            happened.insert(0, Happened::RolesChanged { before, roles: user.roles.clone() });
        }
        self.change_where(caller, user, happened, now, rng)
    }

    /// A second operator agrees to the roles another asked for: to `seen`, and to no others that took their place meanwhile.
    pub fn confirm_user_roles(
        &mut self,
        caller: &Actor,
        name: &UserName,
        seen: &ConsoleRoles,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<User, UserFault> {
        let mut user = self.anothers(caller, name, "confirm_roles", now, rng)?;
        let asked = user.asked(now).cloned().ok_or(UserFault::NothingAsked)?;
        if asked.person == person(caller) {
            self.refuse_change(caller, name, "confirm_roles", "same_person", now, rng)?;
            return Err(UserFault::SamePerson { person: asked.person });
        }
        if asked.roles != *seen {
            self.refuse_change(caller, name, "confirm_roles", "changed", now, rng)?;
            return Err(UserFault::Changed);
        }
        user.roles = Some(asked.roles.clone());
        user.asked = None;
        let happened = vec![Happened::RolesConfirmed { roles: asked.roles, asked_by: asked.person }];
        self.change_where(caller, user, happened, now, rng)
    }

    /// Takes a user out: sessions end, and nobody signs in.
    pub fn disable_user(
        &mut self,
        caller: &Actor,
        name: &UserName,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<User, UserFault> {
        let mut user = self.user(name)?;
        if user.disabled {
            return Ok(user);
        }
        user.disabled = true;
        user.generation = Generation(rng.random());
        self.change_where(caller, user, vec![Happened::Disabled], now, rng)
    }

    /// Lets a user sign in again who was disabled, or is closed after wrong tries.
    pub fn enable_user(
        &mut self,
        caller: &Actor,
        name: &UserName,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<User, UserFault> {
        let mut user = self.anothers(caller, name, "enable", now, rng)?;
        let open = !user.disabled && user.tries == Tries::default();
        (user.disabled, user.tries) = (false, Tries::default());
        let happened = if open { Vec::new() } else { vec![Happened::Enabled] };
        self.change_where(caller, user, happened, now, rng)
    }

    /// Password, authenticator and recovery codes are over, with all sessions; the user enrols again.
    pub fn reset_user(
        &mut self,
        caller: &Actor,
        via: Via,
        name: &UserName,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(User, EnrolmentCode), UserFault> {
        let mut user = self.user(name)?;
        let is_operator = |roles: &ConsoleRoles| roles.has(Role::Operator);
        let operator = user.roles.as_ref().is_some_and(is_operator) || user.asked(now).is_some();
        if via == Via::Console && operator {
            self.refuse_change(caller, name, "reset", "command_line_only", now, rng)?;
            return Err(UserFault::CommandLineOnly);
        }
        let code = EnrolmentCode::draw(rng);
        user.reset(self.state.identity.local_mac.enrolment_code(&code), Generation(rng.random()), now);
        let happened = vec![Happened::Reset { code_until: code_until(&user, now) }];
        Ok((self.change_where(caller, user, happened, now, rng)?, code))
    }

    pub fn remove_user(
        &mut self,
        caller: &Actor,
        name: &UserName,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), UserFault> {
        self.user(name)?;
        Ok(self.drop_user(caller, name, now, rng)?)
    }

    /// Ends all sessions of a user.
    pub fn end_sessions(
        &mut self,
        caller: &Actor,
        name: &UserName,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<User, UserFault> {
        let mut user = self.user(name)?;
        user.generation = Generation(rng.random());
        self.change_where(caller, user, vec![Happened::SessionsEnded { why: "asked" }], now, rng)
    }

    fn user(&self, name: &UserName) -> Result<User, UserFault> {
        self.state.users.get(name).cloned().ok_or(UserFault::Unknown)
    }

    /// A user who is not the caller.
    fn anothers(
        &mut self,
        caller: &Actor,
        name: &UserName,
        change: &'static str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<User, UserFault> {
        let user = self.user(name)?;
        if person(caller) == name.as_str() {
            self.refuse_change(caller, name, change, "own_user", now, rng)?;
            return Err(UserFault::OwnUser);
        }
        Ok(user)
    }

    fn refuse_change(
        &mut self,
        caller: &Actor,
        name: &UserName,
        change: &'static str,
        rule: &'static str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        self.tell_of_user(caller, name, Happened::ChangeRefused { change, rule }, now, rng)
    }

    /// Commits a change, where anything happened.
    fn change_where(
        &mut self,
        caller: &Actor,
        user: User,
        happened: Vec<Happened>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<User, UserFault> {
        if !happened.is_empty() {
            self.change_user(caller, &user, happened, now, rng)?;
        }
        Ok(user)
    }
}

/// Whether these roles make an operator of somebody who is none, in the console.
fn needs_second(via: Via, before: Option<&ConsoleRoles>, roles: &ConsoleRoles) -> bool {
    let is_one = before.is_some_and(|before| before.has(Role::Operator));
    via == Via::Console && roles.has(Role::Operator) && !is_one
}

fn code_until(user: &User, now: Timestamp) -> Timestamp {
    match &user.standing {
        Standing::Invited(invitation) => invitation.until,
        Standing::Enrolled(_) => now,
    }
}
