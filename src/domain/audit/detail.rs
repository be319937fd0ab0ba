//! What stands behind one decision: what was asked, what was found, what decided. Kept beside the audit record, so that the answer
//! can be explained for as long as that record is kept.
//!
//! A detail has parts: one about the decision, then one for each indicator it rests on, strongest first. Each part is committed to
//! by itself, as the content of an entry is, and the audit record holds the digest of all commitments:
//! ```text
//! commitment = HMAC-SHA256(salt, "hushwire/v1/blob-commit" ‖ 0x00 ‖ bytes of the part)
//! digest     = SHA-256(lp("hushwire/v1/decision-detail") ‖ commitment of part 0 ‖ commitment of part 1 ‖ …)
//! ```
//! So what is shown later is what was recorded then, and yet a part can go where its indicator is erased: its commitment stays, and
//! the indicator stays named by part 0.
//!
//! Identifiers stand here as pseudonyms under the keys of their epoch, references of customers and orders as fingerprints that
//! only this node can make. Bytes are protobuf of the messages below; in files the same messages stand as JSON. Tags are never
//! reused. How a detail is made of an answer: [`crate::domain::audit::behind`].

use std::collections::BTreeMap;

use prost::Message;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::bytes::{Commitment, Salt, Sha256Digest};
use crate::base::framing::framed;
use crate::domain::feed::entry::commit;

/// The decision itself.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionDetail {
    #[prost(string, tag = "1")]
    pub decision_id: String,
    /// The short form the customer was told.
    #[prost(string, tag = "2")]
    pub reference: String,
    /// When it was answered, milliseconds since 1970.
    #[prost(uint64, tag = "3")]
    pub time_ms: u64,
    /// Who asked, as the audit log names callers.
    #[prost(string, tag = "4")]
    pub caller: String,
    /// "allow", "challenge", "hold" or "block".
    #[prost(string, tag = "5")]
    pub decision: String,
    /// Strongest first.
    #[prost(message, repeated, tag = "6")]
    pub reasons: Vec<ReasonDetail>,
    /// Keyed fingerprint of the caller's reference of the order, 32 bytes; empty where none was given.
    #[prost(bytes = "vec", tag = "7")]
    #[serde(with = "hex")]
    pub transaction: Vec<u8>,
    /// The same of its reference of the customer.
    #[prost(bytes = "vec", tag = "8")]
    #[serde(with = "hex")]
    pub customer: Vec<u8>,
    /// What else the decision rested on, by name.
    #[prost(btree_map = "string, string", tag = "9")]
    pub facts: BTreeMap<String, String>,
    /// Every form of every identifier that was looked up, under every epoch.
    #[prost(message, repeated, tag = "10")]
    pub inputs: Vec<InputDetail>,
    /// Further ones for which there was no room.
    #[prost(uint32, tag = "11")]
    pub inputs_left_out: u32,
    /// One for each further part, in their order.
    #[prost(message, repeated, tag = "12")]
    pub indicators: Vec<IndicatorPlace>,
    /// Further ones that matched, for which there was no room.
    #[prost(uint32, tag = "13")]
    pub indicators_left_out: u32,
    /// Identifies the rules that decided, 32 bytes.
    #[prost(bytes = "vec", tag = "14")]
    #[serde(with = "hex")]
    pub policy_sha256: Vec<u8>,
    /// Identifies the guard lists in force, 32 bytes.
    #[prost(bytes = "vec", tag = "15")]
    #[serde(with = "hex")]
    pub guard_sha256: Vec<u8>,
    #[prost(bool, tag = "16")]
    pub degraded: bool,
    /// Peers that were stale or quarantined, and those whose statements matched.
    #[prost(message, repeated, tag = "17")]
    pub peers: Vec<PeerDetail>,
    /// Key of the text the customer was told.
    #[prost(string, tag = "18")]
    pub advice_key: String,
    /// Identifiers that could not be used.
    #[prost(message, repeated, tag = "19")]
    pub refused: Vec<RefusedDetail>,
}

/// One reason.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonDetail {
    #[prost(string, tag = "1")]
    pub code: String,
    /// What it alone asks for.
    #[prost(string, tag = "2")]
    pub decision: String,
    /// In words, for staff.
    #[prost(string, tag = "3")]
    pub description: String,
}

/// One form of one identifier, as it was looked up.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputDetail {
    /// Index of the identifier in the request.
    #[prost(uint32, tag = "1")]
    pub identifier: u32,
    /// Label of the form's kind.
    #[prost(string, tag = "2")]
    pub kind: String,
    /// Number of the epoch.
    #[prost(uint32, tag = "3")]
    pub epoch: u32,
    /// Its public id, 16 bytes.
    #[prost(bytes = "vec", tag = "4")]
    #[serde(with = "hex")]
    pub epoch_id: Vec<u8>,
    /// 32 bytes.
    #[prost(bytes = "vec", tag = "5")]
    #[serde(with = "hex")]
    pub pseudonym: Vec<u8>,
}

/// Where an indicator stands.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndicatorPlace {
    /// `members/{member}/indicators/{commitment}`.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Origin of its feed.
    #[prost(string, tag = "2")]
    pub feed: String,
    #[prost(uint64, tag = "3")]
    pub index: u64,
    /// Index of the identifier it matched.
    #[prost(uint32, tag = "4")]
    pub identifier: u32,
}

