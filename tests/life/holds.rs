//! Legal holds: what is held outlives its retention, and goes once two people lifted the hold.

use hushwire::base::bytes::Commitment;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::event::IndicatorRef;
use hushwire::domain::audit::hold::{Hold, HoldReason, Scope};
use hushwire::domain::audit::period::AuditPeriod;
use hushwire::domain::audit::record::{Actor, AuditRecord};
use hushwire::domain::case::CaseId;
use hushwire::domain::feed::entry::Leaf;
use hushwire::node::commit::{Commit, change};
use hushwire::node::explain::Sought;
use hushwire::node::hold::HoldFault;
use hushwire::node::store::{Journal, RecordNumber};

use crate::consortium::{Consortium, START};
use crate::erasure::erase;
use crate::explain::{DEVICE, decide};
use crate::house::{Disk, House, exchange};

const DAY_S: u64 = 86_400;

fn person(name: &str) -> Actor {
    Actor::Local { member: "shop".parse().expect("valid"), role: "auditor", name: name.to_owned() }
}

fn place(house: &mut House, scope: Scope, now: Timestamp) -> Hold {
    let reason = HoldReason::Complaint;
    let hold = house.node.place_hold(&person("anna"), scope, reason, now, &mut house.rng).expect("placed");
    house.node.sync().expect("syncs");
    hold
}

fn lift(house: &mut House, hold: &Hold, now: Timestamp) {
    house.node.ask_lift(&person("anna"), hold.id, now, &mut house.rng).expect("asked");
    house.node.confirm_lift(&person("ben"), hold.id, now, &mut house.rng).expect("lifted");
    house.node.sync().expect("syncs");
}

fn id(byte: u8) -> String {
    CaseId([byte; 16]).to_string()
}

/// Which of the decisions 1 and 2 the log still tells of, and whether what stood behind them is there.
fn kept(house: &mut House, now: Timestamp) -> [(bool, bool); 2] {
    [1, 2].map(|byte| {
        let sought = Sought::Decision(id(byte));
        let found = house.node.explain_decisions(&Actor::Node, &sought, now, &mut house.rng).expect("reads").found;
        house.node.sync().expect("syncs");
        found.first().map_or((false, false), |one| (one.record.is_some(), one.detail.is_some()))
    })
}

/// A bank that published one device and a shop that decided on it twice, a day apart.
fn pair(consortium: &Consortium) -> (House, House, Commitment) {
    let mut bank = House::open(consortium, 0, Disk::default(), START);
    let mut shop = House::open(consortium, 1, Disk::default(), START);
    exchange(consortium, &mut bank, &shop, START);
    exchange(consortium, &mut shop, &bank, START);
    let target = bank.publish(DEVICE, 30, None, START);
    bank.tick(START);
    exchange(consortium, &mut shop, &bank, START);
    decide(consortium, &mut shop, &id(1), "customer 1", START.plus_s(60));
    decide(consortium, &mut shop, &id(2), "customer 2", START.plus_s(DAY_S));
    (bank, shop, target)
}

/// The bank signs again, so that somebody else attests to the day, and the shop forgets what is over.
fn pass(consortium: &Consortium, bank: &mut House, shop: &mut House, now: Timestamp) {
    bank.tick(now);
    exchange(consortium, shop, bank, now);
    shop.tick(now);
    exchange(consortium, bank, shop, now);
    bank.node.compact(now).expect("compacts");
    shop.node.compact(now).expect("compacts");
}

#[test]
fn what_is_held_outlives_its_retention_and_goes_once_two_people_lifted_the_hold() {
    let indicator = |target| IndicatorRef { member: "bank-a".parse().expect("valid"), commitment: target };
    let of_first_day = || AuditPeriod::new(START, START.plus_s(3_600)).expect("a period");
    for (nth, expected) in [[(true, true), (false, false)]; 3].into_iter().chain([[(true, true); 2]]).enumerate() {
        let consortium = Consortium::new(&["bank-a", "shop"]);
        let (mut bank, mut shop, target) = pair(&consortium);
        let scope = match nth {
            0 => Scope::Decision(CaseId([1; 16])),
            1 => Scope::Case(CaseId([1; 16])),
            2 => Scope::Period(of_first_day()),
            _ => Scope::Indicator(indicator(target)),
        };
        let hold = place(&mut shop, scope.clone(), START.plus_s(2 * DAY_S));
        let years = START.plus_s(3_700 * DAY_S);
        pass(&consortium, &mut bank, &mut shop, years);
        assert_eq!(kept(&mut shop, years), expected, "{scope}");
        assert!(shop.node.audit_size().held_bytes > 0);
        // In another life too.
        let mut shop = House::open(&consortium, 1, shop.disk, years);
        shop.tick(years);
        shop.node.compact(years).expect("compacts");
        assert_eq!(kept(&mut shop, years), expected, "{scope}");

        lift(&mut shop, &hold, years);
        pass(&consortium, &mut bank, &mut shop, years);
        assert_eq!(kept(&mut shop, years), [(false, false); 2], "{scope}");
        assert_eq!(shop.node.audit_size().held_bytes, 0);
        assert!(shop.node.state().holds.is_empty());
    }
}

