//! Records of screening: each carries the time of its decision, whoever asks waits until it is durable, and what is lost is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hushwire::base::bytes::Sha256Digest;
use hushwire::base::kind::IdentifierKind;
use hushwire::base::limits;
use hushwire::base::position::EntryIndex;
use hushwire::base::time::Timestamp;
use hushwire::domain::audit::event::AuditEvent;
use hushwire::domain::audit::record::{Actor, AuditRecord};
use hushwire::domain::audit::search::{AuditFilter, Order};
use hushwire::domain::identifier::RawIdentifier;
use hushwire::domain::roster::exclusion::Exclusions;
use hushwire::domain::screening::decision::Decision;
use hushwire::domain::screening::demands::Demands;
use hushwire::domain::screening::freshness::Freshness;
use hushwire::domain::screening::policy::Policy;
use hushwire::domain::screening::transaction::{Transaction, TransactionDraft};
use hushwire::io::clock;
use hushwire::io::policies::Policies;
use hushwire::io::screener::{Answered, Audited, Queued, Records, Screener, Written, write_records};
use hushwire::node::audit_place::AuditPlace;
use hushwire::node::record_screening::ScreeningRecord;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, engine_of};

/// Records of the audit log whose action starts so, rendered.
fn logged(house: &mut House, action: &str, now: Timestamp) -> Vec<String> {
    let filter = AuditFilter { action_prefix: action.to_owned(), ..AuditFilter::default() };
    let page = house.node.list_audit_records(&Actor::Node, &filter, &AuditPlace::START, 1_000, now, &mut house.rng);
    let entries = page.expect("reads").entries.into_iter();
    entries.map(|logged| AuditRecord::decode(&logged.entry.blob).expect("our own").to_string()).collect()
}

fn open(consortium: &Consortium, disk: Disk, now: Timestamp) -> House {
    House::open(consortium, 0, disk, now)
}

