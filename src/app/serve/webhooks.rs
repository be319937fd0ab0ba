//! The receivers of webhooks, as they are configured: what they need is looked at when the node starts.

use std::path::Path;
use std::sync::Arc;

use crate::app::config::Config;
use crate::app::config::webhooks::WebhookConfig;
use crate::app::serve::material::ServeError;
use crate::io::keystore::file;
use crate::io::metrics::counts::WebhookCounts;
use crate::io::transport::tls::{Authority, web_client};
use crate::io::webhook::deliver::Webhook;
use crate::io::webhook::secret::Secrets;

/// Where systems keep the authorities they trust: Debian, Fedora and Red Hat, SUSE, Alpine.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Every receiver, ready to be delivered to.
pub fn prepare(config: &Config, counts: &Arc<WebhookCounts>) -> Result<Vec<Webhook>, ServeError> {
    let refused =
        |hook: &WebhookConfig, reason: String| ServeError::Webhook { name: hook.name.as_str().to_owned(), reason };
    let one = |hook: &WebhookConfig| webhook(config, hook, counts).map_err(|reason| refused(hook, reason));
    config.webhooks.iter().map(one).collect()
}

fn webhook(config: &Config, hook: &WebhookConfig, counts: &Arc<WebhookCounts>) -> Result<Webhook, String> {
    Secrets::read(&hook.secret).map_err(|error| format!("{}: {error}", hook.secret.display()))?;
    let name = hook.name.as_str().to_owned();
    let place = config.dir.webhook_place(&name);
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let encrypted = hook.address.server_name().is_some();
    let authority = if encrypted { authority(hook.authority.as_deref())? } else { Authority::none() };
    let tls = web_client(&authority).map_err(|error| error.to_string())?;
    Ok(Webhook {
        name,
        address: hook.address.clone(),
        wanted: hook.wanted.clone(),
        secret: hook.secret.clone(),
        place,
        tls: Arc::new(tls),
        counts: Arc::clone(counts),
    })
}

fn authority(own: Option<&Path>) -> Result<Authority, String> {
    let read = |path: &Path| file::read(path).map_err(|error| error.to_string());
    if let Some(path) = own {
        return Authority::from_pem(&read(path)?).map_err(|error| format!("{}: {error}", path.display()));
    }
    let system = SYSTEM_AUTHORITIES.into_iter().map(Path::new).find(|path| path.exists());
    let path = system.ok_or_else(|| {
        format!("this system has no list of authorities ({}); name one", SYSTEM_AUTHORITIES.join(", "))
    })?;
    Authority::from_system_pem(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}
