//! Compaction beside the engine: a thread reads and rewrites, the engine only begins it and puts each part in force.
//!
//! The thread waits with each part until the engine has taken it, so that the disk holds no more than two copies at once. It
//! ends with the engine, which nobody waits for: what it wrote then is taken up or removed by the next start.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use crate::base::time::Timestamp;
use crate::node::Node;
use crate::node::compact::Compaction;
use crate::node::store::{Journal, RewriteOutcome, StorageFault, Views};
use crate::node::sweep::Compacted;

/// What comes from the thread.
enum Worked<J: Journal> {
    Part(RewriteOutcome<J>),
    End(Box<Compaction<J>>),
}

/// The compaction that is running, if any.
pub struct Compactor<J: Journal> {
    running: Option<Receiver<Worked<J>>>,
}

impl<J: Journal> Default for Compactor<J> {
    fn default() -> Self {
        Self { running: None }
    }
}

impl<J: Journal> std::fmt::Debug for Compactor<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Compactor(running {})", self.running.is_some())
    }
}

impl<J: Journal + 'static> Compactor<J> {
    /// Begins a compaction that is due, or takes what the running one has ready.
    pub fn step<V: Views>(&mut self, node: &mut Node<J, V>, now: Timestamp) {
        if let Err(fault) = self.advance(node, now) {
            self.running = None;
            tracing::error!(event = "compaction.failed", fault = %fault, "tried again tomorrow");
        }
    }

    fn advance<V: Views>(&mut self, node: &mut Node<J, V>, now: Timestamp) -> Result<(), StorageFault> {
        let Some(running) = &self.running else {
            if let Some(compaction) = node.due_compaction(now)? {
                self.running = Some(work_beside(compaction).inspect_err(|_| node.abandon_compaction())?);
            }
            return Ok(());
        };
        match running.try_recv() {
            Err(TryRecvError::Empty) => Ok(()),
            Ok(Worked::Part(part)) => node.install_compacted(part),
            Ok(Worked::End(compaction)) => {
                self.running = None;
                let Compacted { rewritten, dropped, contents } = node.end_compaction(*compaction)?;
                tracing::info!(event = "store.compacted", rewritten, dropped, contents);
                Ok(())
            }
            // A bug ended the thread: nobody knows what it has left on the disk.
            Err(TryRecvError::Disconnected) => {
                node.install_compacted(Err(StorageFault::Os("the compaction ended by itself".to_owned())))
            }
        }
    }
}

fn work_beside<J: Journal + 'static>(compaction: Compaction<J>) -> Result<Receiver<Worked<J>>, StorageFault> {
    let (ready, taken) = sync_channel(0);
    let spawned =
        std::thread::Builder::new().name("hushwire-compaction".to_owned()).spawn(move || work(compaction, &ready));
    spawned.map(|_| taken).map_err(|error| StorageFault::Os(error.to_string()))
}

/// Ends early where nobody takes what is ready any more.
fn work<J: Journal>(mut compaction: Compaction<J>, ready: &SyncSender<Worked<J>>) {
    while let Some(part) = compaction.work() {
        let failed = part.is_err();
        if ready.send(Worked::Part(part)).is_err() || failed {
            return;
        }
    }
    // The engine may have ended meanwhile.
    drop(ready.send(Worked::End(Box::new(compaction))));
}
