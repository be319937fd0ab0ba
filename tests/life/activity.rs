//! Tallies by day: they say what happened, a restart and compaction change none of them, and old days go.

use std::collections::BTreeMap;

use hushwire::base::bytes::Sha256Digest;
use hushwire::base::limits;
use hushwire::base::position::TreeSize;
use hushwire::base::time::{Day, Timestamp};
use hushwire::domain::audit::record::Actor;
use hushwire::domain::indicator::words::RetractionReason;
use hushwire::node::activity::{Activity, DayActivity, EntryCounts, PeerDay};
use hushwire::node::record_screening::{DecisionCounts, ScreeningRecord};
use hushwire::node::retract::RetractRequest;
use hushwire::node::select::Selectors;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

const DAY_S: u64 = 86_400;
const BANK: usize = 0;
const SHOP: usize = 1;

fn days(activity: &Activity, until: Timestamp) -> Vec<(Day, DayActivity)> {
    activity.days(START.day(), until.day()).map(|(day, activity)| (day, activity.clone())).collect()
}

fn of(house: &House, day: Timestamp) -> DayActivity {
    let mut days = house.node.state().activity.days(day.day(), day.day().next());
    days.next().map(|(_, activity)| activity.clone()).unwrap_or_default()
}

fn with(house: &House, peer: usize, consortium: &Consortium, day: Timestamp) -> PeerDay {
    of(house, day).peers.remove(&consortium.members[peer]).unwrap_or_default()
}

fn retract(house: &mut House, case: &str, now: Timestamp) {
    let selectors = Selectors { source_refs: vec![case.to_owned()], ..Selectors::default() };
    let request = RetractRequest { request: None, selectors, reason: RetractionReason::FalsePositive };
    house.node.retract_indicators(&Actor::Node, request, now, &mut house.rng).expect("retracts");
    house.node.sync().expect("syncs");
}

fn screen(house: &mut House, decision: &'static str, counted: DecisionCounts, now: Timestamp) {
    let record = ScreeningRecord {
        caller: Actor::Node,
        time: now,
        decision_id: "a0".repeat(16),
        decision,
        reasons: vec!["single_indicator".to_owned()],
        matched: Vec::new(),
        policy_sha256: Sha256Digest([1; 32]),
        degraded: false,
        anomalies: Vec::new(),
        case: None,
        behind: None,
    };
    house.node.record_screenings(vec![record], &mut house.rng).expect("recorded");
    let counts = BTreeMap::from([(Actor::Node, counted)]);
    house.node.record_counts(now, counts, now, &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
}

/// Everything the bank has goes to the shop, which says so.
fn deliver(consortium: &Consortium, bank: &mut House, shop: &mut House, now: Timestamp) {
    bank.tick(now);
    exchange(consortium, shop, bank, now);
    let (peer, feed) = (&consortium.members[SHOP], consortium.feed(BANK));
    let size = shop.node.state().feeds[&feed].durable_size;
    bank.node.acknowledge(peer, &feed, size, now, &mut bank.rng).expect("recorded");
    bank.node.sync().expect("syncs");
}

#[test]
fn a_restart_and_compaction_change_no_tally() {
    let consortium = Consortium::new(&["bank-a", "shop"]);
    let mut bank = House::open(&consortium, BANK, Disk::default(), START);
    let mut shop = House::open(&consortium, SHOP, Disk::default(), START);
    exchange(&consortium, &mut shop, &bank, START);
    exchange(&consortium, &mut bank, &shop, START);
    for nth in 0..3 {
        bank.publish(&format!("device-of-case-0{nth}"), 2, Some("case-1"), START);
    }
    deliver(&consortium, &mut bank, &mut shop, START);
    let second = START.plus_s(DAY_S);
    retract(&mut bank, "case-1", second);
    screen(&mut bank, "hold", DecisionCounts { allowed: 7, held: 1, ..DecisionCounts::default() }, second);
    deliver(&consortium, &mut bank, &mut shop, second);
    // Acknowledged twice, counted once.
    let feed = consortium.feed(BANK);
    bank.node.acknowledge(&consortium.members[SHOP], &feed, TreeSize(6), second, &mut bank.rng).expect("nothing to do");

    let indicators = EntryCounts { indicators: 3, ..EntryCounts::default() };
    let retractions = EntryCounts { retractions: 3, ..EntryCounts::default() };
    assert_eq!(with(&bank, SHOP, &consortium, START), PeerDay { left: indicators, ..PeerDay::default() });
    assert_eq!(with(&bank, SHOP, &consortium, second), PeerDay { left: retractions, ..PeerDay::default() });
    assert_eq!(with(&shop, BANK, &consortium, START), PeerDay { came: indicators, ..PeerDay::default() });
    assert_eq!(with(&shop, BANK, &consortium, second), PeerDay { came: retractions, ..PeerDay::default() });
    let (first, then) = (of(&bank, START), of(&bank, second));
    assert_eq!((first.published, first.retracted, then.retracted), (3, 0, 3));
    assert_eq!(then.decisions, DecisionCounts { allowed: 7, held: 1, ..DecisionCounts::default() });
    assert_eq!(then.recorded, DecisionCounts { held: 1, ..DecisionCounts::default() });

    for (house, later) in [(bank, START.plus_s(3 * DAY_S)), (shop, START.plus_s(40 * DAY_S))] {
        let member = house.member;
        let before = days(&house.node.state().activity, later);
        assert_eq!(before.len(), 2);
        let mut house = House::open(&consortium, member, house.disk, later);
        assert_eq!(days(&house.node.state().activity, later), before, "after a restart");
        house.node.compact(later.plus_s(DAY_S)).expect("compacts");
        let house = House::open(&consortium, member, house.disk, later.plus_s(DAY_S));
        assert_eq!(days(&house.node.state().activity, later), before, "after compaction");
    }
}

#[test]
fn days_beyond_the_retention_of_their_records_are_forgotten_in_every_life() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut bank = House::open(&consortium, BANK, Disk::default(), START);
    bank.publish("device-of-case-01", 30, None, START);
    bank.tick(START);
    let last = START.plus_s(u64::from(limits::ACTIVITY_DAYS) * DAY_S);
    let mut bank = House::open(&consortium, BANK, bank.disk, last);
    assert_eq!(of(&bank, START).published, 1);
    let after = last.plus_s(DAY_S);
    bank.tick(after);
    assert_eq!(of(&bank, START), DayActivity::default());
    let bank = House::open(&consortium, BANK, bank.disk, after);
    assert_eq!(of(&bank, START), DayActivity::default());
}
