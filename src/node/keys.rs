//! Keys of the node's views. One kind of key a function; all start with a word and `/`, positions are big-endian, so
//! that a scan sees them in order.

use crate::base::bytes::{Commitment, LocalMac, TreeHash};
use crate::base::position::{EntryIndex, TreeSize};
use crate::domain::feed::tiles::TileId;

fn of_feed(word: &[u8], origin: &str) -> Vec<u8> {
    [word, b"/", origin.as_bytes(), b"\0"].concat()
}

/// The run of entries whose last one is `last`: value is (record number, first index).
pub fn run(origin: &str, last: EntryIndex) -> Vec<u8> {
    [of_feed(b"run", origin).as_slice(), &last.0.to_be_bytes()].concat()
}

/// Key after every run of the feed.
pub fn runs_end(origin: &str) -> Vec<u8> {
    [of_feed(b"run", origin).as_slice(), &[0xFF; 9]].concat()
}

/// A full tile of hashes.
pub fn tile(origin: &str, tile: TileId) -> Vec<u8> {
    [of_feed(b"tile", origin).as_slice(), &[tile.level], &tile.index.to_be_bytes()].concat()
}

/// A remembered request: value is (record number).
pub fn request(id: &LocalMac) -> Vec<u8> {
    [b"request/".as_slice(), &id.0].concat()
}

/// One entry published under a source reference: value is empty.
pub fn source_ref(reference: &LocalMac, commitment: &Commitment) -> Vec<u8> {
    [b"source/".as_slice(), &reference.0, &commitment.0].concat()
}

/// What an indicator was derived from: value is the mark of the identifier as given.
pub fn derived(commitment: &Commitment) -> Vec<u8> {
    [b"derived/".as_slice(), &commitment.0].concat()
}

/// The commitment in a key of [`source_ref`].
pub fn read_source_ref(key: &[u8]) -> Option<Commitment> {
    key.last_chunk::<32>().map(|commitment| Commitment(*commitment))
}

/// Scan bounds of everything published under a source reference.
pub fn source_refs(reference: &LocalMac) -> (Vec<u8>, Vec<u8>) {
    let start = [b"source/".as_slice(), &reference.0].concat();
    let end = [start.as_slice(), &[0xFF; 33]].concat();
    (start, end)
}

/// The audit record of a decision: value is its index. Ids are hex; what is no id of ours finds nothing.
pub fn decision(id: &str) -> Vec<u8> {
    let id = id.as_bytes().get(..id.len().min(64)).unwrap_or_default();
    [b"decision/".as_slice(), id].concat()
}

/// A way to what stands behind a decision, newest first: `way` says which, `what` leads there.
pub fn explained(way: &[u8], what: &[u8], record: u64, decision_id: &str) -> Vec<u8> {
    [b"explained/", way, b"/", what, &(!record).to_be_bytes(), decision_id.as_bytes()].concat()
}

/// Scan bounds of everything such a way leads to.
pub fn all_explained(way: &[u8], what: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let start = [b"explained/", way, b"/", what].concat();
    let end = [start.as_slice(), &[0xFF; 9]].concat();
    (start, end)
}

/// The decision's id in a key of [`explained`] under such a way.
pub fn read_explained(key: &[u8], way: &[u8], what: &[u8]) -> Option<String> {
    let id = key.get(b"explained/".len() + way.len() + 1 + what.len() + 8..)?;
    String::from_utf8(id.to_vec()).ok()
}

/// Value of a run.
pub fn run_value(record: u64, first: EntryIndex) -> Vec<u8> {
    [record.to_be_bytes(), first.0.to_be_bytes()].concat()
}

/// Value of a tile.
pub fn tile_value(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Reads the value of a run.
pub fn read_run_value(value: &[u8]) -> Option<(u64, EntryIndex)> {
    let (record, first) = value.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*record), EntryIndex(u64::from_be_bytes(first.try_into().ok()?))))
}

/// Reads one big-endian number.
pub fn read_number(value: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(value.try_into().ok()?))
}

/// The last index before `end`; none for an empty range.
pub fn last_before(end: TreeSize) -> Option<EntryIndex> {
    end.0.checked_sub(1).map(EntryIndex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_feed_are_neighbours_in_order() {
        let key = |origin: &str, index: u64| run(origin, EntryIndex(index));
        assert!(key("c/a/all", 255) < key("c/a/all", 256));
        assert!(key("c/a/all", u64::MAX) < runs_end("c/a/all"));
        assert!(runs_end("c/a/all") < key("c/a/all2", 0) || key("c/a/all2", u64::MAX) < key("c/a/all", 0));
    }

    #[test]
    fn values_survive_their_bytes() {
        assert_eq!(read_run_value(&run_value(7, EntryIndex(9))), Some((7, EntryIndex(9))));
        assert_eq!(read_run_value(b"short"), None);
    }
}
