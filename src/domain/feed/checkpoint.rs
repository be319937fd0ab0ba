//! Checkpoints: the signed size and root of a feed (C2SP tlog-checkpoint in a signed note), and the cosignatures on them.
//!
//! ```text
//! <consortium>/<member>/<group>
//! <size, decimal>
//! <root, base64>
//!
//! — <consortium>/<member>/<group> …          the author, Ed25519 (0x01): required
//! — <consortium>/<member>/witness …          the author's and others' cosignature/v1 (0x04), timestamped
//! ```
//!
//! Extension lines are refused: nobody in a consortium makes them.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::base::bytes::TreeHash;
use crate::base::limits;
use crate::base::position::TreeSize;
use crate::base::time::Timestamp;
use crate::domain::feed::checkpoint_error::CheckpointError;
use crate::domain::feed::tree::{CompactRange, empty_root};
use crate::domain::feed::verifier::FeedVerifier;
use crate::domain::note::key::{NoteSigner, VerifierKey};
use crate::domain::note::{SignatureLine, SignedNote};

/// Size and root of one feed. Says nothing of who signed it.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: TreeSize,
    pub root: TreeHash,
}

impl Checkpoint {
    pub fn of(origin: &str, range: &CompactRange) -> Self {
        Self { origin: origin.to_owned(), size: range.size(), root: range.root() }
    }

    /// Reads the text of a note.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Form)?.split('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Form);
        };
        let parsed = size.parse().map_err(|_| CheckpointError::Form)?;
        let root = BASE64.decode(root).map_err(|_| CheckpointError::Form)?;
        let root = TreeHash::try_from(root.as_slice()).map_err(|_| CheckpointError::Form)?;
        let checkpoint = Self { origin: origin.to_owned(), size: TreeSize(parsed), root };
        // One checkpoint has one text: no leading zeros, plus signs or empty origins.
        if origin.is_empty() || checkpoint.to_string() != text {
            return Err(CheckpointError::Form);
        }
        if checkpoint.size == TreeSize::EMPTY && checkpoint.root != empty_root() {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(checkpoint)
    }

    /// Signs as the feed's author and adds the author's own timestamped cosignature.
    pub fn sign(
        &self,
        author: &NoteSigner,
        author_cosigner: &NoteSigner,
        now: Timestamp,
    ) -> Result<SignedNote, CheckpointError> {
        let text = self.to_string();
        let mut note = SignedNote::new(text.clone(), author.sign(&text, now))?;
        note.add_signature(author_cosigner.sign(&text, now))?;
        Ok(note)
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, BASE64.encode(self.root.as_bytes()))
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({} size {} root {})", self.origin, self.size, self.root)
    }
}

/// A checkpoint whose author's signature was verified, with the cosignatures that were.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: SignedNote,
    /// Newest time of each verified cosigner, by key name.
    cosigners: BTreeMap<String, Timestamp>,
    author: VerifierKey,
    author_witness: String,
}

impl SignedCheckpoint {
    /// Reads and verifies a note of unknown origin. Signatures of keys `verifier` does not know are kept but not counted.
    pub fn verify(note: &[u8], verifier: &FeedVerifier) -> Result<Self, CheckpointError> {
        Self::verify_note(SignedNote::parse(note)?, verifier)
    }

