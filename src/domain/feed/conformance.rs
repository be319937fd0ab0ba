//! Checks published feeds against this build: payload, commitment, leaf, roots, proofs, keys and notes.

use ed25519_dalek::SigningKey;
use serde::Deserialize;

use crate::base::bytes::{Commitment, Salt, TreeHash};
use crate::base::conformance::FileReport;
use crate::base::epoch::EpochId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::feed::checkpoint::Checkpoint;
use crate::domain::feed::entry::{Content, Entry, EntryKind, Leaf, commit, leaf_hash};
use crate::domain::feed::proof::{
    HashSource, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};
use crate::domain::feed::tiles::{HashTiles, TileSource};
use crate::domain::feed::tree::CompactRange;
use crate::domain::note::key::{NoteSigner, VerifierKey};
use crate::domain::note::{SignedNote, VerifiedSignature};
use crate::domain::pseudonym::conformance::{PayloadCase, check_payload};

/// Checks `content` where a file of this name is known to hold a feed.
pub fn check_file(name: &str, content: &str) -> Option<FileReport> {
    match name {
        "feed.json" => Some(check_feed(name, content)),
        _ => None,
    }
}

#[derive(Deserialize)]
struct FeedFile {
    payload: PayloadCase,
    commitment: CommitmentCase,
    leaf: LeafCase,
    tree: TreeCase,
    keys: KeysCase,
    checkpoints: Vec<CheckpointCase>,
}

#[derive(Deserialize)]
struct CommitmentCase {
    #[serde(with = "hex")]
    salt: [u8; 32],
    #[serde(with = "hex")]
    blob: Vec<u8>,
    commitment: String,
}

#[derive(Deserialize)]
struct LeafCase {
    kind: u8,
    #[serde(with = "hex")]
    epoch_id: [u8; 16],
    expires_day: u32,
    #[serde(with = "hex")]
    commitment: [u8; 32],
    leaf: String,
    leaf_hash: String,
}

#[derive(Deserialize)]
struct TreeCase {
    leaves: Vec<Bytes>,
    roots: Vec<Hash>,
    inclusion: Vec<InclusionCase>,
    consistency: Vec<ConsistencyCase>,
}

