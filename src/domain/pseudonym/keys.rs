//! Suite 1: the keys of an epoch and what they make of an identifier (DESIGN §5).
//!
//! ```text
//! PRK       = HKDF-Extract-SHA256(salt "hushwire/v1/epoch-extract", epoch secret)
//! epoch_id  = HKDF-Expand(PRK, lp("hushwire/v1/epoch-id")  ‖ lp(consortium) ‖ u32(epoch), 16)
//! tag_key   = HKDF-Expand(PRK, lp("hushwire/v1/tag-key")   ‖ lp(consortium) ‖ u32(epoch) ‖ lp(purpose) ‖ lp(type), 32)
//! seal_key  = HKDF-Expand(PRK, lp("hushwire/v1/seal-key")  ‖ … the same …, 32)
//! pseudonym = HMAC-SHA256(tag_key, canonical)      seal = HMAC-SHA256(seal_key, canonical)
//! ```
//!
//! Every epoch has its own independent secret: there is no master whose theft would open all of them.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

use crate::base::bytes::Pseudonym;
use crate::base::epoch::{EpochId, KeyEpoch};
use crate::base::framing::push_framed;
use crate::base::kind::IdentifierKind;
use crate::base::name::ConsortiumId;
use crate::base::secret::SecretBytes;
use crate::domain::identifier::CanonicalIdentifier;
use crate::domain::pseudonym::suite::Suite;

/// The purpose that enters every key: pseudonyms made for another use cannot be linked to these.
pub const PURPOSE: &str = "fraud-screening";

const EXTRACT_SALT: &[u8] = b"hushwire/v1/epoch-extract";
const EPOCH_ID_LABEL: &[u8] = b"hushwire/v1/epoch-id";
const TAG_KEY_LABEL: &[u8] = b"hushwire/v1/tag-key";
const SEAL_KEY_LABEL: &[u8] = b"hushwire/v1/seal-key";

/// 32 random bytes drawn for one epoch and handed to every member.
#[derive(Debug, PartialEq, Eq)]
pub struct EpochSecret(SecretBytes<32>);

impl EpochSecret {
    pub fn new(secret: SecretBytes<32>) -> Self {
        Self(secret)
    }

    /// For the keystore and the key bundles that carry it to members.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// Opens the details of indicators about one identifier. Whoever has it knows the identifier; it never leaves the node.
#[derive(Debug, PartialEq, Eq)]
pub struct Seal(SecretBytes<32>);

impl Seal {
    pub(in crate::domain::pseudonym) fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBytes::new(bytes))
    }

    pub(in crate::domain::pseudonym) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// HMAC states after their key block: cloning one saves half the hashing of a lookup.
struct KindStates {
    tag: Hmac<Sha256>,
    seal: Hmac<Sha256>,
}

/// The derived keys of one epoch in one consortium.
pub struct EpochKeys {
    epoch: KeyEpoch,
    epoch_id: EpochId,
    /// One row a kind, in the order of [`IdentifierKind::ALL`].
    states: Vec<KindStates>,
}

impl EpochKeys {
    /// How these keys make pseudonyms.
    pub const SUITE: Suite = Suite::KeyedHash;

    pub fn derive(consortium: &ConsortiumId, epoch: KeyEpoch, secret: &EpochSecret) -> Self {
        let extracted = Extracted::new(consortium, epoch, secret);
        let states = IdentifierKind::ALL
            .into_iter()
            .map(|kind| KindStates {
                tag: keyed(&extracted.kind_key(TAG_KEY_LABEL, kind)),
                seal: keyed(&extracted.kind_key(SEAL_KEY_LABEL, kind)),
            })
            .collect();
        Self { epoch, epoch_id: extracted.epoch_id(), states }
    }

    pub fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    pub fn epoch_id(&self) -> EpochId {
        self.epoch_id
    }

    /// The pseudonym other members see and the seal only holders of the identifier can make.
    pub fn pseudonymise(&self, identifier: &CanonicalIdentifier) -> (Pseudonym, Seal) {
        self.pseudonymise_bytes(identifier.kind(), identifier.expose())
    }

    /// The pseudonym alone: a look-up that misses needs no seal, which halves its hashing.
    pub fn pseudonym(&self, identifier: &CanonicalIdentifier) -> Pseudonym {
        Pseudonym(finish(&self.states(identifier.kind()).tag, identifier.expose()))
    }

    /// The seal alone, for what a look-up found.
    pub fn seal(&self, identifier: &CanonicalIdentifier) -> Seal {
        Seal::new(finish(&self.states(identifier.kind()).seal, identifier.expose()))
    }

    fn states(&self, kind: IdentifierKind) -> &KindStates {
        self.states.get(kind.ordinal()).expect("one row stands for every kind")
    }

    pub(in crate::domain::pseudonym) fn pseudonymise_bytes(
        &self,
        kind: IdentifierKind,
        canonical: &[u8],
    ) -> (Pseudonym, Seal) {
        let states = self.states(kind);
        (Pseudonym(finish(&states.tag, canonical)), Seal::new(finish(&states.seal, canonical)))
    }
}

impl fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EpochKeys(epoch {}, {})", self.epoch, self.epoch_id)
    }
}

/// The keys a node can read with: new statements are made under the current epoch, the previous one is only looked up.
#[derive(Debug)]
pub struct KeyRing {
    pub current: EpochKeys,
    pub previous: Option<EpochKeys>,
}

