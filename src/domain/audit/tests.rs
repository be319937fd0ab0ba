//! Export and proof files: what was written verifies, and whatever was changed is found.

mod decision;

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::base::bytes::{Salt, Sha256Digest, TreeHash};
use crate::base::epoch::EpochId;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::{Day, Timestamp};
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::evidence::{Fault, Verified};
use crate::domain::audit::export::{ExportVerifier, end_line, entry_line, header_line, range_of};
use crate::domain::audit::keys::LogKeys;
use crate::domain::audit::proof::{proof_file, verify_proof};
use crate::domain::audit::record::Actor;
use crate::domain::feed::checkpoint::Checkpoint;
use crate::domain::feed::entry::{Entry, EntryKind, leaf_hash};
use crate::domain::feed::proof::{HashSource, inclusion_proof};
use crate::domain::feed::tree::{CompactRange, node_hash};
use crate::domain::note::key::NoteSigner;

const TODAY: Day = Day(20_779);

/// An audit log of its own with its keys, as a node would hold it.
struct Log {
    signer: NoteSigner,
    witness: NoteSigner,
    entries: Vec<Entry>,
}

impl HashSource for Log {
    fn subtree(&self, level: u8, index: u64) -> Option<TreeHash> {
        let Some(below) = level.checked_sub(1) else {
            return self.entries.get(usize::try_from(index).ok()?).map(Entry::leaf_hash);
        };
        Some(node_hash(&self.subtree(below, index * 2)?, &self.subtree(below, index * 2 + 1)?))
    }
}

impl Log {
    fn of(entries: u64) -> Self {
        let key = |byte: u8| SigningKey::from_bytes(&[byte; 32]);
        let signer = NoteSigner::ed25519("demo.example/bank-a/audit", key(1)).expect("a good name");
        let witness = NoteSigner::cosigner("demo.example/bank-a/witness", key(2)).expect("a good name");
        let entries = (0..entries)
            .map(|number| {
                let event = AuditEvent::RosterApplied { version: number, sha256: Sha256Digest([7; 32]) };
                let blob = event.into_record(Timestamp::from_unix_s(1_795_000_000 + number), &Actor::Node).encode();
                let salt = Salt([u8::try_from(number % 256).expect("a byte"); 32]);
                Entry::seal_new(EntryKind::Audit, EpochId::NONE, Day(20_800), blob, salt).expect("short")
            })
            .collect();
        Self { signer, witness, entries }
    }

    fn keys(&self) -> LogKeys {
        let witnesses = vec![self.witness.verifier().clone(), other_witness().verifier().clone()];
        LogKeys::new(self.signer.verifier().clone(), witnesses).expect("keys of a log")
    }

    /// The head at a size as another member cosigned it.
    fn witnessed(&self, size: usize) -> String {
        let checkpoint = Checkpoint::of(self.signer.verifier().name(), &self.range(size));
        let now = Timestamp::from_unix_s(1_795_000_400);
        let mut note = checkpoint.sign(&self.signer, &self.witness, now).expect("signs");
        note.add_signature(other_witness().sign(&checkpoint.to_string(), now)).expect("room");
        note.to_string()
    }

    fn range(&self, size: usize) -> CompactRange {
        let mut range = CompactRange::default();
        for entry in &self.entries[..size] {
            range.append(leaf_hash(entry.leaf_bytes()));
        }
        range
    }

    fn note(&self) -> String {
        let checkpoint = Checkpoint::of(self.signer.verifier().name(), &self.range(self.entries.len()));
        let now = Timestamp::from_unix_s(1_795_000_500);
        checkpoint.sign(&self.signer, &self.witness, now).expect("signs").to_string()
    }

    fn export(&self, from: usize) -> String {
        self.export_with(from, None)
    }

    fn export_with(&self, from: usize, witnessed: Option<&str>) -> String {
        let mut file = header_line(&self.keys(), &self.range(from), witnessed);
        for (index, entry) in (0u64..).zip(&self.entries).skip(from) {
            file.push_str(&entry_line(EntryIndex(index), entry).expect("audit records"));
        }
        let count = u64::try_from(self.entries.len() - from).expect("few");
        file + &end_line(count, &self.note())
    }

    fn proof(&self, index: u64) -> String {
        let size = TreeSize(u64::try_from(self.entries.len()).expect("few"));
        let inclusion = inclusion_proof(self, EntryIndex(index), size).expect("inside");
        let entry = &self.entries[usize::try_from(index).expect("few")];
        proof_file(&self.keys(), EntryIndex(index), entry, &inclusion, &self.note()).expect("audit records")
    }
}

