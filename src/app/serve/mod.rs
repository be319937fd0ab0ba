//! Running a node: open the keystore and the store, start the engine, open both doors, follow the peers; stop in the
//! opposite order. The doors open before the store: with a snapshot of belief checkouts are answered meanwhile, everything else is
//! told to come back.
//!
//! Threads: the *engine* owns the node and its store; *peers* runs the exchange with other members; the main thread serves
//! the member's own systems. Each runtime has one thread: a checkout must not wait for a peer's batch, and one thread costs
//! a third less per call than a shared pool.

mod beside;
mod closing;
mod commands;
mod console;
mod doors;
pub mod freshness;
pub mod health;
mod late;
pub mod material;
mod observe;
mod open_up;
mod opening;
mod peering;
mod policy;
mod profiles;
mod refusals;
mod reload;
mod roster;
pub mod stop;
pub mod store;
mod told;
mod webhooks;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::app::config::Config;
use crate::app::serve::beside::Beside;
use crate::app::serve::closing::{Closing, RUNTIME_ENDS};
use crate::app::serve::doors::{Behind, Sockets};
use crate::app::serve::material::{LiveEngine, LiveUsers, Material, ReadyFile, ServeError};
use crate::app::serve::observe::Observer;
use crate::app::serve::open_up::{OpenUp, Ready, Store, assess_early};
use crate::app::serve::opening::{Early, Shown, ShownExperience, start_engine};
use crate::app::serve::peering::Peering;
use crate::app::serve::roster::RosterDesk;
use crate::app::serve::store::{LiveJournal, LiveSnapshot, OnDamage};
use crate::domain::case::passed::Passed;
use crate::domain::roster::exclusion::Exclusions;
use crate::domain::screening::demands::Demands;
use crate::domain::screening::freshness::Freshness;
use crate::domain::screening::own_lists::OwnLists;
use crate::io::advice_files;
use crate::io::answered::{Answers, Given};
use crate::io::clock;
use crate::io::exchange::links::Links;
use crate::io::keystore::process::forbid_core_dumps;
use crate::io::metrics::counts::JournalCounts;
use crate::io::metrics::door::MetricsDoor;
use crate::io::metrics::page::{DoorMetrics, Metrics};
use crate::io::permissions::{Forbidden, Use, User};
use crate::io::policies::Policies;
use crate::io::screener::{Queued, Records, Screener};
use crate::io::traces::Traces;
use crate::io::webhook::code::CodePost;
use crate::io::webhook::deliver::deliver;
use crate::node::local_mac::LocalMacKey;
use crate::node::state::Settings;
use crate::node::store::StorageFault;
use crate::node::users::ShownUsers;

/// What whoever started the process wants of it.
#[derive(Debug)]
pub struct Order {
    /// Receives the addresses once checkouts are answered; once more when the store is open, where they are answered earlier.
    pub ready_file: Option<PathBuf>,
    pub on_damage: OnDamage,
    /// Whether the end of standard input means to stop: whoever holds its other end is gone.
    pub stop_with_stdin: bool,
}

/// Serves until the process is told to stop (SIGTERM or Ctrl-C).
pub fn serve(config: &Config, order: Order) -> Result<(), ServeError> {
    serve_on(config, order).map_err(|fault| named(config, fault))
}

/// What the operating system refused, with the file: the store itself does not name what it may not read.
fn named(config: &Config, fault: ServeError) -> ServeError {
    let ServeError::Store(StorageFault::Os(_)) = fault else { return fault };
    let places = config.dir.written();
    let mut forbidden = places.iter().flat_map(|place| User::Caller.forbidden(place, Use::ReadAndWrite));
    match forbidden.next() {
        Some(Forbidden { path, owner, mode }) => ServeError::Forbidden { path, owner, mode },
        None => fault,
    }
}

