//! Tests of batch acceptance: honest batches pass, and one malformed batch a rule is refused by that rule.

use proptest::prelude::*;

use crate::base::bytes::{Commitment, Salt, TreeHash};
use crate::base::epoch::EpochId;
use crate::base::limits;
use crate::base::name::FeedId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Hour};
use crate::domain::exchange::batch::{Uncovered, UnverifiedBatch, UnverifiedEntry, VerifiedBatch};
use crate::domain::exchange::cursor::{Cursor, Extension};
use crate::domain::exchange::fault::{Blame, PeerFault};
use crate::domain::feed::blob::BlobError;
use crate::domain::feed::blob::erasure::Erasure;
use crate::domain::feed::blob::indicator::tests::sample;
use crate::domain::feed::checkpoint::tests::{Author, NOW, author};
use crate::domain::feed::checkpoint_error::CheckpointError;
use crate::domain::feed::entry::{Entry, EntryError, EntryKind, Leaf, commit, leaf_hash};
use crate::domain::feed::proof::{ProofError, consistency_proof};
use crate::domain::feed::tree::CompactRange;
use crate::domain::note::NoteError;
use crate::domain::pseudonym::suite::UnknownSuite;

/// A feed with all its entries, as its author holds it.
struct Feed {
    author: Author,
    entries: Vec<UnverifiedEntry>,
}

const LIVE: Day = Day(20_800);

fn sealed(kind: EntryKind, blob: Vec<u8>, seed: u8) -> UnverifiedEntry {
    let entry = Entry::seal_new(kind, EpochId([1; 16]), LIVE, blob, Salt([seed; 32])).expect("short");
    let content = entry.content().expect("just sealed");
    UnverifiedEntry {
        leaf: entry.leaf_bytes().to_vec(),
        blob: content.blob.clone(),
        salt: content.salt.as_bytes().to_vec(),
    }
}

fn indicator(seed: u8) -> UnverifiedEntry {
    sealed(EntryKind::Indicator, sample("bank-a", seed).encode(), seed)
}

impl Feed {
    fn of(count: u8) -> Self {
        Self { author: author("bank-a", 1), entries: (0..count).map(indicator).collect() }
    }

    fn leaves(&self) -> Vec<TreeHash> {
        self.entries.iter().map(|entry| leaf_hash(&entry.leaf)).collect()
    }

    fn range(&self, size: usize) -> CompactRange {
        let mut range = CompactRange::default();
        self.leaves().into_iter().take(size).for_each(|leaf| range.append(leaf));
        range
    }

    fn note(&self, size: usize) -> Vec<u8> {
        let range = self.range(size);
        self.author.note(range.size().0, range.root(), NOW).to_string().into_bytes()
    }

    fn cursor(&self, size: usize) -> Cursor {
        Cursor { range: self.range(size), ..Cursor::start(self.author.feed.clone()) }
    }

    /// Entries `[first, end)` under a checkpoint of the whole feed.
    fn batch(&self, first: usize, end: usize) -> UnverifiedBatch {
        let (empty, leaves) = (CompactRange::default(), self.leaves());
        let tree = Extension { start: &empty, leaves: &leaves };
        let (old, new) = (self.range(end).size(), self.range(self.entries.len()).size());
        let consistency = consistency_proof(&tree, old, new).expect("all hashes are held");
        UnverifiedBatch {
            feed: self.author.feed.clone(),
            first_index: self.range(first).size().next_index(),
            entries: self.entries.get(first..end).expect("within the feed").to_vec(),
            checkpoint_note: self.note(self.entries.len()),
            consistency: consistency.iter().map(|hash| hash.0.to_vec()).collect(),
        }
    }

    fn verify(&self, batch: UnverifiedBatch, cursor: &Cursor) -> Result<VerifiedBatch, PeerFault> {
        batch.verify(cursor, &self.author.verifier(&[]), NOW)
    }
}

/// Changes an honest batch of entries 3 to 7 of a feed of 10 and expects the fault.
fn check(change: impl FnOnce(&mut UnverifiedBatch), fault: PeerFault) {
    let feed = Feed::of(10);
    let mut batch = feed.batch(3, 7);
    change(&mut batch);
    assert_eq!(feed.verify(batch, &feed.cursor(3)), Err(fault));
}