#[test]
fn a_held_indicator_keeps_its_content_beyond_its_time_and_it_is_told_to_nobody_then() {
    let consortium = Consortium::new(&["bank-a", "shop"]);
    let (mut bank, mut shop, target) = pair(&consortium);
    let member = "bank-a".parse().expect("valid");
    let hold = place(&mut shop, Scope::Indicator(IndicatorRef { member, commitment: target }), START.plus_s(60));
    let later = START.plus_s(60 * DAY_S);
    pass(&consortium, &mut bank, &mut shop, later);
    assert!(has_content(&shop, &target), "held");
    assert!(!has_content(&bank, &target), "not held");
    let entry = shop.held(&consortium.feed(0), 10).entries.remove(0);
    assert!(entry.salt.is_empty(), "what is over goes to nobody any more");
    lift(&mut shop, &hold, later);
    pass(&consortium, &mut bank, &mut shop, later);
    assert!(!has_content(&shop, &target));
}

/// Whether what an indicator says is on the disk.
fn has_content(house: &House, target: &Commitment) -> bool {
    let mut found = false;
    let replayed = house.disk.replay(RecordNumber(0), &mut |_, record| {
        for kind in Commit::from_bytes(record)?.kinds() {
            let change::Kind::Appended(appended) = kind else { continue };
            let whole = appended.entries.iter().filter(|entry| !entry.salt.is_empty());
            let mut leaves = whole.filter_map(|entry| Leaf::decode(&entry.leaf).ok());
            found |= leaves.any(|leaf| leaf.commitment == *target);
        }
        Ok(())
    });
    replayed.expect("memory reads");
    found
}

#[test]
fn an_erasure_by_the_author_takes_the_copy_of_the_exchange_and_leaves_what_held_decisions_rested_on() {
    let consortium = Consortium::new(&["bank-a", "shop"]);
    for held in [false, true] {
        let (mut bank, mut shop, target) = pair(&consortium);
        if held {
            place(&mut shop, Scope::Decision(CaseId([1; 16])), START.plus_s(2 * DAY_S));
        }
        let now = START.plus_s(3 * DAY_S);
        assert_eq!(erase(&mut bank, target, now), [target]);
        pass(&consortium, &mut bank, &mut shop, now);
        let entry = shop.held(&consortium.feed(0), 10).entries.remove(0);
        assert!(entry.salt.is_empty(), "the author's word stands, hold or none");
        let behind = |byte: u8, shop: &mut House| {
            let sought = Sought::Decision(id(byte));
            let found = shop.node.explain_decisions(&Actor::Node, &sought, now, &mut shop.rng).expect("reads").found;
            shop.node.sync().expect("syncs");
            found[0].detail.as_ref().expect("kept").indicators[0].said().is_some()
        };
        assert_eq!((behind(1, &mut shop), behind(2, &mut shop)), (held, false));
    }
}

