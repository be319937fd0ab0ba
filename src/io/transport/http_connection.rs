//! HTTP on one connection, version 1.1 or 2, behind one face: it runs, and it can be asked to end after what is under way.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tonic::body::Body;

use crate::io::transport::guarded::Guarded;
use crate::io::transport::settings::DoorSettings;

type Plain = TokioIo<TlsStream<TcpStream>>;
type Watched = TokioIo<Guarded<TlsStream<TcpStream>>>;

/// A connection that is being served.
pub enum HttpConnection<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    Http1(Pin<Box<http1::Connection<Plain, S>>>),
    Http2(Pin<Box<http2::Connection<Watched, S, TokioExecutor>>>),
}

impl<S> fmt::Debug for HttpConnection<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1(_) => "HttpConnection::Http1",
            Self::Http2(_) => "HttpConnection::Http2",
        })
    }
}

impl<S> HttpConnection<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    /// One request after the other. Frames are HTTP/2's, so the guard that counts them has nothing to do here; what bounds a
    /// caller are the time for headers, the size of headers, and the gate.
    pub fn http1(stream: TlsStream<TcpStream>, settings: &DoorSettings, service: S) -> Self {
        let header_bytes = usize::try_from(settings.header_bytes).expect("16 KiB fit");
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(settings.http1_headers_timeout)
            .max_header_size(header_bytes)
            .auto_date_header(false);
        Self::Http1(Box::pin(builder.serve_connection(TokioIo::new(stream), service)))
    }

    /// Many requests at once, guarded against silence and floods of control frames.
    pub fn http2(stream: Guarded<TlsStream<TcpStream>>, settings: &DoorSettings, service: S) -> Self {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(settings.streams)
            .max_header_list_size(settings.header_bytes)
            .initial_stream_window_size(settings.window_bytes.0)
            .initial_connection_window_size(settings.window_bytes.1)
            .keep_alive_interval(settings.keep_alive_interval)
            .keep_alive_timeout(settings.keep_alive_timeout)
            // gRPC has no use for it, and a date in every answer costs bytes.
            .auto_date_header(false);
        Self::Http2(Box::pin(builder.serve_connection(TokioIo::new(stream), service)))
    }

    /// Takes no further request; ends once those under way are answered.
    pub fn graceful_shutdown(&mut self) {
        match self {
            Self::Http1(connection) => connection.as_mut().graceful_shutdown(),
            Self::Http2(connection) => connection.as_mut().graceful_shutdown(),
        }
    }
}

impl<S> Future for HttpConnection<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Output = hyper::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        match &mut *self {
            Self::Http1(connection) => connection.as_mut().poll(cx),
            Self::Http2(connection) => connection.as_mut().poll(cx),
        }
    }
}
