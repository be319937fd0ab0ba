//! The service of the local listener: gRPC passes through, JSON becomes the gRPC call of its route.
//!
//! Standing outside the gate, it adds no way around it: the call it makes carries the verified caller of the connection, and
//! is admitted, timed and audited like any other.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use prost::Message;
use prost::bytes::{BufMut, Bytes, BytesMut};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

use crate::base::limits;
use crate::io::grpc::judge::may_call;
use crate::io::grpc::status::Refusal;
use crate::io::grpc::wire::DESCRIPTORS;
use crate::io::http::body::{JsonBody, full};
use crate::io::http::gather::{Budgets, Gathered, gather};
use crate::io::http::refused::Refused;
use crate::io::http::routes::{Found, OPENAPI_PATH, ROUTES, Route, Verb, find, method_of};
use crate::io::http::{json, languages, openapi, query};
use crate::io::transport::byte_budget::{ByteBudget, HeldBytes};
use crate::io::transport::caller::LocalCaller;
use crate::io::transport::held::holding;

/// Bytes in front of a gRPC message: a flag and the length.
const FRAME_BYTES: usize = 5;

/// Beyond it a body takes longer to read than a checkout may wait.
const LARGE_BODY_BYTES: usize = 16 * 1024;

/// How long the body of a call may take to come.
const LONGEST: Duration = Duration::from_millis(limits::CALL_MS);

/// A route with the messages of its method.
#[derive(Debug)]
struct Bound {
    route: &'static Route,
    input: MessageDescriptor,
    output: MessageDescriptor,
}

/// Both protocols in front of one gate.
#[derive(Debug, Clone)]
pub struct JsonDoor<S> {
    gate: S,
    /// In the order of [`ROUTES`].
    bound: Arc<[Bound]>,
    description: Bytes,
    /// What the bodies of all connections may hold at once.
    bodies: ByteBudget,
}

impl<S> JsonDoor<S> {
    pub fn new(gate: S) -> Self {
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("made by the build");
        let bound = ROUTES.iter().map(|route| bind(&pool, route)).collect();
        let description = openapi::document(&pool).to_string().into();
        Self { gate, bound, description, bodies: ByteBudget::new(limits::BODY_BYTES) }
    }
}

fn bind(pool: &DescriptorPool, route: &'static Route) -> Bound {
    let method = method_of(pool, route).expect("a test holds routes against the methods there are");
    Bound { route, input: method.input(), output: method.output() }
}

impl<S> Service<Request<Body>> for JsonDoor<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.gate.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if is_grpc(request.headers()) {
            return Box::pin(self.gate.call(request));
        }
        let door = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let mut unread = Some(body);
            let answered = door.answer(parts, &mut unread).await;
            let mut response = answered.unwrap_or_else(|refused| refused.into_response());
            let headers = response.headers_mut();
            // Answers are about people's orders, whoever asks through whatever proxy.
            headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            let response = response.map(Body::new);
            Ok(match unread {
                Some(mut question) => {
                    take_rest(&mut question).await;
                    holding(response, question)
                }
                None => response,
            })
        })
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(http::header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

impl<S> JsonDoor<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// Takes the body once it was read to its end: what stays of it was not.
    async fn answer(self, parts: http::request::Parts, body: &mut Option<Body>) -> Result<Response<JsonBody>, Refused> {
        if parts.extensions.get::<LocalCaller>().is_none() {
            return Err(self.refuse_stranger(parts).await);
        }
        if parts.uri.path() == OPENAPI_PATH {
            return if parts.method == Method::GET {
                Ok(json_answer(self.description))
            } else {
                Err(Refused::Verb(vec!["GET"]))
            };
        }
        let (number, fields) = match find(parts.method.as_str(), parts.uri.path()) {
            Found::Route(number, fields) => (number, fields),
            Found::OtherVerb(verbs) => return Err(Refused::Verb(verbs)),
            Found::Nothing => {
                // Through the gate, which refuses what has no row and tells the audit log.
                drop(self.gate.oneshot(call("/", Bytes::new(), &HeaderMap::new(), parts.extensions)).await);
                return Err(Refused::Http(StatusCode::NOT_FOUND, "UNKNOWN_PATH", "this node has no such path"));
            }
        };
        let bound = self.bound.get(number).expect("bound in the order of the routes");
        let may_call = may_call(&parts.extensions, bound.route.method);
        let connection = parts.extensions.get::<ByteBudget>().unwrap_or(&self.bodies).clone();
        // What the message takes is released with the call.
        let mut _held = Vec::new();
        let message = match bound.route.verb {
            // Nothing is read for whoever may not ask: the gate refuses the call and tells the audit log.
            _ if !may_call => DynamicMessage::new(bound.input.clone()),
            Verb::Get => {
                let mut message = query::read(&fields, parts.uri.query(), &bound.input).map_err(Refusal::from)?;
                languages::ask(&mut message, &parts.headers);
                message
            }
            Verb::Post => {
                check_media_type(&parts.headers)?;
                let budgets = Budgets { node: self.bodies, connection };
                let gathered = gather(body.get_or_insert_default(), &budgets, LONGEST).await?;
                *body = None;
                let (message, held) = read(gathered, &bound.input).await?;
                _held = held;
                message
            }
        };
        let framed = frame(&message);
        drop(message);
        let request = call(bound.route.method, framed, &parts.headers, parts.extensions);
        let Ok(response) = self.gate.oneshot(request).await;
        let answer = unframe(response).await.map_err(Refused::Status)?;
        let answer = DynamicMessage::decode(bound.output.clone(), answer)
            .map_err(|_| Refused::Status(Status::internal("the answer is no message of its method")))?;
        let mut response = json_answer(json::write(&answer).into());
        if bound.route.verb == Verb::Get && languages::is_asked_by(&bound.input) {
            languages::tell(&answer, response.headers_mut());
        }
        Ok(response)
    }
}

