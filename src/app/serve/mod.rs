//! Running a node: open the keystore and the store, start the engine, open both doors, follow the peers; stop in the
//! opposite order.
//!
//! Threads: the *engine* owns the node and its store; *peers* runs the exchange with other members; the main thread serves
//! the member's own systems. Each runtime has one thread: a checkout must not wait for a peer's batch, and one thread costs
//! a third less per call than a shared pool.

mod doors;
pub mod freshness;
pub mod health;
pub mod material;
mod observe;
mod peering;
mod reload;
mod roster;
pub mod stop;
pub mod store;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::app::config::Config;
use crate::app::serve::doors::Sockets;
use crate::app::serve::freshness::{assess, refresh};
use crate::app::serve::material::ServeError;
use crate::app::serve::material::{LiveEngine, Material, ReadyFile};
use crate::app::serve::observe::Observer;
use crate::app::serve::peering::Peering;
use crate::app::serve::roster::RosterDesk;
use crate::app::serve::store::{OnDamage, OpenStore};
use crate::base::limits;
use crate::domain::screening::freshness::FeedSigned;
use crate::domain::screening::policy::BuiltInPolicy;
use crate::io::clock;
use crate::io::engine::Engine;
use crate::io::exchange::links::Links;
use crate::io::journal::reader::JournalReader;
use crate::io::journal::real_fs::RealFs;
use crate::io::keystore::process::forbid_core_dumps;
use crate::io::metrics::door::MetricsDoor;
use crate::io::metrics::page::{DoorMetrics, Metrics};
use crate::io::screener::{Queued, Records, Screener, write_records};
use crate::io::scrub::scrub_daily;
use crate::io::traces::Traces;

/// How often windows are closed and silence is noticed.
const TICK: Duration = Duration::from_millis(20);

/// Serves until the process is told to stop (SIGTERM or Ctrl-C). `ready_file` receives the addresses once both doors are
/// open, for whoever started the process.
pub fn serve(config: &Config, ready_file: Option<PathBuf>, on_damage: OnDamage) -> Result<(), ServeError> {
    forbid_core_dumps().map_err(|error| ServeError::CoreDumps(error.to_string()))?;
    let material = Arc::new(Material::load(config, clock::now())?);
    let _removed_when_it_stops = ReadyFile::absent(ready_file.as_deref())?;
    let local = runtime()?;
    let peers = runtime()?;
    let sockets = local.block_on(Sockets::bind(config))?;
    let Started { engine, thread, screener, waiting, reader, heard } = start_engine(config, &material, on_damage)?;

    let links = Links::default();
    let traces = traces(config)?;
    let metrics = Arc::new(counted(&engine, &screener, &reader, traces.as_ref()));
    let (stop, stopping) = watch::channel(false);
    let desk = RosterDesk::new(config, &material, engine.clone(), Arc::clone(&screener));
    let peering = Peering::new(engine.patient(), links.clone(), desk.clone(), &material);
    let local_door = doors::local(config, &material, &engine, &screener, &links, &desk, &metrics)?;
    let peer_door = doors::peer(&material, &engine.patient(), &desk, &metrics)?;
    let addresses = sockets.addresses()?;

    let shown = reload::Shown {
        local: Arc::clone(&local_door.tls),
        peer: Arc::clone(&peer_door.tls),
        identity: Arc::clone(&peering.identity),
    };
    if let Some(tcp) = sockets.metrics {
        // Beside the peers: a scrape must not hold up a checkout.
        peers.spawn(MetricsDoor { tcp, metrics: Arc::clone(&metrics) }.serve());
    }
    let peers_thread = spawn_peers(peers, peering, peer_door, sockets.peer, stopping.clone())?;
    if let Some(path) = ready_file {
        material::write_ready(&path, &addresses)?;
    }
    tracing::info!(event = "node.ready", local = %addresses.local, peer = %addresses.peer, member = %config.member);

    let observer = Observer {
        metrics,
        engine: engine.clone(),
        screener: Arc::clone(&screener),
        links,
        desk: desk.clone(),
        health: local_door.health.clone(),
        dir: config.dir.clone(),
        local_tls: local_door.tls.subscribe(),
        peer_certificate_ends_s: material.peer.end_s(),
    };

    let mut told = Ok(());
    let recording = local.block_on(async {
        tokio::spawn(observer.run(stopping.clone()));
        let window = Duration::from_millis(config.audit_window_ms);
        let (recorder, ends) = (Arc::clone(&screener), stopping.clone());
        let recording = tokio::spawn(write_records(engine.patient(), recorder, waiting, window, ends));
        tokio::spawn(scrub_daily(engine.clone(), reader));
        let show_to = Arc::clone(&screener);
        let show = move |freshness| show_to.freshness.store(Arc::new(freshness));
        tokio::spawn(refresh(engine.clone(), config.screening.freshness_limit_s, heard, show));
        tokio::spawn(reload::on_hangup(config.clone(), shown, desk.clone()));
        tokio::spawn(health::report(engine.clone(), local_door.health.clone()));
        tokio::spawn(reload::follow_epochs(desk.clone()));
        let told = async {
            told = stop::told_or_ended(&engine).await;
            tracing::info!(event = "node.stopping");
            stop.send_replace(true);
        };
        local_door.serve(sockets.local, told).await;
        recording
    });
    drop(peers_thread.join());
    // Both doors are closed; what is left is the store's.
    let deadline = Instant::now() + Duration::from_millis(limits::STOP_STORE_MS);
    local.block_on(async {
        // Both the last answers' records and the minute's counters belong into the log before it says that the node stopped.
        drop(tokio::time::timeout_at(deadline.into(), recording).await);
        stop::farewell(&engine, deadline).await;
    });
    drop((engine, desk, screener));
    local.shutdown_timeout(Duration::from_millis(500));
    let store = stop::join(&thread, deadline);
    if let Some(traces) = traces {
        traces.stop();
    }
    tracing::info!(event = "node.stopped");
    told.and(store)
}

