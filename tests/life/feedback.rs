//! What an outcome teaches its own node and tells an indicator's author, and how disputes go from member to member.

use hushwire::base::bytes::{Commitment, Sha256Digest};
use hushwire::base::kind::IdentifierKind;
use hushwire::base::limits;
use hushwire::base::position::{EntryIndex, TreeSize};
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::event::IndicatorRef;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::belief::disputes::{DisputeRow, DisputeStanding};
use hushwire::domain::case::outcome::Outcome;
use hushwire::domain::case::{CaseId, Evidence};
use hushwire::domain::feed::blob::sighting::{Sighting, SightingOutcome};
use hushwire::domain::feed::entry::{EntryKind, Leaf};
use hushwire::domain::feed::sighting_seal::{NotOpened, SightingTerms};
use hushwire::domain::indicator::words::{DisputeReason, RetractionReason};
use hushwire::node::dispute::DisputeFault;
use hushwire::node::outcomes::SeenIndicator;
use hushwire::node::record_screening::{CaseFacts, ScreeningRecord};
use hushwire::node::retract::RetractRequest;
use hushwire::node::select::Selectors;
use hushwire::node::sight::KnownSighting;
use hushwire::node::sightings::Tally;
use rand::RngExt;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, exchange};

const DAY_S: u64 = 86_400;
const BANK: usize = 0;
const SHOP: usize = 1;
const THIRD: usize = 2;

/// A bank that flagged a device, a shop and a third member; all hold everything of each other.
fn world() -> (Consortium, [House; 3], IndicatorRef) {
    let consortium = Consortium::new(&["bank-a", "shop", "bank-c"]);
    let mut houses = [BANK, SHOP, THIRD].map(|member| House::open(&consortium, member, Disk::default(), START));
    meet(&consortium, &mut houses, START);
    let commitment = houses[BANK].publish("device-of-a-case-01", 60, None, START);
    meet(&consortium, &mut houses, START);
    let indicator = IndicatorRef { member: consortium.members[BANK].clone(), commitment };
    (consortium, houses, indicator)
}

fn meet(consortium: &Consortium, houses: &mut [House; 3], now: Timestamp) {
    for _ in 0..2 {
        for (to, from) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            let [to, from] = houses.get_disjoint_mut([to, from]).expect("two of them");
            exchange(consortium, to, from, now);
        }
        houses.iter_mut().for_each(|house| house.tick(now));
    }
}

fn reopen(consortium: &Consortium, house: House, now: Timestamp) -> House {
    House::open(consortium, house.member, house.disk, now)
}

fn known(indicator: &IndicatorRef, decision: u8, outcome: SightingOutcome) -> KnownSighting {
    let IndicatorRef { member, commitment } = indicator.clone();
    let seen = SeenIndicator { member, commitment, kind: IdentifierKind::Device };
    KnownSighting { decision: [decision; 16], outcome, indicators: vec![seen] }
}

fn sight(house: &mut House, known: &KnownSighting, now: Timestamp) -> usize {
    let told = house.node.sight(&Actor::Node, known, now, &mut house.rng).expect("durable");
    house.node.sync().expect("syncs");
    told
}

fn tally(house: &House, indicator: &Commitment) -> (usize, usize) {
    let Tally { confirmed, false_positive } = house.node.state().sightings.tally(indicator);
    (confirmed, false_positive)
}

/// The sightings in a member's feed.
fn sightings(house: &House, consortium: &Consortium, author: usize) -> Vec<Sighting> {
    let feed = consortium.feed(author);
    let held = house.node.outgoing(&feed.member, &feed, TreeSize::EMPTY, 1_000).expect("reads");
    let entries = held.map(|held| held.entries).unwrap_or_default().into_iter();
    let of_kind = |leaf: &[u8]| Leaf::decode(leaf).expect("a leaf").kind == EntryKind::Sighting;
    let sightings = entries.filter(|entry| of_kind(&entry.leaf) && !entry.blob.is_empty());
    sightings.map(|entry| Sighting::decode(&entry.blob).expect("a sighting")).collect()
}

