//! Why a checkpoint does not count.

use crate::domain::note::NoteError;

/// The rule a checkpoint or the keys to verify it broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("a checkpoint has three lines: origin, size and base64 root")]
    Form,
    #[error("the checkpoint is of another feed")]
    WrongOrigin,
    #[error("a checkpoint of size 0 has the root of the empty tree")]
    EmptyRoot,
    #[error("the feed's author has not signed the checkpoint")]
    NotByAuthor,
    #[error("the key of a feed is of type 1 and has the feed's origin as its name")]
    WrongFeedKey,
    #[error("a cosigner's key is of type 4 and has a name and key of its own")]
    WrongCosignerKey,
    #[error("the cosignature is not of a known witness of this feed")]
    UnknownCosigner,
    #[error("the two notes are not of the same checkpoint")]
    AnotherCheckpoint,
}
