//! Reading the whole journal again at leisure, beside its writer, and raising the alarm where it is not what was written.

use std::time::Duration;

use crate::base::limits;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::io::engine::{Engine, EngineFault};
use crate::io::journal::fs::Fs;
use crate::io::journal::reader::JournalReader;
use crate::node::scrub::{Scrub, Scrubbed};
use crate::node::store::{Journal, RecordNumber, StorageFault, Views};

/// Reads everything that is durable once, resting after every few megabytes. For a thread that may wait.
pub fn scrub<F: Fs>(reader: &JournalReader<F>, rest: Duration) -> Result<Scrubbed, StorageFault> {
    let mut pass = Scrub::default();
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
    Ok(pass.end())
}

/// Scrubs once a day until the engine stops. Damage is recorded; mending it needs a restart and the operator's word.
pub async fn scrub_daily<J, V, F>(engine: Engine<J, V>, reader: JournalReader<F>)
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
    F: Fs,
{
    loop {
        tokio::time::sleep(Duration::from_secs(limits::SCRUB_EVERY_S)).await;
        let own = reader.clone();
        let rest = Duration::from_millis(limits::SCRUB_REST_MS);
        let Ok(outcome) = tokio::task::spawn_blocking(move || scrub(&own, rest)).await else { return };
        match outcome {
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
                    return;
                }
            }
        }
    }
}
