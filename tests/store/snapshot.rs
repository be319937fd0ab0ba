//! The file of the snapshot on a simulated disk: whatever disturbs its writing leaves a whole one or none.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hushwire::base::bytes::{Commitment, Incarnation, Pseudonym, Sha256Digest};
use hushwire::base::epoch::EpochId;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::name::FeedId;
use hushwire::base::position::EntryIndex;
use hushwire::base::secret::SecretBytes;
use hushwire::base::time::{Day, Timestamp};
use hushwire::domain::belief::load::Loader;
use hushwire::domain::belief::place::TableKey;
use hushwire::domain::belief::said::{Said, SaidContent};
use hushwire::domain::belief::{Belief, Witnessing};
use hushwire::domain::roster::exclusion::Exclusions;
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::fs::{Fs, create_dir_durably};
use hushwire::io::journal::sim_disk::CrashModel;
use hushwire::io::journal::sim_fs::{SimFault, SimFs};
use hushwire::io::snapshot_file::{NotUsed, NotWritten, SnapshotFile};
use hushwire::node::cut::Cut;
use hushwire::node::store::{ClosedRecords, Journal, Keep, RecordNumber, StorageFault};
use rand::SeedableRng;
use rand::rngs::StdRng;

const PATH: &str = "/node/belief.snapshot";
const START: Timestamp = Timestamp::from_unix_s(1_795_305_600);

fn disk() -> SimFs {
    let fs = SimFs::new();
    create_dir_durably(&fs, Path::new("/node")).expect("made");
    fs
}

fn file_on(fs: &SimFs) -> SnapshotFile<SimFs> {
    let consortium = "demo.example".parse().expect("valid");
    SnapshotFile::new(fs.clone(), PATH.into(), SecretBytes::new([3; 32]), consortium)
}

/// So many indicators that a snapshot is written in several steps.
fn large_belief() -> Belief {
    let belief = Belief::new(TableKey::draw(&mut StdRng::seed_from_u64(3)), Witnessing::NotNeeded);
    for number in 0..50_000 {
        say(
            &belief,
            number,
            SaidContent::Indicator { pseudonym: Pseudonym(name(number)), kind: IdentifierKind::Pan, sealed: &[7; 104] },
        );
    }
    belief
}

