//! Events reach the member's own systems: signed, in order, under one id however often they are posted, whatever the receiver
//! does and whenever the node is killed.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hushwire::base::limits;
use hushwire::io::grpc::wire::hushwire::local::v1 as local;
use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;
use hushwire::io::transport::tls::provider;
use hushwire::io::webhook::secret::Secrets;
use local::screening_service_client::ScreeningServiceClient;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::caller::{RUNTIME, identifier};
use crate::consortium::Consortium;
use crate::node::{Home, Node, wait};

const BLOCK: (IdentifierKind, &str) = (IdentifierKind::Device, "hushwire-sandbox-block");
const HOLD: (IdentifierKind, &str) = (IdentifierKind::Device, "hushwire-sandbox-hold");
/// Longest between two attempts here, on a busy machine: pauses grow to half a minute.
const PATIENCE: Duration = Duration::from_secs(90);
const SANDBOX: [(&str, &str); 1] = [("HUSHWIRE__SCREENING__SANDBOX", "true")];

/// What a receiver does with the next event.
#[derive(Clone)]
pub enum Answer {
    /// The whole answer; the connection ends behind it.
    Say(String),
    /// Closes without a word.
    Cut,
    /// Never says anything; holds the connection.
    Hang,
    /// A status and then a body without end.
    Flood,
}

pub fn status(code: u16) -> Answer {
    Answer::Say(format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\n\r\n"))
}

/// An event as it came.
#[derive(Debug, Clone)]
pub struct Posted {
    pub id: String,
    timestamp: u64,
    signature: String,
    pub body: Vec<u8>,
}

impl Posted {
    pub fn event(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    fn word(&self) -> String {
        self.event()["type"].as_str().expect("a type").to_owned()
    }

    pub fn is_signed_with(&self, secret: &str) -> bool {
        let one = Secrets::parse(secret.as_bytes()).expect("a secret").sign(&self.id, self.timestamp, &self.body);
        self.signature.split(' ').any(|signature| signature == one)
    }
}

/// A receiver of one node. Without a plan left it answers 204.
pub struct Desk {
    pub address: SocketAddr,
    pub posted: Receiver<Posted>,
    /// Bytes of each flood until the other side was gone.
    flooded: Receiver<usize>,
}

impl Desk {
    pub fn open(tcp: TcpListener, plan: Vec<Answer>, tls: Option<Arc<Mutex<Arc<ServerConfig>>>>) -> Self {
        let address = tcp.local_addr().expect("bound");
        let plan = Mutex::new(plan);
        let ((tell, posted), (tell_flood, flooded)) = (channel(), channel());
        std::thread::spawn(move || {
            for socket in tcp.incoming().map_while(Result::ok) {
                // A caller that gives up ends its own conversation alone.
                let _gave_up = match &tls {
                    None => converse(socket, &plan, &tell, &tell_flood),
                    Some(config) => {
                        let config = Arc::clone(&config.lock().expect("not poisoned"));
                        let connection = ServerConnection::new(config).expect("a configuration");
                        converse(StreamOwned::new(connection, socket), &plan, &tell, &tell_flood)
                    }
                };
            }
        });
        Self { address, posted, flooded }
    }

    pub fn next(&self) -> Posted {
        self.posted.recv_timeout(PATIENCE).expect("an event in time")
    }
}

fn converse(
    stream: impl Read + Write + Send + 'static,
    plan: &Mutex<Vec<Answer>>,
    tell: &Sender<Posted>,
    tell_flood: &Sender<usize>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            first if first.starts_with("POST /") => {}
            header => {
                let (name, value) = header.split_once(": ").expect("a header");
                headers.push((name.to_ascii_lowercase(), value.to_owned()));
            }
        }
    }
    let value = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.unwrap_or_else(|| panic!("{wanted} in {headers:?}")).1.clone()
    };
    let mut body = vec![0; value("content-length").parse().expect("a number")];
    stream.read_exact(&mut body)?;
    let answer = {
        let mut plan = plan.lock().expect("not poisoned");
        if plan.is_empty() { status(204) } else { plan.remove(0) }
    };
    let posted = Posted {
        id: value("webhook-id"),
        timestamp: value("webhook-timestamp").parse().expect("a number"),
        signature: value("webhook-signature"),
        body,
    };
    tell.send(posted).expect("the test listens");
    match answer {
        Answer::Say(text) => {
            stream.get_mut().write_all(text.as_bytes())?;
            stream.get_mut().flush()
        }
        Answer::Cut => Ok(()),
        Answer::Hang => {
            // Not this thread: the next connection is answered.
            std::thread::spawn(move || stream.read(&mut [0]));
            Ok(())
        }
        Answer::Flood => {
            let stream = stream.get_mut();
            stream.write_all(b"HTTP/1.1 503 X\r\ncontent-length: 9000000000\r\n\r\n")?;
            let mut bytes = 0;
            while stream.write_all(&[b'x'; 65_536]).is_ok() {
                bytes += 65_536;
            }
            tell_flood.send(bytes).expect("the test listens");
            Ok(())
        }
    }
}

