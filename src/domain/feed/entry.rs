//! Entries of a feed: the leaf that stays for ever, and blob and salt that can be erased.
//!
//! ```text
//! commitment = HMAC-SHA256(salt, "hushwire/v1/blob-commit" ‖ 0x00 ‖ blob)
//! leaf (70)  = lp("hushwire/v1/leaf") ‖ kind u8 ‖ epoch_id[16] ‖ expires_day u32 big-endian ‖ commitment[32]
//! leaf hash  = SHA-256(0x00 ‖ leaf)
//! ```

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::base::bytes::{Commitment, Salt, TreeHash};
use crate::base::epoch::EpochId;
use crate::base::limits;
use crate::base::time::Day;

/// `lp("hushwire/v1/leaf")`.
const LEAF_LABEL: &[u8; 17] = b"\x10hushwire/v1/leaf";

/// Bytes of one leaf.
pub const LEAF_BYTES: usize = 70;

const COMMITMENT_LABEL: &[u8] = b"hushwire/v1/blob-commit\0";

/// What an entry is. The number stands on the leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    Indicator,
    Retraction,
    Sighting,
    Dispute,
    Erasure,
    StatisticsRelease,
    EvaluationCounts,
    Announcement,
    KeyGeneration,
    Decoy,
    /// Only in audit logs, which are never replicated.
    Audit,
}

impl EntryKind {
    pub const ALL: [Self; 11] = [
        Self::Indicator,
        Self::Retraction,
        Self::Sighting,
        Self::Dispute,
        Self::Erasure,
        Self::StatisticsRelease,
        Self::EvaluationCounts,
        Self::Announcement,
        Self::KeyGeneration,
        Self::Decoy,
        Self::Audit,
    ];

    pub const fn number(self) -> u8 {
        match self {
            Self::Indicator => 1,
            Self::Retraction => 2,
            Self::Sighting => 3,
            Self::Dispute => 4,
            Self::Erasure => 5,
            Self::StatisticsRelease => 6,
            Self::EvaluationCounts => 7,
            Self::Announcement => 8,
            Self::KeyGeneration => 9,
            Self::Decoy => 10,
            Self::Audit => 32,
        }
    }

    /// Whether an erasure may take the content. Retractions and erasures name nobody, and without them others would believe
    /// what was taken back; audit records are never in a feed.
    pub const fn is_erasable(self) -> bool {
        match self {
            Self::Indicator
            | Self::Sighting
            | Self::Dispute
            | Self::StatisticsRelease
            | Self::EvaluationCounts
            | Self::Announcement
            | Self::KeyGeneration
            | Self::Decoy => true,
            Self::Retraction | Self::Erasure | Self::Audit => false,
        }
    }

    /// Most bytes of a blob of this kind.
    pub const fn blob_limit(self) -> usize {
        match self {
            Self::Indicator | Self::Retraction | Self::Sighting | Self::Dispute | Self::Erasure | Self::Decoy => {
                limits::SMALL_BLOB_BYTES
            }
            Self::StatisticsRelease
            | Self::EvaluationCounts
            | Self::Announcement
            | Self::KeyGeneration
            | Self::Audit => limits::BLOB_BYTES,
        }
    }

    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// The rule an entry broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("a leaf has {LEAF_BYTES} bytes, got {got}")]
    LeafLength { got: usize },
    #[error("the bytes do not start as a leaf does")]
    LeafLabel,
    #[error("entry kind {0} is not known")]
    UnknownKind(u8),
    #[error("the blob does not belong to the commitment on the leaf")]
    WrongCommitment,
    #[error("a blob of {got} bytes exceeds the limit of {limit}")]
    BlobTooLong { got: usize, limit: usize },
}

/// What everyone keeps of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    pub kind: EntryKind,
    /// Epoch under which its pseudonym was made; [`EpochId::NONE`] where there is none.
    pub epoch_id: EpochId,
    /// From this day on blob and salt may be dropped: the day after the last on which the content counts.
    pub expires_day: Day,
    pub commitment: Commitment,
}

