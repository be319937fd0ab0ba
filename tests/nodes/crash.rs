//! Kills in the middle of work: what was acknowledged is there, once, and nobody has to mend anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use hushwire::io::grpc::wire::hushwire::local::v1::{IndicatorDraft, PublishIndicatorsResponse};
use hushwire::io::grpc::wire::hushwire::types::v1::IdentifierKind;

use crate::caller::{draft, feed_size};
use crate::consortium::Consortium;
use crate::node::{Node, wait};
use crate::puller::{entries, names};

const FEED: &str = "demo.example/bank-a/all";
const DRAFTS_PER_CALL: usize = 5;
const KILLS: usize = 3;
const CALLS_BEFORE_KILL: usize = 8;

fn drafts(call: usize) -> Vec<IndicatorDraft> {
    let device = |nth| {
        let mut draft = draft((IdentifierKind::Device, ""));
        draft.identifier.as_mut().expect("given").value = format!("crash-device-{call:06}-{nth}");
        draft
    };
    (0..DRAFTS_PER_CALL).map(device).collect()
}

fn names_of(answer: PublishIndicatorsResponse) -> Vec<String> {
    answer.published.into_iter().map(|published| published.name).collect()
}

/// Publishes call after call until the node is gone; the first call that was not answered.
fn publish_until_killed(
    node: &Node,
    first: usize,
    acknowledged: &mut BTreeMap<usize, Vec<String>>,
    count: &AtomicUsize,
) -> usize {
    for call in first.. {
        match node.publish(&format!("call-{call}"), drafts(call)) {
            Ok(answer) => {
                acknowledged.insert(call, names_of(answer));
                count.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => return call,
        }
    }
    unreachable!("the node is killed")
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_comes_twice_over_kills_of_the_author() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let b = consortium.start("bank-b");
    let mut acknowledged = BTreeMap::new();
    let mut next = 0;
    for _ in 0..KILLS {
        let a = consortium.start("bank-a");
        let pid = a.pid();
        let count = AtomicUsize::new(0);
        next = std::thread::scope(|scope| {
            let publishing = scope.spawn(|| publish_until_killed(&a, next, &mut acknowledged, &count));
            wait("calls are acknowledged", || (count.load(Ordering::Relaxed) >= CALLS_BEFORE_KILL).then_some(()));
            crate::node::kill(pid);
            publishing.join().expect("the publisher ends")
        });
    }
    let a = consortium.start("bank-a");
    // Every call again, the unanswered one too: an id says once what it has said before.
    for call in 0..=next {
        let again = names_of(a.publish(&format!("call-{call}"), drafts(call)).expect("answered"));
        let before = acknowledged.entry(call).or_insert_with(|| again.clone());
        assert_eq!(*before, again, "call {call}");
    }
    let other = a.publish("call-0", drafts(1)).expect_err("the same id with other content");
    assert_eq!(other.code(), tonic::Code::AlreadyExists, "{other:?}");

    let expected = u64::try_from(acknowledged.len() * DRAFTS_PER_CALL).expect("small");
    a.until("everything is signed and believed", |status| {
        status.pending == 0 && status.state == "ready" && status.believed == expected
    });
    assert_eq!(feed_size(&a.status(), FEED), expected);
    b.until("caught up", |status| feed_size(status, FEED) == expected && status.believed == expected);
    let heard = b.home.pull("bank-a", a.home.peer(), FEED, expected).expect("served");
    let in_feed: BTreeSet<String> = names("bank-a", &entries(&heard)).into_iter().collect();
    let promised: BTreeSet<String> = acknowledged.into_values().flatten().collect();
    assert_eq!(promised, in_feed);
}

#[test]
fn a_killed_reader_catches_up_after_its_restart() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let [a, shop] = consortium.start_all(["bank-a", "shop"]);
    for call in 0..20 {
        a.publish("", drafts(call)).expect("published");
    }
    shop.until("some of it came", |status| status.believed > 0);
    shop.kill();
    for call in 20..40 {
        a.publish("", drafts(call)).expect("published");
    }
    a.until("everything is signed", |status| status.pending == 0);
    let root = a.status().feeds.into_iter().find(|feed| feed.origin == FEED).expect("its own").root;
    let shop = consortium.start("shop");
    // What is believed shows a moment after the entries are held: once they are durable.
    let caught_up = shop.until("caught up", |status| feed_size(status, FEED) == 200 && status.believed == 200);
    assert_eq!(caught_up.feeds.into_iter().find(|feed| feed.origin == FEED).expect("held").root, root);
}

#[test]
fn a_node_told_to_stop_ends_well_within_ten_seconds_while_others_hang_on_it() {
    let consortium = Consortium::found(&["bank-a", "shop"]);
    let [a, shop] = consortium.start_all(["bank-a", "shop"]);
    a.until_ready();
    shop.until("connected", |status| status.peers.iter().all(|peer| peer.state == "connected"));
    // A caller that keeps its connection open and idle, and one with a stream it never ends.
    let idle = a.channel("operator");
    let mut client = hushwire::io::grpc::wire::hushwire::local::v1::node_service_client::NodeServiceClient::new(idle);
    crate::caller::RUNTIME.block_on(client.get_status(crate::caller::no_question())).expect("a status");
    let mut screening = crate::caller::endless_screening(&a);
    let (status, took) = a.stop();
    assert_eq!(status.code(), Some(0));
    assert!(took.as_secs() < 10, "{took:?}");
    crate::caller::RUNTIME.block_on(async { while let Ok(Some(_)) = screening.message().await {} });
    drop(client);
    let (status, _) = shop.stop();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_peer_that_is_stopped_and_one_that_is_killed_are_told_in_plain_words() {
    let consortium = Consortium::found(&["bank-a", "bank-b"]);
    let [a, b] = consortium.start_all(["bank-a", "bank-b"]);
    let connected = |node: &Node| {
        node.until("connected", |status| {
            status.peers.iter().all(|peer| peer.state == "connected" && peer.last_failure.is_empty())
        });
    };
    let told = |words: &str| {
        let log = || std::fs::read_to_string(a.home.log()).expect("a log");
        wait(words, || log().contains(words).then_some(()));
    };
    connected(&a);
    connected(&b);
    assert_eq!(b.stop().0.code(), Some(0));
    told("the peer is being stopped in good order");
    let log = std::fs::read_to_string(consortium.home("bank-b").log()).expect("a log");
    assert!(!log.contains("door.connections_cut"), "streams of peers end by themselves: {log}");

    let b = consortium.start("bank-b");
    a.until("connected again", |status| status.peers.iter().all(|peer| peer.state == "connected"));
    b.kill();
    told("the peer went away: the connection broke off");
}
