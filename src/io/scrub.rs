//! Reading the whole journal again at leisure, beside its writer, and raising the alarm where it is not what was written.

use std::time::Duration;

use crate::base::limits;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::domain::feed::checkpoint::Checkpoint;
use crate::io::engine::{Engine, EngineFault};
use crate::io::journal::fs::Fs;
use crate::io::journal::reader::JournalReader;
use crate::node::scrub::{Scrub, Scrubbed};
use crate::node::store::{Journal, RecordNumber, StorageFault, Views};

/// Reads everything that is durable once, resting after every few megabytes, and holds it against the head of the audit log
/// that others have cosigned. For a thread that may wait.
pub fn scrub<F: Fs>(
    reader: &JournalReader<F>,
    cosigned: Option<Checkpoint>,
    rest: Duration,
) -> Result<Scrubbed, StorageFault> {
    let mut pass = Scrub::against(cosigned);
    let mut since_rest = 0;
    reader.replay(RecordNumber(0), &mut |_, record| {
        pass.take(record)?;
        since_rest += record.len();
        if since_rest >= limits::SCRUB_BYTES_AT_ONCE {
            since_rest = 0;
            std::thread::sleep(rest);
        }
        Ok(())
    })?;
    pass.end()
}

/// Scrubs once a day until the engine stops.
pub async fn scrub_daily<J, V, F>(engine: Engine<J, V>, reader: JournalReader<F>)
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
    F: Fs,
{
    loop {
        tokio::time::sleep(Duration::from_secs(limits::SCRUB_EVERY_S)).await;
        if scrub_once(&engine, &reader).await.is_none() {
            return;
        }
    }
}

/// Scrubs the store of a running node; none once it is stopping. Damage is recorded; mending it needs a restart and the
/// operator's word.
pub async fn scrub_once<J, V, F>(
    engine: &Engine<J, V>,
    reader: &JournalReader<F>,
) -> Option<Result<Scrubbed, StorageFault>>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
    F: Fs,
{
    // Asked first: what is read afterwards holds all that this head covers.
    let patient = engine.patient();
    let cosigned = patient.inquire(|node, _| node.state().audits.cosigned().map(|head| head.checkpoint().clone()));
    let cosigned = match cosigned.await {
        Err(EngineFault::Stopping) => return None,
        // A node that finds no time to say is held against what the feeds' authors signed all the same.
        said => said.ok().flatten(),
    };
    let own = reader.clone();
    let rest = Duration::from_millis(limits::SCRUB_REST_MS);
    let outcome = tokio::task::spawn_blocking(move || scrub(&own, cosigned, rest)).await.ok()?;
    match &outcome {
        Ok(Scrubbed { feeds, entries }) => tracing::info!(event = "store.scrubbed", feeds, entries),
        Err(fault) => {
            tracing::error!(
                event = "store.damaged",
                fault = %fault,
                mend = "stop the node and start it with: hushwire serve --recover"
            );
            let recorded = engine.call(|node, round| {
                let event = AuditEvent::StoreDamaged { part: "journal" };
                node.record(&Actor::Node, vec![event], round.now, round.rng)
            });
            if let Err(EngineFault::Stopping) = recorded.await {
                return None;
            }
        }
    }
    Some(outcome)
}
