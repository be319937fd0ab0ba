//! Delivering to one receiver: one task reads the audit log, one posts what waits, one event after the other.
//!
//! In order, and the next only once the one before is delivered: a receiver sees a challenge before the block that followed it.
//! What it refuses, by a status that blames the event, stands aside after a few attempts, so that it cannot hold up the others for
//! ever, and is tried again by itself for days; then it is given up, and that is counted and recorded. Whether the event is wrong
//! or the receiver, which may only have another secret, cannot be told apart from here. For everything else the receiver is
//! at fault, and the event waits for it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use rand::RngExt;
use rustls::ClientConfig;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::base::limits;
use crate::base::position::{EntryIndex, TreeSize};
use crate::base::time::Timestamp;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::notice::{Notice, Wanted};
use crate::domain::audit::record::{Actor, AuditRecord};
use crate::io::engine::Engine;
use crate::io::metrics::counts::WebhookCounts;
use crate::io::webhook::address::Address;
use crate::io::webhook::aside::{Aside, Refusals, Standing};
use crate::io::webhook::outbox::{Event, Outbox};
use crate::io::webhook::payload;
use crate::io::webhook::place::{Place, StandingPlace};
use crate::io::webhook::post::{PostFault, post};
use crate::io::webhook::secret::Secrets;
use crate::io::{clock, random};
use crate::node::audit::LoggedEntry;
use crate::node::commit::StoredEntry;
use crate::node::store::{Journal, Views};

/// Between two looks at the log.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Between two attempts to find out where the receiver has got.
const BEGIN_EVERY: Duration = Duration::from_secs(10);

/// Records read without an event after which the place is written all the same: so many are read again at a start.
const UNTOLD_RECORDS: u64 = 10_000;

/// A receiver.
#[derive(Debug)]
pub struct Webhook {
    /// In the log, and of the file of its place.
    pub name: String,
    pub address: Address,
    pub wanted: Vec<Wanted>,
    /// File of its secrets.
    pub secret: PathBuf,
    pub place: PathBuf,
    pub tls: Arc<ClientConfig>,
    pub counts: Arc<WebhookCounts>,
}

/// Delivers until the task is dropped. What was not delivered by then is at the next start.
pub async fn deliver<J, V>(hook: Webhook, engine: Engine<J, V>)
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    if !engine.opened().await {
        return;
    }
    let place = loop {
        match begin(&hook, &engine).await {
            Ok(place) => break place,
            // A full queue or disk passes, and a place that is none can be removed: neither may end the task for good.
            Err(fault) => tracing::error!(event = "webhook.stopped", webhook = %hook.name, fault),
        }
        tokio::time::sleep(BEGIN_EVERY).await;
    };
    let waiting = Arc::clone(&hook.counts.waiting);
    let outbox = Outbox::new(limits::WEBHOOK_EVENTS, waiting, place.next, place.dropped);
    let aside = stood_aside(&hook, &place, &outbox, &engine).await;
    let delivery = Delivery { hook, outbox: Mutex::new(outbox), arrived: Notify::new() };
    tokio::join!(delivery.read(engine.clone()), delivery.post_all(place, aside, engine));
}

/// What stood aside before the last stop, to be tried again at once.
async fn stood_aside<J, V>(hook: &Webhook, place: &Place, outbox: &Outbox, engine: &Engine<J, V>) -> Aside
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let mut aside = Aside::default();
    for StandingPlace { index, since_s } in place.aside.iter().copied() {
        let (from, until) = (TreeSize(index), TreeSize(index.saturating_add(1)));
        let slice = loop {
            match engine.inquire(move |node, _| node.export_audit_slice(from, until)).await {
                Ok(Ok(slice)) => break slice,
                // As where the log is read on: the store is not well, or the node stops.
                Ok(Err(_)) | Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        };
        for event in slice.iter().filter_map(|logged| event_of(hook, logged.index, &logged.entry)) {
            aside.put(Standing {
                event,
                inside: outbox.enter(),
                refusals: Refusals { times: limits::WEBHOOK_REFUSALS, since: Timestamp::from_unix_s(since_s) },
                due: Instant::now(),
            });
        }
    }
    aside
}

