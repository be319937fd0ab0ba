//! Why a node stops, and stopping within a bound: a store that hangs must not keep the process alive that a supervisor waits
//! for.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::app::serve::material::ServeError;
use crate::app::told_to_stop::told_to_stop;
use crate::domain::audit::event::AuditEvent;
use crate::domain::audit::record::Actor;
use crate::io::engine::Engine;
use crate::node::store::{Journal, Views};

/// Between two looks at a thread that ends.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Resolves when the process is told to stop (SIGTERM, Ctrl-C; with `with_stdin` the end of standard input too), or must stop
/// because its engine is gone. Listens from the call
/// on, not from the first time it is waited for: who was told that the node serves may stop it at once.
pub fn told_or_ended<J, V>(
    engine: &Engine<J, V>,
    with_stdin: bool,
) -> impl Future<Output = Result<(), ServeError>> + use<'_, J, V>
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let told = told_to_stop();
    let left = with_stdin.then(stdin_ended);
    async {
        tokio::select! {
            told = told => told.map_err(ServeError::Runtime),
            () = until_left(left) => Ok(()),
            () = engine.ended() => {
                tracing::error!(event = "engine.ended", "the thread of the store ended; the node stops");
                Err(ServeError::EngineEnded)
            }
        }
    }
}

/// Waits for the end of standard input on a thread of its own, which ends with the process: a read cannot be called off.
fn stdin_ended() -> oneshot::Receiver<()> {
    let (ended, wait) = oneshot::channel();
    let read = move || {
        // A read that fails is an end as well.
        let _read = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _nobody_waits = ended.send(());
    };
    drop(std::thread::Builder::new().name("hushwire-stdin".to_owned()).spawn(read));
    wait
}

async fn until_left(left: Option<oneshot::Receiver<()>>) {
    // Without a thread for it there is nobody to tell.
    if let Some(left) = left
        && left.await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Writes into the audit log that the node stopped, if the store takes it in time.
pub async fn farewell<J, V>(engine: &Engine<J, V>, deadline: Instant)
where
    J: Journal + Send + 'static,
    V: Views + Send + 'static,
{
    let left = deadline.saturating_duration_since(Instant::now());
    let said = engine.call_within(left, |node, round| {
        node.record(&Actor::Node, vec![AuditEvent::NodeStopped], round.now, round.rng)
    });
    match said.await {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => tracing::warn!(event = "stop.unrecorded", fault = %fault),
        Err(fault) => tracing::warn!(event = "stop.unrecorded", fault = %fault),
    }
}

/// Waits for the engine's thread until `deadline`. Without it the process ends all the same: what was acknowledged is
/// durable, what was not is nobody's.
pub fn join(thread: &JoinHandle<()>, deadline: Instant) -> Result<(), ServeError> {
    while !thread.is_finished() {
        if deadline <= Instant::now() {
            tracing::error!(event = "stop.abandoned", "the store does not answer; the node ends without it");
            return Err(ServeError::StoreStuck);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
