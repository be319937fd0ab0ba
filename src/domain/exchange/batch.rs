//! Batch acceptance, the only door through which foreign entries come in (DESIGN §6):
//!
//! 1. the batch is of this feed, not too long, and starts where the cursor stands;
//! 2. the checkpoint is signed by the feed's author and reaches the end of the batch at least;
//! 3. the leaves, appended to what is verified, lead to the signed root, over a consistency proof where the checkpoint is
//!    further ahead, and to any root the author signed before on the way;
//! 4. each leaf is well-formed, its blob belongs to it, says what its kind says, and speaks for the author only.
//!
//! All of it holds or nothing is accepted. What the roster only demands of statements before they count (suite, validity,
//! grounds, quota) is no rule here: a roster that demands more must not make history unverifiable. Leaves without blob pass where they have expired or an erasure in the batch covers
//! them; others are listed, because the erasure may stand further on in the feed.

use std::collections::BTreeSet;

use crate::base::bytes::{Commitment, Salt, TreeHash};
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, EntryRange, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::exchange::cursor::{Cursor, Extension};
use crate::domain::exchange::equivocation::EquivocationProof;
use crate::domain::exchange::fault::PeerFault;
use crate::domain::feed::blob::Body;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::entry::{Content, Entry, EntryError, EntryKind, Leaf, leaf_hash};
use crate::domain::feed::proof::{ProofError, verify_consistency};
use crate::domain::feed::tree::CompactRange;
use crate::domain::feed::verifier::FeedVerifier;

/// One entry as it came. An empty salt means that blob and salt are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedEntry {
    pub leaf: Vec<u8>,
    pub blob: Vec<u8>,
    pub salt: Vec<u8>,
}

/// A batch as it came from a peer, author or relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedBatch {
    pub feed: FeedId,
    pub first_index: EntryIndex,
    pub entries: Vec<UnverifiedEntry>,
    /// Checkpoint at or beyond the end of the batch, as a signed note.
    pub checkpoint_note: Vec<u8>,
    /// From the end of the batch to the checkpoint; empty where they are the same size.
    pub consistency: Vec<Vec<u8>>,
}

/// One accepted entry. `body` is absent exactly where the entry's content is.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedEntry {
    pub entry: Entry,
    pub body: Option<Body>,
}

/// A bare leaf that neither expiry nor an erasure in the same batch explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uncovered {
    pub index: EntryIndex,
    pub commitment: Commitment,
}

/// Entries that passed every rule. Only [`UnverifiedBatch::verify`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedBatch {
    feed: FeedId,
    range: EntryRange,
    entries: Vec<VerifiedEntry>,
    uncovered: Vec<Uncovered>,
    cursor_after: Cursor,
}

impl VerifiedBatch {
    pub fn feed(&self) -> &FeedId {
        &self.feed
    }

    pub fn range(&self) -> EntryRange {
        self.range
    }

    /// In the order of their indices, the first at [`Self::range`]'s start.
    pub fn entries(&self) -> &[VerifiedEntry] {
        &self.entries
    }

    /// Bare leaves for which an erasure must still be found further on in the feed.
    pub fn uncovered(&self) -> &[Uncovered] {
        &self.uncovered
    }

    /// The cursor once these entries are stored.
    pub fn cursor_after(&self) -> &Cursor {
        &self.cursor_after
    }

    pub fn into_parts(self) -> (Vec<VerifiedEntry>, Vec<Uncovered>, Cursor) {
        (self.entries, self.uncovered, self.cursor_after)
    }
}

impl UnverifiedBatch {
    /// The batch without the entries before `held`: what two senders both sent is taken once, and nobody is blamed for it.
    #[must_use]
    pub fn beyond(mut self, held: TreeSize) -> Self {
        let known = usize::try_from(held.0.saturating_sub(self.first_index.0)).unwrap_or(usize::MAX);
        let known = known.min(self.entries.len());
        self.entries.drain(..known);
        self.first_index = EntryIndex(self.first_index.0.saturating_add(u64::try_from(known).unwrap_or(u64::MAX)));
        self
    }

