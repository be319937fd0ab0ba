//! The daily reading of a running node finds an audit log that is no longer the one others cosigned.

use std::path::Path;
use std::time::Duration;

use hushwire::base::secret::SecretBytes;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::audit::search::AuditFilter;
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::reader::JournalReader;
use hushwire::io::journal::sim_fs::SimFs;
use hushwire::io::scrub::{scrub, scrub_once};
use hushwire::node::audit_place::AuditPlace;
use hushwire::node::store::{Journal, RecordNumber, StorageFault};

use crate::consortium::Consortium;
use crate::house::{Disk, engine_of};
use crate::witnessing::{go_on, minute, open, rewrite_first_record, witness};

/// Files with the records of a disk.
fn files(disk: &Disk) -> JournalReader<SimFs> {
    let key = SecretBytes::new([3; 32]);
    let journal = FileJournal::open(SimFs::default(), Path::new("/journal"), &key, JournalOptions::default());
    let mut journal = journal.expect("opens");
    disk.replay(RecordNumber(0), &mut |_, record| journal.append(record).map(drop)).expect("copied");
    journal.sync().expect("syncs");
    journal.reader()
}

#[tokio::test]
async fn an_audit_log_put_back_or_rewritten_under_a_running_node_is_damage() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (mut bank, mut other) = (open(&consortium, 0), open(&consortium, 1));
    go_on(&mut bank, 0);
    let put_back = bank.disk.copy();
    go_on(&mut bank, 1);
    witness(&consortium, &mut bank, &mut other, None, minute(1)).expect("honest").expect("cosigned");
    let (whole, rewritten) = (bank.disk.copy(), bank.disk.copy());
    rewrite_first_record(&rewritten);

    let (engine, thread) = engine_of(bank.node, Duration::from_secs(3_600));
    for (disk, is_damaged) in [(whole, false), (put_back, true), (rewritten, true)] {
        let reader = files(&disk);
        let outcome = scrub_once(&engine, &reader).await.expect("it runs");
        assert_eq!(matches!(outcome, Err(StorageFault::Damaged(_))), is_damaged, "{outcome:?}");
        assert!(scrub(&reader, None, Duration::ZERO).is_ok(), "the files by themselves are sound");
    }
    let filter = AuditFilter { action_prefix: "store.damaged".to_owned(), ..AuditFilter::default() };
    let page = engine.call(move |node, round| {
        node.list_audit_records(&Actor::Node, &filter, &AuditPlace::START, 100, round.now, round.rng)
    });
    assert_eq!(page.await.expect("it runs").expect("reads").entries.len(), 2, "both times it is recorded");
    drop(engine);
    thread.join().expect("no panic");
}