/// Puts `entry` last into a feed that its author signs like any other.
fn check_entry(entry: UnverifiedEntry, fault: impl FnOnce(EntryIndex) -> PeerFault) {
    let mut feed = Feed::of(4);
    feed.entries.push(entry);
    assert_eq!(feed.verify(feed.batch(2, 5), &feed.cursor(2)), Err(fault(EntryIndex(4))));
}

#[test]
fn honest_batches_follow_each_other_to_the_head() {
    let feed = Feed::of(10);
    let mut cursor = Cursor::start(feed.author.feed.clone());
    for (first, end) in [(0, 3), (3, 7), (7, 8), (8, 10)] {
        let batch = feed.verify(feed.batch(first, end), &cursor).expect("honest");
        assert_eq!(batch.entries().len(), end - first);
        assert!(batch.uncovered().is_empty());
        cursor = batch.cursor_after().clone();
        assert_eq!(cursor.range, feed.range(end));
    }
    let head = cursor.checkpoint.expect("every batch brings one");
    assert_eq!((head.size(), *head.root()), (TreeSize(10), feed.range(10).root()));
}

#[test]
fn place_of_a_batch() {
    let other = FeedId { member: "bank-b".parse().expect("valid"), group: "all".parse().expect("valid") };
    check(|batch| batch.feed = other, PeerFault::WrongFeed);
    check(|batch| batch.entries.clear(), PeerFault::Empty);
    let (first, expected) = (EntryIndex(4), EntryIndex(3));
    check(|batch| batch.first_index = first, PeerFault::Gap { first, expected });
    let first = EntryIndex(2);
    check(|batch| batch.first_index = first, PeerFault::Replayed { first, expected });
    let (got, limit) = (limits::BATCH_ENTRIES + 1, limits::BATCH_ENTRIES);
    let many = vec![indicator(0); got];
    check(|batch| batch.entries = many, PeerFault::TooManyEntries { got, limit });
}

#[test]
fn signature_of_a_batch() {
    let note = |error: NoteError| PeerFault::Checkpoint(CheckpointError::Note(error));
    let thief = Feed { author: author("bank-a", 2), ..Feed::of(10) };
    check(|batch| batch.checkpoint_note = thief.note(10), note(NoteError::NoKnownSignature));
    let forge = |batch: &mut UnverifiedBatch| {
        let text = String::from_utf8(batch.checkpoint_note.clone()).expect("a note is text");
        batch.checkpoint_note = text.replacen("\n10\n", "\n11\n", 1).into_bytes();
    };
    check(forge, note(NoteError::BadSignature { name: "demo.example/bank-a/all".to_owned() }));
    let truncate = |batch: &mut UnverifiedBatch| batch.checkpoint_note.truncate(60);
    check(truncate, note(NoteError::Layout));
    // The right key under another origin: a batch of one group's feed never counts in another's.
    let checkpoint = crate::domain::feed::checkpoint::Checkpoint {
        origin: "demo.example/bank-a/other".to_owned(),
        size: TreeSize(10),
        root: Feed::of(10).range(10).root(),
    };
    let bank = author("bank-a", 1);
    let elsewhere = checkpoint.sign(&bank.key, &bank.witness, NOW).expect("valid").to_string().into_bytes();
    check(|batch| batch.checkpoint_note = elsewhere, PeerFault::Checkpoint(CheckpointError::WrongOrigin));
    let (signed, needed) = (TreeSize(6), TreeSize(7));
    let shrunk = Feed::of(10).note(6);
    check(|batch| batch.checkpoint_note = shrunk, PeerFault::CheckpointBehind { signed, needed });
}