pub fn secret(byte: u8) -> String {
    format!("whsec_{}", BASE64.encode([byte; 32]))
}

/// A member whose node posts everything to an address.
pub fn found(url: &str, more: &str) -> (Consortium, Home) {
    let consortium = Consortium::found(&["bank-a"]);
    let home = consortium.home("bank-a");
    fs::write(home.path().join("desk.secret"), secret(1)).expect("written");
    let path = home.path().join("hushwire.toml");
    let text = fs::read_to_string(&path).expect("configured");
    let hook = format!("[[webhooks]]\nname = \"desk\"\nurl = \"{url}\"\nsecret = \"desk.secret\"\n{more}");
    fs::write(path, format!("{text}{hook}")).expect("written");
    (consortium, home)
}

fn start(home: &Home) -> Node {
    let node = home.start_with(&SANDBOX).unwrap_or_else(|said| panic!("it starts: {}", said.stderr));
    // From then on events are told.
    wait("the place is written", || home.path().join("webhooks/desk.place").exists().then_some(()));
    node
}

pub fn loopback() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

pub fn logged(home: &Home, event: &str) -> Vec<String> {
    let log = fs::read_to_string(home.log()).expect("a log");
    log.lines().filter(|line| line.contains(&format!("\"event\":\"{event}\""))).map(str::to_owned).collect()
}