    /// Checks every rule against what is verified already. `now` decides expiry, and which signed times are believed.
    pub fn verify(self, cursor: &Cursor, verifier: &FeedVerifier, now: Timestamp) -> Result<VerifiedBatch, PeerFault> {
        let range = self.check_place(cursor, verifier)?;
        let checkpoint =
            SignedCheckpoint::verify(&self.checkpoint_note, verifier)?.without_times_ahead(now, verifier)?;
        if checkpoint.size() < range.end() {
            return Err(PeerFault::CheckpointBehind { signed: checkpoint.size(), needed: range.end() });
        }
        // Two roots of one size are evidence whatever the entries say.
        let newest = cursor.newest(checkpoint.clone(), verifier)?;
        let extended = self.check_roots(cursor, &checkpoint)?;

        let author = verifier.feed();
        let mut entries = Vec::with_capacity(self.entries.len());
        for (entry, index) in self.entries.into_iter().zip(range.start().0..) {
            entries.push(check_entry(author, EntryIndex(index), entry)?);
        }
        let uncovered = uncovered(&entries, range.start(), now.day());
        let cursor_after = Cursor { feed: self.feed.clone(), range: extended, checkpoint: Some(newest) };
        Ok(VerifiedBatch { feed: self.feed, range, entries, uncovered, cursor_after })
    }

    /// Rule 1.
    fn check_place(&self, cursor: &Cursor, verifier: &FeedVerifier) -> Result<EntryRange, PeerFault> {
        if self.feed != cursor.feed || self.feed != *verifier.feed() {
            return Err(PeerFault::WrongFeed);
        }
        let (got, limit) = (self.entries.len(), limits::BATCH_ENTRIES);
        if got > limit {
            return Err(PeerFault::TooManyEntries { got, limit });
        }
        let (first, expected) = (self.first_index, cursor.range.size().next_index());
        if first < expected {
            return Err(PeerFault::Replayed { first, expected });
        }
        if first > expected {
            return Err(PeerFault::Gap { first, expected });
        }
        let end = u64::try_from(got).ok().and_then(|count| cursor.range.size().plus(count));
        end.and_then(|end| EntryRange::new(first, end)).ok_or(PeerFault::Empty)
    }

    /// Rule 3.
    fn check_roots(&self, cursor: &Cursor, checkpoint: &SignedCheckpoint) -> Result<CompactRange, PeerFault> {
        let earlier = cursor.checkpoint.as_ref().filter(|earlier| earlier.size() > cursor.range.size());
        let mut contradicted = None;
        let mut extended = cursor.range.clone();
        for entry in &self.entries {
            extended.append(leaf_hash(&entry.leaf));
            if let Some(earlier) = earlier.filter(|earlier| earlier.size() == extended.size())
                && *earlier.root() != extended.root()
            {
                contradicted = Some(earlier);
            }
        }
        self.check_consistency(&extended, checkpoint)?;
        // Only now are the leaves known to be the author's, and the contradiction with its earlier word its own.
        match contradicted {
            Some(earlier) => Err(self.contradiction(cursor, earlier, checkpoint)),
            None => Ok(extended),
        }
    }

    fn check_consistency(&self, extended: &CompactRange, checkpoint: &SignedCheckpoint) -> Result<(), PeerFault> {
        let (size, root) = (extended.size(), extended.root());
        let wrong_length = ProofError::Length { got: self.consistency.len() };
        if self.consistency.len() > limits::PROOF_HASHES {
            return Err(wrong_length.into());
        }
        if size == checkpoint.size() && root != *checkpoint.root() {
            return Err(PeerFault::RootMismatch { size });
        }
        let hashes = self.consistency.iter().map(|hash| TreeHash::try_from(hash.as_slice()));
        let proof: Vec<TreeHash> = hashes.collect::<Result<_, _>>().map_err(|_| wrong_length)?;
        Ok(verify_consistency(size, &root, checkpoint.size(), checkpoint.root(), &proof)?)
    }

