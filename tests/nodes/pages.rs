//! The console's door in this process, over a store of its own: what no browser shows, because it takes a session that is minutes
//! old, or requests that come slowly and from many places. How pages look and work is tried in `tests/console`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{COOKIE, HOST, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hushwire::base::limits::console as limits;
use hushwire::base::position::TreeSize;
use hushwire::base::role::Role;
use hushwire::domain::audit::record::{Actor, AuditRecord};
use hushwire::domain::identifier::guard::GuardLists;
use hushwire::domain::screening::policy::Policy;
use hushwire::domain::user::code::SecondFactor;
use hushwire::domain::user::password::Password;
use hushwire::domain::user::roles::ConsoleRoles;
use hushwire::io::clock;
use hushwire::io::console::Console;
use hushwire::io::console::door::ConsoleDoor;
use hushwire::io::console::rows::{ROWS, Verb, Who};
use hushwire::io::console::session::{Moment, Origin, SessionId};
use hushwire::io::engine::{Engine, Reserve};
use hushwire::io::exchange::links::Links;
use hushwire::io::metrics::console::ConsoleCounts;
use hushwire::io::policies::Policies;
use hushwire::io::transport::caller::{LocalCaller, RemoteAddress};
use hushwire::io::users::Users;
use hushwire::node::manage_users::Via;
use hushwire::node::sign_in::{Proof, SessionUser};
use hushwire::node::store::StorageFault;
use hushwire::node::users::ShownUsers;
use prost::bytes::Bytes;
use tonic::Status;
use tonic::body::Body;
use totp_rs::{Algorithm, Builder, Secret};
use tower::ServiceExt;

use crate::caller::RUNTIME;
use crate::consortium::Consortium;
use crate::node::wait;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PASSWORD: &str = "Oakmoss ledger tin whistle 41";

/// A console without a listener.
struct Pages {
    console: Arc<Console>,
    door: ConsoleDoor,
    _folder: Consortium,
}

/// Somebody who is set up.
struct Person {
    name: String,
    recovery: Vec<String>,
}

/// One request.
struct Ask<'a> {
    method: Method,
    path: &'a str,
    session: Option<&'a SessionId>,
    from: IpAddr,
    body: Body,
}

impl<'a> Ask<'a> {
    fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, session: None, from: HERE, body: Body::empty() }
    }

    fn post(path: &'a str, fields: &[(&str, &str)]) -> Self {
        let form: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self { method: Method::POST, body: Body::new(Full::new(Bytes::from(form))), ..Self::get(path) }
    }

    /// A form that never ends.
    fn slow(path: &'a str, from: IpAddr) -> Self {
        let never = tokio_stream::pending::<Result<hyper::body::Frame<Bytes>, Status>>();
        Self { method: Method::POST, body: Body::new(StreamBody::new(never)), from, ..Self::get(path) }
    }

    fn in_session(self, session: &'a SessionId) -> Self {
        Self { session: Some(session), ..self }
    }

    fn from(self, from: IpAddr) -> Self {
        Self { from, ..self }
    }

    fn request(self) -> Request<Body> {
        let request = Request::builder().method(self.method).uri(self.path).header(HOST, "node");
        let mut request = request.header("sec-fetch-site", "same-origin").body(self.body).expect("well-formed");
        if let Some(session) = self.session {
            let cookie = format!("__Host-session={}", session.cookie_value());
            request.headers_mut().insert(COOKIE, cookie.parse().expect("ASCII"));
        }
        request.extensions_mut().insert(RemoteAddress(self.from));
        request
    }
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |location| location.to_str().expect("ASCII"))
    }

    /// The session that the answer lets the browser show from now on.
    fn session(&self) -> Option<SessionId> {
        let cookie = self.headers.get(SET_COOKIE)?.to_str().expect("ASCII");
        let value = cookie.strip_prefix("__Host-session=")?.split(';').next()?;
        Some(SessionId::of_cookie(value))
    }

    fn field(&self, name: &str) -> String {
        let before = format!("name=\"{name}\" value=\"");
        let found = self.text.split_once(&before).and_then(|(_, rest)| rest.split('"').next());
        found.unwrap_or_else(|| panic!("no field {name} in {}", self.text)).to_owned()
    }

    fn secret(&self) -> String {
        let found = self.text.split_once("class=\"secret\"><code>").and_then(|(_, rest)| rest.split('<').next());
        found.unwrap_or_else(|| panic!("no secret in {}", self.text)).replace(' ', "")
    }
}

