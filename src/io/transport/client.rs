//! Channels to a node: for the member's own systems, and for other members.
//!
//! A channel connects when it is first used and again after a break; each attempt reads the certificates and pins it was
//! given anew. Backing off between attempts is the caller's: a channel fails fast and says why.

use crate::base::limits;
use crate::base::name::MemberId;
use crate::base::time::Timestamp;
use crate::io::transport::pins::PinRegistry;
use crate::io::transport::tls::{self, Authority, Certified, TlsError};
use http::Uri;
use http::uri::{Authority as HostPort, Scheme};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// What a system of the member shows and trusts when it calls its own node.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    pub certified: Certified,
    pub authority: Authority,
}

/// What a node shows when it calls another member's node.
#[derive(Debug, Clone)]
pub struct PeerIdentity {
    pub certified: Certified,
}

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("an endpoint has the form HOST:PORT or https://HOST:PORT")]
    Endpoint,
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A channel to the member's own node: its certificate comes from the member's authority and names the host called.
/// Needs a running runtime; connects lazily.
pub fn connect_local(endpoint: &str, identity: &ClientIdentity) -> Result<Channel, ConnectError> {
    let config = tls::local_client(&identity.certified, &identity.authority)?;
    channel(endpoint, config)
}

/// The same for a caller without a certificate, who shows a token with each call.
pub fn connect_local_uncertified(endpoint: &str, authority: &Authority) -> Result<Channel, ConnectError> {
    channel(endpoint, tls::local_client_uncertified(authority)?)
}

/// A channel to the node of `member`: its key is pinned to that member in the roster in force at each connection.
/// Needs a running runtime; connects lazily.
pub fn connect_peer(
    endpoint: &str,
    identity: &PeerIdentity,
    member: &MemberId,
    pins: &Arc<PinRegistry>,
) -> Result<Channel, ConnectError> {
    let config = tls::peer_client(&identity.certified, pins, member)?;
    channel(endpoint, config)
}

fn channel(endpoint: &str, config: ClientConfig) -> Result<Channel, ConnectError> {
    let (uri, host_port) = parse(endpoint)?;
    let host = host_port.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host.clone()).map_err(|_| ConnectError::Endpoint)?;
    let port = host_port.port_u16().ok_or(ConnectError::Endpoint)?;
    let connector = TlsConnector::from(Arc::new(config));
    let connect = service_fn(move |_: Uri| {
        let (connector, host, name) = (connector.clone(), host.clone(), name.clone());
        async move { connect(&connector, &host, port, name).await.map(TokioIo::new) }
    });
    let (stream_window, connection_window) = limits::PULL_WINDOW_BYTES;
    let endpoint = Endpoint::from(uri)
        .connect_timeout(Duration::from_millis(limits::HANDSHAKE_MS))
        .initial_stream_window_size(stream_window)
        .initial_connection_window_size(connection_window)
        .http2_keep_alive_interval(Duration::from_secs(limits::KEEP_ALIVE_S))
        .keep_alive_timeout(Duration::from_secs(limits::KEEP_ALIVE_ANSWER_S))
        .keep_alive_while_idle(true)
        .http2_max_header_list_size(limits::HEADER_BYTES);
    Ok(endpoint.connect_with_connector_lazy(connect))
}

fn parse(endpoint: &str) -> Result<(Uri, HostPort), ConnectError> {
    let host_port = endpoint.strip_prefix("https://").unwrap_or(endpoint).trim_end_matches('/');
    let host_port: HostPort = host_port.parse().map_err(|_| ConnectError::Endpoint)?;
    let uri = Uri::builder().scheme(Scheme::HTTPS).authority(host_port.clone()).path_and_query("/").build();
    Ok((uri.map_err(|_| ConnectError::Endpoint)?, host_port))
}

async fn connect(
    connector: &TlsConnector,
    host: &str,
    port: u16,
    name: ServerName<'static>,
) -> io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect((host, port)).await?;
    socket.set_nodelay(true)?;
    let stream = connector.connect(name, socket).await?;
    if tls::speaks_h2(stream.get_ref().1) {
        Ok(stream)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the other end does not speak HTTP/2"))
    }
}

/// The innermost cause of a failed call, in words: why there was no connection rather than that there was none.
pub fn cause_of(status: &tonic::Status) -> String {
    let mut cause: &(dyn Error + 'static) = status;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<tonic::Status>() {
        Some(status) => status.message().to_owned(),
        None => in_words(&cause.to_string()),
    }
}

/// What the TLS library says, for people: times as dates, and what it means that the first bytes were no TLS.
fn in_words(cause: &str) -> String {
    if cause.contains("corrupt message of type InvalidContentType") {
        return "the other side does not speak TLS".to_owned();
    }
    let mut words = String::new();
    let mut rest = cause;
    while let Some((before, after)) = rest.split_once(" (UNIX)") {
        let digits = before.len() - before.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
        let (text, seconds) = before.split_at(before.len() - digits);
        words.push_str(text);
        match seconds.parse() {
            Ok(seconds) => words.push_str(&Timestamp::from_unix_s(seconds).to_string()),
            Err(_) => words.push_str(seconds),
        }
        rest = after;
    }
    words + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_for_people() {
        let check = |cause: &str, expected: &str| assert_eq!(in_words(cause), expected);
        check("received corrupt message of type InvalidContentType", "the other side does not speak TLS");
        check("invalid peer certificate: Expired", "invalid peer certificate: Expired");
        check(
            "certificate expired: verification time 1830399058 (UNIX), but certificate is not valid after 1793000000 (UNIX) (37399058 seconds ago)",
            "certificate expired: verification time 2028-01-02T04:10:58.000Z, but certificate is not valid after 2026-10-26T07:33:20.000Z (37399058 seconds ago)",
        );
    }

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        let check = |endpoint: &str, expected: Option<(&str, Option<u16>)>| {
            let parsed = parse(endpoint).ok().map(|(_, host_port)| (host_port.host().to_owned(), host_port.port_u16()));
            assert_eq!(parsed, expected.map(|(host, port)| (host.to_owned(), port)), "{endpoint}");
        };
        check("bank-a.example:7444", Some(("bank-a.example", Some(7444))));
        check("https://127.0.0.1:7444/", Some(("127.0.0.1", Some(7444))));
        check("https://[::1]:7444", Some(("[::1]", Some(7444))));
        check("https://bank-a.example:7444/path", None);
        check("a b:1", None);
    }
}
