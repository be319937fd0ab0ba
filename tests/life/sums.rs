//! The consortium's figures: what members released of the same days adds up at each of them, and who is missing is named.

use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::statistics::budget::Epsilon;
use hushwire::domain::statistics::period::Period;
use hushwire::domain::statistics::published::Place;
use hushwire::domain::statistics::question::{Query, Question};
use hushwire::domain::statistics::release::Figures;
use hushwire::domain::statistics::sum::{Missing, Sum};
use hushwire::node::release::Drawn;
use hushwire::node::releases::ReleaseFilter;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

const PRICE: Epsilon = Epsilon::from_nano(100_000_000);

fn period() -> Period {
    Period::new(START.day(), START.day().next(), START.day()).expect("a day")
}

/// Publishes these counts as if they had been drawn.
fn release(house: &mut House, id: &str, counts: [i64; 2], scale: f64) {
    finish(house, id, counts, scale);
    house.tick(START);
}

/// The same before the window ends.
fn finish(house: &mut House, id: &str, counts: [i64; 2], scale: f64) {
    let question = Question { query: Query::CasesByOutcome, period: period(), asked: PRICE };
    let (id, by) = (id.parse().expect("an id"), Actor::Node);
    house.node.begin_release(&by, &id, question, PRICE, START, &mut house.rng).expect("fits");
    let figures = Figures { scale, contribution_bound: 2, accuracy_95: 3.0 * scale };
    let drawn = Drawn { id, question, counts: counts.to_vec(), figures, charged: PRICE };
    house.node.finish_release(&by, drawn, START, &mut house.rng).expect("was charged");
}

fn meet(consortium: &Consortium, houses: &mut [House; 3], now: Timestamp) {
    for (to, from) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)].repeat(2) {
        let [to, from] = houses.get_disjoint_mut([to, from]).expect("two of them");
        exchange(consortium, to, from, now);
    }
}

fn sum(house: &House) -> Sum {
    house.node.sum_releases(Query::CasesByOutcome, period())
}

fn counts(sum: &Sum) -> Vec<i64> {
    sum.counts.iter().map(|(_, count)| *count).collect()
}

#[test]
fn every_member_adds_up_the_same_and_names_who_is_missing() {
    let consortium = Consortium::new(&["bank-a", "shop", "bank-c"]);
    let mut houses = [0, 1, 2].map(|member| House::open(&consortium, member, Disk::default(), START));
    meet(&consortium, &mut houses, START);
    release(&mut houses[0], "mine", [40, -3], 20.0);
    release(&mut houses[1], "week-1", [7, 11], 20.0);
    // A second answer to the same question, with more noise, changes nothing; one with less stands in its place.
    release(&mut houses[1], "coarse", [900, 900], 100.0);
    meet(&consortium, &mut houses, START);
    for house in &houses {
        let sum = sum(house);
        assert_eq!(counts(&sum), [47, 8]);
        assert_eq!(sum.missing, [(consortium.members[2].clone(), Missing::NotReleased)]);
        let shares: Vec<_> = sum.shares.iter().map(|share| share.id.as_str()).collect();
        assert_eq!(shares, ["mine", "week-1"]);
    }
    release(&mut houses[1], "fine", [8, 12], 10.0);
    release(&mut houses[2], "week-1", [1, 1], 20.0);
    meet(&consortium, &mut houses, START);
    let [first, others @ ..] = houses.each_ref().map(sum);
    assert_eq!(counts(&first), [49, 10]);
    assert!(first.missing.is_empty() && others.iter().all(|other| *other == first));

    let [bank, ..] = houses;
    let bank = House::open(&consortium, 0, bank.disk, START);
    assert_eq!(sum(&bank), first, "after a restart too");
    let all = |filter: &ReleaseFilter, before: Option<_>, limit| {
        bank.node.state().releases.list(filter, before.as_ref(), limit)
    };
    let (page, next) = all(&ReleaseFilter::default(), None, 3);
    let (rest, end) = all(&ReleaseFilter::default(), next, 3);
    assert_eq!((page.len(), rest.len(), end), (3, 2, None));
    let shop = ReleaseFilter { member: Some(consortium.members[1].clone()), query: Some(Query::CasesByOutcome) };
    let ids: Vec<String> = all(&shop, None, 9).0.iter().map(|release| release.id.to_string()).collect();
    assert_eq!(ids, ["week-1", "fine", "coarse"]);
    let other = ReleaseFilter { query: Some(Query::OrdersByDecision), ..ReleaseFilter::default() };
    assert_eq!(all(&other, None, 9).0, []);
    let periods = |query, limit| bank.node.state().releases.periods(query, limit);
    assert_eq!(periods(Query::CasesByOutcome, 9), [(period(), 3)], "members, not releases");
    assert_eq!((periods(Query::CasesByOutcome, 0), periods(Query::OrdersByDecision, 9)), (vec![], vec![]));
}

#[test]
fn a_release_is_found_at_its_place_before_its_window_ends_and_behind_it() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.tick(START);
    finish(&mut house, "asked-1", [4, 5], 20.0);
    let place = Place {
        until: period().until().0,
        from: period().from().0,
        query: Query::CasesByOutcome,
        member: consortium.members[0].clone(),
        id: "asked-1".parse().expect("an id"),
    };
    let found = |house: &House, place: &Place| house.node.release_at(place).map(|(release, out)| (release.counts, out));
    assert_eq!(found(&house, &place), Some((Some(vec![4, 5]), false)));
    house.tick(START);
    assert_eq!(found(&house, &place), Some((Some(vec![4, 5]), true)));
    for elsewhere in [
        Place { member: "shop".parse().expect("a name"), ..place.clone() },
        Place { query: Query::OrdersByDecision, ..place.clone() },
        Place { from: place.from - 1, ..place.clone() },
        Place { id: "asked-2".parse().expect("an id"), ..place },
    ] {
        assert_eq!(found(&house, &elsewhere), None, "{elsewhere}");
    }
}
