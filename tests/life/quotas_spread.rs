//! A member's own node counts each entry to the day its readers reckon it to, however long it waits.

use hushwire::base::bytes::Commitment;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::identifier::RawIdentifier;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::publish::{PublishFault, PublishReceipt, PublishRequest};
use hushwire::node::state::Settings;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, asked, exchange};

const DAY_S: u64 = 86_400;
const HOUR_S: u64 = 3_600;

/// Two members of whom the first has this quota, and its node, which has the other's answers.
fn with_quota(quota: u32) -> (Consortium, House, House) {
    let mut consortium = Consortium::new(&["bank-a", "bank-b"]);
    consortium.amend(|terms| terms.members[0].entries_per_day = quota);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let other = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &other, START);
    bank.tick(START);
    (consortium, bank, other)
}

/// Publishes devices in one call, each in place of what it supersedes, spread over a day.
fn spread(
    bank: &mut House,
    name: &str,
    devices: usize,
    superseded: &[Commitment],
    now: Timestamp,
) -> Result<PublishReceipt, PublishFault> {
    let mut drafts = Vec::new();
    for nth in 0..devices {
        let device = RawIdentifier::new(IdentifierKind::Device, format!("device-of-{name}-{nth:05}"));
        let mut one = asked(None, device, 30, None, now).drafts;
        one[0].as_mut().expect("a draft").supersedes = superseded.get(nth).copied();
        drafts.append(&mut one);
    }
    let all =
        PublishRequest { request: None, group: None, drafts, dry_run: false, force_wide: false, spread_s: 86_400 };
    let receipt = bank.node.publish_indicators(&Actor::Node, all, now, &mut bank.rng);
    bank.node.sync().expect("syncs");
    receipt
}

/// Of the first member at a house: indicators that count, and entries that do not.
fn held(house: &House, consortium: &Consortium) -> (u64, u64) {
    let doubted = house.node.state().feeds[&consortium.feed(0)].unbelieved.counts();
    (house.live(), doubted.map(|(_, count)| count).sum())
}

#[test]
fn what_waits_past_midnight_uses_the_quota_of_the_next_day() {
    let (consortium, bank, mut other) = with_quota(3);
    let (identity, roster, views) = (consortium.identity(0), consortium.roster.clone(), MemoryViews::new());
    let settings = Settings { window_ms: 60_000, ..consortium.settings() };
    let mut rng = StdRng::seed_from_u64(3);
    let node = Node::open(identity, settings, roster, bank.disk.clone(), views, START, &mut rng).expect("opens");
    let mut bank = House { node, ..bank };
    let before = START.plus_s(DAY_S - 30);
    for device in ["device-of-a-case-01", "device-of-a-case-02", "device-of-a-case-03"] {
        bank.try_publish(device, before).expect("there is room");
    }
    let (day, quota) = (START.plus_s(DAY_S).day(), 3);
    for now in [before, START.plus_s(DAY_S + 1)] {
        let refused = bank.try_publish("device-of-a-case-04", now);
        assert_eq!(refused, Err(PublishFault::Quota { day, published: 3, asked: 1, quota }));
    }
    exchange(&consortium, &mut bank, &other, START);
    bank.tick(START.plus_s(DAY_S));
    exchange(&consortium, &mut other, &bank, START.plus_s(DAY_S));
    assert_eq!(held(&other, &consortium), (3, 0));
    let told = PublishFault::Quota { day, published: 3, asked: 1, quota }.to_string();
    assert!(told.starts_with("3 entries published for 2026-11-23 (UTC) leave no room for 1"), "{told}");
}

#[test]
fn what_an_honest_member_spreads_counts_at_its_readers_to_the_last() {
    let (consortium, mut bank, mut other) = with_quota(20);
    let (mut acknowledged, mut refused) = (0, 0);
    for hour in 0..6 * 24_u64 {
        let now = START.plus_s(hour * HOUR_S);
        if hour < 5 * 24 && hour % 3 == 0 {
            match spread(&mut bank, &format!("hour-{hour:03}"), 5, &[], now) {
                Ok(receipt) => acknowledged += u64::try_from(receipt.published.len()).expect("few"),
                Err(PublishFault::Quota { .. }) => refused += 1,
                Err(fault) => panic!("{fault}"),
            }
        }
        if hour % 31 == 30 {
            bank.node.compact(now).expect("compacts");
            bank = House::open(&consortium, 0, bank.disk, now);
            exchange(&consortium, &mut bank, &other, now);
        }
        bank.tick(now);
        exchange(&consortium, &mut other, &bank, now);
    }
    assert!(acknowledged > 60 && refused > 5, "{acknowledged} {refused}");
    assert_eq!(held(&other, &consortium), (acknowledged, 0));
    assert_eq!(held(&bank, &consortium), (acknowledged, 0));
}

#[test]
fn days_that_waited_are_signed_one_after_the_other() {
    let (consortium, mut bank, mut other) = with_quota(3);
    let mut now = START;
    for day in 0..6 {
        now = START.plus_s(day * DAY_S);
        for device in 0..3 {
            bank.publish(&format!("device-{device}-of-day-{day}"), 30, None, now);
        }
    }
    bank.tick(now);
    exchange(&consortium, &mut other, &bank, now);
    assert_eq!(held(&other, &consortium), (18, 0));
}

#[test]
fn compaction_and_a_start_refund_nothing_of_a_day() {
    let (consortium, mut bank, _) = with_quota(100_000);
    let superseded: Vec<Commitment> =
        (0..200).map(|nth| bank.publish(&format!("device-of-a-case-{nth:04}"), 30, None, START)).collect();
    bank.tick(START);
    spread(&mut bank, "a-spread", 200, &superseded, START.plus_s(HOUR_S)).expect("publishes");
    // The next day, and longer ago than the answer to a repeated request is kept.
    let now = START.plus_s(DAY_S + 2 * HOUR_S);
    bank.tick(now);
    let published = bank.node.state().published.on(now.day());
    assert!(published >= 4, "{published}");
    bank.node.compact(now).expect("compacts");
    let bank = House::open(&consortium, 0, bank.disk, now);
    assert_eq!(bank.node.state().published.on(now.day()), published);
}

#[test]
fn what_peers_gave_back_uses_the_quota_of_its_day() {
    let (consortium, mut bank, mut other) = with_quota(3);
    let old = bank.disk.copy();
    bank.publish("device-of-a-case-01", 30, None, START);
    bank.publish("device-of-a-case-02", 30, None, START);
    bank.tick(START);
    exchange(&consortium, &mut other, &bank, START);
    let mut bank = House::open(&consortium, 0, old, START);
    exchange(&consortium, &mut bank, &other, START);
    bank.tick(START);
    bank.try_publish("device-of-a-case-03", START).expect("one is left");
    let refused = bank.try_publish("device-of-a-case-04", START);
    assert!(matches!(refused, Err(PublishFault::Quota { published: 3, asked: 1, .. })), "{refused:?}");
}
