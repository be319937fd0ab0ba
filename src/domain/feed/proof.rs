//! Inclusion and consistency proofs, RFC 9162 §2.1.3 and §2.1.4: made from stored hashes, verified from roots alone.

use crate::base::bytes::TreeHash;
use crate::base::limits;
use crate::base::position::{EntryIndex, TreeSize};
use crate::domain::feed::tree::{empty_root, fold_right, node_hash};

/// Where proofs take their hashes from: memory near the right edge, stored tiles elsewhere, a batch under verification.
pub trait HashSource {
    /// Root of the complete subtree over leaves `[index · 2^level, (index + 1) · 2^level)`; none where it is not held.
    fn subtree(&self, level: u8, index: u64) -> Option<TreeHash>;
}

/// The rule a proof broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("entry {index} is beyond a tree of {size} entries")]
    BeyondTree { index: EntryIndex, size: TreeSize },
    #[error("a tree of {old} entries is no beginning of one of {new}")]
    Backwards { old: TreeSize, new: TreeSize },
    #[error("the proof has {got} hashes, which does not fit its tree")]
    Length { got: usize },
    #[error("the proof leads to another root")]
    WrongRoot,
}

/// Hashes that lead from one leaf to the root, lowest first. None where `index` is beyond `size` or a hash is not held.
pub fn inclusion_proof(source: &impl HashSource, index: EntryIndex, size: TreeSize) -> Option<Vec<TreeHash>> {
    if index.0 >= size.0 {
        return None;
    }
    let (mut low, mut high) = (0, size.0);
    let mut proof = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index.0 < middle {
            proof.push(range_root(source, middle, high)?);
            high = middle;
        } else {
            proof.push(range_root(source, low, middle)?);
            low = middle;
        }
    }
    proof.reverse();
    Some(proof)
}

/// Hashes that join a tree of `old` entries to one of `new`. Empty where `old` is 0 or equals `new`; none where `old` is
/// beyond `new` or a hash is not held.
pub fn consistency_proof(source: &impl HashSource, old: TreeSize, new: TreeSize) -> Option<Vec<TreeHash>> {
    if old > new {
        return None;
    }
    if old == TreeSize::EMPTY || old == new {
        return Some(Vec::new());
    }
    let (mut low, mut high) = (0, new.0);
    let mut proof = Vec::new();
    while high != old.0 {
        let middle = low + split(high - low);
        if old.0 <= middle {
            proof.push(range_root(source, middle, high)?);
            high = middle;
        } else {
            proof.push(range_root(source, low, middle)?);
            low = middle;
        }
    }
    // Where the old tree is one complete subtree the verifier knows its root already.
    if low > 0 {
        proof.push(range_root(source, low, high)?);
    }
    proof.reverse();
    Some(proof)
}

/// Checks that the leaf with this hash stands at `index` in the tree of `size` entries and this root.
pub fn verify_inclusion(
    leaf_hash: &TreeHash,
    index: EntryIndex,
    size: TreeSize,
    root: &TreeHash,
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if index.0 >= size.0 {
        return Err(ProofError::BeyondTree { index, size });
    }
    let wrong_length = ProofError::Length { got: proof.len() };
    if proof.len() > limits::PROOF_HASHES {
        return Err(wrong_length);
    }
    let (mut node, mut last) = (index.0, size.0 - 1);
    let mut reached = *leaf_hash;
    for sibling in proof {
        if last == 0 {
            return Err(wrong_length);
        }
        if is_right_child(node) || node == last {
            reached = node_hash(sibling, &reached);
            climb_to_right_child(&mut node, &mut last);
        } else {
            reached = node_hash(&reached, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(wrong_length);
    }
    if reached == *root { Ok(()) } else { Err(ProofError::WrongRoot) }
}

/// Checks that the tree `(new, new_root)` begins with the tree `(old, old_root)`.
pub fn verify_consistency(
    old: TreeSize,
    old_root: &TreeHash,
    new: TreeSize,
    new_root: &TreeHash,
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Backwards { old, new });
    }
    if old == new || old == TreeSize::EMPTY {
        if !proof.is_empty() {
            return Err(ProofError::Length { got: proof.len() });
        }
        let same = if old == new { old_root == new_root } else { *old_root == empty_root() };
        return if same { Ok(()) } else { Err(ProofError::WrongRoot) };
    }
    let wrong_length = ProofError::Length { got: proof.len() };
    let (seed, path) = if old.0.is_power_of_two() {
        (*old_root, proof)
    } else {
        let (seed, path) = proof.split_first().ok_or(wrong_length)?;
        (*seed, path)
    };
    let reached = roots_along(old, new, seed, path).ok_or(wrong_length)?;
    if reached == (*old_root, *new_root) { Ok(()) } else { Err(ProofError::WrongRoot) }
}