/// One peer's feed.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerDetail {
    #[prost(string, tag = "1")]
    pub member: String,
    /// Since its newest verified checkpoint was signed; 4294967295 where none was heard.
    #[prost(uint32, tag = "2")]
    pub age_s: u32,
    #[prost(bool, tag = "3")]
    pub stale: bool,
    #[prost(bool, tag = "4")]
    pub quarantined: bool,
}

/// An identifier that could not be used.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedDetail {
    /// Index in the request.
    #[prost(uint32, tag = "1")]
    pub identifier: u32,
    /// Stable name of the rule.
    #[prost(string, tag = "2")]
    pub rule: String,
}

/// One indicator as it counted; the note of its author is not kept.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndicatorDetail {
    /// Label of the kind it was said of.
    #[prost(string, tag = "1")]
    pub kind: String,
    #[prost(string, tag = "2")]
    pub typology: String,
    #[prost(string, tag = "3")]
    pub severity: String,
    /// The reporter's confidence as it was used, 0 to 100.
    #[prost(uint32, tag = "4")]
    pub confidence: u32,
    #[prost(string, tag = "5")]
    pub grounds: String,
    /// A statement of this member itself.
    #[prost(bool, tag = "6")]
    pub own: bool,
    /// Its form is shared by many innocents.
    #[prost(bool, tag = "7")]
    pub weak: bool,
    /// Too few witnesses so far.
    #[prost(bool, tag = "8")]
    pub provisional: bool,
    /// Its feed was older than its limit.
    #[prost(bool, tag = "9")]
    pub stale: bool,
    #[prost(uint64, tag = "10")]
    pub observed_at_s: u64,
    #[prost(uint64, tag = "11")]
    pub valid_until_s: u64,
    /// When this node first held it.
    #[prost(uint64, tag = "12")]
    pub first_seen_ms: u64,
    #[prost(uint64, tag = "13")]
    pub last_seen_ms: u64,
    /// Between the fraud observed and the decision.
    #[prost(uint64, tag = "14")]
    pub age_s: u64,
    /// This node held it back until a person decides: it counted in nothing.
    #[prost(bool, tag = "15")]
    pub held_back: bool,
}

/// Bytes that are no detail of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what stands behind a decision cannot be read, or holds what this version does not know")]
pub struct NoDetail;

/// One part as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<T> {
    Whole {
        said: T,
        salt: Salt,
    },
    /// It went with the indicator it told of.
    Gone(Commitment),
}

impl<T: Message> Part<T> {
    pub fn commitment(&self) -> Commitment {
        match self {
            Self::Whole { said, salt } => commit(salt, &said.encode_to_vec()),
            Self::Gone(commitment) => *commitment,
        }
    }

    /// What it says, where it is still there.
    pub fn said(&self) -> Option<&T> {
        match self {
            Self::Whole { said, .. } => Some(said),
            Self::Gone(_) => None,
        }
    }
}

/// All parts of one detail.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptDetail {
    pub decision: DecisionDetail,
    pub salt: Salt,
    /// In the order of [`DecisionDetail::indicators`].
    pub indicators: Vec<Part<IndicatorDetail>>,
}

impl KeptDetail {
    /// The digest in the audit record.
    pub fn digest(&self) -> Sha256Digest {
        let first = commit(&self.salt, &self.decision.encode_to_vec());
        let others: Vec<Commitment> = self.indicators.iter().map(Part::commitment).collect();
        detail_digest([&first].into_iter().chain(&others))
    }
}

/// Reads the bytes of a part. Strict: what it returns shows all that the bytes hold, so a rendering hides nothing.
pub fn read_part<T: Message + Default>(blob: &[u8]) -> Result<T, NoDetail> {
    let part = T::decode(blob).map_err(|_| NoDetail)?;
    if part.encode_to_vec() == blob { Ok(part) } else { Err(NoDetail) }
}

/// The digest in the audit record.
pub fn detail_digest<'a>(commitments: impl IntoIterator<Item = &'a Commitment>) -> Sha256Digest {
    let mut hash = Sha256::new();
    hash.update(framed(&[b"hushwire/v1/decision-detail"]));
    for commitment in commitments {
        hash.update(commitment.as_bytes());
    }
    Sha256Digest(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_never_panic_and_what_is_read_shows_all_of_them(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(part) = read_part::<DecisionDetail>(&bytes) {
                prop_assert_eq!(part.encode_to_vec(), bytes.clone());
            }
            if let Ok(part) = read_part::<IndicatorDetail>(&bytes) {
                prop_assert_eq!(part.encode_to_vec(), bytes);
            }
        }
    }

    #[test]
    fn the_digest_is_made_as_written() {
        let (first, second) = (Commitment([1; 32]), Commitment([2; 32]));
        let mut bytes = b"\x1bhushwire/v1/decision-detail".to_vec();
        bytes.extend([1; 32]);
        bytes.extend([2; 32]);
        let written = Sha256Digest(Sha256::digest(&bytes).into());
        assert_eq!(detail_digest([&first, &second]), written);
        assert_ne!(detail_digest([&second, &first]), written);
    }

    #[test]
    fn a_part_with_bytes_this_version_does_not_know_is_refused() {
        let part = InputDetail { identifier: 1, kind: "email".to_owned(), ..InputDetail::default() };
        let mut bytes = part.encode_to_vec();
        assert_eq!(read_part::<InputDetail>(&bytes), Ok(part));
        bytes.extend_from_slice(&[0x9A, 0x01, 0x01, b'z']);
        assert_eq!(read_part::<InputDetail>(&bytes), Err(NoDetail));
    }
}
