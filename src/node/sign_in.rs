//! Signing in to the console, and proving it again.
//!
//! A password comes here as the answer to whether it was right (hashing takes 20 ms, and this thread is everybody's); a code comes
//! as typed, and is held against what the user has in the same step that uses it up: two browsers with one code do not both get in.
//! A try is durable before it is answered: a crash gives none back. What names nobody, or a user who does not sign in now, is counted
//! and told once a minute: a flood must not make the audit log grow.

use rand::{CryptoRng, Rng, RngExt};

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::console::{Happened, Place};
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::case::totp::TotpSecret;
use crate::domain::user::code::SecondFactor;
use crate::domain::user::name::UserName;
use crate::domain::user::password::Verifier;
use crate::domain::user::roles::ConsoleRoles;
use crate::domain::user::{Factor, Generation, Shown, Tried, User};
use crate::node::Node;
use crate::node::commit::Commit;
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::user_stored::broken;
use crate::node::users::{RefusedSignIns, console_actor};

/// What somebody showed.
#[derive(Debug)]
pub struct Proof {
    /// What the password was right for; none where it was wrong. A user whose password changed meanwhile has another.
    pub password: Option<Verifier>,
    pub code: SecondFactor,
    pub place: Place,
}

/// Whose session it is: what a cookie leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionUser {
    pub name: UserName,
    pub generation: Generation,
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
    /// When the user signed in before this, and wrong tries since: to be shown, because who it was not knows that.
    pub before: Option<Timestamp>,
    pub wrong_since: u32,
}

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOut {
    Asked,
    Idle,
    /// Its longest time is over.
    Age,
    /// The user, or everybody together, had as many as there may be: it rested longest.
    Room,
    /// Its browser signed in anew.
    Replaced,
}

impl SignOut {
    const fn label(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Idle => "idle",
            Self::Age => "age",
            Self::Room => "room",
            Self::Replaced => "replaced",
        }
    }
}

