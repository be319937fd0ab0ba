//! The listener for monitoring: plain HTTP/1.1, three paths, no request body.
//!
//! - `GET /metrics` the page, in the format that `Accept` names;
//! - `GET /livez` is 200 as long as the thread that answers checkouts moves, 503 otherwise: restart the node then;
//! - `GET /readyz` is 200 while checkouts are answered truly, 503 otherwise: ask another node then.
//!
//! It stands apart from the local listener because neither Prometheus nor a supervisor has a client certificate, and a role
//! for them would be one more key that opens a door to raw identifiers. What it tells is counts; it is off unless configured,
//! and on loopback unless a name that says so allows more. One answer a connection: a connection kept for later is a place
//! taken from somebody who asks now.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prost::bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::base::limits;
use crate::io::clock;
use crate::io::metrics::page::{self, Format, Metrics};

/// After an accept error, most often too many open files: time for something to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The listener before it answers.
#[derive(Debug)]
pub struct MetricsDoor {
    pub tcp: std::net::TcpListener,
    pub metrics: Arc<Metrics>,
}

impl MetricsDoor {
    /// Answers until the task is dropped.
    pub async fn serve(self) {
        let Ok(tcp) = TcpListener::from_std(self.tcp) else { return };
        let room = Arc::new(Semaphore::new(limits::METRICS_CONNECTIONS));
        let answering = Answering { metrics: self.metrics };
        loop {
            let Ok((socket, _)) = tcp.accept().await else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // Whoever comes while all places are taken is closed without a word.
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
            let answering = answering.clone();
            tokio::spawn(async move {
                let longest = Duration::from_millis(limits::METRICS_CONNECTION_MS);
                // Whoever is slower than that is gone; there is nobody to tell.
                drop(timeout(longest, answering.connection(socket)).await);
                drop(place);
            });
        }
    }
}

#[derive(Clone)]
struct Answering {
    metrics: Arc<Metrics>,
}

impl Answering {
    async fn connection(self, socket: TcpStream) {
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = self.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).keep_alive(false).max_header_size(limits::METRICS_HEADER_BYTES);
        // An error is the other end's, and it has heard of it.
        drop(builder.serve_connection(TokioIo::new(socket), service).await);
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if !["/metrics", "/livez", "/readyz"].contains(&path) {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "this path is asked with GET or HEAD\n");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match path {
            "/livez" => probe(self.metrics.seen.load().machine.is_alive(clock::now())),
            "/readyz" => probe(self.metrics.seen.load().machine.is_ready(clock::now())),
            _ => {
                let accept = request.headers().get(http::header::ACCEPT).and_then(|accept| accept.to_str().ok());
                let format = Format::of_accept(accept.unwrap_or_default());
                respond(StatusCode::OK, format.content_type(), page::write(&self.metrics, format))
            }
        }
    }
}

fn probe(well: bool) -> Response<Full<Bytes>> {
    if well { plain(StatusCode::OK, "ok\n") } else { plain(StatusCode::SERVICE_UNAVAILABLE, "no\n") }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", text)
}

fn respond(status: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use arc_swap::ArcSwap;

    use super::*;
    use crate::io::metrics::seen::{MachineSeen, SCREENING, Seen};

    fn ask(method: Method, path: &str, seen: Seen) -> Response<Full<Bytes>> {
        let answering =
            Answering { metrics: Arc::new(Metrics { seen: ArcSwap::from_pointee(seen), ..Metrics::default() }) };
        answering.answer(&Request::builder().method(method).uri(path).body(()).expect("valid"))
    }

    #[test]
    fn readiness_follows_the_node_and_liveness_does_not() {
        let serving = |serving| {
            let machine =
                MachineSeen { at: Some(clock::now()), serving: vec![(SCREENING, serving)], ..Default::default() };
            Seen { machine, node: None }
        };
        for (path, ready, status) in [
            ("/livez", true, StatusCode::OK),
            ("/livez", false, StatusCode::OK),
            ("/readyz", true, StatusCode::OK),
            ("/readyz", false, StatusCode::SERVICE_UNAVAILABLE),
        ] {
            assert_eq!(ask(Method::GET, path, serving(ready)).status(), status, "{path} {ready}");
        }
    }

    #[test]
    fn other_paths_and_other_verbs_are_refused() {
        for path in ["/", "/metrics/", "/Metrics", "/debug", "/readyz/x"] {
            assert_eq!(ask(Method::GET, path, Seen::default()).status(), StatusCode::NOT_FOUND, "{path}");
        }
        let refused = ask(Method::POST, "/metrics", Seen::default());
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers().get(ALLOW), Some(&HeaderValue::from_static("GET, HEAD")));
        assert_eq!(ask(Method::HEAD, "/metrics", Seen::default()).status(), StatusCode::OK);
    }
}