#[test]
fn lifting_takes_two_people_and_everything_is_recorded() {
    let consortium = Consortium::new(&["bank-a", "shop"]);
    let (_, mut shop, _) = pair(&consortium);
    let now = START.plus_s(2 * DAY_S);
    let hold = place(&mut shop, Scope::Decision(CaseId([1; 16])), now);
    assert_eq!(place(&mut shop, hold.scope.clone(), now.plus_s(1)), hold, "the same again is the same hold");
    let unknown = hushwire::domain::audit::hold::HoldId([7; 16]);
    let confirm = |shop: &mut House, name: &str, id, now| {
        let lifted = shop.node.confirm_lift(&person(name), id, now, &mut shop.rng);
        shop.node.sync().expect("syncs");
        lifted.map(drop)
    };
    assert_eq!(confirm(&mut shop, "ben", unknown, now), Err(HoldFault::Unknown));
    assert_eq!(confirm(&mut shop, "ben", hold.id, now), Err(HoldFault::NotAsked { hours: 24 }));
    shop.node.ask_lift(&person("anna"), hold.id, now, &mut shop.rng).expect("asked");
    // Asked again, by whomever, it waits for the confirmation of the same request.
    let again = shop.node.ask_lift(&person("ben"), hold.id, now, &mut shop.rng).expect("asked");
    assert_eq!(again.lift_asked.expect("asked").person, "anna");
    assert_eq!(confirm(&mut shop, "anna", hold.id, now), Err(HoldFault::SamePerson { person: "anna".to_owned() }));
    let late = now.plus_s(24 * 3_600);
    assert_eq!(confirm(&mut shop, "ben", hold.id, late), Err(HoldFault::NotAsked { hours: 24 }), "too late");
    shop.node.ask_lift(&person("ben"), hold.id, late, &mut shop.rng).expect("asked");
    let holds = shop.node.list_holds(&person("anna"), late, &mut shop.rng).expect("listed");
    assert_eq!(holds.len(), 1);
    assert_eq!(confirm(&mut shop, "anna", hold.id, late), Ok(()));
    assert_eq!(confirm(&mut shop, "anna", hold.id, late), Err(HoldFault::Unknown));
    let actions: Vec<String> = ["hold.placed", "hold.lift_asked", "hold.refused", "hold.listed", "hold.lifted"]
        .into_iter()
        .flat_map(|action| shop.audited(action, late))
        .map(|record: AuditRecord| {
            format!("{} by {}", record.action(), record.actor().rsplit('/').next().expect("a name"))
        })
        .collect();
    assert_eq!(
        actions,
        [
            "hold.placed by anna",
            "hold.lift_asked by anna",
            "hold.lift_asked by ben",
            "hold.refused by anna",
            "hold.listed by anna",
            "hold.lifted by anna"
        ]
    );
}

#[test]
fn nothing_is_held_that_a_running_sweep_may_be_taking() {
    let consortium = Consortium::new(&["bank-a", "shop"]);
    let (_, mut shop, _) = pair(&consortium);
    let now = START.plus_s(2 * DAY_S);
    let mut compaction = shop.node.begin_compaction(now).expect("begins").expect("nothing else runs");
    let scope = Scope::Decision(CaseId([1; 16]));
    let refused = shop.node.place_hold(&person("anna"), scope.clone(), HoldReason::Authority, now, &mut shop.rng);
    assert_eq!(refused, Err(HoldFault::Sweeping));
    while let Some(part) = compaction.work() {
        shop.node.install_compacted(part).expect("installs");
    }
    shop.node.end_compaction(compaction).expect("ends");
    place(&mut shop, scope, now);
}

#[test]
fn what_the_log_takes_is_told_by_month_and_kind_and_what_retention_frees_is_gone_then() {
    let consortium = Consortium::new(&["bank-a", "shop"]);
    let (mut bank, mut shop, _) = pair(&consortium);
    let size = shop.node.audit_size();
    let entries = |size: &hushwire::node::audit_size::AuditSize| {
        size.rows.iter().filter(|((_, kind), _)| kind != "detail").map(|(_, tally)| tally.entries).sum::<u64>()
    };
    assert_eq!(entries(&size), shop.node.state().audit.size().0);
    let row = |kind: &str| size.rows.get(&("2026-11".to_owned(), kind.to_owned())).expect("some").entries;
    assert_eq!((row("screening"), row("detail")), (2, 2));
    let freed: u64 = size.freed.values().sum();
    let held: u64 = size.rows.values().map(|tally| tally.bytes).sum();
    let leaves = 70 * shop.node.state().audit.size().0;
    assert_eq!(freed + leaves, held, "all but the leaves goes some day");
    // A start counts the same from the journal alone, and so does a sweep.
    let reopened = House::open(&consortium, 1, shop.disk.copy(), START.plus_s(DAY_S));
    assert!(entries(&reopened.node.audit_size()) > entries(&size));
    let years = START.plus_s(3_700 * DAY_S);
    pass(&consortium, &mut bank, &mut shop, years);
    let size = shop.node.audit_size();
    assert_eq!(entries(&size), shop.node.state().audit.size().0);
    assert!(size.rows.keys().all(|(_, kind)| kind != "detail" && kind != "screening"), "{size:?}");
    assert!(size.rows.get(&(String::new(), "expired".to_owned())).is_some_and(|tally| tally.entries >= 2));
    assert!(shop.node.state().audit.size() > TreeSize(2));
}
