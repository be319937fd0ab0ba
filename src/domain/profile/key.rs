//! The names under which profiles know customers, devices and transactions: keyed fingerprints, truncated.
//!
//! `HMAC-SHA256(profile key, lp(what) ‖ bytes)`; the key is the node's own, so that profiles stolen without the keystore name
//! nobody.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::bytes::LocalMac;
use crate::base::framing::framed;
use crate::base::secret::SecretBytes;
use crate::domain::identifier::CanonicalIdentifier;
use crate::domain::profile::event::{DeviceMark, ReferenceMark};

/// A customer as one node's profiles know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerName(pub [u8; 16]);

/// Makes the names. Cheap to clone: the key schedule is kept, not the key.
#[derive(Clone)]
pub struct ProfileKey(Hmac<Sha256>);

impl ProfileKey {
    pub fn new(key: &SecretBytes<32>) -> Self {
        Self(Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length"))
    }

    /// None for an empty reference: the caller names nobody.
    pub fn customer(&self, reference: &str) -> Option<CustomerName> {
        let name = || *self.mac(b"customer", reference.as_bytes()).0.first_chunk().expect("32 bytes");
        (!reference.is_empty()).then(|| CustomerName(name()))
    }

    pub fn device(&self, device: &CanonicalIdentifier) -> DeviceMark {
        let mac = self.mac(b"device", device.expose());
        DeviceMark(u64::from_be_bytes(*mac.0.first_chunk().expect("32 bytes")))
    }

    /// None for an empty reference.
    pub fn transaction(&self, reference: &str) -> Option<ReferenceMark> {
        let mark = || *self.mac(b"transaction", reference.as_bytes()).0.first_chunk().expect("32 bytes");
        (!reference.is_empty()).then(|| ReferenceMark::new(u32::from_be_bytes(mark())))
    }

    fn mac(&self, what: &[u8], bytes: &[u8]) -> LocalMac {
        let mut mac = self.0.clone();
        mac.update(&framed(&[what]));
        mac.update(bytes);
        LocalMac(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for ProfileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProfileKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_by_what_they_name_and_nobody_has_none() {
        let key = ProfileKey::new(&SecretBytes::new([7; 32]));
        let customer = key.customer("jane").expect("named");
        assert_eq!(key.customer("jane"), Some(customer));
        assert_ne!(key.customer("june"), Some(customer));
        let transaction = key.transaction("jane").expect("named");
        assert_ne!(customer.0[..4], (transaction.bits() << 1).to_be_bytes());
        assert_eq!((key.customer(""), key.transaction("")), (None, None));
        assert!(!format!("{key:?}").contains('7'));
    }
}