impl<S> JsonDoor<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// Who is nobody learns nothing, not even which paths there are; the gate refuses it and tells the audit log.
    async fn refuse_stranger(self, parts: http::request::Parts) -> Refused {
        let method = match find(parts.method.as_str(), parts.uri.path()) {
            Found::Route(number, _) => ROUTES.get(number).map_or("/", |route| route.method),
            Found::OtherVerb(_) | Found::Nothing => "/",
        };
        let Ok(refused) = self.gate.oneshot(call(method, Bytes::new(), &HeaderMap::new(), parts.extensions)).await;
        Refused::Status(unframe(refused).await.err().unwrap_or_else(|| Status::internal("the gate let nobody in")))
    }
}

/// A large body is read beside the thread that answers checkouts.
async fn read(gathered: Gathered, input: &MessageDescriptor) -> Result<(DynamicMessage, Vec<HeldBytes>), Refused> {
    let Gathered { text, held } = gathered;
    if text.len() <= LARGE_BODY_BYTES {
        return Ok((json::read(&text, input).map_err(Refusal::from)?, held));
    }
    let input = input.clone();
    // The room goes along: whose caller is gone meanwhile is read to its end all the same.
    let read = move || json::read(&text, &input).map(|message| (message, held)).map_err(Refusal::from);
    let read = tokio::task::spawn_blocking(read).await;
    Ok(read.map_err(|_| Refused::Status(Status::internal("the body could not be read")))??)
}