fn stop(house: &mut House, now: Timestamp) {
    house.node.record(&Actor::Node, vec![AuditEvent::NodeStopped], now, &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
}

#[test]
fn what_a_kill_may_have_cost_is_told_at_the_next_start_and_an_orderly_stop_costs_nothing() {
    let consortium = Consortium::new(&["bank-a"]);
    let killed = open(&consortium, Disk::default(), START);
    let later = START.plus_s(3_600);
    let mut again = open(&consortium, killed.disk, later);
    let from = Timestamp::from_unix_s(START.unix_s() - limits::UNWRITTEN_S);
    let told = format!("{later} fault audit.gap by node from={from} records_lost=unknown until={later}");
    assert_eq!(logged(&mut again, "audit.gap", later), std::slice::from_ref(&told));
    stop(&mut again, later);
    // The engine may still close a window after its farewell.
    again.tick(later);
    let mut third = open(&consortium, again.disk, later);
    assert_eq!(logged(&mut third, "audit.gap", later), [told], "the stop was in order");
    let mut fourth = open(&consortium, third.disk, later);
    assert_eq!(logged(&mut fourth, "audit.gap", later).len(), 2, "this one was killed again");
}

#[test]
fn a_record_carries_the_time_of_its_decision() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = open(&consortium, Disk::default(), START);
    let record = ScreeningRecord {
        caller: Actor::Node,
        time: START.plus_ms(1_234),
        decision_id: "d-1".to_owned(),
        decision: "block",
        reasons: vec!["own_block_list".to_owned()],
        matched: Vec::new(),
        policy_sha256: Sha256Digest([1; 32]),
        degraded: false,
        anomalies: Vec::new(),
        case: None,
        behind: None,
    };
    house.node.record_screenings(vec![record], &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    let records = logged(&mut house, "screening.decided", START.plus_s(60));
    assert!(records[0].starts_with(&START.plus_ms(1_234).to_string()), "{records:?}");
}

/// Everything screening reads, of a sandbox.
pub fn screener(consortium: &Consortium, house: &House) -> (Arc<Screener>, mpsc::Receiver<Queued>) {
    let (state, (records, waiting)) = (house.node.state(), Records::new());
    let settings = &state.settings;
    let screener = Screener {
        keys: ArcSwap::new(Arc::clone(&state.identity.key_ring)),
        belief: Some(Arc::clone(&state.belief)).into(),
        canon: settings.canon_rules,
        guard: ArcSwap::new(Arc::clone(&settings.guards)),
        lists: Arc::clone(&state.shown_lists),
        experience: Arc::clone(&state.shown_experience),
        passed: Arc::clone(&state.challenges.passed),
        freshness: ArcSwap::from_pointee(Freshness::default()),
        policies: Arc::new(Policies::new(Policy::built_in(&settings.guards.digest()), None)),
        demands: ArcSwap::from_pointee(Demands::of(&consortium.roster, &Exclusions::default())),
        own: state.identity.member.clone(),
        local_mac: state.identity.local_mac.clone(),
        sandbox: true,
        profiles: None,
        records,
        answers: None,
    };
    (Arc::new(screener), waiting)
}

/// Screens a value that is blocked in a sandbox, and waits for its record.
fn screen_blocked(screener: &Screener) -> (Answered, Option<Written>) {
    let blocked = RawIdentifier::new(IdentifierKind::Device, "hushwire-sandbox-block".to_owned());
    let draft = TransactionDraft { identifiers: vec![blocked], ..TransactionDraft::default() };
    let transaction = Transaction::new(draft, clock::now()).expect("keeps every bound");
    screener.screen(&transaction, &Actor::Node, true, clock::now()).expect("one usable identifier")
}

/// A house whose engine writes records for as long as the wait lasts; where the record was then.
fn wait_for_record(disk: &Disk, broken: bool, patience: Duration) -> (Decision, Audited) {
    let consortium = Consortium::new(&["bank-a"]);
    let house = open(&consortium, disk.clone(), START);
    let (screener, waiting) = screener(&consortium, &house);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (engine, thread) = engine_of(house.node, Duration::from_secs(60));
    if broken {
        disk.break_writes();
    }
    let (stop, stopping) = watch::channel(false);
    let found = runtime.block_on(async {
        let window = Duration::from_millis(5);
        let writing = tokio::spawn(write_records(engine, Arc::clone(&screener), waiting, window, stopping));
        let (answered, written) = screen_blocked(&screener);
        assert_eq!(answered.audit, Audited::Pending, "it waits for the next group commit");
        let audit = written.expect("it was asked for").wait(Instant::now() + patience).await;
        stop.send_replace(true);
        writing.await.expect("no panic");
        (answered.screening.decision, audit)
    });
    thread.join().expect("no panic");
    found
}

#[test]
fn who_asks_waits_for_the_group_commit() {
    let disk = Disk::default();
    let found = wait_for_record(&disk, false, Duration::from_secs(30));
    assert_eq!(found, (Decision::Block, Audited::Durable));
    let consortium = Consortium::new(&["bank-a"]);
    let mut again = open(&consortium, disk, clock::now());
    assert_eq!(logged(&mut again, "screening.decided", START).len(), 1);
}

#[test]
fn where_the_store_fails_the_answer_stands_and_says_that_its_record_is_lost_and_the_log_tells_of_the_gap() {
    let disk = Disk::default();
    let found = wait_for_record(&disk, true, Duration::from_secs(30));
    assert_eq!(found, (Decision::Block, Audited::Lost));
    let consortium = Consortium::new(&["bank-a"]);
    let mut again = open(&consortium, disk.copy(), clock::now());
    assert_eq!(logged(&mut again, "audit.gap", START).len(), 1);
}

#[test]
fn who_waits_too_long_is_told_that_the_record_is_pending() {
    let consortium = Consortium::new(&["bank-a"]);
    let house = open(&consortium, Disk::default(), START);
    // Nobody writes.
    let (screener, _waiting) = screener(&consortium, &house);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (_, written) = screen_blocked(&screener);
    let audit = runtime.block_on(written.expect("it was asked for").wait(Instant::now() + Duration::from_millis(10)));
    assert_eq!(audit, Audited::Pending);
}

#[test]
fn a_listing_of_many_pages_is_recorded_once_and_a_page_out_of_nowhere_is_another_listing() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = open(&consortium, Disk::default(), START);
    let events = vec![AuditEvent::NodeStopped; 10];
    house.node.record(&Actor::Node, events, START, &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    let filter = AuditFilter::default();
    let caller = Actor::Local { member: "bank-a".parse().expect("valid"), role: "auditor", name: "desk".to_owned() };
    let look = |house: &mut House, place: &AuditPlace| {
        let page = house.node.list_audit_records(&caller, &filter, place, 3, START, &mut house.rng).expect("reads");
        house.node.sync().expect("syncs");
        page.next
    };
    let (mut place, mut pages) = (AuditPlace::START, 0);
    while let Some(next) = look(&mut house, &place) {
        (place, pages) = (next, pages + 1);
    }
    assert!(pages >= 3, "{pages}");
    let told = format!("{START} ok audit.listed by {caller} more=true records=3");
    assert_eq!(logged(&mut house, "audit.listed", START), std::slice::from_ref(&told));

    look(&mut house, &"0".parse().expect("a place"));
    house.node.sync().expect("syncs");
    let listed = logged(&mut house, "audit.listed", START);
    assert_eq!(listed.iter().filter(|line| **line == told).count(), 2, "{listed:?}");

    // What was asked stands there too, in words of ours: nothing that somebody typed.
    let narrowed =
        |prefix: &str| AuditFilter { action_prefix: prefix.to_owned(), from: Some(START), ..AuditFilter::default() };
    for (prefix, word) in [("screening.decided", "screening"), ("4111111111111111", "other")] {
        let filter = narrowed(prefix);
        house.node.list_audit_records(&caller, &filter, &AuditPlace::START, 3, START, &mut house.rng).expect("reads");
        house.node.sync().expect("syncs");
        let told = format!("{START} ok audit.listed by {caller} actions={word} from={START} more=false records=0");
        assert!(logged(&mut house, "audit.listed", START).contains(&told), "{told}");
    }
}

#[test]
fn who_takes_out_all_of_a_search_leaves_one_record_with_how_much_it_was() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = open(&consortium, Disk::default(), START);
    let events = vec![AuditEvent::NodeStopped; 10];
    house.node.record(&Actor::Node, events, START, &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    let caller = Actor::Local { member: "bank-a".parse().expect("valid"), role: "auditor", name: "desk".to_owned() };
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let filter = AuditFilter { action_prefix: "node.stopped".to_owned(), order, ..AuditFilter::default() };
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let slice = house.node.search_audit_records(&filter, from, 3, START).expect("reads");
            found.extend(slice.entries.iter().map(|logged| logged.index));
            from = slice.next;
            if from.is_none() {
                break;
            }
        }
        let distinct: BTreeSet<EntryIndex> = found.iter().copied().collect();
        assert_eq!((found.len(), distinct.len()), (10, 10), "{order:?}");
    }
    assert_eq!(logged(&mut house, "audit.listed", START), Vec::<String>::new(), "no slice is a record of its own");
    let filter = AuditFilter { action_prefix: "node.stopped".to_owned(), ..AuditFilter::default() };
    house.node.record_audit_extract(&caller, &filter, "csv", 10, START, &mut house.rng).expect("recorded");
    house.node.sync().expect("syncs");
    let told = format!("{START} ok audit.extracted by {caller} actions=node form=csv records=10");
    assert_eq!(logged(&mut house, "audit.extracted", START), [told]);
}

#[test]
fn asking_for_the_proof_of_what_is_not_there_is_recorded() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = open(&consortium, Disk::default(), START);
    let caller = Actor::Local { member: "bank-a".parse().expect("valid"), role: "auditor", name: "desk".to_owned() };
    let beyond = EntryIndex(4_711);
    assert!(house.node.prove_audit_record(&caller, beyond, START, &mut house.rng).expect("reads").is_none());
    house.node.sync().expect("syncs");
    assert_eq!(logged(&mut house, "audit.proved", START), [format!("{START} ok audit.proved by {caller} found=false")]);
}
