//! From one key to the next: a new key lies beside the one in use until the roster in force names it.
//!
//! Which of the two is used is never a setting. The roster decides for keys that sign, the certificate on disk for keys of
//! TLS, and what was sealed to either of two HPKE keys is opened with it. So no order of roster, keystore and restart leaves
//! a node without its key.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base::bytes::Sha256Digest;
use crate::base::name::{ConsortiumId, GroupId, MemberId};
use crate::base::position::TreeSize;
use crate::domain::feed::sighting_seal::SightingKey;
use crate::domain::note::key::{KeyError, NoteSigner, VerifierKey};
use crate::domain::roster::member::{Member, audit_key_name, feed_key_name, witness_key_name};
use crate::domain::roster::verified::Roster;
use crate::io::certificate::{pin_of_key_pem, pin_of_pem};
use crate::io::keystore::keys::{HpkeSecret, NodeKeys};
use crate::node::signers::Signers;

/// The keys a node can change while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotatedKey {
    Feed,
    Witness,
    Audit,
    Hpke,
    /// Of the certificate other members pin.
    PeerTls,
}

/// No key that rotates has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one of feed, witness, audit, hpke, peer-tls")]
pub struct UnknownKey;

impl RotatedKey {
    pub const ALL: [Self; 5] = [Self::Feed, Self::Witness, Self::Audit, Self::Hpke, Self::PeerTls];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Witness => "witness",
            Self::Audit => "audit",
            Self::Hpke => "hpke",
            Self::PeerTls => "peer-tls",
        }
    }

    /// Fingerprints of the keys the roster names now: of feeds the newest of each group, of peer TLS one or two pins.
    pub fn named_by(self, row: &Member) -> Vec<Sha256Digest> {
        let of = |key: &VerifierKey| fingerprint(key.public_key());
        match self {
            Self::Feed => {
                let newest = |group| row.feed_key(group, TreeSize(u64::MAX)).map(of);
                row.groups.iter().filter_map(newest).collect()
            }
            Self::Witness => vec![of(&row.witness_key)],
            Self::Audit => vec![of(&row.audit_key)],
            Self::Hpke => vec![fingerprint(row.hpke_key.as_bytes())],
            Self::PeerTls => row.pins.clone(),
        }
    }
}

impl FromStr for RotatedKey {
    type Err = UnknownKey;

    fn from_str(name: &str) -> Result<Self, UnknownKey> {
        Self::ALL.into_iter().find(|key| key.label() == name).ok_or(UnknownKey)
    }
}

/// SHA-256 of a public key.
pub fn fingerprint(public_key: &[u8]) -> Sha256Digest {
    Sha256Digest(Sha256::digest(public_key).into())
}

/// Keys that are to take over. Closed.
#[derive(Default)]
pub struct NextKeys {
    pub feed: Option<NextFeedKey>,
    pub audit: Option<SigningKey>,
    pub witness: Option<SigningKey>,
    pub hpke: Option<HpkeSecret>,
    /// PKCS #8 PEM, of the certificate other members pin.
    pub tls_peer: Option<Zeroizing<String>>,
    /// PKCS #8 PEM, of the certificate the local listener shows; here only while that certificate is being replaced.
    pub tls_server: Option<Zeroizing<String>>,
}

/// The next feed key with the sizes from which it is to count.
pub struct NextFeedKey {
    pub key: SigningKey,
    pub from: BTreeMap<GroupId, TreeSize>,
}

impl fmt::Debug for NextKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextKeys(…)")
    }
}

impl fmt::Debug for NextFeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NextFeedKey(… from {:?})", self.from)
    }
}

impl NodeKeys {
    /// Signers of the feed of one group: with the key in use, then with the next one.
    pub fn feed_signers(
        &self,
        consortium: &ConsortiumId,
        member: &MemberId,
        group: &GroupId,
    ) -> Result<Vec<NoteSigner>, KeyError> {
        let keys = [Some(&self.feed), self.next.feed.as_ref().map(|next| &next.key)];
        let name = feed_key_name(consortium, member, group);
        keys.into_iter().flatten().map(|key| NoteSigner::ed25519(&name, key.clone())).collect()
    }

    /// Signers of the audit log: with the key in use, then with the next one.
    pub fn audit_signers(&self, consortium: &ConsortiumId, member: &MemberId) -> Result<Vec<NoteSigner>, KeyError> {
        let name = audit_key_name(consortium, member);
        let keys = [Some(&self.audit), self.next.audit.as_ref()];
        keys.into_iter().flatten().map(|key| NoteSigner::ed25519(&name, key.clone())).collect()
    }

    /// Cosigners: with the key in use, then with the next one.
    pub fn witness_signers(&self, consortium: &ConsortiumId, member: &MemberId) -> Result<Vec<NoteSigner>, KeyError> {
        let name = witness_key_name(consortium, member);
        let keys = [Some(&self.witness), self.next.witness.as_ref()];
        keys.into_iter().flatten().map(|key| NoteSigner::cosigner(&name, key.clone())).collect()
    }

