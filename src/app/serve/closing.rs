//! The end of a node's life behind its closed doors: what is still to be written is written, within one deadline, and the store is
//! given back.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task;

use crate::app::serve::material::{LiveEngine, LiveUsers, ServeError};
use crate::app::serve::refusals::RefusalLog;
use crate::app::serve::stop;
use crate::app::serve::store::LiveSnapshot;
use crate::base::limits;
use crate::io::answered::follow::Following;
use crate::io::profiles::keep::Keeper;
use crate::io::snapshot_keeper::write_last;
use crate::io::traces::Traces;

/// Time for tasks that are in the middle of something when their runtime ends.
pub const RUNTIME_ENDS: Duration = Duration::from_millis(500);

/// What is left of a node whose doors are closed.
pub struct Closing {
    pub local: Runtime,
    pub engine: LiveEngine,
    pub users: LiveUsers,
    pub thread: JoinHandle<()>,
    pub recording: task::JoinHandle<()>,
    pub refusals: Vec<Arc<RefusalLog>>,
    /// Where one is kept.
    pub snapshot: Option<LiveSnapshot>,
    pub keeper: Option<Keeper>,
    pub following: Following,
    pub traces: Option<Traces>,
}

impl std::fmt::Debug for Closing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Closing")
    }
}

impl Closing {
    /// Ends it. Whether the store was written to its end.
    pub fn close(self) -> Result<(), ServeError> {
        let Self { local, engine, users, thread, recording, refusals, snapshot, keeper, following, traces } = self;
        // What is left is the store's. A replay that nobody waits for any more has nothing to finish.
        let is_open = engine.is_open();
        let deadline = Instant::now() + Duration::from_millis(limits::STOP_STORE_MS);
        local.block_on(async {
            // Both the last answers' records and the minute's counters belong into the log before it says that the node stopped.
            drop(tokio::time::timeout_at(deadline.into(), recording).await);
            if is_open {
                for log in &refusals {
                    log.settle(deadline).await;
                }
                stop::farewell(&engine, deadline).await;
            }
            if let Some(snapshot) = snapshot.filter(|_| is_open) {
                let deadline = deadline - Duration::from_millis(limits::SNAPSHOT_AT_STOP_LEFT_MS);
                write_last(&engine, snapshot, deadline).await;
            }
        });
        if let Some(keeper) = keeper {
            keeper.stop(deadline);
        }
        following.stop();
        drop((engine, users, refusals));
        local.shutdown_timeout(RUNTIME_ENDS);
        let store = if is_open { stop::join(&thread, deadline) } else { Ok(()) };
        if let Some(traces) = traces {
            traces.stop();
        }
        tracing::info!(event = "node.stopped");
        store
    }
}
