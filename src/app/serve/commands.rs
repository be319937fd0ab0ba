//! Takes notes of what commands did beside the node into its audit log.

use std::time::Duration;

use crate::app::serve::material::LiveEngine;
use crate::base::limits;
use crate::io::command_files::{CommandFiles, Notes};
use crate::io::keystore::file::FileError;

/// Why notes stay where they are for now.
#[derive(Debug, thiserror::Error)]
enum Kept {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is no note of a command, or not readable for the node: look at it, then mend or remove it", .0.display())]
    Damaged(std::path::PathBuf),
    #[error("the audit log does not take them: {0}")]
    Unrecorded(String),
}

/// Follows the folder of notes until the task is dropped. What comes while the node is stopped is taken at its next start.
pub async fn follow_commands(files: CommandFiles, engine: LiveEngine) {
    if !engine.opened().await {
        return;
    }
    loop {
        let pause_ms = match take(&files, &engine).await {
            Ok(()) => limits::ACCESS_POLL_MS,
            Err(kept) => {
                tracing::error!(event = "commands.kept", error = %kept);
                limits::ACCESS_RETRY_MS
            }
        };
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
}

/// Records first, removes then: a crash in between brings a note again, and the log knows that it has it. Nothing else is taken
/// before what was recorded is removed.
async fn take(files: &CommandFiles, engine: &LiveEngine) -> Result<(), Kept> {
    let read = files.clone();
    let Notes { done, mut damaged } = blocking(move || read.read()).await?;
    if !done.is_empty() {
        let ids: Vec<_> = done.iter().map(|done| done.id).collect();
        let recorded = engine.call(move |node, round| node.record_commands(done, round.now, round.rng)).await;
        let recorded = recorded.map_err(|fault| Kept::Unrecorded(fault.to_string()))?;
        let count = recorded.map_err(|fault| Kept::Unrecorded(fault.to_string()))?;
        let remove = files.clone();
        blocking(move || ids.into_iter().try_for_each(|id| remove.remove(id))).await?;
        tracing::info!(event = "commands.recorded", count);
    }
    damaged.pop().map_or(Ok(()), |path| Err(Kept::Damaged(path)))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    tokio::task::spawn_blocking(work).await.expect("work on files does not panic")
}
