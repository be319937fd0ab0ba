//! The function under suite 2: RFC 9497 with ristretto255 and SHA-512, base mode (0x00) and verifiable mode (0x01).
//!
//! A client blinds its input, helpers multiply with their key without learning what they evaluate, the client unblinds. Suite 2
//! uses the verifiable mode only, with the key shared among helpers (see [`threshold`]); the base mode is here because both
//! have published vectors. Mode 0x02 (public input) is not used. No protocol speaks suite 2 yet.

pub mod conformance;
pub mod proof;
pub mod threshold;

use std::fmt;

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use rand::CryptoRng;
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of an input; its length is framed in 16 bits.
const INPUT_BYTES: usize = 65_535;

/// The rule an evaluation broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OprfError {
    #[error("the bytes are not the canonical encoding of a group element other than the identity")]
    Element,
    #[error("the bytes are not a canonical scalar other than zero")]
    Scalar,
    #[error("the input hashes to the identity")]
    InputIsIdentity,
    #[error("an input of {got} bytes exceeds the limit of {limit}")]
    InputTooLong { got: usize, limit: usize },
    #[error("a batch of {got} evaluations is not between 1 and {limit}")]
    BatchSize { got: usize, limit: usize },
    #[error("the proof does not hold for this key and these evaluations")]
    Proof,
    #[error("shares must have distinct indices other than zero")]
    ShareIndices,
    #[error("{got} shares are fewer than the threshold of {threshold}")]
    TooFewShares { got: usize, threshold: usize },
}

/// Which of RFC 9497's protocols; enters every hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Base,
    Verifiable,
}

/// A group element other than the identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element(RistrettoPoint);

impl Element {
    pub fn decode(bytes: &[u8]) -> Result<Self, OprfError> {
        let point = CompressedRistretto::from_slice(bytes).ok().and_then(|compressed| compressed.decompress());
        Self::checked(point.ok_or(OprfError::Element)?).ok_or(OprfError::Element)
    }

    pub fn encode(&self) -> [u8; 32] {
        self.0.compress().to_bytes()
    }

    fn checked(point: RistrettoPoint) -> Option<Self> {
        (!point.is_identity()).then_some(Self(point))
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Element({})", hex::encode(self.encode()))
    }
}

/// A secret scalar other than zero: a key, a share of one, or a blind.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretScalar(Scalar);

impl SecretScalar {
    pub fn decode(bytes: [u8; 32]) -> Result<Self, OprfError> {
        let scalar: Option<Scalar> = Scalar::from_canonical_bytes(bytes).into();
        scalar.filter(|scalar| *scalar != Scalar::ZERO).map(Self).ok_or(OprfError::Scalar)
    }

    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut wide = Zeroizing::new([0; 64]);
        loop {
            rng.fill_bytes(&mut *wide);
            let scalar = Scalar::from_bytes_mod_order_wide(&wide);
            if scalar != Scalar::ZERO {
                return Self(scalar);
            }
        }
    }

    pub fn public(&self) -> Element {
        // A scalar other than zero times the generator of a prime-order group is never the identity.
        Element(RistrettoPoint::mul_base(&self.0))
    }
}

impl fmt::Debug for SecretScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretScalar(…)")
    }
}

impl Mode {
    const fn byte(self) -> u8 {
        match self {
            Self::Base => 0x00,
            Self::Verifiable => 0x01,
        }
    }

    /// Hides `input` from the helpers.
    pub fn blind(self, input: &[u8], blind: &SecretScalar) -> Result<Element, OprfError> {
        check_input(input)?;
        let hashed = RistrettoPoint::from_uniform_bytes(&self.expand(b"HashToGroup-", &[input]));
        Element::checked(blind.0 * hashed).ok_or(OprfError::InputIsIdentity)
    }

    /// What the client learns: 64 bytes that only the key gives for this input.
    pub fn finalise(
        self,
        input: &[u8],
        blind: &SecretScalar,
        evaluated: &Element,
    ) -> Result<Zeroizing<[u8; 64]>, OprfError> {
        check_input(input)?;
        let unblinded = blind.0.invert() * evaluated.0;
        let mut hash = Sha512::new();
        update_framed(&mut hash, input);
        update_framed(&mut hash, unblinded.compress().as_bytes());
        hash.update(b"Finalize");
        Ok(Zeroizing::new(hash.finalize().into()))
    }

