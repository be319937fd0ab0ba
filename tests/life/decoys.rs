//! Decoys fill a window and tell nothing: neither what they are nor, with them, how much was published.

use std::collections::{BTreeMap, BTreeSet};

use hushwire::base::bytes::Commitment;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::position::TreeSize;
use hushwire::base::time::{Hour, Timestamp};
use hushwire::domain::audit::record::Actor;
use hushwire::domain::feed::blob::Body;
use hushwire::domain::feed::entry::Leaf;
use hushwire::domain::identifier::{RawIdentifier, canonicalise};
use hushwire::domain::indicator::words::RetractionReason;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::publish::PublishRequest;
use hushwire::node::reserve::Found;
use hushwire::node::retract::RetractRequest;
use hushwire::node::select::Selectors;
use hushwire::node::state::Settings;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, asked, exchange, reserve};

const WINDOW_S: u64 = 60;

/// What an observer sees of an indicator: kind, length of the blob, days from its hour until it expires.
type Form = (IdentifierKind, usize, u32);

fn open(consortium: &Consortium, disk: Disk, decoys: usize, now: Timestamp) -> House {
    let mut rng = StdRng::seed_from_u64(11);
    let settings = Settings { window_ms: WINDOW_S * 1_000, decoys, ..consortium.settings() };
    let (roster, identity) = (consortium.roster.clone(), consortium.identity(0));
    let views = MemoryViews::new();
    let node = Node::open(identity, settings, roster, disk.clone(), views, now, &mut rng).expect("opens");
    House { member: 0, disk, node, rng, rewritten: 0 }
}

/// A member that has others' answers and has entered its first window.
fn ready(consortium: &Consortium, decoys: usize) -> (House, House) {
    let mut bank = open(consortium, Disk::default(), decoys, START);
    let other = House::open(consortium, 1, Disk::default(), START);
    exchange(consortium, &mut bank, &other, START);
    bank.tick(START);
    (bank, other)
}

fn size(house: &House, consortium: &Consortium) -> TreeSize {
    house.node.heads().get(&consortium.feed(0)).map(|head| head.size).unwrap_or_default()
}

/// One entry of the feed as another member holds it.
struct Seen {
    commitment: Commitment,
    form: Form,
    hour: Hour,
}

/// Everything in the feed from a size on.
fn seen(other: &House, consortium: &Consortium, mut from: TreeSize) -> Vec<Seen> {
    let mut seen = Vec::new();
    let (reader, feed) = (&consortium.members[1], consortium.feed(0));
    while let Some(part) = other.node.outgoing(reader, &feed, from, 1_000).expect("reads") {
        for entry in &part.entries {
            let leaf = Leaf::decode(&entry.leaf).expect("a leaf");
            let (kind, hour) = match Body::decode(leaf.kind, &entry.blob).expect("its own kind") {
                Body::Indicator(body) => (body.kind, body.hour),
                Body::Retraction(body) => (IdentifierKind::Device, body.hour),
                other => panic!("{other:?}"),
            };
            let days = leaf.expires_day.0 - hour.day().0;
            seen.push(Seen { commitment: leaf.commitment, form: (kind, entry.blob.len(), days), hour });
        }
        from = part.end;
    }
    seen
}

/// The forms in a feed as another member holds it, decoys apart from what was meant.
fn forms(bank: &House, other: &House, consortium: &Consortium) -> [BTreeMap<Form, usize>; 2] {
    let mut forms = [BTreeMap::new(), BTreeMap::new()];
    for entry in seen(other, consortium, TreeSize::EMPTY) {
        let decoy = bank.node.state().decoys.contains(&entry.commitment);
        *forms[usize::from(decoy)].entry(entry.form).or_default() += 1;
    }
    forms
}

#[test]
fn every_window_is_filled_up_also_where_nothing_was_published() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (mut bank, mut other) = ready(&consortium, 10);
    let nth = |bank: &mut House, windows: u64| bank.tick(START.plus_s(windows * WINDOW_S));
    nth(&mut bank, 1);
    assert_eq!(size(&bank, &consortium), TreeSize(0), "there is no form to copy yet");
    let now = START.plus_s(WINDOW_S + 10);
    let devices = ["device-of-a-case-01", "device-of-a-case-02", "device-of-a-case-03"];
    for device in devices {
        bank.publish(device, 30, None, now);
    }
    for (windows, expected) in [(2, 10), (2, 10), (3, 20), (4, 30)] {
        nth(&mut bank, windows);
        assert_eq!(size(&bank, &consortium), TreeSize(expected), "window {windows}");
    }
    exchange(&consortium, &mut other, &bank, now);
    assert_eq!(other.live(), 30, "to others all are indicators");
    let state = other.node.state();
    for device in devices {
        let raw = RawIdentifier::new(IdentifierKind::Device, device.to_owned());
        let canonical = canonicalise(&raw, &state.settings.canon_rules).expect("valid");
        let pseudonym = state.identity.key_ring.current.pseudonym(&canonical[0]);
        let found = state.belief.view().statements(&pseudonym);
        assert_eq!(found.len(), 1, "a decoy matches nothing");
    }
    let decoys: usize = forms(&bank, &other, &consortium)[1].values().sum();
    assert_eq!(decoys, 27);
    // The node knows them again, and they count against the day.
    let bank = open(&consortium, bank.disk, 10, now.plus_s(10 * WINDOW_S));
    assert_eq!(forms(&bank, &other, &consortium)[1].values().sum::<usize>(), 27);
    assert_eq!(bank.node.state().published.on(now.day()), 30);
}