#[derive(Deserialize)]
struct Bytes(#[serde(with = "hex")] Vec<u8>);

#[derive(Deserialize)]
struct Hash(#[serde(with = "hex")] [u8; 32]);

#[derive(Deserialize)]
struct InclusionCase {
    index: u64,
    size: u64,
    proof: Vec<Hash>,
}

#[derive(Deserialize)]
struct ConsistencyCase {
    old: u64,
    new: u64,
    proof: Vec<Hash>,
}

#[derive(Deserialize)]
struct KeysCase {
    #[serde(with = "hex")]
    feed_seed: [u8; 32],
    feed_vkey: String,
    #[serde(with = "hex")]
    witness_seed: [u8; 32],
    witness_vkey: String,
}

#[derive(Deserialize)]
struct CheckpointCase {
    size: u64,
    #[serde(with = "hex")]
    root: [u8; 32],
    cosigned_at: u64,
    note: String,
}

fn check_feed(name: &str, content: &str) -> FileReport {
    let mut report = FileReport::new(name);
    match serde_json::from_str::<FeedFile>(content) {
        Ok(file) => {
            check_payload(&mut report, &file.payload);
            check_entry(&mut report, &file.commitment, &file.leaf);
            check_tree(&mut report, &file.tree);
            check_notes(&mut report, &file.keys, &file.checkpoints);
        }
        Err(fault) => report.fail(|| format!("not readable: {fault}")),
    }
    report
}

fn check_entry(report: &mut FileReport, committed: &CommitmentCase, case: &LeafCase) {
    let salt = Salt(committed.salt);
    let ours = commit(&salt, &committed.blob);
    report.check(ours.to_string() == committed.commitment, || "commitment differs".to_owned());
    let Some(kind) = EntryKind::from_number(case.kind) else {
        report.fail(|| format!("leaf: kind {} is not known", case.kind));
        return;
    };
    let leaf = Leaf {
        kind,
        epoch_id: EpochId(case.epoch_id),
        expires_day: Day(case.expires_day),
        commitment: Commitment(case.commitment),
    };
    let bytes = leaf.encode();
    report.check(hex::encode(bytes) == case.leaf, || "leaf differs".to_owned());
    report.check(Leaf::decode(&bytes) == Ok(leaf), || "leaf is not read back".to_owned());
    report.check(leaf_hash(&bytes).to_string() == case.leaf_hash, || "leaf hash differs".to_owned());
    let content = Content { blob: committed.blob.clone(), salt };
    report.check(Entry::from_parts(&bytes, Some(content)).is_ok(), || "the blob is not found on its leaf".to_owned());
}

fn check_tree(report: &mut FileReport, tree: &TreeCase) {
    let (mut range, mut tiles) = (CompactRange::default(), HashTiles::default());
    let mut full = Vec::new();
    let mut roots = vec![range.root()];
    for Bytes(leaf) in &tree.leaves {
        let hash = leaf_hash(leaf);
        range.append(hash);
        tiles.append(hash, |id, hashes| full.push((id, hashes.to_vec())));
        roots.push(range.root());
    }
    report.check(roots.len() == tree.roots.len(), || "not one root a size".to_owned());
    for (size, (ours, Hash(theirs))) in roots.iter().zip(&tree.roots).enumerate() {
        report.check(ours.0 == *theirs, || format!("root at size {size} differs"));
    }
    let find = |id| full.iter().find(|(held, _)| *held == id).map(|(_, hashes)| hashes.clone());
    let source = TileSource { edge: &tiles, full: find };
    let root = |size: u64| usize::try_from(size).ok().and_then(|size| roots.get(size));
    for case in &tree.inclusion {
        let (holds, same) = inclusion(&source, case, root(case.size)).unwrap_or_default();
        report.check(holds, || format!("inclusion of {} in {} does not verify", case.index, case.size));
        report.check(same, || format!("inclusion of {} in {} differs", case.index, case.size));
    }
    for case in &tree.consistency {
        let (holds, same) = consistency(&source, case, root(case.old), root(case.new)).unwrap_or_default();
        report.check(holds, || format!("consistency of {} with {} does not verify", case.old, case.new));
        report.check(same, || format!("consistency of {} with {} differs", case.old, case.new));
    }
}

fn hashes(proof: &[Hash]) -> Vec<TreeHash> {
    proof.iter().map(|Hash(hash)| TreeHash(*hash)).collect()
}

/// Whether the published proof verifies, and whether ours is the same.
fn inclusion(source: &impl HashSource, case: &InclusionCase, root: Option<&TreeHash>) -> Option<(bool, bool)> {
    let (index, size, theirs) = (EntryIndex(case.index), TreeSize(case.size), hashes(&case.proof));
    let leaf = source.subtree(0, case.index)?;
    let holds = verify_inclusion(&leaf, index, size, root?, &theirs).is_ok();
    Some((holds, inclusion_proof(source, index, size)? == theirs))
}

fn consistency(
    source: &impl HashSource,
    case: &ConsistencyCase,
    old_root: Option<&TreeHash>,
    new_root: Option<&TreeHash>,
) -> Option<(bool, bool)> {
    let (old, new, theirs) = (TreeSize(case.old), TreeSize(case.new), hashes(&case.proof));
    let holds = verify_consistency(old, old_root?, new, new_root?, &theirs).is_ok();
    Some((holds, consistency_proof(source, old, new)? == theirs))
}

fn check_notes(report: &mut FileReport, keys: &KeysCase, checkpoints: &[CheckpointCase]) {
    let (Ok(feed_key), Ok(witness_key)) = (keys.feed_vkey.parse(), keys.witness_vkey.parse()) else {
        report.fail(|| "a verifier key is not readable".to_owned());
        return;
    };
    let (feed_key, witness_key): (VerifierKey, VerifierKey) = (feed_key, witness_key);
    let author = NoteSigner::ed25519(feed_key.name(), SigningKey::from_bytes(&keys.feed_seed));
    let witness = NoteSigner::cosigner(witness_key.name(), SigningKey::from_bytes(&keys.witness_seed));
    let (Ok(author), Ok(witness)) = (author, witness) else {
        report.fail(|| "a seed gives no key".to_owned());
        return;
    };
    report.check(author.verifier().to_string() == keys.feed_vkey, || "feed key differs".to_owned());
    report.check(witness.verifier().to_string() == keys.witness_vkey, || "witness key differs".to_owned());
    for case in checkpoints {
        let now = Timestamp::from_unix_s(case.cosigned_at);
        let origin = feed_key.name().to_owned();
        let checkpoint = Checkpoint { origin, size: TreeSize(case.size), root: TreeHash(case.root) };
        let made = note(&checkpoint, &author, &witness, now);
        report.check(made.as_ref() == Some(&case.note), || format!("checkpoint of {} differs", case.size));
        let expected =
            [VerifiedSignature { key: 0, time: None }, VerifiedSignature { key: 1, time: Some(now) }].to_vec();
        let read = SignedNote::parse(case.note.as_bytes()).ok().filter(|note| {
            note.verify(&[feed_key.clone(), witness_key.clone()]) == Ok(expected)
                && Checkpoint::parse(note.text()) == Ok(checkpoint)
        });
        report.check(read.is_some(), || format!("checkpoint of {} does not verify", case.size));
    }
}

fn note(checkpoint: &Checkpoint, author: &NoteSigner, witness: &NoteSigner, now: Timestamp) -> Option<String> {
    let text = checkpoint.to_string();
    let mut note = SignedNote::new(text.clone(), author.sign(&text, now)).ok()?;
    note.add_signature(witness.sign(&text, now)).ok()?;
    Some(note.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = include_str!("../../../tests/vectors/feed.json");

    #[test]
    fn the_published_feed_is_ours() {
        let report = check_feed("feed.json", PUBLISHED);
        assert_eq!(report.first_failures, Vec::<String>::new());
        let (payload, entry, roots, proofs, notes) = (3, 5, 1 + 22, 2 * (39 + 38), 2 + 2 * 5);
        assert_eq!(report.passed, payload + entry + roots + proofs + notes);
    }

    #[test]
    fn wrong_bytes_are_found_wherever_they_stand() {
        let check = |from: &str, to: &str, failures: u64| {
            assert!(PUBLISHED.contains(from));
            let report = check_feed("feed.json", &PUBLISHED.replacen(from, to, 1));
            assert_eq!(report.failed, failures, "{:?}", report.first_failures);
        };
        check("719b499e", "719b499f", 1);
        check("e93d2011", "e93d2012", 1);
        check("230f5a87", "230f5a88", 1);
        check("\"cosigned_at\": 1795000000", "\"cosigned_at\": 1795000001", 2);
    }
}
