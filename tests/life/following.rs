//! The pulling side over running engines: an author that withholds its feed, connected or not, is asked for it at others; a peer
//! that comes back is not left waiting.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hushwire::base::limits;
use hushwire::base::name::MemberId;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::io::clock;
use hushwire::io::exchange::VERSION;
use hushwire::io::exchange::backoff::Backoff;
use hushwire::io::exchange::links::{Link, Links};
use hushwire::io::exchange::papers::Papers;
use hushwire::io::exchange::pull::follow;
use hushwire::io::grpc::wire::hushwire::peer::v1 as peer;
use peer::exchange_response::Message as Told;
use peer::exchange_service_server::ExchangeService;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use crate::consortium::Consortium;
use crate::door::{Doors, PATIENCE, listen};
use crate::house::{Disk, House, engine_of, exchange};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const HOUR: Duration = Duration::from_secs(3_600);

/// An author that takes every stream, says this at most, and tells nothing of its feed.
struct Mute {
    first: Option<Result<peer::ExchangeResponse, Status>>,
}

impl Mute {
    fn welcoming(version: u32) -> Self {
        let welcome = peer::Welcome { version, roster_version: 1, ..peer::Welcome::default() };
        Self { first: Some(Ok(peer::ExchangeResponse { message: Some(Told::Welcome(welcome)) })) }
    }
}

#[tonic::async_trait]
impl ExchangeService for Mute {
    type ExchangeStream = ReceiverStream<Result<peer::ExchangeResponse, Status>>;

