//! The snapshot of belief: what it answers is what the store would, it holds nothing that was erased, and one that belongs to
//! anything but this store is not used.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hushwire::base::bytes::{Commitment, Incarnation};
use hushwire::base::secret::SecretBytes;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::belief::load::Loader;
use hushwire::domain::belief::place::TableKey;
use hushwire::domain::belief::view::{ListPosition, Statement};
use hushwire::domain::belief::{Belief, Witnessing};
use hushwire::domain::indicator::words::RetractionReason;
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::format::{KEY_FILE_BYTES, KeyFile};
use hushwire::io::journal::frames::{FrameWalk, Step};
use hushwire::io::journal::fs::{Fs, FsFile, create_dir_durably};
use hushwire::io::journal::seal::open_segment_key;
use hushwire::io::journal::sim_fs::{SimFault, SimFs};
use hushwire::io::snapshot_file::{NotUsed, SnapshotFile};
use hushwire::io::snapshot_keeper::{Due, look};
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::cut::{Cut, Unfit};
use hushwire::node::erase::{EraseRequest, ErasureReason};
use hushwire::node::retract::RetractRequest;
use hushwire::node::select::Selectors;
use hushwire::node::state::witnessing;
use hushwire::node::store::{Journal, RecordNumber, StorageFault};
use hushwire::node::tail_walk::{TailWalk, Walked};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, engine_of, exchange};

const PATH: &str = "/node/belief.snapshot";
const JOURNAL: &str = "/node/journal";

fn storage_key() -> SecretBytes<32> {
    SecretBytes::new([3; 32])
}

pub fn disk() -> SimFs {
    let fs = SimFs::new();
    create_dir_durably(&fs, Path::new("/node")).expect("made");
    fs
}

pub fn file_on(fs: &SimFs, consortium: &Consortium) -> SnapshotFile<SimFs> {
    SnapshotFile::new(fs.clone(), PATH.into(), storage_key(), consortium.id.clone())
}

fn loader(witnessing: Witnessing) -> impl FnOnce(usize) -> Loader {
    let key = TableKey::draw(&mut StdRng::seed_from_u64(99));
    move |expected| Loader::new(key, witnessing, expected)
}

pub fn take(file: &SnapshotFile<SimFs>, house: &mut House, now: Timestamp) {
    let begun = file.begin();
    let cut = house.node.cut(now).expect("its last record is there");
    file.write(begun, &cut, &house.node.state().belief, &mut || true).expect("written");
}

/// What a start of a member would answer with before its store is open.
pub fn start_as(
    member: usize,
    file: &SnapshotFile<SimFs>,
    consortium: &Consortium,
    disk: &Disk,
    reserved: Option<Incarnation>,
    now: Timestamp,
) -> Result<Option<Walked>, NotUsed> {
    let roster = &consortium.roster;
    let fits = |cut: &Cut| cut.check(|number| disk.read(number).ok(), reserved, roster, now);
    let Some((cut, belief)) = file.load(fits, loader(witnessing(roster)))? else { return Ok(None) };
    let after = RecordNumber(cut.record.0 + 1);
    let lists = consortium.identity(member).local_mac.own_list_key();
    let mut walk = TailWalk::new(belief, cut, roster, lists, now);
    disk.replay(after, &mut |_, record| walk.take(record))?;
    Ok(Some(walk.finish(&consortium.members[member], None)?))
}

fn start(
    file: &SnapshotFile<SimFs>,
    consortium: &Consortium,
    disk: &Disk,
    reserved: Option<Incarnation>,
    now: Timestamp,
) -> Result<Option<Walked>, NotUsed> {
    start_as(0, file, consortium, disk, reserved, now)
}

/// What belief says of each member, in an order of its own.
pub fn statements(belief: &Belief, consortium: &Consortium) -> Vec<Statement> {
    let mut all = Vec::new();
    for member in &consortium.members {
        all.extend(belief.view().reported_by(member, ListPosition::default(), 1_000).0);
    }
    all.sort_by_key(|statement| statement.commitment);
    all
}

fn person(name: &str) -> Actor {
    Actor::Local { member: "bank-a".parse().expect("valid"), role: "publisher", name: name.to_owned() }
}

