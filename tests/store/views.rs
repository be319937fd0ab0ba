//! The contract of `Views`, held by every implementation.

use hushwire::io::journal::memory::MemoryJournal;
use hushwire::io::views::memory::MemoryViews;
use hushwire::io::views::sled::SledViews;
use hushwire::node::mark;
use hushwire::node::store::{Expectation, Journal, RecordNumber, StorageFault, ViewChange, ViewFault, Views};

/// Runs one rule against every backend.
fn with_every_backend(rule: fn(&mut dyn Views)) {
    rule(&mut MemoryViews::new());
    let dir = tempfile::tempdir().expect("a temporary directory");
    rule(&mut SledViews::open(dir.path()).expect("opens"));
}

fn put(key: &[u8], value: &[u8]) -> ViewChange {
    ViewChange::Put { key: key.to_vec(), value: value.to_vec() }
}

fn holds(key: &[u8], value: Option<&[u8]>) -> Expectation {
    Expectation { key: key.to_vec(), value: value.map(<[u8]>::to_vec) }
}

#[test]
fn a_commit_is_read_back_and_later_changes_win() {
    with_every_backend(|views| {
        assert_eq!(views.get(b"a"), Ok(None));
        let changes = [put(b"a", b"1"), put(b"a", b"2"), put(b"b", b""), put(b"c", b"3")];
        views.commit(&[], &changes).expect("commits");
        views.commit(&[], &[ViewChange::Remove { key: b"c".to_vec() }]).expect("commits");
        assert_eq!(views.get(b"a"), Ok(Some(b"2".to_vec())));
        assert_eq!(views.get(b"b"), Ok(Some(Vec::new())));
        assert_eq!(views.get(b"c"), Ok(None));
        views.sync().expect("syncs");
    });
}

#[test]
fn a_commit_whose_expectation_fails_changes_nothing() {
    with_every_backend(|views| {
        views.commit(&[holds(b"a", None)], &[put(b"a", b"1")]).expect("commits");
        for wrong in [holds(b"a", None), holds(b"a", Some(b"2")), holds(b"b", Some(b"1"))] {
            let refused = views.commit(&[holds(b"a", Some(b"1")), wrong], &[put(b"a", b"9"), put(b"b", b"9")]);
            assert_eq!(refused, Err(ViewFault::Conflict));
            assert_eq!(views.get(b"a"), Ok(Some(b"1".to_vec())));
            assert_eq!(views.get(b"b"), Ok(None));
        }
        views.commit(&[holds(b"a", Some(b"1")), holds(b"b", None)], &[put(b"a", b"2")]).expect("commits");
        assert_eq!(views.get(b"a"), Ok(Some(b"2".to_vec())));
    });
}

#[test]
fn a_scan_is_ascending_half_open_and_limited() {
    with_every_backend(|views| {
        let changes: Vec<_> = (0..50u8).rev().map(|byte| put(&[1, byte], &[byte])).collect();
        views.commit(&[], &changes).expect("commits");
        let rows = views.scan(&[1, 10], &[1, 20], 100).expect("scans");
        let expected: Vec<_> = (10..20u8).map(|byte| (vec![1, byte], vec![byte])).collect();
        assert_eq!(rows, expected);
        assert_eq!(views.scan(&[1, 10], &[1, 20], 3).expect("scans"), expected[..3]);
        assert_eq!(views.scan(&[1, 10], &[1, 20], 0).expect("scans"), []);
        assert_eq!(views.scan(&[], &[255], 100).expect("scans").len(), 50);
        for (start, end) in [(&[1, 20], &[1, 10]), (&[1, 10], &[1, 10])] {
            assert_eq!(views.scan(start, end, 100).expect("an empty range is no fault"), []);
        }
    });
}

#[test]
fn sizes_beyond_the_limits_are_refused_whole() {
    with_every_backend(|views| {
        let most = put(&[b'k'; 256], &[0; 64 * 1024]);
        views.commit(&[], &[most]).expect("commits what the limits allow");
        for (change, got, limit) in [(put(&[b'k'; 257], b""), 257, 256), (put(b"v", &[0; 65_537]), 65_537, 65_536)] {
            let refused = views.commit(&[], &[put(b"a", b"1"), change]);
            assert_eq!(refused, Err(ViewFault::Storage(StorageFault::TooLarge { got, limit })));
            assert_eq!(views.get(b"a"), Ok(None));
        }
    });
}

#[test]
fn a_cleared_view_is_empty_and_usable() {
    with_every_backend(|views| {
        views.commit(&[], &[put(b"a", b"1"), put(b"b", b"1")]).expect("commits");
        views.clear().expect("clears");
        assert_eq!(views.scan(&[], &[255; 8], 10).expect("scans"), []);
        views.commit(&[holds(b"a", None)], &[put(b"a", b"2")]).expect("commits");
        assert_eq!(views.get(b"a"), Ok(Some(b"2".to_vec())));
    });
}

fn journal_of(records: &[&[u8]]) -> MemoryJournal {
    let mut journal = MemoryJournal::new();
    for record in records {
        journal.append(record).expect("appends");
    }
    journal
}

#[test]
fn a_mark_moves_with_what_was_applied_and_knows_its_journal() {
    with_every_backend(|views| {
        let journal = journal_of(&[b"one", b"two", b"three"]);
        assert_eq!(mark::read(views, "cursors", &journal), Ok(Some(RecordNumber(0))));
        let applied = mark::applied("cursors", RecordNumber(1), b"two");
        views.commit(&[], &[put(b"c", b"1"), applied]).expect("commits");
        assert_eq!(mark::read(views, "cursors", &journal), Ok(Some(RecordNumber(2))));
        assert_eq!(mark::read(views, "cursor", &journal), Ok(Some(RecordNumber(0))));
        assert_eq!(mark::read(views, "cursors", &journal_of(&[b"one"])), Ok(None), "a shorter life");
        assert_eq!(mark::read(views, "cursors", &journal_of(&[b"one", b"other", b"three"])), Ok(None), "another life");
        views.commit(&[], &[put(&mark::key("cursors"), b"seven")]).expect("commits");
        assert_eq!(mark::read(views, "cursors", &journal), Ok(None), "no mark of ours");
    });
}
