//! What is signed as a checkpoint and who may cosign it.

use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::*;
use crate::base::name::{ConsortiumId, FeedId, MemberId};
use crate::domain::feed::verifier::witness_name;
use crate::domain::note::NoteError;

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
    let spoilt = SignedCheckpoint::verify(spoilt.to_string().as_bytes(), &verifier).expect("unknown lines are kept");
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
    let merged = cosigned.merged_with(&bank.signed(3, ROOT, NOW.plus_s(60)), &verifier).expect("the same checkpoint");
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