#[test]
fn order_and_completeness_of_a_batch() {
    let broken = || PeerFault::Consistency(ProofError::WrongRoot);
    check(|batch| batch.entries.swap(0, 1), broken());
    check(|batch| batch.entries[2] = indicator(99), broken());
    check(|batch| batch.entries[2].leaf[40] ^= 1, broken());
    let length = |got| PeerFault::Consistency(ProofError::Length { got });
    check(|batch| drop(batch.entries.pop()), length(5));
    check(|batch| batch.consistency[0][0] ^= 1, broken());
    check(|batch| drop(batch.consistency.pop()), length(4));
    check(|batch| batch.consistency[0].truncate(31), length(5));
    let long = limits::PROOF_HASHES + 1;
    check(|batch| batch.consistency = vec![vec![0; 32]; long], length(long));
    let feed = Feed::of(10);
    let mut batch = feed.batch(7, 10);
    batch.entries.swap(0, 1);
    assert_eq!(feed.verify(batch, &feed.cursor(7)), Err(PeerFault::RootMismatch { size: TreeSize(10) }));
}

#[test]
fn content_of_a_batch() {
    let index = EntryIndex(4);
    let wrong = || PeerFault::Content { index, rule: EntryError::WrongCommitment };
    check(|batch| batch.entries[1].blob[0] ^= 1, wrong());
    check(|batch| batch.entries[1].salt[0] ^= 1, wrong());
    check(|batch| batch.entries[1].blob = batch.entries[0].blob.clone(), wrong());
    check(|batch| batch.entries[1].blob.clear(), wrong());
    check(|batch| batch.entries[1].salt.clear(), PeerFault::HalfContent { index });
    check(|batch| batch.entries[1].salt.truncate(31), PeerFault::HalfContent { index });
    check(|batch| batch.entries[1].blob = vec![0; limits::BLOB_BYTES], wrong());
}

#[test]
fn signed_nonsense_is_refused_and_the_author_is_to_blame() {
    let mut unknown = indicator(50);
    unknown.leaf[17] = 99;
    check_entry(unknown, |index| PeerFault::Leaf { index, rule: EntryError::UnknownKind(99) });
    let mut short = indicator(50);
    short.leaf.truncate(69);
    check_entry(short, |index| PeerFault::Leaf { index, rule: EntryError::LeafLength { got: 69 } });
    let audit = sealed(EntryKind::Audit, vec![1], 50);
    check_entry(audit, |index| PeerFault::AuditRecord { index });
    let blob = vec![0; limits::SMALL_BLOB_BYTES + 1];
    let (got, limit) = (blob.len(), limits::SMALL_BLOB_BYTES);
    let commitment = commit(&Salt([9; 32]), &blob);
    let leaf = Leaf { kind: EntryKind::Indicator, epoch_id: EpochId([1; 16]), expires_day: LIVE, commitment };
    let long = UnverifiedEntry { leaf: leaf.encode().to_vec(), blob, salt: vec![9; 32] };
    check_entry(long, |index| PeerFault::BlobTooLong { index, got, limit });
    let garbage = sealed(EntryKind::Indicator, vec![0xFF], 50);
    check_entry(garbage, |index| PeerFault::Blob { index, rule: BlobError::NotAMessage });
    let impostor = sealed(EntryKind::Indicator, sample("bank-b", 50).encode(), 50);
    check_entry(impostor, |index| PeerFault::WrongReporter { index });
    // Field 1, the suite, is the first byte pair of the blob.
    let mut blob = sample("bank-a", 50).encode();
    blob[1] = 3;
    let suite = sealed(EntryKind::Indicator, blob, 50);
    check_entry(suite, |index| PeerFault::Blob { index, rule: BlobError::Suite(UnknownSuite(3)) });
    let fault = PeerFault::AuditRecord { index: EntryIndex(0) };
    assert_eq!((fault.blame(), PeerFault::Empty.blame()), (Blame::Author, Blame::Sender));
}

#[test]
fn a_bare_leaf_is_explained_by_expiry_or_erasure_and_listed_otherwise() {
    let mut feed = Feed::of(4);
    let target =
        |entry: &UnverifiedEntry| Commitment::try_from(entry.leaf.get(38..).expect("a leaf")).expect("32 bytes");
    let erasure =
        Erasure { target: target(&feed.entries[1]), reporter: feed.author.feed.member.clone(), hour: Hour(498_611) };
    feed.entries.push(sealed(EntryKind::Erasure, erasure.encode(), 60));
    let expired = Entry::seal_new(EntryKind::Decoy, EpochId::NONE, Day(NOW.day().0 - 1), vec![], Salt([7; 32]));
    let leaf = expired.expect("short").leaf_bytes().to_vec();
    feed.entries.push(UnverifiedEntry { leaf, blob: vec![], salt: vec![] });
    let missing = target(&feed.entries[2]);
    for bare in [1, 2] {
        feed.entries[bare].blob.clear();
        feed.entries[bare].salt.clear();
    }
    let batch = feed.verify(feed.batch(0, 6), &feed.cursor(0)).expect("bare leaves may be explained later");
    assert_eq!(batch.uncovered(), [Uncovered { index: EntryIndex(2), commitment: missing }]);
    let bodies: Vec<bool> = batch.entries().iter().map(|verified| verified.body.is_some()).collect();
    assert_eq!(bodies, [true, false, false, true, true, false]);
}