#[test]
fn without_decoys_a_quiet_window_stays_empty() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (mut bank, _) = ready(&consortium, 0);
    bank.publish("device-of-a-case-01", 30, None, START.plus_s(1));
    for windows in 1..5 {
        bank.tick(START.plus_s(windows * WINDOW_S));
    }
    assert_eq!(size(&bank, &consortium), TreeSize(1));
}

#[test]
fn decoys_are_spread_over_the_same_forms_as_what_is_meant() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (mut bank, mut other) = ready(&consortium, 1_000);
    let now = START.plus_s(10);
    for nth in 0..200 {
        let days = [10, 10, 30, 60][nth % 4];
        bank.publish(&format!("device-of-a-case-{nth:04}"), days, None, now);
    }
    bank.tick(START.plus_s(WINDOW_S));
    assert_eq!(size(&bank, &consortium), TreeSize(1_000));
    exchange(&consortium, &mut other, &bank, now);
    let [meant, decoys] = forms(&bank, &other, &consortium);
    assert_eq!((meant.values().sum::<usize>(), decoys.values().sum::<usize>()), (200, 800));
    assert!(meant.len() >= 3, "{meant:?}");
    assert!(meant.keys().eq(decoys.keys()), "{meant:?} {decoys:?}");
    for (form, count) in &meant {
        // Of 800 draws 25 % are 200, give or take 12; five times that is no chance.
        let (drawn, expected) = (decoys[form], count * 4);
        assert!(drawn.abs_diff(expected) < 75, "{form:?}: {drawn} for {expected}");
    }
}

/// Publishes devices in one call, spread over so many seconds.
fn publish_spread(bank: &mut House, devices: usize, spread_s: u32, supersedes: Commitment, now: Timestamp) {
    let drafts = (0..devices).flat_map(|nth| {
        let device = RawIdentifier::new(IdentifierKind::Device, format!("device-of-a-spread-{nth:04}"));
        asked(None, device, 30, None, now).drafts
    });
    let mut drafts: Vec<_> = drafts.collect();
    drafts[0].as_mut().expect("a draft").supersedes = Some(supersedes);
    let all = PublishRequest { request: None, group: None, drafts, dry_run: false, force_wide: false, spread_s };
    let receipt = bank.node.publish_indicators(&Actor::Node, all, now, &mut bank.rng).expect("publishes");
    assert_eq!(receipt.refused, []);
    bank.node.sync().expect("syncs");
}

#[test]
fn a_spread_call_shows_no_common_hour_and_no_decoy_another_than_its_window() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (mut bank, mut other) = ready(&consortium, 3);
    let first = bank.publish("device-of-a-case-01", 30, None, START.plus_s(1));
    bank.tick(START.plus_s(WINDOW_S));
    let called = START.plus_s(WINDOW_S + 1);
    publish_spread(&mut bank, 24, 6 * 3_600, first, called);
    let mut meant = BTreeSet::new();
    for window in 2..=6 * 60 + 2 {
        let (before, now) = (size(&bank, &consortium), START.plus_s(window * WINDOW_S + 1));
        bank.tick(now);
        exchange(&consortium, &mut other, &bank, now);
        for entry in seen(&other, &consortium, before) {
            assert_eq!(entry.hour, now.hour(), "whatever it is");
            if !bank.node.state().decoys.contains(&entry.commitment) {
                meant.insert(entry.hour);
            }
        }
    }
    assert_eq!(bank.node.status(called).pending, 0);
    assert!(meant.len() >= 5, "the call is spread over hours that say so: {meant:?}");
}

#[test]
fn what_waited_while_the_node_was_away_is_not_told_from_decoys_by_its_hour() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (mut bank, mut other) = ready(&consortium, 200);
    let first = bank.publish("device-of-a-case-01", 30, None, START.plus_s(1));
    bank.tick(START.plus_s(WINDOW_S));
    publish_spread(&mut bank, 10, 4 * 3_600, first, START.plus_s(WINDOW_S + 1));
    let before = size(&bank, &consortium);
    let now = START.plus_s(9 * 3_600);
    let mut bank = open(&consortium, bank.disk, 200, now);
    exchange(&consortium, &mut bank, &other, now);
    bank.tick(now);
    exchange(&consortium, &mut other, &bank, now);
    let mut hours = [BTreeSet::new(), BTreeSet::new()];
    for entry in seen(&other, &consortium, before) {
        hours[usize::from(bank.node.state().decoys.contains(&entry.commitment))].insert(entry.hour);
    }
    let [meant, decoys] = hours;
    assert!(meant.len() >= 2, "{meant:?}");
    assert_eq!(meant, decoys);
    assert_eq!(size(&bank, &consortium).0 - before.0, 201, "a retraction and a full window");
}

