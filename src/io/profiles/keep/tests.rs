//! Profiles over restarts, crashes, erasure, expiry, damage and full disks, on a disk that does all of that.

use std::sync::Mutex;

use super::*;
use crate::base::kind::IdentifierKind;
use crate::base::secret::SecretBytes;
use crate::base::time::Timestamp;
use crate::domain::identifier::guard::GuardLists;
use crate::domain::identifier::{CanonRules, RawIdentifier};
use crate::domain::profile::key::ProfileKey;
use crate::domain::screening::decision::Decision;
use crate::domain::screening::transaction::{CustomerRef, Transaction, TransactionDraft};
use crate::io::journal::fs::FsFile;
use crate::io::journal::sim_disk::{CrashModel, POWER_CUTS};
use crate::io::journal::sim_fs::SimFs;
use crate::io::profiles::ProfileBounds;

const RETENTION: u32 = 30;

/// Told alarms.
type Told = Arc<Mutex<Vec<bool>>>;

struct House {
    store: Store<SimFs>,
    told: Told,
}

fn house(fs: &SimFs) -> House {
    let key = ProfileKey::new(&SecretBytes::new([7; 32]));
    let profiles = Arc::new(Profiles::new(key, ProfileBounds { customers: 1_000, retention_days: RETENTION }));
    let told = Told::default();
    let listens = Arc::clone(&told);
    let folder = ProfileFolder { fs: fs.clone(), dir: "/node/profiles".into(), key: StorageKey::new([3; 32]) };
    let mut store = Store::new(profiles, folder, Box::new(move |kept| hold(&listens).push(kept)));
    store.keep();
    store.profiles.all_read();
    House { store, told }
}

impl House {
    fn order_at(&self, customer: &str, now: Timestamp) {
        let draft = TransactionDraft {
            identifiers: vec![RawIdentifier::new(IdentifierKind::Device, "device-0001".to_owned())],
            customer_ref: CustomerRef::new(customer.to_owned()),
            country: "DE".to_owned(),
            ..TransactionDraft::default()
        };
        let order = Transaction::new(draft, now).expect("within bounds");
        let asked = self.store.profiles.ask(&order, &CanonRules::default(), &GuardLists::built_in(), now);
        self.store.profiles.take(asked.expect("named"), Decision::Allow, [0; 16], now);
    }

    fn order(&self, customer: &str) {
        self.order_at(customer, clock::now());
    }

    fn orders(&self, customer: &str) -> Option<u32> {
        self.store.profiles.of(&CustomerRef::new(customer.to_owned())).map(|profile| profile.orders)
    }

    fn name(&self, customer: &str) -> CustomerName {
        self.store.profiles.name(&CustomerRef::new(customer.to_owned())).expect("named")
    }

    fn alarms(&self) -> Vec<bool> {
        hold(&self.told).clone()
    }

    /// As often as the journal holds a customer.
    fn on_disk(&self, customer: &str) -> usize {
        let (journal, name, mut found) = (self.store.journal.as_ref().expect("open"), self.name(customer), 0);
        let mut count = |_: RecordNumber, record: &[u8]| {
            found += batch::entries(record).filter(|(of, _)| *of == name).count();
            Ok(())
        };
        journal.replay(RecordNumber(0), &mut count).expect("reads");
        found
    }
}

#[test]
fn profiles_outlast_the_process() {
    let fs = SimFs::new();
    let mut first = house(&fs);
    (0..5).for_each(|_| first.order("jane"));
    first.order("june");
    first.store.keep();
    (0..2).for_each(|_| first.order("jane"));
    first.store.keep();
    drop(first);
    let second = house(&fs);
    assert_eq!((second.orders("jane"), second.orders("june"), second.orders("joan")), (Some(7), Some(1), None));
    assert!(second.alarms().is_empty());
}

#[test]
fn a_power_cut_loses_what_was_not_written_yet_and_nothing_else() {
    for (model, seed) in POWER_CUTS.into_iter().chain([CrashModel::Kill]).zip(1..) {
        let fs = SimFs::new();
        let mut first = house(&fs);
        first.order("jane");
        first.store.keep();
        first.order("jane");
        first.order("june");
        let second = house(&fs.after(model, seed));
        assert_eq!((second.orders("jane"), second.orders("june")), (Some(1), None), "written up to the last round");
    }
}

