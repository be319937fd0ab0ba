//! Receivers of webhooks: `[[webhooks]]`, once for each.

use std::path::PathBuf;
use std::str::FromStr;

use crate::app::config::layout::NodeDir;
use crate::app::config::reader::Reader;
use crate::base::limits;
use crate::domain::audit::notice::Wanted;
use crate::io::webhook::address::Address;

/// One receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    pub name: WebhookName,
    pub address: Address,
    pub wanted: Vec<Wanted>,
    /// File of the secrets that sign.
    pub secret: PathBuf,
    /// Authorities its certificate may come from; the system's where none.
    pub authority: Option<PathBuf>,
}

/// What a receiver is called, also by a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookName(String);

impl WebhookName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 32 lower-case letters, digits and -")]
pub struct NoName;

impl FromStr for WebhookName {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = (1..=32).contains(&text.len()) && text.bytes().all(allowed);
        if is_name { Ok(Self(text.to_owned())) } else { Err(NoName) }
    }
}

const URL: &str = "https://HOST/PATH, or http:// to 127.0.0.1 or [::1], without user name and fragment";

const EVENTS: &str = "\"decision\" (all that stop an order), \"decision.challenge\", \"decision.hold\", \"decision.block\", \
                      \"decision.allow\", \"case\" (all that is told of cases), \"case.opened\", \"case.released\", \
                      \"case.refused\", \"case.expired\", \"challenge.code\", \"late_match\", \"alarm\"";

/// All receivers.
pub fn read(reader: &mut Reader, dir: &NodeDir) -> Vec<WebhookConfig> {
    let hooks = reader.tables("webhooks", limits::WEBHOOKS, |one| {
        let name = one.required("webhooks.name", "1 to 32 lower-case letters, digits and -");
        let address = one.required("webhooks.url", URL);
        let wanted = one.texts("webhooks.events", EVENTS).unwrap_or_else(|| vec![Wanted::Stopped, Wanted::Alarm]);
        let secret = one.required::<PathBuf>("webhooks.secret", "the path of a file that holds whsec_…");
        let authority = one.optional::<PathBuf>("webhooks.authority", "the path of a PEM file");
        let inside = |path: PathBuf| dir.path().join(path);
        let authority = authority.map(inside);
        Some(WebhookConfig { name: name?, address: address?, wanted, secret: inside(secret?), authority })
    });
    for (place, hook) in hooks.iter().enumerate() {
        if hooks.iter().take(place).any(|before| before.name == hook.name) {
            reader.fault("webhooks", format!("two receivers are called {:?}", hook.name.as_str()));
        }
    }
    hooks
}
