//! Every private key of one node, as one closed value.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::SigningKey;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, Serializable};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::base::epoch::KeyEpoch;
use crate::base::name::{ConsortiumId, GroupId, MemberId};
use crate::base::secret::SecretBytes;
use crate::base::time::Timestamp;
use crate::domain::note::key::{KeyError, NoteSigner};
use crate::domain::pseudonym::keys::{EpochKeys, EpochSecret, KeyRing};
use crate::domain::roster::member::{HpkeKey, audit_key_name, feed_key_name, witness_key_name};
use crate::domain::roster::terms::Epoch;
use crate::domain::roster::verified::Roster;
use crate::io::keystore::rollover::NextKeys;

/// The keys of an epoch cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EpochKeysError {
    #[error("no epoch is active yet")]
    NoneActive,
    #[error("the keystore lacks the secret of epoch {0}; apply a key bundle of that epoch")]
    Missing(KeyEpoch),
    #[error("the keystore's secret of epoch {0} is not the one the roster announced")]
    Other(KeyEpoch),
}

/// Private key of an X-Wing pair, with which sealed epoch secrets are opened. Closed.
pub struct HpkeSecret(SecretBytes<32>);

impl HpkeSecret {
    pub fn new(seed: SecretBytes<32>) -> Self {
        Self(seed)
    }

    /// The public half, as it stands in the roster.
    pub fn public(&self) -> HpkeKey {
        let bytes = XWing::sk_to_pk(&self.private()).to_bytes();
        let mut key = [0; HpkeKey::LENGTH];
        key.copy_from_slice(&bytes);
        HpkeKey::new(key)
    }

    /// For opening bundles and for the keystore.
    pub(in crate::io) fn private(&self) -> <XWing as Kem>::PrivateKey {
        <XWing as Kem>::PrivateKey::from_bytes(self.0.expose()).expect("an X-Wing private key is any 32 bytes")
    }

    pub(in crate::io) fn seed(&self) -> &SecretBytes<32> {
        &self.0
    }
}

impl fmt::Debug for HpkeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HpkeSecret(…)")
    }
}

/// All private keys of one node. Wiped on drop, shown nowhere, written only by [`crate::io::keystore::sealed`].
///
/// TLS private keys are PKCS #8 PEM; they are absent until certificates were made ([`crate::io::certificate`]).
pub struct NodeKeys {
    /// Signs the checkpoints of the node's own feeds.
    pub feed: SigningKey,
    /// Signs the checkpoints of the node's audit log.
    pub audit: SigningKey,
    /// Cosigns other members' checkpoints.
    pub witness: SigningKey,
    pub hpke: HpkeSecret,
    /// Wraps the keys of the journal's segments.
    pub storage: SecretBytes<32>,
    /// Keys the local MACs: request ids, source references, keys of views.
    pub local_mac: SecretBytes<32>,
    /// Secrets of the epochs this node may read.
    pub epochs: BTreeMap<KeyEpoch, EpochSecret>,
    pub tls: Option<TlsKeys>,
    /// Those that are to take over.
    pub next: NextKeys,
}

/// Private keys of the node's certificates, PKCS #8 PEM.
pub struct TlsKeys {
    /// Of the self-signed certificate other members pin.
    pub peer: Zeroizing<String>,
    /// Of the member's own authority, which vouches for its local callers.
    pub local_ca: Zeroizing<String>,
    /// Of the certificate the local listener shows.
    pub server: Zeroizing<String>,
}

