//! Cases: opened with the record of their decision, kept over restarts and compaction, ended by their timer once, and nothing
//! leads out of a release.

use std::sync::{Arc, Mutex};

use hushwire::base::bytes::{LocalMac, Sha256Digest};
use hushwire::base::limits;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::case::challenge::Method;
use hushwire::domain::case::outcome::Outcome;
use hushwire::domain::case::rules::{CaseRules, HoldOutcome};
use hushwire::domain::case::state::{How, State, Step};
use hushwire::domain::case::{Case, CaseId, StepFault};
use hushwire::domain::screening::decision::Decision;
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::Node;
use hushwire::node::case::{CaseFault, StepRequest, Stepped};
use hushwire::node::cases::Learner;
use hushwire::node::record_screening::{CaseFacts, ScreeningRecord};
use hushwire::node::state::Settings;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House};

const DAY_S: u64 = 86_400;

fn caller(role: &'static str, name: &str) -> Actor {
    Actor::Local { member: "bank-a".parse().expect("valid"), role, name: name.to_owned() }
}

fn id(nth: u8) -> CaseId {
    CaseId([0xA0 + nth; 16])
}

/// Records a decision of the till's; its case.
fn decide(house: &mut House, nth: u8, decision: Decision, now: Timestamp) -> CaseId {
    let record = ScreeningRecord {
        caller: caller("screener", "till"),
        time: now,
        decision_id: id(nth).to_string(),
        decision: decision.label(),
        reasons: vec!["single_indicator".to_owned()],
        matched: Vec::new(),
        policy_sha256: Sha256Digest([1; 32]),
        degraded: false,
        anomalies: Vec::new(),
        case: Some(CaseFacts { transaction: Some(LocalMac([nth; 32])), ..CaseFacts::default() }),
        behind: None,
    };
    house.node.record_screenings(vec![record], &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    id(nth)
}

fn step(house: &mut House, by: &Actor, id: CaseId, step: Step, now: Timestamp) -> Result<Stepped, CaseFault> {
    let request = StepRequest { id, revision: None, step, own_only: false };
    let stepped = house.node.step_case(by, request, now, &mut house.rng);
    house.node.sync().expect("syncs");
    stepped
}

fn case(house: &House, id: CaseId) -> Case {
    house.node.state().cases.get(&id).expect("held").clone()
}

fn reopened(consortium: &Consortium, house: House, now: Timestamp) -> House {
    House::open(consortium, house.member, house.disk, now)
}

#[test]
fn a_case_is_opened_with_the_record_of_its_decision_and_outlasts_a_restart_as_it_was() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    for (nth, decision) in [(1, Decision::Challenge), (2, Decision::Hold), (3, Decision::Block), (4, Decision::Allow)] {
        decide(&mut house, nth, decision, START);
    }
    assert_eq!(house.node.state().cases.held(), 3, "an order that passes has no case");
    let (anna, ben) = (caller("analyst", "anna"), caller("analyst", "ben"));
    step(&mut house, &anna, id(2), Step::Assign(Some("anna".to_owned())), START.plus_s(1)).expect("legal");
    step(&mut house, &anna, id(2), Step::Release, START.plus_s(2)).expect("legal");
    step(&mut house, &anna, id(3), Step::Release, START.plus_s(3)).expect("asked for");
    let before: Vec<Case> = (1..=3).map(|nth| case(&house, id(nth))).collect();
    let mut house = reopened(&consortium, house, START.plus_s(4));
    let after: Vec<Case> = (1..=3).map(|nth| case(&house, id(nth))).collect();
    assert_eq!(after, before);
    let alone = step(&mut house, &anna, id(3), Step::ConfirmRelease, START.plus_s(5));
    let same = StepFault::SamePerson { person: "anna".to_owned() };
    assert_eq!(alone, Err(CaseFault::Step { fault: same, revision: 2 }));
    step(&mut house, &ben, id(3), Step::ConfirmRelease, START.plus_s(6)).expect("another person");
    let told = |house: &mut House, action| house.audited(action, START.plus_s(9)).len();
    let counts = ["case.opened", "case.assigned", "case.release_asked", "case.step_refused", "case.released"]
        .map(|action| told(&mut house, action));
    assert_eq!(counts, [3, 1, 1, 1, 2]);
}

