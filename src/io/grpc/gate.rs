//! What stands before every handler of a door, in this order: may this caller call this method, is there room, how long may
//! it take. Both end with the head of the answer; what a stream does after it stands under [`crate::io::grpc::terms`]. A
//! refusal is an ordinary gRPC answer and, where access was refused, an audit event.

use crate::base::limits;
use crate::io::grpc::deadline::{self, Deadline};
use crate::io::grpc::judge::{Denied, Ends, judge, revoked, token_ended};
use crate::io::grpc::overload::Overload;
use crate::io::grpc::roles;
use crate::io::grpc::status::{self, Refusal};
use crate::io::grpc::terms::StreamTerms;
use crate::io::transport::caller::Caller;
use crate::io::transport::held::holding;
use http::{HeaderMap, Request, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Bytes;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

/// Somebody tried what it may not do.
#[derive(Debug, Clone)]
pub struct Refused {
    pub caller: Caller,
    /// The method of the table, or nothing for a path that has no row: what was asked for is the caller's text.
    pub method: Option<&'static str>,
    /// As the caller is told, e.g. `ROLE_NOT_ALLOWED`.
    pub reason: String,
}

/// Told of every refused access, before the caller is.
pub type OnRefused = Arc<dyn Fn(&Refused) + Send + Sync>;

/// The limits of a gate.
#[derive(Debug, Clone, Copy)]
pub struct GateSettings {
    /// Calls worked on at once.
    pub calls: usize,
    /// Longest a call may take to begin its answer.
    pub call_timeout: Duration,
}

impl GateSettings {
    /// For the member's own systems.
    pub fn local() -> Self {
        Self { calls: limits::CALLS_LOCAL, call_timeout: Duration::from_millis(limits::CALL_MS) }
    }

    /// For other members' nodes.
    pub fn peer() -> Self {
        Self { calls: limits::CALLS_PEER, ..Self::local() }
    }
}

/// The handlers of a door behind its rules. Which door it is follows from the caller the connection verified.
#[derive(Clone)]
pub struct Gate<S> {
    inner: S,
    overload: Overload,
    call_timeout: Duration,
    on_refused: OnRefused,
}

impl<S: fmt::Debug> fmt::Debug for Gate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S> Gate<S> {
    pub fn new(inner: S, settings: GateSettings, on_refused: OnRefused) -> Self {
        Self { inner, overload: Overload::new(settings.calls), call_timeout: settings.call_timeout, on_refused }
    }
}

/// What a call was admitted on.
struct Terms {
    room: OwnedSemaphorePermit,
    asked: Option<Duration>,
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Room is checked at the call: a caller that may not call anyway must not take it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let gate = self.clone();
        Box::pin(async move {
            Ok(match gate.check_access(&request) {
                Ok(ends) => match gate.terms(&request) {
                    Ok(terms) => gate.pass(request, ends, terms).await,
                    Err(refusal) => holding(answer(refusal), request.into_body()),
                },
                Err(refusal) => holding(answer(refusal), request.into_body()),
            })
        })
    }
}

impl<S> Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    /// Room for a call, and how long it may take.
    fn terms(&self, request: &Request<Body>) -> Result<Terms, Refusal> {
        let room = self.overload.admit()?;
        Ok(Terms { room, asked: deadline::asked(request.headers())? })
    }

    async fn pass(self, mut request: Request<Body>, ends: Ends, terms: Terms) -> Response<Body> {
        let Terms { room, asked } = terms;
        let allowed = asked.map_or(self.call_timeout, |asked| asked.min(self.call_timeout));
        request.extensions_mut().insert(StreamTerms::new(self.overload.clone(), asked, self.call_timeout));
        let deadline = Deadline(Instant::now() + allowed);
        request.extensions_mut().insert(deadline);
        let mut working = Box::pin(self.inner.oneshot(request));
        let answered = tokio::select! {
            biased;
            // A body that came late must not be worked on for who is out meanwhile.
            refusal = ends.lost() => Err(refusal),
            answered = timeout_at(deadline.0, working.as_mut()) => answered.map_err(|_| {
                Refusal::DeadlineExceeded { limit_ms: u64::try_from(allowed.as_millis()).unwrap_or(u64::MAX) }
            }),
        };
        drop(room);
        let mut response = match answered {
            Ok(Ok(response)) => response,
            // The work stops here, but it owns the question, which must not be dropped before it is answered.
            Err(refusal) => return holding(answer(refusal), working),
        };
        // A refusal that no handler made: the message was too large, or none at all.
        if let Some(status) = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok) {
            response = status::explained(status).into_http();
        }
        match ends {
            Ends::Connection => response,
            Ends::Pin(peer) => {
                let ended = async move { peer.revoked().await };
                response.map(|body| Body::new(CutWhenRevoked::new(body, ended, revoked())))
            }
            Ends::Token(grant) => {
                let ended = async move { grant.ended().await };
                response.map(|body| Body::new(CutWhenRevoked::new(body, ended, token_ended())))
            }
        }
    }

    fn check_access(&self, request: &Request<Body>) -> Result<Ends, Refusal> {
        let path = request.uri().path();
        judge(request.extensions(), path).map_err(|denied| {
            let Denied { caller, refusal } = *denied;
            let method = roles::row(path).map(|row| row.method);
            (self.on_refused)(&Refused { caller, method, reason: refusal.reason() });
            refusal
        })
    }
}