    /// What this node signs with under `roster`. A feed whose newest key this keystore lacks gets no signer: what nobody
    /// would believe is not signed.
    pub fn signers(&self, consortium: &ConsortiumId, member: &MemberId, roster: &Roster) -> Result<Signers, KeyError> {
        let row = roster.member(member);
        let (mut feeds, mut former_feeds) = (BTreeMap::new(), BTreeMap::new());
        for group in roster.groups_of(member) {
            let newest = row.and_then(|row| row.feed_key(&group, TreeSize(u64::MAX)));
            for signer in self.feed_signers(consortium, member, &group)? {
                let place = if Some(signer.verifier()) == newest { &mut feeds } else { &mut former_feeds };
                place.insert(group.clone(), signer);
            }
        }
        Ok(Signers {
            feeds,
            former_feeds,
            audit: named(self.audit_signers(consortium, member)?, row.map(|row| &row.audit_key)),
            witness: named(self.witness_signers(consortium, member)?, row.map(|row| &row.witness_key)),
            sighting_keys: self.hpke_secrets().map(|key| SightingKey::new(key.seed().duplicate())).collect(),
        })
    }

    /// Fingerprint of the next key; none where there is none.
    pub fn next_fingerprint(&self, key: RotatedKey) -> Option<Sha256Digest> {
        let of = |key: &SigningKey| fingerprint(key.verifying_key().as_bytes());
        match key {
            RotatedKey::Feed => self.next.feed.as_ref().map(|next| of(&next.key)),
            RotatedKey::Witness => self.next.witness.as_ref().map(of),
            RotatedKey::Audit => self.next.audit.as_ref().map(of),
            RotatedKey::Hpke => self.next.hpke.as_ref().map(|next| fingerprint(next.public().as_bytes())),
            RotatedKey::PeerTls => self.next.tls_peer.as_ref().and_then(|next| pin_of_key_pem(next)),
        }
    }

    /// Whether this keystore holds every key of this kind that the roster names; of peer TLS one will do.
    pub fn holds_named(&self, key: RotatedKey, row: &Member) -> bool {
        let of = |key: &SigningKey| Some(fingerprint(key.verifying_key().as_bytes()));
        let present = match key {
            RotatedKey::Feed => of(&self.feed),
            RotatedKey::Witness => of(&self.witness),
            RotatedKey::Audit => of(&self.audit),
            RotatedKey::Hpke => Some(fingerprint(self.hpke.public().as_bytes())),
            RotatedKey::PeerTls => self.tls.as_ref().and_then(|tls| pin_of_key_pem(&tls.peer)),
        };
        let next = self.next_fingerprint(key);
        let is_held = |named: &Sha256Digest| present == Some(*named) || next == Some(*named);
        let named = key.named_by(row);
        if key == RotatedKey::PeerTls { named.iter().any(is_held) } else { named.iter().all(is_held) }
    }

    /// The next key is the one in use from here on; the former one is gone.
    pub fn take_over(&mut self, key: RotatedKey) {
        match key {
            RotatedKey::Feed => replace(&mut self.feed, self.next.feed.take().map(|next| next.key)),
            RotatedKey::Witness => replace(&mut self.witness, self.next.witness.take()),
            RotatedKey::Audit => replace(&mut self.audit, self.next.audit.take()),
            RotatedKey::Hpke => replace(&mut self.hpke, self.next.hpke.take()),
            RotatedKey::PeerTls => {
                if let Some(tls) = &mut self.tls {
                    replace(&mut tls.peer, self.next.tls_peer.take());
                }
            }
        }
    }

    /// The next key is gone; the one in use stays.
    pub fn abandon(&mut self, key: RotatedKey) {
        match key {
            RotatedKey::Feed => self.next.feed = None,
            RotatedKey::Witness => self.next.witness = None,
            RotatedKey::Audit => self.next.audit = None,
            RotatedKey::Hpke => self.next.hpke = None,
            RotatedKey::PeerTls => self.next.tls_peer = None,
        }
    }

    /// Every private key to which something may be sealed.
    pub fn hpke_secrets(&self) -> impl Iterator<Item = &HpkeSecret> {
        std::iter::once(&self.hpke).chain(&self.next.hpke)
    }

    /// The private key that belongs to the certificate other members pin.
    pub fn peer_key_of(&self, certificate_pem: &str) -> Option<&Zeroizing<String>> {
        key_of(certificate_pem, [self.tls.as_ref().map(|tls| &tls.peer), self.next.tls_peer.as_ref()])
    }

    /// The private key that belongs to the certificate of the local listener.
    pub fn server_key_of(&self, certificate_pem: &str) -> Option<&Zeroizing<String>> {
        key_of(certificate_pem, [self.tls.as_ref().map(|tls| &tls.server), self.next.tls_server.as_ref()])
    }
}

fn replace<T>(place: &mut T, next: Option<T>) {
    if let Some(next) = next {
        *place = next;
    }
}

/// The signer the roster names; where it names neither, the one in use, so that there always is one.
fn named(signers: Vec<NoteSigner>, key: Option<&VerifierKey>) -> NoteSigner {
    let at = signers.iter().position(|signer| Some(signer.verifier()) == key).unwrap_or(0);
    signers.into_iter().nth(at).expect("the key in use is always among them")
}

fn key_of<'a>(certificate_pem: &str, keys: [Option<&'a Zeroizing<String>>; 2]) -> Option<&'a Zeroizing<String>> {
    let pin = pin_of_pem(certificate_pem)?;
    keys.into_iter().flatten().find(|key| pin_of_key_pem(key) == Some(pin))
}