fn serve_on(config: &Config, order: Order) -> Result<(), ServeError> {
    forbid_core_dumps().map_err(|error| ServeError::CoreDumps(error.to_string()))?;
    let material = Arc::new(Material::load(config, clock::now())?);
    let snapshot = store::snapshot(config, &material);
    let journal = match store::open_journal(config, &material, &snapshot) {
        // That another process has it is no damage that could be set aside.
        Err(fault @ ServeError::Store(StorageFault::InUse)) => return Err(fault),
        Err(fault) if order.on_damage == OnDamage::Refuse => return Err(fault),
        opened => opened,
    };
    // Only now: as long as the store may be another process's, so may the file.
    let ready = ReadyFile::absent(order.ready_file.as_deref())?;
    config.dir.commands().prepare().map_err(|error| ServeError::File { what: "commands", error })?;
    let webhooks = Arc::default();
    let hooks = webhooks::prepare(config, &webhooks)?;
    let local = runtime()?;
    let peers = runtime()?;
    let sockets = local.block_on(Sockets::bind(config))?;
    let advice = Arc::new(ArcSwap::from_pointee(advice_files::load(&config.advice.folder, &config.advice.language)?));
    let policies = policy::load(&config.policy, &material.guards.digest(), &advice.load())?;
    let Started { engine, thread, screener, users, waiting, answered, store } =
        start(config, &material, policies, order.on_damage, journal, &snapshot)?;
    let keeper = profiles::keep(config, &material, &screener, &engine, local.handle())?;
    let following = late::follow(config, &screener, &engine, local.handle(), answered, &material)?;

    let links = Links::default();
    let traces = traces(config)?;
    let counted = counted(&engine, &screener, store.opening.journal_counts(), traces.as_ref());
    let metrics = Arc::new(Metrics { webhooks, ..counted });
    let (stop, stopping) = watch::channel(false);
    let desk = RosterDesk::new(config, &material, engine.clone(), Arc::clone(&screener));
    let peering = Peering::new(engine.patient(), links.clone(), desk.clone(), &material);
    let behind = Behind {
        engine: &engine,
        screener: &screener,
        advice: &advice,
        links: &links,
        desk: &desk,
        users: &users,
        profiles: profiles::desk(&screener, &engine, keeper.as_ref()),
        codes: CodePost::new(&hooks, peers.handle().clone()),
        stopping: &stopping,
        metrics: &metrics,
    };
    let local_door = doors::local(config, &material, behind)?;
    let peer_door = doors::peer(&material, &engine.patient(), &links, &desk, &metrics, &stopping)?;
    let console_door =
        console::door(config, &local_door.identity, &engine, &users, &links, &screener.policies, &metrics.console)?;
    let addresses = sockets.addresses()?;

    let turn = Arc::new(Mutex::new(local_door.identity.clone()));
    let shown = reload::Shown {
        turn: Arc::clone(&turn),
        local: Arc::clone(&local_door.tls),
        peer: Arc::clone(&peer_door.tls),
        console: console_door.as_ref().map(|door| Arc::clone(&door.tls)),
        identity: Arc::clone(&peering.identity),
        advice: Arc::clone(&advice),
        policies: Arc::clone(&screener.policies),
    };
    let access = reload::Access { tls: Arc::clone(&local_door.tls), tokens: local_door.tokens.clone(), turn };
    if let Some(tcp) = sockets.metrics {
        // Beside the peers: a scrape must not hold up a checkout.
        peers.spawn(MetricsDoor { tcp, metrics: Arc::clone(&metrics) }.serve());
    }
    for hook in hooks {
        // Beside the peers, too: a receiver that hangs must not hold up a checkout.
        peers.spawn(deliver(hook, engine.clone()));
    }
    let observer = Observer {
        metrics,
        engine: engine.clone(),
        screener: Arc::clone(&screener),
        links,
        desk: desk.clone(),
        health: local_door.health.clone(),
        dir: config.dir.clone(),
        local_tls: local_door.tls.subscribe(),
        peer_tls: peer_door.tls.subscribe(),
    };
    let open_up = OpenUp {
        engine: engine.clone(),
        screener: Arc::clone(&screener),
        health: local_door.health.clone(),
        snapshot: config.snapshot.then(|| Arc::clone(&snapshot)),
        freshness_limit_s: config.screening.freshness_limit_s,
        ready: Ready { file: order.ready_file, addresses, member: config.member.clone() },
        stopping: stopping.clone(),
    };
    let mut refusals = vec![Arc::clone(&local_door.refusals), Arc::clone(&peer_door.refusals)];
    refusals.extend(console_door.as_ref().map(|door| Arc::clone(&door.refusals)));
    let console_thread = match (console_door, sockets.console) {
        (Some(door), Some(socket)) => Some(door.spawn(socket, stopping.clone())?),
        _ => None,
    };
    let peers_thread = spawn_peers(peers, peering, peer_door, sockets.peer, stopping.clone())?;
    let beside = Beside {
        config: config.clone(),
        engine: engine.clone(),
        screener,
        desk,
        observer,
        access,
        shown,
        refusals: refusals.clone(),
        health: local_door.health.clone(),
        advice,
        guards: material.guards.digest(),
        stopping,
    };
    let mut told = Ok(());
    let recording = local.block_on(async {
        health::begin(&local_door.health, store.early.is_some()).await;
        let recording = beside.begin(waiting);
        let ended = stop::told_or_ended(&engine, order.stop_with_stdin);
        let until = async {
            told = ended.await;
            tracing::info!(event = "node.stopping");
            stop.send_replace(true);
        };
        tokio::select! {
            // Nothing is answered from a snapshot any more once its store turns out not to be what was written.
            Err(fault) = open_up.run(store) => Err(fault),
            () = local_door.serve(sockets.local, until) => Ok(recording),
        }
    });
    let recording = match recording {
        Ok(recording) => recording,
        Err(fault) => {
            local.shutdown_timeout(RUNTIME_ENDS);
            return Err(fault);
        }
    };
    drop(peers_thread.join());
    drop(console_thread.map(JoinHandle::join));
    // While the store is still held: the next process on it writes the file anew.
    drop(ready);
    let snapshot = config.snapshot.then_some(snapshot);
    let closing = Closing { local, engine, users, thread, recording, refusals, snapshot, keeper, following, traces };
    let store = closing.close();
    told.and(store)
}

