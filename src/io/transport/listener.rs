//! A door: accepts within its budgets, serves each connection in a task it owns, drains when told to stop.

use crate::io::transport::budget::{ConnectionBudget, source_of};
use crate::io::transport::connection::{self, Admission, Ending, Shared};
use crate::io::transport::settings::DoorSettings;
use crate::io::transport::tls::DoorTls;
use http::{Request, Response};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tonic::body::Body;
use tower::Service;

/// After an accept error, most often too many open files: time for something to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One listening socket with what it admits. A new [`DoorTls`] sent to `tls` replaces certificates and authority without a
/// restart: new handshakes use it, and connections whose certificate it no longer vouches for end.
#[derive(Debug)]
pub struct Door {
    pub tcp: TcpListener,
    pub tls: watch::Receiver<Arc<DoorTls>>,
    pub admission: Admission,
    pub settings: DoorSettings,
    pub counts: Arc<DoorCounts>,
}

/// What happened at a door since it opened.
#[derive(Debug, Default)]
pub struct DoorCounts {
    pub accepted: AtomicU64,
    pub over_budget: AtomicU64,
    pub handshakes_refused: AtomicU64,
    pub silent: AtomicU64,
    pub floods: AtomicU64,
    pub revoked: AtomicU64,
    pub expired: AtomicU64,
    pub broken: AtomicU64,
}

impl DoorCounts {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn ended(&self, ending: Ending) {
        match ending {
            Ending::Closed => {}
            Ending::HandshakeRefused => Self::count(&self.handshakes_refused),
            Ending::Silent | Ending::Unproved => Self::count(&self.silent),
            Ending::Flood => Self::count(&self.floods),
            Ending::MemberOverBudget | Ending::StrangersOverBudget => Self::count(&self.over_budget),
            Ending::Revoked => Self::count(&self.revoked),
            Ending::Expired => Self::count(&self.expired),
            Ending::Broken => Self::count(&self.broken),
        }
    }
}

impl Door {
    /// Serves until `stop` resolves, then lets running calls end for [`DoorSettings::drain_timeout`]. Returns how many
    /// connections had to be cut.
    pub async fn serve<S>(self, service: S, stop: impl Future<Output = ()>) -> usize
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let Self { tcp, tls, admission, settings, counts } = self;
        let budget = ConnectionBudget::new(settings.connections);
        let shared = Arc::new(Shared::new(admission, settings));
        let (stopping, stopped) = watch::channel(false);
        let mut connections: JoinSet<Ending> = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = stop.as_mut() => break,
                Some(ended) = connections.join_next() => settle(&counts, ended),
                accepted = accept(&tcp) => {
                    let (socket, address) = accepted;
                    DoorCounts::count(&counts.accepted);
                    let Ok(slot) = budget.admit(source_of(address.ip()), Instant::now()) else {
                        // Closed without a word: an answer would cost us more than the question cost them.
                        DoorCounts::count(&counts.over_budget);
                        continue;
                    };
                    let (shared, service) = (Arc::clone(&shared), service.clone());
                    let served = connection::serve((socket, address), tls.clone(), shared, service, stopped.clone());
                    connections.spawn(async move {
                        let ending = served.await;
                        drop(slot);
                        ending
                    });
                }
            }
        }
        // Before draining: a new caller must be refused by the kernel, not wait for us.
        drop(tcp);
        stopping.send_replace(true);
        let drained = timeout(settings.drain_timeout, async {
            while let Some(ended) = connections.join_next().await {
                settle(&counts, ended);
            }
        });
        if drained.await.is_ok() {
            return 0;
        }
        let cut = connections.len();
        connections.shutdown().await;
        tracing::info!(
            event = "door.connections_cut",
            count = cut,
            "a normal stop: these callers were still connected and must call again"
        );
        cut
    }
}

async fn accept(tcp: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match tcp.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(event = "door.accept_failed", kind = ?error.kind());
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn settle(counts: &DoorCounts, ended: Result<Ending, tokio::task::JoinError>) {
    match ended {
        Ok(ending) => counts.ended(ending),
        // A panic in one connection must not close the door; it has been reported where it happened.
        Err(_) => DoorCounts::count(&counts.broken),
    }
}
