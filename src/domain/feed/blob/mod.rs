//! What the blobs of entries say, typed: one file a message, each the only place that encodes and decodes it.
//!
//! Decoding is strict about what our fields hold (lengths, known numbers, names) and lets unknown fields pass: the bytes are
//! committed to as they came, so a newer author may add fields that this version does not read.

pub mod announcement;
pub mod dispute;
pub mod erasure;
pub mod evaluation;
pub mod indicator;
pub mod release;
pub mod retraction;
pub mod sighting;

use crate::base::bytes::{Commitment, WrongLength};
use crate::base::kind::UnknownKind;
use crate::base::name::{MemberId, NameError};
use crate::domain::feed::blob::announcement::Announcement;
use crate::domain::feed::blob::dispute::Dispute;
use crate::domain::feed::blob::erasure::Erasure;
use crate::domain::feed::blob::evaluation::EvaluationCounts;
use crate::domain::feed::blob::indicator::Indicator;
use crate::domain::feed::blob::release::StatisticsRelease;
use crate::domain::feed::blob::retraction::Retraction;
use crate::domain::feed::blob::sighting::Sighting;
use crate::domain::feed::entry::EntryKind;
use crate::domain::pseudonym::payload::PayloadError;
use crate::domain::pseudonym::suite::UnknownSuite;

/// The rule a blob broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    #[error("the blob is not a message of its kind")]
    NotAMessage,
    #[error(transparent)]
    Suite(#[from] UnknownSuite),
    #[error(transparent)]
    Type(#[from] UnknownKind),
    #[error(transparent)]
    Length(#[from] WrongLength),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error("{field} has the unknown number {got}")]
    UnknownNumber { field: &'static str, got: u32 },
    #[error("{field} has {got} bytes, from {least} to {most} are allowed")]
    FieldLength { field: &'static str, least: usize, most: usize, got: usize },
    #[error("{field} is not plain printable ascii")]
    NotPlain { field: &'static str },
    #[error("a release needs a period, one count a category, and finite figures of its noise")]
    Release,
    #[error("audit records never stand in a feed")]
    AuditRecord,
}

/// The content of one entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Indicator(Indicator),
    Retraction(Retraction),
    Sighting(Sighting),
    Dispute(Dispute),
    Erasure(Erasure),
    StatisticsRelease(StatisticsRelease),
    EvaluationCounts(EvaluationCounts),
    Announcement(Announcement),
    /// Messages of a key generation: kept, relayed and verified as bytes; this version takes part in none.
    KeyGeneration(Vec<u8>),
    /// Padding that hides how much a member publishes; its bytes mean nothing.
    Decoy,
}

impl Body {
    /// Reads the blob of an entry of `kind`.
    pub fn decode(kind: EntryKind, blob: &[u8]) -> Result<Self, BlobError> {
        match kind {
            EntryKind::Indicator => Indicator::decode(blob).map(Self::Indicator),
            EntryKind::Retraction => Retraction::decode(blob).map(Self::Retraction),
            EntryKind::Sighting => Sighting::decode(blob).map(Self::Sighting),
            EntryKind::Dispute => Dispute::decode(blob).map(Self::Dispute),
            EntryKind::Erasure => Erasure::decode(blob).map(Self::Erasure),
            EntryKind::StatisticsRelease => StatisticsRelease::decode(blob).map(Self::StatisticsRelease),
            EntryKind::EvaluationCounts => EvaluationCounts::decode(blob).map(Self::EvaluationCounts),
            EntryKind::Announcement => Announcement::decode(blob).map(Self::Announcement),
            EntryKind::KeyGeneration => Ok(Self::KeyGeneration(blob.to_vec())),
            EntryKind::Decoy => Ok(Self::Decoy),
            EntryKind::Audit => Err(BlobError::AuditRecord),
        }
    }

    /// The member the body claims to be from, where it names one: it must be the author of the feed.
    pub fn reporter(&self) -> Option<&MemberId> {
        match self {
            Self::Indicator(body) => Some(&body.reporter),
            Self::Retraction(body) => Some(&body.reporter),
            Self::Sighting(body) => Some(&body.reporter),
            Self::Dispute(body) => Some(&body.reporter),
            Self::Erasure(body) => Some(&body.reporter),
            Self::StatisticsRelease(body) => Some(&body.reporter),
            Self::EvaluationCounts(body) => Some(&body.reporter),
            Self::Announcement(body) => Some(&body.reporter),
            Self::KeyGeneration(_) | Self::Decoy => None,
        }
    }
}

fn commitment(bytes: &[u8]) -> Result<Commitment, BlobError> {
    Ok(Commitment::try_from(bytes)?)
}

/// Refuses short texts that could carry more than the code or label they are for.
fn plain(field: &'static str, most: usize, text: String) -> Result<String, BlobError> {
    if text.is_empty() || text.len() > most {
        return Err(BlobError::FieldLength { field, least: 1, most, got: text.len() });
    }
    if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(BlobError::NotPlain { field });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_audit_record_is_no_entry_of_a_feed() {
        assert_eq!(Body::decode(EntryKind::Audit, &[]), Err(BlobError::AuditRecord));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(kind in 0..EntryKind::ALL.len(), blob in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(kind) = EntryKind::ALL.get(kind) {
                let _ = Body::decode(*kind, &blob);
            }
        }
    }
}