/// What an authenticator with this secret shows now.
fn code_now(secret: &str) -> String {
    let secret = Secret::try_from_base32(secret).expect("base 32");
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30);
    builder.with_secret(secret).build_noncompliant().generate(clock::now().unix_s()).to_string()
}

impl Pages {
    fn open() -> Self {
        let folder = Consortium::found(&["bank-a"]);
        let home = folder.home("bank-a");
        let mut node = home.open_store(clock::now());
        let shown = ShownUsers::default();
        node.show_users_in(Arc::clone(&shown));
        let identity = &node.state().identity;
        let (consortium, member) = (identity.consortium.clone(), identity.member.clone());
        let local_mac = identity.local_mac.clone();
        let opener = move || {
            let reserve: Reserve = Box::new(|_| Ok(()));
            Ok::<_, StorageFault>((node, reserve, ()))
        };
        let (engine, ..) =
            Engine::start(consortium, member, Duration::from_millis(50), opener).expect("a thread is given");
        wait("it is open", || engine.is_open().then_some(()));
        let users = Users::new(engine.clone(), shown, local_mac);
        let refused = Arc::new(|_: &hushwire::io::grpc::gate::Refused| {});
        let console = Console::new(
            engine,
            users,
            Links::default(),
            Arc::new(Policies::new(Policy::built_in(&GuardLists::built_in().digest()), None)),
            refused,
            Arc::<ConsoleCounts>::default(),
        );
        Self { door: ConsoleDoor::new(&console), console, _folder: folder }
    }

    async fn person(&self, name: &str, roles: &[Role]) -> Person {
        let desk = LocalCaller::from_uri("hushwire://bank-a/operator/desk").expect("valid");
        let (own, roles) = (name.parse().expect("a name"), ConsoleRoles::new(roles.iter().copied()).expect("roles"));
        let users = &self.console.users;
        let code = users.create(&desk, Via::Certificate, own, roles).await.expect("made").code.reveal();
        let offered = users.enrol_begin(&code, None).await.expect("offered");
        let (password, totp) = (Password::typed(PASSWORD).expect("short"), code_now(&offered.secret));
        let (_, codes) = users.enrol(&code, password, offered.offer, &totp, HERE).await.expect("enrols");
        let recovery = codes.0.iter().map(|code| code.reveal().to_string()).collect();
        Person { name: name.to_owned(), recovery }
    }

    fn user(&self, person: &Person) -> SessionUser {
        let name = person.name.parse().expect("a name");
        let users = self.console.engine.clone();
        let found = RUNTIME.block_on(users.inquire(move |node, _| node.state().users.get(&name).cloned()));
        let found = found.expect("it runs").expect("there is one");
        SessionUser { name: found.name.clone(), generation: found.generation }
    }

    /// A session that began, with password and code, so many seconds ago.
    fn session(&self, person: &Person, began_s_ago: u64) -> SessionId {
        let steady = Instant::now().checked_sub(Duration::from_secs(began_s_ago)).expect("the machine runs for longer");
        let origin = Origin { address: HERE, browser: "Firefox".to_owned(), at: clock::now() };
        self.console.sessions.begin(self.user(person), origin, Moment { steady, wall: clock::now() }).id
    }

    fn token(&self, session: &SessionId) -> String {
        let now = Moment { steady: Instant::now(), wall: clock::now() };
        self.console.sessions.find(session, now).expect("it counts").token.shown().to_owned()
    }

    async fn asked(door: ConsoleDoor, request: Request<Body>) -> Got {
        let Ok(response) = door.oneshot(request).await;
        let (parts, body) = response.into_parts();
        let text = body.collect().await.expect("all of it").to_bytes();
        Got { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&text).into_owned() }
    }

    fn ask(&self, ask: Ask<'_>) -> Got {
        RUNTIME.block_on(Self::asked(self.door.clone(), ask.request()))
    }

    fn status(&self, ask: Ask<'_>) -> StatusCode {
        self.ask(ask).status
    }

    /// Everything in the audit log.
    fn audited(&self) -> Vec<AuditRecord> {
        let read = self.console.engine.call(|node, round| {
            let head = node.begin_audit_export(&Actor::Node, TreeSize::EMPTY, round.now, round.rng).expect("exports");
            node.export_audit_slice(TreeSize::EMPTY, head.size).expect("reads")
        });
        let logged = RUNTIME.block_on(read).expect("it runs");
        logged.iter().map(|logged| AuditRecord::decode(&logged.entry.blob).expect("ours")).collect()
    }

    fn told(&self, action: &str) -> Vec<String> {
        let records = self.audited();
        let of_it = records.iter().filter(|record| record.action() == action);
        // Without the time.
        of_it.map(|record| record.to_string().split_once(' ').expect("a time").1.to_owned()).collect()
    }
}