    /// RFC 9497 §3.2.1: the key that a seed gives.
    pub fn derive_key(self, seed: &[u8; 32], info: &[u8]) -> Option<SecretScalar> {
        let length = u16::try_from(info.len()).ok()?.to_be_bytes();
        (0..=u8::MAX).find_map(|counter| {
            let wide = self.expand(b"DeriveKeyPair", &[seed, &length, info, &[counter]]);
            let key = Scalar::from_bytes_mod_order_wide(&wide);
            (key != Scalar::ZERO).then_some(SecretScalar(key))
        })
    }

    fn hash_to_scalar(self, message: &[&[u8]]) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&self.expand(b"HashToScalar-", message))
    }

    fn context(self) -> Vec<u8> {
        [b"OPRFV1-".as_slice(), &[self.byte()], b"-ristretto255-SHA512"].concat()
    }

    /// `expand_message_xmd` of RFC 9380 §5.3.1 with SHA-512 to 64 bytes, which is one block.
    fn expand(self, label: &[u8], message: &[&[u8]]) -> [u8; 64] {
        const BLOCK_BYTES: usize = 128;
        let mut tag = [label, self.context().as_slice()].concat();
        let length = u8::try_from(tag.len()).expect("labels and context have fewer than 64 bytes");
        tag.push(length);

        let mut first = Sha512::new();
        first.update([0; BLOCK_BYTES]);
        for part in message {
            first.update(part);
        }
        first.update([0, 64, 0]);
        first.update(&tag);

        let mut second = Sha512::new();
        second.update(first.finalize());
        second.update([1]);
        second.update(&tag);
        second.finalize().into()
    }
}

/// What a helper does: it sees neither input nor output.
pub fn evaluate(key: &SecretScalar, blinded: &Element) -> Element {
    // Neither factor is zero, so the product is not the identity.
    Element(key.0 * blinded.0)
}

fn check_input(input: &[u8]) -> Result<(), OprfError> {
    if input.len() > INPUT_BYTES {
        return Err(OprfError::InputTooLong { got: input.len(), limit: INPUT_BYTES });
    }
    Ok(())
}

/// Appends `u16 length ‖ field`.
fn update_framed(hash: &mut Sha512, field: &[u8]) {
    let length = u16::try_from(field.len()).expect("inputs are checked, everything else is at most 64 bytes");
    hash.update(length.to_be_bytes());
    hash.update(field);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identity_and_encodings_that_are_not_canonical_are_refused() {
        assert_eq!(Element::decode(&[0; 32]), Err(OprfError::Element));
        assert_eq!(Element::decode(&[0xFF; 32]), Err(OprfError::Element));
        assert_eq!(Element::decode(&[0; 31]), Err(OprfError::Element));
        assert_eq!(SecretScalar::decode([0; 32]).err(), Some(OprfError::Scalar));
        assert_eq!(SecretScalar::decode([0xFF; 32]).err(), Some(OprfError::Scalar));
    }

    #[test]
    fn an_input_too_long_for_its_frame_is_refused() {
        let blind = SecretScalar(Scalar::ONE);
        let (got, limit) = (INPUT_BYTES + 1, INPUT_BYTES);
        let refused = Mode::Verifiable.blind(&vec![0; got], &blind);
        assert_eq!(refused, Err(OprfError::InputTooLong { got, limit }));
    }

    proptest! {
        #[test]
        fn the_blind_does_not_show_in_the_output(input in proptest::collection::vec(any::<u8>(), 0..80), a: u64, b: u64) {
            let key = SecretScalar(Scalar::from(77u8));
            let output = |blind: u64| {
                let blind = SecretScalar(Scalar::from(blind) + Scalar::ONE);
                let blinded = Mode::Verifiable.blind(&input, &blind).expect("short");
                *Mode::Verifiable.finalise(&input, &blind, &evaluate(&key, &blinded)).expect("short")
            };
            prop_assert_eq!(output(a), output(b));
        }

        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(element) = Element::decode(&bytes) {
                prop_assert_eq!(element.encode().to_vec(), bytes);
            }
        }
    }
}
