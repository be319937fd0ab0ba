//! Running a node: open the keystore and the store, start the engine, open both doors, follow the peers; stop in the
//! opposite order. With a snapshot of belief the doors open before the store: checkouts are answered, everything else is told to
//! come back.
//!
//! Threads: the *engine* owns the node and its store; *peers* runs the exchange with other members; the main thread serves
//! the member's own systems. Each runtime has one thread: a checkout must not wait for a peer's batch, and one thread costs
//! a third less per call than a shared pool.

mod doors;
mod health;
pub mod material;
mod open_up;
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
use crate::app::serve::material::Material;
use crate::app::serve::material::ServeError;
use crate::app::serve::open_up::{OpenUp, Ready, Store, assess};
use crate::app::serve::opening::{Early, start_engine};
use crate::app::serve::peering::Peering;
use crate::app::serve::roster::RosterDesk;
use crate::app::serve::store::OnDamage;
use crate::domain::audit::record::Actor;
use crate::domain::belief::Belief;
use crate::domain::screening::demands::Demands;
use crate::domain::screening::freshness::Freshness;
use crate::domain::screening::own_lists::OwnLists;
use crate::domain::screening::policy::BuiltInPolicy;
use crate::io::clock;
use crate::io::exchange::links::Links;
use crate::io::keystore::process::forbid_core_dumps;
use crate::io::screener::{Records, Screener, write_records};
use crate::io::snapshot_keeper::write_last;
use crate::node::state::Settings;

/// Serves until the process is told to stop (SIGTERM or Ctrl-C). `ready_file` receives the addresses once both doors are
/// open, for whoever started the process; once more when the store is, where checkouts are answered earlier.
pub fn serve(config: &Config, ready_file: Option<PathBuf>, on_damage: OnDamage) -> Result<(), ServeError> {
    forbid_core_dumps().map_err(|error| ServeError::CoreDumps(error.to_string()))?;
    let material = Arc::new(Material::load(config, clock::now())?);
    let local = runtime()?;
    let peers = runtime()?;
    let sockets = local.block_on(Sockets::bind(config))?;
    let snapshot = store::snapshot(config, &material);
    let journal = match store::open_journal(config, &material, &snapshot) {
        Err(fault) if on_damage == OnDamage::Refuse => return Err(fault.into()),
        opened => opened,
    };
    let whole = journal.as_ref().ok().filter(|_| on_damage == OnDamage::Refuse);
    let early = whole.and_then(|journal| opening::early(config, &material, &snapshot, journal, clock::now()));
    let (engine, opening, thread) = start_engine(config, &material, on_damage, journal, &snapshot)?;
    let (belief, freshness, store) = match early {
        Some(Early { belief, feeds }) => (belief, assess(&feeds, &config.member, true), Store::Opening(opening, feeds)),
        None => {
            let opened = local.block_on(opening.end())?;
            (Arc::clone(&opened.belief), assess(&opened.feeds, &config.member, false), Store::Open(opened))
        }
    };
    let (records, waiting) = Records::new();
    let screener = Arc::new(screener(config, &material, belief, freshness, records));
    let links = Links::default();
    let (stop, stopping) = watch::channel(false);
    let desk = RosterDesk::new(&material, engine.clone(), Arc::clone(&screener));
    let peering = Peering::new(engine.patient(), links.clone(), desk.clone(), &material);
    let local_door = doors::local(config, &material, &engine, &screener, &links, &desk)?;
    let peer_door = doors::peer(&material, &engine.patient(), &desk)?;
    let addresses = sockets.addresses()?;

    let open_up = OpenUp {
        engine: engine.clone(),
        screener: Arc::clone(&screener),
        snapshot: config.snapshot.then(|| Arc::clone(&snapshot)),
        freshness_limit_s: config.screening.freshness_limit_s,
        ready: Ready { file: ready_file, addresses, member: config.member.clone() },
        stopping: stopping.clone(),
    };
    let peers_thread = spawn_peers(peers, peering, peer_door, sockets.peer, stopping.clone())?;
    let served = local.block_on(async {
        let window = Duration::from_millis(config.audit_window_ms);
        let (recorder, ends) = (Arc::clone(&screener), stopping.clone());
        let recording = tokio::spawn(write_records(engine.clone(), recorder, waiting, window, ends));
        let (material, tls) = (Arc::clone(&material), Arc::clone(&local_door.tls));
        tokio::spawn(reload::on_hangup(config.clone(), material, tls, desk.clone()));
        tokio::spawn(health::report(engine.clone(), local_door.health.clone()));
        tokio::spawn(reload::follow_epochs(desk.clone()));
        let stopped = told_to_stop();
        let told = async {
            stopped.await;
            tracing::info!(event = "node.stopping");
            stop.send_replace(true);
        };
        tokio::select! {
            // Nothing is answered from a snapshot any more once its store turns out not to be what was written.
            Err(fault) = open_up.run(store) => return Err(fault),
            () = local_door.serve(sockets.local, told) => {}
        }
        // Both the last answers' records and the minute's counters belong into the log before it says that the node stopped.
        drop(recording.await);
        Ok(())
    });
    if let Err(fault) = served {
        local.shutdown_timeout(Duration::from_secs(1));
        return Err(fault);
    }
    drop(peers_thread.join());
    local.block_on(async {
        let farewell = engine.call(|node, round| {
            node.record(&Actor::Node, vec![crate::domain::audit::event::AuditEvent::NodeStopped], round.now, round.rng)
        });
        // The store may have stopped already; then there is nothing left to write.
        drop(farewell.await);
        if config.snapshot {
            write_last(&engine, &screener.belief.load(), &snapshot).await;
        }
    });
    // A replay that nobody waits for any more has nothing to finish.
    let is_open = engine.is_open();
    drop((engine, desk, screener));
    local.shutdown_timeout(Duration::from_secs(1));
    if is_open {
        drop(thread.join());
    }
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
    freshness: Freshness,
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
        freshness: ArcSwap::from_pointee(freshness),
        own: config.member.clone(),
        sandbox: config.screening.sandbox,
        records,
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

/// Listens from the call on, not from the first time it is waited for: who was told that the node serves may stop it at once.
fn told_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    async move {
        let Ok((mut terminate, mut interrupt)) = signals else { return };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
