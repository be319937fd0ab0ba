//! How the outcome in a sighting is sealed to the author of the indicator, so that nobody else learns it.
//!
//! HPKE (RFC 9180) base mode, single shot, X-Wing with HKDF-SHA256 and ChaCha20-Poly1305, to the author's key in the roster.
//! Who speaks is known by the feed the sighting stands in. All fields are framed `lp(x) = u8 length ‖ x`.
//! ```text
//! info       lp("hushwire/v1/sighting") ‖ lp(consortium) ‖ lp(reporter) ‖ lp(author)
//! aad        target[32]
//! plaintext  u8 version (1) ‖ u8 outcome (1 confirmed, 2 false positive) ‖ u64 number of the word ‖ 6 bytes zero
//! sealed     encapsulated key[1120] ‖ ciphertext[32]
//! ```
//! Bound to reporter and target: another member cannot pass what it copied for its own, or for word of something else. All
//! sealed outcomes have one length. The number tells which of two words about one indicator was said last: entries of one
//! window are shuffled.

use std::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand::CryptoRng;

use crate::base::bytes::Commitment;
use crate::base::framing::framed;
use crate::base::name::{ConsortiumId, MemberId};
use crate::base::secret::SecretBytes;
use crate::domain::feed::blob::sighting::{SightingOutcome, WordNumber};
use crate::domain::roster::member::HpkeKey;

const LABEL: &[u8] = b"hushwire/v1/sighting";
const VERSION: u8 = 1;
const PLAINTEXT_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
const ENCAPSULATED_BYTES: usize = 1120;

/// Bytes of every sealed outcome.
pub const SEALED_BYTES: usize = ENCAPSULATED_BYTES + PLAINTEXT_BYTES + TAG_BYTES;

/// What a sealed outcome is bound to.
#[derive(Debug, Clone, Copy)]
pub struct SightingTerms<'a> {
    pub consortium: &'a ConsortiumId,
    /// Who saw it.
    pub reporter: &'a MemberId,
    /// Whose indicator it is.
    pub author: &'a MemberId,
    pub target: &'a Commitment,
}

impl SightingTerms<'_> {
    fn info(&self) -> Vec<u8> {
        framed(&[LABEL, self.consortium.as_bytes(), self.reporter.as_bytes(), self.author.as_bytes()])
    }
}

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    pub outcome: SightingOutcome,
    pub word: WordNumber,
}

/// The author's key in the roster is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the member's key cannot be sealed to")]
pub struct UnusableKey;

/// Nothing this member can read: sealed to another key, for other terms, or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sighting could not be opened")]
pub struct NotOpened;

/// The bytes of a sighting's `sealed`.
pub fn seal_sighting(
    terms: &SightingTerms<'_>,
    key: &HpkeKey,
    said: Said,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, UnusableKey> {
    let key = <XWing as Kem>::PublicKey::from_bytes(key.as_bytes()).map_err(|_| UnusableKey)?;
    let mut plaintext = [0; PLAINTEXT_BYTES];
    (plaintext[0], plaintext[1]) = (VERSION, said.outcome.number());
    plaintext[2..10].copy_from_slice(&said.word.0.to_be_bytes());
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeS::Base,
        &key,
        &terms.info(),
        &plaintext,
        terms.target.as_bytes(),
        rng,
    )
    .map_err(|_| UnusableKey)?;
    Ok([encapsulated.to_bytes().as_slice(), &ciphertext].concat())
}

/// Opens what others sealed to this member. The private half of its HPKE key in the roster.
pub struct SightingKey(SecretBytes<32>);

impl SightingKey {
    pub fn new(seed: SecretBytes<32>) -> Self {
        Self(seed)
    }