impl Leaf {
    pub fn encode(&self) -> [u8; LEAF_BYTES] {
        let mut bytes = [0; LEAF_BYTES];
        let fields: [&[u8]; 5] = [
            LEAF_LABEL,
            &[self.kind.number()],
            &self.epoch_id.0,
            &self.expires_day.0.to_be_bytes(),
            self.commitment.as_bytes(),
        ];
        for (byte, value) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *byte = *value;
        }
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let wrong_length = EntryError::LeafLength { got: bytes.len() };
        if bytes.len() != LEAF_BYTES {
            return Err(wrong_length);
        }
        let rest = bytes.strip_prefix(LEAF_LABEL).ok_or(EntryError::LeafLabel)?;
        let (kind, rest) = rest.split_first().ok_or(wrong_length)?;
        let (epoch_id, rest) = rest.split_first_chunk().ok_or(wrong_length)?;
        let (expires_day, rest) = rest.split_first_chunk().ok_or(wrong_length)?;
        let commitment = Commitment::try_from(rest).map_err(|_| wrong_length)?;
        let kind = EntryKind::from_number(*kind).ok_or(EntryError::UnknownKind(*kind))?;
        let expires_day = Day(u32::from_be_bytes(*expires_day));
        Ok(Self { kind, epoch_id: EpochId(*epoch_id), expires_day, commitment })
    }
}

/// The tree's hash of one leaf's bytes, RFC 9162 §2.1.1.
pub fn leaf_hash(leaf: &[u8]) -> TreeHash {
    let mut hash = Sha256::new();
    hash.update([0x00]);
    hash.update(leaf);
    TreeHash(hash.finalize().into())
}

/// Binds a blob to its leaf without telling anything of it to those who have not the salt.
pub fn commit(salt: &Salt, blob: &[u8]) -> Commitment {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(COMMITMENT_LABEL);
    mac.update(blob);
    Commitment(mac.finalize().into_bytes().into())
}

/// What an erasure or expiry destroys. `Debug` shows the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// Protobuf bytes as their author made them; see [`crate::domain::feed::blob`].
    pub blob: Vec<u8>,
    pub salt: Salt,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.blob.len())
    }
}

/// One record of a feed whose content, where present, belongs to its leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    leaf_bytes: [u8; LEAF_BYTES],
    leaf: Leaf,
    content: Option<Content>,
}

impl Entry {
    /// A new entry of this member's own. `salt` is fresh and random.
    pub fn seal_new(
        kind: EntryKind,
        epoch_id: EpochId,
        expires_day: Day,
        blob: Vec<u8>,
        salt: Salt,
    ) -> Result<Self, EntryError> {
        check_blob_length(kind, &blob)?;
        let leaf = Leaf { kind, epoch_id, expires_day, commitment: commit(&salt, &blob) };
        Ok(Self { leaf_bytes: leaf.encode(), leaf, content: Some(Content { blob, salt }) })
    }

    /// An entry from bytes of unknown origin. A bare leaf has no content; whether that is right is for the caller to decide.
    pub fn from_parts(leaf: &[u8], content: Option<Content>) -> Result<Self, EntryError> {
        let parsed = Leaf::decode(leaf)?;
        let leaf_bytes = leaf.try_into().map_err(|_| EntryError::LeafLength { got: leaf.len() })?;
        if let Some(content) = &content {
            let commitment = commit(&content.salt, &content.blob);
            if !bool::from(commitment.as_bytes().ct_eq(parsed.commitment.as_bytes())) {
                return Err(EntryError::WrongCommitment);
            }
            // After the commitment: only the author can have made a blob that is too long and belongs to its leaf.
            check_blob_length(parsed.kind, &content.blob)?;
        }
        Ok(Self { leaf_bytes, leaf: parsed, content })
    }