fn runtime() -> Result<Runtime, ServeError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Runtime)
}

/// A running engine with what works beside it.
struct Started {
    engine: LiveEngine,
    thread: JoinHandle<()>,
    screener: Arc<Screener>,
    waiting: tokio::sync::mpsc::Receiver<Queued>,
    reader: JournalReader<RealFs>,
    /// When each feed was last signed, as known at the start.
    heard: Vec<FeedSigned>,
}

fn start_engine(config: &Config, material: &Material, on_damage: OnDamage) -> Result<Started, ServeError> {
    let now = clock::now();
    let OpenStore { node, reader, reserve } = store::open(config, material, on_damage, now)?;
    let settings = &node.state().settings;
    let (guard, canon) = (Arc::clone(&settings.guards), settings.canon_rules);
    let key_ring = Arc::clone(&node.state().identity.key_ring);
    let belief = Arc::clone(&node.state().belief);
    let lists = Arc::clone(&node.state().shown_lists);
    let heard = node.freshness(config.screening.freshness_limit_s, now);
    let freshness = assess(&heard, &config.member, now);
    let demands = node.demands();
    let (engine, thread) = Engine::start(node, TICK, reserve).map_err(ServeError::Runtime)?;
    let (records, waiting) = Records::new();
    let screener = Arc::new(Screener {
        keys: ArcSwap::new(key_ring),
        belief,
        canon,
        policy: BuiltInPolicy::new(&guard.digest()),
        demands: ArcSwap::from_pointee(demands),
        guard: ArcSwap::new(guard),
        lists,
        freshness: ArcSwap::from_pointee(freshness),
        own: config.member.clone(),
        sandbox: config.screening.sandbox,
        records,
    });
    Ok(Started { engine, thread, screener, waiting, reader, heard })
}

/// Where spans go, if anywhere.
fn traces(config: &Config) -> Result<Option<Traces>, ServeError> {
    let start = |collector| Traces::start(collector, config.traces.share(), env!("CARGO_PKG_VERSION"));
    config.traces.endpoint.map(start).transpose().map_err(ServeError::Runtime)
}

/// What is counted where it happens, gathered for the page that monitoring reads.
fn counted(
    engine: &LiveEngine,
    screener: &Screener,
    reader: &JournalReader<RealFs>,
    traces: Option<&Traces>,
) -> Metrics {
    Metrics {
        local: DoorMetrics { tracer: traces.map(Traces::local), ..DoorMetrics::default() },
        peer: DoorMetrics { tracer: traces.map(Traces::peer), ..DoorMetrics::default() },
        screening: Arc::clone(&screener.records.counted),
        engine_waiting: engine.waiting(),
        journal: reader.counts(),
        started_at: Some(clock::now()),
        version: env!("CARGO_PKG_VERSION"),
        ..Metrics::default()
    }
}

fn spawn_peers(
    runtime: Runtime,
    peering: Peering,
    door: doors::PeerDoor,
    socket: std::net::TcpListener,
    stopping: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, ServeError> {
    let run = move || {
        runtime.block_on(async {
            let following = tokio::spawn(peering.run());
            door.serve(socket, stopped(stopping)).await;
            following.abort();
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
    };
    std::thread::Builder::new().name("hushwire-peers".to_owned()).spawn(run).map_err(ServeError::Runtime)
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // The sender lives as long as the process serves; its end means the same.
    drop(stopping.wait_for(|stop| *stop).await);
}
