//! Codes on their way to the member's gateway: the webhook event `challenge.code`, for receivers that ask for it by name.
//!
//! Signed and posted as every event, but never read from the audit log and never written anywhere: a code rests in memory until
//! a receiver has it or it expires, and after a restart it must be sent again. An event keeps its id however often it is
//! posted, so that a gateway sends one message.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::base::limits;
use crate::base::time::Timestamp;
use crate::domain::audit::notice::Wanted;
use crate::domain::case::CaseId;
use crate::domain::case::challenge::Code;
use crate::domain::screening::reference::reference;
use crate::io::clock;
use crate::io::metrics::counts::WebhookCounts;
use crate::io::webhook::address::Address;
use crate::io::webhook::deliver::{Webhook, pause};
use crate::io::webhook::outbox::Event;
use crate::io::webhook::payload::id_of_code;
use crate::io::webhook::post::{PostFault, post};
use crate::io::webhook::secret::Secrets;

/// Where a code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeDelivery {
    Taken,
    /// It is tried until it expires.
    Pending,
    Failed,
}

/// A code to be sent.
#[derive(Debug)]
pub struct Outgoing {
    pub case: CaseId,
    /// Which of the case's codes it is.
    pub nth: u32,
    pub code: Code,
    /// What the gateway needs to reach the customer.
    pub delivery_ref: Zeroizing<String>,
    pub expires: Timestamp,
}

/// The receivers that send codes.
#[derive(Debug, Clone)]
pub struct CodePost {
    receivers: Arc<[Arc<Receiver>]>,
    /// Where attempts are made: a receiver that hangs must not hold up a checkout.
    runtime: Handle,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct Receiver {
    name: String,
    address: Address,
    secret: PathBuf,
    tls: Arc<ClientConfig>,
    counts: Arc<WebhookCounts>,
}

impl CodePost {
    /// Of all receivers those that ask for codes.
    pub fn new(hooks: &[Webhook], runtime: Handle) -> Self {
        let asked = hooks.iter().filter(|hook| hook.wanted.contains(&Wanted::Code));
        let receivers = asked.map(|hook| {
            Arc::new(Receiver {
                name: hook.name.clone(),
                address: hook.address.clone(),
                secret: hook.secret.clone(),
                tls: Arc::clone(&hook.tls),
                counts: Arc::clone(&hook.counts),
            })
        });
        Self {
            receivers: receivers.collect(),
            runtime,
            room: Arc::new(Semaphore::new(limits::decisions::CODES_UNDER_WAY)),
        }
    }

    /// Whether anybody would send a code.
    pub fn has_receivers(&self) -> bool {
        !self.receivers.is_empty()
    }

    /// Posts a code to every receiver, and waits until one has it, but not beyond `until`.
    pub async fn send(&self, outgoing: Outgoing, until: Instant) -> CodeDelivery {
        let lasts = Duration::from_millis(outgoing.expires.ms_since(clock::now()));
        let ends = Instant::now() + lasts;
        let event = Event::new(0, id_of_code(&outgoing.case, outgoing.nth), body(&outgoing));
        let (tell, mut told) = mpsc::channel(self.receivers.len().max(1));
        for receiver in self.receivers.iter() {
            let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else { continue };
            let (receiver, event, tell) = (Arc::clone(receiver), event.clone(), tell.clone());
            self.runtime.spawn(async move {
                let taken = timeout_at(ends, receiver.insist(&event)).await.unwrap_or(false);
                drop(room);
                // Who started the challenge may have its answer already.
                let _gone = tell.send(taken).await;
            });
        }
        drop(tell);
        loop {
            match timeout_at(until.min(ends), told.recv()).await {
                Ok(Some(true)) => return CodeDelivery::Taken,
                Ok(Some(false)) => {}
                Ok(None) => return CodeDelivery::Failed,
                Err(_) => return CodeDelivery::Pending,
            }
        }
    }
}

impl Receiver {
    /// Posts until the receiver has it; false where it will never take it.
    async fn insist(&self, event: &Event) -> bool {
        let (webhook, id) = (&self.name, &event.id);
        let mut attempt = 1;
        loop {
            let fault = match self.post(event).await {
                Ok(()) => {
                    self.counts.delivered.one();
                    tracing::debug!(event = "webhook.delivered", %webhook, id, attempt);
                    return true;
                }
                Err(fault) => fault,
            };
            self.counts.failed.one();
            if fault.refusal().is_some() && attempt >= limits::WEBHOOK_REFUSALS {
                self.counts.refused.one();
                tracing::error!(event = "webhook.refused", %webhook, id, attempt, fault = %fault);
                return false;
            }
            let pause = pause(attempt, &fault);
            tracing::warn!(event = "webhook.failed", %webhook, id, attempt, fault = %fault, retry_ms = %pause.as_millis());
            tokio::time::sleep(pause).await;
            attempt = attempt.saturating_add(1);
        }
    }

    async fn post(&self, event: &Event) -> Result<(), PostFault> {
        let secret = self.secret.clone();
        let secrets = tokio::task::spawn_blocking(move || Secrets::read(&secret)).await;
        post(&self.address, &self.tls, &secrets.expect("reading a file does not panic")?, event).await
    }
}

/// JSON bytes of the event, made once and posted as they are.
fn body(outgoing: &Outgoing) -> Vec<u8> {
    let event = json!({
        "type": "challenge.code",
        "timestamp": clock::now().to_string(),
        "data": {
            "decision_id": outgoing.case.to_string(),
            "reference": reference(&outgoing.case.0),
            "code": outgoing.code.expose(),
            "delivery_ref": outgoing.delivery_ref.as_str(),
            "expires_at": outgoing.expires.to_string(),
        },
    });
    event.to_string().into_bytes()
}