    /// The same entry without its content.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self { content: None, ..self.clone() }
    }

    /// The leaf as received: what is hashed into the tree.
    pub fn leaf_bytes(&self) -> &[u8; LEAF_BYTES] {
        &self.leaf_bytes
    }

    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    pub fn content(&self) -> Option<&Content> {
        self.content.as_ref()
    }

    pub fn leaf_hash(&self) -> TreeHash {
        leaf_hash(&self.leaf_bytes)
    }

    /// The same entry after erasure or expiry: every proof about it still holds.
    #[must_use]
    pub fn without_content(self) -> Self {
        Self { content: None, ..self }
    }
}

fn check_blob_length(kind: EntryKind, blob: &[u8]) -> Result<(), EntryError> {
    let (got, limit) = (blob.len(), kind.blob_limit());
    if got > limit { Err(EntryError::BlobTooLong { got, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(blob: &[u8]) -> Entry {
        Entry::seal_new(EntryKind::Indicator, EpochId([1; 16]), Day(20_500), blob.to_vec(), Salt([2; 32]))
            .expect("short")
    }

    fn changed(at: usize, to: u8) -> Vec<u8> {
        let mut leaf = entry(b"blob").leaf_bytes().to_vec();
        *leaf.get_mut(at).expect("within the leaf") = to;
        leaf
    }

    #[test]
    fn each_rule_of_a_leaf_refuses_its_breach() {
        let check = |leaf: &[u8], rule: EntryError| assert_eq!(Leaf::decode(leaf), Err(rule));
        check(&[], EntryError::LeafLength { got: 0 });
        check(&changed(0, 0x10)[..69], EntryError::LeafLength { got: 69 });
        check(&[changed(0, 0x10), vec![0]].concat(), EntryError::LeafLength { got: 71 });
        check(&changed(0, 0x0F), EntryError::LeafLabel);
        check(&changed(5, b'X'), EntryError::LeafLabel);
        check(&changed(17, 0), EntryError::UnknownKind(0));
        check(&changed(17, 11), EntryError::UnknownKind(11));
    }

    #[test]
    fn content_must_belong_to_the_leaf() {
        let entry = entry(b"blob");
        let content = entry.content().expect("just sealed").clone();
        assert_eq!(Entry::from_parts(entry.leaf_bytes(), Some(content.clone())), Ok(entry.clone()));
        let other_blob = Content { blob: b"blub".to_vec(), ..content.clone() };
        let other_salt = Content { salt: Salt([3; 32]), ..content };
        for content in [other_blob, other_salt] {
            assert_eq!(Entry::from_parts(entry.leaf_bytes(), Some(content)), Err(EntryError::WrongCommitment));
        }
    }

    #[test]
    fn an_erased_entry_keeps_its_place_in_the_tree() {
        let whole = entry(b"blob");
        let bare = Entry::from_parts(whole.leaf_bytes(), None).expect("a valid leaf");
        assert_eq!(bare.leaf_hash(), whole.leaf_hash());
        assert_eq!(whole.without_content(), bare);
    }

    #[test]
    fn a_blob_beyond_the_limit_is_refused() {
        for kind in EntryKind::ALL {
            let seal = |got| Entry::seal_new(kind, EpochId::NONE, Day(1), vec![0; got], Salt([0; 32]));
            let limit = kind.blob_limit();
            assert!(seal(limit).is_ok(), "{kind:?}");
            assert_eq!(seal(limit + 1), Err(EntryError::BlobTooLong { got: limit + 1, limit }), "{kind:?}");
        }
    }

    #[test]
    fn every_kind_leads_back_from_its_number() {
        for kind in EntryKind::ALL {
            assert_eq!(EntryKind::from_number(kind.number()), Some(kind));
        }
    }

    proptest! {
        #[test]
        fn what_decodes_is_encoded_back_and_any_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Leaf::decode(&tail);
            let leaf = [LEAF_LABEL.as_slice(), &tail].concat();
            if let Ok(parsed) = Leaf::decode(&leaf) {
                prop_assert_eq!(parsed.encode().to_vec(), leaf);
            }
        }
    }
}
