//! What stands behind the console's listener: finds the row of an address, settles who asks and whether they may, reads what
//! they sent, and dresses whatever comes of it.
//!
//! In this order, because each step costs more than the one before and none may be reached by somebody who fails an earlier
//! one: session, room (of those who have one, or of those who have none), where the form came from, role, body, token, proof, the
//! page. What is shown to somebody who is signed in is recorded before they see it ([`viewed`](crate::io::console::viewed)).

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::RawPathParams;
use axum::extract::rejection::RawPathParamsRejection;
use axum::routing::{MethodFilter, on};
use http::header::USER_AGENT;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tonic::body::Body;
use tower::{Service, ServiceExt};

use crate::base::limits::console as limits;
use crate::io::console::answer::Answer;
use crate::io::console::assets::assets;
use crate::io::console::fault::Fault;
use crate::io::console::fields::Fields;
use crate::io::console::local_path::LocalPath;
use crate::io::console::pages::{arrival, fault_page};
use crate::io::console::rows::{Answering, ROWS, Row, Verb, Who, row};
use crate::io::console::session::Moment;
use crate::io::console::viewed::Viewed;
use crate::io::console::visit::{Visit, Visitor};
use crate::io::console::zone::Zone;
use crate::io::console::{Console, cookies, same_origin};
use crate::io::grpc::gate::Refused;
use crate::io::transport::budget::{ConnectionSlot, source_of};
use crate::io::transport::caller::{Caller, LocalCaller, RemoteAddress};
use crate::io::transport::held::holding;
use crate::io::transport::proof::Proofs;
use crate::io::{clock, random};

/// The service of the console's listener.
#[derive(Debug, Clone)]
pub struct ConsoleDoor(Router);

impl ConsoleDoor {
    pub fn new(console: &Arc<Console>) -> Self {
        let mut router = Router::new();
        for row in ROWS {
            let console = Arc::clone(console);
            let filter = match row.verb {
                Verb::Get => MethodFilter::GET,
                Verb::Post => MethodFilter::POST,
            };
            let answer = move |words: Words, request: Request<axum::body::Body>| {
                // Words that are no text lead nowhere.
                let row = words.is_ok().then_some(row);
                let words = words.iter().flat_map(RawPathParams::iter);
                let values = words.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                enter(Arc::clone(&console), row, values, request)
            };
            router = router.route(row.path, on(filter, answer));
        }
        for asset in assets().all() {
            let answer = move || async move { outgoing(Answer::asset(asset).into_response()) };
            router = router.route(&asset.path, on(MethodFilter::GET, answer));
        }
        let (nowhere, wrong) = (Arc::clone(console), Arc::clone(console));
        let nowhere = move |request| enter(Arc::clone(&nowhere), None, Vec::new(), request);
        let wrong = move |request| refuse_verb(Arc::clone(&wrong), request);
        Self(router.fallback(nowhere).method_not_allowed_fallback(wrong))
    }
}

impl Service<Request<Body>> for ConsoleDoor {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answered = self.0.clone().oneshot(request.map(axum::body::Body::new));
        Box::pin(async move { answered.await.map(|response| response.map(Body::new)) })
    }
}

/// What stands for the `{words}` of a row.
type Words = Result<RawPathParams, RawPathParamsRejection>;

fn outgoing(response: Response<Body>) -> axum::response::Response {
    response.map(axum::body::Body::new)
}

async fn enter(
    console: Arc<Console>,
    row: Option<&'static Row>,
    values: Vec<(String, String)>,
    request: Request<axum::body::Body>,
) -> axum::response::Response {
    let (parts, body) = request.into_parts();
    let mut body = Some(Body::new(body));
    let (counts, under_way) = (Arc::clone(&console.counts), console.counts.begin());
    let mut visit = Visit::begin(console, &parts, values);
    // A connection lives on for the sake of who is signed in.
    let proofs = parts.extensions.get::<Proofs>().filter(|_| visit.visitor.is_some());
    let proved = proofs.map(Proofs::begin);
    let answered = match row {
        Some(row) => admit(&mut visit, row, &parts, &mut body).await,
        None => Err(Fault::NotFound),
    };
    let aside = visit.aside();
    let answered = match (answered, row) {
        (Ok(room), Some(row)) => {
            let viewed = Viewed::of(&visit, row);
            let made = work(room, (row.answer)(visit), Duration::from_millis(limits::REQUEST_MS)).await;
            tell(viewed, made).await
        }
        (Err(fault), _) => Err(fault),
        (Ok(_), None) => Err(Fault::NotFound),
    };
    let answer = answered.unwrap_or_else(|fault| refuse(aside, row, fault));
    drop(under_way);
    counts.answered(row, answer.status());
    // Until the whole answer is said: a long file is no idle connection.
    let response = holding(answer.into_response(), proved);
    outgoing(match body {
        // Dropped before the answer is said, the rest of a form would reset the stream in place of the answer.
        Some(unread) => holding(response, unread),
        None => response,
    })
}