/// The event of a record that the receiver wants told; what has expired has no record any more.
fn event_of(hook: &Webhook, index: EntryIndex, entry: &StoredEntry) -> Option<Event> {
    let record = AuditRecord::decode(&entry.blob).ok()?;
    let notice = Notice::of(&record, &hook.wanted)?;
    let id = payload::id_of_leaf(&entry.leaf);
    Some(Event::new(index.0, id, payload::body(&notice)))
}

/// Where the receiver has got; a new one begins with what comes next, and that is written down before anything comes.
async fn begin<J, V>(hook: &Webhook, engine: &Engine<J, V>) -> Result<Place, String>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let size = engine.inquire(|node, _| node.state().audit.durable_size).await.map_err(|fault| fault.to_string())?;
    let written = Place::read(&hook.place).map_err(|error| error.to_string())?;
    let place = match written {
        Some(place) if place.next <= size.0 => return Ok(place),
        Some(place) => {
            // The store was put back from an older copy: the log goes on from there under other records.
            tracing::warn!(event = "webhook.put_back", webhook = %hook.name, next = place.next, size = size.0);
            Place { next: size.0, aside: Vec::new(), ..place }
        }
        None => Place::beginning(size),
    };
    place.write(&hook.place).map_err(|error| error.to_string())?;
    Ok(place)
}

/// What became of an event that was insisted on.
enum Ended {
    Delivered,
    /// It left for want of room, or there is more to tell.
    Superseded,
    /// Refused for now: the next one is tried, and this one again then.
    Aside(Refusals, Instant),
    /// Refused for good.
    GivenUp(StatusCode),
}

struct Delivery {
    hook: Webhook,
    /// Never held across an await.
    outbox: Mutex<Outbox>,
    arrived: Notify,
}