fn answer(refusal: Refusal) -> Response<Body> {
    Status::from(refusal).into_http()
}

/// The body of an answer that ends, with a status that says why, as soon as its caller has lost what let it in.
struct CutWhenRevoked {
    body: Body,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    why: Refusal,
    cut: bool,
}

impl CutWhenRevoked {
    fn new(body: Body, ended: impl Future<Output = ()> + Send + 'static, why: Refusal) -> Self {
        Self { body, ended: Box::pin(ended), why, cut: false }
    }
}

impl HttpBody for CutWhenRevoked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.cut {
            return Poll::Ready(None);
        }
        // First the pin or the token, then the data: nothing more goes to who is out.
        if self.ended.as_mut().poll(cx).is_ready() {
            self.cut = true;
            self.body = Body::empty();
            let mut trailers = HeaderMap::new();
            return Poll::Ready(Some(
                Status::from(self.why.clone()).add_header(&mut trailers).map(|()| Frame::trailers(trailers)),
            ));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.cut || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::bytes::Sha256Digest;
    use crate::base::role::Role;
    use crate::io::grpc::roles::{Callers, METHODS};
    use crate::io::transport::caller::{LocalCaller, PeerCaller};
    use crate::io::transport::pins::PinRegistry;
    use std::collections::BTreeMap;
    use std::sync::Mutex;
    use tokio_stream::StreamExt;
    use tower::service_fn;

    fn local(role: Role) -> LocalCaller {
        LocalCaller { member: "bank-a".parse().expect("valid"), role, name: "shop".parse().expect("valid") }
    }

    fn pins() -> Arc<PinRegistry> {
        let pins = [(Sha256Digest([1; 32]), "bank-b".parse().expect("valid"))];
        Arc::new(PinRegistry::new(BTreeMap::from(pins)))
    }

    fn request(method: &str, caller: impl Clone + Send + Sync + 'static) -> Request<Body> {
        let mut request = Request::builder().uri(method).body(Body::empty()).expect("valid");
        request.extensions_mut().insert(caller);
        request
    }

    /// Calls through a gate whose handler answers OK; returns the code and the audited refusals.
    async fn call(request: Request<Body>) -> (Code, Vec<Refused>) {
        let audited = Arc::new(Mutex::new(Vec::new()));
        let handler = service_fn(|_: Request<Body>| async { Ok(Response::new(Body::empty())) });
        let on_refused: OnRefused = Arc::new({
            let audited = Arc::clone(&audited);
            move |refused| audited.lock().expect("not poisoned").push(refused.clone())
        });
        let mut gate = Gate::new(handler, GateSettings::local(), on_refused);
        let Ok(response) = gate.call(request).await;
        let code = Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code());
        let audited = audited.lock().expect("not poisoned").clone();
        (code, audited)
    }

    #[tokio::test]
    async fn every_role_may_call_what_its_rows_say_and_nothing_else() {
        for row in METHODS {
            for role in Role::ALL {
                let allowed = matches!(row.callers, Callers::Local(roles) if roles.contains(&role));
                let (code, audited) = call(request(row.method, local(role))).await;
                let expected = if allowed { Code::Ok } else { Code::PermissionDenied };
                assert_eq!(code, expected, "{role} {}", row.method);
                assert_eq!(audited.len(), usize::from(!allowed), "every refusal is audited, and only refusals");
                assert!(audited.iter().all(|refused| refused.method == Some(row.method)));
            }
        }
    }

    #[tokio::test]
    async fn a_peer_may_call_what_is_for_peers_and_nothing_else() {
        let pins = pins();
        for row in METHODS {
            let peer = PeerCaller::of(Sha256Digest([1; 32]), &pins).expect("pinned");
            let (code, _) = call(request(row.method, peer)).await;
            let expected = if row.callers == Callers::Peers { Code::Ok } else { Code::PermissionDenied };
            assert_eq!(code, expected, "{}", row.method);
        }
    }

    #[tokio::test]
    async fn a_method_without_a_row_is_refused_to_everybody_and_its_path_is_not_kept() {
        for path in ["/hushwire.local.v1.NodeService/Nothing", "/", "/hushwire.local.v1.NodeService/GetStatus/"] {
            let (code, audited) = call(request(path, local(Role::Operator))).await;
            assert_eq!(code, Code::Unimplemented, "{path}");
            assert!(audited.iter().all(|refused| refused.method.is_none()) && audited.len() == 1);
        }
    }

    #[tokio::test]
    async fn a_peer_whose_pin_is_gone_is_refused_on_the_next_request() {
        let pins = pins();
        let peer = PeerCaller::of(Sha256Digest([1; 32]), &pins).expect("pinned");
        pins.replace(BTreeMap::new());
        let (code, audited) = call(request("/hushwire.peer.v1.ExchangeService/Exchange", peer)).await;
        assert_eq!(code, Code::Unauthenticated);
        assert_eq!(audited.first().map(|refused| refused.reason.as_str()), Some("PIN_REVOKED"));
    }

    #[tokio::test]
    async fn a_request_without_a_verified_caller_is_refused() {
        let mut metadata = request("/hushwire.local.v1.NodeService/GetStatus", ());
        metadata.headers_mut().insert("x-role", "operator".parse().expect("valid"));
        assert_eq!(call(metadata).await.0, Code::Unauthenticated);
    }

    #[tokio::test]
    async fn a_call_ends_at_the_callers_deadline_or_at_the_nodes_own() {
        for (asked, own_ms, message) in [
            (Some("20m"), 60_000, "not answered within 20 ms"),
            (Some("1H"), 30, "not answered within 30 ms"),
            (None, 30, "not answered within 30 ms"),
        ] {
            let handler = service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
            let settings = GateSettings { call_timeout: Duration::from_millis(own_ms), ..GateSettings::local() };
            let mut gate = Gate::new(handler, settings, Arc::new(|_| {}));
            let mut slow = request("/hushwire.local.v1.NodeService/GetStatus", local(Role::Operator));
            if let Some(asked) = asked {
                slow.headers_mut().insert("grpc-timeout", asked.parse().expect("valid"));
            }
            let Ok(response) = gate.call(slow).await;
            let status = Status::from_header_map(response.headers()).expect("a refusal");
            assert_eq!((status.code(), status.message()), (Code::DeadlineExceeded, message));
        }
    }

    /// The body of a question that says when it is dropped.
    fn noticed() -> (Body, Arc<()>) {
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let body = http_body_util::StreamBody::new(tokio_stream::pending::<Result<Frame<Bytes>, Status>>().map(
            move |frame| {
                let _held = &held;
                frame
            },
        ));
        (Body::new(body), alive)
    }

    #[tokio::test]
    async fn a_question_is_held_until_its_refusal_has_been_said() {
        for (calls, asked) in [(0, "1S"), (1, "20m"), (1, "nonsense")] {
            let handler = service_fn(|request: Request<Body>| async move {
                let _question = request;
                std::future::pending::<Result<Response<Body>, Infallible>>().await
            });
            let mut gate = Gate::new(handler, GateSettings { calls, ..GateSettings::local() }, Arc::new(|_| {}));
            let (body, alive) = noticed();
            let mut question = request("/hushwire.local.v1.NodeService/GetStatus", local(Role::Operator)).map(|_| body);
            question.headers_mut().insert("grpc-timeout", asked.parse().expect("ASCII"));
            let Ok(refused) = gate.call(question).await;
            assert!(refused.headers().contains_key("grpc-status"), "refused in the head");
            assert!(refused.body().is_end_stream(), "and nowhere else");
            assert_eq!(Arc::strong_count(&alive), 2, "dropped before it was answered");
            drop(refused);
            assert_eq!(Arc::strong_count(&alive), 1);
        }
    }

    #[tokio::test]
    async fn a_call_above_the_limit_is_shed_and_a_finished_one_makes_room() {
        let handler = service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
        let settings = GateSettings { calls: 1, ..GateSettings::local() };
        let mut gate = Gate::new(handler, settings, Arc::new(|_| {}));
        let ask = || request("/hushwire.local.v1.NodeService/GetStatus", local(Role::Operator));
        let mut running = gate.call(ask());
        assert!(std::future::poll_fn(|cx| Poll::Ready(running.as_mut().poll(cx).is_pending())).await);
        let Ok(shed) = gate.call(ask()).await;
        let status = Status::from_header_map(shed.headers()).expect("a refusal");
        assert_eq!(status.code(), Code::ResourceExhausted);
        drop(running);
        let mut next = gate.call(ask());
        assert!(std::future::poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx).is_pending())).await);
    }
}