/// Records that a page is shown, where one is.
async fn tell(viewed: Option<Viewed>, made: Result<Answer, Fault>) -> Result<Answer, Fault> {
    let answer = made?;
    match viewed.filter(|_| answer.status() == StatusCode::OK) {
        Some(viewed) => viewed.record().await.map(|()| answer),
        None => Ok(answer),
    }
}

/// Makes a page within its time, in a task of its own: one that panics answers its reader, and ends nothing else.
async fn work(room: Option<Room>, answering: Answering, longest: Duration) -> Result<Answer, Fault> {
    let within = timeout(longest, answering);
    let made = tokio::spawn(async move {
        let made = within.await.unwrap_or(Err(Fault::Late));
        // Here: whoever is gone meanwhile must not make room for more work than there may be.
        drop(room);
        made
    });
    made.await.unwrap_or_else(|_| Err(Fault::Broken("a page panicked".to_owned())))
}

async fn refuse_verb(console: Arc<Console>, request: Request<axum::body::Body>) -> axum::response::Response {
    let (parts, _) = request.into_parts();
    let counts = Arc::clone(&console.counts);
    let answer = refuse(Visit::begin(console, &parts, Vec::new()), None, Fault::Verb);
    counts.answered(None, answer.status());
    outgoing(answer.into_response())
}

/// Room to work on a request, until its answer is made.
#[derive(Debug)]
enum Room {
    SignedIn { _permit: OwnedSemaphorePermit },
    Stranger { _slot: ConnectionSlot<IpAddr> },
}

impl Room {
    fn of(visit: &Visit) -> Result<Self, Fault> {
        let console = &visit.console;
        match &visit.visitor {
            Some(_) => {
                let permit = Arc::clone(&console.room).try_acquire_owned();
                permit.map(|permit| Self::SignedIn { _permit: permit }).map_err(|_| Fault::Busy)
            }
            None => {
                let slot = console.strangers.admit(source_of(visit.from), tokio::time::Instant::now());
                slot.map(|slot| Self::Stranger { _slot: slot }).map_err(|_| Fault::Crowded)
            }
        }
    }
}

async fn admit(
    visit: &mut Visit,
    row: &'static Row,
    parts: &http::request::Parts,
    body: &mut Option<Body>,
) -> Result<Option<Room>, Fault> {
    let room = Room::of(visit)?;
    let post = row.verb == Verb::Post;
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    if post && !same_origin::is_ours(&parts.headers, authority) {
        return Err(Fault::Forged);
    }
    match (&visit.visitor, row.who) {
        (_, Who::Anybody) => {}
        (None, Who::Users | Who::Roles(_)) => return Err(Fault::SignIn(back(row, visit))),
        (Some(visitor), who) => {
            if !who.admits(&visitor.roles) {
                return Err(Fault::Role);
            }
            visit.role = who.role(&visitor.roles);
        }
    }
    visit.query = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
    if let Some(zone) = visit.query.filter::<Zone>("zone")? {
        visit.zone = zone;
    }
    if post {
        visit.form = read_form(body).await?;
        let token = visit.form.maybe("token")?.unwrap_or_default();
        let owned = visit.visitor.as_ref().is_none_or(|visitor| visitor.session.owns(token));
        // Before there is a session, where the form came from has to do.
        if !owned && row.who != Who::Anybody {
            return Err(Fault::Forged);
        }
    }
    if row.proved && !visit.visitor.as_ref().is_some_and(|visitor| visitor.session.proved) {
        return Err(Fault::Prove(back(row, visit)));
    }
    Ok(Some(room))
}

/// Where to go on once somebody has signed in or proved who they are: the page itself, or the nearest one above a form.
fn back(asked: &Row, visit: &Visit) -> LocalPath {
    match asked.verb {
        Verb::Get => visit.path.clone(),
        Verb::Post => above(asked.path, visit.path.as_str()),
    }
}

/// The page that a form's address stands below; `path` is that of the table, `asked` what was asked.
fn above(path: &str, asked: &str) -> LocalPath {
    let asked = asked.split('?').next().unwrap_or_default();
    let ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).collect();
    let found = ends.iter().rev().find(|end| path.get(..**end).is_some_and(|path| row(Verb::Get, path).is_some()));
    let parts = found.and_then(|end| path.get(..*end)).map_or(0, |path| path.matches('/').count());
    let kept: String = asked.split('/').skip(1).take(parts).map(|part| format!("/{part}")).collect();
    kept.parse().unwrap_or_else(|_| LocalPath::home())
}

async fn read_form(body: &mut Option<Body>) -> Result<Fields, Fault> {
    let Some(unread) = body.as_mut() else { return Ok(Fields::default()) };
    let limit = limits::FORM_BYTES;
    let gathered = timeout(Duration::from_millis(limits::FORM_MS), Limited::new(unread, limit).collect()).await;
    let gathered = gathered.map_err(|_| Fault::Slow)?.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() { Fault::TooLarge { limit } } else { Fault::Slow }
    })?;
    *body = None;
    Ok(Fields::parse(&gathered.to_bytes())?)
}

