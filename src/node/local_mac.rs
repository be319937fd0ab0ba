//! Keyed fingerprints that never leave the node: request ids, source references, customers.
//!
//! `HMAC-SHA256(local key, lp("hushwire/v1/local") ‖ lp(domain) ‖ bytes)`. Whoever steals the disk but not the keystore
//! learns nothing of what was fingerprinted.
//!
//! A subject of statistics has its fingerprint from what does not change: the publisher's case, or the identifier before any
//! epoch's key. A pseudonym would be another subject with each epoch and each derived identifier.
//! ```text
//! of a case          bytes = lp("case") ‖ fingerprint of the reference[32]
//! of an identifier   bytes = lp("identifier") ‖ lp(type) ‖ canonical bytes
//! ```

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::base::bytes::LocalMac;
use crate::base::framing::framed;
use crate::base::secret::SecretBytes;
use crate::domain::audit::console::Place;
use crate::domain::case::challenge::Code;
use crate::domain::case::totp::{TotpKey, TotpSecret};
use crate::domain::identifier::CanonicalIdentifier;
use crate::domain::profile::key::ProfileKey;
use crate::domain::screening::own_lists::OwnListKey;
use crate::domain::screening::transaction::{CustomerRef, TransactionRef};
use crate::domain::user::Generation;
use crate::domain::user::code::{EnrolmentCode, RecoveryCode};
use crate::domain::user::name::UserName;
use crate::domain::user::offer::Offer;

/// What is fingerprinted; the same bytes in two domains give unrelated fingerprints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacDomain {
    RequestId,
    RequestContent,
    SourceRef,
    Customer,
    Transaction,
    Subject,
    DerivedFrom,
    ViewKey,
    OwnList,
    AuditListing,
    AccessToken,
    ChallengeCode,
    Totp,
    ConsoleUser,
    ConsoleCode,
    ConsoleTotp,
    ConsolePassword,
    ConsolePlace,
    LookedUp,
}

impl MacDomain {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::RequestId => b"request-id",
            Self::RequestContent => b"request-content",
            Self::SourceRef => b"source-ref",
            Self::Customer => b"customer",
            Self::Transaction => b"transaction",
            Self::Subject => b"subject",
            Self::DerivedFrom => b"derived-from",
            Self::ViewKey => b"view-key",
            Self::OwnList => b"own-list",
            Self::AuditListing => b"audit-listing",
            Self::AccessToken => b"access-token",
            Self::ChallengeCode => b"challenge-code",
            Self::Totp => b"totp",
            Self::ConsoleUser => b"console-user",
            Self::ConsoleCode => b"console-code",
            Self::ConsoleTotp => b"console-totp",
            Self::ConsolePassword => b"console-password",
            Self::ConsolePlace => b"console-place",
            Self::LookedUp => b"looked-up",
        }
    }
}

/// The node's key for local fingerprints. Cheap to clone: the key schedule is kept, not the key.
#[derive(Clone)]
pub struct LocalMacKey(Hmac<Sha256>);

