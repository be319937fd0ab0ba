//! The schedule of releases: drawn once over every crash, its budget kept for it, given up where there is none.

use std::collections::BTreeSet;
use std::time::Duration;

use hushwire::base::time::Timestamp;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::statistics::budget::Epsilon;
use hushwire::domain::statistics::contribution::CATEGORIES_PER_SUBJECT;
use hushwire::domain::statistics::ledger::BudgetRefusal;
use hushwire::domain::statistics::period::{Period, Quarter};
use hushwire::domain::statistics::question::{Query, Question, ReleaseId};
use hushwire::domain::statistics::schedule::{Planned, Schedule};
use hushwire::io::noise;
use hushwire::io::releasing::keep_schedule;
use hushwire::node::release::{Drawn, ReleaseFault, ReleaseStep};
use hushwire::node::releases::ReleaseFilter;
use tokio::sync::watch;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, TestNode, engine_of};

const DAY_S: u64 = 86_400;

/// The day after the start, when its releases are due.
const MORNING: Timestamp = START.plus_s(DAY_S + 3_600);

fn consortium(daily_nano: u64) -> Consortium {
    let daily = (daily_nano > 0).then_some(Epsilon::from_nano(daily_nano));
    let mut consortium = Consortium::new(&["bank-a"]);
    consortium.schedule = Schedule { daily, weekly: None };
    consortium
}

fn open(consortium: &Consortium, disk: Disk, now: Timestamp) -> House {
    let mut house = House::open(consortium, 0, disk, now);
    house.tick(now);
    house
}

fn plan(question: Question) -> noise::NoisePlan {
    let categories = u32::try_from(question.query.categories().len()).expect("few");
    noise::plan(categories, CATEGORIES_PER_SUBJECT, question.asked).expect("plans")
}

fn begin(
    house: &mut House,
    by: &Actor,
    id: &ReleaseId,
    question: Question,
    now: Timestamp,
) -> Result<ReleaseStep, ReleaseFault> {
    let cost = plan(question).charge();
    let begun = house.node.begin_release(by, id, question, cost, now, &mut house.rng);
    house.node.sync().expect("syncs");
    begun
}

/// Draws and publishes; the bytes.
fn release(house: &mut House, planned: &Planned, now: Timestamp) -> Vec<u8> {
    let Planned { id, question } = planned.clone();
    let plan = plan(question);
    let rows = match begin(house, &Actor::Node, &id, question, now).expect("fits") {
        ReleaseStep::Released(blob) => return blob,
        ReleaseStep::Draw(rows) => rows,
    };
    let counts = noise::draw(&plan, &rows).expect("draws");
    let drawn = Drawn { id, question, counts, figures: plan.figures(), charged: plan.charge() };
    let blob = house.node.finish_release(&Actor::Node, drawn, now, &mut house.rng).expect("was charged");
    house.tick(now);
    blob
}

fn auditor() -> Actor {
    Actor::Local { member: "bank-a".parse().expect("valid"), role: "auditor", name: "rosa".to_owned() }
}

/// About today, by somebody.
fn question(asked: u64, now: Timestamp) -> Question {
    let period = Period::new(now.day(), now.day().next(), now.day()).expect("a day");
    Question { query: Query::CasesByOutcome, period, asked: Epsilon::from_nano(asked) }
}

fn id(text: &str) -> ReleaseId {
    text.parse().expect("an id")
}

#[test]
fn a_day_is_released_once_whatever_crashes_between_and_its_bytes_stay() {
    let consortium = consortium(10_000_000);
    let mut house = open(&consortium, Disk::default(), START);
    house.publish("device-of-a-case-01", 30, None, START);
    assert_eq!(house.node.due_releases(START.plus_s(DAY_S)), []);
    let due = house.node.due_releases(MORNING);
    assert_eq!(due.iter().map(|planned| planned.question.query).collect::<Vec<_>>(), Query::ALL);

    // A crash between the charge and the draw: it is still due, and paid for.
    let first = &due[0];
    begin(&mut house, &Actor::Node, &first.id, first.question, MORNING).expect("fits");
    let paid = house.node.budget(MORNING.day()).spent;
    let mut house = open(&consortium, house.disk, MORNING);
    assert_eq!(house.node.due_releases(MORNING), due);
    let blobs: Vec<Vec<u8>> = due.iter().map(|planned| release(&mut house, planned, MORNING)).collect();
    let spent = house.node.budget(MORNING.day()).spent;
    assert_eq!(spent.nano(), paid.nano() * 5, "the first was charged once");

    let mut house = open(&consortium, house.disk, MORNING);
    assert_eq!(house.node.due_releases(MORNING), []);
    for (planned, blob) in due.iter().zip(blobs) {
        assert_eq!(release(&mut house, planned, MORNING), blob, "{}", planned.id);
    }
    assert_eq!(house.node.budget(MORNING.day()).spent, spent);
}

