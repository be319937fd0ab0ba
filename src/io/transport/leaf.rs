//! What we read from the certificate at the other end: its key, its life and the URIs it names.

use crate::base::bytes::Sha256Digest;
use rustls::pki_types::UnixTime;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The parts of an end-entity certificate that say who is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// SHA-256 of the DER SubjectPublicKeyInfo: what a roster pins.
    pub spki: Sha256Digest,
    /// First second of validity, Unix time.
    pub not_before_s: u64,
    /// Last second of validity, Unix time.
    pub not_after_s: u64,
    /// URIs among the subject's alternative names, in order.
    pub uris: Vec<String>,
}

/// Why a certificate cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    #[error("the certificate is not well-formed X.509")]
    Malformed,
    #[error("the certificate is not valid yet")]
    NotYetValid,
    #[error("the certificate has expired")]
    Expired,
}

impl Leaf {
    /// Reads a DER certificate. Nothing is verified here.
    pub fn read(der: &[u8]) -> Result<Self, LeafError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| LeafError::Malformed)?;
        if !rest.is_empty() {
            return Err(LeafError::Malformed);
        }
        let spki: [u8; 32] = Sha256::digest(certificate.public_key().raw).into();
        let names = certificate.subject_alternative_name().map_err(|_| LeafError::Malformed)?;
        let uris = names.map_or_else(Vec::new, |names| {
            let uri = |name: &GeneralName<'_>| match name {
                GeneralName::URI(uri) => Some((*uri).to_owned()),
                _ => None,
            };
            names.value.general_names.iter().filter_map(uri).collect()
        });
        let seconds = |time: i64| u64::try_from(time).unwrap_or(0);
        Ok(Self {
            spki: Sha256Digest(spki),
            not_before_s: seconds(certificate.validity().not_before.timestamp()),
            not_after_s: seconds(certificate.validity().not_after.timestamp()),
            uris,
        })
    }

    /// Whether the certificate is in force.
    pub fn check_validity(&self, now: UnixTime) -> Result<(), LeafError> {
        if now.as_secs() < self.not_before_s {
            return Err(LeafError::NotYetValid);
        }
        if now.as_secs() > self.not_after_s {
            return Err(LeafError::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, PublicKeyData, SanType};
    use std::time::Duration;

    fn certificate(key: &KeyPair, uri: &str) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 2, 1);
        params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("ASCII"))];
        params.self_signed(key).expect("signs").der().to_vec()
    }

    #[test]
    fn the_pin_is_the_hash_of_the_public_key_alone() {
        let key = KeyPair::generate().expect("a key");
        let expected: [u8; 32] = Sha256::digest(key.subject_public_key_info()).into();
        for uri in ["hushwire://bank-a/screener/shop", "hushwire://bank-b/operator/ann"] {
            let leaf = Leaf::read(&certificate(&key, uri)).expect("reads");
            assert_eq!((leaf.spki, leaf.uris), (Sha256Digest(expected), vec![uri.to_owned()]));
        }
    }

    #[test]
    fn a_certificate_counts_from_its_first_second_to_its_last() {
        let key = KeyPair::generate().expect("a key");
        let leaf = Leaf::read(&certificate(&key, "hushwire://a/b/c")).expect("reads");
        let check = |at_s: u64, expected| {
            assert_eq!(leaf.check_validity(UnixTime::since_unix_epoch(Duration::from_secs(at_s))), expected);
        };
        check(leaf.not_before_s - 1, Err(LeafError::NotYetValid));
        check(leaf.not_before_s, Ok(()));
        check(leaf.not_after_s, Ok(()));
        check(leaf.not_after_s + 1, Err(LeafError::Expired));
    }

    #[test]
    fn bytes_after_the_certificate_are_refused() {
        let key = KeyPair::generate().expect("a key");
        let mut der = certificate(&key, "hushwire://a/b/c");
        der.push(0);
        assert_eq!(Leaf::read(&der), Err(LeafError::Malformed));
        for cut in 0..der.len() - 1 {
            assert_eq!(Leaf::read(&der[..cut]), Err(LeafError::Malformed), "cut at {cut}");
        }
    }
}
