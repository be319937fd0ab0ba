//! The console's door: a thread of its own, so that no page holds up a checkout or the exchange with peers.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::config::Config;
use crate::app::config::console::ConsoleConfig;
use crate::app::serve::material::{LiveEngine, LiveUsers, LocalIdentity, ServeError, console_certified};
use crate::app::serve::refusals::RefusalLog;
use crate::app::serve::{runtime, stopped};
use crate::io::console::Console;
use crate::io::console::door::ConsoleDoor as Pages;
use crate::io::exchange::links::Links;
use crate::io::metrics::console::ConsoleCounts;
use crate::io::policies::Policies;
use crate::io::transport::connection::Admission;
use crate::io::transport::listener::Door;
use crate::io::transport::settings::DoorSettings;
use crate::io::transport::tls::{DoorTls, console_server};

/// The console before it opens.
pub struct ConsoleDoor {
    /// New certificates are sent here.
    pub tls: Arc<watch::Sender<Arc<DoorTls>>>,
    /// Of the requests it refuses.
    pub refusals: Arc<RefusalLog>,
    console: Arc<Console>,
}

/// None where none is configured.
pub fn door(
    config: &Config,
    local: &LocalIdentity,
    engine: &LiveEngine,
    users: &LiveUsers,
    links: &Links,
    policies: &Arc<Policies>,
    counts: &Arc<ConsoleCounts>,
) -> Result<Option<ConsoleDoor>, ServeError> {
    let Some(own) = &config.console else { return Ok(None) };
    let refusals = RefusalLog::new(engine.clone());
    let console = Console::new(
        engine.clone(),
        users.clone(),
        links.clone(),
        Arc::clone(policies),
        refusals.on_refused(),
        Arc::clone(counts),
    );
    let tls = Arc::new(watch::Sender::new(Arc::new(tls(own, local)?)));
    Ok(Some(ConsoleDoor { tls, refusals, console }))
}

/// The TLS of the console as the folder says now.
pub fn tls(config: &ConsoleConfig, local: &LocalIdentity) -> Result<DoorTls, ServeError> {
    let own = console_certified(config, local)?;
    console_server(&own).map_err(|error| ServeError::Tls { what: "console", error })
}

impl ConsoleDoor {
    /// Serves on a thread until `stopping`.
    pub fn spawn(self, socket: TcpListener, stopping: watch::Receiver<bool>) -> Result<JoinHandle<()>, ServeError> {
        let runtime = runtime()?;
        let run = move || {
            runtime.block_on(async {
                let Ok(tcp) = tokio::net::TcpListener::from_std(socket) else { return };
                let sweeping = tokio::spawn(Arc::clone(&self.console).sweep());
                let door = Door {
                    tcp,
                    tls: self.tls.subscribe(),
                    admission: Admission::Console,
                    settings: DoorSettings::console(),
                    counts: Arc::clone(&self.console.counts.connections),
                };
                door.serve(Pages::new(&self.console), stopped(stopping)).await;
                sweeping.abort();
            });
            runtime.shutdown_timeout(Duration::from_millis(500));
        };
        std::thread::Builder::new().name("hushwire-console".to_owned()).spawn(run).map_err(ServeError::Runtime)
    }
}