fn by_name(target: Commitment) -> Selectors {
    Selectors { names: vec![Ok(target)], ..Selectors::default() }
}

/// One asks, another confirms.
pub fn erase(house: &mut House, target: Commitment, now: Timestamp) {
    let request = EraseRequest { request: None, selectors: by_name(target), reason: ErasureReason::DataSubject };
    let asked = house.node.erase_indicators(&person("anna"), request, now, &mut house.rng).expect("is asked for");
    house.node.confirm_erasure(&person("ben"), asked.id, now, &mut house.rng).expect("erases");
    house.node.sync().expect("syncs");
}

pub fn retract(house: &mut House, target: Commitment, now: Timestamp) {
    let request = RetractRequest { request: None, selectors: by_name(target), reason: RetractionReason::FalsePositive };
    house.node.retract_indicators(&Actor::Node, request, now, &mut house.rng).expect("retracts");
    house.node.sync().expect("syncs");
}

/// Two members that hold each other's feeds.
fn pair() -> (Consortium, House, House) {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    exchange(&consortium, &mut other, &bank, START);
    bank.tick(START);
    other.tick(START);
    (consortium, bank, other)
}

#[test]
fn snapshot_and_tail_say_what_the_store_says() {
    let (consortium, mut bank, mut other) = pair();
    let file = file_on(&disk(), &consortium);
    let [kept, withdrawn, erased] =
        [1, 2, 3].map(|nth| bank.publish(&format!("device-of-a-case-0{nth}"), 30, None, START));
    other.publish("device-of-a-case-04", 30, None, START);
    bank.tick(START);
    other.tick(START);
    exchange(&consortium, &mut bank, &other, START);
    take(&file, &mut bank, START);
    let later = START.plus_s(60);
    retract(&mut bank, withdrawn, later);
    erase(&mut bank, erased, later);
    other.publish("device-of-a-case-05", 30, None, later);
    other.tick(later);
    exchange(&consortium, &mut bank, &other, later);
    bank.tick(later);

    let now = START.plus_s(120);
    let Walked { belief, feeds, .. } = start(&file, &consortium, &bank.disk, None, now).expect("fits").expect("there");
    let expected = statements(&bank.node.state().belief, &consortium);
    assert_eq!(statements(&belief, &consortium), expected);
    assert_eq!(belief.held(), bank.node.state().belief.held());
    assert!(expected.iter().any(|statement| statement.commitment == kept));
    let reopened = House::open(&consortium, 0, bank.disk.clone(), now);
    assert_eq!(feeds, reopened.node.freshness(None, now), "as fresh as the journal shows");

    // What expired since is not believed either.
    let much_later = START.plus_s(40 * 86_400);
    let Walked { belief, .. } = start(&file, &consortium, &bank.disk, None, much_later).expect("fits").expect("there");
    assert_eq!(belief.held(), Default::default());
}

