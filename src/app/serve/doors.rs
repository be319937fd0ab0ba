//! The two doors: the member's own systems on one, other members' nodes on the other.

use std::net::TcpListener;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;

use crate::app::config::Config;
use crate::app::serve::health::health;
use crate::app::serve::material::{
    Addresses, LiveEngine, LiveUsers, LocalIdentity, Material, ServeError, local_identity,
};
use crate::app::serve::refusals::RefusalLog;
use crate::app::serve::roster::RosterDesk;
use crate::app::serve::store::LiveJournal;
use crate::base::limits;
use crate::domain::screening::advice::AdviceTexts;
use crate::domain::statistics::budget::Epsilon;
use crate::io::access::bearer::Bearer;
use crate::io::access::tokens::{Loaded, TokenRegistry};
use crate::io::clock;
use crate::io::exchange::links::Links;
use crate::io::exchange::streams::Streams;
use crate::io::grpc::brake::BrakeDesk;
use crate::io::grpc::cases::CaseDesk;
use crate::io::grpc::challenge::ChallengeDesk;
use crate::io::grpc::compliance::Compliance;
use crate::io::grpc::exchange::Exchange;
use crate::io::grpc::feedback::Feedback;
use crate::io::grpc::gate::{Gate, GateSettings};
use crate::io::grpc::late::LateMatches;
use crate::io::grpc::lists::Lists;
use crate::io::grpc::node::NodeState;
use crate::io::grpc::oversight::Oversight;
use crate::io::grpc::policy::PolicyDesk;
use crate::io::grpc::profiles::ProfilesDesk;
use crate::io::grpc::publishing::{PublishDefaults, Publishing};
use crate::io::grpc::reflection::{reflection, reflection_alpha};
use crate::io::grpc::screening::ScreeningDesk;
use crate::io::grpc::statistics::Statistics;
use crate::io::grpc::users::UserDesk;
use crate::io::grpc::wire::hushwire::compliance::v1::audit_service_server::AuditServiceServer;
use crate::io::grpc::wire::hushwire::compliance::v1::statistics_service_server::StatisticsServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::brake_service_server::BrakeServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::case_service_server::CaseServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::challenge_service_server::ChallengeServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::feedback_service_server::FeedbackServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::late_match_service_server::LateMatchServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::lists_service_server::ListsServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::node_service_server::NodeServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::oversight_service_server::OversightServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::policy_service_server::PolicyServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::profiles_service_server::ProfilesServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::publishing_service_server::PublishingServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::screening_service_server::ScreeningServiceServer;
use crate::io::grpc::wire::hushwire::local::v1::user_service_server::UserServiceServer;
use crate::io::grpc::wire::hushwire::peer::v1::exchange_service_server::ExchangeServiceServer;
use crate::io::http::door::JsonDoor;
use crate::io::keystore::store::Keystore;
use crate::io::metrics::calls::Counted;
use crate::io::metrics::page::Metrics;
use crate::io::screener::Screener;
use crate::io::transport::connection::Admission;
use crate::io::transport::listener::Door;
use crate::io::transport::settings::DoorSettings;
use crate::io::transport::tls::{Certified, DoorTls, local_server, peer_server};
use crate::io::transport::verify::LocalRules;
use crate::io::views::any::AnyViews;
use crate::io::webhook::code::CodePost;
use crate::node::local_mac::LocalMacKey;

/// The listening sockets, bound before the store is read: a taken port is told at once.
#[derive(Debug)]
pub struct Sockets {
    pub local: TcpListener,
    pub peer: TcpListener,
    /// For monitoring, where configured.
    pub metrics: Option<TcpListener>,
    /// For browsers, where configured.
    pub console: Option<TcpListener>,
}

impl Sockets {
    pub async fn bind(config: &Config) -> Result<Self, ServeError> {
        let bind = async |key, address| {
            let listen = |error| ServeError::Listen { key, address, error };
            // Through the runtime, which allows a just closed port to be bound again.
            let socket = tokio::net::TcpListener::bind(address).await.map_err(listen)?;
            socket.into_std().map_err(listen)
        };
        Ok(Self {
            local: bind("local.listen", config.local_listen).await?,
            peer: bind("peer.listen", config.peer_listen).await?,
            metrics: match config.metrics_listen {
                Some(address) => Some(bind("metrics.listen", address).await?),
                None => None,
            },
            console: match &config.console {
                Some(console) => Some(bind("console.listen", console.listen).await?),
                None => None,
            },
        })
    }

    pub fn addresses(&self) -> Result<Addresses, ServeError> {
        let local = self.local.local_addr().map_err(ServeError::Runtime)?;
        let peer = self.peer.local_addr().map_err(ServeError::Runtime)?;
        let metrics = self.metrics.as_ref().map(TcpListener::local_addr).transpose().map_err(ServeError::Runtime)?;
        let console = self.console.as_ref().map(TcpListener::local_addr).transpose().map_err(ServeError::Runtime)?;
        Ok(Addresses { local, peer, metrics, console, pid: std::process::id(), opening: false })
    }
}