#[test]
fn nothing_leads_out_of_a_release_and_who_was_late_is_told_how_it_stands() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    let held = decide(&mut house, 1, Decision::Hold, START);
    let (anna, ben) = (caller("analyst", "anna"), caller("analyst", "ben"));
    let seen = case(&house, held).revision();
    step(&mut house, &anna, held, Step::Release, START.plus_s(1)).expect("first");
    let late = StepRequest { id: held, revision: Some(seen), step: Step::Refuse, own_only: false };
    let refused = house.node.step_case(&ben, late, START.plus_s(2), &mut house.rng);
    assert_eq!(refused, Err(CaseFault::Changed { state: State::Released, revision: 2 }));
    let again = StepRequest { id: held, revision: Some(seen), step: Step::Release, own_only: false };
    let repeated = house.node.step_case(&anna, again, START.plus_s(3), &mut house.rng).expect("a repeated call");
    assert_eq!((repeated.case.revision(), repeated.known), (2, None), "changes nothing");
    let due = START.plus_s(9_999);
    for wrong in [Step::Refuse, Step::Reopen { due }, Step::StartChallenge, Step::Assign(None)] {
        assert!(matches!(step(&mut house, &ben, held, wrong, START.plus_s(4)), Err(CaseFault::Step { .. })));
    }
    house.tick(START.plus_s(30 * 3_600));
    assert_eq!(case(&house, held).state(), State::Released);
    let unknown = step(&mut house, &ben, id(9), Step::Refuse, START.plus_s(5));
    assert_eq!(unknown, Err(CaseFault::Unknown));
    let foreign = StepRequest { id: held, revision: None, step: Step::Resolve(Outcome::Fraud), own_only: true };
    let refused = house.node.step_case(&caller("screener", "other"), foreign, START.plus_s(6), &mut house.rng);
    assert_eq!(refused, Err(CaseFault::Unknown), "another till's");
}

#[test]
fn the_timer_ends_a_case_once_also_where_the_node_stood_still_when_it_was_due() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    let ids = [(1, Decision::Challenge), (2, Decision::Hold), (3, Decision::Block)]
        .map(|(nth, decision)| decide(&mut house, nth, decision, START));
    step(&mut house, &caller("analyst", "anna"), ids[2], Step::Release, START.plus_s(1)).expect("asked for");
    let due = START.plus_s(24 * 3_600);
    house.tick(START.plus_s(24 * 3_600 - 1));
    assert!(ids.iter().all(|id| !case(&house, *id).state().is_final()), "not before its time");
    let mut house = reopened(&consortium, house, due.plus_s(60));
    (0..3).for_each(|later| house.tick(due.plus_s(61 + later)));
    for id in ids {
        let case = case(&house, id);
        let closed = case.closed().expect("ended");
        assert_eq!((case.state(), closed.how, closed.by.as_str()), (State::Refused, How::Timer, "node"));
    }
    assert_eq!(house.audited("case.expired", due.plus_s(90)).len(), 3);
    let mut house = reopened(&consortium, house, due.plus_s(99));
    house.tick(due.plus_s(100));
    assert_eq!(house.audited("case.expired", due.plus_s(101)).len(), 3, "never again");
    let anna = caller("analyst", "anna");
    let again = due.plus_s(200);
    step(&mut house, &anna, ids[0], Step::Reopen { due: again.plus_s(10) }, again).expect("it was refused");
    house.tick(again.plus_s(11));
    assert_eq!(house.audited("case.expired", again.plus_s(12)).len(), 4, "its time began anew");
}

#[test]
fn a_held_order_is_released_by_its_timer_where_that_is_set_and_nothing_else_is() {
    let consortium = Consortium::new(&["bank-a"]);
    let rules = CaseRules { hold_hours: 2, hold_outcome: HoldOutcome::Release, ..CaseRules::default() };
    let settings = Settings { cases: rules, ..consortium.settings() };
    let (disk, mut rng) = (Disk::default(), StdRng::seed_from_u64(1));
    let (identity, roster) = (consortium.identity(0), consortium.roster.clone());
    let node = Node::open(identity, settings, roster, disk.clone(), MemoryViews::new(), START, &mut rng);
    let mut house = House { member: 0, disk, node: node.expect("opens"), rng, rewritten: 0 };
    let stopped = [Decision::Challenge, Decision::Hold, Decision::Block, Decision::Challenge];
    for (nth, decision) in (1..).zip(stopped) {
        decide(&mut house, nth, decision, START);
    }
    // Who fails a challenge is held, and gets by waiting no more than who passes none.
    let till = caller("screener", "till");
    house.node.start_challenge(&till, id(4), Method::External, true, START, &mut house.rng).expect("started");
    house.node.report_challenge(&till, id(4), false, true, START, &mut house.rng).expect("reported");
    house.tick(START.plus_s(7_199));
    assert_eq!(house.node.state().cases.waiting(), 4);
    house.tick(START.plus_s(7_200));
    let states = [1, 2, 3, 4].map(|nth| case(&house, id(nth)).state());
    assert_eq!(states, [State::Refused, State::Released, State::Refused, State::Refused]);
}