impl LocalMacKey {
    pub fn new(key: &SecretBytes<32>) -> Self {
        Self(Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length"))
    }

    pub fn fingerprint(&self, domain: MacDomain, bytes: &[u8]) -> LocalMac {
        self.fingerprint_of_parts(domain, &[bytes])
    }

    /// The subject of all indicators published under one reference, by the reference's own fingerprint.
    pub fn subject_of_case(&self, source_ref: &LocalMac) -> LocalMac {
        self.fingerprint_of_parts(MacDomain::Subject, &[&framed(&[b"case"]), &source_ref.0])
    }

    /// The subject of an indicator without a case, and of all that are derived from its identifier.
    pub fn subject_of_identifier(&self, identifier: &CanonicalIdentifier) -> LocalMac {
        let head = framed(&[b"identifier", identifier.kind().type_label().as_bytes()]);
        self.fingerprint_of_parts(MacDomain::Subject, &[&head, identifier.expose()])
    }

    /// The fingerprint of a caller's reference of its customer; none where it gives none.
    pub fn customer(&self, reference: &CustomerRef) -> Option<LocalMac> {
        let text = reference.expose();
        (!text.is_empty()).then(|| self.fingerprint(MacDomain::Customer, text.as_bytes()))
    }

    /// The fingerprint of a caller's reference of its order; none where it gives none.
    pub fn transaction(&self, reference: &TransactionRef) -> Option<LocalMac> {
        let text = reference.expose();
        (!text.is_empty()).then(|| self.fingerprint(MacDomain::Transaction, text.as_bytes()))
    }

    /// The keyed hash of a code, the `nth` that was sent for a case: all that rests of it.
    pub fn challenge_code(&self, case: &[u8; 16], nth: u32, code: &Code) -> LocalMac {
        let head = framed(&[case, &nth.to_be_bytes()]);
        self.fingerprint_of_parts(MacDomain::ChallengeCode, &[&head, code.expose().as_bytes()])
    }

    /// Whether a code is that one. Compared in constant time.
    pub fn is_challenge_code(&self, case: &[u8; 16], nth: u32, code: &Code, expected: &LocalMac) -> bool {
        self.challenge_code(case, nth, code).0.ct_eq(&expected.0).into()
    }

    /// The key under which secrets of authenticators rest in the journal.
    pub fn totp_key(&self) -> TotpKey {
        TotpKey::new(SecretBytes::new(self.fingerprint(MacDomain::Totp, b"").0))
    }

    /// Under which the secret of a user's authenticator is sealed.
    pub fn console_user(&self, user: &UserName) -> LocalMac {
        self.fingerprint(MacDomain::ConsoleUser, user.as_str().as_bytes())
    }

    /// The keyed hash of the code that enrols somebody.
    pub fn enrolment_code(&self, code: &EnrolmentCode) -> LocalMac {
        self.fingerprint_of_parts(MacDomain::ConsoleCode, &[&framed(&[b"enrol"]), code.expose().as_bytes()])
    }

    /// The keyed hash of a recovery code of this user.
    pub fn recovery_code(&self, user: &UserName, code: &RecoveryCode) -> LocalMac {
        let head = framed(&[b"recovery", user.as_str().as_bytes()]);
        self.fingerprint_of_parts(MacDomain::ConsoleCode, &[&head, code.expose().as_bytes()])
    }

    /// The secret of one offer to a user for an authenticator: the same as often as that offer is looked at, so that nothing has to
    /// be kept of who only looked; another for every other offer, and once the user goes on as another generation.
    pub fn offered_totp(&self, user: &UserName, generation: Generation, offer: &Offer) -> TotpSecret {
        let whose = framed(&[user.as_str().as_bytes(), &generation.0.to_be_bytes(), offer.bytes()]);
        TotpSecret::derived(&self.fingerprint(MacDomain::ConsoleTotp, &whose))
    }

    /// What goes into every password's hash beside its salt: whoever has the journal alone can guess nothing.
    pub fn password_pepper(&self) -> SecretBytes<32> {
        SecretBytes::new(self.fingerprint(MacDomain::ConsolePassword, b"").0)
    }

    /// Where somebody came from.
    pub fn place(&self, address: &IpAddr) -> Place {
        let bytes = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        Place(self.fingerprint(MacDomain::ConsolePlace, &bytes))
    }

    // In parts, so that no copy of an identifier is left in memory.
    fn fingerprint_of_parts(&self, domain: MacDomain, parts: &[&[u8]]) -> LocalMac {
        let mut mac = self.0.clone();
        mac.update(&framed(&[b"hushwire/v1/local", domain.label()]));
        for part in parts {
            mac.update(part);
        }
        LocalMac(mac.finalize().into_bytes().into())
    }

    /// The key that names entries of the own lists: a fingerprint of nothing in a domain of its own, so that screening, which
    /// holds it, holds no key of anything else.
    pub fn own_list_key(&self) -> OwnListKey {
        OwnListKey::new(&SecretBytes::new(self.fingerprint(MacDomain::OwnList, b"").0))
    }

    /// The key of the names in profiles, in the same way.
    pub fn profile_key(&self) -> ProfileKey {
        ProfileKey::new(&SecretBytes::new(self.fingerprint(MacDomain::Customer, b"").0))
    }
}

impl std::fmt::Debug for LocalMacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalMacKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::kind::IdentifierKind;
    use crate::domain::identifier::{CanonRules, RawIdentifier, canonicalise};

    #[test]
    fn the_same_bytes_in_two_domains_are_unrelated() {
        let key = LocalMacKey::new(&SecretBytes::new([7; 32]));
        let request = key.fingerprint(MacDomain::RequestId, b"case 17");
        assert_eq!(request, key.fingerprint(MacDomain::RequestId, b"case 17"));
        assert_ne!(request, key.fingerprint(MacDomain::SourceRef, b"case 17"));
    }

    /// Stored for two quarters: written out here as the module says, so that no change of it goes unnoticed.
    #[test]
    fn the_fingerprint_of_a_subject_is_made_as_written() {
        let key = LocalMacKey::new(&SecretBytes::new([7; 32]));
        let written = |bytes: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).expect("any length");
            mac.update(b"\x11hushwire/v1/local\x07subject");
            mac.update(bytes);
            LocalMac(mac.finalize().into_bytes().into())
        };
        let raw = RawIdentifier::new(IdentifierKind::Email, "Maria.Lang@gmail.com".to_owned());
        let canonical = canonicalise(&raw, &CanonRules::default()).expect("an address");
        let subjects: Vec<LocalMac> = canonical.iter().map(|one| key.subject_of_identifier(one)).collect();
        let email = written(b"\x0aidentifier\x07email/1maria.lang@gmail.com");
        let mailbox = written(b"\x0aidentifier\x09mailbox/1marialang@gmail.com");
        assert_eq!(subjects, [email, mailbox]);
        let case = written(&[b"\x04case".as_slice(), &[5; 32]].concat());
        assert_eq!(key.subject_of_case(&LocalMac([5; 32])), case);
    }
}
