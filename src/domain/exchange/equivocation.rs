//! Portable proof that a feed's author signed two trees that cannot both be its feed.
//!
//! A consistency proof that fails proves nothing: anybody can make one. What is carried is therefore a proof that *holds* for
//! the larger tree and shows that this tree begins with another root than the one signed for the smaller.

use crate::base::bytes::TreeHash;
use crate::base::position::TreeSize;
use crate::domain::feed::checkpoint::SignedCheckpoint;
use crate::domain::feed::checkpoint_error::CheckpointError;
use crate::domain::feed::proof::{HashSource, consistency_proof, range_root, roots_along};
use crate::domain::feed::verifier::FeedVerifier;

/// Two checkpoints of one feed with what shows that they contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EquivocationProof {
    /// The smaller checkpoint as a signed note.
    pub first: String,
    /// The larger, or the other of the same size.
    pub second: String,
    /// Empty for equal sizes. Otherwise the lowest complete subtree at the right edge of the smaller tree, as the larger
    /// tree has it, and then the remaining hashes of the RFC 9162 consistency proof of the larger tree.
    pub consistency: Vec<TreeHash>,
}

/// Why something offered as a proof of equivocation is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEquivocation {
    #[error("first checkpoint: {0}")]
    First(CheckpointError),
    #[error("second checkpoint: {0}")]
    Second(CheckpointError),
    #[error("the checkpoints are not in the order of their sizes")]
    Order,
    #[error("the checkpoints agree")]
    Agreeing,
    #[error("the hashes do not lead to the root of the second checkpoint")]
    NotOfSecond,
}

impl EquivocationProof {
    /// Compares two verified checkpoints of one feed. Those of different sizes need the hashes: see [`Self::in_tree`].
    pub fn between(first: &SignedCheckpoint, second: &SignedCheckpoint) -> Option<Self> {
        let (one, other) = (first.checkpoint(), second.checkpoint());
        let contradict = one.origin == other.origin && one.size == other.size && one.root != other.root;
        contradict.then(|| Self { first: first.note_text(), second: second.note_text(), consistency: Vec::new() })
    }

    /// Shows from the hashes of the second's tree that it does not begin with the first. None where it does, or where a hash is
    /// not held.
    pub fn in_tree(first: &SignedCheckpoint, second: &SignedCheckpoint, second_tree: &impl HashSource) -> Option<Self> {
        let (old, new) = (first.size(), second.size());
        if first.checkpoint().origin != second.checkpoint().origin || old == TreeSize::EMPTY || old >= new {
            return Self::between(first, second);
        }
        let consistency = shown_growth(second_tree, old, new)?;
        check_roots(first, second, &consistency).ok()?;
        Some(Self { first: first.note_text(), second: second.note_text(), consistency })
    }

    /// Weighs hashes that are said to lead from one verified checkpoint to another of the same feed, in the form of
    /// [`Self::consistency`]: none where the second's tree begins with the first's, the proof where it does not, and an error
    /// where they lead nowhere, which proves nothing.
    pub fn weigh(
        first: &SignedCheckpoint,
        second: &SignedCheckpoint,
        growth: &[TreeHash],
    ) -> Result<Option<Self>, NoEquivocation> {
        if first.size() == TreeSize::EMPTY {
            return Ok(None);
        }
        match check_roots(first, second, growth) {
            Err(NoEquivocation::Agreeing) => Ok(None),
            Err(fault) => Err(fault),
            Ok(()) => {
                let (first, second) = (first.note_text(), second.note_text());
                Ok(Some(Self { first, second, consistency: growth.to_vec() }))
            }
        }
    }

    /// Checks the proof with nothing but the keys of the feed: `verifier_for` is given each note and tells what verifies it, by the
    /// key that counts at the size it claims, since another may have signed the smaller tree than the larger. On success the author
    /// has lied, whoever brings the proof.
    pub fn verify(
        &self,
        verifier_for: impl Fn(&[u8]) -> Result<FeedVerifier, CheckpointError>,
    ) -> Result<(), NoEquivocation> {
        let read = |note: &str| SignedCheckpoint::verify(note.as_bytes(), &verifier_for(note.as_bytes())?);
        let first = read(&self.first).map_err(NoEquivocation::First)?;
        let second = read(&self.second).map_err(NoEquivocation::Second)?;
        check_roots(&first, &second, &self.consistency)
    }
}

