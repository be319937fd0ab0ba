//! One accepted connection from its handshake to its end: who is there, the guard, HTTP, and what cuts it short.

use crate::base::name::MemberId;
use crate::io::transport::bucket::Rate;
use crate::io::transport::budget::{ConnectionBudget, ConnectionLimits, ConnectionSlot, source_of};
use crate::io::transport::byte_budget::ByteBudget;
use crate::io::transport::caller::{Caller, LocalCaller, PeerCaller, RemoteAddress};
use crate::io::transport::guarded::{Guarded, Misconduct, Verdict};
use crate::io::transport::http_connection::HttpConnection;
use crate::io::transport::leaf::Leaf;
use crate::io::transport::pins::PinRegistry;
use crate::io::transport::proof::Proofs;
use crate::io::transport::settings::DoorSettings;
use crate::io::transport::tls::{self, DoorTls, Protocol};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::body::Body;
use tower::{Service, ServiceExt};

/// Whom a door admits.
#[derive(Debug, Clone)]
pub enum Admission {
    /// Holders of certificates of this member's own authority, and of its tokens where the TLS of the door lets them in.
    Local { member: MemberId },
    /// Members whose key is pinned.
    Peer { pins: Arc<PinRegistry> },
    /// Browsers, whose users sign in with each session: nobody shows a certificate.
    Console,
}

/// How a connection ended, for counters and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By the caller or by our stopping.
    Closed,
    /// The handshake failed or the certificate was refused.
    HandshakeRefused,
    /// The handshake, the preface or a request's headers did not come in time.
    Silent,
    /// Too many control frames.
    Flood,
    /// Too many connections of this member.
    MemberOverBudget,
    /// Too many connections without a certificate.
    StrangersOverBudget,
    /// Nobody known made a call on it in time.
    Unproved,
    /// The roster dropped the key, or the authority that vouched for the caller was replaced.
    Revoked,
    /// The certificate expired while the connection was open.
    Expired,
    /// The other end broke HTTP or went away.
    Broken,
}

/// What all connections of one door share.
#[derive(Debug)]
pub struct Shared {
    pub admission: Admission,
    pub settings: DoorSettings,
    members: Arc<ConnectionBudget<MemberId>>,
    strangers: Arc<ConnectionBudget<IpAddr>>,
}

/// The place of a connection among those of its kind, where its kind has a limit of its own.
enum Place {
    Own,
    Member { _slot: ConnectionSlot<MemberId> },
    Stranger { _slot: ConnectionSlot<IpAddr> },
}

impl Shared {
    pub fn new(admission: Admission, settings: DoorSettings) -> Self {
        let members = ConnectionBudget::new(ConnectionLimits {
            total: usize::MAX,
            per_source: settings.connections_per_member,
            // How often somebody comes is limited by address, before the handshake.
            connects: Rate::unlimited(),
            sources: usize::MAX,
        });
        Self { admission, settings, members, strangers: ConnectionBudget::new(settings.strangers) }
    }

    fn caller(&self, leaf: Option<&Leaf>) -> Option<Caller> {
        match (&self.admission, leaf) {
            (Admission::Local { member }, Some(leaf)) => LocalCaller::from_leaf(leaf, member).ok().map(Caller::Local),
            (Admission::Peer { pins }, Some(leaf)) => PeerCaller::of(leaf.spki, pins).map(Caller::Peer),
            (Admission::Local { .. }, None) | (Admission::Console, _) => Some(Caller::Stranger),
            (Admission::Peer { .. }, None) => None,
        }
    }

    /// Members speak HTTP/2 among themselves; a member's own systems and browsers may speak either.
    fn takes(&self, protocol: Protocol) -> bool {
        match (&self.admission, protocol) {
            (Admission::Local { .. } | Admission::Console, Protocol::Http1 | Protocol::Http2)
            | (Admission::Peer { .. }, Protocol::Http2) => true,
            (Admission::Peer { .. }, Protocol::Http1) => false,
        }
    }

    fn place(&self, caller: &Caller, address: IpAddr) -> Result<Place, Ending> {
        let now = Instant::now();
        match caller {
            Caller::Local(_) => Ok(Place::Own),
            Caller::Peer(peer) => match self.members.admit(peer.member.clone(), now) {
                Ok(slot) => Ok(Place::Member { _slot: slot }),
                Err(_) => Err(Ending::MemberOverBudget),
            },
            Caller::Stranger => match self.strangers.admit(source_of(address), now) {
                Ok(slot) => Ok(Place::Stranger { _slot: slot }),
                Err(_) => Err(Ending::StrangersOverBudget),
            },
        }
    }
}

/// Serves one connection to its end.
pub async fn serve<S>(
    (socket, address): (TcpStream, SocketAddr),
    mut tls: watch::Receiver<Arc<DoorTls>>,
    shared: Arc<Shared>,
    service: S,
    stop: watch::Receiver<bool>,
) -> Ending
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let admitting = Arc::clone(&tls.borrow_and_update());
    let (stream, leaf, protocol) = match timeout(shared.settings.handshake_timeout, handshake(socket, &admitting)).await
    {
        Ok(Some(shaken)) if shared.takes(shaken.2) => shaken,
        Ok(Some(_)) => return Ending::HandshakeRefused,
        Ok(None) => return Ending::HandshakeRefused,
        Err(_) => return Ending::Silent,
    };
    // Between the handshake's look at the pins and this one a roster may have changed.
    let Some(caller) = shared.caller(leaf.as_ref()) else {
        return Ending::HandshakeRefused;
    };
    let place = match shared.place(&caller, address.ip()) {
        Ok(place) => place,
        Err(ending) => return ending,
    };
    let spoken = Spoken { stream, leaf, protocol };
    let from = RemoteAddress(address.ip());
    let ending = speak(spoken, (caller, from), &shared.settings, service, Events { tls, stop }).await;
    drop(place);
    ending
}

