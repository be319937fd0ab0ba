//! The journal on a simulated disk that stops, tears, refuses and fills up at every single operation.
//!
//! One workload opens, appends, syncs, rotates, compacts and reopens. It is run once for every operation of it and every
//! fault; each time the disk is looked at as after a killed process and after three kinds of power cut. Whatever was
//! acknowledged must be there, nothing that was never written, and the journal must open by itself and go on.

use std::path::Path;

use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::seal::StorageKey;
use hushwire::io::journal::sim_disk::{CrashModel, POWER_CUTS};
use hushwire::io::journal::sim_fs::{Deaf, SimFault, SimFs};
use hushwire::node::store::{ClosedRecords, Journal, Keep, RecordNumber, StorageFault};

const DIR: &str = "/node/journal";
const OPTIONS: JournalOptions = JournalOptions { rotate_bytes: 1500, reserve_bytes: 1024 };

fn open(fs: &SimFs) -> Result<FileJournal<SimFs>, StorageFault> {
    FileJournal::open(fs.clone(), Path::new(DIR), &StorageKey::new([7; 32]), OPTIONS)
}

/// What the outside world was told.
#[derive(Debug, Default, Clone)]
struct Told {
    attempted: u64,
    acknowledged: u64,
    compacted_below: u64,
    compaction_tried_below: u64,
}

fn content(number: u64) -> Vec<u8> {
    let length = usize::try_from(number * 37 % 251).expect("small");
    number.to_be_bytes().into_iter().cycle().take(8 + length).collect()
}

fn rewritten(number: u64) -> Vec<u8> {
    [b"rewritten".as_slice(), &number.to_be_bytes()].concat()
}

fn decide(number: RecordNumber, below: u64) -> Keep {
    match number.0 % 3 {
        _ if number.0 >= below => Keep::AsIs,
        0 => Keep::Dropped,
        1 => Keep::Rewritten(rewritten(number.0)),
        _ => Keep::AsIs,
    }
}

fn append(journal: &mut FileJournal<SimFs>, told: &mut Told, groups: &[u64]) -> Result<(), StorageFault> {
    for group in groups {
        for _ in 0..*group {
            told.attempted = journal.next_number().0 + 1;
            journal.append(&content(told.attempted - 1))?;
        }
        journal.sync()?;
        told.acknowledged = journal.next_number().0;
    }
    Ok(())
}

fn compact(journal: &mut FileJournal<SimFs>, told: &mut Told) -> Result<(), StorageFault> {
    let below = told.acknowledged - 2;
    told.compaction_tried_below = below;
    journal.compact(&mut |number, _| decide(number, below))?;
    told.compacted_below = below;
    Ok(())
}

/// The same by its steps, records appended between each of them and the next.
fn compact_beside(journal: &mut FileJournal<SimFs>, told: &mut Told) -> Result<(), StorageFault> {
    let below = told.acknowledged - 2;
    told.compaction_tried_below = below;
    let mut closed = journal.begin_compaction()?;
    append(journal, told, &[2])?;
    while let Some(part) = closed.rewrite(&mut |number, _| decide(number, below)).transpose() {
        append(journal, told, &[1, 3])?;
        journal.install(part)?;
        append(journal, told, &[1])?;
    }
    told.compacted_below = below;
    Ok(())
}

/// Runs until the first fault, and checks that it was the last word.
fn workload(fs: &SimFs, told: &mut Told) -> Result<(), StorageFault> {
    let mut journal = open(fs)?;
    let done = append(&mut journal, told, &[1, 4, 2, 9]).and_then(|()| compact(&mut journal, told));
    let done = done.and_then(|()| append(&mut journal, told, &[1, 12, 3]));
    if done.is_ok() {
        drop(journal);
        journal = open(fs)?;
    }
    let done = done.and_then(|()| append(&mut journal, told, &[2])).and_then(|()| compact(&mut journal, told));
    let done = done.and_then(|()| append(&mut journal, told, &[5, 1]));
    let done = done.and_then(|()| compact_beside(&mut journal, told));
    // A full disk stops a compaction but not the writer; the append then tells.
    if done.is_err() && append(&mut journal, told, &[1]).is_err() {
        assert_eq!(journal.append(b"after a fault"), Err(StorageFault::Stopped));
        assert_eq!(journal.sync(), Err(StorageFault::Stopped));
    }
    done
}

/// Opens what a stop has left and compares it with what was told; gives the reason if a promise is broken.
fn check(fs: &SimFs, told: &Told) -> Result<(), String> {
    let next = held(fs, told)?;
    let mut told = told.clone();
    told.attempted = next;
    let mut journal = open(fs).map_err(|fault| format!("does not open again: {fault}"))?;
    append(&mut journal, &mut told, &[1]).map_err(|fault| format!("does not go on: {fault}"))?;
    drop(journal);
    // What the opening built on must itself be durable, whatever an earlier process left unsynced.
    let next = held(&fs.after(CrashModel::OnlySynced, 0), &told)?;
    if next == told.acknowledged { Ok(()) } else { Err(format!("lost what it went on with: {next}, {told:?}")) }
}

