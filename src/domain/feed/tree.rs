//! The tree over a feed's leaves, RFC 9162 §2.1: hashes of nodes, and the compact range that knows size and root without
//! keeping the leaves.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::base::bytes::TreeHash;
use crate::base::position::TreeSize;

/// `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    let mut hash = Sha256::new();
    hash.update([0x01]);
    hash.update(left.as_bytes());
    hash.update(right.as_bytes());
    TreeHash(hash.finalize().into())
}

/// The root of a tree without leaves: `SHA-256("")`.
pub fn empty_root() -> TreeHash {
    TreeHash(Sha256::digest([]).into())
}

/// Roots side by side, from left to right in falling size, as one root.
pub(in crate::domain::feed) fn fold_right(subtrees: &[TreeHash]) -> Option<TreeHash> {
    let (last, rest) = subtrees.split_last()?;
    Some(rest.iter().rev().fold(*last, |right, left| node_hash(left, &right)))
}

/// Size of a tree and the roots of its complete subtrees, largest first: all that is needed to append and to know the root.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    /// One for each bit set in `size`.
    peaks: Vec<TreeHash>,
}

/// Stored bytes are no compact range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a compact range of size {size} has {expected} peaks, got {got} bytes of them")]
pub struct WrongPeaks {
    pub size: u64,
    pub expected: u32,
    pub got: usize,
}

impl CompactRange {
    /// The range of a tree of `size` whose complete subtrees have these roots, largest first.
    pub fn from_peaks(size: TreeSize, peaks: Vec<TreeHash>) -> Result<Self, WrongPeaks> {
        let expected = size.0.count_ones();
        if usize::try_from(expected) != Ok(peaks.len()) {
            return Err(WrongPeaks { size: size.0, expected, got: peaks.len() * TreeHash::LENGTH });
        }
        Ok(Self { size: size.0, peaks })
    }

    pub fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    pub fn peaks(&self) -> &[TreeHash] {
        &self.peaks
    }

    /// Appends a leaf by its hash.
    ///
    /// # Panics
    /// When the tree has 2^64 − 1 leaves, which no feed reaches.
    pub fn append(&mut self, leaf_hash: TreeHash) {
        let mut hash = leaf_hash;
        // Each trailing one bit of the size is a complete subtree that the new leaf completes to a larger one.
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("one peak stands for each bit of the size");
            hash = node_hash(&left, &hash);
        }
        self.peaks.push(hash);
        self.size = self.size.checked_add(1).expect("no feed reaches 2^64 entries");
    }

    pub fn root(&self) -> TreeHash {
        fold_right(&self.peaks).unwrap_or_else(empty_root)
    }

    /// `size u64 big-endian ‖ peaks`.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        for peak in &self.peaks {
            bytes.extend_from_slice(peak.as_bytes());
        }
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, WrongPeaks> {
        let unreadable = WrongPeaks { size: 0, expected: 0, got: bytes.len() };
        let (size, rest) = bytes.split_first_chunk::<8>().ok_or(unreadable)?;
        let size = u64::from_be_bytes(*size);
        let wrong = WrongPeaks { size, expected: size.count_ones(), got: rest.len() };
        let (peaks, []) = rest.as_chunks::<{ TreeHash::LENGTH }>() else {
            return Err(wrong);
        };
        Self::from_peaks(TreeSize(size), peaks.iter().copied().map(TreeHash).collect()).map_err(|_| wrong)
    }
}

impl fmt::Debug for CompactRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompactRange(size {}, root {})", self.size, self.root())
    }
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::feed::entry::leaf_hash;

    #[test]
    fn roots_equal_an_independent_implementation_at_every_size() {
        let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut range = CompactRange::default();
        assert_eq!(range.root(), empty_root());
        for index in 0u32..300 {
            let leaf = index.to_be_bytes().to_vec();
            range.append(leaf_hash(&leaf));
            oracle.push(leaf);
            assert_eq!(range.root().as_bytes().as_slice(), oracle.root().as_bytes().as_slice());
            assert_eq!(range.size(), TreeSize(u64::from(index) + 1));
        }
    }

    #[test]
    fn a_range_comes_back_from_its_bytes() {
        let mut range = CompactRange::default();
        for index in 0..70 {
            assert_eq!(CompactRange::decode(&range.encode()), Ok(range.clone()));
            range.append(TreeHash([index; 32]));
        }
    }

    #[test]
    fn a_wrong_number_of_peaks_is_refused() {
        let mut bytes = 5u64.to_be_bytes().to_vec();
        bytes.extend_from_slice(&[0; 32]);
        assert_eq!(CompactRange::decode(&bytes), Err(WrongPeaks { size: 5, expected: 2, got: 32 }));
        bytes.extend_from_slice(&[0; 33]);
        assert_eq!(CompactRange::decode(&bytes), Err(WrongPeaks { size: 5, expected: 2, got: 65 }));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = CompactRange::decode(&bytes);
        }
    }
}
