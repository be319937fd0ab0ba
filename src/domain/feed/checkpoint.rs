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
use crate::domain::feed::tree::{CompactRange, empty_root};
use crate::domain::feed::verifier::FeedVerifier;
use crate::domain::note::key::NoteSigner;
use crate::domain::note::{NoteError, SignatureLine, SignedNote};

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
        Ok(Self { checkpoint, note, cosigners, author_witness: verifier.author_witness.clone() })
    }

    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub fn size(&self) -> TreeSize {
        self.checkpoint.size
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
pub(in crate::domain) mod tests {
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    use super::*;
    use crate::base::name::{ConsortiumId, FeedId, MemberId};
    use crate::domain::feed::verifier::witness_name;

    pub(in crate::domain) const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

    /// Keys of one member's feed, for tests of whole feeds.
    #[derive(Debug)]
    pub(in crate::domain) struct Author {
        pub(in crate::domain) feed: FeedId,
        pub(in crate::domain) key: NoteSigner,
        pub(in crate::domain) witness: NoteSigner,
    }

    pub(in crate::domain) fn consortium() -> ConsortiumId {
        "demo.example".parse().expect("a valid id")
    }

    pub(in crate::domain) fn author(member: &str, seed: u8) -> Author {
        let member: MemberId = member.parse().expect("a valid name");
        let feed = FeedId { member: member.clone(), group: "all".parse().expect("a valid name") };
        let key = NoteSigner::ed25519(&feed.origin(&consortium()), SigningKey::from_bytes(&[seed; 32]));
        let name = witness_name(&consortium(), &member);
        let witness = NoteSigner::cosigner(&name, SigningKey::from_bytes(&[seed.wrapping_add(100); 32]));
        Author { feed, key: key.expect("a valid name"), witness: witness.expect("a valid name") }
    }

    impl Author {
        pub(in crate::domain) fn verifier(&self, witnesses: &[&Self]) -> FeedVerifier {
            let cosigners = std::iter::once(self).chain(witnesses.iter().copied());
            let cosigners = cosigners.map(|author| author.witness.verifier().clone()).collect();
            FeedVerifier::new(&consortium(), self.feed.clone(), self.key.verifier().clone(), cosigners)
                .expect("matching names")
        }

        pub(in crate::domain) fn note(&self, size: u64, root: TreeHash, now: Timestamp) -> SignedNote {
            let checkpoint = Checkpoint { origin: self.key.verifier().name().to_owned(), size: TreeSize(size), root };
            checkpoint.sign(&self.key, &self.witness, now).expect("below all limits")
        }

        pub(in crate::domain) fn signed(&self, size: u64, root: TreeHash, now: Timestamp) -> SignedCheckpoint {
            let note = self.note(size, root, now).to_string();
            SignedCheckpoint::verify(note.as_bytes(), &self.verifier(&[])).expect("just signed")
        }
    }

    const ROOT: TreeHash = TreeHash([7; 32]);

    #[test]
    fn an_authors_checkpoint_verifies_and_carries_its_time() {
        let signed = author("bank-a", 1).signed(3, ROOT, NOW);
        assert_eq!((signed.size(), signed.root()), (TreeSize(3), &ROOT));
        assert_eq!(signed.author_time(), Some(NOW));
        assert_eq!(signed.witness_count(), 0);
    }

    #[test]
    fn age_is_counted_from_the_authors_time_and_never_from_the_future() {
        let signed = author("bank-a", 1).signed(3, ROOT, NOW);
        assert_eq!(signed.author_age_s(NOW.plus_s(90)), Some(90));
        let ahead = |s| author("bank-a", 1).signed(3, ROOT, NOW.plus_s(s)).author_age_s(NOW);
        assert_eq!(ahead(limits::CLOCK_AHEAD_S), Some(0));
        assert_eq!(ahead(limits::CLOCK_AHEAD_S + 1), None);
    }

    #[test]
    fn a_time_from_the_future_is_dropped_and_the_next_true_one_counts() {
        let bank = author("bank-a", 1);
        let signed = bank.signed(3, ROOT, NOW.plus_s(limits::CLOCK_AHEAD_S + 1));
        let taken = signed.without_times_ahead(NOW, &bank.verifier(&[])).expect("the author's signature stays");
        assert_eq!(taken.author_time(), None);
        let merged = taken.merged_with(&bank.signed(3, ROOT, NOW), &bank.verifier(&[])).expect("the same checkpoint");
        assert_eq!(merged.author_time(), Some(NOW));
    }

    #[test]
    fn the_signature_must_be_the_authors_own() {
        let (bank, thief) = (author("bank-a", 1), author("bank-a", 2));
        let unsigned = SignedCheckpoint::verify(thief.note(3, ROOT, NOW).to_string().as_bytes(), &bank.verifier(&[]));
        assert_eq!(unsigned, Err(CheckpointError::Note(NoteError::NoKnownSignature)));
        // The author's time alone is no signature of its feed key.
        let text = bank.note(3, ROOT, NOW).text().to_owned();
        let timed = SignedNote::new(text.clone(), bank.witness.sign(&text, NOW)).expect("valid").to_string();
        let refused = SignedCheckpoint::verify(timed.as_bytes(), &bank.verifier(&[]));
        assert_eq!(refused, Err(CheckpointError::NotByAuthor));
    }

    #[test]
    fn a_checkpoint_of_another_feed_is_refused_even_when_well_signed() {
        let bank = author("bank-a", 1);
        let checkpoint = Checkpoint { origin: "demo.example/bank-b/all".to_owned(), size: TreeSize(3), root: ROOT };
        let note = checkpoint.sign(&bank.key, &bank.witness, NOW).expect("below all limits").to_string();
        let refused = SignedCheckpoint::verify(note.as_bytes(), &bank.verifier(&[]));
        assert_eq!(refused, Err(CheckpointError::WrongOrigin));
    }

    #[test]
    fn each_witness_counts_once_with_its_newest_time() {
        let (bank, witness) = (author("bank-a", 1), author("bank-b", 2));
        let verifier = bank.verifier(&[&witness]);
        let mut signed = bank.signed(3, ROOT, NOW);
        for s in [5, 9, 7] {
            let line = signed.cosign(&witness.witness, NOW.plus_s(s));
            signed = signed.with_cosignature(line, &verifier).expect("a known witness");
        }
        assert_eq!(signed.witness_count(), 1);
        assert_eq!(signed.cosigners().get("demo.example/bank-b/witness"), Some(&NOW.plus_s(9)));
        assert_eq!(signed.note_text().lines().count(), 4 + 3);
        let read_back = SignedCheckpoint::verify(signed.note_text().as_bytes(), &verifier);
        assert_eq!(read_back, Ok(signed));
    }

    #[test]
    fn a_cosignature_of_a_stranger_or_of_another_text_is_refused() {
        let (bank, witness) = (author("bank-a", 1), author("bank-b", 2));
        let signed = bank.signed(3, ROOT, NOW);
        let line = signed.cosign(&witness.witness, NOW);
        let refused = signed.clone().with_cosignature(line, &bank.verifier(&[]));
        assert_eq!(refused, Err(CheckpointError::UnknownCosigner));
        let other = bank.signed(4, ROOT, NOW).cosign(&witness.witness, NOW);
        let refused = signed.with_cosignature(other, &bank.verifier(&[&witness]));
        let name = "demo.example/bank-b/witness".to_owned();
        assert_eq!(refused, Err(CheckpointError::Note(NoteError::BadSignature { name })));
    }

    #[test]
    fn a_line_under_a_borrowed_name_spoils_nothing() {
        let (bank, witness) = (author("bank-a", 1), author("bank-b", 2));
        let verifier = bank.verifier(&[&witness]);
        let signed = bank.signed(3, ROOT, NOW);
        let borrowed = author("bank-b", 3).witness.sign(&signed.note_text(), NOW);
        let mut spoilt = SignedNote::parse(signed.note_text().as_bytes()).expect("a note");
        spoilt.add_signature(borrowed).expect("room");
        let spoilt =
            SignedCheckpoint::verify(spoilt.to_string().as_bytes(), &verifier).expect("unknown lines are kept");
        let cosigned = signed.clone().with_cosignature(signed.cosign(&witness.witness, NOW), &verifier).expect("known");
        assert_eq!(cosigned.clone().merged_with(&spoilt, &verifier).map(|merged| merged.witness_count()), Ok(1));
        assert_eq!(spoilt.merged_with(&cosigned, &verifier).map(|merged| merged.witness_count()), Ok(1));
    }

    #[test]
    fn two_notes_of_one_checkpoint_merge_and_of_two_do_not() {
        let (bank, witness) = (author("bank-a", 1), author("bank-b", 2));
        let verifier = bank.verifier(&[&witness]);
        let old = bank.signed(3, ROOT, NOW);
        let cosigned = old.clone().with_cosignature(old.cosign(&witness.witness, NOW), &verifier).expect("known");
        let merged =
            cosigned.merged_with(&bank.signed(3, ROOT, NOW.plus_s(60)), &verifier).expect("the same checkpoint");
        assert_eq!((merged.witness_count(), merged.author_time()), (1, Some(NOW.plus_s(60))));
        let other = bank.signed(4, ROOT, NOW);
        assert_eq!(merged.merged_with(&other, &verifier), Err(CheckpointError::AnotherCheckpoint));
    }

    #[test]
    fn each_rule_of_a_checkpoint_refuses_its_breach() {
        let root = BASE64.encode(ROOT.0);
        let check = |text: String, rule: CheckpointError| assert_eq!(Checkpoint::parse(&text), Err(rule), "{text:?}");
        check(format!("a/b/c\n3\n{root}"), CheckpointError::Form);
        check("a/b/c\n3\n".to_owned(), CheckpointError::Form);
        check(format!("a/b/c\n3\n{root}\nextension\n"), CheckpointError::Form);
        check(format!("\n3\n{root}\n"), CheckpointError::Form);
        check(format!("a/b/c\n03\n{root}\n"), CheckpointError::Form);
        check(format!("a/b/c\n+3\n{root}\n"), CheckpointError::Form);
        check(format!("a/b/c\n-3\n{root}\n"), CheckpointError::Form);
        check(format!("a/b/c\n18446744073709551616\n{root}\n"), CheckpointError::Form);
        check("a/b/c\n3\nAAAA\n".to_owned(), CheckpointError::Form);
        check(format!("a/b/c\n0\n{root}\n"), CheckpointError::EmptyRoot);
    }

    proptest! {
        #[test]
        fn any_text_never_panics_and_what_parses_is_written_back(text in "[a-z0-9/+=\n]{0,90}") {
            if let Ok(checkpoint) = Checkpoint::parse(&text) {
                prop_assert_eq!(checkpoint.to_string(), text);
            }
        }
    }
}
