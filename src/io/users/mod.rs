//! Signing in to the console: what people type is held against what the node keeps of its users.
//!
//! Passwords are hashed here, few at a time ([`hashes`]), and a new one is held against guessing ([`strength`]). Everything else
//! (tries, codes, the audit log) is [`crate::node::sign_in`]'s, [`crate::node::enrol`]'s and [`crate::node::manage_users`]', which this
//! calls. Sessions are the console's: here they are a name and a generation, and [`Users::alive`] says what one may still do.

pub mod hashes;
pub mod manage;
pub mod row;
pub mod strength;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use zeroize::Zeroizing;

use crate::base::limits;
use crate::base::name::MemberId;
use crate::domain::case::challenge::Code;
use crate::domain::case::totp::TotpSecret;
use crate::domain::user::Generation;
use crate::domain::user::code::{EnrolmentCode, SecondFactor};
use crate::domain::user::name::UserName;
use crate::domain::user::offer::Offer;
use crate::domain::user::password::{Password, Verifier};
use crate::domain::user::roles::ConsoleRoles;
use crate::io::engine::{Engine, EngineFault};
use crate::io::random;
use crate::io::users::hashes::{Full, Hashes};
use crate::io::users::strength::WeakPassword;
use crate::node::enrol::{EnrolFault, RecoveryCodes, Taken};
use crate::node::local_mac::LocalMacKey;
use crate::node::sign_in::{Proof, SessionUser, SignOut, SignedIn};
use crate::node::store::{Journal, StorageFault, Views};
use crate::node::users::ShownUsers;

/// Where the console takes an enrolment code.
pub const ENROL_PATH: &str = "/enrol";

/// The console's users. Cheap to clone.
#[derive(Debug)]
pub struct Users<J, V> {
    engine: Engine<J, V>,
    shown: ShownUsers,
    hashes: Arc<Hashes>,
    local_mac: LocalMacKey,
}

impl<J, V> Clone for Users<J, V> {
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            shown: Arc::clone(&self.shown),
            hashes: Arc::clone(&self.hashes),
            local_mac: self.local_mac.clone(),
        }
    }
}

/// An authenticator's secret, for its owner's eyes. Nothing is kept before its first code comes back.
pub struct TotpOffer {
    pub user: UserName,
    /// Comes back with its first code; another offer has another secret.
    pub offer: Offer,
    /// Base 32, as people type it.
    pub secret: Zeroizing<String>,
    /// `otpauth://totp/…`, as a picture shows it.
    pub uri: Zeroizing<String>,
}

impl std::fmt::Debug for TotpOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TotpOffer").field("user", &self.user).finish_non_exhaustive()
    }
}

impl TotpOffer {
    fn of(user: &UserName, offer: Offer, secret: &TotpSecret, member: &MemberId) -> Self {
        let uri = secret.uri(&format!("Hushwire {member}"), user.as_str());
        Self { user: user.clone(), offer, secret: secret.base32(), uri }
    }
}

/// Somebody is not signed in. One answer for everything that is wrong: it tells nobody whether there is such a user, or which part
/// was right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInRefused {
    #[error(
        "the name, the password or the code is wrong, or the user is closed: {} wrong tries close it for {} minutes",
        limits::users::SIGN_IN_TRIES,
        limits::users::SIGN_IN_LOCK_S / 60
    )]
    Denied,
    #[error("too many people sign in at this moment; try again in {} s", retry_after_ms / 1_000)]
    Busy { retry_after_ms: u64 },
    #[error(transparent)]
    Engine(#[from] EngineFault),
}