    pub fn open(&self, terms: &SightingTerms<'_>, sealed: &[u8]) -> Result<Said, NotOpened> {
        let (encapsulated, ciphertext) = sealed.split_at_checked(ENCAPSULATED_BYTES).ok_or(NotOpened)?;
        let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| NotOpened)?;
        let key = <XWing as Kem>::PrivateKey::from_bytes(self.0.expose()).map_err(|_| NotOpened)?;
        let plaintext = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &key,
            &encapsulated,
            &terms.info(),
            ciphertext,
            terms.target.as_bytes(),
        )
        .map_err(|_| NotOpened)?;
        let [VERSION, outcome, rest @ ..] = plaintext.as_slice() else { return Err(NotOpened) };
        let outcome = SightingOutcome::from_number(*outcome).ok_or(NotOpened)?;
        let word = rest.first_chunk().ok_or(NotOpened)?;
        Ok(Said { outcome, word: WordNumber(u64::from_be_bytes(*word)) })
    }
}

impl fmt::Debug for SightingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SightingKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha12Rng;
    use sha2::{Digest, Sha256};

    use super::*;

    fn key(byte: u8) -> SightingKey {
        SightingKey::new(SecretBytes::new([byte; 32]))
    }

    fn public(byte: u8) -> HpkeKey {
        let private = <XWing as Kem>::PrivateKey::from_bytes(&[byte; 32]).expect("any 32 bytes");
        let bytes = XWing::sk_to_pk(&private).to_bytes();
        HpkeKey::new(bytes.as_slice().try_into().expect("1216 bytes"))
    }

    struct Named {
        consortium: ConsortiumId,
        shop: MemberId,
        bank: MemberId,
        target: Commitment,
    }

    fn named() -> Named {
        Named {
            consortium: "demo.hushwire.example".parse().expect("valid"),
            shop: "shop".parse().expect("valid"),
            bank: "bank-a".parse().expect("valid"),
            target: Commitment([1; 32]),
        }
    }

    fn said(outcome: SightingOutcome) -> Said {
        Said { outcome, word: WordNumber(0x0102_0304_0506_0708) }
    }

    impl Named {
        fn terms(&self) -> SightingTerms<'_> {
            let Self { consortium, shop, bank, target } = self;
            SightingTerms { consortium, reporter: shop, author: bank, target }
        }

        fn sealed(&self, outcome: SightingOutcome) -> Vec<u8> {
            seal_sighting(&self.terms(), &public(7), said(outcome), &mut ChaCha12Rng::seed_from_u64(5)).expect("a key")
        }
    }

    #[test]
    fn only_its_author_opens_an_outcome_and_only_for_what_it_was_said_of() {
        let named = named();
        for outcome in SightingOutcome::ALL {
            let sealed = named.sealed(outcome);
            assert_eq!(sealed.len(), SEALED_BYTES);
            assert_eq!(key(7).open(&named.terms(), &sealed), Ok(said(outcome)));
            assert_eq!(key(8).open(&named.terms(), &sealed), Err(NotOpened));
            let other = Named { target: Commitment([2; 32]), ..self::named() };
            assert_eq!(key(7).open(&other.terms(), &sealed), Err(NotOpened));
            let copied = SightingTerms { reporter: &named.bank, ..named.terms() };
            assert_eq!(key(7).open(&copied, &sealed), Err(NotOpened), "somebody else's word");
        }
        for torn in [&[][..], &[0; SEALED_BYTES - 1], &[0; SEALED_BYTES]] {
            assert_eq!(key(7).open(&named.terms(), torn), Err(NotOpened));
        }
    }

    /// The bytes are read by other programs and later ones: docs/formats.md gives the same digest.
    #[test]
    fn a_sealed_outcome_is_made_as_written() {
        let sealed = named().sealed(SightingOutcome::FalsePositive);
        assert_eq!(hex::encode(Sha256::digest(&sealed)), GOLDEN_SHA256);
        assert_eq!(hex::encode(named().terms().info()), GOLDEN_INFO);
    }

    const GOLDEN_SHA256: &str = "f19224a08f0950e24737c14cbbf861d7f66d99e9f5e8534f9187125c19c0cec4";
    const GOLDEN_INFO: &str = "1468757368776972652f76312f7369676874696e671564656d6f2e68757368776972652e6578616d706c650473686f700662616e6b2d61";
}