/// The local door before it opens.
pub struct LocalDoor {
    /// New certificates are sent here.
    pub tls: Arc<watch::Sender<Arc<DoorTls>>>,
    /// What it showed last, and whom it believed.
    pub identity: LocalIdentity,
    /// Tells who asks whether the node is well.
    pub health: HealthReporter,
    /// Who may call without a certificate, where that is allowed at all.
    pub tokens: Option<Arc<TokenRegistry>>,
    admission: Admission,
    routes: Routes,
    gate: GateSettings,
    /// Of the calls it refuses.
    pub refusals: Arc<RefusalLog>,
    metrics: Arc<Metrics>,
}

impl LocalDoor {
    /// Serves until `stop`.
    pub async fn serve(self, socket: TcpListener, stop: impl Future<Output = ()>) {
        let Ok(tcp) = tokio::net::TcpListener::from_std(socket) else { return };
        let door = Door {
            tcp,
            tls: self.tls.subscribe(),
            admission: self.admission,
            settings: DoorSettings::local(),
            counts: Arc::clone(&self.metrics.local.connections),
        };
        let gate = Gate::new(self.routes.prepare(), self.gate, self.refusals.on_refused());
        let json = JsonDoor::new(Counted::new(gate, &self.metrics.local));
        door.serve(Bearer::new(json, self.tokens), stop).await;
    }
}

/// The peer door before it opens.
pub struct PeerDoor {
    /// New certificates are sent here.
    pub tls: Arc<watch::Sender<Arc<DoorTls>>>,
    admission: Admission,
    routes: Routes,
    /// Of the calls it refuses.
    pub refusals: Arc<RefusalLog>,
    metrics: Arc<Metrics>,
}

impl PeerDoor {
    /// Serves until `stop`.
    pub async fn serve(self, socket: TcpListener, stop: impl Future<Output = ()>) {
        let Ok(tcp) = tokio::net::TcpListener::from_std(socket) else { return };
        let door = Door {
            tcp,
            tls: self.tls.subscribe(),
            admission: self.admission,
            settings: DoorSettings::peer(),
            counts: Arc::clone(&self.metrics.peer.connections),
        };
        let gate = Gate::new(self.routes.prepare(), GateSettings::peer(), self.refusals.on_refused());
        door.serve(Counted::new(gate, &self.metrics.peer), stop).await;
    }
}

/// What answers behind the local door.
#[derive(Debug)]
pub struct Behind<'a> {
    pub engine: &'a LiveEngine,
    pub screener: &'a Arc<Screener>,
    /// The texts for customers.
    pub advice: &'a Arc<ArcSwap<AdviceTexts>>,
    pub links: &'a Links,
    pub desk: &'a RosterDesk,
    pub users: &'a LiveUsers,
    pub profiles: ProfilesDesk<LiveJournal, AnyViews>,
    pub codes: CodePost,
    pub stopping: &'a watch::Receiver<bool>,
    pub metrics: &'a Arc<Metrics>,
}