const ALL: [Role; 4] = [Role::Operator, Role::Analyst, Role::Auditor, Role::Publisher];

#[test]
fn however_many_forms_come_slowly_who_is_signed_in_gets_in_and_so_does_another_address() {
    let pages = Pages::open();
    let anna = RUNTIME.block_on(pages.person("anna", &ALL));
    let session = pages.session(&anna, 0);
    let address = |last: u8| IpAddr::V4(Ipv4Addr::new(203, 0, 113, last));
    let flood = |last: u8| -> Vec<_> {
        (0..100)
            .map(|_| {
                let (door, request) = (pages.door.clone(), Ask::slow("/sign-in", address(last)).request());
                RUNTIME.spawn(async move { Pages::asked(door, request).await.status })
            })
            .collect()
    };
    let under_way = |count: usize| {
        wait("so many are worked on", || (pages.console.strangers.open() == count).then_some(()));
    };
    let first = flood(1);
    under_way(limits::REQUESTS_PER_STRANGER);
    let told = pages.ask(Ask::get("/sign-in").from(address(1)));
    assert_eq!((told.status, told.headers.contains_key(RETRY_AFTER)), (StatusCode::TOO_MANY_REQUESTS, true));
    assert_eq!(pages.status(Ask::get("/sign-in").from(address(9))), StatusCode::OK, "another address");
    assert_eq!(pages.status(Ask::get("/account").in_session(&session).from(address(1))), StatusCode::OK);

    let more: Vec<_> = [2, 3, 4, 5, 6].into_iter().flat_map(flood).collect();
    under_way(limits::REQUESTS_OF_STRANGERS);
    assert_eq!(
        pages.status(Ask::get("/sign-in").from(address(9))),
        StatusCode::TOO_MANY_REQUESTS,
        "all places are taken"
    );
    assert_eq!(pages.status(Ask::get("/account").in_session(&session)), StatusCode::OK);
    let zone = [("zone", "UTC"), ("token", &pages.token(&session))];
    assert_eq!(pages.status(Ask::post("/account/zone", &zone).in_session(&session)), StatusCode::SEE_OTHER);

    for one in first.into_iter().chain(more) {
        one.abort();
    }
    under_way(0);
    assert_eq!(pages.status(Ask::get("/sign-in").from(address(1))), StatusCode::OK, "their places are free again");
}

#[test]
fn what_is_dangerous_asks_for_password_and_code_once_they_were_given_long_ago_and_nothing_else_does() {
    let pages = Pages::open();
    let anna = RUNTIME.block_on(pages.person("anna", &ALL));
    for row in ROWS.iter().filter(|row| row.who != Who::Anybody) {
        let path = ["{name}", "{step}", "{session}"].into_iter().zip(["nobody", "disable", "0123456789abcdef"]);
        let path = path.fold(row.path.to_owned(), |path, (word, value)| path.replace(word, value));
        for (ago_s, stale) in [(0, false), (limits::PROVED_S + 1, true)] {
            let session = pages.session(&anna, ago_s);
            let ask = match row.verb {
                Verb::Get => Ask::get(&path),
                Verb::Post => Ask::post(&path, &[("token", &pages.token(&session))]),
            };
            let got = pages.ask(ask.in_session(&session));
            let to_prove = got.status == StatusCode::SEE_OTHER && got.location().starts_with("/prove?back=");
            assert_eq!(to_prove, row.proved && stale, "{:?} {path} after {ago_s} s: {}", row.verb, got.status);
        }
    }
    assert!(ROWS.iter().filter(|row| row.proved).count() > 5);
}