#[test]
fn a_snapshot_of_anything_but_this_store_is_not_used() {
    let (consortium, mut bank, _) = pair();
    let fs = disk();
    let file = file_on(&fs, &consortium);
    assert!(start(&file, &consortium, &bank.disk, None, START).expect("no file is no fault").is_none());
    let old = bank.disk.copy();
    bank.publish("device-of-a-case-01", 30, None, START);
    take(&file, &mut bank, START.plus_s(1_000));
    let own = bank.node.state().incarnation;
    let later = START.plus_s(1_000);
    let expected = statements(&bank.node.state().belief, &consortium);
    let refused = |outcome: Result<Option<Walked>, NotUsed>| outcome.map(|early| early.is_some()).expect_err("unfit");
    assert!(start(&file, &consortium, &bank.disk, Some(own), later).expect("fits").is_some());
    assert_eq!(refused(start(&file, &consortium, &old, None, later)), Unfit::OtherRecord.into());
    // What a salvage takes over may stand under the number it had in the journal set aside.
    let mut salvaged = Disk::default();
    salvaged.append(b"the first record of another journal").expect("memory takes it");
    let taken_over = bank.disk.replay(RecordNumber(1), &mut |_, record| salvaged.append(record).map(drop));
    taken_over.expect("reads");
    assert_eq!(refused(start(&file, &consortium, &salvaged, None, later)), Unfit::OtherRecord.into());
    let elsewhere = Some(Incarnation([9; 16]));
    assert_eq!(refused(start(&file, &consortium, &bank.disk, elsewhere, later)), Unfit::OtherIncarnation.into());
    let ahead = Unfit::Ahead { taken_at: later, now: START };
    assert_eq!(refused(start(&file, &consortium, &bank.disk, None, START)), ahead.into());
    let successor = Consortium::new(&["bank-a", "bank-b", "shop"]);
    assert_eq!(refused(start(&file, &successor, &bank.disk, None, later)), Unfit::OtherRoster.into());
    let other_key = SnapshotFile::new(fs.clone(), PATH.into(), SecretBytes::new([4; 32]), consortium.id.clone());
    assert_eq!(refused(start(&other_key, &consortium, &bank.disk, None, later)), StorageFault::WrongKey.into());
    let changed = fs.open(Path::new(PATH)).expect("there");
    let size = changed.size().expect("a size");
    let mut noticed = 0;
    for at in 0..size {
        let mut byte = [0];
        changed.read_at(&mut byte, at).expect("reads");
        changed.write_all_at(&[byte[0] ^ 1], at).expect("writes");
        // Of a sum that nobody needs to look at, a changed byte changes nothing.
        match start(&file, &consortium, &bank.disk, None, later) {
            Ok(early) => assert_eq!(statements(&early.expect("there").belief, &consortium), expected, "byte {at}"),
            Err(_) => noticed += 1,
        }
        changed.write_all_at(&byte, at).expect("writes");
    }
    assert!(noticed + 4 * 5 >= size, "{noticed} of {size}");
    changed.set_size(size - 32).expect("cut behind a whole frame");
    assert_eq!(refused(start(&file, &consortium, &bank.disk, None, later)), NotUsed::Torn);
}

/// The content of the file, as who holds the storage key reads it.
fn plain(fs: &SimFs) -> Vec<u8> {
    let file = fs.open(Path::new(PATH)).expect("there");
    let mut block = [0; KEY_FILE_BYTES];
    file.read_at(&mut block, 0).expect("reads");
    let cipher = open_segment_key(&storage_key(), &KeyFile::decode(&block).expect("a key block")).expect("opens");
    let start = u64::try_from(KEY_FILE_BYTES).expect("small");
    let mut walk = FrameWalk::new(&file, start, file.size().expect("a size")).expect("frames");
    let mut all = Vec::new();
    for number in (0..).map(RecordNumber) {
        let Step::Frame(frame) = walk.step().expect("reads") else { break };
        let content = cipher.open_frame(&frame.head, number, &frame.previous, frame.sealed).expect("whole");
        all.extend_from_slice(content);
    }
    all
}

fn holds(fs: &SimFs, statement: &Statement) -> bool {
    let all = plain(fs);
    let finds = |part: &[u8]| all.windows(part.len()).any(|window| window == part);
    finds(statement.pseudonym.as_bytes()) || finds(&statement.sealed[..40])
}

#[test]
fn an_erased_content_stands_in_no_snapshot_and_an_old_one_cannot_be_read_any_more() {
    let (consortium, mut bank, _) = pair();
    let fs = disk();
    let file = file_on(&fs, &consortium);
    let target = bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    let statement = bank.node.state().belief.writer().by_commitment(&target).expect("believed");
    take(&file, &mut bank, START);
    assert!(holds(&fs, &statement), "the search finds what is there");
    let old = fs.open(Path::new(PATH)).expect("there");
    erase(&mut bank, target, START);
    bank.tick(START);
    take(&file, &mut bank, START);
    assert!(!holds(&fs, &statement));
    let mut block = [1; KEY_FILE_BYTES];
    old.read_at(&mut block, 0).expect("reads");
    assert_eq!(block, [0; KEY_FILE_BYTES], "the key of the old file is destroyed");
}

