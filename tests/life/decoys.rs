//! Decoys fill a window and tell nothing: neither what they are nor, with them, how much was published.

use std::collections::BTreeMap;

use hushwire::base::kind::IdentifierKind;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::domain::feed::blob::Body;
use hushwire::domain::feed::entry::{EntryKind, Leaf};
use hushwire::domain::identifier::{RawIdentifier, canonicalise};
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::state::Settings;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

const WINDOW_S: u64 = 60;

/// What an observer sees of an indicator: kind, length of the blob, days until it expires.
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

/// The forms in a feed as another member holds it, decoys apart from what was meant.
fn forms(bank: &House, other: &House, consortium: &Consortium, today: Timestamp) -> [BTreeMap<Form, usize>; 2] {
    let mut forms = [BTreeMap::new(), BTreeMap::new()];
    let mut from = TreeSize::EMPTY;
    while let Some(part) = other.node.outgoing(&consortium.feed(0), from, 1_000).expect("reads") {
        for entry in &part.entries {
            let leaf = Leaf::decode(&entry.leaf).expect("a leaf");
            assert_eq!(leaf.kind, EntryKind::Indicator);
            let Ok(Body::Indicator(body)) = Body::decode(leaf.kind, &entry.blob) else { panic!("an indicator") };
            let days = leaf.expires_day.0 - today.day().0;
            let decoy = bank.node.state().decoys.contains(&leaf.commitment);
            *forms[usize::from(decoy)].entry((body.kind, entry.blob.len(), days)).or_default() += 1;
        }
        from = part.end;
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
    let decoys: usize = forms(&bank, &other, &consortium, now)[1].values().sum();
    assert_eq!(decoys, 27);
    // The node knows them again, and they count against the day.
    let bank = open(&consortium, bank.disk, 10, now.plus_s(10 * WINDOW_S));
    assert_eq!(forms(&bank, &other, &consortium, now)[1].values().sum::<usize>(), 27);
    assert_eq!(bank.node.state().published_on(now.day()), 30);
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
    let [meant, decoys] = forms(&bank, &other, &consortium, now);
    assert_eq!((meant.values().sum::<usize>(), decoys.values().sum::<usize>()), (200, 800));
    assert!(meant.len() >= 3, "{meant:?}");
    assert!(meant.keys().eq(decoys.keys()), "{meant:?} {decoys:?}");
    for (form, count) in &meant {
        // Of 800 draws 25 % are 200, give or take 12; five times that is no chance.
        let (drawn, expected) = (decoys[form], count * 4);
        assert!(drawn.abs_diff(expected) < 75, "{form:?}: {drawn} for {expected}");
    }
}
