//! How a peer can be wrong: each rule of acceptance has its fault, kept as evidence.

use crate::base::position::{EntryIndex, TreeSize};
use crate::domain::exchange::equivocation::EquivocationProof;
use crate::domain::feed::blob::BlobError;
use crate::domain::feed::checkpoint_error::CheckpointError;
use crate::domain::feed::entry::EntryError;
use crate::domain::feed::proof::ProofError;

/// Who broke the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Whoever sent it, author or relay: another peer may have it right.
    Sender,
    /// The feed's author: it stands under its signature.
    Author,
}

/// The rule a batch or checkpoint broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerFault {
    #[error("the batch is of another feed than asked for")]
    WrongFeed,
    #[error("the batch holds no entry")]
    Empty,
    #[error("a batch of {got} entries exceeds the limit of {limit}")]
    TooManyEntries { got: usize, limit: usize },
    #[error("the batch starts at entry {first}, which is verified already; entry {expected} comes next")]
    Replayed { first: EntryIndex, expected: EntryIndex },
    #[error("the batch starts at entry {first}, but entry {expected} comes next")]
    Gap { first: EntryIndex, expected: EntryIndex },
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("the checkpoint is of size {signed}, the entries reach {needed}")]
    CheckpointBehind { signed: TreeSize, needed: TreeSize },
    #[error("the entries do not lead to the signed root at size {size}")]
    RootMismatch { size: TreeSize },
    #[error("consistency: {0}")]
    Consistency(#[from] ProofError),
    #[error("entry {index}: blob without salt")]
    HalfContent { index: EntryIndex },
    #[error("entry {index}: {rule}")]
    Content { index: EntryIndex, rule: EntryError },
    #[error("entry {index} came without its content, which has neither expired nor been erased")]
    ContentWithheld { index: EntryIndex },
    #[error("entry {index}: {rule}")]
    Leaf { index: EntryIndex, rule: EntryError },
    #[error("entry {index}: a blob of {got} bytes exceeds the limit of {limit} for its kind")]
    BlobTooLong { index: EntryIndex, got: usize, limit: usize },
    #[error("entry {index} is an audit record, which never stands in a feed")]
    AuditRecord { index: EntryIndex },
    #[error("entry {index}: {rule}")]
    Blob { index: EntryIndex, rule: BlobError },
    #[error("entry {index} speaks in the name of another member")]
    WrongReporter { index: EntryIndex },
    #[error("the author signed at size {size} another tree than it shows now")]
    Forked { size: TreeSize },
    #[error("the author signed two trees, proved")]
    Equivocation(Box<EquivocationProof>),
}

impl PeerFault {
    /// Stable name of the rule, for audit records and metrics.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::WrongFeed => "wrong_feed",
            Self::Empty => "empty_batch",
            Self::TooManyEntries { .. } => "too_many_entries",
            Self::Replayed { .. } => "replayed",
            Self::Gap { .. } => "gap",
            Self::Checkpoint(_) => "checkpoint",
            Self::CheckpointBehind { .. } => "checkpoint_behind",
            Self::RootMismatch { .. } => "root_mismatch",
            Self::Consistency(_) => "inconsistent",
            Self::HalfContent { .. } => "half_content",
            Self::Content { .. } => "wrong_content",
            Self::ContentWithheld { .. } => "content_withheld",
            Self::Leaf { .. } => "malformed_leaf",
            Self::BlobTooLong { .. } => "blob_too_long",
            Self::AuditRecord { .. } => "audit_record",
            Self::Blob { .. } => "malformed_blob",
            Self::WrongReporter { .. } => "wrong_reporter",
            Self::Forked { .. } => "forked",
            Self::Equivocation(_) => "equivocation",
        }
    }

    /// Whom to hold to account. Leaves and blobs are looked at only after the author's signature was found to cover them.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::WrongFeed
            | Self::Empty
            | Self::TooManyEntries { .. }
            | Self::Replayed { .. }
            | Self::Gap { .. }
            | Self::Checkpoint(_)
            | Self::CheckpointBehind { .. }
            | Self::RootMismatch { .. }
            | Self::Consistency(_)
            | Self::HalfContent { .. }
            | Self::Content { .. }
            | Self::ContentWithheld { .. } => Blame::Sender,
            Self::Leaf { .. }
            | Self::BlobTooLong { .. }
            | Self::AuditRecord { .. }
            | Self::Blob { .. }
            | Self::WrongReporter { .. }
            | Self::Forked { .. }
            | Self::Equivocation(_) => Blame::Author,
        }
    }
}