fn name(number: u64) -> [u8; 32] {
    let mut name = [0; 32];
    name[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    name[24..].copy_from_slice(&number.to_be_bytes());
    name
}

fn say(belief: &Belief, number: u64, content: SaidContent<'_>) {
    let feed = FeedId { member: "bank-a".parse().expect("valid"), group: "all".parse().expect("valid") };
    let mut writer = belief.writer();
    let said = Said {
        feed: writer.feed(&feed).expect("room"),
        index: EntryIndex(number),
        commitment: Commitment(name(number)),
        epoch_id: EpochId([1; 16]),
        expires_day: Day(30_000),
        first_seen: START,
        content,
    };
    writer.apply(&said).expect("room");
}

fn cut(record: u64) -> Cut {
    Cut {
        incarnation: Incarnation([1; 16]),
        record: RecordNumber(record),
        record_sha256: Sha256Digest([2; 32]),
        roster_sha256: Sha256Digest([3; 32]),
        taken_at: START,
        feeds: Vec::new(),
        first_sha256: Sha256Digest([4; 32]),
        quotas: BTreeMap::new(),
        exclusions: Exclusions::default(),
        listed: [].into(),
        held_back: Vec::new(),
    }
}

fn loaded(file: &SnapshotFile<SimFs>) -> Result<Option<(u64, u64)>, NotUsed> {
    let key = TableKey::draw(&mut StdRng::seed_from_u64(99));
    let loaded = file.load(|_| Ok(()), |expected| Loader::new(key, Witnessing::NotNeeded, expected))?;
    Ok(loaded.map(|(cut, belief)| (cut.record.0, belief.held().live)))
}

#[test]
fn what_disturbs_the_writing_leaves_the_old_snapshot_or_none_and_never_half_a_one() {
    let fs = disk();
    let file = file_on(&fs);
    let belief = large_belief();
    file.write(file.begin(), &cut(1), &belief, &mut || true).expect("written");
    assert_eq!(loaded(&file), Ok(Some((1, 50_000))));

    assert_eq!(file.write(file.begin(), &cut(2), &belief, &mut || false), Err(NotWritten::GivenUp));
    assert_eq!(loaded(&file), Ok(Some((1, 50_000))));
    let erased = file.write(file.begin(), &cut(2), &belief, &mut || {
        say(&belief, 70_000, SaidContent::Erasure { target: Commitment(name(7)) });
        true
    });
    assert!(matches!(erased, Err(NotWritten::Moved(_))), "{erased:?}");
    assert_eq!(loaded(&file), Ok(Some((1, 50_000))));
    fs.set_capacity(Some(fs.used_bytes() + 1_000_000));
    assert!(matches!(file.write(file.begin(), &cut(2), &belief, &mut || true), Err(NotWritten::NoRoom { .. })));
    fs.set_capacity(None);
    let discarded = file.write(file.begin(), &cut(2), &belief, &mut || file.discard().is_ok());
    assert_eq!(discarded, Err(NotWritten::Discarded));
    assert_eq!(loaded(&file), Ok(None));
    assert_eq!(fs.names(Path::new("/node")).expect("reads"), Vec::<String>::new(), "nothing is left beside it");
    let begun = file.begin();
    file.discard().expect("discarded");
    let outdated = file.write(begun, &cut(2), &belief, &mut || true);
    assert_eq!(outdated, Err(NotWritten::Discarded), "its cut may know of what left the journal since");
    file.write(file.begin(), &cut(2), &belief, &mut || true).expect("written");
    assert_eq!(loaded(&file), Ok(Some((2, 49_999))));
}

/// Writes, replaces, discards, writes; how far it came.
fn workload(file: &SnapshotFile<SimFs>, beliefs: &[Belief; 3], done: &mut usize) -> Result<(), NotWritten> {
    let steps: [&dyn Fn() -> Result<(), NotWritten>; 4] = [
        &|| file.write(file.begin(), &cut(1), &beliefs[0], &mut || true),
        &|| file.write(file.begin(), &cut(2), &beliefs[1], &mut || true),
        &|| Ok(file.discard()?),
        &|| file.write(file.begin(), &cut(3), &beliefs[2], &mut || true),
    ];
    for step in steps {
        step()?;
        *done += 1;
    }
    Ok(())
}

#[test]
fn whatever_a_crash_leaves_is_a_whole_snapshot_or_none_and_a_discarded_one_never_comes_back() {
    let beliefs = [1, 2, 3].map(|count| {
        let belief = Belief::new(TableKey::draw(&mut StdRng::seed_from_u64(3)), Witnessing::NotNeeded);
        for number in 0..count {
            let pseudonym = Pseudonym(name(number));
            say(&belief, number, SaidContent::Indicator { pseudonym, kind: IdentifierKind::Pan, sealed: &[7; 104] });
        }
        belief
    });
    let fs = disk();
    let before = fs.operations();
    workload(&file_on(&fs), &beliefs, &mut 0).expect("runs without faults");
    let operations = fs.operations() - before;
    assert!(operations > 20, "{operations}");
    let mut whole = 0;
    for fault in [SimFault::Crash, SimFault::Refused, SimFault::RefusedButDone, SimFault::Full] {
        for operation in 1..=operations {
            let fs = disk();
            fs.plan(fs.operations() + operation, fault);
            let mut done = 0;
            let ended = workload(&file_on(&fs), &beliefs, &mut done);
            for (model, seed) in [
                (CrashModel::Kill, 0),
                (CrashModel::SyncedSize, 0),
                (CrashModel::OnlySynced, 0),
                (CrashModel::AnyOrder, operation),
            ] {
                let at = format!("{fault:?} at {operation} ({ended:?}), then {model:?} {seed}");
                let image = fs.after(model, seed);
                let file = file_on(&image);
                if let Ok(Some((record, live))) = loaded(&file) {
                    whole += 1;
                    assert_eq!(record, live, "{at}");
                    let allowed: [&[u64]; 5] = [&[1], &[1, 2], &[2], &[3], &[3]];
                    assert!(allowed[done].contains(&record), "{at}: {record} after {done} steps");
                }
                // Whatever it is: it can be thrown away, and the next one stands.
                if !matches!(model, CrashModel::OnlySynced) {
                    continue;
                }
                assert_eq!(file.discard(), Ok(()), "{at}");
                assert_eq!(loaded(&file), Ok(None), "{at}");
                file.write(file.begin(), &cut(1), &beliefs[0], &mut || true).expect("goes on");
                assert_eq!(loaded(&file), Ok(Some((1, 1))), "{at}");
            }
        }
    }
    assert!(whole > 100, "{whole}");
}

fn journal_on(fs: &SimFs) -> Result<FileJournal<SimFs>, StorageFault> {
    let options = JournalOptions { reserve_bytes: 0, ..JournalOptions::default() };
    FileJournal::open(fs.clone(), Path::new("/node/journal"), &SecretBytes::new([3; 32]), options)
}

/// What compaction takes away in the test below.
const LEAVES: RecordNumber = RecordNumber(1);

/// A journal with a snapshot beside it.
fn journal_and_snapshot(fs: &SimFs, belief: &Belief) -> (FileJournal<SimFs>, Arc<SnapshotFile<SimFs>>) {
    let mut journal = journal_on(fs).expect("opens");
    for record in ["stays", "leaves", "stays too"] {
        journal.append(record.as_bytes()).expect("room");
    }
    journal.sync().expect("durable");
    let file = Arc::new(file_on(fs));
    file.write(file.begin(), &cut(2), belief, &mut || true).expect("written");
    let forgets = Arc::clone(&file);
    journal.forget_with(Arc::new(move || forgets.discard()));
    (journal, file)
}

/// By its steps, as the engine and the thread beside it take them.
fn compact(mut journal: FileJournal<SimFs>) -> Result<(), StorageFault> {
    let mut closed = journal.begin_compaction()?;
    let mut decide = |number, _: &[u8]| if number == LEAVES { Keep::Dropped } else { Keep::AsIs };
    while let Some(part) = closed.rewrite(&mut decide).transpose() {
        journal.append(b"meanwhile")?;
        journal.sync()?;
        journal.install(part)?;
    }
    Ok(())
}

#[test]
fn wherever_a_compaction_is_stopped_no_snapshot_outlives_what_left_the_journal() {
    let belief = Belief::new(TableKey::draw(&mut StdRng::seed_from_u64(3)), Witnessing::NotNeeded);
    say(
        &belief,
        1,
        SaidContent::Indicator { pseudonym: Pseudonym(name(1)), kind: IdentifierKind::Pan, sealed: &[7; 104] },
    );
    let fs = disk();
    let (journal, _) = journal_and_snapshot(&fs, &belief);
    let before = fs.operations();
    compact(journal).expect("runs without faults");
    let operations = fs.operations() - before;
    assert!(operations > 15, "{operations}");
    let (mut with_both, mut with_neither) = (0, 0);
    for fault in [SimFault::Crash, SimFault::Refused, SimFault::RefusedButDone, SimFault::Full] {
        for operation in 1..=operations {
            let fs = disk();
            let (journal, _) = journal_and_snapshot(&fs, &belief);
            fs.plan(fs.operations() + operation, fault);
            let ended = compact(journal);
            for (model, seed) in [
                (CrashModel::Kill, 0),
                (CrashModel::SyncedSize, 0),
                (CrashModel::OnlySynced, 0),
                (CrashModel::AnyOrder, operation),
            ] {
                let image = fs.after(model, seed);
                // As a start does it: the journal first, which finishes what was begun, then the snapshot.
                let journal = journal_on(&image).expect("opens by itself");
                let has_left = journal.read(LEAVES).is_err();
                let stands = matches!(loaded(&file_on(&image)), Ok(Some(_)));
                let at = format!("{fault:?} at {operation} ({ended:?}), then {model:?} {seed}");
                assert!(!(has_left && stands), "{at}");
                with_both += usize::from(stands);
                with_neither += usize::from(has_left);
            }
        }
    }
    assert!(with_both > 10 && with_neither > 10, "{with_both} {with_neither}");
}