fn runtime() -> Result<Runtime, ServeError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Runtime)
}

/// What answers checkouts, and an engine whose store is being opened.
struct Started {
    engine: LiveEngine,
    thread: JoinHandle<()>,
    screener: Arc<Screener>,
    /// Who may sign in to the console.
    users: LiveUsers,
    waiting: tokio::sync::mpsc::Receiver<Queued>,
    answered: std::sync::mpsc::Receiver<Box<Given>>,
    store: Store,
}

fn start(
    config: &Config,
    material: &Arc<Material>,
    policies: Policies,
    on_damage: OnDamage,
    journal: Result<LiveJournal, ServeError>,
    snapshot: &LiveSnapshot,
) -> Result<Started, ServeError> {
    let whole = journal.as_ref().ok().filter(|_| on_damage == OnDamage::Refuse);
    let early = whole.and_then(|journal| opening::early(config, material, snapshot, journal, clock::now()));
    let listed = early.as_ref().map_or_else(|| OwnLists::new(opening::list_key(material)), |early| early.lists.clone());
    let lists = Arc::new(ArcSwap::from_pointee(listed));
    let experience = ShownExperience::default();
    let passed = Arc::new(Passed::new(config.challenge.remembered_hours.saturating_mul(3_600)));
    let profiles = profiles::begin(config, material);
    let shown_users = ShownUsers::default();
    let shown = Shown {
        users: Arc::clone(&shown_users),
        lists: Arc::clone(&lists),
        experience: Arc::clone(&experience),
        passed: Arc::clone(&passed),
        profiles: profiles.clone(),
    };
    let (engine, opening, thread) = start_engine(config, material, on_damage, journal, snapshot, shown)?;
    let (belief, demands, freshness, early) = match early {
        Some(Early { belief, demands, feeds, .. }) => {
            (Some(belief), demands, assess_early(&feeds, &config.member), Some(feeds))
        }
        // Nothing is answered with these: they come with the belief of the open store.
        None => (None, Demands::of(&material.roster, &Exclusions::default()), Freshness::default(), None),
    };
    let store = Store { opening, early };
    let users = LiveUsers::new(engine.clone(), shown_users, LocalMacKey::new(&material.keystore.keys.local_mac));
    let (records, waiting) = Records::new();
    let (answers, answered) = Answers::new();
    let Settings { guards, canon_rules, .. } = material.settings(config);
    let screener = Arc::new(Screener {
        keys: ArcSwap::new(Arc::clone(&material.key_ring)),
        belief: ArcSwapOption::new(belief),
        canon: canon_rules,
        policies: Arc::new(policies),
        demands: ArcSwap::from_pointee(demands),
        guard: ArcSwap::new(guards),
        lists,
        experience,
        passed,
        freshness: ArcSwap::from_pointee(freshness),
        own: config.member.clone(),
        local_mac: LocalMacKey::new(&material.keystore.keys.local_mac),
        sandbox: config.screening.sandbox,
        profiles,
        records,
        answers: Some(answers),
    });
    Ok(Started { engine, thread, screener, users, waiting, answered, store })
}

/// Where spans go, if anywhere.
fn traces(config: &Config) -> Result<Option<Traces>, ServeError> {
    let start = |collector| Traces::start(collector, config.traces.share(), env!("CARGO_PKG_VERSION"));
    config.traces.endpoint.map(start).transpose().map_err(ServeError::Runtime)
}

/// What is counted where it happens, gathered for the page that monitoring reads.
fn counted(engine: &LiveEngine, screener: &Screener, journal: Arc<JournalCounts>, traces: Option<&Traces>) -> Metrics {
    Metrics {
        local: DoorMetrics { tracer: traces.map(Traces::local), ..DoorMetrics::default() },
        peer: DoorMetrics { tracer: traces.map(Traces::peer), ..DoorMetrics::default() },
        screening: Arc::clone(&screener.records.counted),
        answered: screener.answers.as_ref().map(|answers| Arc::clone(&answers.counted)).unwrap_or_default(),
        profiles: screener.profiles.as_ref().map(|profiles| Arc::clone(&profiles.counted)).unwrap_or_default(),
        policies: Some(Arc::clone(&screener.policies)),
        engine_waiting: engine.waiting(),
        journal,
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
