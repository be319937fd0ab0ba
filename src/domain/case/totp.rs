//! Codes of the authenticator of a customer, or of a user of the console: RFC 6238 with SHA-1, six digits and steps of 30 seconds, which is what every
//! authenticator speaks. The steps before and after the present one are accepted, and none twice.
//!
//! ```text
//! sealed = nonce[24] ‖ XChaCha20-Poly1305(key, nonce, AAD = lp("hushwire/v1/totp") ‖ customer[32], secret[20])
//! ```

use std::fmt;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use rand::{Rng, RngExt};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::base::bytes::LocalMac;
use crate::base::framing::framed;
use crate::base::secret::SecretBytes;
use crate::base::time::Timestamp;
use crate::domain::case::challenge::Code;

const NONCE_BYTES: usize = 24;

/// Seconds of one step.
const STEP_S: u64 = 30;

/// The key under which secrets rest in the journal.
#[derive(Debug)]
pub struct TotpKey(SecretBytes<32>);

impl TotpKey {
    pub fn new(key: SecretBytes<32>) -> Self {
        Self(key)
    }
}

/// A customer's secret, as its authenticator has it.
pub struct TotpSecret(SecretBytes<20>);

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// A sealed secret cannot be opened: it is another customer's, or another node's, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed secret of an authenticator cannot be opened")]
pub struct NotSealed;

impl TotpSecret {
    /// One that is made of a keyed fingerprint, for whoever asks for it again.
    pub fn derived(from: &LocalMac) -> Self {
        let (secret, _) = from.0.split_first_chunk::<20>().expect("a fingerprint has 32 bytes");
        Self(SecretBytes::new(*secret))
    }

    pub fn draw(rng: &mut (impl Rng + ?Sized)) -> Self {
        Self(SecretBytes::new(rng.random()))
    }

    /// Its form in the journal, under a fresh random nonce.
    pub fn seal(&self, key: &TotpKey, customer: &LocalMac, nonce: [u8; NONCE_BYTES]) -> Vec<u8> {
        let mut text = Zeroizing::new(self.0.expose().to_vec());
        cipher(key)
            .encrypt_in_place(&XNonce::from(nonce), &associated_data(customer), &mut *text)
            .expect("twenty bytes are below the cipher's limit");
        [&nonce[..], &text].concat()
    }

    /// Opens what [`Self::seal`] made with the same key and customer.
    pub fn open(sealed: &[u8], key: &TotpKey, customer: &LocalMac) -> Result<Self, NotSealed> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(NotSealed)?;
        let mut text = Zeroizing::new(text.to_vec());
        cipher(key)
            .decrypt_in_place(&XNonce::from(*nonce), &associated_data(customer), &mut *text)
            .map_err(|_| NotSealed)?;
        let secret = <[u8; 20]>::try_from(text.as_slice()).map_err(|_| NotSealed)?;
        Ok(Self(SecretBytes::new(secret)))
    }

    /// The step a code belongs to, where it is the present one or beside it and later than `used`.
    pub fn check(&self, code: &Code, used: u64, now: Timestamp) -> Option<u64> {
        // Compared in constant time, step by step. Without account and issuer, which codes do not depend on.
        let totp = self.settings(None, "customer");
        totp.check(code.expose(), now.unix_s()).filter(|step| *step > used)
    }

    /// The code of a moment.
    pub fn code_at(&self, now: Timestamp) -> Code {
        let token = self.settings(None, "customer").generate(now.unix_s());
        Code::typed(&token.to_string()).expect("six digits")
    }

    /// What an authenticator takes in, as a text or a picture: `otpauth://totp/ISSUER:ACCOUNT?secret=…`.
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let uri = self.settings(Some(issuer), account).to_url();
        Zeroizing::new(uri.expect("an account is not empty and holds no colon"))
    }

    /// In base 32 without padding, as people type it into an authenticator.
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(Secret::from(*self.0.expose()).to_base32())
    }

    fn settings(&self, issuer: Option<&str>, account: &str) -> Totp {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(1)
            .with_step_duration(STEP_S)
            .with_secret(*self.0.expose())
            .with_issuer(issuer)
            .with_account_name(account)
            .build_noncompliant()
    }
}

fn cipher(key: &TotpKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.0.expose().into())
}

fn associated_data(customer: &LocalMac) -> Vec<u8> {
    [framed(&[b"hushwire/v1/totp"]).as_slice(), &customer.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238's own examples.
    fn specified() -> TotpSecret {
        TotpSecret(SecretBytes::new(*b"12345678901234567890"))
    }

    fn code(text: &str) -> Code {
        Code::typed(text).expect("a code")
    }

    #[test]
    fn codes_are_those_of_the_specification() {
        // Appendix B, SHA-1: the last six of its eight digits.
        for (unix_s, expected) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            let now = Timestamp::from_unix_s(unix_s);
            assert_eq!(specified().code_at(now).expose(), expected);
            assert_eq!(specified().check(&code(expected), 0, now), Some(unix_s / STEP_S));
        }
    }

    #[test]
    fn the_steps_beside_the_present_one_are_taken_and_none_twice() {
        let now = Timestamp::from_unix_s(1_795_000_010);
        let secret = specified();
        let step = now.unix_s() / STEP_S;
        for (ahead, taken) in [(0, true), (30, true), (60, false)] {
            assert_eq!(secret.check(&secret.code_at(now.plus_s(ahead)), 0, now).is_some(), taken, "{ahead} s ahead");
            assert_eq!(secret.check(&secret.code_at(now), 0, now.plus_s(ahead)).is_some(), taken, "{ahead} s old");
        }
        assert_eq!(secret.check(&secret.code_at(now), step, now), None, "used");
        assert_eq!(secret.check(&secret.code_at(now), step - 1, now), Some(step));
        assert_eq!(secret.check(&code("00000000"), 0, now), None, "eight digits are not its");
    }

    #[test]
    fn a_secret_rests_sealed_for_one_customer_and_one_node() {
        let (key, other) = (TotpKey::new(SecretBytes::new([1; 32])), TotpKey::new(SecretBytes::new([2; 32])));
        let (jane, ben) = (LocalMac([1; 32]), LocalMac([2; 32]));
        let sealed = specified().seal(&key, &jane, [9; NONCE_BYTES]);
        assert!(!sealed.windows(20).any(|window| window == b"12345678901234567890"));
        let now = Timestamp::from_unix_s(59);
        assert_eq!(TotpSecret::open(&sealed, &key, &jane).expect("its own").code_at(now).expose(), "287082");
        assert!(TotpSecret::open(&sealed, &key, &ben).is_err() && TotpSecret::open(&sealed, &other, &jane).is_err());
        assert!(TotpSecret::open(&sealed[..30], &key, &jane).is_err() && TotpSecret::open(&[], &key, &jane).is_err());
    }

    #[test]
    fn an_authenticator_takes_in_the_secret_by_its_address() {
        let uri = specified().uri("shop-d", "order desk & co");
        let expected =
            "otpauth://totp/shop-d:order%20desk%20%26%20co?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=shop-d";
        assert_eq!(uri.as_str(), expected);
        assert_eq!(specified().base32().as_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(format!("{:?}", specified()), "TotpSecret(…)");
    }
}