#[test]
fn an_event_is_posted_until_it_is_taken_whatever_the_receiver_does() {
    let elsewhere = loopback();
    elsewhere.set_nonblocking(true).expect("possible");
    let away = format!("http://{}/", elsewhere.local_addr().expect("bound"));
    let redirect = format!("HTTP/1.1 307 X\r\nlocation: {away}\r\ncontent-length: 0\r\n\r\n");
    let plan = vec![Answer::Say(redirect), status(500), Answer::Cut, Answer::Flood];
    let desk = Desk::open(loopback(), plan, None);
    let (_consortium, home) = found(&format!("http://{}/hooks?key=1", desk.address), "");
    let node = start(&home);
    let first = node.screen(BLOCK);
    let second = node.screen(HOLD);
    // Its fault upon fault; a busy machine may add attempts of its own that were late.
    let mut attempts = vec![desk.next()];
    let next = loop {
        let posted = desk.next();
        if posted.id != attempts[0].id {
            break posted;
        }
        attempts.push(posted);
    };
    assert!(attempts.len() >= 5, "{attempts:?}");
    let event = attempts[0].event();
    assert_eq!(event["type"], "decision.block");
    assert_eq!(event["data"]["decision_id"], first.decision_id.as_str());
    assert_eq!(event["data"]["reference"], first.reference.as_str());
    assert_eq!(event["data"]["reasons"], serde_json::json!(["sandbox_value"]));
    for attempt in &attempts {
        assert_eq!((&attempt.id, &attempt.body), (&attempts[0].id, &attempts[0].body), "the same event");
        assert!(attempt.is_signed_with(&secret(1)) && !attempt.is_signed_with(&secret(2)), "{attempt:?}");
        let text = String::from_utf8_lossy(&attempt.body);
        for private in ["hushwire-sandbox-block", "desk", "screener", "hushwire://"] {
            assert!(!text.contains(private), "{private} stands in {text}");
        }
    }
    assert_eq!(
        (next.word().as_str(), next.event()["data"]["decision_id"].as_str()),
        ("decision.hold", Some(second.decision_id.as_str()))
    );
    assert_ne!(next.id, attempts[0].id);
    assert!(desk.flooded.recv_timeout(PATIENCE).expect("the node hung up") < 64 * 1024 * 1024);
    assert_eq!(elsewhere.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
    let faults = logged(&home, "webhook.failed");
    let mut told = faults.iter().filter(|fault| fault.contains(&attempts[0].id));
    for said in ["redirects are not followed", "answered 500", "connection ended", "answered 503"] {
        assert!(told.any(|fault| fault.contains(said)), "{said} in its turn: {faults:?}");
    }
}

#[test]
fn a_node_killed_before_the_receiver_answered_posts_the_event_again_after_its_start() {
    let desk = Desk::open(loopback(), vec![Answer::Hang], None);
    let (consortium, home) = found(&format!("http://{}/", desk.address), "");
    let node = start(&home);
    let blocked = node.screen(BLOCK);
    let first = desk.next();
    assert_eq!(first.event()["data"]["decision_id"], blocked.decision_id.as_str());
    // The receiver hangs for good; the checkout does not.
    let held = node.screen(HOLD);
    wait("both records are durable", || {
        let listed = consortium.audit_list(&node, &["--action", "screening.decided"]);
        (listed.stdout.matches(&held.decision_id).count() > 0).then_some(())
    });
    node.kill();
    let _node = start(&home);
    let again = desk.next();
    assert_eq!((again.id, again.body), (first.id, first.body), "the same event");
    let mut later = desk.next();
    while later.word().starts_with("alarm.") {
        later = desk.next();
    }
    assert_eq!(later.event()["data"]["decision_id"], held.decision_id.as_str());
}

#[test]
fn events_beyond_what_is_kept_leave_the_oldest_first_and_their_number_is_told() {
    let desk = Desk::open(loopback(), vec![Answer::Hang], None);
    let (_consortium, home) = found(&format!("http://{}/", desk.address), "");
    let node = start(&home);
    let mut client = ScreeningServiceClient::new(node.channel("screener"));
    let order = local::ScreenTransactionRequest { identifiers: vec![identifier(BLOCK)], ..Default::default() };
    let batch = local::ScreenTransactionsRequest { transactions: vec![order; limits::TRANSACTIONS_PER_BATCH] };
    let batches = limits::WEBHOOK_EVENTS / limits::TRANSACTIONS_PER_BATCH + 2;
    let answers = RUNTIME.block_on(async {
        let sent = tokio_stream::iter(vec![batch; batches]);
        let mut answers = client.screen_transactions(sent).await.expect("a stream").into_inner();
        let mut count = 0;
        while let Some(answer) = answers.message().await.expect("it goes on") {
            count += answer.results.len();
        }
        count
    });
    assert_eq!(answers, batches * limits::TRANSACTIONS_PER_BATCH);
    desk.next();
    let told = wait("dropped events are told", || {
        let posted = desk.next();
        (posted.word() == "alarm.webhook.dropped").then_some(posted)
    });
    let dropped = told.event()["data"]["dropped"].as_u64().expect("a number");
    let expected = u64::try_from(answers - limits::WEBHOOK_EVENTS).expect("small");
    // What was under way may have been delivered before.
    assert!((1..=expected).contains(&dropped), "{dropped} of {expected}");
    assert!(!logged(&home, "webhook.dropped").is_empty());
}

/// A certificate for this machine and the authority it comes from, PEM.
fn certificate() -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signs");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    let leaf = params.signed_by(&key, &authority).expect("signs");
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("it is built in")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("they go together");
    (Arc::new(config), authority.pem())
}

#[test]
fn a_wrong_certificate_gets_nothing_and_a_new_secret_takes_over_without_a_restart() {
    let ((right, authority), (wrong, _)) = (certificate(), certificate());
    let shown = Arc::new(Mutex::new(wrong));
    let desk = Desk::open(loopback(), Vec::new(), Some(Arc::clone(&shown)));
    let (_consortium, home) =
        found(&format!("https://{}/", desk.address), "authority = \"desk-ca.pem\"\nevents = [\"decision.block\"]\n");
    fs::write(home.path().join("desk-ca.pem"), authority).expect("written");
    let node = start(&home);
    node.screen(HOLD);
    let first = node.screen(BLOCK);
    wait("the handshake fails", || {
        logged(&home, "webhook.failed").iter().any(|line| line.contains("TLS: ")).then_some(())
    });
    assert!(desk.posted.try_recv().is_err(), "an impostor got an event");
    *shown.lock().expect("not poisoned") = right;
    let posted = desk.next();
    assert_eq!(posted.event()["data"]["decision_id"], first.decision_id.as_str(), "holds were not asked for");
    assert!(posted.is_signed_with(&secret(1)) && !posted.is_signed_with(&secret(2)));

    fs::write(home.path().join("desk.secret"), format!("{}\n{}\n", secret(2), secret(1))).expect("written");
    node.screen(BLOCK);
    let posted = desk.next();
    assert!(posted.is_signed_with(&secret(1)) && posted.is_signed_with(&secret(2)), "both sign in between");
    fs::write(home.path().join("desk.secret"), format!("{}\n", secret(2))).expect("written");
    node.screen(BLOCK);
    let posted = desk.next();
    assert!(!posted.is_signed_with(&secret(1)) && posted.is_signed_with(&secret(2)));
}