#[test]
fn a_false_positive_reaches_the_author_alone_and_tells_the_day_after_and_no_hour() {
    let (consortium, mut houses, indicator) = world();
    let noon = START.plus_s(DAY_S / 2);
    assert_eq!(sight(&mut houses[SHOP], &known(&indicator, 1, SightingOutcome::FalsePositive), noon), 1);
    let last = START.plus_s(DAY_S - 1);
    meet(&consortium, &mut houses, last);
    assert_eq!(sightings(&houses[SHOP], &consortium, SHOP), [], "not before the next day");
    meet(&consortium, &mut houses, START.plus_s(2 * DAY_S));
    for house in &houses {
        let seen = sightings(house, &consortium, SHOP);
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].hour.0, (START.day().0 + 1) * 24);
    }
    assert_eq!(tally(&houses[BANK], &indicator.commitment), (0, 1));
    assert_eq!(tally(&houses[THIRD], &indicator.commitment), (0, 0));
    let sighting = &sightings(&houses[THIRD], &consortium, SHOP)[0];
    let terms = SightingTerms {
        consortium: &consortium.id,
        reporter: &consortium.members[SHOP],
        author: &consortium.members[BANK],
        target: &indicator.commitment,
    };
    let opened = |member| consortium.identity(member).sighting_keys[0].open(&terms, &sighting.sealed);
    assert_eq!(opened(BANK).map(|said| said.outcome), Ok(SightingOutcome::FalsePositive));
    assert_eq!((opened(THIRD), opened(SHOP)), (Err(NotOpened), Err(NotOpened)), "not even who wrote it");
    let received = houses[BANK].audited("sighting.received", START.plus_s(2 * DAY_S));
    assert_eq!(received.len(), 1);
}

#[test]
fn what_was_told_and_learnt_outlasts_a_restart_and_compaction() {
    let (consortium, mut houses, indicator) = world();
    sight(&mut houses[SHOP], &known(&indicator, 1, SightingOutcome::FalsePositive), START);
    // The shop stops before the sighting is signed.
    let [bank, shop, third] = houses;
    let mut houses = [bank, reopen(&consortium, shop, START.plus_s(60)), third];
    let later = START.plus_s(2 * DAY_S);
    meet(&consortium, &mut houses, later);
    let check = |houses: &[House; 3], day: &str| {
        let experience = houses[SHOP].node.state().shown_experience.load_full();
        let record = experience.record(&indicator.member, IdentifierKind::Device);
        assert_eq!((record.confirmed, record.false_positive), (0, 1), "{day}");
        assert_eq!(tally(&houses[BANK], &indicator.commitment), (0, 1), "{day}");
    };
    check(&houses, "at once");
    let in_weeks = START.plus_s(40 * DAY_S);
    for house in &mut houses {
        house.tick(in_weeks);
        house.node.compact(in_weeks).expect("compacts");
    }
    let houses = houses.map(|house| reopen(&consortium, house, in_weeks));
    check(&houses, "after its sighting expired");
}