/// Hears what is told of released orders.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(CaseId, Timestamp)>>);

impl Learner for Heard {
    fn released(&self, id: &CaseId, at: Timestamp) {
        self.0.lock().expect("no panic").push((*id, at));
    }
}

impl Heard {
    fn take(&self) -> Vec<(CaseId, Timestamp)> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

#[test]
fn a_release_by_a_person_a_challenge_or_the_timer_is_told_once_it_is_durable_and_once() {
    let consortium = Consortium::new(&["bank-a"]);
    let rules = CaseRules { hold_hours: 2, hold_outcome: HoldOutcome::Release, ..CaseRules::default() };
    let (disk, mut rng) = (Disk::default(), StdRng::seed_from_u64(1));
    let settings = Settings { cases: rules, ..consortium.settings() };
    let (identity, roster) = (consortium.identity(0), consortium.roster.clone());
    let node = Node::open(identity, settings, roster, disk.clone(), MemoryViews::new(), START, &mut rng);
    let mut house = House { member: 0, disk, node: node.expect("opens"), rng, rewritten: 0 };
    let heard = Arc::new(Heard::default());
    house.node.tell_released_to(heard.clone());
    let stopped = [Decision::Hold, Decision::Challenge, Decision::Hold, Decision::Block, Decision::Hold];
    for (nth, decision) in (1..).zip(stopped) {
        decide(&mut house, nth, decision, START);
    }
    let (anna, ben, till) = (caller("analyst", "anna"), caller("analyst", "ben"), caller("screener", "till"));
    let request = StepRequest { id: id(1), revision: None, step: Step::Release, own_only: false };
    house.node.step_case(&anna, request.clone(), START.plus_s(1), &mut house.rng).expect("legal");
    assert_eq!(heard.take(), [], "a power cut could still undo it");
    house.node.sync().expect("syncs");
    assert_eq!(heard.take(), [(id(1), START.plus_s(1))]);
    house.node.step_case(&anna, request, START.plus_s(2), &mut house.rng).expect("the same again");

    let now = START.plus_s(3);
    house.node.start_challenge(&till, id(2), Method::External, true, now, &mut house.rng).expect("started");
    house.node.report_challenge(&till, id(2), true, true, now, &mut house.rng).expect("reported");
    step(&mut house, &anna, id(3), Step::Refuse, now).expect("legal");
    step(&mut house, &anna, id(4), Step::Release, now).expect("asked for");
    assert_eq!(heard.take(), [(id(2), now)]);
    step(&mut house, &ben, id(4), Step::ConfirmRelease, now).expect("by another person");
    assert_eq!(heard.take(), [(id(4), now)]);
    house.tick(START.plus_s(7_200));
    assert_eq!(heard.take(), [(id(5), START.plus_s(7_200))]);

    let mut house = House::open(&consortium, 0, house.disk, START.plus_s(7_300));
    house.node.tell_released_to(heard.clone());
    house.tick(START.plus_s(7_301));
    assert_eq!(heard.take(), [], "what the journal tells of was told");
}

#[test]
fn compaction_keeps_what_waits_and_what_was_decided_lately_and_drops_the_rest() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    let old = decide(&mut house, 1, Decision::Hold, START);
    let mut now = START.plus_s(60);
    step(&mut house, &caller("analyst", "anna"), old, Step::Release, now).expect("legal");
    step(&mut house, &caller("screener", "till"), old, Step::Resolve(Outcome::Genuine), now).expect("legal");
    let records = |house: &House| {
        let bytes = house.disk.bytes();
        bytes.windows(16).filter(|window| *window == old.0).count()
    };
    assert_eq!(records(&house), 3);
    let young = {
        now = now.plus_s(80 * DAY_S);
        let young = decide(&mut house, 2, Decision::Hold, now);
        house.tick(now);
        house.node.compact(now).expect("compacts");
        young
    };
    assert_eq!((case(&house, old).outcome(), records(&house)), (Some(Outcome::Genuine), 3), "kept for its days");
    let mut house = reopened(&consortium, house, now);
    assert_eq!(case(&house, old).outcome(), Some(Outcome::Genuine));
    now = now.plus_s(30 * DAY_S);
    house.tick(now);
    house.node.compact(now).expect("compacts");
    assert_eq!(house.node.state().cases.get(&old), None);
    assert_eq!(records(&house), 0, "nothing of it is left");
    assert_eq!(case(&house, young).state(), State::Refused, "its timer ended it");
    let house = reopened(&consortium, house, now);
    assert_eq!(house.node.state().cases.held(), 1);
}

