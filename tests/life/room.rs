//! A disk that fills up: publications are refused before a write fails, everything else goes on, and nothing acknowledged
//! is lost once it is full.

use std::path::Path;

use hushwire::base::kind::IdentifierKind;
use hushwire::base::secret::SecretBytes;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::asked::Asked;
use hushwire::domain::audit::event::AuditEvent;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::indicator::draft::Draft;
use hushwire::domain::indicator::words::{Grounds, Severity};
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::fs::Fs;
use hushwire::io::journal::sim_fs::SimFs;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::publish::{IndicatorDraft, PublishFault, PublishRequest};
use hushwire::node::store::StorageFault;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consortium::{Consortium, START};

const DIR: &str = "/journal";
const OPTIONS: JournalOptions = JournalOptions { rotate_bytes: 16 * 1024, reserve_bytes: 2 * 1024 };

/// What the journal wants to keep free.
const WANTED: u64 = 32 * 1024;

struct House {
    node: Node<FileJournal<SimFs>, MemoryViews>,
    rng: StdRng,
    now: Timestamp,
}

impl House {
    fn open(consortium: &Consortium, fs: &SimFs, now: Timestamp) -> Result<Self, StorageFault> {
        let mut rng = StdRng::seed_from_u64(1);
        let journal = FileJournal::open(fs.clone(), Path::new(DIR), &SecretBytes::new([3; 32]), OPTIONS)?;
        let (identity, settings, roster) = (consortium.identity(0), consortium.settings(), consortium.roster.clone());
        let node = Node::open(identity, settings, roster, journal, MemoryViews::new(), now, &mut rng)?;
        Ok(Self { node, rng, now })
    }

    /// A second passes.
    fn tick(&mut self) {
        self.now = self.now.plus_s(1);
        self.node.tick(self.now, &mut self.rng).expect("ticks");
        self.node.sync().expect("syncs");
    }

    fn publish(&mut self, device: &str) -> Result<usize, PublishFault> {
        let draft = IndicatorDraft {
            identifier: RawIdentifier::new(IdentifierKind::Device, device.to_owned()),
            details: Draft {
                typology: "F1012".to_owned(),
                severity: Some(Severity::High),
                confidence: 80,
                grounds: Some(Grounds::OwnConfirmed),
                ..Draft::default()
            },
            source_ref: None,
            supersedes: None,
        };
        let request = self.node.request(device, device.as_bytes());
        let asked = PublishRequest {
            request,
            group: None,
            drafts: vec![Ok(draft)],
            dry_run: false,
            force_wide: false,
            spread_s: 0,
        };
        let receipt = self.node.publish_indicators(&Actor::Node, asked, self.now, &mut self.rng)?;
        self.node.sync()?;
        Ok(receipt.published.len())
    }

    fn record(&mut self) -> Result<(), StorageFault> {
        let event = AuditEvent::AuditListed { asked: Asked::default(), records: 0, more: false };
        self.node.record(&Actor::Node, vec![event], self.now, &mut self.rng)?;
        self.node.sync()
    }
}

fn reserve_lies(fs: &SimFs) -> bool {
    fs.names(Path::new(DIR)).expect("lists").contains(&"reserve".to_owned())
}

#[test]
fn publications_are_refused_before_the_disk_is_full_and_taken_again_once_there_is_room() {
    let (consortium, fs) = (Consortium::new(&["bank-a"]), SimFs::new());
    let mut house = House::open(&consortium, &fs, START).expect("opens");
    house.tick();
    assert_eq!(house.publish("device-of-a-case-01"), Ok(1));
    fs.set_capacity(Some(fs.used_bytes() + WANTED - 1_000));
    house.tick();
    assert!(matches!(house.publish("device-of-a-case-02"), Err(PublishFault::DiskLow(_))));
    assert_eq!(house.publish("device-of-a-case-01"), Ok(1), "the answer to a repeated request is known");
    assert_eq!(house.record(), Ok(()), "what others ask is still recorded");
    assert!(house.node.status(house.now).disk_low.is_some());
    fs.set_capacity(None);
    house.tick();
    assert_eq!(house.publish("device-of-a-case-02"), Ok(1));
    assert!(house.node.status(house.now).disk_low.is_none());
}

#[test]
fn a_full_disk_loses_nothing_acknowledged_and_the_reserve_is_laid_again_with_room() {
    let (consortium, fs) = (Consortium::new(&["bank-a"]), SimFs::new());
    let mut house = House::open(&consortium, &fs, START).expect("opens");
    house.tick();
    assert_eq!(house.publish("device-of-a-case-01"), Ok(1));
    house.tick();
    fs.set_capacity(Some(fs.used_bytes() + 3_000));
    let full = (0..100).find_map(|_| house.record().err());
    assert_eq!(full, Some(StorageFault::Full));
    assert_eq!(house.node.sync(), Err(StorageFault::Stopped), "nothing is called durable any more");
    let status = house.node.status(house.now);
    assert!(status.store_stopped && status.held.live == 1, "looking goes on");
    drop(house);

    // Another program takes every byte that is left; the reserve lets the node start all the same.
    fs.set_capacity(Some(fs.used_bytes()));
    let mut house = House::open(&consortium, &fs, START.plus_s(60)).expect("opens on a full disk");
    assert!(!reserve_lies(&fs));
    assert_eq!(house.node.status(house.now).held.live, 1);
    house.tick();
    assert!(matches!(house.publish("device-of-a-case-02"), Err(PublishFault::DiskLow(_))));
    fs.set_capacity(Some(fs.used_bytes() + WANTED + 1_000));
    house.tick();
    assert!(!reserve_lies(&fs), "room for the work first");
    fs.set_capacity(None);
    house.tick();
    assert!(reserve_lies(&fs));
    assert_eq!(house.publish("device-of-a-case-02"), Ok(1));
}
