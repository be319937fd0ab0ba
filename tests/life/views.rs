//! Views that fail, lose rows or cannot be read are derived from the journal again; the store is whole all the same.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hushwire::base::kind::IdentifierKind;
use hushwire::base::limits;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::asked::Asked;
use hushwire::domain::audit::event::AuditEvent;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::indicator::words::RetractionReason;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::erase::{EraseFault, EraseRequest, ErasureReason};
use hushwire::node::retract::{RetractFault, RetractReceipt, RetractRequest};
use hushwire::node::select::Selectors;
use hushwire::node::store::{Expectation, StorageFault, ViewChange, ViewFault, ViewRows, Views};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, asked};

/// Views that outlive their node and fail on demand.
#[derive(Debug, Clone, Default)]
struct Shelf(Arc<Mutex<Rows>>);

#[derive(Debug, Default)]
struct Rows {
    rows: MemoryViews,
    /// Refuses to write until it is cleared.
    broken: bool,
    /// Refuses to read until it is cleared.
    unreadable: bool,
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> ViewRows {
        self.lock().rows.scan(&[], &[0xFF; 300], usize::MAX).expect("memory reads")
    }

    fn lose(&self, prefix: &[u8]) {
        let lost = self.all().into_iter().filter(|(key, _)| key.starts_with(prefix));
        let changes: Vec<ViewChange> = lost.map(|(key, _)| ViewChange::Remove { key }).collect();
        assert!(!changes.is_empty(), "there is something to lose");
        self.lock().rows.commit(&[], &changes).expect("memory writes");
    }
}

fn check(fails: bool) -> Result<(), StorageFault> {
    // What a damaged view says must not be taken for damage of the journal.
    if fails { Err(StorageFault::Damaged("views are corrupt".to_owned())) } else { Ok(()) }
}

impl Views for Shelf {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFault> {
        let shelf = self.lock();
        check(shelf.unreadable)?;
        shelf.rows.get(key)
    }

    fn scan(&self, start: &[u8], end: &[u8], limit: usize) -> Result<ViewRows, StorageFault> {
        let shelf = self.lock();
        check(shelf.unreadable)?;
        shelf.rows.scan(start, end, limit)
    }

    fn commit(&mut self, expectations: &[Expectation], changes: &[ViewChange]) -> Result<(), ViewFault> {
        let mut shelf = self.lock();
        check(shelf.broken)?;
        shelf.rows.commit(expectations, changes)
    }

    fn sync(&mut self) -> Result<(), StorageFault> {
        let mut shelf = self.lock();
        check(shelf.broken)?;
        shelf.rows.sync()
    }

    fn clear(&mut self) -> Result<(), StorageFault> {
        *self.lock() = Rows::default();
        Ok(())
    }
}

struct House {
    node: Node<Disk, Shelf>,
    rng: StdRng,
}

impl House {
    fn open(consortium: &Consortium, disk: &Disk, shelf: &Shelf, now: Timestamp) -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let (identity, settings, roster) = (consortium.identity(0), consortium.settings(), consortium.roster.clone());
        let opened = Node::open(identity, settings, roster, disk.clone(), shelf.clone(), now, &mut rng);
        Self { node: opened.expect("opens"), rng }
    }

    fn record(&mut self, count: usize) -> Result<(), StorageFault> {
        let events = vec![AuditEvent::AuditListed { asked: Asked::default(), records: 0, more: false }; count];
        self.node.record(&Actor::Node, events, START, &mut self.rng)
    }

    fn tick(&mut self, now: Timestamp) {
        self.node.tick(now, &mut self.rng).expect("ticks");
        self.node.sync().expect("syncs");
    }

    /// Publishes an address of a case: the mailbox it reaches goes out with it.
    fn publish_address(&mut self) {
        let address = RawIdentifier::new(IdentifierKind::Email, "anna+shop@gmail.com".to_owned());
        let asked = asked(None, address, 30, Some("case 1"), START);
        let receipt = self.node.publish_indicators(&Actor::Node, asked, START, &mut self.rng).expect("publishes");
        assert_eq!(receipt.published.len(), 2);
    }

    fn retract(&mut self, selectors: Selectors) -> Result<RetractReceipt, RetractFault> {
        let asked = RetractRequest { request: None, selectors, reason: RetractionReason::FalsePositive };
        self.node.retract_indicators(&Actor::Node, asked, START, &mut self.rng)
    }

    fn slice(&self) -> Result<usize, StorageFault> {
        let size = self.node.status(START).audit_size;
        self.node.export_audit_slice(TreeSize::EMPTY, size).map(|entries| entries.len())
    }
}