#[test]
fn whoever_is_erased_leaves_no_trace_and_does_not_come_back() {
    let fs = SimFs::new();
    let mut first = house(&fs);
    for _ in 0..3 {
        first.order("jane");
        first.order("june");
        first.store.keep();
    }
    assert_eq!(first.on_disk("jane"), 3);
    let jane = first.name("jane");
    assert_eq!(first.store.erase(jane), Ok(true));
    assert_eq!((first.on_disk("jane"), first.on_disk("june"), first.orders("jane")), (0, 1, None));
    assert_eq!(first.store.erase(jane), Ok(false));
    let second = house(&fs.after(CrashModel::OnlySynced, 7));
    assert_eq!((second.orders("jane"), second.orders("june")), (None, Some(3)));
    second.order("jane");
    assert_eq!(second.orders("jane"), Some(1), "a later order begins anew");
}

#[test]
fn what_is_superseded_leaves_the_disk() {
    let mut house = house(&SimFs::new());
    for written in 1..5 {
        house.order("jane");
        house.store.keep();
        assert_eq!((house.on_disk("jane"), house.store.entries), (written, written));
    }
    // As if it had gone on for a thousand rounds.
    house.store.entries += limits::decisions::PROFILES_PER_RECORD;
    house.order("jane");
    house.store.keep();
    assert_eq!((house.on_disk("jane"), house.store.entries), (1, 1));
}

#[test]
fn who_was_not_seen_for_the_retention_is_forgotten_on_disk_too() {
    let fs = SimFs::new();
    let days = |ago: u64| Timestamp::from_unix_s(clock::now().unix_s() - ago * 86_400);
    let mut first = house(&fs);
    first.order_at("jane", days(u64::from(RETENTION) + 1));
    first.order_at("june", days(u64::from(RETENTION) - 1));
    first.store.keep();
    assert_eq!(first.on_disk("jane"), 1, "written before it was looked at");
    first.store.expired = None;
    first.store.keep();
    assert_eq!((first.orders("jane"), first.orders("june")), (None, Some(1)));
    assert_eq!((first.on_disk("jane"), first.on_disk("june")), (0, 1));
    drop(first);
    assert_eq!(house(&fs).orders("june"), Some(1));
}

#[test]
fn a_full_disk_stops_no_order_and_is_told_once() {
    let fs = SimFs::new();
    let mut first = house(&fs);
    first.order("jane");
    first.store.keep();
    fs.set_capacity(Some(fs.used_bytes()));
    for _ in 0..3 {
        first.order("jane");
        first.store.tried = None;
        first.store.keep();
    }
    assert_eq!((first.orders("jane"), first.alarms()), (Some(4), vec![false]));
    assert_eq!(first.store.profiles.counted.failed.value(), 3);
    fs.set_capacity(None);
    first.store.keep();
    assert_eq!(first.alarms(), [false], "not before a minute has passed");
    first.store.tried = None;
    first.store.keep();
    assert_eq!(first.alarms(), [false, true]);
    drop(first);
    assert_eq!(house(&fs).orders("jane"), Some(4));
}

#[test]
fn a_damaged_store_is_given_up_as_far_as_it_cannot_be_read() {
    let fs = SimFs::new();
    let dir = std::path::Path::new("/node/profiles");
    let segment = || {
        let names = fs.names(dir).expect("lists");
        fs.open(&dir.join(names.iter().find(|name| name.ends_with(".segment")).expect("one"))).expect("opens")
    };
    let mut first = house(&fs);
    first.order("jane");
    first.store.keep();
    let end_of_jane = segment().size().expect("a size");
    for customer in ["june", "jill"] {
        first.order(customer);
        first.store.keep();
    }
    drop(first);
    // In the first record: what stands behind it shows that this is no torn end.
    segment().write_all_at(&[0xff; 4], end_of_jane - 30).expect("writes");
    segment().sync().expect("syncs");
    let mut second = house(&fs);
    assert_eq!(second.alarms(), [false, true], "told, and over");
    second.order("joan");
    second.store.keep();
    let held = (second.orders("jane"), second.orders("june"), second.orders("joan"));
    assert_eq!((held.1, held.2), (None, Some(1)));
    drop(second);
    let third = house(&fs);
    assert_eq!((third.orders("jane"), third.orders("june"), third.orders("joan")), held);
    assert!(third.alarms().is_empty());
}

#[test]
fn a_store_of_another_key_is_left_alone() {
    let fs = SimFs::new();
    let mut first = house(&fs);
    first.order("jane");
    first.store.keep();
    drop(first);
    let mut other = house(&SimFs::new());
    other.store.journal = None;
    other.store.folder = ProfileFolder { fs: fs.clone(), dir: "/node/profiles".into(), key: StorageKey::new([4; 32]) };
    other.store.keep();
    assert_eq!(other.alarms(), [false]);
    assert_eq!(house(&fs).orders("jane"), Some(1));
}