#[test]
fn one_decision_counts_once_and_its_last_outcome_stands() {
    let (consortium, mut houses, indicator) = world();
    let shop = &mut houses[SHOP];
    let wrong = known(&indicator, 1, SightingOutcome::FalsePositive);
    assert_eq!(sight(shop, &wrong, START), 1);
    let before = shop.disk.bytes().len();
    assert_eq!(sight(shop, &wrong, START.plus_s(60)), 0);
    assert_eq!(shop.disk.bytes().len(), before, "nothing is written for what is known");
    // Another decision about the same indicator teaches and tells nothing new to its author.
    assert_eq!(sight(shop, &known(&indicator, 2, SightingOutcome::FalsePositive), START.plus_s(90)), 0);
    meet(&consortium, &mut houses, START.plus_s(2 * DAY_S));
    assert_eq!(tally(&houses[BANK], &indicator.commitment), (0, 1), "one member, one word");
    let right = known(&indicator, 1, SightingOutcome::Confirmed);
    assert_eq!(sight(&mut houses[SHOP], &right, START.plus_s(2 * DAY_S)), 1, "a chargeback came");
    meet(&consortium, &mut houses, START.plus_s(4 * DAY_S));
    assert_eq!(tally(&houses[BANK], &indicator.commitment), (1, 0));
    let experience = houses[SHOP].node.state().shown_experience.load_full();
    let record = experience.record(&indicator.member, IdentifierKind::Device);
    assert_eq!((record.confirmed, record.false_positive), (1, 1));
    assert_eq!(experience.confirmed_at(&indicator.commitment), Some(START.plus_s(2 * DAY_S)));
}

#[test]
fn nobody_is_told_of_own_indicators_or_of_what_is_gone() {
    let (consortium, mut houses, indicator) = world();
    let bank = &mut houses[BANK];
    assert_eq!(sight(bank, &known(&indicator, 1, SightingOutcome::Confirmed), START), 0);
    let gone = IndicatorRef { commitment: Commitment([9; 32]), ..indicator };
    assert_eq!(sight(&mut houses[SHOP], &known(&gone, 1, SightingOutcome::FalsePositive), START), 0);
    meet(&consortium, &mut houses, START.plus_s(2 * DAY_S));
    assert!(sightings(&houses[SHOP], &consortium, SHOP).is_empty());
}

fn disputes(house: &House) -> Vec<(DisputeStanding, String)> {
    let row = |row: DisputeRow| (row.standing, row.member.to_string());
    house.node.list_disputes().into_iter().map(row).collect()
}

fn dispute(house: &mut House, indicator: &IndicatorRef, now: Timestamp) -> Result<(), DisputeFault> {
    let done =
        house.node.dispute_indicator(&Actor::Node, indicator, DisputeReason::GenuineCustomer, now, &mut house.rng);
    house.node.sync().expect("syncs");
    done
}

/// Whether an indicator waits for an answer as a member sees it, and whether the member itself holds it for wrong.
fn seen(house: &House, indicator: &IndicatorRef) -> (bool, bool) {
    let (belief, own) = (&house.node.state().belief, &house.node.state().identity.member);
    let view = belief.view();
    let Some(disputed) = view.disputed(&indicator.commitment) else { return (false, false) };
    (disputed.is_unanswered(), view.member_number(own).is_some_and(|own| disputed.is_by(own)))
}

#[test]
fn a_dispute_reaches_everybody_and_an_answer_restores_it_for_all_but_its_opener() {
    let (consortium, mut houses, indicator) = world();
    dispute(&mut houses[SHOP], &indicator, START).expect("another member's");
    assert_eq!(seen(&houses[SHOP], &indicator), (true, true), "at once");
    dispute(&mut houses[SHOP], &indicator, START).expect("again, nothing changes");
    meet(&consortium, &mut houses, START.plus_s(5));
    let all = |houses: &[House; 3]| [BANK, SHOP, THIRD].map(|member| seen(&houses[member], &indicator));
    assert_eq!(all(&houses), [(true, false), (true, true), (true, false)]);
    assert_eq!(disputes(&houses[BANK]), [(DisputeStanding::Open, "shop".to_owned())]);
    assert_eq!(houses[SHOP].audited("indicator.disputed", START.plus_s(5)).len(), 1);

    let shop = consortium.members[SHOP].clone();
    let now = START.plus_s(60);
    let bank = &mut houses[BANK];
    bank.node.answer_dispute(&Actor::Node, &indicator, &shop, now, &mut bank.rng).expect("its author");
    bank.node.sync().expect("syncs");
    bank.node.answer_dispute(&Actor::Node, &indicator, &shop, now, &mut bank.rng).expect("again, nothing changes");
    meet(&consortium, &mut houses, START.plus_s(65));
    assert_eq!(all(&houses), [(false, false), (false, true), (false, false)]);
    assert_eq!(disputes(&houses[THIRD]), [(DisputeStanding::Upheld, "shop".to_owned())]);

    // A restart and a compaction change nothing.
    for house in &mut houses {
        house.node.compact(START.plus_s(70)).expect("compacts");
    }
    let mut houses = houses.map(|house| reopen(&consortium, house, START.plus_s(80)));
    assert_eq!(all(&houses), [(false, false), (false, true), (false, false)]);
    meet(&consortium, &mut houses, START.plus_s(85));
    let shop = &mut houses[SHOP];
    shop.node.withdraw_dispute(&Actor::Node, &indicator, START.plus_s(90), &mut shop.rng).expect("its own");
    shop.node.sync().expect("syncs");
    meet(&consortium, &mut houses, START.plus_s(95));
    assert_eq!(disputes(&houses[BANK]), []);
    assert_eq!(all(&houses), [(false, false); 3]);
}

