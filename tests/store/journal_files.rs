//! The journal on real files: reopening, keys, locks, damage.

use std::fs;
use std::path::{Path, PathBuf};

use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::real_fs::RealFs;
use hushwire::io::journal::seal::StorageKey;
use hushwire::node::store::{Journal, Keep, RecordNumber, StorageFault};

const OPTIONS: JournalOptions = JournalOptions { rotate_bytes: 700, reserve_bytes: 64 * 1024 };
const RECORDS: u8 = 30;

fn open(dir: &Path) -> Result<FileJournal<RealFs>, StorageFault> {
    FileJournal::open(RealFs, dir, &StorageKey::new([7; 32]), OPTIONS)
}

/// A journal of several segments, closed in good order.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut journal = open(dir.path()).expect("opens");
    for number in 0..RECORDS {
        journal.append(&[number; 90]).expect("appends");
        if number % 2 == 1 {
            journal.sync().expect("syncs");
        }
    }
    dir
}

fn replay(journal: &impl Journal) -> Result<Vec<u64>, StorageFault> {
    let mut numbers = Vec::new();
    journal.replay(RecordNumber(0), &mut |number, record| {
        assert!(record.iter().all(|byte| u64::from(*byte) == number.0), "a record came back changed");
        numbers.push(number.0);
        Ok(())
    })?;
    Ok(numbers)
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("lists");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("lists").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths
}

#[test]
fn a_reopened_journal_holds_everything_and_goes_on() {
    let dir = filled();
    for round in 0..3u64 {
        let mut journal = open(dir.path()).expect("opens");
        let expected: Vec<u64> = (0..u64::from(RECORDS) + round).collect();
        assert_eq!(replay(&journal).expect("replays"), expected);
        let byte = u8::try_from(u64::from(RECORDS) + round).expect("small");
        journal.append(&[byte; 40]).expect("appends");
        journal.sync().expect("syncs");
    }
}

#[test]
fn a_second_holder_is_refused() {
    let dir = filled();
    let held = open(dir.path()).expect("opens");
    assert_eq!(open(dir.path()).map(|_| ()), Err(StorageFault::InUse));
    drop(held);
    open(dir.path()).expect("opens once the first is gone");
}

#[test]
fn another_storage_key_is_told_from_damage() {
    let dir = filled();
    let other = FileJournal::open(RealFs, dir.path(), &StorageKey::new([8; 32]), OPTIONS);
    assert_eq!(other.map(|_| ()), Err(StorageFault::WrongKey));
    assert_eq!(replay(&open(dir.path()).expect("opens")).expect("replays").len(), usize::from(RECORDS));
}

#[test]
fn records_do_not_lie_readable_on_disk() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut journal = open(dir.path()).expect("opens");
    journal.append(b"a marked sentence").expect("appends");
    journal.sync().expect("syncs");
    for path in files(dir.path(), "segment") {
        let bytes = fs::read(path).expect("reads");
        assert!(!bytes.windows(6).any(|window| window == b"marked"));
    }
}

#[test]
fn every_changed_byte_of_every_file_is_found() {
    let dir = filled();
    let mut paths = files(dir.path(), "segment");
    let newest = paths.last().cloned().expect("several segments");
    paths.extend(files(&dir.path().join("keys"), "key"));
    let mut changed = 0;
    for path in paths {
        let bytes = fs::read(&path).expect("reads");
        for at in (0..bytes.len()).step_by(9) {
            let mut other = bytes.clone();
            other[at] ^= 0x10;
            fs::write(&path, &other).expect("writes");
            let shown = open(dir.path()).and_then(|journal| replay(&journal));
            // The last group of the newest segment cannot be told from a torn one: it is cut, never shown changed.
            let kept = shown.as_ref().map(Vec::len);
            let cut = path == newest && kept.is_ok_and(|kept| kept + 2 >= usize::from(RECORDS));
            assert!(shown.is_err() || cut, "byte {at} of {path:?}: {shown:?}");
            fs::write(&path, &bytes).expect("writes back");
            changed += 1;
        }
    }
    assert!(changed > 300, "only {changed} bytes were changed");
}