/// The hashes of a tree that lead from an older size to a newer one and show with which root the newer one begins: see
/// [`EquivocationProof::consistency`]. None where a hash is not held.
pub fn shown_growth(tree: &impl HashSource, old: TreeSize, new: TreeSize) -> Option<Vec<TreeHash>> {
    if old == TreeSize::EMPTY || old == new {
        return Some(Vec::new());
    }
    let mut hashes = consistency_proof(tree, old, new)?;
    if old.0.is_power_of_two() {
        hashes.insert(0, range_root(tree, 0, old.0)?);
    }
    Some(hashes)
}

fn check_roots(
    first: &SignedCheckpoint,
    second: &SignedCheckpoint,
    consistency: &[TreeHash],
) -> Result<(), NoEquivocation> {
    if first.size() > second.size() {
        return Err(NoEquivocation::Order);
    }
    if first.size() == second.size() {
        let differ = consistency.is_empty() && first.root() != second.root();
        return if differ { Ok(()) } else { Err(NoEquivocation::Agreeing) };
    }
    let (seed, path) = consistency.split_first().ok_or(NoEquivocation::NotOfSecond)?;
    let (begins_with, reached) =
        roots_along(first.size(), second.size(), *seed, path).ok_or(NoEquivocation::NotOfSecond)?;
    // Only hashes that lead to the signed root are the author's; what they say of the beginning is then its word too.
    if reached != *second.root() {
        return Err(NoEquivocation::NotOfSecond);
    }
    if begins_with == *first.root() { Err(NoEquivocation::Agreeing) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::exchange::cursor::Extension;
    use crate::domain::feed::checkpoint::Checkpoint;
    use crate::domain::feed::checkpoint::tests::{Author, NOW, author};
    use crate::domain::feed::tree::CompactRange;
    use crate::domain::note::SignedNote;

    fn leaves(count: u8, fork_at: Option<u8>) -> Vec<TreeHash> {
        let fill = |index| if fork_at.is_some_and(|fork| index >= fork) { 200 } else { index };
        (0..count).map(|index| TreeHash([fill(index); 32])).collect()
    }

    fn signed(author: &Author, leaves: &[TreeHash]) -> SignedCheckpoint {
        let mut range = CompactRange::default();
        leaves.iter().for_each(|leaf| range.append(*leaf));
        author.signed(range.size().0, range.root(), NOW)
    }

    #[test]
    fn two_roots_of_one_size_are_proof() {
        let bank = author("bank-a", 1);
        let (first, second) = (signed(&bank, &leaves(5, None)), signed(&bank, &leaves(5, Some(3))));
        let proof = EquivocationProof::between(&first, &second).expect("they contradict");
        assert_eq!(proof.verify(|_| Ok(bank.verifier(&[]))), Ok(()));
        assert_eq!(EquivocationProof::between(&first, &first), None);
    }

    #[test]
    fn a_larger_tree_that_does_not_begin_with_the_smaller_is_proof_at_every_size() {
        let (bank, empty) = (author("bank-a", 1), CompactRange::default());
        for old in 1..20 {
            let forked = leaves(20, Some(old - 1));
            let tree = Extension { start: &empty, leaves: &forked };
            let (first, second) = (signed(&bank, &leaves(old, None)), signed(&bank, &forked));
            let proof = EquivocationProof::in_tree(&first, &second, &tree).expect("they contradict");
            assert_eq!(proof.verify(|_| Ok(bank.verifier(&[]))), Ok(()), "{old}");
        }
    }

    #[test]
    fn an_honest_author_cannot_be_framed() {
        let (bank, empty, all) = (author("bank-a", 1), CompactRange::default(), leaves(20, None));
        let tree = Extension { start: &empty, leaves: &all };
        let verifier = bank.verifier(&[]);
        for old in 1..20 {
            let (first, second) = (signed(&bank, &leaves(old, None)), signed(&bank, &all));
            assert_eq!(EquivocationProof::in_tree(&first, &second, &tree), None);
            let frame = |consistency: Vec<TreeHash>| EquivocationProof {
                first: first.note_text(),
                second: second.note_text(),
                consistency,
            };
            let mut honest = consistency_proof(&tree, TreeSize(old.into()), TreeSize(20)).expect("all hashes are held");
            if old.is_power_of_two() {
                honest.insert(0, *first.root());
            }
            assert_eq!(frame(honest.clone()).verify(|_| Ok(verifier.clone())), Err(NoEquivocation::Agreeing));
            honest[0].0[0] ^= 1;
            assert_eq!(frame(honest).verify(|_| Ok(verifier.clone())), Err(NoEquivocation::NotOfSecond));
            assert_eq!(frame(Vec::new()).verify(|_| Ok(verifier.clone())), Err(NoEquivocation::NotOfSecond));
            let swapped =
                EquivocationProof { first: second.note_text(), second: first.note_text(), consistency: vec![] };
            assert_eq!(swapped.verify(|_| Ok(verifier.clone())), Err(NoEquivocation::Order));
        }
    }

    #[test]
    fn what_leads_to_a_later_head_convicts_a_rewritten_log_at_every_size_and_nobody_else() {
        let (bank, empty, all) = (author("bank-a", 1), CompactRange::default(), leaves(20, None));
        let honest = Extension { start: &empty, leaves: &all };
        for old in 1..20u8 {
            let forked = leaves(20, Some(old - 1));
            let rewritten = Extension { start: &empty, leaves: &forked };
            let (first, second) = (signed(&bank, &leaves(old, None)), signed(&bank, &all));
            let growth = shown_growth(&honest, TreeSize(old.into()), TreeSize(20)).expect("all hashes are held");
            assert_eq!(EquivocationProof::weigh(&first, &second, &growth), Ok(None), "{old}");
            assert!(EquivocationProof::weigh(&second, &first, &growth).is_err(), "a log never shrinks");
            let growth = shown_growth(&rewritten, TreeSize(old.into()), TreeSize(20)).expect("all hashes are held");
            assert!(EquivocationProof::weigh(&first, &second, &growth).is_err(), "hashes of another tree");
            let proof = EquivocationProof::weigh(&first, &signed(&bank, &forked), &growth).expect("they lead there");
            assert_eq!(proof.expect("it is rewritten").verify(|_| Ok(bank.verifier(&[]))), Ok(()), "{old}");
        }
        let nothing = signed(&bank, &[]);
        assert_eq!(EquivocationProof::weigh(&nothing, &signed(&bank, &all), &[]), Ok(None));
    }

    #[test]
    fn a_proof_over_two_feed_keys_holds_by_the_key_that_counts_at_each_size() {
        let (former, next, empty) = (author("bank-a", 1), author("bank-a", 2), CompactRange::default());
        let counts = |note: &[u8]| {
            let claimed = Checkpoint::parse(SignedNote::parse(note)?.text())?;
            Ok(if claimed.size < TreeSize(6) { former.verifier(&[]) } else { next.verifier(&[]) })
        };
        let forked = leaves(20, Some(3));
        let tree = Extension { start: &empty, leaves: &forked };
        let first = signed(&former, &leaves(5, None));
        let proved = |by: &Author| {
            EquivocationProof::in_tree(&first, &signed(by, &forked), &tree).expect("they contradict each other")
        };
        let over_both = proved(&next);
        assert_eq!(over_both.verify(counts), Ok(()));
        assert!(matches!(over_both.verify(|_| Ok(next.verifier(&[]))), Err(NoEquivocation::First(_))));
        assert!(matches!(over_both.verify(|_| Ok(former.verifier(&[]))), Err(NoEquivocation::Second(_))));
        // Whoever has stolen the former key convicts nobody of what the next one was to sign.
        assert!(matches!(proved(&former).verify(counts), Err(NoEquivocation::Second(_))));
        let before = EquivocationProof::between(&first, &signed(&former, &forked[..5])).expect("they contradict");
        assert_eq!(before.verify(counts), Ok(()), "both were signed before the change");
    }

    #[test]
    fn both_checkpoints_must_be_the_authors() {
        let (bank, thief) = (author("bank-a", 1), author("bank-a", 2));
        let (first, forged) = (signed(&bank, &leaves(5, None)), signed(&thief, &leaves(5, Some(3))));
        let proof = EquivocationProof::between(&first, &forged).expect("as long as nobody checks the keys");
        assert!(matches!(proof.verify(|_| Ok(bank.verifier(&[]))), Err(NoEquivocation::Second(_))));
        let turned = EquivocationProof { first: proof.second, second: proof.first, consistency: vec![] };
        assert!(matches!(turned.verify(|_| Ok(bank.verifier(&[]))), Err(NoEquivocation::First(_))));
    }
}