#[test]
fn each_step_is_refused_to_whom_it_is_not() {
    let (consortium, mut houses, indicator) = world();
    let shop = consortium.members[SHOP].clone();
    assert_eq!(dispute(&mut houses[BANK], &indicator, START), Err(DisputeFault::OwnIndicator));
    let unknown = IndicatorRef { commitment: Commitment([9; 32]), ..indicator.clone() };
    assert_eq!(dispute(&mut houses[SHOP], &unknown, START), Err(DisputeFault::UnknownIndicator));
    let anothers = IndicatorRef { member: consortium.members[THIRD].clone(), ..indicator.clone() };
    assert_eq!(dispute(&mut houses[SHOP], &anothers, START), Err(DisputeFault::UnknownIndicator));
    let House { node, rng, .. } = &mut houses[SHOP];
    let withdrawn = node.withdraw_dispute(&Actor::Node, &indicator, START, rng);
    assert_eq!(withdrawn, Err(DisputeFault::NotDisputed));
    let answered = node.answer_dispute(&Actor::Node, &indicator, &shop, START, rng);
    assert_eq!(answered, Err(DisputeFault::NotTheAuthor));
    let House { node, rng, .. } = &mut houses[BANK];
    assert_eq!(node.answer_dispute(&Actor::Node, &indicator, &shop, START, rng), Err(DisputeFault::NotDisputed));
}

#[test]
fn a_member_opens_no_more_disputes_than_count() {
    let (consortium, mut houses, indicator) = world();
    let named = |commitment| IndicatorRef { commitment, ..indicator.clone() };
    let more: Vec<IndicatorRef> = (0..limits::feedback::DISPUTES_OPEN)
        .map(|number| named(houses[BANK].publish(&format!("device-of-a-case-{:02}", number + 2), 60, None, START)))
        .collect();
    meet(&consortium, &mut houses, START);
    for one in &more {
        dispute(&mut houses[SHOP], one, START).expect("there is room");
    }
    let refused = dispute(&mut houses[SHOP], &indicator, START);
    assert_eq!(refused, Err(DisputeFault::TooMany { limit: limits::feedback::DISPUTES_OPEN }));
    let shop = &mut houses[SHOP];
    shop.node.withdraw_dispute(&Actor::Node, &more[0], START, &mut shop.rng).expect("its own");
    shop.node.sync().expect("syncs");
    dispute(&mut houses[SHOP], &indicator, START).expect("there is room again");
}

