//! What people change of their own: enrolling, another password, another authenticator, other recovery codes.
//!
//! The secret of an authenticator is offered before anything is kept ([`offered_totp`]); its first code proves that it was taken in.
//! Each offer is another: who saw one that was not taken knows nothing of the one that is.
//! Whatever proves the user anew ends all sessions there are.
//!
//! [`offered_totp`]: crate::node::local_mac::LocalMacKey::offered_totp

use rand::{CryptoRng, RngExt};
use subtle::ConstantTimeEq;

use crate::base::bytes::LocalMac;
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::console::{Happened, Place};
use crate::domain::case::challenge::Code;
use crate::domain::case::totp::TotpSecret;
use crate::domain::user::code::{EnrolmentCode, RecoveryCode};
use crate::domain::user::name::UserName;
use crate::domain::user::offer::Offer;
use crate::domain::user::password::Verifier;
use crate::domain::user::{Credentials, Generation, Standing, User};
use crate::node::Node;
use crate::node::sign_in::{Proof, SessionUser};
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::users::console_actor;

/// Somebody is not enrolled, or a new authenticator is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolFault {
    #[error("this code enrols nobody, or no longer; ask an operator for another")]
    Code,
    #[error("the authenticator's code is wrong; check its clock, and wait for the next one")]
    Totp,
    #[error("the password or the code is wrong")]
    Proof,
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// The first code of an authenticator that took an offered secret in.
#[derive(Debug)]
pub struct Taken {
    pub offer: Offer,
    pub code: Code,
}

/// The recovery codes of a user, shown once.
#[derive(Debug)]
pub struct RecoveryCodes(pub Vec<RecoveryCode>);

impl<J: Journal, V: Views> Node<J, V> {
    /// Whom a code enrols.
    pub fn invited(&self, code: &EnrolmentCode, now: Timestamp) -> Result<&User, EnrolFault> {
        let hash = self.state.identity.local_mac.enrolment_code(code);
        let is_its = |user: &&User| match &user.standing {
            Standing::Invited(invitation) => bool::from(invitation.code.0.ct_eq(&hash.0)),
            Standing::Enrolled(_) => false,
        };
        // Every user is looked at, whoever it is.
        let mut found = self.state.users.iter().filter(is_its);
        found.next().filter(|user| user.may_enrol(now)).ok_or(EnrolFault::Code)
    }

    /// The secret that a user is offered for an authenticator.
    pub fn offered_totp(&self, user: &User, offer: &Offer) -> TotpSecret {
        self.state.identity.local_mac.offered_totp(&user.name, user.generation, offer)
    }

    /// Whether a code is that of the offered secret: before a password is hashed for it.
    pub fn check_offered(&self, user: &User, taken: &Taken, now: Timestamp) -> Result<u64, EnrolFault> {
        self.offered_totp(user, &taken.offer).check(&taken.code, 0, now).ok_or(EnrolFault::Totp)
    }

    /// The user can sign in from now on.
    pub fn enrol(
        &mut self,
        code: &EnrolmentCode,
        verifier: Verifier,
        taken: &Taken,
        place: Place,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(UserName, RecoveryCodes), EnrolFault> {
        let mut user = self.invited(code, now)?.clone();
        // Used up with this: who looked over a shoulder signs in with none of it.
        let used_step = self.check_offered(&user, taken, now)?;
        let recovery = draw_codes(rng);
        let credentials = Credentials {
            verifier,
            totp: self.sealed_offer(&user, &taken.offer, rng),
            used_step,
            recovery: self.recovery_hashes(&user.name, &recovery),
            enrolled: now,
            password_set: now,
            signed_in: None,
        };
        user.enrol(credentials, Generation(rng.random()));
        let actor = console_actor(&self.state.identity.member, &user.name);
        self.change_user(&actor, &user, vec![Happened::Enrolled { place }], now, rng)?;
        Ok((user.name, recovery))
    }

    /// Another password. With the answer all sessions are over but those of its generation.
    pub fn change_password(
        &mut self,
        who: &SessionUser,
        proof: &Proof,
        verifier: Verifier,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Generation, EnrolFault> {
        let mut user = self.proved(who, proof, now, rng)?;
        if let Standing::Enrolled(credentials) = &mut user.standing {
            credentials.verifier = verifier;
            credentials.password_set = now;
        }
        self.go_on(user, Happened::PasswordChanged, now, rng)
    }

    /// Another authenticator: the one that was offered.
    pub fn renew_totp(
        &mut self,
        who: &SessionUser,
        proof: &Proof,
        taken: &Taken,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Generation, EnrolFault> {
        let alive = self.state.users.get(&who.name).filter(|user| user.alive(who.generation).is_some());
        let step = self.check_offered(alive.ok_or(EnrolFault::Proof)?, taken, now)?;
        let mut user = self.proved(who, proof, now, rng)?;
        let sealed = self.sealed_offer(&user, &taken.offer, rng);
        if let Standing::Enrolled(credentials) = &mut user.standing {
            (credentials.totp, credentials.used_step) = (sealed, step);
        }
        self.go_on(user, Happened::AuthenticatorChanged, now, rng)
    }

    /// Other recovery codes; those that were left are over.
    pub fn renew_recovery_codes(
        &mut self,
        who: &SessionUser,
        proof: &Proof,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<RecoveryCodes, EnrolFault> {
        let mut user = self.proved(who, proof, now, rng)?;
        let recovery = draw_codes(rng);
        let hashes = self.recovery_hashes(&user.name, &recovery);
        if let Standing::Enrolled(credentials) = &mut user.standing {
            credentials.recovery = hashes;
        }
        let actor = console_actor(&self.state.identity.member, &user.name);
        self.change_user(&actor, &user, vec![Happened::RecoveryCodesRenewed], now, rng)?;
        Ok(recovery)
    }

    fn proved(
        &mut self,
        who: &SessionUser,
        proof: &Proof,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<User, EnrolFault> {
        self.prove(who, proof, now, rng)?.map(|(user, _)| user).ok_or(EnrolFault::Proof)
    }

    /// Commits what proves the user anew, under another generation.
    fn go_on(
        &mut self,
        mut user: User,
        what: Happened,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Generation, EnrolFault> {
        user.generation = Generation(rng.random());
        let actor = console_actor(&self.state.identity.member, &user.name);
        self.change_user(&actor, &user, vec![what], now, rng)?;
        Ok(user.generation)
    }

    fn sealed_offer(&self, user: &User, offer: &Offer, rng: &mut impl CryptoRng) -> Vec<u8> {
        let local_mac = &self.state.identity.local_mac;
        let secret = self.offered_totp(user, offer);
        secret.seal(&local_mac.totp_key(), &local_mac.console_user(&user.name), rng.random())
    }

    fn recovery_hashes(&self, user: &UserName, codes: &RecoveryCodes) -> Vec<LocalMac> {
        codes.0.iter().map(|code| self.state.identity.local_mac.recovery_code(user, code)).collect()
    }
}

fn draw_codes(rng: &mut impl CryptoRng) -> RecoveryCodes {
    RecoveryCodes((0..limits::users::RECOVERY_CODES).map(|_| RecoveryCode::draw(rng)).collect())
}