impl NodeKeys {
    /// Fresh keys, without epoch secrets (they come in bundles) and without TLS keys.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self {
            feed: random_signing_key(rng),
            audit: random_signing_key(rng),
            witness: random_signing_key(rng),
            hpke: HpkeSecret::new(random_secret(rng)),
            storage: random_secret(rng),
            local_mac: random_secret(rng),
            epochs: BTreeMap::new(),
            tls: None,
            next: NextKeys::default(),
        }
    }

    /// Signs the feed of one group.
    pub fn feed_signer(
        &self,
        consortium: &ConsortiumId,
        member: &MemberId,
        group: &GroupId,
    ) -> Result<NoteSigner, KeyError> {
        NoteSigner::ed25519(&feed_key_name(consortium, member, group), self.feed.clone())
    }

    /// Signs the audit log.
    pub fn audit_signer(&self, consortium: &ConsortiumId, member: &MemberId) -> Result<NoteSigner, KeyError> {
        NoteSigner::ed25519(&audit_key_name(consortium, member), self.audit.clone())
    }

    /// Cosigns checkpoints.
    pub fn witness_signer(&self, consortium: &ConsortiumId, member: &MemberId) -> Result<NoteSigner, KeyError> {
        NoteSigner::cosigner(&witness_key_name(consortium, member), self.witness.clone())
    }

    /// The keys to publish and screen with at this moment. The secret of the previous epoch may be missing: a member that
    /// joined later, or that destroyed it, matches nothing under it.
    pub fn key_ring(&self, roster: &Roster, now: Timestamp) -> Result<KeyRing, EpochKeysError> {
        self.key_ring_with(&BTreeMap::new(), roster, now)
    }

    /// The same with secrets that came while the node runs, beside those of the keystore.
    pub fn key_ring_with(
        &self,
        received: &BTreeMap<KeyEpoch, EpochSecret>,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<KeyRing, EpochKeysError> {
        let derive = |epoch: &Epoch| {
            let secret = self.epochs.get(&epoch.number).or_else(|| received.get(&epoch.number));
            let secret = secret.ok_or(EpochKeysError::Missing(epoch.number))?;
            let keys = EpochKeys::derive(roster.consortium(), epoch.number, secret);
            if keys.epoch_id() == epoch.id { Ok(keys) } else { Err(EpochKeysError::Other(epoch.number)) }
        };
        let readable = roster.readable_epochs(now);
        let current = derive(readable.first().ok_or(EpochKeysError::NoneActive)?)?;
        let previous = match readable.get(1).map(|epoch| derive(epoch)) {
            Some(Ok(keys)) => Some(keys),
            None | Some(Err(EpochKeysError::Missing(_))) => None,
            Some(Err(fault)) => return Err(fault),
        };
        Ok(KeyRing { current, previous })
    }
}

impl fmt::Debug for NodeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKeys(… {} epochs)", self.epochs.len())
    }
}

impl fmt::Debug for TlsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsKeys(…)")
    }
}

/// A fresh Ed25519 key.
pub fn random_signing_key(rng: &mut impl CryptoRng) -> SigningKey {
    SigningKey::from_bytes(random_secret(rng).expose())
}

/// 32 fresh secret bytes.
pub fn random_secret(rng: &mut impl CryptoRng) -> SecretBytes<32> {
    let mut bytes = Zeroizing::new([0; 32]);
    rng.fill_bytes(bytes.as_mut_slice());
    SecretBytes::new(*bytes)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn keys_show_no_content() {
        let keys = NodeKeys::generate(&mut ChaCha20Rng::seed_from_u64(1));
        assert_eq!(format!("{keys:?} {:?}", keys.hpke), "NodeKeys(… 0 epochs) HpkeSecret(…)");
    }

    #[test]
    fn the_key_ring_holds_the_current_and_the_previous_epoch() {
        use crate::base::epoch::EpochId;
        use crate::domain::roster::samples::{NOW, consortium, draft, found};
        let mut keys = NodeKeys::generate(&mut ChaCha20Rng::seed_from_u64(1));
        let secret = |byte: u8| EpochSecret::new(SecretBytes::new([byte; 32]));
        let id = |number, byte| EpochKeys::derive(&consortium(), KeyEpoch(number), &secret(byte)).epoch_id();
        let mut terms = draft(&["bank-a"]);
        terms.epochs[0].id = id(1, 1);
        let later = NOW.plus_s(90 * 86_400);
        let next = Epoch { number: KeyEpoch(2), id: id(2, 2), activates_at: later, compromised_at: None };
        terms.epochs.push(next);
        let roster = found(&terms);
        let ring = |keys: &NodeKeys, now| {
            let ids = |ring: KeyRing| ring.readable().map(EpochKeys::epoch_id).collect::<Vec<EpochId>>();
            keys.key_ring(&roster, now).map(ids)
        };
        assert_eq!(ring(&keys, NOW), Err(EpochKeysError::Missing(KeyEpoch(1))));
        keys.epochs.insert(KeyEpoch(2), secret(2));
        assert_eq!(ring(&keys, later), Ok(vec![id(2, 2)]), "what is lost of the past does not stop the present");
        keys.epochs.insert(KeyEpoch(1), secret(1));
        assert_eq!(ring(&keys, later), Ok(vec![id(2, 2), id(1, 1)]));
        keys.epochs.insert(KeyEpoch(1), secret(9));
        assert_eq!(ring(&keys, later), Err(EpochKeysError::Other(KeyEpoch(1))));
        assert_eq!(ring(&keys, Timestamp::from_unix_s(0)), Err(EpochKeysError::NoneActive));
    }

    #[test]
    fn every_key_is_its_own() {
        let keys = NodeKeys::generate(&mut ChaCha20Rng::seed_from_u64(1));
        let seeds = [
            keys.feed.to_bytes(),
            keys.audit.to_bytes(),
            keys.witness.to_bytes(),
            *keys.hpke.seed().expose(),
            *keys.storage.expose(),
            *keys.local_mac.expose(),
        ];
        assert_eq!(seeds.iter().collect::<std::collections::BTreeSet<_>>().len(), seeds.len());
    }
}