#[test]
fn what_is_known_of_an_order_goes_with_what_had_matched_and_an_unknown_decision_is_refused() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    let held = decide(&mut house, 1, Decision::Hold, START);
    let allowed = decide(&mut house, 2, Decision::Allow, START);
    let till = caller("screener", "till");
    let mut report = |id, outcome, by: &Actor| {
        let reported = house.node.report_outcome(by, id, outcome, true, START.plus_s(9), &mut house.rng);
        house.node.sync().expect("syncs");
        reported
    };
    let stepped = report(held, Outcome::Fraud, &till).expect("known").expect("a case");
    let known = stepped.known.expect("told now");
    assert_eq!((known.decision, known.outcome, stepped.case.state()), (held, Outcome::Fraud, State::Refused));
    let again = report(held, Outcome::Fraud, &till).expect("known").expect("a case");
    assert_eq!(again.known, None, "said before");
    assert_eq!(report(allowed, Outcome::Fraud, &till), Ok(None), "it has no case, and stands in the audit log");
    assert_eq!(report(id(9), Outcome::Fraud, &till), Err(CaseFault::Unknown));
    assert_eq!(report(held, Outcome::Genuine, &caller("screener", "other")), Err(CaseFault::Unknown));
    let mut told = house.audited("screening.outcome", START.plus_s(10));
    assert_eq!(told.remove(0).subject(), allowed.to_string());
}

#[test]
fn a_fraud_that_was_reopened_is_refused_again_and_told_with_that_step_alone() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    let (anna, fraud) = (caller("analyst", "anna"), Step::Resolve(Outcome::Fraud));
    let order = decide(&mut house, 1, Decision::Hold, START);
    assert!(step(&mut house, &anna, order, fraud.clone(), START.plus_s(1)).expect("legal").known.is_some());
    let due = START.plus_s(9_000);
    let reopened = step(&mut house, &anna, order, Step::Reopen { due }, START.plus_s(2)).expect("it was refused");
    assert_eq!((reopened.case.state(), reopened.known), (State::Open, None));
    let again = step(&mut house, &anna, order, fraud, START.plus_s(3)).expect("legal");
    assert_eq!((again.case.state(), again.known.is_some()), (State::Refused, true));
}

#[test]
fn a_node_without_room_for_cases_goes_on_and_tells_how_many_it_did_not_open() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    let record = |nth: u32, name: &str| {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&nth.to_be_bytes());
        ScreeningRecord {
            caller: caller("screener", name),
            time: START,
            decision_id: CaseId(bytes).to_string(),
            decision: "hold",
            reasons: Vec::new(),
            matched: Vec::new(),
            policy_sha256: Sha256Digest([1; 32]),
            degraded: false,
            anomalies: Vec::new(),
            case: Some(CaseFacts::default()),
            behind: None,
        }
    };
    let most = u32::try_from(limits::decisions::CASES_OPEN_PER_CALLER).expect("small");
    let records = (0..most + 7).map(|nth| record(nth, "till")).collect();
    house.node.record_screenings(records, &mut house.rng).expect("recorded");
    house.node.record_screenings(vec![record(most + 8, "app")], &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    assert_eq!(house.node.state().cases.waiting(), limits::decisions::CASES_OPEN_PER_CALLER + 1, "the app has room");
    house.tick(START.plus_s(1));
    house.tick(START.plus_s(2));
    let told: Vec<String> = house.audited("case.unopened", START.plus_s(3)).iter().map(ToString::to_string).collect();
    assert!(told.len() == 1 && told[0].contains("cases=7"), "{told:?}");
}