/// A node on a journal of files whose snapshot forgets before it does; `standing` names there are in its folder then.
fn on_files(
    consortium: &Consortium,
    fs: &SimFs,
    file: &Arc<SnapshotFile<SimFs>>,
    standing: &Arc<AtomicUsize>,
    now: Timestamp,
) -> Node<FileJournal<SimFs>, MemoryViews> {
    let dir = Path::new(JOURNAL);
    let mut journal = FileJournal::open(fs.clone(), dir, &storage_key(), JournalOptions::default()).expect("opens");
    let (discards, seen, standing) = (Arc::clone(file), fs.clone(), Arc::clone(standing));
    journal.forget_with(Arc::new(move || {
        let keys = seen.names(&dir.join("keys")).expect("reads");
        assert!(!keys.is_empty());
        for key in keys {
            let key = seen.open(&dir.join("keys").join(key)).expect("there");
            let mut block = [0; KEY_FILE_BYTES];
            key.read_at(&mut block, 0).expect("reads");
            assert_ne!(block, [0; KEY_FILE_BYTES], "no key is destroyed yet");
        }
        assert_eq!(names(&seen), standing.load(Ordering::Relaxed), "nothing new has a name that an opening would take");
        discards.discard()
    }));
    let mut rng = StdRng::seed_from_u64(1);
    let (identity, settings, roster) = (consortium.identity(0), consortium.settings(), consortium.roster.clone());
    Node::open(identity, settings, roster, journal, MemoryViews::new(), now, &mut rng).expect("opens")
}

fn names(fs: &SimFs) -> usize {
    fs.names(Path::new(JOURNAL)).expect("reads").len()
}

#[test]
fn compaction_discards_the_snapshot_before_it_destroys_a_key_and_takes_nothing_away_where_it_cannot() {
    let consortium = Consortium::new(&["bank-a"]);
    let fs = disk();
    let (file, standing) = (Arc::new(file_on(&fs, &consortium)), Arc::new(AtomicUsize::new(0)));
    let mut node = on_files(&consortium, &fs, &file, &standing, START);
    node.tick(START, &mut StdRng::seed_from_u64(2)).expect("ticks");
    let cut = node.cut(START).expect("a record");
    let belief = Arc::clone(&node.state().belief);
    file.write(file.begin(), &cut, &belief, &mut || true).expect("written");
    node.compact(START).expect("nothing to rewrite");
    assert!(file.covers().is_some(), "where no key is destroyed the snapshot stays");

    // In fourteen months the content of the first audit records is over.
    let late = START.plus_s(420 * 86_400);
    standing.store(names(&fs), Ordering::Relaxed);
    fs.plan(fs.operations() + 1, SimFault::Refused);
    let refused = node.compact(late);
    assert!(matches!(refused, Err(StorageFault::Os(_))), "{refused:?}");
    drop(node);
    let mut node = on_files(&consortium, &fs, &file, &standing, late);
    standing.store(names(&fs), Ordering::Relaxed);
    // What another thread works on is no different.
    let mut compaction = node.begin_compaction(late).expect("begins").expect("none is running");
    let working = std::thread::spawn(move || {
        let part = compaction.work().expect("there is something to rewrite");
        (compaction, part)
    });
    let (mut compaction, part) = working.join().expect("the order is kept");
    assert!(file.covers().is_none() && fs.open(Path::new(PATH)).is_err(), "it is gone before the part is in force");
    node.install_compacted(part).expect("installs");
    while let Some(part) = compaction.work() {
        node.install_compacted(part).expect("installs");
    }
    assert!(node.end_compaction(compaction).expect("ends").contents > 0);
}

#[tokio::test]
async fn a_look_that_finds_no_snapshot_due_makes_no_cut() {
    let consortium = Consortium::new(&["bank-a"]);
    let house = House::open(&consortium, 0, Disk::default(), START);
    let (fs, journal) = (disk(), house.disk.clone());
    let file = file_on(&fs, &consortium);
    // A tick of the engine would read the journal too.
    let (engine, _thread) = engine_of(house.node, Duration::from_secs(3_600));
    let before = journal.reads();
    let Due { begun, cut, belief } = look(&engine, &file).await.expect("answers").expect("there is none yet");
    let a_cut = journal.reads() - before;
    assert!(a_cut > 0, "a cut reads the records it names");
    file.write(begun, &cut, &belief, &mut || true).expect("written");
    for _ in 0..3 {
        assert!(look(&engine, &file).await.expect("answers").is_none());
    }
    assert_eq!(journal.reads() - before, a_cut);
    file.discard().expect("discarded");
    assert!(look(&engine, &file).await.expect("answers").is_some());
    assert_eq!(journal.reads() - before, 2 * a_cut);
}