    fn verify_note(note: SignedNote, verifier: &FeedVerifier) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != verifier.origin() {
            return Err(CheckpointError::WrongOrigin);
        }
        let mut by_author = false;
        let mut cosigners = BTreeMap::new();
        for signature in note.verify(&verifier.keys)? {
            match (verifier.keys.get(signature.key), signature.time) {
                (Some(key), Some(time)) => {
                    let newest = cosigners.entry(key.name().to_owned()).or_insert(time);
                    *newest = time.max(*newest);
                }
                (Some(_), None) => by_author = true,
                (None, _) => {}
            }
        }
        if !by_author {
            return Err(CheckpointError::NotByAuthor);
        }
        let (author, author_witness) = (verifier.author().clone(), verifier.author_witness.clone());
        Ok(Self { checkpoint, note, cosigners, author, author_witness })
    }

    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub fn size(&self) -> TreeSize {
        self.checkpoint.size
    }

    /// The feed key that signed it.
    pub fn author_key(&self) -> &VerifierKey {
        &self.author
    }

    pub fn root(&self) -> &TreeHash {
        &self.checkpoint.root
    }

    /// The note as it travels and is stored.
    pub fn note_text(&self) -> String {
        self.note.to_string()
    }

    /// When the author last said that this is its newest checkpoint.
    pub fn author_time(&self) -> Option<Timestamp> {
        self.cosigners.get(&self.author_witness).copied()
    }

    /// How long the author has been silent, in seconds; none where it never signed a time or signed one that lies further
    /// ahead of `now` than clocks may differ: a time from the future must not make a silent feed look fresh.
    pub fn author_age_s(&self, now: Timestamp) -> Option<u64> {
        self.author_time().filter(|time| is_believable(*time, now)).map(|time| now.ms_since(time) / 1000)
    }

    /// This checkpoint without the times that lie further ahead of `now` than clocks may differ. Kept, such a time would
    /// outrank every true one that follows. The author's signature on size and root stays.
    pub fn without_times_ahead(self, now: Timestamp, verifier: &FeedVerifier) -> Result<Self, CheckpointError> {
        let ahead = self.cosigners.iter().filter(|(_, time)| !is_believable(**time, now));
        let ahead: Vec<String> = ahead.map(|(name, _)| name.clone()).collect();
        if ahead.is_empty() {
            return Ok(self);
        }
        let mut note = self.note;
        note.drop_signatures(&ahead);
        Self::verify_note(note, verifier)
    }

    /// Names and newest times of all verified cosigners, the author among them.
    pub fn cosigners(&self) -> &BTreeMap<String, Timestamp> {
        &self.cosigners
    }

    /// Distinct members other than the author that cosigned.
    pub fn witness_count(&self) -> usize {
        self.witnesses().count()
    }

    /// The names of their keys.
    pub fn witness_names(&self) -> Vec<String> {
        self.witnesses().cloned().collect()
    }

    fn witnesses(&self) -> impl Iterator<Item = &String> {
        self.cosigners.keys().filter(|name| **name != self.author_witness)
    }

    /// This checkpoint with one more cosignature, made by a witness or renewed by the author. It replaces an older line of
    /// the same key, so that heartbeats do not pile up.
    pub fn with_cosignature(self, line: SignatureLine, verifier: &FeedVerifier) -> Result<Self, CheckpointError> {
        let cosigner = verifier.keys.iter().skip(1).find(|key| key.id() == line.key_id() && key.name() == line.name());
        let cosigner = cosigner.ok_or(CheckpointError::UnknownCosigner)?.clone();
        let offered = SignedNote::new(self.note.text().to_owned(), line.clone())?;
        let newer =
            offered.verify(std::slice::from_ref(&cosigner))?.iter().filter_map(|signature| signature.time).max();
        if newer <= self.cosigners.get(cosigner.name()).copied() {
            return Ok(self);
        }
        let mut note = self.note;
        note.renew_signature(line)?;
        Self::verify_note(note, verifier)
    }

    /// Both notes of one checkpoint as one: the newest signature of each cosigner.
    pub fn merged_with(self, other: &Self, verifier: &FeedVerifier) -> Result<Self, CheckpointError> {
        if self.checkpoint != other.checkpoint {
            return Err(CheckpointError::AnotherCheckpoint);
        }
        // A line that borrows a witness's name under another key counts for nobody, and must not spoil those that count.
        let known = |line: &&SignatureLine| {
            let mut cosigners = verifier.keys.iter().skip(1);
            cosigners.any(|key| key.name() == line.name() && key.id() == line.key_id())
        };
        other
            .note
            .signatures()
            .iter()
            .filter(known)
            .try_fold(self, |merged, line| merged.with_cosignature(line.clone(), verifier))
    }

    /// This node's cosignature as a witness, to be sent to the author. The caller has verified that the tree grew
    /// consistently and stored what it signs before.
    pub fn cosign(&self, witness: &NoteSigner, now: Timestamp) -> SignatureLine {
        witness.sign(self.note.text(), now)
    }
}

impl fmt::Debug for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({:?}, {} cosigners)", self.checkpoint, self.cosigners.len())
    }
}

fn is_believable(time: Timestamp, now: Timestamp) -> bool {
    time.ms_since(now) <= limits::CLOCK_AHEAD_S * 1000
}

#[cfg(test)]
pub(in crate::domain) mod tests;