#[test]
fn decoys_go_on_after_a_compaction_and_a_start() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (mut bank, other) = ready(&consortium, 10);
    bank.publish("device-of-a-case-01", 30, None, START.plus_s(1));
    bank.tick(START.plus_s(WINDOW_S));
    assert_eq!(size(&bank, &consortium), TreeSize(10));
    let now = START.plus_s(90_000);
    assert!(bank.node.compact(now).expect("compacts").rewritten > 0);
    let mut bank = open(&consortium, bank.disk, 10, now);
    exchange(&consortium, &mut bank, &other, now);
    for (windows, expected) in [(0, 20), (0, 20), (1, 30)] {
        bank.tick(now.plus_s(windows * WINDOW_S));
        assert_eq!(size(&bank, &consortium), TreeSize(expected), "window {windows}");
    }
}

#[test]
fn decoys_copy_what_was_meant_and_not_each_other() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (mut bank, mut other) = ready(&consortium, 200);
    for (window, days) in [(0, 30), (3, 60)] {
        bank.publish(&format!("device-of-a-case-{days}"), days, None, START.plus_s(window * WINDOW_S + 1));
        for later in window + 1..window + 3 {
            bank.tick(START.plus_s(later * WINDOW_S));
        }
    }
    exchange(&consortium, &mut other, &bank, START.plus_s(5 * WINDOW_S));
    let copied = seen(&other, &consortium, TreeSize(400));
    let long = copied.iter().filter(|entry| entry.form.2 > 45).count();
    assert_eq!(copied.len(), 400);
    // Of 400 draws from two forms; were decoys copied too, there would be a handful.
    assert!((120..280).contains(&long), "{long}");
}

/// Guarded, with decoys, before anything is reserved.
fn guarded(consortium: &Consortium, decoys: usize) -> House {
    let mut bank = open(consortium, Disk::default(), decoys, START);
    let other = House::open(consortium, 1, Disk::default(), START);
    exchange(consortium, &mut bank, &other, START);
    bank.node.guard(Found::Nothing, START, &mut bank.rng).expect("guards");
    bank
}

#[test]
fn sizes_are_reserved_for_decoys_too() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = guarded(&consortium, 1_000);
    let mut file = None;
    let mut published = Vec::new();
    let mut round = |bank: &mut House, window: u64| {
        reserve(bank, &mut file);
        bank.tick(START.plus_s(window * WINDOW_S));
    };
    for nth in 0..100 {
        published.push(bank.publish(&format!("device-of-a-case-{nth:04}"), 30, None, START.plus_s(1)));
    }
    round(&mut bank, 1);
    // What did not wait for a window leaves less than another one needs, and more than is renewed for its own sake.
    round(&mut bank, 1);
    let (selectors, reason) = (
        Selectors { names: published.into_iter().map(Ok).collect(), ..Selectors::default() },
        RetractionReason::FalsePositive,
    );
    let now = START.plus_s(WINDOW_S + 1);
    let request = RetractRequest { request: None, selectors, reason };
    bank.node.retract_indicators(&Actor::Node, request, now, &mut bank.rng).expect("retracts");
    bank.node.sync().expect("syncs");
    assert_eq!(size(&bank, &consortium), TreeSize(1_100));
    bank.publish("device-of-another-case", 30, None, now);
    round(&mut bank, 2);
    assert_eq!((size(&bank, &consortium), bank.node.status(now).pending), (TreeSize(2_100), 0));
}

#[test]
fn where_sizes_are_not_reserved_yet_decoys_wait_and_what_is_meant_goes_first() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let mut bank = guarded(&consortium, 10);
    let now = START.plus_s(WINDOW_S);
    let mut file = None;
    for nth in 0..3 {
        bank.publish(&format!("device-of-a-case-{nth}"), 30, None, START.plus_s(1));
    }
    bank.tick(now);
    assert_eq!(size(&bank, &consortium), TreeSize(0));
    let mut narrow = bank.node.wanted_reservation().expect("nothing is reserved");
    let wide = narrow.clone();
    narrow.feeds.values_mut().for_each(|reserved| reserved.until = TreeSize(5));
    bank.node.confirm_reservation(narrow);
    bank.tick(now);
    assert_eq!((size(&bank, &consortium), bank.node.status(now).pending), (TreeSize(3), 0));
    bank.node.confirm_reservation(wide);
    for _ in 0..2 {
        bank.tick(now);
        assert_eq!(size(&bank, &consortium), TreeSize(13), "the window is filled once");
    }
    // Where all waits for the first reservation, it goes out together.
    let mut bank = guarded(&consortium, 10);
    bank.publish("device-of-a-case-01", 30, None, START.plus_s(1));
    bank.tick(now);
    reserve(&mut bank, &mut file);
    bank.tick(now);
    assert_eq!(size(&bank, &consortium), TreeSize(10));
}
