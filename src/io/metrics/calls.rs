//! Calls of one door: how many by method and code, how long until they were answered, how many are under way, and why others
//! were refused.
//!
//! It stands around the gate, so refusals of the gate count like those of a handler, and JSON calls like gRPC.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use http::{HeaderMap, Request, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Bytes;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::Service;

use crate::base::limits;
use crate::io::grpc::roles::METHODS;
use crate::io::grpc::status::{CODES, code_name};
use crate::io::metrics::atomics::{Count, Distribution, Durations, Inside, Level};
use crate::io::metrics::page::DoorMetrics;
use crate::io::traces::{CallSpan, CallTracer};

/// Stands for every path that has no row: what was asked for is the caller's text.
pub const UNKNOWN_METHOD: &str = "unknown";

/// Stands for a refusal that names no reason of ours.
const OTHER_REASON: &str = "OTHER";

/// The calls of one door since it opened.
#[derive(Debug)]
pub struct CallCounts {
    /// In the order of [`METHODS`]; the last is for paths without a row.
    methods: Vec<MethodCounts>,
    in_flight: Arc<Level>,
    /// Behind a lock, which only refusals take.
    refusals: Mutex<BTreeMap<String, u64>>,
}

#[derive(Debug, Default)]
struct MethodCounts {
    codes: [Count; CODES.len()],
    durations: Durations,
}

impl Default for CallCounts {
    fn default() -> Self {
        let methods = (0..=METHODS.len()).map(|_| MethodCounts::default()).collect();
        Self { methods, in_flight: Arc::default(), refusals: Mutex::default() }
    }
}

impl CallCounts {
    /// Method, code and number of what occurred.
    pub fn by_code(&self) -> Vec<(&'static str, &'static str, u64)> {
        let rows = names().zip(&self.methods).flat_map(|(method, counts)| {
            let codes = CODES.iter().zip(&counts.codes);
            codes.map(move |((_, code), count)| (method, *code, count.value()))
        });
        rows.filter(|(_, _, count)| *count > 0).collect()
    }

    /// Time until the answer began, by method, where there were calls.
    pub fn durations(&self) -> Vec<(&'static str, Distribution)> {
        let rows = names().zip(&self.methods).map(|(method, counts)| (method, counts.durations.read()));
        rows.filter(|(_, read)| read.count() > 0).collect()
    }

    /// Reason and number.
    pub fn refusals(&self) -> Vec<(String, u64)> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.iter().map(|(reason, count)| (reason.clone(), *count)).collect()
    }

    /// Calls under way, streams included.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.value()
    }

    /// Reasons are words of the program; a limit stands in for that promise, because each is a row kept by every monitoring.
    fn refused(&self, reason: &str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let is_room = refusals.len() < limits::METRIC_REASONS || refusals.contains_key(reason);
        *refusals.entry(if is_room { reason } else { OTHER_REASON }.to_owned()).or_default() += 1;
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    METHODS.iter().map(|row| row.method.trim_start_matches('/')).chain([UNKNOWN_METHOD])
}

/// One call. Dropped before it ended, it was cancelled.
#[derive(Debug)]
struct Call {
    counts: Arc<CallCounts>,
    method: usize,
    since: Instant,
    ended: bool,
    span: Option<CallSpan>,
    _inside: Inside,
}

impl Call {
    fn begin(counts: &Arc<CallCounts>, tracer: Option<&CallTracer>, request: &Request<Body>) -> Self {
        let path = request.uri().path();
        let method = METHODS.iter().position(|row| row.method == path).unwrap_or(METHODS.len());
        let name = names().nth(method).unwrap_or(UNKNOWN_METHOD);
        Self {
            method,
            span: tracer.map(|tracer| tracer.begin(name, request.headers())),
            since: Instant::now(),
            ended: false,
            _inside: counts.in_flight.enter(),
            counts: Arc::clone(counts),
        }
    }

    fn row(&self) -> Option<&MethodCounts> {
        self.counts.methods.get(self.method)
    }

    fn answered(&self) {
        if let Some(row) = self.row() {
            row.durations.took(self.since.elapsed());
        }
    }

    /// Ends the call as these headers or trailers say; false where they do not say.
    fn end_as(&mut self, headers: &HeaderMap) -> bool {
        let Some(status) = headers.get("grpc-status").and_then(|_| Status::from_header_map(headers)) else {
            return false;
        };
        if status.code() != Code::Ok {
            let details = status.get_error_details();
            let reason = details.error_info().map_or(OTHER_REASON, |info| info.reason.as_str());
            self.counts.refused(reason);
        }
        self.end(status.code());
        true
    }

    fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let place = CODES.iter().position(|(known, _)| *known == code);
        let name = code_name(code);
        if let Some(span) = self.span.take() {
            span.end(code, name);
        }
        if let Some(count) = self.row().zip(place).and_then(|(row, place)| row.codes.get(place)) {
            count.one();
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// The service of a door, counted.
#[derive(Debug, Clone)]
pub struct Counted<S> {
    inner: S,
    counts: Arc<CallCounts>,
    tracer: Option<CallTracer>,
}

impl<S> Counted<S> {
    pub fn new(inner: S, door: &DoorMetrics) -> Self {
        Self { inner, counts: Arc::clone(&door.calls), tracer: door.tracer.clone() }
    }
}

impl<S> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut call = Call::begin(&self.counts, self.tracer.as_ref(), &request);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let Ok(response) = answer.await;
            call.answered();
            if call.end_as(response.headers()) {
                return Ok(response);
            }
            Ok(response.map(|body| Body::new(CountedBody { body, call })))
        })
    }
}

/// The body of an answer, whose last word is the code of the call.
struct CountedBody {
    body: Body,
    call: Call,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.call.end_as(trailers);
                }
            }
            Poll::Ready(Some(Err(status))) => self.call.end(status.code()),
            // A body that ends without a word of how.
            Poll::Ready(None) => self.call.end(Code::Unknown),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::io::grpc::status::Refusal;

    const STATUS: &str = "/hushwire.local.v1.NodeService/GetStatus";

    fn request(path: &str) -> Request<Body> {
        Request::builder().uri(path).body(Body::empty()).expect("valid")
    }

    /// A call answered with this; what was counted of it.
    async fn count(path: &str, answer: impl Fn() -> Response<Body> + Clone + Send + 'static) -> Arc<CallCounts> {
        let door = DoorMetrics::default();
        let inner = service_fn(move |_: Request<Body>| {
            let answer = answer();
            async move { Ok(answer) }
        });
        let Ok(response) = Counted::new(inner, &door).oneshot(request(path)).await;
        drop(response.into_body().collect().await);
        door.calls
    }

    fn with_trailers(code: &'static str) -> Response<Body> {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.parse().expect("valid"));
        let frames =
            tokio_stream::iter([Ok::<_, Status>(Frame::data(Bytes::from_static(b"x"))), Ok(Frame::trailers(trailers))]);
        Response::new(Body::new(http_body_util::StreamBody::new(frames)))
    }

    #[tokio::test]
    async fn a_call_counts_by_the_code_in_its_trailers_or_its_headers() {
        let name = STATUS.trim_start_matches('/');
        let answered = count(STATUS, || with_trailers("0")).await;
        assert_eq!(answered.by_code(), [(name, "OK", 1)]);
        assert_eq!(answered.durations().len(), 1);
        let ended = count(STATUS, || with_trailers("14")).await;
        assert_eq!(ended.by_code(), [(name, "UNAVAILABLE", 1)]);
        let refused = count(STATUS, || Status::from(Refusal::Unimplemented).into_http()).await;
        assert_eq!(refused.by_code(), [(name, "UNIMPLEMENTED", 1)]);
        assert_eq!(refused.refusals(), [("UNKNOWN_METHOD".to_owned(), 1)]);
        assert_eq!((answered.in_flight(), answered.refusals().len()), (0, 0));
    }

    #[tokio::test]
    async fn a_path_without_a_row_is_counted_without_its_text() {
        let counts = count("/somebody@example.org", || with_trailers("12")).await;
        assert_eq!(counts.by_code(), [(UNKNOWN_METHOD, "UNIMPLEMENTED", 1)]);
    }

    #[tokio::test]
    async fn a_call_whose_caller_went_away_is_cancelled() {
        let door = DoorMetrics::default();
        let counts = &door.calls;
        let inner = service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
        let mut running = Box::pin(Counted::new(inner, &door).oneshot(request(STATUS)));
        assert!(std::future::poll_fn(|cx| Poll::Ready(running.as_mut().poll(cx).is_pending())).await);
        assert_eq!(counts.in_flight(), 1);
        drop(running);
        assert_eq!(counts.in_flight(), 0);
        assert_eq!(counts.by_code(), [(STATUS.trim_start_matches('/'), "CANCELLED", 1)]);
    }

    #[test]
    fn reasons_beyond_the_limit_share_one_row() {
        let counts = CallCounts::default();
        for number in 0..limits::METRIC_REASONS + 5 {
            counts.refused(&format!("REASON_{number}"));
        }
        let refusals = counts.refusals();
        assert_eq!(refusals.len(), limits::METRIC_REASONS + 1);
        assert!(refusals.contains(&(OTHER_REASON.to_owned(), 5)));
    }
}