#[test]
fn who_viewed_which_page_of_whom_is_recorded_and_nothing_of_what_they_typed() {
    let pages = Pages::open();
    let [anna, ben] = ["anna", "ben"].map(|name| RUNTIME.block_on(pages.person(name, &[Role::Operator])));
    let (annas, bens) = (pages.session(&anna, 0), pages.session(&ben, 0));
    for path in ["/users/ben", "/users/ben", "/?days=7", "/users"] {
        assert_eq!(pages.status(Ask::get(path).in_session(&annas)), StatusCode::OK, "{path}");
    }
    assert_eq!(pages.status(Ask::get("/users/ben").in_session(&bens)), StatusCode::OK);
    // Not there, not understood, led elsewhere, not signed in, no page: no view.
    let style = pages.ask(Ask::get("/sign-in")).text;
    let style = style.split("href=\"").find_map(|rest| rest.split('"').next().filter(|path| path.ends_with(".css")));
    let style = style.expect("a style sheet");
    for (path, status) in [
        ("/users/de89370400440532013000", StatusCode::NOT_FOUND),
        ("/users/4111111111111111", StatusCode::NOT_FOUND),
        ("/users/nobody", StatusCode::NOT_FOUND),
        ("/account?zone=mallory@example.org", StatusCode::BAD_REQUEST),
        ("/sign-in", StatusCode::SEE_OTHER),
        (style, StatusCode::OK),
    ] {
        assert_eq!(pages.status(Ask::get(path).in_session(&annas)), status, "{path}");
    }
    assert_eq!(pages.status(Ask::get("/users/ben")), StatusCode::SEE_OTHER);
    let viewed = [
        "ok console.viewed ben by hushwire://bank-a/operator/anna page=/users/{name} times=1",
        "ok console.viewed by hushwire://bank-a/console/anna page=/ times=1",
        "ok console.viewed by hushwire://bank-a/operator/anna page=/users times=1",
        "ok console.viewed ben by hushwire://bank-a/operator/ben page=/users/{name} times=1",
    ];
    assert_eq!(pages.told("console.viewed"), viewed);
    for typed in ["4111111111111111", "de8937", "mallory", "days"] {
        assert!(pages.audited().iter().all(|record| !record.to_string().contains(typed)), "{typed}");
    }
}

#[test]
fn sessions_that_make_room_or_are_replaced_are_told_with_whose_they_were() {
    let pages = Pages::open();
    let anna = RUNTIME.block_on(pages.person("anna", &[Role::Analyst]));
    let sessions: Vec<SessionId> = (0..limits::SESSIONS_PER_USER).map(|_| pages.session(&anna, 0)).collect();
    let sign_in = |code: &str, session: Option<&SessionId>| {
        let ask = Ask::post("/sign-in", &[("name", "anna"), ("password", PASSWORD), ("code", code)]);
        pages.ask(session.into_iter().fold(ask, Ask::in_session))
    };
    let ninth = sign_in(&anna.recovery[0], None);
    assert_eq!(ninth.status, StatusCode::SEE_OTHER, "{}", ninth.text);
    let told = |how: &str| format!("ok console.signed_out anna by hushwire://bank-a/console/anna how={how}");
    assert_eq!(pages.told("console.signed_out"), [told("room")]);
    let in_use = sessions.last().expect("several");
    let anew = sign_in(&anna.recovery[1], Some(in_use));
    assert_eq!(anew.status, StatusCode::SEE_OTHER);
    assert_eq!(pages.told("console.signed_out"), [told("room"), told("replaced")]);
    assert_eq!(pages.ask(Ask::get("/account").in_session(in_use)).location(), "/sign-in?back=%2Faccount");
}

