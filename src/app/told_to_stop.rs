//! SIGTERM and Ctrl-C, for whatever runs until it is told to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Listens from the call on, not from the first time it is waited for. Within a runtime.
pub fn told_to_stop() -> impl Future<Output = std::io::Result<()>> {
    let signals = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    async move {
        let (mut terminate, mut interrupt) = signals?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        }
    }
}