    fn contradiction(&self, cursor: &Cursor, earlier: &SignedCheckpoint, later: &SignedCheckpoint) -> PeerFault {
        let leaves: Vec<TreeHash> = self.entries.iter().map(|entry| leaf_hash(&entry.leaf)).collect();
        let tree = Extension { start: &cursor.range, leaves: &leaves };
        match EquivocationProof::in_tree(earlier, later, &tree) {
            Some(proof) => PeerFault::Equivocation(Box::new(proof)),
            // The later tree reaches beyond this batch: what is missing for a portable proof comes with the next entries.
            None => PeerFault::Forked { size: earlier.size() },
        }
    }
}

/// Checks the content of an entry whose leaf was verified before: rule 4, and the very leaf.
pub fn verify_content(
    author: &FeedId,
    index: EntryIndex,
    leaf: &Leaf,
    unverified: UnverifiedEntry,
) -> Result<VerifiedEntry, PeerFault> {
    let verified = check_entry(author, index, unverified)?;
    if verified.entry.leaf() == leaf {
        Ok(verified)
    } else {
        Err(PeerFault::Content { index, rule: EntryError::WrongCommitment })
    }
}

/// Rule 4.
fn check_entry(author: &FeedId, index: EntryIndex, unverified: UnverifiedEntry) -> Result<VerifiedEntry, PeerFault> {
    let content = content(index, unverified.blob, &unverified.salt)?;
    let entry = Entry::from_parts(&unverified.leaf, content).map_err(|rule| match rule {
        EntryError::LeafLength { .. } | EntryError::LeafLabel | EntryError::UnknownKind(_) => {
            PeerFault::Leaf { index, rule }
        }
        EntryError::BlobTooLong { got, limit } => PeerFault::BlobTooLong { index, got, limit },
        EntryError::WrongCommitment => PeerFault::Content { index, rule },
    })?;
    if entry.leaf().kind == EntryKind::Audit {
        return Err(PeerFault::AuditRecord { index });
    }
    let Some(content) = entry.content() else {
        return Ok(VerifiedEntry { entry, body: None });
    };
    let body = Body::decode(entry.leaf().kind, &content.blob).map_err(|rule| PeerFault::Blob { index, rule })?;
    if body.reporter().is_some_and(|reporter| *reporter != author.member) {
        return Err(PeerFault::WrongReporter { index });
    }
    Ok(VerifiedEntry { entry, body: Some(body) })
}

fn content(index: EntryIndex, blob: Vec<u8>, salt: &[u8]) -> Result<Option<Content>, PeerFault> {
    match (blob.is_empty(), salt.is_empty()) {
        (true, true) => Ok(None),
        (_, false) => {
            let salt = Salt::try_from(salt).map_err(|_| PeerFault::HalfContent { index })?;
            Ok(Some(Content { blob, salt }))
        }
        (false, true) => Err(PeerFault::HalfContent { index }),
    }
}

fn uncovered(entries: &[VerifiedEntry], first: EntryIndex, today: Day) -> Vec<Uncovered> {
    let erasure = |verified: &VerifiedEntry| {
        let Some(Body::Erasure(erasure)) = &verified.body else { return None };
        Some(erasure.target)
    };
    let erased: BTreeSet<Commitment> = entries.iter().filter_map(erasure).collect();
    let bare = entries.iter().zip(first.0..).filter(|(verified, _)| verified.entry.content().is_none());
    bare.map(|(verified, index)| (verified.entry.leaf(), EntryIndex(index)))
        .filter(|(leaf, _)| leaf.expires_day >= today)
        .filter(|(leaf, _)| !(leaf.kind.is_erasable() && erased.contains(&leaf.commitment)))
        .map(|(leaf, index)| Uncovered { index, commitment: leaf.commitment })
        .collect()
}