#[test]
fn what_the_schedule_will_need_is_given_to_nobody_else() {
    let consortium = consortium(10_000_000);
    let mut house = open(&consortium, Disk::default(), START);
    let quarter = question(1, START).period.quarter();
    let kept = house.node.kept_for_schedule(quarter, START).nano();
    // The 39 days left of the quarter, and those it still makes up for.
    assert!((470_000_000..500_000_000).contains(&kept), "{kept}");
    begin(&mut house, &auditor(), &id("first"), question(1_000_000_000, START), START).expect("fits");
    begin(&mut house, &auditor(), &id("second"), question(500_000_000, START), START).expect("fits");
    let spent = house.node.budget(START.day()).spent;
    let refused = begin(&mut house, &auditor(), &id("third"), question(50_000_000, START), START);
    let Err(ReleaseFault::Refused(BudgetRefusal::Exhausted { kept: said, .. })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((said.nano(), house.node.budget(START.day()).spent), (kept, spent));
    let due = house.node.due_releases(MORNING);
    assert_eq!(due.len(), Query::ALL.len());
    for planned in &due {
        release(&mut house, planned, MORNING);
    }
    assert!(house.node.kept_for_schedule(quarter, MORNING).nano() < kept, "what is paid for is kept no more");
}

#[test]
fn ids_of_the_schedule_are_its_own_until_they_are_released() {
    let consortium = consortium(10_000_000);
    let mut house = open(&consortium, Disk::default(), START);
    let planned = house.node.due_releases(MORNING).remove(0);
    begin(&mut house, &auditor(), &id("first"), question(1_000_000, START), START).expect("fits");
    let cap = Epsilon::QUARTER_CAP.nano();
    let kept = house.node.kept_for_schedule(planned.question.period.quarter(), MORNING);
    let dear = Question { asked: Epsilon::from_nano(cap), ..planned.question };
    let of_others = [
        (planned.id.clone(), planned.question),
        (planned.id.clone(), dear),
        (id("weekly-mine"), question(1_000_000, MORNING)),
        (id("daily-mine"), question(cap, MORNING)),
    ];
    for (id, question) in of_others {
        let refused = begin(&mut house, &auditor(), &id, question, MORNING);
        assert_eq!(refused.map(|_| ()), Err(ReleaseFault::Refused(BudgetRefusal::OfSchedule)), "{id}");
    }
    assert_eq!(house.node.kept_for_schedule(planned.question.period.quarter(), MORNING), kept);
    assert!(house.node.due_releases(MORNING).contains(&planned), "nothing of it is given up");
    let blob = release(&mut house, &planned, MORNING);
    let again = begin(&mut house, &auditor(), &planned.id, planned.question, MORNING).expect("repeated");
    assert!(matches!(again, ReleaseStep::Released(same) if same == blob));
}

#[test]
fn without_budget_a_scheduled_release_is_given_up_once_and_says_so() {
    let (unscheduled, scheduled) = (consortium(0), consortium(10_000_000));
    let mut house = open(&unscheduled, Disk::default(), START);
    let (most, before) = (Epsilon::QUARTER_CAP.nano(), START);
    begin(&mut house, &auditor(), &id("all-of-it"), question(most, before), before).expect("fits");
    let mut house = open(&scheduled, house.disk, MORNING);
    let spent = house.node.budget(MORNING.day()).spent;
    for planned in house.node.due_releases(MORNING) {
        let refused = begin(&mut house, &Actor::Node, &planned.id, planned.question, MORNING);
        assert!(matches!(refused, Err(ReleaseFault::Refused(BudgetRefusal::Exhausted { .. }))), "{refused:?}");
    }
    let mut house = open(&scheduled, house.disk, MORNING);
    assert_eq!(house.node.due_releases(MORNING), [], "also after a restart");
    let budget = house.node.budget(MORNING.day());
    assert_eq!((budget.spent, budget.skipped), (spent, Query::ALL.len()));
    let said = house.audited("statistics.skipped", MORNING);
    assert_eq!(said.len(), Query::ALL.len());
    assert_eq!(house.audited("statistics.refused", MORNING).len(), 0);
}

#[test]
fn a_node_that_was_down_makes_up_for_a_week_and_no_more() {
    let consortium = consortium(10_000_000);
    let house = open(&consortium, Disk::default(), START);
    let late = START.plus_s(30 * DAY_S + 7_200);
    let house = open(&consortium, house.disk, late);
    assert_eq!(house.node.due_releases(late).len(), 8 * Query::ALL.len());
}

const PATIENCE: Duration = Duration::from_secs(120);

/// The engine's clock is the machine's: whatever the day, one week at least ended lately.
#[tokio::test]
async fn a_running_node_draws_what_is_due_by_itself() {
    let mut consortium = consortium(0);
    consortium.schedule.weekly = Some(Epsilon::from_nano(100_000_000));
    let house = open(&consortium, Disk::default(), START);
    let (engine, thread) = engine_of(house.node, Duration::from_millis(10));
    let due = engine.inquire(|node, now| node.due_releases(now)).await.expect("open");
    assert!(due.len() >= Query::ALL.len());
    let (stop, stopping) = watch::channel(false);
    let keeping = tokio::spawn(keep_schedule(engine.clone(), stopping));
    let quarters: BTreeSet<Quarter> = due.iter().map(|planned| planned.question.period.quarter()).collect();
    let count = due.len();
    let until = tokio::time::Instant::now() + PATIENCE;
    let (spent, listed) = loop {
        assert!(tokio::time::Instant::now() < until, "waited in vain for {count} releases");
        let (due, quarters) = (due.clone(), quarters.clone());
        let look = move |node: &TestNode, _| {
            let ledger = &node.state().ledger;
            let spent: u64 = quarters.iter().map(|quarter| ledger.spent(*quarter).nano()).sum();
            let listed = node.state().releases.list(&ReleaseFilter::default(), None, 1_000).0.len();
            due.iter().all(|planned| ledger.is_done(&planned.id)).then_some((spent, listed))
        };
        match engine.inquire(look).await.expect("open") {
            // Published with the next window.
            Some((spent, listed)) if listed >= count => break (spent, listed),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let price: u64 = due.iter().map(|planned| plan(planned.question).charge().nano()).sum();
    assert!(spent >= price, "{listed} were charged {spent}, less than {price}");
    stop.send_replace(true);
    keeping.await.expect("ends when it is told to");
    drop(engine);
    thread.join().expect("ends");
}