#[test]
fn what_is_retracted_stays_so_and_its_dispute_is_moot() {
    let (consortium, mut houses, indicator) = world();
    dispute(&mut houses[SHOP], &indicator, START).expect("another member's");
    meet(&consortium, &mut houses, START.plus_s(5));
    let bank = &mut houses[BANK];
    let selectors = Selectors { names: vec![Ok(indicator.commitment)], ..Selectors::default() };
    let request = RetractRequest { request: None, selectors, reason: RetractionReason::FalsePositive };
    bank.node.retract_indicators(&Actor::Node, request, START.plus_s(9), &mut bank.rng).expect("retracts");
    bank.node.sync().expect("syncs");
    meet(&consortium, &mut houses, START.plus_s(10));
    for house in &houses {
        assert_eq!((house.live(), seen(house, &indicator)), (0, (false, false)));
        assert_eq!(disputes(house), [(DisputeStanding::Moot, "shop".to_owned())]);
    }
    assert_eq!(dispute(&mut houses[THIRD], &indicator, START.plus_s(11)), Err(DisputeFault::UnknownIndicator));
}

#[test]
fn the_outcome_of_a_case_teaches_here_and_reaches_who_reported_once() {
    let (consortium, mut houses, indicator) = world();
    let till = Actor::Local { member: consortium.members[SHOP].clone(), role: "screener", name: "till".to_owned() };
    let id = CaseId([7; 16]);
    let evidence = Evidence {
        member: indicator.member.clone(),
        commitment: indicator.commitment,
        group: consortium.feed(BANK).group.clone(),
        index: EntryIndex(0),
        kind: IdentifierKind::Device,
    };
    let record = ScreeningRecord {
        caller: till.clone(),
        time: START,
        decision_id: id.to_string(),
        decision: "hold",
        reasons: vec!["single_indicator".to_owned()],
        matched: Vec::new(),
        policy_sha256: Sha256Digest([1; 32]),
        degraded: false,
        anomalies: Vec::new(),
        case: Some(CaseFacts { evidence: vec![evidence], ..CaseFacts::default() }),
        behind: None,
    };
    let shop = &mut houses[SHOP];
    shop.node.record_screenings(vec![record], &mut shop.rng).expect("recorded");
    for _ in 0..2 {
        shop.node.report_outcome(&till, id, Outcome::Genuine, true, START, &mut shop.rng).expect("known");
        shop.node.sync().expect("syncs");
    }
    let learnt = shop.node.state().outcomes.of(&id.0).map(|learnt| learnt.outcome);
    assert_eq!(learnt, Some(SightingOutcome::FalsePositive));
    meet(&consortium, &mut houses, START.plus_s(2 * DAY_S));
    assert_eq!(sightings(&houses[SHOP], &consortium, SHOP).len(), 1);
    assert_eq!(tally(&houses[BANK], &indicator.commitment), (0, 1));
}

/// Both words are signed on the next day, in whatever order their moments and the shuffle of their windows give them.
#[test]
fn of_two_words_said_on_one_day_the_later_one_counts_however_they_are_signed() {
    let mut inverted = 0;
    for nth in 0..12 {
        let (consortium, mut houses, indicator) = world();
        let shop = &mut houses[SHOP];
        // Each run draws other moments.
        (&mut shop.rng).random_iter::<u64>().take(nth).for_each(drop);
        sight(shop, &known(&indicator, 1, SightingOutcome::Confirmed), START.plus_s(60));
        sight(shop, &known(&indicator, 1, SightingOutcome::FalsePositive), START.plus_s(90));
        for hour in 0..50 {
            meet(&consortium, &mut houses, START.plus_s(hour * 3_600));
        }
        assert_eq!(tally(&houses[BANK], &indicator.commitment), (0, 1), "run {nth}");
        let terms = SightingTerms {
            consortium: &consortium.id,
            reporter: &consortium.members[SHOP],
            author: &consortium.members[BANK],
            target: &indicator.commitment,
        };
        let signed = sightings(&houses[BANK], &consortium, SHOP);
        assert_eq!(signed.len(), 2);
        let first = consortium.identity(BANK).sighting_keys[0].open(&terms, &signed[0].sealed);
        inverted += usize::from(first.map(|said| said.outcome) == Ok(SightingOutcome::FalsePositive));
    }
    assert!((1..12).contains(&inverted), "the order of the feed told which was later: {inverted}");
}