impl<J: Journal, V: Views> Node<J, V> {
    /// Somebody signs in, or does not: none tells neither why nor whether there is such a user. A name that is none is nobody's.
    pub fn sign_in(
        &mut self,
        name: Option<&UserName>,
        proof: &Proof,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<SignedIn>, StorageFault> {
        let Some(mut user) = name.and_then(|name| self.state.users.get(name)).cloned() else {
            self.count_refused(now, |refused| &mut refused.unknown);
            return Ok(None);
        };
        let shown = self.shown(&user, proof, now)?;
        let (place, before) = (proof.place, user.clone());
        let refused = match user.sign_in(&shown, now) {
            Tried::Closed => {
                self.count_refused(now, |refused| &mut refused.closed);
                return Ok(None);
            }
            Tried::Right(factor) => return self.let_in(user, &before, factor, place, now, rng).map(Some),
            Tried::Wrong { left } => Happened::SignInRefused { left, place },
            Tried::Over => Happened::Closed { until: user.tries.closed_until.unwrap_or(now), place },
        };
        // Nobody is known to be calling: the name is only what was typed.
        self.change_user(&Actor::Stranger, &user, vec![refused], now, rng)?;
        Ok(None)
    }

    fn let_in(
        &mut self,
        user: User,
        before: &User,
        factor: Factor,
        place: Place,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<SignedIn, StorageFault> {
        let signed_in = SignedIn {
            user: user.name.clone(),
            roles: user.roles.clone().ok_or_else(|| broken("somebody without a role signed in"))?,
            generation: user.generation,
            by_recovery_code: matches!(factor, Factor::Recovery(_)),
            recovery_left: user.credentials().map_or(0, |credentials| credentials.recovery.len()),
            before: before.credentials().and_then(|credentials| credentials.signed_in),
            wrong_since: before.wrong_tries(),
        };
        let what = Happened::SignedIn { by: label(factor), recovery_left: signed_in.recovery_left, place };
        let actor = console_actor(&self.state.identity.member, &user.name);
        self.change_user(&actor, &user, vec![what], now, rng)?;
        Ok(signed_in)
    }

    /// Whether somebody who is signed in proves it again. Ten wrong ones end all sessions of the user.
    pub fn reauthenticate(
        &mut self,
        who: &SessionUser,
        proof: &Proof,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<bool, StorageFault> {
        let Some((user, factor)) = self.prove(who, proof, now, rng)? else { return Ok(false) };
        let actor = console_actor(&self.state.identity.member, &user.name);
        self.change_user(&actor, &user, vec![Happened::Reauthenticated { by: label(factor) }], now, rng)?;
        Ok(true)
    }

    /// Records that a session has ended.
    pub fn signed_out(
        &mut self,
        who: &SessionUser,
        how: SignOut,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), StorageFault> {
        let actor = console_actor(&self.state.identity.member, &who.name);
        self.tell_of_user(&actor, &who.name, Happened::SignedOut { how: how.label() }, now, rng)
    }

    /// The user with what was shown used up, to be committed with what it was shown for; none where it was wrong, which is committed.
    pub(in crate::node) fn prove(
        &mut self,
        who: &SessionUser,
        proof: &Proof,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<(User, Factor)>, StorageFault> {
        let alive = self.state.users.get(&who.name).filter(|user| user.alive(who.generation).is_some());
        let Some(mut user) = alive.cloned() else { return Ok(None) };
        let shown = self.shown(&user, proof, now)?;
        let refused = match user.reauthenticate(&shown, Generation(rng.random())) {
            Tried::Right(factor) => return Ok(Some((user, factor))),
            Tried::Wrong { left } => Happened::ReauthenticationRefused { left },
            Tried::Over => Happened::SessionsEnded { why: "wrong_tries" },
            Tried::Closed => return Ok(None),
        };
        let actor = console_actor(&self.state.identity.member, &who.name);
        self.change_user(&actor, &user, vec![refused], now, rng)?;
        Ok(None)
    }

    /// Holds what was shown against what the user has.
    fn shown(&self, user: &User, proof: &Proof, now: Timestamp) -> Result<Shown, StorageFault> {
        let Some(credentials) = user.credentials() else { return Ok(Shown { password: false, factor: None }) };
        let local_mac = &self.state.identity.local_mac;
        let factor = match &proof.code {
            SecondFactor::Totp(code) => {
                let whose = local_mac.console_user(&user.name);
                let secret = TotpSecret::open(&credentials.totp, &local_mac.totp_key(), &whose).map_err(broken)?;
                secret.check(code, credentials.used_step, now).map(Factor::Step)
            }
            SecondFactor::Recovery(code) => Some(Factor::Recovery(local_mac.recovery_code(&user.name, code))),
            SecondFactor::Neither => None,
        };
        Ok(Shown { password: proof.password.as_ref() == Some(&credentials.verifier), factor })
    }

    /// Somebody was not enrolled. Counted as tries to sign in that name nobody are, and told with them.
    pub fn count_refused_enrolment(&mut self, now: Timestamp) {
        self.count_refused(now, |refused| &mut refused.enrolments);
    }

    fn count_refused(&mut self, now: Timestamp, which: impl FnOnce(&mut RefusedSignIns) -> &mut u64) {
        let refused = &mut self.state.users.refused;
        refused.since.get_or_insert(now);
        *which(refused) += 1;
    }

    /// Tells of tries that were counted, a minute after the first.
    pub(in crate::node) fn tell_refused_sign_ins(
        &mut self,
        now: Timestamp,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(), StorageFault> {
        let refused = &mut self.state.users.refused;
        let Some(since) = refused.since.filter(|since| since.plus_s(limits::users::SIGN_INS_TOLD_S) <= now) else {
            return Ok(());
        };
        let event = AuditEvent::SignInsRefused {
            since,
            unknown: refused.unknown,
            closed: refused.closed,
            enrolments: refused.enrolments,
        };
        *refused = RefusedSignIns::default();
        self.commit(Commit::default(), &Actor::Node, vec![event], now, rng)
    }
}

const fn label(factor: Factor) -> &'static str {
    match factor {
        Factor::Step(_) => "totp",
        Factor::Recovery(_) => "recovery_code",
    }
}