    async fn exchange(
        &self,
        _: Request<Streaming<peer::ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let (responses, outgoing) = mpsc::channel(1);
        if let Some(first) = self.first.clone() {
            responses.send(first).await.expect("listens");
        }
        // Held open for as long as somebody listens.
        tokio::spawn(async move { responses.closed().await });
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}

fn papers() -> Papers {
    Papers {
        hear_roster: Arc::new(|_, _| Box::pin(async {})),
        hear_bundle: Arc::new(|_, _| Box::pin(async {})),
        epochs_held: Arc::new(Vec::new),
    }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

/// The shop holds one entry of bank A's feed, bank B the next one too; the author tells nobody any more. Whether the shop has it
/// from bank B at last.
async fn withheld(author: Mute, author_link: Link) {
    let consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let now = clock::now();
    let past = Timestamp::from_unix_s(now.unix_s() - 2 * consortium.roster.limits().freshness_limit_s);
    let [mut bank, mut relay, mut shop] = [0, 1, 2].map(|at| House::open(&consortium, at, Disk::default(), past));
    for peer in [&relay, &shop] {
        exchange(&consortium, &mut bank, peer, past);
    }
    bank.publish("following-device-0001", 30, None, past);
    bank.tick(past);
    exchange(&consortium, &mut shop, &bank, past);
    bank.publish("following-device-0002", 30, None, past);
    bank.tick(past);
    exchange(&consortium, &mut relay, &bank, past);
    // The author's last sign of life is older than the roster allows.
    shop.tick(now);

    let [bank, other, shop_id] = [0, 1, 2].map(|at| consortium.members[at].clone());
    let doors = Doors::of(relay.node);
    let channels = [listen(author).await, doors.channel(&shop_id).await];
    let (engine, _thread) = engine_of(shop.node, Duration::from_secs(86_400));
    let links = Links::default();
    let backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_secs(1) };
    let pull = |peer: &MemberId, channel: &Channel| {
        let channel = channel.clone();
        let dial = move |_: &MemberId| Ok(channel.clone());
        tokio::spawn(follow(engine.clone(), links.clone(), peer.clone(), backoff, dial, papers()))
    };
    // The author first: whoever is not followed at all is relayed anyway.
    pull(&bank, &channels[0]);
    until("the author is followed", async || links.of(&bank).as_ref() == Some(&author_link)).await;
    pull(&other, &channels[1]);
    let feed = consortium.feed(0);
    let size = async || {
        let feed = feed.clone();
        engine.inquire(move |node, _| node.state().feeds[&feed].size()).await.expect("answers")
    };
    until("the relay has brought it", async || size().await == TreeSize(2)).await;
    assert!(links.needs_relay(&feed));
}

#[tokio::test]
async fn a_connected_author_that_shows_no_sign_of_life_is_relayed() {
    withheld(Mute::welcoming(VERSION), Link::Connected).await;
}

#[tokio::test]
async fn an_author_that_takes_the_stream_and_says_nothing_is_away_and_relayed() {
    assert!(Duration::from_millis(limits::WELCOME_MS) < PATIENCE, "it is waited out");
    withheld(Mute { first: None }, Link::Connecting).await;
}

#[tokio::test]
async fn whoever_shows_the_other_history_of_a_third_is_listened_to_further() {
    let consortium = Consortium::new(&["bank-a", "bank-b", "shop"]);
    let now = clock::now();
    let [mut bank, mut other, mut shop] = [0, 1, 2].map(|at| House::open(&consortium, at, Disk::default(), now));
    let mut twin = House::open(&consortium, 0, Disk::default(), now);
    for author in [&mut bank, &mut twin] {
        exchange(&consortium, author, &other, now);
        exchange(&consortium, author, &shop, now);
    }
    exchange(&consortium, &mut other, &bank, now);
    exchange(&consortium, &mut other, &shop, now);
    for (author, device) in [
        (&mut bank, "following-device-0001"),
        (&mut twin, "following-device-0002"),
        (&mut other, "following-device-0003"),
    ] {
        author.publish(device, 30, None, now);
        author.tick(now);
    }
    exchange(&consortium, &mut other, &bank, now);
    exchange(&consortium, &mut shop, &twin, now);

    let [author, other_id, shop_id] = [0, 1, 2].map(|at| consortium.members[at].clone());
    let doors = Doors::of(other.node);
    let channel = doors.channel(&shop_id).await;
    let (engine, _thread) = engine_of(shop.node, HOUR);
    let links = Links::default();
    let dial = move |_: &MemberId| Ok(channel.clone());
    let backoff = Backoff { first: HOUR, longest: HOUR };
    tokio::spawn(follow(engine.clone(), links.clone(), other_id.clone(), backoff, dial, papers()));
    let feed = consortium.feed(1);
    until("it brings its own entries too", async || {
        let feed = feed.clone();
        engine.inquire(move |node, _| node.state().feeds[&feed].size()).await.expect("answers") == TreeSize(1)
    })
    .await;
    assert_eq!(links.of(&other_id), Some(Link::Connected));
    let accused = engine.inquire(move |node, _| node.accusations(&author).len()).await.expect("answers");
    assert_eq!(accused, 1);
}

/// When a peer was tried.
type Attempts = Arc<Mutex<Vec<Instant>>>;

/// Follows a peer by a channel made so, with an hour between attempts.
fn follow_rarely(links: &Links, channel: Result<Channel, String>) -> (MemberId, Attempts) {
    let consortium = Consortium::new(&["bank-a", "shop"]);
    let (engine, _thread) = engine_of(House::open(&consortium, 1, Disk::default(), clock::now()).node, HOUR);
    let (bank, attempts) = (consortium.members[0].clone(), Attempts::default());
    let noted = Arc::clone(&attempts);
    let dial = move |_: &MemberId| {
        noted.lock().expect("whole").push(Instant::now());
        channel.clone()
    };
    tokio::spawn(follow(engine, links.clone(), bank.clone(), Backoff { first: HOUR, longest: HOUR }, dial, papers()));
    (bank, attempts)
}

#[tokio::test]
async fn a_peer_that_was_not_reached_and_pulls_from_us_is_tried_again_before_the_wait_is_over() {
    let links = Links::default();
    let (bank, attempts) = follow_rarely(&links, Err("nobody answers".to_owned()));
    until("it is tried four times", async || {
        links.arrived(&bank);
        attempts.lock().expect("whole").len() == 4
    })
    .await;
    // However often it comes: the tries of two nodes that fail each other stay apart.
    let attempts = attempts.lock().expect("whole");
    assert!(attempts.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(1)), "{attempts:?}");
}

#[tokio::test]
async fn a_peer_that_refused_us_or_broke_a_rule_waits_its_time_however_often_it_pulls_from_us() {
    for (says, link) in [
        (Mute::welcoming(VERSION + 1), "refused"),
        (Mute { first: Some(Err(Status::failed_precondition("another consortium"))) }, "backing_off"),
    ] {
        let links = Links::default();
        let (bank, attempts) = follow_rarely(&links, Ok(listen(says).await));
        until("it is found out", async || links.of(&bank).is_some_and(|now| now.word() == link)).await;
        // Twice as long as one waits that was not there.
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(2) {
            links.arrived(&bank);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        assert_eq!(attempts.lock().expect("whole").len(), 1, "{link}");
    }
}