/// A finished handshake.
struct Spoken {
    stream: TlsStream<TcpStream>,
    /// None where no certificate was shown and none was demanded.
    leaf: Option<Leaf>,
    protocol: Protocol,
}

/// What may change around an open connection.
struct Events {
    tls: watch::Receiver<Arc<DoorTls>>,
    stop: watch::Receiver<bool>,
}

async fn handshake(socket: TcpStream, tls: &DoorTls) -> Option<(TlsStream<TcpStream>, Option<Leaf>, Protocol)> {
    socket.set_nodelay(true).ok()?;
    let accepted = TlsAcceptor::from(tls.server()).accept(socket).await;
    let stream = accepted.map_err(|error| tracing::debug!(event = "door.handshake_refused", reason = %error)).ok()?;
    let (_, session) = stream.get_ref();
    let protocol = tls::protocol(session)?;
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let leaf = certificate.map(|certificate| Leaf::read(certificate)).transpose().ok()?;
    Some((stream, leaf, protocol))
}

async fn speak<S>(
    spoken: Spoken,
    (caller, from): (Caller, RemoteAddress),
    settings: &DoorSettings,
    service: S,
    events: Events,
) -> Ending
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let Events { mut tls, mut stop } = events;
    let Spoken { stream, leaf, protocol } = spoken;
    let chain = stream.get_ref().1.peer_certificates().map(<[_]>::to_vec).unwrap_or_default();
    let (proofs, bodies) = (Proofs::default(), ByteBudget::new(settings.body_bytes));
    let identified = service_fn({
        let (caller, proofs) = (caller.clone(), proofs.clone());
        move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(bodies.clone());
            request.extensions_mut().insert(from);
            match &caller {
                Caller::Local(local) => request.extensions_mut().insert(local.clone()).is_some(),
                Caller::Peer(peer) => request.extensions_mut().insert(peer.clone()).is_some(),
                Caller::Stranger => request.extensions_mut().insert(proofs.clone()).is_some(),
            };
            service.clone().oneshot(request)
        }
    });
    let (mut connection, verdict) = match protocol {
        Protocol::Http1 => (HttpConnection::http1(stream, settings, identified), None),
        Protocol::Http2 => {
            let guarded = Guarded::new(stream, settings.preface_timeout, settings.control_frames);
            let verdict = guarded.verdict();
            (HttpConnection::http2(guarded, settings, identified), Some(verdict))
        }
    };
    let mut expiry = pin!(async {
        match &leaf {
            Some(leaf) => sleep(until_expiry(leaf)).await,
            None => std::future::pending().await,
        }
    });
    let mut disowned = pin!(async {
        // Renewed certificates change nothing for who is still vouched for; a replaced authority ends what it replaced.
        while let Ok(()) = tls.changed().await {
            if !tls.borrow_and_update().admits(&chain) {
                return;
            }
        }
        std::future::pending().await
    });
    let mut revoked = pin!(async {
        match &caller {
            Caller::Local(_) | Caller::Stranger => std::future::pending().await,
            Caller::Peer(peer) => peer.revoked().await,
        }
        // The gate ends running streams with the reason; this is the time for it to arrive.
        sleep(settings.revoked_grace).await;
    });
    let mut unproved = pin!(async {
        match &caller {
            Caller::Local(_) | Caller::Peer(_) => std::future::pending().await,
            Caller::Stranger => proofs.wanting(settings.stranger_proof, settings.stranger_idle).await,
        }
    });
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = &mut connection => return ending_of(&ended, verdict.as_ref()),
            () = expiry.as_mut() => return Ending::Expired,
            () = revoked.as_mut() => return Ending::Revoked,
            () = disowned.as_mut() => return Ending::Revoked,
            () = unproved.as_mut() => break,
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                connection.graceful_shutdown();
            }
        }
    }
    // Told first: a client that calls at this very moment calls again on another connection.
    connection.graceful_shutdown();
    drop(timeout(settings.revoked_grace, &mut connection).await);
    Ending::Unproved
}

fn until_expiry(leaf: &Leaf) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::from_secs(leaf.not_after_s.saturating_add(1)).saturating_sub(now)
}

fn ending_of(ended: &hyper::Result<()>, verdict: Option<&Verdict>) -> Ending {
    match (verdict.and_then(|verdict| verdict.get()), ended) {
        (Some(Misconduct::Silent), _) => Ending::Silent,
        (Some(Misconduct::Flood), _) => Ending::Flood,
        (None, Ok(())) => Ending::Closed,
        (None, Err(error)) if error.is_timeout() => Ending::Silent,
        (None, Err(_)) => Ending::Broken,
    }
}
