//! Keyed fingerprints that never leave the node: request ids, source references, customers.
//!
//! `HMAC-SHA256(local key, lp("hushwire/v1/local") ‖ lp(domain) ‖ bytes)`. Whoever steals the disk but not the keystore
//! learns nothing of what was fingerprinted.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::bytes::LocalMac;
use crate::base::framing::framed;
use crate::base::secret::SecretBytes;
use crate::domain::screening::own_lists::OwnListKey;

/// What is fingerprinted; the same bytes in two domains give unrelated fingerprints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacDomain {
    RequestId,
    RequestContent,
    SourceRef,
    Customer,
    Transaction,
    Subject,
    ViewKey,
    OwnList,
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
            Self::ViewKey => b"view-key",
            Self::OwnList => b"own-list",
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
        let mut mac = self.0.clone();
        mac.update(&framed(&[b"hushwire/v1/local", domain.label()]));
        mac.update(bytes);
        LocalMac(mac.finalize().into_bytes().into())
    }

    /// The key that names entries of the own lists: a fingerprint of nothing in a domain of its own, so that screening, which
    /// holds it, holds no key of anything else.
    pub fn own_list_key(&self) -> OwnListKey {
        OwnListKey::new(&SecretBytes::new(self.fingerprint(MacDomain::OwnList, b"").0))
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

    #[test]
    fn the_same_bytes_in_two_domains_are_unrelated() {
        let key = LocalMacKey::new(&SecretBytes::new([7; 32]));
        let request = key.fingerprint(MacDomain::RequestId, b"case 17");
        assert_eq!(request, key.fingerprint(MacDomain::RequestId, b"case 17"));
        assert_ne!(request, key.fingerprint(MacDomain::SourceRef, b"case 17"));
    }
}