#[test]
fn an_event_the_receiver_refuses_does_not_hold_up_the_next_and_is_not_lost() {
    let refusals = usize::try_from(limits::WEBHOOK_REFUSALS).expect("few");
    let desk = Desk::open(loopback(), vec![status(400); refusals], None);
    let (_consortium, home) = found(&format!("http://{}/", desk.address), "events = [\"decision\"]\n");
    let node = start(&home);
    node.screen(BLOCK);
    node.screen(HOLD);
    let attempts: Vec<Posted> = (0..refusals).map(|_| desk.next()).collect();
    assert!(attempts.iter().all(|attempt| attempt.id == attempts[0].id), "{attempts:?}");
    assert_eq!(desk.next().word(), "decision.hold");
    assert_eq!(logged(&home, "webhook.set_aside").len(), 1);
    // The receiver has the right secret meanwhile.
    let again = desk.next();
    assert_eq!((&again.id, &again.body), (&attempts[0].id, &attempts[0].body));
    assert_eq!(logged(&home, "webhook.refused").len(), 0);
}

#[test]
fn what_stands_aside_when_the_node_is_killed_is_posted_again_after_its_start() {
    let refusals = usize::try_from(limits::WEBHOOK_REFUSALS).expect("few");
    let desk = Desk::open(loopback(), vec![status(401); refusals], None);
    let (_consortium, home) = found(&format!("http://{}/", desk.address), "events = [\"decision\"]\n");
    let node = start(&home);
    node.screen(BLOCK);
    let refused = desk.next();
    let place = || fs::read_to_string(home.path().join("webhooks/desk.place")).expect("written");
    wait("it stands aside", || place().contains("aside").then_some(()));
    node.kill();
    while desk.posted.try_recv().is_ok() {}
    let _node = start(&home);
    let again = desk.next();
    assert_eq!((&again.id, &again.body), (&refused.id, &refused.body));
    wait("it stands there no more", || (!place().contains("aside")).then_some(()));
}

#[test]
fn a_receiver_that_is_gone_loses_its_event_and_that_is_told() {
    let desk = Desk::open(loopback(), (0..5).map(|_| status(410)).collect(), None);
    let (consortium, home) = found(&format!("http://{}/", desk.address), "");
    let node = start(&home);
    node.screen(BLOCK);
    node.screen(HOLD);
    let gone = desk.next();
    let meant = (1..5).all(|_| desk.next().id == gone.id);
    assert!(meant, "once may be a mistake");
    assert_eq!(desk.next().word(), "decision.hold");
    let listed = wait("it is in the audit log", || {
        let listed = consortium.audit_list(&node, &["--action", "webhook.refused"]).stdout;
        listed.contains("410").then_some(listed)
    });
    assert!(listed.contains("desk"), "{listed}");
    assert!(logged(&home, "webhook.refused").iter().any(|line| line.contains(&gone.id)));
    // It is no event of its own, or it would be told to who is gone.
    node.screen(BLOCK);
    assert_eq!(desk.next().word(), "decision.block");
}

#[test]
fn what_a_receiver_needs_is_looked_at_before_the_node_serves() {
    let (_consortium, home) = found("https://127.0.0.1:9/", "authority = \"missing.pem\"\n");
    let refused = |part: &str| {
        let Err(said) = home.start() else { panic!("it started without {part}") };
        assert!(said.code == 1 && said.stderr.contains("webhook") && said.stderr.contains(part), "{}", said.stderr);
        assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
    };
    refused("missing.pem");
    fs::write(home.path().join("missing.pem"), "hunter2").expect("written");
    refused("missing.pem");
    fs::write(home.path().join("desk.secret"), "hunter2").expect("written");
    refused("line 1 is no secret");
    fs::remove_file(home.path().join("desk.secret")).expect("there");
    refused("desk.secret");
}