fn held(fs: &SimFs, told: &Told) -> Result<u64, String> {
    let journal = open(fs).map_err(|fault| format!("does not open: {fault}"))?;
    let next = journal.next_number().0;
    if !(told.acknowledged..=told.attempted).contains(&next) {
        return Err(format!("holds {next} records of {told:?}"));
    }
    let mut shown = vec![None; usize::try_from(next).expect("small")];
    let replayed = journal.replay(RecordNumber(0), &mut |number, record| {
        if number.0 % 8 == 5 {
            assert_eq!(journal.read(number).as_deref(), Ok(record));
        }
        shown[usize::try_from(number.0).expect("small")] = Some(record.to_vec());
        Ok(())
    });
    replayed.map_err(|fault| format!("does not replay: {fault}"))?;
    for (number, record) in (0..).zip(shown) {
        let original = record == Some(content(number));
        let decided = match decide(RecordNumber(number), u64::MAX) {
            Keep::AsIs => original,
            Keep::Rewritten(bytes) => record == Some(bytes),
            Keep::Dropped => record.is_none(),
        };
        let right = match number {
            _ if number < told.compacted_below => decided,
            _ if number < told.compaction_tried_below => decided || original,
            _ => original,
        };
        if !right {
            return Err(format!("record {number} is {record:?} after {told:?}"));
        }
    }
    Ok(next)
}

/// The ways a stop is looked at: one seed each where the model leaves no choice.
fn stops() -> impl Iterator<Item = (CrashModel, u64)> {
    let certain = [CrashModel::Kill, CrashModel::SyncedSize, CrashModel::OnlySynced].map(|model| (model, 0));
    certain.into_iter().chain((0..3).map(|seed| (CrashModel::AnyOrder, seed)))
}

fn operations_of_workload() -> u64 {
    let fs = SimFs::new();
    let mut told = Told::default();
    workload(&fs, &mut told).expect("runs without faults");
    check(&fs.after(CrashModel::OnlySynced, 0), &told).expect("keeps everything");
    fs.operations()
}

/// Every operation × `fault` × every way to stop.
fn at_every_operation(fault: SimFault) {
    let operations = operations_of_workload();
    let mut images = 0;
    for operation in 1..=operations {
        let fs = SimFs::new();
        fs.plan(operation, fault);
        let mut told = Told::default();
        let ended = workload(&fs, &mut told);
        for (model, seed) in stops() {
            let outcome = check(&fs.after(model, seed * 1_000 + operation), &told);
            assert_eq!(outcome, Ok(()), "{fault:?} at operation {operation} ({ended:?}), then {model:?} {seed}");
            images += 1;
        }
    }
    eprintln!("{fault:?}: {operations} operations, {images} images, 0 acknowledged records lost");
    assert!(operations > 120 && images > 700);
}

#[test]
fn nothing_acknowledged_is_lost_by_a_crash_before_any_operation() {
    at_every_operation(SimFault::Crash);
}

#[test]
fn nothing_acknowledged_is_lost_where_an_operation_is_refused() {
    at_every_operation(SimFault::Refused);
}

#[test]
fn nothing_acknowledged_is_lost_where_an_operation_is_refused_but_done() {
    at_every_operation(SimFault::RefusedButDone);
}

#[test]
fn nothing_acknowledged_is_lost_where_the_disk_is_full_for_one_operation() {
    at_every_operation(SimFault::Full);
}

#[test]
fn power_cuts_during_the_reopening_after_a_power_cut_lose_nothing() {
    let operations = operations_of_workload();
    let mut images = 0;
    for operation in (1..=operations).step_by(11) {
        let fs = SimFs::new();
        fs.plan(operation, SimFault::Crash);
        let mut told = Told::default();
        workload(&fs, &mut told).expect_err("the machine stops");
        let again = fs.after(CrashModel::AnyOrder, operation);
        for second in 1..=14 {
            let mut told = told.clone();
            let fs = again.after(CrashModel::Kill, 0);
            fs.plan(second, SimFault::Crash);
            if let Ok(mut journal) = open(&fs) {
                told.attempted = journal.next_number().0;
                drop(append(&mut journal, &mut told, &[2, 1]));
            }
            for model in POWER_CUTS {
                let outcome = check(&fs.after(model, second), &told);
                assert_eq!(outcome, Ok(()), "stopped at {operation}, again at {second}, then {model:?}");
                images += 1;
            }
        }
    }
    eprintln!("{images} images, 0 acknowledged records lost");
}

#[test]
fn these_tests_notice_a_disk_that_does_not_sync() {
    for deaf in [Deaf::ToFileSyncs, Deaf::ToDirSyncs] {
        let fs = SimFs::new();
        fs.set_deaf(Some(deaf));
        let mut told = Told::default();
        workload(&fs, &mut told).expect("the disk claims that all is well");
        check(&fs.after(CrashModel::OnlySynced, 0), &told).expect_err("everything is gone");
    }
}

