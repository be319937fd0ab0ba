//! What a running node takes up without a restart: on SIGHUP the keystore, rosters put into its folder, the certificates of both
//! doors and the texts for customers; by the clock the key epoch the roster puts in force, and who is revoked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::config::Config;
use crate::app::serve::console;
use crate::app::serve::doors::{local_tls, peer_tls, tokens};
use crate::app::serve::material::{LocalIdentity, ServeError, local_identity, peer_certified};
use crate::app::serve::roster::RosterDesk;
use crate::base::limits;
use crate::domain::audit::event::AuditEvent;
use crate::domain::screening::advice::AdviceTexts;
use crate::domain::screening::policy::word::Word;
use crate::io::access::folder::Stamp;
use crate::io::access::tokens::TokenRegistry;
use crate::io::advice_files::{self, AdviceFileError};
use crate::io::keystore::passphrase::Passphrase;
use crate::io::keystore::store::Keystore;
use crate::io::policies::Policies;
use crate::io::transport::client::PeerIdentity;
use crate::io::transport::tls::DoorTls;

/// How often the clock is compared with the epochs of the roster.
const EPOCHS_EVERY: Duration = Duration::from_secs(20);

/// What shows certificates while the node runs.
pub struct Shown {
    pub local: Arc<watch::Sender<Arc<DoorTls>>>,
    pub peer: Arc<watch::Sender<Arc<DoorTls>>>,
    /// None where there is no console.
    pub console: Option<Arc<watch::Sender<Arc<DoorTls>>>>,
    pub identity: Arc<ArcSwap<PeerIdentity>>,
    pub advice: Arc<ArcSwap<AdviceTexts>>,
    /// Those whose rules name texts.
    pub policies: Arc<Policies>,
    pub turn: Turn,
}

/// Held from the reading of files to what they put in force: of two at once, the one that read first might come last, and let in
/// again who was revoked in between. In it, what the local door showed last.
pub type Turn = Arc<Mutex<LocalIdentity>>;

/// Whom the local door admits.
#[derive(Clone)]
pub struct Access {
    pub tls: Arc<watch::Sender<Arc<DoorTls>>>,
    pub tokens: Option<Arc<TokenRegistry>>,
    pub turn: Turn,
}

/// Reads everything again at each SIGHUP: the keystore and the rosters, then the certificates, whose keys may be new in the
/// keystore. What cannot be read stays as it was: a bad file must not close a door.
pub async fn on_hangup(config: Config, shown: Shown, desk: RosterDesk) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    let shown = Arc::new(shown);
    while hangups.recv().await.is_some() {
        let (config, desk, shown) = (config.clone(), desk.clone(), Arc::clone(&shown));
        let reread = tokio::task::spawn_blocking(move || {
            if let Err(refusal) = desk.reload(reopen(&config)) {
                tracing::error!(event = "roster.kept", reason = refusal.reason());
            }
            match renew(&config, &shown, &desk) {
                Ok(()) => tracing::info!(event = "certificates.reloaded"),
                Err(error) => tracing::error!(event = "certificates.kept", error = %error),
            }
            match advice(&config, &shown.policies) {
                Ok(texts) => {
                    shown.advice.store(Arc::new(texts));
                    tracing::info!(event = "advice.reloaded");
                }
                Err(error) => tracing::error!(event = "advice.kept", error = %error),
            }
            tell_of_settings(&config);
        });
        if reread.await.is_err() {
            tracing::error!(event = "reload.failed");
        }
    }
}

/// Settings are read at the start alone: whoever changed one and sends SIGHUP is told what waits for a restart.
fn tell_of_settings(config: &Config) {
    match Config::load(&config.file) {
        Ok(now) => {
            let changed = config.changed(&now);
            if !changed.is_empty() {
                tracing::warn!(event = "config.kept", needs_restart = changed.join(", "));
            }
        }
        Err(error) => tracing::error!(event = "config.unread", error = %error),
    }
}