/// Somebody is not enrolled, or what they wanted to change of their own is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefused {
    #[error("this code enrols nobody, or no longer; ask an operator for another")]
    EnrolmentCode,
    #[error("the authenticator's code is wrong; check its clock, and wait for the next one")]
    Totp,
    #[error(transparent)]
    Password(#[from] WeakPassword),
    /// The password or the code that proves it again is wrong, or the session is over.
    #[error(transparent)]
    Proof(#[from] SignInRefused),
}

impl From<Full> for SignInRefused {
    fn from(Full: Full) -> Self {
        Self::Busy { retry_after_ms: limits::users::HASH_RETRY_MS }
    }
}

impl From<StorageFault> for SignInRefused {
    fn from(fault: StorageFault) -> Self {
        Self::Engine(EngineFault::Storage(fault))
    }
}

impl From<EnrolFault> for ChangeRefused {
    fn from(fault: EnrolFault) -> Self {
        match fault {
            EnrolFault::Code => Self::EnrolmentCode,
            EnrolFault::Totp => Self::Totp,
            EnrolFault::Proof => Self::Proof(SignInRefused::Denied),
            EnrolFault::Storage(fault) => Self::Proof(fault.into()),
        }
    }
}

impl From<EngineFault> for ChangeRefused {
    fn from(fault: EngineFault) -> Self {
        Self::Proof(fault.into())
    }
}

impl From<Full> for ChangeRefused {
    fn from(full: Full) -> Self {
        Self::Proof(full.into())
    }
}

impl<J, V> Users<J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    /// `shown` is where the node shows its users.
    pub fn new(engine: Engine<J, V>, shown: ShownUsers, local_mac: LocalMacKey) -> Self {
        let hashes = Arc::new(Hashes::new(local_mac.password_pepper()));
        Self { engine, shown, hashes, local_mac }
    }

    /// What a session may do at this moment, from memory; none where it is over.
    pub fn alive(&self, who: &SessionUser) -> Option<ConsoleRoles> {
        self.shown.load().get(&who.name)?.alive(who.generation).cloned()
    }

    /// `code` is one of the authenticator, or a recovery code. Whatever is wrong is answered at the same time after the question.
    pub async fn sign_in(
        &self,
        name: &str,
        password: Password,
        code: &str,
        from: IpAddr,
    ) -> Result<SignedIn, SignInRefused> {
        let begun = Instant::now();
        let name = UserName::typed(name).ok();
        let proof = self.proof(name.as_ref(), password, code, from).await?;
        let signed_in = self.engine.call(move |node, round| node.sign_in(name.as_ref(), &proof, round.now, round.rng));
        match signed_in.await?? {
            Some(signed_in) => Ok(signed_in),
            None => Err(deny(begun).await),
        }
    }

    /// Proves once more who it is, before what is dangerous. Recorded; after ten wrong ones all sessions of the user are over.
    pub async fn reauthenticate(
        &self,
        who: &SessionUser,
        password: Password,
        code: &str,
        from: IpAddr,
    ) -> Result<(), SignInRefused> {
        let begun = Instant::now();
        let proof = self.proof(Some(&who.name), password, code, from).await?;
        let who = who.clone();
        let right = self.engine.call(move |node, round| node.reauthenticate(&who, &proof, round.now, round.rng));
        if right.await?? { Ok(()) } else { Err(deny(begun).await) }
    }

    /// What an enrolment code leads to: a secret of its own each time, or that of an offer somebody has before them.
    pub async fn enrol_begin(&self, code: &str, again: Option<Offer>) -> Result<TotpOffer, ChangeRefused> {
        let offered = self.offered(code, again.unwrap_or_else(fresh_offer)).await;
        self.counting(offered).await
    }

    async fn offered(&self, code: &str, offer: Offer) -> Result<TotpOffer, ChangeRefused> {
        let code = enrolment_code(code)?;
        let offered = self.engine.inquire(move |node, now| {
            let user = node.invited(&code, now)?;
            let secret = node.offered_totp(user, &offer);
            Ok::<_, EnrolFault>(TotpOffer::of(&user.name, offer, &secret, &node.state().identity.member))
        });
        Ok(offered.await??)
    }

    /// The user has a password and an authenticator from now on; the code enrols nobody any more. Signs nobody in.
    pub async fn enrol(
        &self,
        code: &str,
        password: Password,
        offer: Offer,
        totp: &str,
        from: IpAddr,
    ) -> Result<(UserName, RecoveryCodes), ChangeRefused> {
        let enrolled = self.enrolled(code, password, (offer, totp), from).await;
        self.counting(enrolled).await
    }

    async fn enrolled(
        &self,
        code: &str,
        password: Password,
        (offer, totp): (Offer, &str),
        from: IpAddr,
    ) -> Result<(UserName, RecoveryCodes), ChangeRefused> {
        let taken = taken(offer, totp)?;
        // Looked at before anything is hashed: hashing is for who has a code.
        let code = enrolment_code(code)?;
        let looked = self.engine.inquire(move |node, now| {
            let user = node.invited(&code, now)?;
            node.check_offered(user, &taken, now)?;
            Ok::<_, EnrolFault>((user.name.clone(), code, taken))
        });
        let (name, code, taken) = looked.await??;
        let verifier = self.hash_new(&name, password, from).await?;
        let place = self.local_mac.place(&from);
        let enrolled = self
            .engine
            .call(move |node, round| node.enrol(&code, verifier, &taken, place, round.now, round.rng))
            .await?;
        Ok(enrolled?)
    }

    /// Has the audit log told of an enrolment that was refused, by its number: anybody can make as many as they like.
    async fn counting<T>(&self, enrolled: Result<T, ChangeRefused>) -> Result<T, ChangeRefused> {
        if let Err(ChangeRefused::EnrolmentCode | ChangeRefused::Totp) = &enrolled {
            self.engine.call(|node, round| node.count_refused_enrolment(round.now)).await?;
        }
        enrolled
    }

    /// All sessions end but one that goes on as the generation in the answer.
    pub async fn change_password(
        &self,
        who: &SessionUser,
        old: Password,
        code: &str,
        new: Password,
        from: IpAddr,
    ) -> Result<Generation, ChangeRefused> {
        let verifier = self.hash_new(&who.name, new, from).await?;
        self.change_own(who, old, code, from, move |node, who, proof, round| {
            node.change_password(who, proof, verifier, round.now, round.rng)
        })
        .await
    }

    /// The secret for another authenticator: one of its own each time, or that of an offer somebody has before them.
    pub async fn totp_offer(&self, who: &SessionUser, again: Option<Offer>) -> Result<TotpOffer, SignInRefused> {
        let (who, offer) = (who.clone(), again.unwrap_or_else(fresh_offer));
        let offered = self.engine.inquire(move |node, _| {
            let user = node.state().users.get(&who.name).filter(|user| user.alive(who.generation).is_some())?;
            let secret = node.offered_totp(user, &offer);
            Some(TotpOffer::of(&user.name, offer, &secret, &node.state().identity.member))
        });
        offered.await?.ok_or(SignInRefused::Denied)
    }

    /// Another authenticator in the place of the one there was; `code` is one of that, or a recovery code. All sessions end but one
    /// that goes on as the generation in the answer.
    pub async fn renew_totp(
        &self,
        who: &SessionUser,
        password: Password,
        code: &str,
        (offer, new_code): (Offer, &str),
        from: IpAddr,
    ) -> Result<Generation, ChangeRefused> {
        let taken = taken(offer, new_code)?;
        self.change_own(who, password, code, from, move |node, who, proof, round| {
            node.renew_totp(who, proof, &taken, round.now, round.rng)
        })
        .await
    }

    /// Ten new ones; those that were left are over.
    pub async fn renew_recovery_codes(
        &self,
        who: &SessionUser,
        password: Password,
        code: &str,
        from: IpAddr,
    ) -> Result<RecoveryCodes, ChangeRefused> {
        self.change_own(who, password, code, from, |node, who, proof, round| {
            node.renew_recovery_codes(who, proof, round.now, round.rng)
        })
        .await
    }

    /// Records that a session has ended.
    pub async fn signed_out(&self, who: &SessionUser, how: SignOut) -> Result<(), EngineFault> {
        let who = who.clone();
        self.engine.call(move |node, round| node.signed_out(&who, how, round.now, round.rng)).await??;
        Ok(())
    }

    /// A change of somebody's own, with what proves it again.
    async fn change_own<T: Send + 'static>(
        &self,
        who: &SessionUser,
        password: Password,
        code: &str,
        from: IpAddr,
        change: impl FnOnce(
            &mut crate::node::Node<J, V>,
            &SessionUser,
            &Proof,
            &mut crate::io::engine::Round<'_>,
        ) -> Result<T, EnrolFault>
        + Send
        + 'static,
    ) -> Result<T, ChangeRefused> {
        let begun = Instant::now();
        let proof = self.proof(Some(&who.name), password, code, from).await?;
        let who = who.clone();
        match self.engine.call(move |node, round| change(node, &who, &proof, round)).await? {
            Err(EnrolFault::Proof) => Err(deny(begun).await.into()),
            changed => Ok(changed?),
        }
    }

    async fn hash_new(&self, user: &UserName, password: Password, from: IpAddr) -> Result<Verifier, ChangeRefused> {
        let known = [user.to_string(), self.engine.member().to_string()];
        Ok(self.hashes.hash_new(password, known, from).await??)
    }

    /// Holds the password against the user's, where there is one.
    async fn proof(
        &self,
        name: Option<&UserName>,
        password: Password,
        code: &str,
        from: IpAddr,
    ) -> Result<Proof, Full> {
        let users = self.shown.load_full();
        let credentials = name.and_then(|name| users.get(name)).and_then(|user| user.credentials());
        let verifier = credentials.map(|credentials| credentials.verifier.clone());
        let right = self.hashes.is_right(password, verifier.clone(), from).await?;
        let place = self.local_mac.place(&from);
        Ok(Proof { password: verifier.filter(|_| right), code: SecondFactor::typed(code), place })
    }
}