#[test]
fn another_tree_of_the_same_size_is_proof_of_equivocation() {
    let feed = Feed::of(10);
    let mut forked = Feed::of(10);
    forked.entries[9] = indicator(99);
    let mut cursor = feed.cursor(3);
    cursor.checkpoint = Some(feed.author.signed(10, feed.range(10).root(), NOW));
    expect_proof(&feed, feed.verify(forked.batch(3, 7), &cursor));
}

#[test]
fn a_longer_tree_that_forgets_a_signed_beginning_is_proof_of_equivocation() {
    for earlier in 4..10 {
        let (feed, mut forked) = (Feed::of(10), Feed::of(12));
        forked.entries[3] = indicator(99);
        let mut cursor = feed.cursor(3);
        cursor.checkpoint =
            Some(feed.author.signed(earlier, feed.range(usize::try_from(earlier).expect("small")).root(), NOW));
        expect_proof(&feed, feed.verify(forked.batch(3, 12), &cursor));
        // Without the end of the tree the fault is as sure, but not yet portable.
        let fault = PeerFault::Forked { size: TreeSize(earlier) };
        assert_eq!(feed.verify(forked.batch(3, 11), &cursor), Err(fault));
    }
}

fn expect_proof(feed: &Feed, outcome: Result<VerifiedBatch, PeerFault>) {
    match outcome {
        Err(PeerFault::Equivocation(proof)) => assert_eq!(proof.verify(|_| Ok(feed.author.verifier(&[]))), Ok(())),
        other => panic!("expected a proof, got {other:?}"),
    }
}

proptest! {
    #[test]
    fn any_split_of_a_feed_gives_the_same_cursor(cuts in proptest::collection::btree_set(1usize..30, 0..6)) {
        let feed = Feed::of(30);
        let mut cursor = Cursor::start(feed.author.feed.clone());
        let mut first = 0;
        for end in cuts.into_iter().chain([30]) {
            let batch = feed.verify(feed.batch(first, end), &cursor);
            cursor = batch.expect("honest").into_parts().2;
            first = end;
        }
        prop_assert_eq!(cursor.range, feed.range(30));
    }

    #[test]
    fn any_bytes_never_panic(
        leaf in proptest::collection::vec(any::<u8>(), 0..80),
        blob in proptest::collection::vec(any::<u8>(), 0..80),
        salt in proptest::collection::vec(any::<u8>(), 0..34),
        note in proptest::collection::vec(any::<u8>(), 0..200),
        signed: bool,
    ) {
        let mut feed = Feed::of(2);
        feed.entries.push(UnverifiedEntry { leaf, blob, salt });
        let mut batch = feed.batch(1, 3);
        if !signed {
            batch.checkpoint_note = note;
        }
        prop_assert!(feed.verify(batch, &feed.cursor(1)).is_err());
    }
}

#[test]
fn what_two_senders_both_sent_is_taken_once() {
    let feed = Feed::of(10);
    for held in 0..8 {
        let batch = feed.batch(3, 7).beyond(feed.range(held).size());
        let (first, cursor) = (held.clamp(3, 7), feed.cursor(held.clamp(3, 7)));
        assert_eq!(batch.entries.len(), 7 - first, "{held}");
        match feed.verify(batch, &cursor) {
            Ok(verified) => assert_eq!(verified.range().end(), TreeSize(7), "{held}"),
            Err(fault) => assert_eq!((fault, held), (PeerFault::Empty, 7)),
        }
    }
}
