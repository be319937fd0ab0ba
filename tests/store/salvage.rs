//! What can be read of a damaged journal, byte by byte.

use std::path::{Path, PathBuf};

use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::fs::{Fs, FsFile};
use hushwire::io::journal::salvage::read_what_is_left;
use hushwire::io::journal::seal::StorageKey;
use hushwire::io::journal::sim_fs::SimFs;
use hushwire::node::store::{Journal, RecordNumber, StorageFault};

const DIR: &str = "/journal";
const RECORDS: u64 = 24;

fn key() -> StorageKey {
    StorageKey::new([7; 32])
}

fn content(number: u64) -> Vec<u8> {
    let length = usize::try_from(10 + number * 7 % 40).expect("small");
    number.to_be_bytes().into_iter().cycle().take(length).collect()
}

/// A journal of several segments.
fn written() -> SimFs {
    let fs = SimFs::new();
    let options = JournalOptions { rotate_bytes: 500, reserve_bytes: 0 };
    let mut journal = FileJournal::open(fs.clone(), Path::new(DIR), &key(), options).expect("opens");
    for number in 0..RECORDS {
        journal.append(&content(number)).expect("appends");
        journal.sync().expect("syncs");
    }
    drop(journal);
    fs
}

fn segments(fs: &SimFs) -> Vec<PathBuf> {
    let mut names = fs.names(Path::new(DIR)).expect("lists");
    names.retain(|name| name.ends_with(".segment"));
    names.sort();
    names.iter().map(|name| Path::new(DIR).join(name)).collect()
}

fn flip(fs: &SimFs, path: &Path, at: u64) {
    let file = fs.open(path).expect("opens");
    let mut byte = [0];
    file.read_at(&mut byte, at).expect("reads");
    file.write_all_at(&[byte[0] ^ 0x11], at).expect("writes");
}

/// What is shown, every record compared with what was written; and the number of breaks.
fn left(fs: &SimFs) -> (Vec<u64>, u64) {
    let mut shown = Vec::new();
    let breaks = read_what_is_left(fs, Path::new(DIR), &key(), &mut |RecordNumber(number), record| {
        assert_eq!(record, content(number), "record {number}");
        shown.push(number);
        Ok(())
    });
    assert!(shown.is_sorted());
    (shown, breaks.expect("damage is no fault here"))
}

#[test]
fn of_a_whole_journal_everything_is_left() {
    let fs = written();
    assert!(segments(&fs).len() > 3);
    assert_eq!(left(&fs), ((0..RECORDS).collect(), 0));
}

#[test]
fn any_one_damaged_byte_costs_at_most_two_records_or_one_segment_and_is_counted() {
    let fs = written();
    for segment in segments(&fs) {
        let size = fs.open(&segment).and_then(|file| file.size()).expect("a size");
        for at in 0..size {
            flip(&fs, &segment, at);
            let (shown, breaks) = left(&fs);
            let lost = RECORDS - u64::try_from(shown.len()).expect("small");
            let most = if at < 128 { RECORDS / 2 } else { 2 };
            // Of a sum alone nothing is lost: the seal vouches for the record.
            assert!(
                (breaks > 0 || lost == 0) && lost <= most,
                "byte {at} of {segment:?}: {lost} lost, {breaks} breaks"
            );
            flip(&fs, &segment, at);
        }
    }
    assert_eq!(left(&fs).1, 0);
}

#[test]
fn under_another_key_nothing_is_called_damaged() {
    let fs = written();
    let other = StorageKey::new([8; 32]);
    let read = read_what_is_left(&fs, Path::new(DIR), &other, &mut |_, _| Ok(()));
    assert_eq!(read, Err(StorageFault::WrongKey));
}
