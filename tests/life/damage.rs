//! Damage is found, and mended by what other members hold.

use std::path::Path;
use std::time::Duration;

use hushwire::base::position::TreeSize;
use hushwire::base::secret::SecretBytes;
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::memory::MemoryJournal;
use hushwire::io::journal::sim_fs::SimFs;
use hushwire::io::scrub::scrub;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::commit::{Commit, change};
use hushwire::node::scrub::Scrub;
use hushwire::node::store::{Journal, Keep, RecordNumber, StorageFault};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange, open_guarded, reserve};

/// Changes the first leaf of an appended run, as a disk that forgets would.
fn garble(disk: &Disk) {
    let mut done = false;
    let compacted = disk.lock().compact(&mut |_, record| {
        let mut commit = Commit::from_bytes(record).expect("readable");
        for change in &mut commit.changes {
            if let Some(change::Kind::Appended(appended)) = change.kind.as_mut().filter(|_| !done) {
                let entry = appended.entries.first_mut().expect("no run is empty");
                entry.blob.clear();
                entry.salt.clear();
                *entry.leaf.get_mut(37).expect("a leaf") ^= 1;
                done = true;
            }
        }
        Keep::Rewritten(commit.to_bytes())
    });
    compacted.expect("compacts");
    assert!(done);
}

fn scrubbed(journal: &MemoryJournal) -> Result<(), StorageFault> {
    let mut pass = Scrub::default();
    journal.replay(RecordNumber(0), &mut |_, record| pass.take(record))
}

#[test]
fn a_changed_leaf_is_found_at_open_and_by_the_scrub() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    bank.publish("device-of-a-case-01", 30, None, START);
    bank.tick(START);
    assert_eq!(scrubbed(&bank.disk.lock()), Ok(()));
    garble(&bank.disk);
    assert!(matches!(scrubbed(&bank.disk.lock()), Err(StorageFault::Damaged(_))));
    let (identity, settings, roster) = (consortium.identity(0), consortium.settings(), consortium.roster.clone());
    let opened = Node::open(identity, settings, roster, bank.disk, MemoryViews::new(), START, &mut bank.rng);
    assert!(matches!(opened, Err(StorageFault::Damaged(_))));
}

#[test]
fn a_node_whose_journal_is_gone_gets_all_feeds_back_and_goes_on() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut file = None;
    let mut bank = open_guarded(&consortium, 0, Disk::default(), &file, START);
    let mut other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    exchange(&consortium, &mut other, &bank, START);
    for device in ["device-of-a-case-01", "device-of-a-case-02"] {
        bank.publish(device, 30, None, START);
        reserve(&mut bank, &mut file);
        bank.tick(START);
    }
    other.publish("device-of-a-case-03", 30, None, START);
    other.tick(START);
    exchange(&consortium, &mut other, &bank, START);

    // The journal was set aside: an empty disk, the file of reserved sizes still there.
    let mut bank = open_guarded(&consortium, 0, Disk::default(), &file, START);
    bank.publish("device-of-a-case-04", 30, None, START);
    bank.tick(START);
    assert_eq!(bank.live(), 0);
    assert!(bank.node.heads().is_empty(), "nothing is signed, not even emptiness");
    exchange(&consortium, &mut bank, &other, START);
    assert_eq!(bank.live(), 3);
    bank.tick(START);
    reserve(&mut bank, &mut file);
    bank.tick(START);
    assert_eq!(bank.live(), 4);
    exchange(&consortium, &mut other, &bank, START);
    assert_eq!(other.live(), 4);
    assert!(other.node.equivocations().is_empty());
    assert_eq!(other.node.heads().get(&consortium.feed(0)).map(|head| head.size), Some(TreeSize(3)));
}

#[test]
fn the_scrub_reads_beside_the_writer_also_while_it_compacts() {
    let consortium = Consortium::new(&["bank-a"]);
    let key = SecretBytes::new([3; 32]);
    let journal = FileJournal::open(SimFs::default(), Path::new("/journal"), &key, JournalOptions::default());
    let journal = journal.expect("opens");
    let reader = journal.reader();
    let (identity, settings, roster) = (consortium.identity(0), consortium.settings(), consortium.roster.clone());
    let mut rng: rand::rngs::StdRng = rand::SeedableRng::seed_from_u64(1);
    let opened = Node::open(identity, settings, roster, journal, MemoryViews::new(), START, &mut rng);
    let mut node = opened.expect("opens");
    node.tick(START, &mut rng).expect("ticks");
    node.sync().expect("syncs");
    let before = scrub(&reader, None, Duration::ZERO).expect("whole");
    node.compact(START).expect("compacts");
    assert_eq!(scrub(&reader, None, Duration::ZERO), Ok(before));
}
