//! One attempt to post one event: a connection of its own, a bounded time, an answer of which only the status is read.
//!
//! A receiver that hangs costs the attempt its time, one that answers without end costs nothing: the connection is closed as
//! soon as the headers are read. Redirects are not followed: whoever can answer in the receiver's place must not be able to
//! send events, or the node's reach into its network, elsewhere.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use prost::bytes::Bytes;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::base::limits;
use crate::io::clock;
use crate::io::webhook::address::{Address, Target};
use crate::io::webhook::outbox::Event;
use crate::io::webhook::secret::{SecretError, Secrets};

/// Why an event is not delivered yet.
#[derive(Debug, thiserror::Error)]
pub enum PostFault {
    #[error("no answer within {} ms", limits::WEBHOOK_ATTEMPT_MS)]
    Late,
    #[error("no connection: {0}")]
    Connection(std::io::Error),
    #[error("TLS: {0}")]
    Tls(std::io::Error),
    #[error("the connection ended before an answer: {0}")]
    Cut(hyper::Error),
    #[error("answered {status}")]
    Status { status: StatusCode, retry_after: Option<Duration> },
    #[error("answered {0}: redirects are not followed")]
    Redirect(StatusCode),
    #[error("secret: {0}")]
    Secret(#[from] SecretError),
}

impl PostFault {
    /// The status with which the receiver refuses this event, where it does: the next one may be another matter. A receiver that
    /// asks for time refuses nothing.
    pub fn refusal(&self) -> Option<StatusCode> {
        const LATER: [StatusCode; 3] =
            [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
        match self {
            Self::Status { status, .. } if status.is_client_error() && !LATER.contains(status) => Some(*status),
            _ => None,
        }
    }

    /// When to come back, where the receiver says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Posts an event once, signed anew. Any status of success means that the receiver has it.
pub async fn post(
    address: &Address,
    tls: &Arc<ClientConfig>,
    secrets: &Secrets,
    event: &Event,
) -> Result<(), PostFault> {
    let longest = Duration::from_millis(limits::WEBHOOK_ATTEMPT_MS);
    tokio::time::timeout(longest, attempt(address, tls, secrets, event)).await.unwrap_or(Err(PostFault::Late))
}

async fn attempt(
    address: &Address,
    tls: &Arc<ClientConfig>,
    secrets: &Secrets,
    event: &Event,
) -> Result<(), PostFault> {
    let request = request(address, secrets, event);
    let socket = match address.target() {
        Target::Address(address) => TcpStream::connect(address).await,
        Target::Name(name, port) => TcpStream::connect((name, port)).await,
    };
    let socket = socket.map_err(PostFault::Connection)?;
    let answer = match address.server_name() {
        Some(name) => {
            ask(TlsConnector::from(Arc::clone(tls)).connect(name, socket).await.map_err(PostFault::Tls)?, request)
                .await?
        }
        None => ask(socket, request).await?,
    };
    verdict(&answer)
}

fn request(address: &Address, secrets: &Secrets, event: &Event) -> Request<Full<Bytes>> {
    let timestamp_s = clock::now().unix_s();
    Request::post(address.path())
        .header(HOST, address.host())
        .header(USER_AGENT, concat!("hushwire/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", &event.id)
        .header("webhook-timestamp", timestamp_s)
        .header("webhook-signature", secrets.sign(&event.id, timestamp_s, event.body.as_ref()))
        .body(Full::new(Bytes::from_owner(event.body.clone())))
        .expect("an address is a path and a host, and the rest is ours")
}

/// The head of the answer. The connection is gone when this returns, whatever was still to come.
async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, PostFault> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(limits::WEBHOOK_ANSWER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(PostFault::Cut)?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    tokio::select! {
        biased;
        answered = &mut answer => answered,
        // It ends before its answer, or right behind it.
        _ended = connection => answer.await,
    }
    .map_err(PostFault::Cut)
}

fn verdict(answer: &Response<Incoming>) -> Result<(), PostFault> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        return Err(PostFault::Redirect(status));
    }
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(seconds);
    Err(PostFault::Status { status, retry_after })
}

/// `Retry-After` in seconds; its other form, a date, is left to our own patience.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_receiver_calls_our_fault_is_a_refusal_unless_it_asks_for_time() {
        let check = |status: u16, refuses: bool| {
            let status = StatusCode::from_u16(status).expect("a status");
            let fault = PostFault::Status { status, retry_after: None };
            assert_eq!(fault.refusal(), refuses.then_some(status), "{status}");
        };
        [400, 401, 403, 404, 409, 410, 413, 415, 422].into_iter().for_each(|status| check(status, true));
        [408, 425, 429, 500, 503].into_iter().for_each(|status| check(status, false));
        assert_eq!(PostFault::Late.refusal(), None);
    }

    #[test]
    fn a_receiver_says_in_seconds_when_to_come_back() {
        let check = |value: &'static str, expected: Option<u64>| {
            assert_eq!(seconds(&HeaderValue::from_static(value)), expected.map(Duration::from_secs), "{value}");
        };
        check("120", Some(120));
        check("-1", None);
        check("Wed, 21 Oct 2026 07:28:00 GMT", None);
    }
}
