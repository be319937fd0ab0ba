//! Running a node: open the keystore and the store, start the engine, open both doors, follow the peers; stop in the
//! opposite order.
//!
//! Threads: the *engine* owns the node and its store; *peers* runs the exchange with other members; the main thread serves
//! the member's own systems. Each runtime has one thread: a checkout must not wait for a peer's batch, and one thread costs
//! a third less per call than a shared pool.

mod doors;
mod health;
pub mod material;
mod opening;
mod peering;
mod reload;
mod roster;
pub mod store;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::app::config::Config;
use crate::app::serve::doors::Sockets;
use crate::app::serve::material::ServeError;
use crate::app::serve::material::{LiveEngine, Material};
use crate::app::serve::opening::start_engine;
use crate::app::serve::peering::Peering;
use crate::app::serve::roster::RosterDesk;
use crate::app::serve::store::OnDamage;
use crate::base::time::Timestamp;
use crate::domain::audit::record::Actor;
use crate::domain::belief::Belief;
use crate::domain::screening::demands::Demands;
use crate::domain::screening::freshness::{FeedSigned, Freshness};
use crate::domain::screening::own_lists::OwnLists;
use crate::domain::screening::policy::BuiltInPolicy;
use crate::io::clock;
use crate::io::engine::EngineFault;
use crate::io::exchange::links::Links;
use crate::io::keystore::process::forbid_core_dumps;
use crate::io::screener::{Records, Screener, write_records};
use crate::io::scrub::scrub_daily;
use crate::node::state::Settings;

/// How often the freshness shown in answers is brought up to date.
const FRESHNESS_EVERY: Duration = Duration::from_secs(1);

/// Serves until the process is told to stop (SIGTERM or Ctrl-C). `ready_file` receives the addresses once both doors are
/// open, for whoever started the process.
pub fn serve(config: &Config, ready_file: Option<PathBuf>, on_damage: OnDamage) -> Result<(), ServeError> {
    forbid_core_dumps().map_err(|error| ServeError::CoreDumps(error.to_string()))?;
    let material = Arc::new(Material::load(config, clock::now())?);
    let local = runtime()?;
    let peers = runtime()?;
    let sockets = local.block_on(Sockets::bind(config))?;
    let journal = match store::open_journal(config, &material) {
        Err(fault) if on_damage == OnDamage::Refuse => return Err(fault.into()),
        opened => opened,
    };
    let (engine, opening, thread) = start_engine(config, &material, on_damage, journal)?;
    let opened = local.block_on(opening.end())?;
    let (records, waiting) = Records::new();
    let screener = Arc::new(screener(config, &material, opened.belief, &opened.feeds, records));
    let links = Links::default();
    let (stop, stopping) = watch::channel(false);
    let desk = RosterDesk::new(&material, engine.clone(), Arc::clone(&screener));
    let peering = Peering::new(engine.patient(), links.clone(), desk.clone(), &material);
    let local_door = doors::local(config, &material, &engine, &screener, &links, &desk)?;
    let peer_door = doors::peer(&material, &engine.patient(), &desk)?;
    let addresses = sockets.addresses(false)?;

    let peers_thread = spawn_peers(peers, peering, peer_door, sockets.peer, stopping.clone())?;
    if let Some(path) = ready_file {
        material::write_ready(&path, &addresses)?;
    }
    tracing::info!(event = "node.ready", local = %addresses.local, peer = %addresses.peer, member = %config.member);

    local.block_on(async {
        let window = Duration::from_millis(config.audit_window_ms);
        let (recorder, ends) = (Arc::clone(&screener), stopping.clone());
        let recording = tokio::spawn(write_records(engine.clone(), recorder, waiting, window, ends));
        tokio::spawn(scrub_daily(engine.clone(), opened.reader));
        tokio::spawn(refresh(engine.clone(), Arc::clone(&screener), config.screening.freshness_limit_s));
        let (material, tls) = (Arc::clone(&material), Arc::clone(&local_door.tls));
        tokio::spawn(reload::on_hangup(config.clone(), material, tls, desk.clone()));
        tokio::spawn(health::report(engine.clone(), local_door.health.clone()));
        tokio::spawn(reload::follow_epochs(desk.clone()));
        let told = async {
            told_to_stop().await;
            tracing::info!(event = "node.stopping");
            stop.send_replace(true);
        };
        local_door.serve(sockets.local, told).await;
        // Both the last answers' records and the minute's counters belong into the log before it says that the node stopped.
        drop(recording.await);
    });
    drop(peers_thread.join());
    local.block_on(async {
        let farewell = engine.call(|node, round| {
            node.record(&Actor::Node, vec![crate::domain::audit::event::AuditEvent::NodeStopped], round.now, round.rng)
        });
        // The store may have stopped already; then there is nothing left to write.
        drop(farewell.await);
    });
    drop((engine, desk, screener));
    local.shutdown_timeout(Duration::from_secs(1));
    drop(thread.join());
    tracing::info!(event = "node.stopped");
    Ok(())
}

fn runtime() -> Result<Runtime, ServeError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Runtime)
}

fn screener(
    config: &Config,
    material: &Material,
    belief: Arc<Belief>,
    feeds: &[FeedSigned],
    records: Records,
) -> Screener {
    let Settings { guards, canon_rules, .. } = material.settings(config);
    Screener {
        keys: ArcSwap::new(Arc::clone(&material.key_ring)),
        belief: ArcSwap::new(belief),
        canon: canon_rules,
        policy: BuiltInPolicy::new(&guards.digest()),
        demands: ArcSwap::from_pointee(Demands::of(&material.roster)),
        guard: ArcSwap::new(guards),
        lists: ArcSwap::from_pointee(OwnLists::default()),
        freshness: ArcSwap::from_pointee(assess(feeds, &config.member, clock::now())),
        own: config.member.clone(),
        sandbox: config.screening.sandbox,
        records,
    }
}

fn assess(feeds: &[FeedSigned], own: &crate::base::name::MemberId, now: Timestamp) -> Freshness {
    Freshness::assess(feeds, own, false, now)
}

/// Keeps the freshness in answers true. Where the engine is stuck, what was last heard is assessed again by the clock: a
/// feed nobody pulls any more must grow stale.
async fn refresh(engine: LiveEngine, screener: Arc<Screener>, limit_s: Option<u64>) {
    let mut every = tokio::time::interval(FRESHNESS_EVERY);
    let mut last_heard = Vec::new();
    loop {
        every.tick().await;
        match engine.call(move |node, round| node.freshness(limit_s, round.now)).await {
            Ok(feeds) => last_heard = feeds,
            Err(EngineFault::Stopping) => return,
            // A full queue or a stopped store: the next round may find it better.
            Err(EngineFault::Busy | EngineFault::Opening | EngineFault::Storage(_)) => {}
        }
        screener.freshness.store(Arc::new(assess(&last_heard, &screener.own, clock::now())));
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

async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