fn fresh_offer() -> Offer {
    Offer::new(random::bytes())
}

fn taken(offer: Offer, code: &str) -> Result<Taken, ChangeRefused> {
    Ok(Taken { offer, code: Code::typed(code).map_err(|_| ChangeRefused::Totp)? })
}

fn enrolment_code(text: &str) -> Result<EnrolmentCode, ChangeRefused> {
    EnrolmentCode::typed(text).map_err(|_| ChangeRefused::EnrolmentCode)
}

/// Waits, so that how long a refusal takes does not tell what was wrong: a try that is written to the disk takes longer than one that
/// names nobody.
async fn deny(begun: Instant) -> SignInRefused {
    sleep_until(begun + denied_after(begun.elapsed())).await;
    SignInRefused::Denied
}

/// How long after the question a refusal is told that was found out after this time: the next whole step.
fn denied_after(found_out: Duration) -> Duration {
    let step = Duration::from_millis(limits::users::DENIED_EVERY_MS);
    let steps = found_out.as_millis() / step.as_millis() + 1;
    step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_found_out_within_one_step_is_told_at_one_moment() {
        for (found_out_ms, told_ms) in [(0, 500), (1, 500), (21, 500), (499, 500), (500, 1_000), (900, 1_000)] {
            let told = denied_after(Duration::from_millis(found_out_ms));
            assert_eq!(told, Duration::from_millis(told_ms), "{found_out_ms}");
        }
    }
}