#[test]
fn a_missing_segment_or_key_is_found() {
    let dir = filled();
    let mut paths = files(dir.path(), "segment");
    let newest = paths.pop();
    paths.extend(files(&dir.path().join("keys"), "key"));
    // Without its newest segment a journal ends earlier: only other members can tell.
    assert!(newest.is_some());
    for path in paths {
        let bytes = fs::read(&path).expect("reads");
        fs::remove_file(&path).expect("removes");
        let opened = open(dir.path()).map(|_| ());
        assert!(matches!(opened, Err(StorageFault::Damaged(_))), "without {path:?}: {opened:?}");
        fs::write(&path, bytes).expect("writes back");
    }
    open(dir.path()).expect("opens when all are back");
}

#[test]
fn damage_names_segment_and_record() {
    let dir = filled();
    let second = &files(dir.path(), "segment")[1];
    let mut bytes = fs::read(second).expect("reads");
    bytes[200] ^= 1;
    fs::write(second, &bytes).expect("writes");
    let shown = open(dir.path()).and_then(|journal| replay(&journal));
    let Err(StorageFault::Damaged(text)) = shown else { panic!("not found: {shown:?}") };
    assert!(text.starts_with("segment 2 at record "), "{text}");
}

#[test]
fn segments_of_another_journal_are_refused() {
    let (dir, other) = (filled(), filled());
    for (mine, theirs) in [("segment", ""), ("key", "keys")] {
        let path = &files(&other.path().join(theirs), mine)[1];
        let name = path.file_name().expect("a name");
        fs::copy(path, dir.path().join(theirs).join(name)).expect("copies");
    }
    let opened = open(dir.path()).map(|_| ());
    assert!(matches!(opened, Err(StorageFault::Damaged(_))), "{opened:?}");
}

#[test]
fn a_later_format_is_refused_by_its_number() {
    let dir = filled();
    let first = &files(dir.path(), "segment")[0];
    let mut bytes = fs::read(first).expect("reads");
    bytes[9] = 2;
    fs::write(first, &bytes).expect("writes");
    assert_eq!(open(dir.path()).map(|_| ()), Err(StorageFault::UnknownVersion { found: 2, known: 1 }));
}

#[test]
fn compaction_merges_destroys_keys_and_survives_reopening() {
    let dir = filled();
    let before = files(&dir.path().join("keys"), "key");
    let old_keys: Vec<Vec<u8>> = before.iter().map(|path| fs::read(path).expect("reads")).collect();
    let mut journal = open(dir.path()).expect("opens");
    let reader = journal.reader();
    journal.compact(&mut |number, _| if number.0 < 25 { Keep::Dropped } else { Keep::AsIs }).expect("compacts");
    let kept: Vec<u64> = (25..u64::from(RECORDS)).collect();
    assert_eq!(replay(&journal).expect("replays"), kept);
    assert_eq!(reader.read(RecordNumber(26)), Ok(vec![26; 90]));
    drop((journal, reader));
    let after = files(&dir.path().join("keys"), "key");
    assert!(after.len() < before.len());
    for path in &after {
        let bytes = fs::read(path).expect("reads");
        assert!(!old_keys.contains(&bytes), "the key of a dropped record is still there");
    }
    assert_eq!(replay(&open(dir.path()).expect("opens")).expect("replays"), kept);
}

#[test]
fn a_reader_in_another_thread_follows_the_writer_and_its_compaction() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut journal = open(dir.path()).expect("opens");
    let reader = journal.reader();
    assert_eq!(reader.replayed(), RecordNumber(0));
    std::thread::scope(|scope| {
        let following = scope.spawn(move || {
            let mut at = 0;
            while at < 200 {
                reader
                    .replay(RecordNumber(at), &mut |number, record| {
                        assert_eq!(number.0, at);
                        assert_eq!(record, at.to_be_bytes());
                        at += 1;
                        Ok(())
                    })
                    .expect("replays");
                let end = reader.end().0;
                if end > 0 {
                    assert_eq!(reader.read(RecordNumber(end - 1)), Ok((end - 1).to_be_bytes().to_vec()));
                }
                std::thread::yield_now();
            }
        });
        for number in 0..200u64 {
            journal.append(&number.to_be_bytes()).expect("appends");
            journal.sync().expect("syncs");
            if number % 50 == 49 {
                journal.compact(&mut |_, _| Keep::AsIs).expect("compacts");
            }
        }
        following.join().expect("the reader saw every record in order");
    });
    assert_eq!(journal.reader().replayed(), RecordNumber(200), "whoever waits for a replay sees how far it is");
}
