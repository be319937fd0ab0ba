//! Stores written by earlier builds: every later one reads them.
//!
//! `tests/vectors/store-N.backup` was written by `.ci/frozen.sh` when format N of anything in it was the newest. It holds what a
//! backup holds, so that one file freezes the formats of backup, keystore, rosters, journal, records, feeds and audit log. Never
//! write one anew: a build that no longer reads it would no longer read the stores of members. Its keys guard nothing.

use std::path::Path;

use hushwire::base::limits;
use hushwire::base::time::Timestamp;
use hushwire::domain::case::challenge::ChallengeRules;
use hushwire::domain::case::rules::CaseRules;
use hushwire::domain::identifier::CanonRules;
use hushwire::domain::identifier::guard::GuardLists;
use hushwire::domain::indicator::typology::TypologyList;
use hushwire::domain::statistics::budget::Epsilon;
use hushwire::domain::statistics::schedule::Schedule;
use hushwire::io::backup::check::Contents;
use hushwire::io::backup::format::Parts;
use hushwire::io::backup::restore::{Target, take_apart};
use hushwire::io::journal::file::{FileJournal, JournalOptions};
use hushwire::io::journal::real_fs::RealFs;
use hushwire::io::keystore::passphrase::Passphrase;
use hushwire::io::keystore::store::Keystore;
use hushwire::io::keystore::stream::open_from;
use hushwire::io::random;
use hushwire::io::roster_files::RosterFiles;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::identity::Identity;
use hushwire::node::local_mac::LocalMacKey;
use hushwire::node::state::Settings;
use hushwire::node::store::StorageFault;

const STORE_1: &[u8] = include_bytes!("../vectors/store-1.backup");

fn passphrase() -> Passphrase {
    Passphrase::new("frozen, and no secret").expect("a line")
}

fn restored(to: &Path) -> Contents {
    let mut opened = open_from(STORE_1, &passphrase(), None).expect("opens");
    let parts = Parts::begin(&mut *opened).expect("begins");
    take_apart(parts, &passphrase(), Some(Target::new(to)), &mut |_| {}).expect("is whole")
}

/// The node on what was restored, at a moment after the last record.
fn open(dir: &Path, now: Timestamp) -> Result<Node<FileJournal<RealFs>, MemoryViews>, StorageFault> {
    let Keystore { consortium, member, keys } =
        Keystore::read(&dir.join("keystore.age"), &passphrase()).expect("opens");
    let rosters = RosterFiles::new(dir.join("rosters"), dir.join("roster.note"));
    let roster = rosters.current().expect("rosters that follow each other");
    let signers = keys.signers(&consortium, &member, &roster).expect("keys");
    let identity = Identity {
        feeds: signers.feeds,
        former_feeds: signers.former_feeds,
        audit: signers.audit,
        witness: signers.witness,
        key_ring: keys.key_ring(&roster, now).expect("an epoch").into(),
        local_mac: LocalMacKey::new(&keys.local_mac),
        sighting_keys: Vec::new(),
        consortium,
        member,
    };
    let settings = Settings {
        window_ms: 0,
        decoys: 0,
        canon_rules: CanonRules { default_region: None },
        guards: GuardLists::built_in().into(),
        typologies: TypologyList::built_in(),
        quarter_cap: Epsilon::from_nano(2_000_000_000),
        schedule: Schedule::default(),
        cases: CaseRules::default(),
        challenge: ChallengeRules::default(),
        version: "0",
        brake: None,
    };
    let journal = FileJournal::open(RealFs, &dir.join("journal"), &keys.storage, JournalOptions::default())?;
    Node::open(identity, settings, roster, journal, MemoryViews::default(), now, &mut random::generator())
}

#[test]
fn the_first_frozen_store_is_read_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let Contents { header, roster_version, segments, records, inspected } = restored(folder.path());
    assert_eq!((header.consortium.as_str(), header.member.as_str()), ("frozen.example", "bank-a"));
    let feeds: Vec<(String, u64)> =
        inspected.feeds.iter().map(|(id, size)| (id.origin(&header.consortium), size.0)).collect();
    let expected = [("frozen.example/bank-a/all", 7), ("frozen.example/bank-b/all", 2)];
    assert_eq!(feeds, expected.map(|(origin, size)| (origin.to_owned(), size)));
    assert_eq!((roster_version, segments, records, inspected.pending), (2, 2, 29, 0));
    assert_eq!((inspected.audit_size.0, inspected.audit_witnessed.map(|size| size.0)), (23, Some(21)));
    assert_eq!(inspected.incarnation.to_string(), "5252fa5cf97c1a1df9b6b80d12defccf");

    let now = Timestamp::from_unix_ms(inspected.written_at.unix_ms() + 1_000);
    let node = open(folder.path(), now).expect("opens");
    let state = node.state();
    assert_eq!(state.belief.held().live, 4, "published, retracted, erased and another member's");
    assert_eq!(state.rosters.keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(state.lists.held(), 1);
    assert_ne!(state.ledger.budget(now.day()).spent, Epsilon::NONE, "a release was charged");
}

#[test]
fn a_frozen_store_at_a_clock_behind_it_is_refused_and_stays_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let written = restored(folder.path()).inspected.written_at;
    let long_before = Timestamp::from_unix_ms(written.unix_ms() - 2 * 1_000 * limits::CLOCK_AHEAD_S);
    let refused = open(folder.path(), long_before).map(drop);
    assert!(matches!(refused, Err(StorageFault::ClockBehind { .. })), "{refused:?}");
    assert!(open(folder.path(), written).is_ok());
}