/// A node with some records, its disk and its views, everything durable.
fn house() -> (Consortium, Disk, Shelf, House) {
    let (consortium, disk, shelf) = (Consortium::new(&["bank-a"]), Disk::default(), Shelf::default());
    let mut house = House::open(&consortium, &disk, &shelf, START);
    house.record(600).expect("records");
    house.tick(START);
    (consortium, disk, shelf, house)
}

#[test]
fn rows_derived_again_are_the_rows_that_were_there() {
    let (consortium, disk, shelf, mut house) = house();
    house.node.close().expect("closes");
    let before = shelf.all();
    shelf.lock().unreadable = true;
    assert!(matches!(house.slice(), Err(StorageFault::Views(_))));
    house.tick(START);
    let after = shelf.all();
    // The mark and the records that tell of it are new.
    let common = |rows: &ViewRows| rows.iter().filter(|row| before.contains(row)).count();
    assert_eq!(common(&after), before.len() - 1);
    assert_eq!(house.slice(), Ok(usize::try_from(house.node.status(START).audit_size.0).expect("small")));
    let reopened = House::open(&consortium, &disk, &shelf, START);
    assert_eq!(reopened.slice().map(|count| count > 600), Ok(true));
}

#[test]
fn a_write_the_views_refuse_is_acknowledged_and_derived_later() {
    let (_, disk, shelf, mut house) = house();
    shelf.lock().broken = true;
    house.record(1).expect("records");
    house.node.sync().expect("the journal has it");
    let durable = disk.bytes();
    assert!(matches!(house.slice(), Err(StorageFault::Views(_))), "nobody is shown rows that may be missing");
    house.tick(START);
    assert!(house.slice().is_ok());
    assert!(disk.bytes().starts_with(&durable));
}

#[test]
fn lost_rows_are_noticed_by_who_needs_them_and_derived_again() {
    for prefix in [b"run/".as_slice(), b"tile/"] {
        let (_, _, shelf, mut house) = house();
        shelf.lose(prefix);
        let read = |house: &House| house.slice().and_then(|_| house.node.audit_range(TreeSize(100)).map(drop));
        assert!(matches!(read(&house), Err(StorageFault::Views(_))));
        house.tick(START);
        assert_eq!(read(&house), Ok(()));
    }
}

#[test]
fn unreadable_views_are_no_damage_of_the_store_at_a_start() {
    let (consortium, disk, shelf, house) = house();
    drop(house);
    *shelf.lock() = Rows { broken: true, unreadable: true, ..Rows::default() };
    let house = House::open(&consortium, &disk, &shelf, START);
    assert!(house.slice().is_ok());
}

#[test]
fn views_are_made_durable_every_minute_and_at_the_end() {
    let (_, _, shelf, mut house) = house();
    let rows_after_a_power_cut = || {
        let mut rows = shelf.lock().rows.clone();
        rows.crash();
        rows.scan(&[], &[0xFF; 300], usize::MAX).expect("memory reads").len()
    };
    let before = rows_after_a_power_cut();
    house.tick(START.plus_s(59));
    assert_eq!(rows_after_a_power_cut(), before, "not with every record");
    house.tick(START.plus_s(60));
    let synced = rows_after_a_power_cut();
    assert!(synced > before);
    house.record(1).expect("records");
    house.node.close().expect("closes");
    assert_eq!(rows_after_a_power_cut(), shelf.all().len());
}