/// Why the texts that customers are told stay as they were.
#[derive(Debug, thiserror::Error)]
enum AdviceKept {
    #[error(transparent)]
    File(#[from] AdviceFileError),
    #[error("rule {rule} of {policy}, which is in force, names the text {key}, of which there would be none")]
    Named { rule: Word, policy: String, key: Word },
}

/// The texts that are on disk now. Those that the policies in force name must be among them: a node would not start again.
fn advice(config: &Config, policies: &Policies) -> Result<AdviceTexts, AdviceKept> {
    let texts = advice_files::load(&config.advice.folder, &config.advice.language)?;
    let (live, candidate) = (policies.live(), policies.candidate());
    for policy in std::iter::once(&live.policy).chain(candidate.iter().map(|candidate| &candidate.policy)) {
        if let Some((rule, key)) = advice_files::unknown_advice(policy, &texts).next() {
            return Err(AdviceKept::Named { rule: rule.name.clone(), policy: policy.title(), key: key.clone() });
        }
    }
    Ok(texts)
}

/// Shows the certificates that are on disk now, at both doors and to the peers that are called.
fn renew(config: &Config, shown: &Shown, desk: &RosterDesk) -> Result<(), ServeError> {
    let mut local = shown.turn.lock().unwrap_or_else(PoisonError::into_inner);
    let keystore = desk.keystore();
    let now = local_identity(config, &keystore)?;
    let peer = peer_certified(config, &keystore)?;
    let (local_door, peer_door) = (local_tls(config, &now)?, peer_tls(&peer, desk)?);
    let console = config.console.as_ref().zip(shown.console.as_ref());
    let console = console.map(|(own, door)| Ok::<_, ServeError>((door, console::tls(own, &now)?))).transpose()?;
    *local = now;
    let before = shown.identity.load().certified.pin();
    shown.local.send_replace(Arc::new(local_door));
    shown.peer.send_replace(Arc::new(peer_door));
    if let Some((door, tls)) = console {
        door.send_replace(Arc::new(tls));
    }
    let pin = peer.pin();
    shown.identity.store(Arc::new(PeerIdentity { certified: peer }));
    if let Some(fingerprint) = pin.filter(|_| pin != before)
        && let Err(refusal) = desk.record(vec![AuditEvent::KeyChanged { key: "peer-tls", fingerprint }])
    {
        tracing::error!(event = "key.unrecorded", reason = refusal.reason());
    }
    Ok(())
}

/// Follows the files of `access/`: who is revoked is out within a second, its open connections and streams too. What cannot be
/// read stays as it was, and is tried again.
pub async fn follow_access(config: Config, door: Access, desk: RosterDesk) {
    let mut every = tokio::time::interval(Duration::from_millis(limits::ACCESS_POLL_MS));
    let mut seen = None;
    loop {
        every.tick().await;
        let (config, door, desk, before) = (config.clone(), door.clone(), desk.clone(), seen.clone());
        let followed = tokio::task::spawn_blocking(move || follow_once(&config, &door, &desk, before)).await;
        match followed {
            Ok(Ok(stamp)) => seen = Some(stamp),
            Ok(Err(error)) => {
                tracing::error!(event = "access.kept", error = %error);
                tokio::time::sleep(Duration::from_millis(limits::ACCESS_RETRY_MS)).await;
            }
            Err(_) => tracing::error!(event = "reload.failed"),
        }
    }
}

/// Takes up what changed since `seen`; what the folder looked like before it was read.
fn follow_once(config: &Config, door: &Access, desk: &RosterDesk, seen: Option<Stamp>) -> Result<Stamp, ServeError> {
    let local = door.turn.lock().unwrap_or_else(PoisonError::into_inner);
    let unread = |error| ServeError::File { what: "access", error };
    let stamp = config.dir.access().stamp().map_err(unread)?;
    if seen.as_ref() == Some(&stamp) {
        return Ok(stamp);
    }
    // At the first look too: something may have changed between the opening of the door and now.
    // Neither waits for the other, nor for certificates, which may be in the middle of a change: who is revoked is out.
    let revoked = local_tls(config, &local).map(|tls| drop(door.tls.send_replace(Arc::new(tls))));
    if let Some((registry, mut loaded)) = door.tokens.as_ref().zip(tokens(config, &desk.keystore())?) {
        registry.replace(&loaded);
        if let Some(error) = loaded.unread.pop() {
            return Err(ServeError::File { what: "tokens", error });
        }
    }
    revoked?;
    if seen.is_some() {
        tracing::info!(event = "access.reloaded");
    }
    Ok(stamp)
}

/// Opens the keystore again where that needs nobody at the terminal.
pub fn reopen(config: &Config) -> Option<Keystore> {
    if !config.passphrase.is_unattended() {
        let reason = "its passphrase was typed on the terminal and is not kept; a restart reads the keystore again";
        tracing::warn!(event = "keystore.kept", reason);
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