/// Everything the member's own systems may call.
pub fn local(config: &Config, material: &Material, behind: Behind<'_>) -> Result<LocalDoor, ServeError> {
    let Behind { engine, screener, advice, links, desk, users, profiles, codes, stopping, metrics } = behind;
    let identity = local_identity(config, &material.keystore)?;
    let tls = local_tls(config, &identity)?;
    let apply = desk.clone();
    let defaults = PublishDefaults { ack: config.feed.ack, spread_s: config.feed.spread_s };
    let counted = Arc::clone(&metrics.publishing);
    let publishing = Publishing {
        engine: engine.clone(),
        member: config.member.clone(),
        defaults,
        refuse_per_mille: config.brake.refuse_per_mille,
        counted,
    };
    let screening = ScreeningDesk {
        screener: Arc::clone(screener),
        consortium: engine.consortium().clone(),
        advice: Arc::clone(advice),
    };
    let policy = PolicyDesk { screener: Arc::clone(screener) };
    let lists = Lists { engine: engine.clone() };
    let feedback = Feedback { engine: engine.clone() };
    let oversight = Oversight { engine: engine.clone() };
    let local_mac = LocalMacKey::new(&material.keystore.keys.local_mac);
    let challenges = ChallengeDesk { engine: engine.clone(), local_mac: local_mac.clone(), codes };
    let cases = CaseDesk { engine: engine.clone(), local_mac, stopping: stopping.clone() };
    let brake = BrakeDesk { engine: engine.clone() };
    let late = LateMatches { engine: engine.clone(), stopping: stopping.clone() };
    let default_epsilon = Epsilon::from_nano(config.statistics.epsilon_nano);
    let statistics = Statistics { engine: engine.clone(), default_epsilon };
    let local_mac = LocalMacKey::new(&material.keystore.keys.local_mac);
    let compliance = Compliance { engine: engine.clone(), local_mac };
    let node = NodeState {
        engine: engine.clone(),
        links: links.clone(),
        started_at: clock::now(),
        version: env!("CARGO_PKG_VERSION"),
        apply_roster: Arc::new(move |caller, note| apply.apply(caller, note)),
        sandbox: config.screening.sandbox,
    };
    let most = limits::MESSAGE_BYTES;
    let (asked, reporter) = health();
    let routes = Routes::new(PublishingServiceServer::new(publishing).max_decoding_message_size(most))
        .add_service(ScreeningServiceServer::new(screening).max_decoding_message_size(most))
        .add_service(ListsServiceServer::new(lists).max_decoding_message_size(most))
        .add_service(BrakeServiceServer::new(brake).max_decoding_message_size(most))
        .add_service(LateMatchServiceServer::new(late).max_decoding_message_size(most))
        .add_service(FeedbackServiceServer::new(feedback).max_decoding_message_size(most))
        .add_service(ProfilesServiceServer::new(profiles).max_decoding_message_size(most))
        .add_service(CaseServiceServer::new(cases).max_decoding_message_size(most))
        .add_service(ChallengeServiceServer::new(challenges).max_decoding_message_size(most))
        .add_service(PolicyServiceServer::new(policy).max_decoding_message_size(most))
        .add_service(UserServiceServer::new(UserDesk { users: users.clone() }).max_decoding_message_size(most))
        .add_service(OversightServiceServer::new(oversight).max_decoding_message_size(most))
        .add_service(NodeServiceServer::new(node).max_decoding_message_size(most))
        .add_service(AuditServiceServer::new(compliance).max_decoding_message_size(most))
        .add_service(StatisticsServiceServer::new(statistics).max_decoding_message_size(most))
        .add_service(asked)
        .add_service(reflection())
        .add_service(reflection_alpha());
    let tokens = tokens(config, &material.keystore)?;
    Ok(LocalDoor {
        tokens: tokens.map(|tokens| Arc::new(TokenRegistry::new(config.member.clone(), tokens))),
        health: reporter,
        identity,
        tls: Arc::new(watch::Sender::new(Arc::new(tls))),
        admission: Admission::Local { member: config.member.clone() },
        routes,
        gate: GateSettings { calls: config.local_calls, ..GateSettings::local() },
        refusals: RefusalLog::new(engine.clone()),
        metrics: Arc::clone(metrics),
    })
}

/// What the folder says of tokens now, where any counts.
pub fn tokens(config: &Config, keystore: &Keystore) -> Result<Option<Loaded>, ServeError> {
    let key = config.local_tokens.then(|| LocalMacKey::new(&keystore.keys.local_mac));
    let loaded = key.map(|key| config.dir.access().tokens().load(&key)).transpose();
    loaded.map_err(|error| ServeError::File { what: "tokens", error })
}

/// The TLS of the local door as the folder says now: certificates, authority and who is revoked.
pub fn local_tls(config: &Config, identity: &LocalIdentity) -> Result<DoorTls, ServeError> {
    let unread = |error| ServeError::File { what: "revoked certificates", error };
    let revoked = config.dir.access().revocations().load().map_err(unread)?;
    let rules = LocalRules { member: config.member.clone(), revoked, tokens: config.local_tokens };
    local_server(&identity.own, &identity.authority, rules)
        .map_err(|error| ServeError::Tls { what: "local listener", error })
}

pub fn peer_tls(own: &Certified, desk: &RosterDesk) -> Result<DoorTls, ServeError> {
    peer_server(own, desk.pins()).map_err(|error| ServeError::Tls { what: "peer listener", error })
}

/// Everything other members' nodes may call.
pub fn peer(
    material: &Material,
    engine: &LiveEngine,
    links: &Links,
    desk: &RosterDesk,
    metrics: &Arc<Metrics>,
    stopping: &watch::Receiver<bool>,
) -> Result<PeerDoor, ServeError> {
    let tls = peer_tls(&material.peer, desk)?;
    let (rosters, streams, bundles) = (desk.changes(), Streams::new(links.clone()), desk.bundles().clone());
    let (engine, stopping) = (engine.clone(), stopping.clone());
    let refusals = RefusalLog::new(engine.clone());
    let exchange = ExchangeServiceServer::new(Exchange { engine, rosters, streams, bundles, stopping })
        .max_decoding_message_size(limits::MESSAGE_BYTES)
        .max_encoding_message_size(limits::MESSAGE_BYTES);
    Ok(PeerDoor {
        tls: Arc::new(watch::Sender::new(Arc::new(tls))),
        admission: Admission::Peer { pins: Arc::clone(desk.pins()) },
        routes: Routes::new(exchange),
        metrics: Arc::clone(metrics),
        refusals,
    })
}