fn other_witness() -> NoteSigner {
    NoteSigner::cosigner("demo.example/bank-b/witness", SigningKey::from_bytes(&[3; 32])).expect("a good name")
}

fn verify(file: &str) -> Result<Verified, Fault> {
    let mut lines = file.split_inclusive('\n');
    let mut verifier = ExportVerifier::start(lines.next().unwrap_or_default(), TODAY)?;
    for line in lines {
        verifier.line(line)?;
    }
    verifier.finish()
}

#[test]
fn an_export_verifies_from_the_start_and_from_any_entry() {
    let log = Log::of(11);
    for from in 0..=11 {
        assert_eq!(range_of(&log, TreeSize(u64::try_from(from).expect("few"))), Some(log.range(from)));
        let verified = verify(&log.export(from)).expect("as written");
        let first = u64::try_from(from).expect("few");
        assert_eq!((verified.first_index, verified.entries, verified.size), (first, 11 - first, 11));
        assert_eq!(verified.origin, "demo.example/bank-a/audit");
        assert_eq!(verified.cosigners.len(), 1);
    }
    assert_eq!(verify(&Log::of(0).export(0)).map(|verified| verified.size), Ok(0));
}

#[test]
fn an_export_says_up_to_where_others_cosigned_the_log_and_fits_what_they_cosigned() {
    let log = Log::of(11);
    assert_eq!(verify(&log.export(0)).expect("as written").witnessed, None);
    for (from, size) in [(0, 7), (0, 11), (7, 7), (5, 7)] {
        let verified = verify(&log.export_with(from, Some(&log.witnessed(size)))).expect("as written");
        let witnessed = verified.witnessed.expect("by another member");
        assert_eq!(witnessed.size, u64::try_from(size).expect("few"));
        assert_eq!(witnessed.by.first().map(|(key, _)| key), Some(other_witness().verifier()));
        assert_eq!(witnessed.by.len(), 1, "its own cosignature shows nothing");
    }
    assert_eq!(verify(&log.export_with(8, Some(&log.witnessed(7)))), Err(Fault::Witnessed), "cut off before");
    // The operator wrote the log anew after the others had cosigned it.
    let mut rewritten = Log::of(11);
    rewritten.entries[3] = rewritten.entries[4].clone();
    assert_eq!(verify(&rewritten.export_with(0, Some(&log.witnessed(7)))), Err(Fault::Root));
}

#[test]
fn the_readable_record_must_be_what_the_bytes_say() {
    let file = Log::of(3).export(0);
    let check = |from: &str, to: &str| {
        assert!(file.contains(from), "{from}");
        assert_eq!(verify(&file.replacen(from, to, 1)), Err(Fault::Rendering), "{from} → {to}");
    };
    check("\"action\":\"roster.applied\"", "\"action\":\"roster.refused\"");
    check("\"subject\":\"1\"", "\"subject\":\"2\"");
    check("\"outcome\":\"ok\"", "\"outcome\":\"refused\"");
    check("\"actor\":\"node\"", "\"actor\":\"hushwire://bank-a/operator/mallory\"");
    check("{\"sha256\":", "{\"extra\":\"x\",\"sha256\":");
}

#[test]
fn entries_cannot_be_cut_inserted_repeated_or_reordered() {
    let file = Log::of(8).export(0);
    let lines: Vec<&str> = file.split_inclusive('\n').collect();
    let changed = |change: &dyn Fn(&mut Vec<&str>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        verify(&lines.concat())
    };
    assert!(changed(&|_| {}).is_ok());
    for line in 0..lines.len() {
        assert!(changed(&|lines| _ = lines.remove(line)).is_err(), "line {line} cut");
        assert!(changed(&|lines| lines.insert(line, lines[line])).is_err(), "line {line} repeated");
        assert!(changed(&|lines| lines.truncate(line)).is_err(), "cut at {line}");
        for other in 0..line {
            assert!(changed(&|lines| lines.swap(line, other)).is_err(), "{line} and {other} swapped");
        }
    }
    assert_eq!(changed(&|lines| lines.truncate(5)), Err(Fault::Truncated));
    assert_eq!(changed(&|lines| lines.push("\n")), Err(Fault::AfterEnd));
    // The same cuts with the indices mended do not lead to the signed root.
    let renumbered = changed(&|lines| _ = lines.remove(8)).expect_err("the end does not fit");
    assert_eq!(renumbered, Fault::Root);
}

