//! A journal copied while it is written and compacted: every copy is the journal as it stood at one moment.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use hushwire::io::journal::copy::{CopyCheck, cut};
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::real_fs::RealFs;
use hushwire::io::journal::seal::StorageKey;
use hushwire::node::store::{Journal, Keep, RecordNumber, StorageFault};

/// The bits of a record number that say whether compaction drops it.
const KEPT: u64 = 3;

fn key() -> StorageKey {
    StorageKey::new([7; 32])
}

fn open(dir: &Path) -> FileJournal<RealFs> {
    FileJournal::open(RealFs, dir, &key(), JournalOptions { rotate_bytes: 2_000, reserve_bytes: 0 }).expect("opens")
}

/// Copies the journal; the number after its last record. Of those before it none is missing but what compaction may drop.
fn copy(dir: &Path) -> Result<u64, StorageFault> {
    let mut check = CopyCheck::new(&key());
    let mut next = 0;
    for segment in cut(&RealFs, dir, &key())? {
        check.take(segment.name, &segment.key_file, segment.read()?, &mut |number, record| {
            assert_eq!(record, number.0.to_be_bytes().repeat(4), "a record came back changed");
            assert!((next..number.0).all(|dropped| dropped & KEPT != 0), "records before {} are missing", number.0);
            next = number.0 + 1;
            Ok(())
        })?;
    }
    let end = check.end().0;
    assert!((next..end).all(|dropped| dropped & KEPT != 0), "records before the end are missing");
    Ok(end)
}

#[test]
fn copies_beside_a_writer_and_its_compaction_are_whole_prefixes_that_hold_all_that_was_durable() {
    let dir = tempfile::tempdir().expect("a folder");
    let (dir, done) = (dir.path(), AtomicBool::new(false));
    let mut journal = open(dir);
    let durable = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..1_200_u64 {
                journal.append(&number.to_be_bytes().repeat(4)).expect("appends");
                if number % 3 == 2 {
                    journal.sync().expect("syncs");
                    durable.store(number + 1, Ordering::SeqCst);
                }
                if number % 50 == 49 {
                    let drop_most =
                        |number: RecordNumber| if number.0 & KEPT == 0 { Keep::AsIs } else { Keep::Dropped };
                    journal.compact(&mut |number, _| drop_most(number)).expect("compacts");
                }
            }
            done.store(true, Ordering::SeqCst);
        });
        let mut copies = 0;
        while !done.load(Ordering::SeqCst) {
            let before = durable.load(Ordering::SeqCst);
            let end = copy(dir).expect("a copy");
            assert!(end >= before, "a copy of {end} records lacks some of {before} durable ones");
            copies += 1;
        }
        assert!(copies > 1, "the writer was too quick for a copy beside it");
    });
    assert_eq!(copy(dir), Ok(1_200));
}

#[test]
fn a_copy_ends_before_a_torn_frame_and_refuses_a_damaged_one() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut journal = open(dir.path());
    for number in 0..9_u64 {
        journal.append(&number.to_be_bytes().repeat(4)).expect("appends");
        journal.sync().expect("syncs");
    }
    let segment = dir.path().join("00000001-00000001-00000000.segment");
    let whole = std::fs::read(&segment).expect("written");
    std::fs::write(&segment, &whole[..whole.len() - 5]).expect("torn");
    assert_eq!(copy(dir.path()), Ok(8));
    let mut damaged = whole.clone();
    damaged[200] ^= 1;
    std::fs::write(&segment, damaged).expect("damaged");
    assert!(matches!(copy(dir.path()), Err(StorageFault::Damaged(_))));
    std::fs::write(&segment, whole).expect("as it was");
    assert_eq!(copy(dir.path()), Ok(9));
    let other = cut(&RealFs, dir.path(), &StorageKey::new([8; 32])).map(drop);
    assert_eq!(other, Err(StorageFault::WrongKey));
}

#[test]
fn a_copy_that_lacks_a_segment_or_holds_one_of_another_journal_is_refused() {
    let filled = || {
        let dir = tempfile::tempdir().expect("a folder");
        let mut journal = open(dir.path());
        for number in 0..200_u64 {
            journal.append(&number.to_be_bytes().repeat(4)).expect("appends");
            journal.sync().expect("syncs");
        }
        dir
    };
    let (one, other) = (filled(), filled());
    let (ours, theirs) = [&one, &other].map(|dir| cut(&RealFs, dir.path(), &key()).expect("a cut")).into();
    assert!(ours.len() > 2, "several segments");
    let check = |order: &[usize], foreign: &[usize]| {
        let mut check = CopyCheck::new(&key());
        order.iter().try_for_each(|at| {
            let segment = if foreign.contains(at) { &theirs[*at] } else { &ours[*at] };
            check.take(segment.name, &segment.key_file, segment.read()?, &mut |_, _| Ok(()))
        })
    };
    assert_eq!(check(&[0, 1, 2], &[]), Ok(()));
    for (order, foreign) in [(&[1, 2][..], &[][..]), (&[0, 2], &[]), (&[0, 0], &[]), (&[0, 1], &[1])] {
        let refused = check(order, foreign);
        assert!(matches!(refused, Err(StorageFault::Damaged(_))), "{order:?} {foreign:?}: {refused:?}");
    }
    let mut cut_short = ours[1].read().expect("read");
    cut_short.truncate(cut_short.len() - 40);
    let mut check = CopyCheck::new(&key());
    check.take(ours[0].name, &ours[0].key_file, ours[0].read().expect("read"), &mut |_, _| Ok(())).expect("whole");
    let refused = check.take(ours[1].name, &ours[1].key_file, cut_short, &mut |_, _| Ok(()));
    assert!(matches!(refused, Err(StorageFault::Damaged(_))), "{refused:?}");
}