impl Delivery {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the log as it grows, whether the receiver listens or not: how many wait is then known.
    async fn read<J, V>(&self, engine: Engine<J, V>)
    where
        J: Journal + Send + 'static,
        V: Views + Send + 'static,
    {
        loop {
            let from = TreeSize(self.outbox().read_until);
            let slice = engine.inquire(move |node, _| node.export_audit_slice(from, TreeSize(u64::MAX))).await;
            match slice {
                Ok(Ok(slice)) if slice.is_empty() => tokio::time::sleep(LOOK_EVERY).await,
                Ok(Ok(slice)) => self.take(&slice),
                // The store is not well, or the node stops: what can be read later is told later.
                Ok(Err(_)) | Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    fn take(&self, slice: &[LoggedEntry]) {
        let mut dropped = 0;
        for LoggedEntry { index, entry } in slice {
            let event = event_of(&self.hook, *index, entry);
            let mut outbox = self.outbox();
            dropped += event.map_or(0, |event| outbox.push(event));
            outbox.read_until = index.0.saturating_add(1);
        }
        if dropped > 0 {
            self.hook.counts.dropped.add(dropped);
            let (webhook, all) = (&self.hook.name, self.outbox().dropped);
            tracing::error!(event = "webhook.dropped", %webhook, dropped, all, limit = limits::WEBHOOK_EVENTS);
        }
        self.arrived.notify_one();
    }

    /// Posts what waits, until the task is dropped. That events were dropped is told before what is left; what was refused is
    /// tried again whenever its time has come.
    async fn post_all<J, V>(&self, mut place: Place, mut aside: Aside, engine: Engine<J, V>)
    where
        J: Journal + Send + 'static,
        V: Views + Send + 'static,
    {
        // In a row, whatever event they were about: where the oldest leave while the receiver is away, it is still away.
        let mut failures = 0;
        loop {
            let (dropped, front, read_until) = {
                let outbox = self.outbox();
                (outbox.dropped, outbox.front().cloned(), outbox.read_until)
            };
            if dropped > place.told_dropped {
                let id = payload::id_of_dropped(&self.hook.name, dropped);
                let event = Event::new(0, id, payload::body(&Notice::of_dropped(dropped, clock::now())));
                let ended = self.insist(&event, &mut failures, false, |outbox| outbox.dropped == dropped).await;
                if let Ended::GivenUp(status) = ended {
                    self.refused(&event, status);
                }
                if !matches!(ended, Ended::Superseded) {
                    place.told_dropped = dropped;
                }
            } else if let Some(standing) = aside.take_due(Instant::now()) {
                if let Some((standing, status)) = self.try_again(standing).await {
                    match status.filter(|status| standing.refusals.end(*status, clock::now())) {
                        Some(status) => self.give_up(&standing.event, status, &engine).await,
                        None => aside.put(standing),
                    }
                }
            } else if let Some(event) = front {
                let waits = |outbox: &Outbox| outbox.front().is_some_and(|front| front.index == event.index);
                let ended = self.insist(&event, &mut failures, aside.has_room(), waits).await;
                let taken = self.outbox().take(event.index);
                match (ended, taken) {
                    (Ended::Aside(refusals, due), Some((event, inside))) => {
                        aside.put(Standing { event, inside, refusals, due });
                    }
                    (Ended::GivenUp(status), _) => self.give_up(&event, status, &engine).await,
                    (Ended::Aside(..) | Ended::Delivered | Ended::Superseded, _) => {}
                }
            } else {
                if read_until >= place.next.saturating_add(UNTOLD_RECORDS) {
                    self.keep(&mut place, &aside).await;
                }
                match aside.next_due() {
                    Some(due) => drop(timeout_at(due, self.arrived.notified()).await),
                    None => self.arrived.notified().await,
                }
                continue;
            }
            self.keep(&mut place, &aside).await;
        }
    }

    /// Posts an event until the receiver has it, or it stands aside, is given up, or no longer `waits`.
    async fn insist(
        &self,
        event: &Event,
        failures: &mut u32,
        may_stand_aside: bool,
        waits: impl Fn(&Outbox) -> bool,
    ) -> Ended {
        let (webhook, id) = (&self.hook.name, &event.id);
        let (mut attempt, mut refusals) = (1_u32, None::<Refusals>);
        loop {
            let Err(fault) = self.attempt(event, attempt).await else {
                *failures = 0;
                return Ended::Delivered;
            };
            *failures = failures.saturating_add(1);
            let pause = pause(*failures, &fault);
            if let Some(status) = fault.refusal() {
                let refused = refusals.map_or_else(|| Refusals::first(clock::now()), Refusals::once_more);
                if refused.end(status, clock::now()) {
                    return Ended::GivenUp(status);
                }
                if may_stand_aside && refused.are_meant() {
                    tracing::warn!(event = "webhook.set_aside", %webhook, id, attempt, fault = %fault, retry_ms = %pause.as_millis());
                    return Ended::Aside(refused, Instant::now() + pause);
                }
                refusals = Some(refused);
            }
            let waiting = self.outbox().len();
            tracing::warn!(event = "webhook.failed", %webhook, id, attempt, waiting, fault = %fault, retry_ms = %pause.as_millis());
            tokio::time::sleep(pause).await;
            if !waits(&self.outbox()) {
                return Ended::Superseded;
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// One more attempt at what stands aside; none where it was taken, otherwise when to come back and whether it was refused.
    async fn try_again(&self, mut standing: Standing) -> Option<(Standing, Option<StatusCode>)> {
        let attempt = standing.refusals.times.saturating_add(1);
        let fault = self.attempt(&standing.event, attempt).await.err()?;
        standing.refusals = standing.refusals.once_more();
        let pause = pause(attempt, &fault);
        standing.due = Instant::now() + pause;
        let (webhook, id) = (&self.hook.name, &standing.event.id);
        let waiting = self.outbox().len();
        tracing::warn!(event = "webhook.failed", %webhook, id, attempt, waiting, fault = %fault, retry_ms = %pause.as_millis());
        Some((standing, fault.refusal()))
    }

    async fn attempt(&self, event: &Event, attempt: u32) -> Result<(), PostFault> {
        let posted = self.post(event).await;
        match posted {
            Ok(()) => {
                self.hook.counts.delivered.one();
                tracing::debug!(event = "webhook.delivered", webhook = %self.hook.name, id = &event.id, attempt);
            }
            Err(_) => self.hook.counts.failed.one(),
        }
        posted
    }

    fn refused(&self, event: &Event, status: StatusCode) {
        self.hook.counts.refused.one();
        let (webhook, id) = (&self.hook.name, &event.id);
        tracing::error!(event = "webhook.refused", %webhook, id, status = status.as_u16());
    }

    /// Never quietly: whoever looks at the log, the metrics or the audit log learns that the receiver does not know of it.
    async fn give_up<J, V>(&self, event: &Event, status: StatusCode, engine: &Engine<J, V>)
    where
        J: Journal + Send + 'static,
        V: Views + Send + 'static,
    {
        self.refused(event, status);
        let (webhook, id) = (&self.hook.name, &event.id);
        let told = AuditEvent::WebhookRefused {
            webhook: webhook.clone(),
            record: EntryIndex(event.index),
            status: status.as_u16(),
        };
        let recorded =
            engine.call(move |node, round| node.record(&Actor::Node, vec![told], round.now, round.rng)).await;
        let fault = match recorded {
            Ok(Ok(())) => return,
            Ok(Err(fault)) => fault.to_string(),
            Err(fault) => fault.to_string(),
        };
        tracing::error!(event = "webhook.unrecorded", %webhook, id, fault);
    }

    async fn post(&self, event: &Event) -> Result<(), PostFault> {
        let secret = self.hook.secret.clone();
        let secrets = tokio::task::spawn_blocking(move || Secrets::read(&secret)).await;
        let secrets = secrets.expect("reading a file does not panic")?;
        post(&self.hook.address, &self.hook.tls, &secrets, event).await
    }

    /// Writes down how far the receiver is. Where that fails, what follows is told again after a restart, under the same ids.
    async fn keep(&self, place: &mut Place, aside: &Aside) {
        place.aside = aside.places();
        {
            let outbox = self.outbox();
            place.next = outbox.next();
            place.dropped = outbox.dropped;
        }
        let (place, path) = (place.clone(), self.hook.place.clone());
        let written = tokio::task::spawn_blocking(move || place.write(&path)).await;
        if let Err(fault) = written.expect("writing a file does not panic") {
            tracing::error!(event = "webhook.place_unwritten", webhook = %self.hook.name, fault = %fault);
        }
    }
}

/// Doubled each time, half of it at random: receivers that come back are not met by all nodes at once. A receiver that says
/// when to come back is heard, within reason.
pub(in crate::io::webhook) fn pause(attempt: u32, fault: &PostFault) -> Duration {
    let (first, longest) = (limits::WEBHOOK_FIRST_PAUSE_MS, limits::WEBHOOK_LONGEST_PAUSE_MS);
    let doubled = first.saturating_mul(1 << (attempt - 1).min(16)).min(longest);
    let own = Duration::from_millis(doubled).mul_f64(random::generator().random_range(0.5..1.0));
    let asked = fault.retry_after().map(|asked| asked.min(Duration::from_millis(longest)));
    asked.map_or(own, |asked| asked.max(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_a_receiver_may_ask_for_longer_ones() {
        let check = |attempt, fault: &PostFault, least_ms: u64, most_ms: u64| {
            let pause = pause(attempt, fault);
            let range = Duration::from_millis(least_ms)..=Duration::from_millis(most_ms);
            assert!(range.contains(&pause), "{attempt}: {pause:?}");
        };
        let longest = limits::WEBHOOK_LONGEST_PAUSE_MS;
        check(1, &PostFault::Late, 500, 1_000);
        check(4, &PostFault::Late, 4_000, 8_000);
        check(u32::MAX, &PostFault::Late, longest / 2, longest);
        let busy = |retry_after_s| PostFault::Status {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after: Some(Duration::from_secs(retry_after_s)),
        };
        check(1, &busy(30), 30_000, 30_000);
        check(1, &busy(0), 500, 1_000);
        check(1, &busy(1_000_000), longest, longest);
    }
}
