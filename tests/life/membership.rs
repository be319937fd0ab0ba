//! The members as they are heard, and the own keys; and the policies that decided, one after the other.

use hushwire::base::bytes::Sha256Digest;
use hushwire::base::epoch::KeyEpoch;
use hushwire::base::position::TreeSize;
use hushwire::domain::roster::member::MemberState;
use hushwire::node::due::DueWhat;

use crate::consortium::{Consortium, START};
use crate::explain::{DEVICE, decide};
use crate::house::{Disk, House, exchange};

const DAY_S: u64 = 86_400;

#[test]
fn each_member_is_shown_with_its_feeds_and_how_they_are_heard() {
    let consortium = Consortium::with_epochs(&["bank-a", "shop"], &[KeyEpoch(1), KeyEpoch(2)]);
    let mut bank = House::open(&consortium, 0, Disk::default(), START);
    let mut shop = House::open(&consortium, 1, Disk::default(), START);
    exchange(&consortium, &mut bank, &shop, START);
    exchange(&consortium, &mut shop, &bank, START);
    shop.publish("device-of-case-01", 90, None, START);
    shop.tick(START);
    exchange(&consortium, &mut bank, &shop, START);
    bank.publish("device-of-case-02", 90, None, START);
    bank.tick(START);
    let seen = bank.node.membership(START.plus_s(60));
    let members: Vec<(&str, bool, MemberState)> =
        seen.members.iter().map(|member| (member.id.as_str(), member.own, member.state)).collect();
    assert_eq!(members, [("bank-a", true, MemberState::Active), ("shop", false, MemberState::Active)]);
    let feed = &seen.members[1].feeds[0];
    assert_eq!((feed.size, feed.told, feed.unacknowledged, feed.stale), (TreeSize(1), TreeSize(1), 1, false));
    assert_eq!(feed.signed_at, Some(START));
    assert!(bank.node.membership(START.plus_s(DAY_S)).members[1].feeds[0].stale, "not heard for a day");
    assert!(!bank.node.membership(START.plus_s(DAY_S)).members[0].feeds[0].stale, "its own is here");
    let epochs: Vec<(u32, bool)> = seen.epochs.iter().map(|epoch| (epoch.number.0, epoch.current)).collect();
    assert_eq!(epochs, [(1, true), (2, false)]);
    assert_eq!(feed.root, shop.node.state().feeds[&consortium.feed(1)].cursor.range.root(), "the same tree");
    let due = bank.node.list_due(&seen, START.plus_s(60));
    let first = due.iter().map(|due| due.by).collect::<Vec<_>>();
    assert!(first.is_sorted_by_key(|by| (by.is_none(), *by)), "{due:?}");
    let roster = due.iter().find(|due| due.what == DueWhat::Roster).expect("a roster always ends");
    assert_eq!(roster.by, Some(seen.roster_ends));
    let keys: Vec<(&str, bool)> = seen.own_keys.iter().map(|key| (key.name.as_str(), key.changing)).collect();
    assert_eq!(keys[..3], [("audit", false), ("witness", false), ("feed all", false)]);
}

#[test]
fn policies_are_listed_newest_first_with_their_time_and_rules_with_their_hits() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    let policy = |version: u32| format!("name = \"test\"\nversion = {version}\n");
    let guard = Sha256Digest([3; 32]);
    for (days, version) in [(0, 1), (1, 2), (2, 1)] {
        let now = START.plus_s(days * DAY_S);
        house
            .node
            .apply_policy(&format!("test/{version}"), &policy(version), &guard, now, &mut house.rng)
            .expect("applies");
    }
    house.publish(DEVICE, 90, None, START);
    house.tick(START);
    let decided = START.plus_s(3 * DAY_S);
    decide(&consortium, &mut house, "d-1", "customer 1", decided);
    let day = decided.day();
    let (fired, before) = (house.node.fired_rules(day, day.next()), house.node.fired_rules(START.day(), day));
    assert!(
        fired.iter().all(|rule| rule.hits.live + rule.hits.shadow + rule.hits.snoozed == 1) && !fired.is_empty(),
        "{fired:?}"
    );
    assert_eq!(before, []);
    for life in 0..2 {
        let past = house.node.policy_history(None, 10).expect("reads");
        let told: Vec<_> = past.iter().map(|term| (term.title.as_deref(), term.since, term.until)).collect();
        let day = |days: u64| START.plus_s(days * DAY_S);
        let expected = [
            (Some("test/1"), day(2), None),
            (Some("test/2"), day(1), Some(day(2))),
            (Some("test/1"), day(0), Some(day(1))),
        ];
        assert_eq!(told, expected, "life {life}");
        assert!(past.iter().all(|term| term.by.as_deref() == Some("node")));
        assert_eq!(past[1].text, policy(2));
        let older = house.node.policy_history(Some(day(1)), 10).expect("reads");
        assert_eq!(older.len(), 1);
        assert_eq!(house.node.fired_rules(decided.day(), decided.day().next()), fired, "life {life}");
        house = House::open(&consortium, 0, house.disk, decided.plus_s(60));
    }
}