#[test]
fn content_may_be_missing_only_once_its_retention_ended() {
    let mut log = Log::of(4);
    log.entries[2] = log.entries[2].clone().without_content();
    let file = log.export(0);
    assert_eq!(verify(&file), Err(Fault::Missing));
    let mut lines = file.split_inclusive('\n');
    let mut later = ExportVerifier::start(lines.next().expect("a header"), Day(20_800)).expect("a header");
    for line in lines {
        later.line(line).expect("retention ended");
    }
    assert_eq!(later.finish().map(|verified| verified.expired), Ok(1));
}

#[test]
fn signatures_nobody_can_check_are_trimmed_before_writing_and_refused_after() {
    let log = Log::of(2);
    let stranger = NoteSigner::cosigner("demo.example/shop/witness", SigningKey::from_bytes(&[9; 32])).expect("named");
    let text = log.note().split_once("\n\n").map(|(text, _)| format!("{text}\n")).expect("a note");
    let note = format!("{}{}\n", log.note(), stranger.sign(&text, Timestamp::from_unix_s(1_795_000_501)));
    assert_eq!(log.keys().checkpoint(&note), Err(Fault::UnknownSignature));
    assert_eq!(log.keys().trim(&note), Ok(log.note()));
}

#[test]
fn a_log_of_another_name_or_kind_is_refused() {
    let signer = NoteSigner::ed25519("demo.example/bank-a/all", SigningKey::from_bytes(&[1; 32])).expect("named");
    assert_eq!(LogKeys::new(signer.verifier().clone(), Vec::new()).expect_err("a feed"), Fault::Key);
    let mut log = Log::of(1);
    log.entries[0] = Entry::seal_new(
        EntryKind::Decoy,
        EpochId::NONE,
        Day(20_800),
        log.entries[0].content().expect("held").blob.clone(),
        Salt([0; 32]),
    )
    .expect("short");
    assert_eq!(verify(&log.export(0)), Err(Fault::Kind));
}

#[test]
fn a_proof_verifies_for_every_entry_and_only_for_it() {
    let log = Log::of(13);
    for index in 0..13 {
        let (checked, verified) = verify_proof(&log.proof(index), TODAY).expect("as written");
        assert_eq!((checked.index, verified.size), (EntryIndex(index), 13));
        let moved = log.proof(index).replacen(&format!("\"index\":{index},"), &format!("\"index\":{},", index ^ 1), 1);
        assert!(verify_proof(&moved, TODAY).is_err(), "{index} moved");
    }
}

/// Every single changed, removed or added byte is found: 6,000 random changes of export and proof.
#[test]
fn every_change_of_a_byte_is_found() {
    let log = Log::of(9);
    let mut rng = ChaCha20Rng::seed_from_u64(26);
    let mut faults: BTreeMap<String, u32> = BTreeMap::new();
    for (file, is_proof) in
        [(log.export(0), false), (log.export_with(4, Some(&log.witnessed(6))), false), (log.proof(5), true)]
    {
        for round in 0..2_000 {
            let mut bytes = file.clone().into_bytes();
            let at = rng.random_range(0..bytes.len());
            match round % 3 {
                0 => bytes[at] ^= 1 << rng.random_range(0..7u8),
                1 => _ = bytes.remove(at),
                _ => bytes.insert(at, rng.random_range(0x09..0x7F)),
            }
            if bytes == file.as_bytes() {
                continue;
            }
            // What is no text any more, the reader of lines refuses.
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let result =
                if is_proof { verify_proof(&changed, TODAY).map(|_| ()) } else { verify(&changed).map(|_| ()) };
            let around = |text: &str| text.chars().skip(at.saturating_sub(40)).take(80).collect::<String>();
            let fault = result.expect_err(&format!("a change was not found: {} → {}", around(&file), around(&changed)));
            *faults.entry(fault.to_string()).or_default() += 1;
        }
    }
    assert!(faults.len() > 5, "the changes should meet many rules: {faults:?}");
}

proptest! {
    #[test]
    fn any_text_never_panics(text in "(\\PC|\n){0,300}") {
        let _ = verify(&text);
        let _ = verify_proof(&text, TODAY);
    }
}