/// What somebody gets in place of the page.
fn refuse(visit: Visit, row: Option<&'static Row>, fault: Fault) -> Answer {
    visit.console.counts.refused(fault.reason());
    if let Some(reason) = fault.refusal() {
        let caller = visit.visitor.as_ref().map_or(Caller::Stranger, |visitor| {
            let role = visitor.roles.iter().next().expect("a user who may do something has a role");
            let name = visitor.session.user.name.caller().clone();
            Caller::Local(LocalCaller { member: visit.console.engine.member().clone(), role, name })
        });
        (visit.console.on_refused)(&Refused { caller, method: row.map(|row| row.path), reason: reason.to_owned() });
    }
    let towards = |page: &str, back: &LocalPath| {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("back", back.as_str()).finish();
        Answer::see(LocalPath::new(format!("{page}?{query}")))
    };
    match &fault {
        // Asked once more by a page of ours, the browser shows its session, where it has one.
        Fault::SignIn(back) if visit.from_elsewhere => arrival(&visit, back.clone()),
        Fault::SignIn(back) if *back == LocalPath::home() => Answer::see(LocalPath::new("/sign-in")),
        Fault::SignIn(back) => towards("/sign-in", back),
        Fault::Prove(back) => towards("/prove", back),
        fault => {
            let reference = hex::encode(random::bytes::<4>());
            if fault.told().logged {
                let path = row.map(|row| row.path);
                tracing::error!(event = "console.failed", reference, path, fault = %fault);
            }
            fault_page(&visit, fault, &reference)
        }
    }
}

impl Visit {
    /// Who asks, as far as the head of the request tells.
    fn begin(console: Arc<Console>, parts: &http::request::Parts, values: Vec<(String, String)>) -> Self {
        let now = Moment { steady: Instant::now(), wall: clock::now() };
        let visitor = cookies::session(&parts.headers).and_then(|id| {
            let session = console.sessions.find(&id, now)?;
            let roles = console.users.alive(&session.user)?;
            Some(Arc::new(Visitor { id, session, roles }))
        });
        let path = parts.uri.path_and_query().and_then(|path| path.as_str().parse().ok());
        let from = parts.extensions.get::<RemoteAddress>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |from| from.0);
        Self {
            console,
            values,
            path: path.unwrap_or_else(LocalPath::home),
            query: Fields::default(),
            form: Fields::default(),
            from,
            from_elsewhere: same_origin::is_from_elsewhere(&parts.headers),
            browser: browser(&parts.headers),
            zone: cookies::zone(&parts.headers).unwrap_or_else(Zone::utc),
            now,
            visitor,
            role: None,
        }
    }
}

impl Visit {
    /// The same without what was sent, for whatever has to be said in place of the page.
    fn aside(&self) -> Self {
        Self {
            console: Arc::clone(&self.console),
            values: Vec::new(),
            path: self.path.clone(),
            query: Fields::default(),
            form: Fields::default(),
            from: self.from,
            from_elsewhere: self.from_elsewhere,
            browser: self.browser.clone(),
            zone: self.zone.clone(),
            now: self.now,
            visitor: self.visitor.clone(),
            role: self.role,
        }
    }
}

/// What the browser calls itself: foreign text, cut to a line.
fn browser(headers: &HeaderMap) -> String {
    let text = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars().filter(|character| !character.is_control()).take(limits::BROWSER_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(10);

    #[test]
    fn whoever_sent_a_form_goes_on_at_the_page_it_stood_on() {
        let check = |path: &str, asked: &str, back: &str| assert_eq!(above(path, asked).as_str(), back);
        check("/account/password", "/account/password", "/account/password");
        check("/account/sessions/{session}/end", "/account/sessions/0123/end", "/account");
        check("/users/{name}/roles", "/users/ann/roles?x=1", "/users/ann");
        check("/users/{name}/{step}", "/users/ann/disable", "/users/ann/disable");
        check("/sign-out", "/sign-out", "/");
    }

    #[tokio::test]
    async fn a_page_that_panics_is_a_fault_of_that_page_alone() {
        let panicking: Answering = Box::pin(async { panic!("a bug") });
        assert!(matches!(work(None, panicking, LONGEST).await, Err(Fault::Broken(_))));
        let well: Answering = Box::pin(async { Ok(Answer::see(LocalPath::home())) });
        assert!(work(None, well, LONGEST).await.is_ok());
    }

    #[tokio::test]
    async fn a_page_that_is_not_made_in_time_is_given_up_and_its_room_is_free_again() {
        let room = Arc::new(tokio::sync::Semaphore::new(1));
        let permit = Arc::clone(&room).try_acquire_owned().expect("free");
        let late: Answering = Box::pin(std::future::pending());
        assert!(matches!(
            work(Some(Room::SignedIn { _permit: permit }), late, Duration::from_millis(5)).await,
            Err(Fault::Late)
        ));
        assert_eq!(room.available_permits(), 1);
    }
}