/// The roots of the trees of `old` and `new` entries (`0 < old < new`) that `path` gives from `seed`, the lowest complete
/// subtree at the right edge of the old tree. None where the path is too short or too long.
pub(in crate::domain) fn roots_along(
    old: TreeSize,
    new: TreeSize,
    seed: TreeHash,
    path: &[TreeHash],
) -> Option<(TreeHash, TreeHash)> {
    if path.len() > limits::PROOF_HASHES || old.0 == 0 || old >= new {
        return None;
    }
    let (mut node, mut last) = (old.0 - 1, new.0 - 1);
    while is_right_child(node) {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut old_root, mut new_root) = (seed, seed);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if is_right_child(node) || node == last {
            old_root = node_hash(sibling, &old_root);
            new_root = node_hash(sibling, &new_root);
            climb_to_right_child(&mut node, &mut last);
        } else {
            new_root = node_hash(&new_root, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    (last == 0).then_some((old_root, new_root))
}

/// Root of the first `size` leaves. None where a hash is not held.
pub fn tree_root(source: &impl HashSource, size: TreeSize) -> Option<TreeHash> {
    if size == TreeSize::EMPTY { Some(empty_root()) } else { range_root(source, 0, size.0) }
}

/// Root of the leaves `[low, high)`, where `low` is aligned as the tree's own splits align it.
pub(in crate::domain) fn range_root(source: &impl HashSource, mut low: u64, high: u64) -> Option<TreeHash> {
    let mut subtrees = Vec::new();
    while low < high {
        let level = low.trailing_zeros().min((high - low).ilog2());
        subtrees.push(source.subtree(u8::try_from(level).ok()?, low >> level)?);
        low += 1 << level;
    }
    fold_right(&subtrees)
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

fn is_right_child(node: u64) -> bool {
    node & 1 == 1
}

/// At the right edge of an incomplete tree levels without a sibling are skipped.
fn climb_to_right_child(node: &mut u64, last: &mut u64) {
    while *node != 0 && !is_right_child(*node) {
        (*node, *last) = (*node >> 1, *last >> 1);
    }
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;
    use crate::domain::feed::entry::leaf_hash;

    /// All leaf hashes of a tree; the slow, obvious source.
    struct Leaves(Vec<TreeHash>);

    impl HashSource for Leaves {
        fn subtree(&self, level: u8, index: u64) -> Option<TreeHash> {
            let start = usize::try_from(index << level).ok()?;
            let mut hashes = self.0.get(start..start + (1 << level))?.to_vec();
            while let [_, _, ..] = hashes.as_slice() {
                hashes = hashes.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
            }
            hashes.first().copied()
        }
    }

    fn leaf(index: u64) -> Vec<u8> {
        index.to_be_bytes().to_vec()
    }

    fn leaves(count: u64) -> Leaves {
        Leaves((0..count).map(|index| leaf_hash(&leaf(index))).collect())
    }

    fn root(source: &Leaves, size: u64) -> TreeHash {
        range_root(source, 0, size).unwrap_or_else(empty_root)
    }

    fn oracle(count: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
        let mut tree = MemoryBackedTree::new();
        (0..count).for_each(|index| tree.push(leaf(index)));
        tree
    }

    fn joined(proof: &[TreeHash]) -> Vec<u8> {
        proof.iter().flat_map(|hash| hash.0).collect()
    }

    #[test]
    fn every_proof_of_small_trees_equals_an_independent_implementation_and_verifies() {
        let source = leaves(40);
        for new in 1..=40 {
            let tree = oracle(new);
            let new_root = root(&source, new);
            for index in 0..new {
                let proof = inclusion_proof(&source, EntryIndex(index), TreeSize(new)).expect("all hashes are held");
                let theirs = tree.prove_inclusion(usize::try_from(index).expect("small"));
                assert_eq!(joined(&proof), theirs.as_bytes());
                let hash = leaf_hash(&leaf(index));
                assert_eq!(verify_inclusion(&hash, EntryIndex(index), TreeSize(new), &new_root, &proof), Ok(()));
            }
            for old in 1..=new {
                let proof = consistency_proof(&source, TreeSize(old), TreeSize(new)).expect("all hashes are held");
                let theirs = tree.prove_consistency(usize::try_from(new - old).expect("small"));
                assert_eq!(joined(&proof), theirs.as_bytes(), "{old} to {new}");
                let old_root = root(&source, old);
                assert_eq!(verify_consistency(TreeSize(old), &old_root, TreeSize(new), &new_root, &proof), Ok(()));
            }
        }
    }

    #[test]
    fn every_tree_begins_with_the_empty_one_and_with_itself() {
        let source = leaves(7);
        let (size, whole) = (TreeSize(7), root(&source, 7));
        assert_eq!(consistency_proof(&source, TreeSize::EMPTY, size), Some(vec![]));
        assert_eq!(verify_consistency(TreeSize::EMPTY, &empty_root(), size, &whole, &[]), Ok(()));
        assert_eq!(verify_consistency(TreeSize::EMPTY, &whole, size, &whole, &[]), Err(ProofError::WrongRoot));
        assert_eq!(verify_consistency(size, &whole, size, &whole, &[whole]), Err(ProofError::Length { got: 1 }));
        assert_eq!(verify_consistency(size, &empty_root(), size, &whole, &[]), Err(ProofError::WrongRoot));
        let backwards = ProofError::Backwards { old: size, new: TreeSize(6) };
        assert_eq!(verify_consistency(size, &whole, TreeSize(6), &whole, &[]), Err(backwards));
        assert_eq!(consistency_proof(&source, size, TreeSize(6)), None);
    }

    #[test]
    fn an_index_beyond_the_tree_has_no_proof() {
        let source = leaves(3);
        assert_eq!(inclusion_proof(&source, EntryIndex(3), TreeSize(3)), None);
        let beyond = ProofError::BeyondTree { index: EntryIndex(3), size: TreeSize(3) };
        assert_eq!(verify_inclusion(&empty_root(), EntryIndex(3), TreeSize(3), &root(&source, 3), &[]), Err(beyond));
    }

    proptest! {
        #[test]
        fn proofs_of_larger_trees_equal_an_independent_implementation(new in 1u64..600, a: u64, b: u64) {
            let (source, tree) = (leaves(new), oracle(new));
            let (index, old) = (a % new, b % new + 1);
            let inclusion = inclusion_proof(&source, EntryIndex(index), TreeSize(new)).expect("held");
            let theirs = tree.prove_inclusion(usize::try_from(index).expect("small"));
            prop_assert_eq!(joined(&inclusion), theirs.as_bytes());
            let consistency = consistency_proof(&source, TreeSize(old), TreeSize(new)).expect("held");
            let theirs = tree.prove_consistency(usize::try_from(new - old).expect("small"));
            prop_assert_eq!(joined(&consistency), theirs.as_bytes());
        }

        #[test]
        fn a_damaged_proof_does_not_verify(new in 2u64..200, a: u64, b: u64, at: usize, bit in 0usize..256, cut: bool) {
            let source = leaves(new);
            let (index, old) = (EntryIndex(a % new), TreeSize(b % (new - 1) + 1));
            let (new_root, old_root) = (root(&source, new), root(&source, old.0));
            let damage = |mut proof: Vec<TreeHash>| {
                let at = at % proof.len();
                if cut { proof.remove(at); } else { proof[at].0[bit / 8] ^= 1 << (bit % 8); }
                proof
            };
            let size = TreeSize(new);
            let inclusion = damage(inclusion_proof(&source, index, size).expect("held"));
            prop_assert!(verify_inclusion(&source.0[usize::try_from(index.0).expect("small")], index, size, &new_root, &inclusion).is_err());
            let consistency = damage(consistency_proof(&source, old, size).expect("held"));
            prop_assert!(verify_consistency(old, &old_root, size, &new_root, &consistency).is_err());
        }

        #[test]
        fn any_sizes_and_hashes_never_panic(a: u64, b: u64, count in 0usize..140, fill: u8) {
            let (hash, proof) = (TreeHash([fill; 32]), vec![TreeHash([fill; 32]); count]);
            let _ = verify_inclusion(&hash, EntryIndex(a), TreeSize(b), &hash, &proof);
            let _ = verify_consistency(TreeSize(a), &hash, TreeSize(b), &hash, &proof);
        }
    }
}