#[test]
fn a_tile_completed_in_this_round_is_found_before_the_views_have_it() {
    let (consortium, disk, shelf) = (Consortium::new(&["bank-a"]), Disk::default(), Shelf::default());
    let mut house = House::open(&consortium, &disk, &shelf, START);
    let open = 256 - usize::try_from(house.node.status(START).audit_size.0).expect("small") % 256;
    house.record(open - 1).expect("records");
    house.node.sync().expect("syncs");
    house.record(1).expect("records");
    assert!(house.node.audit_head(START).is_ok(), "the durable size is signed while more is staged");
}

fn by_case() -> Selectors {
    Selectors { source_refs: vec!["case 1".to_owned()], ..Selectors::default() }
}

/// What another case knows: the mailbox, not the address it was derived from.
fn by_mailbox() -> Selectors {
    let mailbox = RawIdentifier::new(IdentifierKind::Mailbox, "anna@gmail.com".to_owned());
    Selectors { identifiers: vec![Ok(mailbox)], ..Selectors::default() }
}

#[test]
fn while_views_are_in_doubt_nothing_is_withdrawn_or_erased_by_what_only_they_know() {
    let (_, _, shelf, mut house) = house();
    shelf.lock().broken = true;
    house.publish_address();
    house.node.sync().expect("the journal has it");
    for selectors in [by_case, by_mailbox] {
        let refused = house.retract(selectors());
        assert!(matches!(refused, Err(RetractFault::Storage(StorageFault::Views(_)))), "{refused:?}");
        let asked = EraseRequest { request: None, selectors: selectors(), reason: ErasureReason::Mistake };
        let refused = house.node.erase_indicators(&Actor::Node, asked, START, &mut house.rng);
        assert!(matches!(refused, Err(EraseFault::Storage(StorageFault::Views(_)))), "{refused:?}");
    }
    house.tick(START);
    let receipt = house.retract(by_mailbox()).expect("the views are back");
    assert_eq!((receipt.retracted.len(), receipt.kept.len()), (0, 1), "another case's mailbox counts on");
    assert_eq!(house.retract(by_case()).map(|receipt| receipt.retracted.len()), Ok(2));
}

#[test]
fn a_mailbox_published_in_this_round_is_told_from_one_published_as_given() {
    let (_, _, _, mut house) = house();
    house.publish_address();
    let receipt = house.retract(by_mailbox()).expect("nothing is wrong with it");
    assert_eq!((receipt.retracted.len(), receipt.kept.len()), (0, 1));
}

#[test]
fn a_tile_that_cannot_be_read_makes_no_other_log() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (disk, shelf) = (Disk::default(), Shelf::default());
    let mut house = House::open(&consortium, &disk, &shelf, START);
    house.record(300).expect("records");
    house.tick(START);
    let witness = consortium.members[1].clone();
    let head = house.node.audit_head(START).expect("signs");
    house.record(400).expect("records");
    house.tick(START.plus_s(limits::HEARTBEAT_S));
    shelf.lose(b"tile/");
    assert!(matches!(house.node.audit_news(TreeSize(1)), Err(StorageFault::Views(_))));
    let hear = |house: &mut House| house.node.hear_audit_head(&witness, &head.checkpoint, START, &mut house.rng);
    let heard = hear(&mut house);
    assert!(matches!(heard, Err(StorageFault::Views(_))), "{heard:?}");
    assert_eq!(house.node.status(START).audit_diverged, None);
    house.tick(START.plus_s(2 * limits::HEARTBEAT_S));
    assert_eq!(hear(&mut house), Ok(Some(head.size)));
    assert!(matches!(house.node.audit_news(head.size), Ok(Some(_))), "and it is told on");
}