impl KeyRing {
    /// The current epoch first.
    pub fn readable(&self) -> impl Iterator<Item = &EpochKeys> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    pub fn by_id(&self, epoch_id: &EpochId) -> Option<&EpochKeys> {
        self.readable().find(|keys| keys.epoch_id == *epoch_id)
    }
}

/// An epoch's PRK with what its expansions share.
pub(in crate::domain::pseudonym) struct Extracted {
    prk: SecretBytes<32>,
    consortium: ConsortiumId,
    epoch: KeyEpoch,
}

impl Extracted {
    pub(in crate::domain::pseudonym) fn new(consortium: &ConsortiumId, epoch: KeyEpoch, secret: &EpochSecret) -> Self {
        let (mut extracted, _) = Hkdf::<Sha256>::extract(Some(EXTRACT_SALT), secret.expose());
        let prk = SecretBytes::new(extracted.into());
        extracted.zeroize();
        Self { prk, consortium: consortium.clone(), epoch }
    }

    pub(in crate::domain::pseudonym) fn prk(&self) -> &SecretBytes<32> {
        &self.prk
    }

    pub(in crate::domain::pseudonym) fn epoch_id(&self) -> EpochId {
        EpochId(*expand(&self.prk, &self.info(EPOCH_ID_LABEL)).expose())
    }

    pub(in crate::domain::pseudonym) fn tag_key(&self, kind: IdentifierKind) -> SecretBytes<32> {
        self.kind_key(TAG_KEY_LABEL, kind)
    }

    fn kind_key(&self, label: &[u8], kind: IdentifierKind) -> SecretBytes<32> {
        let mut info = self.info(label);
        push_framed(&mut info, PURPOSE.as_bytes());
        push_framed(&mut info, kind.type_label().as_bytes());
        expand(&self.prk, &info)
    }

    fn info(&self, label: &[u8]) -> Vec<u8> {
        let mut info = Vec::new();
        push_framed(&mut info, label);
        push_framed(&mut info, self.consortium.as_bytes());
        info.extend_from_slice(&self.epoch.0.to_be_bytes());
        info
    }
}

/// `HKDF-Expand-SHA256(prk, info, N)`.
pub(in crate::domain::pseudonym) fn expand<const N: usize>(prk: &SecretBytes<32>, info: &[u8]) -> SecretBytes<N> {
    let hkdf = Hkdf::<Sha256>::from_prk(prk.expose()).expect("32 bytes are a full SHA-256 PRK");
    let mut okm = [0; N];
    hkdf.expand(info, &mut okm).expect("at most 32 bytes are asked of an expansion that gives 8160");
    let key = SecretBytes::new(okm);
    okm.zeroize();
    key
}

fn keyed(key: &SecretBytes<32>) -> Hmac<Sha256> {
    Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length")
}

fn finish(state: &Hmac<Sha256>, canonical: &[u8]) -> [u8; 32] {
    let mut mac = state.clone();
    mac.update(canonical);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(consortium: &str, epoch: u32, secret: u8) -> EpochKeys {
        let consortium = consortium.parse().expect("a valid id");
        EpochKeys::derive(&consortium, KeyEpoch(epoch), &EpochSecret::new(SecretBytes::new([secret; 32])))
    }

    #[test]
    fn consortium_epoch_secret_and_kind_each_make_another_pseudonym() {
        let base = keys("a.example", 7, 1).pseudonymise_bytes(IdentifierKind::Pan, b"4111111111111111");
        let others = [
            keys("b.example", 7, 1).pseudonymise_bytes(IdentifierKind::Pan, b"4111111111111111"),
            keys("a.example", 8, 1).pseudonymise_bytes(IdentifierKind::Pan, b"4111111111111111"),
            keys("a.example", 7, 2).pseudonymise_bytes(IdentifierKind::Pan, b"4111111111111111"),
            keys("a.example", 7, 1).pseudonymise_bytes(IdentifierKind::Device, b"4111111111111111"),
            keys("a.example", 7, 1).pseudonymise_bytes(IdentifierKind::Pan, b"4111111111111112"),
        ];
        for other in others {
            assert_ne!(base.0, other.0);
            assert_ne!(base.1, other.1);
        }
    }

    #[test]
    fn the_ring_reads_current_and_previous_and_no_other_epoch() {
        let ring = KeyRing { current: keys("a.example", 8, 2), previous: Some(keys("a.example", 7, 1)) };
        let epochs: Vec<u32> = ring.readable().map(|keys| keys.epoch().0).collect();
        assert_eq!(epochs, [8, 7]);
        let previous = keys("a.example", 7, 1).epoch_id();
        assert_eq!(ring.by_id(&previous).map(EpochKeys::epoch), Some(KeyEpoch(7)));
        assert!(ring.by_id(&keys("a.example", 6, 1).epoch_id()).is_none());
    }

    #[test]
    fn debug_shows_no_key() {
        let keys = keys("a.example", 7, 0xAB);
        let (pseudonym, seal) = keys.pseudonymise_bytes(IdentifierKind::Pan, b"4111111111111111");
        let shown = format!("{keys:?} {seal:?} {:?}", EpochSecret::new(SecretBytes::new([0xAB; 32])));
        assert!(!shown.contains("abab") && !shown.contains(&hex::encode(seal.expose())));
        assert!(!shown.contains(&pseudonym.to_string()));
    }
}