#[test]
fn an_authenticator_is_offered_anew_each_time_and_too_many_wrong_tries_lead_to_signing_in() {
    let pages = Pages::open();
    let anna = RUNTIME.block_on(pages.person("anna", &[Role::Analyst]));
    let session = pages.session(&anna, 0);
    let path = "/account/authenticator";
    let [one, other] = [(); 2].map(|()| pages.ask(Ask::get(path).in_session(&session)));
    assert_ne!(one.secret(), other.secret());
    let (token, offer) = (pages.token(&session), one.field("offer"));
    let code = code_now(&one.secret());
    let renew = |offer: &str, password: &str| {
        let form = [
            ("token", token.as_str()),
            ("offer", offer),
            ("new_code", code.as_str()),
            ("password", password),
            ("code", "000000"),
        ];
        pages.ask(Ask::post(path, &form).in_session(&session))
    };
    assert_eq!(renew("nonsense", "x").status, StatusCode::BAD_REQUEST);
    let again = renew(&offer, "wrong");
    assert_eq!((again.status, again.secret()), (StatusCode::FORBIDDEN, one.secret()), "it may be taken in already");
    let user = pages.user(&anna);
    for _ in 0..8 {
        let who = user.clone();
        let wrong = pages.console.engine.call(move |node, round| {
            let place = node.state().identity.local_mac.place(&HERE);
            let proof = Proof { password: None, code: SecondFactor::typed("000000"), place };
            node.reauthenticate(&who, &proof, round.now, round.rng)
        });
        assert_eq!(RUNTIME.block_on(wrong).expect("it runs"), Ok(false));
    }
    let tenth = renew(&offer, "wrong");
    assert_eq!((tenth.status, tenth.location()), (StatusCode::SEE_OTHER, "/sign-in?back=%2Faccount%2Fauthenticator"));
}

#[test]
fn new_recovery_codes_come_with_a_new_session_id_and_the_old_one_is_dead() {
    let pages = Pages::open();
    let anna = RUNTIME.block_on(pages.person("anna", &[Role::Analyst]));
    let session = pages.session(&anna, 0);
    let token = pages.token(&session);
    let form = [("token", token.as_str()), ("password", PASSWORD), ("code", &anna.recovery[0])];
    let renewed = pages.ask(Ask::post("/account/recovery", &form).in_session(&session));
    assert_eq!(renewed.status, StatusCode::OK, "{}", renewed.text);
    let new = renewed.session().expect("another session");
    assert_eq!(pages.status(Ask::get("/account").in_session(&session)), StatusCode::SEE_OTHER, "the old one");
    assert_eq!(pages.status(Ask::get("/account").in_session(&new)), StatusCode::OK);
    assert_eq!(renewed.field("token"), pages.token(&new), "its forms are those of the new one");
    assert_ne!(renewed.field("token"), token);
}

#[test]
fn who_confirms_roles_in_the_browser_confirms_those_on_the_page_and_no_others() {
    let pages = Pages::open();
    let [anna, ben] = ["anna", "ben"].map(|name| RUNTIME.block_on(pages.person(name, &[Role::Operator])));
    RUNTIME.block_on(pages.person("carla", &[Role::Analyst]));
    let (annas, bens) = (pages.session(&anna, 0), pages.session(&ben, 0));
    let (annas_token, bens_token) = (pages.token(&annas), pages.token(&bens));
    let ask_for = |roles: &[&str]| {
        let roles = roles.iter().map(|role| ("role", *role));
        let form: Vec<_> = [("token", annas_token.as_str())].into_iter().chain(roles).collect();
        let asked = pages.status(Ask::post("/users/carla/roles", &form).in_session(&annas));
        assert_eq!(asked, StatusCode::SEE_OTHER);
    };
    ask_for(&["analyst", "operator"]);
    let seen = pages.ask(Ask::get("/users/carla/confirm").in_session(&bens));
    let roles = seen.text.matches("name=\"role\" value=").count();
    assert_eq!(roles, 2, "{}", seen.text);
    ask_for(&["analyst", "auditor", "operator", "publisher"]);
    let confirm = |roles: &[&str]| {
        let roles = roles.iter().map(|role| ("role", *role));
        let form: Vec<_> = [("token", bens_token.as_str())].into_iter().chain(roles).collect();
        pages.ask(Ask::post("/users/carla/confirm", &form).in_session(&bens))
    };
    let refused = confirm(&["analyst", "operator"]);
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text.contains("The roles asked for are others by now; look at them again."), "{}", refused.text);
    assert_eq!(refused.text.matches("name=\"role\" value=").count(), 4, "what is asked for now");
    assert_eq!(confirm(&[]).status, StatusCode::CONFLICT);
    assert_eq!(pages.told("console.roles_confirmed"), [""; 0]);
    let confirmed = confirm(&["publisher", "operator", "auditor", "analyst"]);
    assert_eq!(confirmed.status, StatusCode::SEE_OTHER, "{}", confirmed.text);
    assert_eq!(pages.told("console.roles_confirmed").len(), 1);
}
