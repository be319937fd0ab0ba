//! The pulling side over running engines: an author that withholds its feed, connected or not, is asked for it at others.

use std::sync::Arc;
use std::time::Duration;

use hushwire::base::limits;
use hushwire::base::name::MemberId;
use hushwire::base::position::TreeSize;
use hushwire::base::time::Timestamp;
use hushwire::io::clock;
use hushwire::io::exchange::links::{Link, Links};
use hushwire::io::exchange::papers::Papers;
use hushwire::io::exchange::pull::{Backoff, follow};
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

/// An author that takes every stream and tells nothing of its feed.
struct Mute {
    welcomes: bool,
}

#[tonic::async_trait]
impl ExchangeService for Mute {
    type ExchangeStream = ReceiverStream<Result<peer::ExchangeResponse, Status>>;

    async fn exchange(
        &self,
        _: Request<Streaming<peer::ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let (responses, outgoing) = mpsc::channel(1);
        if self.welcomes {
            let welcome = peer::Welcome { version: 1, roster_version: 1, ..peer::Welcome::default() };
            let first = peer::ExchangeResponse { message: Some(Told::Welcome(welcome)) };
            responses.send(Ok(first)).await.expect("listens");
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
    withheld(Mute { welcomes: true }, Link::Connected).await;
}

#[tokio::test]
async fn an_author_that_takes_the_stream_and_says_nothing_is_away_and_relayed() {
    assert!(Duration::from_millis(limits::WELCOME_MS) < PATIENCE, "it is waited out");
    withheld(Mute { welcomes: false }, Link::Connecting).await;
}
