//! An engine that hangs, or ends by a bug: nothing it can no longer vouch for goes on looking well, and a stop is bounded.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hushwire::app::serve::freshness::refresh;
use hushwire::app::serve::health;
use hushwire::app::serve::material::ServeError;
use hushwire::app::serve::stop;
use hushwire::base::limits;
use hushwire::domain::audit::asked::Asked;
use hushwire::domain::audit::event::AuditEvent;
use hushwire::domain::audit::record::Actor;
use hushwire::domain::screening::freshness::FeedSigned;
use hushwire::io::clock;
use hushwire::io::compactor::Compactor;
use hushwire::io::engine::{Engine, EngineFault};
use hushwire::io::views::memory::MemoryViews;
use hushwire::node::store::StorageFault;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::server::{HealthReporter, HealthService};

use crate::consortium::{Consortium, START};
use crate::house::{Disk, House, engine_of};

const PATIENCE: Duration = Duration::from_secs(30);

type TestEngine = Engine<Disk, MemoryViews>;

/// A running engine of bank-a, its thread and its disk.
fn engine(consortium: &Consortium) -> (TestEngine, JoinHandle<()>, Disk) {
    let House { node, disk, .. } = House::open(consortium, 0, Disk::default(), clock::now());
    let (engine, thread) = engine_of(node, Duration::from_millis(20));
    (engine, thread, disk)
}

/// Keeps the engine's thread busy until the sender is dropped, as a disk that hangs would.
async fn block(engine: &TestEngine) -> Sender<()> {
    let (release, released) = channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let engine = engine.clone();
    tokio::spawn(async move {
        let blocked = engine.call(move |_, _| {
            begun.send(()).expect("waited for");
            // Ends with the sender.
            released.recv().unwrap_or_default();
        });
        drop(blocked.await);
    });
    begins.await.expect("the engine takes it up");
    release
}

async fn is(reporter: &HealthReporter, service: &str, wanted: ServingStatus) {
    let asked = HealthService::from_health_reporter(reporter.clone());
    let told = async {
        loop {
            let request = tonic::Request::new(HealthCheckRequest { service: service.to_owned() });
            if asked.check(request).await.is_ok_and(|answer| answer.into_inner().status() == wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("{service} never became {wanted:?}"));
}

/// What was heard grows stale within seconds, whatever the engine does.
async fn grows_stale(consortium: &Consortium, engine: &TestEngine) {
    let heard = FeedSigned { feed: consortium.feed(1), signed_at: Some(clock::now()), limit_s: 2, quarantined: false };
    let shown = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&shown);
    let show = move |freshness: hushwire::domain::screening::freshness::Freshness| {
        list.lock().unwrap_or_else(PoisonError::into_inner).push(freshness.is_degraded());
    };
    let task = tokio::spawn(refresh(engine.clone(), None, vec![heard], show));
    let stale = async {
        while shown.lock().unwrap_or_else(PoisonError::into_inner).last() != Some(&true) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, stale).await.expect("it grows stale");
    task.abort();
    let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(shown.first(), Some(&false), "fresh as long as it is");
}

#[tokio::test]
async fn behind_a_stuck_engine_feeds_grow_stale_and_only_what_needs_no_store_is_healthy() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (engine, _thread, _) = engine(&consortium);
    let (_, reporter) = health::health();
    health::begin(&reporter, true).await;
    let reporting = tokio::spawn(health::report(engine.clone(), reporter.clone()));
    is(&reporter, "", ServingStatus::Serving).await;
    let release = block(&engine).await;
    is(&reporter, "", ServingStatus::NotServing).await;
    is(&reporter, "hushwire.local.v1.PublishingService", ServingStatus::NotServing).await;
    is(&reporter, "hushwire.local.v1.ScreeningService", ServingStatus::Serving).await;
    grows_stale(&consortium, &engine).await;
    drop(release);
    is(&reporter, "", ServingStatus::Serving).await;
    reporting.abort();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_stuck_engine() {
    let consortium = Consortium::new(&["bank-a"]);
    let (engine, thread, _) = engine(&consortium);
    let _release = block(&engine).await;
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(300);
    stop::farewell(&engine, deadline).await;
    assert!(matches!(stop::join(&thread, deadline), Err(ServeError::StoreStuck)));
    assert!(begun.elapsed() < PATIENCE, "it came back at all");
}

#[tokio::test]
async fn an_engine_that_ends_by_a_bug_ends_the_node_and_vouches_for_nothing_meanwhile() {
    let consortium = Consortium::new(&["bank-a", "bank-b"]);
    let (engine, thread, _) = engine(&consortium);
    let (_, reporter) = health::health();
    health::begin(&reporter, true).await;
    let reporting = tokio::spawn(health::report(engine.clone(), reporter.clone()));
    is(&reporter, "", ServingStatus::Serving).await;
    let failed = engine.call(|_, _| panic!("a planted bug")).await;
    assert_eq!(failed, Err::<(), _>(EngineFault::Stopping));
    let ending = tokio::time::timeout(PATIENCE, stop::told_or_ended(&engine, false)).await.expect("it is noticed");
    assert!(matches!(ending, Err(ServeError::EngineEnded)));
    is(&reporter, "", ServingStatus::NotServing).await;
    grows_stale(&consortium, &engine).await;
    assert!(stop::join(&thread, Instant::now() + PATIENCE).is_ok());
    reporting.abort();
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_taken_in_and_everything_can_still_be_looked_at() {
    let consortium = Consortium::new(&["bank-a"]);
    let (engine, _thread, disk) = engine(&consortium);
    let write = || {
        engine.call(|node, round| {
            let event = AuditEvent::AuditListed { asked: Asked::default(), records: 0, more: false };
            node.record(&Actor::Node, vec![event], round.now, round.rng)
        })
    };
    assert_eq!(write().await, Ok(Ok(())));
    disk.lock().fail_with(StorageFault::Full);
    for _ in 0..2 {
        let refused = write().await.and_then(|written| Ok(written?));
        assert!(matches!(refused, Err(EngineFault::Storage(_))), "{refused:?}");
    }
    assert!(matches!(engine.call(|_, _| ()).await, Err(EngineFault::Storage(_))));
    let seen = engine.inquire(|node, now| node.status(now)).await.expect("looking goes on");
    assert!(seen.audit_size.0 > 0);
}

#[test]
fn the_engine_goes_on_while_a_thread_compacts() {
    let consortium = Consortium::new(&["bank-a"]);
    let mut house = House::open(&consortium, 0, Disk::default(), START);
    house.node.tick(START, &mut house.rng).expect("ticks");
    house.publish("device-of-a-case-01", 30, None, START);
    house.node.tick(START, &mut house.rng).expect("ticks");
    house.node.sync().expect("syncs");
    let later = START.plus_s(limits::COMPACT_AFTER_START_S);
    house.node.tick(later, &mut house.rng).expect("ticks");
    let mut compactor = Compactor::default();
    compactor.step(&mut house.node, later);
    assert!(format!("{compactor:?}").contains("running true"));
    house.publish("device-of-a-case-02", 30, None, later);
    let end = Instant::now() + PATIENCE;
    while format!("{compactor:?}").contains("running true") {
        assert!(Instant::now() < end, "it ends");
        compactor.step(&mut house.node, later);
        std::thread::yield_now();
    }
    house.tick(later);
    let left = house.node.compact(later).expect("compacts").rewritten;
    assert_eq!(left, 1, "of the first nothing is left to do, the second was signed since");
    assert_eq!(House::open(&consortium, 0, house.disk, later).live(), 2);
}