fn json_answer(content: Bytes) -> Response<JsonBody> {
    let mut response = Response::new(full(content));
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Refused> {
    let wrong = Refused::Http(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "MEDIA_TYPE",
        "the body must be application/json in UTF-8, not compressed",
    );
    let encoded = headers.get(http::header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
    let Some(given) = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return Err(wrong);
    };
    let mut parts = given.split(';').map(|part| part.trim().to_ascii_lowercase());
    let is_json = parts.next().is_some_and(|media| media == "application/json");
    let is_utf8 = parts.all(|parameter| parameter.replace('"', "") == "charset=utf-8");
    if is_json && is_utf8 && !encoded { Ok(()) } else { Err(wrong) }
}

/// Takes what is left of a body that nobody wants, within limits: some clients report the end of their stream before they have
/// sent it all, whatever the answer says.
async fn take_rest(body: &mut Body) {
    let taken = async {
        let mut bytes = 0;
        while bytes < limits::DROPPED_BODY_BYTES
            && let Some(Ok(frame)) = body.frame().await
        {
            bytes += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    // Who sends more slowly than that is told at once, whatever becomes of the stream.
    let _ended = timeout(Duration::from_millis(limits::DROPPED_BODY_MS), taken).await;
}

fn frame(message: &DynamicMessage) -> Bytes {
    let length = message.encoded_len();
    let mut framed = BytesMut::with_capacity(FRAME_BYTES + length);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(length).expect("a body of at most 4 MiB makes no larger message"));
    message.encode(&mut framed).expect("there is room");
    framed.freeze()
}

/// The call as a gRPC client would make it, from the same caller.
fn call(method: &'static str, framed: Bytes, headers: &HeaderMap, extensions: http::Extensions) -> Request<Body> {
    const CARRIED: [HeaderName; 2] = [HeaderName::from_static("grpc-timeout"), HeaderName::from_static("traceparent")];
    let mut request = Request::new(Body::new(Full::new(framed)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(method);
    let made = request.headers_mut();
    made.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    made.insert(http::header::TE, HeaderValue::from_static("trailers"));
    for name in CARRIED {
        if let Some(value) = headers.get(&name) {
            made.insert(name, value.clone());
        }
    }
    *request.extensions_mut() = extensions;
    request
}

/// The one message of an answer, or the status it ended with.
async fn unframe(response: Response<Body>) -> Result<Bytes, Status> {
    let refused = |headers: &HeaderMap| Status::from_header_map(headers).filter(|status| status.code() != Code::Ok);
    if let Some(status) = refused(response.headers()) {
        return Err(status);
    }
    let collected = response.into_body().collect().await?;
    if let Some(status) = collected.trailers().and_then(refused) {
        return Err(status);
    }
    let mut framed = collected.to_bytes();
    let broken = || Status::internal("the answer is not one message");
    let head = framed.split_to_checked(FRAME_BYTES).ok_or_else(broken)?;
    let (flag, length) = head.split_first().ok_or_else(broken)?;
    let length = length.try_into().map(u32::from_be_bytes).map_err(|_| broken())?;
    let whole = *flag == 0 && usize::try_from(length).is_ok_and(|length| length == framed.len());
    if whole { Ok(framed) } else { Err(broken()) }
}

/// Splitting foreign bytes without a panic.
trait SplitChecked: Sized {
    fn split_to_checked(&mut self, at: usize) -> Option<Self>;
}

impl SplitChecked for Bytes {
    fn split_to_checked(&mut self, at: usize) -> Option<Self> {
        (self.len() >= at).then(|| self.split_to(at))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::base::role::Role;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    const CHUNK: &[u8] = &[b' '; 1024];

    /// Chunks that are taken of a body of so many whose request is refused.
    async fn taken(who: Option<Role>, chunks: usize, status: StatusCode) -> usize {
        let gate = tower::service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(Status::permission_denied("not in this role").into_http::<Body>())
        });
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let body = tokio_stream::iter((0..chunks).map(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Status>(Frame::data(Bytes::from_static(CHUNK)))
        }));
        let mut request = Request::new(Body::new(StreamBody::new(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static("/v1/transactions:screen");
        request.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(role) = who {
            let (member, name) = ("bank-a".parse().expect("valid"), "shop".parse().expect("valid"));
            request.extensions_mut().insert(LocalCaller { member, role, name });
        }
        let Ok(answer) = JsonDoor::new(gate).oneshot(request).await;
        assert_eq!(answer.status(), status);
        count.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn the_rest_of_a_refused_body_is_taken_and_an_endless_one_is_not() {
        let dropped = limits::DROPPED_BODY_BYTES / CHUNK.len();
        assert_eq!(taken(None, 3, StatusCode::FORBIDDEN).await, 3);
        assert_eq!(taken(None, 1_000_000, StatusCode::FORBIDDEN).await, dropped);
        assert_eq!(taken(Some(Role::Auditor), 3, StatusCode::FORBIDDEN).await, 3);
        // Read up to the limit and one more, before it is refused.
        let read = limits::MESSAGE_BYTES / CHUNK.len() + 1;
        let taken = taken(Some(Role::Screener), 1_000_000, StatusCode::PAYLOAD_TOO_LARGE).await;
        assert_eq!(taken, read + dropped);
    }
}
