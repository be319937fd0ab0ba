//! The contract of `Journal`, held by every implementation.

use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::memory::MemoryJournal;
use hushwire::io::journal::real_fs::RealFs;
use hushwire::io::journal::seal::StorageKey;
use hushwire::node::store::{Journal, Keep, RecordNumber, StorageFault};

/// Runs one rule against every backend. Small segments make every rule cross several of them.
fn with_every_backend(rule: fn(&mut dyn FnMut() -> Box<dyn Journal>)) {
    rule(&mut || Box::new(MemoryJournal::new()));
    let mut dirs = Vec::new();
    rule(&mut || {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let options = JournalOptions { rotate_bytes: 600, reserve_bytes: 0 };
        let key = StorageKey::new([7; 32]);
        let journal = FileJournal::open(RealFs, dir.path(), &key, options).expect("opens");
        dirs.push(dir);
        Box::new(journal)
    });
}

fn fill(journal: &mut dyn Journal, records: u8) {
    for number in 0..records {
        let appended = journal.append(&[number; 100]).expect("appends");
        assert_eq!(appended, RecordNumber(u64::from(number)));
        if number % 3 == 0 {
            journal.sync().expect("syncs");
        }
    }
}

fn replayed(journal: &dyn Journal, from: u64) -> Vec<(u64, Vec<u8>)> {
    let mut shown = Vec::new();
    let mut visit = |number: RecordNumber, record: &[u8]| {
        shown.push((number.0, record.to_vec()));
        Ok(())
    };
    journal.replay(RecordNumber(from), &mut visit).expect("replays");
    shown
}

#[test]
fn records_are_numbered_from_zero_and_read_back_staged_or_synced() {
    with_every_backend(|open| {
        let mut journal = open();
        assert_eq!(journal.next_number(), RecordNumber(0));
        fill(&mut *journal, 20);
        assert_eq!(journal.next_number(), RecordNumber(20));
        for number in 0..20u8 {
            assert_eq!(journal.read(RecordNumber(u64::from(number))), Ok(vec![number; 100]));
        }
        let past_the_end = RecordNumber(20);
        assert_eq!(journal.read(past_the_end), Err(StorageFault::NoRecord(past_the_end)));
    });
}

#[test]
fn replay_shows_every_record_from_any_number_in_order() {
    with_every_backend(|open| {
        let mut journal = open();
        assert!(replayed(&*journal, 0).is_empty());
        fill(&mut *journal, 20);
        for from in 0..=21 {
            let expected: Vec<_> = (from..20u8).map(|number| (u64::from(number), vec![number; 100])).collect();
            assert_eq!(replayed(&*journal, u64::from(from)), expected);
        }
    });
}

#[test]
fn a_fault_of_the_visitor_ends_the_replay() {
    with_every_backend(|open| {
        let mut journal = open();
        fill(&mut *journal, 9);
        let mut seen = 0;
        let ended = journal.replay(RecordNumber(0), &mut |number, _| {
            seen += 1;
            if number.0 == 4 { Err(StorageFault::Damaged("enough".into())) } else { Ok(()) }
        });
        assert_eq!(ended, Err(StorageFault::Damaged("enough".into())));
        assert_eq!(seen, 5);
    });
}

#[test]
fn empty_records_and_the_largest_are_kept_and_larger_ones_refused() {
    with_every_backend(|open| {
        let mut journal = open();
        let limit = hushwire::base::limits::JOURNAL_RECORD_BYTES;
        journal.append(&[]).expect("appends nothing");
        journal.append(&vec![1; limit]).expect("appends the largest");
        let refused = journal.append(&vec![1; limit + 1]);
        assert_eq!(refused, Err(StorageFault::TooLarge { got: limit + 1, limit }));
        journal.sync().expect("a refused record does not stop the writer");
        assert_eq!(journal.read(RecordNumber(0)), Ok(Vec::new()));
        assert_eq!(journal.read(RecordNumber(1)).map(|record| record.len()), Ok(limit));
        assert_eq!(journal.next_number(), RecordNumber(2));
    });
}

#[test]
fn compaction_drops_and_rewrites_and_keeps_the_numbers() {
    with_every_backend(|open| {
        let mut journal = open();
        fill(&mut *journal, 20);
        for round in 0..3 {
            let mut decide = |number: RecordNumber, record: &[u8]| match number.0 % 4 {
                1 => Keep::Dropped,
                2 if record.len() == 100 => Keep::Rewritten(vec![0xAA; 10]),
                _ => Keep::AsIs,
            };
            journal.compact(&mut decide).unwrap_or_else(|fault| panic!("round {round}: {fault}"));
            for number in 0..20u8 {
                let place = RecordNumber(u64::from(number));
                let expected = match number % 4 {
                    1 => Err(StorageFault::NoRecord(place)),
                    2 => Ok(vec![0xAA; 10]),
                    _ => Ok(vec![number; 100]),
                };
                assert_eq!(journal.read(place), expected, "round {round}");
            }
            let numbers: Vec<u64> = replayed(&*journal, 3).into_iter().map(|(number, _)| number).collect();
            assert_eq!(numbers, (3..20).filter(|number| number % 4 != 1).collect::<Vec<_>>());
        }
        assert_eq!(journal.append(b"next").expect("appends"), RecordNumber(20));
        journal.sync().expect("syncs");
        assert_eq!(journal.read(RecordNumber(20)), Ok(b"next".to_vec()));
    });
}

#[test]
fn compaction_shows_every_record_once_staged_ones_included() {
    with_every_backend(|open| {
        let mut journal = open();
        fill(&mut *journal, 20);
        let mut shown = Vec::new();
        let mut decide = |number: RecordNumber, _: &[u8]| {
            shown.push(number.0);
            Keep::Dropped
        };
        journal.compact(&mut decide).expect("compacts");
        assert_eq!(shown, (0..20).collect::<Vec<_>>());
        assert!(replayed(&*journal, 0).is_empty());
        assert_eq!(journal.next_number(), RecordNumber(20));
    });
}
