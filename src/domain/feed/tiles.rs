//! Tiles of hashes (after C2SP tlog-tiles): 256 neighbours of every eighth level of the tree.
//!
//! Full tiles never change: a store writes each once. [`HashTiles`] keeps what is not full yet, at most 255 hashes a tile
//! level; [`TileSource`] joins both for proofs. A tree of ten million entries has 39,216 full tiles.

use crate::base::bytes::TreeHash;
use crate::base::position::TreeSize;
use crate::domain::feed::proof::HashSource;
use crate::domain::feed::tree::{CompactRange, node_hash};

/// Hashes in a full tile.
pub const TILE_HASHES: usize = 256;

/// Levels of the tree from one tile level to the next: 2^8 hashes fold into one.
const LEVELS_PER_TILE: u8 = 8;

/// Which tile: `level` counts tile levels (tree level 8 · `level`), `index` tiles from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TileId {
    pub level: u8,
    pub index: u64,
}

/// The incomplete tiles at the right edge of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HashTiles {
    size: u64,
    /// One list a tile level, each shorter than a full tile.
    edge: Vec<Vec<TreeHash>>,
}

impl HashTiles {
    pub fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// Appends a leaf by its hash and hands out each tile this completes, lower levels first.
    ///
    /// # Panics
    /// When the tree has 2^64 − 1 leaves, which no feed reaches.
    pub fn append(&mut self, leaf_hash: TreeHash, mut completed: impl FnMut(TileId, &[TreeHash])) {
        let mut hash = leaf_hash;
        let mut index = self.size;
        self.size = self.size.checked_add(1).expect("no feed reaches 2^64 entries");
        for level in 0.. {
            let tile = match self.edge.get_mut(usize::from(level)) {
                Some(tile) => tile,
                None => {
                    self.edge.push(Vec::new());
                    self.edge.last_mut().expect("just pushed")
                }
            };
            tile.push(hash);
            if tile.len() < TILE_HASHES {
                return;
            }
            index >>= LEVELS_PER_TILE;
            completed(TileId { level, index }, tile);
            hash = fold_complete(tile);
            tile.clear();
        }
    }

    /// Size and peaks of the same tree.
    pub fn range(&self) -> CompactRange {
        let mut peaks = Vec::new();
        for tile in self.edge.iter().rev() {
            let mut rest = tile.as_slice();
            while !rest.is_empty() {
                let (complete, after) = rest.split_at(1 << rest.len().ilog2());
                peaks.push(fold_complete(complete));
                rest = after;
            }
        }
        CompactRange::from_peaks(self.size(), peaks).expect("the edge holds one subtree for each bit of the size")
    }
}

/// Hashes of a tree from its edge in memory and its full tiles wherever `full` finds them.
pub struct TileSource<'a, F: Fn(TileId) -> Option<Vec<TreeHash>>> {
    pub edge: &'a HashTiles,
    pub full: F,
}

impl<F: Fn(TileId) -> Option<Vec<TreeHash>>> std::fmt::Debug for TileSource<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TileSource(size {})", self.edge.size)
    }
}

impl<F: Fn(TileId) -> Option<Vec<TreeHash>>> HashSource for TileSource<'_, F> {
    fn subtree(&self, level: u8, index: u64) -> Option<TreeHash> {
        let (tile_level, within) = (level / LEVELS_PER_TILE, level % LEVELS_PER_TILE);
        let first = index.checked_mul(1 << within)?;
        let id = TileId { level: tile_level, index: first >> LEVELS_PER_TILE };
        let start = usize::try_from(first % 256).ok()?;
        let count = 1usize << within;
        let full_tiles = self.edge.size.checked_shr(8 * (u32::from(tile_level) + 1)).unwrap_or(0);
        if id.index < full_tiles {
            let tile = (self.full)(id).filter(|tile| tile.len() == TILE_HASHES)?;
            return Some(fold_complete(tile.get(start..start + count)?));
        }
        let edge = self.edge.edge.get(usize::from(tile_level)).filter(|_| id.index == full_tiles)?;
        Some(fold_complete(edge.get(start..start + count)?))
    }
}

/// Root over a power of two of neighbouring hashes.
fn fold_complete(hashes: &[TreeHash]) -> TreeHash {
    match hashes {
        [] => unreachable!("callers pass a power of two of hashes"),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            node_hash(&fold_complete(left), &fold_complete(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::position::EntryIndex;
    use crate::domain::feed::entry::leaf_hash;
    use crate::domain::feed::proof::{consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};

    fn hash_at(index: u32) -> TreeHash {
        leaf_hash(&index.to_be_bytes())
    }

    #[test]
    fn proofs_come_out_of_full_tiles_and_edge_alike() {
        let (mut tiles, mut stored, mut range) = (HashTiles::default(), BTreeMap::new(), CompactRange::default());
        let mut roots = vec![range.root()];
        let count = 66_000;
        for index in 0..count {
            tiles.append(hash_at(index), |id, hashes| assert!(stored.insert(id, hashes.to_vec()).is_none()));
            range.append(hash_at(index));
            if index < 2_000 || index >= count - 3 {
                assert_eq!(tiles.range(), range);
            }
            roots.push(range.root());
        }
        assert_eq!(stored.len(), 66_000 / 256 + 1);
        let source = TileSource { edge: &tiles, full: |id| stored.get(&id).cloned() };
        let (size, root) = (tiles.size(), range.root());
        for index in [0, 1, 255, 256, 40_000, 65_535, 65_536, 65_999] {
            let entry = EntryIndex(u64::from(index));
            let proof = inclusion_proof(&source, entry, size).expect("all hashes are held");
            assert_eq!(verify_inclusion(&hash_at(index), entry, size, &root, &proof), Ok(()));
        }
        for old in [1, 2, 255, 256, 257, 40_000, 65_536, 65_999, 66_000] {
            let proof = consistency_proof(&source, TreeSize(old), size).expect("all hashes are held");
            let old_root = roots.get(usize::try_from(old).expect("small")).expect("one root a size");
            assert_eq!(verify_consistency(TreeSize(old), old_root, size, &root, &proof), Ok(()));
        }
    }

    #[test]
    fn hashes_that_are_not_held_are_none() {
        let mut tiles = HashTiles::default();
        (0..300).for_each(|index| tiles.append(hash_at(index), |_, _| {}));
        let source = TileSource { edge: &tiles, full: |_| None };
        assert_eq!(source.subtree(0, 0), None);
        assert_eq!(source.subtree(0, 299), Some(hash_at(299)));
        assert_eq!(source.subtree(0, 300), None);
        assert_eq!(source.subtree(8, 1), None);
        assert_eq!(source.subtree(63, 1), None);
        assert_eq!(source.subtree(255, u64::MAX), None);
    }
}