#[test]
fn a_group_that_reached_the_disk_in_any_order_is_cut_and_not_called_damaged() {
    let mut cut = 0;
    for seed in 0..60 {
        let fs = SimFs::new();
        let mut told = Told::default();
        append(&mut open(&fs).expect("opens"), &mut told, &[3]).expect("appends");
        let mut journal = open(&fs).expect("opens");
        append(&mut journal, &mut told, &[1]).expect("appends");
        // The machine stops in the sync, after the write of forty records.
        fs.plan(fs.operations() + 2, SimFault::Crash);
        append(&mut journal, &mut told, &[40]).expect_err("the machine stops");
        let image = fs.after(CrashModel::AnyOrder, seed);
        assert_eq!(check(&image, &told), Ok(()), "seed {seed}");
        cut += u64::from(open(&image).expect("opens").next_number().0 < 44);
    }
    assert!(cut > 40, "only {cut} groups were torn");
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    let fs = SimFs::new();
    let mut journal = open(&fs).expect("opens");
    let mut told = Told::default();
    append(&mut journal, &mut told, &[2]).expect("appends");
    fs.plan(fs.operations() + 2, SimFault::Refused);
    assert!(matches!(append(&mut journal, &mut told, &[1]), Err(StorageFault::Os(_))));
    let operations = fs.operations();
    for _ in 0..3 {
        assert_eq!(journal.append(b"more"), Err(StorageFault::Stopped));
        assert_eq!(journal.sync(), Err(StorageFault::Stopped));
    }
    assert_eq!(fs.operations(), operations, "a stopped writer touched the disk");
    assert_eq!(journal.read(RecordNumber(1)), Ok(content(1)), "what is durable is still read");
}

#[test]
fn a_full_disk_is_named_and_the_reserve_lets_the_node_open_and_write_again() {
    let fs = SimFs::new();
    let mut told = Told::default();
    append(&mut open(&fs).expect("opens"), &mut told, &[3]).expect("appends");
    let mut journal = open(&fs).expect("opens");
    append(&mut journal, &mut told, &[1]).expect("appends");
    fs.set_capacity(Some(fs.used_bytes() + 400));
    let full = (0..100).find_map(|_| append(&mut journal, &mut told, &[1]).err());
    assert_eq!(full, Some(StorageFault::Full));
    assert_eq!(journal.append(b"more"), Err(StorageFault::Stopped));
    drop(journal);
    // Another program takes every byte that is left.
    fs.set_capacity(Some(fs.used_bytes()));
    let mut journal = open(&fs).expect("opens on a full disk");
    assert!(journal.next_number().0 >= told.acknowledged);
    told.attempted = journal.next_number().0;
    append(&mut journal, &mut told, &[1]).expect("the reserve makes room");
    drop(journal);
    fs.set_capacity(None);
    assert_eq!(check(&fs.after(CrashModel::OnlySynced, 0), &told), Ok(()));
}

#[test]
fn a_compaction_without_room_leaves_the_journal_working() {
    let fs = SimFs::new();
    let mut told = Told::default();
    let mut journal = open(&fs).expect("opens");
    append(&mut journal, &mut told, &[20]).expect("appends");
    fs.set_capacity(Some(fs.used_bytes() + 300));
    assert_eq!(compact(&mut journal, &mut told), Err(StorageFault::Full));
    fs.set_capacity(None);
    append(&mut journal, &mut told, &[1]).expect("the writer was not stopped");
    compact(&mut journal, &mut told).expect("compacts once there is room");
    drop(journal);
    assert_eq!(check(&fs.after(CrashModel::OnlySynced, 0), &told), Ok(()));
}

#[test]
fn keys_of_compacted_segments_are_gone_from_the_disk_itself() {
    use hushwire::io::journal::fs::{Fs, FsFile};
    let fs = SimFs::new();
    let keys = Path::new("/node/journal/keys");
    let mut told = Told::default();
    let mut journal = open(&fs).expect("opens");
    append(&mut journal, &mut told, &[2, 2, 2, 2, 2, 2, 2, 2]).expect("appends");
    let before = fs.names(keys).expect("lists");
    assert!(before.len() > 1);
    compact(&mut journal, &mut told).expect("compacts");
    for (model, seed) in stops() {
        let image = fs.after(model, seed);
        for name in image.names(keys).expect("lists").iter().filter(|name| before.contains(name)) {
            let file = image.open(&keys.join(name)).expect("opens");
            let mut bytes = vec![1; usize::try_from(file.size().expect("has a size")).expect("small")];
            file.read_at(&mut bytes, 0).expect("reads");
            assert!(bytes.iter().all(|byte| *byte == 0), "{name} survives {model:?}");
        }
    }
}
