//! Challenges and authenticators as the journal keeps them: each row replaces the one before it. No code stands here, only its
//! keyed hash, and no secret of an authenticator but sealed.

use prost::Message;

use crate::base::bytes::LocalMac;
use crate::base::time::Timestamp;
use crate::domain::case::CaseId;
use crate::domain::case::challenge::{Challenge, Method, Standing};
use crate::node::case_stored::{broken, read_id, read_mac};
use crate::node::store::StorageFault;

/// A challenge, or a customer's authenticator, as it is from now on.
#[derive(Clone, PartialEq, Message)]
pub struct ChallengeChanged {
    #[prost(message, optional, tag = "1")]
    pub challenge: Option<StoredChallenge>,
    #[prost(message, optional, tag = "2")]
    pub totp: Option<StoredTotp>,
}

/// The challenge of a case.
#[derive(Clone, PartialEq, Message)]
pub struct StoredChallenge {
    /// Of the case, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub method: u32,
    /// Keyed fingerprint of the customer's reference, 32 bytes; empty where none was given.
    #[prost(bytes = "vec", tag = "3")]
    pub customer: Vec<u8>,
    /// Keyed hash of the code, 32 bytes; empty where none was sent.
    #[prost(bytes = "vec", tag = "4")]
    pub code: Vec<u8>,
    #[prost(uint64, tag = "5")]
    pub expires_ms: u64,
    #[prost(uint32, tag = "6")]
    pub failed: u32,
    #[prost(uint32, tag = "7")]
    pub sent: u32,
    #[prost(uint32, tag = "8")]
    pub standing: u32,
    /// When it became so, milliseconds since 1970.
    #[prost(uint64, tag = "9")]
    pub changed_ms: u64,
}

/// A customer's authenticator; without a secret it was removed.
#[derive(Clone, PartialEq, Message)]
pub struct StoredTotp {
    #[prost(bytes = "vec", tag = "1")]
    pub customer: Vec<u8>,
    /// As `domain/case/totp.rs` seals it.
    #[prost(bytes = "vec", tag = "2")]
    pub sealed: Vec<u8>,
    /// The step of the code used last.
    #[prost(uint64, tag = "3")]
    pub used_step: u64,
    /// When it was enrolled, milliseconds since 1970.
    #[prost(uint64, tag = "4")]
    pub enrolled_ms: u64,
}

/// A customer's authenticator, its secret sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticator {
    pub sealed: Vec<u8>,
    pub used_step: u64,
    pub enrolled: Timestamp,
}

pub(in crate::node) fn stored_challenge(id: CaseId, challenge: &Challenge) -> ChallengeChanged {
    let mac = |mac: Option<LocalMac>| mac.map(|mac| mac.0.to_vec()).unwrap_or_default();
    let stored = StoredChallenge {
        id: id.0.to_vec(),
        method: challenge.method.number(),
        customer: mac(challenge.customer),
        code: mac(challenge.code),
        expires_ms: challenge.expires.unix_ms(),
        failed: challenge.failed,
        sent: challenge.sent,
        standing: challenge.standing.number(),
        changed_ms: challenge.changed.unix_ms(),
    };
    ChallengeChanged { challenge: Some(stored), totp: None }
}

pub(in crate::node) fn read_challenge(stored: &StoredChallenge) -> Result<(CaseId, Challenge), StorageFault> {
    let challenge = Challenge {
        method: Method::from_number(stored.method).ok_or_else(|| broken("an unknown method"))?,
        customer: read_mac(&stored.customer).map_err(broken)?,
        code: read_mac(&stored.code).map_err(broken)?,
        expires: Timestamp::from_unix_ms(stored.expires_ms),
        failed: stored.failed,
        sent: stored.sent,
        standing: Standing::from_number(stored.standing).ok_or_else(|| broken("an unknown standing"))?,
        changed: Timestamp::from_unix_ms(stored.changed_ms),
    };
    Ok((read_id(&stored.id)?, challenge))
}

/// None removes it.
pub(in crate::node) fn stored_totp(customer: &LocalMac, totp: Option<&Authenticator>) -> ChallengeChanged {
    let stored = StoredTotp {
        customer: customer.0.to_vec(),
        sealed: totp.map(|totp| totp.sealed.clone()).unwrap_or_default(),
        used_step: totp.map_or(0, |totp| totp.used_step),
        enrolled_ms: totp.map_or(0, |totp| totp.enrolled.unix_ms()),
    };
    ChallengeChanged { challenge: None, totp: Some(stored) }
}

pub(in crate::node) fn read_totp(stored: &StoredTotp) -> Result<(LocalMac, Option<Authenticator>), StorageFault> {
    let customer = LocalMac::try_from(stored.customer.as_slice()).map_err(broken)?;
    let totp = (!stored.sealed.is_empty()).then(|| Authenticator {
        sealed: stored.sealed.clone(),
        used_step: stored.used_step,
        enrolled: Timestamp::from_unix_ms(stored.enrolled_ms),
    });
    Ok((customer, totp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_and_an_authenticator_survive_their_bytes() {
        let challenge = Challenge {
            method: Method::Totp,
            customer: Some(LocalMac([1; 32])),
            code: None,
            expires: Timestamp::from_unix_ms(9),
            failed: 2,
            sent: 1,
            standing: Standing::Failed,
            changed: Timestamp::from_unix_ms(7),
        };
        let bytes = stored_challenge(CaseId([3; 16]), &challenge).encode_to_vec();
        let stored = ChallengeChanged::decode(bytes.as_slice()).expect("as written").challenge.expect("one");
        assert_eq!(read_challenge(&stored), Ok((CaseId([3; 16]), challenge)));
        assert!(read_challenge(&StoredChallenge { method: 9, ..stored.clone() }).is_err());
        assert!(read_challenge(&StoredChallenge { code: vec![1], ..stored }).is_err());
        let totp = Authenticator { sealed: vec![5; 60], used_step: 4, enrolled: Timestamp::from_unix_ms(8) };
        let customer = LocalMac([1; 32]);
        for totp in [Some(totp), None] {
            let stored = stored_totp(&customer, totp.as_ref()).totp.expect("one");
            assert_eq!(read_totp(&stored), Ok((customer, totp)));
        }
    }
}
