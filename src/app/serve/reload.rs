//! What a running node takes up without a restart: on SIGHUP the local certificate and authority, rosters put into its
//! folder and the keystore; by the clock the key epoch the roster puts in force.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::config::Config;
use crate::app::serve::doors::local_tls;
use crate::app::serve::material::Material;
use crate::app::serve::roster::RosterDesk;
use crate::io::keystore::passphrase::{Passphrase, PassphraseSource};
use crate::io::keystore::store::Keystore;
use crate::io::transport::tls::DoorTls;

/// How often the clock is compared with the epochs of the roster.
const EPOCHS_EVERY: Duration = Duration::from_secs(20);

/// Reads everything again at each SIGHUP. What cannot be read stays as it was: a bad file must not close a door.
pub async fn on_hangup(
    config: Config,
    material: Arc<Material>,
    tls: Arc<watch::Sender<Arc<DoorTls>>>,
    desk: RosterDesk,
) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    while hangups.recv().await.is_some() {
        match local_tls(&config, &material) {
            Ok(renewed) => {
                tls.send_replace(Arc::new(renewed));
                tracing::info!(event = "certificates.reloaded");
            }
            Err(error) => tracing::error!(event = "certificates.kept", error = %error),
        }
        let (config, desk) = (config.clone(), desk.clone());
        let reloaded = tokio::task::spawn_blocking(move || desk.reload(reopen(&config))).await;
        if let Ok(Err(refusal)) = reloaded {
            tracing::error!(event = "roster.kept", reason = refusal.reason());
        }
    }
}

/// Opens the keystore again where that needs nobody at the terminal.
fn reopen(config: &Config) -> Option<Keystore> {
    if config.passphrase == PassphraseSource::Prompt {
        tracing::warn!(event = "keystore.kept", reason = "its passphrase is asked for on the terminal");
        return None;
    }
    let opened = Passphrase::obtain(Some(&config.passphrase))
        .map_err(|error| error.to_string())
        .and_then(|passphrase| Keystore::read(&config.keystore, &passphrase).map_err(|error| error.to_string()));
    opened.map_err(|error| tracing::error!(event = "keystore.kept", error)).ok()
}

/// Follows the epochs of the roster by the clock.
pub async fn follow_epochs(desk: RosterDesk) {
    let mut every = tokio::time::interval(EPOCHS_EVERY);
    loop {
        every.tick().await;
        let desk = desk.clone();
        let followed = tokio::task::spawn_blocking(move || desk.follow_epochs()).await;
        if let Ok(Err(refusal)) = followed {
            tracing::error!(event = "epoch.kept", reason = refusal.reason());
        }
    }
}
